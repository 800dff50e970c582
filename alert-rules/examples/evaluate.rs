//! How many evaluations a second: `cargo run --release --example evaluate -p alert-rules [-- SECONDS]`.
//!
//! The six rules of a node over three days of its series, a scrape every 15 s, evaluated every 30 s of the fourth day as an
//! engine would; and what a copy of such a store costs with one scrape and one evaluation.

#![expect(clippy::disallowed_methods, reason = "it measures, and decides nothing")]
#![expect(clippy::expect_used, reason = "an example: what fails ends it")]

use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use alert_rules::{Alerting, Labels, RuleFile, Store, instant};

/// Between two scrapes, and between two evaluations.
const SCRAPE_MS: i64 = 15_000;
const EVALUATION_MS: i64 = 30_000;
const DAY_MS: i64 = 86_400_000;
/// Requests between two scrapes, by route, method and status.
const HTTP: [(&str, &str, &str, f64); 7] = [
    ("/functions/:id/invoke", "POST", "200", 300.0),
    ("/functions/:id/invoke", "POST", "500", 20.0),
    ("/functions/:id/invoke", "POST", "404", 3.0),
    ("/healthz", "GET", "200", 15.0),
    ("/metrics", "GET", "200", 1.0),
    ("/functions", "POST", "201", 1.0),
    ("unknown", "GET", "404", 1.0),
];
/// As the node has them.
const HTTP_BOUNDS: [&str; 13] =
    ["0.001", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf"];
const KERNEL_BOUNDS: [&str; 15] = [
    "0.00001", "0.00005", "0.0001", "0.0005", "0.001", "0.005", "0.01", "0.05", "0.1", "0.5", "1.0", "2.0", "5.0",
    "10.0", "+Inf",
];

/// All series of a scrape, each with what is added to it between two.
fn series() -> Vec<(Labels, f64)> {
    let mut all = Vec::new();
    for (route, method, status, count) in HTTP {
        let labels = [("route", route), ("method", method), ("status", status), ("instance", "localhost:8080")];
        all.push((Labels::metric("tensor_wasm_http_requests_total", labels), count));
        let name = "tensor_wasm_http_request_duration_seconds_bucket";
        for (at, bound) in HTTP_BOUNDS.iter().enumerate() {
            let labels = Labels::metric(name, labels).with([("le", *bound)]);
            all.push((labels, count * (at + 1) as f64 / HTTP_BOUNDS.len() as f64));
        }
    }
    for (at, bound) in KERNEL_BOUNDS.iter().enumerate() {
        let labels = Labels::metric("tensor_wasm_kernel_latency_seconds_bucket", [("le", *bound)]);
        all.push((labels, 20.0 * (at + 1) as f64));
    }
    all
}

fn main() {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(2u64).clamp(1, 60);
    let measured = Duration::from_secs(seconds);
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../scenarios/alerts/tensor-wasm.yml");
    let text = std::fs::read_to_string(&path).expect("the rule file is read");
    let rules = RuleFile::read(&text, "tensor-wasm.yml").expect("the rules are evaluated");

    let (series, mut store) = (series(), Store::default());
    let began = Instant::now();
    for t_ms in (0..3 * DAY_MS).step_by(SCRAPE_MS as usize) {
        for (labels, grows) in &series {
            store.append(labels, t_ms, (t_ms / SCRAPE_MS) as f64 * grows);
        }
    }
    store.settle();
    let appended = store.samples() as f64 / began.elapsed().as_secs_f64();
    println!("{} series, {} samples, {appended:.0} samples taken a second", store.len(), store.samples());

    let mut alerting = Alerting::new(&rules);
    let (began, mut rounds, mut t_ms) = (Instant::now(), 0u64, 3 * DAY_MS);
    while began.elapsed() < measured {
        alerting.evaluate(&store, t_ms).expect("no two alerts are the same");
        rounds += 1;
        // Within 5 minutes, so that samples stand in each window.
        t_ms = 3 * DAY_MS + (rounds as i64 * 1_009) % 300_000;
    }
    let a_second = rounds as f64 / began.elapsed().as_secs_f64();
    println!(
        "all six rules: {a_second:.0} times a second, {:.0} rules a second",
        a_second * rules.rules().count() as f64
    );
    for rule in rules.rules() {
        let (began, mut rounds) = (Instant::now(), 0u32);
        while began.elapsed() < measured / 8 {
            black_box(instant(&rule.expr, &store, 3 * DAY_MS));
            rounds += 1;
        }
        println!("  {}: {:.1} us", rule.name, began.elapsed().as_secs_f64() * 1e6 / f64::from(rounds));
    }

    let (began, mut copies) = (Instant::now(), 0u32);
    while began.elapsed() < measured {
        let (mut copy, mut alerting) = (store.clone(), alerting.clone());
        for (labels, grows) in &series {
            copy.append(labels, 3 * DAY_MS + EVALUATION_MS, 3.0 * 5_760.0 * grows);
        }
        black_box(alerting.evaluate(&copy, 3 * DAY_MS + EVALUATION_MS)).expect("no two alerts are the same");
        copies += 1;
    }
    let each = began.elapsed().as_secs_f64() * 1e6 / f64::from(copies);
    println!("a copy, a scrape and an evaluation: {each:.0} us");
    let (began, mut copies) = (Instant::now(), 0u32);
    while began.elapsed() < measured / 4 {
        black_box(store.clone());
        copies += 1;
    }
    println!("a copy alone: {:.2} us", began.elapsed().as_secs_f64() * 1e6 / f64::from(copies));
}
