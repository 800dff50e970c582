//! Which drills are compared: every case on every topology by every operator that it has an expectation for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rollback_harness::host::HostKind;
use rollback_harness::prepare::{self, Selection};
use rollback_harness::release::sha256_hex;
use rollback_harness::scenario::Operator;
use rollback_harness::verdict::Verdict;

use crate::containers::{selection, workspace};

/// How often each cell is drilled on containers (issue "The simulator", point 6).
pub const RUNS: usize = 5;

/// Which cells are compared, and in what: see [`HowMany`].
pub const HOW_MANY: &str = "ROLLBACK_DRILL_FIDELITY";

/// What [`HOW_MANY`] asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HowMany {
    /// It is not set: cells that [`stand_for_others`].
    Standing,
    /// `facts`: every cell, on a machine that is not the calibration's or has other work. Its durations are not recorded.
    Facts,
    /// `all`: every cell, and durations to the bound.
    All,
}

impl HowMany {
    /// Of the variable's value.
    ///
    /// # Errors
    /// A value that it does not know.
    pub fn of(value: Option<&str>) -> Result<HowMany, String> {
        match value {
            None => Ok(HowMany::Standing),
            Some("facts") => Ok(HowMany::Facts),
            Some("all") => Ok(HowMany::All),
            Some(other) => Err(format!("{HOW_MANY}={other}: looked for `all` or `facts`")),
        }
    }
}

/// Set to a folder, bundles of container drills that lie below it are compared, and nothing is drilled on containers: for
/// comparing again after the simulator was changed.
pub const BUNDLES: &str = "ROLLBACK_DRILL_FIDELITY_BUNDLES";

/// One drill of the comparison.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// The scenario's name.
    pub scenario: String,
    /// The topology's id.
    pub topology: String,
    /// Who is at the keyboard.
    pub operator: Operator,
    /// How it is expected to end.
    pub verdict: Verdict,
    /// What is wrong: ids of the declared faults.
    pub faults: Vec<String>,
    /// Of what its files say, see [`decided_by`].
    pub decided_by: String,
}

impl Cell {
    /// `procedure-only-systemd-careful`.
    pub fn name(&self) -> String {
        format!("{}-{}-{}", self.scenario, self.topology, self.operator.as_str())
    }

    /// What to ask the harness for.
    pub fn selection(&self, host: HostKind, seed: u64, out: &Path) -> Selection {
        Selection { host, seed, ..selection(&self.scenario, &self.topology, self.operator, out) }
    }
}

/// All cells, by name.
///
/// # Errors
/// A scenario file that cannot be read.
pub fn all() -> Result<Vec<Cell>, String> {
    let workspace = workspace();
    let mut cells = Vec::new();
    for path in prepare::files(&prepare::cases_folder(&workspace)).map_err(|error| error.to_string())? {
        let scenario = prepare::load(&path).map_err(|error| error.to_string())?;
        let case = table(&path)?;
        let seen = scenario.seen.as_ref().map(|seen| table(&workspace.join(format!("scenarios/decide/{seen}.toml"))));
        let seen = seen.transpose()?;
        for (topology, operators) in &scenario.expect {
            cells.extend(operators.iter().map(|(operator, expected)| Cell {
                scenario: scenario.name.clone(),
                topology: topology.clone(),
                operator: *operator,
                verdict: expected.verdict,
                faults: scenario.faults.iter().map(|fault| fault.id.clone()).collect(),
                decided_by: decided_by(&case, seen.as_ref(), topology, *operator),
            }));
        }
    }
    cells.sort();
    Ok(cells)
}

fn table(path: &Path) -> Result<toml::Table, String> {
    let wrong = |error: String| format!("{}: {error}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    toml::from_str(&text).map_err(|error| wrong(error.to_string()))
}

/// SHA-256, in hex, of what a scenario's file says of one cell: all values but `about` and what is expected of other cells,
/// with the values of the file that `seen` names. Comments, the order of keys and the harness's code are no part of it.
pub fn decided_by(case: &toml::Table, seen: Option<&toml::Table>, topology: &str, operator: Operator) -> String {
    let expected = case.get("expect").and_then(|expect| expect.get(topology)?.get(operator.as_str()));
    let values = case.iter().filter(|(key, _)| !matches!(key.as_str(), "about" | "expect" | "prerequisites"));
    let mut values: BTreeMap<String, serde_json::Value> =
        values.map(|(key, value)| (key.clone(), plain(value))).collect();
    // Before scenarios could ask for them they were assumed; what says so is the same drill as what said nothing then.
    let prerequisites = case.get("prerequisites").and_then(toml::Value::as_str).unwrap_or("confirmed");
    if prerequisites != "assumed" {
        values.insert("prerequisites".to_owned(), prerequisites.into());
    }
    let decides = serde_json::json!({
        "case": values,
        "expected": expected.map(plain),
        "operator": operator.as_str(),
        "seen": seen.map(|seen| plain(&toml::Value::Table(seen.clone()))),
        "topology": topology,
    });
    sha256_hex(decides.to_string().as_bytes())
}

/// A value as JSON; a moment as its text.
fn plain(value: &toml::Value) -> serde_json::Value {
    match value {
        toml::Value::Table(table) => table.iter().map(|(key, value)| (key.clone(), plain(value))).collect(),
        toml::Value::Array(items) => items.iter().map(plain).collect(),
        toml::Value::Datetime(moment) => moment.to_string().into(),
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(holds) => (*holds).into(),
    }
}

/// Cells that stand for all others where time is short: one for each topology, each of another verdict. Rare verdicts choose
/// before frequent ones, by how many cells end so and then by name; a verdict takes, of the topologies that are left and on
/// which it happens, the last by name (systemd boots fastest), and there the first cell by name. Drills in which nothing is
/// run choose last.
///
/// The other cells are held to machines all the same: single drills of them leave exact snapshots, on containers and in the
/// simulator. Five drills of a cell tell what varies from what is so, and within what durations lie.
pub fn stand_for_others(all: &[Cell]) -> Vec<&Cell> {
    let mut by_verdict: BTreeMap<&str, Vec<&Cell>> = BTreeMap::new();
    for one in all {
        by_verdict.entry(one.verdict.as_str()).or_default().push(one);
    }
    let mut verdicts: Vec<(&str, Vec<&Cell>)> = by_verdict.into_iter().collect();
    verdicts.sort_by_key(|(verdict, cells)| (*verdict == Verdict::NotStarted.as_str(), cells.len()));
    let mut left: BTreeSet<&str> = all.iter().map(|one| one.topology.as_str()).collect();
    let mut chosen = Vec::new();
    for (_, cells) in verdicts {
        let of_last = |topology: &&str| cells.iter().filter(|one| one.topology == **topology).min().copied();
        if let Some(cell) = left.iter().rev().find_map(of_last) {
            left.remove(cell.topology.as_str());
            chosen.push(cell);
        }
    }
    chosen
}

/// Bundles of container drills of this cell somewhere below a folder, in the order of their paths; at most [`RUNS`].
pub fn bundles_below(folder: &Path, cell: &Cell) -> Vec<PathBuf> {
    let begin = format!("{}-container-", cell.name());
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(&begin) {
                found.push(path);
            } else if path.is_dir() && !name.contains("-container-") {
                folders.push(path);
            }
        }
    }
    found.sort();
    found.truncate(RUNS);
    found
}
