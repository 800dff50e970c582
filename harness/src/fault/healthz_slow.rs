//! `healthz-slow`: /healthz answers 200, but late.

use fake_node::release::Inborn;

use super::{Begins, Effect, FaultKind, Filled, Param, Seen, Whence};
use crate::history::What;
use crate::judge::facts::Facts;
use crate::judge::latency::{last_quiet, ms, percentile};
use crate::scenario::Role;

pub(super) static KIND: FaultKind = FaultKind {
    id: "healthz-slow",
    about: "/healthz answers that much later.",
    whence: Whence::Inborn { releases: &[Role::Good, Role::Bad] },
    params: &[Param {
        name: DELAY,
        unit: "milliseconds",
        min: 1,
        max: DELAY_MAX_MS,
        default: Some(50),
        is_amount: true,
    }],
    begins: Begins::WithTheDrill,
    effect,
    evidence,
};

const DELAY: &str = "delay_ms";

/// A probe waits 1 s: a node that takes about as long is not slow but does not answer, which is another fault.
const DELAY_MAX_MS: u64 = 800;

fn effect(filled: &Filled<'_>) -> Effect {
    let delay_ms = filled.param_u32(DELAY);
    Effect::Inborn { release: filled.role(), fault: Inborn::HealthzSlow { delay_ms } }
}

/// An answer that took at least four fifths of the delay: in the good release the median of the last quiet measurement,
/// in the bad one a probe before the first stop (no measurement is taken of it).
fn evidence(facts: &Facts<'_>, filled: &Filled<'_>) -> Seen {
    let least_us = filled.param(DELAY).saturating_mul(800);
    match filled.role() {
        Role::Good => {
            let quiet = last_quiet(facts)?;
            let median = percentile(quiet.what.probes, 50).filter(|median| *median >= least_us)?;
            let answered = quiet.what.probes.iter().any(|probe| probe.outcome.is_ok());
            answered.then(|| (format!("the median answer of /healthz took {}", ms(median)), vec![quiet.n]))
        }
        Role::Bad => {
            let stop = facts.first_stop().map_or(u64::MAX, |stop| stop.n);
            let slow = facts.find(|what| match what {
                What::ProbeChanged { outcome, latency_us } if outcome.is_ok() && *latency_us >= least_us => {
                    Some(*latency_us)
                }
                _ => None,
            });
            let at = slow.first().filter(|at| at.n < stop)?;
            Some((format!("/healthz took {}", ms(at.what)), vec![at.n]))
        }
    }
}
