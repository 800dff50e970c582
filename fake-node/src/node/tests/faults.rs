//! Inborn faults: exactly as large as the release says, and nothing else.

use super::*;

#[test]
fn an_error_share_is_exact_over_any_hundred_invokes() {
    for share_percent in [1, 7, 33, 50, 99, 100] {
        let mut node = with_fault(Inborn::Errors { share_percent });
        let id = deploy(&mut node, 0);
        let statuses: Vec<u16> = (0..300).map(|tenant| ask(&mut node, 0, &invoke(&id, tenant)).status).collect();
        for window in statuses.windows(100) {
            let failed = window.iter().filter(|status| **status == 500).count();
            assert_eq!(failed, share_percent as usize, "{share_percent} %");
        }
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 300 - 3 * share_percent as usize);
    }
    let mut node = with_fault(Inborn::Errors { share_percent: 100 });
    let id = deploy(&mut node, 0);
    let failed = ask(&mut node, 0, &invoke(&id, 0));
    assert_eq!(text(&failed), "{\"error\":{\"kind\":\"wasmtime\",\"message\":\"internal execution error\"}}");
    assert_eq!(ask(&mut node, 0, &Request::new("GET", "/healthz")).status, 200);
}

#[test]
fn a_slow_healthz_is_exactly_that_slow() {
    // (delay in ms, when it answers in us, with what, counted how often)
    for (delay_ms, at, status, counted) in
        [(1, 1_000, 200, 1), (30_000, TIMEOUT_US, 200, 1), (60_000, TIMEOUT_US, 408, 0)]
    {
        let mut node = with_fault(Inborn::HealthzSlow { delay_ms });
        assert_eq!(node.handle(5, RequestId(1), &Request::new("GET", "/healthz")), []);
        assert_eq!(node.next_wake(), Some(at + 5));
        assert_eq!(node.wake(at + 4), []);
        let outputs = node.wake(at + 5);
        let [Output::Respond { request: RequestId(1), response }] = outputs.as_slice() else { panic!("{outputs:?}") };
        assert_eq!(response.status, status);
        assert_eq!(node.metrics.requests("/healthz", "GET", status), counted);
        assert_eq!(ask(&mut node, at + 5, &Request::new("GET", "/metrics")).status, 200, "the others are not slow");
    }
}

#[test]
fn a_slow_invoke_is_exactly_that_slow() {
    // (delay in ms, held for in ms, when it answers in us, with what)
    for (delay_ms, hold_ms, at, status) in
        [(1, 0, 1_000, 200), (700, 0, 700_000, 200), (700, 50, 750_000, 200), (60_000, 0, TIMEOUT_US, 504)]
    {
        let mut node = with_fault(Inborn::InvokeSlow { delay_ms });
        let id = deploy(&mut node, 0);
        assert_eq!(node.handle(5, RequestId(1), &hold(&id, hold_ms)), []);
        assert_eq!(node.next_wake(), Some(at + 5));
        assert_eq!(node.invokes_in_flight(), 1);
        let outputs = node.wake(at + 5);
        let [Output::Respond { request: RequestId(1), response }] = outputs.as_slice() else { panic!("{outputs:?}") };
        assert_eq!(response.status, status);
        assert_eq!(node.metrics.requests("/functions/:id/invoke", "POST", status), 1);
        assert_eq!(ask(&mut node, at + 5, &Request::new("GET", "/healthz")).status, 200, "the others are not slow");
        assert_eq!(ask(&mut node, at + 5, &invoke("other", 1)).status, 404, "nor is what fails");
    }
}

#[test]
fn stalled_metrics_answer_and_stand_still() {
    let mut node = with_fault(Inborn::MetricsStalled {});
    let first = ask(&mut node, 0, &Request::new("GET", "/metrics"));
    let id = deploy(&mut node, 0);
    assert_eq!(ask(&mut node, 0, &invoke(&id, 0)).status, 200);
    let later = scrape(&mut node, 9_000_000);
    assert_eq!(first.status, 200);
    for name in
        ["tensor_wasm_kernel_dispatches_total", "tensor_wasm_http_requests_total", "tensor_wasm_instance_spawns_total"]
    {
        assert_eq!(value(&later, name, ""), 0.0, "{name}");
    }
    assert_eq!(value(&later, "tensor_wasm_build_info", ""), 1.0);
}

#[test]
fn an_ignored_sigterm_is_a_line_in_the_log_and_sigint_still_ends_the_node() {
    assert_eq!(node_of(documented("v0.4.0")).ignore_sigterm(0), None, "without the fault it counts");
    let mut node = with_fault(Inborn::SigtermIgnored {});
    for now in [5, 6] {
        let outputs = node.ignore_sigterm(now).unwrap();
        let [Output::Stdout(line)] = outputs.as_slice() else { panic!("{outputs:?}") };
        assert!(line.ends_with("SIGTERM received and ignored"), "{line}");
        assert!(node.accepts_connections());
        assert_eq!(ask(&mut node, now, &Request::new("GET", "/healthz")).status, 200);
    }
    assert_eq!(node.terminate(7), [Output::StopAccepting, Output::Exit { status: 0 }]);
    assert_eq!(node.ignore_sigterm(8), None, "one that has ended says nothing");
}

#[test]
fn metrics_die_when_their_time_has_come_and_nothing_else_does() {
    let mut node = with_fault(Inborn::MetricsDie { after_s: 3 });
    let scrape = Request::new("GET", "/metrics");
    assert_eq!(ask(&mut node, 2_999_999, &scrape).status, 200);
    assert!(node.scrape_unread(2_999_999, &scrape));
    assert!(!node.scrape_unread(3_000_000, &scrape));
    let dead = ask(&mut node, 3_000_000, &scrape);
    assert_eq!((dead.status, text(&dead).contains("\"kind\":\"internal\"")), (500, true), "{dead:?}");
    assert_eq!(ask(&mut node, 3_000_000, &Request::new("GET", "/healthz")).status, 200);
}

#[test]
fn an_export_that_traps_fails_each_call_and_owes_no_other_failure() {
    let mut node = with_fault(Inborn::Errors { share_percent: 50 });
    let id = deploy(&mut node, 0);
    let trap = |tenant| invoke(&id, tenant).json(r#"{"export":"trap"}"#);
    let statuses: Vec<u16> = (0..4).map(|tenant| ask(&mut node, 0, &trap(tenant)).status).collect();
    assert_eq!(statuses, [500; 4]);
    let statuses: Vec<u16> = (0..4).map(|tenant| ask(&mut node, 0, &invoke(&id, tenant)).status).collect();
    assert_eq!(statuses, [200, 500, 200, 500]);
    let mut sound = node_of(documented("v0.3.8"));
    let id = deploy(&mut sound, 0);
    assert_eq!(ask(&mut sound, 0, &invoke(&id, 0).json(r#"{"export":"trap"}"#)).status, 500);
}
