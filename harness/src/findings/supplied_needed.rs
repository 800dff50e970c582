//! `supplied-needed`: a command of the text failed, and the form that the binding supplies had to follow.

use std::collections::BTreeMap;

use super::{FindingRule, Found};
use crate::judge::CriterionResult;
use crate::judge::command::CommandRun;
use crate::judge::facts::Facts;
use crate::procedure::Origin;

pub(super) struct SuppliedNeeded;

impl FindingRule for SuppliedNeeded {
    fn id(&self) -> &'static str {
        "supplied-needed"
    }

    fn find(&self, facts: &Facts<'_>, _: &BTreeMap<String, CriterionResult>) -> Vec<Found> {
        let supplied = |run: &CommandRun<'_>| matches!(run.origin, Origin::Supplied { .. });
        let mut found = Vec::new();
        for (index, needed) in facts.commands.iter().enumerate().filter(|(_, run)| supplied(run)) {
            let earlier = facts.commands.iter().take(index).rev();
            // The form of the text that it stands in for does the same in the same block.
            let same = |run: &&CommandRun<'_>| {
                run.block == needed.block && !supplied(run) && run.classes.iter().any(|class| needed.is(*class))
            };
            let Some(literal) = earlier.into_iter().find(same).filter(|run| run.failed()) else { continue };
            found.push(Found {
                line: Some(literal.line),
                message: format!("`{}` {}; `{}` was needed", literal.text, literal.ending(), needed.text),
                events: [literal.shown_by(), needed.shown_by()].concat(),
            });
        }
        found
    }
}
