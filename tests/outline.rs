//! What of a real drill is the same each time: its commands with line and status, outcomes, findings, files, verdict.
//! Durations, ids and what only some runs find (a restart that takes longer than promised) are left out.

use std::fmt::Write;

use rollback_harness::bundle::{Finished, Manifest};
use rollback_harness::history::event::{KillReason, What};
use rollback_harness::judge::Outcome;

use crate::redactions::redacted;

/// The one rule that finds by time alone: how long a restart takes is a matter of the machine. A claim overrun is none, as
/// it ends in the failure path, which the verdict shows as well.
const ONLY_IN_SOME_RUNS: &str = "restart-claim";

/// The outline as text.
pub fn outline(finished: &Finished, manifest: &Manifest) -> String {
    let (plan, judgement) = (&finished.plan, &finished.judgement);
    let mut text = format!(
        "{} on {}, {} operator: v{} back to v{}\n\ncommands: step, line, status\n",
        plan.scenario,
        plan.topology,
        plan.operator.as_str(),
        plan.bad.version,
        plan.good.version
    );
    // Writing to a String does not fail.
    let mut begun = None;
    for event in &finished.history.events {
        match &event.what {
            What::CommandBegan { command, line, text, .. } => {
                begun = Some((command.step.clone(), *line, text.lines().next().unwrap_or_default().to_owned()));
            }
            What::CommandEnded { exit, .. } => tell(&mut text, begun.take(), &exit.to_string()),
            What::CommandKilled { why, .. } => tell(&mut text, begun.take(), reason(why)),
            _ => {}
        }
    }
    text.push_str("\ncriteria: oracle, literal\n");
    for (id, result) in &judgement.criteria {
        let _ = writeln!(text, "  {id}: {}, {}", word(result.outcome), word(result.literal));
    }
    text.push_str("\ninvariants\n");
    for (id, result) in &judgement.invariants {
        let _ = writeln!(text, "  {id}: {}", word(result.outcome));
    }
    text.push_str("\nfindings: rule, line\n");
    for finding in judgement.findings.iter().filter(|finding| finding.rule != ONLY_IN_SOME_RUNS) {
        let line = finding.line.map_or_else(|| "no line".to_owned(), |line| line.to_string());
        let _ = writeln!(text, "  {}, {line}", finding.rule);
    }
    text.push_str("\nbundle\n");
    for file in &manifest.files {
        let _ = writeln!(text, "  {}", file.path);
    }
    for missing in &manifest.missing {
        let _ = writeln!(text, "  missing: {}, {}", missing.item, missing.why);
    }
    let _ = writeln!(text, "\nverdict {}", judgement.verdict);
    redacted(&text)
}

fn tell(text: &mut String, begun: Option<(String, u32, String)>, status: &str) {
    let (step, line, command) = begun.unwrap_or_default();
    let _ = writeln!(text, "  {step}, {line}, {status}: {}", command.trim_end());
}

fn reason(why: &KillReason) -> &'static str {
    match why {
        KillReason::ClaimNotMet { .. } => "claim",
        KillReason::Ceiling { .. } => "ceiling",
        KillReason::HarnessLimit { .. } => "limit",
    }
}

/// As in `verdict.json`.
fn word(outcome: Outcome) -> String {
    serde_json::to_value(outcome).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
