//! What many results come to: how much of the space was covered, and how often each find was met.

use std::collections::BTreeMap;

use super::results::{Found, Line};
use super::space::{Cell, Space};
use crate::verdict::Verdict;

/// Reasons for refusals that are told; more are counted.
const REASONS_MAX: usize = 20;

/// Counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Cells that were drilled or refused.
    pub cells: u64,
    /// Of these: a declared fault never acted.
    pub inert: u64,
    /// Of these: nothing can be said.
    pub incomplete: u64,
}

/// The sum of results.
#[derive(Debug)]
pub struct Tally {
    /// By row of the space, then by number of faults.
    pub rows: Vec<(Cell, Vec<Counts>)>,
    /// Finds, each with how many cells come down to it.
    pub finds: BTreeMap<Found, u64>,
    /// Verdicts of the cells that are neither inert nor incomplete.
    pub verdicts: BTreeMap<&'static str, u64>,
    /// Why cells were refused: the first of them, and how many.
    pub refused: BTreeMap<String, (u64, u64)>,
}

impl Tally {
    /// Nothing yet.
    pub fn new(space: &Space) -> Tally {
        let rows = space.rows().into_iter().map(|(bare, sizes)| (bare, vec![Counts::default(); sizes.len()]));
        Tally { rows: rows.collect(), finds: BTreeMap::new(), verdicts: BTreeMap::new(), refused: BTreeMap::new() }
    }

    /// Adds a cell's result.
    pub fn add(&mut self, cell: &Cell, line: &Line) {
        let bare = Cell { faults: Vec::new(), ..cell.clone() };
        let row = self.rows.iter_mut().find(|(row, _)| *row == bare);
        let incomplete = line.inert.is_empty() && line.verdict.is_none_or(|verdict| verdict == Verdict::Inconclusive);
        if let Some(counts) = row.and_then(|(_, sizes)| sizes.get_mut(cell.faults.len())) {
            counts.cells += 1;
            counts.inert += u64::from(!line.inert.is_empty());
            counts.incomplete += u64::from(incomplete);
        }
        match (&line.refused, line.verdict) {
            (Some(why), _) if self.refused.len() < REASONS_MAX || self.refused.contains_key(why) => {
                self.refused.entry(why.clone()).or_insert((line.cell, 0)).1 += 1;
            }
            (None, Some(verdict)) if !incomplete && line.inert.is_empty() => {
                *self.verdicts.entry(verdict.as_str()).or_default() += 1;
            }
            _ => {}
        }
        for found in &line.finds {
            *self.finds.entry(found.clone()).or_default() += 1;
        }
    }

    /// All cells together.
    pub fn total(&self) -> Counts {
        self.rows.iter().flat_map(|(_, sizes)| sizes).copied().fold(Counts::default(), Counts::and)
    }

    /// All with so many faults.
    pub fn of_size(&self, size: usize) -> Counts {
        let all = self.rows.iter().filter_map(|(_, sizes)| sizes.get(size));
        all.copied().fold(Counts::default(), Counts::and)
    }
}

impl Counts {
    fn and(self, other: Counts) -> Counts {
        Counts {
            cells: self.cells + other.cells,
            inert: self.inert + other.inert,
            incomplete: self.incomplete + other.incomplete,
        }
    }
}
