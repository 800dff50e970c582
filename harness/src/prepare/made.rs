//! Drills of scenarios that were made and lie in no file.

use super::alerts::Known;
use super::{BadInput, Given, Prepared, Selection, one};
use crate::procedure::{Procedure, Releases};
use crate::runbook::Runbook;
use crate::scenario::{Operator, Scenario};
use crate::topology::{self, Topology};

/// What drills on one topology with the same two releases have in common, whatever their faults.
#[derive(Debug, Clone)]
pub struct Parts {
    pub(super) procedure: Procedure,
    pub(super) topology: Topology,
    /// [`Runbook::fetches_first`].
    pub(super) fetches_first: Vec<(String, u32)>,
    /// By what scenarios say of them.
    pub(super) alerts: Known,
}

impl Parts {
    /// Reads the runbook's section and the topology's files.
    ///
    /// # Errors
    /// What is wrong with either.
    pub fn load(
        selection: &Selection,
        runbook: &Runbook,
        scenario: &Scenario,
        topology: &str,
    ) -> Result<Parts, BadInput> {
        let bad_input = |error: &dyn std::fmt::Display| BadInput(error.to_string());
        let releases = Releases { good: scenario.good.clone(), bad: scenario.bad.clone() };
        let procedure = runbook.procedure(topology, &releases).map_err(|error| bad_input(&error))?;
        let folder = selection.workspace.join("scenarios").join("topologies").join(&selection.profile);
        let topology = topology::load(&folder, topology).map_err(|error| bad_input(&error))?;
        let fetches_first = runbook.fetches_first(&releases);
        Ok(Parts { procedure, topology, fetches_first, alerts: Known::default() })
    }
}

/// One drill of a made scenario, for documents that were read before. What is said of its faults is checked; its text is
/// nobody's.
///
/// # Errors
/// As [`super::prepare`].
pub fn made(
    selection: &Selection,
    runbook: &Runbook,
    parts: Parts,
    scenario: &Scenario,
    operator: Operator,
) -> Result<Prepared, BadInput> {
    let (name, topology) = (&scenario.name, &parts.topology.id);
    let expected = scenario.expect.get(topology).and_then(|operators| operators.get(&operator)).cloned();
    let Some(expected) = expected else {
        let who = operator.as_str();
        return Err(BadInput(format!("scenario `{name}` is not for operator `{who}` on topology `{topology}`")));
    };
    let given = Given { scenario: scenario.clone(), file: name.clone(), named: name.clone() };
    one(selection, runbook, &given, parts, (operator, &expected))
}
