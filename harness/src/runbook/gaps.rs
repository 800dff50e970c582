//! What a procedure lacks, read from the classes of its commands, and what the binding knows to be left open.

use super::context::Context;
use super::error::{RunbookError, quote};
use super::place;
use crate::procedure::{Class, Command, StaticFinding, Step, TextRule};

/// Gaps of the steps: `no-record`, `no-drain`, `no-wait`, `undrain-before-verify`.
pub(super) fn of_steps(steps: &[Step], topology_line: u32) -> Vec<StaticFinding> {
    let all: Vec<&Command> = steps.iter().flat_map(|step| &step.commands).collect();
    let mut findings = Vec::new();
    let lacking = [
        (Class::Record, TextRule::NoRecord, "no command writes down the state before the rollback"),
        (Class::Drain, TextRule::NoDrain, "no command takes the node out of rotation before it is stopped"),
        (Class::Wait, TextRule::NoWait, "no command waits for the node to be ready"),
    ];
    for (class, rule, message) in lacking {
        if !all.iter().any(|command| command.is(class)) {
            findings.push(rule.found(topology_line, message.into()));
        }
    }
    // Everything under "Verification" comes after the section; a check inside it would have to follow the start.
    let started = all.iter().rposition(|command| command.is(Class::Start));
    let undrained = all.iter().rposition(|command| command.is(Class::Undrain));
    if let (Some(started), Some(undrained)) = (started, undrained) {
        let between = all.get(started..undrained).unwrap_or_default();
        if let (false, Some(command)) = (between.iter().any(|c| c.is(Class::Verify)), all.get(undrained)) {
            let message = "the node gets traffic again before anything is verified".to_owned();
            findings.push(TextRule::UndrainBeforeVerify.found(command.line, message));
        }
    }
    findings
}

/// Line of the command that brings the target near before anything is stopped; `None` if none does, or nothing is stopped.
pub(super) fn fetch_before_stop(steps: &[Step]) -> Option<u32> {
    let all = || steps.iter().flat_map(|step| &step.commands);
    let stop = all().position(|command| command.is(Class::Stop))?;
    all().take(stop).find(|command| command.is(Class::Fetch)).map(|command| command.line)
}

/// Gaps that the binding knows from reading the text.
pub(super) fn known(context: &Context<'_>) -> Result<Vec<StaticFinding>, RunbookError> {
    let mut findings = Vec::new();
    let here = |on: &Vec<String>| on.iter().any(|id| id == context.topology);
    for gap in context.binding.known_gaps.iter().filter(|gap| gap.on.as_ref().is_none_or(here)) {
        let section = place::shared(context.document, &context.binding.sections, gap.section)?;
        let line = match gap.item {
            None => section.line,
            Some(number) => {
                let item = section.items.iter().find(|item| item.number == number);
                let missing = || {
                    let what = format!("the section has no list item {number}");
                    let wanted = format!("list item {number}, about which the binding says {}", quote(&gap.rule));
                    context.refuse(section.line, what, wanted, "mend the binding")
                };
                item.ok_or_else(missing)?.prose.line
            }
        };
        findings.push(StaticFinding { rule: gap.rule.clone(), line, message: gap.message.clone() });
    }
    Ok(findings)
}
