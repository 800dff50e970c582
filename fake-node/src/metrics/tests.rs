//! The exposition, line by line where the runbook and the contract look.

use super::*;
use crate::release::tests::documented;

#[test]
fn the_first_twenty_lines_end_inside_the_kernel_histogram() {
    let text = Metrics::default().render(&documented("v0.4.0"), false);
    let head: Vec<&str> = text.lines().take(20).collect();
    assert_eq!(
        head,
        [
            "# HELP tensor_wasm_active_instances Guest instances alive now.",
            "# TYPE tensor_wasm_active_instances gauge",
            "tensor_wasm_active_instances 0",
            "# HELP tensor_wasm_gpu_memory_used_bytes GPU memory in use, in bytes.",
            "# TYPE tensor_wasm_gpu_memory_used_bytes gauge",
            "tensor_wasm_gpu_memory_used_bytes 0",
            "# HELP tensor_wasm_kernel_dispatches GPU kernel launches.",
            "# TYPE tensor_wasm_kernel_dispatches counter",
            "tensor_wasm_kernel_dispatches_total 0",
            "# HELP tensor_wasm_kernel_latency_seconds Time of a GPU kernel launch, in seconds.",
            "# TYPE tensor_wasm_kernel_latency_seconds histogram",
            "tensor_wasm_kernel_latency_seconds_sum 0.0",
            "tensor_wasm_kernel_latency_seconds_count 0",
            "tensor_wasm_kernel_latency_seconds_bucket{le=\"0.00001\"} 0",
            "tensor_wasm_kernel_latency_seconds_bucket{le=\"0.00005\"} 0",
            "tensor_wasm_kernel_latency_seconds_bucket{le=\"0.0001\"} 0",
            "tensor_wasm_kernel_latency_seconds_bucket{le=\"0.0005\"} 0",
            "tensor_wasm_kernel_latency_seconds_bucket{le=\"0.001\"} 0",
            "tensor_wasm_kernel_latency_seconds_bucket{le=\"0.005\"} 0",
            "tensor_wasm_kernel_latency_seconds_bucket{le=\"0.01\"} 0",
        ]
    );
}

#[test]
fn families_stand_in_the_order_of_the_contract() {
    let mut metrics = Metrics::default();
    metrics.request_begun("/healthz", "GET");
    metrics.request_ended("/healthz", "GET", 200, 1_500);
    let text = metrics.render(&documented("v0.4.0"), false);
    let types: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE tensor_wasm_")).collect();
    assert_eq!(
        types,
        [
            "active_instances gauge",
            "gpu_memory_used_bytes gauge",
            "kernel_dispatches counter",
            "kernel_latency_seconds histogram",
            "instance_spawns counter",
            "instance_terminations counter",
            "offload_success counter",
            "offload_fallback counter",
            "http_requests counter",
            "http_request_duration_seconds histogram",
            "http_requests_in_flight gauge",
            "build_info gauge",
            "jobs_active gauge",
            "streaming_chunks_emitted counter",
        ]
    );
    let line = |number: usize| text.lines().nth(number - 1).unwrap();
    assert_eq!(line(41), "# HELP tensor_wasm_http_requests HTTP requests by route, method and status.");
    assert_eq!(line(43), "tensor_wasm_http_requests_total{route=\"/healthz\",method=\"GET\",status=\"200\"} 1");
    let labels = "route=\"/healthz\",method=\"GET\",status=\"200\"";
    assert!(text.contains(&format!("duration_seconds_sum{{{labels}}} 0.0015\n")), "{text}");
    assert!(text.contains(&format!("duration_seconds_bucket{{le=\"0.001\",{labels}}} 0\n")));
    assert!(text.contains(&format!("duration_seconds_bucket{{le=\"0.005\",{labels}}} 1\n")));
    assert!(text.contains(&format!("duration_seconds_bucket{{le=\"+Inf\",{labels}}} 1\n")));
    assert!(text.ends_with("\n# EOF\n"));
}

#[test]
fn seconds_are_exact() {
    for (us, text) in [(0, "0.0"), (20, "0.00002"), (1_500_000, "1.5"), (10_000_000, "10.0"), (1, "0.000001")] {
        assert_eq!(seconds(us), text);
    }
}
