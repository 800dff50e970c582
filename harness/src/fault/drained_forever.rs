//! `drained-forever`: the script that puts the node back into the balancer's rotation ends 0 and does nothing.

use super::{Begins, FaultKind, Filled, Seen, Whence, arranged};
use crate::judge::command::CommandRun;
use crate::judge::facts::Facts;
use crate::procedure::Class;

pub(super) static KIND: FaultKind = FaultKind {
    id: "drained-forever",
    about: "The undrain script ends 0, and the node stays out of rotation.",
    whence: Whence::Outside,
    params: &[],
    begins: Begins::AtAnyCommand,
    effect: arranged,
    evidence,
};

/// An undrain-class command ended 0 while the balancer had the node out of rotation, and it never came back.
fn evidence(facts: &Facts<'_>, filled: &Filled<'_>) -> Seen {
    let undrains = |run: &&CommandRun<'_>| run.n > filled.since && run.is(Class::Undrain) && run.exit() == Some(0);
    let undrain = facts.commands.iter().find(undrains)?;
    let out = facts.rotation.last().filter(|at| !at.what && at.n < undrain.n)?;
    Some((
        format!("`{}` ended 0, and the balancer kept the node out of rotation", undrain.text),
        [vec![out.n], undrain.shown_by()].concat(),
    ))
}
