//! Programs of the machine: one file each, one line in the registry each. Statuses are the real tool's, and so is every
//! message that something reads.

use serde::Deserialize;

use crate::machine::Machine;
use crate::machine::files::{Access, Content, Errno, Kind};
use crate::machine::io::{ReaderTakes, WriteFailure};
use crate::shell::{self, Context};
use crate::time::Us;
use crate::{Run, Stop, systemd};

mod bash;
pub mod calendar;
mod cat;
mod chmod;
pub mod common;
mod cp;
pub mod curl;
mod date;
pub mod echo;
mod env;
pub mod git;
mod grep;
mod head_tail;
pub mod identity;
pub mod kill;
mod ln;
mod ls;
mod mkdir;
mod names;
pub mod options;
mod page;
pub mod pattern;
pub mod printf;
mod rm;
mod sed;
mod seq;
pub mod sleep;
mod socat;
mod sort;
mod stat;
mod sudo;
pub mod tensor_wasm;
pub mod test;
mod tr;
mod true_false;
mod wc;

/// Where commands are looked for, as on Debian for a user.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How long commands take.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProgramTimes {
    /// fork, exec and end of a small program.
    pub spawn_us: Us,
    /// curl's own start: its libraries.
    pub curl_us: Us,
    /// git's own start and its look at the repository.
    pub git_us: Us,
    /// A page's way.
    pub page_us: Us,
    /// socat and the balancer's answer.
    pub socat_us: Us,
    /// sudo: its rules, PAM, its log.
    pub sudo_us: Us,
    /// A node's executable, run as a command: it reads its own trailer.
    pub tensor_wasm_us: Us,
}

/// A call of a program.
#[derive(Debug)]
pub struct Call<'a> {
    /// Its name as called, then its arguments.
    pub words: &'a [String],
    /// Who, where, streams.
    pub context: &'a Context,
}

impl<'a> Call<'a> {
    /// The arguments without the name.
    pub fn arguments(&self) -> &'a [String] {
        self.words.get(1..).unwrap_or_default()
    }
}

/// A program.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// Its file name.
    pub name: &'static str,
    /// Whether it lies in /usr/sbin; else in /usr/bin.
    pub in_sbin: bool,
    /// Carries a call out.
    pub run: fn(&mut Machine, &Call<'_>) -> Run<i32>,
    /// Whether it knows these arguments (`None`: not known before it runs), for the check when a runbook is loaded.
    pub knows: fn(&[Option<&str>]) -> Result<(), String>,
}

/// All of them, by name.
pub const REGISTRY: &[Program] = &[
    test::BRACKET,
    names::BASENAME,
    bash::BASH,
    cat::CAT,
    chmod::CHMOD,
    chmod::CHOWN,
    cp::CP,
    curl::CURL,
    tr::CUT,
    date::DATE,
    names::DIRNAME,
    crate::docker::DOCKER,
    echo::ECHO,
    env::ENV,
    true_false::FALSE,
    git::GIT,
    grep::GREP,
    head_tail::HEAD,
    identity::HOSTNAME,
    identity::ID,
    systemd::journalctl::PROGRAM,
    kill::KILL,
    ln::LN,
    ls::LS,
    mkdir::MKDIR,
    cp::MV,
    page::PAGE,
    printf::PRINTF,
    ln::READLINK,
    ln::REALPATH,
    rm::RM,
    rm::RMDIR,
    sudo::RUNUSER,
    sed::SED,
    seq::SEQ,
    bash::SH,
    sleep::SLEEP,
    socat::SOCAT,
    sort::SORT,
    stat::STAT,
    sudo::SUDO,
    systemd::systemctl::PROGRAM,
    systemd::systemd_run::PROGRAM,
    head_tail::TAIL,
    cat::TEE,
    test::TEST,
    sleep::TIMEOUT,
    mkdir::TOUCH,
    tr::TR,
    true_false::TRUE,
    identity::UNAME,
    sort::UNIQ,
    wc::WC,
    env::WHICH,
    identity::WHOAMI,
    env::XARGS,
    echo::YES,
];

/// The program of this name.
fn program(name: &str) -> Option<&'static Program> {
    let place = REGISTRY.binary_search_by(|program| program.name.cmp(name)).ok()?;
    REGISTRY.get(place)
}

/// Programs that tell the operator what they do. What they say is meant to be read as the real ones' words are, and is the
/// simulator's own; where something reads it, it is held against the real ones' words all the same.
pub const OWN_WORDS: [&str; 3] = ["docker", "systemctl", "systemd-run"];

/// How much a command takes from a pipe before it goes, where its arguments alone say so: a writer beyond it is ended.
pub fn reader_takes(words: &[String]) -> Option<ReaderTakes> {
    let name = words.first()?;
    match name.rsplit('/').next()? {
        "head" => head_tail::head_takes(words),
        // They read nothing.
        "true" | "false" | "echo" | "printf" | "sleep" | "date" => Some(ReaderTakes::Bytes(0)),
        _ => None,
    }
}

/// The check of a command within a command, before it runs: a program has to know its options. What is a file, or not
/// known yet, is looked at when it runs.
pub fn nested(words: &[&str]) -> Result<(), String> {
    let mut words = words.iter().copied().skip_while(|word| word.contains('='));
    let name = words.next().unwrap_or_default();
    let arguments: Vec<Option<&str>> = words.map(Some).collect();
    match program(name.rsplit('/').next().unwrap_or(name)) {
        Some(program) => (program.knows)(&arguments).map_err(|what| format!("{name}: {what}")),
        None => Ok(()),
    }
}

/// For programs that take any arguments.
pub fn any_arguments(_: &[Option<&str>]) -> Result<(), String> {
    Ok(())
}

/// Finds the file that a name means: with a slash a path, else the first executable in PATH.
///
/// # Errors
/// The status and message of bash: 127 for what is not there, 126 for what may not be run.
pub fn find(machine: &Machine, context: &Context, name: &str) -> Result<String, (i32, String)> {
    let path_of = |path: &str| -> Result<(), Errno> {
        let ino = machine.files.resolve(context.user, &context.cwd, path)?;
        if matches!(machine.files.inode(ino).kind, Kind::Folder(_)) {
            return Err(Errno::IsADirectory);
        }
        if machine.files.may(context.user, ino, Access::Execute) { Ok(()) } else { Err(Errno::PermissionDenied) }
    };
    if name.contains('/') {
        return match path_of(name) {
            Ok(()) => Ok(name.to_owned()),
            Err(error @ Errno::NotFound) => Err((127, format!("{name}: {}", error.text()))),
            Err(error) => Err((126, format!("{name}: {}", error.text()))),
        };
    }
    let path = context.environment.get("PATH").map_or(PATH, String::as_str);
    let mut denied = None;
    let mut full = String::new();
    for folder in path.split(':') {
        full.clear();
        full.extend([folder, "/", name]);
        match path_of(&full) {
            Ok(()) => return Ok(full),
            Err(Errno::PermissionDenied) => denied = Some(full.clone()),
            Err(_) => {}
        }
    }
    match denied {
        Some(full) => Err((126, format!("{full}: Permission denied"))),
        None => Err((127, format!("{name}: command not found"))),
    }
}

/// Finds a command and runs it, as a test calls one.
#[cfg(test)]
pub fn execute(machine: &mut Machine, words: &[String], context: &Context) -> Run<i32> {
    let Some(name) = words.first() else { return Ok(0) };
    let path = match find(machine, context, name) {
        Ok(path) => path,
        Err((status, message)) => {
            complain(machine, context, &format!("bash: line 1: {message}\n"))?;
            return Ok(status);
        }
    };
    execute_file(machine, &path, words, context)
}

/// Runs a file that was found, as execve(2) would: a program, a node's executable, or a script.
pub fn execute_file(machine: &mut Machine, path: &str, words: &[String], context: &Context) -> Run<i32> {
    let spawn = machine.calibration.programs.spawn_us;
    machine.spend(spawn)?;
    let Ok(ino) = machine.files.resolve(context.user, &context.cwd, path) else { return Ok(127) };
    match machine.files.inode(ino).kind.clone() {
        Kind::File(Content::Program(name)) => match program(name) {
            Some(program) => {
                let before = machine.streams.command_bytes;
                let ended = (program.run)(machine, &Call { words, context });
                machine.streams.own_words |= OWN_WORDS.contains(&name) && machine.streams.command_bytes > before;
                ended
            }
            None => Err(Stop::Unable(format!("the program {name} is not modelled; use --host container"))),
        },
        Kind::File(Content::Release(file)) => tensor_wasm::run(machine, file, path, &Call { words, context }),
        Kind::File(Content::Bytes(bytes)) => script(machine, &bytes, path, words, context),
        _ => Ok(126),
    }
}

/// An executable file of bytes: a script of a shell, or nothing that can be run.
fn script(machine: &mut Machine, bytes: &[u8], path: &str, words: &[String], context: &Context) -> Run<i32> {
    let first = common::lines(bytes).next().map(common::chomp).unwrap_or_default();
    // bash's own test of whether a file is text.
    if first.contains(&0) || first.starts_with(b"\x7fELF") {
        let text = format!("bash: {path}: cannot execute binary file: Exec format error\n");
        complain(machine, context, &text)?;
        return Ok(126);
    }
    if let Some(line) = first.strip_prefix(b"#!") {
        let line = crate::lossy(line).into_owned();
        let mut parts = line.split_whitespace();
        let mut interpreter = parts.next().unwrap_or_default().to_owned();
        if interpreter == "/usr/bin/env" {
            interpreter = parts.next().unwrap_or_default().to_owned();
        }
        if interpreter.contains('/') && machine.files.resolve(context.user, &context.cwd, &interpreter).is_err() {
            complain(machine, context, &format!("bash: {path}: cannot execute: required file not found\n"))?;
            return Ok(127);
        }
        if !matches!(interpreter.rsplit('/').next(), Some("bash" | "sh")) {
            return Err(Stop::Unable(format!(
                "{path}: a script for {interpreter} is not modelled; use --host container"
            )));
        }
        match parts.next() {
            None => {}
            Some("-e" | "-u" | "-eu" | "-ue") => {}
            Some(other) => {
                return Err(Stop::Unable(format!(
                    "{path}: {interpreter} {other} is not modelled; use --host container"
                )));
            }
        }
    }
    let text = crate::lossy(bytes);
    let mut arguments = vec![path.to_owned()];
    arguments.extend(words.iter().skip(1).cloned());
    shell::run_script(machine, &text, &arguments, context)
}

/// Writes to a command's stdout. The inner `Err`: its reader is gone or the disk is full, and the program should end.
pub fn print(machine: &mut Machine, context: &Context, bytes: &[u8]) -> Run<Result<(), WriteFailure>> {
    machine.write(&context.io.stdout, bytes)
}

/// Writes to a command's stderr; what cannot be written there is lost.
pub fn complain(machine: &mut Machine, context: &Context, text: &str) -> Run<()> {
    machine.write(&context.io.stderr, text.as_bytes()).map(drop)
}

/// The status of a program that could not write: killed by SIGPIPE, or 1 with the message of a full disk.
pub fn write_failed(machine: &mut Machine, call: &Call<'_>, failure: WriteFailure) -> Run<i32> {
    match failure {
        WriteFailure::BrokenPipe => Ok(141),
        WriteFailure::NoSpace => {
            if !call.words.is_empty() {
                common::fail(machine, call, "write error: No space left on device")?;
            }
            Ok(1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::common::tests::{file, machine, run};
    use super::*;

    #[test]
    fn the_registry_is_in_order_and_has_each_name_once() {
        let names: Vec<&str> = REGISTRY.iter().map(|program| program.name).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    }

    #[test]
    fn a_command_within_a_command_is_checked_too() {
        for (words, expected) in [
            ("sudo -u oncall grep -q x f", Ok(())),
            ("sudo grep --nope x f", Err("grep: the option --nope is not modelled")),
            ("timeout 5 env A=1 curl -v localhost", Err("env: curl: the option -v is not modelled")),
            ("timeout 5 tensor-wasm --version", Ok(())),
            ("xargs -n1 sed y/a/b/", Err("sed: the command y is not modelled")),
            ("runuser -u oncall -- git -C /srv/tensor-wasm diff -- docker-compose.yml", Ok(())),
        ] {
            let mut words = words.split(' ');
            let name = words.next().unwrap();
            let program = REGISTRY.iter().find(|program| program.name == name).unwrap();
            let words: Vec<Option<&str>> = words.map(Some).collect();
            assert_eq!((program.knows)(&words), expected.map_err(str::to_owned), "{words:?}");
        }
    }

    // Expected bytes: bash 5.2 in the operator host's image.
    #[test]
    fn what_cannot_be_executed_is_told() {
        let mut machine = machine();
        for (name, bytes) in [("b", "\u{0}\u{1}\n"), ("n", "#!/nope\n"), ("p", "#!/usr/bin/env python3\n")] {
            file(&mut machine, name, bytes.as_bytes());
            run(&mut machine, &["chmod", "+x", name], b"");
        }
        let said = "bash: ./b: cannot execute binary file: Exec format error\n";
        assert_eq!(run(&mut machine, &["./b"], b""), (126, said.to_owned()));
        let said = "bash: ./n: cannot execute: required file not found\n";
        assert_eq!(run(&mut machine, &["./n"], b""), (127, said.to_owned()));
        let (context, _) = common::tests::context(&mut machine, 1000, "/tmp", b"");
        let stopped = execute(&mut machine, &["./p".to_owned()], &context);
        assert!(matches!(stopped, Err(Stop::Unable(text)) if text.contains("python3")));
    }
}
