//! `docs/fidelity.md`: the account, rendered of the record.

use std::collections::BTreeMap;
use std::fmt::Write;

use rollback_harness::verdict::Verdict;

use super::cells::{Cell, RUNS};
use super::compare::TOLERANCE_US;
use super::gaps::{Gap, TIME};
use super::record::{RECORD, Record, Wanted};
use super::row::{Counts, Row};
use crate::probing::scripts;

/// Where the account lies, below the workspace.
pub const DOCUMENT: &str = "docs/fidelity.md";

/// The whole account.
///
/// # Errors
/// The record is not of what there is, or hides something ([`Record::check`]).
pub fn render(wanted: Wanted<'_>, record: &Record) -> Result<String, String> {
    record.check(wanted)?;
    let mut text = format!(
        "# How far the simulator is like real machines\n\n\
         Made by `.ci/fidelity` of what it has measured (`{RECORD}`); not edited by hand. Each case on each\n\
         topology by each operator was drilled {RUNS} times on containers. What was the same each time has to be the same in the\n\
         simulator: it is compared byte for byte, after times, ids, process ids, sizes and metrics' samples were taken out by\n\
         kind (`tests/agreement/canon.rs`). Durations have to lie between the shortest and the longest of the {RUNS}, {} ms more\n\
         or less. A case that changes is drilled again, and the others stay as they were measured.\n\n",
        TOLERANCE_US / 1000
    );
    endings(&mut text, record);
    not_drilled(&mut text, wanted.cells, record);
    not_timed(&mut text, record);
    totals(&mut text, record);
    by_verdict(&mut text, record);
    by_fault(&mut text, record, wanted.cells);
    by_cell(&mut text, record);
    of_probes(&mut text, record);
    the_gaps(&mut text, record, wanted.gaps);
    for gap in wanted.probe_gaps {
        let _ = writeln!(text, "- **{}** (probe `{}`): {} {}", gap.id, gap.probe, gap.differs, gap.reason);
    }
    Ok(text)
}

/// The worst that a simulator can do is to say that a rollback works where it does not.
fn endings(text: &mut String, record: &Record) {
    let recovered = Verdict::Recovered.to_string();
    let too_good =
        |row: &&Row| row.simulator == recovered && row.containers.iter().any(|verdict| *verdict != recovered);
    let alike = record.cell.values().filter(|row| row.ends_alike()).count();
    let too_good = record.cell.values().filter(too_good).count();
    // Writing to a String does not fail, here and below.
    let _ = writeln!(
        text,
        "**{alike} of {} cells end alike** on all containers and in the simulator. Cells in which the simulator says\n\
         `recovered` and a container does not: **{too_good}**.\n",
        record.cell.len()
    );
}

/// What nothing of this account is of.
fn not_drilled(text: &mut String, cells: &[Cell], record: &Record) {
    if record.not_drilled.is_empty() {
        return;
    }
    let missing = cells.iter().filter(|cell| !record.cell.contains_key(&cell.name())).count();
    let names: Vec<String> = record.not_drilled.iter().map(|scenario| format!("`{scenario}`")).collect();
    let _ = writeln!(
        text,
        "**{missing} cells are not in it**, since they were not drilled {RUNS} times yet: those of {}.\n\
         Single drills of these scenarios leave exact snapshots, on containers and in the simulator. `.ci/fidelity NAME...`\n\
         adds them.\n",
        names.join(", ")
    );
}

/// Cells of which only facts are known.
fn not_timed(text: &mut String, record: &Record) {
    let cells = record.cell.values().filter(|row| !row.timed()).count();
    if cells == 0 {
        return;
    }
    let _ = writeln!(
        text,
        "Of **{cells} cells durations are not compared**: they were drilled on a machine that was slower than the one on which\n\
         `simulator/calibration.toml` was measured, or had other work, and that says nothing of the simulator\n\
         (`.ci/fidelity --facts NAME...`).\n"
    );
}

fn totals(text: &mut String, record: &Record) {
    text.push_str("## What was compared\n\n");
    let own: Vec<(&Row, &Counts)> =
        record.cell.values().filter_map(|row| row.counts.as_ref().map(|counts| (row, counts))).collect();
    if let Some(before) = &record.before {
        let _ = writeln!(
            text,
            "In the {} cells that were drilled together, when only their sums were kept:\n",
            before.cells
        );
        kinds(text, &before.counts, before.times, before.outside);
        if !own.is_empty() {
            let _ = writeln!(
                text,
                "\nIn the {} cells that were drilled since; one that was among the {} is in both tables:\n",
                own.len(),
                before.cells
            );
        }
    }
    if record.before.is_none() || !own.is_empty() {
        let mut sums = Counts::default();
        own.iter().for_each(|(_, counts)| sums.add(counts));
        let times = own.iter().map(|(row, _)| row.times).sum();
        let outside: usize = own.iter().map(|(row, _)| row.outside.len()).sum();
        kinds(text, &sums, times, outside as u64);
    }
    let _ = writeln!(
        text,
        "\nChatter is what docker, compose, systemctl and others tell the operator on their way; its words are the simulator's\n\
         own and need not match. What varied on containers says nothing and is not compared.\n"
    );
}

fn kinds(text: &mut String, counts: &Counts, times: u64, outside: u64) {
    let _ = writeln!(text, "| kind | compared | differ | varied on containers |\n|---|---:|---:|---:|");
    for (kind, [compared, differ, varied]) in counts.by_kind() {
        let _ = writeln!(text, "| {} | {compared} | {differ} | {varied} |", kind.word());
    }
    let _ = writeln!(text, "| {TIME} | {times} | {outside} | 0 |");
}

/// How the container drills ended.
fn ended(row: &Row) -> String {
    row.containers.iter().map(String::as_str).collect::<Vec<_>>().join(" or ")
}

fn by_verdict(text: &mut String, record: &Record) {
    let _ = writeln!(
        text,
        "## By verdict\n\n| containers | cells | the simulator ends alike | facts that agree |\n|---|---:|---:|---:|"
    );
    group(text, record.cell.values().map(|row| (ended(row), row)));
}

fn by_fault(text: &mut String, record: &Record, cells: &[Cell]) {
    let _ = writeln!(
        text,
        "## By fault\n\n| fault | cells | the simulator ends alike | facts that agree |\n|---|---:|---:|---:|"
    );
    let rows = cells.iter().filter_map(|cell| record.cell.get(&cell.name()).map(|row| (cell, row)));
    group(text, rows.flat_map(|(cell, row)| cell.faults.iter().map(move |fault| (fault.clone(), row))));
}

fn group<'a>(text: &mut String, named: impl Iterator<Item = (String, &'a Row)>) {
    let mut groups: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for (name, row) in named {
        groups.entry(name).or_default().push(row);
    }
    for (name, of) in groups {
        let alike = of.iter().filter(|row| row.ends_alike()).count();
        let agreed: u64 = of.iter().map(|row| row.facts[0]).sum();
        let compared: u64 = of.iter().map(|row| row.facts[1]).sum();
        let _ = writeln!(text, "| {name} | {} | {alike} | {agreed} of {compared} |", of.len());
    }
    text.push('\n');
}

fn by_cell(text: &mut String, record: &Record) {
    let _ = writeln!(
        text,
        "## By cell\n\n| cell | containers | simulator | facts that agree | times within |\n|---|---|---|---:|---:|"
    );
    for (name, row) in &record.cell {
        let [agreed, compared] = row.facts;
        let within = row.times.saturating_sub(row.outside.len() as u64);
        let times = if row.timed() { format!("{within} of {}", row.times) } else { "not compared".to_owned() };
        let (ended, simulator) = (ended(row), &row.simulator);
        let _ = writeln!(text, "| {name} | {ended} | {simulator} | {agreed} of {compared} | {times} |");
    }
    text.push('\n');
}

fn of_probes(text: &mut String, record: &Record) {
    let _ = writeln!(
        text,
        "## Beside the runbook\n\nProbes are what operators do at a machine (`scenarios/probes/`), done on a container and in the simulator; the\n\
         generated scripts come from the shell's grammar.\n\n\
         | machine | probes | statuses | outputs | state | differ, all of them known |\n|---|---:|---:|---:|---:|---:|"
    );
    for (name, of) in &record.probes {
        let name = if name == scripts::NAME { "generated scripts" } else { name };
        let (count, differ) = (of.probes.len(), of.differ);
        let _ = writeln!(text, "| {name} | {count} | {} | {} | {} | {differ} |", of.statuses, of.outputs, of.state);
    }
    text.push('\n');
}

fn the_gaps(text: &mut String, record: &Record, known: &[Gap]) {
    text.push_str("## Known gaps\n\n");
    if known.is_empty() {
        text.push_str("None in drills. In probes:\n\n");
    }
    for gap in known {
        let _ = writeln!(
            text,
            "- **{}** ({}{}; in {} of {} cells): {}",
            gap.id,
            gap.kinds.join(", "),
            gap.beyond_ms.map_or_else(String::new, |ms| format!(", at most {ms} ms beyond the bound")),
            record.explained(gap).len(),
            record.cell.len(),
            gap.reason.split_whitespace().collect::<Vec<_>>().join(" ")
        );
    }
}
