//! The simulated host: the same requests and reports in virtual time, nothing is executed, opened or connected.

use std::collections::VecDeque;

use operator_agent::protocol::{Happened, Report, Request};
use simulated_host::{MachineSpec, SimulatedHost, Stop};

use super::{AsRoot, Host, HostError};

mod check;

pub use check::check;
pub use simulated_host::shell::Scripts;

/// For the History.
const NAME: &str = "simulated";
/// What an answer may take beyond the command's own ceiling, microseconds.
const ANSWER_US: u64 = 1_000_000;

/// A simulated operator host.
#[derive(Debug)]
pub struct SimHost {
    host: SimulatedHost,
    /// Microseconds from the machine's creation to the bad release's answer through the balancer.
    up_us: u64,
    /// Reports that were made while the machine was settled.
    seen: VecDeque<Report>,
}

/// A simulated machine that is up and settled.
#[derive(Debug)]
pub struct Settled {
    host: simulated_host::host::Settled,
    up_us: u64,
    seen: VecDeque<Report>,
}

impl Settled {
    /// The machine of a drill: from here on this seed decides what chance decides.
    pub fn begin(&self, seed: u64) -> SimHost {
        SimHost { host: self.host.begin(seed), up_us: self.up_us, seen: self.seen.clone() }
    }
}

impl SimHost {
    /// Boots a machine; the bad release answers through the balancer when this returns.
    pub fn start(spec: &MachineSpec, scripts: Scripts) -> Result<SimHost, HostError> {
        let host = SimulatedHost::start_with(spec, scripts).map_err(|bad| unable(&bad.0))?;
        Ok(SimHost { up_us: host.up_us(), host, seen: VecDeque::new() })
    }

    /// Creation to the bad release's first answer through the balancer, in the machine's time.
    pub fn create_to_answer_ms(&self) -> u64 {
        self.up_us / 1000
    }

    /// The host as it is now, for drills to begin on.
    ///
    /// # Errors
    /// [`HostError::Agent`] while something that was asked for is not over.
    pub fn settled(self) -> Result<Settled, HostError> {
        let host = self.host.settled().map_err(|_| unable("it is not settled: a request is in hand"))?;
        Ok(Settled { host, up_us: self.up_us, seen: self.seen })
    }

    fn read(&mut self, until_us: u64) -> Result<Option<Report>, HostError> {
        let report = self.host.next(until_us).map_err(|stop| match stop {
            Stop::Unable(why) => unable(&why),
            // Both are told as reports.
            Stop::Deadline | Stop::OutputLimit => unable("a command's end was lost"),
        })?;
        match report {
            Some(Report { what: Happened::Trouble { message }, .. }) => Err(unable(&message)),
            other => Ok(other),
        }
    }
}

fn unable(what: &str) -> HostError {
    HostError::Agent { host: NAME.to_owned(), what: what.to_owned() }
}

impl Host for SimHost {
    fn name(&self) -> &str {
        NAME
    }

    fn now_us(&self) -> u64 {
        self.host.now_us()
    }

    fn ask(&mut self, request: &Request) -> Result<(), HostError> {
        self.host.ask(request);
        Ok(())
    }

    fn next(&mut self, until_us: u64) -> Result<Option<Report>, HostError> {
        match self.seen.pop_front() {
            Some(report) => Ok(Some(report)),
            None => self.read(until_us),
        }
    }
}

impl AsRoot for SimHost {
    fn run_as_root(&mut self, text: &str, timeout_ms: u64) -> Result<(i32, String), HostError> {
        self.host.ask(&Request::RunAsRoot { text: text.to_owned(), timeout_ms });
        let until = self.host.now_us().saturating_add(timeout_ms.saturating_mul(1000)).saturating_add(ANSWER_US);
        while let Some(report) = self.read(until)? {
            match report.what {
                Happened::RootRan { exit, output, .. } => return Ok((exit, output)),
                _ => self.seen.push_back(report),
            }
        }
        Err(unable(&format!("no answer to `{text}`")))
    }
}
