//! A unit's state, as systemd.service(5) and `systemctl show` have it, and the words for how processes end.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::unit::{Restart, UnitFile};
use crate::machine::process::{Exit, Pid, Signal};
use crate::time::Us;

/// Where a unit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not running.
    Dead,
    /// Its commands run, or it is not ready yet.
    Start,
    /// Its main process runs.
    Running,
    /// Its commands ended well, and it counts as active.
    Exited,
    /// Told to end.
    StopSigterm,
    /// Made to end.
    StopSigkill,
    /// Not running, and its result is none that is wanted.
    Failed,
    /// It ended, and will be started again.
    AutoRestart,
}

impl State {
    /// `ActiveState`.
    pub fn active(self) -> &'static str {
        match self {
            State::Dead => "inactive",
            State::Start | State::AutoRestart => "activating",
            State::Running | State::Exited => "active",
            State::StopSigterm | State::StopSigkill => "deactivating",
            State::Failed => "failed",
        }
    }

    /// `SubState`.
    pub fn sub(self) -> &'static str {
        match self {
            State::Dead => "dead",
            State::Start => "start",
            State::Running => "running",
            State::Exited => "exited",
            State::StopSigterm => "stop-sigterm",
            State::StopSigkill => "stop-sigkill",
            State::Failed => "failed",
            State::AutoRestart => "auto-restart",
        }
    }

    /// Whether it counts as active.
    pub fn is_active(self) -> bool {
        matches!(self, State::Running | State::Exited)
    }

    fn is_inactive(self) -> bool {
        matches!(self, State::Dead | State::Failed)
    }
}

/// `Result`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// As it should be.
    Success,
    /// What it needs is not there.
    Resources,
    /// It did not end in time.
    Timeout,
    /// An exit status.
    ExitCode,
    /// A signal.
    Signal,
    /// Started too often.
    StartLimitHit,
}

impl Outcome {
    /// systemd's word.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::Resources => "resources",
            Outcome::Timeout => "timeout",
            Outcome::ExitCode => "exit-code",
            Outcome::Signal => "signal",
            Outcome::StartLimitHit => "start-limit-hit",
        }
    }

    /// Of a process's end. Ends by these signals are clean (systemd.service(5), `SuccessExitStatus=`).
    pub fn of(how: Exit) -> Outcome {
        match how {
            Exit::Status(0) | Exit::Signal(Signal::Term | Signal::Int) => Outcome::Success,
            Exit::Status(_) => Outcome::ExitCode,
            Exit::Signal(_) => Outcome::Signal,
        }
    }

    /// Whether the policy wants another start after it.
    pub fn restarts(self, policy: Restart) -> bool {
        match policy {
            Restart::No => false,
            Restart::Always => true,
            Restart::OnSuccess => self == Outcome::Success,
            Restart::OnFailure => self != Outcome::Success,
            Restart::OnAbnormal => matches!(self, Outcome::Signal | Outcome::Timeout),
            Restart::OnAbort => self == Outcome::Signal,
        }
    }
}

/// What a timer of a unit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// It is started again.
    Restart,
    /// It has had its time to end.
    Kill,
}

/// A timer that has been set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timer {
    /// Not before.
    pub at: Us,
    /// What for.
    pub due: Due,
}

/// A process that a unit has run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// `ExecStart`, `ExecStartPre`.
    pub key: &'static str,
    /// Its number.
    pub pid: Pid,
    /// Its command line, as written.
    pub words: Vec<String>,
    /// When it began.
    pub began: Us,
    /// How and when it ended.
    pub ended: Option<(Exit, Us)>,
}

/// A unit and all that happened to it.
#[derive(Debug, Clone)]
pub struct Unit {
    /// Its files.
    pub file: Arc<UnitFile>,
    /// Made by `systemd-run`; gone when it is over.
    pub transient: bool,
    /// Now.
    pub state: State,
    /// Of the last run.
    pub result: Outcome,
    /// The main process, while it lives.
    pub main: Option<Pid>,
    /// Whether the main process still is systemd's own child before its exec.
    pub before_exec: bool,
    /// What the main process has at its exec: read before its fork.
    pub environment: BTreeMap<String, String>,
    /// The last main process, and what ran in front of it, oldest first.
    pub ran: Vec<Ran>,
    /// Whether the last run's CPU time is known: a start that is refused as one too many forgets it.
    pub cpu_known: bool,
    /// `NRestarts`
    pub restarts: u32,
    /// The next start counts restarts from 0.
    pub restarts_over: bool,
    /// When the current window of starts began, and starts in it.
    pub starts: Option<(Us, u32)>,
    /// Its timer.
    pub timer: Option<Timer>,
    /// Raised with each timer and each start: events of earlier ones are void.
    pub turn: u64,
    /// `InvocationID`; 0 is none.
    pub invocation: u128,
    /// Times of its changes.
    pub left_inactive: Option<Us>,
    /// See `left_inactive`.
    pub became_active: Option<Us>,
    /// See `left_inactive`.
    pub left_active: Option<Us>,
    /// See `left_inactive`.
    pub became_inactive: Option<Us>,
}

impl Unit {
    /// One that has never run.
    pub fn new(file: Arc<UnitFile>) -> Unit {
        Unit {
            file,
            transient: false,
            state: State::Dead,
            result: Outcome::Success,
            main: None,
            before_exec: false,
            environment: BTreeMap::new(),
            ran: Vec::new(),
            cpu_known: false,
            restarts: 0,
            restarts_over: false,
            starts: None,
            timer: None,
            turn: 0,
            invocation: 0,
            left_inactive: None,
            became_active: None,
            left_active: None,
            became_inactive: None,
        }
    }

    /// Goes to another state; times are those that `systemctl show` has.
    pub fn enter(&mut self, state: State, now: Us) {
        let before = std::mem::replace(&mut self.state, state);
        if before.is_inactive() && !state.is_inactive() {
            // A restart is arranged after all has been said of the end before it, which `systemctl status` leaves out.
            self.left_inactive = Some(if state == State::AutoRestart { now.saturating_add(1) } else { now });
        }
        if !before.is_inactive() && state.is_inactive() {
            self.became_inactive = Some(now);
        }
        if !before.is_active() && state.is_active() {
            self.became_active = Some(now);
        }
        if before.is_active() && !state.is_active() {
            self.left_active = Some(now);
        }
    }

    /// The last main process.
    pub fn last_main(&self) -> Option<&Ran> {
        self.ran.iter().rev().find(|ran| ran.key == "ExecStart")
    }

    /// Notes a process's end.
    pub fn note_end(&mut self, pid: Pid, how: Exit, now: Us) {
        if let Some(ran) = self.ran.iter_mut().rev().find(|ran| ran.pid == pid) {
            ran.ended = Some((how, now));
        }
    }

    /// Counts a start; false if there were too many (systemd's `ratelimit_below`).
    pub fn may_start(&mut self, now: Us) -> bool {
        let (interval, burst) = (self.file.limit_interval, self.file.limit_burst);
        if interval == 0 || burst == 0 {
            return true;
        }
        match &mut self.starts {
            Some((began, count)) if now.saturating_sub(*began) <= interval => {
                *count += 1;
                *count <= burst
            }
            window => {
                *window = Some((now, 1));
                true
            }
        }
    }
}

/// `code=exited, status=1/FAILURE`, as the journal says it.
pub fn ended_in_journal(how: Exit) -> String {
    match how {
        Exit::Status(status) => format!("code=exited, status={status}/{}", status_name(status).unwrap_or("n/a")),
        Exit::Signal(signal) => format!("code=killed, status={}/{}", signal as i32, signal_name(signal)),
    }
}

/// `code=exited, status=1/FAILURE`, as `systemctl status` says it: names of init scripts' statuses are left out.
pub fn ended_in_status(how: Exit) -> String {
    match how {
        Exit::Status(status) => match status_name(status).filter(|_| !(2..=7).contains(&status)) {
            Some(name) => format!("code=exited, status={status}/{name}"),
            None => format!("code=exited, status={status}"),
        },
        Exit::Signal(signal) => format!("code=killed, signal={}", signal_name(signal)),
    }
}

/// A signal's name without SIG.
pub fn signal_name(signal: Signal) -> &'static str {
    match signal {
        Signal::Int => "INT",
        Signal::Kill => "KILL",
        Signal::Term => "TERM",
    }
}

/// systemd's name of an exit status (systemd.exec(5), "Process Exit Codes").
fn status_name(status: i32) -> Option<&'static str> {
    Some(match status {
        0 => "SUCCESS",
        1 => "FAILURE",
        2 => "INVALIDARGUMENT",
        3 => "NOTIMPLEMENTED",
        4 => "NOPERMISSION",
        5 => "NOTINSTALLED",
        6 => "NOTCONFIGURED",
        7 => "NOTRUNNING",
        64 => "USAGE",
        65 => "DATAERR",
        66 => "NOINPUT",
        69 => "UNAVAILABLE",
        70 => "SOFTWARE",
        71 => "OSERR",
        74 => "IOERR",
        75 => "TEMPFAIL",
        77 => "NOPERM",
        78 => "CONFIG",
        200 => "CHDIR",
        203 => "EXEC",
        216 => "GROUP",
        217 => "USER",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_told_in_systemds_words() {
        for (how, journal, status) in [
            (Exit::Status(1), "code=exited, status=1/FAILURE", "code=exited, status=1/FAILURE"),
            (Exit::Status(3), "code=exited, status=3/NOTIMPLEMENTED", "code=exited, status=3"),
            (Exit::Status(203), "code=exited, status=203/EXEC", "code=exited, status=203/EXEC"),
            (Exit::Status(101), "code=exited, status=101/n/a", "code=exited, status=101"),
            (Exit::Signal(Signal::Kill), "code=killed, status=9/KILL", "code=killed, signal=KILL"),
        ] {
            assert_eq!((ended_in_journal(how).as_str(), ended_in_status(how).as_str()), (journal, status));
        }
    }

    #[test]
    fn five_starts_in_ten_seconds_and_no_sixth() {
        let mut unit = Unit::new(Arc::new(UnitFile::empty("a.service", "/a")));
        let starts: Vec<bool> = (0..7).map(|at| unit.may_start(at * 1_000_000)).collect();
        assert_eq!(starts, [true, true, true, true, true, false, false]);
        assert!(unit.may_start(10_000_001), "the window began at 0 and lasts 10 s");
    }

    #[test]
    fn policies_restart_what_they_say() {
        for (policy, outcomes) in [
            (Restart::No, [false, false, false, false]),
            (Restart::OnFailure, [false, true, true, true]),
            (Restart::OnAbnormal, [false, false, true, true]),
            (Restart::OnAbort, [false, false, true, false]),
            (Restart::OnSuccess, [true, false, false, false]),
            (Restart::Always, [true, true, true, true]),
        ] {
            let all = [Outcome::Success, Outcome::ExitCode, Outcome::Signal, Outcome::Timeout];
            assert_eq!(all.map(|outcome| outcome.restarts(policy)), outcomes, "{policy:?}");
        }
    }
}
