//! Properties of the way, checked in every drill whatever its end.
//!
//! A new invariant is one file here and one line in [`REGISTRY`].

use std::collections::BTreeMap;

use crate::judge::facts::Facts;
use crate::judge::{CriterionResult, InvariantResult, Outcome};

mod artefacts_complete;
mod neighbours_untouched;
mod never_forward;
mod no_secret_in_bundle;
mod no_traffic_unready;
mod not_declared_early;
mod page_once;
mod recorded_first;
mod serving_or_offline;
mod terminates;

/// Criteria by id, as judged in the same drill.
pub type Criteria = BTreeMap<String, CriterionResult>;

/// A property of the way.
pub trait Invariant: Sync {
    /// As scenarios name it.
    fn id(&self) -> &'static str;

    /// Whether it held: `pass`, `fail`, or `not-run` where it does not apply.
    fn judge(&self, facts: &Facts<'_>, criteria: &Criteria) -> InvariantResult;
}

/// All invariants, in the order of design.md.
pub static REGISTRY: [&dyn Invariant; 10] = [
    &never_forward::NeverForward,
    &serving_or_offline::ServingOrOffline,
    &recorded_first::RecordedFirst,
    &no_traffic_unready::NoTrafficUnready,
    &page_once::PageOnce,
    &neighbours_untouched::NeighboursUntouched,
    &not_declared_early::NotDeclaredEarly,
    &terminates::Terminates,
    &no_secret_in_bundle::NoSecretInBundle,
    &artefacts_complete::ArtefactsComplete,
];

fn holds(detail: impl Into<String>, events: impl Into<Vec<u64>>) -> InvariantResult {
    InvariantResult { outcome: Outcome::Pass, detail: detail.into(), events: events.into() }
}

fn broken(detail: impl Into<String>, events: impl Into<Vec<u64>>) -> InvariantResult {
    InvariantResult { outcome: Outcome::Fail, detail: detail.into(), events: events.into() }
}

fn does_not_apply(detail: impl Into<String>) -> InvariantResult {
    InvariantResult { outcome: Outcome::NotRun, detail: detail.into(), events: Vec::new() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What an invariant says of a History; used by the tests of each.
    pub(super) fn check(
        invariant: &dyn Invariant,
        sample: crate::judge::sample::Sample,
        outcome: Outcome,
        detail: &str,
    ) {
        let history = sample.history();
        let facts = Facts::of(&history).unwrap();
        let criteria = crate::judge::criteria_of(&facts);
        let result = invariant.judge(&facts, &criteria);
        assert_eq!(result.outcome, outcome, "{}: {}", invariant.id(), result.detail);
        assert!(result.detail.contains(detail), "{}: {}", invariant.id(), result.detail);
        let numbers: Vec<u64> = history.events.iter().map(|event| event.n).collect();
        assert!(result.events.iter().all(|n| numbers.contains(n)), "{}: {:?}", invariant.id(), result.events);
    }

    #[test]
    fn ids_are_unique_kebab_case() {
        let ids: BTreeSet<&str> = REGISTRY.iter().map(|invariant| invariant.id()).collect();
        assert_eq!(ids.len(), REGISTRY.len());
        assert!(ids.iter().all(|id| id.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
    }
}
