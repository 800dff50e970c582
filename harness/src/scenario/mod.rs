//! A scenario: what is wrong, on which topologies, and how the drill is expected to end.

use std::collections::BTreeMap;

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::procedure::Class;
use crate::verdict::Verdict;

/// In place of a file's name on a command line.
pub const STDIN: &str = "-";

mod load;
pub use load::{CRITERIA, FAULTS_MAX, Known, SCENARIO_BYTES_MAX, ScenarioError, TOPOLOGIES, load, parse};

/// How the person at the keyboard works (design.md, decision 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operator {
    /// Reads the result of each command.
    Careful,
    /// Pastes the block and looks when it has ended.
    Paste,
}

impl Operator {
    /// As on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Operator::Careful => "careful",
            Operator::Paste => "paste",
        }
    }
}

/// Which of the two releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The release to roll back to.
    Good,
    /// The release to leave.
    Bad,
}

/// When a fault begins that is not there from the beginning of a drill on: by what a command does, since that is the same on all
/// topologies, and the number of a command is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// Right before the first command of this class begins. What is confirmed before the first step comes before all of them.
    Before(Class),
    /// In the middle of the first command of this class: behind its beginning by half of the time that it takes with nothing
    /// wrong, which the topology's file says.
    During(Class),
    /// Behind the last command of this class, while alerts are watched. Only the verification is followed by a watch.
    After(Class),
}

impl Moment {
    /// For a person: `before the first stop`.
    pub fn words(self) -> String {
        match self {
            Moment::Before(class) => format!("before the first {}", class.as_str()),
            Moment::During(class) => format!("during the first {}", class.as_str()),
            Moment::After(class) => format!("after the last {}", class.as_str()),
        }
    }
}

/// A fault as a scenario declares it; `fault::registry` knows the ids, parameters and bounds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultUse {
    /// Id in the registry.
    pub id: String,
    /// For inborn faults: which release is born with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Role>,
    /// Parameters by name; the unit is in the name (`delay_ms`).
    #[serde(default)]
    pub params: BTreeMap<String, u64>,
    /// When it begins; without it, it is there from the beginning of the drill on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Moment>,
}

/// What an operator does about the runbook's prerequisites.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prerequisites {
    /// Confirms each before the first step, and does not begin where one is not met.
    #[default]
    Confirmed,
    /// Does not look.
    Assumed,
}

/// What came of asking for a maintenance window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Window {
    /// Users can bear it.
    #[default]
    Agreed,
    /// They cannot.
    Refused,
}

/// How one operator's drill on one topology is expected to end. Exact: all three must be equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The verdict.
    pub verdict: Verdict,
    /// Judged criteria that fail, in registry order.
    #[serde(default)]
    pub failing: Vec<String>,
    /// Invariants that break, in registry order.
    #[serde(default)]
    pub broken: Vec<String>,
}

/// What a scenario says of alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alerts {
    /// The windows of the rules, and the runbook's time for an alert to clear, are divided by this. 1 is real time.
    #[serde(default = "everyday_scale")]
    pub scale: u64,
    /// How long the incident has been going on when the drill begins, minutes of real time.
    pub incident_minutes: u64,
    /// Share of invokes in that time that were answered with 5xx, percent.
    #[serde(default)]
    pub errors_percent: u64,
    /// Share of invokes in that time that took over a second, percent.
    #[serde(default)]
    pub slow_percent: u64,
    /// How it has been at last, where that is not as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lately: Option<Lately>,
}

/// The last minutes of an incident before the drill begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lately {
    /// How many, of real time; fewer than the whole incident has.
    pub minutes: u64,
    /// Share of invokes in them that were answered with 5xx, percent.
    pub errors_percent: u64,
}

/// 5 minutes become 5 seconds.
fn everyday_scale() -> u64 {
    60
}

/// One scenario, as its TOML file says it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Always 1.
    pub schema: u32,
    /// Kebab-case; equals the file's name.
    pub name: String,
    /// One or two sentences for a person.
    pub about: String,
    /// The bad release.
    pub bad: Version,
    /// The good release.
    pub good: Version,
    /// The alert or runbook that led here.
    pub trigger: String,
    /// What the operator knows when deciding whether to roll back: the name of a file below `scenarios/decide/`. Without it
    /// the decision was taken elsewhere, and the drill begins with the procedure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// Whether the runbook's prerequisites are confirmed before its first step.
    #[serde(default)]
    pub prerequisites: Prerequisites,
    /// The answer to the prerequisite that only people can meet.
    #[serde(default)]
    pub window: Window,
    /// Criteria that the verdict rests on.
    pub criteria: Vec<String>,
    /// An `inconclusive` ending may be expected only of a canary.
    #[serde(default)]
    pub canary: bool,
    /// Alerts: a rules engine watches the node, and the alert that led here fires before anything is done. Without it the
    /// drill has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<Alerts>,
    /// What is wrong. The incident itself is one of them.
    #[serde(default)]
    pub faults: Vec<FaultUse>,
    /// By topology, then operator. What is not named here is not drilled.
    pub expect: BTreeMap<String, BTreeMap<Operator, Expectation>>,
}
