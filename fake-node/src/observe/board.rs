//! The board that `observe` prints for people (node-contract.md section 1).

use std::fmt::Write;

use super::{Liveness, Observation};

/// The board of one tick, each line ended, with the empty line before it.
#[must_use]
pub fn render(seen: &Observation) -> String {
    let mut out = String::new();
    let number = |value: Option<u64>| value.map_or_else(|| "n/a".to_owned(), |value| value.to_string());
    let error = seen.fetch_error.as_deref().unwrap_or_default();
    let liveness = match (seen.liveness, seen.health_status) {
        (Liveness::Ok, _) => "/healthz ok".to_owned(),
        (Liveness::Bad, Some(status)) => format!("bad - /healthz answered {status}"),
        (Liveness::Bad, None) => "bad".to_owned(),
        (Liveness::Unreachable, _) => format!("unreachable - {error}"),
    };
    let interval = seen.interval_secs.map_or_else(String::new, |seconds| format!(" every {seconds}s"));
    let _ = writeln!(out, "\ntensor-wasm observe {}{interval}", seen.target);
    let _ = writeln!(out, "liveness:   {liveness}");
    let _ = writeln!(out, "uptime:     n/a");
    let _ = writeln!(out, "functions:  ?");
    let _ = writeln!(out, "jobs.active:{}", number(seen.jobs_active));
    let _ = writeln!(out, "instances:  {}", number(seen.instances));
    let _ = writeln!(out, "gpu.memory: {}", number(seen.gpu_memory_bytes));
    if seen.liveness != Liveness::Unreachable && !error.is_empty() {
        let _ = writeln!(out, "metrics:    {error}");
    }
    for endpoint in &seen.endpoints {
        let rate = endpoint.req_per_s.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.1}"));
        let milliseconds =
            |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |seconds| format!("{:.1}ms", seconds * 1000.0));
        let _ = writeln!(
            out,
            "  {:<32} {rate:>8} req/s  p50 {:>9}  p95 {:>9}{}",
            endpoint.route,
            milliseconds(endpoint.p50_seconds),
            milliseconds(endpoint.p95_seconds),
            if endpoint.reset { "  (reset)" } else { "" },
        );
    }
    let _ = writeln!(out, "Ctrl-C to exit.");
    out
}
