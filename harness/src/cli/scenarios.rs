//! `scenarios list|show|check|table`.

use std::path::{Path, PathBuf};

use super::Failure;
use super::args::Scenarios;
use crate::bundle::story;
use crate::exit::ExitStatus;
use crate::prepare;
use crate::report::Output;
use crate::scenario::Scenario;

mod table;

pub(super) fn carry_out(command: &Scenarios, workspace: &Path, output: &mut Output<'_>) -> Result<ExitStatus, Failure> {
    match command {
        Scenarios::List => list(workspace, output),
        Scenarios::Show { name } => show(name, workspace, output),
        Scenarios::Check { files } => check(files, workspace, output),
        Scenarios::Table { format } => table::print(*format, workspace, output),
    }
}

/// All scenarios that can be used. One that cannot is told on stderr and makes the status 64: one bad file does not hide
/// the others.
fn all(workspace: &Path, output: &mut Output<'_>) -> Result<(Vec<Scenario>, ExitStatus), Failure> {
    let paths = prepare::files(&prepare::cases_folder(workspace)).map_err(|error| Failure::Usage(error.to_string()))?;
    let (mut scenarios, mut status) = (Vec::new(), ExitStatus::Conforms);
    for path in &paths {
        match prepare::load(path) {
            Ok(scenario) => scenarios.push(scenario),
            Err(error) => {
                status = ExitStatus::Usage;
                writeln!(output.log, "rollback-drill: {error}")?;
            }
        }
    }
    Ok((scenarios, status))
}

fn list(workspace: &Path, output: &mut Output<'_>) -> Result<ExitStatus, Failure> {
    let (scenarios, status) = all(workspace, output)?;
    let width = scenarios.iter().map(|scenario| scenario.name.len()).max().unwrap_or_default();
    for scenario in scenarios {
        let topologies: Vec<&str> = scenario.expect.keys().map(String::as_str).collect();
        let about = story::printable(&scenario.about.split_whitespace().collect::<Vec<_>>().join(" "));
        writeln!(output.out, "{:width$}  [{}] {about}", scenario.name, topologies.join(", "))?;
    }
    Ok(status)
}

/// The file's own text, comments and all, once it is known to be a scenario.
fn show(name: &str, workspace: &Path, output: &mut Output<'_>) -> Result<ExitStatus, Failure> {
    let usage = |error: &dyn std::fmt::Display| Failure::Usage(error.to_string());
    let is_file = name.contains('/') || name.ends_with(".toml");
    let path =
        if is_file { PathBuf::from(name) } else { prepare::cases_folder(workspace).join(format!("{name}.toml")) };
    if !is_file && !path.is_file() {
        let known = prepare::files(&prepare::cases_folder(workspace)).map_err(|error| usage(&error))?;
        let known: Vec<String> = known.iter().map(|path| stem(path)).collect();
        return Err(Failure::Usage(format!("no scenario `{name}`; there are {}", known.join(", "))));
    }
    // Loading it first also bounds its size.
    prepare::load(&path).map_err(|error| usage(&error))?;
    let text = std::fs::read_to_string(&path).map_err(|error| usage(&error))?;
    writeln!(output.out, "# {}\n{}", path.display(), text.trim_end())?;
    Ok(ExitStatus::Conforms)
}

fn check(files: &[PathBuf], workspace: &Path, output: &mut Output<'_>) -> Result<ExitStatus, Failure> {
    let mut status = ExitStatus::Conforms;
    for path in files {
        match prepare::check(path, workspace) {
            Ok(()) => writeln!(output.out, "{}: can be drilled", path.display())?,
            Err(error) => {
                status = ExitStatus::Usage;
                writeln!(output.log, "rollback-drill: {error}")?;
            }
        }
    }
    Ok(status)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
