//! What a drill's plan says of alerts: what a judge has to know of the rules, without their file.

use serde::{Deserialize, Serialize};

use crate::runbook::claims::Range;

/// Alerts of a drill. All times are of the drill: windows of the rules and of the claim are divided by `scale`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedAlerts {
    /// By what the windows of the rules, and the runbook's time for the alert to clear, are divided; 1 is real time.
    pub scale: u64,
    /// Name of the rule that led here.
    pub originating: String,
    /// Its conditions; the alert is active while all hold.
    pub conditions: Vec<PlannedCondition>,
    /// Its `for`, milliseconds: an alert that cleared could fire again after this at the earliest, so it is watched as long.
    pub hold_ms: u64,
    /// In this range after the restart it clears, as the runbook says, milliseconds.
    pub clears_within_ms: Range,
    /// The shortest of its windows, milliseconds: after this it has cleared where everything is well again.
    pub refills_after_ms: u64,
    /// Between two scrapes, milliseconds.
    pub scrape_ms: u64,
    /// Between two evaluations, milliseconds.
    pub evaluate_ms: u64,
    /// Name of the reading that says how many invokes a second the node answers with 2xx, over the shortest window.
    pub invokes: String,
    /// The service levels of verification 5.
    pub slis: Vec<PlannedSli>,
}

impl PlannedAlerts {
    /// Whether the alert that led here watches latencies, which no status shows.
    pub fn is_of_latency(&self) -> bool {
        !self.conditions.is_empty() && self.conditions.iter().all(|condition| condition.unit == "seconds")
    }
}

/// One comparison of an alert's expression. Its reading has no number where nothing of its kind was counted in the window
/// (no 5xx at all): then it does not hold, and the invokes that were counted say that it is no silence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedCondition {
    /// Name of the reading that is compared.
    pub reading: String,
    /// It holds where the reading is greater than this, in `unit`.
    pub above: f64,
    /// `ratio`, or `seconds` where it compares a percentile: of nothing there is none, and that is a silence.
    pub unit: String,
    /// Its window, milliseconds.
    pub window_ms: u64,
}

/// A service level and what it has to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedSli {
    /// As the runbook names it.
    pub id: String,
    /// Name of the reading.
    pub reading: String,
    /// The reading has to be the target or more; else the target or less.
    pub at_least: bool,
    /// In `unit`.
    pub target: f64,
    /// Unit of reading and target, for a person: `seconds` or `ratio`.
    pub unit: String,
    /// The reading's window, milliseconds: this long after a restart it still tells of what was before.
    pub window_ms: u64,
    /// What the reading is where it has no number although requests stand behind it; `None`: that says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_samples: Option<f64>,
    /// Name of the reading that says how many requests a second stand behind it.
    pub backing: String,
    /// Where the objective is over a time that no drill can wait for, such as a ratio over 30 days: how long, milliseconds
    /// of real time. It is judged on what it spends now, over the reading's window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective_over_ms: Option<u64>,
}
