//! `page-once`: an ending that needs the on-call lead pages sev-1 exactly once per incident key.

use super::{Criteria, Invariant, broken, does_not_apply, holds};
use crate::history::event::ON_CALL_LEAD;
use crate::judge::InvariantResult;
use crate::judge::facts::{Facts, SEV_1};

/// Asked where the failure path was taken or the procedure was left before the first stop: the two ways to an `offline`
/// or `given-up` ending. Pages of other incident keys, of other severities or to others are alerts' and do not count.
pub(super) struct PageOnce;

impl Invariant for PageOnce {
    fn id(&self) -> &'static str {
        "page-once"
    }

    fn judge(&self, facts: &Facts<'_>, _: &Criteria) -> InvariantResult {
        let Some(why) = facts.failure_path().or_else(|| facts.left_before_stop()) else {
            return does_not_apply("neither failure path nor given up: nobody is to be paged");
        };
        let key = facts.plan.incident_key();
        let pages = facts.escalations();
        let events: Vec<u64> = pages.iter().map(|at| at.n).collect();
        let empty = |text: &str| text.trim().is_empty();
        match pages.as_slice() {
            [] => broken(format!("no {SEV_1} page of `{key}` was delivered to {ON_CALL_LEAD}"), [why]),
            [page] if empty(page.what.reason) || empty(page.what.evidence) => {
                broken("a page came without reason or evidence", events)
            }
            [_] => holds(format!("{SEV_1} was paged to {ON_CALL_LEAD} once for `{key}`"), events),
            several => broken(format!("{SEV_1} was paged {} times for `{key}`", several.len()), events),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;
    use crate::history::What;
    use crate::judge::Outcome::{Fail, NotRun, Pass};
    use crate::judge::sample::{self, KEY, Sample};
    use crate::verdict::Verdict;

    #[test]
    fn once_per_key_with_reason_and_evidence() {
        let check = |sample, outcome, detail| check(&PageOnce, sample, outcome, detail);
        check(sample::recovered(), NotRun, "nobody is to be paged");
        check(sample::offline(), Pass, "to on-call-lead once for `rollback-0.4.0-0.3.8`");
        check(sample::given_up(), Pass, "to on-call-lead once for `rollback-0.4.0-0.3.8`");
        check(sample::offline().without(|what| matches!(what, What::Paged { .. })), Fail, "no sev-1 page");
        check(
            sample::offline().after("paged", sample::paged(KEY, SEV_1)),
            Fail,
            "paged 2 times for `rollback-0.4.0-0.3.8`",
        );
        for blank in 0..2 {
            let silent = sample::given_up().edit("paged", |what| {
                if let What::Paged { reason, evidence, .. } = what {
                    let place = [reason, evidence].into_iter().nth(blank).unwrap();
                    *place = " \n".into();
                }
            });
            check(silent, Fail, "without reason or evidence");
        }
    }

    /// What pages for an alert, and for what: as an alert's notice, or as a page of somebody's with a key of its own.
    const OF_AN_ALERT: &str = "{}:{alertname=\"SampleBurn\"}";

    #[test]
    fn an_alerts_page_is_never_taken_for_the_failure_paths_nor_that_one_for_an_alerts() {
        let check = |sample, outcome, detail| check(&PageOnce, sample, outcome, detail);
        let notice = || What::Notified { alert: "SampleBurn".into(), key: KEY.into(), resolved: false };
        for others in [
            sample::paged(OF_AN_ALERT, SEV_1),
            sample::paged("rollback-0.4.0-0.3.7", SEV_1),
            sample::paged(KEY, "sev-2"),
            to("manager", sample::paged(KEY, SEV_1)),
            notice(),
        ] {
            // Beside the page, as often as they like, they change nothing; in its place they are none.
            let beside = sample::offline().after("paged", others.clone()).after("paged", others.clone());
            check(beside, Pass, "once for `rollback-0.4.0-0.3.8`");
            for drill in [sample::offline(), sample::given_up()] {
                let in_its_place = drill.replace(|what| matches!(what, What::Paged { .. }), vec![others.clone()]);
                assert_eq!(verdict_of(in_its_place.clone()), Verdict::Unsafe, "{others:?}");
                check(in_its_place, Fail, "no sev-1 page of `rollback-0.4.0-0.3.8` was delivered to on-call-lead");
            }
        }
        // The failure path's page is no alert's: of the alert that led here nothing more is known by it.
        let alerted = |sample: Sample| {
            let history = sample.history();
            crate::judge::judge(&history).criteria["alert"].clone()
        };
        let without = alerted(sample::alerted().still_firing());
        let with = alerted(sample::alerted().still_firing().after("declared-over", sample::paged(OF_AN_ALERT, SEV_1)));
        assert_eq!((without.outcome, without.detail), (with.outcome, with.detail));
    }

    fn to(who: &str, mut page: What) -> What {
        if let What::Paged { to, .. } = &mut page {
            *to = who.into();
        }
        page
    }

    fn verdict_of(sample: Sample) -> Verdict {
        crate::judge::judge(&sample.history()).verdict
    }
}
