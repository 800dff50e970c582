//! The account of a comparison: one JSON file for each cell and probe below `target/fidelity/`, and `docs/fidelity.md` made
//! of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use rollback_harness::verdict::Verdict;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::cells::{Cell, RUNS};
use super::compare::{Agreement, TOLERANCE_US};
use super::gaps::{self, Gap};
use super::observe::Kind;
use crate::probing::compare::ProbeResult;
use crate::probing::probe::{self, Probe};

/// Where the files of cells lie, below the workspace.
const CELLS: &str = "target/fidelity/cells";
/// Where the files of probes lie.
const PROBES: &str = "target/fidelity/probes";
/// The result that is no probe's: of all generated scripts together.
const SCRIPTS: &str = "generated-scripts";

/// What the comparison of one cell came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellAccount {
    /// `baseline-systemd-careful`.
    pub cell: String,
    /// Declared faults.
    pub faults: Vec<String>,
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
        CellAccount { cell: cell.name(), faults: cell.faults.clone(), containers, simulator, agreement }
    }

    /// Writes its file, in place of an older one.
    ///
    /// # Errors
    /// The file that cannot be written, and why.
    pub fn write(&self, workspace: &Path) -> Result<(), String> {
        let folder = workspace.join(CELLS);
        let path = folder.join(format!("{}.json", self.cell));
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(&path, text))
            .map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Whether every container drill and the simulator end the same way.
    fn ends_alike(&self) -> bool {
        self.containers.iter().all(|verdict| *verdict == self.simulator)
    }

    /// Compared facts that agree, of how many; chatter is no part of it.
    fn agreed(&self) -> (u64, u64) {
        let compared = self.agreement.compared.iter().filter(|(kind, _)| **kind != Kind::Chatter);
        let all: u64 = compared.map(|(_, count)| count).sum();
        let differ = self.agreement.differences.iter().filter(|difference| difference.kind != Kind::Chatter).count();
        (all.saturating_sub(differ as u64), all)
    }
}

/// What is there to be told.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    /// Of drills.
    pub cells: Vec<CellAccount>,
    /// Of probes and generated scripts.
    pub probes: Vec<ProbeResult>,
}

/// All files of cells and probes.
///
/// # Errors
/// A file that cannot be read, with its place.
pub fn read(workspace: &Path) -> Result<Accounts, String> {
    Ok(Accounts { cells: read_all(&workspace.join(CELLS))?, probes: read_all(&workspace.join(PROBES))? })
}

fn read_all<T: DeserializeOwned>(folder: &Path) -> Result<Vec<T>, String> {
    let listed = std::fs::read_dir(folder)
        .map_err(|error| format!("{}: {error}; run the comparison first, see CONTRIBUTING.md", folder.display()))?;
    let mut paths: Vec<PathBuf> = listed.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().map(|path| read_one(path)).collect()
}

fn read_one<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let wrong = |error: String| format!("{}: {error}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
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

/// `docs/fidelity.md`: the whole account.
///
/// # Errors
/// Cells or probes that were not compared, a gap that explains nothing, a difference that no gap explains.
pub fn render(wanted: Wanted<'_>, all: &Accounts) -> Result<String, String> {
    let (accounts, known) = (all.cells.as_slice(), wanted.gaps);
    check(wanted.cells, accounts, known)?;
    check_probes(wanted, &all.probes)?;
    let mut text = format!(
        "# How far the simulator is like real machines\n\n\
         Made by `.ci/fidelity`; not edited by hand. Each case on each topology by each operator was drilled {RUNS} times on\n\
         containers. What was the same each time has to be the same in the simulator: it is compared byte for byte, after\n\
         times, ids, process ids, sizes and metrics' samples were taken out by kind (`tests/agreement/canon.rs`). Durations\n\
         have to lie between the shortest and the longest of the {RUNS}, {} ms more or less.\n\n",
        TOLERANCE_US / 1000
    );
    endings(&mut text, accounts);
    totals(&mut text, accounts);
    by_verdict(&mut text, accounts);
    by_fault(&mut text, accounts);
    by_cell(&mut text, accounts);
    of_probes(&mut text, &all.probes);
    the_gaps(&mut text, accounts, known);
    for gap in wanted.probe_gaps {
        let _ = writeln!(text, "- **{}** (probe `{}`): {} {}", gap.id, gap.probe, gap.differs, gap.reason);
    }
    Ok(text)
}

fn check(cells: &[Cell], accounts: &[CellAccount], known: &[Gap]) -> Result<(), String> {
    let there: BTreeSet<&str> = accounts.iter().map(|account| account.cell.as_str()).collect();
    let wanted: BTreeSet<String> = cells.iter().map(Cell::name).collect();
    if let Some(name) = wanted.iter().find(|name| !there.contains(name.as_str())) {
        return Err(format!("{name} was not compared; run all of it, see CONTRIBUTING.md"));
    }
    if let Some(name) = there.iter().find(|name| !wanted.contains(**name)) {
        return Err(format!("{CELLS}/{name}.json is of no case that there is; remove it"));
    }
    for account in accounts {
        if account.containers.len() != RUNS {
            return Err(format!("{} was drilled {} times, wanted {RUNS}", account.cell, account.containers.len()));
        }
        let (differences, outside) = gaps::unexplained(&account.cell, &account.agreement, known);
        if let Some(difference) = differences.first() {
            return Err(format!("{}: {} `{}` differs", account.cell, difference.kind.word(), difference.name));
        }
        if let Some(time) = outside.first() {
            return Err(format!("{}: the time `{}` lies outside", account.cell, time.name));
        }
    }
    match known.iter().find(|gap| explained(gap, accounts).is_empty()) {
        None => Ok(()),
        Some(gap) => Err(format!("gap `{}` explains nothing any more; take it out of gaps.toml", gap.id)),
    }
}

fn check_probes(wanted: Wanted<'_>, results: &[ProbeResult]) -> Result<(), String> {
    let there: BTreeSet<&str> = results.iter().map(|result| result.probe.as_str()).collect();
    let names: BTreeSet<&str> = wanted.probes.iter().map(|probe| probe.name.as_str()).chain([SCRIPTS]).collect();
    if let Some(name) = names.difference(&there).next() {
        return Err(format!("probe {name} was not compared; run all of it, see CONTRIBUTING.md"));
    }
    if let Some(name) = there.difference(&names).next() {
        return Err(format!("{PROBES}/{name}.json is of no probe that there is; remove it"));
    }
    for result in results {
        if let Some(difference) = result.differences.iter().find(|difference| difference.gap.is_none()) {
            return Err(format!("probe {}: {} differs", result.probe, difference.cell));
        }
    }
    Ok(())
}

/// Cells in which a gap shows.
fn explained<'a>(gap: &Gap, accounts: &'a [CellAccount]) -> BTreeSet<&'a str> {
    let shows = |account: &&CellAccount| {
        account.agreement.differences.iter().any(|difference| gap.explains(&account.cell, difference))
            || account.agreement.outside.iter().any(|time| gap.explains_time(&account.cell, time))
    };
    accounts.iter().filter(shows).map(|account| account.cell.as_str()).collect()
}

/// The worst that a simulator can do is to say that a rollback works where it does not.
fn endings(text: &mut String, accounts: &[CellAccount]) {
    let recovered = Verdict::Recovered.to_string();
    let too_good = |account: &&CellAccount| {
        account.simulator == recovered && account.containers.iter().any(|verdict| *verdict != recovered)
    };
    let alike = accounts.iter().filter(|account| account.ends_alike()).count();
    let too_good = accounts.iter().filter(too_good).count();
    // Writing to a String does not fail, here and below.
    let _ = writeln!(
        text,
        "**{alike} of {} cells end alike** on all containers and in the simulator. Cells in which the simulator says\n\
         `recovered` and a container does not: **{too_good}**.\n",
        accounts.len()
    );
}

fn totals(text: &mut String, accounts: &[CellAccount]) {
    let _ = writeln!(
        text,
        "## What was compared\n\n| kind | compared | differ | varied on containers |\n|---|---:|---:|---:|"
    );
    for kind in Kind::ALL {
        let sum = |of: &dyn Fn(&Agreement) -> u64| accounts.iter().map(|account| of(&account.agreement)).sum::<u64>();
        let compared = sum(&|agreement| agreement.compared.get(&kind).copied().unwrap_or_default());
        let differ = sum(&|agreement| agreement.differences.iter().filter(|one| one.kind == kind).count() as u64);
        let varied = sum(&|agreement| agreement.varied.get(&kind).map_or(0, Vec::len) as u64);
        let _ = writeln!(text, "| {} | {compared} | {differ} | {varied} |", kind.word());
    }
    let times: u64 = accounts.iter().map(|account| account.agreement.times).sum();
    let outside: usize = accounts.iter().map(|account| account.agreement.outside.len()).sum();
    let _ = writeln!(text, "| {} | {times} | {outside} | 0 |", gaps::TIME);
    let _ = writeln!(
        text,
        "\nChatter is what docker, compose, systemctl and others tell the operator on their way; its words are the simulator's\n\
         own and need not match. What varied on containers says nothing and is not compared.\n"
    );
}

fn by_verdict(text: &mut String, accounts: &[CellAccount]) {
    let _ = writeln!(
        text,
        "## By verdict\n\n| containers | cells | the simulator ends alike | facts that agree |\n|---|---:|---:|---:|"
    );
    group(text, accounts, |account| {
        let words: BTreeSet<&str> = account.containers.iter().map(String::as_str).collect();
        vec![Vec::from_iter(words).join(" or ")]
    });
}

fn by_fault(text: &mut String, accounts: &[CellAccount]) {
    let _ = writeln!(
        text,
        "## By fault\n\n| fault | cells | the simulator ends alike | facts that agree |\n|---|---:|---:|---:|"
    );
    group(text, accounts, |account| account.faults.clone());
}

fn group(text: &mut String, accounts: &[CellAccount], names: impl Fn(&CellAccount) -> Vec<String>) {
    let mut groups: BTreeMap<String, Vec<&CellAccount>> = BTreeMap::new();
    for account in accounts {
        for name in names(account) {
            groups.entry(name).or_default().push(account);
        }
    }
    for (name, of) in groups {
        let alike = of.iter().filter(|account| account.ends_alike()).count();
        let (agreed, all) = of.iter().fold((0, 0), |(agreed, all), account| {
            let (more_agreed, more) = account.agreed();
            (agreed + more_agreed, all + more)
        });
        let _ = writeln!(text, "| {name} | {} | {alike} | {agreed} of {all} |", of.len());
    }
    text.push('\n');
}

fn by_cell(text: &mut String, accounts: &[CellAccount]) {
    let _ = writeln!(
        text,
        "## By cell\n\n| cell | containers | simulator | facts that agree | times within |\n|---|---|---|---:|---:|"
    );
    for account in accounts {
        let words: BTreeSet<&str> = account.containers.iter().map(String::as_str).collect();
        let (agreed, all) = account.agreed();
        let times = account.agreement.times;
        let within = times.saturating_sub(account.agreement.outside.len() as u64);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {agreed} of {all} | {within} of {times} |",
            account.cell,
            Vec::from_iter(words).join(" or "),
            account.simulator
        );
    }
    text.push('\n');
}

fn of_probes(text: &mut String, results: &[ProbeResult]) {
    let _ = writeln!(
        text,
        "## Beside the runbook\n\nProbes are what operators do at a machine (`scenarios/probes/`), done on a container and in the simulator; the\n\
         generated scripts come from the shell's grammar.\n\n\
         | machine | probes | statuses | outputs | state | differ, all of them known |\n|---|---:|---:|---:|---:|---:|"
    );
    let mut groups: BTreeMap<&str, Vec<&ProbeResult>> = BTreeMap::new();
    for result in results {
        let name = if result.probe == SCRIPTS { "generated scripts" } else { result.topology.as_str() };
        groups.entry(name).or_default().push(result);
    }
    for (name, of) in groups {
        let sum = |count: &dyn Fn(&ProbeResult) -> usize| of.iter().map(|result| count(result)).sum::<usize>();
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} | {} | {} |",
            of.len(),
            sum(&|result| result.compared.statuses),
            sum(&|result| result.compared.outputs),
            sum(&|result| result.compared.state),
            sum(&|result| result.differences.len())
        );
    }
    text.push('\n');
}

fn the_gaps(text: &mut String, accounts: &[CellAccount], known: &[Gap]) {
    text.push_str("## Known gaps\n\n");
    if known.is_empty() {
        text.push_str("None in drills. In probes:\n\n");
    }
    for gap in known {
        let cells = explained(gap, accounts);
        let _ = writeln!(
            text,
            "- **{}** ({}{}; in {} of {} cells): {}",
            gap.id,
            gap.kinds.join(", "),
            gap.beyond_ms.map_or_else(String::new, |ms| format!(", at most {ms} ms beyond the bound")),
            cells.len(),
            accounts.len(),
            gap.reason.split_whitespace().collect::<Vec<_>>().join(" ")
        );
    }
}
