//! `incident.md`: what goes into the incident issue, by the runbook's "Postmortem requirements". Pure, and in Markdown
//! that survives whatever the commands printed.

use std::fmt::Write;

use super::story;
use crate::criteria;
use crate::history::event::{AlertState, What};
use crate::history::read::History;
use crate::invariants;
use crate::judge::alerts::{self, AlertLook};
use crate::judge::command::CommandRun;
use crate::judge::facts::Facts;
use crate::judge::{Judgement, Outcome};
use crate::procedure::Class;

/// Lines of a capture command's output that are quoted; the capture has all.
const EXCERPT_LINES_MAX: usize = 40;

/// Writes it.
pub fn incident(history: &History, judgement: &Judgement) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = write(&mut text, history, judgement);
    text
}

fn write(out: &mut String, history: &History, judgement: &Judgement) -> std::fmt::Result {
    let Some(facts) = Facts::of(history) else {
        return writeln!(out, "# A drill without a plan\n\n{}", inline(&judgement.because));
    };
    head(out, &facts, judgement)?;
    decision(out, &facts)?;
    requirements(out, &facts, history)?;
    excerpts(out, &facts)?;
    results(out, judgement)?;
    findings(out, judgement)?;
    timeline(out, &facts)
}

fn head(out: &mut String, facts: &Facts<'_>, judgement: &Judgement) -> std::fmt::Result {
    let plan = facts.plan;
    let (bad, good) = (&plan.bad, &plan.good);
    writeln!(out, "# Rollback v{} → v{}: {}\n", bad.version, good.version, story::word(&judgement.verdict))?;
    writeln!(
        out,
        "A drill, not an incident: scenario `{}`, topology `{}`, operator `{}`,",
        plan.scenario,
        plan.topology,
        plan.operator.as_str()
    )?;
    writeln!(
        out,
        "host `{}`, profile `{}`, seed {}, rollback-drill {},",
        plan.host, plan.profile, plan.seed, plan.harness
    )?;
    writeln!(out, "id `{}`.\n", plan.id)?;
    writeln!(out, "| | |\n|---|---|")?;
    writeln!(out, "| Verdict | **{}**: {} |", story::word(&judgement.verdict), inline(&judgement.because))?;
    let expected = judgement.expected.as_ref();
    let expected =
        expected.map_or_else(|| "nothing is said".into(), |e| story::ending(e.verdict, &e.failing, &e.broken));
    let conforms = if judgement.conforms { "conforms" } else { "**does not conform**" };
    writeln!(out, "| Expected | {expected}: {conforms} |")?;
    writeln!(out, "| Bad release | v{}, executable `{}` |", bad.version, bad.executable_sha256)?;
    writeln!(out, "| Good release | v{}, executable `{}` |", good.version, good.executable_sha256)?;
    writeln!(out, "| Trigger | {} |", inline(&plan.trigger))?;
    if let Some(alert) = alert(facts) {
        writeln!(out, "| Alert | {} |", inline(&alert))?;
    }
    writeln!(out, "| Runbook | `{}`, SHA-256 `{}` |", plan.runbook.path, plan.runbook.sha256)?;
    for (name, value) in story::figures(&judgement.metrics) {
        writeln!(out, "| {} | {} |", capital(name), inline(&value))?;
    }
    Ok(())
}

/// Whether to roll back, where that was asked, and what was seen.
fn decision(out: &mut String, facts: &Facts<'_>) -> std::fmt::Result {
    let Some(decided) = facts.decided() else { return Ok(()) };
    writeln!(out, "\n## Decision (event {})\n\n| | |\n|---|---|", decided.n)?;
    for (name, text) in story::decided::rows(decided.what) {
        writeln!(out, "| {} | {} |", capital(&name), inline(&text))?;
    }
    Ok(())
}

/// The alert behind the trigger: when it was first seen firing, and since when it was not any more at the end.
fn alert(facts: &Facts<'_>) -> Option<String> {
    let alerts = facts.plan.alerts.as_ref()?;
    let (name, looks) = (&alerts.originating, alerts::looks(facts, alerts));
    let firing = |look: &AlertLook<'_>| look.state == Some(AlertState::Firing);
    let Some(first) = looks.iter().find(|look| firing(look)) else { return Some(format!("{name}, never seen firing")) };
    let at = |look: &AlertLook<'_>| format!("{} s (event {})", story::time(look.at_us), look.n);
    let active = |look: &AlertLook<'_>| look.state.is_some_and(|state| state != AlertState::Inactive);
    let cleared = looks.iter().rposition(active).and_then(|last| looks.get(last + 1));
    let cleared = cleared.map_or_else(|| "active to the end".into(), |look| format!("inactive from {} on", at(look)));
    Some(format!("{name}, seen firing first at {}, {cleared}", at(first)))
}

fn requirements(out: &mut String, facts: &Facts<'_>, history: &History) -> std::fmt::Result {
    writeln!(out, "\n## Postmortem requirements\n")?;
    let required = |item: &str| facts.plan.requirements.iter().any(|(id, _)| id == item);
    for (id, line) in &facts.plan.requirements {
        let kept = captures(history, |item| item == id);
        let missing = history.events.iter().find_map(|event| match &event.what {
            What::Missing { item, why, never_made } if item == id => Some((why, *never_made)),
            _ => None,
        });
        write!(out, "- [{}] **{id}** (runbook line {line}): ", if kept.is_empty() { " " } else { "x" })?;
        match missing {
            Some((why, _)) if !kept.is_empty() => writeln!(out, "{}; not all of it: {}", kept.join(", "), inline(why))?,
            None if !kept.is_empty() => writeln!(out, "{}", kept.join(", "))?,
            Some((why, true)) => writeln!(out, "missing, the runbook never makes it here: {}", inline(why))?,
            Some((why, false)) => writeln!(out, "`TO FILL IN: {id}` ({})", inline(why))?,
            None => writeln!(out, "`TO FILL IN: {id}` (the drill says nothing of it)")?,
        }
    }
    let others = captures(history, |item| !required(item));
    if !others.is_empty() {
        writeln!(out, "\nAlso kept: {}.", others.join(", "))?;
    }
    for event in &history.events {
        if let What::Missing { item, why, .. } = &event.what
            && !required(item)
        {
            writeln!(out, "\nNot kept: {} ({}).", inline(item), inline(why))?;
        }
    }
    writeln!(
        out,
        "\nThe whole drill is in [history.jsonl](history.jsonl); [verdict.json](verdict.json) is judged from it."
    )
}

fn captures(history: &History, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let link = |what: &What| match what {
        What::Captured { item, file, bytes } if wanted(item) => {
            Some(format!("[{}](<{}>) ({bytes} bytes)", inline(file), file.replace(['<', '>', '\n'], "_")))
        }
        _ => None,
    };
    history.events.iter().filter_map(|event| link(&event.what)).collect()
}

/// What the runbook's own capture commands printed, such as the changes between the releases.
fn excerpts(out: &mut String, facts: &Facts<'_>) -> std::fmt::Result {
    for run in facts.commands.iter().filter(|run| run.is(Class::Capture)) {
        writeln!(out, "\n## {} (runbook line {}, event {})\n", code(run.text), run.line, run.n)?;
        let lines: Vec<String> = run.output.lines().map(story::printable).collect();
        if lines.is_empty() {
            writeln!(out, "It printed nothing and {}.", run.ending())?;
            continue;
        }
        // Indented, not fenced: no output can end it.
        for line in lines.iter().take(EXCERPT_LINES_MAX) {
            writeln!(out, "    {line}")?;
        }
        if lines.len() > EXCERPT_LINES_MAX {
            writeln!(out, "\n{} more lines are in the capture.", lines.len() - EXCERPT_LINES_MAX)?;
        }
    }
    Ok(())
}

fn results(out: &mut String, judgement: &Judgement) -> std::fmt::Result {
    writeln!(out, "\n## Criteria\n\n| criterion | oracle | the runbook's own check | why |\n|---|---|---|---|")?;
    let in_order = criteria::REGISTRY.iter().filter_map(|one| judgement.criteria.get_key_value(one.id()));
    for (id, result) in in_order {
        let (outcome, literal) = (story::word(&result.outcome), story::word(&result.literal));
        writeln!(out, "| {id} | {outcome} | {literal} | {} |", reason(&result.detail, &result.events))?;
    }
    writeln!(out, "\n## Invariants\n\n| invariant | outcome | why |\n|---|---|---|")?;
    let in_order = invariants::REGISTRY.iter().filter_map(|one| judgement.invariants.get_key_value(one.id()));
    for (id, result) in in_order {
        let outcome = story::word(&result.outcome);
        let outcome = if result.outcome == Outcome::Fail { format!("**{outcome}**") } else { outcome };
        writeln!(out, "| {id} | {outcome} | {} |", reason(&result.detail, &result.events))?;
    }
    if !judgement.faults.is_empty() {
        writeln!(out, "\n## Faults\n\n| fault | seen from outside |\n|---|---|")?;
    }
    for fault in &judgement.faults {
        let seen = fault.seen.as_deref().unwrap_or("**nothing shows it**");
        writeln!(out, "| {} | {} |", fault.fault, reason(seen, &fault.events))?;
    }
    Ok(())
}

fn findings(out: &mut String, judgement: &Judgement) -> std::fmt::Result {
    writeln!(out, "\n## Findings: defects of the runbook\n")?;
    if judgement.findings.is_empty() {
        return writeln!(out, "None.");
    }
    writeln!(out, "| line | rule | what |\n|---|---|---|")?;
    for finding in &judgement.findings {
        let line = finding.line.map_or_else(|| "-".into(), |line| line.to_string());
        writeln!(out, "| {line} | {} | {} |", finding.rule, reason(&finding.message, &finding.events))?;
    }
    Ok(())
}

fn timeline(out: &mut String, facts: &Facts<'_>) -> std::fmt::Result {
    writeln!(out, "\n## Timeline\n\nSeconds since the operator host's agent began.\n")?;
    writeln!(out, "| seconds | event | what |\n|---:|---:|---|")?;
    for (index, event) in facts.events.iter().enumerate() {
        let said = match &event.what {
            What::BlockBegan { block } => Some(format!("**{}** begins", story::block(*block))),
            What::CommandEnded { .. } | What::CommandKilled { .. } => {
                facts.commands.iter().find(|run| run.n_over == Some(event.n)).map(command)
            }
            other => {
                let before = facts.events.get(..index).unwrap_or_default();
                story::news(before, other).map(|note| inline(&note))
            }
        };
        if let Some(said) = said {
            writeln!(out, "| {} | {} | {said} |", story::time(event.at_us), event.n)?;
        }
    }
    if let Some(cut) = facts.cut {
        writeln!(out, "| | | **the History is cut**: {} |", inline(cut))?;
    }
    Ok(())
}

fn command(run: &CommandRun<'_>) -> String {
    let origin = story::origin(run.origin).map(|origin| format!(", {origin}")).unwrap_or_default();
    let text = cell(&code(run.text));
    let took = run.duration_us().map(story::took).unwrap_or_default();
    let ended = match run.killed {
        Some(_) => format!("killed after {took}"),
        None => format!("exit {} in {took}", story::exit(run)),
    };
    let parts = story::parts(run).map(|parts| format!(", {}", inline(&parts))).unwrap_or_default();
    format!("{} (line {}{origin}): {text}, {ended}{parts}", run.command.step, run.line)
}

fn reason(detail: &str, events: &[u64]) -> String {
    match story::events(events) {
        none if none.is_empty() => inline(detail),
        events => format!("{} ({events})", inline(detail)),
    }
}

/// A text as one line of Markdown that means nothing but itself.
fn inline(text: &str) -> String {
    let text = story::printable(&text.split('\n').map(str::trim).collect::<Vec<_>>().join(" "));
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '|' | '*' | '[' | ']' | '\\' => safe.extend(['\\', c]),
            _ => safe.push(c),
        }
    }
    safe
}

/// The first line of a command as a code span.
fn code(text: &str) -> String {
    const CODE_CHARS_MAX: usize = 160;
    let mut line = story::one_line(text);
    if line.chars().count() > CODE_CHARS_MAX {
        line = line.chars().take(CODE_CHARS_MAX - 2).chain(" …".chars()).collect();
    }
    if line.contains('`') { format!("`` {line} ``") } else { format!("`{line}`") }
}

/// In a table even code may not hold a bare bar.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::sample;

    #[test]
    fn what_commands_print_cannot_break_the_tables() {
        assert_eq!(inline("a|b\n c <b> *x* [y](z) \\"), "a\\|b c &lt;b> \\*x\\* \\[y\\](z) \\\\");
        assert_eq!(code("a | `b`\nc"), "`` a | `b` … ``");
        assert_eq!(cell("`a | b`"), "`a \\| b`");
    }

    #[test]
    fn the_alert_is_told_beside_the_trigger() {
        let row = |sample: sample::Sample| {
            let history = sample.history();
            let text = incident(&history, &crate::judge::judge(&history));
            text.lines().find(|line| line.starts_with("| Alert |")).map(str::to_owned)
        };
        assert_eq!(row(sample::recovered()), None);
        let told = |sample: sample::Sample| row(sample).unwrap();
        let cleared = told(sample::alerted());
        assert!(cleared.contains("SampleBurn, seen firing first at 2.500 s (event "), "{cleared}");
        assert!(cleared.contains("inactive from 9.500 s (event "), "{cleared}");
        assert!(told(sample::alerted().still_firing()).ends_with("active to the end |"));
        assert_eq!(
            told(sample::alerted().without_alerts(0, sample::EVER_MS)),
            "| Alert | SampleBurn, never seen firing |"
        );
    }

    #[test]
    fn a_history_without_a_plan_still_gives_a_text() {
        let history = History::of(Vec::new());
        let text = incident(&history, &crate::judge::judge(&history));
        assert!(text.contains("without a plan"), "{text}");
    }
}
