//! What the prose promises, as numbers.

use serde::{Deserialize, Serialize};

mod read;
pub(super) use read::read;

/// A quantity and the line that says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim<T> {
    /// The value, in the unit that the field's name gives.
    pub value: T,
    /// 1-based line of the runbook.
    pub line: u32,
    /// The words that were read.
    pub text: String,
}

/// A range, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// From.
    pub from: u64,
    /// To.
    pub to: u64,
}

/// All claims that a binding has to find.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// /healthz answers 200 within this of starting the old binary (60 s).
    pub ready_within_ms: Claim<u64>,
    /// /healthz takes less than this (10 ms).
    pub healthz_under_ms: Claim<u64>,
    /// Fetches of /metrics to compare (two).
    pub metrics_fetches: Claim<u64>,
    /// The alert clears within (5-15 minutes).
    pub alert_clears_within_ms: Claim<Range>,
    /// A restart takes (5-15 seconds).
    pub restart_takes_ms: Claim<Range>,
    /// The slow burn has been firing for at least (30+ minutes).
    pub slow_burn_firing_ms: Claim<u64>,
    /// A deploy counts as recent for (24 hours).
    pub recent_deploy_ms: Claim<u64>,
    /// Share of the monthly budget, percent (50 %).
    pub budget_spent_percent: Claim<u64>,
    /// Window of that share (24-hour).
    pub budget_window_ms: Claim<u64>,
    /// How far back the failure path reads the journal (5 minutes).
    pub journal_since_ms: Claim<u64>,
    /// First digit of the status that in-flight calls are promised during the restart (5xx).
    pub in_flight_status_class: Claim<u64>,
}
