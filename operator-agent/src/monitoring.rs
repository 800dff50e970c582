//! What harness and agent say to each other about alerts: the rules engine that a machine is to have, and what it is seen to
//! say. Part of the [`crate::protocol`].

use std::collections::BTreeMap;

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
    /// PromQL by name: the value of the first sample of each answer is told with every look.
    pub readings: BTreeMap<String, String>,
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
    /// The notifier's `startsAt`, microseconds on the agent's clock; of several with one name the earliest.
    pub since_us: u64,
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
}
