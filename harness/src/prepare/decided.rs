//! Whether the runbook says to roll back, with what a scenario's operator knows; where the scenario has alerts, what is asked
//! of those that fire.

use std::collections::BTreeMap;

use super::{BadInput, Given, Selection, source};
use crate::decide::question::Spending;
use crate::decide::{Asked, DecidedBy, Question, input};
use crate::history::event::Decision;
use crate::procedure::StaticFinding;
use crate::runbook::Runbook;

/// An answer, and what was found on the way to it.
pub(super) struct Decided {
    /// By the file alone. Where alerts decide, it still says all that the file brings in.
    pub(super) by_file: Decision,
    /// What a drill goes by.
    pub(super) by: DecidedBy,
    /// What the text leaves open and the binding supplies.
    pub(super) findings: Vec<StaticFinding>,
}

/// `None` where the scenario does not ask. Of its alerts, those watch a budget.
pub(super) fn decide(
    selection: &Selection,
    runbook: &Runbook,
    given: &Given,
    spending: BTreeMap<String, Spending>,
) -> Result<Option<Decided>, BadInput> {
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
    let question = Question::new(rules, input, asked, spending);
    let answer = question.by_file();
    let by_file = answer.decision();
    let by = match given.scenario.alerts {
        Some(_) => DecidedBy::Alerts(Box::new(question)),
        None => DecidedBy::File(Box::new(by_file.clone())),
    };
    Ok(Some(Decided { by_file, by, findings: answer.findings }))
}
