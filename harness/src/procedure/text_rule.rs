//! Rules of findings that the text alone shows. A binding has rules of its own beside them, under names of its own.

use super::StaticFinding;

/// A rule that looks at the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextRule {
    /// The postmortem asks for a file that no command makes.
    NeverCaptured,
    /// Nothing takes the node out of rotation.
    NoDrain,
    /// Nothing writes down the state of before.
    NoRecord,
    /// Nothing waits for the node.
    NoWait,
    /// A step is given by reference to another section's.
    SameAs,
    /// A command is asked for in words only.
    SuppliedCommand,
    /// A condition of the decision leaves something open.
    SuppliedReading,
    /// A loop without a bound.
    UnboundedWait,
    /// Nothing before the first stop makes sure of a prerequisite.
    UncheckedPrerequisite,
    /// The node gets traffic before it is verified.
    UndrainBeforeVerify,
    /// A command that the binding does not know.
    UnknownCommand,
}

impl TextRule {
    /// All of them, by id.
    pub const ALL: [TextRule; 11] = [
        TextRule::NeverCaptured,
        TextRule::NoDrain,
        TextRule::NoRecord,
        TextRule::NoWait,
        TextRule::SameAs,
        TextRule::SuppliedCommand,
        TextRule::SuppliedReading,
        TextRule::UnboundedWait,
        TextRule::UncheckedPrerequisite,
        TextRule::UndrainBeforeVerify,
        TextRule::UnknownCommand,
    ];

    /// Kebab-case.
    pub fn id(self) -> &'static str {
        match self {
            TextRule::NeverCaptured => "never-captured",
            TextRule::NoDrain => "no-drain",
            TextRule::NoRecord => "no-record",
            TextRule::NoWait => "no-wait",
            TextRule::SameAs => "same-as",
            TextRule::SuppliedCommand => "supplied-command",
            TextRule::SuppliedReading => "supplied-reading",
            TextRule::UnboundedWait => "unbounded-wait",
            TextRule::UncheckedPrerequisite => "unchecked-prerequisite",
            TextRule::UndrainBeforeVerify => "undrain-before-verify",
            TextRule::UnknownCommand => "unknown-command",
        }
    }

    /// What it found on a line, in words for a person.
    pub fn found(self, line: u32, message: String) -> StaticFinding {
        StaticFinding { rule: self.id().to_owned(), line, message }
    }
}
