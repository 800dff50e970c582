//! `artefacts-complete`: each postmortem item is in the bundle, or is listed as missing with the reason.

use super::{Criteria, Invariant, broken, does_not_apply, holds};
use crate::history::event::What;
use crate::judge::InvariantResult;
use crate::judge::facts::Facts;

pub(super) struct ArtefactsComplete;

impl Invariant for ArtefactsComplete {
    fn id(&self) -> &'static str {
        "artefacts-complete"
    }

    fn judge(&self, facts: &Facts<'_>, _: &Criteria) -> InvariantResult {
        let told = facts.find(|what| match what {
            What::Captured { item, .. } => Some(item.as_str()),
            What::Missing { item, why, .. } if !why.trim().is_empty() => Some(item.as_str()),
            _ => None,
        });
        let items = facts.plan.requirements.iter().map(|(item, _)| item.as_str());
        let absent: Vec<&str> = items.filter(|item| told.iter().all(|at| at.what != *item)).collect();
        if absent.is_empty() {
            let events: Vec<u64> = told.iter().map(|at| at.n).collect();
            return holds(format!("{} postmortem items are told of", facts.plan.requirements.len()), events);
        }
        if facts.cut.is_some() {
            return does_not_apply(format!("the History is cut; not told of: {}", absent.join(", ")));
        }
        broken(format!("neither in the bundle nor missing with a reason: {}", absent.join(", ")), [])
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;
    use crate::judge::Outcome::{Fail, NotRun, Pass};
    use crate::judge::sample;

    #[test]
    fn each_item_is_captured_or_missing_with_a_reason() {
        let check = |sample, outcome, detail| check(&ArtefactsComplete, sample, outcome, detail);
        for sample in [sample::recovered(), sample::offline(), sample::given_up()] {
            check(sample, Pass, "items are told of");
        }
        let captured = |what: &What| matches!(what, What::Captured { .. });
        check(sample::recovered().without(captured), Fail, "observe-capture");
        let silent = sample::recovered().edit("missing", |what| {
            if let What::Missing { why, .. } = what {
                why.clear();
            }
        });
        check(silent, Fail, "hypothesis");
        let cut = sample::recovered().without(|what| captured(what) || matches!(what, What::DrillEnded { .. }));
        check(cut, NotRun, "observe-capture");
    }
}
