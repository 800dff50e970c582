//! `alert-cannot-clear-in-time`: by the arithmetic of its own rule the alert takes longer to clear than the text gives it.

use std::collections::BTreeMap;

use super::{FindingRule, Found};
use crate::history::event::{PlannedAlerts, PlannedCondition};
use crate::judge::CriterionResult;
use crate::judge::alerts::{AlertLook, incident, number};
use crate::judge::facts::Facts;

/// With steady traffic and no error after the restart, a share `r` over a window is below its bound `b` once the rest of
/// the old errors in it is: after `window × (1 − b / r)`. The alert clears with the first of its conditions. How long a
/// percentile takes depends on how many were slow, which it does not say: then it is the window at most.
pub(super) struct AlertCannotClearInTime;

impl FindingRule for AlertCannotClearInTime {
    fn id(&self) -> &'static str {
        "alert-cannot-clear-in-time"
    }

    fn find(&self, facts: &Facts<'_>, _: &BTreeMap<String, CriterionResult>) -> Vec<Found> {
        let Some(alerts) = &facts.plan.alerts else { return Vec::new() };
        let Some(look) = incident(facts, alerts) else { return Vec::new() };
        let Some((needed_ms, arithmetic)) = needed(alerts, &look) else { return Vec::new() };
        if needed_ms <= alerts.clears_within_ms.to as f64 {
            return Vec::new();
        }
        let minutes = |ms: f64| number(ms * alerts.scale as f64 / 60_000.0);
        let claim = &facts.plan.claims.alert_clears_within_ms;
        let message = format!(
            "{} takes {} minutes to clear where every request is answered well from the restart on ({}), promised are {} \
             to {} minutes: a rollback that works is called a misdiagnosis",
            alerts.originating,
            minutes(needed_ms),
            arithmetic.unwrap_or_else(|| format!("at most; its window is {} minutes", minutes(needed_ms))),
            number(claim.value.from as f64 / 60_000.0),
            number(claim.value.to as f64 / 60_000.0),
        );
        vec![Found { line: Some(claim.line), message, events: vec![look.n] }]
    }
}

/// How long it takes, milliseconds of the drill, and the arithmetic behind it where the readings say enough.
fn needed(alerts: &PlannedAlerts, look: &AlertLook<'_>) -> Option<(f64, Option<String>)> {
    let minutes = |ms: u64| number(ms as f64 * alerts.scale as f64 / 60_000.0);
    let shares = |condition: &PlannedCondition| {
        let share = look.reading(&condition.reading).filter(|share| condition.unit == "ratio" && *share <= 1.0)?;
        let rest = (1.0 - condition.above / share).max(0.0);
        let (bound, share) = (number(condition.above), number(share));
        let told = format!("{} min × (1 − {bound} / {share})", minutes(condition.window_ms));
        Some((condition.window_ms as f64 * rest, Some(told)))
    };
    let at_most = |condition: &PlannedCondition| (condition.window_ms as f64, None);
    let each = alerts.conditions.iter().map(|condition| shares(condition).unwrap_or_else(|| at_most(condition)));
    each.min_by(|one, other| one.0.total_cmp(&other.0))
}
