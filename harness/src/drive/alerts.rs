//! Alerts: the rules engine before the incident, the alert that led here before step 1, and verification 4 and 5.

use operator_agent::protocol::{AlertState, Happened, Monitoring, Request};

use crate::criteria;
use crate::drive::desk::Desk;
use crate::drive::{Drill, DriveError};
use crate::history::What;
use crate::history::read;
use crate::judge::Outcome;
use crate::judge::alerts::pause_max_us;
use crate::judge::facts::Facts;

/// For the originating alert to fire once the rules engine runs, beyond its own `for`.
const FIRES_WITHIN_US: u64 = 20_000_000;
/// Between two looks at what has been seen meanwhile.
const LOOK_US: u64 = 100_000;

impl Desk<'_> {
    /// Gives the machine its rules engine.
    pub(super) fn start_monitoring(&mut self, monitoring: &Monitoring) -> Result<(), DriveError> {
        let request = Request::StartMonitoring { monitoring: Box::new(monitoring.clone()) };
        let (_, started) = self.answer(&request, |what| match what {
            Happened::MonitoringStarted => Some(Ok(())),
            Happened::MonitoringFailed { why } => Some(Err(why)),
            _ => None,
        })?;
        started.map_err(|why| self.silent(&format!("the rules engine cannot be started: {why}")))?;
        self.write(What::MonitoringBegan)?;
        Ok(())
    }

    /// Whether the alert that led here fires before anything is done (design.md, decision 8), where the drill has alerts.
    pub(super) fn alert_first(&mut self, drill: &Drill<'_>) -> Result<bool, DriveError> {
        let Some(alerts) = &drill.plan.alerts else { return Ok(true) };
        let wait_us = alerts.hold_ms.saturating_mul(1000).saturating_add(FIRES_WITHIN_US);
        let until = self.host.now_us().saturating_add(wait_us);
        loop {
            let state = self.alerts.get(&alerts.originating).copied().unwrap_or(AlertState::Inactive);
            let met = state == AlertState::Firing;
            if met || self.host.now_us() >= until {
                self.write(What::AlertFirst { alert: alerts.originating.clone(), state, met })?;
                return Ok(met);
            }
            let soon = self.host.now_us().saturating_add(LOOK_US);
            self.watch_until(soon)?;
        }
    }

    /// Watches until a criterion of alerts passes, or the runbook's time for it is over.
    pub(super) fn watch_alerts(&mut self, drill: &Drill<'_>, criterion: &str) -> Result<(), DriveError> {
        let Some(alerts) = &drill.plan.alerts else { return Ok(()) };
        let Some(criterion) = criteria::find(criterion) else { return Ok(()) };
        let from_us = self.host.now_us();
        // The runbook's time counts from the restart, and an alert that clears at its very end is held, too, which only
        // looks can show.
        let restarted_us = self.ready.map_or(from_us, |ready| ready.at_us);
        let within_ms = alerts.clears_within_ms.to.saturating_add(alerts.hold_ms);
        let until = restarted_us.saturating_add(within_ms.saturating_mul(1000)).saturating_add(pause_max_us(alerts));
        let mut seen = 0;
        loop {
            // The oracle is asked anew where there is news of alerts.
            let told =
                self.record.events().iter().filter(|event| matches!(event.what, What::AlertsSeen { .. })).count();
            if told != seen && self.passes(criterion) {
                break;
            }
            seen = told;
            if self.host.now_us() >= until {
                break;
            }
            let soon = self.host.now_us().saturating_add(LOOK_US).min(until);
            self.watch_until(soon)?;
        }
        let until_us = self.host.now_us();
        self.write(What::Watched { criterion: criterion.id().to_owned(), from_us, until_us })?;
        Ok(())
    }

    fn passes(&self, criterion: &dyn criteria::Criterion) -> bool {
        let events = self.record.events();
        let cut = read::cut(events);
        let facts = Facts::of_events(events, cut.as_deref());
        facts.is_some_and(|facts| criteria::oracle(criterion, &facts) == Outcome::Pass)
    }
}
