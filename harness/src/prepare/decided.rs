//! Whether the runbook says to roll back, with what a scenario's operator knows.

use super::{BadInput, Given, Selection, source};
use crate::decide::{Asked, answer, input};
use crate::history::event::Decision;
use crate::procedure::StaticFinding;
use crate::runbook::Runbook;

/// An answer, and what was found on the way to it.
pub(super) struct Decided {
    pub(super) decision: Decision,
    /// What the text leaves open and the binding supplies.
    pub(super) findings: Vec<StaticFinding>,
}

/// `None` where the scenario does not ask.
pub(super) fn decide(selection: &Selection, runbook: &Runbook, given: &Given) -> Result<Option<Decided>, BadInput> {
    let Some(seen) = &given.scenario.seen else { return Ok(None) };
    let from = format!("scenarios/decide/{seen}.toml");
    let bad_input = |error: &dyn std::fmt::Display| BadInput(format!("{}: seen: {error}", given.file));
    let input = input::load(&selection.workspace.join(&from)).map_err(|error| bad_input(&error))?;
    // What is wrong with the document says where itself.
    let rules = runbook.decision().map_err(|error| BadInput(error.to_string()))?;
    let asked = Asked {
        runbook: source(&runbook.runbook, &selection.workspace),
        binding: source(&runbook.binding, &selection.workspace),
        from,
    };
    let answer = answer(&rules, &input, asked);
    Ok(Some(Decided { decision: answer.decision(), findings: answer.findings }))
}
