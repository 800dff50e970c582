//! The decision of a drill told to a person: what it is, what was seen, and what each condition came to.

use crate::decide::moment::length;
use crate::history::event::{AlertSeen, BudgetSeen, Call, Decision, DeploySeen, Holds, Seen};

/// Rows of a name and a text; a name that comes again is not repeated.
pub fn rows(decision: &Decision) -> Vec<(String, String)> {
    let mut rows = vec![("answer".to_owned(), answer(decision))];
    if let Some(seen) = &decision.seen {
        told(&mut rows, decision, seen);
    }
    for condition in &decision.conditions {
        let name = format!("condition {}", condition.number);
        let holds = if condition.holds == Holds::Unknown { "not known" } else { condition.holds.as_str() };
        rows.push((name, format!("{holds} (line {}): {}", condition.line, condition.said.join(", "))));
    }
    several(&mut rows, "warning", decision.warnings.clone());
    rows
}

fn answer(decision: &Decision) -> String {
    let quote = format!("\"{}\" (line {})", decision.quote, decision.line);
    match (decision.call, decision.because) {
        (Call::RollBack, Some(number)) => format!("roll back because of condition {number}: {quote}"),
        (Call::RollBack, None) => format!("roll back: {quote}"),
        (Call::DoNotRollBack, _) => format!("do not roll back, investigate first: {quote}"),
    }
}

fn told(rows: &mut Vec<(String, String)>, decision: &Decision, seen: &Seen) {
    let by = if decision.live.is_some() { "the notifier" } else { &decision.from };
    rows.push(("asked at".to_owned(), format!("{}; alerts as of {by}, all else as of {}", seen.now, decision.from)));
    let alert = |alert: &AlertSeen| format!("{} since {}, {}", alert.name, alert.since, words(alert.for_ms));
    let deploy = |deploy: &DeploySeen| {
        let crates = if deploy.crates.is_empty() { "no crate".to_owned() } else { deploy.crates.join(", ") };
        format!("v{} at {}, {} ago; changed {crates}", deploy.version, deploy.at, words(deploy.ago_ms))
    };
    let budget = |budget: &BudgetSeen| {
        let (spent, over) = (budget.spent_percent, words(budget.over_ms));
        format!("{spent} % of a month's went in {over}; suspected is {}", budget.suspect)
    };
    at_least_one(rows, "alerts", seen.alerts.iter().map(alert).collect(), "none fires");
    let differs = decision.live.as_ref().map(|live| live.differs.clone());
    several(rows, "otherwise", differs.unwrap_or_default());
    at_least_one(rows, "deploys", seen.deploys.iter().map(deploy).collect(), "none");
    at_least_one(rows, "budget", seen.budget.iter().map(budget).collect(), "not given");
}

fn at_least_one(rows: &mut Vec<(String, String)>, name: &str, texts: Vec<String>, none: &str) {
    several(rows, name, if texts.is_empty() { vec![none.to_owned()] } else { texts });
}

fn several(rows: &mut Vec<(String, String)>, name: &str, texts: Vec<String>) {
    let names = std::iter::once(name).chain(std::iter::repeat(""));
    rows.extend(names.zip(texts).map(|(name, text)| (name.to_owned(), text)));
}

fn words(ms: u64) -> String {
    length(i64::try_from(ms).unwrap_or(i64::MAX))
}
