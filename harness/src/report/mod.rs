//! What a person or a program is told of a run, as it goes. A format is one file and one line in [`REGISTRY`].

use std::collections::BTreeMap;

use serde::Serialize;

use crate::bundle::{Finished, story};
use crate::exit::ExitStatus;
use crate::history::event::{Decision, Event, Plan};
use crate::judge::facts::Facts;
use crate::judge::{Judgement, Metrics, Outcome};
use crate::procedure::{Class, Origin};
use crate::scenario::{Expectation, Operator};
use crate::verdict::Verdict;

mod answer;
mod json;
mod jsonl;
mod rerun;
mod sink;
mod summary;
mod text;

pub use answer::lines as answer_lines;
pub use rerun::Rerun;
pub use sink::{Output, Terminal};

/// Version of the JSON formats.
pub const REPORT_SCHEMA: u32 = 1;

/// Makes a reporter that writes to an [`Output`].
pub type Make = for<'a> fn(Output<'a>) -> Box<dyn Reporter + 'a>;

/// All formats, by the name on the command line.
pub const REGISTRY: &[(&str, Make)] = &[("json", json::reporter), ("jsonl", jsonl::reporter), ("text", text::reporter)];

/// The names, for the command line.
pub fn names() -> impl Iterator<Item = &'static str> {
    REGISTRY.iter().map(|(name, _)| *name)
}

/// The reporter of this name.
pub fn make<'a>(name: &str, output: Output<'a>) -> Option<Box<dyn Reporter + 'a>> {
    let (_, make) = REGISTRY.iter().find(|(known, _)| *known == name)?;
    Some(make(output))
}

/// A run of drills is about to begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunBegan {
    /// [`REPORT_SCHEMA`].
    pub schema: u32,
    /// Version of the harness.
    pub harness: String,
    /// A 64-bit number, as text: JSON's numbers do not hold it.
    pub seed: String,
    /// The runbook's path, as given.
    pub runbook: String,
    /// Drills that are planned; in `jsonl` only.
    #[serde(skip)]
    pub planned: usize,
}

impl RunBegan {
    /// Of this harness.
    pub fn new(seed: u64, runbook: &str, planned: usize) -> RunBegan {
        RunBegan {
            schema: REPORT_SCHEMA,
            harness: env!("CARGO_PKG_VERSION").into(),
            seed: seed.to_string(),
            runbook: runbook.into(),
            planned,
        }
    }
}

/// Is told of a run as it goes. Nothing here fails, so that a closed pipe cannot end a drill half-way: the first failing
/// write is kept, and asked for at the end.
pub trait Reporter {
    /// Always the first.
    fn run_began(&mut self, run: &RunBegan);

    /// Long work begins or goes on: a line for a person.
    fn progress(&mut self, line: &str);

    /// A drill begins, the `number`th from 1.
    fn drill_began(&mut self, number: usize, plan: &Plan);

    /// An event has been written: as it stands in the History, without secrets.
    fn event(&mut self, event: &Event);

    /// A drill has ended.
    fn drill_ended(&mut self, drill: &DrillReport);

    /// Always the last, also of a run that was given up: `done` is then smaller than what was planned.
    fn run_ended(&mut self, done: usize);

    /// The first write that failed, if one did.
    fn take_error(&mut self) -> Option<std::io::Error>;
}

/// One drill in a report. The order of fields is the order in JSON. **Contract.**
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DrillReport {
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
    /// Who was at the keyboard.
    pub operator: Operator,
    /// How it ended.
    pub verdict: Verdict,
    /// How it is expected to end.
    pub expected: Option<Expectation>,
    /// Whether the two agree.
    pub conforms: bool,
    /// By id.
    pub criteria: BTreeMap<String, CriterionLine>,
    /// By id.
    pub invariants: BTreeMap<String, InvariantLine>,
    /// In order.
    pub steps: Vec<StepLine>,
    /// Whether to roll back, by the runbook's own conditions; not there where they were not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// Defects of the runbook.
    pub findings: Vec<FindingLine>,
    /// Figures.
    pub metrics: Metrics,
    /// Path relative to `--out`.
    pub bundle: String,
    /// How long it took, from the machine's creation to the finished bundle.
    pub duration_ms: u64,
    /// The command that repeats the drill.
    pub rerun: String,
    /// Everything that was judged; in text more of it is told.
    #[serde(skip)]
    pub judgement: Judgement,
    /// Where the bundle is, for a person.
    #[serde(skip)]
    pub bundle_path: String,
}

/// A criterion in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CriterionLine {
    /// The oracle's.
    pub outcome: Outcome,
    /// The runbook's own check's.
    pub literal: Outcome,
    /// Why.
    pub detail: String,
}

/// An invariant in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InvariantLine {
    /// Whether it held.
    pub outcome: Outcome,
    /// Why.
    pub detail: String,
}

/// A step in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepLine {
    /// Such as `A1`.
    pub id: String,
    /// Those that began, in order.
    pub commands: Vec<CommandLine>,
}

/// A command in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommandLine {
    /// Its classes.
    pub classes: Vec<Class>,
    /// Line of the runbook.
    pub line: u32,
    /// Whether the text leaves it out and the binding supplies it.
    pub supplied: bool,
    /// Its own status; none if it did not end by itself.
    pub exit: Option<i32>,
    /// The status of each part.
    pub pipe: Vec<i32>,
    /// Whether some part failed although its own status is 0.
    pub masked: bool,
    /// How long; none if nobody saw its end.
    pub duration_ms: Option<u64>,
}

/// A finding in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingLine {
    /// Rule.
    pub rule: String,
    /// Line of the runbook.
    pub line: Option<u32>,
    /// For a person.
    pub message: String,
    /// Numbers of the events that show it.
    pub events: Vec<u64>,
}

impl DrillReport {
    /// Of a bundle that is whole; `rerun` is a command line (see [`Rerun`]).
    pub fn of(done: &Finished, duration_ms: u64, rerun: &str) -> DrillReport {
        let (plan, judgement) = (done.plan.clone(), done.judgement.clone());
        let facts = Facts::of(&done.history);
        let criteria = judgement.criteria.iter().map(|(id, result)| {
            let line =
                CriterionLine { outcome: result.outcome, literal: result.literal, detail: result.detail.clone() };
            (id.clone(), line)
        });
        let invariants = judgement
            .invariants
            .iter()
            .map(|(id, result)| (id.clone(), InvariantLine { outcome: result.outcome, detail: result.detail.clone() }));
        let findings = judgement.findings.iter().map(|finding| FindingLine {
            rule: finding.rule.clone(),
            line: finding.line,
            message: finding.message.clone(),
            events: finding.events.clone(),
        });
        DrillReport {
            id: plan.id,
            scenario: plan.scenario,
            topology: plan.topology,
            host: plan.host,
            profile: plan.profile,
            operator: plan.operator,
            verdict: judgement.verdict,
            expected: judgement.expected.clone(),
            conforms: judgement.conforms,
            criteria: criteria.collect(),
            invariants: invariants.collect(),
            steps: facts.as_ref().map(steps).unwrap_or_default(),
            decision: facts.as_ref().and_then(Facts::decided).map(|at| at.what.clone()),
            findings: findings.collect(),
            metrics: judgement.metrics.clone(),
            bundle: done.name.clone(),
            duration_ms,
            rerun: rerun.to_owned(),
            bundle_path: done.root.display().to_string(),
            judgement,
        }
    }

    /// What it contributes to the exit status.
    pub fn status(&self) -> ExitStatus {
        ExitStatus::of(&self.judgement)
    }

    /// Verdict and, beyond it, what did not hold: `unverified; not passed: health`.
    pub fn ending(&self) -> String {
        story::ending(self.verdict, &self.judgement.failing, &self.judgement.broken)
    }
}

/// The commands that began, by step. A step that comes again (two fetches) goes on where it was.
fn steps(facts: &Facts<'_>) -> Vec<StepLine> {
    let mut steps: Vec<StepLine> = Vec::new();
    for run in &facts.commands {
        let line = CommandLine {
            classes: run.classes.to_vec(),
            line: run.line,
            supplied: matches!(run.origin, Origin::Supplied { .. }),
            exit: run.exit(),
            pipe: run.pipe(),
            masked: run.masked(),
            duration_ms: run.duration_us().map(|us| us / 1000),
        };
        match steps.iter_mut().find(|step| step.id == run.command.step) {
            Some(step) => step.commands.push(line),
            None => steps.push(StepLine { id: run.command.step.clone(), commands: vec![line] }),
        }
    }
    steps
}
