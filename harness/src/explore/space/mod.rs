//! The space that is explored: every set of up to so many faults, each at one of its levels, for every base scenario,
//! topology and operator. It is counted, and a cell is a number: cells with fewer faults come first, so the number of a cell
//! is the same whatever the greatest number of faults is.
//!
//! What is left out of it, and by which rule:
//! - a fault that the base has already, and one that a topology cannot have with it: `prepare` refuses such a scenario;
//! - the second order of two faults that touch nothing in common (`touching` in the file). That the order of those does not
//!   matter is a property itself, and checked in each cell.
//!
//! A fault that can begin in the middle of a drill is in it from the beginning on, from each boundary between two commands of
//! the topology's procedure on, and from the middle of each command that lasts. One that can begin in the watch of alerts is in
//! it from there on as well, where a base has a watch. A boundary has the name of a class (`before the first stop`): of a command
//! that is the first of several classes it is in the space once, and before one that is the first of none it is not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::scenario::{FaultUse, Moment, Operator, Role, Scenario};

mod file;
mod load;
mod place;
pub mod sets;

pub use load::Restricted;

use sets::{Sets, Taken};

/// Faults of a cell, beside those of its base.
pub const FAULTS_MAX: usize = 6;

/// Parameters of a fault.
pub type Params = BTreeMap<String, u64>;

/// A fault that can be added, in one of the releases that it can be in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its id.
    pub id: &'static str,
    /// The release that is born with it.
    pub release: Option<Role>,
    /// From the weakest to the strongest.
    pub levels: Vec<Params>,
    /// No other moments than these, beside the beginning of the drill; `None`: each boundary, if it can begin at one.
    pub moments: Option<Vec<Moment>>,
    /// Those of the same group touch the same thing.
    pub group: Option<usize>,
}

/// What is drilled: a base scenario with faults added, on a topology, by an operator.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// Index of the base.
    pub base: usize,
    /// Index of the topology.
    pub topology: usize,
    /// Who is at the keyboard.
    pub operator: Operator,
    /// In the order in which they are brought about.
    pub faults: Vec<Added>,
}

/// A cell by its words: the same in any space that has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Name of the base scenario.
    pub base: String,
    /// Id.
    pub topology: String,
    /// Who is at the keyboard.
    pub operator: Operator,
    /// Added faults, in the order in which they are brought about.
    #[serde(default)]
    pub faults: Vec<FaultUse>,
}

/// A fault of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Added {
    /// Index of the entry.
    pub entry: usize,
    /// Index of its level.
    pub level: usize,
    /// When it begins, where it is not there from the beginning on.
    pub at: Option<Moment>,
}

/// Cells that differ in their faults alone.
#[derive(Debug, Clone)]
struct Block {
    base: usize,
    topology: usize,
    operator: Operator,
    choices: Vec<Choice>,
    sets: Sets,
}

/// An entry, and those of its levels that can be had in a block, each of them at each of its moments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Choice {
    entry: usize,
    levels: Vec<usize>,
    /// From the earliest; the first is the beginning of the drill.
    moments: Vec<Option<Moment>>,
}

/// A space.
#[derive(Debug, Clone)]
pub struct Space {
    /// Base scenarios.
    pub bases: Vec<Scenario>,
    /// Topologies, by id.
    pub topologies: Vec<String>,
    /// Faults.
    pub entries: Vec<Entry>,
    /// The greatest number of added faults.
    pub most: usize,
    /// SHA-256 of all that decides which cell has which number, lower-case hex.
    pub hash: String,
    blocks: Vec<Block>,
}

impl Space {
    /// How many cells there are.
    pub fn len(&self) -> u64 {
        self.checked_len().unwrap_or(u64::MAX)
    }

    /// Whether there is none. There always is one: a base without a fault.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn checked_len(&self) -> Option<u64> {
        let sizes = (0..=self.most).flat_map(|size| self.blocks.iter().map(move |block| block.sets.count(size)));
        sizes.into_iter().try_fold(0u64, u64::checked_add)
    }

    /// The cell with this number, from 0.
    pub fn cell(&self, mut number: u64) -> Option<Cell> {
        for size in 0..=self.most {
            for block in &self.blocks {
                let count = block.sets.count(size);
                if number < count {
                    let set = block.sets.set(size, number)?;
                    let faults = set.iter().map(|taken| block.added(*taken)).collect::<Option<Vec<Added>>>()?;
                    return Some(Cell { faults, ..block.bare() });
                }
                number -= count;
            }
        }
        None
    }

    /// The number of a cell; `None` where it is none of this space.
    pub fn number(&self, cell: &Cell) -> Option<u64> {
        let size = cell.faults.len();
        if size > self.most {
            return None;
        }
        let (mut before, mut found) = (0u64, None);
        for at in 0..=size {
            for block in &self.blocks {
                let here = Cell { faults: cell.faults.clone(), ..block.bare() } == *cell;
                if at == size && here {
                    found = Some(block);
                    break;
                }
                before = before.checked_add(block.sets.count(at))?;
            }
        }
        let block = found?;
        let set = cell.faults.iter().map(|added| block.taken(*added)).collect::<Option<Vec<Taken>>>()?;
        before.checked_add(block.sets.number(&set)?)
    }

    /// Cells by base, topology and operator, and by how many faults they have: a row for each, in the order of the blocks.
    pub fn rows(&self) -> Vec<(Cell, Vec<u64>)> {
        let counts = |block: &Block| (0..=self.most).map(|size| block.sets.count(size)).collect();
        self.blocks.iter().map(|block| (block.bare(), counts(block))).collect()
    }

    /// The next weaker level of a cell's fault.
    pub fn weaker(&self, cell: &Cell, at: usize) -> Option<Cell> {
        let added = cell.faults.get(at)?;
        let choice = self.choice(cell, added.entry)?;
        let level = *choice.levels.iter().rev().find(|level| **level < added.level)?;
        let mut weaker = cell.clone();
        *weaker.faults.get_mut(at)? = Added { level, ..*added };
        Some(weaker)
    }

    /// The cells in which a fault begins earlier: with the drill, and at the boundary before its own.
    pub fn earlier(&self, cell: &Cell, at: usize) -> Vec<Cell> {
        let Some(added) = cell.faults.get(at) else { return Vec::new() };
        let moments = self.choice(cell, added.entry).map_or(&[][..], |choice| &choice.moments);
        let mut earlier: Vec<Option<Moment>> =
            moments.iter().copied().take_while(|moment| *moment != added.at).collect();
        if earlier.len() > 1 {
            earlier.drain(1..earlier.len() - 1);
        }
        let with = |moment| {
            let mut cell = cell.clone();
            if let Some(added) = cell.faults.get_mut(at) {
                added.at = moment;
            }
            cell
        };
        earlier.into_iter().map(with).collect()
    }

    fn choice(&self, cell: &Cell, entry: usize) -> Option<&Choice> {
        let block = self.blocks.iter().find(|block| (block.base, block.topology) == (cell.base, cell.topology))?;
        block.choices.iter().find(|choice| choice.entry == entry)
    }

    /// Whether the order of two faults is part of a cell.
    pub fn touch(&self, one: Added, other: Added) -> bool {
        let group = |added: Added| self.entries.get(added.entry).and_then(|entry| entry.group);
        group(one).is_some() && group(one) == group(other)
    }

    /// The added faults of a cell.
    pub fn uses(&self, cell: &Cell) -> Vec<FaultUse> {
        let used = |added: &Added| {
            let entry = self.entries.get(added.entry)?;
            let params = entry.levels.get(added.level)?.clone();
            Some(FaultUse { id: entry.id.to_owned(), release: entry.release, params, at: added.at })
        };
        cell.faults.iter().filter_map(used).collect()
    }

    /// The scenario of a cell. Its name is its base's: a name decides nothing, and is not to.
    pub fn scenario(&self, cell: &Cell) -> Option<Scenario> {
        self.scenario_with(cell, self.uses(cell))
    }

    /// The same with these faults in place of the cell's.
    pub fn scenario_with(&self, cell: &Cell, uses: Vec<FaultUse>) -> Option<Scenario> {
        let mut scenario = self.bases.get(cell.base)?.clone();
        scenario.faults.extend(uses);
        Some(scenario)
    }

    /// A cell by its words.
    pub fn script(&self, cell: &Cell) -> Script {
        Script {
            base: self.bases.get(cell.base).map(|base| base.name.clone()).unwrap_or_default(),
            topology: self.topology(cell).to_owned(),
            operator: cell.operator,
            faults: self.uses(cell),
        }
    }

    /// The space with one level more, and the cell at it. It is no part of the numbering.
    pub fn with_level(&self, cell: &Cell, at: usize, params: Params) -> (Space, Cell) {
        let (mut space, mut cell) = (self.clone(), cell.clone());
        let added = cell.faults.get_mut(at);
        let entry = added.as_ref().and_then(|added| space.entries.get_mut(added.entry));
        if let (Some(added), Some(entry)) = (added, entry) {
            added.level = entry.levels.len();
            entry.levels.push(params);
        }
        (space, cell)
    }

    /// A scenario as a space of one cell, with these of its faults as the added ones.
    pub fn of_one(scenario: &Scenario, added: &[FaultUse], topology: &str, operator: Operator) -> (Space, Cell) {
        let mut base = scenario.clone();
        base.faults.retain(|used| !added.contains(used));
        let entry = |used: &FaultUse| {
            let id = crate::fault::kind(&used.id).map_or("", |kind| kind.id);
            Entry { id, release: used.release, levels: vec![used.params.clone()], moments: None, group: None }
        };
        let space = Space {
            bases: vec![base],
            topologies: vec![topology.to_owned()],
            entries: added.iter().map(entry).collect(),
            most: added.len(),
            hash: String::new(),
            blocks: Vec::new(),
        };
        let faults = added.iter().enumerate().map(|(entry, used)| Added { entry, level: 0, at: used.at }).collect();
        (space, Cell { base: 0, topology: 0, operator, faults })
    }

    /// Id of a cell's topology.
    pub fn topology(&self, cell: &Cell) -> &str {
        self.topologies.get(cell.topology).map_or("", String::as_str)
    }
}

impl Block {
    fn bare(&self) -> Cell {
        Cell { base: self.base, topology: self.topology, operator: self.operator, faults: Vec::new() }
    }

    fn added(&self, taken: Taken) -> Option<Added> {
        let choice = self.choices.get(taken.item)?;
        let level = taken.level.checked_div(choice.moments.len())?;
        let at = *choice.moments.get(taken.level % choice.moments.len())?;
        Some(Added { entry: choice.entry, level: *choice.levels.get(level)?, at })
    }

    fn taken(&self, added: Added) -> Option<Taken> {
        let item = self.choices.iter().position(|choice| choice.entry == added.entry)?;
        let choice = self.choices.get(item)?;
        let level = choice.levels.iter().position(|level| *level == added.level)?;
        let moment = choice.moments.iter().position(|moment| *moment == added.at)?;
        Some(Taken { item, level: level * choice.moments.len() + moment })
    }
}

impl Cell {
    /// Without one of its faults.
    #[must_use]
    pub fn without(&self, at: usize) -> Cell {
        let mut cell = self.clone();
        if at < cell.faults.len() {
            cell.faults.remove(at);
        }
        cell
    }
}
