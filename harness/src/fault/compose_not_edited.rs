//! `compose-not-edited`: the compose file does not hold the tag that the text wants edited.

use super::{Begins, FaultKind, Filled, Seen, Whence, arranged};
use crate::judge::facts::Facts;
use crate::procedure::{Class, Origin};

pub(super) static KIND: FaultKind = FaultKind {
    id: "compose-not-edited",
    about: "The compose file gets its tag from elsewhere, so the edit finds nothing to change.",
    whence: Whence::Outside,
    params: &[],
    begins: Begins::WithTheDrill,
    effect: arranged,
    evidence,
};

/// The edit, which the text asks for in words and the binding supplies, ended with another status than 0.
fn evidence(facts: &Facts<'_>, _: &Filled<'_>) -> Seen {
    let edit = |origin: &Origin| matches!(origin, Origin::Supplied { .. });
    let mut edits = facts.commands.iter().filter(|run| run.is(Class::Swap) && edit(run.origin));
    let failed = edits.find(|run| run.exit().is_some_and(|exit| exit != 0))?;
    Some((format!("the supplied edit of step {} {}", failed.command.step, failed.ending()), failed.shown_by()))
}
