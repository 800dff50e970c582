//! The state of alerts from evaluation to evaluation, as Prometheus keeps it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::eval::Together;
use crate::labels::{Labels, METRIC_NAME};
use crate::rules::{AlertRule, RuleFile};
use crate::store::Store;

/// How far an alert is. The order is the one of [`Alerting::state`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertState {
    /// Its expression gives nothing.
    #[default]
    Inactive,
    /// It gives something, and not yet for long enough.
    Pending,
    /// It has for long enough.
    Firing,
}

/// As in Prometheus' `alertstate` label.
impl fmt::Display for AlertState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AlertState::Inactive => "inactive",
            AlertState::Pending => "pending",
            AlertState::Firing => "firing",
        })
    }
}

/// One alert of a rule: pending or firing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Active {
    /// Never inactive.
    pub state: AlertState,
    /// Since when its expression gives it: Prometheus' `ActiveAt`, and Alertmanager's `startsAt` less `for`.
    pub since_ms: i64,
    /// Since when it fires.
    pub firing_since_ms: Option<i64>,
    /// The value at the last evaluation.
    pub value: f64,
}

/// Two samples would be the same alert. Prometheus fails the rule's evaluation, and its alerts stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("alert {rule}: two samples with the labels {labels}, once the rule's own are on them")]
pub struct SameAlert {
    /// The rule.
    pub rule: String,
    /// What both would have.
    pub labels: Labels,
}

/// What is known of alerts when Prometheus starts again, from its series `ALERTS_FOR_STATE`. Prometheus writes the one and
/// reads the other in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Since when the alert was active: the sample's value.
    pub since_ms: i64,
    /// The last moment at which it is known to have been: the sample's time.
    pub last_ms: i64,
}

impl Restored {
    /// Both times in whole seconds since 1970, where 0 of the store's time is `zero_unix_ms`.
    pub fn of(since_ms: i64, last_ms: i64, zero_unix_ms: i64) -> Restored {
        let whole = |ms: i64| ms.saturating_sub(ms.saturating_add(zero_unix_ms).rem_euclid(1000));
        Restored { since_ms: whole(since_ms), last_ms: whole(last_ms) }
    }
}

/// How Prometheus restores alerts. Divide them when rules are scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance {
    /// `--rules.alert.for-outage-tolerance`: what is older is forgotten.
    pub outage_ms: u64,
    /// `--rules.alert.for-grace-period`: rules whose `for` is shorter are not restored, and one that was pending is so for
    /// at least that long.
    pub grace_ms: u64,
}

/// Prometheus' defaults: an hour and ten minutes.
impl Default for Tolerance {
    fn default() -> Tolerance {
        Tolerance { outage_ms: 3_600_000, grace_ms: 600_000 }
    }
}

/// The alerts of one rule.
#[derive(Clone, Debug)]
struct RuleState {
    rule: Arc<AlertRule>,
    active: BTreeMap<Labels, Active>,
    /// The labels of alerts by those of the samples that they come of.
    named: BTreeMap<Labels, Labels>,
}

/// The alerts of all rules of a file. Who evaluates decides when; [`crate::rules::Group::interval_ms`] says how often.
#[derive(Clone, Debug, Default)]
pub struct Alerting {
    rules: Vec<RuleState>,
    /// Their expressions, in the same order.
    exprs: Together,
}

impl Alerting {
    /// Nothing is active.
    pub fn new(file: &RuleFile) -> Alerting {
        Alerting::of(file.rules())
    }

    /// Of these rules only.
    pub fn of<'a>(rules: impl IntoIterator<Item = &'a AlertRule>) -> Alerting {
        let inactive = |rule: &AlertRule| RuleState {
            rule: Arc::new(rule.clone()),
            active: BTreeMap::new(),
            named: BTreeMap::new(),
        };
        let rules: Vec<RuleState> = rules.into_iter().map(inactive).collect();
        let exprs = Together::new(rules.iter().map(|rule| rule.rule.expr.clone()));
        Alerting { rules, exprs }
    }

    /// As [`Together::settle`].
    pub fn settle(&mut self, store: &Store) {
        self.exprs.settle(store);
    }

    /// Evaluates all rules at a time, which is later than at the call before. A rule that cannot be evaluated keeps its
    /// alerts as they are, the others go on, and the first such rule is the error.
    pub fn evaluate(&mut self, store: &Store, t_ms: i64) -> Result<(), SameAlert> {
        let mut failed = Ok(());
        let found = self.exprs.evaluate(store, t_ms);
        for (place, rule) in self.rules.iter_mut().enumerate() {
            failed = failed.and(rule.take(found.of(place), t_ms));
        }
        failed
    }

    /// Takes what was known before Prometheus started again. As there it is done once, after the first evaluation, and
    /// reaches alerts that this one found. Alerts go by [`Alerting::active`]'s labels.
    pub fn restore(&mut self, known: &BTreeMap<Labels, Restored>, t_ms: i64, tolerance: Tolerance) {
        for rule in &mut self.rules {
            let for_ms = rule.rule.for_ms;
            if for_ms < tolerance.grace_ms {
                continue;
            }
            for (labels, active) in &mut rule.active {
                let from_ms = t_ms.saturating_sub_unsigned(tolerance.outage_ms);
                let Some(known) = known.get(labels).filter(|known| known.last_ms >= from_ms) else { continue };
                let Restored { since_ms, last_ms } = *known;
                let pending_ms = last_ms.saturating_sub(since_ms);
                let left_ms = i64::try_from(for_ms).unwrap_or(i64::MAX).saturating_sub(pending_ms);
                // The time while Prometheus was down does not count, and what was pending waits the grace at least.
                active.since_ms = if left_ms <= 0 {
                    since_ms
                } else {
                    let grace_ms = i64::try_from(tolerance.grace_ms).unwrap_or(i64::MAX);
                    t_ms.saturating_add(left_ms.max(grace_ms)).saturating_sub_unsigned(for_ms)
                };
            }
        }
    }

    /// The highest state over the label sets of a rule; inactive where there is no such rule.
    pub fn state(&self, name: &str) -> AlertState {
        self.alerts(name).map(|(_, active)| active.state).max().unwrap_or_default()
    }

    /// The same by the rule's place among all; inactive where there are not so many.
    pub fn state_at(&self, place: usize) -> AlertState {
        let active = self.rules.get(place).into_iter().flat_map(|rule| rule.active.values());
        active.map(|active| active.state).max().unwrap_or_default()
    }

    /// Since when a rule has been in its state, over the label sets that are: the longest.
    pub fn since(&self, name: &str) -> Option<i64> {
        let state = self.state(name);
        let of_state = self.alerts(name).filter(|(_, active)| active.state == state);
        of_state.filter_map(|(_, active)| active.firing_since_ms.or(Some(active.since_ms))).min()
    }

    /// Since when the expression of a rule has given something, over all label sets: the longest.
    pub fn active_since(&self, name: &str) -> Option<i64> {
        self.alerts(name).map(|(_, active)| active.since_ms).min()
    }

    /// The alerts of a rule by their labels, `alertname` and the rule's own included.
    pub fn alerts<'a>(&'a self, name: &str) -> impl Iterator<Item = (&'a Labels, &'a Active)> + use<'a> {
        let rule = self.rules.iter().find(|rule| rule.rule.name == name);
        rule.into_iter().flat_map(|rule| &rule.active)
    }

    /// All alerts, as [`Alerting::alerts`].
    pub fn active(&self) -> impl Iterator<Item = (&Labels, &Active)> {
        self.rules.iter().flat_map(|rule| &rule.active)
    }
}

impl RuleState {
    /// Takes what its expression gives at a time.
    fn take<'a>(&mut self, found: impl Iterator<Item = (&'a Labels, f64)>, t_ms: i64) -> Result<(), SameAlert> {
        let mut next: BTreeMap<Labels, Active> = BTreeMap::new();
        for (sample, value) in found {
            let labels = match self.named.get(sample) {
                Some(labels) => labels.clone(),
                None => {
                    let labels = self.rule.alert(sample);
                    self.named.insert(sample.clone(), labels.clone());
                    labels
                }
            };
            let known = self.active.get(&labels);
            let mut active = known.copied().unwrap_or(Active {
                state: AlertState::Pending,
                since_ms: t_ms,
                firing_since_ms: None,
                value,
            });
            active.value = value;
            if active.state == AlertState::Pending && t_ms >= active.since_ms.saturating_add_unsigned(self.rule.for_ms)
            {
                active.state = AlertState::Firing;
                active.firing_since_ms = Some(t_ms);
            }
            if let Some(_same) = next.insert(labels.clone(), active) {
                return Err(SameAlert { rule: self.rule.name.clone(), labels });
            }
        }
        self.active = next;
        Ok(())
    }
}

impl AlertRule {
    /// The labels of the alert that a sample is.
    fn alert(&self, sample: &Labels) -> Labels {
        let own = self.labels.iter().map(|(name, value)| (&**name, &**value));
        sample.without(&[METRIC_NAME]).with(own.chain([("alertname", &*self.name)]))
    }
}

#[cfg(test)]
mod tests;
