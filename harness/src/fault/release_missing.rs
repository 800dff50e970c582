//! `release-missing`: the good release is not installed where the machine would start it from.

use super::{Begins, FaultKind, Filled, Seen, Whence, arranged};
use crate::judge::command::CommandRun;
use crate::judge::facts::Facts;
use crate::procedure::Class;

pub(super) static KIND: FaultKind = FaultKind {
    id: "release-missing",
    about: "The good release is not installed where the machine would start it from.",
    whence: Whence::Outside,
    params: &[],
    begins: Begins::AtAnyCommand,
    effect: arranged,
    evidence,
};

/// The system's words for a file that is not there (ENOENT, glibc's strerror in the C locale).
const ABSENT: &str = "No such file or directory";
/// The shell's words for a name that is nowhere on its path, or is a link to nothing there (bash(1), "COMMAND EXECUTION").
const NOT_FOUND: &str = "command not found";

/// The supervisor's word for a unit whose executable could not be run (systemd.exec(5), "Process Exit Codes": 203, `EXIT_EXEC`).
const NOT_RUN: &str = "ExecMainStatus=203";

/// A check of the release, or the verification's own, failed, and the system said that this was why. Where it went only behind
/// the check, the supervisor could not run it.
fn evidence(facts: &Facts<'_>, filled: &Filled<'_>) -> Seen {
    let asks = |run: &&CommandRun<'_>| run.is(Class::Check) || run.is(Class::Verify);
    let asked = facts.commands.iter().filter(|run| run.n > filled.since && run.failed()).filter(asks);
    let absent = asked.filter_map(|run| {
        let line = run.output.lines().find(|line| [ABSENT, NOT_FOUND].iter().any(|words| line.contains(words)))?;
        Some((format!("step {} {}: {}", run.command.step, run.ending(), line.trim()), run.shown_by()))
    });
    // Before the start of the good one, this is of another release.
    let since = facts.first_start().map(|start| start.n.max(filled.since));
    let looks = facts.looks.iter().filter(|look| since.is_some_and(|since| look.n > since));
    let not_run = looks.filter(|look| look.machine.supervisor.lines().any(|line| line.trim() == NOT_RUN));
    let not_run = not_run.map(|look| (format!("the supervisor could not run it: {NOT_RUN}"), vec![look.n]));
    absent.chain(not_run).next()
}
