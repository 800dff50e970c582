//! Finds as scenario files: each can be drilled by itself, on any host, and is expected to end as it was seen to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::finds::{Kind, Place};
use super::space::{Script, Space};
use crate::release::sha256_hex;
use crate::run::RunError;
use crate::scenario::{Expectation, Operator, Scenario};
use crate::verdict::Verdict;

/// Below the folder of an exploration.
pub const FOUND: &str = "found";

/// How that begins.
const BEGINS: &str = "Found by explore: `";

/// What the scenario of a find says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundBy {
    /// The property's id.
    pub property: String,
    /// Of what it does not hold.
    pub subject: String,
}

impl FoundBy {
    /// In words.
    pub fn said(&self) -> String {
        format!("{BEGINS}{}` does not hold ({}).", self.property, self.subject)
    }

    /// From the beginning of a find's `about`; `None` where it is no find's.
    pub fn read(about: &str) -> Option<FoundBy> {
        FoundBy::of_rest(about.strip_prefix(BEGINS)?)
    }

    /// From the end of a case's `about`, behind the sentence with which it was accepted; `None` where it was made by hand.
    pub fn of_case(about: &str) -> Option<FoundBy> {
        FoundBy::of_rest(about.rsplit_once(BEGINS)?.1)
    }

    fn of_rest(rest: &str) -> Option<FoundBy> {
        let (property, rest) = rest.split_once("` does not hold (")?;
        let (subject, _) = rest.split_once(").")?;
        Some(FoundBy { property: property.to_owned(), subject: subject.to_owned() })
    }
}

/// The name of a find's scenario: the property's, and eight digits of what it is about.
pub fn name(kind: &Kind, place: &Place) -> String {
    let hash = sha256_hex(format!("{} {}", kind.subject, place.id).as_bytes());
    format!("{}-{}", kind.property.id, hash.get(..8).unwrap_or_default())
}

/// The scenario of a find in a space.
pub fn scenario(kind: &Kind, place: &Place, space: &Space) -> Option<Scenario> {
    let Script { topology, operator, .. } = place.script.clone();
    let (space, cell) = space.place(&place.script)?;
    let mut scenario = space.scenario(&cell)?;
    let Kind { property, subject, .. } = kind;
    scenario.name = name(kind, place);
    let found = FoundBy { property: property.id.clone(), subject: subject.clone() };
    scenario.about = format!("{} {}", found.said(), property.about);
    let ending = &place.ending;
    scenario.canary = ending.verdict == Verdict::Inconclusive;
    let expected =
        Expectation { verdict: ending.verdict, failing: ending.failing.clone(), broken: ending.broken.clone() };
    scenario.expect = BTreeMap::from([(topology, BTreeMap::from([(operator, expected)]))]);
    Some(scenario)
}

/// A find's scenario, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Property and subject.
    pub kind: String,
    /// The file.
    pub path: PathBuf,
    /// Where it is shown.
    pub topology: String,
    /// By whom.
    pub operator: Operator,
}

/// Writes the scenarios of all finds that no case pins below `out`, and says which, the smallest of each kind first; what lies
/// there from before is of another exploration and goes.
///
/// # Errors
/// Those of the file system.
pub fn store(kinds: &[Kind], space: &Space, out: &Path) -> Result<Vec<Stored>, RunError> {
    let folder = out.join(FOUND);
    let failed = |error: &dyn std::fmt::Display| RunError::Harness(format!("{}: {error}", folder.display()));
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|error| failed(&error))?;
    }
    let mut stored = Vec::new();
    for kind in kinds {
        // Causes come with the fewest faults first. One place of each comes before the second of any.
        let causes = || kind.causes.iter();
        let firsts = causes().filter_map(|cause| cause.unknown().next());
        let others = causes().flat_map(|cause| cause.unknown().skip(1));
        for place in firsts.chain(others) {
            let Some(scenario) = scenario(kind, place, space) else { continue };
            let text = toml::to_string(&scenario).map_err(|error| failed(&error))?;
            std::fs::create_dir_all(&folder).map_err(|error| failed(&error))?;
            let path = folder.join(format!("{}.toml", scenario.name));
            std::fs::write(&path, text).map_err(|error| failed(&error))?;
            let Script { topology, operator, .. } = place.script.clone();
            let of_kind = format!("{}: {}", kind.property.id, kind.subject);
            stored.push(Stored { kind: of_kind, path, topology, operator });
        }
    }
    Ok(stored)
}
