//! How many drills a second the simulator makes on one core: `baseline` on each topology, History and verdict in memory.
//!
//! `cargo run --release --example throughput -p rollback-harness -- [DRILLS]` (1000 of each, five times, by default).
#![expect(clippy::disallowed_methods, reason = "it measures")]

use std::path::Path;
use std::time::Instant;

use rollback_harness::host::HostKind;
use rollback_harness::host::sim::Scripts;
use rollback_harness::prepare::{self, Selection};
use rollback_harness::scenario::Operator;
use rollback_harness::simulate::simulate;
use rollback_harness::workspace;

/// Runs of which the median counts.
const RUNS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let drills: u64 = match std::env::args().nth(1) {
        Some(text) => text.parse()?,
        None => 1000,
    };
    let selection = Selection {
        host: HostKind::Sim,
        topology: "all".into(),
        scenarios: vec!["baseline".into()],
        profile: "documented".into(),
        operators: vec![Operator::Careful],
        runbook: None,
        binding: None,
        seed: 1,
        out: "unused".into(),
        workspace: workspace::locate(Path::new(".")),
    };
    for prepared in prepare::prepare(&selection)? {
        let mut scripts = Scripts::default();
        let (mut rates, mut virtual_us) = (Vec::new(), 0);
        for _ in 0..RUNS {
            let began = Instant::now();
            for seed in 1..=drills {
                let simulated = simulate(&prepared, seed, &mut scripts)?;
                if !simulated.judgement.conforms {
                    let judgement = simulated.judgement;
                    return Err(format!("seed {seed}: {}, broken {:?}", judgement.verdict, judgement.broken).into());
                }
                virtual_us = simulated.virtual_us;
            }
            rates.push(drills as f64 / began.elapsed().as_secs_f64());
        }
        rates.sort_by(f64::total_cmp);
        let median = rates.get(RUNS / 2).copied().unwrap_or_default();
        let length = virtual_us as f64 / 1e6;
        println!("{:<8} {median:>8.0} drills a second, each {length:.1} s of virtual time", prepared.plan.topology);
    }
    Ok(())
}
