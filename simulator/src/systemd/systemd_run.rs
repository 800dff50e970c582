//! systemd-run (systemd 257): a program as a transient service.

use std::sync::Arc;

use super::options::{self, Known, Wrong, flag, other, with};
use super::state::{State, Unit};
use super::stop::base;
use super::unit::{Command, UnitFile};
use super::{load, say, spawn, start, state, wake};
use crate::machine::Machine;
use crate::machine::files::{Content, Kind};
use crate::machine::process::{Supervisor, What};
use crate::machine::users::ROOT;
use crate::programs::{Call, Program, complain};
use crate::{Run, Stop, programs};

/// systemd-run.
pub const PROGRAM: Program = Program { name: "systemd-run", in_sbin: false, run, knows };

/// The drill's own folder, and its programs that are modelled as what they do.
const OWN_FOLDER: &str = "/usr/local/lib/rollback-drill/";
const HOLD_PORT: &str = "hold-port";
const HOLD_NAME: &str = "hold-name";
const CUT_SCRAPE: &str = "cut-scrape";
/// With it `cut-scrape` waits for nothing (operator-agent/src/cutter.rs).
const AT_ONCE: &str = "--now";

const OPTIONS: &[Known] = &[
    flag("quiet", Some('q')),
    flag("no-ask-password", None),
    with("unit", Some('u')),
    with("description", None),
    other("collect", Some('G')),
    other("expand-environment", None),
    other("gid", None),
    other("help", Some('h')),
    other("host", Some('H')),
    other("machine", Some('M')),
    other("nice", None),
    other("no-block", None),
    other("on-active", None),
    other("on-boot", None),
    other("on-calendar", None),
    other("on-clock-change", None),
    other("on-startup", None),
    other("on-timezone-change", None),
    other("on-unit-active", None),
    other("on-unit-inactive", None),
    other("path-property", None),
    other("pipe", Some('P')),
    other("property", Some('p')),
    other("pty", Some('t')),
    other("remain-after-exit", Some('r')),
    other("same-dir", Some('d')),
    other("scope", None),
    other("send-sighup", None),
    other("service-type", None),
    other("setenv", Some('E')),
    other("shell", Some('S')),
    other("slice", None),
    other("slice-inherit", None),
    other("socket-property", None),
    other("timer-property", None),
    other("uid", None),
    other("user", None),
    other("version", None),
    other("wait", None),
    other("working-directory", None),
];

fn run(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let (call_us, answer_us) = (machine.calibration.systemd.call_us, machine.calibration.systemd.answer_us);
    let call_us = machine.about(call_us);
    machine.spend(call_us)?;
    let refuse = |machine: &mut Machine, line: &str| -> Run<i32> {
        complain(machine, call.context, &format!("{line}\n"))?;
        Ok(1)
    };
    let (own, command) = split(call.arguments());
    let said = match options::parse(OPTIONS, own) {
        Ok(said) => said,
        Err(Wrong::Tool(what)) => return refuse(machine, &format!("systemd-run: {what}")),
        Err(Wrong::Unknown(what)) => return Err(unable(&what)),
    };
    let Some(program) = command.first() else { return refuse(machine, "Command line to execute required.") };
    let Some(unit) = said.last("unit").map(load::unit_name) else { return Err(unable("a call without --unit=")) };
    let found = programs::find(machine, call.context, program);
    let Ok(path) = found else {
        return refuse(machine, &format!("Failed to find executable {program}: No such file or directory"));
    };
    if call.context.user != ROOT {
        return refuse(machine, "Failed to start transient service unit: Access denied");
    }
    let there = match load::read(machine, &unit) {
        Ok(_) => true,
        Err(load::Missing::NotFound) => machine.systemd.units.contains_key(&unit),
        Err(load::Missing::Refused(what)) => return Err(Stop::Unable(what)),
    };
    if there {
        let what = format!("Unit {unit} was already loaded or has a fragment file.");
        return refuse(machine, &format!("Failed to start transient service unit: {what}"));
    }
    wake(machine);
    let words: Vec<String> = [path].into_iter().chain(command.iter().skip(1).cloned()).collect();
    begin(machine, &unit, said.last("description"), &words)?;
    if !said.has("quiet") {
        let invocation = machine.systemd.units.get(&unit).map_or(0, |unit| unit.invocation);
        let line = format!("Running as unit: {unit}; invocation ID: {invocation:032x}\n");
        complain(machine, call.context, &line)?;
    }
    let answer_us = machine.about(answer_us);
    machine.spend(answer_us)?;
    Ok(0)
}

/// Its own options end with the first word that is none.
fn split(arguments: &[String]) -> (&[String], &[String]) {
    let words: Vec<Option<&str>> = arguments.iter().map(|word| Some(word.as_str())).collect();
    let (own, command) = parts(&words);
    (arguments.get(..own).unwrap_or_default(), arguments.get(command..).unwrap_or_default())
}

/// Where its own options end, and where the command begins.
fn parts(arguments: &[Option<&str>]) -> (usize, usize) {
    let mut at = 0;
    while let Some(word) = arguments.get(at) {
        match word {
            Some("--") => return (at, at + 1),
            Some("--unit" | "-u" | "--description") => at += 2,
            Some(word) if word.starts_with('-') => at += 1,
            _ => break,
        }
    }
    let at = at.min(arguments.len());
    (at, at)
}

/// Where the command begins that it runs; `None` for the drill's own programs, which are modelled as what they do.
pub fn command_at(arguments: &[Option<&str>]) -> Option<usize> {
    let (_, at) = parts(arguments);
    let path = arguments.get(at).copied().flatten();
    let modelled = |path: &str| [HOLD_PORT, HOLD_NAME, CUT_SCRAPE].contains(&base(path));
    let own = path.is_some_and(|path| path.starts_with(OWN_FOLDER) && modelled(path));
    (!own).then_some(at)
}

fn begin(machine: &mut Machine, name: &str, description: Option<&str>, words: &[String]) -> Run<()> {
    let path = words.first().cloned().unwrap_or_default();
    let mut file = UnitFile::empty(name, &format!("/run/systemd/transient/{name}"));
    file.description = description.map_or_else(|| format!("[systemd-run] {}", words.join(" ")), str::to_owned);
    file.start = vec![Command { words: words.iter().map(|word| word.replace('$', "$$")).collect(), may_fail: false }];
    let file = Arc::new(file);
    let mut unit = Unit::new(file.clone());
    unit.transient = true;
    machine.systemd.units.insert(name.to_owned(), unit);
    let kind = machine.files.resolve(ROOT, "/", &path).ok().map(|ino| &machine.files.inode(ino).kind);
    match (base(&path), kind) {
        // The drill's own program that holds a port; it is one of the agent's names.
        (HOLD_PORT, Some(Kind::File(Content::Program(_)))) => {
            // It binds at once if it can.
            runs(machine, name, &file, words, What::Holder { port: port_of(words, words)?, bound: false });
            Ok(())
        }
        // One that waits until a port is given up; it is another of the agent's names.
        (CUT_SCRAPE, Some(Kind::File(Content::Program(_)))) => {
            let at_once = words.get(1).is_some_and(|word| word == AT_ONCE);
            let port = port_of(words.get(usize::from(at_once)..).unwrap_or_default(), words)?;
            if !at_once && !machine.port_taken(port) {
                return Err(unable(&format!("`{}` while nobody has the port", words.join(" "))));
            }
            runs(machine, name, &file, words, What::Cutter { port });
            if at_once {
                machine.cut_scrapes(port);
            }
            Ok(())
        }
        // The script waits for the engine's events; the engine does what it would do then.
        (HOLD_NAME, Some(Kind::File(Content::Bytes(_)))) => {
            runs(machine, name, &file, words, What::Other);
            crate::docker::hold_name(machine);
            Ok(())
        }
        _ => start::start(machine, name).map(drop),
    }
}

/// The word behind the first of these; `whole` is for messages.
fn port_of(words: &[String], whole: &[String]) -> Run<u16> {
    let port = words.get(1).and_then(|port| port.parse().ok());
    port.ok_or_else(|| unable(&format!("`{}`", whole.join(" "))))
}

/// Where the agent lies.
const AGENT: &str = "/usr/local/lib/rollback-drill/agent";

/// A process that is modelled as what it does is the unit's main process.
fn runs(machine: &mut Machine, name: &str, file: &UnitFile, words: &[String], what: What) {
    let path = words.first().map_or("", String::as_str);
    // On a machine the agent's other names are links to it, and /proc/PID/exe tells what runs.
    let own = machine.files.resolve(ROOT, "/", path).map(|ino| machine.files.inode(ino).kind.clone());
    let executable = match own {
        Ok(Kind::File(Content::Program("agent"))) => AGENT.to_owned(),
        _ => spawn::real_path(&machine.files, path),
    };
    let pid = machine.start_other(&executable, ROOT, Supervisor::Unit(name.to_owned()), what);
    let (began, invocation) = (machine.now, u128::from(machine.random(u64::MAX)).max(1));
    if let Some(unit) = machine.systemd.units.get_mut(name) {
        (unit.main, unit.invocation) = (Some(pid), invocation);
        unit.ran.push(state::Ran { key: "ExecStart", pid, words: words.to_vec(), began, ended: None });
    }
    start::enter(machine, name, State::Running);
    say(machine, name, &format!("Started {}.", file.title()));
}

fn unable(what: &str) -> Stop {
    Stop::Unable(format!("systemd-run: {what} is not modelled; use --host container"))
}

fn knows(arguments: &[Option<&str>]) -> Result<(), String> {
    let words: Vec<String> = arguments.iter().map(|word| word.unwrap_or("\u{fffd}").to_owned()).collect();
    let (own, _) = split(&words);
    let own: Vec<Option<&str>> = own.iter().map(|word| Some(word.as_str())).collect();
    options::check(OPTIONS, &own).map(drop)
}
