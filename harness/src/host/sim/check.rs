//! Whether the simulator knows all that a drill asks for; found out before anything begins.

use simulated_host::machine::users::{ROOT, Uid, by_name};
use simulated_host::{Machine, MachineSpec, shell};

use crate::prepare::{BadInput, Outside, Prepared};
use crate::procedure::{Command, Procedure};
use crate::topology::Topology;

/// Refuses the first command that holds what the simulator does not know: of the procedure with its line, of the topology
/// with its file and key. `spec` is the drill's machine, which is booted, so all that its units do at boot is known.
///
/// # Errors
/// [`BadInput`]: place, construct, and where it can be drilled all the same.
pub fn check(prepared: &Prepared, spec: &MachineSpec) -> Result<(), BadInput> {
    let (runbook, topology) = (&prepared.plan.runbook.path, &prepared.topology);
    let machine = Machine::boot(spec).map_err(|bad| {
        let hint = if bad.0.contains("--host container") { "" } else { "; use --host container" };
        let file = topology.file().display().to_string();
        BadInput(format!("{file}: its machine does not boot in the simulator: {bad}{hint}"))
    })?;
    let operator = &topology.operator;
    let user = by_name(operator).ok_or_else(|| BadInput(format!("topology {}: no user `{operator}`", topology.id)))?;
    let confirmed = prepared.confirm.iter().flat_map(|confirm| confirm.prerequisites.commands());
    for command in of_procedure(&prepared.procedure).chain(confirmed) {
        known(&machine, &command.text, user.uid, |row| format!("{runbook}:{}", u64::from(command.line) + row))?;
    }
    for (key, text) in of_topology(topology, &prepared.outside) {
        known(&machine, text, ROOT, |row| {
            let file = topology.file_of(&key, text).display().to_string();
            let line = if row > 0 { format!(", line {} of it", row + 1) } else { String::new() };
            format!("{file}: {}{line}", key.join("."))
        })?;
    }
    Ok(())
}

/// `place` tells where a row of the text stands.
fn known(machine: &Machine, text: &str, user: Uid, place: impl Fn(u64) -> String) -> Result<(), BadInput> {
    let checked = shell::parse(text).and_then(|script| shell::check(&script, machine, user));
    checked.map_err(|refused| {
        BadInput(format!(
            "{}: the simulator does not know {}: `{}`; use --host container",
            place(refused.row as u64),
            refused.what,
            refused.text
        ))
    })
}

/// All that can come to be run of the runbook.
fn of_procedure(procedure: &Procedure) -> impl Iterator<Item = &Command> {
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

/// All that is run of the topology in a drill with these faults, each with its key.
fn of_topology<'a>(topology: &'a Topology, outside: &[Outside]) -> Vec<(Vec<&'a str>, &'a str)> {
    let mut found = vec![(vec!["supervisor", "command"], topology.supervisor.command.as_str())];
    found.extend(topology.before_drill.iter().map(|text| (vec!["before_drill"], text.as_str())));
    for (id, arranged) in &topology.arranged {
        if outside.iter().any(|fault| fault.effect.arranged_under(&fault.id) == Some(id)) {
            let key = || vec!["arranged", id.as_str(), "before_drill"];
            found.extend(arranged.before_drill.iter().map(|text| (key(), text.as_str())));
            let key = || vec!["arranged", id.as_str(), "later"];
            found.extend(arranged.later.iter().map(|text| (key(), text.as_str())));
        }
    }
    found.extend(topology.captures.iter().map(|(name, text)| (vec!["captures", name.as_str()], text.as_str())));
    found
}
