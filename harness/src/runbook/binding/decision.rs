//! Where a runbook says when to roll back.

use serde::Deserialize;

/// The section "When to roll back"; its heading is [`super::Sections::decision`]. All of its paragraphs and list items are
/// bound here: words that nobody has bound could turn the decision round.
///
/// `reads` are wordings of the whole item or paragraph, one of which has to be the document's to the letter. In them
/// `{name}` stands for a term of the condition (a quantity, or names in code spans joined by `or`), and backticks for a
/// code span.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionBinding {
    /// What says that any condition is enough, and that their order is the order of preference.
    pub order: WholeParagraph,
    /// What says what to do if none holds.
    pub otherwise: Opening,
    /// One per list item.
    pub conditions: Vec<ConditionBinding>,
}

/// A paragraph of known wording.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WholeParagraph {
    /// Its number among the paragraphs.
    pub paragraph: u32,
    /// Its wordings, without terms.
    pub reads: Vec<String>,
}

/// A paragraph of known beginning.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// Its number among the paragraphs.
    pub paragraph: u32,
    /// How it may begin; what follows gives the reasons.
    pub begins: Vec<String>,
}

/// A list item that is a condition.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConditionBinding {
    /// Its number.
    pub item: u64,
    /// Id of its kind, see [`crate::decide::conditions::REGISTRY`].
    pub kind: String,
    /// Its wordings.
    pub reads: Vec<String>,
    /// What these words leave open.
    #[serde(default)]
    pub supplied: Vec<SuppliedTerm>,
}

/// A term that the text leaves open. Always a finding.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuppliedTerm {
    /// Which.
    pub term: String,
    /// The words that leave it open: of these wordings exactly one stands in the item, once.
    pub stands_for: Vec<String>,
    /// A duration or a percentage; none where the words are no quantity, and the kind says how they are told.
    pub value: Option<String>,
    /// Why so, as the end of a sentence.
    pub because: String,
}
