//! The binding: a TOML file beside a runbook that says where in the text each thing stands.
//!
//! It holds no procedure of its own but for `supplied` commands, each of which names the words that it stands for.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::document::readable;
use super::error::RunbookError;
use super::place::line_of_offset;
use crate::procedure::{Class, RequirementKind};

mod check;
mod decision;
mod prerequisites;

pub use decision::{ConditionBinding, DecisionBinding, Opening, SuppliedTerm, WholeParagraph};
pub use prerequisites::{Asks, Confirmation, LookBinding, PrerequisiteItem, PrerequisitesBinding};

/// Where everything of a runbook stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// Always 1.
    pub schema: u32,
    /// The words that stand for the two versions.
    pub placeholders: Placeholders,
    /// Headings, by how they begin.
    pub sections: Sections,
    /// By topology id.
    pub topologies: BTreeMap<String, TopologyBinding>,
    /// Steps that the text gives by referring to another section's step.
    #[serde(default)]
    pub same_as: Vec<SameAs>,
    /// Commands that the text asks for in prose only.
    #[serde(default)]
    pub supplied: Vec<Supplied>,
    /// One per item of the verification list.
    pub verification: Vec<VerificationItem>,
    /// The failure path.
    pub failure: FailureBinding,
    /// One per item of the postmortem list, and paragraphs that ask for something.
    pub postmortem: Vec<PostmortemItem>,
    /// Files that the procedure's record commands leave.
    #[serde(default)]
    pub records: Vec<RecordFile>,
    /// Where the prose promises something.
    pub claims: ClaimPlaces,
    /// When to roll back. Only `decide` asks for it, so a binding without it can be drilled.
    pub decision: Option<DecisionBinding>,
    /// What to make sure of first. Only drills that confirm it ask for it.
    pub prerequisites: Option<PrerequisitesBinding>,
    /// What the text is known to leave open.
    #[serde(default)]
    pub known_gaps: Vec<KnownGap>,
    /// Options without which a command of the text is a finding.
    #[serde(default)]
    pub options_wanted: Vec<OptionsWanted>,
}

/// The words that stand for the two versions; of the shape `vX.Y.Z`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placeholders {
    /// The last known-good release.
    pub good: String,
    /// The bad release.
    pub bad: String,
}

/// Headings of the sections that all topologies share, by how they begin.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sections {
    /// When to roll back.
    pub decision: String,
    /// What to confirm first.
    pub prerequisites: String,
    /// What to check afterwards.
    pub verification: String,
    /// What to do if it fails.
    pub failure: String,
    /// What to keep.
    pub postmortem: String,
}

/// Which shared section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SectionKey {
    /// When to roll back.
    Decision,
    /// What to confirm first.
    Prerequisites,
    /// What to check afterwards.
    Verification,
    /// What to do if it fails.
    Failure,
    /// What to keep.
    Postmortem,
}

impl Sections {
    /// How the section's heading begins.
    pub fn begins(&self, key: SectionKey) -> &str {
        match key {
            SectionKey::Decision => &self.decision,
            SectionKey::Prerequisites => &self.prerequisites,
            SectionKey::Verification => &self.verification,
            SectionKey::Failure => &self.failure,
            SectionKey::Postmortem => &self.postmortem,
        }
    }
}

/// One topology's section: one block of commands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopologyBinding {
    /// How its heading begins.
    pub heading: String,
    /// Letter that step ids begin with.
    pub section: String,
    /// Folder on the operator host that its commands run in; the home folder without one.
    pub folder: Option<String>,
    /// Code spans that its prose may hold without being commands.
    #[serde(default)]
    pub mentions: Vec<String>,
    /// What its commands do.
    pub commands: Vec<KnownCommand>,
}

/// What a command does, recognised by how it begins.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownCommand {
    /// Beginning of its whitespace-normalised text, ending at a blank; the longest one that fits counts.
    pub begins: String,
    /// At least one.
    pub classes: Vec<Class>,
}

/// A step that refers to another section's step in words.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SameAs {
    /// The step without commands.
    pub step: String,
    /// The step whose commands it has.
    pub is: String,
    /// A class that one of these commands must have.
    pub class: Class,
}

/// A command that the text asks for in prose only.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Supplied {
    /// Topologies.
    pub on: Vec<String>,
    /// A step id (before the step's own commands), or `diagnose`, `stop`, `page` of the failure path.
    pub at: String,
    /// One shell command.
    pub command: String,
    /// At least one for a step's; the failure path gives its own.
    #[serde(default)]
    pub classes: Vec<Class>,
    /// Words of the section that ask for it; once in the section (or in the item).
    pub stands_for: String,
    /// List item of the failure section that has these words.
    pub item: Option<u64>,
}

/// What an inline code span is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Not a command.
    #[default]
    Mention,
    /// The command that checks this verification point.
    Verify,
    /// What the command's output has to be.
    ShouldPrint,
    /// Reads the reason of a failure.
    Diagnose,
    /// Takes the node offline.
    Stop,
    /// A command for the postmortem.
    Capture,
    /// Files for the postmortem.
    Files,
}

/// An inline code span of a list item, by position.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpanBinding {
    /// Beginning of its text, ending at a blank or at its end.
    pub begins: String,
    /// What it is.
    #[serde(default)]
    pub role: Role,
    /// Topologies that run it; all without.
    pub on: Option<Vec<String>>,
    /// Topologies on which it runs but cannot say anything.
    #[serde(default)]
    pub blind_on: Vec<String>,
}

/// An item of the verification list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerificationItem {
    /// Its number.
    pub item: u64,
    /// The criterion that judges it.
    pub criterion: String,
    /// A word that it has to hold, so that a moved item is not taken for another.
    pub says: String,
    /// Whether it runs as often as the claim `metrics_fetches` says.
    #[serde(default)]
    pub repeated: bool,
    /// Its code spans, all of them.
    #[serde(default)]
    pub spans: Vec<SpanBinding>,
}

/// The failure path.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureBinding {
    /// Code spans that its paragraphs may hold.
    #[serde(default)]
    pub mentions: Vec<String>,
    /// Any of these in the journal, without regard to case, is the text's incompatible state.
    pub incompatible_state: Vec<String>,
    /// One per item.
    pub items: Vec<FailureItem>,
}

/// An item of the failure list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureItem {
    /// Its number.
    pub item: u64,
    /// A word that it has to hold.
    pub says: String,
    /// Its code spans, all of them.
    #[serde(default)]
    pub spans: Vec<SpanBinding>,
}

/// Something that the postmortem wants.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostmortemItem {
    /// Its number in the list, or
    pub item: Option<u64>,
    /// its number among the paragraphs.
    pub paragraph: Option<u32>,
    /// Requirement id.
    pub id: String,
    /// A word that it has to hold.
    pub says: String,
    /// How it is met.
    pub met_by: MetBy,
    /// File in the bundle, for a command's output.
    pub file: Option<String>,
    /// Folder on the operator host, for a command.
    pub folder: Option<String>,
    /// Its code spans, all of them.
    #[serde(default)]
    pub spans: Vec<SpanBinding>,
}

/// How a postmortem item is met; see [`RequirementKind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MetBy {
    /// Both versions.
    Releases,
    /// The scenario's trigger.
    Trigger,
    /// The span with role `files`.
    Files,
    /// The span with role `capture`.
    Command,
    /// Nobody but people.
    People,
}

impl MetBy {
    /// The kind that needs nothing of the text; `None` for files and commands.
    pub fn plain(self) -> Option<RequirementKind> {
        match self {
            MetBy::Releases => Some(RequirementKind::Releases),
            MetBy::Trigger => Some(RequirementKind::Trigger),
            MetBy::People => Some(RequirementKind::People),
            MetBy::Files | MetBy::Command => None,
        }
    }
}

/// A file that the procedure's record commands leave, if the topology has any.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordFile {
    /// Requirement id.
    pub id: String,
    /// Absolute path on the operator host.
    pub file: String,
}

/// Where a claim stands: a list item or a paragraph of a section.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimPlace {
    /// Section.
    pub section: SectionKey,
    /// Number of the list item, or
    pub item: Option<u64>,
    /// of the paragraph.
    pub paragraph: Option<u32>,
    /// A word that has to stand there too.
    pub says: String,
    /// For counts: what is counted.
    pub of: Option<String>,
}

/// Where each claim stands; the fields are those of [`super::claims::Claims`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are documented in Claims")]
pub struct ClaimPlaces {
    pub ready_within: ClaimPlace,
    pub healthz_under: ClaimPlace,
    pub metrics_fetches: ClaimPlace,
    pub alert_clears_within: ClaimPlace,
    pub restart_takes: ClaimPlace,
    pub slow_burn_firing: ClaimPlace,
    pub recent_deploy: ClaimPlace,
    pub budget_spent: ClaimPlace,
    pub budget_window: ClaimPlace,
    pub journal_since: ClaimPlace,
    pub in_flight_status: ClaimPlace,
}

/// Something that the text leaves open, known from reading it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownGap {
    /// Finding rule.
    pub rule: String,
    /// Topologies; all without.
    pub on: Option<Vec<String>>,
    /// Section.
    pub section: SectionKey,
    /// Number of the list item; without it the heading's line.
    pub item: Option<u64>,
    /// For a person.
    pub message: String,
}

/// Options without which a command is a finding.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptionsWanted {
    /// Finding rule.
    pub rule: String,
    /// The command's name.
    pub command: String,
    /// Any of them satisfies.
    pub options: Vec<String>,
    /// For a person.
    pub message: String,
}

impl Binding {
    /// Reads and checks a binding.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Binding, RunbookError> {
        let text = readable(name, bytes)?;
        let binding: Binding = toml::from_str(text).map_err(|error| {
            let what = error.message().to_owned();
            let (wanted, advice) = ("a binding of schema 1", "compare scenarios/runbooks/rollback.binding.toml");
            match error.span() {
                Some(span) => RunbookError::at(name, line_of_offset(text, span.start), what, wanted, advice),
                None => RunbookError::file(name, what, wanted, advice),
            }
        })?;
        binding.check().map_err(|(what, wanted)| RunbookError::file(name, what, wanted, "mend the binding"))?;
        Ok(binding)
    }
}
