//! The events of a History: what the driver saw, in order, and nothing that was concluded from it.
//!
//! Times are microseconds since the operator host's agent began, on one monotonic clock.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::procedure::StaticFinding;
use crate::procedure::{Class, Origin};
use crate::runbook::claims::Claims;
use crate::scenario::{Expectation, FaultUse, Moment, Operator};

pub use super::alerts::{PlannedAlerts, PlannedCondition, PlannedSli};
pub use super::decision::{AlertSeen, BudgetSeen, Call, ConditionSeen, Decision, DeploySeen, Holds, LiveAlerts, Seen};
pub use operator_agent::pager::ON_CALL_LEAD;
pub use operator_agent::protocol::{
    AlertState, Firing, Listener, MachineState, NodeProcess, OperatorFile, ProbeOutcome, Sample, Scrape,
};

/// Version of this format; a History of another is refused.
pub const SCHEMA: u32 = 2;

/// Whether a count is left out.
fn is_none_of_them(count: &u64) -> bool {
    *count == 0
}

/// One numbered line of `history.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// 1, 2, 3, … without gaps: a missing number is a cut.
    pub n: u64,
    /// Microseconds since the agent began; never smaller than the one before.
    pub at_us: u64,
    /// What happened.
    pub what: What,
}

/// What a drill is about to do: all that a judge needs to know apart from what happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Version of the harness.
    pub harness: String,
    /// A 64-bit number, as text.
    pub seed: String,
    /// SHA-256 of everything that decides the drill.
    pub id: String,
    /// Name.
    pub scenario: String,
    /// Id.
    pub topology: String,
    /// `container` or `sim`.
    pub host: String,
    /// `documented` or `shipped`.
    pub profile: String,
    /// Who is at the keyboard.
    pub operator: Operator,
    /// The alert or runbook that led here.
    pub trigger: String,
    /// The document under test.
    pub runbook: Source,
    /// Its binding.
    pub binding: Source,
    /// The release to roll back to.
    pub good: PlannedRelease,
    /// The release to leave.
    pub bad: PlannedRelease,
    /// Criteria that the verdict rests on.
    pub criteria: Vec<String>,
    /// Declared faults, parameters filled in.
    pub faults: Vec<FaultUse>,
    /// What the prose promises.
    pub claims: Claims,
    /// Verification points: criterion id and line.
    pub verification: Vec<(String, u32)>,
    /// How the drill is expected to end, if the scenario says it.
    pub expected: Option<Expectation>,
    /// Whether `inconclusive` may be expected.
    pub canary: bool,
    /// Defects of the text that show without running it.
    pub static_findings: Vec<StaticFinding>,
    /// Lines of the supervisor's answer that mean "runs, or is due to run again" (topology file).
    pub supervisor_alive: Vec<String>,
    /// The node's TCP port.
    pub port: u16,
    /// Postmortem items, by id, with the runbook's line.
    pub requirements: Vec<(String, u32)>,
    /// Topologies whose section in the same runbook fetches before it stops anything, with the line of that command.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fetches_first: Vec<(String, u32)>,
    /// Alerts and service levels; `None` where the drill has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<PlannedAlerts>,
}

impl Plan {
    /// The incident key of what the failure path pages, by which its delivery is told from all others.
    pub fn incident_key(&self) -> String {
        format!("rollback-{}-{}", self.bad.version, self.good.version)
    }
}

/// A document and its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// As given.
    pub path: String,
    /// Lower-case hex.
    pub sha256: String,
}

/// A release as installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedRelease {
    /// Semantic version without `v`.
    pub version: String,
    /// SHA-256 of its executable, lower-case hex.
    pub executable_sha256: String,
    /// Digest of the manifest (`sha256:` and lower-case hex) that the host's registry held for the release's tag when it
    /// was published; `None` where the topology runs no images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
}

impl PlannedRelease {
    /// The tag of its image and its git tag: `v` and the version.
    pub fn tag(&self) -> String {
        format!("v{}", self.version)
    }
}

/// Part of a drill in which one shell carries out commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Block {
    /// What the runbook wants to be made sure of before its first step.
    Prerequisites,
    /// The topology's section.
    Procedure,
    /// The verification list.
    Verification,
    /// What to do if the rollback fails.
    FailurePath,
    /// Postmortem captures.
    Postmortem,
}

/// How a block ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockEnd {
    /// All its commands were run.
    Completed,
    /// `careful` left it after a failed command.
    Left,
    /// The shell ended in it (`exit`, `set -e`).
    ShellEnded,
    /// It was killed.
    Killed,
}

/// Why a command or block was killed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KillReason {
    /// The topology's ceiling for a command (careful) or a block (paste), in milliseconds.
    Ceiling {
        /// The ceiling.
        ms: u64,
    },
    /// The runbook's claim (60 s) ran out without a 200.
    ClaimNotMet {
        /// The claim.
        ms: u64,
    },
    /// A limit of the harness itself: the drill is inconclusive.
    HarnessLimit {
        /// Which, and its value.
        limit: String,
    },
}

/// Which command an event is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandRef {
    /// Step id: `A1`, `V3`, `F2`, `P1`.
    pub step: String,
    /// 0-based within the drill: the n-th command that was begun.
    pub run: u32,
}

fn on_call_lead() -> String {
    ON_CALL_LEAD.to_owned()
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum What {
    /// Always the first.
    DrillBegan {
        /// What is about to be done.
        plan: Box<Plan>,
    },
    /// The operator host answers and the bad release serves through the balancer.
    HostUp {
        /// Container name, or the simulator's.
        name: String,
        /// Creation to the first answer of the bad release through the balancer, milliseconds.
        create_to_answer_ms: u64,
    },
    /// A fault was brought about. Not evidence that it bit.
    FaultApplied {
        /// Id.
        fault: String,
        /// How, for a person.
        how: String,
        /// When, where it was not there from the beginning of the drill on: it is brought about from here on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<Moment>,
    },
    /// The incident shows, or does not, in the traffic.
    RedFirst {
        /// Requests answered, refused or timed out in the window.
        requests: u64,
        /// Of these: answered with 5xx.
        server_errors: u64,
        /// Of these: answered late. Given where the alert that led here watches latencies: there it counts as 5xx do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        slow: Option<u64>,
        /// Share of 5xx, or of late answers, in percent from which the incident counts as shown.
        wanted_percent: u64,
        /// Whether it was reached in time.
        met: bool,
    },
    /// The machine has a rules engine from here on.
    MonitoringBegan,
    /// Whether the alert that led here fires before anything is done.
    AlertFirst {
        /// Name of the rule.
        alert: String,
        /// What it is.
        state: AlertState,
        /// Whether it fires.
        met: bool,
    },
    /// What the rules engine says, where that is news, and at least once a second.
    AlertsSeen {
        /// Alerts by the names of their rules.
        alerts: BTreeMap<String, AlertState>,
        /// Readings by name; `None`: no sample, or one that is not a number.
        readings: BTreeMap<String, Option<f64>>,
        /// How the scraping of the node goes.
        scrape: Scrape,
    },
    /// From here on nobody sees what the alerts are, until the rules engine is seen again.
    AlertsUnseen {
        /// What was asked of it, and what came of that.
        why: String,
    },
    /// The notifier told a receiver of an alert.
    Notified {
        /// Name of the rule.
        alert: String,
        /// Its incident key, the notifier's group key; empty in a History from before it was kept.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        key: String,
        /// It fires no more.
        resolved: bool,
    },
    /// How long a verification point was watched.
    Watched {
        /// Its criterion.
        criterion: String,
        /// From here, on the agent's clock.
        from_us: u64,
        /// To here.
        until_us: u64,
    },
    /// What the runbook's own conditions for a rollback come to, with what the operator knows.
    Decided {
        /// The decision.
        decision: Box<Decision>,
    },
    /// One of the runbook's prerequisites was confirmed, or was not met.
    Prerequisite {
        /// 1-based line of the runbook.
        line: u32,
        /// The runbook's words.
        quote: String,
        /// What was found in place of it; `None` where it is met.
        unmet: Option<String>,
    },
    /// The decision or a prerequisite said no: the runbook's procedure is not begun.
    Declined {
        /// `decision` or `prerequisite`.
        by: String,
        /// The words of the runbook, and what was found.
        why: String,
    },
    /// A shell was opened for a block.
    BlockBegan {
        /// Which.
        block: Block,
    },
    /// A command was handed to the shell.
    CommandBegan {
        /// Which.
        command: CommandRef,
        /// Line of the runbook.
        line: u32,
        /// Its classes.
        classes: Vec<Class>,
        /// As it ran.
        text: String,
        /// Literal, supplied or borrowed.
        origin: Origin,
        /// What its output has to be, if the text says so.
        should_print: Option<String>,
        /// The criterion it checks, for verification commands.
        criterion: Option<String>,
    },
    /// A command ended by itself.
    CommandEnded {
        /// Which.
        command: CommandRef,
        /// Its own exit status (`$?`).
        exit: i32,
        /// Status of each part of its outermost pipeline.
        pipe: Vec<i32>,
        /// stdout and stderr as they came, bounded, not UTF-8 replaced.
        output: String,
        /// Bytes it wrote in all.
        output_bytes: u64,
        /// A simulated docker, systemctl or the like wrote into the output: its words are the simulator's own.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        own_words: bool,
        /// Handed over, on the agent's clock.
        began_us: u64,
        /// Ended, on the agent's clock.
        ended_us: u64,
        /// The shell ended with it (`exit`, `set -e`).
        shell_ended: bool,
    },
    /// A command was killed with its whole process group.
    CommandKilled {
        /// Which.
        command: CommandRef,
        /// Why.
        why: KillReason,
        /// As for an ended command.
        output: String,
        /// Handed over, on the agent's clock.
        began_us: u64,
        /// Whether no process of the shell's session is left.
        gone: bool,
    },
    /// A block is over.
    BlockEnded {
        /// Which.
        block: Block,
        /// How.
        how: BlockEnd,
    },
    /// The harness's own probe of /healthz saw another outcome than before.
    ProbeChanged {
        /// What it saw.
        outcome: ProbeOutcome,
        /// How long the answer took, microseconds.
        latency_us: u64,
    },
    /// Whether a 200 was seen within the claim, after the first start-class command had ended.
    ReadyClaim {
        /// Whether.
        met: bool,
        /// From the beginning of the first start-class command to that 200, or to giving up, milliseconds.
        after_ms: u64,
        /// `probe` or `wait`.
        seen_by: String,
    },
    /// Requests sent through the balancer in one second of the agent's clock.
    Traffic {
        /// Which second.
        second: u64,
        /// Count by outcome: `200`, `503`, `refused`, `reset`, `timed-out`, …
        outcomes: BTreeMap<String, u64>,
        /// Of these: answered, but after more than [`operator_agent::protocol::SLOW_US`].
        #[serde(default, skip_serializing_if = "is_none_of_them")]
        slow: u64,
    },
    /// The balancer's administrative state of the node changed.
    BalancerChanged {
        /// Whether new requests go to the node.
        in_rotation: bool,
        /// The balancer's own word.
        state: String,
    },
    /// A process of a release's executable appeared.
    NodeStarted {
        /// The process.
        process: NodeProcess,
    },
    /// Such a process is gone.
    NodeExited {
        /// Its id.
        pid: u32,
    },
    /// Who listens on the node's port changed.
    ListenersChanged {
        /// All that listen now.
        listeners: Vec<Listener>,
    },
    /// An invoke was sent for the stop to meet it, right before traffic is taken away.
    InvokeHeld {
        /// Whether one is in flight; false where each that was sent was over at once, so that no `HeldInvoke` follows.
        in_flight: bool,
    },
    /// The 2 s invoke that was in flight when the node was stopped.
    HeldInvoke {
        /// As traffic outcomes.
        outcome: String,
        /// Sent, on the agent's clock.
        began_us: u64,
        /// Answered or failed, on the agent's clock.
        ended_us: u64,
    },
    /// Files that the operator has written when the first stop-class command is about to begin.
    RecordsSeen {
        /// What /metrics' build_info says runs, if it answers.
        running_version: Option<String>,
        /// The files, with their first 4 KiB.
        files: Vec<OperatorFile>,
    },
    /// Latencies of /healthz and, interleaved, of the balancer's own control address.
    HealthWindow {
        /// /healthz.
        probes: Vec<Sample>,
        /// monitor-uri.
        control: Vec<Sample>,
    },
    /// Two fetches of /metrics, and what was sent between them.
    MetricsPair {
        /// Body of the first; empty with a reason if there is none.
        first: String,
        /// Body of the second.
        second: String,
        /// Why a body is missing.
        failure: Option<String>,
        /// Invokes that were certainly handled between the fetches (sent after the first, answered 200 before the second).
        invokes_least: u64,
        /// Invokes that can have been handled between them.
        invokes_most: u64,
        /// All requests certainly answered by the node between them, probes included.
        requests_least: u64,
    },
    /// The machine as seen from outside the node.
    MachineSeen {
        /// `before`, `verification`, `given-up`, `stopped`, `hold-began`, `hold-ended`, `end`.
        moment: String,
        /// Processes, listeners, supervisor.
        machine: MachineState,
        /// What `/healthz` on the node's port answers.
        healthz: ProbeOutcome,
        /// The version in build_info, if /metrics answers.
        build_info: Option<String>,
    },
    /// What the failure path's journal command was read as.
    Diagnosed {
        /// The words that were found, if the cause is incompatible state.
        incompatible_state: Option<String>,
    },
    /// A page was delivered to somebody. Of alerts the notifier tells, which is `Notified`.
    Paged {
        /// Who got it. Before it was kept there was nobody else.
        #[serde(default = "on_call_lead")]
        to: String,
        /// Incident key.
        key: String,
        /// Such as `sev-1`.
        severity: String,
        /// Why.
        reason: String,
        /// What shows it.
        evidence: String,
    },
    /// What upstream answers in place of the node once it is offline.
    MaintenanceSeen {
        /// As traffic outcomes.
        outcome: String,
        /// The Retry-After header, if any.
        retry_after: Option<String>,
    },
    /// The operator declared the incident over.
    DeclaredOver,
    /// A postmortem item is in the bundle.
    Captured {
        /// Requirement id, or a name of the harness's own.
        item: String,
        /// Path in the bundle.
        file: String,
        /// Bytes.
        bytes: u64,
    },
    /// A postmortem item is not in the bundle.
    Missing {
        /// Requirement id.
        item: String,
        /// Why.
        why: String,
        /// Whether the runbook never makes this capture on this topology (a finding).
        never_made: bool,
    },
    /// The bundle's files were searched for planted secrets.
    SecretsScanned {
        /// Files read.
        files: u64,
        /// Files that hold a secret.
        hits: Vec<String>,
    },
    /// A limit of the harness ended the drill.
    LimitReached {
        /// Which, and its value.
        limit: String,
    },
    /// Always the last; without it the History is cut.
    DrillEnded {
        /// Number of events, this one included.
        events: u64,
    },
}
