//! What a scenario's operator confirms before the first step.

use super::{BadInput, Given};
use crate::decide::DecidedBy;
use crate::history::event::Call;
use crate::procedure::{Confirm, PUBLISHED, Procedure, Releases};
use crate::runbook::Runbook;
use crate::scenario::{Prerequisites, Window};
use crate::topology::Topology;

/// `None` where the scenario assumes them, or the decision keeps the drill from coming so far.
pub(super) fn confirm(
    runbook: &Runbook,
    given: &Given,
    (procedure, topology): (&Procedure, &Topology),
    by: Option<&DecidedBy>,
) -> Result<Option<Confirm>, BadInput> {
    let Given { scenario, file, .. } = given;
    let never = |by: &DecidedBy| matches!(by, DecidedBy::File(known) if known.call == Call::DoNotRollBack);
    let never_asked = by.is_some_and(never);
    if scenario.prerequisites == Prerequisites::Assumed || never_asked {
        return Ok(None);
    }
    let refused = |why: &dyn std::fmt::Display| BadInput(format!("{file}: prerequisites: {why}"));
    let releases = Releases { good: scenario.good.clone(), bad: scenario.bad.clone() };
    let prerequisites = runbook.prerequisites(procedure, &releases).map_err(|error| refused(&error))?;
    let wanted = |wanted: &String| wanted.contains(PUBLISHED);
    let published = prerequisites.commands().find(|command| command.should_print.as_ref().is_some_and(wanted));
    match published.filter(|_| topology.images.is_none()) {
        Some(command) => {
            let (binding, id, text) = (&runbook.binding.path, &topology.id, &command.text);
            let what = format!("`{text}` should print {PUBLISHED}, and topology `{id}` publishes no images");
            Err(refused(&format!("{binding}: {what}; looked for what `{id}` can show; mend `should_print`")))
        }
        None => Ok(Some(Confirm { prerequisites, window_agreed: scenario.window == Window::Agreed })),
    }
}
