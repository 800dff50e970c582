//! Property files, and refusing what could not be checked.

use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::{Condition, Must, Property, Relation, check};
use crate::explore::source::Source;
use crate::explore::space::Space;
use crate::findings;
use crate::prepare::BadInput;
use crate::runbook::Runbook;

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
                let property = checked(written, source.place(at)).map_err(|what| source.wrong(at, &what))?;
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

    /// Whether they are of this space and this runbook: a base that is not in it, or a rule that cannot find anything, would never
    /// be met.
    ///
    /// # Errors
    /// With the file and the line of the property.
    pub fn fit(&self, space: &Space, runbook: &Runbook) -> Result<(), BadInput> {
        let bases: Vec<&str> = space.bases.iter().map(|base| base.name.as_str()).collect();
        let rules: Vec<&str> = findings::rules(runbook).into_iter().collect();
        for property in &self.all {
            for condition in property.conditions() {
                for (key, given, known, of) in [
                    ("base", &condition.base, &bases, "in the space"),
                    ("findings_not", &condition.findings_not, &rules, "among the rules"),
                ] {
                    let Some(unknown) = given.iter().flatten().find(|name| !known.contains(&name.as_str())) else {
                        continue;
                    };
                    let (place, id, known) = (&property.place, &property.id, known.join(", "));
                    let what = format!("{place}: property `{id}`: {key}: no `{unknown}` {of}; there are {known}");
                    return Err(BadInput(what));
                }
            }
        }
        Ok(())
    }
}

fn checked(written: Written, place: String) -> Result<Property, String> {
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
    let property = Property { id, about, when, must, place };
    let all_is_meant = || -> Result<(), String> {
        if let Must::Be(must) = &property.must {
            if **must == Condition::default() {
                return Err("`must` asks for nothing".to_owned());
            }
            check::is_of_endings(must)?;
        }
        property.conditions().try_for_each(check::check)
    };
    all_is_meant().map_err(|what| format!("property `{}`: {what}", property.id))?;
    Ok(property)
}
