//! The scenarios that were asked for, each with where it came from.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::{ALL, BadInput, Selection};
use crate::scenario::{self, CRITERIA, Known, SCENARIO_BYTES_MAX, STDIN, Scenario, TOPOLOGIES};
use crate::{fault, invariants};

/// A scenario with its origin.
#[derive(Debug, Clone)]
pub(super) struct Given {
    /// As its text says it.
    pub(super) scenario: Scenario,
    /// For messages.
    pub(super) file: String,
    /// For a command line that asks for it again: a name, a path, or `-`.
    pub(super) named: String,
}

/// Where the scenario files of a workspace are.
pub fn cases_folder(workspace: &Path) -> PathBuf {
    workspace.join("scenarios").join("cases")
}

/// Reads scenarios; a bad one refuses all.
pub(super) fn scenarios(selection: &Selection) -> Result<Vec<Given>, BadInput> {
    let cases = cases_folder(&selection.workspace);
    let mut found = Vec::new();
    for wanted in &selection.scenarios {
        if wanted == ALL {
            for path in files(&cases)? {
                found.push(by_name(&path)?);
            }
        } else if wanted == STDIN {
            let mut bytes = Vec::new();
            std::io::stdin()
                .take(SCENARIO_BYTES_MAX as u64 + 1)
                .read_to_end(&mut bytes)
                .map_err(|error| BadInput(format!("stdin: {error}")))?;
            let scenario = checked("stdin", parse("stdin", &bytes)?)?;
            found.push(Given { scenario, file: "stdin".to_owned(), named: STDIN.to_owned() });
        } else if wanted.contains('/') || wanted.ends_with(".toml") {
            found.push(Given { scenario: load(Path::new(wanted))?, file: wanted.clone(), named: wanted.clone() });
        } else {
            let path = cases.join(format!("{wanted}.toml"));
            if !path.is_file() {
                let known: Vec<String> = files(&cases)?
                    .iter()
                    .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
                    .collect();
                return Err(BadInput(format!("no scenario `{wanted}`; there are {}", known.join(", "))));
            }
            found.push(by_name(&path)?);
        }
    }
    Ok(found)
}

/// One of the project's, whose file is called as it is.
fn by_name(path: &Path) -> Result<Given, BadInput> {
    let scenario = load(path)?;
    Ok(Given { named: scenario.name.clone(), scenario, file: path.display().to_string() })
}

/// Scenario files of a folder, in order of name.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>, BadInput> {
    let listed = std::fs::read_dir(folder).map_err(|error| BadInput(format!("{}: {error}", folder.display())))?;
    let mut paths: Vec<PathBuf> = listed
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    paths.sort();
    Ok(paths)
}

/// Loads one scenario file and checks its faults.
pub fn load(path: &Path) -> Result<Scenario, BadInput> {
    with_known(|known| scenario::load(path, known).map_err(|error| BadInput(error.to_string())))
        .and_then(|scenario| checked(&path.display().to_string(), scenario))
}

fn parse(name: &str, bytes: &[u8]) -> Result<Scenario, BadInput> {
    with_known(|known| scenario::parse(name, None, bytes, known).map_err(|error| BadInput(error.to_string())))
}

fn with_known<T>(use_them: impl FnOnce(&Known<'_>) -> T) -> T {
    let invariants: Vec<&str> = invariants::REGISTRY.iter().map(|one| one.id()).collect();
    use_them(&Known { topologies: &TOPOLOGIES, criteria: &CRITERIA, invariants: &invariants })
}

fn checked(file: &str, mut scenario: Scenario) -> Result<Scenario, BadInput> {
    for used in &mut scenario.faults {
        *used = fault::check(used).map_err(|error| BadInput(format!("{file}: faults: {error}")))?;
    }
    Ok(scenario)
}
