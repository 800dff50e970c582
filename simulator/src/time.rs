//! Virtual time: a queue of events ordered by (time, sequence). Nothing ticks; a quiet hour costs nothing.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::agent::AgentEvent;
use crate::docker::DockerEvent;
use crate::machine::net::NetEvent;
use crate::machine::process::{Pid, ProcessEvent};
use crate::monitoring::MonitoringEvent;
use crate::systemd::SystemdEvent;

/// Microseconds since the machine's agent began.
pub type Us = u64;

/// Microseconds of a millisecond.
pub const MS: Us = 1000;
/// Microseconds of a second.
pub const SECOND: Us = 1_000_000;

/// What is due at a time. Events are values: a machine with its queue can be cloned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// The agent's observers, traffic and measurements.
    Agent(AgentEvent),
    /// The harness has a text run as root while the operator's command runs: the text, and its ceiling.
    AsRoot(String, Us),
    /// The container engine.
    Docker(DockerEvent),
    /// The rules engine, and the agent's look at it.
    Monitoring(MonitoringEvent),
    /// An answer arrives, a connection times out.
    Net(NetEvent),
    /// A process binds its port, wakes up, or ends.
    Process(Pid, ProcessEvent),
    /// Units.
    Systemd(SystemdEvent),
}

/// Events by (time, sequence): what was put in first comes out first among equals.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    heap: BinaryHeap<Reverse<(Us, u64, Event)>>,
    sequence: u64,
}

impl Queue {
    /// Puts an event in.
    pub fn push(&mut self, at: Us, event: Event) {
        self.sequence += 1;
        self.heap.push(Reverse((at, self.sequence, event)));
    }

    /// When the next event is due.
    pub fn next_at(&self) -> Option<Us> {
        self.heap.peek().map(|Reverse((at, _, _))| *at)
    }

    /// Takes the next event out, if it is due until then.
    pub fn pop_until(&mut self, until: Us) -> Option<(Us, Event)> {
        if self.next_at()? > until {
            return None;
        }
        self.heap.pop().map(|Reverse((at, _, event))| (at, event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_times_keep_their_order() {
        let mut queue = Queue::default();
        let wake = |pid| Event::Process(Pid(pid), ProcessEvent::Wake);
        queue.push(5, wake(9));
        queue.push(3, wake(2));
        queue.push(5, wake(1));
        assert_eq!(queue.pop_until(2), None);
        let order: Vec<_> = std::iter::from_fn(|| queue.pop_until(10)).collect();
        assert_eq!(order, [(3, wake(2)), (5, wake(9)), (5, wake(1))]);
    }
}
