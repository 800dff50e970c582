//! Percentiles of a latency measurement, whether the machine was quiet while it was taken, and whether two agree.

use super::facts::{At, Facts};
use crate::history::event::{Event, Plan, Sample, What};

/// Fewer probes than this are no measurement (design.md, criteria: "at least 100 probes").
pub const PROBES_LEAST: usize = 100;

/// While the control probe's P95 is over this, the machine is too busy to measure (design.md, decision 7: 5 ms).
pub const CONTROL_P95_MAX_US: u64 = 5_000;

/// One measurement: /healthz and, interleaved, the balancer's own control address.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window<'a> {
    /// /healthz.
    pub probes: &'a [Sample],
    /// The control address.
    pub control: &'a [Sample],
}

impl Window<'_> {
    /// Whether there are enough samples of both, and the control's P95 shows a quiet machine.
    pub fn is_quiet(&self) -> bool {
        self.probes.len() >= PROBES_LEAST
            && self.control.len() >= PROBES_LEAST
            && percentile_is(self.control, 95, |p95| p95 <= CONTROL_P95_MAX_US)
    }

    /// How many probes of /healthz were answered 200.
    pub fn answered(&self) -> usize {
        self.probes.iter().filter(|probe| probe.outcome.is_ok()).count()
    }

    /// Whether every probe was answered 200, and their P95 is below the claim, microseconds.
    pub fn meets(&self, claim_us: u64) -> bool {
        self.answered() == self.probes.len() && percentile_is(self.probes, 95, |p95| p95 < claim_us)
    }
}

/// What the text claims of /healthz, microseconds.
pub fn claim_us(plan: &Plan) -> u64 {
    plan.claims.healthz_under_ms.value.saturating_mul(1000)
}

/// All measurements, in order.
pub fn windows(events: &[Event]) -> Vec<At<Window<'_>>> {
    events.iter().filter_map(window).collect()
}

fn window(event: &Event) -> Option<At<Window<'_>>> {
    match &event.what {
        What::HealthWindow { probes, control } => {
            Some(At { n: event.n, at_us: event.at_us, what: Window { probes, control } })
        }
        _ => None,
    }
}

/// The last measurement on a quiet machine.
pub fn last_quiet<'a>(facts: &Facts<'a>) -> Option<At<Window<'a>>> {
    windows(facts.events).into_iter().rev().find(|at| at.what.is_quiet())
}

/// The last two measurements on a quiet machine, the earlier one first; busy ones between them do not count.
pub fn last_two_quiet(events: &[Event]) -> Option<[At<Window<'_>>; 2]> {
    let mut quiet = windows(events).into_iter().rev().filter(|at| at.what.is_quiet());
    let (later, earlier) = (quiet.next()?, quiet.next()?);
    Some([earlier, later])
}

/// Whether two windows in succession say the same of the claim, so that they carry a conclusion: a stall that hits the
/// node's probes alone leaves the control quiet, and seldom comes twice (ARCHITECTURE.md, "Where the code departs").
pub fn agree(two: &[At<Window<'_>>; 2], claim_us: u64) -> bool {
    let [earlier, later] = two;
    earlier.what.meets(claim_us) == later.what.meets(claim_us)
}

/// The nearest-rank percentile of all samples' latencies, microseconds; `None` without samples.
pub fn percentile(samples: &[Sample], percent: usize) -> Option<u64> {
    let rank = rank(samples, percent)?;
    let mut latencies: Vec<u64> = samples.iter().map(|sample| sample.latency_us).collect();
    Some(*latencies.select_nth_unstable(rank - 1).1)
}

/// Whether there is a [`percentile`] and it is small enough by a bound: what is below a latency that is small enough has to
/// be so, too. It is as if `percentile` were asked, and no order has to be made.
fn percentile_is(samples: &[Sample], percent: usize, small_enough: impl Fn(u64) -> bool) -> bool {
    let within = samples.iter().filter(|sample| small_enough(sample.latency_us)).count();
    rank(samples, percent).is_some_and(|rank| within >= rank)
}

/// The 1-based place of a percentile among all samples in order; `None` without samples.
fn rank(samples: &[Sample], percent: usize) -> Option<usize> {
    let rank = (samples.len() * percent).div_ceil(100).max(1);
    (rank <= samples.len()).then_some(rank)
}

/// Microseconds as milliseconds with three places, for a person.
pub fn ms(us: u64) -> String {
    format!("{}.{:03} ms", us / 1000, us % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::event::ProbeOutcome;

    fn samples(latencies: impl IntoIterator<Item = u64>) -> Vec<Sample> {
        let sample = |latency_us| Sample { outcome: ProbeOutcome::Status(200), latency_us };
        latencies.into_iter().map(sample).collect()
    }

    #[test]
    fn percentiles_are_nearest_rank() {
        let hundred = samples(1..=100);
        for (percent, wanted) in [(0, 1), (50, 50), (95, 95), (100, 100)] {
            assert_eq!(percentile(&hundred, percent), Some(wanted), "P{percent}");
        }
        for (percent, bound) in (0..=100).flat_map(|percent| (0..=101).map(move |bound| (percent, bound))) {
            let small_enough = percentile(&hundred, percent).is_some_and(|is| is <= bound);
            assert_eq!(percentile_is(&hundred, percent, |us| us <= bound), small_enough, "P{percent} <= {bound}");
        }
        assert!(!percentile_is(&[], 95, |_| true));
        assert_eq!(percentile(&samples([7]), 95), Some(7));
        assert_eq!(percentile(&[], 95), None);
    }

    #[test]
    fn a_window_is_quiet_with_enough_samples_and_a_quick_control() {
        let hundred = samples(1..=100);
        let short = samples(1..=99);
        let busy = samples(vec![CONTROL_P95_MAX_US + 1; 100]);
        let border = samples(vec![CONTROL_P95_MAX_US; 100]);
        for (probes, control, quiet) in [
            (&hundred, &hundred, true),
            (&hundred, &border, true),
            (&hundred, &busy, false),
            (&short, &hundred, false),
            (&hundred, &short, false),
        ] {
            assert_eq!(Window { probes, control }.is_quiet(), quiet);
        }
    }

    #[test]
    fn a_window_meets_the_claim_with_every_probe_200_and_a_p95_below_it() {
        let meets = |probes: &[Sample]| Window { probes, control: &[] }.meets(10_000);
        assert!(meets(&samples(vec![9_999; 100])));
        assert!(!meets(&samples(vec![10_000; 100])));
        let mut one_refused = samples(vec![800; 100]);
        one_refused[0].outcome = ProbeOutcome::Refused;
        assert!(!meets(&one_refused));
        assert!(!meets(&[]));
    }

    #[test]
    fn the_last_two_quiet_windows_agree_if_both_meet_the_claim_or_both_do_not() {
        let window = |node: u64, control: u64| What::HealthWindow {
            probes: samples(vec![node; 100]),
            control: samples(vec![control; 100]),
        };
        let (met, missed, busy) = (window(800, 300), window(20_000, 300), window(800, 6_000));
        let agreed = |all: &[&What]| {
            let event = |(n, what): (u64, &What)| Event { n, at_us: n, what: what.clone() };
            let events: Vec<Event> = (1..).zip(all.iter().copied()).map(event).collect();
            last_two_quiet(&events).map(|two| (two.map(|at| at.n), agree(&two, 10_000)))
        };
        assert_eq!(agreed(&[&met, &met]), Some(([1, 2], true)));
        assert_eq!(agreed(&[&missed, &missed]), Some(([1, 2], true)));
        assert_eq!(agreed(&[&met, &missed]), Some(([1, 2], false)));
        assert_eq!(agreed(&[&missed, &met, &met]), Some(([2, 3], true)));
        assert_eq!(agreed(&[&met, &busy, &busy, &met]), Some(([1, 4], true)));
        assert_eq!(agreed(&[&met, &met, &busy]), Some(([1, 2], true)));
        assert_eq!(agreed(&[&busy, &met]), None);
        assert_eq!(agreed(&[]), None);
    }
}
