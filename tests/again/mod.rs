//! What exploring finds again of what the cases pin: each case in each of its drills is held against the properties, told nothing
//! of what it expects; what they forbid in it is then looked for where an exploration of the project's space would come upon it,
//! and there it has to be shrunk to a find that the case pins. `document.rs` tells of it in `docs/found-again.md`, which
//! `tests/found_again.rs` holds.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rollback_harness::explore::drills::{Drills, Site};
use rollback_harness::explore::known::Pinned;
use rollback_harness::explore::property::{Properties, Property};
use rollback_harness::explore::results::{Line, Smallest};
use rollback_harness::explore::space::{Restricted, Script, Space};
use rollback_harness::explore::work;
use rollback_harness::host::HostKind;
use rollback_harness::host::sim::Scripts;
use rollback_harness::prepare::{self, Selection};
use rollback_harness::scenario::{FaultUse, Operator, Scenario};

pub mod base;
pub mod document;

use base::Base;

/// Faults at a time of the exploration that is told of: as many as the nightly one has.
pub const MOST: usize = 2;

/// One of a case's drills.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The topology's id.
    pub topology: String,
    /// Who is at the keyboard.
    pub operator: Operator,
}

/// Something that a property forbids in one of a case's drills.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Forbidden {
    /// The property's id.
    pub property: String,
    /// Of what it does not hold.
    pub subject: String,
    /// In which drill.
    pub place: Place,
}

/// What exploring makes of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Again {
    /// The smallest cell that shows it is one that this case pins, with so many faults.
    Found(usize),
    /// It is there with fewer faults, with weaker ones or with earlier ones, and another case pins that.
    AsAnother(String),
    /// What the case is of is none of the space's bases.
    NoBase,
    /// The case has more faults than are explored at a time.
    TooMany(usize),
    /// Its faults are at values that the space has not, and at those that it has the property holds: nothing but samples, which
    /// take any value, comes upon it.
    Between(Vec<FaultUse>),
    /// None of these: the space should have it, and it is not found, or no case pins what is found.
    Missed(String),
}

/// What becomes of a case.
#[derive(Debug)]
pub struct Case {
    /// The case.
    pub scenario: Scenario,
    /// What it is made of.
    pub base: Base,
    /// How many drills it has.
    pub drills: usize,
    /// All that is forbidden in them.
    pub forbidden: BTreeMap<Forbidden, Again>,
}

impl Case {
    /// Whether exploring comes upon it by its own faults.
    pub fn is_found(&self) -> bool {
        self.forbidden.values().any(|again| matches!(again, Again::Found(_)))
    }
}

/// The exploration that cases are looked for in.
#[derive(Debug)]
pub struct Search {
    site: Site,
    space: Arc<Space>,
    properties: Properties,
    pinned: Pinned,
}

impl Search {
    /// In a workspace's own space, or in another one.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn new(workspace: &Path, space: &Path) -> Result<Search, String> {
        let told = |error: prepare::BadInput| error.to_string();
        let site = Site::new(Selection::usual(HostKind::Sim, "all", workspace)).map_err(told)?;
        let space = Space::load(space, &Restricted::default(), MOST, &site).map_err(told)?;
        let own = workspace.join("scenarios/explore/properties.toml");
        let properties = Properties::load([own.as_path()]).map_err(told)?;
        let pinned = Pinned::load(workspace).map_err(told)?;
        Ok(Search { site, space: Arc::new(space), properties, pinned })
    }

    /// All cases, by name. They are looked for by as many threads as there are processors.
    ///
    /// # Errors
    /// A drill that cannot be made.
    pub fn all(&self) -> Result<Vec<Case>, String> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let cases = self.pinned.cases();
        let next = std::sync::atomic::AtomicUsize::new(0);
        let scripts = Scripts::default();
        let work = || {
            let mut one = Looking::new(self, &scripts);
            let mut done = Vec::new();
            while let Some(case) = cases.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                done.push(one.case(case));
            }
            done
        };
        let all: Result<Vec<Case>, String> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let ended = workers.into_iter().map(|worker| worker.join());
            ended.flat_map(|ended| ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        let mut all = all?;
        all.sort_by(|one, other| one.scenario.name.cmp(&other.scenario.name));
        Ok(all)
    }

    /// One case.
    ///
    /// # Errors
    /// A name that is no case's; a drill that cannot be made.
    pub fn one(&self, name: &str) -> Result<Case, String> {
        let case = self.pinned.cases().iter().find(|case| case.name == name);
        Looking::new(self, &Scripts::default()).case(case.ok_or_else(|| format!("no case `{name}`"))?)
    }
}

/// A worker with what it has drilled.
struct Looking<'s> {
    search: &'s Search,
    drills: Drills<'s>,
    scripts: Scripts,
    lines: BTreeMap<u64, Line>,
    /// Which case pins a find, by property, subject and smallest cell: one of all, and whether the one that is looked for.
    pins: BTreeMap<(String, String, u64), Option<String>>,
    own: BTreeMap<(String, String, u64), bool>,
}

impl<'s> Looking<'s> {
    fn new(search: &'s Search, scripts: &Scripts) -> Looking<'s> {
        let drills = Drills::new(&search.space, &search.site, scripts.clone());
        Looking {
            search,
            drills,
            scripts: scripts.clone(),
            lines: BTreeMap::new(),
            pins: BTreeMap::new(),
            own: BTreeMap::new(),
        }
    }

    fn case(&mut self, case: &Scenario) -> Result<Case, String> {
        let base = Base::of(case, &self.search.space.bases)?;
        let only = self.search.pinned.only(&case.name);
        self.own.clear();
        let places = case.expect.iter().flat_map(|(topology, operators)| {
            operators.keys().map(|operator| Place { topology: topology.clone(), operator: *operator })
        });
        let (mut forbidden, mut drills) = (BTreeMap::new(), 0);
        for place in places {
            drills += 1;
            for (property, subject) in self.forbidden(case, &base, &place) {
                let again = self.again(&only, &base, (property, &subject), &place);
                let property = property.id.clone();
                forbidden.insert(Forbidden { property, subject, place: place.clone() }, again);
            }
        }
        Ok(Case { scenario: case.clone(), base, drills, forbidden })
    }

    /// What properties of endings forbid in a drill; nothing else is what a case pins.
    fn forbidden(&self, case: &Scenario, base: &Base, place: &Place) -> Vec<(&'s Property, String)> {
        let (space, cell) = Space::of_one(case, base.added(), &place.topology, place.operator);
        let mut drills = Drills::new(&Arc::new(space), &self.search.site, self.scripts.clone());
        let of_endings = self.search.properties.all.iter().filter(|property| property.is_of_endings());
        let violated = of_endings.map(|property| (property, property.violated(&cell, &mut drills)));
        violated.flat_map(|(property, subjects)| subjects.into_iter().map(move |subject| (property, subject))).collect()
    }

    fn again(&mut self, only: &Pinned, base: &Base, of: (&Property, &str), place: &Place) -> Again {
        let Base::Of { base, added } = base else { return Again::NoBase };
        if added.len() > MOST {
            return Again::TooMany(added.len());
        }
        let script = Script {
            base: base.clone(),
            topology: place.topology.clone(),
            operator: place.operator,
            faults: added.clone(),
        };
        let (mut another, mut seen) = (None, 0);
        for number in self.alike(&script) {
            seen += 1;
            for smallest in self.smallest(number, of) {
                if self.is_pinned_by(only, smallest, of) {
                    let cell = self.search.space.cell(smallest);
                    return Again::Found(cell.map_or(0, |cell| cell.faults.len()));
                }
                another = another.or(Some(smallest));
            }
        }
        let another = another.map(|smallest| (smallest, self.pinned(smallest, of)));
        let space = &self.search.space;
        let beyond: Vec<_> = added.iter().filter(|used| !space.levels(used).contains(&used.params)).cloned().collect();
        match another {
            Some((_, Some(name))) => Again::AsAnother(name),
            Some((cell, None)) => Again::Missed(format!("cell {cell} shows it, and no case pins that")),
            None if seen > 0 && !beyond.is_empty() => Again::Between(beyond),
            None => Again::Missed(format!("none of the {seen} cells with its faults shows it")),
        }
    }

    /// Cells of the space with the faults of a script: its own first, then those at other levels, and at other moments where it
    /// has one.
    fn alike(&self, script: &Script) -> Vec<u64> {
        let space = &self.search.space;
        let mut scripts = vec![Vec::new()];
        for used in &script.faults {
            let mut levels = vec![used.params.clone()];
            levels.extend(space.levels(used));
            let mut moments = vec![used.at];
            if used.at.is_some() {
                moments.extend(space.moments(&script.base, &script.topology, used).into_iter().map(Some));
            }
            let one = |params, at| FaultUse { params, at, ..used.clone() };
            let ways = levels.iter().flat_map(|params| moments.iter().map(|at| one(params.clone(), *at)));
            let ways: Vec<FaultUse> = ways.collect();
            let more = |faults: &Vec<FaultUse>| {
                let more = |way: &FaultUse| faults.iter().chain([way]).cloned().collect();
                ways.iter().map(more).collect::<Vec<Vec<FaultUse>>>()
            };
            scripts = scripts.iter().flat_map(more).collect();
        }
        let mut numbers = Vec::new();
        for faults in scripts {
            let number = self.number(&Script { faults, ..script.clone() });
            numbers.extend(number.filter(|number| !numbers.contains(number)));
        }
        numbers
    }

    /// The number of a script's cell; where its faults touch nothing in common, they are in the space in one order.
    fn number(&self, script: &Script) -> Option<u64> {
        let space = &self.search.space;
        let (placed, mut cell) = space.place(script)?;
        if placed.entries != space.entries {
            return None;
        }
        space.number(&cell).or_else(|| {
            cell.faults.sort_by_key(|added| added.entry);
            space.number(&cell)
        })
    }

    /// The smallest cells that an exploration brings the same down to, from this cell.
    fn smallest(&mut self, number: u64, (property, subject): (&Property, &str)) -> Vec<u64> {
        let Search { space, properties, .. } = self.search;
        if !self.lines.contains_key(&number)
            && let Some(line) = work::result(number, space, properties, &mut self.drills)
        {
            self.lines.insert(number, line);
        }
        let finds = self.lines.get(&number).map_or(&[][..], |line| &line.finds);
        let same = finds.iter().filter(|found| found.property == property.id && found.subject == subject);
        let numbers = same.filter_map(|found| match found.smallest {
            Smallest::Cell(number) => Some(number),
            Smallest::Script(_) => None,
        });
        numbers.collect()
    }

    fn pinned(&mut self, number: u64, (property, subject): (&Property, &str)) -> Option<String> {
        let Search { space, site, pinned, .. } = self.search;
        let by = || pinned.by(property, subject, &space.cell(number)?, space, site).map(str::to_owned);
        self.pins.entry((property.id.clone(), subject.to_owned(), number)).or_insert_with(by).clone()
    }

    fn is_pinned_by(&mut self, only: &Pinned, number: u64, (property, subject): (&Property, &str)) -> bool {
        let Search { space, site, .. } = self.search;
        let by = || space.cell(number).is_some_and(|cell| only.by(property, subject, &cell, space, site).is_some());
        *self.own.entry((property.id.clone(), subject.to_owned(), number)).or_insert_with(by)
    }
}
