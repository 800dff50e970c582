//! `wrong-build`: what is installed as the good release is the bad build.

use super::{Begins, FaultKind, Filled, Seen, Whence, arranged, tag_moved};
use crate::judge::facts::Facts;
use crate::procedure::Class;

pub(super) static KIND: FaultKind = FaultKind {
    id: "wrong-build",
    about: "What is installed under the good release's version is the bad build.",
    whence: Whence::Outside,
    begins: Begins::WithTheDrill,
    params: &[],
    effect: arranged,
    evidence,
};

/// A check was to print the good release's version and printed the bad one's. Where nothing checks it: the bad release was
/// started once the start of the good one had begun.
fn evidence(facts: &Facts<'_>, _: &Filled<'_>) -> Seen {
    let bad = facts.plan.bad.version.as_str();
    let printed = facts.commands.iter().find(|run| {
        let other = run.is(Class::Check) && run.printed_as_told() == Some(false);
        other && run.output.lines().next().is_some_and(|line| line.contains(bad))
    });
    let told = printed.map(|run| {
        let wanted = run.should_print.unwrap_or_default();
        (format!("step {} was to print {wanted} and printed {bad}", run.command.step), run.shown_by())
    });
    told.or_else(|| tag_moved::started_in_its_place(facts))
}
