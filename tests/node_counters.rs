//! The node's counters tell what was sent: for any sequence of requests, to the last one, through the model.

#![expect(clippy::unwrap_used, reason = "a test: what fails here shall end it, also in its helpers")]

use std::collections::BTreeMap;

use fake_node::config::ServeConfig;
use fake_node::exposition::{self, Sample};
use fake_node::http::{Request, Response};
use fake_node::node::{Node, Output, RequestId, StateDirectory};
use fake_node::release::Release;
use proptest::prelude::*;

const RELEASE: &str = include_str!("../scenarios/releases/documented/v0.4.0.toml");

/// What a client may do next.
#[derive(Clone, Debug)]
enum Step {
    Send(Sent),
    /// An invoke that is held for so many milliseconds.
    Hold(u64),
    /// So many microseconds pass; what is due is done at its time.
    Pass(u64),
    /// The client of the oldest request in flight goes away.
    GoAway,
}

#[derive(Clone, Copy, Debug)]
enum Sent {
    Healthz,
    HealthzHead,
    Metrics,
    Invoke,
    InvokeUnknown,
    InvokeWithoutToken,
    Deploy,
    ListFunctions,
    NoSuchPath,
}

fn step() -> impl Strategy<Value = Step> {
    let sent = prop::sample::select(vec![
        Sent::Healthz,
        Sent::HealthzHead,
        Sent::Metrics,
        Sent::Invoke,
        Sent::InvokeUnknown,
        Sent::InvokeWithoutToken,
        Sent::Deploy,
        Sent::ListFunctions,
        Sent::NoSuchPath,
    ]);
    prop_oneof![
        6 => sent.prop_map(Step::Send),
        2 => (0u64..31_000).prop_map(Step::Hold),
        2 => (0u64..40_000_000).prop_map(Step::Pass),
        1 => Just(Step::GoAway),
    ]
}

/// A node, and what its client knows of what it sent.
struct Client {
    node: Node,
    function: String,
    now: u64,
    next: u64,
    in_flight: Vec<(RequestId, &'static str, &'static str)>,
    /// Answers by route, method and status.
    answers: BTreeMap<(String, String, u16), u64>,
    /// Invokes that reached a guest.
    runs: u64,
}

impl Client {
    fn new(share_percent: u32) -> Self {
        let fault = format!("born_with = [{{ errors = {{ share_percent = {share_percent} }} }}]");
        let text = if share_percent == 0 { RELEASE.to_owned() } else { RELEASE.replacen("born_with = []", &fault, 1) };
        let release = Release::from_toml("v0.4.0.toml", &text).unwrap();
        let config = ServeConfig::new("127.0.0.1:8080".parse().unwrap(), "t:tenant=*");
        let (node, _) = Node::start(release, config, &StateDirectory::Missing, 0, 0).unwrap();
        let mut client = Self {
            node,
            function: String::new(),
            now: 0,
            next: 0,
            in_flight: Vec::new(),
            answers: BTreeMap::new(),
            runs: 0,
        };
        let response = client.send("/functions", deploy()).unwrap();
        client.function = String::from_utf8(response.body).unwrap().split('"').nth(3).unwrap().to_owned();
        client
    }

    fn send(&mut self, route: &'static str, request: Request) -> Option<Response> {
        // A tenant of its own for each request, so that the rate limit has no say.
        let request = request.header("x-tensorwasm-tenant", &self.next.to_string());
        let method = if request.method == "HEAD" {
            "HEAD"
        } else if request.method == "GET" {
            "GET"
        } else {
            "POST"
        };
        let id = RequestId(self.next);
        self.next += 1;
        self.in_flight.push((id, route, method));
        let outputs = self.node.handle(self.now, id, &request);
        self.take(outputs)
    }

    /// Books answers in; gives the last one.
    fn take(&mut self, outputs: Vec<Output>) -> Option<Response> {
        let mut last = None;
        for output in outputs {
            if let Output::Respond { request, response } = output {
                let at = self.in_flight.iter().position(|(id, ..)| *id == request).unwrap();
                let (_, route, method) = self.in_flight.remove(at);
                *self.answers.entry((route.to_owned(), method.to_owned(), response.status)).or_default() += 1;
                last = Some(response);
            }
        }
        last
    }

    fn run(&mut self, step: &Step) {
        let invoke = format!("/functions/{}/invoke", self.function);
        match step {
            Step::Send(Sent::Healthz) => drop(self.send("/healthz", Request::new("GET", "/healthz"))),
            Step::Send(Sent::HealthzHead) => drop(self.send("/healthz", Request::new("HEAD", "/healthz"))),
            Step::Send(Sent::Metrics) => drop(self.scrape()),
            Step::Send(Sent::Invoke) => {
                self.runs += 1;
                self.send(INVOKE, Request::new("POST", &invoke).bearer("t"));
            }
            Step::Send(Sent::InvokeUnknown) => {
                self.send(INVOKE, Request::new("POST", "/functions/none/invoke").bearer("t"));
            }
            Step::Send(Sent::InvokeWithoutToken) => drop(self.send(INVOKE, Request::new("POST", &invoke))),
            Step::Send(Sent::Deploy) => drop(self.send("/functions", deploy())),
            Step::Send(Sent::ListFunctions) => {
                self.send("/functions", Request::new("GET", "/functions").bearer("t"));
            }
            Step::Send(Sent::NoSuchPath) => drop(self.send("unknown", Request::new("GET", "/readyz"))),
            Step::Hold(ms) => {
                self.runs += 1;
                let body = format!("{{\"export\":\"hold_ms\",\"args\":[{ms}]}}");
                self.send(INVOKE, Request::new("POST", &invoke).bearer("t").json(&body));
            }
            Step::Pass(us) => {
                let until = self.now + us;
                while let Some(at) = self.node.next_wake().filter(|at| *at <= until) {
                    self.now = at;
                    let outputs = self.node.wake(at);
                    self.take(outputs);
                }
                self.now = until;
            }
            Step::GoAway => {
                if !self.in_flight.is_empty() {
                    let (id, ..) = self.in_flight.remove(0);
                    assert_eq!(self.node.cancel(self.now, id), []);
                }
            }
        }
    }

    fn scrape(&mut self) -> Vec<Sample> {
        let response = self.send("/metrics", Request::new("GET", "/metrics")).unwrap();
        exposition::parse(&String::from_utf8(response.body).unwrap()).unwrap()
    }
}

const INVOKE: &str = "/functions/:id/invoke";

fn deploy() -> Request {
    Request::new("POST", "/functions").bearer("t").json("{\"name\":\"f\",\"wasm_b64\":\"AGFzbQEAAAA=\"}")
}

fn by_labels(samples: &[Sample], name: &str) -> BTreeMap<(String, String, u16), u64> {
    let of_name = samples.iter().filter(|sample| sample.name == name);
    of_name
        .map(|sample| {
            let label = |name: &str| sample.labels.get(name).cloned().unwrap();
            ((label("route"), label("method"), label("status").parse().unwrap()), sample.value as u64)
        })
        .collect()
}

fn scalar(samples: &[Sample], name: &str) -> u64 {
    samples.iter().find(|sample| sample.name == name).unwrap().value as u64
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn counters_equal_what_was_sent(share_percent in 0u32..=100, steps in prop::collection::vec(step(), 0..120)) {
        let mut client = Client::new(share_percent);
        for step in &steps {
            client.run(step);
        }
        let expected = client.answers.clone();
        let samples = client.scrape();
        // The answers before this scrape, exactly; the scrape itself is not yet among them.
        prop_assert_eq!(&by_labels(&samples, "tensor_wasm_http_requests_total"), &expected);
        prop_assert_eq!(&by_labels(&samples, "tensor_wasm_http_request_duration_seconds_count"), &expected);
        let open = client.in_flight.len() as u64;
        let gauge: f64 = samples.iter().filter(|s| s.name == "tensor_wasm_http_requests_in_flight").map(|s| s.value).sum();
        prop_assert_eq!(gauge as u64, open + 1, "the scrape sees itself in flight");
        prop_assert_eq!(scalar(&samples, "tensor_wasm_active_instances"), open);
        prop_assert_eq!(scalar(&samples, "tensor_wasm_instance_spawns_total"), client.runs);
        prop_assert_eq!(scalar(&samples, "tensor_wasm_instance_terminations_total"), client.runs - open);
        prop_assert_eq!(scalar(&samples, "tensor_wasm_kernel_dispatches_total"), client.runs);
        let failed = expected.get(&(INVOKE.to_owned(), "POST".to_owned(), 500)).copied().unwrap_or(0);
        prop_assert_eq!(failed, client.runs * u64::from(share_percent) / 100, "the share of errors is exact");
    }

    #[test]
    fn the_same_inputs_give_the_same_bytes(steps in prop::collection::vec(step(), 0..60)) {
        let page = || {
            let mut client = Client::new(33);
            for step in &steps {
                client.run(step);
            }
            client.send("/metrics", Request::new("GET", "/metrics")).unwrap()
        };
        prop_assert_eq!(page(), page());
    }

    #[test]
    fn a_stopped_node_answers_all_it_took_and_ends_once(steps in prop::collection::vec(step(), 0..60)) {
        let mut client = Client::new(0);
        for step in &steps {
            client.run(step);
        }
        let mut exits = 0;
        let mut outputs = client.node.terminate(client.now);
        // Each wake answers at least one request, so this ends.
        loop {
            exits += outputs.iter().filter(|output| matches!(output, Output::Exit { status: 0 })).count();
            client.take(outputs);
            let Some(at) = client.node.next_wake() else { break };
            prop_assert!(at <= client.now + 30_000_000, "no request outlives its deadline");
            outputs = client.node.wake(at);
        }
        prop_assert_eq!((exits, client.in_flight.len(), client.node.has_ended()), (1, 0, true));
    }
}
