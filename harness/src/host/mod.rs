//! A host: one machine of an operator, real or simulated, that carries out requests and reports what happens on it.
//!
//! Both kinds speak the vocabulary of [`operator_agent::protocol`], so the driver is the same for both.

use std::collections::BTreeMap;

use operator_agent::protocol::{Report, Request, Setup};

use crate::topology::Topology;

pub mod container;
pub mod sim;

/// Between two probes of /healthz by the agent.
pub(crate) const PROBE_PAUSE_MS: u64 = 25;
/// The pager's listener on the machine.
const PAGER: &str = "127.0.0.1:9099";

/// The kinds of hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostKind {
    /// In virtual time, without a container.
    Sim,
    /// On a real machine in a container.
    Container,
}

impl HostKind {
    /// As on the command line, and in a History.
    pub fn as_str(self) -> &'static str {
        match self {
            HostKind::Sim => "sim",
            HostKind::Container => "container",
        }
    }
}

/// What the agent of a host needs to know of its machine.
pub fn setup(topology: &Topology, token: &str, releases: &BTreeMap<String, String>) -> Setup {
    Setup {
        operator: topology.operator.clone(),
        node_port: topology.node.port,
        node_url: topology.node.url.clone(),
        balancer_url: topology.balancer.url.clone(),
        control_url: topology.balancer.control_url.clone(),
        balancer_socket: topology.balancer.socket.clone(),
        balancer_server: topology.balancer.server.clone(),
        pager_listen: PAGER.to_owned(),
        token: Some(token.to_owned()),
        releases: releases.clone(),
        supervisor: topology.supervisor.command.clone(),
        probe_pause_ms: PROBE_PAUSE_MS,
    }
}

/// The harness could not do its work on a host.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The engine, the image, a build: something outside the drill.
    #[error("{0}")]
    Environment(String),
    /// The host's agent said that it cannot do something, or fell silent.
    #[error("operator host {host}: {what}")]
    Agent {
        /// Container name.
        host: String,
        /// What.
        what: String,
    },
    /// A signal came.
    #[error("interrupted by signal {0}")]
    Interrupted(i32),
}

/// A machine to drill on.
pub trait Host {
    /// For the History: the container's name, or the simulator's.
    fn name(&self) -> &str;

    /// Now, microseconds on the host's clock.
    fn now_us(&self) -> u64;

    /// Hands over a request. What comes of it is told by [`Host::next`].
    fn ask(&mut self, request: &Request) -> Result<(), HostError>;

    /// The next report, or `None` when the host's clock has reached `until_us` without one.
    fn next(&mut self, until_us: u64) -> Result<Option<Report>, HostError>;
}

/// A machine that the harness can settle before the drill.
pub trait AsRoot: Host {
    /// A command of the harness itself, as root, before the drill: status and output. What else is reported meanwhile is
    /// kept for [`Host::next`].
    fn run_as_root(&mut self, text: &str, timeout_ms: u64) -> Result<(i32, String), HostError>;
}
