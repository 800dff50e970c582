//! The driver: carries a procedure out on a host, as one operator, and writes the History. It concludes nothing.

use std::sync::Arc;

use operator_agent::protocol::{Happened, Monitoring, Request};

use crate::decide::DecidedBy;
use crate::history::What;
use crate::history::event::{Block, BlockEnd, Call, Event, Plan, PlannedAlerts};
use crate::host::{Host, HostError};
use crate::procedure::{Confirm, Procedure};
use crate::topology::Topology;

mod alerts;
mod captures;
mod desk;
mod failure;
mod moments;
mod page;
mod prerequisites;
mod procedure;
mod run_command;
#[cfg(test)]
mod scripted;
mod verification;

use desk::Desk;
pub use moments::Later;

/// Requests a second through the balancer: 8 for each tenant, below the node's limit of 10 (node-contract.md section 2).
pub(crate) const TRAFFIC_PER_SECOND: u64 = 24;
const TENANTS: [u64; 3] = [1, 2, 3];
/// The fast burn's threshold, 14.4 x 0.005 = 7.2 % of requests (node-contract.md section 8), rounded up. Of late answers it
/// is more than the 5 % that move a P95.
const RED_PERCENT: u64 = 8;
/// Full seconds of traffic that red first looks at, and how long it may take to turn red.
const RED_SECONDS: usize = 2;
const RED_WITHIN_US: u64 = 8_000_000;
/// How long a node that nobody rolls back is watched between the two looks that have to find it as it was: some whole seconds
/// of traffic. No promise of the runbook rests on it.
const LEFT_ALONE_US: u64 = 5_000_000;

/// The harness could not go on with a drill.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The host.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The bundle.
    #[error("cannot write the bundle: {0}")]
    Record(String),
}

/// Where the driver writes. Events get their numbers here.
pub trait Record {
    /// Writes an event and returns its number.
    fn event(&mut self, at_us: u64, what: What) -> Result<u64, DriveError>;

    /// Keeps a capture under its original name, and writes the event that says so.
    fn capture(&mut self, item: &str, name: &str, text: &str) -> Result<(), DriveError>;

    /// All events so far.
    fn events(&self) -> &[Event];
}

/// A drill to carry out on a machine that is up.
#[derive(Debug, Clone)]
pub struct Drill<'a> {
    /// What to do.
    pub plan: &'a Plan,
    /// The commands.
    pub procedure: &'a Procedure,
    /// The machine.
    pub topology: &'a Topology,
    /// Creation to the bad release's first answer through the balancer, milliseconds.
    pub create_to_answer_ms: u64,
    /// Faults that were brought about before the beginning: id and how.
    pub applied: Vec<(String, String)>,
    /// Faults that begin in the middle of it.
    pub later: &'a [Later],
    /// What the runbook's conditions come to, where the scenario says what the operator knows.
    pub decision: Option<&'a DecidedBy>,
    /// What is confirmed before the first step.
    pub confirm: Option<&'a Confirm>,
    /// How many of the tenants' clients call an export that traps.
    pub trapping_tenants: usize,
    /// The rules engine that the machine is to have, where the drill has alerts.
    pub monitoring: Option<&'a Arc<Monitoring>>,
}

/// How the procedure was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// Its block is over and the claim is met: verify.
    Ready,
    /// Nothing was stopped: the bad release serves as before.
    GivenUp,
    /// Something was stopped and the target is not there: failure path.
    Failed,
}

/// Carries a drill out. The first event is written by the caller, the last by whoever finishes the record.
pub fn drive(drill: &Drill<'_>, host: &mut dyn Host, record: &mut dyn Record) -> Result<(), DriveError> {
    let name = host.name().to_owned();
    let mut desk = Desk::new(host, record);
    // What was seen while the machine came up stands before it.
    let now = desk.host.now_us();
    desk.watch_until(now.saturating_add(1))?;
    desk.write(What::HostUp { name, create_to_answer_ms: drill.create_to_answer_ms })?;
    for (fault, how) in &drill.applied {
        desk.write(What::FaultApplied { fault: fault.clone(), how: how.clone(), at: None })?;
    }
    if let Some(monitoring) = drill.monitoring {
        desk.start_monitoring(monitoring)?;
    }
    desk.start_traffic(drill.trapping_tenants)?;
    if desk.leaves_alone(drill)? {
        return Ok(());
    }
    if desk.red_first(drill)? && desk.alert_first(drill)? {
        // What the operator found: only against this can the end show what else was touched.
        desk.see_machine("before")?;
        if let Some(why) = desk.confirm(drill)? {
            desk.write(What::Declined { by: "prerequisite".to_owned(), why })?;
            return desk.leave_alone(drill, "a prerequisite is not met, so nothing was done");
        }
        match desk.carry_out(drill)? {
            Left::Ready => desk.verify(drill)?,
            Left::GivenUp => desk.give_up(drill)?,
            Left::Failed => desk.failure_path(drill)?,
        }
        desk.let_held_invoke_end()?;
        desk.stop_traffic()?;
        desk.see_machine("end")?;
        desk.captures(drill)?;
    } else {
        desk.stop_traffic()?;
        desk.nothing_to_capture(drill, "the incident did not show in the traffic, so nothing was done")?;
    }
    Ok(())
}

impl Desk<'_> {
    fn start_traffic(&mut self, trapping: usize) -> Result<(), DriveError> {
        let request = Request::StartTraffic {
            per_second: TRAFFIC_PER_SECOND,
            tenants: TENANTS.to_vec(),
            trapping: TENANTS.iter().copied().take(trapping).collect(),
        };
        let (_, started) = self.answer(&request, |what| match what {
            Happened::TrafficStarted => Some(Ok(())),
            Happened::TrafficFailed { why } => Some(Err(why)),
            _ => None,
        })?;
        started.map_err(|why| self.silent(&format!("traffic cannot be started: {why}")))
    }

    fn stop_traffic(&mut self) -> Result<(), DriveError> {
        self.answer(&Request::StopTraffic, |what| matches!(what, Happened::TrafficStopped).then_some(()))?;
        Ok(())
    }

    /// Whether the runbook says not to roll back. Then the node is watched for a while, and left as it is.
    fn leaves_alone(&mut self, drill: &Drill<'_>) -> Result<bool, DriveError> {
        let decision = match drill.decision {
            None => return Ok(false),
            Some(DecidedBy::File(decision)) => decision.clone(),
            Some(DecidedBy::Alerts(question)) => Box::new(self.decide_by_alerts(drill, question)?),
        };
        let (call, words) = (decision.call, decision.words());
        self.write(What::Decided { decision })?;
        if call == Call::RollBack {
            return Ok(false);
        }
        self.write(What::Declined { by: "decision".to_owned(), why: words })?;
        self.see_machine("before")?;
        self.leave_alone(drill, "the runbook says not to roll back, so nothing was done")?;
        Ok(true)
    }

    /// Nothing of the procedure is begun: the node is watched for a while, and left as it is. `why` nothing is captured.
    fn leave_alone(&mut self, drill: &Drill<'_>, why: &str) -> Result<(), DriveError> {
        let until = self.host.now_us().saturating_add(LEFT_ALONE_US);
        self.watch_until(until)?;
        self.stop_traffic()?;
        self.see_machine("end")?;
        self.nothing_to_capture(drill, why)
    }

    /// Whether the incident shows in the traffic before anything is done (design.md, decision 8).
    fn red_first(&mut self, drill: &Drill<'_>) -> Result<bool, DriveError> {
        let of_latency = drill.plan.alerts.as_ref().is_some_and(PlannedAlerts::is_of_latency);
        let until = self.host.now_us().saturating_add(RED_WITHIN_US);
        loop {
            // The first second is not a full one.
            let full: Vec<u64> = self.seconds.keys().copied().skip(1).collect();
            let window = full.iter().rev().take(RED_SECONDS).filter_map(|second| self.seconds.get(second));
            let (mut requests, mut server_errors, mut late) = (0, 0, 0);
            for (of_second, errors_of_second, late_of_second) in window {
                requests += of_second;
                server_errors += errors_of_second;
                late += late_of_second;
            }
            let slow = of_latency.then_some(late);
            let shown = server_errors.max(slow.unwrap_or_default());
            let met = full.len() >= RED_SECONDS && shown * 100 >= requests * RED_PERCENT && requests > 0;
            if met || self.host.now_us() >= until {
                self.write(What::RedFirst { requests, server_errors, slow, wanted_percent: RED_PERCENT, met })?;
                return Ok(met);
            }
            let soon = self.host.now_us().saturating_add(100_000);
            self.watch_until(soon)?;
        }
    }

    fn let_held_invoke_end(&mut self) -> Result<(), DriveError> {
        // The node's own deadline is 30 s; the client's 35 s.
        let until = self.host.now_us().saturating_add(36_000_000);
        while self.holding && self.host.now_us() < until {
            let soon = self.host.now_us().saturating_add(50_000);
            self.watch_until(soon)?;
        }
        Ok(())
    }

    /// The machine as it is now, written down under a name.
    fn see_machine(&mut self, moment: &str) -> Result<(), DriveError> {
        let (at_us, (machine, healthz, build_info)) = self.answer(&Request::SeeMachine, |what| match what {
            Happened::MachineSeen { machine, healthz, build_info } => Some((machine, healthz, build_info)),
            _ => None,
        })?;
        self.record.event(at_us, What::MachineSeen { moment: moment.to_owned(), machine, healthz, build_info })?;
        Ok(())
    }

    fn begin_block(&mut self, block: Block, folder: Option<&str>) -> Result<(), DriveError> {
        if !self.shell_open {
            self.open_shell(folder)?;
        }
        self.write(What::BlockBegan { block })?;
        Ok(())
    }

    fn end_block(&mut self, block: Block, how: BlockEnd) -> Result<(), DriveError> {
        self.write(What::BlockEnded { block, how })?;
        Ok(())
    }
}
