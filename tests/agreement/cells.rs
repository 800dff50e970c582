//! Which drills are compared: every case on every topology by every operator that it has an expectation for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rollback_harness::host::HostKind;
use rollback_harness::prepare::{self, Selection};
use rollback_harness::scenario::Operator;
use rollback_harness::verdict::Verdict;

use crate::containers::{selection, workspace};

/// How often each cell is drilled on containers (issue "The simulator", point 6).
pub const RUNS: usize = 5;

/// Set to `all`, every cell is compared; else those that stand for the others, see [`stands_for_others`].
pub const HOW_MANY: &str = "ROLLBACK_DRILL_FIDELITY";

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
}

impl Cell {
    /// `baseline-systemd-careful`.
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
    let mut cells = Vec::new();
    for path in prepare::files(&prepare::cases_folder(&workspace())).map_err(|error| error.to_string())? {
        let scenario = prepare::load(&path).map_err(|error| error.to_string())?;
        for (topology, operators) in &scenario.expect {
            cells.extend(operators.iter().map(|(operator, expected)| Cell {
                scenario: scenario.name.clone(),
                topology: topology.clone(),
                operator: *operator,
                verdict: expected.verdict,
                faults: scenario.faults.iter().map(|fault| fault.id.clone()).collect(),
            }));
        }
    }
    cells.sort();
    Ok(cells)
}

/// Whether a cell is one of those that stand for all others where time is short: one for each verdict, and the topologies
/// take turns, so that each has at least one.
pub fn stands_for_others(cell: &Cell, all: &[Cell]) -> bool {
    // Drills in which nothing is run take the last turn: the long ones of the others are not to move because of them.
    let mut by_verdict: BTreeMap<(bool, &str), Vec<&Cell>> = BTreeMap::new();
    for one in all {
        let verdict = (one.verdict == Verdict::NotStarted, one.verdict.as_str());
        by_verdict.entry(verdict).or_default().push(one);
    }
    let mut topologies: Vec<&str> = all.iter().map(|one| one.topology.as_str()).collect();
    topologies.sort_unstable();
    topologies.dedup();
    by_verdict.values().enumerate().any(|(turn, cells)| {
        // Whose turn it is, or the next one on which the verdict happens at all.
        let on = (0..topologies.len()).filter_map(|later| topologies.get((turn + later) % topologies.len()));
        on.filter_map(|topology| cells.iter().find(|one| one.topology == **topology)).next() == Some(&cell)
    })
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
