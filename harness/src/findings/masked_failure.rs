//! `masked-failure`: a part of a pipeline failed and the command's own status is 0.

use std::collections::BTreeMap;

use super::{FindingRule, Found};
use crate::judge::CriterionResult;
use crate::judge::facts::Facts;

pub(super) struct MaskedFailure;

impl FindingRule for MaskedFailure {
    fn id(&self) -> &'static str {
        "masked-failure"
    }

    fn find(&self, facts: &Facts<'_>, _: &BTreeMap<String, CriterionResult>) -> Vec<Found> {
        let masked = facts.commands.iter().filter(|run| run.masked());
        let found = masked.map(|run| Found {
            line: Some(run.line),
            message: format!("`{}` ended 0 although its parts ended {:?}", run.text, run.pipe()),
            events: run.shown_by(),
        });
        found.collect()
    }
}
