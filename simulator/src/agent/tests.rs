//! The agent on a machine with a node and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use fake_node::release::{Inborn, Release};
use operator_agent::protocol::{Happened, ProbeOutcome};
use proptest::prelude::*;

use super::*;
use crate::machine::files::ReleaseFile;
use crate::machine::io::Output;
use crate::machine::net::Namespace;
use crate::machine::process::{NodeStart, Pid, Signal, Supervisor};
use crate::spec::{Entry, EntryKind, MachineSpec};
use crate::time::{MS, SECOND};

pub(crate) fn release(born_with: Option<Inborn>) -> ReleaseFile {
    let text = include_str!("../../../scenarios/releases/documented/v0.4.0.toml");
    let mut release = Release::from_toml("v0.4.0.toml", text).unwrap();
    release.born_with.extend(born_with);
    ReleaseFile { release: Arc::new(release), sha256: "abc".into() }
}

pub(crate) fn setup() -> Setup {
    Setup {
        token: Some("t".into()),
        releases: [("abc".to_owned(), "0.4.0".to_owned())].into(),
        supervisor: "true".into(),
        ..crate::spec::bare_setup(25)
    }
}

pub(crate) fn start_node(machine: &mut Machine, file: ReleaseFile) -> Pid {
    machine.start_node(NodeStart {
        file,
        executable: "/usr/local/bin/tensor-wasm".into(),
        arguments: ["serve", "--addr", "0.0.0.0:8080"].map(str::to_owned).into(),
        environment: BTreeMap::from([("TENSOR_WASM_API_TOKENS".to_owned(), "t".to_owned())]),
        user: 900,
        supervisor: Supervisor::Nobody,
        namespace: Namespace::Host,
        stdout: Output::Null,
        stderr: Output::Null,
    })
}

/// A machine with a node that serves.
pub(crate) fn serving(born_with: Option<Inborn>) -> (Machine, Pid) {
    let file = |path: &str, text: &str| Entry {
        path: path.into(),
        owner: "root".into(),
        mode: 0o644,
        kind: EntryKind::File(text.into()),
    };
    let maintenance = "HTTP/1.1 503 Service Unavailable\nRetry-After: 30\n\ndown\n";
    let state = Entry {
        path: "/var/lib/tensor-wasm".into(),
        owner: "tensor-wasm".into(),
        mode: 0o750,
        kind: EntryKind::Folder,
    };
    let spec = MachineSpec {
        seed: 7,
        setup: setup(),
        entries: vec![file("/etc/haproxy/errors/maintenance.http", maintenance), state],
        images: Vec::new(),
        commits: Vec::new(),
    };
    let mut machine = Machine::boot(&spec).unwrap();
    let pid = start_node(&mut machine, release(born_with));
    machine.run_until(machine.now + 50 * MS).unwrap();
    machine.reports.clear();
    (machine, pid)
}

pub(crate) fn metrics(machine: &mut Machine) -> String {
    let asks = machine.agent.asks.clone();
    text(&machine.fetch(asks.node.pair(), &asks.metrics, None).unwrap())
}

fn requests(page: &str, route: &str) -> u64 {
    let label = format!("route=\"{route}\"");
    let of_route =
        page.lines().filter(|line| line.starts_with("tensor_wasm_http_requests_total{") && line.contains(&label));
    of_route.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

fn told<T>(machine: &mut Machine, pick: impl Fn(Happened) -> Option<T>) -> Vec<T> {
    std::mem::take(&mut machine.reports).into_iter().filter_map(|report| pick(report.what)).collect()
}

/// Outcomes by second, as told.
fn traffic_told(machine: &mut Machine) -> Vec<(u64, BTreeMap<String, u64>)> {
    told(machine, |what| match what {
        Happened::Traffic { second, outcomes, .. } => Some((second, outcomes)),
        _ => None,
    })
}

const TENANTS: [u64; 3] = [1, 2, 3];

#[test]
fn all_that_was_sent_is_told_and_counted_by_the_node() {
    let (mut machine, _) = serving(Some(Inborn::Errors { share_percent: 40 }));
    traffic::start(&mut machine, 24, &TENANTS, &[]).unwrap();
    let first = machine.now / SECOND;
    machine.run_until((first + 5) * SECOND + 500 * MS).unwrap();
    let before = machine.reports.len();
    let page = metrics(&mut machine);
    traffic::stop(&mut machine).unwrap();
    assert!(before > 4, "seconds are told while they pass");
    let seconds = traffic_told(&mut machine);
    assert_eq!(seconds.iter().map(|(second, _)| *second).collect::<Vec<_>>(), (first..=first + 5).collect::<Vec<_>>());
    assert_eq!(seconds[1].1.values().sum::<u64>(), 24);
    let of = |word: &str| seconds.iter().filter_map(|(_, outcomes)| outcomes.get(word)).sum::<u64>();
    let all = of("200") + of("500");
    assert_eq!(seconds.iter().flat_map(|(_, outcomes)| outcomes.values()).sum::<u64>(), all);
    assert_eq!(of("500"), all * 40 / 100);
    assert_eq!(requests(&page, "/functions/:id/invoke"), all);
}

#[test]
fn traffic_goes_where_it_went_until_something_changed() {
    let (mut machine, pid) = serving(None);
    traffic::start(&mut machine, 100, &TENANTS, &[]).unwrap();
    let began = machine.now;
    machine.run_until(began + 1_000 * MS).unwrap();
    machine.balancer_command("set server node/tensor-wasm state drain");
    machine.run_until(began + 1_500 * MS).unwrap();
    machine.balancer_command("set server node/tensor-wasm state ready");
    machine.run_until(began + 1_700 * MS).unwrap();
    machine.signal(pid, Signal::Kill);
    machine.run_until(began + 2_000 * MS).unwrap();
    traffic::stop(&mut machine).unwrap();
    let seconds = traffic_told(&mut machine);
    let of = |word: &str| seconds.iter().filter_map(|(_, outcomes)| outcomes.get(word)).sum::<u64>();
    // 33 a second for each tenant: the limiter lets 20 through and then 10 a second.
    let at_node = of("200") + of("429");
    assert_eq!((at_node, of("503")), (120, 80), "{seconds:?}");
    assert!(of("429") > 0);
}

#[test]
fn what_goes_to_a_node_that_answers_late_is_told_as_late_and_counted_by_the_node() {
    let (mut machine, _) = serving(Some(Inborn::InvokeSlow { delay_ms: 800 }));
    traffic::start(&mut machine, 24, &TENANTS, &[]).unwrap();
    let first = machine.now / SECOND;
    machine.run_until((first + 3) * SECOND + 500 * MS).unwrap();
    let seconds = slow_told(&mut machine);
    // The last of a second are answered 0.8 s after its end.
    assert_eq!(seconds.iter().map(|(second, ..)| *second).collect::<Vec<_>>(), (first..first + 2).collect::<Vec<_>>());
    assert_eq!((seconds[1].1.clone(), seconds[1].2), ([("200".to_owned(), 24)].into(), 24));
    let in_flight = |machine: &mut Machine| look::glance(machine).unwrap().holds;
    assert!(in_flight(&mut machine));
    measure::metrics(&mut machine, 1000, 2).unwrap();
    traffic::stop(&mut machine).unwrap();
    assert!(!in_flight(&mut machine), "all have been answered");
    let page = metrics(&mut machine);
    let left = slow_told(&mut machine);
    let all = seconds.iter().chain(&left).map(|(_, outcomes, _)| outcomes["200"]).sum::<u64>();
    assert_eq!(seconds.iter().chain(&left).map(|(.., slow)| *slow).sum::<u64>(), all);
    assert_eq!(requests(&page, "/functions/:id/invoke"), all + 2, "two of the measurement");
    let labels = r#"route="/functions/:id/invoke",method="POST",status="200""#;
    for (within, count) in [("0.5", 0), ("1.0", all + 2)] {
        let line = format!("tensor_wasm_http_request_duration_seconds_bucket{{le=\"{within}\",{labels}}} {count}\n");
        assert!(page.contains(&line), "{line}{page}");
    }
}

/// Outcomes and late answers by second, as told.
fn slow_told(machine: &mut Machine) -> Vec<(u64, BTreeMap<String, u64>, u64)> {
    told(machine, |what| match what {
        Happened::Traffic { second, outcomes, slow } => Some((second, outcomes, slow)),
        _ => None,
    })
}

#[test]
fn what_a_node_has_not_answered_when_it_goes_is_broken_off_or_still_answered() {
    // What was broken off after more than 100 ms was late, too.
    for (signal, broken_off, late) in [(Signal::Kill, 50, 90), (Signal::Term, 0, 100)] {
        let (mut machine, pid) = serving(Some(Inborn::InvokeSlow { delay_ms: 500 }));
        traffic::start(&mut machine, 100, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], &[]).unwrap();
        let began = machine.now;
        machine.run_until(began + 1_000 * MS).unwrap();
        machine.signal(pid, signal);
        machine.run_until(began + 2_000 * MS).unwrap();
        assert!(!machine.processes.contains_key(&pid));
        start_node(&mut machine, release(None));
        machine.run_until(began + 3_000 * MS).unwrap();
        traffic::stop(&mut machine).unwrap();
        let seconds = slow_told(&mut machine);
        let of = |word: &str| seconds.iter().filter_map(|(_, outcomes, _)| outcomes.get(word)).sum::<u64>();
        let slow = seconds.iter().map(|(.., slow)| *slow).sum::<u64>();
        let all = seconds.iter().flat_map(|(_, outcomes, _)| outcomes.values()).sum::<u64>();
        assert_eq!(all, 300, "{seconds:?}");
        // Half a second of them was in flight; those of a second found nobody; those of another were answered at once.
        assert!(of("502").abs_diff(broken_off) <= 1 && of("503").abs_diff(100) <= 2, "{seconds:?}");
        assert!(slow.abs_diff(late) <= 2, "{slow} {seconds:?}");
    }
}

#[test]
fn probes_are_told_at_changes_and_after_commands_and_all_are_counted() {
    let (mut machine, pid) = serving(None);
    let began = machine.now;
    machine.run_until(began + 2_000 * MS).unwrap();
    command_ended(&mut machine);
    machine.run_until(began + 3_000 * MS).unwrap();
    let page = metrics(&mut machine);
    machine.signal(pid, Signal::Term);
    machine.run_until(began + 4_000 * MS).unwrap();
    start_node(&mut machine, release(None));
    machine.run_until(began + 5_000 * MS).unwrap();
    let outcomes = told(&mut machine, |what| match what {
        Happened::ProbeChanged { sample } => Some(sample.outcome),
        _ => None,
    });
    let ok = ProbeOutcome::Status(200);
    assert_eq!(outcomes, [ok.clone(), ProbeOutcome::Refused, ok]);
    // One each 25 ms and what it takes.
    let checks = requests(&page, "/healthz");
    assert!((112..=122).contains(&checks), "{checks}");
}

#[test]
fn a_slow_node_is_probed_one_by_one() {
    let (mut machine, _) = serving(Some(Inborn::HealthzSlow { delay_ms: 75 }));
    machine.run_until(machine.now + 1_000 * MS).unwrap();
    let page = metrics(&mut machine);
    let checks = requests(&page, "/healthz");
    assert!((9..=10).contains(&checks), "{checks}");
    measure::health(&mut machine, 100, 3).unwrap();
    let measured = told(&mut machine, |what| match what {
        Happened::HealthMeasured { probes, .. } => Some(probes),
        _ => None,
    });
    assert!(measured[0].iter().all(|sample| sample.outcome.is_ok() && (75_000..77_000).contains(&sample.latency_us)));
}

#[test]
fn a_quiet_machine_measures_quick_and_every_check_is_counted() {
    let (mut machine, _) = serving(None);
    let before = requests(&metrics(&mut machine), "/healthz");
    let began = machine.now;
    measure::health(&mut machine, 120, 3).unwrap();
    let own = (machine.now - began) / (25_400 + 50);
    let after = requests(&metrics(&mut machine), "/healthz");
    let measured = told(&mut machine, |what| match what {
        Happened::HealthMeasured { probes, control } => Some((probes, control)),
        _ => None,
    });
    let (probes, control) = &measured[0];
    assert_eq!((probes.len(), control.len()), (120, 120));
    assert!(probes.iter().chain(control).all(|sample| sample.outcome.is_ok() && sample.latency_us < 1_100));
    assert!((after - before).abs_diff(120 + own) <= 2, "{before} {after} {own}");
}

/// Whether what was counted between two fetches is within what the agent says.
fn pair_fits(machine: &mut Machine) -> Result<(), String> {
    metrics_pair(machine).and_then(|(first, second, [least, most, all])| {
        let grown = |route: &str| requests(&second, route) - requests(&first, route);
        let invokes = grown("/functions/:id/invoke");
        let every = ["/functions/:id/invoke", "/healthz", "/metrics", "/functions"].map(grown).iter().sum::<u64>();
        if (least..=most).contains(&invokes) && every >= all && least >= 10 {
            Ok(())
        } else {
            Err(format!("{invokes} of {least} to {most}, {every} of at least {all}"))
        }
    })
}

fn metrics_pair(machine: &mut Machine) -> Result<(String, String, [u64; 3]), String> {
    measure::metrics(machine, 1000, 10).map_err(|stop| format!("{stop:?}"))?;
    let pairs = told(machine, |what| match what {
        Happened::MetricsFetched { first, second, failure: None, invokes_least, invokes_most, requests_least } => {
            Some((first, second, [invokes_least, invokes_most, requests_least]))
        }
        _ => None,
    });
    pairs.into_iter().next().ok_or_else(|| "a fetch failed".to_owned())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn counters_grow_by_what_the_agent_says_was_sent(per_second in 1u64..40, wait in 0u64..2_000_000) {
        let (mut machine, _) = serving(None);
        traffic::start(&mut machine, per_second, &TENANTS, &[]).unwrap();
        machine.run_until(machine.now + wait).unwrap();
        prop_assert_eq!(pair_fits(&mut machine), Ok(()));
    }

    /// When it is counted makes no difference.
    #[test]
    fn counting_often_is_counting_once(per_second in 1u64..60, share in 0u32..100, often in prop::collection::vec(1u64..700_000, 0..20)) {
        let run = |often: &[u64]| {
            let (mut machine, _) = serving((share > 0).then_some(Inborn::Errors { share_percent: share }));
            traffic::start(&mut machine, per_second, &TENANTS, &[]).unwrap();
            let began = machine.now;
            for pause in often {
                machine.run_until((machine.now + pause).min(began + 4_000 * MS)).unwrap();
                settle(&mut machine);
            }
            machine.run_until(began + 5_000 * MS).unwrap();
            let page = metrics(&mut machine);
            traffic::stop(&mut machine).unwrap();
            (page, traffic_told(&mut machine))
        };
        prop_assert_eq!(run(&often), run(&[]));
    }
}

#[test]
fn an_invoke_is_held_until_its_time_also_where_others_fail() {
    let (mut machine, _) = serving(Some(Inborn::Errors { share_percent: 90 }));
    traffic::start(&mut machine, 24, &TENANTS, &[]).unwrap();
    hold::hold(&mut machine, 2000).unwrap();
    machine.run_until(machine.now + 3_000 * MS).unwrap();
    let ended = told(&mut machine, |what| match what {
        Happened::InvokeHeld { in_hand, .. } => Some((in_hand, None)),
        Happened::HeldInvokeEnded { outcome, began_us, ended_us } => Some((true, Some((outcome, ended_us - began_us)))),
        _ => None,
    });
    let [(true, None), (true, Some((outcome, took)))] = ended.as_slice() else { panic!("{ended:?}") };
    assert_eq!(outcome, "200");
    assert!((2_000_000..2_002_000).contains(took), "{took}");
}
