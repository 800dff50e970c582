//! The node, driven as a transport would drive it.

use super::*;
use crate::exposition::{self, Sample};
use crate::http::Request;
use crate::release::tests::documented;
use crate::release::{Inborn, OnUnreadable};
use crate::snapshot::{self, Snapshot};

mod faults;
mod many;
mod state;
mod time;

const MODULE: &str = "{\"name\":\"f\",\"wasm_b64\":\"AGFzbQEAAAA=\"}";

/// A node at time zero, at the epoch 2026-05-28T10:00:00Z.
fn node_of(release: Release) -> Node {
    let config = ServeConfig::new("0.0.0.0:8080".parse().unwrap(), "t:tenant=*,seven:tenant=7");
    Node::start(release, config, &StateDirectory::Missing, EPOCH, 0).unwrap().0
}

const EPOCH: i64 = 1_779_962_400_000_000;

fn with_fault(fault: Inborn) -> Node {
    let mut release = documented("v0.4.0");
    release.born_with.push(fault);
    release.check("test").unwrap();
    node_of(release)
}

/// The answer to a request that is answered at once.
fn ask(node: &mut Node, now: u64, request: &Request) -> Response {
    let outputs = node.handle(now, RequestId(99), request);
    let answer = outputs.into_iter().find_map(|output| match output {
        Output::Respond { response, .. } => Some(response),
        _ => None,
    });
    answer.unwrap_or_else(|| panic!("{request:?} was not answered at once"))
}

fn text(response: &Response) -> String {
    String::from_utf8(response.body.clone()).unwrap()
}

fn post(target: &str) -> Request {
    Request::new("POST", target).bearer("t")
}

fn deploy(node: &mut Node, now: u64) -> String {
    let response = ask(node, now, &post("/functions").json(MODULE));
    assert_eq!(response.status, 200, "{}", text(&response));
    text(&response).split('"').nth(3).unwrap().to_owned()
}

fn invoke(id: &str, tenant: u64) -> Request {
    post(&format!("/functions/{id}/invoke")).header("x-tensorwasm-tenant", &tenant.to_string())
}

fn hold(id: &str, ms: u64) -> Request {
    post(&format!("/functions/{id}/invoke")).json(&format!("{{\"export\":\"hold_ms\",\"args\":[{ms}]}}"))
}

fn scrape(node: &mut Node, now: u64) -> Vec<Sample> {
    exposition::parse(&text(&ask(node, now, &Request::new("GET", "/metrics")))).unwrap()
}

/// The sum of a family's samples with that route, or of all when it is empty.
fn value(samples: &[Sample], name: &str, route: &str) -> f64 {
    let of_route =
        |sample: &&Sample| route.is_empty() || sample.labels.get("route").is_some_and(|label| label == route);
    samples.iter().filter(|sample| sample.name == name).filter(of_route).map(|sample| sample.value).sum()
}

#[test]
fn requests_and_answers() {
    let mut node = node_of(documented("v0.3.8"));
    let id = deploy(&mut node, 0);
    let unknown = "/functions/6f1c9d0f-0000-4000-8000-000000000000";
    let run = format!("/functions/{id}/invoke");
    // (request, status, part of the body)
    let cases = [
        (Request::new("GET", "/healthz"), 200, "{\"status\":\"ok\"}"),
        (Request::new("HEAD", "/healthz?x=1"), 200, "{\"status\":\"ok\"}"),
        (Request::new("POST", "/healthz"), 405, ""),
        (Request::new("GET", "/readyz"), 401, "\"unauthorized\""),
        (Request::new("GET", "/readyz").bearer("t"), 404, ""),
        (Request::new("GET", "/functions").bearer("t"), 405, ""),
        (Request::new("GET", "/functions"), 401, "\"unauthorized\""),
        (Request::new("POST", "/functions").json(MODULE), 401, "\"unauthorized\""),
        (post("/functions"), 400, "\"invalid_json\""),
        (post("/functions").json("{"), 400, "\"invalid_json\""),
        (post("/functions").json("{\"name\":\"\",\"wasm_b64\":\"\"}"), 400, "\"invalid_name\""),
        (post("/functions").json("{\"name\":\"x\",\"wasm_b64\":\"!\"}"), 400, "\"invalid_base64\""),
        (post("/functions").json("{\"name\":\"x\",\"wasm_b64\":\"eHh4eA==\"}"), 400, "\"invalid_wasm\""),
        (Request::new("DELETE", unknown).bearer("seven").header("x-tensorwasm-tenant", "7"), 404, "\"not_found\""),
        (post(&format!("{unknown}/invoke")), 404, "\"not_found\""),
        (post(&format!("{unknown}/invoke-async")), 404, ""),
        (post(&run), 200, "\"result\":\"ok\""),
        (post(&run).json("{\"export\":\"main\",\"args\":[1,2.5]}"), 200, "\"result\":\"ok\""),
        (post(&run).json("{"), 400, "\"invalid_json\""),
        (post(&run).json("{\"args\":1}"), 400, "\"invalid_args\""),
        (post(&run).json("{\"args\":[\"x\"]}"), 400, "\"invalid_args\""),
        (post(&run).json("{\"args\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}"), 400, "\"too_many_args\""),
        (post(&run).json("{\"export\":\"hold_ms\"}"), 400, "\"invalid_args\""),
        (post(&run).json("{\"export\":\"hold_ms\",\"args\":[-1]}"), 400, "\"invalid_args\""),
        (post(&run).header("x-tensorwasm-tenant", "x"), 400, "\"invalid_tenant\""),
        (Request { body: RequestBody::TooLarge, ..post("/functions") }, 413, "\"body_too_large\""),
        (Request { body: RequestBody::NotReceived, ..post("/functions") }, 408, ""),
        (Request::new("DELETE", &format!("/functions/{id}")).bearer("t"), 204, ""),
    ];
    for (number, (request, status, part)) in cases.into_iter().enumerate() {
        // A second apart, so that the rate limit has no say.
        let response = ask(&mut node, (number as u64 + 1) * 1_000_000, &request);
        assert_eq!(response.status, status, "{number}: {request:?}: {}", text(&response));
        assert!(text(&response).contains(part), "{number}: {}", text(&response));
        assert_eq!(part.is_empty(), response.body.is_empty(), "{number}");
        assert_eq!(response.header("x-request-id"), None, "0.3.8 sends none");
        assert!(response.header("vary").is_some());
    }
}

#[test]
fn request_ids_come_with_0_4_0_on_routes_that_change_state() {
    let mut node = node_of(documented("v0.4.0"));
    assert!(ask(&mut node, 0, &post("/functions").json(MODULE)).header("x-request-id").is_some());
    assert!(ask(&mut node, 0, &post("/functions/x/invoke")).header("x-request-id").is_some());
    assert!(ask(&mut node, 0, &Request::new("GET", "/healthz")).header("x-request-id").is_none());
}

#[test]
fn counters_grow_by_what_was_sent_and_a_scrape_sees_only_earlier_ones() {
    let mut node = node_of(documented("v0.4.0"));
    let id = deploy(&mut node, 0);
    let before = scrape(&mut node, 0);
    assert_eq!(value(&before, "tensor_wasm_http_requests_total", "/metrics"), 0.0);
    assert_eq!(value(&before, "tensor_wasm_http_requests_in_flight", "/metrics"), 1.0);
    for tenant in 0..150 {
        assert_eq!(ask(&mut node, 1, &invoke(&id, tenant)).status, 200);
    }
    let after = scrape(&mut node, 2);
    for (name, route, delta) in [
        ("tensor_wasm_http_requests_total", "/functions/:id/invoke", 150.0),
        ("tensor_wasm_http_request_duration_seconds_count", "/functions/:id/invoke", 150.0),
        ("tensor_wasm_http_requests_total", "/metrics", 1.0),
        ("tensor_wasm_kernel_dispatches_total", "", 150.0),
        ("tensor_wasm_kernel_latency_seconds_count", "", 150.0),
        ("tensor_wasm_instance_spawns_total", "", 150.0),
        ("tensor_wasm_instance_terminations_total", "", 150.0),
    ] {
        assert_eq!(value(&after, name, route) - value(&before, name, route), delta, "{name} {route}");
    }
    let mut shipped = documented("v0.4.0");
    shipped.invoke_dispatches_kernel = false;
    let mut node = node_of(shipped);
    let id = deploy(&mut node, 0);
    ask(&mut node, 0, &invoke(&id, 0));
    assert_eq!(value(&scrape(&mut node, 0), "tensor_wasm_kernel_dispatches_total", ""), 0.0);
}

#[test]
fn what_lies_outside_the_metrics_layer_is_not_counted() {
    let mut config = ServeConfig::new("127.0.0.1:1".parse().unwrap(), "t:tenant=*");
    config.trusted_hosts = vec!["localhost".to_owned()];
    let (mut node, _) = Node::start(documented("v0.4.0"), config, &StateDirectory::Missing, 0, 0).unwrap();
    let refused = ask(&mut node, 0, &Request::new("GET", "/healthz"));
    assert_eq!((refused.status, refused.header("vary")), (400, None));
    let listed = |target| Request { headers: vec![("Host".into(), "localhost".into())], ..Request::new("GET", target) };
    assert_eq!(ask(&mut node, 0, &Request { body: RequestBody::NotReceived, ..listed("/healthz") }).status, 408);
    let page = text(&ask(&mut node, 0, &listed("/metrics")));
    assert_eq!(value(&exposition::parse(&page).unwrap(), "tensor_wasm_http_requests_total", ""), 0.0);
}

#[test]
fn the_rate_limit_is_on_by_default() {
    let mut node = node_of(documented("v0.4.0"));
    let statuses: Vec<u16> = (0..40).map(|_| ask(&mut node, 0, &post("/functions/x/invoke")).status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 404).count(), 20);
    let limited = ask(&mut node, 0, &post("/functions/x/invoke"));
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("1")));
    assert_eq!(ask(&mut node, 0, &post("/functions/x/invoke").header("x-tensorwasm-tenant", "1")).status, 404);
    assert_eq!(ask(&mut node, 0, &Request::new("GET", "/healthz")).status, 200, "probes are not limited");
    assert_eq!(ask(&mut node, 100_000, &post("/functions/x/invoke")).status, 404);
}

#[test]
fn metrics_can_want_a_token() {
    let mut config = ServeConfig::new("127.0.0.1:1".parse().unwrap(), "t:tenant=*");
    config.metrics_token = Some(crate::auth::Secret::new("m"));
    let (mut node, _) = Node::start(documented("v0.4.0"), config, &StateDirectory::Missing, 0, 0).unwrap();
    let get = || Request::new("GET", "/metrics");
    for (request, status) in
        [(get(), 401), (get().bearer("t"), 401), (get().bearer("m").bearer("m"), 401), (get().bearer("m"), 200)]
    {
        assert_eq!(ask(&mut node, 0, &request).status, status);
    }
}

#[test]
fn starts_warn_and_an_open_public_node_repeats_it() {
    let start = |tokens: &str, dev: bool| {
        let mut config = ServeConfig::new("0.0.0.0:8080".parse().unwrap(), tokens);
        config.dev_mode = dev;
        config.allow_plaintext_public = true;
        Node::start(documented("v0.4.0"), config, &StateDirectory::Missing, EPOCH, 0).unwrap()
    };
    let (node, outputs) = start("t:tenant=*", false);
    assert_eq!(outputs.len(), 2);
    let Output::Stdout(line) = &outputs[0] else { panic!("{outputs:?}") };
    assert!(line.starts_with("2026-05-28T10:00:00.000000Z  WARN tensor_wasm_api::server: Host"), "{line}");
    assert_eq!(node.next_wake(), None);
    let (mut node, outputs) = start("", true);
    assert_eq!(outputs.len(), 5);
    assert_eq!(node.next_wake(), Some(60_000_000));
    assert_eq!(node.wake(60_000_000).len(), 1);
    assert_eq!(node.next_wake(), Some(120_000_000));
    assert_eq!(ask(&mut node, 0, &Request::new("POST", "/functions").json(MODULE)).status, 200);
    let (mut node, _) = start("", false);
    assert_eq!(ask(&mut node, 0, &post("/functions").json(MODULE)).status, 401, "closed without tokens");
}
