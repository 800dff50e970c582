//! `scrape-cut`: the good release serves, with its metrics, and Prometheus does not reach them.

use super::{Begins, FaultKind, Filled, Seen, Whence, arranged};
use crate::history::What;
use crate::judge::facts::Facts;

pub(super) static KIND: FaultKind = FaultKind {
    id: "scrape-cut",
    about: "From the restart on Prometheus cannot reach the node's /metrics; everybody else can.",
    whence: Whence::Outside,
    params: &[],
    begins: Begins::InTheWatch,
    effect: arranged,
    evidence,
};

/// The good release has served its metrics to the harness, and for two scrapes and longer none has brought a page since it first
/// answered. Where it is cut off in the watch, scrapes failed from some look behind that on, and none has brought a page since.
///
/// The last look need not come behind the fetch: a slow /healthz can hold that up until the time of the alert is over, and whether
/// one more look is on its way then is nobody's doing.
fn evidence(facts: &Facts<'_>, filled: &Filled<'_>) -> Seen {
    let ready = facts.first_ok()?;
    let two_scrapes_us = facts.plan.alerts.as_ref()?.scrape_ms.saturating_mul(2_000);
    let served = facts.find(|what| matches!(what, What::MetricsPair { failure: None, .. }).then_some(()));
    let served = served.into_iter().find(|at| at.n > ready.n)?;
    let looks = facts.find(|what| match what {
        What::AlertsSeen { scrape, .. } => Some(scrape),
        _ => None,
    });
    let last = looks.last().filter(|at| at.n > filled.since && !at.what.ok)?;
    if last.at_us < ready.at_us.saturating_add(two_scrapes_us) {
        return None;
    }
    let cut = if filled.since == 0 {
        last.what.at_us.is_none_or(|page_us| page_us < ready.at_us)
    } else {
        // What was under way when it began may have come through.
        let failing = looks.iter().find(|at| at.n > filled.since && !at.what.ok)?;
        failing.what.at_us == last.what.at_us
    };
    cut.then(|| {
        let error = crate::history::words::one_line(&last.what.error);
        (format!("the node's metrics were fetched, and no scrape brought them: {error}"), vec![served.n, last.n])
    })
}
