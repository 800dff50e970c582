//! `removed-before-fetched`: what served was removed, and only then it showed that the target cannot be had.

use std::collections::BTreeMap;

use super::{FindingRule, Found};
use crate::judge::CriterionResult;
use crate::judge::command::CommandRun;
use crate::judge::container::RegistryTag;
use crate::judge::facts::Facts;
use crate::judge::look::Look;
use crate::procedure::Class;

pub(super) struct RemovedBeforeFetched;

impl FindingRule for RemovedBeforeFetched {
    fn id(&self) -> &'static str {
        "removed-before-fetched"
    }

    fn find(&self, facts: &Facts<'_>, _: &BTreeMap<String, CriterionResult>) -> Vec<Found> {
        found(facts).into_iter().collect()
    }
}

/// A start that failed says nothing of why (a name or a port that is taken fails it as well): that the image could not be
/// had is told by a later look, in which the registry cannot serve it and no container is left.
fn found(facts: &Facts<'_>) -> Option<Found> {
    let stop = facts.first_stop()?;
    let well = |run: &CommandRun<'_>| run.exit() == Some(0);
    if facts.commands.iter().any(|run| run.n < stop.n && run.is(Class::Fetch) && well(run)) {
        return None;
    }
    let start = facts.commands.iter().find(|run| run.is(Class::Start) && run.n >= stop.n && run.failed())?;
    let between = facts.commands.iter().filter(|run| (stop.n..start.n).contains(&run.n) && well(run));
    let removes = between.filter(|run| run.is(Class::Swap) || run.is(Class::Stop));
    let removed = removes.max_by_key(|run| (run.is(Class::Swap), run.n))?;
    let looks = facts.looks.iter().filter(|look| look.n > start.n);
    let (look, why) = looks.into_iter().find_map(|look| Some((look, cannot_be_had(look, &facts.plan.good.tag())?)))?;
    let safer = facts.plan.fetches_first.iter().filter(|(topology, _)| *topology != facts.plan.topology);
    let safer: Vec<String> = safer.map(|(topology, line)| format!("{topology} (line {line})")).collect();
    let safer = if safer.is_empty() { "a section that fetches first".into() } else { safer.join(" and ") };
    Some(Found {
        line: Some(removed.line),
        message: format!(
            "`{}` removed what served before the target was fetched, then `{}` (line {}) {} because {why}: there was \
             nothing to go back to; safer is {safer}, where a fetch that fails comes first and leaves running what serves",
            removed.text,
            start.text,
            start.line,
            start.ending()
        ),
        events: [removed.shown_by(), start.shown_by(), vec![look.n]].concat(),
    })
}

fn cannot_be_had(look: &Look<'_>, tag: &str) -> Option<String> {
    let container = look.container().filter(|container| container.is_absent())?;
    match container.registry.get(tag)? {
        RegistryTag::Absent => Some(format!("the registry has no {tag}")),
        RegistryTag::Unreachable => Some("the registry is unreachable".into()),
        RegistryTag::Serves(_) => None,
    }
}
