//! systemd: units from their files, their processes, restarts and limits; `systemctl`, `journalctl`, `systemd-run`.
//!
//! `unit` reads files, `load` finds them, `state` is what is known of a unit, `start` and `stop` change it. What an
//! operator waits for (a stop, a oneshot's commands) is done by the strand; restarts and timeouts are events. Words and
//! order of the journal's lines are those of systemd 257 on an operator host.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;

use crate::BadMachine;
use crate::machine::Machine;
use crate::machine::io::LogWriter;
use crate::machine::process::{Exit, Pid};
use crate::machine::users::{self, ROOT, Uid};
use crate::time::{Event, Us};

mod boot;
mod builtin;
pub mod journalctl;
mod load;
mod options;
mod span;
mod spawn;
mod start;
mod state;
mod stop;
pub mod systemctl;
pub mod systemd_run;
#[cfg(test)]
mod tests;
mod unit;
mod words;

use state::{Due, Timer, Unit};

/// An operator host's name.
pub const HOST: &str = "operator-host";
/// The manager puts its wake-ups together: they are due at one moment in each of these (sd-event's default accuracy).
const WAKE_UPS: Us = 250_000;

/// How long it takes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SystemdTimes {
    /// From the machine's start until the first of its own units is started.
    pub boot_us: Us,
    /// `systemctl` of anything until the manager has its question.
    pub call_us: Us,
    /// From the manager's answer to the end of `systemctl`.
    pub answer_us: Us,
    /// `daemon-reload`, which `enable` and `mask` also do.
    pub reload_us: Us,
    /// From the fork of a unit's process to its exec.
    pub exec_us: Us,
    /// `journalctl`.
    pub journalctl_us: Us,
    /// HAProxy until it is ready.
    pub haproxy_us: Us,
    /// containerd until it is ready.
    pub containerd_us: Us,
    /// dockerd until it is ready.
    pub engine_us: Us,
    /// The registry until it answers.
    pub registry_us: Us,
}

/// What units do by themselves.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SystemdEvent {
    /// The timer of this unit, in this turn, is due.
    Timer(String, u64),
    /// The child of this unit, in this turn, comes to its exec.
    Exec(String, u64),
    /// The packaged service of this unit, in this turn, does its work.
    Ready(String, u64),
}

/// All units.
#[derive(Debug, Clone, Default)]
pub struct Systemd {
    /// Those that are loaded, by name.
    units: BTreeMap<String, Unit>,
    /// Those that the boot target refers to.
    wanted: BTreeSet<String>,
    /// Where in [`WAKE_UPS`] this machine's wake-ups are.
    wake_up_phase: Us,
    /// What an event could not carry on; ends the strand.
    pub unable: Option<String>,
}

/// Starts what `multi-user.target` wants, as links in /etc/systemd/system/multi-user.target.wants say.
///
/// # Errors
/// A unit file that cannot be read as one.
pub fn boot(machine: &mut Machine) -> Result<(), BadMachine> {
    boot::boot(machine)
}

/// Something of a unit is due.
pub fn event(machine: &mut Machine, event: SystemdEvent) {
    match event {
        SystemdEvent::Timer(unit, turn) => {
            if machine.systemd.units.get(&unit).is_some_and(|unit| unit.turn == turn && unit.timer.is_some()) {
                fire(machine, &unit);
            }
        }
        SystemdEvent::Exec(unit, turn) => spawn::exec(machine, &unit, turn),
        SystemdEvent::Ready(unit, turn) => start::ready(machine, &unit, turn),
    }
}

/// A command that a unit runs: its words, `None` for those that are known when it runs, and who runs it.
pub type UnitCommand = (Vec<Option<String>>, Uid);

/// The commands that the start of a unit runs, with those of units that it brings along. A unit that is not there has none,
/// and one whose work is modelled runs none.
///
/// # Errors
/// What of a unit's files is not modelled, with file and line.
pub fn commands_of_start(machine: &Machine, unit: &str) -> Result<Vec<UnitCommand>, String> {
    let (mut waiting, mut seen, mut found) = (vec![unit.to_owned()], BTreeSet::new(), Vec::new());
    while let Some(name) = waiting.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let file = match load::read(machine, &name) {
            Ok(file) if file.masked || file.builtin.is_some() => continue,
            Ok(file) => file,
            Err(load::Missing::NotFound) => continue,
            Err(load::Missing::Refused(what)) => return Err(what),
        };
        let user = users::by_name(&file.user).map_or(ROOT, |user| user.uid);
        for command in file.start_pre.iter().chain(&file.start) {
            let known = |word: &String| (!word.contains('$')).then(|| word.clone());
            found.push((command.words.iter().map(known).collect(), user));
        }
        waiting.extend(file.wants.into_iter().chain(file.requires));
    }
    Ok(found)
}

/// A unit's process has ended.
pub fn process_ended(machine: &mut Machine, unit: &str, pid: Pid, how: Exit) {
    stop::process_ended(machine, unit, pid, how);
    wake(machine);
}

/// The manager writes a line about a unit.
fn say(machine: &mut Machine, unit: &str, text: &str) {
    say_as(machine, unit, "systemd", 1, text);
}

fn say_as(machine: &mut Machine, unit: &str, identifier: &str, pid: u32, text: &str) {
    let writer = Arc::new(LogWriter { unit: unit.to_owned(), identifier: identifier.to_owned(), pid });
    machine.journal.write(machine.now, &writer, text);
}

/// Sets a unit's timer.
fn arm(machine: &mut Machine, name: &str, due: Due, after: Us) {
    let (at, phase) = (machine.now.saturating_add(after), machine.systemd.wake_up_phase);
    let Some(unit) = machine.systemd.units.get_mut(name) else { return };
    unit.turn += 1;
    unit.timer = Some(Timer { at, due });
    if at == Us::MAX {
        return;
    }
    // The first of the common moments that is not too early.
    let late = at.saturating_sub(phase).next_multiple_of(WAKE_UPS).saturating_add(phase).max(at);
    machine.queue.push(late, Event::Systemd(SystemdEvent::Timer(name.to_owned(), unit.turn)));
}

/// The manager is awake, for whatever reason: timers that may fire do so.
fn wake(machine: &mut Machine) {
    let now = machine.now;
    let is_due = |unit: &Unit| unit.timer.is_some_and(|timer| timer.at <= now);
    while let Some(name) = machine.systemd.units.iter().find(|(_, unit)| is_due(unit)).map(|(name, _)| name.clone()) {
        fire(machine, &name);
    }
}

fn fire(machine: &mut Machine, name: &str) {
    let Some(timer) = machine.systemd.units.get_mut(name).and_then(|unit| unit.timer.take()) else { return };
    match timer.due {
        Due::Restart => start::again(machine, name),
        Due::Kill => stop::time_is_over(machine, name),
    }
}
