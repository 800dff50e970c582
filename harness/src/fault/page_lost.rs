//! `page-lost`: what the operator's pager makes of a page: it calls twice for one, refuses it, or never answers.

use super::{Begins, Effect, FaultKind, Filled, Param, Seen, Whence};
use crate::history::event::KillReason;
use crate::judge::command::CommandRun;
use crate::judge::facts::Facts;
use crate::procedure::Class;

pub(super) static KIND: FaultKind = FaultKind {
    id: "page-lost",
    about: "The pager delivers a page twice, refuses it, or hangs on it.",
    whence: Whence::Outside,
    // A page is sent once, at the end: before then it makes no difference.
    begins: Begins::WithTheDrill,
    params: &[Param {
        name: WAY,
        unit: "(1: it delivers twice, 2: it refuses, 3: it hangs)",
        min: TWICE,
        max: HANGS,
        default: Some(REFUSES),
        is_amount: false,
    }],
    effect,
    evidence,
};

/// From the weakest to the strongest: called twice is called, and who hangs keeps the operator as well.
const WAY: &str = "way";
const TWICE: u64 = 1;
const REFUSES: u64 = 2;
const HANGS: u64 = 3;

fn effect(filled: &Filled<'_>) -> Effect {
    let entry = match filled.param(WAY) {
        TWICE => "page-twice",
        HANGS => "page-hangs",
        _ => "page-refused",
    };
    Effect::ArrangedAs { entry }
}

/// More pages were delivered than sent; or one was sent, its command failed or was killed at its ceiling, and none was
/// delivered from then on.
fn evidence(facts: &Facts<'_>, filled: &Filled<'_>) -> Seen {
    let sent = || facts.commands.iter().filter(|run| run.is(Class::Page));
    let delivered: Vec<u64> = facts.escalations().iter().map(|at| at.n).collect();
    if filled.param(WAY) == TWICE {
        let (sent, first) = (sent().count(), sent().next()?);
        let told = format!("{} pages were delivered, and {sent} sent", delivered.len());
        return (delivered.len() > sent).then(|| (told, [first.shown_by(), delivered].concat()));
    }
    let lost = |run: &&CommandRun<'_>| delivered.iter().all(|n| *n < run.n);
    let (run, how) = sent().filter(lost).find_map(|run| Some((run, not_taken(run, filled.param(WAY))?)))?;
    Some((format!("`{}` {how}, and no page was delivered", first_word(run.text)), run.shown_by()))
}

/// How the command showed that its page was not taken in this way.
fn not_taken(run: &CommandRun<'_>, way: u64) -> Option<String> {
    match (way, run.ended, run.killed) {
        (REFUSES, Some(ended), _) if ended.exit != 0 => Some(format!("ended {}", ended.exit)),
        (HANGS, _, Some(killed)) if matches!(killed.why, KillReason::Ceiling { .. }) => {
            Some("was killed at its ceiling".to_owned())
        }
        _ => None,
    }
}

/// The rest of the command is the page, which tells of other things.
fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}
