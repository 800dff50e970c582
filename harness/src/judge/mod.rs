//! From a History to a judgement: a pure function, so a stored drill can be judged again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::criteria;
use crate::fault;
use crate::findings;
use crate::history::event::Plan;
use crate::history::read::History;
use crate::invariants;
use crate::scenario::Expectation;
use crate::verdict::{self, Verdict};

pub mod alerts;
pub mod command;
pub mod container;
pub mod facts;
pub mod figures;
pub mod latency;
pub mod look;
#[doc(hidden)]
pub mod sample;

use facts::Facts;

/// What a criterion, a literal check or an invariant came to. **Contract.**
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// It could not be told.
    Unknown,
    /// Nobody asked.
    NotRun,
}

/// What a criterion came to: the oracle's outcome, and the runbook's own check beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CriterionResult {
    /// The oracle's.
    pub outcome: Outcome,
    /// The runbook's own check's.
    pub literal: Outcome,
    /// Why, with numbers.
    pub detail: String,
    /// Numbers of the events that show it.
    pub events: Vec<u64>,
}

/// What an invariant came to: `pass`, `fail`, or `not-run` where it does not apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InvariantResult {
    /// Whether it held.
    pub outcome: Outcome,
    /// Why, with numbers.
    pub detail: String,
    /// Numbers of the events that show it.
    pub events: Vec<u64>,
}

/// A defect of the runbook: seen in the text, or in a drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Kebab-case id of the rule.
    pub rule: String,
    /// 1-based line of the runbook, where one shows it.
    pub line: Option<u32>,
    /// For a person.
    pub message: String,
    /// Numbers of the events that show it; empty for a finding of the text alone.
    pub events: Vec<u64>,
}

/// Whether a declared fault bit, seen from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultEvidence {
    /// Id of the fault.
    pub fault: String,
    /// What was seen; `None` where nothing shows it.
    pub seen: Option<String>,
    /// Numbers of the events that show it.
    pub events: Vec<u64>,
}

/// Figures; `None` is "not measured", never zero. **Contract.**
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// From the last second with an answered invoke before the stop to the first 200 after it, milliseconds.
    pub downtime_ms: Option<u64>,
    /// Requests through the balancer that were not answered 200 from the first stop-class command to the end.
    pub requests_failed: Option<u64>,
    /// From the beginning of the first start-class command to the first 200 after it ended, milliseconds.
    pub time_to_healthy_ms: Option<u64>,
    /// Share of the monthly error budget (216 minutes, node-contract.md section 8) that the downtime is.
    pub budget_spent_percent: Option<f64>,
    /// Requests through the balancer in the same time by what came of them: a status, `refused`, `reset`, `timed-out`, ….
    pub outcomes: Option<BTreeMap<String, u64>>,
    /// How long the balancer kept traffic from the node, milliseconds.
    pub drained_ms: Option<u64>,
    /// What was left of the time in which the text wants a 200 after the start, milliseconds.
    pub ready_margin_ms: Option<u64>,
    /// From the beginning of the first stop-class command to the first 200 after the start ended, milliseconds: a restart.
    pub restart_ms: Option<u64>,
    /// Whether it took no longer than the text promises.
    pub restart_claim_held: Option<bool>,
    /// What the call got that was in flight at the stop, in the words of `outcomes`.
    pub held_invoke: Option<String>,
    /// Whether that is of the class of statuses that the text promises.
    pub in_flight_claim_held: Option<bool>,
    /// The figures of a drill with alerts; not there where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<AlertMetrics>,
}

/// Figures of a drill with alerts; `None` is "not measured", never zero. **Contract.**
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertMetrics {
    /// What was left of the time in which the text wants the alert to clear, milliseconds of the drill.
    pub alert_margin_ms: Option<u64>,
}

/// Everything that a History shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// How the drill ended.
    pub verdict: Verdict,
    /// Why this verdict: the rule that matched, for a person.
    pub because: String,
    /// What the scenario expects.
    pub expected: Option<Expectation>,
    /// Whether verdict, failing criteria and broken invariants are exactly as expected; true without an expectation
    /// only for `recovered`.
    pub conforms: bool,
    /// Criteria that fail or are unknown among the judged, in registry order.
    pub failing: Vec<String>,
    /// Invariants that fail, in registry order.
    pub broken: Vec<String>,
    /// All five, by id.
    pub criteria: BTreeMap<String, CriterionResult>,
    /// All, by id.
    pub invariants: BTreeMap<String, InvariantResult>,
    /// In order of rule, line.
    pub findings: Vec<Finding>,
    /// One per declared fault.
    pub faults: Vec<FaultEvidence>,
    /// Figures.
    pub metrics: Metrics,
}

/// Judges a History. Total: any History has exactly one verdict, and the same one each time.
pub fn judge(history: &History) -> Judgement {
    let Some(facts) = Facts::of(history) else {
        return without_plan(history);
    };
    let criteria = criteria_of(&facts);
    let invariants: BTreeMap<String, InvariantResult> = invariants::REGISTRY
        .iter()
        .map(|invariant| (invariant.id().to_owned(), invariant.judge(&facts, &criteria)))
        .collect();
    let faults: Vec<FaultEvidence> =
        facts.plan.faults.iter().map(|declared| fault::evidence(&facts, declared)).collect();
    let ending = verdict::decide(&facts, &criteria, &faults);
    let findings = findings::all(&facts, &criteria);
    let wrong =
        |id: &str| criteria.get(id).is_some_and(|result| matches!(result.outcome, Outcome::Fail | Outcome::Unknown));
    let judged = |id: &&str| facts.plan.criteria.iter().any(|judged| judged == id);
    let failing = ids(criteria::REGISTRY.iter().map(|criterion| criterion.id()).filter(judged).filter(|id| wrong(id)));
    let fails = |id: &&str| invariants.get(*id).is_some_and(|result| result.outcome == Outcome::Fail);
    let broken = ids(invariants::REGISTRY.iter().map(|invariant| invariant.id()).filter(fails));
    Judgement {
        verdict: ending.verdict,
        because: ending.because,
        expected: facts.plan.expected.clone(),
        conforms: conforms(facts.plan, ending.verdict, &failing, &broken),
        failing,
        broken,
        criteria,
        invariants,
        findings,
        faults,
        metrics: figures::figures(&facts),
    }
}

/// What each criterion came to, by id.
pub(crate) fn criteria_of(facts: &Facts<'_>) -> BTreeMap<String, CriterionResult> {
    let judge = |criterion: &&dyn criteria::Criterion| (criterion.id().to_owned(), criteria::judge(*criterion, facts));
    criteria::REGISTRY.iter().map(judge).collect()
}

fn ids<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<String> {
    ids.map(str::to_owned).collect()
}

/// Whether a drill ended exactly as expected. Without an expectation only an unbroken recovery does; `inconclusive`
/// may be expected of a canary only (design.md, decision 10).
fn conforms(plan: &Plan, verdict: Verdict, failing: &[String], broken: &[String]) -> bool {
    let Some(expected) = &plan.expected else {
        return verdict == Verdict::Recovered && broken.is_empty();
    };
    let set = |ids: &[String]| ids.iter().cloned().collect::<std::collections::BTreeSet<String>>();
    let allowed = verdict != Verdict::Inconclusive || plan.canary;
    allowed
        && expected.verdict == verdict
        && set(&expected.failing) == set(failing)
        && set(&expected.broken) == set(broken)
}

/// The judgement of a History whose first event is no plan: nothing says what was drilled.
fn without_plan(history: &History) -> Judgement {
    let detail = history.cut.clone().unwrap_or_else(|| "the first event is no plan".into());
    let criterion = |detail: &str| CriterionResult {
        outcome: Outcome::NotRun,
        literal: Outcome::NotRun,
        detail: detail.to_owned(),
        events: Vec::new(),
    };
    let invariant =
        |detail: &str| InvariantResult { outcome: Outcome::NotRun, detail: detail.to_owned(), events: Vec::new() };
    Judgement {
        verdict: Verdict::Inconclusive,
        because: format!("the History has no plan: {detail}"),
        expected: None,
        conforms: false,
        failing: Vec::new(),
        broken: Vec::new(),
        criteria: criteria::REGISTRY.iter().map(|one| (one.id().to_owned(), criterion(&detail))).collect(),
        invariants: invariants::REGISTRY.iter().map(|one| (one.id().to_owned(), invariant(&detail))).collect(),
        findings: Vec::new(),
        faults: Vec::new(),
        metrics: Metrics::default(),
    }
}

#[cfg(test)]
mod tests;
