//! The probe of /healthz: each change of what it comes to is told, and the first outcome begun after each command.
//!
//! A probe is sent when it could come to something else than the one before it. Those between are counted: into the ledger
//! and into the node that answered them.

use operator_agent::protocol::{Happened, ProbeOutcome};

use super::{AgentEvent, PROBE_WITHIN, Waiter, at_once, sample, usually};
use crate::machine::Machine;
use crate::machine::net::{Finished, Namespace, Reached, Waiter as NetWaiter};
use crate::machine::process::Pid;
use crate::time::{Event, MS, Us};

/// The state of the probe.
#[derive(Debug, Clone, Default)]
pub(super) struct Probe {
    /// What was told last: commands ended when it was begun, and the outcome.
    told: Option<(u64, ProbeOutcome)>,
    /// The one on its way.
    sent: Sent,
    /// Set while every probe comes to what the last one did.
    steady: Option<Steady>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sent {
    commands: u64,
    generation: u64,
    node: Option<Pid>,
    number: u64,
}

/// Probes that are not sent.
#[derive(Debug, Clone, Copy)]
struct Steady {
    next: Us,
    period: Us,
    latency: Us,
    /// Who answers them 200.
    node: Option<Pid>,
}

/// Sends one.
pub(super) fn send(machine: &mut Machine) {
    let (asks, port) = (machine.agent.asks.clone(), machine.agent.asks.node.port);
    let node = match machine.reached(Namespace::Host, port) {
        Reached::Node(pid) => Some(pid),
        _ => None,
    };
    let number = machine.agent.ledger.open(machine.now, false);
    machine.agent.probe.sent =
        Sent { commands: machine.agent.commands, generation: machine.agent.generation, node, number };
    machine.send(NetWaiter::Agent(Waiter::Probe), asks.node.pair(), &asks.healthz, Some(PROBE_WITHIN));
}

/// It is over.
pub(super) fn arrived(machine: &mut Machine, finished: &Finished) {
    let (sample, sent) = (sample(finished), machine.agent.probe.sent);
    let (ok, quick) = (sample.outcome.is_ok(), sample.latency_us <= at_once(machine.calibration.net.direct_us));
    let status = match sample.outcome {
        ProbeOutcome::Status(status) => Some(status),
        _ => None,
    };
    machine.agent.ledger.close(sent.number, finished.arrived, status);
    let told = &mut machine.agent.probe.told;
    if told.as_ref().is_none_or(|(commands, outcome)| (*commands, outcome) != (sent.commands, &sample.outcome)) {
        *told = Some((sent.commands, sample.outcome.clone()));
        machine.report(Happened::ProbeChanged { sample });
    }
    let pause = machine.agent.setup.as_ref().map_or(25, |setup| setup.probe_pause_ms) * MS;
    let next = machine.now + pause;
    let unchanged = (sent.commands, sent.generation) == (machine.agent.commands, machine.agent.generation);
    if quick && unchanged && (ok || sent.node.is_none()) {
        let latency = usually(machine.calibration.net.direct_us);
        let node = sent.node.filter(|_| ok);
        machine.agent.probe.steady = Some(Steady { next, period: pause + latency, latency, node });
    } else {
        machine.queue.push(next, Event::Agent(AgentEvent::Probe));
    }
}

/// Counts those that were due before now.
pub(super) fn settle(machine: &mut Machine) {
    let Some(steady) = machine.agent.probe.steady.as_mut() else { return };
    let count = machine.now.saturating_sub(steady.next).div_ceil(steady.period.max(1));
    if count == 0 {
        return;
    }
    let Steady { next: first, period, latency, node } = *steady;
    steady.next += count * period;
    if let Some(pid) = node {
        machine.agent.ledger.probes(first, period, count, latency);
        let asks = machine.agent.asks.clone();
        if let Some((model, _)) = machine.node_model(pid) {
            model.check_many(&asks.healthz, count);
        }
    }
}

/// The next one may come to something else, or is to be told: it is sent when it is due.
pub(super) fn again(machine: &mut Machine) {
    settle(machine);
    if let Some(steady) = machine.agent.probe.steady.take() {
        machine.queue.push(steady.next, Event::Agent(AgentEvent::Probe));
    }
}
