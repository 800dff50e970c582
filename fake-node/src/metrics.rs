//! The node's metrics and their exposition (node-contract.md section 3).
//!
//! Rendered here and not by prometheus-client: that prints the series of a family in hash order, which differs per
//! process, and the same inputs must give the same bytes. Families stand in the order of the contract's table, series in
//! the order of their labels.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Write;

use crate::release::Release;

mod page;

pub use page::{Page, SeriesName, Shape};

/// Bucket bounds in microseconds, with their `le`.
const KERNEL_BUCKETS: [(u64, &str); 14] = [
    (10, "0.00001"),
    (50, "0.00005"),
    (100, "0.0001"),
    (500, "0.0005"),
    (1_000, "0.001"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (500_000, "0.5"),
    (1_000_000, "1.0"),
    (2_000_000, "2.0"),
    (5_000_000, "5.0"),
    (10_000_000, "10.0"),
];

/// As above, for HTTP requests.
const HTTP_BUCKETS: [(u64, &str); 12] = [
    (1_000, "0.001"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1.0"),
    (2_500_000, "2.5"),
    (5_000_000, "5.0"),
    (10_000_000, "10.0"),
];

/// Bounds of a histogram at the most.
const BUCKETS_MAX: usize = KERNEL_BUCKETS.len();

/// Ends of the lines of small values.
const DIGITS: [&str; 10] = [" 0\n", " 1\n", " 2\n", " 3\n", " 4\n", " 5\n", " 6\n", " 7\n", " 8\n", " 9\n"];

/// A histogram whose sum is exact: whole microseconds, not floats.
#[derive(Clone, Debug, Default)]
struct Histogram {
    sum_us: u64,
    count: u64,
    /// Observations up to a bound and over the one before it, by the bound's index; above the last bound: not here.
    buckets: [u64; BUCKETS_MAX],
}

impl Histogram {
    /// The same value so many times.
    fn observe(&mut self, us: u64, times: u64, bounds: &[(u64, &str)]) {
        self.sum_us = self.sum_us.saturating_add(us.saturating_mul(times));
        self.count = self.count.saturating_add(times);
        let bucket = bounds.iter().zip(&mut self.buckets).find(|((bound, _), _)| us <= *bound);
        if let Some((_, count)) = bucket {
            *count += times;
        }
    }

    fn render(&self, out: &mut String, name: &str, bounds: &[(u64, &str)], labels: &str) {
        let (open, close, comma) = if labels.is_empty() { ("", "", "") } else { ("{", "}", ",") };
        out.extend([name, "_sum", open, labels, close, " ", &seconds(self.sum_us), "\n"]);
        sample(out, &[name, "_count", open, labels, close], self.count);
        let mut cumulative = 0u64;
        let (before, after) = ([name, "_bucket{le=\""].concat(), ["\"", comma, labels, "}"].concat());
        for ((_, le), count) in bounds.iter().zip(&self.buckets) {
            cumulative += count;
            sample(out, &[&before, le, &after], cumulative);
        }
        sample(out, &[&before, "+Inf", &after], self.count);
    }
}

/// Whole microseconds as seconds with at least one decimal, e.g. `0.0`, `1.5`, `0.00002`.
fn seconds(us: u64) -> String {
    let text = format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
    let cut = text.trim_end_matches('0');
    if cut.ends_with('.') { format!("{cut}0") } else { cut.to_owned() }
}

/// The label set of an HTTP series. All three are of small closed sets, so the number of series has a ceiling.
type HttpLabels = (&'static str, &'static str, u16);

/// Counters and histograms: what only grows, and what `metrics-stalled` freezes.
#[derive(Clone, Debug, Default)]
struct Counters {
    kernel_dispatches: u64,
    kernel_latency: Histogram,
    spawns: u64,
    terminations: u64,
    http: BTreeMap<HttpLabels, Histogram>,
}

/// All metrics of a running node; a new process begins with [`Metrics::default`].
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    counters: Counters,
    active_instances: u64,
    in_flight: BTreeMap<(&'static str, &'static str), u64>,
}

impl Metrics {
    /// A guest instance began to run.
    pub fn instance_spawned(&mut self) {
        self.counters.spawns += 1;
        self.active_instances += 1;
    }

    /// A guest instance ended.
    pub fn instance_terminated(&mut self) {
        self.counters.terminations += 1;
        self.active_instances = self.active_instances.saturating_sub(1);
    }

    /// So many guest instances began and ended, each before anybody looked.
    pub fn instances_ran(&mut self, times: u64) {
        self.counters.spawns += times;
        self.counters.terminations += times;
    }

    /// So many kernels were launched, and each took so many microseconds.
    pub fn kernels_dispatched(&mut self, latency_us: u64, times: u64) {
        self.counters.kernel_dispatches += times;
        self.counters.kernel_latency.observe(latency_us, times, &KERNEL_BUCKETS);
    }

    /// A request came to the metrics layer. `route` is the route's template.
    pub fn request_begun(&mut self, route: &'static str, method: &'static str) {
        *self.in_flight.entry((route, method)).or_default() += 1;
    }

    /// A request was dropped by its client: it is no longer in flight and is counted nowhere.
    pub fn request_dropped(&mut self, route: &'static str, method: &'static str) {
        if let Some(count) = self.in_flight.get_mut(&(route, method)) {
            *count = count.saturating_sub(1);
        }
    }

    /// A request was answered after so many microseconds.
    pub fn request_ended(&mut self, route: &'static str, method: &'static str, status: u16, duration_us: u64) {
        self.request_dropped(route, method);
        self.counters.http.entry((route, method, status)).or_default().observe(duration_us, 1, &HTTP_BUCKETS);
    }

    /// So many requests came and were answered at once, each before anybody looked.
    pub fn requests_answered(&mut self, route: &'static str, method: &'static str, status: u16, times: u64) {
        if times == 0 {
            return;
        }
        let histogram = match self.counters.http.entry((route, method, status)) {
            // What was counted once has a series of its time in flight as well.
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(first) => {
                self.in_flight.entry((route, method)).or_default();
                first.insert(Histogram::default())
            }
        };
        histogram.observe(0, times, &HTTP_BUCKETS);
    }

    /// Requests being answered now with these labels.
    #[must_use]
    pub fn in_flight(&self, route: &'static str, method: &'static str) -> u64 {
        self.in_flight.get(&(route, method)).copied().unwrap_or(0)
    }

    /// Requests answered and counted with these labels.
    #[must_use]
    pub fn requests(&self, route: &'static str, method: &'static str, status: u16) -> u64 {
        self.counters.http.get(&(route, method, status)).map_or(0, |histogram| histogram.count)
    }

    /// The exposition. With `stalled`, counters and histograms are shown as at the node's start.
    #[must_use]
    pub fn render(&self, release: &Release, stalled: bool) -> String {
        let frozen = Counters::default();
        let counters = if stalled { &frozen } else { &self.counters };
        let mut out = String::with_capacity(8192);
        scalar(&mut out, "active_instances", "gauge", "Guest instances alive now", self.active_instances);
        scalar(&mut out, "gpu_memory_used_bytes", "gauge", "GPU memory in use, in bytes", 0);
        scalar(&mut out, "kernel_dispatches", "counter", "GPU kernel launches", counters.kernel_dispatches);
        header(&mut out, "kernel_latency_seconds", "histogram", "Time of a GPU kernel launch, in seconds");
        counters.kernel_latency.render(&mut out, "tensor_wasm_kernel_latency_seconds", &KERNEL_BUCKETS, "");
        scalar(&mut out, "instance_spawns", "counter", "Guest instances started", counters.spawns);
        scalar(&mut out, "instance_terminations", "counter", "Guest instances ended", counters.terminations);
        scalar(&mut out, "offload_success", "counter", "Regions run on the GPU", 0);
        scalar(&mut out, "offload_fallback", "counter", "Regions run on the host instead of the GPU", 0);
        // A family without series prints nothing.
        if !counters.http.is_empty() {
            header(&mut out, "http_requests", "counter", "HTTP requests by route, method and status");
            for (labels, histogram) in &counters.http {
                sample(&mut out, &["tensor_wasm_http_requests_total{", &http_labels(labels), "}"], histogram.count);
            }
            header(&mut out, "http_request_duration_seconds", "histogram", "Time of an HTTP request, in seconds");
            for (labels, histogram) in &counters.http {
                let name = "tensor_wasm_http_request_duration_seconds";
                histogram.render(&mut out, name, &HTTP_BUCKETS, &http_labels(labels));
            }
        }
        if !self.in_flight.is_empty() {
            header(&mut out, "http_requests_in_flight", "gauge", "HTTP requests being answered now");
            for ((route, method), count) in &self.in_flight {
                let name = "tensor_wasm_http_requests_in_flight{route=\"";
                sample(&mut out, &[name, route, "\",method=\"", method, "\"}"], *count);
            }
        }
        header(&mut out, "build_info", "gauge", "Always 1; the labels say what was built");
        let build = &release.build_info;
        let _ = writeln!(
            out,
            "tensor_wasm_build_info{{version=\"{}\",git_sha=\"{}\",rustc_version=\"{}\",profile=\"{}\",target=\"{}\"}} 1",
            release.version,
            escaped(&build.git_sha),
            escaped(&build.rustc_version),
            escaped(&build.profile),
            escaped(&build.target),
        );
        scalar(&mut out, "jobs_active", "gauge", "Asynchronous jobs not yet done", 0);
        scalar(&mut out, "streaming_chunks_emitted", "counter", "Chunks sent to streaming callers", 0);
        out.push_str("# EOF\n");
        out
    }
}

fn header(out: &mut String, name: &str, kind: &str, help: &str) {
    out.extend(["# HELP tensor_wasm_", name, " ", help, ".\n# TYPE tensor_wasm_", name, " ", kind, "\n"]);
}

/// A sample's line: what stands before its value, in parts, and the value. A page has a hundred, so none goes through
/// the formatter.
fn sample(out: &mut String, parts: &[&str], value: u64) {
    for part in parts {
        out.push_str(part);
    }
    // Most are of one digit.
    if value < 10 {
        out.push_str(DIGITS.get(value as usize).copied().unwrap_or_default());
        return;
    }
    out.push(' ');
    let mut digits = [b'0'; 20];
    let (mut place, mut left) = (digits.len(), value);
    while let Some(digit) = place.checked_sub(1).and_then(|last| digits.get_mut(last)) {
        *digit += u8::try_from(left % 10).unwrap_or(0);
        (place, left) = (place - 1, left / 10);
        if left == 0 {
            break;
        }
    }
    out.extend(digits.iter().skip(place).map(|digit| char::from(*digit)));
    out.push('\n');
}

/// A family with one series without labels. Counters are declared without `_total` and sampled with it.
fn scalar(out: &mut String, name: &str, kind: &str, help: &str, value: u64) {
    header(out, name, kind, help);
    let suffix = if kind == "counter" { "_total" } else { "" };
    sample(out, &["tensor_wasm_", name, suffix], value);
}

fn http_labels((route, method, status): &HttpLabels) -> String {
    format!("route=\"{route}\",method=\"{method}\",status=\"{status}\"")
}

/// A label value: the text format escapes backslash, quote and newline.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests;
