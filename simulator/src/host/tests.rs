//! Requests and reports of a host whose node is a unit.

use super::*;
use crate::agent::tests::{release, setup};
use crate::spec::{Entry, EntryKind};

const UNIT: &str = include_str!("../../../scenarios/topologies/documented/systemd/tensor-wasm.service");

fn spec() -> MachineSpec {
    let entry =
        |path: &str, owner: &str, kind: EntryKind| Entry { path: path.into(), owner: owner.into(), mode: 0o755, kind };
    let file = |path: &str, text: &str| entry(path, "root", EntryKind::File(text.into()));
    MachineSpec {
        seed: 3,
        setup: setup(),
        entries: vec![
            file("/etc/haproxy/errors/maintenance.http", "HTTP/1.1 503 x\nRetry-After: 30\n\ndown\n"),
            file("/etc/tensor-wasm/env", "TENSOR_WASM_API_TOKENS=t\n"),
            file("/etc/systemd/system/tensor-wasm.service", UNIT),
            entry(
                "/etc/systemd/system/multi-user.target.wants/tensor-wasm.service",
                "root",
                EntryKind::Link("/etc/systemd/system/tensor-wasm.service".into()),
            ),
            entry("/usr/local/bin/tensor-wasm", "root", EntryKind::Release(release(None))),
            entry("/var/lib/tensor-wasm", "tensor-wasm", EntryKind::Folder),
        ],
        images: Vec::new(),
        commits: Vec::new(),
    }
}

/// All reports until then.
fn read(host: &mut SimulatedHost, until: Us) -> Vec<Report> {
    std::iter::from_fn(|| host.next(until).unwrap()).collect()
}

pub(crate) fn up() -> SimulatedHost {
    let mut host = SimulatedHost::start(&spec()).unwrap();
    let now = host.now_us();
    read(&mut host, now);
    host
}

fn measuring(host: &mut SimulatedHost) -> Us {
    host.ask(&Request::StartTraffic { per_second: 24, tenants: vec![1, 2, 3], trapping: Vec::new() });
    let now = host.now_us();
    read(host, now + 700 * MS);
    host.ask(&Request::FetchMetricsTwice { apart_ms: 1000, invokes: 10 });
    host.now_us()
}

#[test]
fn what_came_up_is_told_before_anything_else() {
    let mut host = SimulatedHost::start(&spec()).unwrap();
    let now = host.now_us();
    let kinds: Vec<&str> = read(&mut host, now)
        .iter()
        .map(|report| match &report.what {
            Happened::ProbeChanged { sample } if sample.outcome.is_ok() => "ok",
            Happened::ProbeChanged { .. } => "refused",
            Happened::BalancerChanged { in_rotation: true, .. } => "ready",
            Happened::NodeStarted { .. } => "node",
            Happened::ListenersChanged { .. } => "listeners",
            other => panic!("{other:?}"),
        })
        .collect();
    let mut sorted = kinds.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["listeners", "node", "ok", "ready", "refused"], "{kinds:?}");
    assert!(host.up_us() / 1000 > 1000);
}

#[test]
fn reports_come_in_order_and_the_clock_stands_where_the_harness_has_read_to() {
    let mut host = up();
    let began = measuring(&mut host);
    let mut last = began;
    let until = began + 3 * SECOND;
    while let Some(report) = host.next(until).unwrap() {
        assert!(report.at_us >= last && report.at_us <= until);
        assert_eq!(host.now_us(), report.at_us);
        last = report.at_us;
    }
    assert_eq!(host.now_us(), until);
}

/// A strand that was cut off goes on as if it had never been.
#[test]
fn who_waits_again_for_what_was_cut_off_gets_the_same() {
    let whole = {
        let mut host = up();
        let began = measuring(&mut host);
        read(&mut host, began + 4 * SECOND)
    };
    let cut = {
        let mut host = up();
        let began = measuring(&mut host);
        let mut seen = Vec::new();
        for ms in [1, 300, 301, 900, 4000] {
            seen.extend(read(&mut host, began + ms * MS));
        }
        seen
    };
    assert!(whole.iter().any(|report| matches!(report.what, Happened::MetricsFetched { .. })));
    assert_eq!(cut, whole);
}

/// Who asks at a moment that the strand has run beyond finds the machine of that moment.
#[test]
fn a_request_in_the_middle_of_what_ran_ahead_comes_at_its_time() {
    let mut host = up();
    host.ask(&Request::StartTraffic { per_second: 24, tenants: vec![1, 2, 3], trapping: Vec::new() });
    let now = host.now_us();
    read(&mut host, now + 700 * MS);
    host.ask(&Request::FetchMetricsTwice { apart_ms: 3000, invokes: 10 });
    // The first report is of a second of traffic; the fetches are far from over.
    let first = host.next(Us::MAX / 2).unwrap().unwrap();
    assert!(matches!(first.what, Happened::Traffic { .. }), "{first:?}");
    assert!(host.machine.now > host.now_us());
    host.ask(&Request::KillShell);
    let killed = host.next(Us::MAX / 2).unwrap().unwrap();
    assert_eq!(killed.what, Happened::ShellKilled { gone: true, output: String::new(), began_us: None });
    assert_eq!(killed.at_us, first.at_us);
    host.ask(&Request::Sync { token: 7 });
    let mut after = read(&mut host, first.at_us + 10 * SECOND);
    after.retain(|report| !matches!(report.what, Happened::Traffic { .. }));
    assert_eq!(after, [Report { at_us: first.at_us, what: Happened::Synced { token: 7 } }]);
}

#[test]
fn the_same_requests_get_the_same_reports() {
    let all = || {
        let mut host = up();
        let began = measuring(&mut host);
        host.ask(&Request::MeasureHealth { probes: 120, pause_ms: 3 });
        host.ask(&Request::SeeUpstream);
        host.ask(&Request::StopTraffic);
        read(&mut host, began + 6 * SECOND)
    };
    assert_eq!(all(), all());
}

/// Hosts that begin on one settled machine have nothing of each other, and what was cut off goes on from there.
#[test]
fn hosts_that_begin_on_a_settled_machine_differ_by_their_seed_alone() {
    let settled = up().settled().unwrap();
    let all = |seed: u64, moments: &[Us]| {
        let mut host = settled.begin(seed);
        let began = measuring(&mut host);
        moments.iter().flat_map(|ms| read(&mut host, began + ms * MS)).collect::<Vec<_>>()
    };
    let whole = all(5, &[4000]);
    assert_ne!(all(6, &[4000]), whole);
    assert_eq!(all(5, &[4000]), whole);
    assert_eq!(all(5, &[1, 300, 301, 900, 4000]), whole);
}

#[test]
fn a_host_with_a_request_in_hand_is_not_settled() {
    let mut host = up();
    measuring(&mut host);
    assert!(matches!(host.settled(), Err(Stop::Unable(why)) if why.contains("in hand")));
}

#[test]
fn a_machine_whose_node_does_not_come_up_is_refused() {
    let mut spec = spec();
    spec.entries.retain(|entry| entry.path != "/usr/local/bin/tensor-wasm");
    assert!(SimulatedHost::start(&spec).is_err());
    spec.setup.node_url = "ftp://x".into();
    assert!(SimulatedHost::start(&spec).unwrap_err().0.contains("`ftp://x` is no URL"));
}
