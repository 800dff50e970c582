//! The rows of the record: what is kept of a cell, and of cells of which only sums were kept.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::account::CellAccount;
use super::compare::Difference;
use super::gaps::Gap;
use super::observe::Kind;

/// Kinds of facts, which is how many counts a row has.
const KINDS: usize = Kind::ALL.len();

/// Sums of cells that were drilled together when only the sums of their counts by kind were kept. What one of them had is no
/// longer known, so a cell that is drilled again cannot be taken out of the sums: it counts here and in its own row. When
/// the last of them has a row with counts, or is gone, this goes too; a whole run of `.ci/fidelity` brings that about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Before {
    /// How many cells.
    pub cells: u64,
    /// Facts by kind.
    pub counts: Counts,
    /// Durations that were compared.
    pub times: u64,
    /// Durations of the simulator that lay outside.
    pub outside: u64,
}

/// Facts by kind, in the order of [`Kind::ALL`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// The same on all containers, and so compared.
    pub compared: [u64; KINDS],
    /// Other in the simulator.
    pub differ: [u64; KINDS],
    /// Not the same on all containers.
    pub varied: [u64; KINDS],
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// How the container drills ended.
    pub containers: BTreeSet<String>,
    /// Counts by kind; where there are none, the cell is one of those in [`Before`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// [`super::cells::Cell::decided_by`] when it was drilled.
    pub decided_by: String,
    /// Facts in which the simulator differs, by kind, without chatter.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub differences: BTreeMap<Kind, BTreeSet<String>>,
    /// Compared facts that agree, and compared facts; chatter is no part of it.
    pub facts: [u64; 2],
    /// Durations of the simulator that lie outside, each with the most milliseconds that it lies beyond the bound.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outside: BTreeMap<String, u64>,
    /// How the simulated drill ended.
    pub simulator: String,
    /// Durations that were compared. None where the machine was another than the calibration's, or had other work.
    pub times: u64,
}

impl Counts {
    /// Adds another's.
    pub fn add(&mut self, other: &Counts) {
        for (sums, more) in [
            (&mut self.compared, &other.compared),
            (&mut self.differ, &other.differ),
            (&mut self.varied, &other.varied),
        ] {
            for (sum, more) in sums.iter_mut().zip(more) {
                *sum = sum.saturating_add(*more);
            }
        }
    }

    /// Compared, different and varied facts of each kind.
    pub fn by_kind(&self) -> impl Iterator<Item = (Kind, [u64; 3])> {
        let counts = self.compared.iter().zip(&self.differ).zip(&self.varied);
        Kind::ALL.into_iter().zip(counts.map(|((compared, differ), varied)| [*compared, *differ, *varied]))
    }
}

impl Row {
    /// Of what a comparison left.
    pub fn of(account: &CellAccount) -> Row {
        let agreement = &account.agreement;
        let of = |count: &dyn Fn(Kind) -> u64| Kind::ALL.map(count);
        let differ = |kind| agreement.differences.iter().filter(|one| one.kind == kind).count() as u64;
        let counts = Counts {
            compared: of(&|kind| agreement.compared.get(&kind).copied().unwrap_or_default()),
            differ: of(&differ),
            varied: of(&|kind| agreement.varied.get(&kind).map_or(0, Vec::len) as u64),
        };
        let mut differences: BTreeMap<Kind, BTreeSet<String>> = BTreeMap::new();
        for one in agreement.differences.iter().filter(|one| one.kind != Kind::Chatter) {
            differences.entry(one.kind).or_default().insert(one.name.clone());
        }
        Row {
            containers: account.containers.iter().cloned().collect(),
            facts: facts(&counts),
            counts: Some(counts),
            decided_by: account.decided_by.clone(),
            differences,
            outside: agreement
                .outside
                .iter()
                .map(|time| (time.name.clone(), time.beyond_us().div_ceil(1000)))
                .collect(),
            simulator: account.simulator.clone(),
            times: agreement.times,
        }
    }

    /// Whether durations were compared.
    pub fn timed(&self) -> bool {
        self.times > 0
    }

    /// Whether every container drill and the simulator end the same way.
    pub fn ends_alike(&self) -> bool {
        self.containers.iter().all(|verdict| *verdict == self.simulator)
    }

    /// What differs in facts, as gaps want it.
    pub fn different(&self) -> impl Iterator<Item = Difference> {
        self.differences.iter().flat_map(|(kind, names)| {
            names.iter().map(|name| Difference { kind: *kind, name: name.clone(), containers: None, simulator: None })
        })
    }

    /// Whether this gap shows in it.
    pub fn shows(&self, cell: &str, gap: &Gap) -> bool {
        self.different().any(|difference| gap.explains(cell, &difference))
            || self.outside.iter().any(|(name, ms)| gap.explains_beyond(cell, name, ms.saturating_mul(1000)))
    }

    /// The first thing in it that cannot be.
    pub fn wrong(&self, before: bool) -> Option<&'static str> {
        let [agreed, compared] = self.facts;
        let differ: usize = self.differences.values().map(BTreeSet::len).sum();
        if self.containers.is_empty() {
            return Some("`containers` is empty");
        }
        if agreed.checked_add(differ as u64) != Some(compared) || self.differences.contains_key(&Kind::Chatter) {
            return Some("`facts` are not those that agree and those in `differences`");
        }
        if self.outside.len() as u64 > self.times {
            return Some("more durations are `outside` than were compared");
        }
        let Some(counts) = &self.counts else {
            return (!before).then_some("no `counts`, and no [before] that has them");
        };
        let named = |kind| self.differences.get(&kind).map_or(0, BTreeSet::len) as u64;
        let mut strict = counts.by_kind().filter(|(kind, _)| *kind != Kind::Chatter);
        if facts(counts) != self.facts || strict.any(|(kind, [_, differ, _])| differ != named(kind)) {
            return Some("`counts` do not come to `facts` and `differences`");
        }
        None
    }
}

/// Compared facts that agree, and compared facts; chatter is no part of it.
fn facts(counts: &Counts) -> [u64; 2] {
    let strict = counts.by_kind().filter(|(kind, _)| *kind != Kind::Chatter);
    let (compared, differ) = strict.fold((0, 0), |(all, other): (u64, u64), (_, [compared, differ, _])| {
        (all.saturating_add(compared), other.saturating_add(differ))
    });
    [compared.saturating_sub(differ), compared]
}
