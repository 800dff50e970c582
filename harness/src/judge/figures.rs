//! The figures of a drill: how long, how many, how much of the budget.

use std::collections::BTreeMap;

use super::alerts;
use super::command::CommandRun;
use super::facts::{At, Facts};
use super::{AlertMetrics, Metrics};
use crate::history::What;

/// The monthly error budget (node-contract.md section 8: 99.5 % over 30 days): 216 minutes.
pub const BUDGET_MS: u64 = 216 * 60 * 1000;

const SECOND_US: u64 = 1_000_000;

/// Computes them; what was not measured stays `None`.
pub fn figures(facts: &Facts<'_>) -> Metrics {
    let downtime_ms = downtime_ms(facts);
    let outcomes = outcomes(facts);
    let held = held_across_stop(facts).first().map(|at| at.what);
    Metrics {
        downtime_ms,
        requests_failed: outcomes.as_ref().map(failed),
        time_to_healthy_ms: time_to_healthy_ms(facts),
        budget_spent_percent: downtime_ms.map(budget_spent_percent),
        outcomes,
        drained_ms: drained_ms(facts),
        ready_margin_ms: ready_margin_ms(facts),
        restart_ms: restart_ms(facts),
        restart_claim_held: restart_claim_held(facts),
        held_invoke: held.map(str::to_owned),
        in_flight_claim_held: held.map(|outcome| as_promised(facts, outcome)),
        alerts: facts.plan.alerts.as_ref().map(|_| AlertMetrics { alert_margin_ms: alert_margin_ms(facts) }),
    }
}

fn ready_margin_ms(facts: &Facts<'_>) -> Option<u64> {
    let ready = facts.find(|what| match what {
        What::ReadyClaim { met: true, after_ms, .. } => Some(*after_ms),
        _ => None,
    });
    ready.first().and_then(|at| facts.plan.claims.ready_within_ms.value.checked_sub(at.what))
}

fn alert_margin_ms(facts: &Facts<'_>) -> Option<u64> {
    match alerts::clearing(facts)?.how {
        alerts::How::ByValue(cleared) => Some(cleared.left_us / 1000),
        _ => None,
    }
}

/// From the stop to the first 200 of what was started, milliseconds: what a text means that says how long a restart takes.
pub fn restart_ms(facts: &Facts<'_>) -> Option<u64> {
    let (stop, ready) = (facts.first_stop()?, facts.first_ok()?);
    Some(ready.at_us.saturating_sub(stop.began_us) / 1000)
}

/// Where nothing came up, as soon as more time is over than was promised.
fn restart_claim_held(facts: &Facts<'_>) -> Option<bool> {
    let (promised, stop) = (&facts.plan.claims.restart_takes_ms.value, facts.first_stop()?);
    match restart_ms(facts) {
        Some(took_ms) => Some(took_ms <= promised.to),
        None => {
            let since_ms = facts.events.last()?.at_us.saturating_sub(stop.began_us) / 1000;
            (since_ms > promised.to).then_some(false)
        }
    }
}

/// What the calls got that were in flight when the first stop-class command began.
pub fn held_across_stop<'a>(facts: &Facts<'a>) -> Vec<At<&'a str>> {
    let Some(stop_us) = facts.first_stop().map(|stop| stop.began_us) else { return Vec::new() };
    facts.find(|what| match what {
        What::HeldInvoke { outcome, began_us, ended_us } if *began_us <= stop_us && *ended_us > stop_us => {
            Some(outcome.as_str())
        }
        _ => None,
    })
}

/// Whether an outcome is of the class of statuses that the text promises to a call in flight.
pub fn as_promised(facts: &Facts<'_>, outcome: &str) -> bool {
    let class = facts.plan.claims.in_flight_status_class.value.to_string();
    outcome.len() == 3 && outcome.starts_with(&class)
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
fn outcomes(facts: &Facts<'_>) -> Option<BTreeMap<String, u64>> {
    let from = facts.first_stop()?.began_us / SECOND_US;
    if facts.traffic.is_empty() {
        return None;
    }
    let mut outcomes = BTreeMap::new();
    for (outcome, count) in facts.traffic.iter().filter(|at| at.what.0 >= from).flat_map(|at| at.what.1) {
        let sum: &mut u64 = outcomes.entry(outcome.clone()).or_default();
        *sum = sum.saturating_add(*count);
    }
    Some(outcomes)
}

fn failed(outcomes: &BTreeMap<String, u64>) -> u64 {
    let failed = outcomes.iter().filter(|(outcome, _)| outcome.as_str() != "200");
    failed.fold(0, |sum, (_, count)| sum.saturating_add(*count))
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
    fn requests_are_counted_by_what_came_of_them() {
        let counted = |sample: Sample| of(sample).outcomes.unwrap();
        let told = |counts: &[(&str, u64)]| counts.iter().map(|(word, n)| ((*word).to_owned(), *n)).collect();
        // Of the seconds 5, 6 and 8; the stop is at 5.000 s.
        assert_eq!(counted(sample::recovered()), told(&[("200", 30), ("503", 30)]));
        let broken = sample::recovered().edit("traffic", |what| {
            if let What::Traffic { outcomes, .. } = what {
                *outcomes = told(&[("200", 1), ("refused", 2), ("reset", 3), ("timed-out", 4)]);
            }
        });
        assert_eq!(of(broken.clone()).requests_failed, Some(27));
        assert_eq!(counted(broken), told(&[("200", 3), ("refused", 6), ("reset", 9), ("timed-out", 12)]));
    }

    #[test]
    fn every_drill_tells_how_long_it_was_drained_and_what_was_left_of_its_times() {
        // Drained from 4.6 s to 6.15 s; ready 0.7 s after the start, of 60 s.
        for drill in [sample::recovered(), sample::alerted()] {
            let metrics = of(drill);
            assert_eq!((metrics.drained_ms, metrics.ready_margin_ms), (Some(1_550), Some(59_300)));
        }
        let silent = sample::alerted().without(|what| matches!(what, What::BalancerChanged { .. }));
        assert_eq!(of(silent).drained_ms, None);
        let for_ever =
            sample::alerted().without(|what| matches!(what, What::BalancerChanged { in_rotation: true, .. }));
        // To the last event, at 12.9 s.
        assert_eq!(of(for_ever).drained_ms, Some(8_300));
        let late = sample::alerted().edit("ready-claim", |what| {
            *what = What::ReadyClaim { met: false, after_ms: 60_000, seen_by: "probe".into() };
        });
        assert_eq!(of(late).ready_margin_ms, None);
    }

    #[test]
    fn a_drill_with_alerts_tells_what_was_left_of_the_alerts_time() {
        let margin = |sample: Sample| of(sample).alerts;
        assert_eq!(margin(sample::recovered()), None);
        // Clear 3.6 s after the first 200, of 15 s.
        assert_eq!(margin(sample::alerted()), Some(AlertMetrics { alert_margin_ms: Some(11_400) }));
        assert_eq!(margin(sample::alerted().still_firing()), Some(AlertMetrics { alert_margin_ms: None }));
    }

    #[test]
    fn a_restart_is_held_against_what_the_text_says_of_it() {
        let restart = |sample: Sample| (of(sample.clone()).restart_ms, of(sample).restart_claim_held);
        let promised = |to: u64| sample::recovered().edit_plan(|plan| plan.claims.restart_takes_ms.value.to = to);
        // Stop at 5.000 s, first 200 at 5.900 s. A shorter one harms nobody.
        assert_eq!(restart(sample::recovered()), (Some(900), Some(true)));
        assert_eq!(restart(promised(900)), (Some(900), Some(true)));
        assert_eq!(restart(promised(899)), (Some(900), Some(false)));
        // It never came up, and the drill went on for 76 s after the stop.
        assert_eq!(restart(sample::offline()), (None, Some(false)));
        let long = sample::offline().edit_plan(|plan| plan.claims.restart_takes_ms.value.to = 76_000);
        assert_eq!(restart(long), (None, None));
        assert_eq!(restart(sample::given_up()), (None, None));
    }

    #[test]
    fn the_call_in_flight_is_held_against_what_the_text_says_of_it() {
        let got = |outcome: &'static str| {
            let metrics = of(sample::recovered().edit("held-invoke", |what| {
                if let What::HeldInvoke { outcome: got, .. } = what {
                    *got = outcome.into();
                }
            }));
            (metrics.held_invoke.unwrap(), metrics.in_flight_claim_held.unwrap())
        };
        let cases = [("500", true), ("503", true), ("200", false), ("5", false), ("reset", false), ("refused", false)];
        for (outcome, held) in cases {
            assert_eq!(got(outcome), (outcome.to_owned(), held));
        }
        // Over before the stop, it says nothing.
        let early = sample::recovered().edit("held-invoke", |what| {
            if let What::HeldInvoke { ended_us, .. } = what {
                *ended_us = 5_000_000;
            }
        });
        let early = of(early);
        assert_eq!((early.held_invoke, early.in_flight_claim_held), (None, None));
    }

    #[test]
    fn what_was_not_measured_is_none() {
        // The balancer was watched, and it drained nobody.
        assert_eq!(of(sample::given_up()), Metrics { drained_ms: Some(0), ..Metrics::default() });
        let offline = of(sample::offline());
        assert_eq!((offline.downtime_ms, offline.time_to_healthy_ms), (None, None));
        assert!(offline.requests_failed.is_some());
        let silent = of(sample::recovered().without(|what| matches!(what, What::Traffic { .. })));
        assert_eq!((silent.downtime_ms, silent.requests_failed, silent.budget_spent_percent), (None, None, None));
        assert!(silent.time_to_healthy_ms.is_some());
    }
}
