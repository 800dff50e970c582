//! Made-up Histories for tests, whole and plausible: a recovery, one with a slow /healthz, one with alerts, an
//! offline and a given-up ending, and one that the decision keeps from beginning. Their commands are words, because no
//! command of a procedure stands in code.

use std::collections::BTreeMap;

use crate::history::event::{
    CommandRef, Event, Listener, MachineState, NodeProcess, ON_CALL_LEAD, Plan, PlannedRelease, ProbeOutcome, SCHEMA,
    Source, What,
};
use crate::history::read::History;
use crate::procedure::{Class, Origin, StaticFinding};
use crate::runbook::claims::{Claim, Claims, Range};
use crate::scenario::{Expectation, FaultUse, Operator, Role};
use crate::verdict::Verdict;

mod alerted;
mod drills;

pub use alerted::{ALERT, CLEARS_MS, EVER_MS, Seen, WATCHED_MS, alerted};
pub use drills::{confirmed, given_up, left_alone, offline, recovered, slow};

/// A History under construction: times and events, numbered when it is done.
#[derive(Debug, Clone)]
pub struct Sample {
    events: Vec<(u64, What)>,
}

/// The word under which a test finds an event: the moment of a look at the machine, else the event's kind.
fn key(what: &What) -> String {
    if let What::MachineSeen { moment, .. } = what {
        return moment.clone();
    }
    let value = serde_json::to_value(what).unwrap_or_default();
    value.get("kind").and_then(|kind| kind.as_str()).unwrap_or_default().to_owned()
}

fn command_of(what: &What) -> Option<&CommandRef> {
    match what {
        What::CommandBegan { command, .. }
        | What::CommandEnded { command, .. }
        | What::CommandKilled { command, .. } => Some(command),
        _ => None,
    }
}

impl Sample {
    /// Numbers the events and sets the count that the last one tells.
    pub fn history(self) -> History {
        let count = self.events.len() as u64;
        let number = |(index, (at_us, mut what)): (usize, (u64, What))| {
            if let What::DrillEnded { events } = &mut what {
                *events = count;
            }
            Event { n: index as u64 + 1, at_us, what }
        };
        History::of(self.events.into_iter().enumerate().map(number).collect())
    }

    /// Changes every event with this key.
    pub fn edit(mut self, wanted: &str, edit: impl Fn(&mut What)) -> Sample {
        self.events.iter_mut().filter(|(_, what)| key(what) == wanted).for_each(|(_, what)| edit(what));
        self
    }

    /// Changes the plan.
    pub fn edit_plan(self, edit: impl Fn(&mut Plan)) -> Sample {
        self.edit("drill-began", |what| {
            if let What::DrillBegan { plan } = what {
                edit(plan);
            }
        })
    }

    /// Changes what every look at the machine saw, by its moment.
    pub fn edit_looks(mut self, edit: impl Fn(&str, &mut MachineState)) -> Sample {
        for (_, what) in &mut self.events {
            if let What::MachineSeen { moment, machine, .. } = what {
                edit(moment, machine);
            }
        }
        self
    }

    /// Changes the events of every command of a step.
    pub fn edit_command(mut self, step: &str, edit: impl Fn(&mut What)) -> Sample {
        let of_step = |what: &What| command_of(what).is_some_and(|command| command.step == step);
        self.events.iter_mut().filter(|(_, what)| of_step(what)).for_each(|(_, what)| edit(what));
        self
    }

    /// Changes the events of the nth command of a step, counted from 0.
    pub fn edit_nth_command(mut self, step: &str, nth: usize, edit: impl Fn(&mut What)) -> Sample {
        let run = self.run(step, nth);
        let of_run = |what: &What| command_of(what).is_some_and(|command| Some(command.run) == run);
        self.events.iter_mut().filter(|(_, what)| of_run(what)).for_each(|(_, what)| edit(what));
        self
    }

    /// Leaves out every command of a step.
    pub fn without_command(self, step: &str) -> Sample {
        self.without(|what| command_of(what).is_some_and(|command| command.step == step))
    }

    /// Leaves out the nth command of a step, counted from 0.
    pub fn without_nth_command(self, step: &str, nth: usize) -> Sample {
        let run = self.run(step, nth);
        self.without(|what| command_of(what).is_some_and(|command| Some(command.run) == run))
    }

    fn run(&self, step: &str, nth: usize) -> Option<u32> {
        let began = self.events.iter().filter_map(|(_, what)| match what {
            What::CommandBegan { command, .. } if command.step == step => Some(command.run),
            _ => None,
        });
        began.into_iter().nth(nth)
    }

    /// Leaves out events.
    pub fn without(mut self, unwanted: impl Fn(&What) -> bool) -> Sample {
        self.events.retain(|(_, what)| !unwanted(what));
        self
    }

    /// Puts others in the place of the first such event, and leaves out the rest of them.
    pub fn replace(mut self, unwanted: impl Fn(&What) -> bool, others: Vec<What>) -> Sample {
        if let Some(index) = self.events.iter().position(|(_, what)| unwanted(what)) {
            let at_us = self.events.get(index).map_or(0, |(at_us, _)| *at_us);
            self.events.retain(|(_, what)| !unwanted(what));
            self.events.splice(index..index, others.into_iter().map(|what| (at_us, what)));
        }
        self
    }

    /// Adds an event after the first one with this key, at the same time.
    pub fn after(mut self, wanted: &str, what: What) -> Sample {
        if let Some(index) = self.events.iter().position(|(_, what)| key(what) == wanted) {
            let at_us = self.events.get(index).map_or(0, |(at_us, _)| *at_us);
            self.events.insert(index + 1, (at_us, what));
        }
        self
    }

    fn add(&mut self, at_ms: u64, what: What) {
        self.events.push((at_ms * 1000, what));
    }

    /// A command that takes 10 ms and ends as `outcome` says: status, parts, output.
    fn run_command(&mut self, at_ms: u64, spec: Spec<'_>, outcome: (i32, &[i32], &str)) {
        let run = self.events.iter().filter(|(_, what)| matches!(what, What::CommandBegan { .. })).count();
        let command = CommandRef { step: spec.0.into(), run: u32::try_from(run).unwrap_or(u32::MAX) };
        let (criterion, should_print) = match spec.0 {
            "V1" => (Some("version"), Some("v0.3.8")),
            "V2" => (Some("health"), None),
            "V3" => (Some("metrics"), None),
            _ => (None, None),
        };
        self.add(
            at_ms,
            What::CommandBegan {
                command: command.clone(),
                line: spec.1,
                classes: spec.2.to_vec(),
                text: spec.3.into(),
                origin: spec.4,
                should_print: should_print.map(str::to_owned),
                criterion: criterion.map(str::to_owned),
            },
        );
        self.add(
            at_ms + 10,
            What::CommandEnded {
                command,
                exit: outcome.0,
                pipe: outcome.1.to_vec(),
                output: outcome.2.into(),
                output_bytes: outcome.2.len() as u64,
                own_words: false,
                began_us: at_ms * 1000,
                ended_us: (at_ms + 10) * 1000,
                shell_ended: false,
            },
        );
    }
}

/// Step, line, classes, text, origin.
type Spec<'s> = (&'s str, u32, &'s [Class], &'s str, Origin);

fn claim<T>(value: T, line: u32) -> Claim<T> {
    Claim { value, line, text: String::new() }
}

/// A plan on an invented topology, from 0.4.0 back to 0.3.8.
pub fn plan() -> Plan {
    let source = |path: &str| Source { path: path.into(), sha256: "00".repeat(32) };
    let release = |version: &str| PlannedRelease {
        version: version.into(),
        executable_sha256: sha256(version),
        image_digest: None,
    };
    Plan {
        schema: SCHEMA,
        harness: "0.1.0".into(),
        seed: "1".into(),
        id: "11".repeat(32),
        scenario: "sample".into(),
        topology: "sample".into(),
        host: "sim".into(),
        profile: "documented".into(),
        operator: Operator::Careful,
        trigger: "sample-alert".into(),
        runbook: source("runbook.md"),
        binding: source("runbook.toml"),
        good: release("0.3.8"),
        bad: release("0.4.0"),
        criteria: ["version", "health", "metrics"].map(str::to_owned).to_vec(),
        faults: vec![fault("errors", Some(Role::Bad), &[("share_percent", 30)])],
        claims: Claims {
            ready_within_ms: claim(60_000, 114),
            healthz_under_ms: claim(10, 107),
            metrics_fetches: claim(2, 108),
            alert_clears_within_ms: claim(Range { from: 300_000, to: 900_000 }, 109),
            restart_takes_ms: claim(Range { from: 5_000, to: 15_000 }, 22),
            slow_burn_firing_ms: claim(1_800_000, 10),
            recent_deploy_ms: claim(86_400_000, 11),
            budget_spent_percent: claim(50, 12),
            budget_window_ms: claim(86_400_000, 12),
            journal_since_ms: claim(300_000, 116),
            in_flight_status_class: claim(5, 22),
        },
        verification: vec![("version".into(), 106), ("health".into(), 107), ("metrics".into(), 108)],
        expected: Some(Expectation { verdict: Verdict::Recovered, failing: vec![], broken: vec![] }),
        canary: false,
        static_findings: vec![StaticFinding { rule: "sample-rule".into(), line: 7, message: "as written".into() }],
        supervisor_alive: vec!["State=running".into(), "State=restarting".into()],
        port: 8080,
        requirements: vec![("observe-capture".into(), 125), ("hypothesis".into(), 127)],
        fetches_first: vec![],
        alerts: None,
    }
}

/// A declared fault.
pub fn fault(id: &str, release: Option<Role>, params: &[(&str, u64)]) -> FaultUse {
    let params = params.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    FaultUse { id: id.into(), release, params, at: None }
}

fn sha256(version: &str) -> String {
    format!("{version:x>64}")
}

fn process(pid: u32, version: Option<&str>) -> NodeProcess {
    let executable = format!("/opt/node/{}", version.unwrap_or("unknown"));
    let sha256 = version.map_or_else(|| "ee".repeat(32), sha256);
    NodeProcess { pid, executable, sha256, version: version.map(str::to_owned) }
}

/// A node process appeared; without a version it is no release's.
pub fn node_started(pid: u32, version: Option<&str>) -> What {
    What::NodeStarted { process: process(pid, version) }
}

/// The incident key of the made-up drills.
pub const KEY: &str = "rollback-0.4.0-0.3.8";

/// A page was delivered to the on-call lead.
pub fn paged(key: &str, severity: &str) -> What {
    let text = |text: &str| text.to_owned();
    What::Paged {
        to: ON_CALL_LEAD.into(),
        key: key.into(),
        severity: severity.into(),
        reason: text("reason"),
        evidence: text("evidence"),
    }
}

/// A machine on which this release runs and listens.
pub fn machine_running(version: &str) -> MachineState {
    let process = process(200, Some(version));
    let listeners = vec![Listener { port: 8080, process: Some(process.clone()) }];
    MachineState { processes: vec![process], listeners, supervisor: "State=running\n".into(), supervisor_exit: 0 }
}

/// A machine on which nothing of the node is left.
pub fn machine_stopped() -> MachineState {
    let supervisor = "State=stopped\nExitCode=1\n".to_owned();
    MachineState { processes: vec![], listeners: vec![], supervisor, supervisor_exit: 0 }
}

/// A metrics text with this many invokes and scrapes counted.
pub fn metrics(invokes: u64, scrapes: u64) -> String {
    format!(
        "# TYPE tensor_wasm_http_requests counter\n\
         tensor_wasm_http_requests_total{{route=\"/functions/:id/invoke\",method=\"POST\",status=\"200\"}} {invokes}\n\
         tensor_wasm_http_requests_total{{route=\"/metrics\",method=\"GET\",status=\"200\"}} {scrapes}\n# EOF\n"
    )
}

fn seen(moment: &str, machine: MachineState, healthz: ProbeOutcome, build_info: Option<&str>) -> What {
    What::MachineSeen { moment: moment.into(), machine, healthz, build_info: build_info.map(str::to_owned) }
}

fn probe(outcome: ProbeOutcome) -> What {
    What::ProbeChanged { outcome, latency_us: 900 }
}

fn rotation(in_rotation: bool) -> What {
    What::BalancerChanged { in_rotation, state: if in_rotation { "ready".into() } else { "drain".into() } }
}

fn second(second: u64, outcomes: &[(&str, u64)]) -> What {
    let outcomes: BTreeMap<String, u64> = outcomes.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect();
    What::Traffic { second, outcomes, slow: 0 }
}
