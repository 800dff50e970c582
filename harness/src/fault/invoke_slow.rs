//! `invoke-slow`: invokes are answered 200, but late. In the bad release this can be the incident itself, of the latency alert.

use fake_node::release::Inborn;

use super::errors::back_in_rotation;
use super::{Begins, Effect, FaultKind, Filled, Param, Seen, Whence};
use crate::history::What;
use crate::judge::facts::Facts;
use crate::scenario::Role;

pub(super) static KIND: FaultKind = FaultKind {
    id: "invoke-slow",
    about: "Invokes are answered that much later.",
    whence: Whence::Inborn { releases: &[Role::Bad, Role::Good] },
    params: &[Param {
        name: DELAY,
        unit: "milliseconds",
        min: DELAY_MIN_MS,
        max: DELAY_MAX_MS,
        default: Some(800),
        is_amount: true,
    }],
    begins: Begins::WithTheDrill,
    effect,
    evidence,
};

const DELAY: &str = "delay_ms";

/// Twice the service level of 100 ms: so each of them is late, whatever else is on the way.
const DELAY_MIN_MS: u64 = 200;
/// With it, 24 of the traffic's invokes are in flight at a time. The node serves 32 at once and lets others wait
/// (node-contract.md section 2), which would be another fault.
const DELAY_MAX_MS: u64 = 1_000;

fn effect(filled: &Filled<'_>) -> Effect {
    let delay_ms = filled.param_u32(DELAY);
    Effect::Inborn { release: filled.role(), fault: Inborn::InvokeSlow { delay_ms } }
}

/// Late answers, to at least half of the requests that were answered 200: in the bad release before the first stop, in the
/// good one once it serves in rotation.
fn evidence(facts: &Facts<'_>, filled: &Filled<'_>) -> Seen {
    let (from_us, until_us, which) = match filled.role() {
        Role::Bad => (0, facts.first_stop().map_or(u64::MAX, |stop| stop.began_us), "bad"),
        Role::Good => (back_in_rotation(facts)?, u64::MAX, "good"),
    };
    let seconds = facts.find(|what| match what {
        What::Traffic { second, outcomes, slow } => Some((*second, outcomes, *slow)),
        _ => None,
    });
    let (mut late, mut answered, mut events) = (0u64, 0u64, Vec::new());
    for at in seconds {
        let (second, outcomes, slow) = at.what;
        let (begins_us, ends_us) =
            (second.saturating_mul(1_000_000), second.saturating_add(1).saturating_mul(1_000_000));
        if begins_us < from_us || ends_us > until_us {
            continue;
        }
        late = late.saturating_add(slow);
        answered = answered.saturating_add(outcomes.get("200").copied().unwrap_or_default());
        if slow > 0 {
            events.push(at.n);
        }
    }
    let enough = late > 0 && late.saturating_mul(2) >= answered;
    enough.then(|| (format!("{late} of {answered} requests to the {which} release were answered late"), events))
}
