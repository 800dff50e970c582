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

/// One comparison of an alert's expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedCondition {
    /// Name of the reading that is compared.
    pub reading: String,
    /// It holds where the reading is greater than this.
    pub above: f64,
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
    /// It is met where the reading is not greater than this.
    pub at_most: f64,
    /// Unit of both, for a person: `seconds`, or `share`.
    pub unit: String,
    /// Name of the reading that says how many requests a second stand behind it.
    pub backing: String,
    /// Where the target is one that no drill can see recover, such as a ratio over 30 days: its words, and what is judged
    /// in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_place_of: Option<String>,
}
