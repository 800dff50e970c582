//! Whether the simulator knows all that a procedure asks for; found out before anything begins.

use simulated_host::machine::users::by_name;
use simulated_host::{Machine, MachineSpec, shell};

use crate::prepare::BadInput;
use crate::procedure::{Command, Procedure};

/// Refuses the first command that holds what the simulator does not know, with its line.
///
/// # Errors
/// [`BadInput`]: file, line, construct, and where it can be drilled all the same.
pub fn check(runbook: &str, procedure: &Procedure, spec: &MachineSpec) -> Result<(), BadInput> {
    let machine = Machine::boot(spec).map_err(|bad| BadInput(format!("topology {}: {bad}", procedure.topology)))?;
    let operator = &spec.setup.operator;
    let user =
        by_name(operator).ok_or_else(|| BadInput(format!("topology {}: no user `{operator}`", procedure.topology)))?;
    for command in commands(procedure) {
        let checked = shell::parse(&command.text).and_then(|script| shell::check(&script, &machine, user.uid));
        checked.map_err(|refused| {
            let line = u64::from(command.line) + refused.row as u64;
            BadInput(format!(
                "{runbook}:{line}: the simulator does not know {}: `{}`; use --host container",
                refused.what, refused.text
            ))
        })?;
    }
    Ok(())
}

/// All that can come to be run.
fn commands(procedure: &Procedure) -> impl Iterator<Item = &Command> {
    let failure = &procedure.failure;
    procedure
        .steps
        .iter()
        .flat_map(|step| &step.commands)
        .chain(procedure.verification.iter().filter_map(|point| point.command.as_ref()))
        .chain(&failure.diagnose)
        .chain(&failure.stop)
        .chain([&failure.page])
        .chain(procedure.captures.values())
}
