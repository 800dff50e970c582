//! `release-missing`: the good release is not installed where the machine would start it from.

use super::{FaultKind, Filled, Seen, Whence, arranged};
use crate::judge::facts::Facts;
use crate::procedure::Class;

pub(super) static KIND: FaultKind = FaultKind {
    id: "release-missing",
    about: "The good release is not installed where the machine would start it from.",
    whence: Whence::Outside,
    params: &[],
    effect: arranged,
    evidence,
};

/// The system's words for a file that is not there (ENOENT, glibc's strerror in the C locale).
const ABSENT: &str = "No such file or directory";

/// A check of the release failed, and the system said that this was why.
fn evidence(facts: &Facts<'_>, _: &Filled<'_>) -> Seen {
    facts.commands.iter().filter(|run| run.is(Class::Check) && run.failed()).find_map(|run| {
        let line = run.output.lines().find(|line| line.contains(ABSENT))?;
        Some((format!("step {} {}: {}", run.command.step, run.ending(), line.trim()), run.shown_by()))
    })
}
