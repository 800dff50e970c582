//! What is pinned already: a scenario under `scenarios/cases/` with the same faults in which the same property does not hold
//! of the same subject, on the same topology, by the same operator.

use std::path::Path;
use std::sync::Arc;

use super::drills::{Drills, Site};
use super::property::Property;
use super::space::{Cell, Space};
use crate::host::sim::Scripts;
use crate::prepare::{self, BadInput};
use crate::scenario::{FaultUse, Role, Scenario};

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

    /// The name of the case that pins a find, if one does. Levels are not compared: the smallest level that shows a thing and
    /// the one that somebody chose for a case are seldom the same. A case pins how a drill ends; no figure, and no finding.
    pub fn by(&self, property: &Property, subject: &str, cell: &Cell, space: &Space, site: &Site) -> Option<&str> {
        if !property.is_of_endings() {
            return None;
        }
        let base = space.bases.get(cell.base)?;
        let topology = space.topology(cell);
        let wanted = ids(&space.uses(cell));
        let case = self.cases.iter().find(|case| {
            let expects = case.expect.get(topology).is_some_and(|operators| operators.contains_key(&cell.operator));
            let added = added(case, base);
            if !expects || ids(&added) != wanted {
                return false;
            }
            let (pinned, at) = Space::of_one(case, &added, topology, cell.operator);
            let mut drills = Drills::new(&Arc::new(pinned), site, Scripts::default());
            property.violated(&at, &mut drills).iter().any(|violated| violated == subject)
        })?;
        Some(&case.name)
    }
}

/// The faults of a case beside those that a base has as well, at whatever level.
fn added(case: &Scenario, base: &Scenario) -> Vec<FaultUse> {
    let of_base = ids(&base.faults);
    case.faults.iter().filter(|used| !of_base.contains(&(used.id.clone(), used.release))).cloned().collect()
}

fn ids(uses: &[FaultUse]) -> Vec<(String, Option<Role>)> {
    let mut ids: Vec<_> = uses.iter().map(|used| (used.id.clone(), used.release)).collect();
    ids.sort();
    ids
}
