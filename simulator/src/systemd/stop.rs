//! Ends: stops that the strand waits for, processes that end by themselves, and the time after which they are killed.

use super::builtin;
use super::start::{enter, schedule, wait};
use super::state::{Due, Outcome, State, ended_in_journal, signal_name};
use super::unit::Type;
use super::{arm, load, say, spawn};
use crate::Run;
use crate::machine::Machine;
use crate::machine::process::{Exit, Pid, Signal};

/// `systemctl stop` of a unit that is loaded: returns when it is over.
pub fn stop(machine: &mut Machine, name: &str) -> Run<()> {
    // What requires it goes first.
    let requiring = |unit: &super::Unit| unit.state.is_active() && unit.file.requires.iter().any(|other| other == name);
    let dependents: Vec<String> = machine
        .systemd
        .units
        .iter()
        .filter(|(other, unit)| *other != name && requiring(unit))
        .map(|(other, _)| other.clone())
        .collect();
    for other in dependents {
        stop(machine, &other)?;
    }
    begin(machine, name);
    wait(machine, name, |state| !matches!(state, State::StopSigterm | State::StopSigkill))?;
    let ended = machine.systemd.units.get(name).and_then(|unit| unit.file.builtin);
    if ended == Some(builtin::Builtin::Engine) {
        crate::docker::containers_end(machine)?;
    }
    load::forget(machine, name);
    Ok(())
}

/// Asks a unit to end.
fn begin(machine: &mut Machine, name: &str) {
    let Some(unit) = machine.systemd.units.get_mut(name) else { return };
    let (file, state, main) = (unit.file.clone(), unit.state, unit.main);
    match state {
        State::Dead | State::Failed | State::StopSigterm | State::StopSigkill => {}
        State::Exited => {
            enter_dead(machine, name, Outcome::Success, false);
            say(machine, name, &format!("Stopped {}.", file.title()));
        }
        State::AutoRestart => {
            unit.timer = None;
            unit.restarts_over = true;
            enter(machine, name, State::Dead);
            say(machine, name, &format!("Stopped {}.", file.title()));
        }
        State::Running | State::Start => {
            say(machine, name, &format!("Stopping {}...", file.title()));
            enter(machine, name, State::StopSigterm);
            arm(machine, name, Due::Kill, file.stop_timeout);
            match main {
                Some(main) => machine.signal(main, file.kill_signal),
                None => over(machine, name, Outcome::Success),
            }
        }
    }
}

/// It has had its time: SIGKILL.
pub fn time_is_over(machine: &mut Machine, name: &str) {
    let Some(unit) = machine.systemd.units.get_mut(name).filter(|unit| unit.state == State::StopSigterm) else {
        return;
    };
    unit.result = Outcome::Timeout;
    let (main, file) = (unit.main, unit.file.clone());
    say(machine, name, &format!("{name}: State 'stop-sigterm' timed out. Killing."));
    enter(machine, name, State::StopSigkill);
    if let Some(main) = main {
        let comm = file.start.first().and_then(|command| command.words.first()).map_or("", |path| base(path));
        say(machine, name, &format!("{name}: Killing process {} ({comm}) with signal SIGKILL.", main.0));
        machine.signal(main, Signal::Kill);
    }
}

/// `systemctl kill`.
pub fn kill(machine: &mut Machine, name: &str, signal: Signal) {
    let Some(unit) = machine.systemd.units.get(name) else { return };
    let Some(main) = unit.main else { return };
    let path = unit.file.start.first().and_then(|command| command.words.first()).cloned().unwrap_or_default();
    let comm = if unit.before_exec { spawn::child_name(&path) } else { base(&path).to_owned() };
    let word = signal_name(signal);
    say(
        machine,
        name,
        &format!("{name}: Sent signal SIG{word} to main process {} ({comm}) on client request.", main.0),
    );
    if signal == Signal::Kill {
        say(machine, name, &format!("{name}: Killed unit cgroup with SIGKILL on client request."));
    }
    machine.signal(main, signal);
}

/// A unit's process has ended.
pub fn process_ended(machine: &mut Machine, name: &str, pid: Pid, how: Exit) {
    let now = machine.now;
    let Some(unit) = machine.systemd.units.get_mut(name) else { return };
    unit.note_end(pid, how, now);
    if unit.main != Some(pid) {
        return;
    }
    unit.main = None;
    // An exec that is still to come is void.
    unit.turn += 1;
    let (file, state) = (unit.file.clone(), unit.state);
    let forgiven = file.start.first().is_some_and(|command| command.may_fail);
    let outcome = if forgiven { Outcome::Success } else { Outcome::of(how) };
    if let Some(builtin) = file.builtin {
        builtin::switch(machine, builtin, false);
    }
    if Outcome::of(how) != Outcome::Success {
        say(machine, name, &format!("{name}: Main process exited, {}", ended_in_journal(how)));
    }
    match state {
        State::StopSigterm | State::StopSigkill => over(machine, name, outcome),
        State::Running if file.remain && outcome == Outcome::Success => enter(machine, name, State::Exited),
        State::Running | State::Start => {
            let starting = state == State::Start && file.kind == Type::Notify;
            enter_dead(machine, name, outcome, true);
            if starting {
                say(machine, name, &format!("Failed to start {}.", file.title()));
            }
            load::forget(machine, name);
        }
        State::Dead | State::Exited | State::Failed | State::AutoRestart => {}
    }
}

/// What was asked to end has ended.
fn over(machine: &mut Machine, name: &str, outcome: Outcome) {
    let Some(file) = machine.systemd.units.get(name).map(|unit| unit.file.clone()) else { return };
    enter_dead(machine, name, outcome, false);
    say(machine, name, &format!("Stopped {}.", file.title()));
}

/// A run is over with this result, unless it already had another one.
pub fn enter_dead(machine: &mut Machine, name: &str, outcome: Outcome, may_restart: bool) {
    let Some(unit) = machine.systemd.units.get_mut(name) else { return };
    if unit.result == Outcome::Success {
        unit.result = outcome;
    }
    unit.timer = None;
    let (result, policy) = (unit.result, unit.file.restart);
    let state = if result == Outcome::Success {
        say(machine, name, &format!("{name}: Deactivated successfully."));
        State::Dead
    } else {
        say(machine, name, &format!("{name}: Failed with result '{}'.", result.word()));
        State::Failed
    };
    enter(machine, name, state);
    if may_restart && result.restarts(policy) {
        schedule(machine, name);
    } else if let Some(unit) = machine.systemd.units.get_mut(name) {
        unit.restarts_over = true;
    }
}

/// The last part of a path.
pub fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
