//! How many drills a second the simulator makes on one core: `procedure-only`, or another scenario, on each topology, History and
//! verdict in memory; and the most memory that the process has held.
//!
//! `cargo run --release --example throughput -p rollback-harness -- [DRILLS [TOPOLOGY [SCENARIO]]]` (1000 of each, five
//! times, by default). `baseline` is a drill with a rules engine.
//!
//! What limits it is seen in instructions, which another load on the machine does not change: `valgrind --tool=callgrind` on
//! the built example, once with few drills and once with more; what is between them is five times the drills. A `procedure-only` on
//! systemd is 2.8 million. Half of that are the runbook's commands, each interpreted anew: `observe` and the operator's `sudo`
//! take 0.3 each. The judgement is 0.4, most of it reading a page of metrics again; 0.2 each are the text of pages, the captures
//! and the ways through the tree of files. A `baseline` there is 5.7 million: rules are 0.9 and readings 0.4 (the `rate` of
//! each series is most of it), scrapes, four a second, 0.6 (0.2 take the samples, 0.2 are the traffic before them), and the
//! drill is twice as long.
#![expect(clippy::disallowed_methods, reason = "it measures")]

use std::path::Path;
use std::time::Instant;

use rollback_harness::host::HostKind;
use rollback_harness::prepare::{self, Selection};
use rollback_harness::simulate::Bench;
use rollback_harness::workspace;

/// A simulated drill is some thousand small allocations: with the system's allocator it takes a third longer.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs of which the median counts.
const RUNS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let drills: u64 = match arguments.next() {
        Some(text) => text.parse()?,
        None => 1000,
    };
    let topology = arguments.next().unwrap_or_else(|| "all".to_owned());
    let mut selection = Selection::usual(HostKind::Sim, &topology, &workspace::locate(Path::new(".")));
    if let Some(scenario) = arguments.next() {
        selection.scenarios = vec![scenario];
    }
    for prepared in prepare::prepare(&selection)? {
        let topology = prepared.plan.topology.clone();
        let mut bench = Bench::new(prepared)?;
        let (mut rates, mut virtual_us) = (Vec::new(), 0);
        for _ in 0..RUNS {
            let began = Instant::now();
            for seed in 1..=drills {
                let simulated = bench.drill(seed)?;
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
        println!("{topology:<8} {median:>8.0} drills a second, each {length:.1} s of virtual time");
    }
    println!("{}", peak_memory()?);
    Ok(())
}

/// The most memory that this process has held at a time, as proc_pid_status(5) says it.
fn peak_memory() -> Result<String, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM in /proc/self/status")?;
    let kib: u64 = peak.trim().trim_end_matches(" kB").parse()?;
    Ok(format!("{:.1} MiB of memory at the most", kib as f64 / 1024.0))
}
