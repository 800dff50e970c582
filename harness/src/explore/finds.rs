//! Finds, grouped by cause: a kind is a property and the subject of which it does not hold; a cause of it is the set of faults
//! of a smallest cell, whatever their levels; a cause has places.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::drills::{Came, Drills, Ending, Site};
use super::explain::{self, Why};
use super::known::Pinned;
use super::property::{Properties, Property};
use super::results::{Found, Smallest};
use super::shrink::{self, Flip};
use super::space::{Script, Space};
use crate::bundle::story;
use crate::host::sim::Scripts;
use crate::scenario::{Expectation, FaultUse, Role};

/// The faults of a cause: ids, the releases that are born with them, and whether they begin in the middle of the drill. Which of
/// its boundaries that is, is as little a cause of its own as a level is.
pub type Faults = Vec<(String, Option<Role>, bool)>;

/// Places by the faults of their causes, fewest first.
type Causes = BTreeMap<(usize, Faults), Vec<Place>>;

/// Everything of which a property does not hold in the same way.
#[derive(Debug)]
pub struct Kind {
    /// The property.
    pub property: Property,
    /// Of what it does not hold.
    pub subject: String,
    /// By their faults, fewest first.
    pub causes: Vec<Cause>,
}

/// Faults that bring a find about.
#[derive(Debug)]
pub struct Cause {
    /// Which.
    pub faults: Faults,
    /// Where, by the numbers of the smallest cells.
    pub places: Vec<Place>,
    /// Why, for the first place that no case pins; nothing where all are pinned: a case says why it matters.
    pub why: Why,
    /// Where it flips, of the same place.
    pub flips: Vec<Flip>,
}

/// A smallest cell. In words: a long run of samples finds many, each at levels of its own, and a space for each would fill the
/// memory.
#[derive(Debug)]
pub struct Place {
    /// As results name it.
    pub smallest: Smallest,
    /// In words.
    pub script: Script,
    /// Its drill's id.
    pub id: String,
    /// How it ended.
    pub ending: Ending,
    /// How many cells come down to it, itself included.
    pub cells: u64,
    /// The case that pins it.
    pub known: Option<String>,
}

impl Cause {
    /// Places that no case pins.
    pub fn unknown(&self) -> impl Iterator<Item = &Place> {
        self.places.iter().filter(|place| place.known.is_none())
    }
}

/// Groups finds, and looks into each cause.
pub fn grouped(
    finds: &BTreeMap<Found, u64>,
    properties: &Properties,
    (space, site, pinned): (&Arc<Space>, &Site, &Pinned),
) -> Vec<Kind> {
    let mut drills = Drills::new(space, site, Scripts::default());
    let mut kinds: BTreeMap<(usize, &str), Causes> = BTreeMap::new();
    for (found, cells) in finds {
        let Some(at) = properties.all.iter().position(|property| property.id == found.property) else { continue };
        let placed = match &found.smallest {
            Smallest::Cell(number) => space.cell(*number).map(|cell| (space.clone(), cell)),
            Smallest::Script(script) => space.place(script).map(|(space, cell)| (Arc::new(space), cell)),
        };
        let (Some(property), Some((space, cell))) = (properties.all.get(at), placed) else { continue };
        drills.space = space.clone();
        let faults = ids(&space.uses(&cell));
        let came = drills.came(&cell);
        let Came::Drilled(drilled) = &*came else { continue };
        let known = pinned.by(property, &found.subject, &cell, &space, site).map(str::to_owned);
        let (id, ending) = (drilled.id.clone(), drilled.ending.clone());
        let (smallest, script) = (found.smallest.clone(), space.script(&cell));
        let place = Place { smallest, script, id, ending, cells: *cells, known };
        let of_kind = kinds.entry((at, &found.subject)).or_default();
        of_kind.entry((faults.len(), faults)).or_default().push(place);
    }
    let mut made = Vec::new();
    for ((at, subject), causes) in kinds {
        let Some(property) = properties.all.get(at).cloned() else { continue };
        let causes = causes.into_iter().map(|((_, faults), mut places)| {
            places.sort_by(|one, other| one.smallest.cmp(&other.smallest));
            let mut cause = Cause { faults, places, why: Why::default(), flips: Vec::new() };
            let new = cause.unknown().next().and_then(|place| space.place(&place.script));
            if let Some((space, shown)) = new {
                let space = Arc::new(space);
                drills.space = space.clone();
                cause.why = explain::explain(&property, subject, &shown, &mut drills);
                cause.flips = shrink::flips(&property, subject, &shown, &space, site);
            }
            cause
        });
        let causes = causes.collect();
        made.push(Kind { property, subject: subject.to_owned(), causes });
    }
    made
}

/// The faults of a list, in the order of their ids.
pub fn ids(uses: &[FaultUse]) -> Faults {
    let mut ids: Faults = uses.iter().map(|used| (used.id.clone(), used.release, used.at.is_some())).collect();
    ids.sort();
    ids
}

/// How a drill is expected to end, in words.
pub fn told_ending(expected: &Expectation) -> String {
    story::ending(expected.verdict, &expected.failing, &expected.broken)
}

/// A cell in words: `healthz-slow (good) delay_ms=50, on docker by careful, from procedure-only`.
pub fn told_of(script: &Script) -> String {
    let faults = explain::faults(&script.faults);
    format!("{faults}, on {} by {}, from {}", script.topology, script.operator.as_str(), script.base)
}

/// The faults of a cause in words: `port-held`, `errors in the good release and tag-moved`.
pub fn told(faults: &Faults) -> String {
    let one = |(id, release, later): &(String, Option<Role>, bool)| match release {
        Some(release) => format!("{id} in the {} release", story::word(release)),
        None if *later => format!("{id} that begins later"),
        None => id.clone(),
    };
    match faults.iter().map(one).collect::<Vec<_>>() {
        none if none.is_empty() => "no fault".to_owned(),
        some => some.join(" and "),
    }
}
