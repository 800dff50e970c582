//! `in-flight-claim`: a call in flight at the stop got another answer than the text promises.

use std::collections::BTreeMap;

use super::{FindingRule, Found};
use crate::history::event::What;
use crate::judge::CriterionResult;
use crate::judge::facts::Facts;

pub(super) struct InFlightClaim;

impl FindingRule for InFlightClaim {
    fn id(&self) -> &'static str {
        "in-flight-claim"
    }

    fn find(&self, facts: &Facts<'_>, _: &BTreeMap<String, CriterionResult>) -> Vec<Found> {
        let claim = &facts.plan.claims.in_flight_status_class;
        let Some(stop) = facts.first_stop() else { return Vec::new() };
        let held = facts.find(|what| match what {
            What::HeldInvoke { outcome, began_us, ended_us } => Some((outcome, *began_us, *ended_us)),
            _ => None,
        });
        let across = |began_us: u64, ended_us: u64| began_us <= stop.began_us && ended_us > stop.began_us;
        let as_promised = |outcome: &str| outcome.len() == 3 && outcome.starts_with(&claim.value.to_string());
        let other = held.into_iter().filter(|at| across(at.what.1, at.what.2) && !as_promised(at.what.0));
        let found = other.map(|at| Found {
            line: Some(claim.line),
            message: format!("a call in flight at the stop came to `{}`, promised is {}xx", at.what.0, claim.value),
            events: vec![stop.n, at.n],
        });
        found.collect()
    }
}
