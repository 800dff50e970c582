//! `looked-elsewhere`: what there is where a prerequisite says to look, and what there is where the procedure takes the
//! release from, are not the same.

use std::collections::BTreeMap;

use super::{FindingRule, Found};
use crate::history::event::Block;
use crate::judge::CriterionResult;
use crate::judge::command::CommandRun;
use crate::judge::facts::Facts;
use crate::procedure::Class;

pub(super) struct LookedElsewhere;

impl FindingRule for LookedElsewhere {
    fn id(&self) -> &'static str {
        "looked-elsewhere"
    }

    fn find(&self, facts: &Facts<'_>, _: &BTreeMap<String, CriterionResult>) -> Vec<Found> {
        let confirmed = || facts.commands.iter().filter(|run| run.block == Some(Block::Prerequisites));
        let looks = confirmed().filter(|run| run.is(Class::Look));
        looks.filter_map(|look| found(look, confirmed().filter(|run| run.command.step == look.command.step))).collect()
    }
}

/// The first look of the same prerequisite that decides stands against the one at the place that the text names.
fn found<'r>(look: &CommandRun<'_>, mut same: impl Iterator<Item = &'r CommandRun<'r>>) -> Option<Found> {
    let decides = same.find(|run| !run.is(Class::Look))?;
    let ended = |run: &CommandRun<'_>| run.exit().map(|exit| exit == 0);
    if ended(look)? == ended(decides)? {
        return None;
    }
    Some(Found {
        line: Some(look.line),
        message: format!(
            "`{}` {}, `{}` {}: the text says to look in another place than the procedure takes the release from",
            look.text,
            look.ending(),
            decides.text,
            decides.ending()
        ),
        events: [look.shown_by(), decides.shown_by()].concat(),
    })
}
