//! `errors`: a share of invokes is answered 5xx. In the bad release this is the incident itself.

use fake_node::release::Inborn;

use super::{Begins, Effect, FaultKind, Filled, Param, Seen, Whence};
use crate::history::What;
use crate::judge::facts::Facts;
use crate::scenario::Role;

pub(super) static KIND: FaultKind = FaultKind {
    id: "errors",
    about: "A share of invokes is answered 500.",
    whence: Whence::Inborn { releases: &[Role::Bad, Role::Good] },
    params: &[Param { name: SHARE, unit: "percent of invokes", min: 1, max: 100, default: Some(30), is_amount: true }],
    begins: Begins::WithTheDrill,
    effect,
    evidence,
};

const SHARE: &str = "share_percent";

fn effect(filled: &Filled<'_>) -> Effect {
    let share_percent = filled.param_u32(SHARE);
    Effect::Inborn { release: filled.role(), fault: Inborn::Errors { share_percent } }
}

/// In the bad release: red first was met; where the decision kept the drill from beginning, any 5xx. In the good one: 5xx
/// once it serves in rotation again, at least half the share (the balancer's own 503 comes only while the node is out of
/// rotation or does not answer).
fn evidence(facts: &Facts<'_>, filled: &Filled<'_>) -> Seen {
    match filled.role() {
        Role::Bad => {
            let met = facts.find(|what| match what {
                What::RedFirst { requests, server_errors, met: true, .. } if *server_errors > 0 => {
                    Some((*server_errors, *requests))
                }
                _ => None,
            });
            if let Some(at) = met.first() {
                return Some((format!("{} of {} requests were answered 5xx", at.what.0, at.what.1), vec![at.n]));
            }
            facts.declined()?;
            let Answered { errors, all, events } = Answered::since(facts, 0);
            (errors > 0).then(|| (format!("{errors} of {all} requests were answered 5xx"), events))
        }
        Role::Good => {
            let Answered { errors, all, events } = Answered::since(facts, back_in_rotation(facts)?);
            let enough = errors > 0 && errors.saturating_mul(200) >= all.saturating_mul(filled.param(SHARE));
            enough.then(|| (format!("{errors} of {all} requests to the good release were answered 5xx"), events))
        }
    }
}

/// Since when the good release serves in rotation, microseconds; `None` where it does not.
pub(super) fn back_in_rotation(facts: &Facts<'_>) -> Option<u64> {
    let ready = facts.first_ok()?;
    match facts.rotation.iter().rev().find(|at| at.at_us >= ready.at_us) {
        Some(back) => back.what.then_some(back.at_us),
        // Where nobody drains, the node never left.
        None => facts.in_rotation(ready.n, ready.at_us).then_some(ready.at_us),
    }
}

/// Requests of whole seconds.
pub(super) struct Answered {
    /// With 5xx.
    pub(super) errors: u64,
    /// In any way.
    pub(super) all: u64,
    /// The seconds that have 5xx.
    pub(super) events: Vec<u64>,
}

impl Answered {
    pub(super) fn since(facts: &Facts<'_>, from_us: u64) -> Answered {
        let mut answered = Answered { errors: 0, all: 0, events: Vec::new() };
        for at in facts.traffic.iter().filter(|at| at.what.0.saturating_mul(1_000_000) >= from_us) {
            let fives = at.what.1.iter().filter(|(outcome, _)| outcome.starts_with('5')).map(|(_, count)| *count);
            let fives = fives.fold(0, u64::saturating_add);
            answered.errors = answered.errors.saturating_add(fives);
            answered.all = at.what.1.values().fold(answered.all, |sum, count| sum.saturating_add(*count));
            if fives > 0 {
                answered.events.push(at.n);
            }
        }
        answered
    }
}
