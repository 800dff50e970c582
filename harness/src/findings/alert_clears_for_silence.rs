//! `alert-clears-for-silence`: the alert went away because nothing was measured, and the text takes that for a success.

use std::collections::BTreeMap;

use super::{FindingRule, Found, line_of};
use crate::history::event::{AlertState, Block};
use crate::judge::CriterionResult;
use crate::judge::alerts::{AlertLook, How, Silence, clearing, fired_first, looks, seconds, us};
use crate::judge::facts::Facts;

/// Somebody who looks at the alert believes it: it was inactive at the end of its time, or since the stop for as long as
/// its rule waits, and at every look something else than a recovery was the reason.
pub(super) struct AlertClearsForSilence;

impl FindingRule for AlertClearsForSilence {
    fn id(&self) -> &'static str {
        "alert-clears-for-silence"
    }

    fn find(&self, facts: &Facts<'_>, _: &BTreeMap<String, CriterionResult>) -> Vec<Found> {
        let Some(alerts) = &facts.plan.alerts else { return Vec::new() };
        if !fired_first(facts).is_some_and(|first| first.what.1) {
            return Vec::new();
        }
        let found = |why: &Silence, since: &AlertLook<'_>, for_us: Option<u64>| Found {
            line: line_of(facts, "alert"),
            message: format!(
                "{} was inactive{}, and that shows nothing: {why}; the text asks for no more than that it clears",
                alerts.originating,
                for_us.map_or_else(String::new, |for_us| format!(" for {}", seconds(for_us))),
            ),
            events: vec![since.n],
        };
        let judged = facts.plan.criteria.iter().any(|id| id == "alert") && facts.not_verified().is_none();
        if judged && let Some(How::BySilence(since, why)) = clearing(facts).map(|clearing| clearing.how) {
            return vec![found(&why, &since, None)];
        }
        // Before the target's process is there, whatever is scraped is not of it.
        let Some(stop) = facts.first_stop() else { return Vec::new() };
        // What comes after the verification is the harness's: its traffic ends. In the failure path nobody hopes any more.
        let verified = facts.block_ended(Block::Verification).map(|(n, _)| n);
        let until_n = facts.failure_path().or(verified).unwrap_or(u64::MAX);
        let hidden = |look: &AlertLook<'_>| {
            let inactive = look.state == Some(AlertState::Inactive) && (stop.n..until_n).contains(&look.n);
            if inactive { look.clears_for_silence(alerts, 0) } else { None }
        };
        let all = looks(facts, alerts);
        for run in all.chunk_by(|look, next| hidden(look).is_some() && hidden(next).is_some()) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            let for_us = last.at_us.saturating_sub(first.at_us);
            if let Some(why) = hidden(first)
                && for_us >= us(alerts.hold_ms)
            {
                return vec![found(&why, first, Some(for_us))];
            }
        }
        Vec::new()
    }
}
