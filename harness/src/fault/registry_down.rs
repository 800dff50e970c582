//! `registry-down`: the registry does not answer.

use super::{Begins, FaultKind, Filled, Seen, Whence, arranged, pull};
use crate::judge::container::RegistryTag;
use crate::judge::facts::Facts;

pub(super) static KIND: FaultKind = FaultKind {
    id: "registry-down",
    about: "The registry does not answer.",
    whence: Whence::Outside,
    params: &[],
    begins: Begins::AtAnyCommand,
    effect: arranged,
    evidence,
};

fn evidence(facts: &Facts<'_>, filled: &Filled<'_>) -> Seen {
    pull::failed(facts, filled.since, RegistryTag::Unreachable, "the registry does not answer for tag")
}
