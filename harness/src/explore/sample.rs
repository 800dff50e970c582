//! Sampled cells: any number of faults up to the greatest, values beyond the levels of the space file, and more of what led to
//! a course of events that was not seen before.
//!
//! Samples come in blocks. What was seen before is forgotten where a block begins, so a block is a function of its number, the
//! seed and the space, and blocks can be divided among threads and machines.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use super::drills::{Came, Drills, Site};
use super::property::Properties;
use super::results::{Line, Smallest};
use super::space::{Cell, Params, Script, Space};
use super::{shrink, work};
use crate::fault;
use crate::host::sim::Scripts;
use crate::release::sha256_hex;
use crate::scenario::{FaultUse, Moment};

/// Samples of a block.
pub const BLOCK: u64 = 1000;

/// Scripts that are made for a sample, until one is new in its block.
const TRIES: usize = 20;

/// Scripts that are worth a second look, of one block.
const KEPT_MAX: usize = 256;

/// A block that is being carried out: a function of its number, the seed and the space, whoever does it.
#[derive(Debug)]
pub struct Block<'a> {
    space: &'a Arc<Space>,
    site: &'a Site,
    properties: &'a Properties,
    drills: Drills<'a>,
    chance: Chance,
    samples: Range<u64>,
    /// Courses of events that were seen.
    seen: BTreeSet<String>,
    /// Scripts with a course of their own.
    kept: Vec<Script>,
    taken: BTreeSet<Script>,
}

impl<'a> Block<'a> {
    /// From its first sample on.
    pub fn new(
        number: u64,
        (space, site, properties): (&'a Arc<Space>, &'a Site, &'a Properties),
        scripts: &Scripts,
    ) -> Block<'a> {
        let seed = site.selection.seed;
        Block {
            space,
            site,
            properties,
            drills: Drills::new(space, site, scripts.clone()),
            chance: Chance::new(&format!("explore {seed} {number} {}", space.hash)),
            samples: number * BLOCK..(number + 1) * BLOCK,
            seen: BTreeSet::new(),
            kept: Vec::new(),
            taken: BTreeSet::new(),
        }
    }

    /// Whether all its samples are done.
    pub fn is_done(&self) -> bool {
        self.samples.is_empty()
    }

    /// A script that this block has not had, as far as some tries find one.
    fn script(&mut self) -> Option<Script> {
        let mut script = next(&self.kept, self.space, &mut self.chance)?;
        for _ in 1..TRIES {
            if !self.taken.contains(&script) {
                break;
            }
            script = next(&self.kept, self.space, &mut self.chance)?;
        }
        self.taken.insert(script.clone());
        Some(script)
    }

    /// Finds at levels of the space file, where they are there as well: else there would be one for each value that was drawn.
    fn settled(&mut self, mut line: Line) -> Line {
        self.drills.space = self.space.clone();
        for found in &mut line.finds {
            let Smallest::Script(script) = &mut found.smallest else { continue };
            let property = self.properties.all.iter().find(|property| property.id == found.property);
            let (Some(property), Some(at)) = (property, self.space.settled(script)) else { continue };
            if property.violated(&at, &mut self.drills).contains(&found.subject) {
                let smallest = shrink::smallest(property, &found.subject, &at, &mut self.drills);
                *script = self.space.script(&smallest);
            }
        }
        line.finds.sort();
        line.finds.dedup();
        line
    }
}

/// Its samples' results, in order. It ends early only where no script can be made at all.
impl Iterator for Block<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let sample = self.samples.next()?;
        let script = self.script()?;
        let (script, placed, cell) = possible(script, self.space, self.site)?;
        self.drills.space = Arc::new(placed);
        let came = self.drills.came(&cell);
        if let Came::Drilled(drilled) = &*came
            && self.seen.insert(drilled.course.clone())
            && self.kept.len() < KEPT_MAX
        {
            // What never acted led to nothing, and beside more faults it would not either.
            let acted = |at: &usize| !drilled.silent.contains(at);
            let faults = script.faults.iter().enumerate().filter(|(at, _)| acted(at)).map(|(_, used)| used.clone());
            self.kept.push(Script { faults: faults.collect(), ..script.clone() });
        }
        let named = |space: &Space, smallest: &Cell| Smallest::Script(space.script(smallest));
        let line = work::result_of(sample, &cell, self.properties, &mut self.drills, named);
        Some(self.settled(Line { script: Some(script), ..line }))
    }
}

/// One that is like another with a course of its own, or as often one from nothing.
fn next(kept: &[Script], space: &Space, chance: &mut Chance) -> Option<Script> {
    let again = chance.below(kept.len() as u64 * 2);
    match usize::try_from(again).ok().and_then(|again| kept.get(again)) {
        Some(known) => Some(varied(known, space, chance)),
        None => fresh(space, chance),
    }
}

/// What `prepare` can make of a script: where a value is none that a topology can have, that of the space file is taken.
fn possible(script: Script, space: &Space, site: &Site) -> Option<(Script, Space, Cell)> {
    let (placed, cell) = space.place(&script)?;
    let scenario = placed.scenario(&cell)?;
    if site.prepare(&scenario, &script.topology, script.operator).is_ok() {
        return Some((script, placed, cell));
    }
    let mut plain = script;
    for has in space.can_have(&plain.base, &plain.topology) {
        let same = plain.faults.iter_mut().find(|used| used.id == has.id && used.release == has.release);
        if let Some(used) = same {
            used.params = has.params;
        }
    }
    let (placed, cell) = space.place(&plain)?;
    Some((plain, placed, cell))
}

/// A script from nothing: few faults more often than many.
fn fresh(space: &Space, chance: &mut Chance) -> Option<Script> {
    let bares = space.bares();
    let mut script = chance.one_of(&bares).or(bares.first()).cloned()?;
    let mut wanted = 1;
    while wanted < space.most && chance.below(2) == 0 {
        wanted += 1;
    }
    for _ in 0..wanted {
        add(&mut script, space, chance);
    }
    Some(script)
}

/// A script that is one step from a known one.
fn varied(known: &Script, space: &Space, chance: &mut Chance) -> Script {
    let mut script = known.clone();
    let at = usize::try_from(chance.below(script.faults.len() as u64)).unwrap_or_default();
    match chance.below(4) {
        0 if !script.faults.is_empty() => drop(script.faults.remove(at)),
        1 => {
            if let Some(used) = script.faults.get_mut(at) {
                used.params = value(space, used, chance);
                used.at = moment(space, (&known.base, &known.topology), used, chance);
            }
        }
        2 => {
            // By another operator at the same machine: what one topology has, another may not.
            let mut others = space.bares();
            others.retain(|other| (&other.base, &other.topology) == (&script.base, &script.topology));
            if let Some(other) = chance.one_of(&others) {
                script.operator = other.operator;
            }
        }
        _ if script.faults.len() < space.most => add(&mut script, space, chance),
        _ => script.faults.rotate_left(1),
    }
    script
}

fn add(script: &mut Script, space: &Space, chance: &mut Chance) {
    let mut can = space.can_have(&script.base, &script.topology);
    can.retain(|used| !script.faults.iter().any(|has| has.id == used.id && has.release == used.release));
    if let Some(mut used) = chance.one_of(&can).cloned() {
        used.params = value(space, &used, chance);
        used.at = moment(space, (&script.base, &script.topology), &used, chance);
        script.faults.push(used);
    }
}

/// From the beginning on, or as often from one of its moments on.
fn moment(space: &Space, (base, topology): (&str, &str), used: &FaultUse, chance: &mut Chance) -> Option<Moment> {
    let moments = space.moments(base, topology, used);
    if moments.is_empty() || chance.below(2) == 0 {
        return None;
    }
    chance.one_of(&moments).copied()
}

/// A level of the file, or as often any value within the fault's bounds.
fn value(space: &Space, used: &FaultUse, chance: &mut Chance) -> Params {
    let levels = space.levels(used);
    let level = chance.one_of(&levels).cloned().unwrap_or_default();
    if chance.below(2) == 0 {
        return level;
    }
    let params = fault::kind(&used.id).map_or(&[][..], |kind| kind.params);
    let any = |param: &fault::Param, chance: &mut Chance| {
        (param.name.to_owned(), param.min + chance.below(param.max.saturating_sub(param.min).saturating_add(1)))
    };
    params.iter().map(|param| any(param, chance)).collect()
}

/// Numbers that a text decides.
#[derive(Debug)]
struct Chance(u64);

impl Chance {
    fn new(text: &str) -> Chance {
        let hash = sha256_hex(text.as_bytes());
        Chance(u64::from_str_radix(hash.get(..16).unwrap_or_default(), 16).unwrap_or_default())
    }

    /// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below this; 0 for 0.
    fn below(&mut self, most: u64) -> u64 {
        self.next().checked_rem(most).unwrap_or_default()
    }

    fn one_of<'t, T>(&mut self, all: &'t [T]) -> Option<&'t T> {
        all.get(usize::try_from(self.below(all.len() as u64)).ok()?)
    }
}
