//! Whether to roll back, as a drill asks it: of what its scenario says was seen, or, where a rules engine watches the node,
//! of the alerts that its notifier has firing, with the deploys and the budget that the scenario knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use operator_agent::protocol::Firing;

use super::Rules;
use super::answer::{Answer, Asked, answer};
use super::input::{Alert, Input};
use super::moment::length;
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
}

impl Question {
    /// Asks these conditions.
    pub fn new(rules: Rules, input: Input, asked: Asked) -> Question {
        Question { rules: Arc::new(rules), input, asked }
    }

    /// The answer to what the scenario says was seen.
    pub fn by_file(&self) -> Answer {
        answer(&self.rules, &self.input, self.asked.clone())
    }

    /// The answer to the alerts that fire. The moment of the question is the file's, and lengths of time are those of the
    /// runbook, so an alert that has been firing for 3 s of a drill at a scale of 60 has for 3 minutes.
    ///
    /// A burn rate at two moments nobody has looked up in a notifier: what rests on it is unknown.
    pub fn by_alerts(&self, looked: Looked<'_>) -> Decision {
        let now = self.input.now;
        let alert = |(name, firing): (&String, &Firing)| {
            let at_us = i64::try_from(looked.at_us).unwrap_or(i64::MAX);
            let age_us = u64::try_from(at_us.saturating_sub(firing.since_us)).unwrap_or(0).saturating_mul(looked.scale);
            Alert {
                name: firing.runbook.clone().unwrap_or_else(|| name.clone()),
                since: now.before(age_us / 1000),
                burn: None,
            }
        };
        let mut alerts: Vec<Alert> = looked.firing.iter().map(alert).collect();
        // Two rules that lead to one runbook are one alert to whoever reads it, since the first of them.
        alerts.sort_by(|one, other| (&one.name, one.since).cmp(&(&other.name, other.since)));
        alerts.dedup_by(|later, first| later.name == first.name);
        let differs = differs(&self.input, &alerts, &self.asked.from);
        let input = Input { alerts, ..self.input.clone() };
        let mut decision = answer(&self.rules, &input, self.asked.clone()).decision();
        let Looked { at_us, scale, firing } = looked;
        decision.live = Some(LiveAlerts { at_us, scale, firing: firing.clone(), differs });
        decision
    }
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
