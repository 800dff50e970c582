//! Faults from outside, and when they begin.

use super::BadInput;
use super::given::Given;
use crate::fault::Effect;
use crate::procedure::Procedure;
use crate::scenario::{FaultUse, Moment};

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

/// Whether the moments of a scenario's faults can come: a command of that class is run where nothing fails. What is made for
/// exploring is not asked: in a changed document a moment may never come, and then its fault never acts.
pub(super) fn can_come(procedure: &Procedure, Given { scenario, file, .. }: &Given) -> Result<(), BadInput> {
    for FaultUse { id, at, .. } in &scenario.faults {
        let Some(Moment::Before(class)) = *at else { continue };
        if procedure.commands().any(|command| command.is(class)) {
            continue;
        }
        let known: Vec<&str> = procedure.boundaries().iter().map(|(_, class)| class.as_str()).collect();
        let (class, section, known) = (class.as_str(), &procedure.section, known.join(", "));
        return Err(BadInput(format!(
            "{file}: fault `{id}`: `at`: neither section {section} nor the verification has a command of class {class}; looked \
             for one of {known}"
        )));
    }
    Ok(())
}
