//! "Verification": each point's literal command, and beside it what the oracle of its criterion needs.

use operator_agent::protocol::{Happened, Request, Sample};

use crate::criteria;
use crate::drive::desk::Desk;
use crate::drive::run_command::Limits;
use crate::drive::{Drill, DriveError};
use crate::history::What;
use crate::history::event::{Block, BlockEnd};
use crate::history::read;
use crate::judge::facts::Facts;
use crate::judge::{Outcome, latency};
use crate::scenario::Operator;

/// The two metrics fetches are 1 s apart (design.md, decision 7).
const APART_MS: u64 = 1000;
/// Invokes that the harness adds between its own two fetches, so that there is always something to count.
const INVOKES: u32 = 10;
/// Probes of one health window; the criterion wants at least 100.
const PROBES: u32 = 120;
const PROBE_PAUSE_MS: u64 = 3;
/// Until the last two quiet windows agree the window is repeated, within this budget (design.md, decision 7, which asks
/// for one quiet window; why it is two stands in ARCHITECTURE.md, "Where the code departs").
const HEALTH_BUDGET_US: u64 = 30_000_000;

impl Desk<'_> {
    /// Verifies, and declares the incident over as this operator would.
    pub(super) fn verify(&mut self, drill: &Drill<'_>) -> Result<(), DriveError> {
        self.begin_block(Block::Verification, drill.procedure.folder.as_deref())?;
        for point in &drill.procedure.verification {
            if let Some(command) = &point.command {
                for time in 0..point.times {
                    if time > 0 {
                        let until = self.host.now_us().saturating_add(APART_MS * 1000);
                        self.watch_until(until)?;
                    }
                    if !self.shell_open {
                        self.open_shell(drill.procedure.folder.as_deref())?;
                    }
                    self.begin_faults(drill, command)?;
                    let ceiling_s = drill.topology.ceilings.command_s;
                    let ceiling = (self.host.now_us().saturating_add(ceiling_s * 1_000_000), ceiling_s * 1000);
                    let limits = Limits { ceiling, claim_ms: None };
                    self.run(&point.step, command, &command.text, Some(&point.criterion), limits)?;
                }
            }
            if drill.plan.criteria.contains(&point.criterion) {
                self.ask_oracle(drill, &point.criterion)?;
            }
        }
        self.end_block(Block::Verification, BlockEnd::Completed)?;
        if drill.plan.operator == Operator::Paste || self.literal_checks_pass(drill) {
            self.write(What::DeclaredOver)?;
        }
        Ok(())
    }

    fn ask_oracle(&mut self, drill: &Drill<'_>, criterion: &str) -> Result<(), DriveError> {
        match criterion {
            "version" => self.see_machine("verification"),
            "health" => self.measure_health(latency::claim_us(drill.plan)),
            "metrics" => self.fetch_metrics(),
            "alert" | "slo" => {
                self.begin_in_watch(drill)?;
                self.watch_alerts(drill, criterion)
            }
            _ => Ok(()),
        }
    }

    fn measure_health(&mut self, claim_us: u64) -> Result<(), DriveError> {
        let until = self.host.now_us().saturating_add(HEALTH_BUDGET_US);
        for taken in 1.. {
            let request = Request::MeasureHealth { probes: PROBES, pause_ms: PROBE_PAUSE_MS };
            let (at_us, (probes, control)): (u64, (Vec<Sample>, Vec<Sample>)) =
                self.answer(&request, |what| match what {
                    Happened::HealthMeasured { probes, control } => Some((probes, control)),
                    _ => None,
                })?;
            self.record.event(at_us, What::HealthWindow { probes, control })?;
            let two = latency::last_two_quiet(self.record.events());
            // Two windows are taken of a slow node, too.
            let spent = taken >= 2 && self.host.now_us() >= until;
            if spent || two.is_some_and(|two| latency::agree(&two, claim_us)) {
                break;
            }
        }
        Ok(())
    }

    fn fetch_metrics(&mut self) -> Result<(), DriveError> {
        let request = Request::FetchMetricsTwice { apart_ms: APART_MS, invokes: INVOKES };
        let (at_us, pair) = self.answer(&request, |what| match what {
            Happened::MetricsFetched { first, second, failure, invokes_least, invokes_most, requests_least } => {
                Some(What::MetricsPair { first, second, failure, invokes_least, invokes_most, requests_least })
            }
            _ => None,
        })?;
        self.record.event(at_us, pair)?;
        Ok(())
    }

    /// What a careful operator has before their eyes: the literal checks. Points without a command are read as the
    /// oracle reads them (design.md, decision 4).
    fn literal_checks_pass(&self, drill: &Drill<'_>) -> bool {
        let events = self.record.events();
        let cut = read::cut(events);
        let Some(facts) = Facts::of_events(events, cut.as_deref()) else { return false };
        drill.plan.criteria.iter().all(|id| {
            let Some(criterion) = criteria::REGISTRY.iter().find(|criterion| criterion.id() == id) else {
                return false;
            };
            let without_command =
                drill.procedure.verification.iter().any(|point| point.criterion == *id && point.command.is_none());
            let read = if without_command { criteria::oracle } else { criteria::literal };
            read(*criterion, &facts) == Outcome::Pass
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use operator_agent::protocol::{ProbeOutcome, Report};

    use super::*;
    use crate::drive::Record;
    use crate::history::Event;
    use crate::host::{Host, HostError};

    /// Each measurement takes 1 s and tells of these latencies of node and control; the last ones are repeated.
    struct Measured {
        now_us: u64,
        left: VecDeque<(u64, u64)>,
    }

    impl Host for Measured {
        fn name(&self) -> &str {
            "measured"
        }

        fn now_us(&self) -> u64 {
            self.now_us
        }

        fn ask(&mut self, _: &Request) -> Result<(), HostError> {
            self.now_us += 1_000_000;
            Ok(())
        }

        fn next(&mut self, _: u64) -> Result<Option<Report>, HostError> {
            let (node, control) = if self.left.len() > 1 { self.left.pop_front().unwrap() } else { self.left[0] };
            let samples = |latency_us| vec![Sample { outcome: ProbeOutcome::Status(200), latency_us }; 120];
            let what = Happened::HealthMeasured { probes: samples(node), control: samples(control) };
            Ok(Some(Report { at_us: self.now_us, what }))
        }
    }

    #[derive(Default)]
    struct Kept(Vec<Event>);

    impl Record for Kept {
        fn event(&mut self, at_us: u64, what: What) -> Result<u64, DriveError> {
            let n = self.0.len() as u64 + 1;
            self.0.push(Event { n, at_us, what });
            Ok(n)
        }

        fn capture(&mut self, _: &str, _: &str, _: &str) -> Result<(), DriveError> {
            Ok(())
        }

        fn events(&self) -> &[Event] {
            &self.0
        }
    }

    #[test]
    fn windows_are_repeated_until_two_quiet_ones_agree_or_the_budget_is_spent() {
        let (met, missed, busy) = ((800, 300), (20_000, 300), (800, 6_000));
        for (windows, taken) in [
            (vec![met, met], 2),
            (vec![missed, missed], 2),
            (vec![missed, met, met], 3),
            (vec![met, missed, met, missed, missed], 5),
            (vec![met, busy, busy, met], 4),
            // 30 s of windows that take 1 s each.
            (vec![busy], 30),
            (vec![met, busy], 30),
        ] {
            let (mut host, mut kept) = (Measured { now_us: 7, left: windows.clone().into() }, Kept::default());
            Desk::new(&mut host, &mut kept).measure_health(10_000).unwrap();
            assert_eq!(kept.0.len(), taken, "{windows:?}");
        }
    }
}
