//! The load balancer: HAProxy with one backend of one server, its administrative state changed through its socket.

use fake_node::http::Response;
use operator_agent::protocol::Happened;

use super::Machine;

/// The administrative state of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// In rotation.
    Ready,
    /// No new requests.
    Drain,
    /// Out of service.
    Maint,
}

/// HAProxy's state.
#[derive(Debug, Clone)]
pub struct Balancer {
    /// Whether it runs.
    pub runs: bool,
    /// Of the one server.
    pub state: State,
    /// Path that it answers itself.
    pub monitor_uri: String,
    /// `backend/server`.
    pub server: String,
    /// Where that one is.
    pub server_port: u16,
    /// The administrative socket.
    pub socket: String,
    /// The file that it answers 503 with, read at its start.
    pub errorfile: String,
}

impl Balancer {
    /// Whether new requests go to the server.
    pub fn in_rotation(&self) -> bool {
        self.state == State::Ready
    }

    /// The agent's word for the state.
    pub fn word(&self) -> &'static str {
        match self.state {
            State::Ready => "ready",
            State::Drain => "drain",
            State::Maint => "maint",
        }
    }

    /// What clients get while nobody serves: the errorfile, as an answer.
    pub fn maintenance(&self) -> Response {
        let (head, body) = self.errorfile.split_once("\n\n").unwrap_or((&self.errorfile, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(503);
        let mut response = Response::empty(status).outside_cors();
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            response.headers.push((name.trim().to_lowercase(), value.trim().to_owned()));
        }
        response.body = body.as_bytes().to_vec();
        response
    }

    /// What clients get when the server takes a request and closes without an answer.
    pub fn bad_gateway(&self) -> Response {
        let mut response = Response::empty(502).outside_cors();
        response.body = b"<html><body><h1>502 Bad Gateway</h1>\n".to_vec();
        response
    }
}

impl Machine {
    /// A line to the administrative socket; what it answers.
    pub fn balancer_command(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["set", "server", server, "state", state] => {
                if *server != self.balancer.server {
                    return "No such server.\n\n".to_owned();
                }
                let state = match *state {
                    "ready" => State::Ready,
                    "drain" => State::Drain,
                    "maint" => State::Maint,
                    _ => return "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n\n".to_owned(),
                };
                if self.balancer.state != state {
                    self.balancer.state = state;
                    self.report_balancer();
                }
                // The real one answers an empty line; `$(…)` takes it away.
                "\n".to_owned()
            }
            ["show", "servers", "state", ..] => {
                let (backend, server) = self.balancer.server.split_once('/').unwrap_or(("", ""));
                let administrative = match self.balancer.state {
                    State::Ready => 0,
                    State::Drain => 8,
                    State::Maint => 1,
                };
                format!(
                    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state\n3 {backend} 1 {server} 127.0.0.1 2 {administrative}\n\n"
                )
            }
            _ => "Unknown command. Please enter one of the following commands only.\n\n".to_owned(),
        }
    }

    /// Tells the harness of the balancer's state, if it is another one than was told.
    pub fn report_balancer(&mut self) {
        let told = self.agent.balancer.as_ref();
        let now = if self.balancer.runs {
            (self.balancer.in_rotation(), self.balancer.word().to_owned())
        } else if let Some((in_rotation, _)) = told {
            // One that does not tell has not changed its mind; as operator-agent/src/balancer.rs.
            (*in_rotation, "unreadable: Connection refused (os error 111)".to_owned())
        } else {
            return; // It is still coming up.
        };
        if told != Some(&now) {
            self.agent.balancer = Some(now.clone());
            let (in_rotation, state) = now;
            self.report(Happened::BalancerChanged { in_rotation, state });
        }
        crate::agent::world_changed(self);
    }
}
