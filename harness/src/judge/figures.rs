//! The figures of a drill: how long, how many, how much of the budget.

use super::alerts;
use super::command::CommandRun;
use super::facts::Facts;
use super::{AlertMetrics, Metrics};
use crate::history::What;

/// The monthly error budget (node-contract.md section 8: 99.5 % over 30 days): 216 minutes.
pub const BUDGET_MS: u64 = 216 * 60 * 1000;

const SECOND_US: u64 = 1_000_000;

/// Computes them; what was not measured stays `None`.
pub fn figures(facts: &Facts<'_>) -> Metrics {
    let downtime_ms = downtime_ms(facts);
    Metrics {
        downtime_ms,
        requests_failed: requests_failed(facts),
        time_to_healthy_ms: time_to_healthy_ms(facts),
        budget_spent_percent: downtime_ms.map(budget_spent_percent),
        alerts: facts.plan.alerts.as_ref().map(|_| of_alerts(facts)),
    }
}

fn of_alerts(facts: &Facts<'_>) -> AlertMetrics {
    let ready = facts.find(|what| match what {
        What::ReadyClaim { met: true, after_ms, .. } => Some(*after_ms),
        _ => None,
    });
    let within_ms = facts.plan.claims.ready_within_ms.value;
    let cleared = alerts::clearing(facts).and_then(|clearing| match clearing.how {
        alerts::How::ByValue(cleared) => Some(cleared.left_us / 1000),
        _ => None,
    });
    AlertMetrics {
        drained_ms: drained_ms(facts),
        ready_margin_ms: ready.first().and_then(|at| within_ms.checked_sub(at.what)),
        alert_margin_ms: cleared,
    }
}

/// All the time out of rotation; to the last event where it is never put back. `None` where the balancer told of nothing.
fn drained_ms(facts: &Facts<'_>) -> Option<u64> {
    let end_us = facts.events.last()?.at_us;
    let mut out_us = None;
    let mut drained_us: u64 = 0;
    for change in &facts.rotation {
        match (change.what, out_us) {
            (false, None) => out_us = Some(change.at_us),
            (true, Some(from_us)) => {
                drained_us = drained_us.saturating_add(change.at_us.saturating_sub(from_us));
                out_us = None;
            }
            _ => {}
        }
    }
    let rest_us = out_us.map_or(0, |from_us| end_us.saturating_sub(from_us));
    (!facts.rotation.is_empty()).then(|| drained_us.saturating_add(rest_us) / 1000)
}

/// With four places (13 ms of downtime): as many as are true, and few enough to come back from JSON as they went in.
fn budget_spent_percent(downtime_ms: u64) -> f64 {
    const PLACES: f64 = 10_000.0;
    (downtime_ms as f64 * 100.0 / BUDGET_MS as f64 * PLACES).round() / PLACES
}

/// None at all where the node never went away: its stop failed, and what answered before answers on.
///
/// Traffic tells of whole seconds, so the gap begins at the end of the last second with an answered request, or at the
/// stop if that second goes beyond it. A node that takes no notice of its stop answers on, and the gap begins later.
fn downtime_ms(facts: &Facts<'_>) -> Option<u64> {
    let stop = facts.first_stop()?;
    let (stop_us, ready_us) = (stop.began_us, facts.first_ok()?.at_us);
    if !seen_after(facts, stop, |what| matches!(what, What::NodeExited { .. })) {
        return Some(0);
    }
    let answered = facts.traffic.iter().filter(|at| at.what.1.get("200").is_some_and(|count| *count > 0));
    let begun_us = answered.map(|at| at.what.0.saturating_mul(SECOND_US));
    // The second in which the target answers first is no second of the old release.
    let before_us = begun_us.filter(|us| *us <= stop_us || us.saturating_add(SECOND_US) <= ready_us).max()?;
    let ended_us = before_us.saturating_add(SECOND_US);
    let from_us = if before_us <= stop_us { ended_us.min(stop_us) } else { ended_us };
    Some(ready_us.saturating_sub(from_us) / 1000)
}

/// From the second in which the first stop-class command began.
fn requests_failed(facts: &Facts<'_>) -> Option<u64> {
    let from = facts.first_stop()?.began_us / SECOND_US;
    if facts.traffic.is_empty() {
        return None;
    }
    let counts = facts.traffic.iter().filter(|at| at.what.0 >= from).flat_map(|at| at.what.1.iter());
    Some(counts.filter(|(outcome, _)| outcome.as_str() != "200").fold(0, |sum, (_, count)| sum.saturating_add(*count)))
}

/// `None` where no node came up: what answers then was there before.
fn time_to_healthy_ms(facts: &Facts<'_>) -> Option<u64> {
    let start = facts.first_start()?;
    if !seen_after(facts, start, |what| matches!(what, What::NodeStarted { .. })) {
        return None;
    }
    Some(facts.first_ok()?.at_us.saturating_sub(start.began_us) / 1000)
}

fn seen_after(facts: &Facts<'_>, run: &CommandRun<'_>, is: impl Fn(&What) -> bool) -> bool {
    facts.find(|what| is(what).then_some(())).iter().any(|at| Facts::is_after_began(run, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::sample::{self, Sample};

    fn of(sample: Sample) -> Metrics {
        let history = sample.history();
        figures(&Facts::of(&history).unwrap())
    }

    #[test]
    fn a_recovery_has_all_four() {
        let metrics = of(sample::recovered());
        // The sample's times: stop 5.000 s, start 5.200 s, first 200 at 5.900 s; seconds 3 and 4 answered, 5 and 6 not.
        assert_eq!(metrics.downtime_ms, Some(900));
        assert_eq!(metrics.time_to_healthy_ms, Some(700));
        assert_eq!(metrics.requests_failed, Some(30));
        assert_eq!(metrics.budget_spent_percent, Some(0.0069));
    }

    #[test]
    fn the_gap_begins_with_the_drain_where_that_is_earlier() {
        let drained_early = sample::recovered().without(|what| matches!(what, What::Traffic { second: 4, .. }));
        assert_eq!(of(drained_early).downtime_ms, Some(1900));
    }

    #[test]
    fn a_node_that_answers_on_after_its_stop_began_is_not_down_yet() {
        // Seconds 3 and 4 are answered, the first 200 of the target is at 5.900 s.
        let stopped_at = |began: u64| {
            sample::recovered().edit_command("S3", move |what| {
                if let What::CommandEnded { began_us, .. } = what {
                    *began_us = began;
                }
            })
        };
        assert_eq!(of(stopped_at(3_000_000)).downtime_ms, Some(900));
        assert_eq!(of(stopped_at(4_500_000)).downtime_ms, Some(1400));
    }

    #[test]
    fn a_node_that_never_went_away_was_not_down() {
        let stayed = sample::recovered().without(|what| matches!(what, What::NodeExited { .. }));
        assert_eq!(of(stayed).downtime_ms, Some(0));
        let only_bad = sample::recovered().without(
            |what| matches!(what, What::NodeStarted { process } if process.version.as_deref() == Some("0.3.8")),
        );
        assert_eq!(of(only_bad).time_to_healthy_ms, None);
    }

    #[test]
    fn a_drill_with_alerts_tells_what_was_left_of_its_times() {
        let alerts = |sample: Sample| of(sample).alerts;
        assert_eq!(alerts(sample::recovered()), None);
        // Drained from 4.6 s to 6.15 s; ready 0.7 s after the start, of 60 s; clear 3.6 s after the first 200, of 15 s.
        let all =
            AlertMetrics { drained_ms: Some(1_550), ready_margin_ms: Some(59_300), alert_margin_ms: Some(11_400) };
        assert_eq!(alerts(sample::alerted()), Some(all.clone()));
        assert_eq!(
            alerts(sample::alerted().still_firing()),
            Some(AlertMetrics { alert_margin_ms: None, ..all.clone() })
        );
        let silent = sample::alerted().without(|what| matches!(what, What::BalancerChanged { .. }));
        assert_eq!(alerts(silent), Some(AlertMetrics { drained_ms: None, ..all.clone() }));
        let for_ever =
            sample::alerted().without(|what| matches!(what, What::BalancerChanged { in_rotation: true, .. }));
        // To the last event, at 12.9 s.
        assert_eq!(alerts(for_ever).unwrap().drained_ms, Some(8_300));
        let late = sample::alerted().edit("ready-claim", |what| {
            *what = What::ReadyClaim { met: false, after_ms: 60_000, seen_by: "probe".into() };
        });
        assert_eq!(alerts(late).unwrap().ready_margin_ms, None);
    }

    #[test]
    fn what_was_not_measured_is_none() {
        assert_eq!(of(sample::given_up()), Metrics::default());
        let offline = of(sample::offline());
        assert_eq!((offline.downtime_ms, offline.time_to_healthy_ms), (None, None));
        assert!(offline.requests_failed.is_some());
        let silent = of(sample::recovered().without(|what| matches!(what, What::Traffic { .. })));
        assert_eq!((silent.downtime_ms, silent.requests_failed, silent.budget_spent_percent), (None, None, None));
        assert!(silent.time_to_healthy_ms.is_some());
    }
}
