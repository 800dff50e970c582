//! Exploration: properties in place of expected results, held against every set of faults of a counted space, in memory, in
//! the simulator. What does not hold is a find: brought down to the smallest script that shows it, explained, and left as a
//! scenario.
//!
//! ```text
//! space.toml ─space→ cells ─work→ results.jsonl ─tally→ finds ─known, explain→ report, found/*.toml
//!                      └ drills, properties, shrink
//! ```

use std::fs::{File, OpenOptions};
use std::io::BufWriter;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::exit::ExitStatus;
use crate::prepare::BadInput;
use crate::run::{self, RunError};
use crate::{fault, interrupt};

pub mod accept;
pub mod drills;
pub mod explain;
pub mod finds;
pub mod known;
pub mod property;
pub mod report;
pub mod results;
pub mod sample;
pub mod shrink;
mod source;
pub mod space;
pub mod stands_for;
pub mod store;
pub mod strength;
pub mod tally;
pub mod work;

use drills::Site;
use finds::told_of;
use known::Pinned;
use property::Properties;
use report::Report;
use results::{Header, Line, Reader, Smallest, Strategy};
use space::{Cell, Script, Space};
use store::Stored;
use tally::Tally;
use work::Work;

/// Below the folder of an exploration.
pub const RESULTS: &str = "results.jsonl";
/// Below the folder of an exploration.
pub const REPORT: &str = "report.txt";

/// What is explored, and by what.
#[derive(Debug)]
pub struct Exploration {
    /// The documents under test.
    pub site: Site,
    /// The cells.
    pub space: Arc<Space>,
    /// Which of them are taken.
    pub strategy: Strategy,
    /// Samples of which nobody said how many: what was done when they ended is all that was wanted.
    pub without_end: bool,
    /// What has to hold.
    pub properties: Properties,
    /// Cases that pin finds.
    pub pinned: Pinned,
    /// Where results, report and finds go.
    pub out: PathBuf,
}

/// How far an exploration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Cells that are done.
    pub done: u64,
    /// Cells in all.
    pub of: u64,
    /// Cells that were done before it went on from there.
    pub before: u64,
    /// Smallest cells of finds, known or not.
    pub finds: usize,
}

/// What it came to.
#[derive(Debug)]
pub struct Explored {
    /// The report.
    pub text: String,
    /// How the program is to exit.
    pub status: ExitStatus,
    /// The scenarios of its finds, by kind.
    pub stored: Vec<Stored>,
    /// The signal that ended it before its end.
    pub interrupted: Option<i32>,
}

impl Exploration {
    /// Whether the simulator knows all that the documents ask of it, with no fault added.
    ///
    /// # Errors
    /// What it does not.
    pub fn check(&self) -> Result<(), RunError> {
        let mut drills = Vec::new();
        for (bare, _) in self.space.rows() {
            if let Some(scenario) = self.space.scenario(&bare) {
                drills.push(self.site.prepare(&scenario, self.space.topology(&bare), bare.operator)?);
            }
        }
        run::check(&drills)
    }

    /// What its results begin with.
    pub fn header(&self, range: &Range<u64>) -> Header {
        Header {
            schema: results::SCHEMA,
            harness: env!("CARGO_PKG_VERSION").to_owned(),
            space: self.space.hash.clone(),
            properties: self.properties.hash.clone(),
            runbook: self.site.runbook.runbook.sha256.clone(),
            binding: self.site.runbook.binding.sha256.clone(),
            seed: self.site.selection.seed.to_string(),
            faults: self.space.most,
            strategy: self.strategy,
            from: range.start,
            until: range.end,
        }
    }

    /// Carries out a range of cells. Results are on the disk after each turn; after a signal, or where `goes_on` says no, the
    /// report is of those that are done.
    ///
    /// # Errors
    /// Bad results to go on from, and those of the file system.
    pub fn explore(
        &self,
        range: Range<u64>,
        threads: usize,
        resume: bool,
        goes_on: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<Explored, RunError> {
        let header = self.header(&range);
        let (mut tally, mut next) = (Tally::new(&self.space), range.start);
        let path = self.out.join(RESULTS);
        let failed = |error: std::io::Error| RunError::Harness(format!("{}: {error}", path.display()));
        std::fs::create_dir_all(&self.out).map_err(failed)?;
        let mut file = if resume {
            next = self.read_again(&path, &header, &mut tally)?;
            BufWriter::new(OpenOptions::new().append(true).open(&path).map_err(failed)?)
        } else {
            let mut file = BufWriter::new(File::create(&path).map_err(failed)?);
            results::write(&mut file, &header).map_err(failed)?;
            file
        };
        let (before, of) = (next - range.start, range.end - range.start);
        let explored = (&self.space, &self.site, &self.properties);
        let mut work = Work::new(explored, self.strategy, next..range.end, threads);
        let mut done = before;
        loop {
            std::io::Write::flush(&mut file).map_err(failed)?;
            let goes_on = goes_on(Progress { done, of, before, finds: tally.finds.len() });
            if !goes_on && work.is_between_blocks() {
                break;
            }
            let lines = work.turn();
            if lines.is_empty() {
                break;
            }
            for line in lines {
                results::write(&mut file, &line).map_err(failed)?;
                self.add(&mut tally, &line).map_err(|what| RunError::Harness(format!("cell {}: {what}", line.cell)))?;
                done += 1;
            }
        }
        std::io::Write::flush(&mut file).map_err(failed)?;
        drop(file);
        let wanted = if self.without_end && interrupt::signal().is_none() { done } else { of };
        let mut explored = self.finish(&tally, wanted)?;
        explored.interrupted = interrupt::signal();
        Ok(explored)
    }

    /// Adds a result to the tally.
    ///
    /// # Errors
    /// What in it is not of this exploration, and what was looked for.
    fn add(&self, tally: &mut Tally, line: &Line) -> Result<(), String> {
        let cell = match (&line.script, self.strategy) {
            (Some(script), Strategy::Sampled) => self.placed(script)?,
            (None, Strategy::Exhaustive) => self.numbered(line.cell)?,
            (Some(_), Strategy::Exhaustive) => return Err("a script; looked for none, a cell's number says it".into()),
            (None, Strategy::Sampled) => return Err("no script; looked for that of the sample".into()),
        };
        if line.id.is_some() == line.refused.is_some() || line.id.is_some() != line.verdict.is_some() {
            return Err("looked for either `id` and `verdict` of a drill, or why it was `refused`".into());
        }
        for found in &line.finds {
            if !self.properties.all.iter().any(|property| property.id == found.property) {
                return Err(format!("no property `{}`; looked for one of this exploration's", found.property));
            }
            match &found.smallest {
                Smallest::Cell(number) => self.numbered(*number)?,
                Smallest::Script(script) => self.placed(script)?,
            };
        }
        tally.add(&cell, line);
        Ok(())
    }

    fn numbered(&self, number: u64) -> Result<Cell, String> {
        self.space.cell(number).ok_or_else(|| format!("cell {number}; looked for one below {}", self.space.len()))
    }

    fn placed(&self, script: &Script) -> Result<Cell, String> {
        let placed = self.space.place(script).filter(|(space, cell)| {
            let known = script.faults.iter().all(|used| fault::check(used).is_ok_and(|checked| checked == *used));
            known && cell.faults.len() <= space.most
        });
        let (_, cell) = placed.ok_or_else(|| {
            format!(
                "{}; looked for base, topology and faults of this space, at most {}",
                told_of(script),
                self.space.most
            )
        })?;
        Ok(cell)
    }

    /// The results of before; returns the cell to go on with.
    fn read_again(&self, path: &Path, wanted: &Header, tally: &mut Tally) -> Result<u64, BadInput> {
        let mut reader = Reader::open(path, wanted)?;
        if (reader.header.from, reader.header.until) != (wanted.from, wanted.until) {
            let (from, until) = (reader.header.from, reader.header.until);
            return Err(reader.wrong(&format!("range {from}..{until}; looked for {}..{}", wanted.from, wanted.until)));
        }
        let mut next = wanted.from;
        while let Some(line) = reader.line()? {
            if line.cell != next {
                return Err(
                    reader.wrong(&format!("cell {}; looked for {next}: nothing is left out of a range", line.cell))
                );
            }
            self.add(tally, &line).map_err(|what| reader.wrong(&what))?;
            next += 1;
        }
        Ok(next)
    }

    /// Joins results of parts into one file, and reports of it as if it had been made at once. `range` is what should be
    /// there; where it is not `given`, samples are wanted from the first to the last that a part was to have.
    ///
    /// # Errors
    /// Bad results, and those of the file system.
    pub fn merge(&self, files: &[PathBuf], given: bool, mut range: Range<u64>) -> Result<Explored, RunError> {
        let wanted = self.header(&range);
        let mut parts = files.iter().map(|path| Reader::open(path, &wanted)).collect::<Result<Vec<_>, _>>()?;
        let all = if self.strategy == Strategy::Exhaustive { self.space.len() } else { results::SAMPLES_MAX };
        if let Some(part) = parts.iter().find(|part| part.header.until > all) {
            let Header { from, until, .. } = part.header;
            return Err(part
                .wrong(&format!("range {from}..{until}; looked for one that ends at {all} or before"))
                .into());
        }
        if !given {
            let headers = || parts.iter().map(|part| &part.header);
            range.start = headers().map(|header| header.from).min().unwrap_or(range.start);
            range.end = headers().map(|header| header.until).max().unwrap_or(range.end);
        }
        let header = self.header(&range);
        let mut tally = Tally::new(&self.space);
        let path = self.out.join(RESULTS);
        let failed = |error: std::io::Error| RunError::Harness(format!("{}: {error}", path.display()));
        std::fs::create_dir_all(&self.out).map_err(failed)?;
        // One of the parts may lie where the whole will.
        let mut whole = tempfile::NamedTempFile::new_in(&self.out).map_err(failed)?;
        let mut to = BufWriter::new(&mut whole);
        results::write(&mut to, &header).map_err(failed)?;
        let mut broken = None;
        results::merge(&mut parts, |line| {
            if !range.contains(&line.cell) {
                let (from, until) = (range.start, range.end);
                return Err(format!("cell {}; looked for one of --range {from}..{until}", line.cell));
            }
            self.add(&mut tally, line)?;
            broken = broken.take().or(results::write(&mut to, line).err());
            Ok(())
        })?;
        if let Some(error) = broken.or(std::io::Write::flush(&mut to).err()) {
            return Err(failed(error));
        }
        drop(to);
        whole.persist(&path).map_err(|error| failed(error.error))?;
        self.finish(&tally, range.end - range.start)
    }

    fn finish(&self, tally: &Tally, wanted: u64) -> Result<Explored, RunError> {
        let kinds = finds::grouped(&tally.finds, &self.properties, (&self.space, &self.site, &self.pinned));
        let stored = store::store(&kinds, &self.space, &self.out)?;
        let strategy = self.strategy;
        let (space, selection, out) = (&self.space, &self.site.selection, &self.out);
        let report = Report { space, selection, strategy, wanted, tally, kinds: &kinds, out };
        let (text, status) = (report.text(), report.status());
        let path = self.out.join(REPORT);
        let written = std::fs::write(&path, &text);
        written.map_err(|error| RunError::Harness(format!("{}: {error}", path.display())))?;
        Ok(Explored { text, status, stored, interrupted: None })
    }
}
