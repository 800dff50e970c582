//! The agent's HTTP client: one connection per request as curl does, unless it is asked to keep it; a ceiling on time and
//! bytes, and an outcome for everything that a server can do to it.

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
    keeps: bool,
}

impl Client {
    /// A client that keeps no connection, follows no redirect and uses no proxy.
    pub fn new(limits: Limits) -> Client {
        Client::with(limits, false)
    }

    /// The same, but it keeps its connection: for one server that is asked often.
    pub fn keeping(limits: Limits) -> Client {
        Client::with(limits, true)
    }

    fn with(limits: Limits, keeps: bool) -> Client {
        let agent = Agent::config_builder()
            .timeout_global(Some(limits.time))
            .max_idle_connections(usize::from(keeps))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .user_agent("rollback-drill")
            .build()
            .new_agent();
        Client { agent, limits, keeps }
    }

    /// GET.
    pub fn get(&self, url: &str) -> Answer {
        let began_us = now_us();
        let request = self.agent.get(url);
        let request = if self.keeps { request } else { request.header("connection", "close") };
        self.finish(began_us, request.call())
    }

    /// POST of a JSON body with headers.
    pub fn post_json(&self, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let began_us = now_us();
        let mut request = self.agent.post(url).header("content-type", "application/json");
        if !self.keeps {
            request = request.header("connection", "close");
        }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Long enough for any machine.
    const PATIENT: Limits = Limits { time: Duration::from_secs(20), body_bytes: 1 << 10 };

    #[test]
    fn a_connection_is_kept_where_that_is_asked_for() {
        for (client, connections) in [(Client::new(PATIENT), 2), (Client::keeping(PATIENT), 1)] {
            let server = tiny_http::Server::http("127.0.0.1:0").unwrap();
            let url = format!("http://{}/", server.server_addr());
            let serving = std::thread::spawn(move || {
                let mut clients = BTreeSet::new();
                while let Some(request) = server.recv_timeout(PATIENT.time).unwrap() {
                    clients.insert(request.remote_addr().copied());
                    let is_last = request.url() == "/last";
                    request.respond(tiny_http::Response::from_string("ok")).unwrap();
                    if is_last {
                        break;
                    }
                }
                clients.len()
            });
            for path in ["", "last"] {
                let answer = client.get(&format!("{url}{path}"));
                assert_eq!((answer.sample.outcome.clone(), answer.text()), (ProbeOutcome::Status(200), "ok".into()));
            }
            assert_eq!(serving.join().unwrap(), connections);
        }
    }
}
