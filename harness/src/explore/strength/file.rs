//! Files of sabotage and paraphrases: a few exact edits of the runbook or its binding, and what is to come of them.

use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::super::finds::told_of;
use super::super::property::Properties;
use super::super::source::Source;
use super::super::space::Script;
use super::{Outcome, Row};
use crate::bundle::story;
use crate::prepare::BadInput;
use crate::scenario::{FaultUse, Operator};

/// For messages.
const LIKE: &str = "scenarios/sabotage/link-not-forced.toml";

/// Edits of one file.
const EDITS_MAX: usize = 20;

/// A changed document larger than this is refused; the runbook's own ceiling is far below it.
const BYTES_MAX: usize = 1 << 20;

/// What an edit changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Document {
    /// `rollback.md`.
    Runbook,
    /// `rollback.binding.toml`.
    Binding,
}

impl Document {
    /// The file's name in `scenarios/runbooks/`.
    pub fn name(self) -> &'static str {
        match self {
            Document::Runbook => "rollback.md",
            Document::Binding => "rollback.binding.toml",
        }
    }
}

/// What a file says will come of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// This is the first new find, where cells are looked through in their order.
    Shows {
        /// The property.
        property: String,
        /// Of what it does not hold.
        of: String,
        /// The smallest cell.
        script: Script,
    },
    /// The documents are refused, with these words in the reason.
    Refused(String),
    /// Sabotage that nothing is found of.
    Missed {
        /// Why.
        because: String,
    },
    /// A paraphrase: nothing new.
    Same {
        /// The topologies whose procedure is put in other words.
        topologies: Vec<String>,
    },
}

/// A changed runbook.
#[derive(Debug, Clone)]
pub struct Variation {
    /// The file's name without its ending.
    pub name: String,
    /// One sentence for a person.
    pub about: String,
    /// What is to come of it.
    pub said: Said,
    edits: Vec<Spanned<Edit>>,
    source: Source,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    #[serde(rename = "in")]
    document: Document,
    find: String,
    replace: String,
    #[serde(default = "once")]
    count: usize,
}

fn once() -> usize {
    1
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: Spanned<u32>,
    about: String,
    #[serde(default)]
    topologies: Option<Vec<String>>,
    #[serde(default)]
    refused: Option<String>,
    #[serde(default)]
    missed: Option<String>,
    edits: Vec<Spanned<Edit>>,
    #[serde(default)]
    shows: Option<Spanned<Shows>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shows {
    property: String,
    of: String,
    base: String,
    topology: String,
    operator: Operator,
    #[serde(default)]
    faults: Vec<FaultUse>,
}

impl Variation {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it, with its line.
    pub fn load(path: &Path, properties: &Properties) -> Result<Variation, BadInput> {
        let source = Source::read(path)?;
        let File { schema, about, topologies, refused, missed, edits, shows } = source.parse(LIKE)?;
        let at = schema.span().start;
        if *schema.get_ref() != 1 {
            return Err(source.wrong(at, &format!("schema is {}; looked for 1", schema.get_ref())));
        }
        if edits.is_empty() || edits.len() > EDITS_MAX {
            return Err(source.wrong(at, &format!("{} edits; looked for 1 to {EDITS_MAX}", edits.len())));
        }
        if let Some(empty) = edits.iter().find(|edit| edit.get_ref().find.is_empty() || edit.get_ref().count == 0) {
            let what = "an edit that finds nothing; looked for words that stand in the document, and a count from 1";
            return Err(source.wrong(empty.span().start, what));
        }
        let said = match (shows, refused, missed, topologies) {
            (Some(shows), None, None, None) => {
                let at = shows.span().start;
                let Shows { property, of, base, topology, operator, faults } = shows.into_inner();
                if !properties.all.iter().any(|known| known.id == property) {
                    return Err(source.wrong(at, &format!("no property `{property}`")));
                }
                Said::Shows { property, of, script: Script { base, topology, operator, faults } }
            }
            (None, Some(words), None, None) => Said::Refused(words),
            (None, None, Some(because), None) => Said::Missed { because },
            (None, None, None, Some(topologies)) => Said::Same { topologies },
            _ => {
                let what = "looked for exactly one of `shows`, `refused`, `missed` and `topologies`";
                return Err(source.wrong(at, what));
            }
        };
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Variation { name, about, said, edits, source })
    }

    /// Runbook and binding with the edits, one after the other.
    ///
    /// # Errors
    /// Words that do not stand there as often as the edit says: the document is another one by now.
    pub fn applied(&self, [runbook, binding]: &[String; 2]) -> Result<[String; 2], BadInput> {
        let (mut runbook, mut binding) = (runbook.clone(), binding.clone());
        for edit in &self.edits {
            let (at, Edit { document, find, replace, count }) = (edit.span().start, edit.get_ref());
            let text = if *document == Document::Runbook { &mut runbook } else { &mut binding };
            let there = text.matches(find.as_str()).count();
            if there != *count {
                let (name, first) = (document.name(), story::one_line(find));
                let what = format!(
                    "`{first}` stands {there} times in {name}; looked for {count}: where the document has changed, \
                     change the edit"
                );
                return Err(self.source.wrong(at, &what));
            }
            *text = text.replace(find.as_str(), replace);
            if text.len() > BYTES_MAX {
                return Err(self.source.wrong(at, &format!("the document becomes longer than {BYTES_MAX} bytes")));
            }
        }
        Ok([runbook, binding])
    }

    /// What came otherwise than the file says.
    pub fn differs(&self, row: &Row) -> Option<String> {
        let conforms = match (&self.said, &row.outcome) {
            (Said::Shows { property, of, script }, Outcome::Found { property: other, of: what, script: at }) => {
                (property, of, script) == (other, what, at)
            }
            (Said::Refused(words), Outcome::Refused(why)) => why.contains(words.as_str()),
            (Said::Missed { .. } | Said::Same { .. }, Outcome::Nothing) => row.incomplete.is_none(),
            _ => false,
        };
        let said = match &self.said {
            Said::Shows { property, of, script } => format!("{property}: {of}, {}", told_of(script)),
            Said::Refused(words) => format!("a refusal with `{words}`"),
            Said::Missed { .. } => "nothing, in cells that can all be drilled".to_owned(),
            Said::Same { .. } => "nothing new, in cells that can all be drilled".to_owned(),
        };
        (!conforms).then_some(said)
    }
}
