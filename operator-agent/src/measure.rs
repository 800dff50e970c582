//! Measurements on request: latencies of /healthz beside a control, two fetches of /metrics with invokes in between,
//! and the machine at one moment.

use std::time::Duration;

use crate::clock::pause;
use crate::http::{Answer, Client, Limits};
use crate::ledger::{Asks, Ledger};
use crate::machine;
use crate::protocol::{Happened, MachineState, ProbeOutcome, Setup};
use crate::root;
use crate::traffic::{MEASURE_TENANT, Traffic};
use crate::watch::Watch;

/// One probe may take this long; a node that needs more is not ready for anybody.
const PROBE: Limits = Limits { time: Duration::from_secs(1), body_bytes: 64 << 10 };
/// A scrape of the real node is some 16 KB.
const SCRAPE: Limits = Limits { time: Duration::from_secs(5), body_bytes: 256 << 10 };
const SUPERVISOR_TIMEOUT: Duration = Duration::from_secs(5);
/// Probes of one measurement.
const PROBES_MAX: u32 = 10_000;

/// A client for probes of /healthz.
pub fn probe_client() -> Client {
    Client::new(PROBE)
}

/// Probes node and control in turn.
pub fn health(setup: &Setup, ledger: &Ledger, probes: u32, pause_between: Duration) -> Happened {
    let client = probe_client();
    let healthz = format!("{}/healthz", setup.node_url);
    let (mut node, mut control) = (Vec::new(), Vec::new());
    for _ in 0..probes.min(PROBES_MAX) {
        node.push(ledger.record(Asks::Other, || client.get(&healthz)).sample);
        control.push(client.get(&setup.control_url).sample);
        pause(pause_between);
    }
    Happened::HealthMeasured { probes: node, control }
}

/// Fetches /metrics, sends invokes, and fetches it again.
pub fn metrics(setup: &Setup, ledger: &Ledger, traffic: &Traffic, apart: Duration, invokes: u32) -> Happened {
    let client = Client::new(SCRAPE);
    let url = format!("{}/metrics", setup.node_url);
    let first = client.get(&url);
    let each = apart / (invokes + 1);
    for _ in 0..invokes {
        pause(each);
        let _ = traffic.invoke(MEASURE_TENANT);
    }
    pause(each);
    let second = client.get(&url);
    let between = ledger.between((first.began_us, first.ended_us()), (second.began_us, second.ended_us()));
    let failure = [("first", &first), ("second", &second)]
        .iter()
        .filter(|(_, answer)| !answer.sample.outcome.is_ok())
        .map(|(which, answer)| format!("the {which} fetch of {url} came to {}", answer.sample.outcome.word()))
        .reduce(|one, other| format!("{one}; {other}"));
    Happened::MetricsFetched {
        first: first.text(),
        second: second.text(),
        failure,
        invokes_least: between.invokes_least,
        invokes_most: between.invokes_most,
        requests_least: between.requests_least,
    }
}

/// The machine now.
pub fn machine(setup: &Setup, watch: &Watch) -> Happened {
    let healthz = probe_client().get(&format!("{}/healthz", setup.node_url)).sample.outcome;
    let ran = root::run(&setup.supervisor, SUPERVISOR_TIMEOUT);
    let (processes, listeners) = watch.now();
    let build_info = running_version(setup);
    let machine = MachineState { processes, listeners, supervisor: ran.output, supervisor_exit: ran.exit };
    Happened::MachineSeen { machine, healthz, build_info }
}

/// The operator's files that were changed since a moment.
pub fn records(setup: &Setup, since_us: u64) -> Happened {
    let files = machine::operator_files(&setup.operator, since_us);
    Happened::RecordsSeen { running_version: running_version(setup), files }
}

/// What upstream answers to a client now.
pub fn upstream(setup: &Setup) -> (ProbeOutcome, Option<String>) {
    let Answer { sample, retry_after, .. } = probe_client().get(&format!("{}/healthz", setup.balancer_url));
    (sample.outcome, retry_after)
}

/// The version label of the running process's build_info (node-contract.md section 3, row 12).
fn running_version(setup: &Setup) -> Option<String> {
    let body = Client::new(SCRAPE).get(&format!("{}/metrics", setup.node_url)).text();
    let line = body.lines().find(|line| line.starts_with("tensor_wasm_build_info{"))?;
    let (_, rest) = line.split_once("version=\"")?;
    // `rustc_version="` ends alike; the label is the one after `{` or `,`.
    let own = [r#"{version=""#, r#",version=""#].iter().find_map(|key| Some(line.split_once(key)?.1));
    let (version, _) = own.unwrap_or(rest).split_once('"')?;
    Some(version.to_owned())
}
