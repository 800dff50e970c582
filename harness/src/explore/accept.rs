//! Accepting a find: its scenario becomes a case, with a sentence why it matters. From then on it is drilled like any other, and
//! the next exploration lists it as known.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Exploration;
use super::drills::{Came, Drills, Site};
use super::finds;
use super::property::Property;
use super::space::{Cell, Script, Space};
use super::store::{self, FoundBy};
use crate::host::sim::Scripts;
use crate::prepare::{self, BadInput};
use crate::run::RunError;
use crate::scenario::{Expectation, Scenario};

/// A sentence is no essay.
const BECAUSE_BYTES_MAX: usize = 1000;

/// A find that is to become a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Where its scenario is.
    pub from: PathBuf,
    /// Where it goes.
    pub to: PathBuf,
    text: String,
}

/// Looks at finds and moves none. A find is given by its name, or by its file.
///
/// # Errors
/// What is no find of this space and these properties, or is none any more; a case that there is; a sentence that says nothing.
pub fn look(exploration: &Exploration, names: &[String], because: &str) -> Result<Vec<Accepted>, BadInput> {
    let because = because.trim();
    if because.is_empty() || because.len() > BECAUSE_BYTES_MAX || because.contains(char::is_control) {
        let what = format!("{} bytes of text", because.len());
        let looked_for = format!("a line of at most {BECAUSE_BYTES_MAX} bytes that says why this find matters");
        return Err(BadInput(format!("--because: {what}; looked for {looked_for}")));
    }
    let cases = prepare::cases_folder(&exploration.site.selection.workspace);
    let mut all: Vec<Accepted> = Vec::new();
    for name in names {
        let from = file(name, &exploration.out);
        let mut scenario = prepare::load(&from)?;
        let found = is_find(&scenario, exploration).map_err(|why| BadInput(format!("{}: {why}", from.display())))?;
        let to = cases.join(format!("{}.toml", scenario.name));
        if to.exists() {
            let hint = "a case of this name is there; take it away first, or leave the find";
            return Err(BadInput(format!("{}: {hint}", to.display())));
        }
        if all.iter().any(|other| other.to == to) {
            return Err(BadInput(format!("{}: named twice; looked for each find once", from.display())));
        }
        scenario.about = format!("{because} {}", found.said());
        let text = toml::to_string(&scenario).map_err(|error| BadInput(format!("{}: {error}", from.display())))?;
        all.push(Accepted { from, to, text });
    }
    Ok(all)
}

/// Moves one.
///
/// # Errors
/// Those of the file system. A case that has come to be there since is left as it is.
pub fn accept(accepted: &Accepted) -> Result<(), RunError> {
    let failed = |path: &Path, error: std::io::Error| RunError::Harness(format!("{}: {error}", path.display()));
    let (from, to) = (&accepted.from, &accepted.to);
    let mut file = std::fs::File::create_new(to).map_err(|error| failed(to, error))?;
    if let Err(error) = file.write_all(accepted.text.as_bytes()) {
        // Half a case would be one that cannot be read; the find is still where it was.
        let _ = std::fs::remove_file(to);
        return Err(failed(to, error));
    }
    std::fs::remove_file(from).map_err(|error| failed(from, error))
}

/// As scenarios are named on the command line: a name, or a file.
fn file(name: &str, out: &Path) -> PathBuf {
    let is_file = name.contains('/') || name.ends_with(".toml");
    if is_file { PathBuf::from(name) } else { out.join(store::FOUND).join(format!("{name}.toml")) }
}

/// What it was found for; else why it is no find.
fn is_find(scenario: &Scenario, exploration: &Exploration) -> Result<FoundBy, String> {
    let Exploration { site, space, properties, .. } = exploration;
    let Some(found) = FoundBy::read(&scenario.about) else {
        return Err("no find of an exploration; looked for an `about` that begins as those below found/ do".into());
    };
    let known = || properties.all.iter().map(|property| property.id.as_str()).collect::<Vec<_>>().join(", ");
    let property = properties.all.iter().find(|property| property.id == found.property);
    let property = property.ok_or_else(|| format!("no property `{}`; there are {}", found.property, known()))?;
    let one = scenario.expect.iter().flat_map(|(topology, operators)| operators.iter().map(move |by| (topology, by)));
    let [(topology, (operator, expected))] = one.collect::<Vec<_>>()[..] else {
        return Err("more than one drill is expected of it; a find is one".into());
    };
    let Some(base) = space.bases.iter().find(|base| is_of(scenario, base)) else {
        let names = space.bases.iter().map(|base| base.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(format!("made from no base of the space; there are {names}"));
    };
    let faults = scenario.faults.get(base.faults.len()..).unwrap_or_default().to_vec();
    let script = Script { base: base.name.clone(), topology: topology.clone(), operator: *operator, faults };
    let Some((space, cell)) = space.place(&script) else {
        return Err(format!("no cell of the space: {}", finds::told_of(&script)));
    };
    holds_still((property, &found), (&space, &cell), expected, site)?;
    Ok(found)
}

/// Whether a scenario is this base with faults added.
fn is_of(scenario: &Scenario, base: &Scenario) -> bool {
    let mut bare = scenario.clone();
    bare.faults.truncate(base.faults.len());
    bare.name.clone_from(&base.name);
    bare.about.clone_from(&base.about);
    (bare.canary, bare.expect) = (base.canary, base.expect.clone());
    bare == *base
}

/// Whether it ends as it says, and the property does not hold in it.
fn holds_still(
    (property, found): (&Property, &FoundBy),
    (space, cell): (&Space, &Cell),
    expected: &Expectation,
    site: &Site,
) -> Result<(), String> {
    let mut drills = Drills::new(&Arc::new(space.clone()), site, Scripts::default());
    let again = "explore again, and accept what is found then";
    let ending = match &*drills.came(cell) {
        Came::Drilled(drilled) => drilled.ending.clone(),
        Came::Refused(why) => return Err(format!("it cannot be drilled: {why}")),
    };
    let seen = Expectation { verdict: ending.verdict, failing: ending.failing, broken: ending.broken };
    if seen != *expected {
        let (seen, expected) = (finds::told_ending(&seen), finds::told_ending(expected));
        return Err(format!("it says that it comes to {expected}, and comes to {seen}; {again}"));
    }
    match property.violated(cell, &mut drills).contains(&found.subject) {
        true => Ok(()),
        false => Err(format!("`{}` holds in it ({}); {again}", property.id, found.subject)),
    }
}
