//! What comparisons leave: one JSON file for each cell and probe below `target/fidelity/`, which go into the record.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::cells::Cell;
use super::compare::Agreement;
use crate::probing::compare::ProbeResult;

/// Where the files of cells lie, below the workspace.
const CELLS: &str = "target/fidelity/cells";
/// Where the files of probes lie.
pub const PROBES: &str = "target/fidelity/probes";

/// What the comparison of one cell came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellAccount {
    /// `procedure-only-systemd-careful`.
    pub cell: String,
    /// [`Cell::decided_by`].
    pub decided_by: String,
    /// Each container drill's verdict.
    pub containers: Vec<String>,
    /// The simulator's.
    pub simulator: String,
    /// The comparison.
    pub agreement: Agreement,
}

impl CellAccount {
    /// Of one cell.
    pub fn new(cell: &Cell, containers: Vec<String>, simulator: String, agreement: Agreement) -> CellAccount {
        CellAccount { cell: cell.name(), decided_by: cell.decided_by.clone(), containers, simulator, agreement }
    }

    /// Its file, below the workspace.
    pub fn file(&self) -> String {
        format!("{CELLS}/{}.json", self.cell)
    }

    /// Writes its file, in place of an older one.
    ///
    /// # Errors
    /// The file that cannot be written, and why.
    pub fn write(&self, workspace: &Path) -> Result<(), String> {
        let path = workspace.join(self.file());
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        std::fs::create_dir_all(workspace.join(CELLS))
            .and_then(|()| std::fs::write(&path, text))
            .map_err(|error| format!("{}: {error}", path.display()))
    }
}

/// What comparisons left.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    /// Of drills.
    pub cells: Vec<CellAccount>,
    /// Of probes and generated scripts.
    pub probes: Vec<ProbeResult>,
}

/// All files of cells and probes; none where nothing was compared.
///
/// # Errors
/// A file that cannot be read, with its place.
pub fn read(workspace: &Path) -> Result<Accounts, String> {
    Ok(Accounts { cells: read_all(&workspace.join(CELLS))?, probes: read_all(&workspace.join(PROBES))? })
}

fn read_all<T: DeserializeOwned>(folder: &Path) -> Result<Vec<T>, String> {
    let listed = match std::fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("{}: {error}", folder.display())),
    };
    let mut paths: Vec<PathBuf> = listed.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().map(|path| read_one(path)).collect()
}

fn read_one<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let wrong = |error: String| format!("{}: {error}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
}
