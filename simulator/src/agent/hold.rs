//! The held invoke: sent before traffic is taken away, so that what becomes of calls under way is seen; as
//! operator-agent/src/traffic.rs.

use operator_agent::protocol::Happened;

use super::traffic::{invoke_request, status};
use super::{Waiter, look, outcome};
use crate::Run;
use crate::machine::Machine;
use crate::machine::net::{Finished, Waiter as NetWaiter};
use crate::time::{MS, SECOND, Us};

/// How many are sent until one is held.
const TRIES: u32 = 20;
/// Apart from the traffic's tenants.
const TENANT: u64 = 900;
/// The node's own deadline, 30 s, and a little more.
const WITHIN: Us = 35 * SECOND;
/// How long the node may take to have it in hand.
const SEEN_WITHIN: Us = SECOND;
/// Between two looks.
const LOOK: Us = 5 * MS;

/// An invoke that the node is to hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    number: u64,
    state: State,
}

/// Its end is told exactly if it was said to be in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    InFlight,
    ToBeTold,
    Over,
}

/// Sends an invoke that the node holds; tells when the node has it in hand.
pub fn hold(machine: &mut Machine, hold_ms: u64) -> Run<()> {
    for _ in 0..TRIES {
        let held = send(machine, hold_ms);
        let until = machine.now + SEEN_WITHIN;
        let mut in_hand = false;
        while !in_hand && machine.now < until && state(machine, held) != State::Over {
            in_hand = look::glance(machine)?.holds;
            if !in_hand {
                machine.spend(LOOK)?;
            }
        }
        // One that the gauge does not show within that time is in flight all the same.
        if state(machine, held) == State::InFlight {
            if let Some(held) = held.and_then(|place| machine.agent.held.get_mut(place)) {
                held.state = State::ToBeTold;
            }
            machine.report(Happened::InvokeHeld { in_flight: true, in_hand });
            return Ok(());
        }
    }
    machine.report(Happened::InvokeHeld { in_flight: false, in_hand: false });
    Ok(())
}

fn send(machine: &mut Machine, hold_ms: u64) -> Option<usize> {
    let asks = machine.agent.asks.clone();
    let request = invoke_request(machine, TENANT, &format!(r#"{{"export":"hold_ms","args":[{hold_ms}]}}"#))?;
    let place = machine.agent.held.len();
    let number = machine.agent.ledger.open(machine.now, true);
    machine.agent.held.push(Held { number, state: State::InFlight });
    machine.send(NetWaiter::Agent(Waiter::Held(place)), asks.balancer.pair(), &request, Some(WITHIN));
    Some(place)
}

/// One that could not be sent is over.
fn state(machine: &Machine, held: Option<usize>) -> State {
    held.and_then(|place| machine.agent.held.get(place)).map_or(State::Over, |held| held.state)
}

/// A held invoke is over.
pub(super) fn arrived(machine: &mut Machine, place: usize, finished: &Finished) {
    let Some(held) = machine.agent.held.get_mut(place) else { return };
    let before = std::mem::replace(&mut held.state, State::Over);
    let number = held.number;
    machine.agent.ledger.close(number, finished.arrived, status(finished));
    // One that was over before anybody relied on it is part of the incident, not the one whose end is asked for.
    if before == State::ToBeTold {
        machine.report(Happened::HeldInvokeEnded {
            outcome: outcome(finished).word(),
            began_us: finished.sent,
            ended_us: finished.arrived,
        });
    }
}
