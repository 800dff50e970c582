//! The space file, as its TOML says it.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::{Entry, Params};
use crate::explore::source::Source;
use crate::fault::{self, FaultKind, Whence};
use crate::prepare::BadInput;
use crate::scenario::{FaultUse, Moment, Operator, Role};

/// The project's own, for messages.
pub(super) const LIKE: &str = "scenarios/explore/space.toml";

/// Levels of one fault.
const LEVELS_MAX: usize = 16;

/// What a space is made of. All that it says of faults may be left out: they then have the levels of [`levels`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SpaceFile {
    schema: Spanned<u32>,
    /// Scenarios whose own faults, the incident among them, every cell has.
    bases: Spanned<Vec<Spanned<String>>>,
    topologies: Spanned<Vec<Spanned<String>>>,
    operators: Spanned<Vec<Spanned<Operator>>>,
    /// No other faults than these; all that there are where nothing is said.
    #[serde(default)]
    only: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    touching: Vec<Touching>,
    #[serde(default)]
    fault: Vec<FaultLevels>,
}

/// Faults that touch the same thing: the order in which they are brought about counts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Touching {
    /// For people.
    thing: Spanned<String>,
    faults: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultLevels {
    id: Spanned<String>,
    #[serde(default)]
    release: Option<Role>,
    /// From the weakest to the strongest. An empty list: the fault is left out.
    #[serde(default)]
    levels: Option<Vec<Params>>,
    /// Moments at which it begins, beside that it is there from the beginning on. Left out: every boundary between two commands
    /// of a topology, if it can begin at one.
    #[serde(default)]
    moments: Option<Vec<Moment>>,
}

/// A fault that the file speaks of itself, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said(pub(super) usize);

impl SpaceFile {
    pub(super) fn read(source: &Source) -> Result<SpaceFile, BadInput> {
        let file: SpaceFile = source.parse(LIKE)?;
        if *file.schema.get_ref() != 1 {
            let what = format!("schema is {}; looked for 1", file.schema.get_ref());
            return Err(source.wrong(file.schema.span().start, &what));
        }
        for (what, at, none, twice) in [
            ("bases", file.bases.span(), file.bases().is_empty(), first_twice(file.bases())),
            ("topologies", file.topologies.span(), file.topologies().is_empty(), first_twice(file.topologies())),
            ("operators", file.operators.span(), file.operators().is_empty(), first_twice(file.operators())),
        ] {
            if none {
                return Err(source.wrong(at.start, &format!("{what}: none; looked for at least one")));
            }
            if let Some(at) = twice {
                return Err(source.wrong(at, &format!("{what}: the same one twice; looked for each once")));
            }
        }
        Ok(file)
    }

    pub(super) fn bases(&self) -> &[Spanned<String>] {
        self.bases.get_ref()
    }

    pub(super) fn topologies(&self) -> &[Spanned<String>] {
        self.topologies.get_ref()
    }

    pub(super) fn operators(&self) -> &[Spanned<Operator>] {
        self.operators.get_ref()
    }

    /// `None`: all that there are.
    pub(super) fn only(&self) -> Option<&[Spanned<String>]> {
        self.only.as_ref().map(|only| only.get_ref().as_slice())
    }

    /// Every fault that there is, once for each release that can be born with it; those of a group next to each other.
    pub(super) fn entries(&self, source: &Source) -> Result<Vec<(Entry, Option<Said>)>, BadInput> {
        let (kinds, groups) = (self.kinds(source)?, self.groups(source)?);
        let mut entries = Vec::new();
        for kind in kinds {
            let group = groups.get(kind.id).copied();
            let releases: Vec<Option<Role>> = match kind.whence {
                Whence::Inborn { releases } => releases.iter().copied().map(Some).collect(),
                Whence::Outside => vec![None],
            };
            for release in releases {
                entries.push((Entry { id: kind.id, release, levels: levels(kind), moments: None, group }, None));
            }
        }
        for said in &self.fault {
            let (id, at) = (said.id.get_ref(), said.id.span().start);
            let Some(kind) = fault::kind(id) else { return Err(source.wrong(at, &no_fault(id))) };
            let mut of_it =
                entries.iter_mut().filter(|(entry, _)| entry.id == kind.id && entry.release == said.release);
            let Some((entry, place)) = of_it.next() else {
                let used = FaultUse { id: id.clone(), release: said.release, params: BTreeMap::new(), at: None };
                let left_out = || format!("`{id}` is not among `only`; take its levels out, or name it there");
                let why = fault::check(&used).map_or_else(|error| error.to_string(), |_| left_out());
                return Err(source.wrong(at, &why));
            };
            if place.is_some() {
                return Err(source.wrong(at, &format!("`{id}` again; looked for one entry for each fault and release")));
            }
            *place = Some(Said(at));
            if said.levels.as_ref().is_some_and(Vec::is_empty) && said.moments.is_some() {
                let what = format!("`{id}`: `levels = []` leaves it out, so it has no moments; take one of them out");
                return Err(source.wrong(at, &what));
            }
            if let Some(levels) = &said.levels {
                entry.levels = said.checked_levels(levels).map_err(|what| source.wrong(at, &what))?;
            }
            if let Some(moments) = &said.moments {
                said.check_moments(moments).map_err(|what| source.wrong(at, &what))?;
                entry.moments = Some(moments.clone());
            }
        }
        entries.sort_by_key(|(entry, _)| entry.group.map_or((1, 0), |group| (0, group)));
        Ok(entries)
    }

    /// The faults that the space has.
    fn kinds(&self, source: &Source) -> Result<Vec<&'static FaultKind>, BadInput> {
        let Some(only) = &self.only else { return Ok(fault::REGISTRY.to_vec()) };
        let (at, only) = (only.span().start, only.get_ref());
        if only.is_empty() {
            return Err(source.wrong(at, "only: none; looked for at least one fault"));
        }
        if let Some(at) = first_twice(only) {
            return Err(source.wrong(at, "only: the same fault twice; looked for each once"));
        }
        let known = |id: &Spanned<String>| {
            fault::kind(id.get_ref()).ok_or_else(|| source.wrong(id.span().start, &no_fault(id.get_ref())))
        };
        only.iter().map(known).collect()
    }

    fn groups(&self, source: &Source) -> Result<BTreeMap<&str, usize>, BadInput> {
        let mut groups = BTreeMap::new();
        for (group, touching) in self.touching.iter().enumerate() {
            if touching.faults.len() < 2 {
                let (at, thing) = (touching.thing.span().start, touching.thing.get_ref());
                let what = format!("touching {thing:?}: fewer than two faults have no order; looked for at least two");
                return Err(source.wrong(at, &what));
            }
            for id in &touching.faults {
                if fault::kind(id.get_ref()).is_none() {
                    return Err(source.wrong(id.span().start, &no_fault(id.get_ref())));
                }
                if !self.only().is_none_or(|only| only.iter().any(|known| known.get_ref() == id.get_ref())) {
                    let what =
                        format!("`{}` is not among `only`; take it out of `touching`, or name it there", id.get_ref());
                    return Err(source.wrong(id.span().start, &what));
                }
                if groups.insert(id.get_ref().as_str(), group).is_some() {
                    let what = format!("`{}` touches two things; looked for one, which both belong to", id.get_ref());
                    return Err(source.wrong(id.span().start, &what));
                }
            }
        }
        Ok(groups)
    }
}

impl FaultLevels {
    fn checked_levels(&self, given: &[Params]) -> Result<Vec<Params>, String> {
        let id = self.id.get_ref();
        if given.len() > LEVELS_MAX {
            return Err(format!("{} levels; looked for at most {LEVELS_MAX}", given.len()));
        }
        let mut levels = Vec::new();
        for params in given {
            let used = FaultUse { id: id.clone(), release: self.release, params: params.clone(), at: None };
            let checked = fault::check(&used).map_err(|error| error.to_string())?.params;
            if levels.contains(&checked) {
                return Err(format!("`{id}` has the same level twice: {checked:?}"));
            }
            levels.push(checked);
        }
        Ok(levels)
    }

    fn check_moments(&self, moments: &[Moment]) -> Result<(), String> {
        let id = self.id.get_ref();
        for (index, moment) in moments.iter().enumerate() {
            let used = FaultUse { id: id.clone(), release: self.release, params: BTreeMap::new(), at: Some(*moment) };
            fault::check_moment(&used).map_err(|error| error.to_string())?;
            if moments.get(..index).unwrap_or_default().contains(moment) {
                return Err(format!("`{id}` has the same moment twice: {}", moment.words()));
            }
        }
        Ok(())
    }
}

fn no_fault(id: &str) -> String {
    let known = fault::REGISTRY.iter().map(|kind| kind.id).collect::<Vec<_>>().join(", ");
    format!("no fault `{id}`; there are {known}")
}

/// The levels of a fault of which the file says nothing: all its parameters at their least, as a scenario has them that does
/// not give them, and at their greatest.
fn levels(kind: &FaultKind) -> Vec<Params> {
    let all = |value: &dyn Fn(&fault::Param) -> u64| -> Params {
        kind.params.iter().map(|param| (param.name.to_owned(), value(param))).collect()
    };
    let mut levels =
        vec![all(&|param| param.min), all(&|param| param.default.unwrap_or(param.min)), all(&|param| param.max)];
    levels.dedup();
    levels
}

/// Where the first of two equal ones is repeated.
fn first_twice<T: PartialEq>(all: &[Spanned<T>]) -> Option<usize> {
    let again = |(at, one): (usize, &Spanned<T>)| {
        let before = all.get(..at).unwrap_or_default();
        before.iter().any(|other| other.get_ref() == one.get_ref()).then(|| one.span().start)
    };
    all.iter().enumerate().find_map(again)
}
