//! How a drill ended: one of eight words (design.md, decision 10).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::judge::alerts::{self, How};
use crate::judge::facts::{Facts, SEV_1};
use crate::judge::look::{Look, Serving};
use crate::judge::{CriterionResult, FaultEvidence, Outcome};

/// How a drill ended. **Contract.**
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing can be said.
    Inconclusive,
    /// Decision or prerequisites said no.
    NotStarted,
    /// Left before anything was stopped; the bad release serves; paged.
    GivenUp,
    /// The node is left in a state that nobody wants.
    Unsafe,
    /// Nothing serves, left stopped, paged.
    Offline,
    /// Serves, but a judged criterion is not met.
    Unverified,
    /// The alert still fires, by value.
    Misdiagnosed,
    /// The target serves and every judged criterion passes.
    Recovered,
}

impl Verdict {
    /// As in reports and scenario files.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Inconclusive => "inconclusive",
            Verdict::NotStarted => "not-started",
            Verdict::GivenUp => "given-up",
            Verdict::Unsafe => "unsafe",
            Verdict::Offline => "offline",
            Verdict::Unverified => "unverified",
            Verdict::Misdiagnosed => "misdiagnosed",
            Verdict::Recovered => "recovered",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// A verdict and the rule that gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// The verdict.
    pub verdict: Verdict,
    /// The rule, for a person, with the numbers of the events.
    pub because: String,
}

/// What the rules look at.
struct Case<'f, 'a> {
    facts: &'f Facts<'a>,
    criteria: &'f BTreeMap<String, CriterionResult>,
    faults: &'f [FaultEvidence],
    end: Option<&'f Look<'a>>,
    serving: Serving,
}

type Rule = fn(&Case<'_, '_>) -> Option<(Verdict, String)>;

/// The rules of design.md, decision 10, in their order.
const RULES: [Rule; 10] = [
    nothing_to_judge,
    declined,
    given_up,
    left_unsafe,
    fault_without_evidence,
    offline,
    unknown_criterion,
    failing_criterion,
    alert_still_fires,
    not_all_passed,
];

/// The verdict of a drill: the first rule that matches, else `recovered`.
pub fn decide(facts: &Facts<'_>, criteria: &BTreeMap<String, CriterionResult>, faults: &[FaultEvidence]) -> Ending {
    let end = facts.end();
    let serving = end.map_or(Serving::Nothing, |look| look.serving(facts.plan));
    let case = Case { facts, criteria, faults, end, serving };
    let matched = RULES.iter().find_map(|rule| rule(&case));
    let (verdict, because) = matched.unwrap_or_else(|| {
        let judged = facts.plan.criteria.join(", ");
        let told = format!("{} serves and every judged criterion passes ({judged})", facts.plan.good.version);
        (Verdict::Recovered, case.at_end(told))
    });
    Ending { verdict, because }
}

impl<'f, 'a> Case<'f, 'a> {
    fn at_end(&self, told: String) -> String {
        match self.end {
            Some(look) => format!("{told} (event {})", look.n),
            None => told,
        }
    }

    /// The judged criteria with this outcome, in the plan's order.
    fn judged(&self, wanted: impl Fn(Outcome) -> bool) -> Vec<(&'f str, &'f CriterionResult)>
    where
        'a: 'f,
    {
        let ids = self.facts.plan.criteria.iter();
        let all = ids.filter_map(|id| self.criteria.get_key_value(id));
        all.filter(|(_, result)| wanted(result.outcome)).map(|(id, result)| (id.as_str(), result)).collect()
    }
}

/// (1) Cut, ended by a limit of the harness, or red first not met. A drill whose end nobody saw is cut as well.
fn nothing_to_judge(case: &Case<'_, '_>) -> Option<(Verdict, String)> {
    let facts = case.facts;
    let told = |because: String| Some((Verdict::Inconclusive, because));
    if let Some(cut) = facts.cut {
        return told(format!("the History is cut: {cut}"));
    }
    if let Some(limit) = facts.limit() {
        return told(format!("a limit of the harness ended the drill: {} (event {})", limit.what, limit.n));
    }
    if facts.declined().is_some() {
        return None;
    }
    let red_first = facts.find(|what| match what {
        crate::history::What::RedFirst { requests, server_errors, slow, wanted_percent, met } => {
            let late = slow.map_or_else(String::new, |slow| format!(", {slow} late"));
            Some((format!("{server_errors} of {requests} were 5xx{late}"), *wanted_percent, *met))
        }
        _ => None,
    });
    match red_first.last() {
        None => return told("red first was never asked: nothing shows that there was an incident".into()),
        Some(at) if !at.what.2 => {
            let (shown, percent, _) = &at.what;
            return told(format!("red first was not met: {shown}, {percent} percent wanted (event {})", at.n));
        }
        Some(_) => {}
    }
    let alert_first = facts.find(|what| match what {
        crate::history::What::AlertFirst { alert, met, .. } => Some((alert, *met)),
        _ => None,
    });
    match alert_first.last() {
        None if facts.plan.alerts.is_some() => return told("nothing shows that the alert fired that led here".into()),
        Some(at) if !at.what.1 => {
            return told(format!("red first was not met: {} did not fire (event {})", at.what.0, at.n));
        }
        _ => {}
    }
    if case.end.is_none() {
        return told("nobody looked at the machine at the drill's end".into());
    }
    None
}

/// (2) The decision or a prerequisite said no, and nothing was stopped or started.
fn declined(case: &Case<'_, '_>) -> Option<(Verdict, String)> {
    let declined = case.facts.declined()?;
    if case.facts.first_stop().is_some() || case.facts.first_start().is_some() {
        return None;
    }
    let (by, why) = declined.what;
    Some((Verdict::NotStarted, format!("the {by} said no: {why} (event {})", declined.n)))
}

/// (3) Left before anything was stopped, the bad release serves as before, and the page was delivered.
fn given_up(case: &Case<'_, '_>) -> Option<(Verdict, String)> {
    let left = case.facts.left_before_stop()?;
    let page = case.facts.escalations().first().map(|at| at.n)?;
    let end = case.end.filter(|_| case.serving == Serving::Bad)?;
    let bad = &case.facts.plan.bad.version;
    let told = format!("the procedure was left before its first stop (event {left}), {bad} serves as before");
    Some((Verdict::GivenUp, format!("{told} (event {}), {SEV_1} was paged (event {page})", end.n)))
}

/// (4) Something newer was started, another version serves, or nothing serves and it is not plainly stopped and paged.
/// "Left stopped" is asked of the whole hold: what came back in it is due to come back again.
fn left_unsafe(case: &Case<'_, '_>) -> Option<(Verdict, String)> {
    let facts = case.facts;
    let told = |because: String| Some((Verdict::Unsafe, because));
    if let Some(newer) = facts.newer_started().first() {
        let target = &facts.plan.good.version;
        return told(format!(
            "{} was started after the first stop, newer than {target} (event {})",
            newer.what, newer.n
        ));
    }
    // Rule 1 has taken every drill whose end nobody saw, but for a declined one that went on all the same.
    match &case.serving {
        Serving::Good => None,
        Serving::Bad => told(case.at_end(format!("at the end {} still serves", facts.plan.bad.version))),
        Serving::Other(who) => told(case.at_end(format!("at the end {who} serves, not the target"))),
        Serving::Nothing => {
            if let Some(left) = case.end.and_then(|end| end.left(facts.plan)) {
                return told(case.at_end(format!("nothing serves, and there is {left}")));
            }
            if facts.escalations().is_empty() {
                return told(case.at_end(format!("nothing serves, and no {SEV_1} page was delivered")));
            }
            let (why, events) = facts.stopped_through_hold().err()?;
            told(format!("nothing serves, and {why} (events {events:?})"))
        }
    }
}

/// (5) A declared fault left no evidence.
fn fault_without_evidence(case: &Case<'_, '_>) -> Option<(Verdict, String)> {
    let silent: Vec<&str> =
        case.faults.iter().filter(|fault| fault.seen.is_none()).map(|fault| fault.fault.as_str()).collect();
    if silent.is_empty() {
        return None;
    }
    Some((Verdict::Inconclusive, format!("nothing seen from outside shows that {} bit", silent.join(", "))))
}

/// (6) Nothing serves, left stopped through the hold, paged.
fn offline(case: &Case<'_, '_>) -> Option<(Verdict, String)> {
    if case.serving != Serving::Nothing {
        return None;
    }
    let events = case.facts.stopped_through_hold().unwrap_or_default();
    let page = case.facts.escalations().first().map_or(0, |at| at.n);
    let removed = case.end.and_then(Look::container).is_some_and(|container| container.is_absent());
    let left = if removed { ", its container is removed" } else { "" };
    let told = format!("nothing serves{left}, stopped through the hold (events {events:?})");
    Some((Verdict::Offline, format!("{told}, {SEV_1} was paged (event {page})")))
}

/// (7) A judged criterion is unknown.
fn unknown_criterion(case: &Case<'_, '_>) -> Option<(Verdict, String)> {
    tell(Verdict::Inconclusive, "is unknown", &case.judged(|outcome| outcome == Outcome::Unknown))
}

/// (8) Version, health or metrics fails.
fn failing_criterion(case: &Case<'_, '_>) -> Option<(Verdict, String)> {
    let mut failing = case.judged(|outcome| outcome == Outcome::Fail);
    failing.retain(|(id, _)| ["version", "health", "metrics"].contains(id));
    tell(Verdict::Unverified, "fails", &failing)
}

/// (9) The alert still fires, by value, at the end of its time.
fn alert_still_fires(case: &Case<'_, '_>) -> Option<(Verdict, String)> {
    let mut failing = case.judged(|outcome| outcome == Outcome::Fail);
    failing.retain(|(id, _)| *id == "alert");
    if failing.is_empty() || !matches!(alerts::clearing(case.facts)?.how, How::StillFires(_)) {
        return None;
    }
    tell(Verdict::Misdiagnosed, "fails", &failing)
}

/// (10) Any judged criterion is not `pass`; one that nobody knows is none.
fn not_all_passed(case: &Case<'_, '_>) -> Option<(Verdict, String)> {
    let known = |id: &&String| !case.criteria.contains_key(*id);
    if let Some(id) = case.facts.plan.criteria.iter().find(known) {
        return Some((Verdict::Unverified, format!("`{id}` is no criterion")));
    }
    tell(Verdict::Unverified, "did not pass", &case.judged(|outcome| outcome != Outcome::Pass))
}

fn tell(verdict: Verdict, how: &str, results: &[(&str, &CriterionResult)]) -> Option<(Verdict, String)> {
    let told =
        |(id, result): &(&str, &CriterionResult)| format!("{id} {how}: {} (events {:?})", result.detail, result.events);
    match results {
        [] => None,
        results => Some((verdict, results.iter().map(told).collect::<Vec<_>>().join("; "))),
    }
}

#[cfg(test)]
mod tests;
