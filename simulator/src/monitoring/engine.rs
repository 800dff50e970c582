//! The engine while it runs: its samples, its alerts, and how its scraping goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alert_rules::alerts::{Active, Tolerance};
use alert_rules::{AlertState, Alerting, Labels, Store, Together};
use operator_agent::protocol::{Firing, Happened, PastAlert, Scrape};

use super::MonitoringEvent;
use super::look::Told;
use super::notifier::{Notices, Notifier};
use super::prepared::Prepared;
use super::scrape::Series;
use crate::machine::Machine;
use crate::time::{Event, MS, Us};

/// The label with the rule's name.
const ALERT: &str = "alertname";
/// The label with where an alert leads.
const RUNBOOK: &str = "runbook";

/// Prometheus takes on since when alerts were active at a group's second evaluation (`run` in its rules/group.go).
const RESTORES: u8 = 2;

/// An engine that runs.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    pub(super) prepared: Arc<Prepared>,
    run: u32,
    /// The past and what was scraped; times in it are milliseconds from the past's end.
    pub(super) store: Store,
    past_ends_ms: i64,
    /// 0 of the store's time, milliseconds since 1970.
    zero_unix_ms: i64,
    /// By group.
    alerting: Vec<Alerting>,
    /// How often each was evaluated, up to [`RESTORES`].
    evaluated: Vec<u8>,
    /// What the agent reads, in the order of [`Prepared::readings`].
    pub(super) readings: Together,
    /// By rule, as of the last evaluations.
    pub(super) states: Vec<AlertState>,
    notifier: Notifier,
    /// How the scraping goes.
    pub(super) scrape: Scrape,
    pub(super) series: Series,
    pub(super) told: Option<Told>,
    /// That it is not seen has been told.
    pub(super) unseen: bool,
}

impl Engine {
    /// One that has done nothing yet. The past ends at that moment of the agent's clock, which began at that one of the wall
    /// clock, microseconds since 1970; the notifier is found at that one.
    pub(super) fn new(prepared: Arc<Prepared>, run: u32, past_ends: Us, found: Us, began_unix_us: i64) -> Engine {
        Engine {
            run,
            zero_unix_ms: began_unix_us.div_euclid(1000).saturating_add(whole_ms(past_ends)),
            store: prepared.store.clone(),
            past_ends_ms: whole_ms(past_ends),
            alerting: prepared.groups.iter().map(|group| group.alerting.clone()).collect(),
            evaluated: vec![0; prepared.groups.len()],
            readings: prepared.readings.1.clone(),
            states: vec![AlertState::Inactive; prepared.rules.len()],
            notifier: Notifier::new(found),
            scrape: Scrape { ok: false, at_us: None, error: String::new() },
            series: Series::default(),
            told: None,
            unseen: false,
            prepared,
        }
    }

    /// What it has not done yet of evaluating all rules and scraping the node; `None`: it is up.
    pub(super) fn missing(&self) -> Option<String> {
        if self.evaluated.contains(&0) {
            Some("not all rules have been evaluated".to_owned())
        } else if self.scrape.ok {
            None
        } else {
            Some(format!("the node has not been scraped ({:?})", self.scrape.error))
        }
    }

    /// A moment of the agent's clock in the store's time.
    pub(super) fn time_ms(&self, at: Us) -> i64 {
        whole_ms(at) - self.past_ends_ms
    }

    /// Evaluates a group, and has receivers told of what fires or does so no more.
    pub(super) fn evaluate(&mut self, machine: &mut Machine, group: usize) {
        let at_ms = self.time_ms(machine.now);
        let (Some(alerting), Some(evaluated)) = (self.alerting.get_mut(group), self.evaluated.get_mut(group)) else {
            return;
        };
        let before = firing(alerting);
        // A rule that cannot be evaluated keeps its alerts, and Prometheus tells nobody.
        let _ = alerting.evaluate(&self.store, at_ms);
        if *evaluated < RESTORES {
            *evaluated += 1;
            if *evaluated == RESTORES && !self.prepared.active.is_empty() {
                let known = self.prepared.known(at_ms, self.zero_unix_ms);
                alerting.restore(&known, at_ms, Tolerance { grace_ms: 0, ..Tolerance::default() });
            }
        }
        let notices = self.notifier.evaluated(machine.now, &before, &firing(alerting));
        self.pass_on(machine, notices);
        let state = |(group, place): &(usize, usize)| self.alerting.get(*group).map(|group| group.state_at(*place));
        for (known, of_name) in self.states.iter_mut().zip(&self.prepared.of_name) {
            *known = of_name.iter().filter_map(state).max().unwrap_or_default();
        }
    }

    /// Gives the notifier the alerts that had fired before now, and has receivers told of them.
    pub(super) fn give_past(&mut self, machine: &mut Machine, given: Us) {
        let ends_ms = self.past_ends_ms;
        let since = |alert: &PastAlert| {
            let since_ms = ends_ms.saturating_sub_unsigned(alert.firing_ms?);
            (since_ms <= whole_ms(given)).then(|| since_ms.saturating_mul(signed(MS)))
        };
        let active = self.prepared.clone();
        let fired = active.active.iter().filter_map(|(labels, alert)| Some((labels.clone(), since(alert)?)));
        let notices = self.notifier.given(machine.now, fired);
        self.pass_on(machine, notices);
    }

    fn pass_on(&self, machine: &mut Machine, notices: Notices) {
        tell(machine, notices.told);
        for due in notices.due {
            machine.queue.push(due, Event::Monitoring(MonitoringEvent::Notify(self.run)));
        }
    }

    /// Has receivers told of what is due.
    pub(super) fn notify(&mut self, machine: &mut Machine) {
        let told = self.notifier.at(machine.now);
        tell(machine, told);
    }

    /// The alerts that fire as the notifier has them, by rule; of several of one rule the one that began first.
    pub(super) fn firing(&self) -> BTreeMap<String, Firing> {
        let mut firing: BTreeMap<String, Firing> = BTreeMap::new();
        for (labels, since_us) in self.notifier.firing() {
            let runbook = Some(labels.get(RUNBOOK)).filter(|runbook| !runbook.is_empty()).map(str::to_owned);
            let seen = firing.entry(labels.get(ALERT).to_owned()).or_insert(Firing { runbook, since_us });
            seen.since_us = seen.since_us.min(since_us);
        }
        firing
    }

    /// Its alerts, by group.
    #[cfg(test)]
    pub(super) fn alerting(&self) -> &[Alerting] {
        &self.alerting
    }
}

fn tell(machine: &mut Machine, told: Vec<(Labels, bool)>) {
    for (labels, resolved) in told {
        // Its group has all of its labels, and hangs on the root of the routes, which asks for none.
        let key = format!("{{}}:{labels}");
        machine.report(Happened::Notified { alert: labels.get(ALERT).to_owned(), key, resolved });
    }
}

fn firing(alerting: &Alerting) -> BTreeSet<Labels> {
    let fires = |(labels, active): (&Labels, &Active)| (active.state == AlertState::Firing).then(|| labels.clone());
    alerting.active().filter_map(fires).collect()
}

/// Prometheus' clock has milliseconds.
fn whole_ms(at: Us) -> i64 {
    signed(at / MS)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
