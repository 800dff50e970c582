//! What harness and agent say to each other about alerts: the rules engine that a machine is to have, and what it is seen to
//! say. Part of the [`crate::protocol`].

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// A rules engine (Prometheus) with its notifier (Alertmanager), as a machine is to have it for a drill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Monitoring {
    /// A rule file as Prometheus reads it, its windows already shortened by the drill's time scale.
    pub rules: String,
    /// Value of the label `job` of the node's series.
    pub job: String,
    /// Between two scrapes of the node's /metrics, milliseconds.
    pub scrape_ms: u64,
    /// Between two evaluations of the rules, milliseconds. The agent looks as often.
    pub evaluate_ms: u64,
    /// How old a sample may be for a query to see it, milliseconds.
    pub lookback_ms: u64,
    /// The node's counters before the drill.
    pub past: Vec<PastSeries>,
    /// The alerts that the rules had over that past when it ends.
    #[serde(default)]
    pub active: Vec<PastAlert>,
    /// PromQL by name: the value of the first sample of each answer is told with every look.
    pub readings: BTreeMap<String, String>,
}

/// An hour: nobody scrapes, evaluates or looks back more seldom, so what is longer is a mistake in a unit.
const INTERVAL_MAX_MS: u64 = 3_600_000;
/// Bytes of a rule file; the node's six rules need 3 KiB.
const RULES_BYTES_MAX: usize = 256 << 10;
/// Series of a past: each route of the node with each status it has, and the buckets of three histograms, are some hundred.
const SERIES_MAX: usize = 1_000;
/// Alerts of a past: rules have one each, or one for each label set that they tell apart.
const ACTIVE_MAX: usize = 100;
/// Readings are asked for once a second, each in a request of its own.
const READINGS_MAX: usize = 64;

impl Monitoring {
    /// Refuses what Prometheus would read otherwise than it was meant, or what is too much.
    ///
    /// # Errors
    /// What it is, and what was wanted.
    pub fn check(&self) -> Result<(), String> {
        for (name, ms, most) in [
            ("scrape_ms", self.scrape_ms, INTERVAL_MAX_MS),
            ("evaluate_ms", self.evaluate_ms, INTERVAL_MAX_MS),
            ("lookback_ms", self.lookback_ms, INTERVAL_MAX_MS),
        ] {
            if !(1..=most).contains(&ms) {
                return Err(format!("{name} is {ms}; it has to be between 1 and {most}"));
            }
        }
        if self.job.is_empty() {
            return Err("the job of the node's series has no name".into());
        }
        for (what, count, most) in [
            ("bytes of rules", self.rules.len(), RULES_BYTES_MAX),
            ("series of the past", self.past.len(), SERIES_MAX),
            ("alerts of the past", self.active.len(), ACTIVE_MAX),
            ("readings", self.readings.len(), READINGS_MAX),
        ] {
            if count > most {
                return Err(format!("{count} {what}; {most} are the most"));
            }
        }
        let mut lengths = BTreeSet::new();
        for series in &self.past {
            lengths.insert(series.stretches.iter().fold(0u64, |sum, stretch| sum.saturating_add(stretch.for_ms)));
            check_names(series)?;
        }
        if lengths.len() > 1 {
            return Err(format!("the series of the past are not equally long: {lengths:?} ms"));
        }
        let longest_ms = lengths.last().copied().unwrap_or_default();
        self.active.iter().try_for_each(|alert| alert.check(longest_ms))
    }
}

/// An alert as it was when the past ended: pending, or firing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PastAlert {
    /// Its labels, `alertname` and those of its rule among them.
    pub labels: BTreeMap<String, String>,
    /// For how long its expression had held, milliseconds.
    pub active_ms: u64,
    /// For how long it had fired, milliseconds; `None`: it was pending.
    pub firing_ms: Option<u64>,
}

impl PastAlert {
    fn check(&self, longest_ms: u64) -> Result<(), String> {
        let Some(name) = self.labels.get("alertname") else {
            return Err(format!("an alert of the past has no alertname: {:?}", self.labels));
        };
        if let Some(label) = self.labels.keys().find(|label| !is_name(label, false)) {
            return Err(format!("{label:?} of {name} is no name of a label"));
        }
        let PastAlert { active_ms, firing_ms, .. } = self;
        if *active_ms > longest_ms {
            return Err(format!("{name} had been active for {active_ms} ms, and the past is {longest_ms} ms long"));
        }
        match firing_ms {
            Some(firing_ms) if firing_ms > active_ms => {
                Err(format!("{name} had fired for {firing_ms} ms, and been active for {active_ms} ms only"))
            }
            _ => Ok(()),
        }
    }
}

/// A counter as it was before the drill. It ends when the engine is started; all of one [`Monitoring`] are equally long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PastSeries {
    /// Name of the metric.
    pub name: String,
    /// Its labels but `job` and `instance`.
    pub labels: BTreeMap<String, String>,
    /// In the order of time.
    pub stretches: Vec<Stretch>,
}

/// A time in which a counter grew evenly.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stretch {
    /// How long, milliseconds.
    pub for_ms: u64,
    /// Between two samples, milliseconds.
    pub every_ms: u64,
    /// Growth.
    pub per_second: f64,
}

/// Samples of one series; more than three days of one a minute.
pub const PAST_POINTS_MAX: usize = 20_000;

impl PastSeries {
    /// Samples in the order of time: milliseconds before the end (0 is the end), and the counter's value, 0 at first.
    ///
    /// # Errors
    /// A pause of no length, or more samples than [`PAST_POINTS_MAX`].
    pub fn points(&self) -> Result<Vec<(u64, f64)>, String> {
        let mut left_ms = self.stretches.iter().fold(0u64, |sum, stretch| sum.saturating_add(stretch.for_ms));
        let mut value = 0.0;
        let mut points = vec![(left_ms, value)];
        for stretch in &self.stretches {
            if stretch.every_ms == 0 {
                return Err(format!("the past of {} has samples every 0 ms", self.name));
            }
            let mut rest_ms = stretch.for_ms;
            while rest_ms > 0 {
                let step_ms = stretch.every_ms.min(rest_ms);
                (rest_ms, left_ms) = (rest_ms - step_ms, left_ms - step_ms);
                value += stretch.per_second * step_ms as f64 / 1000.0;
                if points.len() >= PAST_POINTS_MAX {
                    return Err(format!("the past of {} has more than {PAST_POINTS_MAX} samples", self.name));
                }
                points.push((left_ms, value));
            }
        }
        Ok(points)
    }
}

fn check_names(series: &PastSeries) -> Result<(), String> {
    if !is_name(&series.name, true) {
        return Err(format!("{:?} is no name of a metric", series.name));
    }
    for label in series.labels.keys() {
        if !is_name(label, false) {
            return Err(format!("{label:?} of {} is no name of a label", series.name));
        }
        if label == "job" || label == "instance" {
            return Err(format!("{} has the label {label}, which the engine gives it", series.name));
        }
    }
    Ok(())
}

/// Prometheus's data model: letters, digits, `_`, and in metrics `:`; no digit first.
fn is_name(text: &str, colon: bool) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || (colon && byte == b':');
    text.bytes().all(fits) && text.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

/// What an alert is, over all its label sets: the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertState {
    /// Its expression gives nothing.
    Inactive,
    /// It holds, but not for as long as the rule wants.
    Pending,
    /// It fires.
    Firing,
}

/// An alert that fires, as the notifier has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Firing {
    /// Its label `runbook`: where it leads.
    pub runbook: Option<String>,
    /// The notifier's `startsAt`, microseconds on the agent's clock, below 0 where that was before the agent began; of several
    /// with one name the earliest.
    pub since_us: i64,
}

/// A graph that is looked at in two places: now, and so long before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Graph {
    /// PromQL; the first sample of its answer counts.
    pub query: String,
    /// How far apart the two places are, milliseconds.
    pub apart_ms: u64,
}

/// What a graph showed in two places.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwoPoints {
    /// The one before.
    pub earlier: Point,
    /// The one when it was looked at.
    pub later: Point,
}

/// What a graph showed in one place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Where: microseconds on the agent's clock, below 0 where that was before the agent began.
    pub at_us: i64,
    /// What the query came to there; `None`: the engine has no sample, or one that is not a number.
    pub value: Option<f64>,
    /// Why it could not be asked for, if it could not.
    pub failure: Option<String>,
}

/// How the engine's scraping of the node goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scrape {
    /// The last one brought a page of metrics.
    pub ok: bool,
    /// When the last one that did was begun, microseconds on the agent's clock; `None`: there has been none in this drill.
    pub at_us: Option<u64>,
    /// The engine's words where it did not.
    pub error: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(stretches: &[(u64, u64, f64)]) -> PastSeries {
        let stretch = |(for_ms, every_ms, per_second): &(u64, u64, f64)| Stretch {
            for_ms: *for_ms,
            every_ms: *every_ms,
            per_second: *per_second,
        };
        PastSeries {
            name: "x_total".into(),
            labels: BTreeMap::new(),
            stretches: stretches.iter().map(stretch).collect(),
        }
    }

    #[test]
    fn the_past_ends_now_and_grows_evenly_between_samples() {
        let points = past(&[(2_500, 1_000, 2.0), (500, 250, 4.0)]).points().unwrap();
        assert_eq!(points, [(3_000, 0.0), (2_000, 2.0), (1_000, 4.0), (500, 5.0), (250, 6.0), (0, 7.0)]);
        assert_eq!(past(&[]).points().unwrap(), [(0, 0.0)]);
    }

    #[test]
    fn what_would_not_end_is_refused() {
        assert!(past(&[(1, 0, 1.0)]).points().unwrap_err().contains("every 0 ms"));
        assert!(past(&[(20_000, 1, 1.0)]).points().unwrap_err().contains("more than 20000"));
        assert_eq!(past(&[(19_999, 1, 1.0)]).points().unwrap().len(), PAST_POINTS_MAX);
    }

    fn series(name: &str, labels: &[&str], for_ms: u64) -> PastSeries {
        let labels = labels.iter().map(|name| ((*name).to_owned(), String::new())).collect();
        PastSeries { name: name.into(), labels, ..past(&[(for_ms, 500, 3.0)]) }
    }

    fn alert(name: &str, active_ms: u64, firing_ms: Option<u64>) -> PastAlert {
        PastAlert { labels: BTreeMap::from([("alertname".to_owned(), name.to_owned())]), active_ms, firing_ms }
    }

    fn monitoring() -> Monitoring {
        Monitoring {
            rules: "groups: []\n".into(),
            job: "node".into(),
            scrape_ms: 250,
            evaluate_ms: 500,
            lookback_ms: 5_000,
            past: vec![series("x_total", &["status"], 1_000)],
            active: vec![alert("A", 900, Some(500))],
            readings: BTreeMap::new(),
        }
    }

    #[test]
    fn what_the_engine_would_read_otherwise_is_refused() {
        assert_eq!(monitoring().check(), Ok(()));
        let changed = |change: fn(&mut Monitoring)| {
            let mut monitoring = monitoring();
            change(&mut monitoring);
            monitoring.check().unwrap_err()
        };
        for (wanted, change) in [
            ("scrape_ms is 0; it has to be between 1 and 3600000", (|m| m.scrape_ms = 0) as fn(&mut Monitoring)),
            ("evaluate_ms is 0; it has to be between 1 and 3600000", |m| m.evaluate_ms = 0),
            ("lookback_ms is 3600001; it has to be between 1 and 3600000", |m| m.lookback_ms = 3_600_001),
            ("the job of the node's series has no name", |m| m.job.clear()),
            ("262145 bytes of rules; 262144 are the most", |m| m.rules = "#".repeat(262_145)),
            ("1001 series of the past; 1000 are the most", |m| m.past = vec![series("x", &[], 0); 1_001]),
            ("65 readings; 64 are the most", |m| {
                m.readings = (0..65).map(|n| (n.to_string(), String::new())).collect();
            }),
            ("the series of the past are not equally long: {1000, 1500} ms", |m| {
                m.past.push(series("y", &[], 1_500));
            }),
            ("101 alerts of the past; 100 are the most", |m| m.active = vec![alert("A", 1, None); 101]),
            ("an alert of the past has no alertname: {}", |m| m.active[0].labels.clear()),
            ("\"a-b\" of A is no name of a label", |m| {
                m.active[0].labels.insert("a-b".into(), String::new());
            }),
            ("A had been active for 1001 ms, and the past is 1000 ms long", |m| m.active[0].active_ms = 1_001),
            ("A had fired for 901 ms, and been active for 900 ms only", |m| m.active[0].firing_ms = Some(901)),
            ("\"\" is no name of a metric", |m| m.past[0].name.clear()),
            ("\"5x\" is no name of a metric", |m| m.past[0].name = "5x".into()),
            ("\"x} 1\\n\" is no name of a metric", |m| m.past[0].name = "x} 1\n".into()),
            ("\"a:b\" of x is no name of a label", |m| m.past = vec![series("x", &["a:b"], 0)]),
            ("x has the label job, which the engine gives it", |m| m.past = vec![series("x", &["job"], 0)]),
            ("x has the label instance, which the engine gives it", |m| {
                m.past = vec![series("x", &["instance"], 0)];
            }),
        ] {
            assert_eq!(changed(change), wanted);
        }
    }
}
