//! The answer: a pure function of the runbook's conditions and what was seen.

use serde::Serialize;

use super::conditions::{Check, Holds, plain};
use super::input::Input;
use super::terms::Term;
use super::{Condition, Quoted, Rules};
use crate::history::event::{ConditionSeen, Decision, Source};
use crate::procedure::StaticFinding;

pub use crate::history::event::Call;

/// Version of the JSON document.
pub const ANSWER_SCHEMA: u32 = 1;

/// Whether to roll back. Serialised it is the JSON document. **Contract:** [`ANSWER_SCHEMA`] goes up when its fields
/// change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// Always [`ANSWER_SCHEMA`].
    pub schema: u32,
    /// Version of this program.
    pub harness: String,
    /// What was asked of what.
    #[serde(flatten)]
    pub asked: Asked,
    /// Heading of the runbook's section.
    pub section: Quoted,
    /// The answer itself.
    pub call: Call,
    /// Number of the condition that it rests on: the first that holds. `None` if none does.
    pub because: Option<u64>,
    /// The runbook's words for it: the condition, or what it says of the case that none holds.
    pub quote: Quoted,
    /// How the conditions go together.
    pub order: Quoted,
    /// In the runbook's order of preference.
    pub conditions: Vec<ConditionAnswer>,
    /// What was seen.
    pub seen: Input,
    /// What an operator should know besides.
    pub warnings: Vec<String>,
    /// What the text leaves open and the binding supplies.
    pub findings: Vec<StaticFinding>,
}

/// What was asked of what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// The document.
    pub runbook: Source,
    /// Its binding.
    pub binding: Source,
    /// Path of what was seen; `stdin` where it came from there.
    pub from: String,
}

/// What one condition comes to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConditionAnswer {
    /// Its number in the runbook's list.
    pub number: u64,
    /// 1-based line of the runbook.
    pub line: u32,
    /// All of it, as it stands there.
    pub text: String,
    /// Id of its kind.
    pub kind: String,
    /// Whether it holds.
    pub holds: Holds,
    /// Its parts; those that do not hold say what was missing.
    pub checks: Vec<Check>,
    /// Its names and quantities.
    pub terms: Vec<Term>,
}

impl Answer {
    /// What a History keeps of it.
    pub fn decision(&self) -> Decision {
        let seen = self.conditions.iter().map(|condition| {
            // A part that holds says nothing about why the whole does not.
            let matters = condition.checks.iter().filter(|check| check.holds == condition.holds);
            ConditionSeen {
                number: condition.number,
                line: condition.line,
                holds: condition.holds,
                said: matters.map(|check| check.said.clone()).collect(),
            }
        });
        Decision {
            from: self.asked.from.clone(),
            call: self.call,
            because: self.because,
            line: self.quote.line,
            quote: self.quote.text.clone(),
            conditions: seen.collect(),
            warnings: self.warnings.clone(),
            seen: Some(self.seen.told()),
            live: None,
        }
    }
}

/// Answers.
pub fn answer(rules: &Rules, input: &Input, asked: Asked) -> Answer {
    let mut warnings = unknown_alerts(rules, input);
    let mut conditions = Vec::new();
    for condition in &rules.conditions {
        let judged = condition.rule.judge(input);
        warnings.extend(judged.warnings);
        conditions.push(ConditionAnswer {
            number: condition.number,
            line: condition.quote.line,
            text: condition.quote.text.clone(),
            kind: condition.kind.to_owned(),
            holds: Holds::all(&judged.checks),
            checks: judged.checks,
            terms: condition.terms.clone(),
        });
    }
    let first = conditions.iter().find(|condition| condition.holds == Holds::Yes);
    let quote = first.map(|condition| Quoted { line: condition.line, text: condition.text.clone() });
    Answer {
        schema: ANSWER_SCHEMA,
        harness: env!("CARGO_PKG_VERSION").to_owned(),
        asked,
        section: Quoted { line: rules.line, text: rules.heading.clone() },
        call: if first.is_some() { Call::RollBack } else { Call::DoNotRollBack },
        because: first.map(|condition| condition.number),
        quote: quote.unwrap_or_else(|| rules.otherwise.clone()),
        order: rules.order.clone(),
        conditions,
        seen: input.clone(),
        warnings,
        findings: rules.findings.clone(),
    }
}

/// An alert that no condition names may be a slip of the pen, or one that the runbook has no word for.
fn unknown_alerts(rules: &Rules, input: &Input) -> Vec<String> {
    let named = |condition: &Condition| condition.rule.alerts().iter().map(|name| plain(name).to_owned()).collect();
    let known: Vec<String> =
        rules.conditions.iter().flat_map(|condition| -> Vec<String> { named(condition) }).collect();
    let unknown = input.alerts.iter().filter(|alert| !known.contains(&alert.name));
    let warn = |name: &str| format!("no condition names the alert `{name}`; they name {}", known.join(", "));
    unknown.map(|alert| warn(&alert.name)).collect()
}
