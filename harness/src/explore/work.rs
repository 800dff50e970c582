//! Cells carried out by several threads, and their results in the order of the cells.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::ScopedJoinHandle;

use super::drills::{Came, Drills, Site};
use super::property::Properties;
use super::results::{Found, Line, Smallest, Strategy};
use super::sample::{BLOCK, Block};
use super::shrink;
use super::space::{Cell, Space};
use crate::host::sim::Scripts;
use crate::interrupt;

/// Threads.
pub const THREADS_MAX: usize = 256;

/// Cells that a thread does between two looks at what the others have done: results are written, and time is looked at, then.
const CELLS_A_TURN: u64 = 32;

/// Carries cells out.
#[derive(Debug)]
pub struct Work<'a> {
    space: &'a Arc<Space>,
    site: &'a Site,
    properties: &'a Properties,
    strategy: Strategy,
    scripts: Scripts,
    workers: Vec<Drills<'a>>,
    /// Of samples: a block for each thread, in the order of their numbers, with results that are not given back yet.
    blocks: VecDeque<(Block<'a>, VecDeque<Line>)>,
    /// The block that is begun next.
    block: u64,
    next: u64,
    until: u64,
}

impl<'a> Work<'a> {
    /// The cells of a range, by so many threads. Samples that do not begin with a block are those of a block that was cut off.
    pub fn new(
        (space, site, properties): (&'a Arc<Space>, &'a Site, &'a Properties),
        strategy: Strategy,
        range: Range<u64>,
        threads: usize,
    ) -> Work<'a> {
        let scripts = Scripts::default();
        let workers = (0..threads.clamp(1, THREADS_MAX)).map(|_| Drills::new(space, site, scripts.clone())).collect();
        let (blocks, block) = (VecDeque::new(), range.start / BLOCK);
        let (next, until) = (range.start, range.end);
        Work { space, site, properties, strategy, scripts, workers, blocks, block, next, until }
    }

    /// The next cells' results, without a gap. Empty where all are done, or a signal came before the first of them was.
    pub fn turn(&mut self) -> Vec<Line> {
        let from = self.next;
        let mut lines = match self.strategy {
            Strategy::Exhaustive => self.cells(),
            Strategy::Sampled => self.samples(),
        };
        lines.sort_by_key(|line| line.cell);
        let whole = lines.iter().zip(from..).take_while(|(line, number)| line.cell == *number).count();
        lines.truncate(whole);
        self.next += whole as u64;
        lines
    }

    /// Whether it can end here for want of time: samples are taken by blocks, and of those that were begun none is half done.
    pub fn is_between_blocks(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Some samples more of a block for each thread; those of the first block are given back at once, others when it is done.
    fn samples(&mut self) -> Vec<Line> {
        let mut lines = Vec::new();
        while lines.is_empty() && self.next < self.until && interrupt::signal().is_none() {
            if self.blocks.is_empty() {
                let begun = (self.block..self.until.div_ceil(BLOCK)).take(self.workers.len());
                let of = (self.space, self.site, self.properties);
                self.blocks = begun.map(|number| (Block::new(number, of, &self.scripts), VecDeque::new())).collect();
                self.block += self.blocks.len() as u64;
            }
            let before = self.blocks.iter().map(|(_, lines)| lines.len()).sum::<usize>();
            std::thread::scope(|scope| {
                let some = |(block, lines): &'_ mut (Block<'a>, VecDeque<Line>)| {
                    for _ in 0..CELLS_A_TURN {
                        let next = if interrupt::signal().is_none() { block.next() } else { None };
                        let Some(line) = next else { break };
                        lines.push_back(line);
                    }
                };
                let threads: Vec<_> = self.blocks.iter_mut().map(|block| scope.spawn(move || some(block))).collect();
                ended(threads);
            });
            let after = self.blocks.iter().map(|(_, lines)| lines.len()).sum::<usize>();
            if before == after {
                break;
            }
            while let Some((block, done)) = self.blocks.front_mut() {
                lines.extend(done.drain(..).filter(|line| line.cell >= self.next));
                if !block.is_done() {
                    break;
                }
                self.blocks.pop_front();
            }
        }
        lines
    }

    fn cells(&mut self) -> Vec<Line> {
        let from = self.next;
        let until = self.until.min(from.saturating_add(CELLS_A_TURN * self.workers.len() as u64));
        let counter = AtomicU64::new(from);
        let (space, properties) = (self.space, self.properties);
        std::thread::scope(|scope| {
            let threads: Vec<_> = self
                .workers
                .iter_mut()
                .map(|drills| {
                    let counter = &counter;
                    scope.spawn(move || {
                        let mut lines = Vec::new();
                        while interrupt::signal().is_none() {
                            let number = counter.fetch_add(1, Ordering::Relaxed);
                            if number >= until {
                                break;
                            }
                            lines.extend(result(number, space, properties, drills));
                        }
                        lines
                    })
                })
                .collect();
            ended(threads).concat()
        })
    }
}

/// A panic is a defect of the harness, and ends it.
fn ended<T>(threads: Vec<ScopedJoinHandle<'_, T>>) -> Vec<T> {
    let ended = threads.into_iter().map(|thread| thread.join());
    ended.map(|ended| ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
}

/// What a cell came to: a function of the cell, whoever does it and whatever was done before.
pub fn result(number: u64, space: &Space, properties: &Properties, drills: &mut Drills<'_>) -> Option<Line> {
    let cell = space.cell(number)?;
    // The smallest is of the same block, with fewer faults or weaker levels: it has a number.
    Some(result_of(number, &cell, properties, drills, |space, smallest| {
        Smallest::Cell(space.number(smallest).unwrap_or(number))
    }))
}

/// The same for a cell of any space.
pub fn result_of(
    number: u64,
    cell: &Cell,
    properties: &Properties,
    drills: &mut Drills<'_>,
    named: impl Fn(&Space, &Cell) -> Smallest,
) -> Line {
    let came = drills.came(cell);
    let mut line = Line {
        cell: number,
        script: None,
        id: None,
        verdict: None,
        inert: Vec::new(),
        refused: None,
        finds: Vec::new(),
    };
    match &*came {
        Came::Refused(why) => line.refused = Some(why.clone()),
        Came::Drilled(drilled) => {
            let uses = drills.space.uses(cell);
            let silent = drilled.silent.iter().filter_map(|at| uses.get(*at));
            line.inert = silent.map(|used| used.id.clone()).collect();
            (line.id, line.verdict) = (Some(drilled.id.clone()), Some(drilled.ending.verdict));
        }
    }
    for property in &properties.all {
        for subject in property.violated(cell, drills) {
            let smallest = shrink::smallest(property, &subject, cell, drills);
            let smallest = named(&drills.space, &smallest);
            line.finds.push(Found { property: property.id.clone(), subject, smallest });
        }
    }
    line.finds.sort();
    line.finds.dedup();
    line
}
