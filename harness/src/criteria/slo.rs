//! Verification 5: the service levels are met again, each with the traffic that backs it.

use super::{Criterion, Told, watched_for};
use crate::history::event::{PlannedAlerts, PlannedSli};
use crate::judge::alerts::{
    AlertLook, Restart, Silence, looks, number, pause_max_us, seconds, unseen_since, us, watched,
};
use crate::judge::facts::Facts;

const ID: &str = "slo";

/// In two looks in succession, the last of the watch, every reading is on the right side of its target, with requests
/// behind it. Two, because a single one can fall on a moment at which the windows hold little; and both are taken when the
/// longest window holds nothing from before the restart.
pub(super) struct Slo;

impl Criterion for Slo {
    fn id(&self) -> &'static str {
        ID
    }

    fn oracle(&self, facts: &Facts<'_>) -> Told {
        let alerts = match watched_for(facts, ID) {
            Ok(alerts) => alerts,
            Err(told) => return told,
        };
        let watch = watched(facts, ID);
        let before_n = watch.map_or(u64::MAX, |at| at.n);
        let Some(restart) = Restart::of(facts, before_n) else {
            return Told::fail("no 200 of the target was seen", []);
        };
        let Some(window_ms) = alerts.slis.iter().map(|sli| sli.window_ms).max() else {
            return Told::fail("no service level is known", []);
        };
        let from_us = restart.ready_us.saturating_add(us(window_ms));
        let full = |look: &AlertLook<'_>| restart.is_before(look) && look.at_us >= from_us && look.n < before_n;
        let looks: Vec<AlertLook<'_>> = looks(facts, alerts).into_iter().filter(full).collect();
        let [.., earlier, later] = looks.as_slice() else {
            let seen: Vec<u64> = looks.iter().map(|look| look.n).collect();
            let because = unseen_since(facts, seen.last().copied().unwrap_or_default()).filter(|why| why.n < before_n);
            let why = because.map_or_else(String::new, |because| format!(": {}", because.what));
            let (count, after) = (if seen.is_empty() { "no" } else { "one" }, seconds(us(window_ms)));
            let told = format!("{count} look from {after} after the restart on, two are wanted{why}");
            return Told::fail(told, seen.into_iter().chain(because.map(|because| because.n)).collect::<Vec<_>>());
        };
        let until_us = watch.map_or(later.at_us, |at| at.what);
        let unseen_us = later.at_us.saturating_sub(earlier.at_us).max(until_us.saturating_sub(later.at_us));
        if unseen_us > pause_max_us(alerts) {
            let because = unseen_since(facts, earlier.n).filter(|because| because.n < before_n);
            let why = because.map_or_else(String::new, |because| format!(": {}", because.what));
            let events = [earlier.n, later.n].into_iter().chain(because.map(|because| because.n));
            return Told::fail(format!("nobody looked for {}{why}", seconds(unseen_us)), events.collect::<Vec<_>>());
        }
        for look in [earlier, later] {
            if let Some(silence) = look.silence(alerts, restart.began_us) {
                return Told::fail(silence.to_string(), [look.n]);
            }
            let missed: Vec<String> = alerts.slis.iter().filter_map(|sli| missed(sli, look)).collect();
            if !missed.is_empty() {
                return Told::fail(missed.join(", "), [look.n]);
            }
        }
        let Some(answered) = restart.answered(facts, before_n) else {
            return Told::fail(Silence::NoneAnswered.to_string(), [earlier.n, later.n]);
        };
        Told::pass(in_words(alerts, later), [earlier.n, later.n, answered])
    }

    fn literal(&self, _: &Facts<'_>) -> Told {
        Told::not_run("the text has no command for it")
    }
}

/// What a service level is at a look: a share of requests of which none is of its kind is known all the same.
fn value(sli: &PlannedSli, look: &AlertLook<'_>) -> Option<f64> {
    look.reading(&sli.reading).or(sli.without_samples)
}

/// Why it is not met, if it is not.
fn missed(sli: &PlannedSli, look: &AlertLook<'_>) -> Option<String> {
    let id = &sli.id;
    if look.reading(&sli.backing).unwrap_or_default() <= 0.0 {
        return Some(format!("{id} has no traffic behind it"));
    }
    let Some(value) = value(sli, look) else { return Some(format!("{id} has no number")) };
    let met = if sli.at_least { value >= sli.target } else { value <= sli.target };
    let (side, unit) = (if sli.at_least { "<" } else { ">" }, unit(sli));
    (!met).then(|| format!("{id} is {} {side} {}{unit}{}", number(value), number(sli.target), in_place_of(sli)))
}

fn in_words(alerts: &PlannedAlerts, look: &AlertLook<'_>) -> String {
    let told = |sli: &PlannedSli| {
        let value = value(sli, look).map_or_else(|| "no number".into(), number);
        let backing = look.reading(&sli.backing).map_or_else(String::new, number);
        let (side, unit) = (if sli.at_least { "≥" } else { "≤" }, unit(sli));
        format!("{} {value} {side} {}{unit} at {backing}/s{}", sli.id, number(sli.target), in_place_of(sli))
    };
    alerts.slis.iter().map(told).collect::<Vec<_>>().join(", ")
}

fn unit(sli: &PlannedSli) -> &'static str {
    if sli.unit == "seconds" { " s" } else { "" }
}

/// What is said of one whose own objective is over a longer time.
fn in_place_of(sli: &PlannedSli) -> String {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    sli.objective_over_ms.map_or_else(String::new, |over_ms| {
        let over = if over_ms >= DAY_MS { format!("{} days", over_ms / DAY_MS) } else { seconds(us(over_ms)) };
        format!(" (what it spends now, in place of {over})")
    })
}

#[cfg(test)]
mod tests;
