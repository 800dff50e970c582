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
    pub fn start(&self, per_second: u64, tenants: Vec<u64>) {
        let function = match self.deploy() {
            Ok(function) => function,
            Err(why) => return self.reports.say(Happened::TrafficFailed { why }),
        };
        *self.function.lock().unwrap_or_else(PoisonError::into_inner) = Some(function);
        self.sending.store(true, Ordering::SeqCst);
        let traffic = self.clone();
        std::thread::spawn(move || traffic.send(per_second.max(1), &tenants));
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
        self.invoke_with(&self.client, tenant, b"{}")
    }

    fn invoke_with(&self, client: &Client, tenant: u64, body: &[u8]) -> Option<Answer> {
        let function = self.function.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let url = format!("{}/functions/{function}/invoke", self.setup.balancer_url);
        Some(self.ledger.record(Asks::Invoke, || self.post(client, &url, tenant, body)))
    }

    fn send(&self, per_second: u64, tenants: &[u64]) {
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
            self.send_one(tenant);
        }
    }

    fn send_one(&self, tenant: u64) {
        let second = now_us() / 1_000_000;
        self.book(second, |entry| entry.open += 1);
        if self.in_flight.load(Ordering::SeqCst) >= IN_FLIGHT_MAX {
            return self.close(second, "not-sent");
        }
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        let traffic = self.clone();
        std::thread::spawn(move || {
            let word =
                traffic.invoke(tenant).map_or_else(|| "not-sent".to_owned(), |answer| answer.sample.outcome.word());
            traffic.in_flight.fetch_sub(1, Ordering::SeqCst);
            traffic.close(second, &word);
        });
    }

    fn book(&self, second: u64, change: impl FnOnce(&mut Second)) {
        change(self.seconds.lock().unwrap_or_else(PoisonError::into_inner).entry(second).or_default());
    }

    /// Counts an outcome, and reports all seconds that are over and have nothing open.
    fn close(&self, second: u64, word: &str) {
        self.book(second, |entry| {
            entry.open = entry.open.saturating_sub(1);
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
                self.reports.say(Happened::Traffic { second, outcomes: entry.outcomes });
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
            let ended = self.send_held(hold_ms);
            let deadline = Deadline::after(HELD_SEEN_WITHIN);
            while !deadline.passed() && !ended.load(Ordering::SeqCst) {
                if invokes_in_flight(&client.get(&metrics).text()) && !ended.load(Ordering::SeqCst) {
                    return self.reports.say(Happened::InvokeHeld { in_hand: true });
                }
                pause(Duration::from_millis(5));
            }
            if !ended.load(Ordering::SeqCst) {
                break; // It is held, only the gauge does not show it.
            }
        }
        self.reports.say(Happened::InvokeHeld { in_hand: false });
    }

    fn send_held(&self, hold_ms: u64) -> Arc<AtomicBool> {
        let ended = Arc::new(AtomicBool::new(false));
        let (traffic, mark) = (self.clone(), ended.clone());
        std::thread::spawn(move || {
            let client = Client::new(HELD_REQUEST);
            let body = format!(r#"{{"export":"hold_ms","args":[{hold_ms}]}}"#);
            let began_us = now_us();
            let answer = traffic.invoke_with(&client, HOLD_TENANT, body.as_bytes());
            let ended_us = now_us();
            mark.store(true, Ordering::SeqCst);
            // One that was not held is part of the incident, not the one whose end is asked for.
            if ended_us.saturating_sub(began_us) >= HOLDS_FROM_US {
                let outcome = answer.map_or_else(|| "not-sent".to_owned(), |answer| answer.sample.outcome.word());
                traffic.reports.say(Happened::HeldInvokeEnded { outcome, began_us, ended_us });
            }
        });
        ended
    }
}

/// In an incident with 90 % errors the chance that this many invokes in a row fail is 0.9^20 = 12 %; the fake node spreads
/// errors evenly, so there two are enough at 40 %.
const HOLD_TRIES: u32 = 20;
/// An invoke that was over sooner was refused or failed at once.
const HOLDS_FROM_US: u64 = 100_000;
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
