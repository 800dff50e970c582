//! `slo-cannot-recover-in-a-drill`: the text waits for a service level that comes back only as days grow old.

use std::collections::BTreeMap;

use super::{FindingRule, Found, line_of};
use crate::judge::CriterionResult;
use crate::judge::alerts::{looks, number, watched};
use crate::judge::facts::Facts;

pub(super) struct SloCannotRecoverInADrill;

impl FindingRule for SloCannotRecoverInADrill {
    fn id(&self) -> &'static str {
        "slo-cannot-recover-in-a-drill"
    }

    fn find(&self, facts: &Facts<'_>, _: &BTreeMap<String, CriterionResult>) -> Vec<Found> {
        const DAY_MS: u64 = 24 * 60 * 60 * 1000;
        let (Some(alerts), Some(watch)) = (&facts.plan.alerts, watched(facts, "slo")) else { return Vec::new() };
        let last = looks(facts, alerts).into_iter().rfind(|look| look.n < watch.n);
        let found = alerts.slis.iter().filter_map(|sli| {
            let days = sli.objective_over_ms.filter(|over_ms| *over_ms >= DAY_MS)? / DAY_MS;
            let value = last.and_then(|look| look.reading(&sli.reading)).map_or("no number".into(), number);
            let over = number(sli.window_ms as f64 * alerts.scale as f64 / 60_000.0);
            let (side, target) = (if sli.at_least { "at least" } else { "at most" }, number(sli.target));
            Some(Found {
                line: line_of(facts, "slo"),
                message: format!(
                    "{} is over {days} days: what the incident spent comes back as days grow old, in no watch of minutes. \
                     It was judged on what is spent now, over {over} minutes: {value}, {side} {target}",
                    sli.id
                ),
                events: last.map(|look| look.n).into_iter().chain([watch.n]).collect(),
            })
        });
        found.collect()
    }
}
