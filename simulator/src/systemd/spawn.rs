//! From a unit's command to a process: environment, user, folder, executable.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::state::Ran;
use super::stop::base;
use super::unit::{Command, UnitFile};
use super::words;
use super::{SystemdEvent, say, say_as};
use crate::machine::Machine;
use crate::machine::files::{Access, Content, Errno, Files, Ino, Kind};
use crate::machine::io::{Input, Io, LogWriter};
use crate::machine::net::Namespace;
use crate::machine::process::{Exit, NodeStart, Pid, ProcessEvent, Supervisor, What};
use crate::machine::users::{self, ROOT, Uid, User};
use crate::shell::syntax::Dialect;
use crate::shell::{self, Context};
use crate::time::{Event, SECOND};
use crate::{Run, programs};

/// A process could not be forked: what it needs is not there. The journal says what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotSpawned;

/// What a child is until its exec.
const EXECUTOR: &str = "/usr/lib/systemd/systemd-executor";
/// `$PATH` of units.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin";
/// Symbolic links in one path.
const LINKS_MAX: usize = 40;

/// An exec that does not happen: status, step, and the lines about it.
struct Refusal {
    status: i32,
    lines: Vec<String>,
}

impl Refusal {
    fn new(status: i32, what: String, step: &str, path: &str, errno: &str) -> Refusal {
        Refusal { status, lines: vec![what, format!("Failed at step {step} spawning {path}: {errno}")] }
    }
}

/// Forks the main process of a service; its exec comes later, as an event.
pub fn main(machine: &mut Machine, name: &str, file: &Arc<UnitFile>) -> Result<(), NotSpawned> {
    // Files of variables are read before the fork, as root.
    let environment = environment(machine, name, file)?;
    let Some(command) = file.start.first() else { return Err(NotSpawned) };
    let pid = machine.start_other(EXECUTOR, ROOT, Supervisor::Unit(name.to_owned()), What::Other);
    note(machine, name, "ExecStart", pid, &command.words);
    let exec = machine.calibration.systemd.exec_us;
    let at = machine.now + machine.about(exec);
    if let Some(unit) = machine.systemd.units.get_mut(name) {
        (unit.main, unit.before_exec, unit.environment) = (Some(pid), true, environment);
        unit.turn += 1;
        machine.queue.push(at, Event::Systemd(SystemdEvent::Exec(name.to_owned(), unit.turn)));
    }
    Ok(())
}

/// The process of a packaged service.
pub fn packaged(machine: &mut Machine, name: &str, file: &UnitFile) {
    let Some(words) = file.start.first().map(|command| command.words.clone()) else { return };
    let path = words.first().cloned().unwrap_or_default();
    let pid = machine.start_other(&path, ROOT, Supervisor::Unit(name.to_owned()), What::Other);
    note(machine, name, "ExecStart", pid, &words);
    if let Some(unit) = machine.systemd.units.get_mut(name) {
        unit.main = Some(pid);
    }
}

fn note(machine: &mut Machine, name: &str, key: &'static str, pid: Pid, words: &[String]) {
    let began = machine.now;
    if let Some(unit) = machine.systemd.units.get_mut(name) {
        unit.ran.push(Ran { key, pid, words: words.to_vec(), began, ended: None });
    }
}

/// The child comes to its exec: it is the program now, or ends with a status that says why not.
pub fn exec(machine: &mut Machine, name: &str, turn: u64) {
    let Some(unit) = machine.systemd.units.get_mut(name).filter(|unit| unit.turn == turn) else { return };
    let Some(pid) = unit.main else { return };
    unit.before_exec = false;
    let (file, environment) = (unit.file.clone(), std::mem::take(&mut unit.environment));
    if let Err(refusal) = become_program(machine, name, &file, pid, environment) {
        let path = file.start.first().and_then(|command| command.words.first()).map_or("", String::as_str);
        refused(machine, name, pid, path, &refusal);
        let ends = Event::Process(pid, ProcessEvent::Exit(Exit::Status(refusal.status)));
        machine.queue.push(machine.now, ends);
    }
}

fn refused(machine: &mut Machine, name: &str, pid: Pid, path: &str, refusal: &Refusal) {
    let identifier = child_name(path);
    for line in &refusal.lines {
        say_as(machine, name, &identifier, pid.0, &format!("{name}: {line}"));
    }
}

/// Before its exec a child is called by the end of its program's name.
pub fn child_name(path: &str) -> String {
    let program = base(path);
    let from = program.char_indices().rev().nth(7).map_or(0, |(at, _)| at);
    format!("({})", program.get(from..).unwrap_or(program))
}

fn become_program(
    machine: &mut Machine,
    name: &str,
    file: &Arc<UnitFile>,
    pid: Pid,
    environment: BTreeMap<String, String>,
) -> Result<(), Refusal> {
    let Some(command) = file.start.first() else { return Ok(()) };
    let words = words::expand(&command.words, &environment);
    let path = words.first().cloned().unwrap_or_default();
    let user = credentials(file, &path)?;
    let ino = executable(machine, file, user.uid, &path)?;
    let program = match &machine.files.inode(ino).kind {
        Kind::File(Content::Release(release)) => {
            let release = release.clone();
            machine.processes.remove(&pid);
            let writer = LogWriter { unit: name.to_owned(), identifier: base(&path).to_owned(), pid: pid.0 };
            let output = machine.log_output(writer);
            let start = NodeStart {
                file: release,
                executable: real_path(&machine.files, &path),
                arguments: words.get(1..).unwrap_or_default().to_vec(),
                environment,
                user: user.uid,
                supervisor: Supervisor::Unit(name.to_owned()),
                namespace: Namespace::Host,
                stdout: output.clone(),
                stderr: output,
            };
            machine.start_node_as(pid, start);
            return Ok(());
        }
        Kind::File(Content::Bytes(bytes)) if !bytes.starts_with(b"#!") => {
            let errno = "Exec format error";
            return Err(Refusal::new(203, format!("Failed to execute {path}: {errno}"), "EXEC", &path, errno));
        }
        Kind::File(Content::Program(program)) => *program,
        _ => "a script",
    };
    let real = real_path(&machine.files, &path);
    if let Some(process) = machine.processes.get_mut(&pid) {
        (process.executable, process.user) = (real, user.uid);
    }
    let lives = match (program, words.get(1).map(String::as_str)) {
        ("true" | "false", _) => 0,
        ("sleep", Some(seconds)) => super::span::parse(seconds, Some(SECOND)).unwrap_or(0),
        _ => {
            machine.systemd.unable = Some(format!("{name} runs {path}, which is no node: not modelled as a service"));
            return Ok(());
        }
    };
    let ends = Exit::Status(i32::from(program == "false"));
    machine.queue.push(machine.now.saturating_add(lives), Event::Process(pid, ProcessEvent::Exit(ends)));
    Ok(())
}

/// Runs a command of a unit in the strand, and tells how it ended.
pub fn in_strand(
    machine: &mut Machine,
    name: &str,
    file: &Arc<UnitFile>,
    key: &'static str,
    command: &Command,
) -> Run<Result<Exit, NotSpawned>> {
    let Ok(environment) = environment(machine, name, file) else { return Ok(Err(NotSpawned)) };
    let words = words::expand(&command.words, &environment);
    let path = words.first().cloned().unwrap_or_default();
    let pid = machine.next_pid();
    note(machine, name, key, pid, &command.words);
    let exec = machine.calibration.systemd.exec_us;
    let exec = machine.about(exec);
    machine.spend(exec)?;
    let ready = credentials(file, &path).and_then(|user| executable(machine, file, user.uid, &path).map(|_| user));
    let status = match ready {
        Ok(user) => {
            let writer = LogWriter { unit: name.to_owned(), identifier: base(&path).to_owned(), pid: pid.0 };
            let output = machine.log_output(writer);
            let context = Context {
                user: user.uid,
                cwd: if file.folder.is_empty() { "/".to_owned() } else { file.folder.clone() },
                umask: 0o022,
                environment: environment.into(),
                io: Io { stdin: Input::Null, stdout: output.clone(), stderr: output },
            };
            run(machine, &words, &context)?
        }
        Err(refusal) => {
            refused(machine, name, pid, &path, &refusal);
            refusal.status
        }
    };
    let (now, how) = (machine.now, Exit::Status(status));
    if let Some(unit) = machine.systemd.units.get_mut(name) {
        unit.note_end(pid, how, now);
    }
    Ok(Ok(how))
}

fn run(machine: &mut Machine, words: &[String], context: &Context) -> Run<i32> {
    match words {
        [path, option, text, rest @ ..] if is_shell(path) && option == "-c" => {
            let mut arguments = vec![path.clone()];
            arguments.extend(rest.iter().skip(1).cloned());
            if let Some(zero) = rest.first() {
                arguments.first_mut().into_iter().for_each(|first| first.clone_from(zero));
            }
            let dialect = if path.ends_with("/sh") { Dialect::Dash } else { Dialect::Bash };
            shell::run_text(machine, text, (dialect, ""), &arguments, context)
        }
        [path, ..] => programs::execute_file(machine, path, words, context),
        [] => Ok(0),
    }
}

fn is_shell(path: &str) -> bool {
    matches!(path, "/bin/sh" | "/usr/bin/sh" | "/bin/bash" | "/usr/bin/bash")
}

/// The variables of a unit's processes.
fn environment(machine: &mut Machine, name: &str, file: &UnitFile) -> Result<BTreeMap<String, String>, NotSpawned> {
    let mut variables = BTreeMap::from([("PATH".to_owned(), PATH.to_owned())]);
    if let Some(user) = users::by_name(&file.user) {
        let own = [("HOME", user.home), ("LOGNAME", user.name), ("USER", user.name), ("SHELL", shell_of(user))];
        variables.extend(own.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
    if let Some(unit) = machine.systemd.units.get(name) {
        variables.insert("INVOCATION_ID".to_owned(), format!("{:032x}", unit.invocation));
    }
    variables.extend(file.environment.iter().cloned());
    for from in &file.environment_files {
        match machine.files.read(ROOT, "/", &from.path) {
            Ok(bytes) => variables.extend(words::environment_file(&crate::lossy(&bytes))),
            Err(_) if from.may_lack => {}
            Err(error) => {
                say(machine, name, &format!("{name}: Failed to load environment files: {}", error.text()));
                say(machine, name, &format!("{name}: Failed to spawn 'start' task: {}", error.text()));
                return Err(NotSpawned);
            }
        }
    }
    Ok(variables)
}

fn shell_of(user: &User) -> &'static str {
    if user.name == "tensor-wasm" { "/usr/sbin/nologin" } else { "/bin/bash" }
}

fn credentials(file: &UnitFile, path: &str) -> Result<&'static User, Refusal> {
    let name = if file.user.is_empty() { "root" } else { &file.user };
    let found = name.parse::<Uid>().map_or_else(|_| users::by_name(name), users::by_uid);
    found.ok_or_else(|| {
        let errno = "No such process";
        Refusal::new(217, format!("Failed to determine user credentials: {errno}"), "USER", path, errno)
    })
}

/// The file that would be executed.
fn executable(machine: &Machine, file: &UnitFile, user: Uid, path: &str) -> Result<Ino, Refusal> {
    if !file.folder.is_empty() {
        let folder = machine.files.resolve(user, "/", &file.folder).and_then(|ino| {
            let there = matches!(machine.files.inode(ino).kind, Kind::Folder(_));
            if !there {
                Err(Errno::NotADirectory)
            } else if machine.files.may(user, ino, Access::Execute) {
                Ok(ino)
            } else {
                Err(Errno::PermissionDenied)
            }
        });
        if let Err(error) = folder {
            let errno = error.text();
            let what = format!("Changing to the requested working directory failed: {errno}");
            return Err(Refusal::new(200, what, "CHDIR", path, errno));
        }
    }
    // The shell needs no file: it is what `run` interprets.
    let shell = is_shell(path).then_some(Ino(0));
    let found = match (machine.files.resolve(user, "/", path), shell) {
        (Err(_), Some(shell)) => return Ok(shell),
        (Ok(ino), _) if matches!(machine.files.inode(ino).kind, Kind::Folder(_)) => Err(Errno::IsADirectory),
        (Ok(ino), _) if !machine.files.may(user, ino, Access::Execute) => Err(Errno::PermissionDenied),
        (found, _) => found,
    };
    found.map_err(|error| {
        let errno = error.text();
        Refusal::new(203, format!("Unable to locate executable '{path}': {errno}"), "EXEC", path, errno)
    })
}

/// A path with its links followed, as /proc/PID/exe shows it.
pub fn real_path(files: &Files, path: &str) -> String {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        match without_first_link(files, &path) {
            Some(next) => path = next,
            None => break,
        }
    }
    if path.contains("/.") {
        return files.resolve(ROOT, "/", &path).map(|ino| files.canonical(ino)).unwrap_or(path);
    }
    path
}

fn without_first_link(files: &Files, path: &str) -> Option<String> {
    let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
    for end in ends {
        let (prefix, rest) = path.split_at_checked(end)?;
        let ino = files.resolve_link(ROOT, "/", prefix).ok()?;
        if let Kind::Link(target) = &files.inode(ino).kind {
            let parent = prefix.rsplit_once('/').map_or("", |(parent, _)| parent);
            let absolute = target.starts_with('/');
            return Some(if absolute { format!("{target}{rest}") } else { format!("{parent}/{target}{rest}") });
        }
    }
    None
}
