//! Scripts in a space: where one is that may have levels which the space file does not, and what one can be made of.

use super::{Added, Block, Cell, Params, Script, Space};
use crate::scenario::{FaultUse, Moment};

impl Space {
    /// The cell of a script, in a space that has its levels. A level that is new stands between those that are weaker and
    /// those that are stronger, as far as one number decides that. `None` where it is of another space.
    ///
    /// Cells of such a space have no number.
    pub fn place(&self, script: &Script) -> Option<(Space, Cell)> {
        let mut space = self.clone();
        let base = self.bases.iter().position(|base| base.name == script.base)?;
        let topology = self.topologies.iter().position(|topology| *topology == script.topology)?;
        let mut faults = Vec::new();
        for used in &script.faults {
            let entry = self.entry(used)?;
            faults.push(Added { entry, level: space.level(entry, &used.params)?, at: used.at });
        }
        Some((space, Cell { base, topology, operator: script.operator, faults }))
    }

    /// The cell of a script at levels of the space file: where it has another value, at the next stronger one that the file has.
    /// `None` where there is none, or the script has no other value.
    pub fn settled(&self, script: &Script) -> Option<Cell> {
        let (placed, mut cell) = self.place(script)?;
        let mut moved = false;
        for added in &mut cell.faults {
            let (all, ours) = (&placed.entries.get(added.entry)?.levels, &self.entries.get(added.entry)?.levels);
            let from = all.get(added.level..)?;
            let level = from.iter().find_map(|level| ours.iter().position(|our| our == level))?;
            moved |= !ours.contains(from.first()?);
            added.level = level;
        }
        moved.then_some(cell)
    }

    /// The index of a level, which is put in its place where it is new.
    fn level(&mut self, entry: usize, params: &Params) -> Option<usize> {
        let levels = &mut self.entries.get_mut(entry)?.levels;
        if let Some(known) = levels.iter().position(|level| level == params) {
            return Some(known);
        }
        let falls = levels.first() > levels.last();
        let weaker = |level: &&Params| if falls { *level > params } else { *level < params };
        let place = levels.iter().take_while(weaker).count();
        levels.insert(place, params.clone());
        for choice in self.blocks.iter_mut().flat_map(|block| &mut block.choices) {
            if choice.entry == entry {
                choice.levels.iter_mut().filter(|level| **level >= place).for_each(|level| *level += 1);
                let at = choice.levels.iter().take_while(|level| **level < place).count();
                choice.levels.insert(at, place);
            }
        }
        Some(place)
    }

    fn entry(&self, used: &FaultUse) -> Option<usize> {
        self.entries.iter().position(|entry| entry.id == used.id && entry.release == used.release)
    }

    /// The levels of a fault in the space file.
    pub fn levels(&self, used: &FaultUse) -> Vec<Params> {
        self.entry(used).and_then(|entry| self.entries.get(entry)).map(|entry| entry.levels.clone()).unwrap_or_default()
    }

    /// When a fault can begin in the middle of drills from a base on a topology.
    pub fn moments(&self, base: &str, topology: &str, used: &FaultUse) -> Vec<Moment> {
        let is = |cell: &Cell| {
            self.topology(cell) == topology && self.bases.get(cell.base).is_some_and(|known| known.name == base)
        };
        let bare = self.blocks.iter().map(Block::bare).find(is);
        let choice = bare.zip(self.entry(used)).and_then(|(bare, entry)| self.choice(&bare, entry));
        choice.map_or(&[][..], |choice| &choice.moments).iter().flatten().copied().collect()
    }

    /// Every base, topology and operator, without a fault.
    pub fn bares(&self) -> Vec<Script> {
        self.blocks.iter().map(|block| self.script(&block.bare())).collect()
    }

    /// The faults that a base can have on a topology, each at its strongest.
    pub fn can_have(&self, base: &str, topology: &str) -> Vec<FaultUse> {
        let is = |cell: &Cell| {
            self.topology(cell) == topology && self.bases.get(cell.base).is_some_and(|known| known.name == base)
        };
        let block = self.blocks.iter().find(|block| is(&block.bare()));
        let choices = block.into_iter().flat_map(|block| &block.choices);
        let strongest = choices.filter_map(|choice| {
            let entry = self.entries.get(choice.entry)?;
            let params = entry.levels.get(*choice.levels.last()?)?.clone();
            Some(FaultUse { id: entry.id.to_owned(), release: entry.release, params, at: None })
        });
        strongest.collect()
    }
}
