//! What a runbook wants to be made sure of before its first step, for one topology.

use super::{Command, StaticFinding};

/// Stands in what a check should print for the digest that the good release's image was published with.
pub const PUBLISHED: &str = "{published}";

/// The section's prerequisites that can keep a rollback from beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prerequisites {
    /// In the order of the text.
    pub items: Vec<Prerequisite>,
    /// What the text leaves open here: commands that it does not give, and what its procedure does not look at itself
    /// before it stops something.
    pub findings: Vec<StaticFinding>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prerequisite {
    /// Step id of its commands, such as `R1`.
    pub step: String,
    /// 1-based line of the list item.
    pub line: u32,
    /// The item's words.
    pub quote: String,
    /// What shows whether it is met.
    pub kind: PrerequisiteKind,
}

/// What shows whether a prerequisite is met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrerequisiteKind {
    /// Each of these commands ends 0, and prints what it should, but for those that only look.
    Looks(Vec<Command>),
    /// People have agreed on a maintenance window.
    Window,
}

/// What an operator confirms before the first step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm {
    /// What the runbook wants to be made sure of.
    pub prerequisites: Prerequisites,
    /// Whether people have agreed on a maintenance window.
    pub window_agreed: bool,
}

impl Prerequisites {
    /// All commands.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        self.items.iter().flat_map(|item| match &item.kind {
            PrerequisiteKind::Looks(commands) => commands.as_slice(),
            PrerequisiteKind::Window => &[],
        })
    }
}
