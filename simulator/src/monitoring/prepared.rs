//! What an engine is made of, worked out once for all drills that ask for the same: rules and readings read, the past as
//! samples.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use alert_rules::alerts::Restored;
use alert_rules::{Alerting, Expr, Labels, RuleFile, SeriesId, Store, Together};
use fake_node::http::Request;
use fake_node::metrics::{Metrics, SeriesName};
use operator_agent::protocol::{AlertState, Monitoring, PastAlert};

use super::past;
use crate::time::{MS, Us};

/// Kept at a time, some megabytes each. The drills of a machine ask for one, those of an exploration for some.
const KEPT_MAX: usize = 16;
/// Series that Prometheus makes itself and this model does not.
const OWN: [&str; 3] = ["ALERTS", "prometheus_", "scrape_"];
/// Whether the last scrape of a target brought a page.
pub(super) const UP: &str = "up";

/// What was prepared already. All clones share it: nothing that happens depends on what is in it.
#[derive(Debug, Clone, Default)]
pub struct Engines(Arc<RwLock<Vec<Arc<Prepared>>>>);

impl Engines {
    /// What this asks for, for a node at this port.
    ///
    /// # Errors
    /// What cannot be done, in words.
    pub(super) fn prepare(&self, monitoring: &Arc<Monitoring>, port: u16) -> Result<Arc<Prepared>, String> {
        // A list that was being written to when somebody panicked is whole all the same.
        let is = |one: &&Arc<Prepared>| one.port == port && (Arc::ptr_eq(&one.of, monitoring) || one.of == *monitoring);
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).iter().find(is).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let prepared = Arc::new(Prepared::new(monitoring, port)?);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < KEPT_MAX {
            known.push(prepared.clone());
        }
        Ok(prepared)
    }
}

/// What an engine is made of.
#[derive(Debug)]
pub(super) struct Prepared {
    /// What was asked for.
    pub(super) of: Arc<Monitoring>,
    pub(super) port: u16,
    /// A scrape, as Prometheus sends it.
    pub(super) request: Request,
    pub(super) groups: Vec<Group>,
    /// All rules by name, each inactive.
    pub(super) rules: BTreeMap<String, AlertState>,
    /// For each of them the groups that have a rule of its name, and the rule's place there.
    pub(super) of_name: Vec<Vec<(usize, usize)>>,
    /// What the agent reads by name, each without a value, and the expressions in the same order.
    pub(super) readings: (BTreeMap<String, Option<f64>>, Together),
    /// The past; its end is at 0.
    pub(super) store: Store,
    /// The alerts that were active at the past's end, and by their labels how long they had been and had fired.
    pub(super) active: BTreeMap<Labels, PastAlert>,
    /// When the node is scraped.
    pub(super) scrape: Due,
    /// The series of [`UP`], where something rests on it.
    pub(super) up: Option<Labels>,
    /// Places in `store` of what a node shows in every drill. They are the same in all copies, which so share which series
    /// there are, and what selectors mean.
    pub(super) places: BTreeMap<SeriesName, Option<SeriesId>>,
    /// The same in the order of a page.
    pub(super) page: Vec<(SeriesName, Option<SeriesId>)>,
    exprs: Vec<Expr>,
    /// The metrics that they rest on.
    metrics: BTreeSet<String>,
}

/// What a node is asked on an operator's machine: deployed to and invoked by the agent, checked, and scraped.
const REQUESTS: [(&str, &str, u16); 7] = [
    ("/functions", "POST", 200),
    ("/functions/:id/invoke", "POST", 200),
    ("/functions/:id/invoke", "POST", 404),
    ("/functions/:id/invoke", "POST", 429),
    ("/functions/:id/invoke", "POST", 500),
    ("/healthz", "GET", 200),
    ("/metrics", "GET", 200),
];

/// Rules that are evaluated together.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) due: Due,
    pub(super) alerting: Alerting,
}

/// When something is done again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) period: Us,
    /// Past each whole period of the wall clock.
    offset: Us,
}

impl Due {
    fn of(period_ms: u64, who: &str) -> Due {
        let period = period_ms.saturating_mul(MS).max(MS);
        Due { period, offset: fnv(who) % period }
    }

    /// How long until the next time, from a moment of the wall clock.
    pub(super) fn wait(&self, unix_us: Us) -> Us {
        let since = unix_us % self.period;
        let wait = self.offset + self.period - since;
        if wait > self.period { wait - self.period } else { wait }
    }
}

/// FNV-1a with 64 bits (Fowler, Noll, Vo), by which Prometheus spreads scrapes and evaluations.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

impl Prepared {
    fn new(monitoring: &Arc<Monitoring>, port: u16) -> Result<Prepared, String> {
        monitoring.check()?;
        let file = RuleFile::read(&monitoring.rules, "the rules").map_err(|error| error.to_string())?;
        if file.rules().next().is_none() {
            return Err("the rules have no rule of an alert".to_owned());
        }
        let mut readings = Vec::new();
        for (name, text) in &monitoring.readings {
            readings.push(Expr::parse(text).map_err(|why| format!("the reading {name}: {why}"))?);
        }
        let exprs: Vec<Expr> = file.rules().map(|rule| &rule.expr).chain(&readings).cloned().collect();
        let metrics: BTreeSet<String> = exprs.iter().flat_map(Expr::metrics).collect();
        if let Some(metric) = metrics.iter().find(|metric| OWN.iter().any(|own| metric.starts_with(own))) {
            return Err(format!("{metric} is a series of Prometheus' own, which the simulator does not make"));
        }
        let groups = file.groups.iter().map(|group| Group {
            due: Due::of(group.interval_ms.unwrap_or(monitoring.evaluate_ms), &group.name),
            alerting: Alerting::of(&group.rules),
        });
        let rules: BTreeMap<_, _> = file.rules().map(|rule| (rule.name.clone(), AlertState::Inactive)).collect();
        let instance = format!("127.0.0.1:{port}");
        let target = [("job", monitoring.job.as_str()), ("instance", instance.as_str())];
        let up = Labels::metric(UP, target);
        let mut prepared = Prepared {
            of: monitoring.clone(),
            port,
            request: Request::new("GET", "/metrics")
                .header("host", &instance)
                .header("user-agent", "Prometheus/2.53.3")
                .header("accept", "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
            groups: groups.collect(),
            of_name: rules.keys().map(|rule| of_name(&file, rule)).collect(),
            rules,
            readings: (monitoring.readings.keys().map(|name| (name.clone(), None)).collect(), Together::new(readings)),
            store: past::store(monitoring, &target)?,
            active: monitoring.active.iter().map(|alert| (labels_of(alert), alert.clone())).collect(),
            scrape: Due::of(monitoring.scrape_ms, &format!("{}|{instance}", monitoring.job)),
            up: exprs.iter().any(|expr| expr.sees(&up)).then_some(up),
            places: BTreeMap::new(),
            page: Vec::new(),
            exprs,
            metrics,
        };
        prepared.make_places();
        Ok(prepared)
    }

    /// What is known of its alerts at a moment: what the last of Prometheus' samples by then says. The past has one for each
    /// evaluation. Both in the store's time, whose 0 is that moment of the wall clock.
    pub(super) fn known(&self, at_ms: i64, zero_unix_ms: i64) -> BTreeMap<Labels, Restored> {
        let every = i64::try_from(self.of.evaluate_ms).unwrap_or(i64::MAX).max(1);
        let known = |alert: &PastAlert| {
            let since_ms = 0i64.saturating_sub_unsigned(alert.active_ms);
            let last_ms = at_ms.min(0) - at_ms.min(0).rem_euclid(every);
            (last_ms >= since_ms).then(|| Restored::of(since_ms, last_ms, zero_unix_ms))
        };
        self.active.iter().filter_map(|(labels, alert)| Some((labels.clone(), known(alert)?))).collect()
    }

    fn make_places(&mut self) {
        let mut usual = Metrics::default();
        for (route, method, status) in REQUESTS {
            usual.requests_answered(route, method, status, 1);
        }
        let mut page = Vec::new();
        usual.samples(false, |series, _| {
            // What the release decides is not the same in every drill.
            let Some(own) = series.labels(None) else { return };
            let own = own.iter().map(|(name, value)| (*name, value.as_str()));
            let labels = self.labels(&series.name(), own);
            page.push((series, labels.and_then(|labels| self.store.series_id(&labels))));
        });
        self.places = page.iter().copied().collect();
        self.page = page;
        // No drill has to find the series that are there by now.
        self.groups.iter_mut().for_each(|group| group.alerting.settle(&self.store));
        self.readings.1.settle(&self.store);
    }

    /// The labels that the engine gives to a sample of the node's page, if a rule or a reading rests on it.
    pub(super) fn labels<'a>(&self, name: &str, own: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Labels> {
        if !self.metrics.contains(name) {
            return None;
        }
        // A target's own labels are stronger than those of its page.
        let instance = format!("127.0.0.1:{}", self.port);
        let target = [("job", self.of.job.as_str()), ("instance", instance.as_str())];
        let labels = Labels::metric(name, own).with(target);
        self.exprs.iter().any(|expr| expr.sees(&labels)).then_some(labels)
    }
}

/// The rules of a name: their groups, and their places there.
fn of_name(file: &RuleFile, name: &str) -> Vec<(usize, usize)> {
    let rules = |(number, group): (usize, &alert_rules::Group)| {
        let places = group.rules.iter().enumerate().filter(|(_, rule)| rule.name == name);
        places.map(|(place, _)| (number, place)).collect::<Vec<_>>()
    };
    file.groups.iter().enumerate().flat_map(rules).collect()
}

fn labels_of(alert: &PastAlert) -> Labels {
    Labels::new(alert.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_again_is_done_at_the_same_places_of_the_wall_clock() {
        let due = Due { period: 250, offset: 40 };
        for (now, wait) in [(0, 40), (39, 1), (40, 250), (41, 249), (249, 41), (1000, 40)] {
            assert_eq!(due.wait(now), wait, "{now}");
            assert_eq!((now + due.wait(now)) % 250, 40);
        }
        assert_eq!(fnv("a"), 0xaf63_dc4c_8601_ec8c);
        assert!(Due::of(250, "x").offset < 250 * MS);
    }
}
