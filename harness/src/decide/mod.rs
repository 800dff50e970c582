//! Whether an operator should roll back: the runbook's own conditions, held against what was seen.
//!
//! [`crate::runbook::Runbook::decision`] makes [`Rules`] of the document, [`input`] reads what was seen, and
//! [`answer()`] is a pure function of both. Nothing here knows a number, an alert or a crate: they stand in the
//! document, or where it leaves something open in its binding.

mod answer;
pub mod conditions;
pub mod input;
pub mod moment;
pub mod question;
pub mod terms;

pub use answer::{ANSWER_SCHEMA, Answer, Asked, Call, ConditionAnswer, answer};
pub use conditions::{Check, Holds};
pub use moment::Moment;
pub use question::{DecidedBy, Question};

use serde::Serialize;

use crate::procedure::StaticFinding;
use conditions::Rule;
use terms::Term;

/// When to roll back, as a runbook says it.
#[derive(Debug)]
pub struct Rules {
    /// Heading of the section.
    pub heading: String,
    /// 1-based line of the heading.
    pub line: u32,
    /// How the conditions go together.
    pub order: Quoted,
    /// In the runbook's order, which is its order of preference.
    pub conditions: Vec<Condition>,
    /// What it says of the case that none holds.
    pub otherwise: Quoted,
    /// What the text leaves open, and the binding supplies.
    pub findings: Vec<StaticFinding>,
}

/// Words of the runbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quoted {
    /// 1-based line.
    pub line: u32,
    /// The words.
    pub text: String,
}

/// One condition.
#[derive(Debug)]
pub struct Condition {
    /// Its number in the list.
    pub number: u64,
    /// All of it.
    pub quote: Quoted,
    /// Id of its kind.
    pub kind: &'static str,
    /// Names and quantities, in the order in which the kind asks for them.
    pub terms: Vec<Term>,
    /// What judges it.
    pub rule: Box<dyn Rule>,
}

#[cfg(test)]
pub(crate) mod tests;
