//! `explore`: arguments to an exploration, its progress on stderr, its report on stdout.

use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};

use super::args::{Who, topologies};
use super::strength::{self, StrengthArgs};
use super::{Backend, Failure, Stage};
use crate::exit::ExitStatus;
use crate::explore::accept;
use crate::explore::drills::Site;
use crate::explore::known::Pinned;
use crate::explore::property::Properties;
use crate::explore::results::{SAMPLES_MAX, Strategy};
use crate::explore::sample::BLOCK;
use crate::explore::space::{FAULTS_MAX, Restricted, Space};
use crate::explore::store::Stored;
use crate::explore::work::THREADS_MAX;
use crate::explore::{Exploration, Explored, Progress, report};
use crate::host::HostKind;
use crate::interrupt;
use crate::prepare::{BadInput, Selection};
use crate::report::Output;
use crate::run::RunError;
use crate::scenario::Operator;

/// Where nobody looks at a line that is overwritten, there is a new one after that long.
const LOGGED_EVERY: Duration = Duration::from_secs(10);
/// How long samples are taken where nobody says how many.
const SAMPLED_S: u64 = 60;
/// On a terminal.
const SHOWN_EVERY: Duration = Duration::from_millis(200);

/// What to look through.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct ExploreArgs {
    #[command(subcommand)]
    command: Option<ExploreCommand>,
    #[command(flatten)]
    of: Of,
    /// Go on where the results below --out end
    #[arg(long)]
    resume: bool,
    /// Explore nothing: make cases of finds, by the name of one below --out, or by its file
    #[arg(long, value_name = "NAME|FILE", num_args = 1.., requires = "because", conflicts_with_all = ["resume", "confirm", "threads", "seconds"])]
    accept: Vec<String>,
    /// Why these finds matter: a sentence that stands in their cases
    #[arg(long, value_name = "TEXT", requires = "accept")]
    because: Option<String>,
    /// Drill the smallest N finds of each kind on containers as well, one at a time
    #[arg(long, value_name = "N", default_value_t = 0)]
    confirm: usize,
    /// How many cells at a time; as many as there are processors if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=THREADS_MAX as i64))]
    threads: Option<u16>,
    /// Stop after so many seconds; of cells, what is left is reported as missing. Samples without a range stop after 60
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
}

#[derive(Debug, Subcommand)]
enum ExploreCommand {
    /// Join the results of parts into those of the whole
    Merge(Box<MergeArgs>),
    /// Look whether sabotage of the runbook is found, and whether the same in other words raises nothing
    Strength(StrengthArgs),
}

#[derive(Debug, Args)]
struct MergeArgs {
    /// Files of results
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    of: Of,
    /// Drill the smallest N finds of each kind on containers as well, one at a time
    #[arg(long, value_name = "N", default_value_t = 0)]
    confirm: usize,
}

/// What decides which cells there are, and what is asked of them.
#[derive(Debug, Args)]
struct Of {
    /// The greatest number of faults that are added to a base: 1 if not given, and of samples 6
    #[arg(long, value_name = "N")]
    faults: Option<usize>,
    /// Every set of up to so many faults, in place of samples
    #[arg(long)]
    exhaustive: bool,
    /// Only the cells, or samples, from A to below B; samples come in blocks of 1000
    #[arg(long, value_name = "A..B", value_parser = range)]
    range: Option<Range<u64>>,
    /// Only the I-th of N parts of all cells, from 0, as near to the same size as can be
    #[arg(long, value_name = "I/N", value_parser = part, conflicts_with = "range", requires = "exhaustive")]
    part: Option<(u64, u64)>,
    /// On which of the space's topologies
    #[arg(long, value_name = "TOPOLOGY", default_value = "all", value_parser = topologies())]
    topology: String,
    /// Who is at the keyboard
    #[arg(long, value_name = "OPERATOR", value_enum, default_value_t = Who::Both)]
    operator: Who,
    /// On which of the space's base scenarios; may be repeated
    #[arg(long, value_name = "NAME")]
    base: Vec<String>,
    /// The space, in place of the project's
    #[arg(long, value_name = "FILE")]
    space: Option<PathBuf>,
    /// More properties beside the project's; may be repeated
    #[arg(long, value_name = "FILE")]
    properties: Vec<PathBuf>,
    /// The runbook, in place of the project's
    #[arg(long, value_name = "FILE")]
    runbook: Option<PathBuf>,
    /// Its binding, in place of the project's
    #[arg(long, value_name = "FILE")]
    binding: Option<PathBuf>,
    /// Decides all that is not decided otherwise
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Where results, report and finds go
    #[arg(long, value_name = "DIR", default_value = "target/explore")]
    out: PathBuf,
}

pub(super) fn carry_out(
    args: &ExploreArgs,
    workspace: &Path,
    output: &mut Output<'_>,
    backend: &dyn Backend,
) -> Result<ExitStatus, Failure> {
    let (of, most, explored) = match &args.command {
        Some(ExploreCommand::Strength(args)) => return strength::carry_out(args, workspace, output),
        Some(ExploreCommand::Merge(merge)) => {
            let MergeArgs { files, of, confirm } = &**merge;
            let exploration = of.exploration(workspace)?;
            let range = of.range(&exploration.space)?;
            (of, *confirm, exploration.merge(files, of.range.is_some() || of.exhaustive, range)?)
        }
        None if !args.accept.is_empty() => return accept(args, workspace, output),
        None => (&args.of, args.confirm, explore(args, workspace, output)?),
    };
    write!(output.out, "{}", explored.text)?;
    match explored.interrupted {
        Some(signal) => Err(RunError::Interrupted(signal).into()),
        None => Ok(explored.status.and(confirm((of, most), &explored.stored, workspace, output, backend)?)),
    }
}

/// All are looked at before the first is moved.
fn accept(args: &ExploreArgs, workspace: &Path, output: &mut Output<'_>) -> Result<ExitStatus, Failure> {
    let exploration = args.of.exploration(workspace)?;
    let because = args.because.as_deref().unwrap_or_default();
    let all = accept::look(&exploration, &args.accept, because).map_err(|error| Failure::Usage(error.to_string()))?;
    for accepted in &all {
        accept::accept(accepted)?;
        writeln!(output.out, "accepted {}: now {}", accepted.from.display(), accepted.to.display())?;
    }
    Ok(ExitStatus::Conforms)
}

/// Drills finds on containers. Each scenario expects what the simulator came to, so one that does not conform is a difference
/// between simulator and machine: a defect of the simulator.
fn confirm(
    (of, most): (&Of, usize),
    stored: &[Stored],
    workspace: &Path,
    output: &mut Output<'_>,
    backend: &dyn Backend,
) -> Result<ExitStatus, Failure> {
    let (mut status, mut kind, mut count) = (ExitStatus::Conforms, "", 0);
    for find in stored {
        if kind != find.kind {
            (kind, count) = (&find.kind, 0);
        }
        count += 1;
        if count > most {
            continue;
        }
        let selection = Selection {
            scenarios: vec![find.path.display().to_string()],
            operators: vec![find.operator],
            runbook: of.runbook.clone(),
            binding: of.binding.clone(),
            seed: of.seed,
            out: of.out.join("confirmed"),
            ..Selection::usual(HostKind::Container, &find.topology, workspace)
        };
        // The bundle has the whole drill; here its end is enough.
        let (mut nowhere, mut silent) = (std::io::sink(), std::io::sink());
        let mut reporter = super::reporter("text", &mut nowhere, &mut silent, output.terminal)?;
        let mut stage = Stage::new(&mut *reporter);
        let ran = backend.drill(&selection, &mut stage);
        let came = stage.run_ended();
        ran?;
        let said = match came {
            ExitStatus::Conforms => "the container agrees",
            ExitStatus::Inconclusive => "nothing can be said of it on the container",
            _ => "the container ends otherwise, a defect of the simulator",
        };
        writeln!(output.out, "confirm {}: {said}", find.path.display())?;
        status = status.and(came);
    }
    Ok(status)
}

#[expect(clippy::disallowed_methods, reason = "rates and the time limit are the wall's; no result depends on them")]
fn explore(args: &ExploreArgs, workspace: &Path, output: &mut Output<'_>) -> Result<Explored, Failure> {
    let exploration = args.of.exploration(workspace)?;
    let range = args.of.range(&exploration.space)?;
    exploration.check()?;
    let space = &exploration.space;
    let hash = report::short(&space.hash);
    let (version, cells) = (env!("CARGO_PKG_VERSION"), space.len());
    writeln!(output.log, "rollback-drill {version}: space {hash}, {cells} cells, {}", exploration.strategy.as_str())?;
    let threads = args.threads.map(usize::from).or_else(|| std::thread::available_parallelism().ok().map(usize::from));
    let seconds = args.seconds.or(exploration.without_end.then_some(SAMPLED_S));
    let _noted = interrupt::note();
    let (began, mut told): (Instant, Option<Duration>) = (Instant::now(), None);
    let (terminal, log) = (output.terminal.stderr, &mut *output.log);
    let mut goes_on = |progress: Progress| {
        let took = began.elapsed();
        let over = progress.done == progress.of;
        let every = if terminal { SHOWN_EVERY } else { LOGGED_EVERY };
        if over || told.is_none_or(|told| took.saturating_sub(told) >= every) {
            told = Some(took);
            // A line of progress that cannot be written stops no exploration.
            let _ = tell(log, terminal, exploration.without_end, progress, took);
        }
        seconds.is_none_or(|most| took.as_secs() < most)
    };
    let explored = exploration.explore(range, threads.unwrap_or(1), args.resume, &mut goes_on)?;
    if terminal {
        writeln!(output.log)?;
    }
    Ok(explored)
}

fn tell(
    log: &mut dyn Write,
    terminal: bool,
    without_end: bool,
    progress: Progress,
    took: Duration,
) -> std::io::Result<()> {
    let Progress { done, of, before, finds } = progress;
    let rate = (done - before) as f64 / took.as_secs_f64().max(0.001);
    let cells = if without_end { format!("{done} samples") } else { format!("{done} of {of} cells") };
    let line = format!("{cells}, {rate:.0} a second, {finds} smallest cells of finds, known ones among them");
    if terminal {
        write!(log, "\r\x1b[K{line}")?
    } else {
        writeln!(log, "{line}")?
    }
    log.flush()
}

impl Of {
    fn exploration(&self, workspace: &Path) -> Result<Exploration, Failure> {
        let input = |error: BadInput| Failure::Usage(error.to_string());
        let selection = Selection {
            runbook: self.runbook.clone(),
            binding: self.binding.clone(),
            seed: self.seed,
            ..Selection::usual(HostKind::Sim, "all", workspace)
        };
        let site = Site::new(selection).map_err(input)?;
        let folder = workspace.join("scenarios").join("explore");
        let properties = std::iter::once(folder.join("properties.toml")).chain(self.properties.iter().cloned());
        let properties: Vec<PathBuf> = properties.collect();
        let properties = Properties::load(properties.iter().map(PathBuf::as_path)).map_err(input)?;
        let wanted = Restricted {
            bases: self.base.clone(),
            topology: (self.topology != "all").then(|| self.topology.clone()),
            operator: match self.operator {
                Who::Careful => Some(Operator::Careful),
                Who::Paste => Some(Operator::Paste),
                Who::Both => None,
            },
        };
        let path = self.space.clone().unwrap_or_else(|| folder.join("space.toml"));
        let strategy = if self.exhaustive { Strategy::Exhaustive } else { Strategy::Sampled };
        let most = self.faults.unwrap_or(if self.exhaustive { 1 } else { FAULTS_MAX });
        let space = Arc::new(Space::load(&path, &wanted, most, &site).map_err(input)?);
        properties.fit(&space, &site.runbook).map_err(input)?;
        let pinned = Pinned::load(workspace).map_err(input)?;
        let (without_end, out) = (!self.exhaustive && self.range.is_none(), self.out.clone());
        Ok(Exploration { site, space, strategy, without_end, properties, pinned, out })
    }

    fn range(&self, space: &Space) -> Result<Range<u64>, Failure> {
        let all = if self.exhaustive { 0..space.len() } else { 0..SAMPLES_MAX };
        if let Some((part, parts)) = self.part {
            return Ok(part_of(all.end, part, parts));
        }
        let Some(range) = self.range.clone() else { return Ok(all) };
        let (from, until) = (range.start, range.end);
        if range.end > all.end {
            return Err(Failure::Usage(format!("--range {from}..{until}: the space ends at {}", all.end)));
        }
        let whole_blocks = from.is_multiple_of(BLOCK) && until.is_multiple_of(BLOCK);
        if !self.exhaustive && !whole_blocks {
            return Err(Failure::Usage(format!("--range {from}..{until}: samples come in blocks of {BLOCK}")));
        }
        Ok(range)
    }
}

/// `I/N`: I of 0 to below N.
fn part(text: &str) -> Result<(u64, u64), String> {
    let looked_for = "looked for I/N, such as 0/8: I from 0 to below N";
    let (part, parts) = text.split_once('/').ok_or(looked_for)?;
    let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{text:?}: {error}; {looked_for}"));
    let (part, parts) = (number(part)?, number(parts)?);
    if part < parts { Ok((part, parts)) } else { Err(looked_for.to_owned()) }
}

/// Parts follow each other without gap and overlap. Of more parts than cells some are empty.
fn part_of(cells: u64, part: u64, parts: u64) -> Range<u64> {
    let bound = |part: u64| u64::try_from(u128::from(cells) * u128::from(part) / u128::from(parts)).unwrap_or(cells);
    bound(part)..bound(part + 1)
}

/// `A..B`, with something in it.
fn range(text: &str) -> Result<Range<u64>, String> {
    let looked_for = "looked for A..B, such as 0..100";
    let (from, until) = text.split_once("..").ok_or(looked_for)?;
    let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{text:?}: {error}; {looked_for}"));
    let range = number(from)?..number(until)?;
    match range.is_empty() {
        true if range.start == range.end => Err(format!("it is empty; {looked_for}")),
        true => Err(format!("it is reversed; {looked_for}")),
        false => Ok(range),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_the_whole_without_gap_and_overlap() {
        for (cells, parts) in [(0, 3), (5, 8), (1622, 8), (u64::MAX, 7)] {
            let all: Vec<Range<u64>> = (0..parts).map(|part| part_of(cells, part, parts)).collect();
            assert_eq!((all[0].start, all[all.len() - 1].end), (0, cells));
            assert!(all.windows(2).all(|pair| pair[0].end == pair[1].start), "{all:?}");
        }
        assert_eq!(part("7/8"), Ok((7, 8)));
        for wrong in ["8/8", "0/0", "1", "-1/2", "a/2"] {
            assert!(part(wrong).unwrap_err().contains("looked for I/N"), "{wrong}");
        }
    }
}
