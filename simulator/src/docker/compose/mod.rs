//! `docker compose`: which subcommand, and what all of them share.

use super::client::{Ask, check_options, engine_error};
use super::options::{BadOption, Options};
use crate::machine::Machine;
use crate::programs::complain;
use crate::shell::Context;
use crate::{Run, Stop};

mod interpolate;
mod project;
mod service;
mod show;
mod stop;
mod up;
mod yaml;

use project::Project;
pub(super) use service::PROJECT;

/// Why a command of compose ends, and with which status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its status: 14 a file that is not there, 15 one that is wrong, 16 wrong usage, 18 a pull that failed, 1 the
    /// rest.
    pub status: i32,
    /// What it says.
    pub message: String,
}

/// What the engine says no to.
fn engine_says(message: &str) -> Failure {
    Failure { status: 1, message: format!("Error response from daemon: {message}") }
}

/// Before the subcommand.
const GLOBAL: Options = Options {
    known: "f,file= p,project-name= ansi= progress=",
    refused: "all-resources compatibility dry-run env-file= parallel= profile= project-directory= verbose",
    interspersed: false,
};

/// A subcommand.
struct Subcommand {
    name: &'static str,
    shown: &'static str,
    options: Options,
    run: fn(&mut Machine, &Ask<'_>, &Project) -> Run<Result<i32, Failure>>,
}

const fn options(known: &'static str, refused: &'static str) -> Options {
    Options { known, refused, interspersed: true }
}

const SUBCOMMANDS: [Subcommand; 13] = [
    Subcommand {
        name: "config",
        shown: "compose config",
        options: options(
            "images q,quiet services",
            "dry-run format= hash= no-consistency no-interpolate no-normalize no-path-resolution o,output= profiles \
             resolve-image-digests variables volumes",
        ),
        run: show::config,
    },
    Subcommand {
        name: "down",
        shown: "compose down",
        options: options("t,timeout= remove-orphans", "dry-run rmi= v,volumes"),
        run: stop::down,
    },
    Subcommand {
        name: "exec",
        shown: "compose exec",
        options: Options {
            known: "e,env= T,no-TTY",
            refused: "d,detach dry-run index= privileged u,user= w,workdir=",
            interspersed: false,
        },
        run: show::exec,
    },
    Subcommand {
        name: "kill",
        shown: "compose kill",
        options: options("s,signal=", "dry-run remove-orphans"),
        run: stop::kill,
    },
    Subcommand {
        name: "logs",
        shown: "compose logs",
        options: options("f,follow no-color no-log-prefix since= n,tail= t,timestamps until=", "dry-run index="),
        run: show::logs,
    },
    Subcommand {
        name: "ps",
        shown: "compose ps",
        options: options("a,all q,quiet", "dry-run filter= format= no-trunc orphans services status="),
        run: show::ps,
    },
    Subcommand {
        name: "pull",
        shown: "compose pull",
        options: options("q,quiet", "dry-run ignore-buildable ignore-pull-failures include-deps policy="),
        run: up::pull,
    },
    Subcommand {
        name: "restart",
        shown: "compose restart",
        options: options("no-deps t,timeout=", "dry-run"),
        run: stop::restart,
    },
    Subcommand {
        name: "rm",
        shown: "compose rm",
        options: options("f,force s,stop", "dry-run v,volumes"),
        run: stop::rm,
    },
    Subcommand { name: "start", shown: "compose start", options: options("", "dry-run"), run: up::start },
    Subcommand { name: "stop", shown: "compose stop", options: options("t,timeout=", "dry-run"), run: stop::stop },
    Subcommand {
        name: "up",
        shown: "compose up",
        options: options(
            "d,detach force-recreate no-build no-deps no-recreate no-start quiet-pull remove-orphans t,timeout=",
            "abort-on-container-exit always-recreate-deps attach= attach-dependencies build dry-run exit-code-from= \
             no-attach= no-color no-log-prefix pull= V,renew-anon-volumes scale= timestamps wait wait-timeout= w,watch",
        ),
        run: up::up,
    },
    Subcommand {
        name: "version",
        shown: "compose version",
        options: options("short", "dry-run f,format="),
        run: show::version,
    },
];

/// What the real one has besides those.
const REFUSED: [&str; 17] = [
    "attach", "build", "cp", "create", "events", "images", "ls", "pause", "port", "push", "run", "scale", "stats",
    "top", "unpause", "wait", "watch",
];

fn find(name: &str) -> Option<&'static Subcommand> {
    SUBCOMMANDS.iter().find(|one| one.name == name)
}

/// Whether a command line is one that the simulator carries out.
pub(super) fn knows(words: &[Option<&str>]) -> Result<(), String> {
    let parsed = match GLOBAL.parse(words) {
        Ok(parsed) => parsed,
        Err(BadOption::Unmodelled(option)) => {
            return Err(format!("the option {option} of `docker compose` is not modelled"));
        }
        Err(BadOption::Wrong(_)) => return Ok(()),
    };
    // What is left begins with the subcommand: the first operand.
    let at = words.len() - parsed.operands.len();
    let Some(Some(name)) = words.get(at) else { return Ok(()) };
    if REFUSED.contains(name) {
        return Err(format!("`docker compose {name}` is not modelled"));
    }
    match find(name) {
        Some(found) => {
            let rest = words.get(at + 1..).unwrap_or_default();
            if found.name == "up" {
                let detached = found.options.parse(rest).is_ok_and(|one| one.has("detach") || one.has("no-start"));
                if !detached && found.options.parse(rest).is_ok() {
                    return Err(ATTACHED.to_owned());
                }
            }
            check_options(&found.options, &format!("docker compose {name}"), rest)
        }
        None => Ok(()),
    }
}

/// What `up` without `--detach` is refused with.
const ATTACHED: &str = "`docker compose up` without --detach has no end of its own; it is not modelled";

/// Carries a command line out.
pub(super) fn run(machine: &mut Machine, context: &Context, words: &[Option<&str>]) -> Run<i32> {
    let took = machine.calibration.docker.compose_us;
    let took = machine.about(took);
    machine.spend(took)?;
    let usage = |machine: &mut Machine, message: &str| complain(machine, context, &format!("{message}\n")).map(|()| 16);
    let globals = match GLOBAL.parse(words) {
        Ok(parsed) => parsed,
        Err(BadOption::Wrong(message)) => return usage(machine, &message),
        Err(BadOption::Unmodelled(option)) => {
            return Err(Stop::Unable(format!("the option {option} of `docker compose` is not modelled")));
        }
    };
    let Some((name, rest)) = globals.operands.split_first() else {
        let text =
            "\nUsage:  docker compose [OPTIONS] COMMAND\n\nDefine and run multi-container applications with Docker\n";
        return complain(machine, context, text).map(|()| 0);
    };
    let Some(found) = find(name) else {
        if REFUSED.contains(&name.as_str()) {
            return Err(Stop::Unable(format!("`docker compose {name}` is not modelled")));
        }
        return usage(machine, &format!("unknown docker command: \"compose {name}\""));
    };
    let rest: Vec<Option<&str>> = rest.iter().map(|word| Some(word.as_str())).collect();
    let mut parsed = match found.options.parse(&rest) {
        Ok(parsed) => parsed,
        Err(BadOption::Wrong(message)) => return usage(machine, &message),
        Err(BadOption::Unmodelled(option)) => {
            return Err(Stop::Unable(format!("the option {option} of `docker {}` is not modelled", found.shown)));
        }
    };
    parsed.values.extend(globals.values);
    let ask = Ask { name: found.shown, context, parsed };
    if found.name == "version" {
        return show::print_version(machine, &ask);
    }
    let mut warnings = Vec::new();
    let loaded = project::load(machine, context, &ask.parsed, &mut warnings)?;
    warn(machine, context, &warnings)?;
    let done = match loaded {
        Ok(project) => match engine_error(machine, context, || "Get v1.45/containers/json".to_owned()) {
            Some(message) if found.name != "config" => Err(Failure { status: 1, message }),
            _ => (found.run)(machine, &ask, &project)?,
        },
        Err(failure) => Err(failure),
    };
    match done {
        Ok(status) => Ok(status),
        Err(failure) => complain(machine, context, &format!("{}\n", failure.message)).map(|()| failure.status),
    }
}

/// Writes warnings as compose's logger does.
fn warn(machine: &mut Machine, context: &Context, warnings: &[String]) -> Run<()> {
    for warning in warnings {
        let moment = super::value::moment(Some(machine.unix_us()));
        let second = moment.split(['.', 'Z']).next().unwrap_or_default();
        complain(machine, context, &format!("time=\"{second}Z\" level=warning msg=\"{warning}\"\n"))?;
    }
    Ok(())
}

/// A line of progress.
fn progress(machine: &mut Machine, ask: &Ask<'_>, what: &str) -> Run<()> {
    complain(machine, ask.context, &format!(" {what}\n"))
}
