//! What a node's counters were before a drill: days of good service, and then the incident. Long windows of alert rules look
//! back on it. It is in the drill's time: all lengths are divided by the scale, the rates are the drill's own.

use std::collections::BTreeMap;

use operator_agent::protocol::{PastSeries, Stretch};

use crate::criteria::{HTTP_COUNTER, INVOKE_ROUTE};
use crate::drive::TRAFFIC_PER_SECOND;
use crate::host::PROBE_PAUSE_MS;
use crate::scenario::Alerts;

/// The node's histograms and the bounds of their buckets, as it writes them (node-contract.md section 3, rows 4 and 10).
const HTTP_HISTOGRAM: &str = "tensor_wasm_http_request_duration_seconds";
const HTTP_BUCKETS: [&str; 13] =
    ["0.001", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf"];
const KERNEL_HISTOGRAM: &str = "tensor_wasm_kernel_latency_seconds";
const KERNEL_BUCKETS: [&str; 15] = [
    "0.00001", "0.00005", "0.0001", "0.0005", "0.001", "0.005", "0.01", "0.05", "0.1", "0.5", "1.0", "2.0", "5.0",
    "10.0", "+Inf",
];
/// Within this the node answers when nothing is wrong, and dispatches a kernel (`fake-node`: 20 us).
const GOOD_HTTP: &str = "0.005";
const GOOD_KERNEL: &str = "0.00005";
/// Within this it answers what the incident makes slow: over a second, so over the latency alert's 500 ms too.
const SLOW_HTTP: &str = "2.5";
/// The past is a minute longer than the longest window, before scaling, and sampled as sparsely as this many scrapes until
/// the incident and the last hour begin.
const MARGIN_MS: u64 = 60_000;
const SPARSE: u64 = 60;
const HOUR_MS: u64 = 3_600_000;

/// What the past is made for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// The longest window of the rules, in real time, milliseconds.
    pub(super) longest_ms: u64,
    /// Between two scrapes, in the drill's time, milliseconds.
    pub(super) scrape_ms: u64,
    /// Whether invokes dispatch kernels.
    pub(super) kernels: bool,
}

/// How fast a counter grows, a second: before the incident, in it, and in its last minutes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rates {
    before: f64,
    during: f64,
    lately: f64,
}

impl Rates {
    fn even(rate: f64) -> Rates {
        Rates { before: rate, during: rate, lately: rate }
    }
}

/// All counters that rules of the node look at.
pub(super) fn past(alerts: &Alerts, span: Span) -> Vec<PastSeries> {
    let incident_ms = alerts.incident_minutes * 60_000 / alerts.scale;
    let dense_ms = (HOUR_MS / alerts.scale).max(incident_ms);
    let whole_ms = (span.longest_ms + MARGIN_MS) / alerts.scale;
    let lately_ms = alerts.lately.map_or(0, |lately| lately.minutes * 60_000 / alerts.scale).min(incident_ms);
    let stretches = |Rates { before, during, lately }: Rates| {
        let stretch = |for_ms, every_ms, per_second| Stretch { for_ms, every_ms, per_second };
        let all = [
            stretch(whole_ms.saturating_sub(dense_ms), span.scrape_ms * SPARSE, before),
            stretch(dense_ms - incident_ms, span.scrape_ms, before),
            stretch(incident_ms - lately_ms, span.scrape_ms, during),
            stretch(lately_ms, span.scrape_ms, lately),
        ];
        all.into_iter().filter(|stretch| stretch.for_ms > 0).collect::<Vec<_>>()
    };
    let series = |name: &str, labels: &[(&str, &str)], rates: Rates| PastSeries {
        name: name.to_owned(),
        labels: labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        stretches: stretches(rates),
    };
    let invokes = TRAFFIC_PER_SECOND as f64;
    let failed = share(alerts.errors_percent);
    let failed_lately = alerts.lately.map_or(failed, |lately| share(lately.errors_percent));
    let slow = share(alerts.slow_percent);
    let answered = Rates { before: invokes, during: invokes * (1.0 - failed), lately: invokes * (1.0 - failed_lately) };
    let refused = Rates { before: 0.0, during: invokes * failed, lately: invokes * failed_lately };
    let probes = Rates::even(1000.0 / PROBE_PAUSE_MS as f64);
    let scrapes = Rates::even(1000.0 / span.scrape_ms as f64);
    // Route, method, status, rates, and the share of those of the incident that is slow. Errors are quick.
    let requests = [
        (INVOKE_ROUTE, "POST", "200", answered, slow),
        (INVOKE_ROUTE, "POST", "500", refused, 0.0),
        ("/healthz", "GET", "200", probes, 0.0),
        ("/metrics", "GET", "200", scrapes, 0.0),
    ];
    let mut all = Vec::new();
    for (route, method, status, rates, slow) in requests {
        // What never was has no series.
        if rates == Rates::even(0.0) {
            continue;
        }
        let labels = [("route", route), ("method", method), ("status", status)];
        all.push(series(HTTP_COUNTER, &labels, rates));
        all.push(series(&format!("{HTTP_HISTOGRAM}_count"), &labels, rates));
        for (le, good, slow_too) in buckets(&HTTP_BUCKETS, GOOD_HTTP, SLOW_HTTP) {
            let labels = [labels.as_slice(), &[("le", le)]].concat();
            let part = if slow_too { 1.0 } else { 1.0 - slow };
            let within = if good { part } else { 0.0 };
            let before = if good { rates.before } else { 0.0 };
            let rates = Rates { before, during: rates.during * within, lately: rates.lately * within };
            all.push(series(&format!("{HTTP_HISTOGRAM}_bucket"), &labels, rates));
        }
    }
    if span.kernels {
        all.push(series(&format!("{KERNEL_HISTOGRAM}_count"), &[], Rates::even(invokes)));
        for (le, good, _) in buckets(&KERNEL_BUCKETS, GOOD_KERNEL, GOOD_KERNEL) {
            let rate = if good { invokes } else { 0.0 };
            all.push(series(&format!("{KERNEL_HISTOGRAM}_bucket"), &[("le", le)], Rates::even(rate)));
        }
    }
    all
}

fn share(percent: u64) -> f64 {
    percent as f64 / 100.0
}

/// Each bound with whether what is good, and what is slow, lies within it: buckets are cumulative.
fn buckets<'a>(bounds: &'a [&'a str], good: &str, slow: &str) -> impl Iterator<Item = (&'a str, bool, bool)> {
    let at = |wanted: &str| bounds.iter().position(|bound| *bound == wanted).unwrap_or(bounds.len());
    let (good, slow) = (at(good), at(slow));
    bounds.iter().enumerate().map(move |(index, bound)| (*bound, index >= good, index >= slow))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Span = Span { longest_ms: 3 * 24 * HOUR_MS, scrape_ms: 250, kernels: true };
    const ALERTS: Alerts =
        Alerts { scale: 60, incident_minutes: 20, errors_percent: 40, slow_percent: 25, lately: None };

    fn find<'a>(all: &'a [PastSeries], name: &str, wanted: &[(&str, &str)]) -> &'a PastSeries {
        let has = |series: &&PastSeries| {
            series.name == name
                && wanted.iter().all(|(name, value)| series.labels.get(*name).is_some_and(|v| v == value))
        };
        all.iter().find(has).unwrap()
    }

    #[test]
    fn the_incident_is_in_its_last_minutes_and_all_series_are_equally_long() {
        let all = past(&ALERTS, SPAN);
        let errors = find(&all, HTTP_COUNTER, &[("status", "500")]).points().unwrap();
        // 20 minutes at a scale of 60 are 20 s; 40 % of 24 a second fail.
        let at = |points: &[(u64, f64)], left: u64| points.iter().find(|(ms, _)| *ms == left).unwrap().1;
        assert_eq!(at(&errors, 20_000), 0.0);
        assert!((at(&errors, 0) - 192.0).abs() < 1e-6);
        for series in &all {
            let points = series.points().unwrap();
            assert_eq!((points[0].0, points[points.len() - 1].0), (4_321_000, 0), "{series:?}");
        }
    }

    #[test]
    fn its_last_minutes_can_be_another_way() {
        let lately = Some(crate::scenario::Lately { minutes: 5, errors_percent: 10 });
        let all = past(&Alerts { lately, ..ALERTS }, SPAN);
        for (status, at_first, at_last) in [("500", 9.6, 2.4), ("200", 14.4, 21.6)] {
            let points = find(&all, HTTP_COUNTER, &[("status", status)]).points().unwrap();
            let at = |left: u64| points.iter().find(|(ms, _)| *ms == left).unwrap().1;
            let rate = |from: u64, to: u64| (at(to) - at(from)) * 1000.0 / (from - to) as f64;
            assert!(
                (rate(20_000, 5_000) - at_first).abs() < 1e-6 && (rate(5_000, 0) - at_last).abs() < 1e-6,
                "{status}"
            );
        }
    }

    #[test]
    fn buckets_are_cumulative_and_the_slow_share_is_over_half_a_second() {
        let all = past(&ALERTS, SPAN);
        let end = |le: &str| {
            let bucket =
                find(&all, "tensor_wasm_http_request_duration_seconds_bucket", &[("status", "200"), ("le", le)]);
            bucket.points().unwrap().last().unwrap().1
        };
        assert_eq!(end("0.001"), 0.0);
        let (good, slow, whole) = (end("0.5"), end("2.5"), end("+Inf"));
        let of_incident = 24.0 * 0.6 * 20.0;
        assert!((slow - good - of_incident / 4.0).abs() < 1e-6 && slow == whole, "{good} {slow} {whole}");
    }

    #[test]
    fn what_never_was_has_no_series() {
        let quiet = past(&Alerts { errors_percent: 0, ..ALERTS }, Span { kernels: false, ..SPAN });
        assert!(quiet.iter().all(|series| series.labels.get("status").is_none_or(|status| status == "200")));
        assert!(quiet.iter().all(|series| !series.name.contains("kernel")));
    }

    #[test]
    fn real_time_stays_within_the_ceiling_of_samples() {
        let all = past(&Alerts { scale: 1, ..ALERTS }, Span { scrape_ms: 15_000, ..SPAN });
        assert!(all.iter().all(|series| series.points().is_ok()));
    }
}
