//! Whether to roll back, as a drill asks it: of what its scenario says was seen, or, where a rules engine watches the node,
//! of the alerts that its notifier has firing, with the deploys and the budget that the scenario knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use operator_agent::protocol::{Firing, Graph, Point, TwoPoints};

use super::answer::{Answer, Asked, answer};
use super::conditions::plain;
use super::input::{Alert, Burn, Input, Reading};
use super::moment::length;
use super::{Condition, Rules};
use crate::history::event::{Decision, LiveAlerts};

/// The alerts that fire, when they were asked for.
#[derive(Debug, Clone, Copy)]
pub struct Looked<'a> {
    /// When the notifier answered, microseconds on the agent's clock.
    pub at_us: u64,
    /// By how much the drill's time is shorter than the time of the runbook and of the scenario's file.
    pub scale: u64,
    /// The alerts by their names.
    pub firing: &'a BTreeMap<String, Firing>,
    /// What [`Question::graphs`] showed, by the same names.
    pub graphs: &'a BTreeMap<String, TwoPoints>,
}

/// The graph of an alert that watches a budget, and how its values are burn rates.
#[derive(Debug, Clone, PartialEq)]
pub struct Spending {
    /// The alert's runbook.
    pub runbook: String,
    /// PromQL for the share of requests that is spent, over the shortest window of the alert's rule.
    pub query: String,
    /// The share that the objective leaves to be spent.
    pub budget: f64,
}

/// How a drill decides whether to roll back.
#[derive(Debug, Clone)]
pub enum DecidedBy {
    /// By what the scenario says was seen.
    File(Box<Decision>),
    /// By the alerts that fire when the operator looks.
    Alerts(Box<Question>),
}

/// What is asked, and of what.
#[derive(Debug, Clone)]
pub struct Question {
    rules: Arc<Rules>,
    input: Input,
    asked: Asked,
    /// By the names of rules.
    spending: BTreeMap<String, Spending>,
}

impl Question {
    /// Asks these conditions. Of alerts that fire, those watch a budget, by the names of their rules.
    pub fn new(rules: Rules, input: Input, asked: Asked, spending: BTreeMap<String, Spending>) -> Question {
        Question { rules: Arc::new(rules), input, asked, spending }
    }

    /// The graphs that the conditions ask for, by the names of rules, in a drill's time at a scale.
    pub fn graphs(&self, scale: u64) -> BTreeMap<String, Graph> {
        let graph = |(name, spending): (&String, &Spending)| {
            let asks =
                |condition: &&Condition| condition.rule.alerts().iter().any(|alert| plain(alert) == spending.runbook);
            let over_ms =
                self.rules.conditions.iter().filter(asks).filter_map(|condition| condition.rule.burns_over_ms());
            let apart_ms = over_ms.max()?.div_ceil(scale.max(1));
            Some((name.clone(), Graph { query: spending.query.clone(), apart_ms }))
        };
        self.spending.iter().filter_map(graph).collect()
    }

    /// The answer to what the scenario says was seen.
    pub fn by_file(&self) -> Answer {
        answer(&self.rules, &self.input, self.asked.clone())
    }

    /// The answer to the alerts that fire. The moment of the question is the file's, and lengths of time are those of the
    /// runbook, so an alert that has been firing for 3 s of a drill at a scale of 60 has for 3 minutes.
    ///
    /// Burn rates are what the graphs showed. Where the engine did not answer, or has no value, what rests on them is unknown.
    pub fn by_alerts(&self, looked: Looked<'_>) -> Decision {
        let now = self.input.now;
        let alert = |(name, firing): (&String, &Firing)| {
            let age_us = ago_us(&looked, firing.since_us);
            let (burn, unread) = match self.burn(name, &looked) {
                None => (None, None),
                Some(Ok(burn)) => (Some(burn), None),
                Some(Err(why)) => (None, Some(why)),
            };
            let name = firing.runbook.clone().unwrap_or_else(|| name.clone());
            Alert { name, since: now.before(age_us / 1000), burn, unread }
        };
        let mut alerts: Vec<Alert> = looked.firing.iter().map(alert).collect();
        // Two rules that lead to one runbook are one alert to whoever reads it, since the first of them.
        alerts.sort_by(|one, other| (&one.name, one.since).cmp(&(&other.name, other.since)));
        alerts.dedup_by(|later, first| later.name == first.name);
        let differs = differs(&self.input, &alerts, &self.asked.from);
        let input = Input { alerts, ..self.input.clone() };
        let mut decision = answer(&self.rules, &input, self.asked.clone()).decision();
        let Looked { at_us, scale, firing, graphs } = looked;
        let (firing, graphs) = (firing.clone(), graphs.clone());
        decision.live = Some(LiveAlerts { at_us, scale, firing, graphs, differs });
        decision
    }

    /// What an alert's graph says of its burn rate; `None` where nobody looked at one, else what was seen or why nothing was.
    fn burn(&self, name: &str, looked: &Looked<'_>) -> Option<Result<Burn, String>> {
        let TwoPoints { earlier, later } = looked.graphs.get(name)?;
        let budget = self.spending.get(name)?.budget;
        let reading = |point: &Point| {
            let at = self.input.now.before(ago_us(looked, point.at_us) / 1000);
            let value = match (point.value, &point.failure) {
                (Some(value), _) => value,
                (None, Some(why)) => return Err(format!("at {at} the rules engine could not be asked: {why}")),
                (None, None) => return Err(format!("the rules engine has no value of it at {at}")),
            };
            Ok(Reading { at, rate: rounded(value / budget) })
        };
        Some(reading(earlier).and_then(|earlier| Ok(Burn { earlier, later: reading(later)? })))
    }
}

/// How long before the look a moment of the agent's clock was, in the time of the runbook, microseconds.
fn ago_us(looked: &Looked<'_>, at_us: i64) -> u64 {
    let looked_us = i64::try_from(looked.at_us).unwrap_or(i64::MAX);
    u64::try_from(looked_us.saturating_sub(at_us)).unwrap_or(0).saturating_mul(looked.scale)
}

/// To a hundredth: a graph shows no more, and conditions ask for percents of it.
fn rounded(rate: f64) -> f64 {
    (rate * 100.0).round() / 100.0
}

/// What the file says of alerts otherwise than those that fire.
fn differs(of_file: &Input, firing: &[Alert], file: &str) -> Vec<String> {
    let now = of_file.now;
    let fires = |alert: &Alert| format!("since {}, {}", alert.since, length(now.since(alert.since)));
    let find = |alerts: &[Alert], name: &str| alerts.iter().find(|alert| alert.name == name).cloned();
    let mut differs = Vec::new();
    for alert in firing {
        let name = &alert.name;
        match find(&of_file.alerts, name) {
            None => differs.push(format!("`{name}` fires {}; by {file} it does not", fires(alert))),
            Some(known) if known.since != alert.since => {
                differs.push(format!("`{name}` fires {}; by {file} {}", fires(alert), fires(&known)));
            }
            Some(_) => {}
        }
    }
    for known in of_file.alerts.iter().filter(|known| find(firing, &known.name).is_none()) {
        differs.push(format!("`{}` does not fire; by {file} it does, {}", known.name, fires(known)));
    }
    differs
}

#[cfg(test)]
mod tests;
