//! `explore strength`: sabotage and paraphrases of the runbook, looked through by several threads, and the table of them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::ScopedJoinHandle;

use clap::Args;

use super::Failure;
use crate::exit::ExitStatus;
use crate::explore::strength::file::Variation;
use crate::explore::strength::report::Table;
use crate::explore::strength::{Known, Row, Strength};
use crate::explore::work::THREADS_MAX;
use crate::interrupt;
use crate::prepare::BadInput;
use crate::report::Output;
use crate::run::RunError;

/// Which changed runbooks, and how far.
#[derive(Debug, Args)]
pub(super) struct StrengthArgs {
    /// Only these, by their files' names; all if not given
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// The greatest number of faults that are added to a base
    #[arg(long, value_name = "N", default_value_t = 1)]
    faults: usize,
    /// How many changed runbooks at a time; as many as there are processors if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=THREADS_MAX as i64))]
    threads: Option<u16>,
    /// Where the changed runbooks go
    #[arg(long, value_name = "DIR", default_value = "target/strength")]
    out: PathBuf,
}

pub(super) fn carry_out(args: &StrengthArgs, workspace: &Path, output: &mut Output<'_>) -> Result<ExitStatus, Failure> {
    let input = |error: BadInput| Failure::Usage(error.to_string());
    let strength = Strength::new(workspace, args.faults).map_err(input)?;
    let [mut sabotage, mut paraphrases] =
        [strength.variations("sabotage").map_err(input)?, strength.variations("paraphrases").map_err(input)?];
    let all = || sabotage.iter().chain(&paraphrases);
    if let Some(wanted) = args.names.iter().find(|name| !all().any(|known| known.name == **name)) {
        let known: Vec<&str> = all().map(|known| known.name.as_str()).collect();
        return Err(Failure::Usage(format!("no changed runbook `{wanted}`; there are {}", known.join(", "))));
    }
    if !args.names.is_empty() {
        sabotage.retain(|known| args.names.contains(&known.name));
        paraphrases.retain(|known| args.names.contains(&known.name));
    }
    let threads = args.threads.map(usize::from).or_else(|| std::thread::available_parallelism().ok().map(usize::from));
    let _noted = interrupt::note();
    let known = strength.known(0..strength.space.len());
    let look = |all: &[Variation]| looked(&strength, all, &known, &args.out, threads.unwrap_or(1));
    let (sabotage, paraphrases) = (look(&sabotage)?, look(&paraphrases)?);
    let table = Table { space: &strength.space, sabotage, paraphrases, out: &args.out };
    write!(output.out, "{}", table.text())?;
    match interrupt::signal() {
        Some(signal) => Err(RunError::Interrupted(signal).into()),
        None => Ok(table.status()),
    }
}

/// One row for each, in their order. Which thread takes which decides nothing.
fn looked(
    strength: &Strength,
    all: &[Variation],
    known: &Known,
    out: &Path,
    threads: usize,
) -> Result<Vec<Row>, RunError> {
    let counter = AtomicUsize::new(0);
    let work = || {
        let mut rows = Vec::new();
        loop {
            let at = counter.fetch_add(1, Ordering::Relaxed);
            let Some(variation) = all.get(at) else { return rows };
            rows.push((at, strength.look(variation, 0..strength.space.len(), known, out)));
        }
    };
    let mut rows: Vec<(usize, Result<Row, RunError>)> = std::thread::scope(|scope| {
        let threads: Vec<ScopedJoinHandle<'_, _>> =
            (0..threads.clamp(1, THREADS_MAX)).map(|_| scope.spawn(work)).collect();
        // A panic is a defect of the harness, and ends it.
        let ended = threads.into_iter().map(ScopedJoinHandle::join);
        ended.flat_map(|ended| ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    rows.sort_by_key(|(at, _)| *at);
    rows.into_iter().map(|(_, row)| row).collect()
}
