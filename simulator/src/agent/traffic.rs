//! Traffic through the balancer: open loop, counted by outcome in the second in which it was sent; as
//! operator-agent/src/traffic.rs.
//!
//! Requests of the traffic are not on their way one by one, but to a node that answers late. Where they go stays the same
//! between two changes, so that all that were due until a change are taken together, each at its own time.

use std::collections::{BTreeMap, VecDeque};

use fake_node::http::Request;
use fake_node::node::{Alike, Output, RequestId};
use operator_agent::protocol::{Happened, ProbeOutcome, SLOW_US};

use super::{Address, AgentEvent, REQUEST_WITHIN, outcome, text, usually};
use crate::Run;
use crate::machine::Machine;
use crate::machine::net::{Finished, Namespace, Outcome, Reached};
use crate::machine::process::Pid;
use crate::time::{Event, MS, SECOND, Us};

pub mod late;

/// The smallest WebAssembly module, as base64.
const EMPTY_MODULE: &str = "AGFzbQEAAAA=";
/// Body of an invoke that asks nothing, and of one that calls an export that traps.
const PLAIN: &str = "{}";
const TRAP: &str = r#"{"export":"trap"}"#;
/// For the invokes between two fetches of /metrics.
pub(super) const MEASURE_TENANT: u64 = 901;
/// Between two looks whether all has been answered.
const LOOK: Us = 5 * MS;
/// Numbers of requests that no exchange has begin here.
const OWN_NUMBERS: u64 = 1 << 62;

/// What the balancer answers for a server that closes the connection without an answer.
const BROKEN_OFF: u16 = 502;

/// The state of the traffic.
#[derive(Debug, Clone, Default)]
pub(super) struct Traffic {
    sending: bool,
    began: Us,
    per_second: u64,
    /// Requests due so far that are counted.
    sent: u64,
    /// One for each tenant, in turns.
    requests: Vec<Request>,
    way: Way,
    /// What each of `requests` is to the node of this process.
    alike: Option<(Pid, Vec<Option<Alike>>)>,
    function: Option<String>,
    /// Requests that hang, by their numbers.
    hanging: Vec<u64>,
    /// Whether the event of the next request is in the queue, where each is on its way by itself.
    planned: bool,
    seconds: VecDeque<Second>,
}

/// A second that is not told yet.
#[derive(Debug, Clone, Default)]
struct Second {
    second: u64,
    /// When the last of its requests is over.
    closes: Us,
    /// Requests of which nobody knows yet when they are over.
    open: u64,
    outcomes: BTreeMap<ProbeOutcome, u64>,
    slow: u64,
}

/// Where a request of a client of the balancer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Way {
    /// Nobody takes it.
    #[default]
    Refused,
    /// The balancer answers.
    Balancer { status: u16 },
    /// To a node.
    Node(Pid),
    /// To a node whose answers come late: each is on its way by itself.
    Late,
    /// It hangs until the kernel knows where the node's container is.
    Waits,
}

impl Traffic {
    fn due(&self, number: u64) -> Us {
        self.began + number * SECOND / self.per_second.max(1)
    }

    /// The number of requests due before a time.
    fn due_before(&self, time: Us) -> u64 {
        let since = time.saturating_sub(self.began);
        if since == 0 { 0 } else { ((since - 1) * self.per_second.max(1)) / SECOND + 1 }
    }

    /// The second in which a request was due; they are asked for in the order of time, but for those that hung.
    fn second(&mut self, at: Us) -> Option<&mut Second> {
        let second = at / SECOND;
        if self.seconds.back().is_none_or(|last| last.second < second) {
            self.seconds.push_back(Second { second, ..Second::default() });
        }
        self.seconds.iter_mut().rev().find(|one| one.second == second)
    }

    /// `None`: refused.
    fn count(&mut self, at: Us, status: Option<u16>, closes: Us) {
        let slow = status.is_some() && closes.saturating_sub(at) > SLOW_US;
        if let Some(second) = self.second(at) {
            second.closes = second.closes.max(closes);
            second.slow += u64::from(slow);
            *second.outcomes.entry(status.map_or(ProbeOutcome::Refused, ProbeOutcome::Status)).or_default() += 1;
        }
    }

    /// It hangs.
    fn hang(&mut self, number: u64) {
        self.hanging.push(number);
        let at = self.due(number);
        if let Some(second) = self.second(at) {
            second.open += 1;
        }
    }
}

fn way(machine: &Machine) -> Way {
    let balancer = &machine.balancer;
    if !balancer.runs {
        return Way::Refused;
    }
    let maintenance = || Way::Balancer { status: balancer.maintenance().status };
    if !balancer.in_rotation() {
        return maintenance();
    }
    match machine.reached(Namespace::Host, balancer.server_port) {
        Reached::Nobody => maintenance(),
        Reached::Node(pid) if machine.invokes_wait(pid) => Way::Late,
        Reached::Node(pid) => Way::Node(pid),
        Reached::Other | Reached::Proxy => Way::Balancer { status: BROKEN_OFF },
        Reached::Waits => Way::Waits,
    }
}

/// A POST as the agent's client sends it.
fn post(to: &Address, path: &str, token: Option<&str>, tenant: u64, body: &str) -> Request {
    let mut request = super::get(to, path).header("x-tensorwasm-tenant", &tenant.to_string()).json(body);
    "POST".clone_into(&mut request.method);
    match token {
        Some(token) => request.bearer(token),
        None => request,
    }
}

/// An invoke of the deployed function; `None` before there is one.
pub(super) fn invoke_request(machine: &Machine, tenant: u64, body: &str) -> Option<Request> {
    let function = machine.agent.traffic.function.as_ref()?;
    let token = machine.agent.setup.as_ref().and_then(|setup| setup.token.as_deref());
    Some(post(&machine.agent.asks.balancer, &format!("/functions/{function}/invoke"), token, tenant, body))
}

/// Invokes of the strand through the balancer, so long after each other, written down in the ledger.
pub(super) fn invoke(machine: &mut Machine, tenant: u64, times: u32, each: Us) -> Run<()> {
    let request = invoke_request(machine, tenant, PLAIN);
    let asks = machine.agent.asks.clone();
    for _ in 0..times {
        machine.spend(each)?;
        let Some(request) = &request else { continue };
        let number = machine.agent.ledger.open(machine.now, true);
        let finished = machine.fetch(asks.balancer.pair(), request, Some(REQUEST_WITHIN))?;
        machine.agent.ledger.close(number, finished.arrived, status(&finished));
    }
    Ok(())
}

pub(super) fn status(finished: &Finished) -> Option<u16> {
    match &finished.outcome {
        Outcome::Answer(response) => Some(response.status),
        _ => None,
    }
}

/// Deploys a function, then sends.
pub fn start(machine: &mut Machine, per_second: u64, tenants: &[u64], trapping: &[u64]) -> Run<()> {
    let (asks, setup) = (machine.agent.asks.clone(), machine.agent.setup.clone());
    let token = setup.as_ref().and_then(|setup| setup.token.as_deref());
    let body = format!(r#"{{"name":"drill","wasm_b64":"{EMPTY_MODULE}"}}"#);
    let request = post(&asks.balancer, "/functions", token, 0, &body);
    let finished = machine.fetch(asks.balancer.pair(), &request, Some(REQUEST_WITHIN))?;
    let body = text(&finished);
    let id = serde_json::from_str::<serde_json::Value>(&body)
        .ok()
        .and_then(|body| Some(body.get("id")?.as_str()?.to_owned()));
    let Some(id) = id else {
        let url = setup.map(|setup| setup.balancer_url.clone()).unwrap_or_default();
        let why = format!("POST {url}/functions came to {}: {body}", outcome(&finished).word());
        machine.report(Happened::TrafficFailed { why });
        return Ok(());
    };
    machine.agent.traffic = Traffic { function: Some(id), ..Traffic::default() };
    let tenants = if tenants.is_empty() { &[0] } else { tenants };
    let body = |tenant: &u64| if trapping.contains(tenant) { TRAP } else { PLAIN };
    let requests = tenants.iter().filter_map(|tenant| invoke_request(machine, *tenant, body(tenant))).collect();
    let way = way(machine);
    let now = machine.now;
    let traffic = &mut machine.agent.traffic;
    (traffic.sending, traffic.began, traffic.per_second) = (true, now, per_second.max(1));
    (traffic.requests, traffic.way) = (requests, way);
    machine.report(Happened::TrafficStarted);
    plan_second(machine);
    late::plan(machine);
    Ok(())
}

/// A second is told at the first answer after its end: that is when its event is due.
fn plan_second(machine: &mut Machine) {
    let traffic = &machine.agent.traffic;
    let end = (machine.now / SECOND + 1) * SECOND;
    let first_after = traffic.due(traffic.due_before(end));
    let at = first_after + usually(machine.calibration.net.through_balancer_us);
    machine.queue.push(at, Event::Agent(AgentEvent::Second));
}

/// A second can be over.
pub(super) fn second(machine: &mut Machine) {
    if !machine.agent.traffic.sending {
        return;
    }
    settle(machine);
    tell(machine, false);
    plan_second(machine);
}

/// Tells all seconds that are over, with nothing of them open.
fn tell(machine: &mut Machine, also_this_one: bool) {
    let now = machine.now;
    let mut left = VecDeque::new();
    let mut told = std::mem::take(&mut machine.agent.traffic.seconds);
    while let Some(second) = told.pop_front() {
        let over = also_this_one || second.second < now / SECOND;
        if over && second.open == 0 && second.closes <= now {
            let Second { second, outcomes, slow, .. } = second;
            let outcomes = outcomes.into_iter().map(|(outcome, count)| (outcome.word(), count)).collect();
            machine.report(Happened::Traffic { second, outcomes, slow });
        } else {
            left.push_back(second);
        }
    }
    machine.agent.traffic.seconds = left;
}

/// Stops sending, and ends when everything has been answered.
pub fn stop(machine: &mut Machine) -> Run<()> {
    settle(machine);
    machine.agent.traffic.sending = false;
    while machine.agent.traffic.seconds.iter().any(|second| second.open > 0 || second.closes > machine.now) {
        machine.spend(LOOK)?;
    }
    tell(machine, true);
    machine.report(Happened::TrafficStopped);
    Ok(())
}

/// Where requests go from now on.
pub(super) fn world_changed(machine: &mut Machine) {
    // What hangs is still to come to an end when nothing is sent any more.
    if machine.agent.traffic.sending || !machine.agent.traffic.hanging.is_empty() {
        settle(machine);
        machine.agent.traffic.way = way(machine);
        if machine.agent.traffic.way != Way::Waits {
            let_go(machine);
        }
        late::plan(machine);
    }
}

/// Whose turn it is, of so many tenants.
fn place(number: u64, tenants: usize) -> usize {
    usize::try_from(number % (tenants.max(1) as u64)).unwrap_or(0)
}

/// What hung goes on: to the node, or it is broken off.
fn let_go(machine: &mut Machine) {
    if machine.agent.traffic.hanging.is_empty() {
        return;
    }
    let numbers = std::mem::take(&mut machine.agent.traffic.hanging);
    if machine.agent.traffic.way == Way::Late {
        return numbers.into_iter().for_each(|number| late::send(machine, number));
    }
    let mut traffic = std::mem::take(&mut machine.agent.traffic);
    let now = machine.now;
    let statuses = match traffic.way {
        Way::Node(pid) => {
            let arrivals: Vec<(u64, Us)> = numbers.iter().map(|number| (*number, now)).collect();
            at_node(machine, &mut traffic, pid, &arrivals)
        }
        _ => vec![BROKEN_OFF; numbers.len()],
    };
    let ended = now + usually(machine.calibration.net.through_balancer_us);
    for (number, status) in numbers.into_iter().zip(statuses) {
        let at = traffic.due(number);
        traffic.count(at, Some(status), ended);
        if let Some(second) = traffic.second(at) {
            second.open -= 1;
        }
        machine.agent.ledger.invoke(at, ended, Some(status));
    }
    machine.agent.traffic = traffic;
}

/// Somebody changes what the node holds: whether its answers stay alike has to be asked again.
pub(super) fn functions_may_change(machine: &mut Machine) {
    machine.agent.traffic.alike = None;
}

/// Takes all that were due before now.
pub(super) fn settle(machine: &mut Machine) {
    let traffic = &machine.agent.traffic;
    // What goes to a node that answers late has events of its own.
    if !traffic.sending || traffic.way == Way::Late || traffic.due(traffic.sent) >= machine.now {
        return;
    }
    let mut traffic = std::mem::take(&mut machine.agent.traffic);
    let numbers = traffic.sent..traffic.due_before(machine.now);
    traffic.sent = numbers.end;
    let answered = usually(machine.calibration.net.through_balancer_us);
    match traffic.way {
        Way::Node(pid) => {
            let arrivals: Vec<(u64, Us)> = numbers.map(|number| (number, traffic.due(number))).collect();
            let statuses = at_node(machine, &mut traffic, pid, &arrivals);
            for ((_, at), status) in arrivals.into_iter().zip(statuses) {
                traffic.count(at, Some(status), at + answered);
                machine.agent.ledger.invoke(at, at + answered, Some(status));
            }
        }
        Way::Waits => numbers.for_each(|number| traffic.hang(number)),
        Way::Late => {}
        Way::Refused | Way::Balancer { .. } => {
            let status = match traffic.way {
                Way::Balancer { status } => Some(status),
                _ => None,
            };
            for at in numbers.map(|number| traffic.due(number)).collect::<Vec<_>>() {
                traffic.count(at, status, at + answered);
                machine.agent.ledger.invoke(at, at + answered, status);
            }
        }
    }
    machine.agent.traffic = traffic;
}

/// What the node of a process answers to these, each with the time at which it comes.
fn at_node(machine: &mut Machine, traffic: &mut Traffic, pid: Pid, arrivals: &[(u64, Us)]) -> Vec<u16> {
    let tenants = traffic.requests.len();
    let mut statuses = Vec::with_capacity(arrivals.len());
    let place = |number: u64| place(number, tenants);
    // Gone in this very moment.
    let Some((model, began)) = machine.node_model(pid) else { return vec![BROKEN_OFF; arrivals.len()] };
    if traffic.alike.as_ref().is_none_or(|(of, _)| *of != pid) {
        let alike = traffic.requests.iter().map(|request| model.alike(request)).collect();
        traffic.alike = Some((pid, alike));
    }
    let arrivals = arrivals.iter().map(|(number, at)| (*number, at.saturating_sub(began)));
    let alike: Option<Vec<Alike>> = traffic.alike.as_ref().and_then(|(_, alike)| alike.iter().copied().collect());
    if let Some(alike) = alike.filter(|alike| !alike.is_empty()) {
        let arrivals = arrivals.clone().filter_map(|(number, at)| Some((at, *alike.get(place(number))?)));
        if model.invoke_many(arrivals, |status| statuses.push(status)) {
            return statuses;
        }
    }
    // Each by itself; an invoke that holds nothing is answered at once.
    for (number, at) in arrivals {
        let Some(request) = traffic.requests.get(place(number)) else { continue };
        let id = RequestId(OWN_NUMBERS + number);
        let outputs = model.handle(at, id, request);
        let status = outputs.into_iter().find_map(|output| match output {
            Output::Respond { request, response } if request == id => Some(response.status),
            _ => None,
        });
        statuses.push(status.unwrap_or(BROKEN_OFF));
    }
    statuses
}
