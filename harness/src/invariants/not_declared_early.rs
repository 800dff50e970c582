//! `not-declared-early`: nobody declares the incident over while a judged criterion fails by its oracle.

use super::{Criteria, Invariant, broken, holds};
use crate::judge::facts::Facts;
use crate::judge::{InvariantResult, Outcome};

pub(super) struct NotDeclaredEarly;

impl Invariant for NotDeclaredEarly {
    fn id(&self) -> &'static str {
        "not-declared-early"
    }

    fn judge(&self, facts: &Facts<'_>, criteria: &Criteria) -> InvariantResult {
        let Some(declared) = facts.declared_over() else {
            return holds("the incident was not declared over", []);
        };
        let fails = |id: &&String| criteria.get(*id).is_some_and(|result| result.outcome == Outcome::Fail);
        let failing: Vec<&str> = facts.plan.criteria.iter().filter(fails).map(String::as_str).collect();
        if failing.is_empty() {
            return holds("declared over with no judged criterion failing", [declared]);
        }
        let shown = failing.iter().filter_map(|id| criteria.get(*id)).flat_map(|result| result.events.iter().copied());
        let mut events: Vec<u64> = shown.chain([declared]).collect();
        events.sort_unstable();
        events.dedup();
        broken(format!("declared over while {} fails", failing.join(", ")), events)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;
    use crate::history::What;
    use crate::judge::Outcome::{Fail, Pass};
    use crate::judge::sample;

    #[test]
    fn declaring_over_a_failing_oracle_breaks_it() {
        let check = |sample, outcome, detail| check(&NotDeclaredEarly, sample, outcome, detail);
        check(sample::recovered(), Pass, "no judged criterion failing");
        check(sample::offline(), Pass, "not declared over");
        check(sample::slow(), Fail, "while health fails");
        check(sample::slow().without(|what| matches!(what, What::DeclaredOver)), Pass, "not declared over");
        let not_judged = sample::slow().edit_plan(|plan| plan.criteria.retain(|id| id != "health"));
        check(not_judged, Pass, "no judged criterion failing");
    }
}
