//! Compound commands.

use super::{Halt, Step};
use crate::Stop;
use crate::machine::Machine;
use crate::shell::Shell;
use crate::shell::syntax::{Command, Word};
use crate::time::MS;

/// Turns of loops in one evaluation.
const TURNS_MAX: u64 = 400_000;
/// After so many turns each costs a millisecond and stands for as many as fit into it, so that a loop that only spins comes
/// to the ceiling of its command, and one that writes to the ceiling of output, in a bounded number of turns. Shorter loops
/// take the time that they would.
const TURNS_AT_SPEED: u64 = 100_000;

impl Shell {
    pub(super) fn branches(
        &mut self,
        machine: &mut Machine,
        branches: &[(Vec<Command>, Vec<Command>)],
        otherwise: &[Command],
    ) -> Step<()> {
        for (condition, body) in branches {
            self.unchecked(|shell| shell.list(machine, condition))?;
            if self.status == 0 {
                return self.list(machine, body);
            }
        }
        if otherwise.is_empty() {
            self.status = 0;
        }
        self.list(machine, otherwise)
    }

    pub(super) fn looped(
        &mut self,
        machine: &mut Machine,
        until: bool,
        condition: &[Command],
        body: &[Command],
    ) -> Step<()> {
        let mut last = 0;
        loop {
            self.turn(machine)?;
            match self.in_loop(|shell| shell.unchecked(|shell| shell.list(machine, condition)))? {
                Turn::Ends => return Ok(()),
                Turn::Again => continue,
                Turn::Done => {}
            }
            if (self.status == 0) == until {
                self.status = last;
                return Ok(());
            }
            match self.in_loop(|shell| shell.list(machine, body))? {
                Turn::Ends => return Ok(()),
                Turn::Again | Turn::Done => last = self.status,
            }
        }
    }

    pub(super) fn each(&mut self, machine: &mut Machine, name: &str, words: &[Word], body: &[Command]) -> Step<()> {
        let fields = self.fields(machine, words)?;
        self.status = 0;
        for field in fields {
            self.turn(machine)?;
            self.assign(name, field);
            if self.in_loop(|shell| shell.list(machine, body))? == Turn::Ends {
                return Ok(());
            }
        }
        Ok(())
    }

    pub(super) fn case(&mut self, machine: &mut Machine, word: &Word, arms: &[(Vec<Word>, Vec<Command>)]) -> Step<()> {
        let text = self.text(machine, word)?;
        for (patterns, body) in arms {
            for pattern in patterns {
                if self.pattern(machine, pattern)?.matches(text.as_bytes()) {
                    self.status = 0;
                    return self.list(machine, body);
                }
            }
        }
        self.status = 0;
        Ok(())
    }

    /// Runs a part of a loop, and takes what concerns this loop out of how it ended.
    fn in_loop(&mut self, run: impl FnOnce(&mut Shell) -> Step<()>) -> Step<Turn> {
        self.loops += 1;
        let result = run(self);
        self.loops -= 1;
        match result {
            Ok(()) => Ok(Turn::Done),
            Err(Halt::Break(0 | 1)) => Ok(Turn::Ends),
            Err(Halt::Break(more)) => Err(Halt::Break(more - 1)),
            Err(Halt::Continue(0 | 1)) => Ok(Turn::Again),
            Err(Halt::Continue(more)) => Err(Halt::Continue(more - 1)),
            Err(other) => Err(other),
        }
    }

    fn turn(&mut self, machine: &mut Machine) -> Step<()> {
        self.turns += 1;
        if self.turns > TURNS_MAX {
            return Err(Stop::Unable(format!("a command whose loops turn more than {TURNS_MAX} times")).into());
        }
        let builtin = machine.calibration.shell.builtin_us;
        if self.turns <= TURNS_AT_SPEED {
            return Ok(machine.spend(builtin)?);
        }
        let (at, written) = self.turned;
        let took = machine.now.saturating_sub(at).max(builtin).max(1);
        let grown = machine.streams.command_bytes.saturating_sub(written);
        machine.wrote_unseen(grown.saturating_mul((MS / took).saturating_sub(1)))?;
        machine.spend(MS)?;
        self.turned = (machine.now, machine.streams.command_bytes);
        Ok(())
    }
}

/// How a part of a loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Done,
    Again,
    Ends,
}
