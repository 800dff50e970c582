//! Drills on containers and in the simulator, held against each other: see `agreement/`. By default those cells that stand
//! for all others, one for each topology; `ROLLBACK_DRILL_FIDELITY=all` compares all of them, which takes hours.
//!
//! Facts are held to the letter either way. Durations are those of the machine on which `simulator/calibration.toml` was
//! measured, with nothing beside it; so they are held to the bound where all is compared and recorded (`.ci/fidelity`), and
//! elsewhere, where the machine may be another or do other things too, within a factor of that bound. There they are not
//! recorded either: `ROLLBACK_DRILL_FIDELITY=facts`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test: what fails here shall end it, also in its helpers")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use conformance::agreement::account::CellAccount;
use conformance::agreement::cells::{self, BUNDLES, Cell, HOW_MANY, HowMany, RUNS};
use conformance::agreement::compare::{Agreement, compare};
use conformance::agreement::gaps;
use conformance::agreement::observe::Observation;
use conformance::agreement::record::Record;
use conformance::agreement::row::Row;
use conformance::containers::{Gate, Out, drill, gate, run_trials, trial, workspace};
use libtest_mimic::Trial;
use rollback_harness::bundle::{self, Finished};
use rollback_harness::host::HostKind;

/// Where the machine may be another: by so much it may be slower or faster, as in the test of the calibration. One with two
/// busy cores was seen to take 2.2 times as long for all that Compose does.
const FACTOR: u64 = 4;

/// Of a text in a failure; the whole of it is in the account.
const SHOWN_CHARS: usize = 600;

fn main() {
    let given = std::env::var_os(BUNDLES).map(PathBuf::from);
    // What was drilled before needs no engine.
    let gate = if given.is_some() { Gate::Run } else { gate() };
    let all = cells::all().unwrap();
    let standing: Vec<String> = cells::stand_for_others(&recorded()).into_iter().map(Cell::name).collect();
    let how_many = how_many();
    let every = given.is_some() || how_many != HowMany::Standing;
    let mut trials = Vec::new();
    for cell in &all {
        let (one, given) = (cell.clone(), given.clone());
        let left_out = !every && !standing.contains(&cell.name());
        let title = format!("fidelity::{}", cell.name());
        let made = trial(&gate, title, move || agrees(&one, how_many, given.as_deref()));
        trials.push(if left_out { made.with_ignored_flag(true) } else { made });
    }
    trials.push(Trial::test("cells::stand-for-others", || {
        let all = recorded();
        let chosen = cells::stand_for_others(&all);
        let topologies: BTreeSet<&str> = all.iter().map(|cell| cell.topology.as_str()).collect();
        assert_eq!(chosen.iter().map(|cell| cell.topology.as_str()).collect::<BTreeSet<_>>(), topologies);
        let verdicts: BTreeSet<&str> = chosen.iter().map(|cell| cell.verdict.as_str()).collect();
        assert_eq!((chosen.len(), verdicts.len()), (topologies.len(), topologies.len()), "{chosen:#?}");
        Ok(())
    }));
    assert!(all.len() >= 60, "the scenario files have gone");
    run_trials(trials, 2);
}

/// What this run is asked for.
fn how_many() -> HowMany {
    let value = std::env::var_os(HOW_MANY).map(|value| value.to_string_lossy().into_owned());
    HowMany::of(value.as_deref()).unwrap()
}

/// Cells that the record has with their durations: these are compared too, and what never was stands for nothing.
fn recorded() -> Vec<Cell> {
    let record = Record::read(&workspace()).unwrap();
    let timed = |cell: &Cell| record.cell.get(&cell.name()).is_some_and(Row::timed);
    cells::all().unwrap().into_iter().filter(timed).collect()
}

/// What all container drills of a cell have in common is so in the simulator.
fn agrees(cell: &Cell, how_many: HowMany, given: Option<&Path>) {
    let out = Out::new(env!("CARGO_TARGET_TMPDIR"));
    let on_containers: Vec<Finished> = match given {
        Some(folder) => {
            let found = cells::bundles_below(folder, cell);
            assert!(!found.is_empty(), "no bundle of {} below {}", cell.name(), folder.display());
            found.iter().map(|root| bundle::rejudge(root).unwrap()).collect()
        }
        None => (1..=RUNS as u64)
            .map(|seed| drill(&cell.selection(HostKind::Container, seed, out.path())).unwrap().1)
            .collect(),
    };
    let (_, simulated) = drill(&cell.selection(HostKind::Sim, 1, out.path())).unwrap();
    let seen: Vec<Observation> = on_containers.iter().map(|finished| Observation::of(finished).unwrap()).collect();
    let agreement = compare(&seen, &Observation::of(&simulated).unwrap());
    let verdicts = on_containers.iter().map(|finished| finished.judgement.verdict.to_string()).collect();
    let recorded = if how_many == HowMany::Facts { agreement.facts_alone() } else { agreement.clone() };
    let account = CellAccount::new(cell, verdicts, simulated.judgement.verdict.to_string(), recorded);
    account.write(&workspace()).unwrap();
    let (differences, mut outside) = gaps::unexplained(&cell.name(), &agreement, &gaps::known().unwrap());
    if how_many != HowMany::All {
        outside.retain(|time| time.beyond_factor(FACTOR));
    }
    if !differences.is_empty() || !outside.is_empty() {
        let mut text = format!("{}: the simulator is not as {} container drills were\n", cell.name(), seen.len());
        tell(&mut text, &Agreement { differences, outside, ..Agreement::default() });
        panic!("{text}");
    }
}

fn tell(text: &mut String, agreement: &Agreement) {
    let short = |value: &Option<String>| match value {
        None => "nothing".to_owned(),
        Some(value) => value.chars().take(SHOWN_CHARS).collect(),
    };
    for difference in &agreement.differences {
        let (kind, name) = (difference.kind.word(), &difference.name);
        let (containers, simulator) = (short(&difference.containers), short(&difference.simulator));
        let _ = writeln!(text, "- {kind} `{name}`\n    containers: {containers}\n    simulator:  {simulator}");
    }
    for time in &agreement.outside {
        let _ = writeln!(
            text,
            "- time `{}`: containers {}-{} ms, simulator {} ms",
            time.name,
            time.least_us / 1000,
            time.most_us / 1000,
            time.simulator_us / 1000
        );
    }
}
