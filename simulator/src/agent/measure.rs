//! Measurements on request: latencies of /healthz beside a control, two fetches of /metrics with invokes in between; as
//! operator-agent/src/measure.rs.

use operator_agent::protocol::{Happened, ProbeOutcome, Sample};

use super::traffic::{self, MEASURE_TENANT};
use super::{PROBE_WITHIN, SCRAPE_WITHIN, at_once, outcome, sample, text};
use crate::Run;
use crate::machine::Machine;
use crate::machine::net::{Finished, Namespace, Reached};
use crate::time::{MS, Us};

/// Probes of one measurement.
const PROBES_MAX: u32 = 10_000;

/// Probes node and control in turn.
pub fn health(machine: &mut Machine, probes: u32, pause_ms: u64) -> Run<()> {
    let asks = machine.agent.asks.clone();
    let (mut node, mut control) = (Vec::new(), Vec::new());
    let mut known = None;
    for _ in 0..probes.min(PROBES_MAX) {
        node.push(check(machine, &mut known)?);
        control.push(control_probe(machine, &asks)?);
        machine.spend(pause_ms * MS)?;
    }
    machine.report(Happened::HealthMeasured { probes: node, control });
    Ok(())
}

/// A state of the machine in which the node of this process answers checks at once.
type Known = (u64, crate::machine::process::Pid);

/// One check of the node. After one that was answered at once, those that reach the same node are only counted.
fn check(machine: &mut Machine, known: &mut Option<Known>) -> Run<Sample> {
    let asks = machine.agent.asks.clone();
    let way = machine.calibration.net.direct_us;
    let began = machine.now;
    let same = known.filter(|(generation, _)| *generation == machine.agent.generation);
    let mut counted = |pid| machine.node_model(pid).is_some_and(|(model, _)| model.check_many(&asks.healthz, 1));
    if same.is_some_and(|(_, pid)| counted(pid)) {
        let number = machine.agent.ledger.open(began, false);
        let spread = way / 4 + 1;
        let latency_us = way + machine.random(spread);
        machine.spend(latency_us)?;
        machine.agent.ledger.close(number, machine.now, Some(200));
        return Ok(Sample { outcome: ProbeOutcome::Status(200), latency_us });
    }
    let number = machine.agent.ledger.open(began, false);
    let generation = machine.agent.generation;
    let finished = machine.fetch(asks.node.pair(), &asks.healthz, Some(PROBE_WITHIN))?;
    machine.agent.ledger.close(number, finished.arrived, traffic::status(&finished));
    let sample = sample(&finished);
    let at_once = sample.outcome.is_ok() && sample.latency_us <= at_once(way);
    *known = match machine.reached(Namespace::Host, asks.node.port) {
        Reached::Node(pid) if at_once && machine.agent.generation == generation => Some((generation, pid)),
        _ => None,
    };
    Ok(sample)
}

/// The balancer's own answer; nothing else has a part in it.
fn control_probe(machine: &mut Machine, asks: &super::Asks) -> Run<Sample> {
    if asks.control != asks.balancer || !machine.balancer.runs || machine.balancer.monitor_uri.is_empty() {
        return Ok(sample(&machine.fetch(asks.control.pair(), &asks.control_request, Some(PROBE_WITHIN))?));
    }
    let way = machine.calibration.net.through_balancer_us;
    let spread = way / 4 + 1;
    let latency_us = way + machine.random(spread);
    machine.spend(latency_us)?;
    Ok(Sample { outcome: ProbeOutcome::Status(200), latency_us })
}

/// Fetches /metrics, sends invokes, and fetches it again.
pub fn metrics(machine: &mut Machine, apart_ms: u64, invokes: u32) -> Run<()> {
    let asks = machine.agent.asks.clone();
    let first = machine.fetch(asks.node.pair(), &asks.metrics, Some(SCRAPE_WITHIN))?;
    let each = apart_ms * MS / u64::from(invokes + 1);
    for _ in 0..invokes {
        machine.spend(each)?;
        traffic::invoke(machine, MEASURE_TENANT)?;
    }
    machine.spend(each)?;
    let second = machine.fetch(asks.node.pair(), &asks.metrics, Some(SCRAPE_WITHIN))?;
    super::settle(machine);
    let times = |finished: &Finished| -> (Us, Us) { (finished.sent, finished.arrived) };
    let between = machine.agent.ledger.between(times(&first), times(&second));
    let url = machine.agent.setup.as_ref().map(|setup| format!("{}/metrics", setup.node_url)).unwrap_or_default();
    let failure = [("first", &first), ("second", &second)]
        .iter()
        .map(|(which, finished)| (which, outcome(finished)))
        .filter(|(_, outcome)| !outcome.is_ok())
        .map(|(which, outcome)| format!("the {which} fetch of {url} came to {}", outcome.word()))
        .reduce(|one, other| format!("{one}; {other}"));
    machine.report(Happened::MetricsFetched {
        first: text(&first),
        second: text(&second),
        failure,
        invokes_least: between.invokes_least,
        invokes_most: between.invokes_most,
        requests_least: between.requests_least,
    });
    Ok(())
}
