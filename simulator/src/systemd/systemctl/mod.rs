//! systemctl (systemd 257). Words, order and statuses are those of an operator host. How much CPU and memory a unit
//! took is not modelled, so `status` leaves its line out.

mod files;
mod jobs;
mod show;
mod status;

use super::options::{self, Known, Parsed, Wrong, flag, other, with};
use super::state::{Outcome, State};
use super::{load, stop, wake};
use crate::machine::Machine;
use crate::machine::process::Signal;
use crate::machine::users::ROOT;
use crate::programs::{Call, Program, complain, print, write_failed};
use crate::{Run, Stop};

/// systemctl.
pub const PROGRAM: Program = Program { name: "systemctl", in_sbin: false, run, knows };

const OPTIONS: &[Known] = &[
    flag("quiet", Some('q')),
    flag("full", Some('l')),
    flag("no-pager", None),
    flag("no-legend", None),
    flag("plain", None),
    flag("no-ask-password", None),
    flag("no-block", None),
    flag("now", None),
    flag("value", None),
    flag("system", None),
    with("lines", Some('n')),
    with("output", Some('o')),
    with("property", Some('p')),
    with("signal", Some('s')),
    with("kill-who", None),
    with("kill-whom", None),
    other("all", Some('a')),
    other("after", None),
    other("before", None),
    other("boot-loader-entry", None),
    other("boot-loader-menu", None),
    other("capsule", Some('C')),
    other("check-inhibitors", None),
    other("drop-in", None),
    other("dry-run", None),
    other("failed", None),
    other("firmware-setup", None),
    other("force", Some('f')),
    other("global", None),
    other("help", Some('h')),
    other("host", Some('H')),
    other("image", None),
    other("job-mode", None),
    other("kill-value", None),
    other("legend", None),
    other("machine", Some('M')),
    other("message", None),
    other("no-reload", None),
    other("no-wall", None),
    other("no-warn", None),
    other("preset-mode", None),
    other("read-only", None),
    other("recursive", Some('r')),
    other("reverse", None),
    other("root", None),
    other("runtime", None),
    other("show-transaction", Some('T')),
    other("show-types", None),
    other("state", None),
    other("stdin", None),
    other("timestamp", None),
    other("type", Some('t')),
    other("user", None),
    other("verbose", Some('v')),
    other("version", None),
    other("wait", None),
    other("what", None),
    other("when", None),
    other("with-dependencies", None),
];

/// Verbs after which units run that did not before.
const STARTING: &[&str] = &["start", "restart", "try-restart", "reload-or-restart"];

/// Verbs that systemctl has and the simulator does not know.
const OTHER_VERBS: &[&str] = &[
    "add-requires",
    "add-wants",
    "bind",
    "cancel",
    "clean",
    "condreload",
    "condrestart",
    "condstop",
    "daemon-reexec",
    "default",
    "edit",
    "emergency",
    "exit",
    "force-reload",
    "freeze",
    "get-default",
    "halt",
    "help",
    "hibernate",
    "hybrid-sleep",
    "import-environment",
    "isolate",
    "kexec",
    "link",
    "list-automounts",
    "list-dependencies",
    "list-jobs",
    "list-machines",
    "list-paths",
    "list-sockets",
    "list-timers",
    "list-unit-files",
    "list-units",
    "log-level",
    "log-target",
    "mount-image",
    "poweroff",
    "preset",
    "preset-all",
    "reboot",
    "reenable",
    "rescue",
    "revert",
    "service-log-level",
    "service-log-target",
    "service-watchdogs",
    "set-default",
    "set-environment",
    "set-property",
    "show-environment",
    "sleep",
    "soft-reboot",
    "suspend",
    "suspend-then-hibernate",
    "switch-root",
    "thaw",
    "try-reload-or-restart",
    "unset-environment",
    "whoami",
];

/// What a verb does with its units.
type Act = fn(&mut Machine, &Invocation<'_, '_>) -> Run<i32>;

const VERBS: &[(&str, Act)] = &[
    ("start", |machine, said| jobs::run(machine, said, jobs::Verb::Start)),
    ("stop", |machine, said| jobs::run(machine, said, jobs::Verb::Stop)),
    ("restart", |machine, said| jobs::run(machine, said, jobs::Verb::Restart)),
    ("try-restart", |machine, said| jobs::run(machine, said, jobs::Verb::TryRestart)),
    ("reload", |machine, said| jobs::run(machine, said, jobs::Verb::Reload)),
    ("reload-or-restart", |machine, said| jobs::run(machine, said, jobs::Verb::Restart)),
    ("status", status::run),
    ("show", show::run),
    ("is-active", is_active),
    ("is-failed", is_failed),
    ("is-enabled", files::is_enabled),
    ("is-system-running", is_system_running),
    ("cat", files::cat),
    ("enable", files::enable),
    ("disable", files::disable),
    ("mask", files::mask),
    ("unmask", files::unmask),
    ("kill", kill),
    ("reset-failed", reset_failed),
    ("daemon-reload", files::daemon_reload),
];

/// A call, taken apart.
pub struct Invocation<'a, 'b> {
    call: &'a Call<'b>,
    said: Parsed,
    /// Names with their suffixes.
    units: Vec<String>,
}

impl Invocation<'_, '_> {
    fn is_root(&self) -> bool {
        self.call.context.user == ROOT
    }

    /// Says something on stderr.
    fn complain(&self, machine: &mut Machine, line: &str) -> Run<()> {
        complain(machine, self.call.context, &format!("{line}\n"))
    }

    /// Says something on stdout; `Some` is the status that a failed write ends with.
    fn print(&self, machine: &mut Machine, text: &str) -> Run<Option<i32>> {
        match print(machine, self.call.context, text.as_bytes())? {
            Ok(()) => Ok(None),
            Err(failure) => write_failed(machine, self.call, failure).map(Some),
        }
    }

    /// Warns of a unit whose files have changed since they were read.
    fn warn_if_changed(&self, machine: &mut Machine, name: &str) -> Run<()> {
        if machine.systemd.units.get(name).is_some_and(|unit| load::changed(machine, unit)) {
            let what = "The unit file, source configuration file or drop-ins of";
            let line =
                format!("Warning: {what} {name} changed on disk. Run 'systemctl daemon-reload' to reload units.");
            self.complain(machine, &line)?;
        }
        Ok(())
    }
}

fn run(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let (call_us, answer_us) = (machine.calibration.systemd.call_us, machine.calibration.systemd.answer_us);
    let call_us = machine.about(call_us);
    machine.spend(call_us)?;
    let said = match options::parse(OPTIONS, call.arguments()) {
        Ok(said) => said,
        Err(Wrong::Tool(what)) => {
            complain(machine, call.context, &format!("systemctl: {what}\n"))?;
            return Ok(1);
        }
        Err(Wrong::Unknown(what)) => return Err(unable(&what)),
    };
    let Some(verb) = said.words.first().cloned() else { return Err(unable("a list of all units")) };
    let Some((_, act)) = VERBS.iter().find(|(name, _)| *name == verb) else {
        if OTHER_VERBS.contains(&verb.as_str()) {
            return Err(unable(&format!("`{verb}`")));
        }
        complain(machine, call.context, &format!("Unknown command verb '{verb}'.\n"))?;
        return Ok(1);
    };
    let names = said.words.get(1..).unwrap_or_default();
    if let Some(pattern) = names.iter().find(|name| name.contains(['*', '?', '['])) {
        return Err(unable(&format!("the pattern {pattern}")));
    }
    let units: Vec<String> = names.iter().map(|name| load::unit_name(name)).collect();
    if units.is_empty() && !matches!(verb.as_str(), "daemon-reload" | "is-system-running") {
        if matches!(verb.as_str(), "status" | "show" | "reset-failed") {
            return Err(unable(&format!("`{verb}` of the whole machine")));
        }
        complain(machine, call.context, "Too few arguments.\n")?;
        return Ok(1);
    }
    // Whoever asks wakes the manager.
    wake(machine);
    let invocation = Invocation { call, said, units };
    let status = act(machine, &invocation)?;
    let answer_us = machine.about(answer_us);
    machine.spend(answer_us)?;
    Ok(status)
}

fn unable(what: &str) -> Stop {
    Stop::Unable(format!("systemctl: {what} is not modelled; use --host container"))
}

/// Units that a command line starts, by their whole names.
pub fn started(arguments: &[Option<&str>]) -> Vec<String> {
    let Ok(said) = options::check(OPTIONS, arguments) else { return Vec::new() };
    match said.words.split_first() {
        Some((verb, names)) if STARTING.contains(&verb.as_str()) => {
            names.iter().map(|name| load::unit_name(name)).collect()
        }
        _ => Vec::new(),
    }
}

fn knows(arguments: &[Option<&str>]) -> Result<(), String> {
    let said = options::check(OPTIONS, arguments)?;
    match said.words.first() {
        Some(verb) if OTHER_VERBS.contains(&verb.as_str()) => Err(format!("systemctl {verb}")),
        _ => Ok(()),
    }
}

fn is_active(machine: &mut Machine, said: &Invocation<'_, '_>) -> Run<i32> {
    ask(machine, said, 3, State::is_active)
}

fn is_failed(machine: &mut Machine, said: &Invocation<'_, '_>) -> Run<i32> {
    ask(machine, said, 1, |state| state == State::Failed)
}

/// One word a unit; 0 if one of them is as asked, 4 if there is none of them.
fn ask(machine: &mut Machine, said: &Invocation<'_, '_>, bad: i32, good: fn(State) -> bool) -> Run<i32> {
    let (mut found, mut any) = (false, false);
    let mut text = String::new();
    for name in &said.units {
        let there = load::load(machine, name)?;
        let state = machine.systemd.units.get(name).map_or(State::Dead, |unit| unit.state);
        found |= there;
        any |= there && good(state);
        text.push_str(state.active());
        text.push('\n');
        load::forget(machine, name);
    }
    if !said.said.has("quiet")
        && let Some(status) = said.print(machine, &text)?
    {
        return Ok(status);
    }
    Ok(if any {
        0
    } else if found {
        bad
    } else {
        4
    })
}

/// `degraded` and 1 where a unit has failed.
fn is_system_running(machine: &mut Machine, said: &Invocation<'_, '_>) -> Run<i32> {
    let failed = machine.systemd.units.values().any(|unit| unit.state == State::Failed);
    let word = if failed { "degraded\n" } else { "running\n" };
    if !said.said.has("quiet")
        && let Some(status) = said.print(machine, word)?
    {
        return Ok(status);
    }
    Ok(i32::from(failed))
}

fn kill(machine: &mut Machine, said: &Invocation<'_, '_>) -> Run<i32> {
    let asked = said.said.last("signal").unwrap_or("TERM");
    let who = said.said.last("kill-who").or(said.said.last("kill-whom")).unwrap_or("all");
    if !matches!(who, "all" | "main") {
        return Err(unable(&format!("--kill-who={who}")));
    }
    let signal = match asked.strip_prefix("SIG").unwrap_or(asked) {
        "TERM" | "15" => Signal::Term,
        "INT" | "2" => Signal::Int,
        "KILL" | "9" => Signal::Kill,
        "HUP" | "1" | "QUIT" | "3" | "USR1" | "10" | "USR2" | "12" | "ABRT" | "6" | "STOP" | "19" | "CONT" | "18" => {
            return Err(unable(&format!("the signal {asked}")));
        }
        _ => {
            said.complain(machine, &format!("Failed to parse signal string \"{asked}\"."))?;
            return Ok(1);
        }
    };
    let mut status = 0;
    for name in &said.units {
        let why = if !said.is_root() {
            Some("Access denied".to_owned())
        } else if machine.systemd.units.contains_key(name) {
            None
        } else {
            Some(format!("Unit {name} not loaded."))
        };
        match why {
            Some(why) => {
                said.complain(machine, &format!("Failed to kill unit {name}: {why}"))?;
                status = 1;
            }
            None => stop::kill(machine, name, signal),
        }
    }
    Ok(status)
}

fn reset_failed(machine: &mut Machine, said: &Invocation<'_, '_>) -> Run<i32> {
    let mut status = 0;
    for name in &said.units {
        let why = if !said.is_root() { Some("Access denied".to_owned()) } else { None };
        let why =
            why.or_else(|| (!machine.systemd.units.contains_key(name)).then(|| format!("Unit {name} not loaded.")));
        if let Some(why) = why {
            said.complain(machine, &format!("Failed to reset failed state of unit {name}: {why}"))?;
            status = 1;
            continue;
        }
        let now = machine.now;
        if let Some(unit) = machine.systemd.units.get_mut(name) {
            if unit.state == State::Failed {
                unit.enter(State::Dead, now);
            }
            (unit.result, unit.restarts, unit.starts) = (Outcome::Success, 0, None);
        }
        load::forget(machine, name);
    }
    Ok(status)
}
