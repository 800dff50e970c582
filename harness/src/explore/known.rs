//! What is pinned already: a scenario under `scenarios/cases/` with the same faults in which the same property does not hold
//! of the same subject, on the same topology, by the same operator, and at levels that are of the same find. A few faults act by
//! themselves ([`stands_for`]): there a case stands for the same fault beside others, where it changes the same.

use std::path::Path;
use std::sync::Arc;

use super::drills::{Drills, Site};
use super::finds::ids;
use super::property::Property;
use super::space::{Cell, Script, Space};
use super::stands_for::{self, ByItself, Change};
use super::store::FoundBy;
use crate::host::sim::Scripts;
use crate::prepare::{self, BadInput};
use crate::scenario::{FaultUse, Scenario};

/// What cases stand for, in the folder of a workspace's `scenarios/`.
const STANDS_FOR: &str = "scenarios/explore/known.toml";

/// The pinned cases.
#[derive(Debug)]
pub struct Pinned {
    cases: Vec<Scenario>,
    /// Faults that act by themselves.
    by_themselves: Vec<ByItself>,
}

impl Pinned {
    /// All cases of a workspace.
    ///
    /// # Errors
    /// A case that cannot be read, or what cases stand for.
    pub fn load(workspace: &Path) -> Result<Pinned, BadInput> {
        let paths = prepare::files(&prepare::cases_folder(workspace))?;
        let cases = paths.iter().map(|path| prepare::load(path)).collect::<Result<Vec<_>, _>>()?;
        Ok(Pinned { cases, by_themselves: stands_for::read(&workspace.join(STANDS_FOR))? })
    }

    /// The cases, by the names of their files.
    pub fn cases(&self) -> &[Scenario] {
        &self.cases
    }

    /// One of them by itself.
    #[must_use]
    pub fn only(&self, name: &str) -> Pinned {
        let cases = self.cases.iter().filter(|case| case.name == name).cloned().collect();
        Pinned { cases, by_themselves: self.by_themselves.clone() }
    }

    /// The name of the case that pins a find, if one does. A case pins how a drill ends. Of figures, findings and comparisons it says
    /// nothing by itself: there it has to say that it was accepted for this property.
    ///
    /// The smallest level that shows a thing and the one that somebody chose for a case are seldom the same. So a case at
    /// other levels pins it as well, but only where the find is there all the way between them: what holds at a level in
    /// between is another find on either side. Where a case has the same levels, it is the one. Of moments it only counts
    /// whether a fault begins in the middle.
    ///
    /// Where no case has the find's faults, one that has a fault of it which acts by itself, in the same way, pins the find if
    /// that fault changes no more of how the find's drill ends than of how the case's does.
    pub fn by(&self, property: &Property, subject: &str, cell: &Cell, space: &Space, site: &Site) -> Option<&str> {
        let uses = space.uses(cell);
        if !property.is_of_endings() {
            return self.accepted((property, subject), &uses, (space, cell), site);
        }
        let of_it = |case, added: Vec<FaultUse>| {
            let same =
                ids(&added) == ids(&uses) && shown((property, subject), (case, &added), (space, cell), site).is_some();
            same.then(|| (case, in_order_of(&uses, &added)))
        };
        let cases: Vec<_> = self.there(space, cell).filter_map(|(case, added)| of_it(case, added)).collect();
        let same = cases.iter().find(|(_, added)| *added == uses);
        let same = same.or_else(|| {
            cases.iter().find(|(_, added)| is_between(property, subject, (space, cell), added.clone(), site))
        });
        let case = same.map(|(case, _)| *case).or_else(|| self.standing_for((property, subject), (space, cell), site));
        Some(&case?.name)
    }

    /// A case with the same faults that says that it was accepted for this, if the property still does not hold in it.
    fn accepted(
        &self,
        (property, subject): (&Property, &str),
        uses: &[FaultUse],
        (space, cell): (&Space, &Cell),
        site: &Site,
    ) -> Option<&str> {
        let found = FoundBy { property: property.id.clone(), subject: subject.to_owned() };
        let pins = |(case, faults): &(&Scenario, Vec<FaultUse>)| {
            if ids(faults) != ids(uses) || FoundBy::of_case(&case.about).as_ref() != Some(&found) {
                return false;
            }
            let placed = space.place(&Script { faults: in_order_of(uses, faults), ..space.script(cell) });
            placed.is_some_and(|(space, at)| {
                let mut drills = Drills::new(&Arc::new(space), site, Scripts::default());
                property.violated(&at, &mut drills).iter().any(|violated| violated == subject)
            })
        };
        self.there(space, cell).find(pins).map(|(case, _)| case.name.as_str())
    }

    /// Cases that are drilled where a cell is, by its operator, with the faults that they have beside its base's.
    fn there(&self, space: &Space, cell: &Cell) -> impl Iterator<Item = (&Scenario, Vec<FaultUse>)> {
        let (base, topology, operator) = (space.bases.get(cell.base), space.topology(cell), cell.operator);
        let there = move |case: &&Scenario| {
            case.expect.get(topology).is_some_and(|operators| operators.contains_key(&operator))
        };
        self.cases.iter().filter(there).filter_map(move |case| Some((case, added(case, base?))))
    }

    /// The first case that has a fault of the find's which acts by itself, and in which it changes no less.
    fn standing_for(&self, of: (&Property, &str), (space, cell): (&Space, &Cell), site: &Site) -> Option<&Scenario> {
        let mut drills = Drills::new(&Arc::new(space.clone()), site, Scripts::default());
        for (at, used) in space.uses(cell).into_iter().enumerate() {
            let Some(acts) = self.by_themselves.iter().find(|acts| acts.id == used.id) else { continue };
            let Some(change) = Change::of(cell, at, &mut drills) else { continue };
            let pins = |case: &Scenario, added: &[FaultUse]| {
                let at = added.iter().position(|other| acts.same(&used, other))?;
                let (pinned, mut drills) = shown(of, (case, added), (space, cell), site)?;
                change.is_no_more_than(&Change::of(&pinned, at, &mut drills)?).then_some(())
            };
            if let Some((case, _)) = self.there(space, cell).find(|(case, added)| pins(case, added).is_some()) {
                return Some(case);
            }
        }
        None
    }
}

/// A case as a cell, with its drills, if the property does not hold of the subject in it.
fn shown<'s>(
    (property, subject): (&Property, &str),
    (case, added): (&Scenario, &[FaultUse]),
    (space, cell): (&Space, &Cell),
    site: &'s Site,
) -> Option<(Cell, Drills<'s>)> {
    let (pinned, at) = Space::of_one(case, added, space.topology(cell), cell.operator);
    let mut drills = Drills::new(&Arc::new(pinned), site, Scripts::default());
    let shows = property.violated(&at, &mut drills).iter().any(|violated| violated == subject);
    shows.then_some((at, drills))
}

/// Whether the find is there at each level on the way from its own ones to a case's, one fault after the other.
fn is_between(
    property: &Property,
    subject: &str,
    (space, cell): (&Space, &Cell),
    to: Vec<FaultUse>,
    site: &Site,
) -> bool {
    let from = space.script(cell);
    // A level that the space has not is put in its place; then both are in the same one.
    let placed = space.place(&Script { faults: to, ..from.clone() });
    let Some((space, to)) = placed else { return false };
    let Some((space, mut at)) = space.place(&from) else { return false };
    let mut drills = Drills::new(&Arc::new(space), site, Scripts::default());
    for (place, wanted) in to.faults.iter().enumerate() {
        while let Some(added) = at.faults.get_mut(place).filter(|added| added.level != wanted.level) {
            added.level = if added.level < wanted.level { added.level + 1 } else { added.level - 1 };
            if !property.violated(&at, &mut drills).iter().any(|violated| violated == subject) {
                return false;
            }
        }
    }
    true
}

/// Faults in the order of others of the same ids.
fn in_order_of(others: &[FaultUse], uses: &[FaultUse]) -> Vec<FaultUse> {
    let same = |other: &FaultUse| uses.iter().find(|used| used.id == other.id && used.release == other.release);
    others.iter().filter_map(|other| same(other).cloned()).collect()
}

/// The faults of a case beside those that a base has as well, at whatever level.
fn added(case: &Scenario, base: &Scenario) -> Vec<FaultUse> {
    let of_base =
        |used: &FaultUse| base.faults.iter().any(|known| (&known.id, known.release) == (&used.id, used.release));
    case.faults.iter().filter(|used| !of_base(used)).cloned().collect()
}
