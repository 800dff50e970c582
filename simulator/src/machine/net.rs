//! The network of one machine: who listens where, the balancer and docker-proxies on the way, requests and their answers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::LazyLock;

use fake_node::http::{Request, Response};
use operator_agent::protocol::{Happened, Listener};

use super::Machine;
use super::process::{Pid, What};
use crate::agent::Waiter as AgentWaiter;
use crate::time::{Event, Us};
use crate::{Run, agent, monitoring};

mod proxy;

use proxy::Early;

/// What stands for the executable of docker-proxy: of each program another.
static PROXY_SHA256: LazyLock<String> = LazyLock::new(|| crate::sha256_hex(b"docker-proxy"));

/// A network namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Namespace {
    /// The machine's own.
    Host,
    /// That of the container with this number.
    Container(usize),
}

/// Number of a request on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExchangeId(pub u64);

/// Where a connection to a port ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// Nobody listens.
    Nobody,
    /// docker-proxy takes it and finds nobody behind itself.
    Proxy,
    /// docker-proxy takes it before the container has an interface: it hangs.
    Waits,
    /// A node.
    Node(Pid),
    /// Something that takes it and closes.
    Other,
}

/// What a request came to, as its client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nobody listens.
    Refused,
    /// Taken, and closed without an answer.
    Closed,
    /// No answer within the client's time.
    TimedOut,
    /// The name leads nowhere.
    UnknownHost,
    /// An answer.
    Answer(Response),
}

/// Who waits for an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiter {
    /// The strand.
    Strand,
    /// The agent.
    Agent(AgentWaiter),
    /// The rules engine's scrape.
    Monitoring,
}

/// Network events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NetEvent {
    /// The answer reaches the client.
    Arrives(ExchangeId),
    /// The client has waited long enough.
    TimeOver(ExchangeId),
    /// The kernel asks again who has the address behind this published port.
    AsksAgain(u16),
}

/// A request on its way.
#[derive(Debug, Clone)]
pub struct Exchange {
    waiter: Waiter,
    sent: Us,
    through_balancer: bool,
    /// Who has it in hand.
    taken_by: Option<Pid>,
    /// What came, once it has been given; seen by the client only when it arrives.
    outcome: Option<Outcome>,
    arrived: Option<Us>,
}

/// The network's state.
#[derive(Debug, Clone, Default)]
pub struct Net {
    listeners: BTreeMap<(Namespace, u16), Pid>,
    /// Ports of the machine that docker-proxy passes on, and the container.
    pub published: BTreeMap<u16, usize>,
    /// Connections that docker-proxy takes too early.
    early: Early,
    /// Ports of the machine to which its firewall lets nothing of the rules engine through.
    cut: BTreeSet<u16>,
    exchanges: BTreeMap<u64, Exchange>,
    next: u64,
    /// What was reported last.
    told: Vec<Listener>,
}

/// A finished request, taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// What it came to.
    pub outcome: Outcome,
    /// When it was sent.
    pub sent: Us,
    /// When the client had all of it.
    pub arrived: Us,
}

impl Net {
    /// From now on the firewall drops what the rules engine sends to this port of the machine.
    pub(super) fn drop_scrapes(&mut self, port: u16) {
        self.cut.insert(port);
    }

    /// Whether it does.
    pub fn drops_scrapes(&self, port: u16) -> bool {
        self.cut.contains(&port)
    }
}

impl Machine {
    /// Takes a port in a namespace; false if somebody has it.
    pub(super) fn bind(&mut self, pid: Pid, namespace: Namespace, addr: SocketAddr) -> bool {
        let port = addr.port();
        let proxied = namespace == Namespace::Host && self.net.published.contains_key(&port);
        if proxied || self.net.listeners.contains_key(&(namespace, port)) {
            return false;
        }
        self.net.listeners.insert((namespace, port), pid);
        true
    }

    /// Gives all ports of a process back.
    pub(super) fn unbind(&mut self, pid: Pid) {
        // What was sent before now still reached it.
        agent::settle(self);
        self.net.listeners.retain(|_, holder| *holder != pid);
    }

    /// Who listens on a port of a namespace.
    pub fn listener(&self, namespace: Namespace, port: u16) -> Option<Pid> {
        self.net.listeners.get(&(namespace, port)).copied()
    }

    /// Whether a port of the machine itself is taken, by whomever.
    pub fn port_taken(&self, port: u16) -> bool {
        self.listener(Namespace::Host, port).is_some() || self.net.published.contains_key(&port)
    }

    /// The listeners on the node's port, as the agent tells them: a published port has one socket. The engine of an
    /// operator host publishes for IPv4 alone: there is no IPv6 in its network.
    pub fn listeners_on(&self, port: u16) -> Vec<Listener> {
        let of = |pid: Option<Pid>| Listener { port, process: pid.and_then(|pid| self.seen_as(pid)) };
        match (self.net.published.get(&port), self.listener(Namespace::Host, port)) {
            (Some(container), _) => {
                let inside = self.listener(Namespace::Container(*container), port);
                let proxy = || Listener {
                    port,
                    process: Some(operator_agent::protocol::NodeProcess {
                        pid: 2,
                        executable: "/usr/sbin/docker-proxy".into(),
                        sha256: PROXY_SHA256.clone(),
                        version: None,
                    }),
                };
                vec![if inside.is_some() { of(inside) } else { proxy() }]
            }
            (None, Some(pid)) => vec![of(Some(pid))],
            (None, None) => Vec::new(),
        }
    }

    /// Tells the harness if who listens on the node's port has changed.
    pub fn listeners_changed(&mut self) {
        let Some(port) = self.agent.setup.as_ref().map(|setup| setup.node_port) else { return };
        let now = self.listeners_on(port);
        if now != self.net.told {
            self.net.told.clone_from(&now);
            if now.is_empty() {
                self.cut_scrapes(port);
            }
            self.report(Happened::ListenersChanged { listeners: now });
            agent::world_changed(self);
        }
    }

    /// Where a connection to a port of a namespace ends now.
    pub fn reached(&self, namespace: Namespace, port: u16) -> Reached {
        let published = if namespace == Namespace::Host { self.net.published.get(&port) } else { None };
        let listener = match published {
            Some(container) => self.listener(Namespace::Container(*container), port),
            None => self.listener(namespace, port),
        };
        match listener.and_then(|pid| Some((pid, &self.processes.get(&pid)?.what))) {
            _ if published.is_some() && self.net.early.waits(port) => Reached::Waits,
            Some((pid, What::Node(_))) => Reached::Node(pid),
            Some(_) => Reached::Other,
            None if published.is_some() => Reached::Proxy,
            None => Reached::Nobody,
        }
    }

    /// Sends a request to `host:port`. Its outcome comes later; a client that waits no longer than `within` has it then.
    pub fn send(
        &mut self,
        waiter: Waiter,
        (host, port): (&str, u16),
        request: &Request,
        within: Option<Us>,
    ) -> ExchangeId {
        self.net.next += 1;
        let id = ExchangeId(self.net.next);
        let through_balancer = port == 80 && matches!(host, "127.0.0.1" | "localhost");
        let dropped = waiter == Waiter::Monitoring && self.net.drops_scrapes(port);
        self.net.exchanges.insert(
            id.0,
            Exchange { waiter, sent: self.now, through_balancer, taken_by: None, outcome: None, arrived: None },
        );
        if let Some(within) = within {
            self.queue.push(self.now + within, Event::Net(NetEvent::TimeOver(id)));
        }
        match (host, port) {
            // Nothing comes back; the client's own time ends it.
            _ if dropped => {}
            ("ghcr.io" | "127.0.0.2", 80) => {
                let outcome = crate::docker::registry::answer(self, request);
                self.answered(id, outcome);
            }
            ("127.0.0.1" | "localhost" | "0.0.0.0", 80) => self.balance(id, request),
            ("127.0.0.1" | "localhost" | "0.0.0.0", port) => self.connect(id, Namespace::Host, port, request),
            _ => self.answered(id, Outcome::UnknownHost),
        }
        id
    }

    fn balance(&mut self, id: ExchangeId, request: &Request) {
        if !self.balancer.runs {
            // There is no balancer between that would answer in the node's place.
            if let Some(exchange) = self.net.exchanges.get_mut(&id.0) {
                exchange.through_balancer = false;
            }
            return self.answered(id, Outcome::Refused);
        }
        if request.path() == self.balancer.monitor_uri {
            let mut response = Response::empty(200).outside_cors();
            response.body = b"<html><body><h1>200 OK</h1>\nService ready.\n</body></html>\n".to_vec();
            return self.answered(id, Outcome::Answer(response));
        }
        if !self.balancer.in_rotation() {
            return self.answered(id, Outcome::Answer(self.balancer.maintenance()));
        }
        let port = self.balancer.server_port;
        self.connect(id, Namespace::Host, port, request);
    }

    fn connect(&mut self, id: ExchangeId, namespace: Namespace, port: u16, request: &Request) {
        match self.reached(namespace, port) {
            Reached::Nobody => self.answered(id, Outcome::Refused),
            Reached::Waits => self.hang(id, port, request),
            // The container refuses it, and docker-proxy closes.
            Reached::Proxy | Reached::Other => self.answered(id, Outcome::Closed),
            Reached::Node(pid) => {
                agent::before_request(self, request);
                if let Some(exchange) = self.net.exchanges.get_mut(&id.0) {
                    exchange.taken_by = Some(pid);
                }
                self.node_takes(pid, id, request);
            }
        }
    }

    /// An outcome is there; it reaches the client after the way back.
    pub(super) fn answered(&mut self, id: ExchangeId, outcome: Outcome) {
        let Some(exchange) = self.net.exchanges.get_mut(&id.0) else { return };
        if exchange.outcome.is_some() {
            return;
        }
        let (outcome, way) = if exchange.through_balancer {
            // What a client of the balancer gets for what happens behind it (retries 0, no redispatch).
            let outcome = match outcome {
                Outcome::Refused => Outcome::Answer(self.balancer.maintenance()),
                Outcome::Closed => Outcome::Answer(self.balancer.bad_gateway()),
                other => other,
            };
            (outcome, self.calibration.net.through_balancer_us)
        } else {
            (outcome, self.calibration.net.direct_us)
        };
        exchange.outcome = Some(outcome);
        let spread = way / 4 + 1;
        let at = self.now + way + self.random(spread);
        self.queue.push(at, Event::Net(NetEvent::Arrives(id)));
    }

    pub(super) fn net_event(&mut self, event: NetEvent) {
        match event {
            NetEvent::AsksAgain(port) => self.asks_again(port),
            NetEvent::Arrives(id) => {
                let now = self.now;
                let Some(exchange) = self.net.exchanges.get_mut(&id.0).filter(|exchange| exchange.arrived.is_none())
                else {
                    return;
                };
                exchange.arrived = Some(now);
                self.tell_waiter(id);
            }
            NetEvent::TimeOver(id) => {
                let now = self.now;
                let Some(exchange) = self.net.exchanges.get_mut(&id.0).filter(|exchange| exchange.arrived.is_none())
                else {
                    return;
                };
                exchange.arrived = Some(now);
                exchange.outcome = Some(Outcome::TimedOut);
                let taken_by = exchange.taken_by;
                if let Some(pid) = taken_by {
                    self.node_loses(pid, id);
                }
                self.tell_waiter(id);
            }
        }
    }

    fn tell_waiter(&mut self, id: ExchangeId) {
        let Some(waiter) = self.net.exchanges.get(&id.0).map(|exchange| exchange.waiter.clone()) else { return };
        // The strand looks for itself.
        if waiter == Waiter::Strand {
            return;
        }
        let Some(finished) = self.take_finished(id) else { return };
        match waiter {
            Waiter::Strand => {}
            Waiter::Agent(waiter) => agent::arrived(self, waiter, finished),
            Waiter::Monitoring => monitoring::scraped(self, &finished),
        }
    }

    /// Takes a request out that has come to an end.
    pub fn take_finished(&mut self, id: ExchangeId) -> Option<Finished> {
        self.net.exchanges.get(&id.0)?.arrived?;
        let exchange = self.net.exchanges.remove(&id.0)?;
        Some(Finished { outcome: exchange.outcome?, sent: exchange.sent, arrived: exchange.arrived? })
    }

    /// The strand sends a request and waits for its end.
    pub fn fetch(&mut self, to: (&str, u16), request: &Request, within: Option<Us>) -> Run<Finished> {
        let id = self.send(Waiter::Strand, to, request, within);
        loop {
            if let Some(finished) = self.take_finished(id) {
                return Ok(finished);
            }
            self.step()?;
        }
    }
}
