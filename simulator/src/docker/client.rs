//! The command `docker`: which subcommand, its options, and whether the engine can be reached.

use super::compose;
use super::options::{BadOption, Options, Parsed};
use super::subcommands::{REFUSED, SUBCOMMANDS};
use super::template::{BadTemplate, Template};
use crate::machine::Machine;
use crate::machine::io::WriteFailure;
use crate::machine::users::{ROOT, in_group};
use crate::programs::{Call, Program, complain, print};
use crate::shell::Context;
use crate::{Run, Stop};

/// The engine's socket.
const SOCKET: &str = "unix:///var/run/docker.sock";
/// Longest formats that are read.
const FORMAT_MAX: usize = 4096;

/// The program.
pub const DOCKER: Program = Program { name: "docker", in_sbin: false, run, knows };

/// A subcommand that was asked for.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    /// `docker run`, `docker compose up`, …
    pub name: &'static str,
    /// Who, where, streams.
    pub context: &'a Context,
    /// Options and operands.
    pub parsed: Parsed,
}

/// The words after `docker`, the long forms of old subcommands put back: `container ls` is `ps`.
fn subcommand<'a>(words: &[Option<&'a str>]) -> (Option<&'a str>, usize) {
    let word = |at: usize| words.get(at).copied().flatten();
    match (word(0), word(1)) {
        (Some("container"), Some("ls" | "list" | "ps")) => (Some("ps"), 2),
        (Some("container"), Some("inspect")) => (Some("container inspect"), 2),
        (Some("container"), Some(second))
            if !matches!(second, "images" | "info" | "pull" | "rmi" | "tag" | "version")
                && SUBCOMMANDS.iter().any(|one| one.name == second) =>
        {
            (Some(second), 2)
        }
        (Some("image"), Some("ls" | "list")) => (Some("images"), 2),
        (Some("image"), Some("rm" | "remove")) => (Some("rmi"), 2),
        (Some("image"), Some("inspect")) => (Some("image inspect"), 2),
        (Some("image"), Some(second @ ("pull" | "tag"))) => (Some(second), 2),
        (first, _) => (first, 1),
    }
}

fn refused_by_name(word: &str) -> String {
    format!("`docker {word}` is not modelled")
}

/// Whether a command line is one that the simulator carries out.
fn knows(words: &[Option<&str>]) -> Result<(), String> {
    let (Some(name), used) = subcommand(words) else { return Ok(()) };
    let rest = words.get(used..).unwrap_or_default();
    if name == "compose" {
        return compose::knows(rest);
    }
    if REFUSED.contains(&name) || (name.starts_with('-') && !matches!(name, "-v" | "--version")) {
        return Err(refused_by_name(name));
    }
    match SUBCOMMANDS.iter().find(|one| one.name == name) {
        Some(found) => check_options(&found.options, &format!("docker {name}"), rest),
        None => Ok(()),
    }
}

/// Whether options and a template among them are known.
pub(super) fn check_options(options: &Options, name: &str, words: &[Option<&str>]) -> Result<(), String> {
    match options.parse(words) {
        Err(BadOption::Unmodelled(option)) => Err(format!("the option {option} of `{name}` is not modelled")),
        Err(BadOption::Wrong(_)) => Ok(()),
        Ok(parsed) => match parsed.value("format").map(Template::read) {
            Some(Err(BadTemplate::Unmodelled(what))) => Err(format!("{what} is not modelled")),
            _ => Ok(()),
        },
    }
}

fn run(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let words: Vec<Option<&str>> = call.arguments().iter().map(|word| Some(word.as_str())).collect();
    if let Some(name) = ["DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG"]
        .iter()
        .find(|name| call.context.environment.contains_key(**name))
    {
        return Err(Stop::Unable(format!("`docker` with the variable {name} is not modelled")));
    }
    let (Some(name), used) = subcommand(&words) else {
        let usage = "\nUsage:  docker [OPTIONS] COMMAND\n\nA self-sufficient runtime for containers\n";
        return complain(machine, call.context, usage).map(|()| 0);
    };
    let rest = words.get(used..).unwrap_or_default();
    if name == "compose" {
        return compose::run(machine, call.context, rest);
    }
    let took = machine.calibration.docker.call_us;
    let took = machine.about(took);
    machine.spend(took)?;
    if matches!(name, "-v" | "--version") {
        let written = print(machine, call.context, b"Docker version 26.1.5+dfsg1, build a72d7cd\n")?;
        return Ok(if written.is_ok() { 0 } else { 1 });
    }
    let Some(found) = SUBCOMMANDS.iter().find(|one| one.name == name) else {
        if REFUSED.contains(&name) || name.starts_with('-') {
            return Err(Stop::Unable(refused_by_name(name)));
        }
        let message = format!("docker: '{name}' is not a docker command.\nSee 'docker --help'\n");
        return complain(machine, call.context, &message).map(|()| 1);
    };
    let parsed = match found.options.parse(rest) {
        Ok(parsed) => parsed,
        Err(BadOption::Wrong(message)) => {
            let text = format!("{message}\nSee 'docker {name} --help'.\n");
            return complain(machine, call.context, &text).map(|()| 125);
        }
        Err(BadOption::Unmodelled(option)) => {
            return Err(Stop::Unable(format!("the option {option} of `docker {name}` is not modelled")));
        }
    };
    if let Some(wanted) = wrong_count(found.operands, parsed.operands.len()) {
        let (usage, about) = found.usage;
        let text = format!(
            "\"docker {name}\" {wanted}.\nSee 'docker {name} --help'.\n\nUsage:  docker {name} {usage}\n\n{about}\n"
        );
        return complain(machine, call.context, &text).map(|()| 1);
    }
    (found.run)(machine, &Ask { name: found.name, context: call.context, parsed })
}

fn wrong_count((least, most): (usize, usize), count: usize) -> Option<String> {
    let plural = |number: usize| if number == 1 { "" } else { "s" };
    if (least..=most).contains(&count) {
        None
    } else if least == most && least == 0 {
        Some("accepts no arguments".to_owned())
    } else if least == most {
        Some(format!("requires exactly {least} argument{}", plural(least)))
    } else if count < least {
        Some(format!("requires at least {least} argument{}", plural(least)))
    } else {
        Some(format!("requires at most {most} argument{}", plural(most)))
    }
}

/// Why the engine cannot be reached, if it cannot; the request is told as `Get v1.45/containers/json`.
pub(super) fn engine_error(machine: &Machine, context: &Context, request: impl FnOnce() -> String) -> Option<String> {
    if context.user != ROOT && !in_group(context.user, "docker") {
        let request = request();
        let (method, path) = request.split_once(' ').unwrap_or(("Get", &request));
        return Some(format!(
            "permission denied while trying to connect to the Docker daemon socket at {SOCKET}: {method} \
             \"http://%2Fvar%2Frun%2Fdocker.sock/{path}\": dial unix /var/run/docker.sock: connect: permission denied"
        ));
    }
    (!machine.docker.runs)
        .then(|| format!("Cannot connect to the Docker daemon at {SOCKET}. Is the docker daemon running?"))
}

impl Ask<'_> {
    /// The status of a client that cannot reach the engine, which has said so.
    pub fn unreachable(&self, machine: &mut Machine, request: impl FnOnce() -> String) -> Run<Option<i32>> {
        match engine_error(machine, self.context, request) {
            Some(message) => complain(machine, self.context, &format!("{message}\n")).map(|()| Some(1)),
            None => Ok(None),
        }
    }

    /// Prints a line to stdout; the status if that cannot be.
    pub fn say(&self, machine: &mut Machine, text: &str) -> Run<Option<i32>> {
        match print(machine, self.context, text.as_bytes())? {
            Ok(()) => Ok(None),
            Err(failure) => self.write_failed(machine, failure).map(Some),
        }
    }

    /// The status of a client whose stdout takes no more.
    pub fn write_failed(&self, machine: &mut Machine, failure: WriteFailure) -> Run<i32> {
        match failure {
            WriteFailure::BrokenPipe => Ok(141),
            WriteFailure::NoSpace => {
                complain(machine, self.context, "write /dev/stdout: no space left on device\n").map(|()| 1)
            }
        }
    }
}

/// The engine says no.
pub(super) fn refused_by_engine(machine: &mut Machine, ask: &Ask<'_>, message: &str) -> Run<i32> {
    complain(machine, ask.context, &format!("Error response from daemon: {message}\n")).map(|()| 1)
}

/// A format's template, or the status of a client that cannot read it.
pub(super) fn template(machine: &mut Machine, context: &Context, text: &str) -> Run<Result<Template, i32>> {
    if text.len() > FORMAT_MAX {
        return Err(Stop::Unable(format!("a format of more than {FORMAT_MAX} bytes")));
    }
    match Template::read(text) {
        Ok(template) => Ok(Ok(template)),
        Err(BadTemplate::Wrong(message)) => {
            complain(machine, context, &format!("template parsing error: {message}\n"))?;
            Ok(Err(64))
        }
        Err(BadTemplate::Unmodelled(what)) => Err(Stop::Unable(format!("{what} is not modelled"))),
    }
}
