//! `sigterm-ignored`: the bad release does not end when it is asked to.

use std::collections::BTreeSet;

use fake_node::release::Inborn;

use super::{Begins, Effect, FaultKind, Filled, Seen, Whence};
use crate::history::What;
use crate::judge::facts::Facts;
use crate::judge::latency::ms;
use crate::scenario::Role;

/// Only the bad release is stopped in a drill that goes well, so in no other can the fault be seen.
pub(super) static KIND: FaultKind = FaultKind {
    id: "sigterm-ignored",
    about: "The node goes on serving after SIGTERM, until it is killed.",
    whence: Whence::Inborn { releases: &[Role::Bad] },
    params: &[],
    begins: Begins::WithTheDrill,
    effect,
    evidence,
};

/// What `docker stop` and Compose wait between SIGTERM and SIGKILL unless told otherwise, microseconds (Docker's reference
/// of `docker container stop`, `--timeout`: 10 s for Linux containers; the Compose file's `stop_grace_period`: 10 s).
const GRACE_US: u64 = 10_000_000;

/// The engine's clock and the agent's are not the same, and a command is seen to begin a little late.
const SLACK_US: u64 = 1_000_000;

fn effect(filled: &Filled<'_>) -> Effect {
    Effect::Inborn { release: filled.role(), fault: Inborn::SigtermIgnored {} }
}

/// The first stop took the grace, and a process of the bad release was gone only once that had passed.
fn evidence(facts: &Facts<'_>, _: &Filled<'_>) -> Seen {
    let stop = facts.first_stop()?;
    let least_us = GRACE_US.saturating_sub(SLACK_US);
    let took_us = stop.duration_us().filter(|took| *took >= least_us)?;
    let bad = facts.find(|what| match what {
        What::NodeStarted { process } if process.version.as_ref() == Some(&facts.plan.bad.version) => Some(process.pid),
        _ => None,
    });
    let bad: BTreeSet<u32> = bad.iter().filter(|at| at.n < stop.n).map(|at| at.what).collect();
    let gone = facts.find(|what| match what {
        What::NodeExited { pid } if bad.contains(pid) => Some(()),
        _ => None,
    });
    let gone = gone.iter().find(|at| at.n > stop.n)?;
    let lasted_us = gone.at_us.saturating_sub(stop.began_us);
    (lasted_us >= least_us).then(|| {
        let version = &facts.plan.bad.version;
        let mut events = stop.shown_by();
        events.push(gone.n);
        events.sort_unstable();
        (format!("the first stop took {}, and {version} was gone after {}", ms(took_us), ms(lasted_us)), events)
    })
}
