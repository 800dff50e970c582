//! Published ports of containers: what docker-proxy takes before the container behind it has an interface.
//!
//! docker-proxy listens before there is one. The first connection through it makes the kernel ask for the container's address
//! (ARP), and when nobody answers the kernel asks again a second later: until then all connections hang. Seen on Docker
//! Engine 26.1.5 in every drill on docker and compose.

use std::collections::BTreeMap;

use fake_node::http::Request;

use super::{ExchangeId, Namespace, NetEvent, Outcome};
use crate::agent;
use crate::machine::Machine;
use crate::time::{Event, Us};

/// Connections that docker-proxy takes too early.
#[derive(Debug, Clone, Default)]
pub(super) struct Early {
    /// Published ports whose container has no interface yet, and when the kernel asks again; `None`: nobody has connected.
    unresolved: BTreeMap<u16, Option<Us>>,
    /// Requests that hang there, in the order in which they came.
    hanging: Vec<(u16, ExchangeId, Request)>,
}

impl Early {
    /// Whether a connection to this port hangs.
    pub(super) fn waits(&self, port: u16) -> bool {
        self.unresolved.contains_key(&port)
    }
}

impl Machine {
    pub(super) fn hang(&mut self, id: ExchangeId, port: u16, request: &Request) {
        if let Some(asked) = self.net.early.unresolved.get_mut(&port).filter(|asked| asked.is_none()) {
            let again = self.now + self.calibration.net.proxy_gives_up_us;
            *asked = Some(again);
            self.queue.push(again, Event::Net(NetEvent::AsksAgain(port)));
        }
        self.net.early.hanging.push((port, id, request.clone()));
    }

    /// docker-proxy listens for a container that has no interface yet.
    pub fn publish(&mut self, port: u16, container: usize) {
        self.net.published.insert(port, container);
        self.net.early.unresolved.insert(port, None);
    }

    /// The container has its interface. Where somebody has asked for it before, the kernel finds it when it asks again.
    pub fn interface_up(&mut self, container: usize) {
        let published = &self.net.published;
        let before = self.net.early.unresolved.len();
        self.net.early.unresolved.retain(|port, asked| asked.is_some() || published.get(port) != Some(&container));
        if self.net.early.unresolved.len() != before {
            agent::world_changed(self);
        }
    }

    /// docker-proxy of these ports is ended: what hangs there is broken off.
    pub fn unpublish(&mut self, container: usize) -> bool {
        let ports: Vec<u16> =
            self.net.published.iter().filter(|(_, of)| **of == container).map(|(port, _)| *port).collect();
        for port in &ports {
            self.net.published.remove(port);
            self.net.early.unresolved.remove(port);
            for (id, _) in self.take_hanging(*port) {
                self.answered(id, Outcome::Closed);
            }
        }
        !ports.is_empty()
    }

    fn take_hanging(&mut self, port: u16) -> Vec<(ExchangeId, Request)> {
        let (of_port, others) =
            std::mem::take(&mut self.net.early.hanging).into_iter().partition(|(of, ..)| *of == port);
        self.net.early.hanging = others;
        let of_port: Vec<(u16, ExchangeId, Request)> = of_port;
        of_port.into_iter().map(|(_, id, request)| (id, request)).collect()
    }

    pub(super) fn asks_again(&mut self, port: u16) {
        // The port can have been given back, and published anew, in the meantime.
        if self.net.early.unresolved.get(&port) != Some(&Some(self.now)) {
            return;
        }
        agent::settle(self);
        self.net.early.unresolved.remove(&port);
        for (id, request) in self.take_hanging(port) {
            // Who has gone waits for nothing.
            if self.net.exchanges.get(&id.0).is_some_and(|exchange| exchange.arrived.is_none()) {
                self.connect(id, Namespace::Host, port, &request);
            }
        }
        agent::world_changed(self);
    }
}
