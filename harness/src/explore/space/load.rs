//! From a space file to a space: which fault can be had where is for `prepare` to say.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Spanned;

use super::file::SpaceFile;
use super::sets::{Item, Sets};
use super::{Block, Cell, Choice, Entry, FAULTS_MAX, Space};
use crate::explore::drills::Site;
use crate::explore::source::Source;
use crate::fault::{self, Begins};
use crate::prepare::{self, BadInput, Prepared};
use crate::procedure::{Class, Procedure};
use crate::release::sha256_hex;
use crate::scenario::{Moment, Operator, Scenario};
use crate::topology::Topology;

/// What a space is restricted to on the command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restricted {
    /// To these bases; none: all.
    pub bases: Vec<String>,
    /// To this topology.
    pub topology: Option<String>,
    /// To this operator.
    pub operator: Option<Operator>,
}

impl Space {
    /// Reads a space file. `most` is the greatest number of faults that are added.
    ///
    /// # Errors
    /// All that is wrong with the file, with its line; a restriction that leaves nothing.
    pub fn load(path: &Path, wanted: &Restricted, most: usize, site: &Site) -> Result<Space, BadInput> {
        if most > FAULTS_MAX {
            return Err(BadInput(format!("--faults {most}: the greatest number is {FAULTS_MAX}")));
        }
        let source = Source::read(path)?;
        let file = SpaceFile::read(&source)?;
        let bases = bases(&file, &source, site)?;
        let entries = file.entries(&source)?;
        let mut space = Space {
            bases,
            topologies: file.topologies().iter().map(|id| id.get_ref().clone()).collect(),
            entries: entries.iter().map(|(entry, _)| entry.clone()).collect(),
            most,
            hash: String::new(),
            blocks: Vec::new(),
        };
        space.make_blocks(&file, &source, site)?;
        for (index, (entry, said)) in entries.iter().enumerate() {
            let Some(said) = said else { continue };
            let missing = (0..entry.levels.len()).find(|level| !space.anywhere(index, *level));
            if let Some(level) = missing {
                let id = entry.id;
                let what = format!("`{id}`: level {} can be had with no base on any topology; take it out", level + 1);
                return Err(source.wrong(said.0, &what));
            }
            let never = entry.moments.iter().flatten().find(|moment| !space.comes(index, **moment));
            if let Some(moment) = never {
                let (id, words) = (entry.id, moment.words());
                let what = format!("`{id}`: {words} comes on no topology that can have it; take it out");
                return Err(source.wrong(said.0, &what));
            }
        }
        space.has_what_is_named(&file).map_err(|(at, what)| source.wrong(at, &what))?;
        space.restrict(wanted)?;
        space.hash = space.hashed(site)?;
        match space.checked_len() {
            Some(_) => Ok(space),
            None => Err(too_many(most)),
        }
    }

    fn make_blocks(&mut self, file: &SpaceFile, source: &Source, site: &Site) -> Result<(), BadInput> {
        let mut known = BTreeMap::new();
        for (base, name) in file.bases().iter().enumerate() {
            for (topology, id) in file.topologies().iter().enumerate() {
                for operator in file.operators() {
                    let bare = Cell { base, topology, operator: *operator.get_ref(), faults: Vec::new() };
                    self.is_for(&bare, (name, id, operator)).map_err(|(at, what)| source.wrong(at, &what))?;
                }
                let Some(first) = file.operators().first() else { continue };
                let bare = Cell { base, topology, operator: *first.get_ref(), faults: Vec::new() };
                let Some(scenario) = self.scenario(&bare) else { continue };
                // What is wrong with the base itself is no reason for a fault to be missing.
                let prepared = site.prepare(&scenario, self.topology(&bare), bare.operator);
                let prepared = prepared.map_err(|error| source.wrong(name.span().start, &error.to_string()))?;
                let machine = (topology, scenario.good.clone(), scenario.bad.clone());
                let possible = known.entry(machine).or_insert_with(|| self.possible(&bare, &prepared, site)).clone();
                let choices = self.choices(&bare, possible);
                let item = |choice: &Choice| Item {
                    levels: choice.levels.len() as u64 * choice.moments.len() as u64,
                    group: self.entries.get(choice.entry).and_then(|entry| entry.group),
                };
                let items: Vec<Item> = choices.iter().map(item).collect();
                let sets = Sets::new(items, self.most).ok_or_else(|| too_many(self.most))?;
                for operator in file.operators().iter().map(|operator| *operator.get_ref()) {
                    self.blocks.push(Block { base, topology, operator, choices: choices.clone(), sets: sets.clone() });
                }
            }
        }
        Ok(())
    }

    /// Whether a base expects something of this operator there; if not, where the file is wrong and why.
    fn is_for(
        &self,
        bare: &Cell,
        (name, id, operator): (&Spanned<String>, &Spanned<String>, &Spanned<Operator>),
    ) -> Result<(), (usize, String)> {
        let Some(base) = self.bases.get(bare.base) else { return Ok(()) };
        let known = base.expect.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let Some(operators) = base.expect.get(id.get_ref()) else {
            let what = format!("base `{}` is not for topology `{}`; it is for {known}", name.get_ref(), id.get_ref());
            return Err((id.span().start, what));
        };
        let who = operator.get_ref();
        if operators.contains_key(who) {
            return Ok(());
        }
        let what =
            format!("base `{}` on topology `{}` is not for operator `{}`", name.get_ref(), id.get_ref(), who.as_str());
        Err((operator.span().start, what))
    }

    /// Which entries, at which of their levels, a topology can have with the releases of a base, whatever else the base is.
    fn possible(&self, bare: &Cell, prepared: &Prepared, site: &Site) -> Vec<Choice> {
        let mut choices = Vec::new();
        for (entry, known) in self.entries.iter().enumerate() {
            let has = |level: &usize| {
                let cell = Cell { faults: vec![super::Added { entry, level: *level, at: None }], ..bare.clone() };
                let scenario = self.scenario(&cell).map(|mut scenario| {
                    scenario.faults = self.uses(&cell);
                    scenario
                });
                scenario.is_some_and(|made| site.prepare(&made, self.topology(bare), bare.operator).is_ok())
            };
            let levels: Vec<usize> = (0..known.levels.len()).filter(has).collect();
            if !levels.is_empty() {
                choices.push(Choice {
                    entry,
                    levels,
                    moments: moments(known, &prepared.procedure, &prepared.topology),
                });
            }
        }
        choices
    }

    /// Those of them that a base has not already, at moments that come in its drills.
    fn choices(&self, bare: &Cell, mut possible: Vec<Choice>) -> Vec<Choice> {
        let has_already = |choice: &Choice| {
            let base = self.bases.get(bare.base).map_or(&[][..], |base| &base.faults);
            let entry = self.entries.get(choice.entry);
            base.iter().any(|used| entry.is_some_and(|entry| entry.id == used.id && entry.release == used.release))
        };
        possible.retain(|choice| !has_already(choice));
        if !self.bases.get(bare.base).is_some_and(prepare::is_watched) {
            let watch = |moment: &Option<Moment>| matches!(moment, Some(Moment::After(_)));
            possible.iter_mut().for_each(|choice| choice.moments.retain(|moment| !watch(moment)));
        }
        possible
    }

    /// Whether each fault that the file names under `only` can be added somewhere, and any fault at all; if not, where the file is
    /// wrong and why.
    fn has_what_is_named(&self, file: &SpaceFile) -> Result<(), (usize, String)> {
        let added = |id: Option<&str>| {
            let mut choices = self.blocks.iter().flat_map(|block| &block.choices);
            choices.any(|choice| {
                let entry = self.entries.get(choice.entry);
                entry.is_some_and(|entry| id.is_none_or(|id| entry.id == id))
            })
        };
        for id in file.only().unwrap_or_default() {
            let (at, id) = (id.span().start, id.get_ref().as_str());
            if added(Some(id)) {
                continue;
            }
            let why = if self.entries.iter().all(|entry| entry.id != id || entry.levels.is_empty()) {
                "is left out by `levels = []`"
            } else if self.bases.iter().all(|base| base.faults.iter().any(|used| used.id == id)) {
                "is what each base has already"
            } else {
                "can be had with no base on any topology"
            };
            return Err((at, format!("only: `{id}` {why}; take it out")));
        }
        match file.bases().first() {
            Some(base) if !added(None) => {
                let what = "no fault is left that could be added to any base; looked for at least one".to_owned();
                Err((base.span().start, what))
            }
            _ => Ok(()),
        }
    }

    fn anywhere(&self, entry: usize, level: usize) -> bool {
        let mut choices = self.blocks.iter().flat_map(|block| &block.choices);
        choices.any(|choice| choice.entry == entry && choice.levels.contains(&level))
    }

    /// Whether a moment is that of an entry anywhere.
    fn comes(&self, entry: usize, moment: Moment) -> bool {
        let of = |choice: &&Choice| choice.entry == entry;
        let mut choices = self.blocks.iter().flat_map(|block| &block.choices).filter(of);
        choices.any(|choice| choice.moments.contains(&Some(moment)))
    }

    fn restrict(&mut self, wanted: &Restricted) -> Result<(), BadInput> {
        let names: Vec<String> = self.bases.iter().map(|base| base.name.clone()).collect();
        if let Some(unknown) = wanted.bases.iter().find(|name| !names.contains(name)) {
            return Err(BadInput(format!("--base {unknown}: no base of this space; there are {}", names.join(", "))));
        }
        let topologies = &self.topologies;
        self.blocks.retain(|block| {
            let base = names.get(block.base).is_some_and(|name| wanted.bases.contains(name));
            let topology = topologies.get(block.topology);
            (wanted.bases.is_empty() || base)
                && wanted.topology.as_ref().is_none_or(|wanted| topology == Some(wanted))
                && wanted.operator.is_none_or(|operator| operator == block.operator)
        });
        if self.blocks.is_empty() {
            let operators = "operators of the space file";
            return Err(BadInput(format!(
                "nothing is left of the space: its topologies are {}; see the {operators}",
                self.topologies.join(", ")
            )));
        }
        Ok(())
    }

    /// Of all that decides which cell has which number, and what is drilled in it but the documents.
    fn hashed(&self, site: &Site) -> Result<String, BadInput> {
        let json = |error: serde_json::Error| BadInput(error.to_string());
        let mut parts = vec![serde_json::to_string(&self.entries).map_err(json)?];
        for block in &self.blocks {
            let bare = block.bare();
            let Some(scenario) = self.scenario(&bare) else { continue };
            let prepared = site.prepare(&scenario, self.topology(&bare), bare.operator)?;
            let fingerprint = prepared.topology.fingerprint().map_err(|error| BadInput(error.to_string()))?;
            let of_block = (&scenario, fingerprint, [&prepared.good, &prepared.bad], bare.operator, &block.choices);
            parts.push(serde_json::to_string(&of_block).map_err(json)?);
        }
        Ok(sha256_hex(parts.join("\n").as_bytes()))
    }
}

/// When an entry can begin: with the drill, at boundaries of the procedure, in the middle of commands that last, in the watch behind
/// them, and at boundaries of the failure path; in order.
fn moments(entry: &Entry, procedure: &Procedure, topology: &Topology) -> Vec<Option<Moment>> {
    let place = |moment: Moment| {
        let of = |class| procedure.commands().position(|command| command.is(class));
        match moment {
            Moment::Before(class) => match fault::FAILURE_PATH.iter().position(|known| *known == class) {
                Some(at) => Some((usize::MAX, at)),
                None => Some((of(class)?, 0)),
            },
            Moment::During(class) => topology.takes_ms.contains_key(&class).then_some((of(class)?, 1)),
            Moment::After(_) => Some((usize::MAX, 0)),
        }
    };
    let begins = fault::kind(entry.id).map(|kind| kind.begins);
    let later: Vec<Moment> = match (begins, &entry.moments) {
        (Some(Begins::AtAnyCommand), None) => {
            let both = |(_, class)| [Moment::Before(class), Moment::During(class)];
            let moments = procedure.boundaries().into_iter().flat_map(both);
            let moments = moments.chain(fault::FAILURE_PATH.map(Moment::Before));
            moments.filter(|moment| place(*moment).is_some()).collect()
        }
        (Some(Begins::InTheWatch), None) => vec![Moment::After(Class::Verify)],
        (Some(Begins::AtAnyCommand | Begins::InTheWatch), Some(said)) => {
            let mut placed: Vec<_> = said.iter().filter_map(|moment| Some((place(*moment)?, *moment))).collect();
            placed.sort_by_key(|(place, _)| *place);
            placed.dedup_by_key(|(place, _)| *place);
            placed.into_iter().map(|(_, moment)| moment).collect()
        }
        _ => Vec::new(),
    };
    std::iter::once(None).chain(later.into_iter().map(Some)).collect()
}

fn bases(file: &SpaceFile, source: &Source, site: &Site) -> Result<Vec<Scenario>, BadInput> {
    let cases = prepare::cases_folder(&site.selection.workspace);
    let load = |name: &Spanned<String>| {
        let path = cases.join(format!("{}.toml", name.get_ref()));
        if !path.is_file() {
            let what = format!("no scenario `{}`; see `scenarios list`", name.get_ref());
            return Err(source.wrong(name.span().start, &what));
        }
        prepare::load(&path)
    };
    file.bases().iter().map(load).collect()
}

fn too_many(most: usize) -> BadInput {
    BadInput(format!("--faults {most}: more cells than a 64-bit number can count; take fewer faults or levels"))
}
