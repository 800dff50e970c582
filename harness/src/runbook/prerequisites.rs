//! What to make sure of first: from the section's list and the binding to looks that can be carried out, and what the
//! procedure itself does not look at before it is too late.

use super::binding::{Asks, Confirmation, LookBinding, PrerequisiteItem, PrerequisitesBinding, Role};
use super::context::Context;
use super::document::{Item, Section};
use super::error::{RunbookError, quote};
use super::place;
use crate::procedure::{Class, Command, Prerequisite, PrerequisiteKind, Prerequisites, StaticFinding, Step, TextRule};

/// Letter of the step ids.
const LETTER: char = 'R';

/// Reads the section for the topology whose steps these are.
pub(super) fn read(context: &Context<'_>, steps: &[Step]) -> Result<Prerequisites, RunbookError> {
    let bound = context.binding.prerequisites.as_ref().ok_or_else(|| {
        let what = "the binding does not say how prerequisites are confirmed";
        let wanted = "the table `[prerequisites]`, or a scenario with `prerequisites = \"assumed\"`";
        RunbookError::file(context.binding_name, what, wanted, "bind the section; scenarios/README.md says how")
    })?;
    let section = place::one_list(context.document, &context.binding.sections.prerequisites, "it is to be confirmed")?;
    all_bound(context, section, bound)?;
    place::only_mentions(context.document, section.paragraphs.iter(), &[])?;
    let mut read = Prerequisites { items: Vec::new(), findings: Vec::new() };
    for own in &section.items {
        // `all_bound` has seen that there is exactly one.
        for bound in bound.items.iter().filter(|bound| bound.item == own.number) {
            let item = place::item(context.document, section, bound.item, &bound.says)?;
            place::spans(context.document, &item.prose, &bound.spans, &format!("prerequisite {}", bound.item))?;
            let kind = match bound.met_by {
                Confirmation::RecordedFirst => continue,
                Confirmation::Window => PrerequisiteKind::Window,
                Confirmation::Looks => PrerequisiteKind::Looks(looks(context, item, bound, &mut read.findings)?),
            };
            read.findings.extend(unchecked(context, steps, item, bound));
            let step = format!("{LETTER}{}", bound.item);
            read.items.push(Prerequisite { step, line: item.prose.line, quote: item.prose.text.clone(), kind });
        }
    }
    Ok(read)
}

/// Every list item is bound once, and nothing is bound that is not there.
fn all_bound(context: &Context<'_>, section: &Section, bound: &PrerequisitesBinding) -> Result<(), RunbookError> {
    let numbers: Vec<u64> = bound.items.iter().map(|item| item.item).collect();
    place::all_bound(context.document, section, &numbers)?;
    if let Some(twice) = numbers.iter().find(|item| numbers.iter().filter(|other| other == item).count() > 1) {
        return Err(wrong(
            context,
            format!("prerequisites: list item {twice} is bound more than once"),
            "each item once",
        ));
    }
    for item in &bound.items {
        place::item(context.document, section, item.item, &item.says)?;
        if let Some(span) = item.spans.iter().find(|span| span.role != Role::Mention) {
            let what = format!("prerequisites: list item {}: a code span with role {:?}", item.item, span.role);
            return Err(wrong(context, what, "mentions: its commands stand in `looks`"));
        }
        if item.met_by != Confirmation::Looks && !item.looks.is_empty() {
            let what = format!("prerequisites: list item {} has looks that nobody asks for", item.item);
            return Err(wrong(context, what, "none, or `met_by = \"looks\"`"));
        }
    }
    Ok(())
}

/// The item's commands on this topology.
fn looks(
    context: &Context<'_>,
    item: &Item,
    bound: &PrerequisiteItem,
    findings: &mut Vec<StaticFinding>,
) -> Result<Vec<Command>, RunbookError> {
    let mut commands = Vec::new();
    for look in here(context, bound) {
        let words = stands_for(context, item, look)?;
        let within = format!("prerequisite {}", bound.item);
        let prose = std::iter::once(&item.prose);
        let line = place::quoted(context.document, prose, words, (&within, item.prose.line))?;
        let (mut command, finding) = context.supplied(&look.command, words, line, vec![look.asks.class()])?;
        command.should_print = match &look.should_print {
            Some(wanted) => Some(context.fill(wanted, line)?),
            None => None,
        };
        commands.push(command);
        findings.push(finding);
    }
    if commands.iter().all(|command: &Command| command.is(Class::Look)) {
        let what = format!("prerequisites: no look of list item {} decides on {}", bound.item, context.topology);
        return Err(wrong(context, what, "one in `looks` that asks `installed`, `fetched` or `startable` there"));
    }
    Ok(commands)
}

fn here<'b>(context: &Context<'_>, bound: &'b PrerequisiteItem) -> impl Iterator<Item = &'b LookBinding> {
    bound.looks.iter().filter(|look| look.on.iter().any(|id| id == context.topology))
}

/// The one wording that stands in the item.
fn stands_for<'b>(context: &Context<'_>, item: &Item, look: &'b LookBinding) -> Result<&'b str, RunbookError> {
    let stands = |words: &&String| !words.trim().is_empty() && item.prose.text.contains(words.as_str());
    let found: Vec<&String> = look.stands_for.iter().filter(stands).collect();
    match found.as_slice() {
        [words] => Ok(words.as_str()),
        _ => {
            let what =
                format!("{} wordings of {} stand in prerequisite {}", found.len(), quote(&look.command), item.number);
            let wanted = look.stands_for.iter().map(|words| quote(words)).collect::<Vec<_>>().join(" or ");
            let advice = "mend `stands_for`, or remove the supplied command";
            Err(context.refuse(item.prose.line, what, format!("exactly one of {wanted}"), advice))
        }
    }
}

/// `unchecked-prerequisite`: what of an item nothing in the section looks at before its first stop-class command.
fn unchecked(context: &Context<'_>, steps: &[Step], item: &Item, bound: &PrerequisiteItem) -> Vec<StaticFinding> {
    let all = || steps.iter().flat_map(|step| &step.commands);
    let Some((before, stop)) = all().enumerate().find(|(_, command)| command.is(Class::Stop)) else {
        return Vec::new();
    };
    let finding = |asked: &str, classes: &[Class]| {
        let shows = |command: &&Command| classes.iter().any(|class| command.is(*class));
        if all().take(before).any(|command| shows(&command)) {
            return None;
        }
        let later = all()
            .skip(before)
            .find(shows)
            .map_or_else(String::new, |later| format!("; {} (line {}) does, too late", quote(&later.text), later.line));
        let stop = format!("{} (line {})", quote(&stop.text), stop.line);
        let message = format!("nothing before {stop} in {}'s section asks {asked}{later}", context.topology);
        Some(TextRule::UncheckedPrerequisite.found(item.prose.line, message))
    };
    if bound.met_by == Confirmation::Window {
        return finding("whether the maintenance window is agreed", &[]).into_iter().collect();
    }
    let asked = here(context, bound).filter_map(|look| match look.asks {
        Asks::ToldPlace => None,
        Asks::Installed => finding("whether the release to go back to is installed", &[Class::Fetch, Class::Check]),
        Asks::Fetched => finding("whether the release to go back to can be fetched", &[Class::Fetch]),
        Asks::Startable => finding("whether it is the release that is meant, and can be started", &[Class::Check]),
    });
    asked.collect()
}

fn wrong(context: &Context<'_>, what: String, looked_for: &str) -> RunbookError {
    RunbookError::file(context.binding_name, what, looked_for, "mend the binding")
}

#[cfg(test)]
mod tests;
