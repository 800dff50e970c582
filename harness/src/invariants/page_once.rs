//! `page-once`: an ending that needs the on-call lead pages sev-1 exactly once per incident key.

use std::collections::BTreeMap;

use super::{Criteria, Invariant, broken, does_not_apply, holds};
use crate::judge::InvariantResult;
use crate::judge::facts::{Facts, SEV_1};

/// Asked where the failure path was taken or the procedure was left before the first stop: the two ways to an `offline`
/// or `given-up` ending. Pages of other severities are alerts' and do not count.
pub(super) struct PageOnce;

impl Invariant for PageOnce {
    fn id(&self) -> &'static str {
        "page-once"
    }

    fn judge(&self, facts: &Facts<'_>, _: &Criteria) -> InvariantResult {
        let Some(why) = facts.failure_path().or_else(|| facts.left_before_stop()) else {
            return does_not_apply("neither failure path nor given up: nobody is to be paged");
        };
        let pages = facts.sev_1_pages();
        let events: Vec<u64> = pages.iter().map(|at| at.n).collect();
        if pages.is_empty() {
            return broken(format!("no {SEV_1} page was delivered"), [why]);
        }
        let mut by_key: BTreeMap<&str, usize> = BTreeMap::new();
        for page in &pages {
            *by_key.entry(page.what.key).or_default() += 1;
        }
        if let Some((key, count)) = by_key.iter().find(|(_, count)| **count > 1) {
            return broken(format!("{SEV_1} was paged {count} times for `{key}`"), events);
        }
        let empty = |text: &str| text.trim().is_empty();
        if pages.iter().any(|at| empty(at.what.key) || empty(at.what.reason) || empty(at.what.evidence)) {
            return broken("a page came without key, reason or evidence", events);
        }
        holds(format!("{SEV_1} was paged once for each of {} incident keys", by_key.len()), events)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;
    use crate::history::What;
    use crate::judge::Outcome::{Fail, NotRun, Pass};
    use crate::judge::sample;

    #[test]
    fn once_per_key_with_reason_and_evidence() {
        let check = |sample, outcome, detail| check(&PageOnce, sample, outcome, detail);
        check(sample::recovered(), NotRun, "nobody is to be paged");
        check(sample::offline(), Pass, "once for each of 1");
        check(sample::given_up(), Pass, "once for each of 1");
        check(sample::offline().without(|what| matches!(what, What::Paged { .. })), Fail, "no sev-1 page");
        check(sample::offline().after("paged", sample::paged("drill-1", SEV_1)), Fail, "paged 2 times for `drill-1`");
        check(sample::offline().after("paged", sample::paged("drill-2", SEV_1)), Pass, "each of 2");
        check(sample::offline().after("paged", sample::paged("drill-1", "sev-2")), Pass, "each of 1");
        for blank in 0..3 {
            let silent = sample::given_up().edit("paged", |what| {
                if let What::Paged { key, reason, evidence, .. } = what {
                    let place = [key, reason, evidence].into_iter().nth(blank).unwrap();
                    *place = " \n".into();
                }
            });
            check(silent, Fail, "without key, reason or evidence");
        }
    }
}
