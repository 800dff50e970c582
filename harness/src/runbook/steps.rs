//! A topology's section as steps with commands.

use super::binding::TopologyBinding;
use super::context::Context;
use super::document::{CodeBlock, Section};
use super::error::{RunbookError, quote};
use super::place;
use super::shell::Split;
use crate::procedure::{Class, Command, Origin, StaticFinding, Step, TextRule};

/// Languages of a fence whose text is run; a fence without language is.
pub(super) const RUN: [&str; 4] = ["", "bash", "sh", "shell"];
/// Languages of a fence whose text is plainly no command.
pub(super) const DATA: [&str; 14] =
    ["csv", "diff", "ini", "json", "jsonl", "log", "output", "promql", "text", "toml", "txt", "xml", "yaml", "yml"];

/// The steps of a topology, borrowed and supplied commands included, and what was noticed.
pub(super) fn of(
    context: &Context<'_>,
    topology: &TopologyBinding,
    section: &Section,
) -> Result<(Vec<Step>, Vec<StaticFinding>), RunbookError> {
    let (mut steps, mut findings) = literal(context, topology, section)?;
    borrow(context, topology, section, &mut steps, &mut findings)?;
    supply(context, topology, section, &mut steps, &mut findings)?;
    Ok((steps, findings))
}

/// The steps as they stand in the section's own block.
fn literal(
    context: &Context<'_>,
    topology: &TopologyBinding,
    section: &Section,
) -> Result<(Vec<Step>, Vec<StaticFinding>), RunbookError> {
    let block = section.blocks.iter().find(|block| RUN.contains(&block.language.as_str())).ok_or_else(|| {
        let what = format!("the section {} has no code block", quote(&section.heading));
        context.refuse(section.line, what, "a fenced block of shell commands", "add it, or unbind the topology")
    })?;
    let split = context.split(&block.text, |row| block.line_of(row))?;
    let mut steps = numbered(context, topology, section, block, &split)?;
    let mut findings = Vec::new();
    for (nth, segment) in split.commands.iter().enumerate() {
        let line = block.line_of(segment.row);
        let classes = classes(topology, &segment.text);
        if classes == [Class::Other] {
            let message =
                format!("the binding does not know {}: it runs, and its result is only noted", quote(&segment.text));
            findings.push(TextRule::UnknownCommand.found(line, message));
        }
        findings.extend(context.seen_in_tree(segment, line));
        let mut command = context.literal(segment, line, classes)?;
        command.should_print = match segment.trailing_comment.as_deref().and_then(should_print) {
            Some(wanted) => Some(context.fill(wanted, line)?),
            None => None,
        };
        let step = steps.iter_mut().rev().find(|(_, first)| *first <= nth);
        if let Some((step, _)) = step {
            step.commands.push(command);
        }
    }
    Ok((steps.into_iter().map(|(step, _)| step).collect(), findings))
}

/// The steps without commands, each with the number of commands that stand before it.
fn numbered(
    context: &Context<'_>,
    topology: &TopologyBinding,
    section: &Section,
    block: &CodeBlock,
    split: &Split,
) -> Result<Vec<(Step, usize)>, RunbookError> {
    let letter = &topology.section;
    let mut steps: Vec<(Step, usize)> = Vec::new();
    let mut last = 0;
    for comment in split.comments.iter().filter(|comment| !comment.trailing) {
        let line = block.line_of(comment.row);
        if should_print(&comment.text).is_some() {
            let what = format!("{} on a line of its own", quote(&comment.text));
            let wanted = "such a comment behind its command, on the command's last line";
            return Err(context.refuse(line, what, wanted, "put it behind the command"));
        }
        let Some((number, title)) = heading(&comment.text) else { continue };
        if number <= last {
            let what = format!("step {number} after step {last}");
            let wanted = "step numbers that grow, so that each names one step";
            return Err(context.refuse(line, what, wanted, "number the steps anew"));
        }
        last = number;
        let step = Step { id: format!("{letter}{number}"), title: title.to_owned(), line, commands: Vec::new() };
        steps.push((step, comment.commands_before));
    }
    if steps.first().is_none_or(|(_, before)| *before > 0) {
        let number = u32::from(steps.is_empty());
        let line = split.commands.first().map_or(block.line, |command| block.line_of(command.row));
        let title = section.heading.clone();
        steps.insert(0, (Step { id: format!("{letter}{number}"), title, line, commands: Vec::new() }, 0));
    }
    Ok(steps)
}

/// `3. Stop it. More.` as 3 and `Stop it`.
fn heading(comment: &str) -> Option<(u32, &str)> {
    let (number, title) = comment.split_once('.')?;
    let number = number.parse().ok().filter(|number| *number < 1_000)?;
    let title = title.trim();
    let title = title.split_once(". ").map_or(title, |(first, _)| first);
    Some((number, title.strip_suffix('.').unwrap_or(title)))
}

/// What a `should print …` comment wants.
fn should_print(comment: &str) -> Option<&str> {
    const WORDS: &str = "should print ";
    let begins = comment.get(..WORDS.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(WORDS));
    comment.get(WORDS.len()..).filter(|_| begins).map(str::trim).filter(|wanted| !wanted.is_empty())
}

fn classes(topology: &TopologyBinding, text: &str) -> Vec<Class> {
    let known = topology.commands.iter().filter(|known| place::begins_with(text, &known.begins));
    known.max_by_key(|known| known.begins.len()).map_or_else(|| vec![Class::Other], |known| known.classes.clone())
}

/// Steps that are another section's step in other words.
fn borrow(
    context: &Context<'_>,
    topology: &TopologyBinding,
    section: &Section,
    steps: &mut [Step],
    findings: &mut Vec<StaticFinding>,
) -> Result<(), RunbookError> {
    for same in context.binding.same_as.iter().filter(|same| letter(&same.step) == topology.section) {
        let why = format!("step {} is bound to be the same as step {}", same.step, same.is);
        let step = steps.iter_mut().find(|step| step.id == same.step).ok_or_else(|| {
            let what = format!("the section has no step {}", same.step);
            context.refuse(section.line, what, format!("step {}: {why}", same.step), "add the step, or unbind it")
        })?;
        if let Some(own) = step.commands.first() {
            let what = format!("step {} has a command of its own: {}", same.step, quote(&own.text));
            return Err(context.refuse(own.line, what, format!("none: {why}"), "remove `same_as` from the binding"));
        }
        let other = context.binding.topologies.values().find(|other| other.section == letter(&same.is));
        let other = other.ok_or_else(|| {
            let what = format!("same_as: no topology has the section {}", quote(letter(&same.is)));
            RunbookError::file(context.binding_name, what, why.clone(), "mend the binding")
        })?;
        let target = place::section(context.document, &other.heading, &why)?;
        let (others, seen) = literal(context, other, target)?;
        let found = others.into_iter().find(|other| other.id == same.is);
        let found = found.filter(|other| other.commands.iter().any(|command| command.is(same.class)));
        let found = found.ok_or_else(|| {
            let what = format!("the section {} has no step {} that does this", quote(&target.heading), same.is);
            let wanted = format!("step {} with a command of class {:?}: {why}", same.is, same.class);
            context.refuse(target.line, what, wanted, "put the step back, or mend the binding")
        })?;
        let message = format!("step {} has no command; taken from step {} (line {})", same.step, same.is, found.line);
        findings.push(TextRule::SameAs.found(step.line, message));
        let lines: Vec<u32> = found.commands.iter().map(|command| command.line).collect();
        findings.extend(seen.into_iter().filter(|finding| lines.contains(&finding.line)));
        step.commands = found.commands.into_iter().map(|command| borrowed(command, &same.is)).collect();
    }
    Ok(())
}

fn borrowed(command: Command, step: &str) -> Command {
    Command { origin: Origin::SameAs { step: step.to_owned() }, ..command }
}

fn letter(step: &str) -> &str {
    step.trim_end_matches(|c: char| c.is_ascii_digit())
}

/// Commands that the section asks for in prose only.
fn supply(
    context: &Context<'_>,
    topology: &TopologyBinding,
    section: &Section,
    steps: &mut [Step],
    findings: &mut Vec<StaticFinding>,
) -> Result<(), RunbookError> {
    let mut before: Vec<(String, Command)> = Vec::new();
    for supplied in &context.binding.supplied {
        let at_step = !matches!(supplied.at.as_str(), "diagnose" | "stop" | "page");
        if !at_step || !supplied.on.iter().any(|id| id == context.topology) {
            continue;
        }
        if supplied.classes.is_empty() || letter(&supplied.at) != topology.section {
            let what = format!("the supplied command {} at {}", quote(&supplied.command), quote(&supplied.at));
            let wanted = format!("classes, and a step of section {}", topology.section);
            return Err(RunbookError::file(context.binding_name, what, wanted, "mend the binding"));
        }
        let within = format!("the section {}", quote(&section.heading));
        let within = (within.as_str(), section.line);
        let line = place::quoted(context.document, section.prose(), &supplied.stands_for, within)?;
        let (command, finding) =
            context.supplied(&supplied.command, &supplied.stands_for, line, supplied.classes.clone())?;
        before.push((supplied.at.clone(), command));
        findings.push(finding);
    }
    // From the last one on, so that several at one step keep their order.
    for (at, command) in before.into_iter().rev() {
        let step = steps.iter_mut().find(|step| step.id == at).ok_or_else(|| {
            let wanted = format!("step {at}, to which the binding supplies a command");
            context.refuse(section.line, format!("the section has no step {at}"), wanted, "mend the binding")
        })?;
        step.commands.insert(0, command);
    }
    Ok(())
}
