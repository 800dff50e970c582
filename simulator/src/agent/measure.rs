//! Measurements on request: latencies of /healthz beside a control, two fetches of /metrics with invokes in between; as
//! operator-agent/src/measure.rs.

use operator_agent::protocol::{Happened, ProbeOutcome, Sample};

use super::traffic::{self, MEASURE_TENANT};
use super::{Asks, PROBE_WITHIN, SCRAPE_WITHIN, at_once, outcome, sample, text};
use crate::Run;
use crate::machine::Machine;
use crate::machine::net::{Finished, Namespace, Reached};
use crate::machine::process::Pid;
use crate::time::{MS, Us};

/// Probes of one measurement.
const PROBES_MAX: u32 = 10_000;

/// Probes node and control in turn.
pub fn health(machine: &mut Machine, probes: u32, pause_ms: u64) -> Run<()> {
    let asks = machine.agent.asks.clone();
    let (probes, pause) = (probes.min(PROBES_MAX), pause_ms * MS);
    let room = || Vec::with_capacity(probes as usize);
    let (mut node, mut control) = (room(), room());
    let net = &machine.calibration.net;
    let pair_at_most = at_once(net.direct_us) + at_once(net.through_balancer_us) + pause;
    let mut known = Known::default();
    let control_is_balancer = asks.control == asks.balancer;
    for _ in 0..probes {
        let own = control_is_balancer && answers_by_itself(machine);
        let alone = own && machine.is_alone_for(pair_at_most);
        if !alone {
            known.count(machine, &asks);
        }
        node.push(check(machine, &asks, &mut known, alone)?);
        let own = control_is_balancer && answers_by_itself(machine);
        control.push(control_probe(machine, &asks, own)?);
        machine.spend(pause)?;
    }
    known.count(machine, &asks);
    machine.report(Happened::HealthMeasured { probes: node, control });
    Ok(())
}

/// What is known of the node's answers to checks.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// The agent's generation, and the process of the node that answers at once in it.
    answers: Option<(u64, Pid)>,
    /// Events of the machine when the node took a check last: nothing has happened to it as long as there are no more.
    taken_at: Option<u64>,
    /// Checks that were answered since, and that the node has not counted yet: nobody can have looked.
    uncounted: u64,
}

impl Known {
    fn count(&mut self, machine: &mut Machine, asks: &Asks) {
        let times = std::mem::take(&mut self.uncounted);
        if times > 0
            && let Some((_, pid)) = self.answers
            && let Some((model, _)) = machine.node_model(pid)
        {
            model.check_many(&asks.healthz, times);
        }
    }

    /// Whether one more check is answered at once. `alone`: nothing else happens until the next one.
    fn takes(&mut self, machine: &mut Machine, asks: &Asks, alone: bool) -> bool {
        let Some((_, pid)) = self.answers.filter(|(generation, _)| *generation == machine.agent.generation) else {
            return false;
        };
        if alone && self.taken_at == Some(machine.events()) {
            self.uncounted += 1;
            return true;
        }
        let taken = machine.node_model(pid).is_some_and(|(model, _)| model.check_many(&asks.healthz, 1));
        self.taken_at = taken.then(|| machine.events());
        taken
    }
}

/// One check of the node. After one that was answered at once, those that reach the same node are only counted.
fn check(machine: &mut Machine, asks: &Asks, known: &mut Known, alone: bool) -> Run<Sample> {
    let way = machine.calibration.net.direct_us;
    let began = machine.now;
    let counted = known.takes(machine, asks, alone);
    let number = machine.agent.ledger.open(began, false);
    if counted {
        let spread = way / 4 + 1;
        let latency_us = way + machine.random(spread);
        machine.spend(latency_us)?;
        machine.agent.ledger.close(number, machine.now, Some(200));
        return Ok(Sample { outcome: ProbeOutcome::Status(200), latency_us });
    }
    // What is still to be counted comes before what the node is asked now.
    known.count(machine, asks);
    let generation = machine.agent.generation;
    let finished = machine.fetch(asks.node.pair(), &asks.healthz, Some(PROBE_WITHIN))?;
    machine.agent.ledger.close(number, finished.arrived, traffic::status(&finished));
    let sample = sample(&finished);
    let at_once = sample.outcome.is_ok() && sample.latency_us <= at_once(way);
    known.answers = match machine.reached(Namespace::Host, asks.node.port) {
        Reached::Node(pid) if at_once && machine.agent.generation == generation => Some((generation, pid)),
        _ => None,
    };
    Ok(sample)
}

/// Whether the balancer answers a control's probe by itself.
fn answers_by_itself(machine: &Machine) -> bool {
    machine.balancer.runs && !machine.balancer.monitor_uri.is_empty()
}

/// A probe of the control. `own`: it is the balancer's own answer, in which nothing else has a part.
fn control_probe(machine: &mut Machine, asks: &Asks, own: bool) -> Run<Sample> {
    if !own {
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
    traffic::invoke(machine, MEASURE_TENANT, invokes, each)?;
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
