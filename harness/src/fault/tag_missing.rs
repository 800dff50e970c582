//! `tag-missing`: the registry holds nothing under the good release's tag.

use super::{Begins, Effect, FaultKind, Filled, Seen, TagChange, Whence, pull};
use crate::judge::container::RegistryTag;
use crate::judge::facts::Facts;

pub(super) static KIND: FaultKind = FaultKind {
    id: "tag-missing",
    about: "The registry holds nothing under the good release's tag.",
    whence: Whence::Outside,
    params: &[],
    begins: Begins::WithTheDrill,
    effect,
    evidence,
};

fn effect(_: &Filled<'_>) -> Effect {
    Effect::Tag { change: TagChange::Missing }
}

fn evidence(facts: &Facts<'_>, filled: &Filled<'_>) -> Seen {
    pull::failed(facts, filled.since, RegistryTag::Absent, "the registry has no tag")
}
