//! What the rules of the node come to over a past that was made up.

use alert_rules::RuleFile;

use super::*;
use crate::prepare::past::{Span, past};
use crate::scenario::Alerts;

const RULES: &str = include_str!("../../../../scenarios/alerts/tensor-wasm.yml");
const ALERTS: Alerts = Alerts { scale: 60, incident_minutes: 180, errors_percent: 30, slow_percent: 0, lately: None };

/// By name, for how many seconds it had been active and had fired.
fn seconds(alerts: &Alerts) -> Vec<(String, f64, Option<f64>)> {
    let rules = RuleFile::read(RULES, "rules").unwrap().scaled(alerts.scale).unwrap();
    let scrape_ms = 15_000 / alerts.scale;
    let span = Span { longest_ms: 3 * 24 * 3_600_000, scrape_ms, kernels: false };
    let monitoring = Monitoring {
        rules: rules.to_yaml(),
        job: "tensor-wasm".into(),
        scrape_ms,
        evaluate_ms: 30_000 / alerts.scale,
        lookback_ms: 300_000 / alerts.scale,
        past: past(alerts, span),
        active: Vec::new(),
        readings: [].into(),
    };
    let active = active(&rules, &monitoring, alerts.incident_minutes * 60_000 / alerts.scale).unwrap();
    let told = Monitoring { active: active.clone(), ..monitoring };
    assert_eq!(told.check(), Ok(()));
    let s = |ms: u64| ms as f64 / 1000.0;
    let one = |alert: PastAlert| (alert.labels["alertname"].clone(), s(alert.active_ms), alert.firing_ms.map(s));
    active.into_iter().map(one).collect()
}

/// Before the incident samples are 15 s apart, and a long window that begins between two of them lacks the good service up to the
/// later one: so it has its share of errors earlier, by at most that share of 15 s. A rule is evaluated every half second.
fn near(seconds: f64, wanted: f64, share: f64) -> bool {
    (wanted - 1.0..=wanted + share * 15.0 + 1.0).contains(&seconds)
}

/// Of 24 invokes, 40 checks and 4 scrapes a second 7.2 are 5xx, a share of 0.106. So an hour has 0.072 of them after 41 minutes,
/// six hours 0.03 after 102, and three days 0.005 only after 204. Minutes are seconds here.
#[test]
fn an_alert_is_as_old_as_its_long_window_says() {
    let active = seconds(&ALERTS);
    let [(fast, fast_s, Some(fast_fires_s)), (slow, slow_s, Some(slow_fires_s))] = active.as_slice() else {
        panic!("{active:?}")
    };
    assert_eq!((fast.as_str(), slow.as_str()), ("TensorWasmAvailabilityFastBurn", "TensorWasmAvailabilitySlowBurn"));
    assert!(near(*fast_s, 180.0 - 40.8, 0.68) && near(*slow_s, 180.0 - 102.0, 0.284), "{active:?}");
    assert_eq!((fast_s - fast_fires_s, slow_s - slow_fires_s), (2.0, 15.0), "each its own `for`");
}

#[test]
fn one_that_was_not_there_for_long_enough_is_pending() {
    let active = seconds(&Alerts { incident_minutes: 110, ..ALERTS });
    assert!(matches!(active.as_slice(), [(_, _, Some(_)), (_, s, None)] if near(*s, 8.0, 0.284)), "{active:?}");
}

#[test]
fn where_nothing_was_wrong_nothing_was_active() {
    assert_eq!(seconds(&Alerts { errors_percent: 0, ..ALERTS }), []);
    assert_eq!(seconds(&Alerts { incident_minutes: 20, ..ALERTS }), [], "an hour has too few of them yet");
}
