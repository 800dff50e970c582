//! `false-alarm`: the runbook's own check fails where the oracle passes.

use std::collections::BTreeMap;

use super::{FindingRule, Found, line_of};
use crate::judge::facts::Facts;
use crate::judge::{CriterionResult, Outcome};

pub(super) struct FalseAlarm;

impl FindingRule for FalseAlarm {
    fn id(&self) -> &'static str {
        "false-alarm"
    }

    fn find(&self, facts: &Facts<'_>, criteria: &BTreeMap<String, CriterionResult>) -> Vec<Found> {
        let alarm = |(_, result): &(&String, &CriterionResult)| {
            result.literal == Outcome::Fail && result.outcome == Outcome::Pass
        };
        let found = |(id, result): (&String, &CriterionResult)| Found {
            line: line_of(facts, id),
            message: format!("the text's check of {id} fails although {id} is met: {}", result.detail),
            events: result.events.clone(),
        };
        criteria.iter().filter(alarm).map(found).collect()
    }
}
