//! Verbs that the manager carries out as jobs, and that wait for their end.

use super::{Invocation, unable};
use crate::machine::Machine;
use crate::systemd::load;
use crate::systemd::start::{self, Job};
use crate::systemd::state::{Outcome, State};
use crate::systemd::stop;
use crate::systemd::unit::Type;
use crate::{Run, Stop};

/// Which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// start
    Start,
    /// stop
    Stop,
    /// restart
    Restart,
    /// try-restart
    TryRestart,
    /// reload
    Reload,
}

impl Verb {
    fn word(self) -> &'static str {
        match self {
            Verb::Start => "start",
            Verb::Stop => "stop",
            Verb::Restart => "restart",
            Verb::TryRestart => "try-restart",
            Verb::Reload => "reload",
        }
    }
}

/// Carries a verb out on all units of a call.
pub fn run(machine: &mut Machine, said: &Invocation<'_, '_>, verb: Verb) -> Run<i32> {
    let mut refused = 0;
    let mut job_failed = false;
    for name in &said.units {
        if !said.is_root() {
            // There is no polkit on an operator host that could be asked.
            say_refused(machine, said, verb, name, "Access denied", true)?;
            refused = if refused == 0 { 4 } else { refused };
            continue;
        }
        let (status, failed) = one(machine, said, verb, name)?;
        refused = if refused == 0 { status } else { refused };
        job_failed |= failed;
    }
    Ok(if job_failed { 1 } else { refused })
}

fn say_refused(
    machine: &mut Machine,
    said: &Invocation<'_, '_>,
    verb: Verb,
    name: &str,
    why: &str,
    see_logs: bool,
) -> Run<()> {
    said.complain(machine, &format!("Failed to {} {name}: {why}", verb.word()))?;
    if see_logs {
        said.complain(machine, &format!("See system logs and 'systemctl status {name}' for details."))?;
    }
    Ok(())
}

/// The status with which the manager refused, and whether a job failed.
fn one(machine: &mut Machine, said: &Invocation<'_, '_>, verb: Verb, name: &str) -> Run<(i32, bool)> {
    if !load::load(machine, name)? {
        let why = if verb == Verb::Stop { "not loaded" } else { "not found" };
        say_refused(machine, said, verb, name, &format!("Unit {name} {why}."), false)?;
        return Ok((5, false));
    }
    said.warn_if_changed(machine, name)?;
    let Some(unit) = machine.systemd.units.get(name) else { return Ok((5, false)) };
    let (state, file) = (unit.state, unit.file.clone());
    if file.masked && verb != Verb::Stop {
        say_refused(machine, said, verb, name, &format!("Unit {name} is masked."), false)?;
        return Ok((1, false));
    }
    let no_block = said.said.has("no-block");
    let waits = file.kind == Type::Oneshot || !file.start_pre.is_empty() || verb != Verb::Start;
    if no_block && waits {
        return Err(unable(&format!("--no-block of `{} {name}`", verb.word())));
    }
    match verb {
        Verb::Reload if file.builtin.is_some() => Err(unable(&format!("`reload` of {name}"))),
        Verb::Reload => {
            let why = format!("Job type reload is not applicable for unit {name}.");
            say_refused(machine, said, verb, name, &why, false)?;
            Ok((3, false))
        }
        Verb::Stop => stop::stop(machine, name).map(|()| (0, false)),
        Verb::TryRestart if matches!(state, State::Dead | State::Failed) => {
            load::forget(machine, name);
            Ok((0, false))
        }
        Verb::Start => started(machine, said, name),
        Verb::Restart | Verb::TryRestart => {
            stop::stop(machine, name)?;
            started(machine, said, name)
        }
    }
}

fn started(machine: &mut Machine, said: &Invocation<'_, '_>, name: &str) -> Run<(i32, bool)> {
    let quiet = said.said.has("quiet");
    match start::start(machine, name)? {
        Job::Done => return Ok((0, false)),
        // They were loaded before.
        Job::NotFound | Job::Masked => return Err(Stop::Unable(format!("{name} was lost while it was restarted"))),
        Job::Dependency => {
            if !quiet {
                let line = format!("A dependency job for {name} failed. See 'journalctl -xe' for details.");
                said.complain(machine, &line)?;
            }
        }
        Job::Failed if quiet => {}
        Job::Failed => {
            let result = machine.systemd.units.get(name).map_or(Outcome::ExitCode, |unit| unit.result);
            let why = match result {
                Outcome::Resources => "of unavailable resources or another system error",
                Outcome::Timeout => "a timeout was exceeded",
                Outcome::Signal => "a fatal signal was delivered to the control process",
                Outcome::StartLimitHit => "start of the service was attempted too often",
                Outcome::ExitCode | Outcome::Success => "the control process exited with error code",
            };
            said.complain(machine, &format!("Job for {name} failed because {why}."))?;
            let see = format!("See \"systemctl status {name}\" and \"journalctl -xeu {name}\" for details.");
            said.complain(machine, &see)?;
            if result == Outcome::StartLimitHit {
                said.complain(machine, &format!("To force a start use \"systemctl reset-failed {name}\""))?;
                said.complain(machine, &format!("followed by \"systemctl start {name}\" again."))?;
            }
        }
    }
    load::forget(machine, name);
    Ok((0, true))
}
