//! A machine with a node, its traffic and a rules engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use alert_rules::{Alerting, instant};
use fake_node::http::Response;
use fake_node::release::Inborn;
use operator_agent::protocol::{AlertState, PastSeries, Report, Scrape, Stretch};
use proptest::prelude::*;

use super::*;
use crate::agent::tests::{metrics, release, serving, start_node};
use crate::agent::traffic;
use crate::machine::net::Outcome;
use crate::machine::process::{Pid, Signal};

mod failures;
mod forks;

/// 5xx of all, in 5 s and in a minute.
const RULES: &str = r#"
groups:
  - name: availability
    interval: 250ms
    rules:
      - alert: Burns
        expr: |
          sum(rate(tensor_wasm_http_requests_total{status=~"5.."}[5s])) / sum(rate(tensor_wasm_http_requests_total[5s])) > 0.072
          and
          sum(rate(tensor_wasm_http_requests_total{status=~"5.."}[1m])) / sum(rate(tensor_wasm_http_requests_total[1m])) > 0.072
        for: 2s
"#;

/// Two minutes, with this growth in the last 20 seconds.
fn past(status: &str, per_second: f64) -> PastSeries {
    let stretch = |for_ms, per_second| Stretch { for_ms, every_ms: 250, per_second };
    let labels = [("route", "/functions/:id/invoke"), ("method", "POST"), ("status", status)];
    PastSeries {
        name: "tensor_wasm_http_requests_total".into(),
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        stretches: vec![stretch(100_000, if status == "200" { 24.0 } else { 0.0 }), stretch(20_000, per_second)],
    }
}

fn monitoring(rules: &str, readings: &[(&str, &str)]) -> Monitoring {
    Monitoring {
        rules: rules.to_owned(),
        job: "tensor-wasm".into(),
        scrape_ms: 250,
        evaluate_ms: 250,
        lookback_ms: 300_000,
        past: vec![past("200", 14.0), past("500", 10.0)],
        active: Vec::new(),
        readings: readings.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(),
    }
}

/// A machine whose node has traffic, with the engine up, and what was told in the meantime.
fn watched(born_with: Option<Inborn>, monitoring: &Monitoring) -> (Machine, Pid, Vec<Report>) {
    let (mut machine, pid) = serving(born_with);
    traffic::start(&mut machine, 24, &[1, 2, 3], &[]).unwrap();
    machine.reports.clear();
    start(&mut machine, &Arc::new(monitoring.clone())).unwrap();
    machine.reports.retain(|report| !matches!(report.what, Happened::Traffic { .. }));
    let told = std::mem::take(&mut machine.reports).into();
    (machine, pid, told)
}

fn errors() -> Option<Inborn> {
    Some(Inborn::Errors { share_percent: 40 })
}

fn run_for(machine: &mut Machine, us: Us) -> Vec<Report> {
    let until = machine.now + us;
    machine.run_until(until).unwrap();
    std::mem::take(&mut machine.reports).into()
}

/// A look as told.
struct Seen {
    at_us: Us,
    state: AlertState,
    readings: BTreeMap<String, Option<f64>>,
    scrape: Scrape,
}

fn looks(told: &[Report], alert: &str) -> Vec<Seen> {
    let seen = |report: &Report| match &report.what {
        Happened::AlertsSeen { alerts, readings, scrape } => {
            Some(Seen { at_us: report.at_us, state: alerts[alert], readings: readings.clone(), scrape: scrape.clone() })
        }
        _ => None,
    };
    told.iter().filter_map(seen).collect()
}

fn notified(told: &[Report]) -> Vec<(Us, String, bool)> {
    let notified = |report: &Report| match &report.what {
        Happened::Notified { alert, resolved, .. } => Some((report.at_us, alert.clone(), *resolved)),
        _ => None,
    };
    told.iter().filter_map(notified).collect()
}

fn engine(machine: &Machine) -> &Engine {
    machine.monitor.engine.as_deref().unwrap()
}

/// The value of one sample without labels, now.
fn value(machine: &Machine, expr: &str) -> Option<f64> {
    let expr = alert_rules::Expr::parse(expr).unwrap();
    let engine = engine(machine);
    instant(&expr, &engine.store, engine.time_ms(machine.now)).first().map(|(_, value)| *value)
}

#[test]
fn an_alert_is_pending_for_as_many_evaluations_as_its_for_and_then_fires_and_is_notified() {
    let rules = RULES.replace("for: 2s", "for: 8s");
    let (mut machine, _, told) = watched(errors(), &monitoring(&rules, &[]));
    let [started, first] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(started.what, Happened::MonitoringStarted);
    assert_eq!(looks(std::slice::from_ref(first), "Burns")[0].state, AlertState::Pending, "the past says so");
    let told = run_for(&mut machine, 6 * SECOND);
    let notified = notified(&told);
    let [(at_us, alert, false)] = notified.as_slice() else { panic!("{notified:?}") };
    assert_eq!(alert, "Burns");
    // Evaluations are 250 ms apart, so the one that makes it fire is the thirty-third.
    let alerting: &Alerting = &engine(&machine).alerting()[0];
    let since_ms = alerting.active_since("Burns").unwrap();
    assert_eq!(engine(&machine).time_ms(*at_us) - since_ms, 8_000);
    let firing = looks(&told, "Burns").into_iter().find(|seen| seen.state == AlertState::Firing).unwrap();
    assert!((0..=250 * MS).contains(&(firing.at_us - at_us)), "the next look shows it");
}

/// With a `for` of a minute it could not fire within seconds but by what it was told of the past.
#[test]
fn an_alert_of_the_past_fires_at_once_and_is_as_old_as_it_was_and_its_graph_goes_back() {
    let mut monitoring = monitoring(&RULES.replace("for: 2s", "for: 1m"), &[]);
    let labels: BTreeMap<String, String> = [("alertname".to_owned(), "Burns".to_owned())].into();
    let alert = operator_agent::protocol::PastAlert { labels, active_ms: 100_000, firing_ms: Some(40_000) };
    monitoring.active = vec![alert];
    let (mut machine, _, mut told) = watched(errors(), &monitoring);
    let [first, .., last] = told.as_slice() else { panic!("{told:?}") };
    assert!(matches!(&first.what, Happened::Notified { alert, resolved: false, .. } if alert == "Burns"), "{first:?}");
    assert_eq!(looks(std::slice::from_ref(last), "Burns")[0].state, AlertState::Firing);
    told.extend(run_for(&mut machine, 4 * SECOND));
    assert_eq!(notified(&told).len(), 1, "the engine sends it again, and nobody is told twice");
    let query = r#"sum(rate(tensor_wasm_http_requests_total{status=~"5.."}[5s]))"#.to_owned();
    let graph = Graph { query, apart_ms: 40_000 };
    firing(&mut machine, &[("Burns".to_owned(), graph.clone()), ("Other".to_owned(), graph)].into());
    let Some(Happened::FiringSeen { firing, graphs, failure: None }) = machine.reports.back().map(|last| &last.what)
    else {
        panic!("{:?}", machine.reports)
    };
    // The past ended 40 s after that on the agent's clock.
    let past_ends_us = i64::try_from(machine.now).unwrap() - engine(&machine).time_ms(machine.now) * 1000;
    assert!((firing["Burns"].since_us - (past_ends_us - 40_000_000)).abs() < 1_000, "{firing:?}");
    let seen = &graphs["Burns"];
    assert_eq!((graphs.len(), seen.later.at_us - seen.earlier.at_us), (1, 40_000_000));
    // Before the last 20 seconds of the past nothing failed; then ten a second did.
    assert_eq!(seen.earlier.value, Some(0.0));
    assert!(seen.later.value.is_some_and(|rate| rate > 5.0), "{seen:?}");
}

/// Prometheus looks for its notifier as late as for its target, and sends what fires again until then.
#[test]
fn what_fires_before_the_notifier_is_found_is_notified_when_it_is_sent_again() {
    let (mut machine, _, mut told) = watched(errors(), &monitoring(RULES, &[]));
    let [.., first] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(looks(std::slice::from_ref(first), "Burns")[0].state, AlertState::Firing);
    told.extend(run_for(&mut machine, 4 * SECOND));
    let notified = notified(&told);
    let [(at_us, _, false)] = notified.as_slice() else { panic!("{notified:?}") };
    let fires_ms = engine(&machine).alerting()[0].since("Burns").unwrap();
    // It is sent again at the first evaluation after more than 2 s, and the notifier is found 5 s after the start.
    assert_eq!(engine(&machine).time_ms(*at_us) - fires_ms, 2 * 2_250);
}

#[test]
fn it_clears_once_the_good_release_serves() {
    let (mut machine, pid, _) = watched(errors(), &monitoring(RULES, &[]));
    run_for(&mut machine, 6 * SECOND);
    machine.signal(pid, Signal::Term);
    run_for(&mut machine, 300 * MS);
    start_node(&mut machine, release(None));
    let began = machine.now;
    let told = run_for(&mut machine, 8 * SECOND);
    let notified = notified(&told);
    let [(at_us, _, true)] = notified.as_slice() else { panic!("{notified:?}") };
    // Of 24 invokes, 39 checks and 4 scrapes a second 9.6 were 5xx, and a share of 0.072 of the window's may be left.
    let cleared = at_us - began;
    assert!((1_500 * MS..5_000 * MS).contains(&cleared), "{cleared}");
    assert_eq!(looks(&told, "Burns").last().unwrap().state, AlertState::Inactive);
}

#[test]
fn an_alert_never_fires_where_nothing_is_wrong() {
    let mut monitoring = monitoring(RULES, &[]);
    monitoring.past = vec![past("200", 24.0), past("500", 0.0)];
    let (mut machine, _, _) = watched(None, &monitoring);
    let told = run_for(&mut machine, 5 * SECOND);
    assert_eq!(notified(&told), []);
    assert!(looks(&told, "Burns").iter().all(|seen| seen.state == AlertState::Inactive));
}

#[test]
fn looks_are_told_once_a_second_and_when_something_is_new() {
    let (mut machine, pid, _) = watched(None, &monitoring(RULES, &[]));
    run_for(&mut machine, 12 * SECOND);
    let told = run_for(&mut machine, 10 * SECOND);
    let seconds: Vec<Us> = looks(&told, "Burns").iter().map(|seen| seen.at_us / SECOND).collect();
    let first = machine.now / SECOND - 10;
    assert_eq!(seconds, (first + 1..=first + 10).collect::<Vec<_>>());
    assert!(looks(&told, "Burns").iter().all(|seen| seen.scrape.ok && seen.at_us % SECOND < 250 * MS));
    machine.signal(pid, Signal::Kill);
    let told = run_for(&mut machine, 550 * MS);
    assert!(looks(&told, "Burns").iter().any(|seen| !seen.scrape.ok), "a scrape and a look later");
}

#[test]
fn while_the_node_is_down_scrapes_fail_and_all_series_have_ended() {
    let readings = [("jobs", "sum(tensor_wasm_jobs_active)"), ("up", "sum(up)"), ("bad", "sum(rate(other[1m]))")];
    let (mut machine, pid, _) = watched(errors(), &monitoring(RULES, &readings));
    let before = run_for(&mut machine, 2 * SECOND);
    let before = looks(&before, "Burns").pop().unwrap();
    assert_eq!((before.readings["jobs"], before.readings["up"], before.readings["bad"]), (Some(0.0), Some(1.0), None));
    assert!(before.scrape.error.is_empty());
    machine.signal(pid, Signal::Kill);
    let stopped = machine.now;
    let down = run_for(&mut machine, 3 * SECOND);
    let down = looks(&down, "Burns").pop().unwrap();
    assert_eq!((down.readings["jobs"], down.readings["up"]), (None, Some(0.0)), "not the sample of before");
    let refused = r#"Get "http://127.0.0.1:8080/metrics": dial tcp 127.0.0.1:8080: connect: connection refused"#;
    assert_eq!((down.scrape.ok, down.scrape.error.as_str()), (false, refused));
    let last_good = down.scrape.at_us.unwrap();
    assert!(last_good <= stopped && stopped - last_good < 250 * MS);
    start_node(&mut machine, release(None));
    let again = run_for(&mut machine, 2 * SECOND);
    let again = looks(&again, "Burns").pop().unwrap();
    assert_eq!((again.readings["jobs"], again.readings["up"]), (Some(0.0), Some(1.0)));
    assert!(again.scrape.ok && again.scrape.error.is_empty() && again.scrape.at_us.unwrap() > stopped);
}

#[test]
fn a_series_that_is_not_on_the_next_page_has_ended() {
    const FAILED: &str = r#"sum(tensor_wasm_http_requests_total{status="500", instance="127.0.0.1:8080"})"#;
    let mut monitoring = monitoring(RULES, &[]);
    monitoring.past.clear();
    monitoring.readings.insert("failed".into(), FAILED.into());
    let (mut machine, pid, _) = watched(errors(), &monitoring);
    run_for(&mut machine, SECOND);
    assert!(value(&machine, FAILED).is_some_and(|failed| failed >= 8.0));
    // So quick that no scrape failed in between.
    machine.signal(pid, Signal::Kill);
    machine.run_until(machine.now + MS).unwrap();
    start_node(&mut machine, release(None));
    let told = run_for(&mut machine, SECOND);
    assert!(looks(&told, "Burns").iter().all(|seen| seen.scrape.ok));
    assert_eq!(value(&machine, FAILED), None);
}

#[test]
fn each_scrape_is_counted_by_the_node() {
    let count = |machine: &mut Machine| {
        let page = metrics(machine);
        let line = page.lines().find(|line| line.starts_with("tensor_wasm_http_requests_total{route=\"/metrics\""));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).unwrap_or(0)
    };
    let (mut machine, _, _) = watched(None, &monitoring(RULES, &[]));
    let before = count(&mut machine);
    let until = machine.now + 10 * SECOND;
    machine.run_until(until).unwrap();
    assert_eq!(count(&mut machine) - before, 40 + 1);
}

#[test]
fn readings_are_the_first_sample_and_none_is_no_number() {
    let readings = [
        ("constant", "4 / 2"),
        ("infinite", "sum(tensor_wasm_build_info) / 0"),
        ("nan", "sum(tensor_wasm_jobs_active) / sum(tensor_wasm_jobs_active)"),
        ("one", "tensor_wasm_build_info{version=\"0.4.0\", job=\"tensor-wasm\"}"),
        ("rate", "sum(rate(tensor_wasm_http_requests_total{route=\"/functions/:id/invoke\"}[2s]))"),
    ];
    let (mut machine, _, _) = watched(None, &monitoring(RULES, &readings));
    let told = run_for(&mut machine, 5 * SECOND);
    let seen = looks(&told, "Burns").pop().unwrap();
    let of = |name: &str| seen.readings[name];
    assert_eq!((of("constant"), of("infinite"), of("nan"), of("one")), (Some(2.0), None, None, Some(1.0)));
    assert!((of("rate").unwrap() - 24.0).abs() < 0.5, "{:?}", of("rate"));
}

/// A group has an interval of its own, and a rule fires at an evaluation and not between two.
#[test]
fn a_group_is_evaluated_at_its_own_interval() {
    let slow = RULES.replace("interval: 250ms", "interval: 1s").replace("for: 2s", "for: 8500ms");
    let (mut machine, _, _) = watched(errors(), &monitoring(&slow, &[]));
    let told = run_for(&mut machine, 8 * SECOND);
    let (at_us, _, _) = notified(&told)[0];
    let since_ms = engine(&machine).alerting()[0].active_since("Burns").unwrap();
    assert_eq!(engine(&machine).time_ms(at_us) - since_ms, 9_000);
}

#[test]
fn a_machine_has_one_engine() {
    const SCRAPES: &str = r#"sum(tensor_wasm_http_requests_total{route="/metrics"})"#;
    let (mut machine, _, _) = watched(None, &monitoring(RULES, &[]));
    start(&mut machine, &Arc::new(monitoring(RULES, &[]))).unwrap();
    let Some(Happened::MonitoringFailed { why }) = machine.reports.back().map(|report| &report.what) else { panic!() };
    assert_eq!(why, "there is a rules engine, or one is being started");
    run_for(&mut machine, SECOND);
    let before = value(&machine, SCRAPES).unwrap();
    run_for(&mut machine, 10 * SECOND);
    assert_eq!(value(&machine, SCRAPES).unwrap() - before, 40.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// A page without its text says what the text says, also to the engine.
    #[test]
    fn a_page_and_its_text_are_the_same_samples(
        share in 0u32..100, wait in 0u64..3_000_000, kill: bool, again in 1u64..500_000,
    ) {
        let all = [
            "tensor_wasm_http_requests_total", "tensor_wasm_http_request_duration_seconds_bucket",
            "tensor_wasm_http_request_duration_seconds_sum", "tensor_wasm_kernel_latency_seconds_bucket",
            "tensor_wasm_http_requests_in_flight", "tensor_wasm_build_info", "tensor_wasm_instance_spawns_total",
        ];
        let readings: Vec<(&str, &str)> = all.iter().map(|name| (*name, *name)).collect();
        let born_with = (share > 0).then_some(Inborn::Errors { share_percent: share });
        let (mut machine, pid, _) = watched(born_with, &monitoring(RULES, &readings));
        run_for(&mut machine, wait);
        if kill {
            machine.signal(pid, Signal::Kill);
            run_for(&mut machine, MS);
            start_node(&mut machine, release(None));
        }
        run_for(&mut machine, again + 5 * MS);
        let (mut quick, mut text) = (machine.clone(), machine);
        let page = {
            let began = text.now;
            let mut engine = text.monitor.engine.take().unwrap();
            let page = metrics(&mut text);
            let answer = Response::of_type(200, "text/plain", page);
            scrape::arrived(&mut engine, &Finished { outcome: Outcome::Answer(answer), sent: began, arrived: text.now });
            engine
        };
        let began = quick.now;
        let mut engine = quick.monitor.engine.take().unwrap();
        scrape::send(&mut quick, &mut engine);
        prop_assert_eq!(&engine.scrape, &page.scrape);
        prop_assert_eq!(engine.scrape.at_us, Some(began));
        for text in all {
            let expr = alert_rules::Expr::parse(text).unwrap();
            let at_ms = engine.time_ms(began);
            let (one, other) = (instant(&expr, &engine.store, at_ms), instant(&expr, &page.store, at_ms));
            prop_assert!(!one.is_empty() || text.contains("_http_"), "{}: a new node has been asked nothing", text);
            prop_assert_eq!(one, other);
        }
    }
}
