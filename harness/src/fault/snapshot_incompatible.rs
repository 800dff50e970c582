//! `snapshot-incompatible`: the state directory holds a snapshot that only a newer release can read.

use super::{Begins, Effect, FaultKind, Filled, Param, Seen, Whence};
use crate::history::What;
use crate::history::event::Block;
use crate::judge::facts::Facts;
use crate::procedure::Class;

pub(super) static KIND: FaultKind = FaultKind {
    id: "snapshot-incompatible",
    about: "A snapshot in a format that the good release cannot read lies in the state directory.",
    whence: Whence::Outside,
    params: &[Param {
        name: FORMAT,
        unit: "(number of the format)",
        min: 1,
        max: 1000,
        default: Some(3),
        is_amount: false,
    }],
    begins: Begins::WithTheDrill,
    effect,
    evidence,
};

const FORMAT: &str = "format";

/// Keys under which a topology's supervisor command prints the status of the process that it ran last, and the greatest
/// that is the process's own. Docker's `docker run` keeps 125 and above for itself: no start, and 128 plus a signal.
const EXIT_STATUS: [(&str, i32); 2] = [("ExecMainStatus", 255), ("ExitCode", 124)];

/// Says how that process ended; only 1 (`CLD_EXITED`) means that the status is its own and not a signal.
const EXIT_CODE_KIND: &str = "ExecMainCode";

fn effect(filled: &Filled<'_>) -> Effect {
    Effect::PlantSnapshot { format: filled.param_u32(FORMAT) }
}

/// The good release was started, never answered 200, and ended by itself: a process of it was seen to come and go before
/// anyone stopped it again, or, where it was too quick to be seen, the supervisor tells of a status that is not 0.
fn evidence(facts: &Facts<'_>, _: &Filled<'_>) -> Seen {
    let start = facts.first_start()?;
    if facts.first_ok().is_some() {
        return None;
    }
    let again = |run: &&crate::judge::command::CommandRun<'_>| {
        run.n > start.n && run.is(Class::Stop) && run.block == Some(Block::FailurePath)
    };
    let stopped = facts.commands.iter().find(again).map_or(u64::MAX, |run| run.n);
    let came = facts.find(|what| match what {
        What::NodeStarted { process } if process.version.as_deref() == Some(facts.plan.good.version.as_str()) => {
            Some(process.pid)
        }
        _ => None,
    });
    let went = facts.find(|what| match what {
        What::NodeExited { pid } => Some(*pid),
        _ => None,
    });
    for came in came.iter().filter(|at| at.n > start.n) {
        if let Some(went) = went.iter().find(|at| at.what == came.what && at.n > came.n && at.n < stopped) {
            let told = format!("a process of {} came and went without a 200", facts.plan.good.version);
            return Some((told, vec![came.n, went.n]));
        }
    }
    let looks = facts.looks.iter().filter(|look| look.n > start.n);
    looks.into_iter().find_map(|look| {
        let line = failed_status(&look.machine.supervisor)?;
        Some((format!("the node ended by itself before a 200: the supervisor says `{line}`"), vec![look.n]))
    })
}

/// The supervisor's line with a status that is not 0 and that the process gave itself.
fn failed_status(supervisor: &str) -> Option<&str> {
    let lines = || supervisor.lines().map(str::trim).filter_map(|line| Some((line, line.split_once('=')?)));
    if lines().any(|(_, (key, value))| key == EXIT_CODE_KIND && value != "1") {
        return None;
    }
    let failed = |key: &str, value: &str| {
        let most = EXIT_STATUS.iter().find(|(known, _)| *known == key).map(|(_, most)| *most);
        most.is_some_and(|most| value.parse::<i32>().is_ok_and(|status| (1..=most).contains(&status)))
    };
    lines().find(|(_, (key, value))| failed(key, value)).map(|(line, _)| line)
}

#[cfg(test)]
mod tests {
    use super::failed_status;

    #[test]
    fn only_a_status_of_its_own_counts() {
        for (text, line) in [
            ("ActiveState=inactive\nExecMainCode=1\nExecMainStatus=1\n", Some("ExecMainStatus=1")),
            ("ExecMainCode=2\nExecMainStatus=9\n", None),
            ("ExecMainCode=1\nExecMainStatus=0\n", None),
            ("  ExitCode=2 \n", Some("ExitCode=2")),
            ("ExitCode=0", None),
            ("Status=exited\nExitCode=137", None),
            ("Status=created\nExitCode=128", None),
            ("ExitCode=none", None),
            ("", None),
        ] {
            assert_eq!(failed_status(text), line, "{text:?}");
        }
    }
}
