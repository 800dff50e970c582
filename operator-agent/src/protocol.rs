//! What the harness and the agent say to each other: JSON lines over the agent's stdin (requests) and stdout (reports).
//!
//! All times are microseconds on the agent's monotonic clock, 0 when the agent began.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use crate::monitoring::{
    AlertState, Firing, Graph, Monitoring, PastAlert, PastSeries, Point, Scrape, Stretch, TwoPoints,
};

/// An invoke that is answered later than this is slow, microseconds: the service level of invokes on a node without a GPU,
/// P95 within 100 ms (node-contract.md section 8).
pub const SLOW_US: u64 = 100_000;

/// Whether a count is left out.
fn is_none_of_them(count: &u64) -> bool {
    *count == 0
}

/// What many drills ask for alike is not copied for each; written, it is the value.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize, S: Serializer>(value: &Arc<T>, to: S) -> Result<S::Ok, S::Error> {
        value.as_ref().serialize(to)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Arc<T>, D::Error> {
        T::deserialize(from).map(Arc::new)
    }
}

/// A request; the agent answers those that say so with one [`Report`], and reports other things as they happen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Begin: always the first. Answered with `Hello`.
    Begin {
        /// What to watch and whom to talk to.
        setup: Box<Setup>,
    },
    /// Open a new shell for the operator; the old one must be gone. Answered with `ShellOpened`.
    OpenShell {
        /// Folder; `None` is the operator's home.
        folder: Option<String>,
    },
    /// Evaluate one command in the open shell. Answered with `CommandEnded` or `ShellEnded` when it is over.
    Run {
        /// The command's bytes.
        text: String,
    },
    /// Kill the shell and all processes of its session. Answered with `ShellKilled`.
    KillShell,
    /// Evaluate a command of the harness itself as root, outside the operator's shell. Answered with `RootRan`.
    RunAsRoot {
        /// Shell text.
        text: String,
        /// Ceiling in milliseconds.
        timeout_ms: u64,
    },
    /// Deploy a function for each tenant and send requests through the balancer from now on. Answered with `TrafficStarted`.
    StartTraffic {
        /// Requests a second over all tenants, open loop.
        per_second: u64,
        /// Tenant ids; requests take turns.
        tenants: Vec<u64>,
        /// Of these: tenants whose clients call an export that traps.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        trapping: Vec<u64>,
    },
    /// Give the machine a rules engine, fill it with the node's past, start it, and look at it from then on: `AlertsSeen`.
    /// Answered with `MonitoringStarted` or `MonitoringFailed`.
    StartMonitoring {
        /// What it is to be.
        #[serde(with = "shared")]
        monitoring: Arc<Monitoring>,
    },
    /// Ask the notifier which alerts fire, and the rules engine for what the graphs of these show. Answered with `FiringSeen`.
    SeeFiring {
        /// By the names of rules; those of alerts that do not fire are not looked at.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        graphs: BTreeMap<String, Graph>,
    },
    /// Send one invoke that the node holds for this long; answered with `InvokeHeld` once the node has it in hand,
    /// or none could be held. One that is in flight then is later told of by `HeldInvokeEnded`, whatever becomes of it.
    HoldInvoke {
        /// Milliseconds.
        hold_ms: u64,
    },
    /// Stop sending; answered with `TrafficStopped` when nothing is in flight.
    StopTraffic,
    /// Measure /healthz and the balancer's control address in turn. Answered with `HealthMeasured`.
    MeasureHealth {
        /// Probes of each.
        probes: u32,
        /// Pause between two probes, milliseconds.
        pause_ms: u64,
    },
    /// Fetch /metrics twice with invokes in between. Answered with `MetricsFetched`.
    FetchMetricsTwice {
        /// From the end of the first to the beginning of the second, milliseconds.
        apart_ms: u64,
        /// Invokes that the agent itself sends in between.
        invokes: u32,
    },
    /// Look at processes, listeners and supervisor. Answered with `MachineSeen`.
    SeeMachine,
    /// Read the files that the operator has changed. Answered with `RecordsSeen`.
    SeeRecords {
        /// Since then, on the agent's clock.
        since_us: u64,
    },
    /// Ask the balancer for /healthz as a client would. Answered with `UpstreamSeen`.
    SeeUpstream,
    /// Read one file. Answered with `FileRead`.
    ReadFile {
        /// Absolute path.
        path: String,
    },
    /// List the paths that match a shell glob. Answered with `Globbed`.
    Glob {
        /// Such as `/tmp/a-*.json`.
        pattern: String,
    },
    /// Answered with `Synced` after everything that was asked before it; for ordering.
    Sync {
        /// Comes back.
        token: u64,
    },
}

/// What the agent needs to know of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// The operator's user name.
    pub operator: String,
    /// The node's port on this machine.
    pub node_port: u16,
    /// Base URL of the node, such as `http://127.0.0.1:8080`.
    pub node_url: String,
    /// Base URL of the balancer, through which traffic goes.
    pub balancer_url: String,
    /// The balancer's own answer, behind no node (HAProxy's monitor-uri).
    pub control_url: String,
    /// Unix socket of the balancer's administrative interface.
    pub balancer_socket: String,
    /// `backend/server` of the node there.
    pub balancer_server: String,
    /// Address of the pager's listener, such as `127.0.0.1:9099`.
    pub pager_listen: String,
    /// Bearer token for invokes, if the node wants one.
    pub token: Option<String>,
    /// SHA-256 (lower-case hex) of each release's executable, and its version.
    pub releases: BTreeMap<String, String>,
    /// Root command that prints the supervisor's state of the node.
    pub supervisor: String,
    /// Pause between two probes of /healthz, milliseconds.
    pub probe_pause_ms: u64,
}

/// What a request for HTTP came to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeOutcome {
    /// An HTTP status.
    Status(u16),
    /// Nobody listens.
    Refused,
    /// The connection broke before a whole answer.
    Reset,
    /// No whole answer in time.
    TimedOut,
    /// An answer that is not HTTP, or larger than the ceiling.
    Garbage(String),
}

impl ProbeOutcome {
    /// One word, as in a History's traffic counts.
    pub fn word(&self) -> String {
        match self {
            ProbeOutcome::Status(status) => status.to_string(),
            ProbeOutcome::Refused => "refused".into(),
            ProbeOutcome::Reset => "reset".into(),
            ProbeOutcome::TimedOut => "timed-out".into(),
            ProbeOutcome::Garbage(_) => "garbage".into(),
        }
    }

    /// Whether it is a 200.
    pub fn is_ok(&self) -> bool {
        matches!(self, ProbeOutcome::Status(200))
    }
}

/// One timed request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// What it came to.
    pub outcome: ProbeOutcome,
    /// Connection, request and whole answer, microseconds.
    pub latency_us: u64,
}

impl Sample {
    /// Whether it was answered, but after more than [`SLOW_US`].
    pub fn is_slow(&self) -> bool {
        matches!(self.outcome, ProbeOutcome::Status(_)) && self.latency_us > SLOW_US
    }
}

/// A process whose executable is one of the releases', or listens on the node's port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeProcess {
    /// Process id on the operator host.
    pub pid: u32,
    /// Where its executable lies.
    pub executable: String,
    /// SHA-256 of the executable's bytes, lower-case hex.
    pub sha256: String,
    /// The release with that SHA-256, if any.
    pub version: Option<String>,
}

/// A listening TCP socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// Port.
    pub port: u16,
    /// The process that holds it, if one was found.
    pub process: Option<NodeProcess>,
}

/// The machine as seen from outside the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineState {
    /// Node processes.
    pub processes: Vec<NodeProcess>,
    /// Listeners on the node's port.
    pub listeners: Vec<Listener>,
    /// What the supervisor command printed.
    pub supervisor: String,
    /// Its exit status: 0, else it could not tell; 124 where it was ended at its ceiling.
    pub supervisor_exit: i32,
}

/// A file that belongs to the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorFile {
    /// Absolute path.
    pub path: String,
    /// File system type by `stat -f`, such as `overlayfs` or `tmpfs`.
    pub file_system: String,
    /// Last change, microseconds on the agent's clock; negative values are clamped to 0.
    pub modified_us: u64,
    /// The first 4 KiB, not UTF-8 replaced.
    pub text: String,
    /// Whether git tracks it: part of what is deployed, and no note of anybody's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tracked: bool,
}

/// A finished command as the shell tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandReport {
    /// `$?`; for a shell that ended, its own status.
    pub exit: i32,
    /// `PIPESTATUS`; empty when the shell ended with the command.
    pub pipe: Vec<i32>,
    /// stdout and stderr as they came, bounded, not UTF-8 replaced.
    pub output: String,
    /// Bytes in all.
    pub output_bytes: u64,
    /// Of a simulated host: a program wrote into the output whose words are the simulator's own and only mean what the real
    /// one's mean.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own_words: bool,
    /// Handed over.
    pub began_us: u64,
    /// Over.
    pub ended_us: u64,
}

/// What the agent says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Microseconds on the agent's clock.
    pub at_us: u64,
    /// What.
    pub what: Happened,
}

/// Reports by kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Happened {
    /// The agent is ready and watches.
    Hello,
    /// The shell is ready.
    ShellOpened,
    /// The command that was handed over last is over.
    CommandEnded {
        /// How.
        report: CommandReport,
    },
    /// The shell ended in the command that was handed over last.
    ShellEnded {
        /// How.
        report: CommandReport,
    },
    /// The shell's session was killed.
    ShellKilled {
        /// Whether no process of it is left.
        gone: bool,
        /// What the command in hand had written.
        output: String,
        /// When the command in hand was handed over, if one was.
        began_us: Option<u64>,
    },
    /// The command in hand wrote more than the agent's ceiling.
    OutputLimit {
        /// Bytes.
        limit: u64,
    },
    /// A command of the harness is over.
    RootRan {
        /// Exit status; 124 for one that was killed at its ceiling.
        exit: i32,
        /// stdout and stderr, bounded.
        output: String,
        /// Bytes in all.
        output_bytes: u64,
    },
    /// Functions are deployed, requests go out.
    TrafficStarted,
    /// Traffic could not be started.
    TrafficFailed {
        /// Why.
        why: String,
    },
    /// Nothing is sent any more.
    TrafficStopped,
    /// One second of traffic; outcomes are counted in the second in which the request was sent.
    Traffic {
        /// Which second of the agent's clock.
        second: u64,
        /// Count by outcome.
        outcomes: BTreeMap<String, u64>,
        /// Of these: answered, but after more than [`SLOW_US`].
        #[serde(default, skip_serializing_if = "is_none_of_them")]
        slow: u64,
    },
    /// The rules engine has evaluated its rules at least once and scrapes the node.
    MonitoringStarted,
    /// There is no rules engine.
    MonitoringFailed {
        /// Why.
        why: String,
    },
    /// What the rules engine says: told when an alert's state or the scraping is another than when it was told last, and with
    /// the first look of each second of the agent's clock.
    AlertsSeen {
        /// Alerts by the names of their rules.
        alerts: BTreeMap<String, AlertState>,
        /// Readings by name; `None`: no sample, or one that is not a number.
        readings: BTreeMap<String, Option<f64>>,
        /// How the scraping goes.
        scrape: Scrape,
    },
    /// The rules engine does not say what its alerts are, where it did before. Told once until it does again.
    AlertsUnseen {
        /// What was asked, and what came of it.
        why: String,
    },
    /// The alerts that fire as the notifier has them, by the names of their rules.
    FiringSeen {
        /// Each of them.
        firing: BTreeMap<String, Firing>,
        /// What the graphs showed that were asked for, of those.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        graphs: BTreeMap<String, TwoPoints>,
        /// Why it cannot be told, if it cannot.
        failure: Option<String>,
    },
    /// The notifier told a receiver of an alert.
    Notified {
        /// Name of the rule.
        alert: String,
        /// Its incident key: the notifier's group key. Each alert has one of its own.
        key: String,
        /// It fires no more.
        resolved: bool,
    },
    /// An invoke to be held was sent.
    InvokeHeld {
        /// Whether one is in flight: false where each that was sent was over at once.
        in_flight: bool,
        /// Whether the node's gauge showed it in hand within a second.
        in_hand: bool,
    },
    /// What a client of the balancer gets.
    UpstreamSeen {
        /// What.
        outcome: ProbeOutcome,
        /// The Retry-After header, if any.
        retry_after: Option<String>,
    },
    /// The held invoke is over.
    HeldInvokeEnded {
        /// As traffic outcomes.
        outcome: String,
        /// Sent.
        began_us: u64,
        /// Answered or failed.
        ended_us: u64,
    },
    /// The probe of /healthz saw another outcome than before.
    ProbeChanged {
        /// What.
        sample: Sample,
    },
    /// The balancer's state of the node changed.
    BalancerChanged {
        /// Whether new requests go to the node.
        in_rotation: bool,
        /// Its own word.
        state: String,
    },
    /// A node process appeared.
    NodeStarted {
        /// The process.
        process: NodeProcess,
    },
    /// A node process is gone.
    NodeExited {
        /// Its id.
        pid: u32,
    },
    /// Who listens on the node's port changed.
    ListenersChanged {
        /// All that listen now.
        listeners: Vec<Listener>,
    },
    /// A page was delivered.
    Paged {
        /// Who got it, such as `on-call-lead`.
        to: String,
        /// The page.
        page: Page,
    },
    /// Both series of a health measurement.
    HealthMeasured {
        /// /healthz.
        probes: Vec<Sample>,
        /// The balancer's control address.
        control: Vec<Sample>,
    },
    /// Both fetches.
    MetricsFetched {
        /// Body.
        first: String,
        /// Body.
        second: String,
        /// Why a body is missing.
        failure: Option<String>,
        /// Invokes certainly handled between the fetches.
        invokes_least: u64,
        /// Invokes that can have been handled between them.
        invokes_most: u64,
        /// Requests certainly answered by the node between them.
        requests_least: u64,
    },
    /// The machine.
    MachineSeen {
        /// Processes, listeners, supervisor.
        machine: MachineState,
        /// What the node's /healthz answers now.
        healthz: ProbeOutcome,
        /// The version in build_info, if /metrics answers.
        build_info: Option<String>,
    },
    /// Files of the operator.
    RecordsSeen {
        /// The version in build_info, if /metrics answers.
        running_version: Option<String>,
        /// The files.
        files: Vec<OperatorFile>,
    },
    /// A file, or why not. Bytes are base64-free: not UTF-8 is replaced, since captures are text.
    FileRead {
        /// The text, bounded.
        text: Option<String>,
        /// Bytes in all.
        bytes: u64,
        /// Why not.
        failure: Option<String>,
    },
    /// Paths.
    Globbed {
        /// Sorted.
        paths: Vec<String>,
    },
    /// Everything that was asked before is answered.
    Synced {
        /// As asked.
        token: u64,
    },
    /// The agent cannot do what was asked, or goes on without something: said, never hidden.
    Trouble {
        /// What and why.
        message: String,
    },
}

/// A page as delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Incident key.
    pub key: String,
    /// Such as `sev-1`.
    pub severity: String,
    /// Why.
    pub reason: String,
    /// What shows it.
    pub evidence: String,
}
