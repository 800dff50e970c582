//! The driver's desk: hands requests to the host, writes what it reports into the History, and keeps what the driver
//! itself has to know to go on. It concludes nothing that a judge concludes.

use std::collections::{BTreeMap, BTreeSet};

use operator_agent::protocol::{AlertState, Happened, Page, Report, Request};

use crate::drive::moments::Due;
use crate::drive::{DriveError, Record};
use crate::history::What;
use crate::host::{Host, HostError};

/// How long the host may take for work of the harness's own (not the operator's): looks, captures, single requests.
const ANSWER_WITHIN_US: u64 = 30_000_000;
/// The most that one pair of probes takes in a measurement: the agent gives each 1 s (`operator-agent/src/measure.rs`).
const PROBE_PAIR_US: u64 = 2_000_000;

/// Everything a block, a check or a capture needs.
pub struct Desk<'a> {
    pub(super) host: &'a mut dyn Host,
    pub(super) record: &'a mut dyn Record,
    /// Commands begun so far in this drill.
    pub(super) runs: u32,
    /// End of the first start-class command, host's clock.
    pub(super) start_ended_us: Option<u64>,
    /// Beginning of the first start-class command, host's clock.
    pub(super) start_began_us: Option<u64>,
    /// The first 200 of a probe begun after the first start-class command had ended.
    pub(super) ready: Option<Ready>,
    /// Whether a shell is open.
    pub(super) shell_open: bool,
    /// Traffic by second, for red first: requests, and those of them that were answered 5xx, and late.
    pub(super) seconds: BTreeMap<u64, (u64, u64, u64)>,
    /// Alerts as they were seen last.
    pub(super) alerts: BTreeMap<String, AlertState>,
    /// Whether a sev-1 page has been received.
    pub(super) paged: bool,
    /// Whether a held invoke is still in flight.
    pub(super) holding: bool,
    /// What the last command that failed came to, in words for a page.
    pub(super) last_failed: Option<String>,
    /// Which of the faults that begin in the middle of the drill have begun.
    pub(super) begun: BTreeSet<usize>,
    /// What begins while the next command runs, the earliest first.
    pub(super) due: Vec<Due>,
}

/// When the node was seen ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// Host's clock.
    pub at_us: u64,
    /// `probe` or `wait`.
    pub seen_by: &'static str,
}

impl<'a> Desk<'a> {
    /// A desk before anything has happened.
    pub fn new(host: &'a mut dyn Host, record: &'a mut dyn Record) -> Desk<'a> {
        Desk {
            host,
            record,
            runs: 0,
            start_ended_us: None,
            start_began_us: None,
            ready: None,
            shell_open: false,
            seconds: BTreeMap::new(),
            alerts: BTreeMap::new(),
            paged: false,
            holding: false,
            last_failed: None,
            begun: BTreeSet::new(),
            due: Vec::new(),
        }
    }

    /// Writes an event of the driver's own, now.
    pub fn write(&mut self, what: What) -> Result<u64, DriveError> {
        let now = self.host.now_us();
        self.record.event(now, what)
    }

    /// Hands over a request.
    pub fn ask(&mut self, request: &Request) -> Result<(), DriveError> {
        Ok(self.host.ask(request)?)
    }

    /// Waits for the next report that is an answer; observations on the way are written down. `None`: the time is over.
    pub fn next(&mut self, until_us: u64) -> Result<Option<Report>, DriveError> {
        loop {
            let Some(report) = self.host.next(until_us)? else { return Ok(None) };
            if let Some(answer) = self.observe(report)? {
                return Ok(Some(answer));
            }
            // An observation can be what the caller waits for (a 200): let it look.
            if self.ready.is_some() || self.host.now_us() >= until_us {
                return Ok(None);
            }
        }
    }

    /// Asks for work of the harness's own and waits for its answer.
    pub fn answer<T>(
        &mut self,
        request: &Request,
        mut pick: impl FnMut(Happened) -> Option<T>,
    ) -> Result<(u64, T), DriveError> {
        self.ask(request)?;
        let within_us = answer_within_us(request);
        let until = self.host.now_us().saturating_add(within_us);
        loop {
            let Some(report) = self.host.next(until)? else {
                return Err(self.silent(&format!("no answer to {request:?} within {} s", within_us / 1_000_000)));
            };
            let at_us = report.at_us;
            if let Some(other) = self.observe(report)?
                && let Some(answer) = pick(other.what)
            {
                return Ok((at_us, answer));
            }
        }
    }

    /// Writes observations down until a moment of the host's clock.
    pub fn watch_until(&mut self, until_us: u64) -> Result<(), DriveError> {
        while self.host.now_us() < until_us {
            if let Some(report) = self.host.next(until_us)? {
                self.observe(report)?;
            }
        }
        Ok(())
    }

    /// An error that names the host.
    pub fn silent(&self, what: &str) -> DriveError {
        DriveError::Host(HostError::Agent { host: self.host.name().to_owned(), what: what.to_owned() })
    }

    /// Writes an observation down; gives back what is an answer.
    fn observe(&mut self, report: Report) -> Result<Option<Report>, DriveError> {
        let at_us = report.at_us;
        let what = match report.what {
            Happened::ProbeChanged { sample } => {
                let begun = at_us.saturating_sub(sample.latency_us);
                if sample.outcome.is_ok()
                    && self.ready.is_none()
                    && self.start_ended_us.is_some_and(|ended| begun >= ended)
                {
                    self.ready = Some(Ready { at_us, seen_by: "probe" });
                }
                What::ProbeChanged { outcome: sample.outcome, latency_us: sample.latency_us }
            }
            Happened::BalancerChanged { in_rotation, state } => What::BalancerChanged { in_rotation, state },
            Happened::NodeStarted { process } => What::NodeStarted { process },
            Happened::NodeExited { pid } => What::NodeExited { pid },
            Happened::ListenersChanged { listeners } => What::ListenersChanged { listeners },
            Happened::Traffic { second, outcomes, slow } => {
                let server_errors = outcomes.iter().filter(|(word, _)| word.starts_with('5')).map(|(_, count)| *count);
                self.seconds.insert(second, (outcomes.values().sum(), server_errors.sum(), slow));
                What::Traffic { second, outcomes, slow }
            }
            Happened::AlertsSeen { alerts, readings, scrape } => {
                self.alerts = alerts.clone();
                What::AlertsSeen { alerts, readings, scrape }
            }
            // Not an error of the harness: an operator whose monitoring dies has a rollback to end all the same.
            Happened::AlertsUnseen { why } => What::AlertsUnseen { why },
            Happened::Notified { alert, key, resolved } => What::Notified { alert, key, resolved },
            Happened::HeldInvokeEnded { outcome, began_us, ended_us } => {
                self.holding = false;
                What::HeldInvoke { outcome, began_us, ended_us }
            }
            Happened::Paged { to, page: Page { key, severity, reason, evidence } } => {
                self.paged = true;
                What::Paged { to, key, severity, reason, evidence }
            }
            _ => return Ok(Some(report)),
        };
        self.record.event(at_us, what)?;
        Ok(None)
    }
}

/// How long an answer may take: a node that answers late makes each probe of a measurement late.
fn answer_within_us(request: &Request) -> u64 {
    match request {
        Request::MeasureHealth { probes, pause_ms } => {
            let each = PROBE_PAIR_US.saturating_add(pause_ms.saturating_mul(1000));
            ANSWER_WITHIN_US.saturating_add(each.saturating_mul(u64::from(*probes)))
        }
        _ => ANSWER_WITHIN_US,
    }
}
