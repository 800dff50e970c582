//! Alerts: the rules engine before the incident, the alert that led here before step 1, and verification 4 and 5.

use std::sync::Arc;

use operator_agent::protocol::{AlertState, Happened, Monitoring, Request};

use crate::criteria;
use crate::decide::Question;
use crate::decide::question::Looked;
use crate::drive::desk::Desk;
use crate::drive::{Drill, DriveError};
use crate::history::What;
use crate::history::event::{Decision, PlannedAlerts};
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
    pub(super) fn start_monitoring(&mut self, monitoring: &Arc<Monitoring>) -> Result<(), DriveError> {
        let request = Request::StartMonitoring { monitoring: monitoring.clone() };
        let (_, started) = self.answer(&request, |what| match what {
            Happened::MonitoringStarted => Some(Ok(())),
            Happened::MonitoringFailed { why } => Some(Err(why)),
            _ => None,
        })?;
        started.map_err(|why| self.silent(&format!("the rules engine cannot be started: {why}")))?;
        self.write(What::MonitoringBegan)?;
        Ok(())
    }

    /// Asks the conditions for a rollback of the alerts that the notifier has firing. Whoever was called looks once the alert
    /// is there that called, or when it should have been.
    pub(super) fn decide_by_alerts(&mut self, drill: &Drill<'_>, question: &Question) -> Result<Decision, DriveError> {
        let Some(alerts) = &drill.plan.alerts else { return Ok(question.by_file().decision()) };
        let until = self.fires_until(alerts);
        let request = Request::SeeFiring { graphs: question.graphs(alerts.scale) };
        loop {
            let (at_us, (firing, graphs, failure)) = self.answer(&request, |what| match what {
                Happened::FiringSeen { firing, graphs, failure } => Some((firing, graphs, failure)),
                _ => None,
            })?;
            let over = self.host.now_us() >= until;
            match failure {
                None if over || firing.contains_key(&alerts.originating) => {
                    let scale = alerts.scale;
                    return Ok(question.by_alerts(Looked { at_us, scale, firing: &firing, graphs: &graphs }));
                }
                Some(why) if over => {
                    return Err(self.silent(&format!("which alerts fire cannot be asked for: {why}")));
                }
                _ => {}
            }
            let soon = self.host.now_us().saturating_add(LOOK_US);
            self.watch_until(soon)?;
        }
    }

    /// When the alert that led here has fired if it does, the rules engine being up.
    fn fires_until(&self, alerts: &PlannedAlerts) -> u64 {
        let wait_us = alerts.hold_ms.saturating_mul(1000).saturating_add(FIRES_WITHIN_US);
        self.host.now_us().saturating_add(wait_us)
    }

    /// Whether the alert that led here fires before anything is done (design.md, decision 8), where the drill has alerts.
    pub(super) fn alert_first(&mut self, drill: &Drill<'_>) -> Result<bool, DriveError> {
        let Some(alerts) = &drill.plan.alerts else { return Ok(true) };
        let until = self.fires_until(alerts);
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

#[cfg(test)]
mod tests {
    use operator_agent::protocol::Firing;

    use super::*;
    use crate::decide::tests::rules_of_project;
    use crate::decide::{Asked, input};
    use crate::drive::scripted::{Scene, Scripted};
    use crate::history::event::{Call, Source};
    use crate::judge::sample;

    const SEEN: &[u8] = b"schema = 1\nnow = 2026-03-14T12:00:00Z\nalerts = []\n[[deploys]]\n\
        at = 2026-03-14T11:30:00Z\nversion = \"0.4.0\"\ncrates = []\n";

    fn fires(names: &[&str]) -> Happened {
        let runbook = Some("availability-fast-burn".to_owned());
        let one = |name: &&str| ((*name).to_owned(), Firing { runbook: runbook.clone(), since_us: 1_000_000 });
        Happened::FiringSeen { firing: names.iter().map(one).collect(), graphs: [].into(), failure: None }
    }

    /// What comes of these answers one after the other, and how long it took, milliseconds.
    fn decided(answers: &[Happened]) -> (Result<Decision, DriveError>, u64) {
        let source = || Source { path: "r.md".into(), sha256: String::new() };
        let asked = Asked { runbook: source(), binding: source(), from: "i.toml".into() };
        let question = Question::new(rules_of_project(), input::parse("i.toml", SEEN).unwrap(), asked, [].into());
        let mut host = Scripted::new(&[]);
        host.firing = answers.to_vec().into();
        let history = sample::alerted().history();
        let plan = history.plan().unwrap();
        let began_us = crate::host::Host::now_us(&host);
        let (decision, _) = Scene::of(&[])
            .play(&mut host, |desk, drill| desk.decide_by_alerts(&Drill { plan, ..drill.clone() }, &question));
        (decision, (crate::host::Host::now_us(&host) - began_us) / 1000)
    }

    #[test]
    fn the_operator_looks_when_the_alert_is_there_that_called_or_should_be() {
        let hold_ms = sample::alerted().history().plan().unwrap().alerts.as_ref().unwrap().hold_ms;
        let until_ms = hold_ms + FIRES_WITHIN_US / 1000;
        let (at_once, took_ms) = decided(&[fires(&[sample::ALERT])]);
        assert_eq!((at_once.unwrap().call, took_ms), (Call::RollBack, 0));
        let silent = || Happened::FiringSeen { firing: [].into(), graphs: [].into(), failure: Some("refused".into()) };
        let (later, took_ms) = decided(&[silent(), fires(&[]), fires(&["Another"]), fires(&[sample::ALERT])]);
        assert_eq!((later.unwrap().live.unwrap().firing.len(), took_ms), (1, 300));
        for (answers, fire) in [(fires(&[]), 0), (fires(&["Another"]), 1)] {
            let (never, took_ms) = decided(&[answers]);
            let never = never.unwrap();
            assert_eq!((never.seen.unwrap().alerts.len(), took_ms), (fire, until_ms));
            assert_eq!(never.call, if fire == 0 { Call::DoNotRollBack } else { Call::RollBack });
        }
        // The ceiling is for answers: a notifier that never gives one is the harness's trouble, and no quiet night.
        let (error, took_ms) = decided(&[silent()]);
        assert!(error.unwrap_err().to_string().contains("which alerts fire cannot be asked for"), "{took_ms}");
        assert_eq!(took_ms, until_ms);
    }
}
