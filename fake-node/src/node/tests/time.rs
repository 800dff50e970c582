//! What takes time: held invokes, clients that go away, the graceful stop.

use super::*;

#[test]
fn held_invokes_finish_and_the_deadline_cuts_the_longest() {
    let mut node = node_of(documented("v0.4.0"));
    let id = deploy(&mut node, 0);
    for (request, ms) in [(1, 300), (2, 100), (3, 100), (4, 30_000), (5, 30_001)] {
        assert_eq!(node.handle(0, RequestId(request), &hold(&id, ms)), []);
    }
    assert_eq!(value(&scrape(&mut node, 0), "tensor_wasm_active_instances", ""), 5.0);
    let mut answers = Vec::new();
    while let Some(at) = node.next_wake() {
        for output in node.wake(at) {
            let Output::Respond { request, response } = output else { panic!("{output:?}") };
            answers.push((at, request.0, response.status));
        }
    }
    let expected =
        [(100_000, 2, 200), (100_000, 3, 200), (300_000, 1, 200), (TIMEOUT_US, 4, 200), (TIMEOUT_US, 5, 504)];
    assert_eq!(answers, expected);
    assert_eq!(value(&scrape(&mut node, TIMEOUT_US), "tensor_wasm_active_instances", ""), 0.0);
}

#[test]
fn a_client_that_goes_away_is_booked_out_and_not_counted() {
    let mut node = node_of(documented("v0.4.0"));
    let id = deploy(&mut node, 0);
    node.handle(0, RequestId(1), &hold(&id, 1000));
    assert_eq!(node.cancel(5, RequestId(1)), []);
    assert_eq!(node.cancel(5, RequestId(1)), [], "once is enough");
    assert_eq!((node.in_flight(), node.next_wake()), (0, None));
    let samples = scrape(&mut node, 6);
    assert_eq!(value(&samples, "tensor_wasm_http_requests_in_flight", "/functions/:id/invoke"), 0.0);
    assert_eq!(value(&samples, "tensor_wasm_http_requests_total", "/functions/:id/invoke"), 0.0);
    assert_eq!(value(&samples, "tensor_wasm_active_instances", ""), 0.0);
}

#[test]
fn in_flight_requests_have_a_ceiling() {
    let mut node = with_fault(Inborn::HealthzSlow { delay_ms: 1000 });
    for number in 0..IN_FLIGHT_MAX as u64 {
        assert_eq!(node.handle(0, RequestId(number), &Request::new("GET", "/healthz")), []);
    }
    assert_eq!(ask(&mut node, 0, &Request::new("GET", "/healthz")).status, 503);
}

#[test]
fn a_stop_is_graceful() {
    let mut node = node_of(documented("v0.4.0"));
    assert_eq!(node.terminate(0), [Output::StopAccepting, Output::Exit { status: 0 }], "nothing in flight");
    assert_eq!(node.handle(0, RequestId(1), &Request::new("GET", "/healthz")), []);
    assert_eq!((node.next_wake(), node.wake(9)), (None, vec![]));

    let mut node = node_of(documented("v0.4.0"));
    let id = deploy(&mut node, 0);
    node.handle(0, RequestId(1), &hold(&id, 500));
    assert_eq!(node.terminate(10), [Output::StopAccepting]);
    assert!(!node.accepts_connections() && !node.has_ended());
    assert_eq!(node.terminate(11), [], "a second signal changes nothing");
    let outputs = node.wake(500_000);
    let [Output::Respond { response, .. }, Output::Exit { status: 0 }] = outputs.as_slice() else {
        panic!("{outputs:?}")
    };
    assert_eq!(response.status, 200);

    let mut node = node_of(documented("v0.4.0"));
    let id = deploy(&mut node, 0);
    node.handle(0, RequestId(1), &hold(&id, 500));
    node.terminate(10);
    assert_eq!(node.cancel(20, RequestId(1)), [Output::Exit { status: 0 }], "its last client gone");
}
