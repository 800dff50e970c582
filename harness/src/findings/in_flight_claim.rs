//! `in-flight-claim`: a call in flight at the stop got another answer than the text promises.

use std::collections::BTreeMap;

use super::{FindingRule, Found};
use crate::judge::facts::Facts;
use crate::judge::{CriterionResult, figures};

pub(super) struct InFlightClaim;

impl FindingRule for InFlightClaim {
    fn id(&self) -> &'static str {
        "in-flight-claim"
    }

    fn find(&self, facts: &Facts<'_>, _: &BTreeMap<String, CriterionResult>) -> Vec<Found> {
        let claim = &facts.plan.claims.in_flight_status_class;
        let Some(stop) = facts.first_stop() else { return Vec::new() };
        let held = figures::held_across_stop(facts).into_iter();
        let other = held.filter(|at| !figures::as_promised(facts, at.what));
        let found = other.map(|at| Found {
            line: Some(claim.line),
            message: format!("a call in flight at the stop came to `{}`, promised is {}xx", at.what, claim.value),
            events: vec![stop.n, at.n],
        });
        found.collect()
    }
}
