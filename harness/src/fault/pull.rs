//! Evidence that two faults share: an image cannot be had.

use super::Seen;
use crate::judge::command::CommandRun;
use crate::judge::container::RegistryTag;
use crate::judge::facts::Facts;
use crate::judge::look::Look;
use crate::procedure::Class;

/// The registry, asked from outside, said that of the good release's tag, and a command that needed the image failed: a
/// fetch, or on plain Docker the start itself. Both behind the event `since`. `told` is the registry's word for a person.
pub(super) fn failed(facts: &Facts<'_>, since: u64, said: RegistryTag<'_>, told: &str) -> Seen {
    let tag = facts.plan.good.tag();
    let says_so = |look: &&Look<'_>| {
        look.container().is_some_and(|container| container.registry.get(tag.as_str()) == Some(&said))
    };
    let look = facts.looks.iter().filter(|look| look.n > since).find(says_so)?;
    let needs_image = |run: &&CommandRun<'_>| run.n > since && (run.is(Class::Fetch) || run.is(Class::Start));
    let failed = facts.commands.iter().filter(needs_image).find(|run| run.failed())?;
    let mut events = failed.shown_by();
    events.push(look.n);
    events.sort_unstable();
    Some((format!("{told} {tag}, and step {} {}", failed.command.step, failed.ending()), events))
}
