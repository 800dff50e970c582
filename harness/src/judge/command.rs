//! One command of a drill, beginning and end put together.

use crate::history::event::{Block, CommandRef, KillReason};
use crate::procedure::{Class, Origin};

/// What `curl` ends with when its reader has gone (write error).
const CURL_WRITE_ERROR: i32 = 23;

/// What a shell tells of a part that SIGPIPE ended.
const SIGPIPE_STATUS: i32 = 141;

/// How a command ended by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ended<'a> {
    /// Its own status.
    pub exit: i32,
    /// Status of each part of its outermost pipeline.
    pub pipe: &'a [i32],
    /// The shell ended with it.
    pub shell_ended: bool,
}

/// How a command was killed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Killed<'a> {
    /// Why.
    pub why: &'a KillReason,
    /// Whether no process of its session is left.
    pub gone: bool,
}

/// A command that began, and its end as far as the History has one.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandRun<'a> {
    /// Number of the event with which it began.
    pub n: u64,
    /// Number of the event with which it was over.
    pub n_over: Option<u64>,
    /// The block that was open.
    pub block: Option<Block>,
    /// Step and running number.
    pub command: &'a CommandRef,
    /// Line of the runbook.
    pub line: u32,
    /// Its classes; it counts for each.
    pub classes: &'a [Class],
    /// As it ran.
    pub text: &'a str,
    /// Literal, supplied or borrowed.
    pub origin: &'a Origin,
    /// What its output has to be.
    pub should_print: Option<&'a str>,
    /// The criterion it checks.
    pub criterion: Option<&'a str>,
    /// Handed to the shell: microseconds on the agent's clock (the event's own time until the end tells the exact one).
    pub began_us: u64,
    /// Over: microseconds on the agent's clock.
    pub over_us: Option<u64>,
    /// It ended by itself.
    pub ended: Option<Ended<'a>>,
    /// It was killed.
    pub killed: Option<Killed<'a>>,
    /// What it wrote, bounded.
    pub output: &'a str,
}

impl CommandRun<'_> {
    /// Whether it has this class.
    pub fn is(&self, class: Class) -> bool {
        self.classes.contains(&class)
    }

    /// Its own status, if it ended by itself.
    pub fn exit(&self) -> Option<i32> {
        self.ended.map(|ended| ended.exit)
    }

    /// The status of each part as it may be told: a producer that merely lost its reader counts as 0, because which of
    /// the two a run shows is a race (design.md, decision 7).
    pub fn pipe(&self) -> Vec<i32> {
        let Some(ended) = self.ended else { return Vec::new() };
        let settled = |(index, status): (usize, &i32)| {
            if self.lost_its_reader(index, *status, ended.pipe) { 0 } else { *status }
        };
        ended.pipe.iter().enumerate().map(settled).collect()
    }

    fn lost_its_reader(&self, index: usize, status: i32, pipe: &[i32]) -> bool {
        let reader_ended_well = pipe.get(index + 1) == Some(&0);
        // 23 is curl's word for a reader that went away; with a reader that takes all of its input it is a failure.
        let reads_a_part = self.text.split('|').nth(index + 1).is_some_and(|part| {
            part.split_whitespace().next().is_some_and(|program| program.rsplit('/').next() == Some("head"))
        });
        reader_ended_well && (status == SIGPIPE_STATUS || (status == CURL_WRITE_ERROR && reads_a_part))
    }

    /// Whether some part failed although the command's own status is 0.
    pub fn masked(&self) -> bool {
        self.exit() == Some(0) && self.pipe().iter().any(|status| *status != 0)
    }

    /// Whether it ended by itself with 0 and no part failed.
    pub fn clean(&self) -> bool {
        self.exit() == Some(0) && !self.masked()
    }

    /// Whether it was killed or ended with another status than 0. False while its end is not known.
    pub fn failed(&self) -> bool {
        self.killed.is_some() || self.exit().is_some_and(|exit| exit != 0)
    }

    /// How long it took, microseconds.
    pub fn duration_us(&self) -> Option<u64> {
        self.over_us.map(|over| over.saturating_sub(self.began_us))
    }

    /// Whether the whole trimmed output is what the text says it should print; `None` where the text says nothing.
    pub fn printed_as_told(&self) -> Option<bool> {
        self.should_print.map(|wanted| self.output.trim() == wanted.trim())
    }

    /// How it ended, for a person: `ended 4`, `was killed`, `did not end`.
    pub fn ending(&self) -> String {
        match (self.killed, self.exit()) {
            (Some(_), _) => "was killed".into(),
            (None, Some(exit)) => format!("ended {exit}"),
            (None, None) => "did not end".into(),
        }
    }

    /// The events that show it.
    pub fn shown_by(&self) -> Vec<u64> {
        std::iter::once(self.n).chain(self.n_over).collect()
    }
}
