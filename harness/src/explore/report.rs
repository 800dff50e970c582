//! What an exploration came to, for a person. It depends on the cells alone: neither on threads, nor on how they were divided
//! among machines. Rates and times stand elsewhere.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::explain::faults;
use super::finds::{Cause, Kind, Place, told};
use super::results::{Smallest, Strategy};
use super::space::{Script, Space};
use super::store;
use super::tally::{Counts, Tally};
use crate::bundle::story;
use crate::exit::ExitStatus;
use crate::prepare::Selection;

/// The seed of who gives none.
const SEED: u64 = 1;

/// Places that are named of a cause; the others are counted.
const PLACES_MAX: usize = 8;

/// A report.
#[derive(Debug)]
pub struct Report<'a> {
    /// What was explored.
    pub space: &'a Space,
    /// The documents, and the seed.
    pub selection: &'a Selection,
    /// Which cells were taken.
    pub strategy: Strategy,
    /// How many cells should have been done.
    pub wanted: u64,
    /// What they came to.
    pub tally: &'a Tally,
    /// All finds.
    pub kinds: &'a [Kind],
    /// Where their scenarios are.
    pub out: &'a Path,
}

impl Report<'_> {
    /// How the program is to exit: 1 with a find that no case pins, else 2 where something is missing.
    pub fn status(&self) -> ExitStatus {
        let total = self.tally.total();
        if self.kinds.iter().any(|kind| kind.causes.iter().any(|cause| cause.unknown().next().is_some())) {
            ExitStatus::DoesNotConform
        } else if total.cells < self.wanted || total.incomplete > 0 {
            ExitStatus::Inconclusive
        } else {
            ExitStatus::Conforms
        }
    }

    /// The whole text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a text cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, to: &mut String) -> std::fmt::Result {
        let Report { space, tally, .. } = self;
        let total = tally.total();
        writeln!(to, "space {}: {} cells, up to {} added faults", short(&space.hash), space.len(), space.most)?;
        let missing = self.wanted.saturating_sub(total.cells);
        let hole = if missing > 0 { format!(", {missing} of the wanted are missing") } else { String::new() };
        let Counts { cells, inert, incomplete } = total;
        let cells = format!("{cells} {}", if self.strategy == Strategy::Sampled { "samples" } else { "cells" });
        writeln!(to, "done {cells}: {inert} inert, {incomplete} incomplete{hole}")?;
        let verdicts: Vec<String> =
            tally.verdicts.iter().map(|(verdict, count)| format!("{verdict} {count}")).collect();
        writeln!(to, "verdicts of the others: {}\n", verdicts.join(", "))?;
        self.coverage(to)?;
        for (why, (first, count)) in &tally.refused {
            writeln!(to, "\nno drill in {count} cells, first in {first}: {}", story::one_line(why))?;
        }
        let new = |cause: &&Cause| cause.unknown().next().is_some();
        let with_new: Vec<&Kind> =
            self.kinds.iter().filter(|kind| kind.causes.iter().any(|cause| new(&cause))).collect();
        writeln!(to, "\nkinds of new finds: {}", with_new.len())?;
        for kind in with_new {
            let Kind { property, subject, causes } = kind;
            writeln!(to, "\n{}: {subject}\n  {}", property.id, property.about)?;
            for cause in causes.iter().filter(new) {
                self.cause(to, kind, cause)?;
            }
        }
        self.known(to)
    }

    /// A row for each base, topology and operator, and one for all; columns by the number of faults. Samples have values beyond the
    /// levels of the space, so how many cells that has stands beside them, and is no share.
    fn coverage(&self, to: &mut String) -> std::fmt::Result {
        let (rows, sizes) = (self.space.rows(), 0..=self.space.most);
        let of: Vec<u64> = sizes.clone().map(|size| rows.iter().filter_map(|(_, all)| all.get(size)).sum()).collect();
        let all: Vec<Counts> = sizes.clone().map(|size| self.tally.of_size(size)).collect();
        let head: String = sizes.map(|size| format!(" {:>18}", sized(size))).collect();
        writeln!(to, "{:<36}{head}", "covered, of them inert")?;
        for ((bare, counts), (_, all)) in self.tally.rows.iter().zip(&rows) {
            let base = self.space.bases.get(bare.base).map_or("", |base| base.name.as_str());
            let name = format!("{base} {} {}", self.space.topology(bare), bare.operator.as_str());
            self.row(to, &name, counts, all)?;
        }
        self.row(to, "all of them", &all, &of)?;
        if self.strategy == Strategy::Sampled {
            let of: String = of.iter().map(|cells| format!(" {cells:>18}")).collect();
            writeln!(to, "{:<36}{of}", "cells of the space")?;
        }
        Ok(())
    }

    fn row(&self, to: &mut String, name: &str, counts: &[Counts], all: &[u64]) -> std::fmt::Result {
        let columns = counts.iter().zip(all).map(|(counts, all)| {
            let of = if self.strategy == Strategy::Exhaustive { format!(" of {all}") } else { String::new() };
            format!(" {:>18}", format!("{}{of}, {}", counts.cells, counts.inert))
        });
        writeln!(to, "{name:<36}{}", columns.collect::<String>())
    }

    fn cause(&self, to: &mut String, kind: &Kind, cause: &Cause) -> std::fmt::Result {
        let cells: u64 = cause.unknown().map(|place| place.cells).sum();
        writeln!(to, "\n  {}: {cells} cells, {}", told(&cause.faults), self.places(cause.unknown()))?;
        let Some(shown) = cause.unknown().next() else { return Ok(()) };
        let (verdict, failing, broken) = (shown.ending.verdict, &shown.ending.failing, &shown.ending.broken);
        let cell = match &shown.smallest {
            Smallest::Cell(number) => format!("cell {number}: "),
            Smallest::Script(_) => String::new(),
        };
        writeln!(to, "    smallest  {cell}{}", faults(&shown.script.faults))?;
        writeln!(to, "    comes to  {}", story::ending(verdict, failing, broken))?;
        let nearest = cause.why.nearest.as_deref().unwrap_or("none: it holds in no drill one fault or level away");
        writeln!(to, "    holds in  {nearest}")?;
        if let Some(differs) = &cause.why.differs {
            writeln!(to, "    differs   {differs}")?;
        }
        if let Some((line, text)) = &cause.why.line {
            writeln!(to, "    line {line:<4} {text}")?;
        }
        for flip in &cause.flips {
            let (fault, param, fails) = (&flip.fault, &flip.param, flip.fails);
            match flip.holds {
                Some(holds) => writeln!(to, "    flips     {fault} {param} between {holds} and {fails} {}", flip.unit)?,
                None => writeln!(to, "    flips     {fault} {param} nowhere: from {fails} {} on", flip.unit)?,
            }
        }
        let file = self.out.join(store::FOUND).join(format!("{}.toml", store::name(kind, shown)));
        let (topology, operator) = (&shown.script.topology, shown.script.operator.as_str());
        let file = file.display();
        let with = self.with();
        writeln!(
            to,
            "    again     rollback-drill drill --scenario {file} --topology {topology} --operator {operator}{with}"
        )
    }

    /// What a drill has to be told to be of the same documents and the same chance.
    fn with(&self) -> String {
        let Selection { runbook, binding, seed, .. } = self.selection;
        let file = |name: &str, path: &Option<PathBuf>| match path {
            Some(path) => format!(" --{name} {}", path.display()),
            None => String::new(),
        };
        let seed = if *seed == SEED { String::new() } else { format!(" --seed {seed}") };
        [file("runbook", runbook), file("binding", binding), seed].concat()
    }

    fn places<'p>(&self, places: impl Iterator<Item = &'p Place>) -> String {
        let named: Vec<String> = places
            .map(|place| {
                let Script { base, topology, operator, .. } = &place.script;
                format!("{base} {topology} {}", operator.as_str())
            })
            .collect();
        let mut named = named;
        named.dedup();
        let more = named.len().saturating_sub(PLACES_MAX);
        let shown = named.into_iter().take(PLACES_MAX).collect::<Vec<_>>().join("; ");
        if more > 0 { format!("{shown}; and {more} more") } else { shown }
    }

    /// Cases, with the places that they pin.
    fn known(&self, to: &mut String) -> std::fmt::Result {
        let mut places = 0;
        let mut lines = String::new();
        for kind in self.kinds {
            for cause in &kind.causes {
                let mut cases: BTreeMap<&str, Vec<&Place>> = BTreeMap::new();
                for place in &cause.places {
                    if let Some(case) = &place.known {
                        cases.entry(case).or_default().push(place);
                    }
                }
                for (case, pinned) in cases {
                    places += pinned.len();
                    let (id, subject, faults) = (&kind.property.id, &kind.subject, told(&cause.faults));
                    let at = self.places(pinned.into_iter());
                    writeln!(lines, "  {id}: {subject}, {faults}: pinned by {case}, {at}")?;
                }
            }
        }
        writeln!(to, "\nknown finds: {places} smallest cells")?;
        to.write_str(&lines)
    }
}

/// Enough of a hash to tell one from another.
pub fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

fn sized(size: usize) -> String {
    match size {
        0 => "no fault".to_owned(),
        1 => "one".to_owned(),
        2 => "pairs".to_owned(),
        3 => "triples".to_owned(),
        more => format!("sets of {more}"),
    }
}
