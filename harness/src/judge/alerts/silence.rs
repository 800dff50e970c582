//! Why a look at the rules engine says nothing of the target.

use std::fmt;

use super::{AlertLook, pause_max_us, us};
use crate::history::event::PlannedAlerts;

/// A reason for which an alert can be inactive although nothing is shown to be well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Silence {
    /// The engine has no such rule.
    NoRule,
    /// The node cannot be scraped; in the engine's words.
    NoScrape(String),
    /// Nothing was scraped since the target's process appeared.
    OldSamples,
    /// The last scrape that brought something is long over, microseconds.
    NotFresh(u64),
    /// The balancer keeps traffic from the node.
    Drained,
    /// The node counts no invokes that it answers with 2xx.
    NoInvokes,
    /// The balancer saw no invoke answered 200 since the restart.
    NoneAnswered,
    /// A latency of nothing; the reading's name.
    NoReading(String),
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Silence::NoRule => write!(f, "the rules engine does not know its rule"),
            Silence::NoScrape(error) if error.is_empty() => write!(f, "the node cannot be scraped"),
            Silence::NoScrape(error) => write!(f, "the node cannot be scraped ({error})"),
            Silence::OldSamples => write!(f, "no sample is newer than the restart"),
            Silence::NotFresh(age_us) => write!(f, "the last sample is {} old", super::seconds(*age_us)),
            Silence::Drained => write!(f, "the node is out of rotation"),
            Silence::NoInvokes => write!(f, "the node answers no invokes with 2xx"),
            Silence::NoneAnswered => write!(f, "no invoke was answered 200 since the restart"),
            Silence::NoReading(name) => write!(f, "{name} has no samples"),
        }
    }
}

impl AlertLook<'_> {
    /// Why what the engine computes at this look does not come from the target with its traffic, if it does not.
    pub fn not_of_target(&self, alerts: &PlannedAlerts, began_us: u64) -> Option<Silence> {
        if self.state.is_none() {
            return Some(Silence::NoRule);
        }
        if !self.scrape.ok {
            return Some(Silence::NoScrape(crate::history::words::one_line(&self.scrape.error)));
        }
        let Some(scraped_us) = self.scrape.at_us.filter(|at_us| *at_us > began_us) else {
            return Some(Silence::OldSamples);
        };
        // One scrape apart, and one that takes its whole time (operator hosts give it an interval).
        let age_us = self.at_us.saturating_sub(scraped_us);
        if age_us > pause_max_us(alerts).saturating_add(us(alerts.scrape_ms).saturating_mul(2)) {
            return Some(Silence::NotFresh(age_us));
        }
        (!self.in_rotation).then_some(Silence::Drained)
    }

    /// The same, and why nobody would be served who is counted well.
    pub fn silence(&self, alerts: &PlannedAlerts, began_us: u64) -> Option<Silence> {
        let of_target = self.not_of_target(alerts, began_us);
        let unserved = || (self.reading(&alerts.invokes).unwrap_or_default() <= 0.0).then_some(Silence::NoInvokes);
        of_target.or_else(unserved)
    }

    /// The same, and why a latency was not measured: a share of nothing is none, a percentile of nothing is no percentile.
    pub fn clears_for_silence(&self, alerts: &PlannedAlerts, began_us: u64) -> Option<Silence> {
        let measured = |name: &str| self.reading(name).is_some();
        let unmeasured = alerts.conditions.iter().find(|of| of.unit != "ratio" && !measured(&of.reading));
        let unmeasured = || unmeasured.map(|condition| Silence::NoReading(condition.reading.clone()));
        self.silence(alerts, began_us).or_else(unmeasured)
    }
}
