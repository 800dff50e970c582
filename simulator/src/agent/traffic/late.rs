//! Traffic to a node that answers late: what is in flight can be broken off, and shows in the node's gauge, so each request
//! has an event of its own and is on its way by itself.

use super::{Way, place, status, tell};
use crate::agent::{AgentEvent, REQUEST_WITHIN, Waiter, sample};
use crate::machine::Machine;
use crate::machine::net::{Finished, Waiter as NetWaiter};
use crate::time::Event;

/// The next request has an event of its own where the node answers late.
pub(super) fn plan(machine: &mut Machine) {
    let traffic = &mut machine.agent.traffic;
    if traffic.sending && traffic.way == Way::Late && !traffic.planned {
        traffic.planned = true;
        let at = traffic.due(traffic.sent);
        machine.queue.push(at.max(machine.now), Event::Agent(AgentEvent::Invoke));
    }
}

/// The event of a request.
pub fn due(machine: &mut Machine) {
    machine.agent.traffic.planned = false;
    let traffic = &mut machine.agent.traffic;
    let (number, late) = (traffic.sent, traffic.sending && traffic.way == Way::Late);
    // Where requests went elsewhere for a while, this one was counted with those.
    if late && traffic.due(number) <= machine.now {
        traffic.sent += 1;
        let at = traffic.due(number);
        if let Some(second) = traffic.second(at) {
            second.open += 1;
        }
        send(machine, number);
    }
    plan(machine);
}

/// Sends a request whose second has it open.
pub(super) fn send(machine: &mut Machine, number: u64) {
    let traffic = &machine.agent.traffic;
    let Some(request) = traffic.requests.get(place(number, traffic.requests.len())).cloned() else { return };
    let at = traffic.due(number);
    let entry = machine.agent.ledger.open(at, true);
    let asks = machine.agent.asks.clone();
    let waiter = NetWaiter::Agent(Waiter::Invoke { number, entry });
    machine.send(waiter, asks.balancer.pair(), &request, Some(REQUEST_WITHIN));
}

/// One that was sent by itself is over.
pub fn arrived(machine: &mut Machine, number: u64, entry: u64, finished: &Finished) {
    machine.agent.ledger.close(entry, finished.arrived, status(finished));
    let traffic = &mut machine.agent.traffic;
    let at = traffic.due(number);
    let mut sample = sample(finished);
    sample.latency_us = finished.arrived.saturating_sub(at);
    if let Some(second) = traffic.second(at) {
        second.open -= 1;
        second.slow += u64::from(sample.is_slow());
        *second.outcomes.entry(sample.outcome).or_default() += 1;
    }
    if traffic.sending {
        tell(machine, false);
    }
}
