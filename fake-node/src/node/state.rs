//! The state directory: what a start makes of it, and what a change of the registry writes to it.
//!
//! Labelled: the real node does neither (node-contract.md section 6). That an unreadable snapshot ends a start is the
//! runbook's hypothetical; that functions come back is what its list of lost state leaves unsaid.

use std::collections::BTreeMap;

use crate::config::{ServeConfig, StartFailure};
use crate::log::Level;
use crate::release::{OnUnreadable, Release};
use crate::snapshot::{self, FunctionRecord, REGISTRY_FILE, SUFFIX, Snapshot};

use super::{FUNCTIONS_MAX, Node, Output};

/// Most snapshot files looked at.
pub const STATE_FILES_MAX: usize = 1024;

/// A file of the state directory, or why it could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateFile {
    /// Name without a folder. Only names that end with [`SUFFIX`] are looked at.
    pub name: String,
    /// Its bytes, or the system's reason.
    pub content: Result<Vec<u8>, String>,
}

/// What was found of the state directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateDirectory {
    /// There is none yet; the same as an empty one.
    Missing,
    /// It is there and cannot be listed; the system's reason.
    Unreadable(String),
    /// Its files, in any order.
    Files(Vec<StateFile>),
}

/// The functions that a start finds in the state directory.
pub(super) fn load(
    release: &Release,
    config: &ServeConfig,
    state: &StateDirectory,
    unix_us: i64,
    lines: &mut Vec<String>,
) -> Result<BTreeMap<String, FunctionRecord>, StartFailure> {
    let mut functions = BTreeMap::new();
    if !release.reads_state_directory() {
        return Ok(functions);
    }
    let directory = release.state.directory.as_str();
    let mut unreadable = |reason: String, file: &str| -> Result<(), StartFailure> {
        if release.state.on_unreadable == OnUnreadable::Ignore {
            return Ok(());
        }
        let (path, short) = if file.is_empty() {
            (directory.to_owned(), String::new())
        } else {
            (format!("{directory}/{file}"), format!(" ({file})"))
        };
        let message = format!("{reason} file={path}");
        lines.extend(config.log.line(unix_us, Level::Error, "tensor_wasm_core::snapshot", &message));
        let stderr = format!("Error: reading the state directory {directory}: {reason}{short}");
        Err(StartFailure { stdout: std::mem::take(lines), stderr, status: 1 })
    };
    let files = match state {
        StateDirectory::Missing => return Ok(functions),
        StateDirectory::Unreadable(reason) => {
            unreadable(reason.clone(), "")?;
            return Ok(functions);
        }
        StateDirectory::Files(files) => files,
    };
    // By name, so that the order in which a file system lists them decides nothing.
    let files: BTreeMap<&str, &Result<Vec<u8>, String>> = files
        .iter()
        .filter(|file| file.name.ends_with(SUFFIX))
        .map(|file| (file.name.as_str(), &file.content))
        .collect();
    if files.len() > STATE_FILES_MAX {
        unreadable(format!("{} snapshot files, at most {STATE_FILES_MAX}", files.len()), "")?;
    }
    for (name, content) in files.into_iter().take(STATE_FILES_MAX) {
        let read = match content {
            Ok(bytes) => snapshot::decode(bytes, &release.snapshot.reads).map_err(|error| error.to_string()),
            Err(reason) => Err(reason.clone()),
        };
        match read {
            Ok(snapshot) if release.state.functions_survive && !release.functions_lost() => {
                if functions.len() + snapshot.functions.len() > FUNCTIONS_MAX {
                    unreadable(format!("more than {FUNCTIONS_MAX} functions"), name)?;
                    continue;
                }
                functions.extend(snapshot.functions.into_iter().map(|record| (record.id.clone(), record)));
            }
            Ok(_) => {}
            Err(reason) => unreadable(reason, name)?,
        }
    }
    Ok(functions)
}

impl Node {
    /// Asks for the registry to be written, when this release keeps it. It goes to one file always; a function that came
    /// from another file and was deleted is back after a restart.
    pub(super) fn write_registry(&mut self, now: u64, outputs: &mut Vec<Output>) {
        if !self.release.state.functions_survive {
            return;
        }
        let registry = Snapshot { functions: self.functions.values().cloned().collect() };
        match snapshot::encode(self.release.snapshot.writes, &registry) {
            Ok(bytes) => outputs.push(Output::WriteState { file: REGISTRY_FILE.to_owned(), bytes }),
            Err(error) => outputs.extend(self.state_write_failed(now, REGISTRY_FILE, &error.to_string())),
        }
    }
}
