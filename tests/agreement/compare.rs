//! Several drills on containers against one in the simulator.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::observe::{Kind, Observation};

/// By how much a duration of the simulator may lie outside of what the containers needed, microseconds (issue "The
/// simulator", point 6).
pub const TOLERANCE_US: u64 = 250_000;

/// What a comparison came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// Facts that were the same on all containers, and so were compared: how many by kind.
    pub compared: BTreeMap<Kind, u64>,
    /// Facts that differed between containers, and so say nothing: their names by kind.
    pub varied: BTreeMap<Kind, Vec<String>>,
    /// Compared facts in which the simulator differs.
    pub differences: Vec<Difference>,
    /// Durations that all containers have: how many.
    pub times: u64,
    /// Those of the simulator that lie outside.
    pub outside: Vec<Outside>,
}

impl Agreement {
    /// Without durations, which say nothing of the simulator where the machine is not the calibration's.
    pub fn facts_alone(&self) -> Agreement {
        Agreement { times: 0, outside: Vec::new(), ..self.clone() }
    }
}

/// A fact in which the simulator differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// On all containers; `None` where none of them has it.
    pub containers: Option<String>,
    /// In the simulator; `None` where it does not have it.
    pub simulator: Option<String>,
}

/// A duration of the simulator that lies outside of what the containers needed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outside {
    /// Of what.
    pub name: String,
    /// The containers' shortest, microseconds.
    pub least_us: u64,
    /// Their longest, microseconds.
    pub most_us: u64,
    /// The simulator's, microseconds.
    pub simulator_us: u64,
}

impl Outside {
    /// By how much it lies beyond the bound, microseconds.
    pub fn beyond_us(&self) -> u64 {
        let low = self.least_us.saturating_sub(TOLERANCE_US).saturating_sub(self.simulator_us);
        let high = self.simulator_us.saturating_sub(self.most_us.saturating_add(TOLERANCE_US));
        low.max(high)
    }

    /// Whether it lies outside on any machine so many times as fast or as slow, too.
    pub fn beyond_factor(&self, factor: u64) -> bool {
        let slowest = self.most_us.saturating_mul(factor).saturating_add(TOLERANCE_US);
        let fastest = self.simulator_us.saturating_mul(factor).saturating_add(TOLERANCE_US);
        self.simulator_us > slowest || fastest < self.least_us
    }
}

/// Holds what is the same in all of `containers` against the simulator's. A fact that no container has and the simulator
/// has is a difference too.
pub fn compare(containers: &[Observation], simulator: &Observation) -> Agreement {
    let mut agreement = Agreement::default();
    let all = containers.iter().chain([simulator]);
    let names: BTreeSet<&(Kind, String)> = all.flat_map(|seen| seen.facts.keys()).collect();
    for key in names {
        let (kind, name) = key;
        let mut values = containers.iter().map(|seen| seen.facts.get(key));
        let first = values.next().flatten();
        if values.any(|value| value != first) {
            agreement.varied.entry(*kind).or_default().push(name.clone());
            continue;
        }
        *agreement.compared.entry(*kind).or_default() += 1;
        let simulated = simulator.facts.get(key);
        if simulated != first {
            // Words that the simulator does not call its own are held to the real ones, whether something reads them or not.
            let held = *kind == Kind::Chatter && !simulator.own_words.contains(name);
            let kind = if held { Kind::Output } else { *kind };
            let (containers, simulator) = (first.cloned(), simulated.cloned());
            agreement.differences.push(Difference { kind, name: name.clone(), containers, simulator });
        }
    }
    let timed = containers.first().map(|seen| &seen.times).into_iter().flatten();
    for (name, _) in timed {
        let all: Option<Vec<u64>> = containers.iter().map(|seen| seen.times.get(name).copied()).collect();
        // What only some of them did, or what the simulator never did, is a matter of the facts.
        let (Some(all), Some(simulated)) = (all, simulator.times.get(name).copied()) else { continue };
        let (Some(least), Some(most)) = (all.iter().min().copied(), all.iter().max().copied()) else { continue };
        agreement.times += 1;
        if simulated < least.saturating_sub(TOLERANCE_US) || simulated > most.saturating_add(TOLERANCE_US) {
            let name = name.clone();
            agreement.outside.push(Outside { name, least_us: least, most_us: most, simulator_us: simulated });
        }
    }
    agreement
}
