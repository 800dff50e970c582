//! How the alert that led here came out: cleared by value, cleared by silence, or firing still.

use super::{
    AlertLook, Restart, Silence, fired_first, looks, number, pause_max_us, seconds, unseen_since, us, watched,
};
use crate::history::event::{AlertState, PlannedAlerts};
use crate::judge::facts::Facts;

/// How the alert that led here came out in a drill.
#[derive(Debug, Clone, PartialEq)]
pub struct Clearing<'a> {
    /// How.
    pub how: How<'a>,
    /// By value it was clear only this long after its time was over, microseconds.
    pub late_us: Option<u64>,
}

/// The ways in which it can.
#[derive(Debug, Clone, PartialEq)]
pub enum How<'a> {
    /// It did not fire before step 1, or nobody saw whether it did.
    NeverFired(Option<(AlertState, u64)>),
    /// Nothing shows how it came out; why, and the events that say so.
    Unseen(String, Vec<u64>),
    /// Inactive by value within its time, and through the hold.
    ByValue(Cleared<'a>),
    /// By value it was clear, but not through the hold, or not to the end of the watch; why, and the events that show it.
    NotHeld(String, Vec<u64>),
    /// At the end of its time it fires, by value.
    StillFires(AlertLook<'a>),
    /// At the end of its time it fires, and what it fires for is not of the target.
    FiresOnSilence(AlertLook<'a>, Silence),
    /// At the end of its time it is neither clear nor firing by value.
    NotClear(AlertLook<'a>),
    /// At the end of its time it is inactive, and nothing shows that anything is well: since when, and why.
    BySilence(AlertLook<'a>, Silence),
}

/// An alert that cleared by value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cleared<'a> {
    /// The first look at which it was clear by value.
    pub first: AlertLook<'a>,
    /// The last look of the watch.
    pub last: AlertLook<'a>,
    /// From the target's first 200 to the first look, microseconds.
    pub after_us: u64,
    /// What was left of the time that the runbook gives it, microseconds.
    pub left_us: u64,
    /// The event of an invoke that was answered 200 behind it.
    pub answered: u64,
}

/// How it came out, as far as the History goes; `None` where the drill has no alerts.
pub fn clearing<'a>(facts: &Facts<'a>) -> Option<Clearing<'a>> {
    let alerts = facts.plan.alerts.as_ref()?;
    let only = |how| Some(Clearing { how, late_us: None });
    match fired_first(facts) {
        None => return only(How::NeverFired(None)),
        Some(first) if !first.what.1 => return only(How::NeverFired(Some((first.what.0, first.n)))),
        Some(_) => {}
    }
    let watch = watched(facts, "alert");
    let before_n = watch.map_or(u64::MAX, |at| at.n);
    let Some(restart) = Restart::of(facts, before_n) else {
        return only(How::Unseen("no 200 of the target was seen".into(), Vec::new()));
    };
    let until_us = watch.map_or_else(|| facts.events.last().map_or(0, |event| event.at_us), |at| at.what);
    let all: Vec<AlertLook<'_>> = looks(facts, alerts).into_iter().filter(|look| restart.is_before(look)).collect();
    // What else was watched afterwards tells whether the alert came back.
    let later = watched(facts, "slo").map_or(before_n, |at| at.n.max(before_n));
    let came_back = all.iter().find(|look| {
        (before_n..later).contains(&look.n) && look.state.is_some_and(|state| state != AlertState::Inactive)
    });
    let looks: Vec<AlertLook<'_>> = all.iter().copied().filter(|look| look.n < before_n).collect();
    let case = Case { facts, alerts, restart, before_n, until_us, looks: &looks };
    let clearing = case.clearing();
    match came_back {
        Some(look) if matches!(clearing.how, How::ByValue(_)) => {
            let back = state_word(look.state);
            let why = format!("it is {back} again {} after the restart", seconds(case.after_us(look)));
            only(How::NotHeld(why, vec![look.n]))
        }
        _ => Some(clearing),
    }
}

struct Case<'f, 'a> {
    facts: &'f Facts<'a>,
    alerts: &'f PlannedAlerts,
    restart: Restart,
    /// The event with which the watch ended.
    before_n: u64,
    until_us: u64,
    looks: &'f [AlertLook<'a>],
}

impl<'a> Case<'_, 'a> {
    fn clearing(&self) -> Clearing<'a> {
        let held = self.held();
        let over_us = self.time_is_over_us();
        // The hold counts once the shortest window has nothing from before the restart: until then the alert can be inactive
        // for the mixture in it, and what the harness itself asks of a node that has just come up is a part of that.
        let full_us = self.restart.ready_us.saturating_add(us(self.alerts.refills_after_ms));
        let held_us = held.last().map_or(0, |last| {
            last.at_us.saturating_sub(held.first().map_or(full_us, |first| first.at_us.max(full_us)))
        });
        let late_us = held.first().map(|first| first.at_us.saturating_sub(over_us)).filter(|late_us| *late_us > 0);
        if let (Some(first), Some(last)) = (held.first(), held.last())
            && late_us.is_none()
            && held_us >= us(self.alerts.hold_ms)
        {
            let how = match self.restart.answered(self.facts, self.before_n) {
                None => How::BySilence(*first, Silence::NoneAnswered),
                Some(answered) => How::ByValue(Cleared {
                    first: *first,
                    last: *last,
                    after_us: self.after_us(first),
                    left_us: over_us.saturating_sub(first.at_us),
                    answered,
                }),
            };
            return Clearing { how, late_us };
        }
        Clearing { how: self.at_its_end(held), late_us }
    }

    /// When the time that the runbook gives the alert is over.
    fn time_is_over_us(&self) -> u64 {
        self.restart.ready_us.saturating_add(us(self.alerts.clears_within_ms.to))
    }

    fn after_us(&self, look: &AlertLook<'_>) -> u64 {
        look.at_us.saturating_sub(self.restart.ready_us)
    }

    fn silence(&self, look: &AlertLook<'_>) -> Option<Silence> {
        look.clears_for_silence(self.alerts, self.restart.began_us)
    }

    fn clear_by_value(&self, look: &AlertLook<'_>) -> bool {
        look.state == Some(AlertState::Inactive) && !look.active_by_value(self.alerts) && self.silence(look).is_none()
    }

    /// The last looks of the watch, as far back as all are clear by value and none is missing between them.
    fn held(&self) -> &[AlertLook<'a>] {
        let mut from = self.looks.len();
        for (index, look) in self.looks.iter().enumerate().rev() {
            let next = self.looks.get(index + 1);
            if !self.clear_by_value(look) || next.is_some_and(|next| self.apart(look, next)) {
                break;
            }
            from = index;
        }
        self.looks.get(from..).unwrap_or_default()
    }

    fn apart(&self, look: &AlertLook<'_>, next: &AlertLook<'_>) -> bool {
        next.at_us.saturating_sub(look.at_us) > pause_max_us(self.alerts)
    }

    /// What it is at the end of its time, where it was not clear through a hold.
    fn at_its_end(&self, held: &[AlertLook<'a>]) -> How<'a> {
        let over_us = self.time_is_over_us();
        let Some(end) = self.looks.iter().rfind(|look| look.at_us <= over_us) else {
            return self.unseen("nobody looked at the alert between the restart and the end of its time", None);
        };
        if self.until_us < over_us {
            let (state, left) = (state_word(end.state), seconds(over_us.saturating_sub(self.until_us)));
            return How::Unseen(format!("it is {state}, and the watch ended {left} before its time"), vec![end.n]);
        }
        // A state that was told lasts until the next look tells another, but not longer than looks are apart.
        let next_us = self.looks.iter().find(|look| look.at_us > over_us).map_or(self.until_us, |next| next.at_us);
        let unseen_us = next_us.saturating_sub(end.at_us);
        if unseen_us > pause_max_us(self.alerts) {
            return self.unseen(&format!("nobody looked at the alert for {}", seconds(unseen_us)), Some(end.n));
        }
        match end.state {
            None => How::BySilence(*end, Silence::NoRule),
            Some(AlertState::Firing) => match end.not_of_target(self.alerts, self.restart.began_us) {
                Some(silence) => How::FiresOnSilence(*end, silence),
                None if end.active_by_value(self.alerts) => How::StillFires(*end),
                None => How::NotClear(*end),
            },
            Some(AlertState::Pending) => How::NotClear(*end),
            Some(AlertState::Inactive) => match self.silence(end) {
                Some(silence) => How::BySilence(self.inactive_since(end), silence),
                None if end.active_by_value(self.alerts) => How::NotClear(*end),
                None => self.not_held(held),
            },
        }
    }

    /// That nobody looked, since this look at the latest, and why where that is told.
    fn unseen(&self, told: &str, last: Option<u64>) -> How<'a> {
        let because = unseen_since(self.facts, last.unwrap_or_default()).filter(|because| because.n < self.before_n);
        let told = because.map_or_else(|| told.to_owned(), |because| format!("{told}: {}", because.what));
        How::Unseen(told, last.into_iter().chain(because.map(|because| because.n)).collect())
    }

    /// The first of the looks before this one, and it, at all of which the alert was inactive.
    fn inactive_since(&self, end: &AlertLook<'a>) -> AlertLook<'a> {
        let before = self.looks.iter().rev().filter(|look| look.n <= end.n);
        before.take_while(|look| look.state == Some(AlertState::Inactive)).last().copied().unwrap_or(*end)
    }

    /// Clear by value at the end of its time, but not through the hold.
    fn not_held(&self, held: &[AlertLook<'a>]) -> How<'a> {
        let before = self.looks.len().saturating_sub(held.len()).checked_sub(1).and_then(|index| self.looks.get(index));
        let (broken, events) = match (before, held.first()) {
            (Some(look), Some(first)) if self.clear_by_value(look) => {
                let pause = seconds(first.at_us.saturating_sub(look.at_us));
                (format!("nobody looked at it for {pause}"), vec![look.n, first.n])
            }
            (Some(look), first) => {
                (self.not_clear(look), [Some(look.n), first.map(|look| look.n)].into_iter().flatten().collect())
            }
            (None, first) => {
                let told = format!("the watch was over after {}", seconds(length_us(held)));
                (told, first.map(|look| look.n).into_iter().collect())
            }
        };
        let hold = seconds(us(self.alerts.hold_ms));
        How::NotHeld(format!("it was not seen clear by value for {hold} on end: {broken}"), events)
    }

    fn not_clear(&self, look: &AlertLook<'_>) -> String {
        let at = seconds(self.after_us(look));
        match (look.state, self.silence(look)) {
            (Some(AlertState::Inactive), Some(silence)) => format!("{silence}, {at} after the restart"),
            (Some(AlertState::Inactive), None) => format!("{at} after the restart {}", values(look, self.alerts)),
            (state, _) => format!("it is {} {at} after the restart", state_word(state)),
        }
    }
}

fn length_us(looks: &[AlertLook<'_>]) -> u64 {
    match (looks.first(), looks.last()) {
        (Some(first), Some(last)) => last.at_us.saturating_sub(first.at_us),
        _ => 0,
    }
}

pub(crate) fn state_word(state: Option<AlertState>) -> &'static str {
    match state {
        None => "unknown",
        Some(AlertState::Inactive) => "inactive",
        Some(AlertState::Pending) => "pending",
        Some(AlertState::Firing) => "firing",
    }
}

/// The values of an alert beside their bounds: `0.312 > 0.072 and 0.29 > 0.072`.
pub(crate) fn values(look: &AlertLook<'_>, alerts: &PlannedAlerts) -> String {
    let value = |condition: &crate::history::event::PlannedCondition| {
        let unit = if condition.unit == "seconds" { " s" } else { "" };
        let above = number(condition.above);
        match look.reading(&condition.reading) {
            Some(value) if value > condition.above => format!("{} > {above}{unit}", number(value)),
            Some(value) => format!("{} ≤ {above}{unit}", number(value)),
            None => format!("nothing counted, bound {above}{unit}"),
        }
    };
    let values: Vec<String> = alerts.conditions.iter().map(value).collect();
    values.join(" and ")
}
