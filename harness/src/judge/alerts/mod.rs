//! What a History shows of the rules engine: looks at it, what each is worth as evidence, and how the alert that led here
//! came out. An alert that stops firing because nothing is measured any more has told nothing (design.md, decision 7).

use std::collections::BTreeMap;

use super::facts::{At, Facts};
use crate::history::event::{AlertState, PlannedAlerts, PlannedCondition, Scrape, What};
use crate::procedure::Class;

mod clearing;
mod silence;
#[cfg(test)]
mod tests;

pub use clearing::{Cleared, Clearing, How, clearing};
pub(crate) use clearing::{state_word, values};
pub use silence::Silence;

/// Looks come at each change and once a second (`operator-agent/src/protocol.rs`); one more second is for a busy machine.
const LOOKS_APART_US: u64 = 2_000_000;

/// The longest pause between two looks in which nothing can have happened unseen, microseconds.
pub fn pause_max_us(alerts: &PlannedAlerts) -> u64 {
    LOOKS_APART_US.saturating_add(us(alerts.evaluate_ms))
}

pub(crate) fn us(ms: u64) -> u64 {
    ms.saturating_mul(1000)
}

/// One look at the rules engine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AlertLook<'a> {
    /// Number of the event.
    pub n: u64,
    /// When, microseconds on the agent's clock.
    pub at_us: u64,
    /// What the alert that led here is; `None`: the engine does not know its rule.
    pub state: Option<AlertState>,
    /// Readings by name.
    pub readings: &'a BTreeMap<String, Option<f64>>,
    /// How the scraping of the node goes.
    pub scrape: &'a Scrape,
    /// Whether the node gets traffic.
    pub in_rotation: bool,
}

impl AlertLook<'_> {
    /// A reading; `None` where it is no number.
    pub fn reading(&self, name: &str) -> Option<f64> {
        self.readings.get(name).copied().flatten().filter(|value| value.is_finite())
    }

    /// Whether a condition of the alert holds.
    pub fn holds(&self, condition: &PlannedCondition) -> bool {
        self.reading(&condition.reading).is_some_and(|value| value > condition.above)
    }

    /// Whether the alert is active by the values that were read: all its conditions hold.
    pub fn active_by_value(&self, alerts: &PlannedAlerts) -> bool {
        !alerts.conditions.is_empty() && alerts.conditions.iter().all(|condition| self.holds(condition))
    }
}

/// All looks, in order.
pub fn looks<'a>(facts: &Facts<'a>, alerts: &PlannedAlerts) -> Vec<AlertLook<'a>> {
    let seen = facts.events.iter().filter_map(|event| {
        let What::AlertsSeen { alerts: states, readings, scrape } = &event.what else { return None };
        Some(AlertLook {
            n: event.n,
            at_us: event.at_us,
            state: states.get(&alerts.originating).copied(),
            readings,
            scrape,
            in_rotation: facts.in_rotation(event.n, event.at_us),
        })
    });
    seen.collect()
}

/// Why nobody looks at alerts any more, where a History tells it behind this event: the first event there that does.
pub fn unseen_since<'a>(facts: &Facts<'a>, n: u64) -> Option<At<&'a str>> {
    let unseen = facts.find(|what| match what {
        What::AlertsUnseen { why } => Some(why.as_str()),
        _ => None,
    });
    unseen.into_iter().find(|at| at.n > n)
}

/// Whether the alert fired before step 1: the event that says so.
pub fn fired_first(facts: &Facts<'_>) -> Option<At<(AlertState, bool)>> {
    let first = facts.find(|what| match what {
        What::AlertFirst { state, met, .. } => Some((*state, *met)),
        _ => None,
    });
    first.last().copied()
}

/// The last look before anything was done: what the alert fired for.
pub fn incident<'a>(facts: &Facts<'a>, alerts: &PlannedAlerts) -> Option<AlertLook<'a>> {
    let first = fired_first(facts).filter(|first| first.what.1)?;
    looks(facts, alerts).into_iter().rfind(|look| look.n < first.n)
}

/// Until when a verification point was watched: the event, and the time that it tells.
pub fn watched(facts: &Facts<'_>, criterion: &str) -> Option<At<u64>> {
    let watched = facts.find(|what| match what {
        What::Watched { criterion: of, until_us, .. } if of == criterion => Some(*until_us),
        _ => None,
    });
    watched.last().copied()
}

/// From where on looks tell of the target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Restart {
    /// Its first 200; the runbook's time counts from here, microseconds.
    pub ready_us: u64,
    /// Its process appeared; samples have to be younger, microseconds.
    pub began_us: u64,
    /// The first start-class command.
    n: u64,
}

impl Restart {
    /// The restart as it had been seen before an event; `None` where no 200 came.
    pub fn of(facts: &Facts<'_>, before_n: u64) -> Option<Restart> {
        let ready_us = facts.first_ok().filter(|at| at.n < before_n)?.at_us;
        let n = facts.first_of(Class::Start)?.n;
        let good = facts.plan.good.version.as_str();
        let started = facts.find(|what| match what {
            What::NodeStarted { process } if process.version.as_deref() == Some(good) => Some(()),
            _ => None,
        });
        let began = started.into_iter().rfind(|at| at.n > n && at.n < before_n);
        Some(Restart { ready_us, began_us: began.map_or(ready_us, |at| at.at_us), n })
    }

    /// Whether a look was taken since.
    pub fn is_before(&self, look: &AlertLook<'_>) -> bool {
        look.n > self.n && look.at_us >= self.ready_us
    }

    /// The first second of traffic since in which an invoke was answered 200: where, before an event.
    pub fn answered(&self, facts: &Facts<'_>, before_n: u64) -> Option<u64> {
        let since = |at: &&At<(u64, &BTreeMap<String, u64>)>| {
            at.n > self.n && at.n < before_n && at.what.0.saturating_mul(1_000_000) >= self.ready_us
        };
        let answered = |at: &&At<(u64, &BTreeMap<String, u64>)>| at.what.1.get("200").is_some_and(|count| *count > 0);
        facts.traffic.iter().filter(since).find(answered).map(|at| at.n)
    }
}

/// A value with three digits that count: `0.312`, `0.00005`, `38.2`.
pub fn number(value: f64) -> String {
    const DIGITS: i32 = 3;
    const PLACES_MAX: i32 = 9;
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".into() } else { "no number".into() };
    }
    let before = value.abs().log10().floor() as i32 + 1;
    let places = usize::try_from((DIGITS - before).clamp(0, PLACES_MAX)).unwrap_or_default();
    let text = format!("{value:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A duration in seconds, as in `4.35 s`.
pub fn seconds(us: u64) -> String {
    format!("{}.{:02} s", us / 1_000_000, us % 1_000_000 / 10_000)
}
