//! What is pinned already: a scenario under `scenarios/cases/` with the same faults in which the same property does not hold
//! of the same subject, on the same topology, by the same operator, and at levels that are of the same find.

use std::path::Path;
use std::sync::Arc;

use super::drills::{Drills, Site};
use super::finds::ids;
use super::property::Property;
use super::space::{Cell, Script, Space};
use crate::host::sim::Scripts;
use crate::prepare::{self, BadInput};
use crate::scenario::{FaultUse, Scenario};

/// The pinned cases.
#[derive(Debug)]
pub struct Pinned {
    cases: Vec<Scenario>,
}

impl Pinned {
    /// All cases of a workspace.
    ///
    /// # Errors
    /// A case that cannot be read.
    pub fn load(workspace: &Path) -> Result<Pinned, BadInput> {
        let paths = prepare::files(&prepare::cases_folder(workspace))?;
        let cases = paths.iter().map(|path| prepare::load(path)).collect::<Result<Vec<_>, _>>()?;
        Ok(Pinned { cases })
    }

    /// The name of the case that pins a find, if one does. A case pins how a drill ends; no figure, and no finding.
    ///
    /// The smallest level that shows a thing and the one that somebody chose for a case are seldom the same. So a case at
    /// other levels pins it as well, but only where the find is there all the way between them: what holds at a level in
    /// between is another find on either side. Where a case has the same levels, it is the one. Of moments it only counts
    /// whether a fault begins in the middle.
    pub fn by(&self, property: &Property, subject: &str, cell: &Cell, space: &Space, site: &Site) -> Option<&str> {
        if !property.is_of_endings() {
            return None;
        }
        let base = space.bases.get(cell.base)?;
        let topology = space.topology(cell);
        let uses = space.uses(cell);
        let of_case = |case: &Scenario| {
            let expects = case.expect.get(topology).is_some_and(|operators| operators.contains_key(&cell.operator));
            let added = added(case, base);
            if !expects || ids(&added) != ids(&uses) {
                return None;
            }
            let (pinned, at) = Space::of_one(case, &added, topology, cell.operator);
            let mut drills = Drills::new(&Arc::new(pinned), site, Scripts::default());
            let shows = property.violated(&at, &mut drills).iter().any(|violated| violated == subject);
            shows.then(|| in_order_of(&uses, &added))
        };
        let cases: Vec<_> = self.cases.iter().filter_map(|case| Some((case, of_case(case)?))).collect();
        let same = cases.iter().find(|(_, added)| *added == uses);
        let (case, _) = same.or_else(|| {
            cases.iter().find(|(_, added)| is_between(property, subject, (space, cell), added.clone(), site))
        })?;
        Some(&case.name)
    }
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
