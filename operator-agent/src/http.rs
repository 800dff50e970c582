//! The agent's HTTP client: one connection per request as curl does, a ceiling on time and bytes, and an outcome for
//! everything that a server can do to it.

use std::io::ErrorKind;
use std::time::Duration;

use ureq::http::Response;
use ureq::{Agent, Body};

use crate::clock::now_us;
use crate::protocol::{ProbeOutcome, Sample};

/// How long and how much a request may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the beginning to the last byte of the answer.
    pub time: Duration,
    /// Bytes of the answer's body.
    pub body_bytes: u64,
}

/// A finished request.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What it came to, and how long it took.
    pub sample: Sample,
    /// The body; empty unless there was a whole answer.
    pub body: Vec<u8>,
    /// `Retry-After`, if the answer has one.
    pub retry_after: Option<String>,
    /// When it was begun, on the agent's clock.
    pub began_us: u64,
}

impl Answer {
    /// When it was over, on the agent's clock.
    pub fn ended_us(&self) -> u64 {
        self.began_us.saturating_add(self.sample.latency_us)
    }

    /// The body as text, not UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A client with its limits.
#[derive(Debug, Clone)]
pub struct Client {
    agent: Agent,
    limits: Limits,
}

impl Client {
    /// A client that keeps no connection, follows no redirect and uses no proxy.
    pub fn new(limits: Limits) -> Client {
        let agent = Agent::config_builder()
            .timeout_global(Some(limits.time))
            .max_idle_connections(0)
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .user_agent("rollback-drill")
            .build()
            .new_agent();
        Client { agent, limits }
    }

    /// GET.
    pub fn get(&self, url: &str) -> Answer {
        let began_us = now_us();
        let result = self.agent.get(url).header("connection", "close").call();
        self.finish(began_us, result)
    }

    /// POST of a JSON body with headers.
    pub fn post_json(&self, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let began_us = now_us();
        let mut request = self.agent.post(url).header("content-type", "application/json").header("connection", "close");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.finish(began_us, request.send(body))
    }

    fn finish(&self, began_us: u64, result: Result<Response<Body>, ureq::Error>) -> Answer {
        let mut retry_after = None;
        let read = result.and_then(|mut response| {
            retry_after =
                response.headers().get("retry-after").and_then(|value| value.to_str().ok()).map(str::to_owned);
            let body = response.body_mut().with_config().limit(self.limits.body_bytes).read_to_vec()?;
            Ok((response.status().as_u16(), body))
        });
        let latency_us = now_us().saturating_sub(began_us);
        let (outcome, body) = match read {
            Ok((status, body)) => (ProbeOutcome::Status(status), body),
            Err(error) => (outcome_of(&error), Vec::new()),
        };
        Answer { sample: Sample { outcome, latency_us }, body, retry_after, began_us }
    }
}

fn outcome_of(error: &ureq::Error) -> ProbeOutcome {
    match error {
        ureq::Error::Timeout(_) => ProbeOutcome::TimedOut,
        ureq::Error::ConnectionFailed => ProbeOutcome::Refused,
        ureq::Error::Io(io) => match io.kind() {
            ErrorKind::ConnectionRefused => ProbeOutcome::Refused,
            ErrorKind::TimedOut | ErrorKind::WouldBlock => ProbeOutcome::TimedOut,
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof => ProbeOutcome::Reset,
            _ => ProbeOutcome::Garbage(io.to_string()),
        },
        other => ProbeOutcome::Garbage(other.to_string()),
    }
}
