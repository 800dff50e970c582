//! Traffic through the balancer: open loop (a request is sent when it is due, whatever became of those before it),
//! counted by outcome in the second in which it was sent.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::{Deadline, now_us, pause};
use crate::http::{Answer, Client, Limits};
use crate::ledger::{Asks, Ledger};
use crate::protocol::{Happened, Setup};
use crate::reports::Reports;

/// The smallest WebAssembly module: magic and version (WebAssembly core specification 5.5.16), as base64.
const EMPTY_MODULE: &str = "AGFzbQEAAAA=";
/// Body of an invoke that asks nothing, and of one that calls an export that traps.
const PLAIN: &[u8] = b"{}";
const TRAP: &[u8] = br#"{"export":"trap"}"#;
/// Requests in flight; beyond it a due request is counted as `not-sent`.
const IN_FLIGHT_MAX: u64 = 256;
const REQUEST: Limits = Limits { time: Duration::from_secs(5), body_bytes: 64 << 10 };
/// A held invoke may take as long as the node's own deadline, 30 s (node-contract.md section 2), and a little more.
const HELD_REQUEST: Limits = Limits { time: Duration::from_secs(35), body_bytes: 64 << 10 };
/// How long the node may take to have a held invoke in hand.
const HELD_SEEN_WITHIN: Duration = Duration::from_secs(1);

/// Sends traffic. Clones share it.
#[derive(Debug, Clone)]
pub struct Traffic {
    setup: Arc<Setup>,
    ledger: Ledger,
    reports: Reports,
    client: Client,
    function: Arc<Mutex<Option<String>>>,
    sending: Arc<AtomicBool>,
    in_flight: Arc<AtomicU64>,
    seconds: Arc<Mutex<BTreeMap<u64, Second>>>,
}

#[derive(Debug, Default)]
struct Second {
    open: u64,
    outcomes: BTreeMap<String, u64>,
    slow: u64,
}

impl Traffic {
    /// Nothing is sent yet.
    pub fn new(setup: Arc<Setup>, ledger: Ledger, reports: Reports) -> Traffic {
        Traffic {
            setup,
            ledger,
            reports,
            client: Client::new(REQUEST),
            function: Arc::default(),
            sending: Arc::default(),
            in_flight: Arc::default(),
            seconds: Arc::default(),
        }
    }

    /// Deploys a function, then sends; returns when the first request is due.
    pub fn start(&self, per_second: u64, tenants: Vec<u64>, trapping: Vec<u64>) {
        let function = match self.deploy() {
            Ok(function) => function,
            Err(why) => return self.reports.say(Happened::TrafficFailed { why }),
        };
        *self.function.lock().unwrap_or_else(PoisonError::into_inner) = Some(function);
        self.sending.store(true, Ordering::SeqCst);
        let traffic = self.clone();
        std::thread::spawn(move || traffic.send(per_second.max(1), &tenants, &trapping));
        self.reports.say(Happened::TrafficStarted);
    }

    fn deploy(&self) -> Result<String, String> {
        let url = format!("{}/functions", self.setup.balancer_url);
        let body = format!(r#"{{"name":"drill","wasm_b64":"{EMPTY_MODULE}"}}"#);
        let answer = self.post(&self.client, &url, 0, body.as_bytes());
        let id = serde_json::from_slice::<serde_json::Value>(&answer.body)
            .ok()
            .and_then(|body| Some(body.get("id")?.as_str()?.to_owned()));
        id.ok_or_else(|| format!("POST {url} came to {}: {}", answer.sample.outcome.word(), answer.text()))
    }

    fn post(&self, client: &Client, url: &str, tenant: u64, body: &[u8]) -> Answer {
        let tenant = tenant.to_string();
        let bearer = self.setup.token.as_ref().map(|token| format!("Bearer {token}"));
        let mut headers = vec![("x-tensorwasm-tenant", tenant.as_str())];
        if let Some(bearer) = bearer.as_deref() {
            headers.push(("authorization", bearer));
        }
        client.post_json(url, &headers, body)
    }

    /// One invoke through the balancer, written down in the ledger.
    pub fn invoke(&self, tenant: u64) -> Option<Answer> {
        self.invoke_with(&self.client, tenant, PLAIN)
    }

    fn invoke_with(&self, client: &Client, tenant: u64, body: &[u8]) -> Option<Answer> {
        let function = self.function.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let url = format!("{}/functions/{function}/invoke", self.setup.balancer_url);
        Some(self.ledger.record(Asks::Invoke, || self.post(client, &url, tenant, body)))
    }

    fn send(&self, per_second: u64, tenants: &[u64], trapping: &[u64]) {
        let began = now_us();
        let mut sent: u64 = 0;
        while self.sending.load(Ordering::SeqCst) {
            let due = began + sent * 1_000_000 / per_second;
            let now = now_us();
            if now < due {
                pause(Duration::from_micros(due - now));
                continue;
            }
            let tenant = tenants.get(usize::try_from(sent).unwrap_or(0) % tenants.len().max(1)).copied().unwrap_or(0);
            sent += 1;
            self.send_one(tenant, if trapping.contains(&tenant) { TRAP } else { PLAIN });
        }
    }

    fn send_one(&self, tenant: u64, body: &'static [u8]) {
        let second = now_us() / 1_000_000;
        self.book(second, |entry| entry.open += 1);
        if self.in_flight.load(Ordering::SeqCst) >= IN_FLIGHT_MAX {
            return self.close(second, "not-sent", false);
        }
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        let traffic = self.clone();
        std::thread::spawn(move || {
            let answer = traffic.invoke_with(&traffic.client, tenant, body);
            let word = answer.as_ref().map_or_else(|| "not-sent".to_owned(), |answer| answer.sample.outcome.word());
            traffic.in_flight.fetch_sub(1, Ordering::SeqCst);
            traffic.close(second, &word, answer.is_some_and(|answer| answer.sample.is_slow()));
        });
    }

    fn book(&self, second: u64, change: impl FnOnce(&mut Second)) {
        change(self.seconds.lock().unwrap_or_else(PoisonError::into_inner).entry(second).or_default());
    }

    /// Counts an outcome, and reports all seconds that are over and have nothing open.
    fn close(&self, second: u64, word: &str, slow: bool) {
        self.book(second, |entry| {
            entry.open = entry.open.saturating_sub(1);
            entry.slow += u64::from(slow);
            *entry.outcomes.entry(word.to_owned()).or_default() += 1;
        });
        self.flush(now_us() / 1_000_000);
    }

    fn flush(&self, before: u64) {
        let mut seconds = self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        let done: Vec<u64> =
            seconds.range(..before).filter(|(_, entry)| entry.open == 0).map(|(second, _)| *second).collect();
        for second in done {
            if let Some(entry) = seconds.remove(&second) {
                self.reports.say(Happened::Traffic { second, outcomes: entry.outcomes, slow: entry.slow });
            }
        }
    }

    /// Stops sending, and returns when everything has been answered or has timed out.
    pub fn stop(&self) {
        self.sending.store(false, Ordering::SeqCst);
        let deadline = Deadline::after(REQUEST.time + Duration::from_secs(1));
        while self.in_flight.load(Ordering::SeqCst) > 0 && !deadline.passed() {
            pause(Duration::from_millis(5));
        }
        self.flush(u64::MAX);
        self.reports.say(Happened::TrafficStopped);
    }

    /// Sends an invoke that the node holds; reports when the node has it in hand, and what became of it. In an incident an
    /// invoke can fail at once: that one holds nothing, so another is sent.
    pub fn hold(&self, hold_ms: u64) {
        let client = Client::new(REQUEST);
        let metrics = format!("{}/metrics", self.setup.node_url);
        for _ in 0..HOLD_TRIES {
            let held = self.send_held(hold_ms);
            let deadline = Deadline::after(HELD_SEEN_WITHIN);
            let mut in_hand = false;
            while !in_hand && !deadline.passed() && !held.is_over() {
                in_hand = invokes_in_flight(&client.get(&metrics).text());
                if !in_hand {
                    pause(Duration::from_millis(5));
                }
            }
            // One that the gauge does not show within that time is in flight all the same.
            if held.is_to_be_told() {
                return self.reports.say(Happened::InvokeHeld { in_flight: true, in_hand });
            }
        }
        self.reports.say(Happened::InvokeHeld { in_flight: false, in_hand: false });
    }

    fn send_held(&self, hold_ms: u64) -> Held {
        let held = Held::default();
        let (traffic, mine) = (self.clone(), held.clone());
        std::thread::spawn(move || {
            let client = Client::new(HELD_REQUEST);
            let body = format!(r#"{{"export":"hold_ms","args":[{hold_ms}]}}"#);
            let began_us = now_us();
            let answer = traffic.invoke_with(&client, HOLD_TENANT, body.as_bytes());
            let ended_us = now_us();
            // One that was over before anybody relied on it is part of the incident, not the one whose end is asked for.
            if mine.ends() {
                let outcome = answer.map_or_else(|| "not-sent".to_owned(), |answer| answer.sample.outcome.word());
                traffic.reports.say(Happened::HeldInvokeEnded { outcome, began_us, ended_us });
            }
        });
        held
    }
}

/// An invoke that is to be held, shared by the thread that sends it and the one that waits until it is in hand: its end is
/// told exactly if it was said to be in flight.
#[derive(Debug, Clone, Default)]
struct Held(Arc<Mutex<HeldState>>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum HeldState {
    #[default]
    InFlight,
    ToBeTold,
    Over,
}

impl Held {
    fn state(&self) -> std::sync::MutexGuard<'_, HeldState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        *self.state() == HeldState::Over
    }

    /// From here on its end is told; false if it is over already.
    fn is_to_be_told(&self) -> bool {
        let mut state = self.state();
        if *state == HeldState::InFlight {
            *state = HeldState::ToBeTold;
        }
        *state == HeldState::ToBeTold
    }

    /// It is over: whether its end has to be told.
    fn ends(&self) -> bool {
        std::mem::replace(&mut *self.state(), HeldState::Over) == HeldState::ToBeTold
    }
}

/// In an incident with 90 % errors the chance that this many invokes in a row fail is 0.9^20 = 12 %; the fake node spreads
/// errors evenly, so there two are enough at 40 %.
const HOLD_TRIES: u32 = 20;
/// Apart from the traffic's tenants, so that the node's limiter (10/s per tenant) does not count it with them.
const HOLD_TENANT: u64 = 900;
/// For the invokes between two fetches of /metrics.
pub const MEASURE_TENANT: u64 = 901;

/// Whether the node's own gauge shows an invoke in its hand (node-contract.md section 3, row 11).
fn invokes_in_flight(metrics: &str) -> bool {
    metrics
        .lines()
        .filter(|line| line.starts_with("tensor_wasm_http_requests_in_flight{") && line.contains("/invoke\""))
        .any(|line| {
            line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()).is_some_and(|value| value >= 1.0)
        })
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::protocol::{ProbeOutcome, Report, SLOW_US, Sample};

    /// Lines of reports, one at a time.
    #[derive(Debug, Clone)]
    struct Lines(std::sync::mpsc::Sender<Vec<u8>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _ = self.0.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// A node whose invokes come to `status` when `invoke_ends` says so: at once, or when the test lets go of it.
    fn reports(status: u16, invoke_ends: Option<std::sync::mpsc::Receiver<()>>) -> std::sync::mpsc::Receiver<Vec<u8>> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let ends = Arc::new(Mutex::new(invoke_ends));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, ends) = (stream.unwrap(), ends.clone());
                std::thread::spawn(move || {
                    let mut lines = BufReader::new(stream.try_clone().unwrap());
                    let (mut first, mut length) = (String::new(), 0);
                    lines.read_line(&mut first).unwrap();
                    loop {
                        let mut line = String::new();
                        lines.read_line(&mut line).unwrap();
                        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                            length = value.trim().parse().unwrap();
                        }
                        if line.trim().is_empty() {
                            break;
                        }
                    }
                    lines.read_exact(&mut vec![0; length]).unwrap();
                    let status = if first.contains("/invoke") {
                        if let Some(ends) = ends.lock().unwrap().as_ref() {
                            let _ = ends.recv();
                        }
                        status
                    } else {
                        404
                    };
                    let _ = write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                });
            }
        });
        let setup = Setup {
            operator: String::new(),
            node_port: 0,
            node_url: url.clone(),
            balancer_url: url.clone(),
            control_url: url,
            balancer_socket: String::new(),
            balancer_server: String::new(),
            pager_listen: String::new(),
            token: None,
            releases: BTreeMap::new(),
            supervisor: String::new(),
            probe_pause_ms: 1,
        };
        let (sink, lines) = std::sync::mpsc::channel();
        let traffic = Traffic::new(Arc::new(setup), Ledger::default(), Reports::new(Lines(sink)));
        *traffic.function.lock().unwrap() = Some("f".into());
        std::thread::spawn(move || traffic.hold(2000));
        lines
    }

    fn next(lines: &std::sync::mpsc::Receiver<Vec<u8>>) -> Happened {
        let line = lines.recv_timeout(Duration::from_secs(20)).unwrap();
        serde_json::from_slice::<Report>(&line).unwrap().what
    }

    #[test]
    fn where_each_invoke_is_over_at_once_none_is_held_and_no_end_is_told() {
        let lines = reports(500, None);
        assert_eq!(next(&lines), Happened::InvokeHeld { in_flight: false, in_hand: false });
        assert!(lines.recv_timeout(Duration::from_secs(20)).is_err(), "nothing else is said");
    }

    #[test]
    fn the_end_of_one_that_is_in_flight_is_told_whatever_comes_of_it() {
        let (let_go, ends) = std::sync::mpsc::channel();
        let lines = reports(503, Some(ends));
        assert_eq!(next(&lines), Happened::InvokeHeld { in_flight: true, in_hand: false });
        drop(let_go);
        assert!(matches!(next(&lines), Happened::HeldInvokeEnded { outcome, .. } if outcome == "503"));
    }

    #[test]
    fn late_is_what_is_answered_after_its_time_and_a_second_without_any_says_nothing_of_it() {
        for (outcome, latency_us, slow) in [
            (ProbeOutcome::Status(200), SLOW_US, false),
            (ProbeOutcome::Status(200), SLOW_US + 1, true),
            (ProbeOutcome::Status(503), SLOW_US + 1, true),
            (ProbeOutcome::TimedOut, 5_000_000, false),
        ] {
            assert_eq!(Sample { outcome, latency_us }.is_slow(), slow, "{latency_us}");
        }
        let told =
            |slow| serde_json::to_string(&Happened::Traffic { second: 7, outcomes: BTreeMap::new(), slow }).unwrap();
        assert_eq!(told(2), r#"{"kind":"traffic","second":7,"outcomes":{},"slow":2}"#);
        assert_eq!(told(0), r#"{"kind":"traffic","second":7,"outcomes":{}}"#);
    }

    #[test]
    fn an_end_is_told_exactly_if_somebody_relies_on_it() {
        let held = Held::default();
        assert!(held.is_to_be_told() && held.ends() && held.is_over());
        let held = Held::default();
        assert!(!held.ends() && !held.is_to_be_told() && held.is_over());
    }
}
