//! The machine: everything that an operator's commands can touch, as one value, and virtual time that goes on only when
//! somebody waits.

use std::collections::{BTreeMap, VecDeque};

use operator_agent::protocol::{Happened, Report};

use crate::agent::AgentState;
use crate::calibration::Calibration;
use crate::docker::Docker;
use crate::monitoring::Monitor;
use crate::systemd::Systemd;
use crate::time::{Event, Queue, Us};
use crate::{Run, Stop, agent, docker, monitoring, systemd};

pub mod balancer;
pub mod boot;
pub mod files;
pub mod io;
pub mod journal;
pub mod net;
pub mod process;
pub mod users;

use balancer::Balancer;
use files::Files;
use io::Streams;
use journal::Journal;
use net::Net;
use process::{Pid, Process};

/// Wall clock of a machine at its agent's zero: 2026-01-01T00:00:00Z, in microseconds since 1970. Fixed, so that the same
/// seed gives the same bytes.
pub const EPOCH_UNIX_US: i64 = 1_767_225_600_000_000;
/// Events of one machine; a drill of an hour has some ten thousand.
const EVENTS_MAX: u64 = 50_000_000;

/// An operator's machine.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Microseconds since the agent began.
    pub now: Us,
    /// What is due.
    pub queue: Queue,
    /// Until when the strand may run; what is later ends it.
    pub deadline: Us,
    /// How long things take.
    pub calibration: Calibration,
    /// The file system.
    pub files: Files,
    /// Streams of commands.
    pub streams: Streams,
    /// Processes that live on.
    pub processes: BTreeMap<Pid, Process>,
    /// The network.
    pub net: Net,
    /// The load balancer.
    pub balancer: Balancer,
    /// The journal.
    pub journal: Journal,
    /// Units.
    pub systemd: Systemd,
    /// The container engine and the registry.
    pub docker: Docker,
    /// The git repository's history.
    pub git: crate::programs::git::Repositories,
    /// Its rules engine.
    pub monitor: Monitor,
    /// The harness's agent.
    pub agent: AgentState,
    /// What the agent has said and the harness has not yet read.
    pub reports: VecDeque<Report>,
    /// Processes of the strand's own foreground that have ended, until it looks.
    pub foreground_ended: BTreeMap<Pid, process::Exit>,
    /// Commands and shells of the strand inside each other.
    pub shell_nesting: u32,
    /// Texts that were parsed already; nothing that happens depends on what is in it.
    pub scripts: crate::shell::Scripts,
    /// Command lines of releases that were read already; the same.
    pub command_lines: crate::programs::tensor_wasm::CommandLines,
    last_pid: u32,
    random: u64,
    events: u64,
}

impl Machine {
    /// Says something to the harness, now.
    pub fn report(&mut self, what: Happened) {
        self.reports.push_back(Report { at_us: self.now, what });
    }

    /// Wall clock, microseconds since 1970.
    pub fn unix_us(&self) -> i64 {
        EPOCH_UNIX_US.saturating_add_unsigned(self.now)
    }

    /// A number below `below`, decided by the seed (splitmix64, Steele, Lea and Flood 2014).
    pub fn random(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % below.max(1)
    }

    /// From now on this seed decides what chance decides.
    pub fn reseed(&mut self, seed: u64) {
        self.random = seed;
    }

    /// A duration as it is on a real machine: up to a quarter more or less.
    pub fn about(&mut self, us: Us) -> Us {
        let spread = self.random(us / 2 + 1);
        us - us / 4 + spread
    }

    /// Lets everything happen that is due until then; time stands there afterwards.
    pub fn run_until(&mut self, until: Us) -> Run<()> {
        while let Some((at, event)) = self.queue.pop_until(until) {
            self.now = self.now.max(at);
            self.handle(event)?;
        }
        self.now = self.now.max(until);
        Ok(())
    }

    /// Lets events happen until one of them is reported, or until then; time stands there afterwards.
    pub fn run_to_report(&mut self, until: Us) -> Run<()> {
        while self.reports.is_empty() {
            let Some((at, event)) = self.queue.pop_until(until) else {
                self.now = self.now.max(until);
                return Ok(());
            };
            self.now = self.now.max(at);
            self.handle(event)?;
        }
        Ok(())
    }

    /// How many events there have been.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Lets events happen until there have been so many; time stands at `now` afterwards, as it did then.
    pub fn run_again(&mut self, events: u64, now: Us) -> Run<()> {
        while self.events < events {
            let Some((at, event)) = self.queue.pop_until(now) else { break };
            self.now = self.now.max(at);
            self.handle(event)?;
        }
        self.now = self.now.max(now);
        Ok(())
    }

    /// The strand waits for the next event, whatever it is. With nothing due at all it waits for its deadline.
    pub fn step(&mut self) -> Run<()> {
        match self.queue.pop_until(self.deadline) {
            Some((at, event)) => {
                self.now = self.now.max(at);
                self.handle(event)
            }
            None => {
                self.now = self.now.max(self.deadline);
                Err(Stop::Deadline)
            }
        }
    }

    /// The strand works, or sleeps, for so long.
    pub fn spend(&mut self, us: Us) -> Run<()> {
        let until = self.now.saturating_add(us);
        if until > self.deadline {
            self.run_until(self.deadline)?;
            return Err(Stop::Deadline);
        }
        self.run_until(until)
    }

    /// Whether the strand can spend so long, and nothing else happens until then.
    pub fn is_alone_for(&self, us: Us) -> bool {
        let until = self.now.saturating_add(us);
        until <= self.deadline && self.queue.next_at().is_none_or(|at| at > until)
    }

    /// The strand waits until something holds; false if it does not until then.
    pub fn wait_until(&mut self, until: Us, mut holds: impl FnMut(&Machine) -> bool) -> Run<bool> {
        loop {
            if holds(self) {
                return Ok(true);
            }
            if self.queue.next_at().is_none_or(|at| at > until) {
                let left = until.saturating_sub(self.now);
                self.spend(left)?;
                return Ok(holds(self));
            }
            self.step()?;
        }
    }

    fn handle(&mut self, event: Event) -> Run<()> {
        self.events += 1;
        if self.events > EVENTS_MAX {
            return Err(Stop::Unable(format!("more than {EVENTS_MAX} events on one simulated machine")));
        }
        match event {
            Event::Agent(event) => agent::event(self, event),
            Event::AsRoot(text, timeout) => agent::root::beside(self, &text, timeout)?,
            Event::Docker(event) => docker::event(self, event),
            Event::Monitoring(event) => monitoring::event(self, event),
            Event::Net(event) => self.net_event(event),
            Event::Process(pid, event) => self.process_event(pid, event),
            Event::Systemd(event) => systemd::event(self, event),
        }
        if let Some(what) = self.systemd.unable.take() {
            return Err(Stop::Unable(what));
        }
        Ok(())
    }
}
