//! Drills of scenarios that were made and lie in no file.

use super::{BadInput, Given, Prepared, Selection, one};
use crate::runbook::Runbook;
use crate::scenario::{Operator, Scenario};

/// One drill of a made scenario, for a document that was read before. What is said of its faults is checked, its text is
/// nobody's.
///
/// # Errors
/// As [`super::prepare`].
pub fn made(
    selection: &Selection,
    runbook: &Runbook,
    scenario: &Scenario,
    topology: &str,
    operator: Operator,
) -> Result<Prepared, BadInput> {
    let name = &scenario.name;
    let expected = scenario.expect.get(topology).and_then(|operators| operators.get(&operator)).cloned();
    let Some(expected) = expected else {
        let who = operator.as_str();
        return Err(BadInput(format!("scenario `{name}` is not for operator `{who}` on topology `{topology}`")));
    };
    let given = Given { scenario: scenario.clone(), file: name.clone(), named: name.clone() };
    one(selection, runbook, &given, topology, (operator, &expected))
}
