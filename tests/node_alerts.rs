//! The alert rules and indicators that are shipped, over what the node itself exposes: names and labels are the same on both
//! sides, and bounds are met where a person would say so.

#![expect(clippy::unwrap_used, reason = "a test: what fails here shall end it, also in its helpers")]

use alert_rules::slis::{self, Sli};
use alert_rules::{AlertState, Alerting, Labels, RuleFile, Store, instant};
use fake_node::exposition;
use fake_node::metrics::Metrics;
use fake_node::release::Release;

const RELEASE: &str = include_str!("../scenarios/releases/documented/v0.4.0.toml");
const RULES: &str = include_str!("../scenarios/alerts/tensor-wasm.yml");
const SLIS: &str = include_str!("../scenarios/alerts/slis.toml");
const INVOKE: &str = "/functions/:id/invoke";
/// Between two scrapes and evaluations, and how long a node is looked at: over an hour, so that all that pages may fire.
const STEP_MS: i64 = 30_000;
const STEPS: i64 = 150;

/// What a node does between two scrapes: 120 invokes, of which some fail, and 10 health checks.
#[derive(Clone, Copy)]
struct Load {
    failing: u64,
    invoke_us: u64,
    healthz_us: u64,
    kernel_us: u64,
}

const GOOD: Load = Load { failing: 0, invoke_us: 3_000, healthz_us: 200, kernel_us: 8 };

/// The store of a Prometheus that scraped such a node, and its alerts at the end.
fn watched(load: Load) -> (Store, Alerting, i64) {
    let release = Release::from_toml("v0.4.0.toml", RELEASE).unwrap();
    let (mut metrics, mut store) = (Metrics::default(), Store::default());
    let mut alerting = Alerting::new(&rules());
    for step in 0..STEPS {
        for _ in 0..10 {
            metrics.request_ended("/healthz", "GET", 200, load.healthz_us);
        }
        for index in 0..120 {
            let status = if index < load.failing { 500 } else { 200 };
            metrics.request_ended(INVOKE, "POST", status, load.invoke_us);
        }
        metrics.kernels_dispatched(load.kernel_us, 120);
        for sample in exposition::parse(&metrics.render(&release, false)).unwrap() {
            let labels = Labels::metric(&sample.name, &sample.labels).with([("instance", "localhost:8080")]);
            assert!(store.append(&labels, step * STEP_MS, sample.value), "{labels}");
        }
        alerting.evaluate(&store, step * STEP_MS).unwrap();
    }
    (store, alerting, (STEPS - 1) * STEP_MS)
}

fn rules() -> RuleFile {
    RuleFile::read(RULES, "tensor-wasm.yml").unwrap()
}

fn indicators() -> Vec<Sli> {
    slis::read(SLIS, "slis.toml").unwrap()
}

/// Runbooks whose alerts fire, and indicators that are not met.
fn seen(load: Load) -> (Vec<String>, Vec<String>) {
    let (store, alerting, now) = watched(load);
    let firing = rules()
        .rules()
        .filter(|rule| alerting.state(&rule.name) == AlertState::Firing)
        .map(|rule| rule.runbook().unwrap().to_owned())
        .collect();
    let missed = indicators()
        .into_iter()
        .filter(|sli| !sli.met(sli.read_at(&store, now).value.unwrap()))
        .map(|sli| sli.name)
        .collect();
    (firing, missed)
}

#[test]
fn all_expressions_say_something_of_a_node() {
    let (store, _, now) = watched(Load { failing: 1, ..GOOD });
    for rule in rules().rules() {
        for part in rule.expr.conditions() {
            let value = instant(&part.value, &store, now);
            assert!(
                matches!(value.as_slice(), [(labels, value)] if labels.is_empty() && value.is_finite()),
                "{}",
                part.value
            );
        }
    }
    for sli in indicators() {
        let reading = sli.read_at(&store, now);
        assert!(reading.value.unwrap().is_finite() && reading.traffic.unwrap() > 0.0, "{}: {reading:?}", sli.name);
    }
}

#[test]
fn each_trouble_raises_its_alert_and_misses_its_indicator() {
    let availability = ["availability-fast-burn", "availability-slow-burn", "availability-very-slow-burn"];
    for (load, firing, missed) in [
        (GOOD, &[][..], &[][..]),
        (Load { failing: 30, ..GOOD }, &availability[..], &["availability_http", "error_rate_invoke"][..]),
        // 5 of 130 requests.
        (Load { failing: 5, ..GOOD }, &availability[1..], &["availability_http", "error_rate_invoke"]),
        // 1 of 130, and 1 of 120 invokes, which is allowed.
        (Load { failing: 1, ..GOOD }, &availability[2..], &["availability_http"]),
        (Load { invoke_us: 800_000, ..GOOD }, &["invoke-latency-spike"], &["invoke_p95"]),
        // No rule is written for over 100 ms.
        (Load { invoke_us: 200_000, ..GOOD }, &[], &["invoke_p95"]),
        (Load { healthz_us: 20_000, ..GOOD }, &["healthz-slow"], &["healthz_p95"]),
        (Load { kernel_us: 80, ..GOOD }, &["dispatch-latency-spike"], &["dispatch_p95"]),
    ] {
        let found = seen(load);
        assert_eq!(found.0, firing, "alerts that fire");
        assert_eq!(found.1, missed, "indicators that are missed");
    }
}
