//! The rules engine of a real operator host: an alert fires over the past that it was given and the live node, is notified
//! of, clears by value, and is not taken for cleared where the node is scraped no more; and one that dies is told of.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test: what fails here shall end it, also in its helpers")]

use std::collections::BTreeMap;
use std::sync::Arc;

use conformance::containers::{gate, run_trials, trial};
use conformance::probing::hosts::{self, Booted};
use operator_agent::protocol::{
    AlertState, Firing, Graph, Happened, Monitoring, PastAlert, PastSeries, Request, Scrape, Stretch, TwoPoints,
};

/// Of the alert that fires.
const ALERT: &str = "TensorWasmAvailabilityFastBurn";
/// Of one that never does.
const QUIET: &str = "Quiet";
/// From the request until the engine runs: as long as a drill waits. Prometheus looks for targets first after 5 s, and a busy
/// machine was seen to take 9 s for all of it.
const STARTED_WITHIN_MS: u64 = 30_000;
/// The alert's short window. The past goes on for 6 s after it was given; a busy machine needs longer than that until rules
/// are evaluated, and then has to find failures in the window still.
const SHORT: &str = "20s";
/// Far longer than failures of the past are in the short window: the alert fires only as the past says that it had for so long.
const HOLD: &str = "50s";
/// For how long the alert had fired when the past ended, in which it is made out to be older than its failures.
const FIRED_MS: u64 = 100_000;
/// For anything else: more than the rest of the past, the short window, a `for` of 2 s and the notifier's second, on a busy
/// machine too.
const SEEN_WITHIN_MS: u64 = 60_000;

/// Of a scrape that a stall of the machine spoils: the node gets as long as from one scrape to the next, 250 ms.
const LATE: &str = "deadline exceeded";

/// The share of 5xx of all requests, over a window.
fn share(window: &str) -> String {
    let rate = |matcher: &str| format!("sum(rate(tensor_wasm_http_requests_total{matcher}[{window}]))");
    format!("{} / {}", rate(r#"{status=~"5.."}"#), rate(""))
}

/// The fast burn of the production tutorial, its windows sixty times shorter.
fn rules() -> String {
    format!(
        "groups:
  - name: availability
    rules:
      - alert: {ALERT}
        expr: {} > 0.072 and {} > 0.072
        for: {HOLD}
        labels:
          severity: page
      - alert: {QUIET}
        expr: tensor_wasm_http_requests_total < 0
",
        share(SHORT),
        share("60s")
    )
}

/// Three minutes of a thousand requests a second, of which 40 % fail in the last 20 s. The probes of /healthz go on in the
/// live node, the invokes do not.
fn past() -> Vec<PastSeries> {
    let series = |labels: [(&str, &str); 3], sound, bad| PastSeries {
        name: "tensor_wasm_http_requests_total".into(),
        labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        stretches: vec![
            Stretch { for_ms: 160_000, every_ms: 1_000, per_second: sound },
            Stretch { for_ms: 20_000, every_ms: 250, per_second: bad },
        ],
    };
    vec![
        series([("route", "/healthz"), ("method", "GET"), ("status", "200")], 1_000.0, 600.0),
        series([("route", "/functions/:id/invoke"), ("method", "POST"), ("status", "500")], 0.0, 400.0),
    ]
}

fn monitoring() -> Monitoring {
    let reading = |name: &str, query: String| (name.to_owned(), query);
    Monitoring {
        rules: rules(),
        job: "tensor-wasm".into(),
        scrape_ms: 250,
        evaluate_ms: 250,
        lookback_ms: 5_000,
        past: past(),
        active: vec![PastAlert {
            labels: [("alertname", ALERT), ("severity", "page")]
                .map(|(name, value)| (name.into(), value.into()))
                .into(),
            active_ms: 160_000,
            firing_ms: Some(FIRED_MS),
        }],
        readings: BTreeMap::from([
            reading("share", share("60s")),
            reading("version", "count(tensor_wasm_build_info)".into()),
            reading("nothing", "tensor_wasm_functions_total".into()),
        ]),
    }
}

fn start(host: &mut Booted, monitoring: Monitoring) -> Result<(), String> {
    let request = Request::StartMonitoring { monitoring: Arc::new(monitoring) };
    let answer = host.ask(&request, STARTED_WITHIN_MS, |what| match what {
        Happened::MonitoringStarted => Some(Ok(())),
        Happened::MonitoringFailed { why } => Some(Err(why.clone())),
        _ => None,
    });
    answer.unwrap().unwrap_or_else(|| panic!("no answer within {STARTED_WITHIN_MS} ms"))
}

/// Waits for a report, of those that have come or that come in time.
fn wait<T>(host: &mut Booted, what: &str, wanted: impl Fn(&Happened) -> Option<T>) -> T {
    if let Some(found) = host.seen.iter().find_map(|report| wanted(&report.what)) {
        return found;
    }
    let found = host.ask(&Request::Sync { token: 1 }, SEEN_WITHIN_MS, &wanted).unwrap();
    found.unwrap_or_else(|| {
        let seen: Vec<String> = host.seen.iter().map(|report| format!("{} {:?}", report.at_us, report.what)).collect();
        panic!("{what} was not seen within {SEEN_WITHIN_MS} ms, but:\n{}", seen.join("\n"))
    })
}

/// What is told of alerts.
type Seen = (BTreeMap<String, AlertState>, BTreeMap<String, Option<f64>>, Scrape);

fn wait_for_look(host: &mut Booted, what: &str, wanted: impl Fn(&Seen) -> bool) -> Seen {
    wait(host, what, |happened| match happened.clone() {
        Happened::AlertsSeen { alerts, readings, scrape } => {
            let seen = (alerts, readings, scrape);
            wanted(&seen).then_some(seen)
        }
        _ => None,
    })
}

fn wait_for_notice(host: &mut Booted, is_resolved: bool) {
    wait(host, &format!("a notice with resolved: {is_resolved}"), |what| match what {
        Happened::Notified { alert, key, resolved } if *resolved == is_resolved => {
            assert_eq!(alert, ALERT);
            assert!(key.starts_with("{}:{") && key.contains(&format!("alertname=\"{ALERT}\"")), "{key}");
            Some(())
        }
        _ => None,
    });
}

/// What the notifier says fires, and what these graphs show.
fn firing(
    host: &mut Booted,
    graphs: BTreeMap<String, Graph>,
) -> (BTreeMap<String, Firing>, BTreeMap<String, TwoPoints>) {
    let answer = host.ask(&Request::SeeFiring { graphs }, SEEN_WITHIN_MS, |what| match what.clone() {
        Happened::FiringSeen { firing, graphs, failure } => Some((firing, graphs, failure)),
        _ => None,
    });
    let (firing, graphs, failure) = answer.unwrap().unwrap_or_else(|| panic!("no answer within {SEEN_WITHIN_MS} ms"));
    assert_eq!(failure, None);
    (firing, graphs)
}

fn states(state: AlertState) -> BTreeMap<String, AlertState> {
    BTreeMap::from([(ALERT.to_owned(), state), (QUIET.to_owned(), AlertState::Inactive)])
}

fn main() {
    let gate = gate();
    run_trials(vec![trial(&gate, "container::monitoring::an-alert-fires-and-clears".into(), fires_and_clears)], 1);
}

fn fires_and_clears() {
    let mut host = hosts::container("systemd", &hosts::binaries().unwrap()).unwrap();
    // Rules that Prometheus would not take are told with its words; the right ones can follow.
    let wrong = Monitoring { rules: rules().replace("60s", "a minute"), ..monitoring() };
    let why = start(&mut host, wrong).unwrap_err();
    assert!(why.contains("/etc/prometheus/rules.yml: 5:15: group \"availability\", rule 1"), "{why}");

    let asked_us = host.now_us();
    start(&mut host, monitoring()).unwrap();
    eprintln!("the rules engine was started in {} ms", (host.now_us() - asked_us) / 1000);
    let again = start(&mut host, monitoring());
    assert_eq!(again, Err("there is a rules engine, or one is being started".into()));

    let (alerts, readings, scrape) = wait_for_look(&mut host, "a firing alert", |(alerts, _, scrape)| {
        alerts[ALERT] == AlertState::Firing && scrape.ok
    });
    assert_eq!(alerts, states(AlertState::Firing));
    assert!(scrape.at_us.is_some_and(|at_us| at_us > asked_us), "{scrape:?}, asked at {asked_us}");
    assert_eq!(readings.keys().collect::<Vec<_>>(), ["nothing", "share", "version"]);
    assert_eq!(readings["nothing"], None);
    assert_eq!(readings["version"], Some(1.0));
    // 400 of 1000 in the last 20 of 60 s is 13 %, and more the later it is seen: sound seconds leave the window first.
    assert!(readings["share"].is_some_and(|share| (0.072..=0.4).contains(&share)), "{readings:?}");
    wait_for_notice(&mut host, false);
    // A minute before, nothing had failed; of one that does not fire nothing is looked at.
    let graph = || Graph { query: share("20s"), apart_ms: 60_000 };
    let asked = [(ALERT.to_owned(), graph()), (QUIET.to_owned(), graph())].into();
    let (fires, graphs) = firing(&mut host, asked);
    assert_eq!(fires.keys().collect::<Vec<_>>(), [ALERT]);
    // The past ended some seconds after it was asked for; the notifier keeps the beginning that it was given.
    let since_us = fires[ALERT].since_us;
    let wanted_us = i64::try_from(asked_us).unwrap() - i64::try_from(FIRED_MS).unwrap() * 1000;
    assert!((wanted_us..wanted_us + 20_000_000).contains(&since_us), "{fires:?}, asked at {asked_us}");
    let TwoPoints { earlier, later } = &graphs[ALERT];
    assert_eq!((graphs.len(), later.at_us - earlier.at_us), (1, 60_000_000));
    assert_eq!((earlier.value, &earlier.failure), (Some(0.0), &None));
    assert!(later.value.is_some_and(|share| share > 0.0), "{graphs:?}");

    // No invoke has failed since, so it clears: by value, while the node is scraped.
    host.seen.clear();
    let (alerts, _, scrape) = wait_for_look(&mut host, "a quiet alert", |(alerts, _, scrape)| {
        alerts[ALERT] == AlertState::Inactive && scrape.ok
    });
    assert_eq!(alerts, states(AlertState::Inactive));
    wait_for_notice(&mut host, true);
    assert_eq!(firing(&mut host, BTreeMap::new()).0, BTreeMap::new());

    host.seen.clear();
    let (exit, output) = host.as_root("systemctl stop tensor-wasm", 20_000).unwrap();
    assert_eq!(exit, 0, "{output}");
    let stopped_us = host.now_us();
    let (alerts, _, down) =
        wait_for_look(&mut host, "a failing scrape", |(.., scrape)| !scrape.ok && !scrape.error.contains(LATE));
    assert_eq!(alerts, states(AlertState::Inactive));
    // The node is gone, or goes in the middle of an answer.
    let cut = ["connection refused", "EOF", "connection reset"];
    assert!(cut.iter().any(|words| down.error.contains(words)), "{down:?}");
    // The last that brought a page, which may be the one that was seen above.
    assert!(down.at_us >= scrape.at_us && down.at_us < Some(stopped_us), "{down:?} after {scrape:?}, {stopped_us}");
    let paged = host.seen.iter().find(|report| matches!(report.what, Happened::Paged { .. }));
    assert_eq!(paged, None, "an alert's notice is no page");

    // An engine that dies is told of, once, and ends nothing: the operator has a rollback to see through all the same.
    host.seen.clear();
    let (exit, output) = host.as_root("pkill -KILL -x prometheus", 20_000).unwrap();
    assert_eq!(exit, 0, "{output}");
    let unseen = |happened: &Happened| match happened {
        Happened::AlertsUnseen { why } => Some(why.clone()),
        _ => None,
    };
    let why = wait(&mut host, "that the engine is not seen", unseen);
    assert!(why.starts_with("http://127.0.0.1:9090/api/v1/"), "{why}");
    host.seen.clear();
    // Several looks later.
    let (exit, output) = host.as_root("sleep 1", 20_000).unwrap();
    assert_eq!(exit, 0, "{output}");
    let again = host.seen.iter().find_map(|report| unseen(&report.what));
    assert_eq!(again, None, "once until it is seen again");
}
