//! Faults from outside, and when they begin.

use super::BadInput;
use super::given::Given;
use crate::fault::{self, Effect};
use crate::procedure::{Class, Procedure};
use crate::scenario::{FaultUse, Moment, Scenario};
use crate::topology::Topology;

/// A fault from outside that a drill has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// Its id.
    pub id: String,
    /// What has to be brought about.
    pub effect: Effect,
    /// When, where it is not there from the beginning on.
    pub at: Option<Moment>,
}

/// Criteria whose oracle watches alerts behind the verification.
const WATCHED: [&str; 2] = ["alert", "slo"];

/// Whether a drill of this scenario ends with a watch of alerts.
pub fn is_watched(scenario: &Scenario) -> bool {
    scenario.criteria.iter().any(|id| WATCHED.contains(&id.as_str()))
}

/// Whether the moments of a scenario's faults can come: a command of that class is run where nothing fails, or in the failure path;
/// it lasts long enough for something to begin in the middle of it; it is followed by a watch. What is made for exploring is not asked: in a changed
/// document a moment may never come, and then its fault never acts.
pub(super) fn can_come(procedure: &Procedure, topology: &Topology, given: &Given) -> Result<(), BadInput> {
    let Given { scenario, file, .. } = given;
    for FaultUse { id, at, .. } in &scenario.faults {
        let why = match *at {
            None => continue,
            Some(Moment::Before(class)) if fault::FAILURE_PATH.contains(&class) => None,
            Some(Moment::Before(class)) => there_is(procedure, class).err(),
            Some(Moment::During(class)) => there_is(procedure, class).and_then(|()| lasts(topology, class)).err(),
            Some(Moment::After(_)) if is_watched(scenario) => None,
            Some(Moment::After(_)) => Some(format!(
                "nothing is watched behind the verification; looked for one of {} among `criteria`",
                WATCHED.join(", ")
            )),
        };
        if let Some(why) = why {
            return Err(BadInput(format!("{file}: fault `{id}`: `at`: {why}")));
        }
    }
    Ok(())
}

fn there_is(procedure: &Procedure, class: Class) -> Result<(), String> {
    if procedure.commands().any(|command| command.is(class)) {
        return Ok(());
    }
    let boundaries = procedure.boundaries();
    let known = boundaries.iter().map(|(_, class)| *class).chain(fault::FAILURE_PATH);
    let known: Vec<&str> = known.map(Class::as_str).collect();
    let (class, section, known) = (class.as_str(), &procedure.section, known.join(", "));
    Err(format!(
        "neither section {section} nor the verification has a command of class {class}; looked for one of {known}"
    ))
}

fn lasts(topology: &Topology, class: Class) -> Result<(), String> {
    if topology.takes_ms.contains_key(&class) {
        return Ok(());
    }
    let known: Vec<&str> = topology.takes_ms.keys().map(|class| class.as_str()).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let (class, topology) = (class.as_str(), &topology.id);
    Err(format!(
        "the file of topology {topology} says of no {class} how long it takes (`takes_ms`), since it is over too soon; it does of \
         {known}"
    ))
}
