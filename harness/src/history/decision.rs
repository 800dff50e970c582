//! The decision as it stands in a History: enough for a person to see why, without the document and the input at hand.

use std::collections::BTreeMap;

use operator_agent::protocol::{Firing, TwoPoints};
use serde::{Deserialize, Serialize};

/// Whether to roll back, in a word. **Contract.**
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Call {
    /// A condition holds.
    RollBack,
    /// None does.
    DoNotRollBack,
}

/// Whether something holds. **Contract.**
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holds {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// The input does not say.
    Unknown,
}

impl Holds {
    /// As in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Holds::Yes => "yes",
            Holds::No => "no",
            Holds::Unknown => "unknown",
        }
    }
}

/// What a runbook's conditions for a rollback come to. Serialised it is `decision` of a drill in JSON. **Contract.**
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Path of what the operator knew.
    pub from: String,
    /// Whether to roll back.
    pub call: Call,
    /// Number of the first condition that holds; `None` if none does.
    pub because: Option<u64>,
    /// 1-based line of `quote`.
    pub line: u32,
    /// The runbook's words: that condition, or what to do if none holds.
    pub quote: String,
    /// Every condition, in the runbook's order of preference.
    pub conditions: Vec<ConditionSeen>,
    /// What an operator should know besides.
    pub warnings: Vec<String>,
    /// What the conditions were held against; `None` in a History from before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
    /// Where the alerts of `seen` are those that fired; `None` where they are those of `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveAlerts>,
}

/// What was seen. Moments are RFC 3339.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// The moment of the question.
    pub now: String,
    /// The alerts that fire.
    pub alerts: Vec<AlertSeen>,
    /// Deploys.
    pub deploys: Vec<DeploySeen>,
    /// What went of the error budget; `None` if nobody looked.
    pub budget: Option<BudgetSeen>,
}

/// An alert that fires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertSeen {
    /// Name of its runbook, or its own where it leads to none.
    pub name: String,
    /// Since when.
    pub since: String,
    /// How long that is, milliseconds.
    pub for_ms: u64,
}

/// A deploy of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeploySeen {
    /// When it was done.
    pub at: String,
    /// How long ago, milliseconds.
    pub ago_ms: u64,
    /// What was deployed, without `v`.
    pub version: String,
    /// The crates that it changed.
    pub crates: Vec<String>,
}

/// What went of a month's error budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetSeen {
    /// Percent of the month's budget.
    pub spent_percent: f64,
    /// In how long, milliseconds.
    pub over_ms: u64,
    /// What is suspected, in words.
    pub suspect: String,
}

/// What the notifier had when it was asked, and what the graphs of its alerts showed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveAlerts {
    /// When it answered, microseconds on the agent's clock.
    pub at_us: u64,
    /// How many times as long the times of `seen` are as the drill's.
    pub scale: u64,
    /// The alerts by the names of their rules.
    pub firing: BTreeMap<String, Firing>,
    /// Of alerts whose burn rate a condition asks for, the share of their budget's requests that was spent, at two moments.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub graphs: BTreeMap<String, TwoPoints>,
    /// What the file says of alerts otherwise, a sentence each.
    pub differs: Vec<String>,
}

/// What one condition comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConditionSeen {
    /// Its number in the runbook's list.
    pub number: u64,
    /// 1-based line of the runbook.
    pub line: u32,
    /// Whether it holds.
    pub holds: Holds,
    /// The arithmetic of its parts; of one that does not hold, of those parts that do not.
    pub said: Vec<String>,
}

impl Decision {
    /// For a person: the words of the runbook, and what was seen of the condition that holds, or of each that does not.
    pub fn words(&self) -> String {
        let told = self.conditions.iter().filter(|condition| match self.because {
            Some(number) => condition.number == number,
            None => true,
        });
        let told: Vec<String> = told
            .map(|condition| {
                let unknown = if condition.holds == Holds::Unknown { "not known: " } else { "" };
                format!("condition {}: {unknown}{}", condition.number, condition.said.join(", "))
            })
            .collect();
        format!("\"{}\" (line {}); {}", self.quote, self.line, told.join("; "))
    }
}
