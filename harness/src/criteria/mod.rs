//! The runbook's verification points: what each comes to by the harness's own oracle, and by the runbook's own check.
//!
//! A new criterion is one file here and one line in [`REGISTRY`].

use crate::history::event::PlannedAlerts;
use crate::judge::command::CommandRun;
use crate::judge::facts::Facts;
use crate::judge::{CriterionResult, Outcome};
use crate::procedure::{Class, Origin};

mod alert;
mod health;
mod metrics;
mod slo;
mod version;

pub(crate) use metrics::{HTTP_COUNTER, INVOKE_ROUTE, Pair};

/// A verification point.
pub trait Criterion: Sync {
    /// As scenarios and bindings name it.
    fn id(&self) -> &'static str;

    /// The oracle's outcome. Asked only for a drill whose verification ran and that did not take the failure path.
    fn oracle(&self, facts: &Facts<'_>) -> Told;

    /// The outcome of the runbook's own check.
    fn literal(&self, facts: &Facts<'_>) -> Told;
}

/// All criteria, in the order of the runbook's list.
pub static REGISTRY: [&dyn Criterion; 5] =
    [&version::Version, &health::Health, &metrics::Metrics, &alert::Alert, &slo::Slo];

/// The criterion with this id.
pub fn find(id: &str) -> Option<&'static dyn Criterion> {
    REGISTRY.iter().copied().find(|criterion| criterion.id() == id)
}

/// An outcome with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What it came to.
    pub outcome: Outcome,
    /// Why, with numbers.
    pub detail: String,
    /// Numbers of the events that show it.
    pub events: Vec<u64>,
}

impl Told {
    fn new(outcome: Outcome, detail: impl Into<String>, events: impl Into<Vec<u64>>) -> Told {
        Told { outcome, detail: detail.into(), events: events.into() }
    }

    fn pass(detail: impl Into<String>, events: impl Into<Vec<u64>>) -> Told {
        Told::new(Outcome::Pass, detail, events)
    }

    fn fail(detail: impl Into<String>, events: impl Into<Vec<u64>>) -> Told {
        Told::new(Outcome::Fail, detail, events)
    }

    fn not_run(detail: impl Into<String>) -> Told {
        Told::new(Outcome::NotRun, detail, [])
    }
}

/// What a criterion came to in a drill.
pub fn judge(criterion: &dyn Criterion, facts: &Facts<'_>) -> CriterionResult {
    if let Some(why) = facts.not_verified() {
        let detail = why.to_owned();
        return CriterionResult { outcome: Outcome::NotRun, literal: Outcome::NotRun, detail, events: Vec::new() };
    }
    let (oracle, literal) = (criterion.oracle(facts), criterion.literal(facts));
    let mut events = [oracle.events, literal.events].concat();
    events.sort_unstable();
    events.dedup();
    let detail = match literal.outcome {
        Outcome::NotRun => format!("{}; literal check not run: {}", oracle.detail, literal.detail),
        _ => format!("{}; literal check: {}", oracle.detail, literal.detail),
    };
    CriterionResult { outcome: oracle.outcome, literal: literal.outcome, detail, events }
}

/// What the oracle alone says.
pub fn oracle(criterion: &dyn Criterion, facts: &Facts<'_>) -> Outcome {
    if facts.not_verified().is_some() { Outcome::NotRun } else { criterion.oracle(facts).outcome }
}

/// What the runbook's own check alone says.
pub fn literal(criterion: &dyn Criterion, facts: &Facts<'_>) -> Outcome {
    if facts.not_verified().is_some() { Outcome::NotRun } else { criterion.literal(facts).outcome }
}

/// The runs of the runbook's own command for a criterion. A form that the binding supplies is not the runbook's check.
fn checks<'f, 'a>(facts: &'f Facts<'a>, id: &str) -> Vec<&'f CommandRun<'a>> {
    let own = |run: &&CommandRun<'_>| {
        run.criterion == Some(id) && run.is(Class::Verify) && !matches!(run.origin, Origin::Supplied { .. })
    };
    facts.commands.iter().filter(own).collect()
}

/// A check that is nothing but a command's status and, where the text says what it prints, its output.
fn literal_status(facts: &Facts<'_>, id: &str) -> Told {
    let runs = checks(facts, id);
    let events: Vec<u64> = runs.iter().flat_map(|run| run.shown_by()).collect();
    for run in &runs {
        if !run.clean() {
            return Told::fail(format!("`{}` {}", run.text, run.ending()), events);
        }
        if run.printed_as_told() == Some(false) {
            let (wanted, printed) = (run.should_print.unwrap_or_default(), excerpt(run.output));
            return Told::fail(format!("`{}` printed `{printed}`, not `{wanted}`", run.text), events);
        }
    }
    match runs.first() {
        None => Told::not_run("no command of the text was run for it"),
        Some(run) => Told::pass(format!("`{}` ended 0", run.text), events),
    }
}

/// Why verification 4 or 5 is not asked for: the alerts of the drill, or the reason for which nobody watched them.
fn watched_for<'a>(facts: &Facts<'a>, id: &str) -> Result<&'a PlannedAlerts, Told> {
    let Some(alerts) = &facts.plan.alerts else { return Err(Told::not_run("the drill has no alerts")) };
    let judged = facts.plan.criteria.iter().any(|judged| judged == id);
    if judged { Ok(alerts) } else { Err(Told::not_run("it is not judged, so nobody watched for it")) }
}

/// The beginning of an output, on one line.
fn excerpt(output: &str) -> String {
    const CHARS_MAX: usize = 80;
    let line: String = output.trim().chars().take(CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if output.trim().chars().count() > CHARS_MAX { format!("{line}…") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_in_the_order_of_the_runbook() {
        let ids: Vec<&str> = REGISTRY.iter().map(|criterion| criterion.id()).collect();
        assert_eq!(ids, ["version", "health", "metrics", "alert", "slo"]);
        assert!(find("typo").is_none());
    }

    #[test]
    fn an_excerpt_is_one_short_line() {
        assert_eq!(excerpt(" a\nb \n"), "a b");
        assert_eq!(excerpt(&"x".repeat(200)).chars().count(), 81);
    }
}
