//! `alert-stuck`: what fires the alert is outside the node and outlives the release: the clients of two of three tenants call
//! an export that traps, and each trap is a 500 (node-contract.md section 2).

use super::errors::Answered;
use super::{Begins, Effect, FaultKind, Filled, Seen, Whence};
use crate::history::What;
use crate::judge::facts::Facts;

pub(super) static KIND: FaultKind = FaultKind {
    id: "alert-stuck",
    about: "The clients of two of three tenants call an export that traps, whatever release serves.",
    whence: Whence::Outside,
    params: &[],
    begins: Begins::WithTheDrill,
    effect,
    evidence,
};

fn effect(_: &Filled<'_>) -> Effect {
    Effect::TrappingTenants { tenants: 2 }
}

/// 5xx in the bad release, before anything is done, and in the good one once it serves in rotation. Where nobody rolled back,
/// the first is all that there can be.
fn evidence(facts: &Facts<'_>, _: &Filled<'_>) -> Seen {
    let met = facts.find(|what| match what {
        What::RedFirst { requests, server_errors, met: true, .. } if *server_errors > 0 => {
            Some((*server_errors, *requests))
        }
        _ => None,
    });
    let before = met.first()?;
    let told = format!("{} of {} requests to the bad release were answered 5xx", before.what.0, before.what.1);
    let Some(ready) = facts.first_ok() else { return Some((told, vec![before.n])) };
    let back = facts.rotation.iter().rev().find(|at| at.at_us >= ready.at_us).map_or(ready.at_us, |at| at.at_us);
    let Answered { errors, all, events } = Answered::since(facts, back);
    (errors > 0).then(|| {
        let after = format!("{told}, and {errors} of {all} to the good one");
        (after, [vec![before.n], events].concat())
    })
}
