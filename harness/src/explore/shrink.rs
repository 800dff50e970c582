//! From a find to the smallest script that shows it: no fault can be taken away, none can be had at a weaker level. Then, in
//! numbers, where it flips.

use std::sync::Arc;

use super::drills::{Drills, Site};
use super::property::{Must, Property, Relation};
use super::space::{Cell, Params, Space};
use crate::fault;
use crate::host::sim::Scripts;

/// The smallest cell below this one in which the property does not hold either, of the same subject. Which of several that is
/// depends on the cell alone: the first fault that can go goes.
pub fn smallest(property: &Property, subject: &str, cell: &Cell, drills: &mut Drills<'_>) -> Cell {
    let mut smallest = cell.clone();
    // Each turn takes a fault, a level or a boundary away, so there are only so many.
    while let Some(smaller) = smaller(&smallest, &drills.space)
        .into_iter()
        .find(|smaller| property.violated(smaller, drills).iter().any(|other| other == subject))
    {
        smallest = smaller;
    }
    smallest
}

/// All cells that are one fault or one level below, and those in which one fault begins earlier: with the drill, which is the
/// simplest, and at the boundary before.
pub fn smaller(cell: &Cell, space: &Space) -> Vec<Cell> {
    let at = 0..cell.faults.len();
    let fewer = at.clone().map(|at| cell.without(at));
    let weaker = at.clone().filter_map(|at| space.weaker(cell, at));
    fewer.chain(weaker).chain(at.flat_map(|at| space.earlier(cell, at))).collect()
}

/// Where a parameter of a smallest cell lets the property go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flip {
    /// The fault.
    pub fault: String,
    /// Its parameter.
    pub param: String,
    /// In words.
    pub unit: String,
    /// Here the property still holds; `None`: it does at no value.
    pub holds: Option<u64>,
    /// Here, the next whole number, it does not.
    pub fails: u64,
}

/// Halves the distance between the level that is too weak and the one that is not, for each parameter that is an amount. Only where the level is
/// all that decides: what is compared with levels and orders has no such number.
pub fn flips(property: &Property, subject: &str, cell: &Cell, space: &Space, site: &Site) -> Vec<Flip> {
    if matches!(property.must, Must::Relate(Relation::StrongerNeverPasses | Relation::OrderOfOthers)) {
        return Vec::new();
    }
    let mut flips = Vec::new();
    for (at, used) in space.uses(cell).iter().enumerate() {
        let Some(kind) = fault::kind(&used.id) else { continue };
        let weaker = space.weaker(cell, at).and_then(|weaker| space.uses(&weaker).into_iter().nth(at));
        for param in kind.params.iter().filter(|param| param.is_amount) {
            let Some(&strong) = used.params.get(param.name) else { continue };
            let weak = weaker.as_ref().and_then(|used| used.params.get(param.name)).copied().unwrap_or(param.min);
            let fails_at = |value: u64| {
                let params: Params = used
                    .params
                    .iter()
                    .map(|(name, known)| (name.clone(), if name == param.name { value } else { *known }))
                    .collect();
                let (with, cell) = space.with_level(cell, at, params);
                let mut drills = Drills::new(&Arc::new(with), site, Scripts::default());
                property.violated(&cell, &mut drills).iter().any(|other| other == subject)
            };
            let flip = |holds, fails| Flip {
                fault: used.id.clone(),
                param: param.name.to_owned(),
                unit: param.unit.to_owned(),
                holds,
                fails,
            };
            if weak == strong || fails_at(weak) {
                flips.push(flip(None, weak));
                continue;
            }
            let (mut holds, mut fails) = (weak, strong);
            while holds.abs_diff(fails) > 1 {
                let middle = holds.midpoint(fails);
                if fails_at(middle) { fails = middle } else { holds = middle }
            }
            flips.push(flip(Some(holds), fails));
        }
    }
    flips
}
