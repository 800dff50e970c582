//! Which alerts were active when the past of a drill ended: the rules, evaluated over the counters that were made up for it. An
//! engine that had been running all that time would know, and its notifier would; one that is started for the drill is told.

use std::sync::{Arc, PoisonError, RwLock};

use alert_rules::{Alerting, RuleFile};
use operator_agent::protocol::{Monitoring, PastAlert, PastSeries};
use simulated_host::monitoring::past;

/// Pasts at a time of which it is known. Exploring asks for those of a few scenarios a thousand times a second, and to work one
/// out takes some milliseconds.
const KNOWN_MAX: usize = 16;

/// What was worked out already. Nothing that comes out depends on what is in it.
static KNOWN: RwLock<Vec<Arc<Known>>> = RwLock::new(Vec::new());

struct Known {
    rules: String,
    evaluate_ms: u64,
    incident_ms: u64,
    past: Vec<PastSeries>,
    active: Vec<PastAlert>,
}

/// The alerts that the past left active, with how long they had been and had fired, milliseconds of the drill. Nothing was wrong
/// before the incident, so none is older.
///
/// # Errors
/// A past that is none, and rules of which two samples would be one alert.
pub(super) fn active(rules: &RuleFile, monitoring: &Monitoring, incident_ms: u64) -> Result<Vec<PastAlert>, String> {
    let is = |known: &&Arc<Known>| {
        (known.evaluate_ms, known.incident_ms) == (monitoring.evaluate_ms, incident_ms)
            && known.rules == monitoring.rules
            && known.past == monitoring.past
    };
    // A list that was being written to when somebody panicked is whole all the same.
    if let Some(known) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).iter().find(is) {
        return Ok(known.active.clone());
    }
    let active = evaluated(rules, monitoring, incident_ms)?;
    let known = Known {
        rules: monitoring.rules.clone(),
        evaluate_ms: monitoring.evaluate_ms,
        incident_ms,
        past: monitoring.past.clone(),
        active: active.clone(),
    };
    let mut all = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if all.len() >= KNOWN_MAX {
        all.remove(0);
    }
    all.push(Arc::new(known));
    Ok(active)
}

fn evaluated(rules: &RuleFile, monitoring: &Monitoring, incident_ms: u64) -> Result<Vec<PastAlert>, String> {
    let store = past::store(monitoring, &[("job", monitoring.job.as_str())])?;
    let mut active = Vec::new();
    for group in &rules.groups {
        let every_ms = group.interval_ms.unwrap_or(monitoring.evaluate_ms).max(1);
        let mut alerting = Alerting::of(&group.rules);
        for evaluation in (0..=incident_ms / every_ms).rev() {
            let at_ms = 0i64.saturating_sub_unsigned(evaluation * every_ms);
            alerting.evaluate(&store, at_ms).map_err(|error| error.to_string())?;
        }
        for (labels, alert) in alerting.active() {
            active.push(PastAlert {
                labels: labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
                active_ms: alert.since_ms.unsigned_abs(),
                firing_ms: alert.firing_since_ms.map(i64::unsigned_abs),
            });
        }
    }
    Ok(active)
}

#[cfg(test)]
mod tests;
