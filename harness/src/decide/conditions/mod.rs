//! The kinds of condition that a runbook can have: one file for each, and a registry.

use std::fmt::Debug;

use serde::Serialize;

pub use crate::history::event::Holds;

use super::input::{Alert, Deploy, Input};
use super::moment::length;
use super::terms::{Names, TermError, Terms};

mod alert_after_deploy;
mod alert_and_crates;
mod alert_persists;
mod budget_and_suspect;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const DAY: u64 = 24 * 60 * MINUTE;

/// A kind of condition.
pub struct Kind {
    /// As bindings name it.
    pub id: &'static str,
    /// Makes one of its terms. Error: one is missing, or is not what the kind needs.
    pub read: fn(&mut Terms) -> Result<Box<dyn Rule>, TermError>,
}

/// All kinds, in alphabetical order.
pub static REGISTRY: [Kind; 4] =
    [alert_after_deploy::KIND, alert_and_crates::KIND, alert_persists::KIND, budget_and_suspect::KIND];

/// A condition that can be judged.
pub trait Rule: Debug + Send + Sync {
    /// The alerts that it knows, as the runbook writes them.
    fn alerts(&self) -> &[String];

    /// Where it asks for the burn rates of its alerts at two moments: how far these have to be apart, milliseconds.
    fn burns_over_ms(&self) -> Option<u64> {
        None
    }

    /// What it consists of, part by part. It holds if all of them do.
    fn judge(&self, input: &Input) -> Judged;
}

/// What a condition comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judged {
    /// Its parts. After one that does not hold there may be fewer: what rests on it is not asked.
    pub checks: Vec<Check>,
    /// What an operator should know besides.
    pub warnings: Vec<String>,
}

/// A part of a condition. **Contract:** these are the fields in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Whether it holds.
    pub holds: Holds,
    /// 1-based line of the runbook that asks for it.
    pub line: u32,
    /// The arithmetic, or what was missing.
    pub said: String,
}

impl Holds {
    /// All of these together: what does not hold wins over what is not known.
    pub fn all(checks: &[Check]) -> Holds {
        let any = |holds| checks.iter().any(|check| check.holds == holds);
        match (any(Holds::No), any(Holds::Unknown)) {
            (true, _) => Holds::No,
            (false, true) => Holds::Unknown,
            (false, false) => Holds::Yes,
        }
    }
}

impl Judged {
    fn holds(&self) -> Holds {
        Holds::all(&self.checks)
    }
}

fn check(holds: Holds, line: u32, said: impl Into<String>) -> Check {
    Check { holds, line, said: said.into() }
}

fn yes_if(condition: bool) -> Holds {
    if condition { Holds::Yes } else { Holds::No }
}

/// A condition that asks for any of these alerts: judged with each of them that fires, the first with which it holds
/// counts, else the first with which it is not known, else the first.
fn of_alerts(names: &Names, input: &Input, judge: impl Fn(&Alert) -> Judged) -> Judged {
    let is_named = |alert: &&Alert| names.names.iter().any(|name| plain(name) == alert.name);
    let mut all: Vec<Judged> = Vec::new();
    for alert in input.alerts.iter().filter(is_named) {
        let said = format!("`{}` fires since {}, {}", alert.name, alert.since, length(input.now.since(alert.since)));
        let mut judged = judge(alert);
        judged.checks.insert(0, check(Holds::Yes, names.line, said));
        all.push(judged);
    }
    let best = |holds| all.iter().position(|judged| judged.holds() == holds);
    match best(Holds::Yes).or_else(|| best(Holds::Unknown)).or_else(|| best(Holds::No)) {
        Some(at) => all.swap_remove(at),
        None => {
            let said = match names.names.as_slice() {
                [only] => format!("`{}` does not fire", plain(only)),
                several => format!("none of {} fires", quoted(several, "and")),
            };
            Judged { checks: vec![check(Holds::No, names.line, said)], warnings: Vec::new() }
        }
    }
}

/// An alert's name as inputs have it: runbooks name the alert's own runbook.
pub(super) fn plain(name: &str) -> &str {
    name.strip_suffix(".md").unwrap_or(name)
}

/// Names for a message: `` `a`, `b` or `c` ``.
fn quoted(names: &[String], or: &str) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{}`", plain(name))).collect();
    match names.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} {or} {last}", before.join(", ")),
        _ => names.concat(),
    }
}

fn version(deploy: &Deploy) -> String {
    format!("v{}", deploy.version)
}
