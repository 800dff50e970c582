//! The record of the comparison, `record.toml`: of each cell and of each machine's probes what the account tells of them.
//! `docs/fidelity.md` is rendered of it alone. So a case that is added or changed is drilled and the others are left as they
//! were measured; `.ci/fidelity` without a name drills all.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::account::Accounts;
use super::cells::{Cell, RUNS};
use super::compare::Difference;
use super::gaps::Gap;
use super::observe::Kind;
use super::row::{Before, Row};
use crate::probing::compare::ProbeResult;
use crate::probing::probe::{self, Probe};
use crate::probing::scripts;

/// Where the record lies, below the workspace.
pub const RECORD: &str = "tests/agreement/record.toml";
/// Longer lines of it are folded.
const LINE_CHARS: usize = 120;

/// All that was measured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Scenarios of which not all cells were drilled yet: the account names them. Single drills of them leave exact snapshots,
    /// on containers and in the simulator.
    #[serde(default)]
    pub not_drilled: BTreeSet<String>,
    /// Counts by kind of cells whose rows have none of their own.
    #[serde(default)]
    pub before: Option<Before>,
    /// Probes by machine; [`scripts::NAME`] is one of them. They are compared all together, and replaced so.
    #[serde(default)]
    pub probes: BTreeMap<String, Machine>,
    /// Cells by name.
    #[serde(default)]
    pub cell: BTreeMap<String, Row>,
}

/// Probes on one machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Cells that differ, all of them known gaps.
    pub differ: u64,
    /// Outputs that were compared.
    pub outputs: u64,
    /// The probes' names.
    pub probes: BTreeSet<String>,
    /// Cells of the state afterwards that were compared.
    pub state: u64,
    /// Statuses that were compared.
    pub statuses: u64,
}

/// What has to be told of, and is known.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// All cells.
    pub cells: &'a [Cell],
    /// Known differences in drills.
    pub gaps: &'a [Gap],
    /// All probes.
    pub probes: &'a [Probe],
    /// Known differences in probes.
    pub probe_gaps: &'a [probe::Gap],
}

/// How to drill a cell again.
fn again(scenario: &str) -> String {
    format!("drill this cell again: .ci/fidelity {scenario}")
}

impl Record {
    /// The workspace's.
    ///
    /// # Errors
    /// The file cannot be read, or is not as it has to be.
    pub fn read(workspace: &Path) -> Result<Record, String> {
        let place = Record::place(workspace);
        let text = std::fs::read_to_string(&place).map_err(|error| format!("{}: {error}", place.display()))?;
        Record::parse(&text)
    }

    /// Its file.
    pub fn place(workspace: &Path) -> PathBuf {
        workspace.join(RECORD)
    }

    /// Of the file's text.
    ///
    /// # Errors
    /// What is wrong in it: no TOML, an unknown key, numbers that do not add up.
    pub fn parse(text: &str) -> Result<Record, String> {
        let record: Record = toml::from_str(text).map_err(|error| format!("{RECORD}: {error}"))?;
        for (name, row) in &record.cell {
            if let Some(what) = row.wrong(record.before.is_some()) {
                return Err(format!("{RECORD}: cell {name}: {what}"));
            }
        }
        let carried = record.cell.values().filter(|row| row.counts.is_none()).count() as u64;
        match &record.before {
            Some(before) if before.cells < carried => {
                Err(format!("{RECORD}: [before] is of {} cells, and {carried} rows have no `counts`", before.cells))
            }
            _ => Ok(record),
        }
    }

    /// The file's text.
    ///
    /// # Errors
    /// It cannot be written as TOML, in the writer's words.
    pub fn text(&self) -> Result<String, String> {
        let kinds = Kind::ALL.map(Kind::word).join(", ");
        let mut text = format!(
            "# What the simulator and real machines came to when they were compared; docs/fidelity.md is rendered of it.\n\
             # Written by `.ci/fidelity`, not by hand; the fields are explained in record.rs. Counts by kind are in this order:\n\
             # {kinds}.\n"
        );
        if !self.not_drilled.is_empty() {
            text.push_str("\nnot_drilled = [\n");
            self.not_drilled.iter().for_each(|scenario| text.push_str(&format!("  \"{scenario}\",\n")));
            text.push_str("]\n");
        }
        if let Some(before) = &self.before {
            table(&mut text, "before", before)?;
        }
        for (name, machine) in &self.probes {
            table(&mut text, &format!("probes.{name}"), machine)?;
        }
        for (name, row) in &self.cell {
            table(&mut text, &format!("cell.{name}"), row)?;
        }
        Ok(text)
    }

    /// Puts what was compared now in the place of what was, and drops cells that are no more.
    ///
    /// # Errors
    /// A result of another number of drills, of a scenario that has changed since, or of nothing that there is; a part of
    /// the probes.
    pub fn merge(&mut self, wanted: Wanted<'_>, measured: &Accounts) -> Result<(), String> {
        let cells: BTreeMap<String, &Cell> = wanted.cells.iter().map(|cell| (cell.name(), cell)).collect();
        for account in &measured.cells {
            let name = &account.cell;
            let Some(cell) = cells.get(name) else {
                return Err(format!("{} is of no case that there is; remove it", account.file()));
            };
            if account.containers.len() != RUNS {
                return Err(format!("{name} was drilled {} times, wanted {RUNS}", account.containers.len()));
            }
            if account.decided_by != cell.decided_by {
                let again = again(&cell.scenario);
                return Err(format!("{} is of its scenario before a change; {again}", account.file()));
            }
            self.cell.insert(name.clone(), Row::of(account));
        }
        self.cell.retain(|name, _| cells.contains_key(name));
        let left = |scenario: &String| self.lacks(wanted.cells, scenario);
        self.not_drilled = self.not_drilled.iter().filter(|scenario| left(scenario)).cloned().collect();
        if self.cell.values().all(|row| row.counts.is_some()) {
            self.before = None;
        }
        if !measured.probes.is_empty() {
            self.probes = machines(&measured.probes);
            check_probes(wanted, &self.probes)?;
            if let Some((result, difference)) = unknown(&measured.probes) {
                return Err(format!("probe {result}: {difference} differs"));
            }
        }
        Ok(())
    }

    /// Whether there are cells of a scenario that it has no row of.
    fn lacks(&self, cells: &[Cell], scenario: &str) -> bool {
        cells.iter().any(|cell| cell.scenario == scenario && !self.cell.contains_key(&cell.name()))
    }

    /// Whether it is of all that there is, of nothing else, and hides nothing.
    ///
    /// # Errors
    /// Cells or probes that were not compared, or changed since, or are no more; a gap that explains nothing; a difference
    /// that no gap explains. With what to do.
    pub fn check(&self, wanted: Wanted<'_>) -> Result<(), String> {
        for cell in wanted.cells {
            let name = cell.name();
            let again = again(&cell.scenario);
            let Some(row) = self.cell.get(&name) else {
                if self.not_drilled.contains(&cell.scenario) {
                    continue;
                }
                return Err(format!("{name} was not compared; {again}"));
            };
            if row.decided_by != cell.decided_by {
                return Err(format!("{name}: its scenario is another than was drilled; {again}"));
            }
            let unexplained = |one: &Difference| !wanted.gaps.iter().any(|gap| gap.explains(&name, one));
            if let Some(difference) = row.different().find(unexplained) {
                return Err(format!("{name}: {} `{}` differs; {again}", difference.kind.word(), difference.name));
            }
            for (time, ms) in &row.outside {
                let beyond_us = ms.saturating_mul(1000);
                if !wanted.gaps.iter().any(|gap| gap.explains_beyond(&name, time, beyond_us)) {
                    return Err(format!("{name}: the time `{time}` lies outside, by up to {ms} ms; {again}"));
                }
            }
        }
        if let Some(scenario) = self.not_drilled.iter().find(|scenario| !self.lacks(wanted.cells, scenario)) {
            return Err(format!("{RECORD}: not_drilled has {scenario}, which has no cell that was not drilled"));
        }
        let names: BTreeSet<String> = wanted.cells.iter().map(Cell::name).collect();
        if let Some(name) = self.cell.keys().find(|name| !names.contains(*name)) {
            return Err(format!(
                "{RECORD} has {name}, which is no cell any more; it goes with \
                 `cargo run -p conformance --example fidelity-account`"
            ));
        }
        if let Some(gap) = wanted.gaps.iter().find(|gap| self.explained(gap).is_empty()) {
            return Err(format!("gap `{}` explains nothing any more; take it out of gaps.toml", gap.id));
        }
        check_probes(wanted, &self.probes)
    }

    /// Cells in which a gap shows.
    pub fn explained(&self, gap: &Gap) -> Vec<&str> {
        self.cell.iter().filter(|(name, row)| row.shows(name, gap)).map(|(name, _)| name.as_str()).collect()
    }
}

/// Sums of probes by machine.
fn machines(results: &[ProbeResult]) -> BTreeMap<String, Machine> {
    let mut machines: BTreeMap<String, Machine> = BTreeMap::new();
    for result in results {
        let name = if result.probe == scripts::NAME { scripts::NAME } else { result.topology.as_str() };
        let machine = machines.entry(name.to_owned()).or_default();
        machine.probes.insert(result.probe.clone());
        machine.differ += result.differences.len() as u64;
        machine.statuses += result.compared.statuses as u64;
        machine.outputs += result.compared.outputs as u64;
        machine.state += result.compared.state as u64;
    }
    machines
}

/// The first difference that is no known gap, with its probe.
fn unknown(results: &[ProbeResult]) -> Option<(&str, &str)> {
    let all = results.iter().flat_map(|result| result.differences.iter().map(|one| (result.probe.as_str(), one)));
    all.filter(|(_, one)| one.gap.is_none()).map(|(probe, one)| (probe, one.cell.as_str())).next()
}

fn check_probes(wanted: Wanted<'_>, machines: &BTreeMap<String, Machine>) -> Result<(), String> {
    let again = "compare all of them again: .ci/fidelity probes";
    let there: BTreeSet<(&str, &str)> = machines
        .iter()
        .flat_map(|(on, machine)| machine.probes.iter().map(|name| (on.as_str(), name.as_str())))
        .collect();
    let probes = wanted.probes.iter().map(|probe| (probe.topology.as_str(), probe.name.as_str()));
    let names: BTreeSet<(&str, &str)> = probes.chain([(scripts::NAME, scripts::NAME)]).collect();
    if let Some((on, name)) = names.difference(&there).next() {
        return Err(format!("probe {name} was not compared on {on}; {again}"));
    }
    if let Some((on, name)) = there.difference(&names).next() {
        return Err(format!("probe {name} on {on} is none that there is; {again}"));
    }
    for (on, machine) in machines {
        let of = wanted.probe_gaps.iter().filter(|gap| machine.probes.contains(&gap.probe));
        let known: usize = of.map(|gap| gap.cells.len()).sum();
        if machine.differ != known as u64 {
            return Err(format!("probes on {on}: {} cells differ, and gaps name {known}; {again}", machine.differ));
        }
    }
    Ok(())
}

/// Writes a table; what is too long for a line is folded.
fn table(text: &mut String, title: &str, of: &impl Serialize) -> Result<(), String> {
    let table = toml::Table::try_from(of).map_err(|error| format!("{RECORD}: {title}: {error}"))?;
    // Writing to a String does not fail.
    let _ = writeln!(text, "\n[{title}]");
    let mut below = Vec::new();
    for (key, value) in table {
        let line = format!("{key} = {value}");
        match value {
            toml::Value::Table(_) if line.chars().count() > LINE_CHARS => below.push((key, value)),
            toml::Value::Array(items) if line.chars().count() > LINE_CHARS => {
                let items: String = items.iter().map(|item| format!("  {item},\n")).collect();
                let _ = writeln!(text, "{key} = [\n{items}]");
            }
            _ => {
                let _ = writeln!(text, "{line}");
            }
        }
    }
    below.into_iter().try_for_each(|(key, value)| self::table(text, &format!("{title}.{key}"), &value))
}
