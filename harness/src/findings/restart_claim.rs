//! `restart-claim`: a restart took longer than the text promises. A shorter one harms nobody who planned by the text.

use std::collections::BTreeMap;

use super::{FindingRule, Found};
use crate::judge::facts::Facts;
use crate::judge::{CriterionResult, figures};

pub(super) struct RestartClaim;

impl FindingRule for RestartClaim {
    fn id(&self) -> &'static str {
        "restart-claim"
    }

    fn find(&self, facts: &Facts<'_>, _: &BTreeMap<String, CriterionResult>) -> Vec<Found> {
        let claim = &facts.plan.claims.restart_takes_ms;
        let (Some(stop), Some(ready)) = (facts.first_stop(), facts.first_ok()) else { return Vec::new() };
        let Some(took_ms) = figures::restart_ms(facts).filter(|took_ms| *took_ms > claim.value.to) else {
            return Vec::new();
        };
        let (from, to) = (claim.value.from, claim.value.to);
        let message = format!("from the stop to the first 200 it took {took_ms} ms, promised are {from} to {to} ms");
        vec![Found { line: Some(claim.line), message, events: vec![stop.n, ready.n] }]
    }
}
