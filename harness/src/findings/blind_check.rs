//! `blind-check`: the runbook's own check passes where the oracle fails.

use std::collections::BTreeMap;

use super::{FindingRule, Found, line_of};
use crate::judge::facts::Facts;
use crate::judge::{CriterionResult, Outcome};

pub(super) struct BlindCheck;

impl FindingRule for BlindCheck {
    fn id(&self) -> &'static str {
        "blind-check"
    }

    fn find(&self, facts: &Facts<'_>, criteria: &BTreeMap<String, CriterionResult>) -> Vec<Found> {
        let blind = |(_, result): &(&String, &CriterionResult)| {
            result.literal == Outcome::Pass && result.outcome == Outcome::Fail
        };
        let found = |(id, result): (&String, &CriterionResult)| Found {
            line: line_of(facts, id),
            message: format!("the text's check of {id} passes although {id} fails: {}", result.detail),
            events: result.events.clone(),
        };
        criteria.iter().filter(blind).map(found).collect()
    }
}
