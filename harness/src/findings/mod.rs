//! Defects of the runbook that a drill shows. Each is data: a rule, a line, a message, the events that show it.
//!
//! A new rule is one file here and one line in [`REGISTRY`].

use std::collections::{BTreeMap, BTreeSet};

use crate::judge::facts::Facts;
use crate::judge::{CriterionResult, Finding};
use crate::procedure::TextRule;
use crate::runbook::Runbook;

mod alert_cannot_clear_in_time;
mod alert_clears_for_silence;
mod blind_check;
mod claim_overrun;
mod false_alarm;
mod in_flight_claim;
mod in_rotation_unverified;
mod looked_elsewhere;
mod masked_failure;
mod page_not_taken;
mod removed_before_fetched;
mod restart_claim;
mod silent_cause;
mod slo_cannot_recover_in_a_drill;
mod supplied_needed;

/// A rule.
pub trait FindingRule: Sync {
    /// Kebab-case.
    fn id(&self) -> &'static str;

    /// All places in a drill where it applies.
    fn find(&self, facts: &Facts<'_>, criteria: &BTreeMap<String, CriterionResult>) -> Vec<Found>;
}

/// All rules that look at a drill.
pub static REGISTRY: [&dyn FindingRule; 15] = [
    &alert_cannot_clear_in_time::AlertCannotClearInTime,
    &alert_clears_for_silence::AlertClearsForSilence,
    &blind_check::BlindCheck,
    &claim_overrun::ClaimOverrun,
    &false_alarm::FalseAlarm,
    &in_flight_claim::InFlightClaim,
    &in_rotation_unverified::InRotationUnverified,
    &looked_elsewhere::LookedElsewhere,
    &masked_failure::MaskedFailure,
    &page_not_taken::PageNotTaken,
    &removed_before_fetched::RemovedBeforeFetched,
    &restart_claim::RestartClaim,
    &silent_cause::SilentCause,
    &slo_cannot_recover_in_a_drill::SloCannotRecoverInADrill,
    &supplied_needed::SuppliedNeeded,
];

/// A finding without its rule's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// 1-based line of the runbook, where one shows it.
    pub line: Option<u32>,
    /// For a person.
    pub message: String,
    /// Numbers of the events that show it.
    pub events: Vec<u64>,
}

/// All rules that can find something with this runbook: those that look at a drill, those that look at the text, and those of the
/// binding.
pub fn rules(runbook: &Runbook) -> BTreeSet<&str> {
    let of_drill = REGISTRY.iter().map(|rule| rule.id());
    let of_text = TextRule::ALL.iter().map(|rule| rule.id());
    of_drill.chain(of_text).chain(runbook.rules()).collect()
}

/// All findings: those of the text that the plan holds, and those that the drill shows; by rule, line and message, each
/// once.
pub fn all(facts: &Facts<'_>, criteria: &BTreeMap<String, CriterionResult>) -> Vec<Finding> {
    let of_text = facts.plan.static_findings.iter().map(|found| Finding {
        rule: found.rule.clone(),
        line: Some(found.line),
        message: found.message.clone(),
        events: Vec::new(),
    });
    let of_drill = REGISTRY.iter().flat_map(|rule| {
        let finding = |found: Found| Finding {
            rule: rule.id().to_owned(),
            line: found.line,
            message: found.message,
            events: found.events,
        };
        rule.find(facts, criteria).into_iter().map(finding)
    });
    let mut findings: Vec<Finding> = of_text.chain(of_drill).collect();
    fn order(finding: &Finding) -> (&str, Option<u32>, &str, &[u64]) {
        (&finding.rule, finding.line, &finding.message, &finding.events)
    }
    findings.sort_by(|one, other| order(one).cmp(&order(other)));
    findings.dedup();
    findings
}

/// The line of a criterion in the runbook's verification list.
fn line_of(facts: &Facts<'_>, criterion: &str) -> Option<u32> {
    facts.plan.verification.iter().find(|(id, _)| id == criterion).map(|(_, line)| *line)
}

#[cfg(test)]
mod tests;
