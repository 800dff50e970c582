//! `page-not-taken`: a page was sent, nobody got it, and there the text ends.

use std::collections::BTreeMap;

use super::{FindingRule, Found};
use crate::judge::CriterionResult;
use crate::judge::command::CommandRun;
use crate::judge::facts::Facts;
use crate::procedure::Class;

pub(super) struct PageNotTaken;

impl FindingRule for PageNotTaken {
    fn id(&self) -> &'static str {
        "page-not-taken"
    }

    /// Where a later page is delivered, somebody was told.
    fn find(&self, facts: &Facts<'_>, _: &BTreeMap<String, CriterionResult>) -> Vec<Found> {
        let delivered = facts.escalations();
        let lost = |run: &&CommandRun<'_>| run.is(Class::Page) && delivered.iter().all(|at| at.n < run.n);
        let failed = facts.commands.iter().filter(lost).find_map(|run| match (run.ended, run.killed) {
            (Some(ended), _) if ended.exit != 0 => Some((run, format!("ended {}", ended.exit))),
            (_, Some(_)) => Some((run, "was killed".to_owned())),
            _ => None,
        });
        let Some((run, how)) = failed else { return Vec::new() };
        let message = format!("the page's command {how} and nobody was told: the text says nothing of this case");
        vec![Found { line: Some(run.line), message, events: run.shown_by() }]
    }
}
