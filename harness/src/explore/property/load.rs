//! Property files, and refusing what could not be checked.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::{Condition, Must, Property, Relation};
use crate::explore::drills::figure_names;
use crate::explore::source::Source;
use crate::prepare::BadInput;
use crate::scenario::{CRITERIA, TOPOLOGIES};
use crate::{fault, invariants};

/// The project's own, for messages.
const LIKE: &str = "scenarios/explore/properties.toml";

/// Properties of one exploration.
const PROPERTIES_MAX: usize = 64;

/// A property's id is part of a scenario's name, which has at most 64 characters.
const ID_CHARS_MAX: usize = 36;

/// All properties of an exploration.
#[derive(Debug, Clone)]
pub struct Properties {
    /// In the order of the files.
    pub all: Vec<Property>,
    /// SHA-256 of the files' texts, lower-case hex, one behind the other.
    pub hash: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PropertyFile {
    schema: Spanned<u32>,
    #[serde(default)]
    property: Vec<Written>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: Spanned<String>,
    about: String,
    #[serde(default)]
    when: Condition,
    #[serde(default)]
    must: Option<Condition>,
    #[serde(default)]
    relation: Option<Relation>,
}

impl Properties {
    /// Reads property files; their properties are checked one and all.
    ///
    /// # Errors
    /// With file and line.
    pub fn load<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Result<Properties, BadInput> {
        let (mut all, mut hashes): (Vec<Property>, Vec<String>) = (Vec::new(), Vec::new());
        for path in paths {
            let source = Source::read(path)?;
            let file: PropertyFile = source.parse(LIKE)?;
            if *file.schema.get_ref() != 1 {
                let what = format!("schema is {}; looked for 1", file.schema.get_ref());
                return Err(source.wrong(file.schema.span().start, &what));
            }
            for written in file.property {
                let at = written.id.span().start;
                let property = checked(written).map_err(|what| source.wrong(at, &what))?;
                if all.iter().any(|known| known.id == property.id) {
                    return Err(source.wrong(at, &format!("property `{}` again; looked for another id", property.id)));
                }
                all.push(property);
            }
            hashes.push(source.sha256());
        }
        match all.len() {
            0 => Err(BadInput(format!("no property to check; compare {LIKE}"))),
            1..=PROPERTIES_MAX => Ok(Properties { all, hash: hashes.join(" ") }),
            many => Err(BadInput(format!("{many} properties, the ceiling is {PROPERTIES_MAX}"))),
        }
    }
}

fn checked(written: Written) -> Result<Property, String> {
    let Written { id, about, when, must, relation } = written;
    let id = id.into_inner();
    let word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if id.len() > ID_CHARS_MAX || !id.split('-').all(word) {
        return Err(format!("id {id:?}; looked for lower-case words with hyphens, at most {ID_CHARS_MAX} characters"));
    }
    let must = match (must, relation) {
        (Some(condition), None) => Must::Be(Box::new(condition)),
        (None, Some(relation)) => Must::Relate(relation),
        _ => return Err(format!("property `{id}`: looked for either `must` or `relation`")),
    };
    let of_must = match &must {
        Must::Be(condition) if **condition == Condition::default() => {
            return Err(format!("property `{id}`: `must` asks for nothing"));
        }
        Must::Be(condition) => Some(&**condition),
        Must::Relate(_) => None,
    };
    for condition in std::iter::once(&when).chain(of_must) {
        known(condition).map_err(|what| format!("property `{id}`: {what}"))?;
    }
    Ok(Property { id, about, when, must })
}

/// Names that there are; a misspelt one would never be met, and its property never violated.
fn known(condition: &Condition) -> Result<(), String> {
    let faults: Vec<&str> = fault::REGISTRY.iter().map(|kind| kind.id).collect();
    let invariants: Vec<&str> = invariants::REGISTRY.iter().map(|invariant| invariant.id()).collect();
    let figures: Vec<String> = condition.at_most.keys().chain(condition.at_least.keys()).cloned().collect();
    let of_report = figure_names();
    let names: Vec<&str> = of_report.iter().map(String::as_str).collect();
    for (what, given, known) in [
        ("topology", condition.topology.as_deref(), TOPOLOGIES.as_slice()),
        ("fault", condition.fault.as_deref(), &faults),
        ("faults_only", condition.faults_only.as_deref(), &faults),
        ("broken_only", condition.broken_only.as_deref(), &invariants),
        ("failing_only", condition.failing_only.as_deref(), CRITERIA.as_slice()),
        ("at_most, at_least", Some(figures.as_slice()), &names),
    ] {
        let unknown = given.into_iter().flatten().find(|id| !known.contains(&id.as_str()));
        if let Some(unknown) = unknown {
            return Err(format!("{what}: no `{unknown}`; there are {}", known.join(", ")));
        }
    }
    let twice = |ids: &[String]| ids.iter().collect::<BTreeSet<_>>().len() != ids.len();
    match condition.findings_not.as_deref() {
        Some(rules) if twice(rules) => Err("findings_not: the same rule twice".to_owned()),
        _ => Ok(()),
    }
}
