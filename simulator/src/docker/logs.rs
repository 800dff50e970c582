//! What containers wrote, as the engine's json-file driver keeps it, and `docker logs`.

use std::collections::VecDeque;

use super::client::{Ask, refused_by_engine};
use super::value::{nanoseconds, read_since};
use crate::Run;
use crate::machine::Machine;
use crate::programs::{complain, print};
use crate::{Stop, time::MS};

/// Lines kept of a container; the oldest go first.
const LINES_MAX: usize = 20_000;

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Microseconds since 1970.
    pub at: i64,
    /// Whether it went to stderr.
    pub stderr: bool,
    /// Without its newline.
    pub text: String,
}

/// A container's log.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// Oldest first.
    pub lines: VecDeque<Line>,
    /// Lines that were ever written.
    pub written: u64,
}

/// A container's process writes whole lines.
pub fn append(machine: &mut Machine, container: usize, stderr: bool, bytes: &[u8]) {
    let at = machine.unix_us();
    let Some(container) = machine.docker.containers.get_mut(&container) else { return };
    for text in crate::lossy(bytes).lines() {
        if container.log.lines.len() >= LINES_MAX {
            container.log.lines.pop_front();
        }
        container.log.lines.push_back(Line { at, stderr, text: text.to_owned() });
        container.log.written += 1;
    }
}

/// Which lines are asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    /// From then on, microseconds since 1970.
    pub since: Option<i64>,
    /// Up to then.
    pub until: Option<i64>,
    /// The last so many.
    pub tail: Option<usize>,
}

impl Wanted {
    /// Reads `--since`, `--until`, `--tail`. The outer error is what is not modelled, the inner one the real message.
    pub fn read(machine: &Machine, ask: &Ask<'_>) -> Run<Result<Wanted, String>> {
        if ask.parsed.has("follow") {
            return Err(Stop::Unable(format!("`{} --follow` has no end of its own; it is not modelled", ask.name)));
        }
        let moment = |name: &str| match ask.parsed.value(name) {
            None => Ok(None),
            Some(text) => read_since(text, machine.unix_us()).map(Some).map_err(|_| {
                format!("invalid value for \"{name}\": failed to parse value as time or duration: {text:?}")
            }),
        };
        let (since, until) = match (moment("since"), moment("until")) {
            (Ok(since), Ok(until)) => (since, until),
            (Err(message), _) | (_, Err(message)) => return Ok(Err(message)),
        };
        // Whatever is no number means all of them.
        let tail = ask.parsed.value("tail").and_then(|text| text.parse().ok());
        Ok(Ok(Wanted { since, until, tail }))
    }

    /// Those lines of a log.
    pub fn of<'a>(&self, log: &'a Log) -> impl Iterator<Item = &'a Line> + use<'a> {
        let (since, until) = (self.since.unwrap_or(i64::MIN), self.until.unwrap_or(i64::MAX));
        let within = move |line: &&Line| line.at >= since && line.at <= until;
        let all = log.lines.iter().filter(within).count();
        let skipped = self.tail.map_or(0, |tail| all.saturating_sub(tail));
        log.lines.iter().filter(within).skip(skipped)
    }
}

/// `docker logs`
pub(super) fn logs(machine: &mut Machine, ask: &Ask<'_>) -> Run<i32> {
    let Some(key) = ask.parsed.operands.first() else { return Ok(1) };
    if let Some(status) = ask.unreachable(machine, || format!("Get v1.45/containers/{key}/json"))? {
        return Ok(status);
    }
    let wanted = match Wanted::read(machine, ask)? {
        Ok(wanted) => wanted,
        Err(message) => {
            complain(machine, ask.context, &format!("{message}\n"))?;
            return Ok(1);
        }
    };
    let lines = match machine.docker.find(key) {
        Ok(container) => wanted.of(&container.log).cloned().collect::<Vec<_>>(),
        Err(message) => return refused_by_engine(machine, ask, &message),
    };
    let stamped = ask.parsed.has("timestamps");
    for line in lines {
        let stamp = if stamped { format!("{} ", nanoseconds(line.at)) } else { String::new() };
        let text = format!("{stamp}{}\n", line.text);
        if line.stderr {
            complain(machine, ask.context, &text)?;
        } else if let Err(failure) = print(machine, ask.context, text.as_bytes())? {
            return ask.write_failed(machine, failure);
        }
    }
    machine.spend(MS)?;
    Ok(0)
}
