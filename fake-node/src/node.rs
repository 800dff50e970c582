//! The node as a state machine: requests, signals and a time in, [`Output`]s out. No socket, file or clock.
//!
//! Times are microseconds that the caller counts from wherever it likes; `epoch_unix_us` ties their zero to the wall
//! clock for log lines. A caller must hand in times that do not go back, apply outputs in order, and call
//! [`Node::wake`] at [`Node::next_wake`].

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{ServeConfig, StartFailure};
use crate::http::{Request, RequestBody, Response};
use crate::limiter::Limiter;
use crate::log::Level;
use crate::metrics::Metrics;
use crate::release::Release;
use crate::snapshot::FunctionRecord;

mod answer;
mod functions;
mod many;
mod route;
mod state;
#[cfg(test)]
mod tests;

pub use functions::FUNCTIONS_MAX;
pub use many::Alike;
use route::Route;
pub use state::{STATE_FILES_MAX, StateDirectory, StateFile};

/// The router's timeout, and an invoke's deadline, in microseconds (node-contract.md section 2).
pub const TIMEOUT_US: u64 = 30_000_000;
/// Most requests being answered at a time; more are refused with 503.
pub const IN_FLIGHT_MAX: usize = 4096;
/// How often a node in development mode on a public address says so, in microseconds (node-contract.md section 5).
const DEV_MODE_REPEAT_US: u64 = 60_000_000;

/// The caller's number for a request; no two requests in flight have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// What the node wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Answer that request now.
    Respond {
        /// Which one.
        request: RequestId,
        /// With what.
        response: Response,
    },
    /// Write that line, without its newline, to stdout.
    Stdout(String),
    /// Write these bytes to a file of the state directory, in one step and with mode 0640. What fails goes back through
    /// [`Node::state_write_failed`].
    WriteState {
        /// File name without a folder.
        file: String,
        /// The whole content.
        bytes: Vec<u8>,
    },
    /// Accept no more connections and close those without a request.
    StopAccepting,
    /// End the process. Nothing comes after it.
    Exit {
        /// With this status.
        status: i32,
    },
}

/// How far the node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Serving,
    Stopping,
    Ended,
}

/// A request that is answered later.
#[derive(Clone, Debug)]
struct Pending {
    request: RequestId,
    response: Response,
    labels: (&'static str, &'static str),
    begun: u64,
    counted: bool,
    runs_guest: bool,
}

/// How a route answers.
enum Answer {
    Now(Response),
    /// At that time. Not `counted` when the router's timeout cuts it, since that lies outside the metrics layer.
    Later {
        due: u64,
        response: Response,
        counted: bool,
        runs_guest: bool,
    },
}

/// A running node.
#[derive(Clone, Debug)]
pub struct Node {
    release: Arc<Release>,
    config: Arc<ServeConfig>,
    epoch_unix_us: i64,
    phase: Phase,
    metrics: Metrics,
    limiter: Limiter,
    functions: BTreeMap<String, FunctionRecord>,
    pending: BTreeMap<(u64, u64), Pending>,
    /// Numbers handed out: ids of functions and requests, and the order of requests due at the same time.
    sequence: u64,
    /// Percent points of failed invokes owed; at 100 one fails. Integer error diffusion: exact over any 100 in a row.
    error_debt: u32,
    next_dev_warning: Option<u64>,
    /// When `/metrics` dies, in microseconds.
    metrics_die_at: Option<u64>,
}

impl Node {
    /// Starts a node up to, not including, the bind of its socket. Of `state` it looks at nothing when
    /// [`Release::reads_state_directory`] is false.
    ///
    /// # Errors
    /// [`StartFailure`] when [`ServeConfig::preflight`] says no, or a state file cannot be read and the release ends then.
    pub fn start(
        release: impl Into<Arc<Release>>,
        config: ServeConfig,
        state: &StateDirectory,
        epoch_unix_us: i64,
        now: u64,
    ) -> Result<(Self, Vec<Output>), StartFailure> {
        let release = release.into();
        let unix_us = wall(epoch_unix_us, now);
        let mut lines = config.preflight(unix_us)?;
        let functions = state::load(&release, &config, state, unix_us, &mut lines)?;
        let mut warn = |message: &str| {
            lines.extend(config.log.line(unix_us, Level::Warn, "tensor_wasm_api::server", message));
        };
        if config.trusted_hosts.is_empty() {
            warn("Host headers are not validated; set TENSOR_WASM_API_TRUSTED_HOSTS");
        }
        if config.metrics_token.is_none() {
            warn("GET /metrics is unauthenticated; set TENSOR_WASM_API_METRICS_TOKEN");
        }
        let public = config.is_open_to_the_public();
        if public {
            warn(DEV_MODE_WARNING);
        }
        let die_at = |after_s: u32| now.saturating_add(u64::from(after_s) * 1_000_000);
        let metrics_die_at = release.metrics_die_after_s().map(die_at);
        let node = Self {
            release,
            config: Arc::new(config),
            epoch_unix_us,
            phase: Phase::Serving,
            metrics: Metrics::default(),
            limiter: Limiter::default(),
            functions,
            pending: BTreeMap::new(),
            sequence: 0,
            error_debt: 0,
            metrics_die_at,
            next_dev_warning: public.then(|| now.saturating_add(DEV_MODE_REPEAT_US)),
        };
        Ok((node, lines.into_iter().map(Output::Stdout).collect()))
    }

    /// Takes a request and answers it, now or at a later [`Node::wake`]. A node that has ended answers nothing.
    pub fn handle(&mut self, now: u64, id: RequestId, request: &Request) -> Vec<Output> {
        if self.phase == Phase::Ended {
            return Vec::new();
        }
        let respond = |response| vec![Output::Respond { request: id, response }];
        // Outside the metrics layer: none of these is counted anywhere (node-contract.md section 2).
        if !crate::auth::host_allowed(request, &self.config.trusted_hosts) {
            return respond(Response::error(400, "bad_request", "the Host header is not allowed").outside_cors());
        }
        match request.body {
            RequestBody::TooLarge => {
                return respond(Response::error(413, "body_too_large", "the request body is over 67108864 bytes"));
            }
            RequestBody::NotReceived => return respond(Response::empty(408)),
            RequestBody::Complete(_) => {}
        }
        if self.pending.len() >= IN_FLIGHT_MAX {
            return respond(Response::error(503, "capacity_exhausted", "too many requests in flight"));
        }
        let route = Route::of(request.path());
        let labels = (route.template(), route::method_label(&request.method));
        self.metrics.request_begun(labels.0, labels.1);
        let mut outputs = Vec::new();
        let traced = self.release.request_id_header && route.changes_state(&request.method);
        let mut answer = self.answer(now, &route, request, &mut outputs);
        if traced {
            let value = self.new_uuid(now, "request");
            let (Answer::Now(response) | Answer::Later { response, .. }) = &mut answer;
            response.headers.push(("x-request-id".to_owned(), value));
        }
        match answer {
            Answer::Now(response) => {
                self.metrics.request_ended(labels.0, labels.1, response.status, 0);
                outputs.push(Output::Respond { request: id, response });
            }
            Answer::Later { due, response, counted, runs_guest } => {
                self.sequence += 1;
                let pending = Pending { request: id, response, labels, begun: now, counted, runs_guest };
                self.pending.insert((due, self.sequence), pending);
            }
        }
        outputs
    }

    /// The time at which [`Node::wake`] has something to do; `None` when only inputs can change anything.
    #[must_use]
    pub fn next_wake(&self) -> Option<u64> {
        if self.phase == Phase::Ended {
            return None;
        }
        let due = self.pending.first_key_value().map(|((due, _), _)| *due);
        match (due, self.next_dev_warning) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Does what is due at `now`: late answers, repeated warnings, and the exit once the last request of a stopping node
    /// is answered.
    pub fn wake(&mut self, now: u64) -> Vec<Output> {
        let mut outputs = Vec::new();
        if self.phase == Phase::Ended {
            return outputs;
        }
        if self.next_dev_warning.is_some_and(|at| at <= now) {
            outputs.extend(self.log(now, Level::Warn, "tensor_wasm_api::server", DEV_MODE_WARNING));
            self.next_dev_warning = Some(now.saturating_add(DEV_MODE_REPEAT_US));
        }
        while let Some(entry) = self.pending.first_entry()
            && entry.key().0 <= now
        {
            let pending = entry.remove();
            self.settle(now, &pending, true);
            outputs.push(Output::Respond { request: pending.request, response: pending.response });
        }
        self.exit_when_idle(&mut outputs);
        outputs
    }

    /// The client of a request went away before its answer.
    pub fn cancel(&mut self, now: u64, request: RequestId) -> Vec<Output> {
        let mut outputs = Vec::new();
        let key = self.pending.iter().find(|(_, pending)| pending.request == request).map(|(key, _)| *key);
        if let Some(pending) = key.and_then(|key| self.pending.remove(&key)) {
            self.settle(now, &pending, false);
        }
        self.exit_when_idle(&mut outputs);
        outputs
    }

    /// SIGTERM, before it has any effect: what a release that ignores it says to it, and that was all. `None`: it counts,
    /// and [`Node::terminate`] is due.
    pub fn ignore_sigterm(&self, now: u64) -> Option<Vec<Output>> {
        let ignores = self.release.sigterm_ignored() && self.phase != Phase::Ended;
        ignores.then(|| self.log(now, Level::Warn, "tensor_wasm_api::server", SIGTERM_IGNORED).into_iter().collect())
    }

    /// SIGTERM that counts, or SIGINT: no new connections from now on; requests in flight get their answer; then exit 0.
    pub fn terminate(&mut self, _now: u64) -> Vec<Output> {
        let mut outputs = Vec::new();
        if self.phase == Phase::Serving {
            self.phase = Phase::Stopping;
            outputs.push(Output::StopAccepting);
            self.exit_when_idle(&mut outputs);
        }
        outputs
    }

    /// A state file could not be written. The functions live on in memory.
    pub fn state_write_failed(&mut self, now: u64, file: &str, reason: &str) -> Vec<Output> {
        let directory = &self.release.state.directory;
        let message =
            format!("snapshot not written, changes are lost at the next start: {reason} file={directory}/{file}");
        self.log(now, Level::Error, "tensor_wasm_core::snapshot", &message).into_iter().collect()
    }

    /// Whether a new connection would be accepted.
    #[must_use]
    pub fn accepts_connections(&self) -> bool {
        self.phase == Phase::Serving
    }

    /// Whether the process has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// Requests taken and not yet answered.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.pending.len()
    }

    /// The deployed functions, by id.
    #[must_use]
    pub fn functions(&self) -> &BTreeMap<String, FunctionRecord> {
        &self.functions
    }

    /// The release that runs.
    #[must_use]
    pub fn release(&self) -> &Release {
        &self.release
    }

    /// Books a late request out, as answered or as dropped by its client.
    fn settle(&mut self, now: u64, pending: &Pending, answered: bool) {
        let (route, method) = pending.labels;
        if answered && pending.counted {
            let duration = now.saturating_sub(pending.begun);
            self.metrics.request_ended(route, method, pending.response.status, duration);
        } else {
            self.metrics.request_dropped(route, method);
        }
        if pending.runs_guest {
            self.metrics.instance_terminated();
        }
    }

    fn exit_when_idle(&mut self, outputs: &mut Vec<Output>) {
        if self.phase == Phase::Stopping && self.pending.is_empty() {
            self.phase = Phase::Ended;
            outputs.push(Output::Exit { status: 0 });
        }
    }

    fn log(&self, now: u64, level: Level, target: &str, message: &str) -> Option<Output> {
        self.config.log.line(wall(self.epoch_unix_us, now), level, target, message).map(Output::Stdout)
    }
}

/// Said at the start of an open node on a public address, and again every minute.
const DEV_MODE_WARNING: &str = "development mode on a public address: anybody can deploy and invoke functions";

/// Said to each SIGTERM by a release that ignores it.
const SIGTERM_IGNORED: &str = "SIGTERM received and ignored";

/// The wall clock at `now`, in microseconds since 1970.
fn wall(epoch_unix_us: i64, now: u64) -> i64 {
    epoch_unix_us.saturating_add_unsigned(now)
}
