//! The notifier, Alertmanager with each alert in a group of its own: it tells receivers of an alert at once when it hears of
//! it first, and of each change at the group's next interval; never of the same again.

use std::collections::{BTreeMap, BTreeSet};

use alert_rules::Labels;
use operator_agent::engine::notifier::HOLDS_MS;

use crate::time::{MS, SECOND, Us};

/// The engine sends an alert that goes on again after it (`--rules.alert.resend-delay` on operator hosts).
const RESEND: Us = 2 * SECOND;
/// Between two notices of one group (`group_interval` there).
const GROUP_INTERVAL: Us = SECOND;

/// For how long it takes an alert of the past to fire that the engine never tells it of.
const HOLDS: Us = HOLDS_MS * MS;

/// What the engine has sent, and the notifier told.
#[derive(Debug, Clone)]
pub(super) struct Notifier {
    /// From when on the engine knows where it is; what it sends before comes to nothing.
    found: Us,
    /// Alerts that fire.
    sent: BTreeMap<Labels, Sent>,
    groups: BTreeMap<Labels, Group>,
}

/// An alert as the engine sends it.
#[derive(Debug, Clone, Copy)]
struct Sent {
    /// Since when it fires.
    since: Us,
    /// When it was sent last.
    last: Us,
}

/// An alert that the notifier has heard of.
#[derive(Debug, Clone)]
struct Group {
    began: Us,
    /// Since when it fires: `startsAt`, on the agent's clock. It keeps the earliest as long as it fires.
    since: i64,
    fires: bool,
    /// When it is over by itself: of the past, and the engine has not sent it yet.
    ends: Option<Us>,
    /// As which it was told.
    told: bool,
    /// When that is to be told anew.
    due: Option<Us>,
}

/// What comes of news.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Notices {
    /// Told now: the alert, and whether it is resolved.
    pub(super) told: Vec<(Labels, bool)>,
    /// When [`Notifier::at`] has something to tell.
    pub(super) due: Vec<Us>,
}

impl Notifier {
    /// One that has heard of nothing.
    pub(super) fn new(found: Us) -> Notifier {
        Notifier { found, sent: BTreeMap::new(), groups: BTreeMap::new() }
    }

    /// It is told of what had fired before the engine was started, and since when.
    pub(super) fn given(&mut self, now: Us, fired: impl IntoIterator<Item = (Labels, i64)>) -> Notices {
        let mut notices = Notices::default();
        for (alert, since) in fired {
            let ends = now + HOLDS;
            let group = Group { began: now, since, fires: true, ends: Some(ends), told: true, due: Some(ends) };
            self.groups.insert(alert.clone(), group);
            notices.told.push((alert, false));
            notices.due.push(ends);
        }
        notices
    }

    /// Rules were evaluated; what fired of them before, and what does now.
    pub(super) fn evaluated(&mut self, now: Us, before: &BTreeSet<Labels>, firing: &BTreeSet<Labels>) -> Notices {
        let mut notices = Notices::default();
        for alert in firing {
            let sent = self.sent.get(alert).copied();
            if sent.is_none_or(|sent| sent.last.saturating_add(RESEND) < now) {
                let since = sent.map_or(now, |sent| sent.since);
                self.sent.insert(alert.clone(), Sent { since, last: now });
                self.hears(now, alert, Some(since), &mut notices);
            }
        }
        for alert in before.difference(firing) {
            self.sent.remove(alert);
            self.hears(now, alert, None, &mut notices);
        }
        notices
    }

    /// The engine says of an alert since when it fires, or that it does not any more.
    fn hears(&mut self, now: Us, alert: &Labels, since: Option<Us>, notices: &mut Notices) {
        if now < self.found {
            return;
        }
        let fires = since.is_some();
        match self.groups.get_mut(alert) {
            Some(group) => {
                // What it is told anew while it fires is merged with what it knows.
                group.since = match since.map(signed) {
                    Some(since) if group.fires => group.since.min(since),
                    Some(since) => since,
                    None => group.since,
                };
                group.fires = fires;
                if group.ends.take().is_some() {
                    group.due = None;
                }
                if group.told != fires && group.due.is_none() {
                    let intervals = (now - group.began) / GROUP_INTERVAL + 1;
                    let due = group.began + intervals * GROUP_INTERVAL;
                    group.due = Some(due);
                    notices.due.push(due);
                }
            }
            None => {
                // Of one that does not fire nobody was told that it did.
                let Some(since) = since else { return };
                let group = Group { began: now, since: signed(since), fires, ends: None, told: true, due: None };
                self.groups.insert(alert.clone(), group);
                notices.told.push((alert.clone(), false));
            }
        }
    }

    /// The alerts that fire as far as it has heard, and since when.
    pub(super) fn firing(&self) -> impl Iterator<Item = (&Labels, i64)> {
        self.groups.iter().filter(|(_, group)| group.fires).map(|(alert, group)| (alert, group.since))
    }

    /// What is due now is told.
    pub(super) fn at(&mut self, now: Us) -> Vec<(Labels, bool)> {
        let mut told = Vec::new();
        self.groups.retain(|alert, group| {
            if group.due.is_none_or(|due| due > now) {
                return true;
            }
            group.due = None;
            group.fires &= group.ends.take().is_none();
            if group.told != group.fires {
                group.told = group.fires;
                told.push((alert.clone(), !group.fires));
            }
            group.fires
        });
        told
    }
}

fn signed(at: Us) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::MS;

    fn alerts(names: &[&str]) -> BTreeSet<Labels> {
        names.iter().map(|name| Labels::new([("alertname", name)])).collect()
    }

    /// Firing alerts at milliseconds, and what is told then or at the intervals in between.
    fn told(found_ms: u64, evaluations: &[(u64, &[&str])]) -> Vec<(u64, String, bool)> {
        let mut notifier = Notifier::new(found_ms * MS);
        let (mut before, mut due, mut all) = (alerts(&[]), BTreeSet::new(), Vec::new());
        let mut add = |at: Us, told: Vec<(Labels, bool)>| {
            all.extend(told.into_iter().map(|(labels, resolved)| (at / MS, labels.get("alertname").into(), resolved)));
        };
        for (at_ms, names) in evaluations {
            let (now, firing) = (at_ms * MS, alerts(names));
            while let Some(at) = due.first().copied().filter(|at| *at <= now) {
                due.remove(&at);
                add(at, notifier.at(at));
            }
            let notices = notifier.evaluated(now, &before, &firing);
            add(now, notices.told);
            due.extend(notices.due);
            before = firing;
        }
        all
    }

    #[test]
    fn an_alert_is_told_at_once_and_its_end_at_the_groups_next_interval() {
        let evaluations: &[(u64, &[&str])] =
            &[(0, &[]), (250, &["A"]), (500, &["A", "B"]), (2_400, &["B"]), (9_000, &["B"]), (9_100, &["A", "B"])];
        let expected = [(250, "A", false), (500, "B", false), (3_250, "A", true), (9_100, "A", false)];
        assert_eq!(told(0, evaluations), expected.map(|(at, alert, resolved)| (at, alert.to_owned(), resolved)));
    }

    #[test]
    fn it_has_what_fires_since_the_engine_saw_it_first() {
        let mut notifier = Notifier::new(3_000 * MS);
        let mut before = alerts(&[]);
        let mut evaluate = |at_ms: u64, names: &[&str]| {
            let firing = alerts(names);
            notifier.evaluated(at_ms * MS, &before, &firing);
            before = firing;
            notifier
                .firing()
                .map(|(labels, since)| (labels.get("alertname").to_owned(), since.unsigned_abs() / MS))
                .collect::<Vec<_>>()
        };
        let had =
            |had: &[(&str, u64)]| had.iter().map(|(alert, at_ms)| ((*alert).to_owned(), *at_ms)).collect::<Vec<_>>();
        assert_eq!(evaluate(1_000, &["A"]), had(&[]), "sent for nothing");
        assert_eq!(evaluate(3_250, &["A", "B"]), had(&[("A", 1_000), ("B", 3_250)]));
        assert_eq!(evaluate(9_000, &["A"]), had(&[("A", 1_000)]));
        assert_eq!(evaluate(9_250, &[]), had(&[]));
        // It is told anew only at the interval, and is there from when it is heard of.
        assert_eq!(evaluate(9_500, &["A"]), had(&[("A", 9_500)]));
    }

    #[test]
    fn of_the_past_it_keeps_the_beginning_and_ends_it_where_the_engine_does_not() {
        let mut notifier = Notifier::new(5_000 * MS);
        let past = ["A", "B"].map(|name| (Labels::new([("alertname", name)]), -30_000_000));
        let notices = notifier.given(1_000 * MS, past);
        assert_eq!((notices.told.len(), notices.due), (2, vec![21_000 * MS; 2]));
        let mut evaluate = |at_ms: u64, before: &[&str], names: &[&str]| {
            let notices = notifier.evaluated(at_ms * MS, &alerts(before), &alerts(names));
            assert_eq!(notices.told, [], "both are known");
            notices.due
        };
        // Sent before the notifier is found, and again when it is.
        assert!(evaluate(2_000, &[], &["A"]).is_empty());
        assert!(evaluate(6_000, &["A"], &["A"]).is_empty());
        assert_eq!(evaluate(9_900, &["A"], &[]), [10_000 * MS]);
        let sinces = |notifier: &Notifier| notifier.firing().map(|(_, since)| since).collect::<Vec<_>>();
        assert_eq!(sinces(&notifier), [-30_000_000], "B, of which nothing was heard");
        let told = |told: Vec<(Labels, bool)>| {
            told.into_iter().map(|(labels, over)| (labels.get("alertname").to_owned(), over)).collect::<Vec<_>>()
        };
        assert_eq!(told(notifier.at(10_000 * MS)), [("A".to_owned(), true)]);
        assert_eq!(told(notifier.at(21_000 * MS)), [("B".to_owned(), true)]);
        assert!(sinces(&notifier).is_empty());
        // It fires anew, and not since then.
        notifier.evaluated(22_000 * MS, &alerts(&[]), &alerts(&["A"]));
        assert_eq!(sinces(&notifier), [22_000_000]);
    }

    #[test]
    fn what_fires_again_before_the_interval_was_never_away() {
        let evaluations: &[(u64, &[&str])] = &[(0, &["A"]), (1_100, &[]), (1_200, &["A"]), (9_000, &["A"])];
        assert_eq!(told(0, evaluations), [(0, "A".to_owned(), false)]);
    }

    #[test]
    fn before_the_notifier_is_found_alerts_are_sent_for_nothing_and_then_again() {
        let evaluations: &[(u64, &[&str])] =
            &[(0, &["A", "B"]), (1_000, &["A"]), (2_000, &["A"]), (2_250, &["A"]), (3_000, &["A"]), (4_250, &["A"])];
        assert_eq!(told(3_000, evaluations), [], "sent at 0 and 2250, and next after 4250: B never again");
        let mut more = evaluations.to_vec();
        more.push((4_500, &["A"]));
        assert_eq!(told(3_000, &more), [(4_500, "A".to_owned(), false)]);
    }
}
