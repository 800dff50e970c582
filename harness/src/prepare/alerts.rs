//! Alerts of a drill: from the rule files under `scenarios/alerts/` and a scenario's `[alerts]` to the rules engine of its
//! machine, and to what a judge has to know of it.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use alert_rules::Comparison;
use alert_rules::Sli;
use alert_rules::slis::{self, Direction};
use alert_rules::{AlertRule, RuleFile};
use fake_node::release::Release;
use operator_agent::protocol::Monitoring;

use super::active::active;
use super::past::{Span, past};
use super::{BadInput, Given, Selection};
use crate::criteria::{HTTP_COUNTER, INVOKE_ROUTE};
use crate::decide::question::Spending;
use crate::history::event::{PlannedAlerts, PlannedCondition, PlannedSli};
use crate::runbook::claims::{Claims, Range};
use crate::scenario::Scenario;
use crate::topology;

/// Below the folder of scenarios.
const RULES: &str = "alerts/tensor-wasm.yml";
const SLIS: &str = "alerts/slis.toml";
/// The node's job.
const JOB: &str = "tensor-wasm";
/// Between two scrapes and two evaluations in real time, and how far back an instant query looks (Prometheus' defaults are a
/// minute, a minute and five; the production tutorial has 15 s and 30 s: node-contract.md section 8).
const SCRAPE_MS: u64 = 15_000;
const EVALUATE_MS: u64 = 30_000;
const LOOKBACK_MS: u64 = 300_000;
/// Kept at a time of one section's drills; the shipped cases have a dozen.
const KEPT_MAX: usize = 64;
/// Reading: invokes a second that are answered 2xx.
const INVOKES: &str = "invokes";

/// What a scenario with alerts adds to a drill.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    pub(super) monitoring: Arc<Monitoring>,
    pub(super) planned: PlannedAlerts,
    /// The alerts that watch a budget, by the names of their rules.
    pub(super) spending: BTreeMap<String, Spending>,
}

/// `None` where the scenario has no alerts.
fn alerts(selection: &Selection, given: &Given, claims: &Claims, bad: &Release) -> Result<Option<Watched>, BadInput> {
    let Some(alerts) = &given.scenario.alerts else { return Ok(None) };
    let folder = selection.workspace.join("scenarios");
    let text = |name: &str| {
        topology::read(&folder.join(name))
            .map_err(|error| BadInput(format!("scenarios/{name}: cannot be read: {error}")))
    };
    let of_rules = |what: &dyn std::fmt::Display| BadInput(format!("scenarios/{RULES}: {what}"));
    let rules =
        RuleFile::read(&text(RULES)?, &format!("scenarios/{RULES}")).map_err(|error| BadInput(error.to_string()))?;
    let slis = slis::read(&text(SLIS)?, &format!("scenarios/{SLIS}")).map_err(|error| BadInput(error.to_string()))?;
    let trigger = &given.scenario.trigger;
    if rules.of_runbook(trigger).is_none() {
        let known: Vec<&str> = rules.rules().filter_map(AlertRule::runbook).collect();
        return Err(BadInput(format!(
            "{}: trigger: {trigger:?} with [alerts], and no rule of scenarios/{RULES} leads there; looked for {}",
            given.file,
            known.join(", ")
        )));
    }
    let scale =
        |what: &dyn std::fmt::Display| BadInput(format!("{}: alerts.scale: {}: {what}", given.file, alerts.scale));
    let scaled = rules.scaled(alerts.scale).map_err(|why| scale(&why))?;
    let rule = scaled.of_runbook(trigger).ok_or_else(|| of_rules(&"a rule is gone when scaled"))?;
    let longest_ms = rules.rules().filter_map(|rule| rule.expr.longest_window_ms()).max().unwrap_or(0);
    let scrape_ms = SCRAPE_MS / alerts.scale;
    let span = Span { longest_ms, scrape_ms, kernels: bad.invoke_dispatches_kernel };
    let mut readings = BTreeMap::new();
    let conditions = conditions(rule, &mut readings).map_err(|why| of_rules(&why))?;
    let window_ms = conditions.iter().map(|condition| condition.window_ms).min().unwrap_or(0);
    let invokes = invokes(window_ms);
    readings.insert(INVOKES.to_owned(), invokes.to_string());
    let spending = spending(&scaled, &slis).map_err(|why| BadInput(format!("scenarios/{SLIS}: {why}")))?;
    let mut planned_slis = Vec::new();
    for sli in slis {
        let sli = sli.scaled(alerts.scale).map_err(|why| scale(&why))?;
        planned_slis.push(planned_sli(&sli, &mut readings));
    }
    let claim = claims.alert_clears_within_ms.value;
    let planned = PlannedAlerts {
        scale: alerts.scale,
        originating: rule.name.clone(),
        conditions,
        hold_ms: rule.for_ms,
        clears_within_ms: Range { from: claim.from / alerts.scale, to: claim.to / alerts.scale },
        refills_after_ms: window_ms,
        scrape_ms,
        evaluate_ms: EVALUATE_MS / alerts.scale,
        invokes: INVOKES.to_owned(),
        slis: planned_slis,
    };
    let mut monitoring = Monitoring {
        rules: scaled.to_yaml(),
        job: JOB.to_owned(),
        scrape_ms,
        evaluate_ms: planned.evaluate_ms,
        lookback_ms: LOOKBACK_MS / alerts.scale,
        past: past(alerts, span),
        active: Vec::new(),
        readings,
    };
    monitoring.active = active(&scaled, &monitoring, alerts.incident_minutes * 60_000 / alerts.scale)
        .map_err(|why| BadInput(format!("{}: alerts: {why}", given.file)))?;
    Ok(Some(Watched { monitoring: Arc::new(monitoring), planned, spending }))
}

/// What was worked out for drills of the same claims. All clones share it: reading the rules and going through the past is most of
/// what preparing a drill with alerts takes, and thousands differ in their faults alone.
#[derive(Debug, Clone, Default)]
pub(super) struct Known(Arc<RwLock<BTreeMap<String, Watched>>>);

impl Known {
    /// As [`alerts`].
    pub(super) fn alerts(
        &self,
        selection: &Selection,
        given: &Given,
        claims: &Claims,
        bad: &Release,
    ) -> Result<Option<Watched>, BadInput> {
        let Scenario { alerts: wanted, trigger, .. } = &given.scenario;
        let key = format!("{wanted:?} {trigger} {}", bad.invoke_dispatches_kernel);
        // A map that was being written to when somebody panicked is whole all the same.
        if let Some(known) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Some(known.clone()));
        }
        let watched = alerts(selection, given, claims, bad)?;
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(watched) = watched.as_ref().filter(|_| known.len() < KEPT_MAX) {
            known.insert(key, watched.clone());
        }
        Ok(watched)
    }
}

/// Of each alert that an indicator says to watch its budget, the graph of the share that is spent: what its rule compares over
/// its shortest window.
fn spending(rules: &RuleFile, slis: &[Sli]) -> Result<BTreeMap<String, Spending>, String> {
    let mut all = BTreeMap::new();
    for sli in slis {
        for runbook in sli.burn.iter().flat_map(|burn| &burn.alerts) {
            let place = format!("{}: indicator {}: the alert {runbook:?} of its burn", sli.line, sli.name);
            let Some(rule) = rules.of_runbook(runbook) else {
                let known: Vec<&str> = rules.rules().filter_map(AlertRule::runbook).collect();
                return Err(format!(
                    "{place}: no rule of scenarios/{RULES} leads there; looked for {}",
                    known.join(", ")
                ));
            };
            let conditions = rule.expr.conditions();
            let shortest = conditions.iter().filter_map(|one| Some((one.value.shortest_window_ms()?, one)));
            let Some((_, condition)) = shortest.min_by_key(|(window_ms, _)| *window_ms) else {
                return Err(format!("{place}: its rule {} compares no rate with a number", rule.name));
            };
            let (runbook, query) = (runbook.clone(), condition.value.to_string());
            all.insert(rule.name.clone(), Spending { runbook, query, budget: sli.budget() });
        }
    }
    Ok(all)
}

/// The comparisons of a rule, each with a reading of its own. One that is not "greater than a number" is refused.
fn conditions(rule: &AlertRule, readings: &mut BTreeMap<String, String>) -> Result<Vec<PlannedCondition>, String> {
    let mut conditions = Vec::new();
    for (index, condition) in rule.expr.conditions().into_iter().enumerate() {
        let window_ms = condition.value.shortest_window_ms();
        let (Comparison::Greater, Some(window_ms)) = (condition.op, window_ms) else {
            return Err(format!(
                "{}: alert {}: condition {} is no rate that is greater than a number",
                rule.line,
                rule.name,
                index + 1
            ));
        };
        let reading = format!("condition-{}", index + 1);
        readings.insert(reading.clone(), condition.value.to_string());
        // Prometheus' own convention: the unit is in a metric's name.
        let seconds = condition.value.metrics().iter().any(|name| name.contains("_seconds"));
        let unit = if seconds { "seconds" } else { "ratio" }.to_owned();
        conditions.push(PlannedCondition { reading, above: condition.bound, window_ms, unit });
    }
    if conditions.is_empty() {
        return Err(format!("{}: alert {} compares nothing with a number", rule.line, rule.name));
    }
    Ok(conditions)
}

/// PromQL for the invokes a second that are answered 2xx, over a window.
fn invokes(window_ms: u64) -> String {
    format!("sum(rate({HTTP_COUNTER}{{route=\"{INVOKE_ROUTE}\",status=~\"2..\"}}[{window_ms}ms]))")
}

fn planned_sli(sli: &Sli, readings: &mut BTreeMap<String, String>) -> PlannedSli {
    let (reading, backing) = (format!("sli-{}", sli.name), format!("traffic-{}", sli.name));
    readings.insert(reading.clone(), sli.value.to_string());
    readings.insert(backing.clone(), sli.traffic.to_string());
    // The burn's bound is the share that is spent; the reading is what is kept.
    let (at_least, target) = match (&sli.burn, sli.direction) {
        (Some(burn), Direction::AtLeast) => (true, 1.0 - burn.below),
        (Some(burn), Direction::AtMost) => (false, burn.below),
        (None, direction) => (direction == Direction::AtLeast, sli.target),
    };
    PlannedSli {
        id: sli.name.clone(),
        reading,
        at_least,
        target,
        unit: sli.unit.to_string(),
        window_ms: sli.value.shortest_window_ms().unwrap_or_default(),
        without_samples: sli.without_samples,
        backing,
        objective_over_ms: sli.burn.is_some().then_some(sli.over_ms),
    }
}
