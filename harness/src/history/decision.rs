//! The decision as it stands in a History: enough for a person to see why, without the document and the input at hand.

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

/// What a runbook's conditions for a rollback come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
