//! `tag-moved`: the registry holds the bad build under the good release's tag.

use super::{Begins, Effect, FaultKind, Filled, Seen, TagChange, Whence};
use crate::history::What;
use crate::judge::container::RegistryTag;
use crate::judge::facts::Facts;

pub(super) static KIND: FaultKind = FaultKind {
    id: "tag-moved",
    about: "The registry holds the bad build under the good release's tag.",
    whence: Whence::Outside,
    params: &[],
    begins: Begins::WithTheDrill,
    effect,
    evidence,
};

fn effect(_: &Filled<'_>) -> Effect {
    Effect::Tag { change: TagChange::Moved }
}

/// The registry, asked from outside, gives the same digest for both tags. Where no look tells it: the bad release was
/// started once the start of the good one had begun.
fn evidence(facts: &Facts<'_>, _: &Filled<'_>) -> Seen {
    let (good, bad) = (&facts.plan.good, &facts.plan.bad);
    let moved = facts.looks.iter().find_map(|look| {
        let registry = look.container()?.registry;
        let of_good = registry.get(good.tag().as_str())?;
        let RegistryTag::Serves(digest) = of_good else { return None };
        let told = || format!("the registry holds {digest} under {} and under {}", good.tag(), bad.tag());
        (registry.get(bad.tag().as_str()) == Some(of_good)).then(|| (told(), vec![look.n]))
    });
    moved.or_else(|| started_in_its_place(facts))
}

/// The bad release was started once the start of the good one had begun.
pub(super) fn started_in_its_place(facts: &Facts<'_>) -> Seen {
    let (good, bad) = (&facts.plan.good, &facts.plan.bad);
    let start = facts.first_start()?;
    let started = facts.find(|what| match what {
        What::NodeStarted { process } if process.version.as_deref() == Some(bad.version.as_str()) => Some(()),
        _ => None,
    });
    let again = started.iter().find(|at| Facts::is_after_began(start, at))?;
    Some((format!("{} was started in the place of {}", bad.version, good.version), vec![start.n, again.n]))
}
