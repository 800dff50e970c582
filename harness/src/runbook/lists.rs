//! The lists that all topologies share: verification, failure path, postmortem requirements.

use std::collections::BTreeMap;

use super::binding::{MetBy, PostmortemItem, Role, SectionKey, SpanBinding};
use super::claims::Claims;
use super::context::Context;
use super::document::{Prose, Section, Span};
use super::error::{RunbookError, quote};
use super::place;
use crate::procedure::{
    Class, Command, FailurePath, Requirement, RequirementKind, StaticFinding, Step, TextRule, VerificationPoint,
};

/// Words that the driver replaces in the page command, each by a quoted value.
pub const PAGE_WORDS: [&str; 4] = ["{severity}", "{key}", "{reason}", "{evidence}"];

/// The verification points.
pub(super) fn verification(
    context: &Context<'_>,
    claims: &Claims,
    findings: &mut Vec<StaticFinding>,
) -> Result<Vec<VerificationPoint>, RunbookError> {
    let section = place::shared(context.document, &context.binding.sections, SectionKey::Verification)?;
    let bound: Vec<u64> = context.binding.verification.iter().map(|item| item.item).collect();
    place::all_bound(context.document, section, &bound)?;
    place::only_mentions(context.document, section.paragraphs.iter(), &[])?;
    let mut points = Vec::new();
    for binding in &context.binding.verification {
        let item = place::item(context.document, section, binding.item, &binding.says)?;
        let which = format!("verification {}", binding.item);
        let spans = place::spans(context.document, &item.prose, &binding.spans, &which)?;
        only_roles(context, &spans, &[Role::Verify, Role::ShouldPrint], &which)?;
        let mut command = match role(context, &spans, Role::Verify) {
            Some((span, _)) => Some(literal(context, span, Class::Verify, findings)?),
            None => None,
        };
        if let (Some(command), Some((span, _))) = (&mut command, role(context, &spans, Role::ShouldPrint)) {
            command.should_print = Some(context.fill(&span.text, span.line)?);
        }
        points.push(VerificationPoint {
            criterion: binding.criterion.clone(),
            line: item.prose.line,
            step: format!("V{}", binding.item),
            command,
            times: if binding.repeated { u32::try_from(claims.metrics_fetches.value).unwrap_or(2) } else { 1 },
        });
    }
    Ok(points)
}

/// The failure path.
pub(super) fn failure(context: &Context<'_>, findings: &mut Vec<StaticFinding>) -> Result<FailurePath, RunbookError> {
    let section = place::shared(context.document, &context.binding.sections, SectionKey::Failure)?;
    let binding = &context.binding.failure;
    let bound: Vec<u64> = binding.items.iter().map(|item| item.item).collect();
    place::all_bound(context.document, section, &bound)?;
    place::only_mentions(context.document, section.paragraphs.iter(), &binding.mentions)?;
    let (mut diagnose, mut stop) = (Vec::new(), Vec::new());
    let (mut diagnose_is_blind, mut stop_is_blind) = (false, false);
    let blind = |how: &SpanBinding| how.blind_on.iter().any(|id| id == context.topology);
    for bound in &binding.items {
        let item = place::item(context.document, section, bound.item, &bound.says)?;
        let which = format!("item {} of the failure path", bound.item);
        let spans = place::spans(context.document, &item.prose, &bound.spans, &which)?;
        only_roles(context, &spans, &[Role::Diagnose, Role::Stop], &which)?;
        if let Some((span, how)) = role(context, &spans, Role::Diagnose) {
            diagnose.push(literal(context, span, Class::Diagnose, findings)?);
            diagnose_is_blind |= blind(how);
        }
        if let Some((span, how)) = role(context, &spans, Role::Stop) {
            stop.push(literal(context, span, Class::Stop, findings)?);
            stop_is_blind |= blind(how);
        }
    }
    diagnose.extend(supplied(context, section, "diagnose", Class::Diagnose, findings)?);
    stop.extend(supplied(context, section, "stop", Class::Stop, findings)?);
    let mut pages = supplied(context, section, "page", Class::Page, findings)?;
    let page = pages.pop().filter(|page| pages.is_empty() && PAGE_WORDS.iter().all(|word| page.text.contains(word)));
    let page = page.ok_or_else(|| {
        let what = format!("{} has no one page command", context.topology);
        let wanted = format!("one `[[supplied]]` at \"page\" with {}", PAGE_WORDS.join(", "));
        RunbookError::file(context.binding_name, what, wanted, "mend the binding")
    })?;
    if diagnose.is_empty() || stop.is_empty() {
        let what = format!("{} has no command that reads the reason, or none that stops the node", context.topology);
        let wanted = "a code span or a supplied command for `diagnose` and for `stop`";
        return Err(RunbookError::file(context.binding_name, what, wanted, "mend the binding"));
    }
    Ok(FailurePath {
        diagnose,
        stop,
        page,
        incompatible_state: binding.incompatible_state.clone(),
        diagnose_is_blind,
        stop_is_blind,
    })
}

fn supplied(
    context: &Context<'_>,
    section: &Section,
    at: &str,
    class: Class,
    findings: &mut Vec<StaticFinding>,
) -> Result<Vec<Command>, RunbookError> {
    let mut commands = Vec::new();
    let fits = context.binding.supplied.iter().filter(|supplied| supplied.at == at);
    for supplied in fits.filter(|supplied| supplied.on.iter().any(|id| id == context.topology)) {
        let line = match supplied.item {
            Some(number) => {
                let item = place::item(context.document, section, number, &supplied.stands_for)?;
                let within = format!("item {number} of the failure path");
                let prose = std::iter::once(&item.prose);
                place::quoted(context.document, prose, &supplied.stands_for, (&within, item.prose.line))?
            }
            None => {
                let within = ("the failure path", section.line);
                place::quoted(context.document, section.prose(), &supplied.stands_for, within)?
            }
        };
        let (command, finding) = context.supplied(&supplied.command, &supplied.stands_for, line, vec![class])?;
        commands.push(command);
        findings.push(finding);
    }
    Ok(commands)
}

/// What the postmortem wants, the record files included, and the commands that some of it needs.
pub(super) fn postmortem(
    context: &Context<'_>,
    steps: &[Step],
    topology_line: u32,
    findings: &mut Vec<StaticFinding>,
) -> Result<(Vec<Requirement>, BTreeMap<String, Command>), RunbookError> {
    let section = place::shared(context.document, &context.binding.sections, SectionKey::Postmortem)?;
    let bound: Vec<u64> = context.binding.postmortem.iter().filter_map(|item| item.item).collect();
    place::all_bound(context.document, section, &bound)?;
    let unbound = section
        .paragraphs
        .iter()
        .zip(1..)
        .filter(|(_, number)| !context.binding.postmortem.iter().any(|item| item.paragraph == Some(*number)));
    place::only_mentions(context.document, unbound.map(|(paragraph, _)| paragraph), &[])?;
    let (mut requirements, mut captures) = (Vec::new(), BTreeMap::new());
    for item in &context.binding.postmortem {
        let prose: &Prose = match (item.item, item.paragraph) {
            (Some(number), None) => &place::item(context.document, section, number, &item.says)?.prose,
            (None, Some(number)) => place::paragraph(context.document, section, number, &item.says)?,
            _ => {
                let what = format!("the postmortem item {} has no one place", quote(&item.id));
                let wanted = "either `item` or `paragraph`";
                return Err(RunbookError::file(context.binding_name, what, wanted, "mend the binding"));
            }
        };
        let which = format!("the postmortem item {}", quote(&item.id));
        let spans = place::spans(context.document, prose, &item.spans, &which)?;
        only_roles(context, &spans, &[Role::Capture, Role::Files], &which)?;
        let kind = match item.met_by.plain() {
            Some(kind) => kind,
            None => kind_of(context, item, &spans, steps, findings, &mut captures)?,
        };
        requirements.push(Requirement { id: item.id.clone(), line: prose.line, kind });
    }
    for record in &context.binding.records {
        let maker = maker(steps, &record.file);
        let line = maker.map_or(topology_line, |command| command.line);
        if maker.is_none() {
            findings.push(never_captured(context, &record.file, line));
        }
        let kind = RequirementKind::Files { glob: record.file.clone(), never_made: maker.is_none() };
        requirements.push(Requirement { id: record.id.clone(), line, kind });
    }
    Ok((requirements, captures))
}

fn kind_of(
    context: &Context<'_>,
    item: &PostmortemItem,
    spans: &[(&Span, &SpanBinding)],
    steps: &[Step],
    findings: &mut Vec<StaticFinding>,
    captures: &mut BTreeMap<String, Command>,
) -> Result<RequirementKind, RunbookError> {
    let wanted = if item.met_by == MetBy::Files { Role::Files } else { Role::Capture };
    let missing = |wanted: &str| {
        let what = format!("the postmortem item {} is met by {:?}", quote(&item.id), item.met_by);
        RunbookError::file(context.binding_name, what, wanted, "mend the binding")
    };
    let (span, _) = role(context, spans, wanted).ok_or_else(|| missing("a code span with that role"))?;
    if item.met_by == MetBy::Files {
        let glob = context.fill(&span.text, span.line)?;
        let fixed = glob.split(['*', '?', '[']).next().unwrap_or_default();
        if !fixed.starts_with('/') {
            let advice = "write the absolute path";
            return Err(context.refuse(span.line, format!("{} is no absolute path", quote(&glob)), "files", advice));
        }
        let never_made = maker(steps, fixed).is_none();
        if never_made {
            findings.push(never_captured(context, &glob, span.line));
        }
        return Ok(RequirementKind::Files { glob, never_made });
    }
    let file = item.file.clone().ok_or_else(|| missing("`file`, the name of its output in the bundle"))?;
    captures.insert(item.id.clone(), literal(context, span, Class::Capture, findings)?);
    Ok(RequirementKind::Command { file, folder: item.folder.clone() })
}

/// The first command of the steps that names the file.
fn maker<'s>(steps: &'s [Step], file: &str) -> Option<&'s Command> {
    steps.iter().flat_map(|step| &step.commands).find(|command| command.text.contains(file))
}

fn never_captured(context: &Context<'_>, file: &str, line: u32) -> StaticFinding {
    let message = format!("no command of {}'s section makes {file}", context.topology);
    TextRule::NeverCaptured.found(line, message)
}

/// The first span with this role on this topology.
fn role<'a>(
    context: &Context<'_>,
    spans: &[(&'a Span, &'a SpanBinding)],
    wanted: Role,
) -> Option<(&'a Span, &'a SpanBinding)> {
    let here = |how: &SpanBinding| how.on.as_ref().is_none_or(|on| on.iter().any(|id| id == context.topology));
    spans.iter().find(|(_, how)| how.role == wanted && here(how)).copied()
}

fn only_roles(
    context: &Context<'_>,
    spans: &[(&Span, &SpanBinding)],
    allowed: &[Role],
    which: &str,
) -> Result<(), RunbookError> {
    match spans.iter().find(|(_, how)| how.role != Role::Mention && !allowed.contains(&how.role)) {
        None => Ok(()),
        Some((_, how)) => Err(RunbookError::file(
            context.binding_name,
            format!("{which}: a code span with role {:?}", how.role),
            format!("roles {allowed:?} or Mention"),
            "mend the binding",
        )),
    }
}

fn literal(
    context: &Context<'_>,
    span: &Span,
    class: Class,
    findings: &mut Vec<StaticFinding>,
) -> Result<Command, RunbookError> {
    let segment = context.one(&span.text, span.line)?;
    findings.extend(context.seen_in_tree(&segment, span.line));
    context.literal(&segment, span.line, vec![class])
}
