//! `no-traffic-unready`: from the first stop to the new process's first 200 the balancer sends the node nothing.

use super::{Criteria, Invariant, broken, does_not_apply, holds};
use crate::judge::InvariantResult;
use crate::judge::facts::Facts;

/// Judged on the balancer's administrative state; requests that hit the gap are reported elsewhere.
pub(super) struct NoTrafficUnready;

impl Invariant for NoTrafficUnready {
    fn id(&self) -> &'static str {
        "no-traffic-unready"
    }

    fn judge(&self, facts: &Facts<'_>, _: &Criteria) -> InvariantResult {
        let Some(stop) = facts.first_stop() else {
            return does_not_apply("no stop-class command began");
        };
        if facts.in_rotation(stop.n, stop.began_us) {
            let last = facts.rotation.iter().take_while(|at| at.n < stop.n).last();
            let events: Vec<u64> = last.map(|at| at.n).into_iter().chain([stop.n]).collect();
            return broken("the node was in rotation when the first stop command began", events);
        }
        let ready = facts.first_ok();
        let ready_us = ready.map_or(u64::MAX, |at| at.at_us);
        let back = facts.rotation.iter().find(|at| at.what && Facts::is_after_began(stop, at) && at.at_us < ready_us);
        match (back, ready) {
            (Some(back), Some(ready)) => {
                broken("the node was back in rotation before its first 200", [back.n.min(ready.n), back.n.max(ready.n)])
            }
            (Some(back), None) => broken("the node was back in rotation and never answered 200", [back.n]),
            (None, Some(ready)) => holds("out of rotation from the first stop to the first 200", [stop.n, ready.n]),
            (None, None) => holds("out of rotation from the first stop on; no 200 followed", [stop.n]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;
    use crate::history::What;
    use crate::history::event::ProbeOutcome;
    use crate::judge::Outcome::{Fail, NotRun, Pass};
    use crate::judge::sample;

    fn rotation(in_rotation: bool) -> What {
        What::BalancerChanged { in_rotation, state: String::new() }
    }

    #[test]
    fn in_rotation_at_the_stop_or_before_the_first_200_breaks_it() {
        let check = |sample, outcome, detail| check(&NoTrafficUnready, sample, outcome, detail);
        check(sample::recovered(), Pass, "to the first 200");
        check(sample::offline(), Pass, "no 200 followed");
        check(sample::given_up(), NotRun, "no stop-class");
        let never_drained = sample::recovered().without(|what| matches!(what, What::BalancerChanged { .. }));
        check(never_drained, Fail, "when the first stop command began");
        check(sample::recovered().after("records-seen", rotation(true)), Fail, "when the first stop");
        check(sample::recovered().after("node-exited", rotation(true)), Fail, "before its first 200");
        check(sample::offline().after("node-exited", rotation(true)), Fail, "never answered 200");
    }

    #[test]
    fn a_200_before_the_start_has_ended_does_not_end_the_gap() {
        let early = What::ProbeChanged { outcome: ProbeOutcome::Status(200), latency_us: 900 };
        let sample = sample::recovered().after("node-exited", early).after("node-exited", rotation(true));
        check(&NoTrafficUnready, sample, Fail, "before its first 200");
    }
}
