//! `metrics-die-after-rollback`: the good release serves, and its /metrics answers 500.

use fake_node::release::Inborn;

use super::{Begins, Effect, FaultKind, Filled, Param, Seen, Whence};
use crate::history::What;
use crate::judge::facts::Facts;
use crate::scenario::Role;

pub(super) static KIND: FaultKind = FaultKind {
    id: "metrics-die-after-rollback",
    about: "/metrics of the release answers 500, from its start or some time after it.",
    whence: Whence::Inborn { releases: &[Role::Good] },
    params: &[Param {
        name: AFTER,
        unit: "seconds after its start",
        min: 0,
        max: 3_600,
        default: Some(0),
        is_amount: true,
    }],
    begins: Begins::WithTheDrill,
    effect,
    evidence,
};

const AFTER: &str = "after_s";

fn effect(filled: &Filled<'_>) -> Effect {
    Effect::Inborn { release: filled.role(), fault: Inborn::MetricsDie { after_s: filled.param_u32(AFTER) } }
}

/// The good release has served, and then a fetch of its metrics by the harness, or a scrape, was answered 500.
fn evidence(facts: &Facts<'_>, _: &Filled<'_>) -> Seen {
    let ready = facts.first_ok()?;
    let failed = facts.find(|what| match what {
        What::MetricsPair { failure: Some(failure), .. } if failure.contains("500") => Some(failure.as_str()),
        What::AlertsSeen { scrape, .. } if !scrape.ok && scrape.error.contains("500") => Some(scrape.error.as_str()),
        _ => None,
    });
    let at = failed.into_iter().find(|at| at.n > ready.n && at.at_us >= ready.at_us)?;
    Some((format!("the release serves, and its metrics do not: {}", at.what), vec![at.n]))
}
