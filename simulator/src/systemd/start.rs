//! Starts: jobs that the strand waits for, and restarts, which are events.

use super::builtin;
use super::spawn::{self, NotSpawned};
use super::state::{Due, Outcome, State};
use super::unit::{Type, UnitFile};
use super::{SystemdEvent, arm, load, say, stop};
use crate::machine::Machine;
use crate::machine::process::Exit;
use crate::time::{Event, SECOND, Us};
use crate::{Run, Stop};
use std::sync::Arc;

/// Units that require units, at the deepest.
const DEPTH_MAX: usize = 16;

/// What became of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// The unit is active, or was, and ended as it should.
    Done,
    /// It is not.
    Failed,
    /// What it requires could not be started.
    Dependency,
    /// There is no such unit.
    NotFound,
    /// It is masked.
    Masked,
}

/// `systemctl start`: returns when the job is over.
pub fn start(machine: &mut Machine, name: &str) -> Run<Job> {
    start_at(machine, name, 0)
}

fn start_at(machine: &mut Machine, name: &str, depth: usize) -> Run<Job> {
    if depth > DEPTH_MAX {
        return Err(Stop::Unable(format!("{name}: units that require each other in a circle are not modelled")));
    }
    if !load::load(machine, name)? {
        return Ok(Job::NotFound);
    }
    let Some(unit) = machine.systemd.units.get(name) else { return Ok(Job::NotFound) };
    let file = unit.file.clone();
    if file.masked {
        return Ok(Job::Masked);
    }
    match unit.state {
        State::Running | State::Exited => return Ok(Job::Done),
        // The start waits for the restart that is due anyway.
        State::AutoRestart => {
            wait(machine, name, |state| state != State::AutoRestart)?;
            return Ok(outcome(machine, name));
        }
        State::StopSigterm | State::StopSigkill => {
            let ended = |state| !matches!(state, State::StopSigterm | State::StopSigkill);
            wait(machine, name, ended)?;
        }
        State::Start if file.kind == Type::Notify => {
            wait(machine, name, |state| state != State::Start)?;
            return Ok(outcome(machine, name));
        }
        State::Start => {
            return Err(Stop::Unable(format!(
                "{name}: the command that waited for its start was killed; not modelled"
            )));
        }
        State::Dead | State::Failed => {}
    }
    for other in &file.wants {
        start_at(machine, other, depth + 1)?;
    }
    for other in &file.requires {
        if !matches!(start_at(machine, other, depth + 1)?, Job::Done) {
            say(machine, name, &format!("Dependency failed for {}.", file.title()));
            say(machine, name, &format!("{name}: Job {name}/start failed with result 'dependency'."));
            return Ok(Job::Dependency);
        }
    }
    for other in &file.after {
        wait(machine, other, |state| state != State::Start)?;
    }
    begin(machine, name, &file)
}

fn outcome(machine: &Machine, name: &str) -> Job {
    let fine = |state: State| state.is_active() || state == State::Dead;
    if machine.systemd.units.get(name).is_none_or(|unit| fine(unit.state)) { Job::Done } else { Job::Failed }
}

/// Waits until a unit's state is as wanted. Whatever a unit waits for has a timeout of its own.
pub fn wait(machine: &mut Machine, name: &str, holds: impl Fn(State) -> bool) -> Run<()> {
    let longest = machine.systemd.units.get(name).map_or(0, |unit| {
        let file = &unit.file;
        file.stop_timeout.saturating_add(file.restart_after).saturating_add(file.start_within()).saturating_add(SECOND)
    });
    let until = machine.now.saturating_add(longest);
    machine.wait_until(until, |machine| machine.systemd.units.get(name).is_none_or(|unit| holds(unit.state)))?;
    Ok(())
}

/// A unit that is not running is started.
fn begin(machine: &mut Machine, name: &str, file: &Arc<UnitFile>) -> Run<Job> {
    if !admitted(machine, name, file) {
        return Ok(Job::Failed);
    }
    if file.kind == Type::Oneshot || !file.start_pre.is_empty() {
        say(machine, name, &format!("Starting {}...", file.title()));
        enter(machine, name, State::Start);
        for command in &file.start_pre {
            match command_in_strand(machine, name, "ExecStartPre", command)? {
                Some(Outcome::Success) => {}
                Some(outcome) => return Ok(failed(machine, name, file, outcome)),
                None => return Ok(failed(machine, name, file, Outcome::Resources)),
            }
        }
    }
    match file.kind {
        Type::Oneshot => oneshot(machine, name, file),
        Type::Simple => Ok(if launched(machine, name, file) { Job::Done } else { Job::Failed }),
        Type::Exec => {
            if !launched(machine, name, file) {
                return Ok(Job::Failed);
            }
            let until = machine.now + SECOND;
            machine.wait_until(until, |machine| {
                machine.systemd.units.get(name).is_none_or(|unit| !unit.before_exec || unit.main.is_none())
            })?;
            let failed = machine
                .systemd
                .units
                .get(name)
                .and_then(|unit| unit.last_main())
                .is_some_and(|main| matches!(main.ended, Some((Exit::Status(200..=255), _))));
            Ok(if failed { Job::Failed } else { Job::Done })
        }
        Type::Notify => {
            if !launched(machine, name, file) {
                return Ok(Job::Failed);
            }
            wait(machine, name, |state| state != State::Start)?;
            Ok(outcome(machine, name))
        }
    }
}

/// Whether a start is not one too many; a new run begins.
fn admitted(machine: &mut Machine, name: &str, file: &UnitFile) -> bool {
    let now = machine.now;
    let Some(unit) = machine.systemd.units.get_mut(name) else { return false };
    unit.cpu_known = unit.may_start(now);
    if !unit.cpu_known {
        say(machine, name, &format!("{name}: Start request repeated too quickly."));
        stop::enter_dead(machine, name, Outcome::StartLimitHit, false);
        say(machine, name, &format!("Failed to start {}.", file.title()));
        return false;
    }
    if std::mem::take(&mut unit.restarts_over) {
        unit.restarts = 0;
    }
    unit.result = Outcome::Success;
    unit.ran.clear();
    unit.timer = None;
    unit.turn += 1;
    let half = |machine: &mut Machine| u128::from(machine.random(u64::MAX));
    let invocation = half(machine) << 64 | half(machine);
    if let Some(unit) = machine.systemd.units.get_mut(name) {
        unit.invocation = invocation.max(1);
    }
    true
}

/// The main process of a service that is no oneshot is on its way; false if it could not even be forked.
fn launched(machine: &mut Machine, name: &str, file: &Arc<UnitFile>) -> bool {
    if let Some(builtin) = file.builtin {
        if file.kind == Type::Notify {
            say(machine, name, &format!("Starting {}...", file.title()));
            enter(machine, name, State::Start);
        } else {
            enter(machine, name, State::Running);
            say(machine, name, &format!("Started {}.", file.title()));
        }
        spawn::packaged(machine, name, file);
        let at = machine.now + builtin::ready_after(machine, builtin);
        let turn = machine.systemd.units.get(name).map_or(0, |unit| unit.turn);
        machine.queue.push(at, Event::Systemd(SystemdEvent::Ready(name.to_owned(), turn)));
        return true;
    }
    match spawn::main(machine, name, file) {
        Ok(()) => {
            enter(machine, name, State::Running);
            say(machine, name, &format!("Started {}.", file.title()));
            true
        }
        Err(NotSpawned) => {
            failed(machine, name, file, Outcome::Resources);
            false
        }
    }
}

/// A packaged service does its work.
pub fn ready(machine: &mut Machine, name: &str, turn: u64) {
    let Some(unit) = machine.systemd.units.get(name).filter(|unit| unit.turn == turn && unit.main.is_some()) else {
        return;
    };
    let (file, state) = (unit.file.clone(), unit.state);
    let Some(builtin) = file.builtin else { return };
    builtin::switch(machine, builtin, true);
    if state == State::Start {
        enter(machine, name, State::Running);
        say(machine, name, &format!("Started {}.", file.title()));
    }
}

fn oneshot(machine: &mut Machine, name: &str, file: &Arc<UnitFile>) -> Run<Job> {
    for command in &file.start {
        match command_in_strand(machine, name, "ExecStart", command)? {
            Some(Outcome::Success) => {}
            Some(outcome) => return Ok(failed(machine, name, file, outcome)),
            None => return Ok(failed(machine, name, file, Outcome::Resources)),
        }
    }
    if file.remain {
        enter(machine, name, State::Exited);
    } else {
        stop::enter_dead(machine, name, Outcome::Success, true);
    }
    say(machine, name, &format!("Finished {}.", file.title()));
    load::forget(machine, name);
    Ok(Job::Done)
}

fn failed(machine: &mut Machine, name: &str, file: &UnitFile, outcome: Outcome) -> Job {
    stop::enter_dead(machine, name, outcome, true);
    say(machine, name, &format!("Failed to start {}.", file.title()));
    Job::Failed
}

/// Runs a command in the strand, no longer than the unit's start may take. `None`: it could not be forked.
fn command_in_strand(
    machine: &mut Machine,
    name: &str,
    key: &'static str,
    command: &super::unit::Command,
) -> Run<Option<Outcome>> {
    let Some(file) = machine.systemd.units.get(name).map(|unit| unit.file.clone()) else { return Ok(None) };
    let began = machine.systemd.units.get(name).and_then(|unit| unit.left_inactive).unwrap_or(machine.now);
    let (outer, end) = (machine.deadline, began.saturating_add(file.start_within()));
    machine.deadline = outer.min(end);
    let ran = spawn::in_strand(machine, name, &file, key, command);
    machine.deadline = outer;
    let role = if key == "ExecStart" { "Main" } else { "Control" };
    match ran {
        Ok(Err(NotSpawned)) => Ok(None),
        Ok(Ok(how)) => {
            let outcome = if command.may_fail { Outcome::Success } else { Outcome::of(how) };
            if outcome != Outcome::Success {
                let ended = super::state::ended_in_journal(how);
                say(machine, name, &format!("{name}: {role} process exited, {ended}"));
            }
            Ok(Some(outcome))
        }
        Err(Stop::Deadline) if machine.now < outer || outer == Us::MAX => {
            let how = Exit::Signal(crate::machine::process::Signal::Term);
            say(machine, name, &format!("{name}: start operation timed out. Terminating."));
            let ended = super::state::ended_in_journal(how);
            say(machine, name, &format!("{name}: {role} process exited, {ended}"));
            let now = machine.now;
            if let Some(unit) = machine.systemd.units.get_mut(name)
                && let Some(pid) = unit.ran.last().map(|ran| ran.pid)
            {
                unit.note_end(pid, how, now);
            }
            Ok(Some(Outcome::Timeout))
        }
        Err(stop) => Err(stop),
    }
}

/// A restart is due.
pub fn again(machine: &mut Machine, name: &str) {
    let Some(unit) = machine.systemd.units.get_mut(name).filter(|unit| unit.state == State::AutoRestart) else {
        return;
    };
    unit.restarts += 1;
    let (count, file) = (unit.restarts, unit.file.clone());
    say(machine, name, &format!("{name}: Scheduled restart job, restart counter is at {count}."));
    if admitted(machine, name, &file) {
        launched(machine, name, &file);
    }
}

/// A run is over, and the policy wants another one.
pub fn schedule(machine: &mut Machine, name: &str) {
    let Some(after) = machine.systemd.units.get(name).map(|unit| unit.file.restart_after) else { return };
    enter(machine, name, State::AutoRestart);
    arm(machine, name, Due::Restart, after);
}

/// Goes to a state, now.
pub fn enter(machine: &mut Machine, name: &str, state: State) {
    let now = machine.now;
    if let Some(unit) = machine.systemd.units.get_mut(name) {
        unit.enter(state, now);
    }
}

/// Boot: a packaged service is on its way; nobody waits for it here.
pub fn begin_packaged(machine: &mut Machine, name: &str) {
    let Some(file) =
        machine.systemd.units.get(name).filter(|unit| unit.state == State::Dead).map(|unit| unit.file.clone())
    else {
        return;
    };
    if file.builtin.is_some() && admitted(machine, name, &file) {
        launched(machine, name, &file);
    }
}
