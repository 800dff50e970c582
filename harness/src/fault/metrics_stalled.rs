//! `metrics-stalled`: /metrics answers, but its counters stand still.

use fake_node::release::Inborn;

use super::{Begins, Effect, FaultKind, Filled, Seen, Whence};
use crate::criteria::{HTTP_COUNTER, Pair};
use crate::judge::facts::{At, Facts};
use crate::scenario::Role;

/// The metrics of the good release only are fetched twice, so in no other can the fault be seen.
pub(super) static KIND: FaultKind = FaultKind {
    id: "metrics-stalled",
    about: "/metrics answers, its counters stand still.",
    whence: Whence::Inborn { releases: &[Role::Good] },
    params: &[],
    begins: Begins::WithTheDrill,
    effect,
    evidence,
};

fn effect(filled: &Filled<'_>) -> Effect {
    Effect::Inborn { release: filled.role(), fault: Inborn::MetricsStalled {} }
}

/// Two bodies that can be read, and the same count in both. Invokes between them would not be needed: a node counts the first
/// fetch itself before it answers the second. So the fault shows as well where no invoke is handled. A counter that has stood
/// still since the start is absent: that is the same as zero. Where the metrics die before the second fetch, the first one shows it:
/// a node that has answered a health check has counted that.
fn evidence(facts: &Facts<'_>, _: &Filled<'_>) -> Seen {
    let pairs = facts.find(Pair::of);
    let at = pairs.last()?;
    let Ok([first, second]) = at.what.read() else { return by_first(facts, at) };
    let counts = [&first, &second].map(|samples| samples.sum(HTTP_COUNTER, &[]).unwrap_or(0.0));
    let stood_still = counts[0] == counts[1];
    stood_still.then(|| {
        let missed = match at.what.invokes_least {
            0 => "the first of two fetches".to_owned(),
            sent => format!("at least {sent} invokes"),
        };
        (format!("{HTTP_COUNTER} stayed at {} across {missed}", counts[0]), vec![at.n])
    })
}

fn by_first(facts: &Facts<'_>, at: &At<Pair<'_>>) -> Seen {
    let ready = facts.first_ok().filter(|ready| ready.n < at.n)?;
    let count = at.what.first()?.sum(HTTP_COUNTER, &[]).unwrap_or(0.0);
    (count == 0.0).then(|| (format!("{HTTP_COUNTER} is 0 in a node that has answered"), vec![ready.n, at.n]))
}
