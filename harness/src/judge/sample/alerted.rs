//! The recovery with alerts: the alert that led there fires at 2.5 s, clears at 9.5 s by value, and is watched to 11.55 s;
//! service levels to 12.55 s. Times are a sixtieth of the real ones.

use std::collections::BTreeMap;

use super::{Sample, drills::recovered, second};
use crate::history::event::{AlertState, PlannedAlerts, PlannedCondition, PlannedSli, Scrape, What};
use crate::runbook::claims::Range;

/// Name of the rule that leads to the drill.
pub const ALERT: &str = "SampleBurn";
/// When it clears, milliseconds.
pub const CLEARS_MS: u64 = 9_500;
/// When its watch ends, milliseconds.
pub const WATCHED_MS: u64 = 11_550;
/// When all watching ends, milliseconds.
const ENDS_MS: u64 = 12_550;
/// Later than anything, milliseconds.
pub const EVER_MS: u64 = 1_000_000;
/// What is later than this in the plain recovery comes after the watch.
const REST_MS: u64 = 9_200;

/// When looks are taken, and what share of 5xx the shorter window of the rule shows; `None`: no 5xx in it at all.
const LOOKS: [(u64, Option<f64>); 15] = [
    (1_500, Some(0.3)),
    (2_500, Some(0.31)),
    (3_500, Some(0.312)),
    (4_500, Some(0.312)),
    (5_100, Some(0.312)),
    (5_450, Some(0.312)),
    (6_500, Some(0.27)),
    (7_500, Some(0.2)),
    (8_500, Some(0.11)),
    (CLEARS_MS, Some(0.05)),
    (10_000, Some(0.02)),
    (11_000, None),
    (11_500, None),
    (12_000, None),
    (12_500, None),
];

/// A service level: id, whether more is better, target, unit, value without samples, objective over, value, backing.
type Level = (&'static str, bool, f64, &'static str, Option<f64>, Option<u64>, Option<f64>, f64);

const MONTH_MS: u64 = 30 * 24 * 60 * 60 * 1000;

const LEVELS: [Level; 5] = [
    ("availability_http", true, 0.995, "ratio", None, Some(MONTH_MS), Some(1.0), 31.0),
    ("error_rate_invoke", false, 0.01, "ratio", Some(0.0), None, None, 20.0),
    ("invoke_p95", false, 0.1, "seconds", None, None, Some(0.021), 20.0),
    ("healthz_p95", false, 0.01, "seconds", None, None, Some(0.004), 5.0),
    ("dispatch_p95", false, 0.000_05, "seconds", None, None, Some(0.000_02), 20.0),
];

fn planned() -> PlannedAlerts {
    let condition = |number: u32, window_ms| PlannedCondition {
        reading: format!("condition-{number}"),
        above: 0.072,
        unit: "ratio".into(),
        window_ms,
    };
    let level = |(id, at_least, target, unit, without_samples, objective_over_ms, _, _): &Level| PlannedSli {
        id: (*id).into(),
        reading: format!("sli-{id}"),
        at_least: *at_least,
        target: *target,
        unit: (*unit).into(),
        window_ms: 5_000,
        without_samples: *without_samples,
        backing: format!("traffic-{id}"),
        objective_over_ms: *objective_over_ms,
    };
    PlannedAlerts {
        scale: 60,
        originating: ALERT.into(),
        conditions: vec![condition(1, 5_000), condition(2, 60_000)],
        hold_ms: 2_000,
        clears_within_ms: Range { from: 5_000, to: 15_000 },
        // Over before it clears: the sample's windows are full of the target by then.
        refills_after_ms: 3_500,
        scrape_ms: 250,
        evaluate_ms: 500,
        invokes: "invokes".into(),
        slis: LEVELS.iter().map(level).collect(),
    }
}

fn look(at_ms: u64, share: Option<f64>) -> What {
    let state = match at_ms {
        0..2_500 => AlertState::Pending,
        2_500..CLEARS_MS => AlertState::Firing,
        _ => AlertState::Inactive,
    };
    let mut readings: BTreeMap<String, Option<f64>> = BTreeMap::new();
    readings.insert("condition-1".into(), share);
    readings.insert("condition-2".into(), Some(0.28));
    readings.insert("invokes".into(), Some(19.6));
    for (id, _, _, _, _, _, value, backing) in LEVELS {
        readings.insert(format!("sli-{id}"), value);
        readings.insert(format!("traffic-{id}"), Some(backing));
    }
    // The node is down from 5.05 s to 5.3 s.
    let ok = at_ms != 5_100;
    let error = if ok { String::new() } else { "connection refused".into() };
    let at_us = if ok { at_ms - 100 } else { 5_000 } * 1000;
    let alerts = BTreeMap::from([(ALERT.to_owned(), state)]);
    What::AlertsSeen { alerts, readings, scrape: Scrape { ok, at_us: Some(at_us), error } }
}

/// A recovery that all five criteria pass.
pub fn alerted() -> Sample {
    let mut drill = recovered().edit_plan(|plan| {
        plan.criteria = ["version", "health", "metrics", "alert", "slo"].map(str::to_owned).to_vec();
        plan.verification.extend([("alert".to_owned(), 109), ("slo".to_owned(), 110)]);
        plan.alerts = Some(planned());
    });
    for (at_us, _) in drill.events.iter_mut().filter(|(at_us, _)| *at_us >= REST_MS * 1000) {
        *at_us += (ENDS_MS - REST_MS + 50) * 1000;
    }
    drill.add(1_000, What::MonitoringBegan);
    for (at_ms, share) in LOOKS {
        drill.add(at_ms, look(at_ms, share));
    }
    drill.add(
        2_600,
        What::Notified { alert: ALERT.into(), key: format!("{{}}:{{alertname=\"{ALERT}\"}}"), resolved: false },
    );
    drill.add(4_020, What::AlertFirst { alert: ALERT.into(), state: AlertState::Firing, met: true });
    for full in 9..12 {
        drill.add(full * 1000 + 1000, second(full, &[("200", 24)]));
    }
    let watched = |criterion: &str, from_ms: u64, until_ms: u64| What::Watched {
        criterion: criterion.into(),
        from_us: from_ms * 1000,
        until_us: until_ms * 1000,
    };
    drill.add(WATCHED_MS, watched("alert", 9_150, WATCHED_MS));
    drill.add(ENDS_MS, watched("slo", WATCHED_MS, ENDS_MS));
    drill.events.sort_by_key(|(at_us, _)| *at_us);
    drill
}

/// What a look saw, for a test to change.
pub struct Seen<'s> {
    /// Alerts by name.
    pub alerts: &'s mut BTreeMap<String, AlertState>,
    /// Readings by name.
    pub readings: &'s mut BTreeMap<String, Option<f64>>,
    /// The scraping.
    pub scrape: &'s mut Scrape,
}

impl Seen<'_> {
    /// Puts the alert into another state.
    pub fn state(&mut self, state: AlertState) {
        self.alerts.insert(ALERT.into(), state);
    }

    /// Changes a reading.
    pub fn read(&mut self, name: &str, value: Option<f64>) {
        self.readings.insert(name.into(), value);
    }
}

impl Sample {
    /// Changes what was seen of alerts from one time to another, the latter not included, milliseconds.
    pub fn edit_alerts(mut self, from_ms: u64, to_ms: u64, edit: impl Fn(&mut Seen<'_>)) -> Sample {
        for (at_us, what) in &mut self.events {
            if let What::AlertsSeen { alerts, readings, scrape } = what
                && (from_ms * 1000..to_ms * 1000).contains(at_us)
            {
                edit(&mut Seen { alerts, readings, scrape });
            }
        }
        self
    }

    /// Leaves out the looks at alerts from one time to another, the latter not included, milliseconds.
    pub fn without_alerts(mut self, from_ms: u64, to_ms: u64) -> Sample {
        let between = |at_us: u64| (from_ms * 1000..to_ms * 1000).contains(&at_us);
        self.events.retain(|(at_us, what)| !(matches!(what, What::AlertsSeen { .. }) && between(*at_us)));
        self
    }

    /// From this time on the rules engine is not seen, and it is said that nobody answers, milliseconds.
    pub fn engine_gone(self, from_ms: u64) -> Sample {
        let mut gone = self.without_alerts(from_ms, EVER_MS);
        let from_us = from_ms * 1000;
        let index = gone.events.iter().position(|(at_us, _)| *at_us >= from_us).unwrap_or(gone.events.len());
        gone.events.insert(index, (from_us, What::AlertsUnseen { why: "http://127.0.0.1:9090: refused".into() }));
        gone
    }

    /// The alert fires by value to the end of its time and of its hold; so nobody declares the incident over.
    pub fn still_firing(self) -> Sample {
        let fires = self.watched_to_the_end().edit_alerts(CLEARS_MS, EVER_MS, |seen| {
            seen.state(AlertState::Firing);
            seen.read("condition-1", Some(0.312));
        });
        fires.without(|what| matches!(what, What::DeclaredOver))
    }

    /// Both points of verification are watched to the end: 5.9 s, 15 s for the alert, 2 s for its hold, 2.5 s for looks.
    pub fn watched_to_the_end(mut self) -> Sample {
        const END_MS: u64 = 25_400;
        for (at_us, what) in &mut self.events {
            if let What::Watched { until_us, .. } = what {
                (*at_us, *until_us) = (END_MS * 1000, END_MS * 1000);
            } else if *at_us > ENDS_MS * 1000 {
                *at_us += (END_MS - ENDS_MS) * 1000;
            }
        }
        for second in 13..=25 {
            self.add(second * 1000, look(second * 1000, None));
        }
        self.events.sort_by_key(|(at_us, _)| *at_us);
        self
    }
}
