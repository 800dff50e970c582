//! The answer to whether to roll back, for a person: each condition with its arithmetic, and last what it comes to.

use super::summary::{Page, Paint};
use crate::bundle::story::printable;
use crate::decide::input::{Alert, Deploy, Input};
use crate::decide::moment::length;
use crate::decide::{Answer, Call, ConditionAnswer, Holds};

/// The lines, for a terminal of so many columns.
pub fn lines(answer: &Answer, width: usize, colour: bool) -> Vec<String> {
    let mut page = Page { lines: Vec::new(), width, colour };
    let (runbook, section) = (&answer.asked.runbook.path, &answer.section);
    page.lines.push(format!("rollback-drill {}", answer.harness));
    page.lines.push(printable(&format!("runbook {runbook}, \"{}\", line {}", section.text, section.line)));
    page.lines.push(printable(&format!("seen {}, at {}", answer.asked.from, answer.seen.now)));
    seen(&mut page, &answer.seen);
    conditions(&mut page, answer);
    if !answer.warnings.is_empty() {
        page.head("warnings");
    }
    for warning in &answer.warnings {
        page.row(&[], warning);
    }
    findings(&mut page, answer);
    call(&mut page, answer);
    page.lines
}

fn seen(page: &mut Page, seen: &Input) {
    page.head("what was seen");
    let alerts = seen.alerts.iter().map(|alert| fires(alert, seen)).collect();
    let deploys = seen.deploys.iter().map(|deploy| deployed(deploy, seen)).collect();
    let budget = seen.budget.iter().map(|budget| {
        let over = length(i64::try_from(budget.over_ms).unwrap_or(i64::MAX));
        format!("{} % of a month's went in {over}; suspected is {}", budget.spent_percent, budget.suspect.words())
    });
    rows(page, "alerts", alerts, "none fires");
    rows(page, "deploys", deploys, "none");
    rows(page, "budget", budget.collect(), "not given");
}

/// What was seen of one kind, or that there was nothing.
fn rows(page: &mut Page, name: &str, rows: Vec<String>, none: &str) {
    if rows.is_empty() {
        page.row(&[(name, 8, None)], none);
    }
    for (at, row) in rows.iter().enumerate() {
        page.row(&[(if at == 0 { name } else { "" }, 8, None)], row);
    }
}

fn fires(alert: &Alert, seen: &Input) -> String {
    let burn = alert.burn.map(|burn| {
        let (one, other) = (burn.earlier, burn.later);
        format!("; burn rate {} at {}, {} at {}", one.rate, one.at, other.rate, other.at)
    });
    let since = length(seen.now.since(alert.since));
    format!("{} since {}, {since}{}", alert.name, alert.since, burn.unwrap_or_default())
}

fn deployed(deploy: &Deploy, seen: &Input) -> String {
    let ago = length(seen.now.since(deploy.at));
    let crates = if deploy.crates.is_empty() { "no crate".to_owned() } else { deploy.crates.join(", ") };
    format!("v{} at {}, {ago} ago; changed {crates}", deploy.version, deploy.at)
}

fn conditions(page: &mut Page, answer: &Answer) {
    page.head("conditions, in the runbook's order");
    page.row(&[("", 1, None), ("", 8, None), (&format!("line {}", answer.order.line), 8, None)], &answer.order.text);
    for condition in &answer.conditions {
        let (number, line) = (condition.number.to_string(), format!("line {}", condition.line));
        let cells = [(&*number, 1, Some(Paint::Strong)), holds(condition.holds), (&*line, 8, None)];
        page.row(&cells, &condition.text);
        for check in &condition.checks {
            let line = format!("line {}", check.line);
            page.row(&[("", 1, None), ("", 8, None), (&line, 8, None), holds(check.holds)], &check.said);
        }
    }
}

fn holds(holds: Holds) -> (&'static str, usize, Option<Paint>) {
    let how = match holds {
        Holds::Yes => Paint::Bad,
        Holds::No => Paint::Good,
        Holds::Unknown => Paint::Warn,
    };
    (holds.as_str(), 8, Some(how))
}

fn findings(page: &mut Page, answer: &Answer) {
    if !answer.findings.is_empty() {
        page.head("findings: what the text leaves open, and the binding supplies");
    }
    for finding in &answer.findings {
        page.row(&[(&format!("line {}", finding.line), 8, None)], &finding.message);
    }
}

fn call(page: &mut Page, answer: &Answer) {
    page.lines.push(String::new());
    let quote = format!("\"{}\" (line {})", answer.quote.text, answer.quote.line);
    let (said, how) = match (answer.call, answer.because) {
        (Call::RollBack, Some(number)) => (format!("roll back because of condition {number}"), Paint::Bad),
        (Call::RollBack, None) => ("roll back".to_owned(), Paint::Bad),
        (Call::DoNotRollBack, _) => ("do not roll back".to_owned(), Paint::Good),
    };
    page.row(&[("answer", 8, Some(how))], &format!("{said}: {quote}"));
    let unknown = |condition: &&ConditionAnswer| condition.holds == Holds::Unknown;
    let unknown: Vec<String> =
        answer.conditions.iter().filter(unknown).map(|condition| condition.number.to_string()).collect();
    if answer.call == Call::DoNotRollBack && !unknown.is_empty() {
        let said = format!("condition {}: give what is missing above, and ask again", unknown.join(", "));
        page.row(&[("unknown", 8, Some(Paint::Warn))], &said);
    }
}
