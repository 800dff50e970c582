//! `claim-overrun`: no 200 came within the time after which the text calls a rollback failed.

use std::collections::BTreeMap;

use super::{FindingRule, Found};
use crate::history::event::{KillReason, What};
use crate::judge::CriterionResult;
use crate::judge::facts::Facts;

pub(super) struct ClaimOverrun;

impl FindingRule for ClaimOverrun {
    fn id(&self) -> &'static str {
        "claim-overrun"
    }

    fn find(&self, facts: &Facts<'_>, _: &BTreeMap<String, CriterionResult>) -> Vec<Found> {
        let claim = &facts.plan.claims.ready_within_ms;
        let overrun = facts.find(|what| matches!(what, What::ReadyClaim { met: false, .. }).then_some(()));
        let Some(at) = overrun.first() else { return Vec::new() };
        let late = |why: &KillReason| matches!(why, KillReason::ClaimNotMet { .. });
        let endless = facts.commands.iter().find(|run| run.killed.is_some_and(|killed| late(killed.why)));
        let message = format!("no 200 within {} s of the start", claim.value / 1000);
        let (message, events) = match endless {
            None => (message, vec![at.n]),
            Some(run) => (
                format!("{message}; `{}` (line {}) does not end by itself and was killed", run.text, run.line),
                [vec![at.n], run.shown_by()].concat(),
            ),
        };
        vec![Found { line: Some(claim.line), message, events }]
    }
}
