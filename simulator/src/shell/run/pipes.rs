//! Pipelines: their parts run one after the other, from the left, with a buffer between each two.

use super::{Halt, Step};
use crate::machine::Machine;
use crate::machine::io::{Output, ReaderTakes};
use crate::programs;
use crate::shell::Shell;
use crate::shell::syntax::{Command, static_text};

impl Shell {
    pub(super) fn pipeline(
        &mut self,
        machine: &mut Machine,
        negated: bool,
        parts: &[Command],
        with_stderr: &[bool],
    ) -> Step<()> {
        let mut run = |shell: &mut Shell| match parts {
            [one] => shell.command(machine, one),
            parts => shell.parts(machine, parts, with_stderr),
        };
        // bash's own rule: a `set -e` inside of what is negated is looked at.
        let result = if negated && self.options.errexit { self.unchecked(run) } else { run(self) };
        if negated && matches!(result, Ok(()) | Err(Halt::Break(_) | Halt::Continue(_))) {
            self.status = i32::from(self.status == 0);
            return result;
        }
        result?;
        if parts.len() > 1 { self.checked() } else { Ok(()) }
    }

    fn parts(&mut self, machine: &mut Machine, parts: &[Command], with_stderr: &[bool]) -> Step<()> {
        let mut statuses = Vec::with_capacity(parts.len());
        let mut waiting: Option<Vec<u8>> = None;
        for (nth, part) in parts.iter().enumerate() {
            let mut inner = self.clone();
            // A compound command begins its subshell outside of every loop; a simple one, in bash, does not.
            if !matches!(part, Command::Simple(_)) {
                inner.loops = 0;
            }
            let inputs = machine.streams.inputs.len();
            if let Some(bytes) = waiting.take() {
                inner.context.io.stdin = machine.input(bytes);
            }
            let buffer = match parts.get(nth + 1) {
                Some(reader) => {
                    let buffer = machine.buffer(reader_takes(reader));
                    inner.context.io.stdout = Output::Buffer(buffer);
                    if with_stderr.get(nth) == Some(&true) {
                        inner.context.io.stderr = Output::Buffer(buffer);
                    }
                    Some(buffer)
                }
                None => None,
            };
            let status = inner.subshell(machine, |shell, machine| shell.command(machine, part));
            machine.streams.inputs.truncate(inputs);
            if let Some(buffer) = buffer {
                waiting = Some(machine.take_buffer(buffer));
                machine.drop_buffer(buffer);
            }
            self.turns = inner.turns;
            statuses.push(status?);
        }
        self.status = match self.options.pipefail {
            true => statuses.iter().rev().copied().find(|status| *status != 0).unwrap_or(0),
            false => statuses.last().copied().unwrap_or(0),
        };
        self.pipe = statuses;
        Ok(())
    }
}

/// What a reader takes before it goes, where that is written out.
fn reader_takes(reader: &Command) -> Option<ReaderTakes> {
    let Command::Simple(simple) = reader else { return None };
    if simple.redirects.iter().any(|redirect| redirect.descriptor == 0) {
        return None;
    }
    let words: Vec<String> = simple.words.iter().map(static_text).collect::<Option<_>>()?;
    programs::reader_takes(&words)
}
