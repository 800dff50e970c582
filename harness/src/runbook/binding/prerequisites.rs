//! Where a runbook says what to make sure of first, and by what that is seen.

use serde::Deserialize;

use super::SpanBinding;
use crate::procedure::Class;

/// The section "Prerequisites"; its heading is [`super::Sections::prerequisites`]. All of its list items are bound here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrerequisitesBinding {
    /// One per list item.
    pub items: Vec<PrerequisiteItem>,
}

/// An item of the list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrerequisiteItem {
    /// Its number.
    pub item: u64,
    /// A word that it has to hold.
    pub says: String,
    /// What shows whether it is met.
    pub met_by: Confirmation,
    /// Its code spans, all of them; none of them is a command.
    #[serde(default)]
    pub spans: Vec<SpanBinding>,
    /// For `looks`, on each topology at least one that is not `told-place`.
    #[serde(default)]
    pub looks: Vec<LookBinding>,
}

/// What shows whether a prerequisite is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confirmation {
    /// Commands.
    Looks,
    /// The scenario's `window`.
    Window,
    /// Nothing beforehand: the invariant `recorded-first` judges it, and it keeps no rollback from beginning.
    RecordedFirst,
}

/// A command that the text asks for in words only.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookBinding {
    /// Topologies.
    pub on: Vec<String>,
    /// What it looks for.
    pub asks: Asks,
    /// Wordings of which exactly one stands in the item, once.
    pub stands_for: Vec<String>,
    /// One shell command, which leaves alone what serves.
    pub command: String,
    /// What its whole trimmed output has to be. [`crate::procedure::PUBLISHED`] stands in it for the digest that the good
    /// release's image was published with.
    pub should_print: Option<String>,
}

/// What a look at the release to go back to asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asks {
    /// What there is where the text says to look. Noted; the other looks decide.
    ToldPlace,
    /// Whether it is where the topology starts it from.
    Installed,
    /// Whether it can be fetched; the look fetches it.
    Fetched,
    /// Whether it is the one that is meant, and can be started.
    Startable,
}

impl Asks {
    /// The class of a command that asks this.
    pub fn class(self) -> Class {
        match self {
            Asks::ToldPlace => Class::Look,
            Asks::Installed | Asks::Startable => Class::Check,
            Asks::Fetched => Class::Fetch,
        }
    }
}
