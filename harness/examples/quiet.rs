//! What time costs in which nothing happens: `sleep 3600` against `sleep 60` on a machine at rest, on each topology. What is
//! due all the same (a scrape of Prometheus, a warning of the node) costs its events.
//!
//! `cargo run --release --example quiet -p rollback-harness`
#![expect(clippy::disallowed_methods, reason = "it measures")]

use std::path::Path;
use std::time::{Duration, Instant};

use rollback_harness::furnish::{self, Executables};
use rollback_harness::host::sim::{Scripts, Settled};
use rollback_harness::host::{AsRoot, Host, HostKind};
use rollback_harness::prepare::{self, Selection};
use rollback_harness::run;
use rollback_harness::workspace;

/// Sleeps of each length, of which the median counts.
const RUNS: u64 = 201;
/// Seconds of a minute and of an hour.
const LENGTHS: [u64; 2] = [60, 3600];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let selection = Selection::usual(HostKind::Sim, "all", &workspace::locate(Path::new(".")));
    for mut prepared in prepare::prepare(&selection)? {
        let executables = Executables::stand_ins(&prepared)?;
        let furnished = furnish::furnish(&mut prepared, &executables)?;
        let settled = run::settled(&prepared, furnished, &Scripts::default())?;
        let [minute, hour] = [sleep(&settled, LENGTHS[0])?, sleep(&settled, LENGTHS[1])?];
        println!(
            "{:<8} a quiet minute {:.1} us, a quiet hour {:.1} us: {:.2} times as much",
            prepared.plan.topology,
            minute.as_secs_f64() * 1e6,
            hour.as_secs_f64() * 1e6,
            hour.as_secs_f64() / minute.as_secs_f64()
        );
    }
    Ok(())
}

/// The median time on the wall of a sleep of so many virtual seconds.
fn sleep(settled: &Settled, seconds: u64) -> Result<Duration, Box<dyn std::error::Error>> {
    let command = format!("sleep {seconds}");
    let mut took = Vec::new();
    for seed in 0..RUNS {
        let mut host = settled.begin(seed);
        let (began, virtual_us) = (Instant::now(), host.now_us());
        let (exit, output) = host.run_as_root(&command, (seconds + 60) * 1000)?;
        took.push(began.elapsed());
        let slept = host.now_us() - virtual_us;
        if exit != 0 || slept < seconds * 1_000_000 {
            return Err(format!("`{command}` ended {exit} after {slept} us: {output}").into());
        }
    }
    took.sort();
    took.get(took.len() / 2).copied().ok_or_else(|| "nothing was measured".into())
}
