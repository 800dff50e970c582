//! `never-forward`: after the first stop, nothing newer than the target is started, by whomever.

use super::{Criteria, Invariant, broken, does_not_apply, holds};
use crate::judge::InvariantResult;
use crate::judge::facts::Facts;

pub(super) struct NeverForward;

impl Invariant for NeverForward {
    fn id(&self) -> &'static str {
        "never-forward"
    }

    fn judge(&self, facts: &Facts<'_>, _: &Criteria) -> InvariantResult {
        if facts.first_stop().is_none() {
            return does_not_apply("no stop-class command began");
        }
        let newer = facts.newer_started();
        match newer.first() {
            None => holds(format!("nothing newer than {} was started", facts.plan.good.version), []),
            Some(first) => broken(
                format!("{} was started, newer than the target {}", first.what, facts.plan.good.version),
                newer.iter().map(|at| at.n).collect::<Vec<_>>(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;
    use crate::judge::Outcome::{Fail, NotRun, Pass};
    use crate::judge::sample;

    #[test]
    fn a_newer_start_after_the_stop_breaks_it() {
        check(&NeverForward, sample::recovered(), Pass, "nothing newer");
        check(&NeverForward, sample::given_up(), NotRun, "no stop-class");
        let also = |version: &str| sample::recovered().after("ready-claim", sample::node_started(300, Some(version)));
        check(&NeverForward, also("0.4.0"), Fail, "0.4.0 was started");
        check(&NeverForward, also("0.3.10"), Fail, "0.3.10 was started");
        check(&NeverForward, also("0.3.8"), Pass, "");
        check(&NeverForward, also("0.3.8-rc.1"), Pass, "");
        check(&NeverForward, also("0.3.7"), Pass, "");
        let no_release = sample::recovered().after("ready-claim", sample::node_started(300, None));
        check(&NeverForward, no_release, Pass, "");
    }
}
