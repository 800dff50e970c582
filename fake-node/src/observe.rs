//! The client behind `tensor-wasm observe`: two bounded fetches, and what can be said of a node from them.
//!
//! [`observe_once`] really fetches; [`Observation::from_fetches`] is its pure part, for a simulator.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::auth::Secret;
use crate::exposition::{self, Line};

pub mod board;
mod fetch;

pub use fetch::{FetchFailure, observe_once};

/// The bounds of an observation.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Time for each fetch as a whole, connecting included; the contract has 5 s.
    pub timeout: Duration,
    /// Largest body read, in bytes.
    pub body_bytes: u64,
    /// Bearer token for both fetches.
    pub token: Option<Secret>,
    /// Tenant header; 0 sends none.
    pub tenant: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(5), body_bytes: 1 << 20, token: None, tenant: 0 }
    }
}

/// Whether the node lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Liveness {
    /// `/healthz` answered 200.
    Ok,
    /// It answered something else.
    Bad,
    /// It did not answer.
    Unreachable,
}

/// An answer as fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// HTTP status.
    pub status: u16,
    /// Body, whole.
    pub body: Vec<u8>,
}

/// What was seen of a node: the document of `observe --once` and `observe --output json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Observation {
    /// URL of the node.
    pub target: String,
    /// Seconds between ticks; null for a single one.
    pub interval_secs: Option<u64>,
    /// Whether it lives.
    pub liveness: Liveness,
    /// Status of `/healthz`, when it answered.
    pub health_status: Option<u16>,
    /// Version from `tensor_wasm_build_info` of the running process.
    pub version: Option<String>,
    /// Commit from there.
    pub git_sha: Option<String>,
    /// The node tells no uptime; always null.
    pub uptime_seconds: Option<u64>,
    /// The node tells no number of functions; always null.
    pub functions: Option<u64>,
    /// Asynchronous jobs not yet done.
    pub jobs_active: Option<u64>,
    /// Guest instances alive.
    pub instances: Option<u64>,
    /// GPU memory in use, in bytes.
    pub gpu_memory_bytes: Option<u64>,
    /// Kernel launches since the node's start.
    pub kernel_dispatches: Option<u64>,
    /// HTTP requests by route, in the order of their names.
    pub endpoints: Vec<Endpoint>,
    /// What went wrong with the fetches; null when nothing did.
    pub fetch_error: Option<String>,
}

/// What was seen of one route.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Endpoint {
    /// Route template.
    pub route: String,
    /// Requests since the node's start.
    pub requests: u64,
    /// Those answered with 5xx.
    pub errors_5xx: u64,
    /// Requests per second since the tick before; null at the first.
    pub req_per_s: Option<f64>,
    /// Whether the count went back since the tick before: the node was restarted.
    pub reset: bool,
    /// Median time in seconds since the node's start, estimated from the histogram.
    pub p50_seconds: Option<f64>,
    /// 95th percentile of that.
    pub p95_seconds: Option<f64>,
}

impl Observation {
    /// What two fetches say.
    #[must_use]
    pub fn from_fetches(
        target: &str,
        health: Result<Fetched, FetchFailure>,
        metrics: Result<Fetched, FetchFailure>,
    ) -> Self {
        let mut errors = Vec::new();
        let (liveness, health_status) = match health {
            Ok(answer) if answer.status == 200 => (Liveness::Ok, Some(200)),
            Ok(answer) => {
                errors.push(format!("/healthz answered {}", answer.status));
                (Liveness::Bad, Some(answer.status))
            }
            Err(failure) => {
                errors.push(format!("/healthz: {failure}"));
                (Liveness::Unreachable, None)
            }
        };
        let page = metrics.map_err(|failure| failure.to_string()).and_then(page);
        let samples = match page.as_deref().map_err(Clone::clone).and_then(read) {
            Ok(samples) => samples,
            Err(reason) => {
                errors.push(format!("/metrics: {reason}"));
                Vec::new()
            }
        };
        let scalar = |name: &str| samples.iter().find(|sample| sample.name == name).map(|sample| whole(sample.value));
        let build = samples.iter().find(|sample| sample.name == "tensor_wasm_build_info");
        let label = |name: &str| build.and_then(|sample| sample.label(name)).map(str::to_owned);
        Self {
            target: target.to_owned(),
            interval_secs: None,
            liveness,
            health_status,
            version: label("version"),
            git_sha: label("git_sha"),
            uptime_seconds: None,
            functions: None,
            jobs_active: scalar("tensor_wasm_jobs_active"),
            instances: scalar("tensor_wasm_active_instances"),
            gpu_memory_bytes: scalar("tensor_wasm_gpu_memory_used_bytes"),
            kernel_dispatches: scalar("tensor_wasm_kernel_dispatches_total"),
            endpoints: endpoints(&samples),
            fetch_error: (!errors.is_empty()).then(|| errors.join("; ")),
        }
    }

    /// Whether `/healthz` answered 200 and the metrics could be read: `observe --once` ends with 0.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.liveness == Liveness::Ok && self.fetch_error.is_none()
    }

    /// Fills in rates from the tick before, so many seconds ago.
    pub fn compare(&mut self, before: &Self, seconds: f64) {
        for endpoint in &mut self.endpoints {
            let earlier = before.endpoints.iter().find(|other| other.route == endpoint.route).map_or(0, |e| e.requests);
            endpoint.reset = endpoint.requests < earlier;
            let grown = if endpoint.reset { endpoint.requests } else { endpoint.requests - earlier };
            endpoint.req_per_s = (seconds > 0.0).then(|| grown as f64 / seconds);
        }
    }

    /// The document on one line, without a newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Only numbers that JSON has: rates and percentiles are finite by construction.
        serde_json::to_string(self).unwrap_or_else(|error| format!("{{\"fetch_error\":\"not written: {error}\"}}"))
    }
}

fn page(answer: Fetched) -> Result<String, String> {
    if answer.status != 200 {
        return Err(format!("answered {}", answer.status));
    }
    String::from_utf8(answer.body).map_err(|_| "the body is not UTF-8".to_owned())
}

fn read(page: &str) -> Result<Vec<Line<'_>>, String> {
    let samples = exposition::read(page).map_err(|error| error.to_string())?;
    if samples.iter().any(|sample| sample.name == "tensor_wasm_build_info") {
        Ok(samples)
    } else {
        Err("no tensor_wasm_build_info: this is not a TensorWasm node".to_owned())
    }
}

/// A sample as a count; `as` saturates, so no value can do harm.
fn whole(value: f64) -> u64 {
    value as u64
}

fn endpoints(samples: &[Line<'_>]) -> Vec<Endpoint> {
    let mut routes: BTreeMap<&str, Endpoint> = BTreeMap::new();
    let mut buckets: BTreeMap<&str, BTreeMap<u64, f64>> = BTreeMap::new();
    for sample in samples {
        let Some(route) = sample.label("route") else {
            continue;
        };
        match sample.name {
            "tensor_wasm_http_requests_total" => {
                let endpoint = routes.entry(route).or_default();
                let count = whole(sample.value);
                endpoint.requests = endpoint.requests.saturating_add(count);
                if sample.label("status").is_some_and(|status| status.starts_with('5')) {
                    endpoint.errors_5xx = endpoint.errors_5xx.saturating_add(count);
                }
            }
            "tensor_wasm_http_request_duration_seconds_bucket" => {
                let bound =
                    sample.label("le").and_then(|le| if le == "+Inf" { Some(f64::INFINITY) } else { le.parse().ok() });
                // Positive floats order as their bits do.
                if let Some(bound) = bound.filter(|bound: &f64| *bound > 0.0) {
                    *buckets.entry(route).or_default().entry(bound.to_bits()).or_default() += sample.value;
                }
            }
            _ => {}
        }
    }
    for (route, endpoint) in &mut routes {
        endpoint.route = (*route).to_owned();
        let empty = BTreeMap::new();
        let of_route = buckets.get(route).unwrap_or(&empty);
        endpoint.p50_seconds = quantile(of_route, 0.5);
        endpoint.p95_seconds = quantile(of_route, 0.95);
    }
    routes.into_values().collect()
}

/// A quantile of cumulative buckets by linear interpolation, as Prometheus does; the highest finite bound at most.
fn quantile(buckets: &BTreeMap<u64, f64>, share: f64) -> Option<f64> {
    let total = *buckets.last_key_value()?.1;
    if !(total > 0.0 && total.is_finite()) {
        return None;
    }
    let rank = share * total;
    let (mut lower, mut below) = (0.0, 0.0);
    for (bits, count) in buckets {
        let bound = f64::from_bits(*bits);
        if *count >= rank {
            if bound.is_infinite() {
                return Some(lower);
            }
            let inside = count - below;
            return Some(if inside > 0.0 { lower + (bound - lower) * (rank - below) / inside } else { bound });
        }
        (lower, below) = (bound, *count);
    }
    Some(lower)
}

#[cfg(test)]
mod tests;
