//! The load balancer: HAProxy with one backend of one server, its administrative state changed through its socket.

use fake_node::http::Response;
use operator_agent::protocol::Happened;

use super::Machine;
use crate::time::{SECOND, Us};

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

/// The head of `show servers state`.
const COLUMNS: &str = "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight \
    srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state \
    bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr \
    srv_agent_port";

/// HAProxy's state.
#[derive(Debug, Clone)]
pub struct Balancer {
    /// Whether it runs.
    pub runs: bool,
    /// Of the one server.
    pub state: State,
    /// When that last became up or down (`srv_time_since_last_change`): at the start of HAProxy, and at the beginning and
    /// the end of maintenance.
    pub since: Us,
    /// Whether it has been in maintenance since the start of HAProxy: what its checks had come to is void then, and stays
    /// so where there are none.
    pub was_down: bool,
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

    /// Goes to another administrative state of the server.
    pub fn enter(&mut self, state: State, now: Us) {
        if (state == State::Maint) != (self.state == State::Maint) {
            self.since = now;
            self.was_down = true;
        }
        self.state = state;
    }

    /// A new process of HAProxy: what was set through the socket of the one before is forgotten.
    pub fn begin(&mut self, now: Us) {
        self.state = State::Ready;
        self.since = now;
        self.was_down = false;
    }

    /// `show servers state`, format 1 (HAProxy 3.0 management guide, 9.3; the values are those of a server without checks
    /// that a real one printed in each state).
    fn servers_state(&self, now: Us) -> String {
        let (backend, server) = self.server.split_once('/').unwrap_or(("", ""));
        // Administrative states are flags: 1 is forced maintenance, 8 is forced drain.
        let (operational, administrative) = match self.state {
            State::Ready => (2, 0),
            State::Drain => (2, 8),
            State::Maint => (0, 1),
        };
        let (health, port) = (if self.was_down { 0 } else { 2 }, self.server_port);
        let seconds = now.saturating_sub(self.since) / SECOND;
        format!(
            "1\n{COLUMNS}\n3 {backend} 1 {server} 127.0.0.1 {operational} {administrative} 1 1 {seconds} 1 0 {health} \
             0 0 0 0 - {port} - 0 0 - - 0\n\n"
        )
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
        let parts = self.errorfile.split_once("\r\n\r\n").or_else(|| self.errorfile.split_once("\n\n"));
        let (head, body) = parts.unwrap_or((&self.errorfile, ""));
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
                    let backend = |path: &str| path.split('/').next().unwrap_or_default().to_owned();
                    let same = backend(server) == backend(&self.balancer.server);
                    return format!("No such {}.\n\n", if same { "server" } else { "backend" });
                }
                let state = match *state {
                    "ready" => State::Ready,
                    "drain" => State::Drain,
                    "maint" => State::Maint,
                    _ => return "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n\n".to_owned(),
                };
                if self.balancer.state != state {
                    self.balancer.enter(state, self.now);
                    self.report_balancer();
                }
                // The real one answers an empty line; `$(…)` takes it away.
                "\n".to_owned()
            }
            ["show", "servers", "state", rest @ ..] => {
                let ours = self.balancer.server.split('/').next();
                if rest.first().is_some_and(|backend| Some(*backend) != ours) {
                    return "Can't find backend.\n\n".to_owned();
                }
                self.balancer.servers_state(self.now)
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
