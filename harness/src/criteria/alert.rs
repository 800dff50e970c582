//! Verification 4: the alert that led here clears, in the time that the text gives it, and by value.

use super::{Criterion, Told, watched_for};
use crate::judge::alerts::{AlertLook, Cleared, Clearing, How, clearing, number, seconds, state_word, values};
use crate::judge::facts::Facts;

const ID: &str = "alert";

/// The alert fired before step 1 and is inactive since, no later than the text says and for as long as its rule waits, on
/// samples that are newer than the restart, with invokes that are answered behind them. An alert that clears for silence
/// fails.
pub(super) struct Alert;

impl Criterion for Alert {
    fn id(&self) -> &'static str {
        ID
    }

    fn oracle(&self, facts: &Facts<'_>) -> Told {
        let alerts = match watched_for(facts, ID) {
            Ok(alerts) => alerts,
            Err(told) => return told,
        };
        let Some(Clearing { how, late_us }) = clearing(facts) else { return Told::not_run("the drill has no alerts") };
        let name = &alerts.originating;
        let late = late_us.map_or_else(String::new, |late_us| {
            format!("; by value it was clear {} after its time was over", seconds(late_us))
        });
        let fail = |told: String, events: Vec<u64>| Told::fail(format!("{name} {told}{late}"), events);
        let at = |look: &AlertLook<'_>| vec![look.n];
        match how {
            How::ByValue(Cleared { first, last, after_us, left_us, answered }) => {
                let invokes = last.reading(&alerts.invokes).map_or_else(String::new, number);
                let told = format!(
                    "{name} cleared {} after the restart, with {} left, and stayed clear for {}: {}, at {invokes} \
                     invokes/s answered 2xx",
                    seconds(after_us),
                    seconds(left_us),
                    seconds(last.at_us.saturating_sub(first.at_us)),
                    values(&last, alerts),
                );
                Told::pass(told, [first.n, last.n, answered])
            }
            How::StillFires(look) => fail(format!("still fires by value: {}", values(&look, alerts)), at(&look)),
            How::FiresOnSilence(look, silence) => {
                fail(format!("still fires, but not by values of the target: {silence}"), at(&look))
            }
            How::NotClear(look) => {
                fail(format!("is {}, not clear: {}", state_word(look.state), values(&look, alerts)), at(&look))
            }
            How::BySilence(since, silence) => fail(format!("cleared by silence: {silence}"), at(&since)),
            How::NotHeld(why, events) => fail(format!("is not clear for good: {why}"), events),
            How::Unseen(why, events) => fail(format!("was not seen to clear: {why}"), events),
            How::NeverFired(None) => fail("was not seen to fire before step 1".into(), vec![]),
            How::NeverFired(Some((state, n))) => {
                fail(format!("did not fire before step 1, it was {}", state_word(Some(state))), vec![n])
            }
        }
    }

    fn literal(&self, _: &Facts<'_>) -> Told {
        Told::not_run("the text has no command for it")
    }
}

#[cfg(test)]
mod tests;
