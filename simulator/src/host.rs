//! A simulated operator host: takes the harness's requests and gives the agent's reports, in virtual time.
//!
//! A request that takes time (a command, a measurement) runs ahead as one strand until it is over or until the moment up to
//! which the harness waits. Mostly that moment is only reached by a command that the harness then kills. Where the harness
//! goes on to wait for it, or asks for something at a moment before the strand's end, the machine is taken again as it was in
//! the beginning and everything is carried out again up to that moment: same machine, same requests, same machine.

use std::collections::VecDeque;
use std::sync::Arc;

use operator_agent::protocol::{CommandReport, Happened, Report, Request};

use crate::agent::root::syntax_error;
use crate::agent::{self, files, hold, look, measure, root, traffic};
use crate::machine::Machine;
use crate::machine::io::{Io, OUTPUT_MAX};
use crate::machine::users::by_name;
use crate::shell::{Context, Scripts, Shell};
use crate::spec::MachineSpec;
use crate::time::{Event, MS, SECOND, Us};
use crate::{BadMachine, Run, Stop, monitoring};

mod settled;

use settled::Beginning;
pub use settled::Settled;

/// Where a machine counts as broken: from its beginning to the bad release's answer; as `BRING_UP` of the container host.
const BRING_UP: Us = 60 * SECOND;
/// Between two looks whether it answers.
const LOOK: Us = 20 * MS;
/// PATH after `setpriv --reset-env` (setpriv(1)), for a user who is not root.
const USER_PATH: &str = "/usr/local/bin:/bin:/usr/bin";

/// A request, and when it was made.
#[derive(Debug, Clone)]
struct Asked {
    at: Us,
    /// It was made before the end of what runs ahead.
    in_between: bool,
    request: Request,
}

/// A request that was carried out, after which event, and until when at the most; and what root was asked in the middle of it.
#[derive(Debug, Clone)]
struct Step {
    /// How many events came before it.
    events: u64,
    at: Us,
    until: Us,
    request: Arc<Request>,
    beside: Vec<(Us, Event)>,
}

/// A command that is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InHand {
    /// The moment up to which the harness waited came first.
    CutOff,
    /// It wrote too much.
    OverLimit,
}

/// A simulated operator host.
#[derive(Debug, Clone)]
pub struct SimulatedHost {
    /// The machine.
    pub machine: Machine,
    beginning: Beginning,
    up: Us,
    /// The operator's shell, if one is open.
    shell: Option<Shell>,
    /// When the last command was handed over, until it is over.
    command_began: Option<Us>,
    in_hand: Option<InHand>,
    /// What was asked and is not carried out yet.
    waiting: VecDeque<Asked>,
    /// What was carried out since the beginning, in order.
    steps: Vec<Step>,
    /// Reports that the harness has read since the beginning.
    read: usize,
    /// Up to where the harness has read.
    now: Us,
}

impl SimulatedHost {
    /// Boots a machine; the bad release answers through the balancer when this returns.
    ///
    /// # Errors
    /// A description that is not of a machine that can be modelled, or one whose node does not come up.
    pub fn start(spec: &MachineSpec) -> Result<SimulatedHost, BadMachine> {
        SimulatedHost::start_with(spec, Scripts::default())
    }

    /// The same, with texts that were parsed before; clones share them, so what this host parses the next one need not.
    ///
    /// # Errors
    /// As [`SimulatedHost::start`].
    pub fn start_with(spec: &MachineSpec, scripts: Scripts) -> Result<SimulatedHost, BadMachine> {
        agent::check(&spec.setup)?;
        let mut machine = Machine::boot_with(spec, scripts)?;
        let stopped = |stop: Stop| match stop {
            Stop::Unable(why) => BadMachine(why),
            Stop::Deadline | Stop::OutputLimit => BadMachine("the machine did not come up".into()),
        };
        let answers = |machine: &mut Machine| -> Run<bool> {
            while machine.now < BRING_UP {
                if look::answers_upstream(machine)? {
                    return Ok(true);
                }
                machine.spend(LOOK)?;
            }
            Ok(false)
        };
        if !answers(&mut machine).map_err(stopped)? {
            let within = BRING_UP / SECOND;
            return Err(BadMachine(format!("the bad release does not answer through the balancer within {within} s")));
        }
        let (up, now) = (machine.calibration.agent.boot_us.saturating_add(machine.now), machine.now);
        Ok(SimulatedHost::at(Beginning { machine: Arc::new(machine), shell: None, seed: None }, up, now))
    }

    fn at(beginning: Beginning, up: Us, now: Us) -> SimulatedHost {
        SimulatedHost {
            machine: beginning.machine(),
            shell: beginning.shell.clone(),
            beginning,
            up,
            command_began: None,
            in_hand: None,
            waiting: VecDeque::new(),
            steps: Vec::new(),
            read: 0,
            now,
        }
    }

    /// Microseconds from the machine's creation to the bad release's first answer through the balancer.
    pub fn up_us(&self) -> Us {
        self.up
    }

    /// Now, as the harness has read it: microseconds on the agent's clock.
    pub fn now_us(&self) -> Us {
        self.now
    }

    /// Takes a request.
    pub fn ask(&mut self, request: &Request) {
        let in_between = self.machine.now > self.now;
        self.waiting.push_back(Asked { at: self.now, in_between, request: request.clone() });
    }

    /// The next report, or `None` at that moment.
    ///
    /// # Errors
    /// [`Stop::Unable`] for what the simulator cannot carry on.
    pub fn next(&mut self, until: Us) -> Result<Option<Report>, Stop> {
        loop {
            if let Some(asked) = self.waiting.front().filter(|asked| asked.in_between) {
                let at = asked.at;
                self.carry_out_again(at)?;
                self.waiting.iter_mut().for_each(|asked| asked.in_between = false);
            }
            if let Some(report) = self.machine.reports.front() {
                if report.at_us > until {
                    break;
                }
                self.now = self.now.max(report.at_us);
                self.read += 1;
                return Ok(self.machine.reports.pop_front());
            }
            if let Some(asked) = self.waiting.pop_front() {
                self.begin(asked.request, until)?;
            } else if self.in_hand == Some(InHand::CutOff) && self.steps.last().is_some_and(|step| step.until < until) {
                self.carry_out_again(until)?;
            } else if self.in_hand == Some(InHand::CutOff) {
                break;
            } else {
                self.machine.run_to_report(until)?;
                if self.machine.reports.is_empty() {
                    break;
                }
            }
        }
        self.now = self.now.max(until);
        Ok(None)
    }

    fn begin(&mut self, request: Request, until: Us) -> Result<(), Stop> {
        if let (Some(InHand::CutOff), Request::RunAsRoot { text, timeout_ms }) = (self.in_hand, &request)
            && let Some(step) = self.steps.last_mut()
        {
            let asked = Event::AsRoot(text.clone(), timeout_ms.saturating_mul(MS));
            step.beside.push((self.now, asked));
            return self.carry_out_again(until);
        }
        if self.in_hand.is_some() && request != Request::KillShell {
            return Err(Stop::Unable(format!("{request:?} was asked while a command is in hand")));
        }
        let (events, at) = (self.machine.events(), self.machine.now);
        self.steps.push(Step { events, at, until, request: Arc::new(request), beside: Vec::new() });
        self.carry_out(self.steps.len() - 1)
    }

    /// Makes the machine again as it was at this moment, with what was asked before then.
    fn carry_out_again(&mut self, until: Us) -> Result<(), Stop> {
        let mut again = SimulatedHost::at(self.beginning.clone(), self.up, self.now);
        again.steps = std::mem::take(&mut self.steps);
        for place in 0..again.steps.len() {
            let last = place + 1 == again.steps.len();
            let Some(step) = again.steps.get_mut(place) else { break };
            if last {
                step.until = until;
            }
            let (events, at) = (step.events, step.at);
            again.machine.run_again(events, at)?;
            again.carry_out(place)?;
        }
        if again.in_hand.is_none() {
            again.machine.run_until(until)?;
        }
        again.machine.reports.drain(..self.read.min(again.machine.reports.len()));
        (again.read, again.now) = (self.read, self.now);
        again.waiting = std::mem::take(&mut self.waiting);
        *self = again;
        Ok(())
    }

    fn carry_out(&mut self, place: usize) -> Result<(), Stop> {
        let Some(Step { until, request, beside, .. }) = self.steps.get(place).cloned() else { return Ok(()) };
        for (at, asked) in beside {
            self.machine.queue.push(at, asked);
        }
        self.machine.deadline = until;
        let done = self.request(&request);
        self.machine.deadline = Us::MAX;
        // A strand that was cut off left its shells in the middle.
        self.machine.shell_nesting = 0;
        match done {
            Ok(()) => Ok(()),
            Err(Stop::Deadline) => {
                self.in_hand = Some(InHand::CutOff);
                Ok(())
            }
            Err(Stop::OutputLimit) => {
                self.in_hand = Some(InHand::OverLimit);
                self.machine.report(Happened::OutputLimit { limit: OUTPUT_MAX });
                Ok(())
            }
            Err(unable) => Err(unable),
        }
    }

    fn request(&mut self, request: &Request) -> Run<()> {
        let machine = &mut self.machine;
        match request {
            // It has begun with the machine.
            Request::Begin { .. } => machine.report(Happened::Hello),
            Request::OpenShell { folder } => return self.open_shell(folder.as_deref()),
            Request::Run { text } => return self.run(text),
            Request::KillShell => return self.kill_shell(),
            Request::RunAsRoot { text, timeout_ms } => {
                let ran = root::run(machine, text, timeout_ms.saturating_mul(MS))?;
                let root::Ran { exit, output, output_bytes } = ran;
                machine.report(Happened::RootRan { exit, output, output_bytes });
            }
            Request::StartTraffic { per_second, tenants, trapping } => {
                return traffic::start(machine, *per_second, tenants, trapping);
            }
            Request::StartMonitoring { monitoring } => return monitoring::start(machine, monitoring),
            Request::SeeFiring { graphs } => monitoring::firing(machine, graphs),
            Request::HoldInvoke { hold_ms } => return hold::hold(machine, *hold_ms),
            Request::StopTraffic => return traffic::stop(machine),
            Request::MeasureHealth { probes, pause_ms } => return measure::health(machine, *probes, *pause_ms),
            Request::FetchMetricsTwice { apart_ms, invokes } => return measure::metrics(machine, *apart_ms, *invokes),
            Request::SeeMachine => return look::machine(machine),
            Request::SeeRecords { since_us } => return look::records(machine, *since_us),
            Request::SeeUpstream => return look::upstream(machine),
            Request::ReadFile { path } => files::read(machine, path),
            Request::Glob { pattern } => files::glob(machine, pattern),
            Request::Sync { token } => machine.report(Happened::Synced { token: *token }),
        }
        Ok(())
    }

    fn open_shell(&mut self, folder: Option<&str>) -> Run<()> {
        let setup = self.machine.agent.setup.clone();
        let name = setup.as_ref().map_or("", |setup| setup.operator.as_str());
        let unable = |why: &str| Stop::Unable(format!("cannot open a shell for {name}: {why}"));
        let user = by_name(name).ok_or_else(|| unable("no such user on an operator host"))?;
        let cwd = folder.unwrap_or(user.home);
        // The agent goes there as root.
        self.machine
            .files
            .resolve(crate::machine::users::ROOT, "/", cwd)
            .map_err(|error| unable(&format!("{cwd}: {}", error.text())))?;
        let time = self.machine.calibration.agent.open_shell_us;
        self.machine.spend(time)?;
        let environment = [
            ("HOME", user.home),
            ("LOGNAME", user.name),
            ("PATH", USER_PATH),
            ("PWD", cwd),
            ("SHELL", "/bin/bash"),
            ("SHLVL", "0"),
            ("TERM", "dumb"),
            ("USER", user.name),
        ];
        let context = Context {
            user: user.uid,
            cwd: cwd.to_owned(),
            umask: 0o022,
            environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect(),
            io: Io::operator(),
        };
        self.shell = Some(Shell::new(context, &["bash".to_owned()]));
        self.machine.report(Happened::ShellOpened);
        Ok(())
    }

    fn run(&mut self, text: &str) -> Run<()> {
        let Some(shell) = self.shell.as_mut() else {
            return Err(Stop::Unable("a command was handed over, but no shell is open".into()));
        };
        let machine = &mut self.machine;
        let way = machine.calibration.agent.hand_over_us;
        (machine.streams.command, machine.streams.command_bytes) = (Vec::new(), 0);
        machine.streams.own_words = false;
        self.command_began = Some(machine.now);
        machine.spend(way)?;
        let began = machine.now;
        self.command_began = Some(began);
        let (exit, pipe, shell_ended) = match machine.scripts.parse(text) {
            Ok(script) => {
                let ended = shell.eval(machine, &script)?;
                (ended.status, ended.pipe, ended.shell_ended)
            }
            Err(refused) => {
                let _ = machine.write(&crate::machine::io::Output::Command, syntax_error(&refused).as_bytes())?;
                (2, vec![2], false)
            }
        };
        let ended_us = machine.now;
        self.command_began = None;
        agent::command_ended(machine);
        let bytes = std::mem::take(&mut machine.streams.command);
        let report = CommandReport {
            exit,
            pipe: if shell_ended { Vec::new() } else { pipe },
            output: into_text(bytes),
            output_bytes: machine.streams.command_bytes,
            own_words: std::mem::take(&mut machine.streams.own_words),
            began_us: began,
            ended_us,
        };
        if shell_ended {
            self.shell = None;
            machine.report(Happened::ShellEnded { report });
        } else {
            machine.report(Happened::CommandEnded { report });
        }
        Ok(())
    }

    fn kill_shell(&mut self) -> Run<()> {
        let began_us = self.command_began.take();
        self.in_hand = None;
        let output = std::mem::take(&mut self.machine.streams.command);
        if self.shell.take().is_some() {
            let time = self.machine.calibration.agent.kill_shell_us;
            // It is killed whatever the harness waits for.
            let until = self.machine.now.saturating_add(time);
            self.machine.run_until(until)?;
        }
        let output = if began_us.is_some() { into_text(output) } else { String::new() };
        self.machine.report(Happened::ShellKilled { gone: true, output, began_us });
        Ok(())
    }
}

fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
pub(crate) mod tests;
