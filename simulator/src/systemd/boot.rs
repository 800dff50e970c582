//! A machine's units at boot.

use super::load::{self, Missing};
use super::state::{State, Unit};
use super::unit::{Type, UnitFile};
use super::{WAKE_UPS, builtin, span, start};
use crate::machine::Machine;
use crate::machine::files::Kind;
use crate::machine::users::ROOT;
use crate::time::SECOND;
use crate::{BadMachine, Stop};
use std::sync::Arc;

/// Until when the node has to answer after its units were started.
const NODE_WITHIN: u64 = 60 * SECOND;
/// Lines of the journal in a refusal.
const LINES_SHOWN: usize = 12;

/// Starts what is wanted, in its order, and waits for the node.
///
/// # Errors
/// A unit that is not modelled, or a node that does not come up.
pub fn boot(machine: &mut Machine) -> Result<(), BadMachine> {
    machine.systemd.wake_up_phase = machine.random(WAKE_UPS);
    // The image has enabled it.
    let link = Kind::Link(format!("{}/haproxy.service", builtin::FOLDER));
    let planted = machine.files.plant(&format!("{}/haproxy.service", load::WANTS), ROOT, 0o777, link);
    planted.map_err(|error| BadMachine(format!("{}: {}", load::WANTS, error.text())))?;
    // The balancer is up when nothing else is known; its unit says so from now on.
    machine.balancer.runs = false;
    let wanted = load::wanted(machine);
    machine.systemd.wanted = wanted.keys().cloned().collect();
    let mut files = Vec::new();
    for file in wanted.into_values() {
        match file {
            Ok(file) if file.masked => {}
            Ok(file) => files.push(file),
            Err(Missing::NotFound) => {}
            Err(Missing::Refused(what)) => return Err(BadMachine(what)),
        }
    }
    let brings_node = files.iter().any(brings_the_node);
    for file in &files {
        machine.systemd.units.insert(file.name.clone(), Unit::new(Arc::new(file.clone())));
    }
    let stopped = |stop: Stop| match stop {
        Stop::Unable(what) => BadMachine(what),
        other => BadMachine(format!("while booting: {other:?}")),
    };
    let boot_us = machine.calibration.systemd.boot_us;
    let boot_us = machine.about(boot_us);
    machine.spend(boot_us).map_err(stopped)?;
    // Packaged services come up side by side, as on a machine; who is after them waits.
    for name in in_order(&files) {
        let side_by_side = files.iter().any(|file| file.name == name && file.builtin.is_some());
        if side_by_side {
            start::begin_packaged(machine, &name);
        } else {
            start::start(machine, &name).map_err(stopped)?;
        }
    }
    let packaged: Vec<&UnitFile> = files.iter().filter(|file| file.builtin.is_some()).collect();
    for file in packaged {
        start::wait(machine, &file.name, |state| state != State::Start).map_err(stopped)?;
    }
    let Some(port) = machine.agent.setup.as_ref().map(|setup| setup.node_port).filter(|_| brings_node) else {
        return Ok(());
    };
    let serves = |machine: &Machine| {
        machine
            .listeners_on(port)
            .iter()
            .any(|listener| listener.process.as_ref().is_some_and(|process| process.version.is_some()))
    };
    let until = machine.now + NODE_WITHIN;
    if machine.wait_until(until, serves).map_err(stopped)? {
        return Ok(());
    }
    let from = machine.journal.lines.len().saturating_sub(LINES_SHOWN);
    let lines: Vec<String> = machine
        .journal
        .lines
        .iter()
        .skip(from)
        .map(|line| format!("  {}[{}]: {}", line.writer.identifier, line.writer.pid, line.text))
        .collect();
    Err(BadMachine(format!(
        "no node listens on port {port} {} after boot; the journal ends with\n{}",
        span::format(NODE_WITHIN, SECOND),
        lines.join("\n")
    )))
}

/// Whether a unit is there to bring the node: a service of its own, or a deploy into the engine.
fn brings_the_node(file: &UnitFile) -> bool {
    file.builtin.is_none() && (file.kind != Type::Oneshot || file.requires.iter().any(|name| name == "docker.service"))
}

/// Names in the order of `After=`, else by name.
fn in_order(files: &[UnitFile]) -> Vec<String> {
    let mut left: Vec<&UnitFile> = files.iter().collect();
    let mut order: Vec<String> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let waits =
            |file: &UnitFile| left.iter().any(|other| other.name != file.name && file.after.contains(&other.name));
        // A circle is broken where it is met first, as systemd breaks it somewhere.
        let next = left.iter().position(|file| !waits(file)).unwrap_or(0);
        order.push(left.remove(next).name.clone());
    }
    order
}
