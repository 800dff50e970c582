//! The harness's agent on the machine: probes, traffic, measurements, looks. It speaks as the real one does
//! (`operator-agent`), and sees what that one could see.
//!
//! Probes and traffic that can come to nothing new are not sent one by one: they are counted when something could see a
//! difference, which is a request to the node, a change of who listens or of the balancer, or the end of a second.

use std::sync::Arc;

use fake_node::http::Request;
use operator_agent::protocol::{ProbeOutcome, Sample, Setup};
use serde::Deserialize;

use crate::BadMachine;
use crate::machine::Machine;
use crate::machine::net::{Finished, Outcome};
use crate::time::{Event, SECOND, Us};

pub mod files;
pub mod hold;
pub mod ledger;
pub mod look;
pub mod measure;
mod probe;
pub mod root;
#[cfg(test)]
pub(crate) mod tests;
pub mod traffic;

use ledger::Ledger;

/// How long its own work takes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AgentTimes {
    /// From a machine's creation to the beginning of its agent.
    pub boot_us: Us,
    /// From a request to the command's beginning in the open shell, and from its end to the report.
    pub hand_over_us: Us,
    /// Killing a shell's session until nobody is left.
    pub kill_shell_us: Us,
    /// A look at the machine, without what it asks others.
    pub look_us: Us,
    /// Opening a shell.
    pub open_shell_us: Us,
}

/// One probe, one look upstream; as `PROBE` of operator-agent/src/measure.rs.
const PROBE_WITHIN: Us = SECOND;
/// One scrape; as `SCRAPE` of operator-agent/src/measure.rs.
const SCRAPE_WITHIN: Us = 5 * SECOND;
/// One request of the traffic; as `REQUEST` of operator-agent/src/traffic.rs.
const REQUEST_WITHIN: Us = 5 * SECOND;

/// Who of the agent waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Waiter {
    /// The probe of /healthz.
    Probe,
    /// The held invoke with this number.
    Held(usize),
    /// One of the traffic, that goes to a node which answers late.
    Invoke {
        /// The number of the request.
        number: u64,
        /// Its number in the ledger.
        entry: u64,
    },
}

/// What the agent does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AgentEvent {
    /// A probe is due.
    Probe,
    /// A second of traffic can be over.
    Second,
    /// A request of the traffic is due, and the node answers late.
    Invoke,
}

/// The agent's state.
#[derive(Debug, Clone, Default)]
pub struct AgentState {
    /// What it was told to watch.
    pub setup: Option<Arc<Setup>>,
    /// What was told of the balancer last: whether the node is in rotation, and the word.
    pub balancer: Option<(bool, String)>,
    /// Whom it asks, and how.
    asks: Arc<Asks>,
    /// Changes of who listens and of the balancer so far: as long as it stays, so does what a request comes to.
    generation: u64,
    /// Commands of the operator that have ended.
    commands: u64,
    probe: probe::Probe,
    traffic: traffic::Traffic,
    ledger: Ledger,
    held: Vec<hold::Held>,
}

/// An address of the setup.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Address {
    host: String,
    port: u16,
}

impl Address {
    fn pair(&self) -> (&str, u16) {
        (&self.host, self.port)
    }
}

/// Whom the agent asks, and its requests, made once.
#[derive(Debug, Clone)]
struct Asks {
    node: Address,
    balancer: Address,
    control: Address,
    healthz: Request,
    metrics: Request,
    control_request: Request,
    upstream: Request,
}

impl Default for Asks {
    fn default() -> Asks {
        let nobody = Address::default();
        let none = || get(&Address::default(), "/");
        Asks {
            node: nobody.clone(),
            balancer: nobody.clone(),
            control: nobody,
            healthz: none(),
            metrics: none(),
            control_request: none(),
            upstream: none(),
        }
    }
}

impl Asks {
    fn of(setup: &Setup) -> Result<Asks, BadMachine> {
        let (node, _) = address(&setup.node_url)?;
        let (balancer, _) = address(&setup.balancer_url)?;
        let (control, path) = address(&setup.control_url)?;
        Ok(Asks {
            healthz: get(&node, "/healthz"),
            metrics: get(&node, "/metrics"),
            control_request: get(&control, if path.is_empty() { "/" } else { path }),
            upstream: get(&balancer, "/healthz"),
            node,
            balancer,
            control,
        })
    }
}

/// Host, port and path of a URL.
fn address(url: &str) -> Result<(Address, &str), BadMachine> {
    let parts = || {
        let rest = url.strip_prefix("http://")?;
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "80"));
        Some((Address { host: host.to_owned(), port: port.parse().ok()? }, path))
    };
    parts().ok_or_else(|| BadMachine(format!("`{url}` is no URL of the form http://HOST:PORT/PATH")))
}

fn get(to: &Address, path: &str) -> Request {
    let mut request = Request::new("GET", path);
    request.headers = vec![
        ("host".to_owned(), format!("{}:{}", to.host, to.port)),
        ("user-agent".to_owned(), "rollback-drill".to_owned()),
        ("connection".to_owned(), "close".to_owned()),
    ];
    request
}

/// Whether the agent could work with this.
///
/// # Errors
/// An address that it cannot use.
pub fn check(setup: &Setup) -> Result<(), BadMachine> {
    Asks::of(setup).map(drop)
}

/// The agent begins to watch.
pub fn begin(machine: &mut Machine, setup: Setup) {
    // Checked before the machine was made; without it nobody is reached.
    machine.agent.asks = Arc::new(Asks::of(&setup).unwrap_or_default());
    machine.agent.setup = Some(Arc::new(setup));
    machine.queue.push(machine.now, Event::Agent(AgentEvent::Probe));
}

/// Something of the agent's is due.
pub fn event(machine: &mut Machine, event: AgentEvent) {
    match event {
        AgentEvent::Probe => probe::send(machine),
        AgentEvent::Second => traffic::second(machine),
        AgentEvent::Invoke => traffic::late::due(machine),
    }
}

/// An answer that the agent waits for is there.
pub fn arrived(machine: &mut Machine, waiter: Waiter, finished: Finished) {
    match waiter {
        Waiter::Probe => probe::arrived(machine, &finished),
        Waiter::Held(number) => hold::arrived(machine, number, &finished),
        Waiter::Invoke { number, entry } => traffic::late::arrived(machine, number, entry, &finished),
    }
}

/// Who listens, or the balancer, has just changed.
pub(crate) fn world_changed(machine: &mut Machine) {
    machine.agent.generation += 1;
    traffic::world_changed(machine);
    probe::again(machine);
}

/// A command of the operator has ended: the first outcome of a probe begun after it is told.
pub(crate) fn command_ended(machine: &mut Machine) {
    machine.agent.commands += 1;
    probe::again(machine);
}

/// Counts what was sent until now, where it went until now.
pub(crate) fn settle(machine: &mut Machine) {
    traffic::settle(machine);
    probe::settle(machine);
}

/// A request is about to reach a node: what was sent before it comes first.
pub(crate) fn before_request(machine: &mut Machine, request: &Request) {
    settle(machine);
    // Those that read, and invokes, leave the functions as they are.
    let is_invoke = request.method == "POST" && request.path().ends_with("/invoke");
    if request.method != "GET" && !is_invoke {
        traffic::functions_may_change(machine);
    }
}

/// What a request came to, as the agent's HTTP client tells it.
fn outcome(finished: &Finished) -> ProbeOutcome {
    match &finished.outcome {
        Outcome::Refused => ProbeOutcome::Refused,
        Outcome::Closed => ProbeOutcome::Reset,
        Outcome::TimedOut => ProbeOutcome::TimedOut,
        Outcome::UnknownHost => ProbeOutcome::Garbage("the name leads nowhere".to_owned()),
        Outcome::Answer(response) => ProbeOutcome::Status(response.status),
    }
}

fn sample(finished: &Finished) -> Sample {
    Sample { outcome: outcome(finished), latency_us: finished.arrived.saturating_sub(finished.sent) }
}

/// The body of an answer as text, empty without one.
fn text(finished: &Finished) -> String {
    match &finished.outcome {
        Outcome::Answer(response) => crate::lossy(&response.body).into_owned(),
        _ => String::new(),
    }
}

/// How long a request that is answered at once takes at the most; see `Machine::answered_after`.
fn at_once(way: Us) -> Us {
    way + way / 4
}

/// How long it takes in the middle, where nothing is drawn for it.
fn usually(way: Us) -> Us {
    way + way / 8
}
