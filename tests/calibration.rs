//! A short run of the measurement of the simulator's durations, on machines: what it sees is what the shipped figures add up
//! to, but for a factor. So no figure is of another machine, and no method measures something else than it says.

#![expect(clippy::unwrap_used, reason = "a test: what fails here shall end it, also in its helpers")]

use conformance::containers::{gate, run_trials, trial, workspace};
use rollback_harness::calibrate::{self, Extent, METHODS};

/// Both ways: a machine twice as fast, and one that does other things beside.
const FACTOR: u64 = 4;
/// Shorter than this nothing is held to a factor, microseconds: it is less than a busy machine's own delays.
const LEAST_US: u64 = 5_000;

fn main() {
    run_trials(vec![trial(&gate(), "container::calibration::a-short-run".into(), a_short_run)], 1);
}

fn a_short_run() {
    let figures = calibrate::read(&calibrate::text(&workspace()).unwrap()).unwrap();
    let seen = calibrate::observe(&workspace(), Extent { boots: 1, turns: 3 }, &mut |_| {}).unwrap();
    let mut apart = Vec::new();
    for (method, one) in METHODS.iter().zip(calibrate::solve(&seen).unwrap()) {
        let composed = calibrate::composed(method, &figures);
        let (less, more) = (one.seen_us.min(composed), one.seen_us.max(composed));
        if more > LEAST_US && more > less.max(1) * FACTOR {
            apart.push(format!("{}: seen {} us, the figures say {composed} us", method.key, one.seen_us));
        }
    }
    assert!(apart.is_empty(), "more than a factor of {FACTOR} apart:\n{}", apart.join("\n"));
}
