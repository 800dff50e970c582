//! A short run of the measurement of the simulator's durations, on machines: what it sees is what the shipped figures add up
//! to, but for a factor. So no figure is of another machine, and no method measures something else than it says.

#![expect(clippy::unwrap_used, reason = "a test: what fails here shall end it, also in its helpers")]

use std::collections::BTreeMap;

use conformance::containers::{gate, run_trials, trial, workspace};
use rollback_harness::calibrate::{self, Extent, METHODS};

/// Both ways: a machine twice as fast, and one that does other things beside.
const FACTOR: u64 = 4;
/// Shorter than this nothing is held to a factor, microseconds: on two cores a process that wants to run beside a drill was
/// seen to wait up to 9 ms for its turn, median of three.
const LEAST_US: u64 = 20_000;
/// Runs in which a figure has to be apart before it counts: a stall of the machine is not there the next time, a wrong
/// method is.
const RUNS: usize = 2;

fn main() {
    run_trials(vec![trial(&gate(), "container::calibration::a-short-run".into(), a_short_run)], 1);
}

fn a_short_run() {
    let mut apart = seen_apart();
    for _ in 1..RUNS {
        if apart.is_empty() {
            return;
        }
        let again = seen_apart();
        apart.retain(|key, _| again.contains_key(key));
    }
    let lines: Vec<String> = apart.into_values().collect();
    assert!(lines.is_empty(), "more than a factor of {FACTOR} apart, {RUNS} times:\n{}", lines.join("\n"));
}

/// The figures that a short measurement sees further apart than [`FACTOR`], each with what was seen.
fn seen_apart() -> BTreeMap<&'static str, String> {
    let figures = calibrate::read(&calibrate::text(&workspace()).unwrap()).unwrap();
    let seen = calibrate::observe(&workspace(), Extent { boots: 1, turns: 3 }, &mut |_| {}).unwrap();
    let mut apart = BTreeMap::new();
    for (method, one) in METHODS.iter().zip(calibrate::solve(&seen).unwrap()) {
        let composed = calibrate::composed(method, &figures);
        let (less, more) = (one.seen_us.min(composed), one.seen_us.max(composed));
        if more > LEAST_US && more > less.max(1) * FACTOR {
            let line = format!("{}: seen {} us, the figures say {composed} us", method.key, one.seen_us);
            apart.insert(method.key, line);
        }
    }
    apart
}
