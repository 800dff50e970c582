//! `metrics-stalled`: /metrics answers, but its counters stand still.

use fake_node::release::Inborn;

use super::{Effect, FaultKind, Filled, Seen, Whence};
use crate::criteria::{HTTP_COUNTER, Pair};
use crate::judge::facts::Facts;
use crate::scenario::Role;

/// The metrics of the good release only are fetched twice, so in no other can the fault be seen.
pub(super) static KIND: FaultKind = FaultKind {
    id: "metrics-stalled",
    about: "/metrics answers, its counters stand still.",
    whence: Whence::Inborn { releases: &[Role::Good] },
    params: &[],
    effect,
    evidence,
};

fn effect(filled: &Filled<'_>) -> Effect {
    Effect::Inborn { release: filled.role(), fault: Inborn::MetricsStalled {} }
}

/// Two bodies that can be read, invokes certainly handled between them, and the same count in both. A counter that has
/// stood still since the start is absent: that is the same as zero.
fn evidence(facts: &Facts<'_>, _: &Filled<'_>) -> Seen {
    let pairs = facts.find(Pair::of);
    let at = pairs.last().filter(|at| at.what.invokes_least > 0)?;
    let [first, second] = at.what.read().ok()?;
    let counts = [&first, &second].map(|samples| samples.sum(HTTP_COUNTER, &[]).unwrap_or(0.0));
    let stood_still = counts[0] == counts[1];
    stood_still.then(|| {
        let sent = at.what.invokes_least;
        (format!("{HTTP_COUNTER} stayed at {} across at least {sent} invokes", counts[0]), vec![at.n])
    })
}
