//! `simulator/calibration.toml`: read as figures by key, and written whole, its comments from the methods.

use std::collections::BTreeMap;
use std::path::Path;

use super::{METHODS, SECTIONS};
use crate::run::RunError;

/// The file, below the workspace.
pub const FILE: &str = "simulator/calibration.toml";
/// How the file begins.
const HEAD: &str = "\
# Durations on an operator host (Docker Engine 20.10, 2 cores), microseconds. `cargo run --release --example calibrate
# -p rollback-harness` measures them again and writes this file, whole or the figures that are named: what stands beside
# each, the median of many, less what else is in it (harness/src/calibrate/). No case has a part in it.
";

/// Figures by `section.name`, microseconds.
pub type Figures = BTreeMap<String, u64>;

/// The figures of the file's text.
///
/// # Errors
/// What of it is no table of whole numbers.
pub fn read(text: &str) -> Result<Figures, String> {
    let table: BTreeMap<String, BTreeMap<String, u64>> =
        toml::from_str(text).map_err(|error| format!("{FILE}: {error}"))?;
    let of = |(section, figures): (String, BTreeMap<String, u64>)| {
        figures.into_iter().map(move |(name, us)| (format!("{section}.{name}"), us))
    };
    Ok(table.into_iter().flat_map(of).collect())
}

/// The text of a workspace's file.
///
/// # Errors
/// It cannot be read.
pub fn text(workspace: &Path) -> Result<String, RunError> {
    let path = workspace.join(FILE);
    std::fs::read_to_string(&path).map_err(|error| RunError::Harness(format!("{}: {error}", path.display())))
}

/// The whole file.
///
/// # Errors
/// A method without a figure.
pub fn render(figures: &Figures) -> Result<String, String> {
    let mut text = HEAD.to_owned();
    for (section, about) in SECTIONS {
        text.push_str(&format!("\n# {about}\n[{section}]\n"));
        for method in METHODS {
            let Some(name) = method.key.strip_prefix(section).and_then(|rest| rest.strip_prefix('.')) else { continue };
            let us = figures.get(method.key).ok_or_else(|| format!("{}: no figure", method.key))?;
            text.push_str(&format!("# {}\n{name} = {us}\n", method.how));
        }
    }
    Ok(text)
}
