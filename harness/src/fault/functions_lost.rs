//! `functions-lost`: the good release comes up without the functions that were deployed.

use fake_node::release::Inborn;

use super::{Begins, Effect, FaultKind, Filled, Seen, Whence};
use crate::judge::facts::Facts;
use crate::scenario::Role;

pub(super) static KIND: FaultKind = FaultKind {
    id: "functions-lost",
    about: "The release comes up without the functions that were deployed: each invoke is answered 404.",
    whence: Whence::Inborn { releases: &[Role::Good] },
    params: &[],
    begins: Begins::WithTheDrill,
    effect,
    evidence,
};

fn effect(filled: &Filled<'_>) -> Effect {
    Effect::Inborn { release: filled.role(), fault: Inborn::FunctionsLost {} }
}

/// 404 in the traffic once the good release serves: the balancer answers none itself, and the functions were there before.
fn evidence(facts: &Facts<'_>, _: &Filled<'_>) -> Seen {
    let ready = facts.first_ok()?;
    let lost = facts.traffic.iter().filter(|at| at.what.0.saturating_mul(1_000_000) >= ready.at_us);
    let lost: Vec<(u64, u64)> = lost.filter_map(|at| Some((at.n, *at.what.1.get("404")?))).collect();
    let invokes = lost.iter().fold(0u64, |sum, (_, count)| sum.saturating_add(*count));
    (invokes > 0).then(|| {
        (
            format!("{invokes} invokes of a function that was deployed were answered 404"),
            lost.iter().map(|at| at.0).collect(),
        )
    })
}
