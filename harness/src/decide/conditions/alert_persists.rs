//! `alert-persists`: an alert has been firing for so long, and does not abate.
//!
//! Terms: `alerts`; `firing_for`, at least so long; `better_by`, the percentage by which a burn rate has to have
//! fallen to count as abating; `better_over`, how far its two readings have to be apart, and how old the later one may
//! be. Readings are what an operator has at hand: the alert's own graph shows both. A yes or no would be the judgement
//! that is asked for.

use super::{Check, DAY, Holds, Judged, Kind, MINUTE, Rule, check, of_alerts, yes_if};
use crate::decide::input::{Alert, Burn, Input};
use crate::decide::moment::{Moment, length};
use crate::decide::terms::{Amount, Names, TermError, Terms};

pub(super) const KIND: Kind = Kind { id: "alert-persists", read };

#[derive(Debug)]
struct AlertPersists {
    alerts: Names,
    firing_for: Amount,
    better_by: Amount,
    better_over: Amount,
}

fn read(terms: &mut Terms) -> Result<Box<dyn Rule>, TermError> {
    Ok(Box::new(AlertPersists {
        alerts: terms.names("alerts")?,
        firing_for: terms.at_least("firing_for", MINUTE..=7 * DAY, "how long the alert has to have been firing")?,
        better_by: terms.percent("better_by", 1..=100, "the fall of a burn rate that counts as abating")?,
        better_over: terms.duration("better_over", MINUTE..=DAY, "the least time between its readings")?,
    }))
}

impl Rule for AlertPersists {
    fn alerts(&self) -> &[String] {
        &self.alerts.names
    }

    fn burns_over_ms(&self) -> Option<u64> {
        Some(self.better_over.value)
    }

    fn judge(&self, input: &Input) -> Judged {
        of_alerts(&self.alerts, input, |alert| {
            let checks = vec![self.long_enough(alert, input.now), self.not_better(alert, input.now)];
            Judged { checks, warnings: Vec::new() }
        })
    }
}

impl AlertPersists {
    fn long_enough(&self, alert: &Alert, now: Moment) -> Check {
        let fires = now.since(alert.since);
        let wanted = &self.firing_for;
        let said = format!("it has been firing for {}: wanted is {}", length(fires), wanted.shown());
        check(yes_if(fires >= ms(wanted)), wanted.line, said)
    }

    fn not_better(&self, alert: &Alert, now: Moment) -> Check {
        let line = self.better_by.line;
        let Some(Burn { earlier, later }) = alert.burn else {
            let said = match &alert.unread {
                Some(why) => format!("its burn rate at two moments is not known: {why}"),
                None => format!("its burn rate at two moments is not given (`burn` of `{}`)", alert.name),
            };
            return check(Holds::Unknown, line, said);
        };
        let (apart, age) = (later.at.since(earlier.at), now.since(later.at));
        let over = &self.better_over;
        if apart < ms(over) || age > ms(over) {
            let (apart, age, over) = (length(apart), length(age), over.shown());
            let said = format!(
                "the readings of its burn rate are {apart} apart and the later one is {age} old: wanted is at least that \
                 far apart and at most that old: {over}"
            );
            return check(Holds::Unknown, line, said);
        }
        let percent = self.better_by.value as f64;
        // By multiplication, so that whole figures are compared exactly.
        let abates = later.rate * 100.0 <= earlier.rate * (100.0 - percent);
        let said = format!(
            "its burn rate went from {} to {} in {}: abating is a fall by at least {}",
            earlier.rate,
            later.rate,
            length(apart),
            self.better_by.shown()
        );
        check(yes_if(!abates), line, said)
    }
}

fn ms(amount: &Amount) -> i64 {
    i64::try_from(amount.value).unwrap_or(i64::MAX)
}
