//! `name-conflict`: another container takes the node's name between the removal of the old one and the start.

use super::{Begins, FaultKind, Filled, Seen, Whence, arranged};
use crate::judge::facts::Facts;
use crate::procedure::Class;

pub(super) static KIND: FaultKind = FaultKind {
    id: "name-conflict",
    about: "Another container takes the node's name as soon as it is free.",
    whence: Whence::Outside,
    params: &[],
    begins: Begins::WithTheDrill,
    effect: arranged,
    evidence,
};

/// The engine's words for a name that is taken (moby, daemon/names.go): `Conflict. The container name "/…" is already in
/// use by container "…". You have to remove (or rename) that container to be able to reuse that name.`
const TAKEN: &str = "is already in use by container";

/// A start failed, and the engine said that this was why.
fn evidence(facts: &Facts<'_>, _: &Filled<'_>) -> Seen {
    let conflict = |line: &&str| line.contains(TAKEN);
    facts.commands.iter().filter(|run| run.is(Class::Start) && run.failed()).find_map(|run| {
        let line = run.output.lines().find(conflict)?;
        Some((format!("step {} {}: {}", run.command.step, run.ending(), line.trim()), run.shown_by()))
    })
}
