//! What an engine says of what it cannot do.

use super::*;
use crate::machine::process::{Supervisor, What};
use crate::machine::users::ROOT;

#[test]
fn what_cannot_be_started_says_why() {
    let plain = || monitoring(RULES, &[]);
    let with = |change: &dyn Fn(&mut Monitoring)| {
        let mut changed = plain();
        change(&mut changed);
        changed
    };
    let reading = |text: &str| {
        let text = text.to_owned();
        with(&move |monitoring| drop(monitoring.readings.insert("x".into(), text.clone())))
    };
    for (monitoring, words) in [
        (with(&|monitoring| monitoring.rules = "groups: 3".into()), "the rules:1: "),
        (with(&|monitoring| monitoring.rules = RULES.replace("sum(rate", "avg(rate")), "the rules:8: alert Burns: "),
        (with(&|monitoring| monitoring.rules = "groups: []".into()), "no rule of an alert"),
        (with(&|monitoring| monitoring.scrape_ms = 0), "scrape_ms is 0; it has to be between 1 and 3600000"),
        (with(&|monitoring| monitoring.past[0].stretches[0].every_ms = 0), "samples every 0 ms"),
        (with(&|monitoring| monitoring.past[1] = monitoring.past[0].clone()), "the past has tensor_wasm_http_requests"),
        (reading("deriv(x[5m])"), "the reading x: "),
        (reading("sum(ALERTS)"), "ALERTS is a series of Prometheus' own"),
    ] {
        let (mut machine, _, told) = watched(None, &monitoring);
        let [Report { what: Happened::MonitoringFailed { why }, .. }] = told.as_slice() else { panic!("{told:?}") };
        assert!(why.contains(words), "{why}");
        assert_eq!(looks(&run_for(&mut machine, 3 * SECOND), "Burns").len(), 0);
        start(&mut machine, &Arc::new(plain())).unwrap();
        assert!(machine.reports.iter().any(|report| report.what == Happened::MonitoringStarted));
    }
}

#[test]
fn without_a_node_it_does_not_start_and_says_so_in_time() {
    let (mut machine, pid) = serving(None);
    machine.signal(pid, Signal::Kill);
    machine.run_until(machine.now + MS).unwrap();
    machine.reports.clear();
    let began = machine.now;
    start(&mut machine, &Arc::new(monitoring(RULES, &[]))).unwrap();
    let Some(Happened::MonitoringFailed { why }) = machine.reports.back().map(|report| &report.what) else { panic!() };
    assert!(why.ends_with(", 20 s after the start of prometheus") && why.contains("connection refused"), "{why}");
    let before = machine.now - began - WITHIN;
    assert!((930 * MS..1_570 * MS).contains(&before), "{before}");
}

#[test]
fn what_a_scrape_comes_to_is_told_in_the_words_of_prometheus() {
    let (machine, _, _) = watched(None, &monitoring(RULES, &[]));
    for (outcome, words) in [
        (
            Outcome::Refused,
            r#"Get "http://127.0.0.1:8080/metrics": dial tcp 127.0.0.1:8080: connect: connection refused"#,
        ),
        (Outcome::Closed, r#"Get "http://127.0.0.1:8080/metrics": EOF"#),
        (Outcome::TimedOut, r#"Get "http://127.0.0.1:8080/metrics": context deadline exceeded"#),
        (Outcome::Answer(Response::empty(401)), "server returned HTTP status 401 Unauthorized"),
        (
            Outcome::Answer(Response::of_type(200, "text/plain", "x\n# EOF\n")),
            "metrics line 1 is a sample without a value",
        ),
    ] {
        let mut engine = engine(&machine).clone();
        let good = engine.scrape.at_us;
        scrape::arrived(&mut engine, &Finished { outcome, sent: machine.now, arrived: machine.now + 200 });
        assert_eq!(engine.scrape, Scrape { ok: false, at_us: good, error: words.to_owned() });
    }
}

#[test]
fn what_the_firewall_drops_takes_the_scrapes_time_and_everybody_else_gets_the_page() {
    let (mut machine, pid, _) = watched(None, &monitoring(RULES, &[]));
    let cutter = What::Cutter { port: 8080 };
    let cutter = machine.start_other("/usr/local/lib/rollback-drill/cut-scrape", ROOT, Supervisor::Nobody, cutter);
    let told = run_for(&mut machine, 2 * SECOND);
    assert!(looks(&told, "Burns").iter().all(|seen| seen.scrape.ok), "the node has the port still");
    machine.signal(pid, Signal::Kill);
    run_for(&mut machine, MS);
    assert!(!machine.processes.contains_key(&cutter), "it is done");
    let last = engine(&machine).scrape.at_us;
    start_node(&mut machine, release(None));
    let told = run_for(&mut machine, 3 * SECOND);
    let seen = looks(&told, "Burns").pop().unwrap();
    let error = r#"Get "http://127.0.0.1:8080/metrics": context deadline exceeded"#.to_owned();
    assert_eq!(seen.scrape, Scrape { ok: false, at_us: last, error });
    assert!(metrics(&mut machine).contains("tensor_wasm_build_info"));
}

#[test]
fn a_page_that_dies_is_a_scrape_that_fails_while_the_node_serves() {
    let readings = [("jobs", "sum(tensor_wasm_jobs_active)")];
    let (mut machine, _, _) = watched(Some(Inborn::MetricsDie { after_s: 10 }), &monitoring(RULES, &readings));
    let told = run_for(&mut machine, 6 * SECOND);
    let looks = looks(&told, "Burns");
    assert!(looks.first().is_some_and(|seen| seen.scrape.ok && seen.readings["jobs"] == Some(0.0)));
    let last = looks.last().map(|seen| (seen.scrape.ok, seen.scrape.error.as_str()));
    assert_eq!(last, Some((false, "server returned HTTP status 500 Internal Server Error")));
    assert_eq!(looks.last().map(|seen| seen.readings["jobs"]), Some(None), "all series have ended");
    assert!(!told.iter().any(|report| matches!(report.what, Happened::ProbeChanged { .. })));
}
