//! What an operator is going to do: the procedure that a runbook and its binding give for one topology.
//!
//! A [`Procedure`] is a plain value: `runbook` makes it, `drive` carries it out, nothing here runs anything.

use std::collections::BTreeMap;

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::runbook::claims::Claims;

mod prerequisites;
mod text_rule;

pub use prerequisites::{Confirm, PUBLISHED, Prerequisite, PrerequisiteKind, Prerequisites};
pub use text_rule::TextRule;

/// What a command does to the node, as the binding says; decides how `careful` takes its failure (design.md, "Words").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Writes down the state before the rollback.
    Record,
    /// Takes the node out of the balancer's rotation.
    Drain,
    /// Brings an artefact near.
    Fetch,
    /// Ends the running release.
    Stop,
    /// Puts the target in the place of the bad release.
    Swap,
    /// Reads whether the swap is right.
    Check,
    /// Looks where a prerequisite says to look; what is found is noted and decides nothing.
    Look,
    /// Starts the target.
    Start,
    /// Waits for the node to be ready.
    Wait,
    /// Puts the node back into rotation.
    Undrain,
    /// One of the runbook's verification commands.
    Verify,
    /// Reads why the node does not come up (failure path).
    Diagnose,
    /// Calls a person (failure path).
    Page,
    /// A command for the postmortem.
    Capture,
    /// The binding does not know it: noted, go on, a finding.
    Other,
}

impl Class {
    /// As bindings and scenarios write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Record => "record",
            Class::Drain => "drain",
            Class::Fetch => "fetch",
            Class::Stop => "stop",
            Class::Swap => "swap",
            Class::Check => "check",
            Class::Look => "look",
            Class::Start => "start",
            Class::Wait => "wait",
            Class::Undrain => "undrain",
            Class::Verify => "verify",
            Class::Diagnose => "diagnose",
            Class::Page => "page",
            Class::Capture => "capture",
            Class::Other => "other",
        }
    }

    /// Whether `careful` ends the block when a command of this class fails (design.md, decision 4).
    pub fn ends_block(self) -> bool {
        matches!(self, Class::Fetch | Class::Stop | Class::Swap | Class::Check | Class::Start)
    }
}

/// Where a command's text comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The runbook's own bytes.
    Literal,
    /// The binding's: the runbook asks for it in prose only. Always a finding.
    Supplied {
        /// The words of the runbook that it stands for.
        stands_for: String,
    },
    /// The runbook's own bytes, of another section's step that this one refers to. A finding.
    SameAs {
        /// Id of the step it was taken from, such as `A2`.
        step: String,
    },
}

/// One top-level shell command, with placeholders already replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// 1-based line of the runbook where it begins (of the words it stands for, if supplied).
    pub line: u32,
    /// The text as it runs: the runbook's bytes but for placeholders.
    pub text: String,
    /// One or more classes.
    pub classes: Vec<Class>,
    /// Literal, supplied or borrowed.
    pub origin: Origin,
    /// How many parts its outermost pipeline has; 1 for everything that is not a pipeline.
    pub pipeline_parts: usize,
    /// From a `# should print …` comment: what its whole trimmed output has to be, placeholders replaced.
    pub should_print: Option<String>,
}

impl Command {
    /// Whether it has this class.
    pub fn is(&self, class: Class) -> bool {
        self.classes.contains(&class)
    }
}

/// One numbered group of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Section letter and number, such as `A1`; sections without numbers have one step, such as `C1`.
    pub id: String,
    /// The group's own heading comment, without number.
    pub title: String,
    /// 1-based line where it begins.
    pub line: u32,
    /// In the order of the text. Empty where the text of the step has no command and the binding supplies none.
    pub commands: Vec<Command>,
}

/// One of the runbook's verification points for this topology.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationPoint {
    /// Id of the criterion that judges it: `version`, `health`, `metrics`, `alert`, `slo`.
    pub criterion: String,
    /// 1-based line of the list item.
    pub line: u32,
    /// Step id for reports, such as `V1`.
    pub step: String,
    /// Its command for this topology; `None` where the text has none (`literal` is then `not-run`).
    pub command: Option<Command>,
    /// How many times the text wants it run (two fetches: 2).
    pub times: u32,
}

/// The runbook's failure path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailurePath {
    /// Reads the reason: literal first, then supplied forms that follow where the literal one fails or says nothing.
    pub diagnose: Vec<Command>,
    /// Takes the node offline: literal first, then supplied forms that follow where it fails or says nothing.
    pub stop: Vec<Command>,
    /// Pages; supplied, with the words `{severity}`, `{key}`, `{reason}` and `{evidence}` for shell-quoted values.
    pub page: Command,
    /// Case-insensitive words of the runbook; the journal shows incompatible state if one is in it.
    pub incompatible_state: Vec<String>,
    /// Whether the literal diagnose command cannot say anything on this topology, so that the supplied form always follows.
    pub diagnose_is_blind: bool,
    /// The same of the literal stop command: it may end 0 and stop nothing here.
    pub stop_is_blind: bool,
}

/// One item of "Postmortem requirements", or a file that the record commands leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// Short id, such as `observe-capture`.
    pub id: String,
    /// 1-based line.
    pub line: u32,
    /// What it needs.
    pub kind: RequirementKind,
}

/// How a postmortem item is met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum RequirementKind {
    /// Both versions; the manifest has them.
    Releases,
    /// The scenario's trigger.
    Trigger,
    /// Files that the operator wrote, by glob on the operator host.
    Files {
        /// Such as `/tmp/tensor-wasm-pre-rollback-*.json`.
        glob: String,
        /// No command of this topology's steps names such a file: the manifest lists it as missing, and it is a finding.
        never_made: bool,
    },
    /// A literal command whose output is kept under this file name.
    Command {
        /// File in the bundle.
        file: String,
        /// Folder on the operator host in which it runs; the home folder without one.
        folder: Option<String>,
    },
    /// Only people can write it; the manifest lists it as missing, with that reason.
    People,
}

/// A runbook as one topology's operator carries it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Procedure {
    /// Topology id: `systemd`, `docker`, `compose`.
    pub topology: String,
    /// Section letter, such as `A`.
    pub section: String,
    /// 1-based line of the section's heading.
    pub line: u32,
    /// Folder of the operator's shell; `None` is the home folder.
    pub folder: Option<String>,
    /// In order.
    pub steps: Vec<Step>,
    /// In order.
    pub verification: Vec<VerificationPoint>,
    /// What to do if the rollback fails.
    pub failure: FailurePath,
    /// Postmortem items.
    pub requirements: Vec<Requirement>,
    /// Commands of `Requirement`s of kind `command`, by requirement id.
    pub captures: BTreeMap<String, Command>,
    /// What the prose promises.
    pub claims: Claims,
    /// Defects of the text that show without running it.
    pub findings: Vec<StaticFinding>,
}

impl Procedure {
    /// Its commands in order, the verification's behind those of the steps: all that is run where nothing fails.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        let steps = self.steps.iter().flat_map(|step| &step.commands);
        steps.chain(self.verification.iter().filter_map(|point| point.command.as_ref()))
    }

    /// Each boundary before a command that is the first of some class, once, in order: the index of the command, and its first
    /// such class.
    pub fn boundaries(&self) -> Vec<(usize, Class)> {
        let mut known = Vec::new();
        let mut boundaries = Vec::new();
        for (index, command) in self.commands().enumerate() {
            let first = command.classes.iter().copied().find(|class| !known.contains(class));
            boundaries.extend(first.map(|class| (index, class)));
            known.extend(&command.classes);
        }
        boundaries
    }
}

/// A defect of the runbook that shows without running it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaticFinding {
    /// Id of a [`TextRule`], or a rule of the binding.
    pub rule: String,
    /// 1-based line of the runbook.
    pub line: u32,
    /// For a person.
    pub message: String,
}

/// What placeholders become. Versions only, so nothing else can reach a shell through them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Releases {
    /// The last known-good release.
    pub good: Version,
    /// The bad release.
    pub bad: Version,
}
