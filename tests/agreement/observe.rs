//! A drill as named facts and times: what can be held against the same drill on another host.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use rollback_harness::bundle::{CAPTURES, Finished, MANIFEST, Manifest};
use rollback_harness::history::event::{KillReason, MachineState, NodeProcess, ProbeOutcome, What};
use rollback_harness::judge::Outcome;
use rollback_harness::procedure::Class;
use serde::{Deserialize, Serialize};

use super::canon::Canon;
use crate::containers::files_below;

/// What a fact is about. Its order is the one of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// How the drill ended.
    Verdict,
    /// What a criterion, or the runbook's own check, came to.
    Criterion,
    /// Whether an invariant held.
    Invariant,
    /// A defect of the runbook that was found.
    Finding,
    /// Which commands ran, in which order.
    Order,
    /// Exit status of a command and of the parts of its pipeline, or why it was killed.
    Status,
    /// A file of the bundle, or an item that is missing there.
    Bundle,
    /// What is true of the machine: processes, listeners, balancer, containers, pages, traffic.
    Machine,
    /// What a later command, a check, a criterion or the postmortem reads.
    Output,
    /// What docker, systemctl and the like say to the operator on their way, where nothing reads it and the simulator says
    /// that the words are its own.
    Chatter,
}

impl Kind {
    /// All, in the order of the account.
    pub const ALL: [Kind; 10] = [
        Kind::Verdict,
        Kind::Criterion,
        Kind::Invariant,
        Kind::Finding,
        Kind::Order,
        Kind::Status,
        Kind::Bundle,
        Kind::Machine,
        Kind::Output,
        Kind::Chatter,
    ];

    /// As in the account.
    pub fn word(self) -> String {
        serde_json::to_value(self).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

/// One drill.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observation {
    /// By kind and name.
    pub facts: BTreeMap<(Kind, String), String>,
    /// Durations, microseconds, by name.
    pub times: BTreeMap<String, u64>,
    /// Commands into whose output a simulated tool wrote in its own words, by name.
    pub own_words: BTreeSet<String>,
}

impl Observation {
    /// Of a drill and what lies in its bundle.
    ///
    /// # Errors
    /// The bundle cannot be read; which file, and why.
    pub fn of(finished: &Finished) -> Result<Observation, String> {
        let mut seen =
            Observer { canon: Canon::of(&finished.plan), to: Observation::default(), began: BTreeMap::new() };
        seen.judgement(finished);
        for event in &finished.history.events {
            seen.event(event.at_us, &event.what);
        }
        seen.sequences(finished);
        seen.bundle(&finished.root)?;
        Ok(seen.to)
    }
}

/// Collects in the order of the events, so that ids get their numbers in the order in which they appear.
struct Observer {
    canon: Canon,
    to: Observation,
    /// When something began that is timed: by name, microseconds.
    began: BTreeMap<&'static str, u64>,
}

/// The command, as facts name it: `07 A6 line 59`.
fn named(run: u32, step: &str, line: u32) -> String {
    format!("{run:02} {step} line {line}")
}

/// What a later command, a check, a criterion or the postmortem reads.
fn is_read(classes: &[Class]) -> bool {
    const READ: [Class; 6] = [Class::Record, Class::Check, Class::Wait, Class::Verify, Class::Capture, Class::Diagnose];
    classes.iter().any(|class| READ.contains(class))
}

impl Observer {
    fn fact(&mut self, kind: Kind, name: impl Into<String>, value: impl Into<String>) {
        self.to.facts.insert((kind, name.into()), value.into());
    }

    fn time(&mut self, name: impl Into<String>, us: u64) {
        self.to.times.insert(name.into(), us);
    }

    fn judgement(&mut self, finished: &Finished) {
        let judgement = &finished.judgement;
        self.fact(Kind::Verdict, "verdict", judgement.verdict.to_string());
        self.fact(Kind::Verdict, "conforms", judgement.conforms.to_string());
        for (id, result) in &judgement.criteria {
            let value = format!("oracle {}, literal {}", word(result.outcome), word(result.literal));
            self.fact(Kind::Criterion, id, value);
        }
        for (id, result) in &judgement.invariants {
            self.fact(Kind::Invariant, id, word(result.outcome));
        }
        for finding in &judgement.findings {
            let line = finding.line.map_or_else(|| "no line".to_owned(), |line| format!("line {line}"));
            self.fact(Kind::Finding, format!("{} {line}", finding.rule), "found");
        }
    }

    fn event(&mut self, at_us: u64, what: &What) {
        match what {
            What::HostUp { create_to_answer_ms, .. } => self.time("boot", create_to_answer_ms.saturating_mul(1000)),
            What::BlockBegan { .. } => {
                self.began.entry("drill").or_insert(at_us);
            }
            What::DrillEnded { .. } => self.since("drill", "whole drill", at_us),
            What::BalancerChanged { in_rotation: false, .. } => {
                self.began.entry("out").or_insert(at_us);
            }
            What::BalancerChanged { in_rotation: true, .. } => self.since("out", "out of rotation", at_us),
            What::NodeExited { .. } => {
                self.began.entry("down").or_insert(at_us);
            }
            What::NodeStarted { .. } => self.since("down", "no node process", at_us),
            What::HeldInvoke { outcome, began_us, ended_us } => {
                self.fact(Kind::Machine, "held invoke", outcome);
                self.time("held invoke", ended_us.saturating_sub(*began_us));
            }
            What::InvokeHeld { in_flight } => self.fact(Kind::Machine, "invoke held", in_flight.to_string()),
            What::ReadyClaim { met, after_ms, .. } => {
                // Whether the probe or the operator's own wait saw it first is a matter of milliseconds.
                self.fact(Kind::Machine, "ready within the claim", met.to_string());
                self.time("start to ready", after_ms.saturating_mul(1000));
            }
            What::RedFirst { met, .. } => self.fact(Kind::Machine, "incident shows", met.to_string()),
            What::Prerequisite { line, unmet, .. } => {
                let unmet = unmet.as_ref().map_or_else(|| "met".to_owned(), |unmet| self.canon.text(unmet));
                self.fact(Kind::Machine, format!("prerequisite of line {line}"), unmet);
            }
            // What a prerequisite came to is told above.
            What::Declined { by, .. } if by == "prerequisite" => self.fact(Kind::Machine, "not begun", by),
            What::Declined { by, why } => self.fact(Kind::Machine, "not begun", format!("{by}: {why}")),
            What::Paged { to, key, severity, reason, evidence } => {
                self.since("drill", "procedure to page", at_us);
                let page = self.canon.text(&format!("{severity} {key} to {to}\n{reason}\n{evidence}"));
                self.fact(Kind::Machine, "page", page);
            }
            What::MaintenanceSeen { outcome, retry_after } => {
                self.fact(Kind::Machine, "upstream while offline", format!("{outcome}, retry after {retry_after:?}"));
            }
            What::Diagnosed { incompatible_state } => {
                self.fact(Kind::Machine, "diagnosed", format!("{incompatible_state:?}"));
            }
            What::RecordsSeen { running_version, files } => {
                self.fact(Kind::Machine, "recorded: running version", format!("{running_version:?}"));
                for file in files {
                    let name = format!("recorded: {}", self.canon.text(&file.path));
                    let kept = if file.file_system == "tmpfs" { "in memory" } else { "on disk" };
                    let text = self.canon.text(&file.text);
                    self.fact(Kind::Machine, name, format!("{kept}, tracked {}\n{text}", file.tracked));
                }
            }
            What::MetricsPair { first, second, failure, .. } => {
                let pair = self.canon.text(&format!("{first}\n{second}\n{failure:?}"));
                self.fact(Kind::Output, "metrics fetched twice", pair);
            }
            What::MachineSeen { moment, machine, healthz, build_info } => {
                let look = self.look(machine, healthz, build_info.as_deref());
                self.fact(Kind::Machine, format!("machine, {moment}"), look);
            }
            What::Missing { item, why, .. } => self.fact(Kind::Bundle, format!("missing {item}"), why),
            _ => {}
        }
    }

    /// Tells of a duration that began; what comes later under the same name is longer and counts.
    fn since(&mut self, began: &'static str, name: &str, at_us: u64) {
        if let Some(since) = self.began.get(began).copied() {
            self.time(name, at_us.saturating_sub(since));
        }
    }

    fn look(&mut self, machine: &MachineState, healthz: &ProbeOutcome, build_info: Option<&str>) -> String {
        let process = |process: &NodeProcess| {
            format!("{} version {}", process.executable, process.version.as_deref().unwrap_or("none"))
        };
        let mut processes: Vec<String> = machine.processes.iter().map(process).collect();
        let listener = |port: u16, by: Option<&NodeProcess>| {
            format!("{port} by {}", by.map_or_else(|| "nobody that was found".to_owned(), process))
        };
        let mut listeners: Vec<String> =
            machine.listeners.iter().map(|seen| listener(seen.port, seen.process.as_ref())).collect();
        processes.sort();
        listeners.sort();
        let supervisor = self.canon.look(&machine.supervisor);
        format!(
            "processes {processes:?}\nlisteners {listeners:?}\nhealthz {}\nbuild_info {build_info:?}\nsupervisor {}\n{supervisor}",
            healthz.word(),
            machine.supervisor_exit
        )
    }

    /// What is told by the order of several events.
    fn sequences(&mut self, finished: &Finished) {
        let mut commands = String::new();
        let mut begun = None;
        let (mut balancer, mut nodes, mut versions) = (Vec::new(), Vec::new(), BTreeMap::new());
        let (mut answers, mut outcomes) = (BTreeSet::new(), BTreeSet::new());
        let mut declared = false;
        for event in &finished.history.events {
            match &event.what {
                What::CommandBegan { command, line, text, classes, .. } => {
                    // Writing to a String does not fail.
                    let first = text.lines().next().unwrap_or_default().trim_end();
                    let first = self.canon.text(first);
                    let _ = writeln!(commands, "{} line {line}: {first}", command.step);
                    begun = Some((named(command.run, &command.step, *line), is_read(classes)));
                }
                What::CommandEnded { exit, pipe, output, began_us, ended_us, shell_ended, own_words, .. } => {
                    let Some((name, read)) = begun.take() else { continue };
                    let end = if *shell_ended { ", the shell ended" } else { "" };
                    self.fact(Kind::Status, &name, format!("exit {exit}, pipeline {pipe:?}{end}"));
                    self.output(&name, read, output);
                    if *own_words {
                        self.to.own_words.insert(name.clone());
                    }
                    self.time(name, ended_us.saturating_sub(*began_us));
                }
                What::CommandKilled { why, output, began_us, gone, .. } => {
                    let Some((name, read)) = begun.take() else { continue };
                    let why = match why {
                        KillReason::Ceiling { ms } => format!("ceiling {ms} ms"),
                        KillReason::ClaimNotMet { ms } => format!("claim {ms} ms"),
                        KillReason::HarnessLimit { limit } => format!("limit {limit}"),
                    };
                    self.fact(Kind::Status, &name, format!("killed: {why}, gone {gone}"));
                    self.output(&name, read, output);
                    self.time(name, event.at_us.saturating_sub(*began_us));
                }
                What::BalancerChanged { state, .. } => balancer.push(state.clone()),
                What::NodeStarted { process } => {
                    let version = process.version.clone().unwrap_or_else(|| process.executable.clone());
                    nodes.push(format!("start of {version}"));
                    versions.insert(process.pid, version);
                }
                What::NodeExited { pid } => {
                    nodes.push(format!("end of {}", versions.get(pid).map_or("unknown", String::as_str)));
                }
                What::ProbeChanged { outcome, .. } => {
                    answers.insert(outcome.word());
                }
                What::Traffic { outcomes: counted, .. } => outcomes.extend(counted.keys().cloned()),
                What::DeclaredOver => declared = true,
                _ => {}
            }
        }
        self.fact(Kind::Order, "commands", commands);
        self.fact(Kind::Machine, "balancer", balancer.join(", "));
        self.fact(Kind::Machine, "node processes", nodes.join(", "));
        self.fact(Kind::Machine, "probe's answers", Vec::from_iter(answers).join(", "));
        self.fact(Kind::Machine, "traffic's outcomes", Vec::from_iter(outcomes).join(", "));
        self.fact(Kind::Machine, "declared over", declared.to_string());
    }

    fn output(&mut self, name: &str, read: bool, output: &str) {
        let text = self.canon.text(output);
        self.fact(if read { Kind::Output } else { Kind::Chatter }, name, text);
    }

    fn bundle(&mut self, root: &Path) -> Result<(), String> {
        let read = |path: &Path| {
            std::fs::read(path)
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                .map_err(|error| format!("{}: {error}", path.display()))
        };
        let manifest: Manifest = serde_json::from_str(&read(&root.join(MANIFEST))?)
            .map_err(|error| format!("{}: {error}", root.join(MANIFEST).display()))?;
        for file in &manifest.files {
            let name = self.canon.text(&file.path);
            self.fact(Kind::Bundle, name, "there");
        }
        let captures = root.join(CAPTURES);
        let mut files = files_below(&captures);
        files.sort();
        for path in files {
            let text = read(&path)?;
            let name = path.strip_prefix(&captures).unwrap_or(&path).to_string_lossy().into_owned();
            let (name, text) = (self.canon.text(&name), self.canon.text(&text));
            self.fact(Kind::Output, format!("capture {name}"), text);
        }
        Ok(())
    }
}

fn word(outcome: Outcome) -> String {
    serde_json::to_value(outcome).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
