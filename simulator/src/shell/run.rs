//! Commands to statuses.

use super::builtins::builtin_of;
use super::syntax::{Command, Dialect, Join, Script, Simple};
use super::{Ended, OPERATOR_ROWS, Shell};
use crate::machine::Machine;
use crate::machine::io::{Io, Output, WriteFailure};
use crate::{Run, Stop, programs};

mod conditions;
mod loops;
mod pipes;
mod redirect;

/// Commands, subshells and shells inside each other. Each takes a piece of the interpreter's own stack.
const NESTING_MAX: u32 = 160;

/// Why a list of commands does not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Halt {
    /// The strand does not go on.
    Stop(Stop),
    /// The shell, or subshell, ends.
    Exit(i32),
    /// `break`, out of so many loops.
    Break(u32),
    /// `continue`, of the so-manieth loop.
    Continue(u32),
    /// `return`, from a file that was read by `.`.
    Return(i32),
    /// The rest of the row is given up, as after an error of arithmetic.
    Abandon,
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Halt {
        Halt::Stop(stop)
    }
}

/// A result of something that may end the list of commands it stands in.
pub(super) type Step<T> = Result<T, Halt>;

impl Shell {
    /// Evaluates a text as `eval` would.
    ///
    /// # Errors
    /// [`Stop`] when the strand ends before the text does.
    pub fn eval(&mut self, machine: &mut Machine, script: &Script) -> Run<Ended> {
        // Of the one before, the harness's shell hands on how it ended: as `$?`, and as a pipeline of that one status.
        let operator = self.rows_before == OPERATOR_ROWS;
        // It reads them in a loop of its own, which `break` leaves and `continue` begins again without a word.
        self.loops = u32::from(operator);
        (self.unchecked, self.sourced, self.turns) = (0, 0, 0);
        self.end(self.status);
        self.dialect = script.dialect;
        match self.rows(machine, script) {
            Err(Halt::Break(_)) if operator => Ok(Ended { status: self.status, pipe: Vec::new(), shell_ended: true }),
            Err(Halt::Continue(_)) if operator => {
                let left = machine.deadline.saturating_sub(machine.now);
                machine.spend(left)?;
                Err(Stop::Deadline)
            }
            Ok(()) | Err(Halt::Break(_) | Halt::Continue(_) | Halt::Abandon) => {
                Ok(Ended { status: self.status, pipe: self.pipe.clone(), shell_ended: false })
            }
            Err(Halt::Return(status)) => Ok(Ended { status, pipe: vec![status], shell_ended: false }),
            Err(Halt::Exit(status)) => Ok(Ended { status, pipe: Vec::new(), shell_ended: true }),
            Err(Halt::Stop(stop)) => Err(stop),
        }
    }

    /// The commands of a text, row by row.
    pub(super) fn rows(&mut self, machine: &mut Machine, script: &Script) -> Step<()> {
        let mut given_up = None;
        for (command, row) in script.commands.iter().zip(&script.rows) {
            if given_up == Some(*row) {
                continue;
            }
            match self.command(machine, command) {
                Err(Halt::Abandon) => {
                    self.end(1);
                    given_up = Some(*row);
                }
                other => other?,
            }
        }
        Ok(())
    }

    /// Commands in order.
    pub(super) fn list(&mut self, machine: &mut Machine, commands: &[Command]) -> Step<()> {
        commands.iter().try_for_each(|command| self.command(machine, command))
    }

    pub(super) fn command(&mut self, machine: &mut Machine, command: &Command) -> Step<()> {
        nested(machine, |machine| match command {
            Command::Simple(simple) => {
                self.simple(machine, simple)?;
                self.checked()
            }
            Command::Pipeline { negated, parts, with_stderr } => self.pipeline(machine, *negated, parts, with_stderr),
            Command::AndOr { first, rest } => self.and_or(machine, first, rest),
            Command::Group(commands) => self.list(machine, commands),
            Command::Subshell(commands) => {
                let mut inner = self.clone();
                inner.loops = 0;
                let status = inner.subshell(machine, |shell, machine| shell.list(machine, commands));
                self.turns = inner.turns;
                self.end(status?);
                self.checked()
            }
            Command::If { branches, otherwise } => self.branches(machine, branches, otherwise),
            Command::Loop { until, condition, body } => self.looped(machine, *until, condition, body),
            Command::For { name, words, body } => self.each(machine, name, words, body),
            Command::Case { word, arms } => self.case(machine, word, arms),
            Command::Test { test, row } => {
                self.row = *row;
                self.builtin_takes(machine)?;
                let status = self.condition(machine, test)?;
                self.end(status);
                self.checked()
            }
            Command::Arithmetic { word, row } => {
                self.row = *row;
                self.builtin_takes(machine)?;
                let status = match self.arithmetic(machine, word, "((: ") {
                    Ok(number) => i32::from(number == 0),
                    Err(Halt::Abandon) => 1,
                    Err(other) => return Err(other),
                };
                self.end(status);
                self.checked()
            }
            Command::Redirected { command, redirects, row } => {
                self.row = *row;
                match self.opened(machine, redirects)? {
                    Err(status) => {
                        match **command {
                            // The redirection is the subshell's own.
                            Command::Subshell(_) => self.end(status),
                            _ => self.status = status,
                        }
                        self.checked()
                    }
                    Ok(io) => self.with_io(machine, io, |shell, machine| shell.command(machine, command)),
                }
            }
        })
    }

    /// A command has ended.
    pub(super) fn end(&mut self, status: i32) {
        self.status = status;
        self.pipe.clear();
        self.pipe.push(status);
    }

    /// `set -e`
    pub(super) fn checked(&self) -> Step<()> {
        match self.status != 0 && self.options.errexit && self.unchecked == 0 {
            true => Err(Halt::Exit(self.status)),
            false => Ok(()),
        }
    }

    /// Runs something whose failure `set -e` does not look at.
    pub(super) fn unchecked<T>(&mut self, run: impl FnOnce(&mut Shell) -> T) -> T {
        self.unchecked += 1;
        let result = run(self);
        self.unchecked -= 1;
        result
    }

    /// Runs something with other streams.
    pub(super) fn with_io<T>(
        &mut self,
        machine: &mut Machine,
        io: Io,
        run: impl FnOnce(&mut Shell, &mut Machine) -> T,
    ) -> T {
        let before = std::mem::replace(&mut self.context.io, io);
        let result = run(self, machine);
        self.context.io = before;
        result
    }

    /// Runs something that ends this shell, which is a copy; returns the status that it ends with.
    pub(super) fn subshell(
        &mut self,
        machine: &mut Machine,
        run: impl FnOnce(&mut Shell, &mut Machine) -> Step<()>,
    ) -> Step<i32> {
        let fork = machine.calibration.shell.fork_us;
        machine.spend(fork)?;
        match nested(machine, |machine| run(self, machine)) {
            Ok(()) | Err(Halt::Break(_) | Halt::Continue(_)) => Ok(self.status),
            Err(Halt::Exit(status) | Halt::Return(status)) => Ok(status),
            Err(Halt::Abandon) => Ok(1),
            Err(Halt::Stop(stop)) => Err(Halt::Stop(stop)),
        }
    }

    fn and_or(&mut self, machine: &mut Machine, first: &Command, rest: &[(Join, Command)]) -> Step<()> {
        let last = rest.len();
        self.unchecked(|shell| shell.command(machine, first))?;
        for (nth, (join, command)) in rest.iter().enumerate() {
            if (self.status == 0) != (*join == Join::And) {
                continue;
            }
            if nth + 1 == last {
                self.command(machine, command)?;
            } else {
                self.unchecked(|shell| shell.command(machine, command))?;
            }
        }
        Ok(())
    }

    /// What a builtin takes, so that a loop of builtins comes to an end.
    pub(super) fn builtin_takes(&mut self, machine: &mut Machine) -> Step<()> {
        let takes = machine.calibration.shell.builtin_us;
        Ok(machine.spend(takes)?)
    }

    fn simple(&mut self, machine: &mut Machine, simple: &Simple) -> Step<()> {
        self.row = simple.row;
        self.substituted = None;
        let words = self.fields(machine, &simple.words)?;
        let Some(name) = words.first() else { return self.assignments(machine, simple) };
        let inputs = machine.streams.inputs.len();
        let io = match simple.redirects.is_empty() {
            true => None,
            false => match self.opened(machine, &simple.redirects)? {
                Ok(io) => Some(io),
                Err(status) => {
                    self.end(status);
                    let special = self.dialect == Dialect::Dash && builtin_of(name).is_some_and(|b| b.special);
                    return if special { Err(Halt::Exit(status)) } else { Ok(()) };
                }
            },
        };
        let mut assigned = Vec::with_capacity(simple.assignments.len());
        for assignment in &simple.assignments {
            let value = self.assigned(machine, assignment)?;
            assigned.push((assignment.name.as_str(), value));
        }
        let known = builtin_of(name);
        let replaces = known.is_some_and(|known| known.name == "exec");
        let kept = io.clone().filter(|_| replaces && words.len() == 1);
        let before: Vec<_> = assigned.into_iter().map(|(name, value)| self.set_aside(name, value)).collect();
        let run = |shell: &mut Shell, machine: &mut Machine| match known {
            Some(known) => {
                shell.builtin_takes(machine)?;
                (known.run)(shell, machine, &words)
            }
            None => Ok(shell.external(machine, &words)?),
        };
        let result = match io {
            Some(io) => self.with_io(machine, io, run),
            None => run(self, machine),
        };
        for (name, exported, own) in before.into_iter().rev() {
            self.put_back(name, exported, own);
        }
        if let Some(io) = kept {
            self.context.io = io;
        } else {
            // Nobody but this command read from what it opened.
            machine.streams.inputs.truncate(inputs);
        }
        self.end(result?);
        Ok(())
    }

    fn assignments(&mut self, machine: &mut Machine, simple: &Simple) -> Step<()> {
        self.builtin_takes(machine)?;
        for assignment in &simple.assignments {
            let value = self.assigned(machine, assignment)?;
            self.assign(&assignment.name, value);
        }
        if !simple.redirects.is_empty()
            && let Err(status) = self.opened(machine, &simple.redirects)?
        {
            self.end(status);
            return Ok(());
        }
        let status = self.substituted.unwrap_or(0);
        self.end(status);
        Ok(())
    }

    fn assigned(&mut self, machine: &mut Machine, assignment: &super::syntax::Assignment) -> Step<String> {
        let value = self.text(machine, &assignment.value)?;
        match assignment.append {
            true => Ok(format!("{}{value}", self.variable(&assignment.name).unwrap_or_default())),
            false => Ok(value),
        }
    }

    /// A command that is no builtin.
    pub(super) fn external(&mut self, machine: &mut Machine, words: &[String]) -> Run<i32> {
        let Some(name) = words.first() else { return Ok(0) };
        let path =
            if name.is_empty() { Err((127, ": command not found".to_owned())) } else { self.find(machine, name) };
        match path {
            Ok(path) => programs::execute_file(machine, &path, words, &self.context),
            Err((status, message)) => {
                let fork = machine.calibration.shell.fork_us;
                machine.spend(fork)?;
                let message = match self.dialect {
                    Dialect::Bash => message,
                    Dialect::Dash => message
                        .replace(": command not found", ": not found")
                        .replace(": No such file or directory", ": not found"),
                };
                self.complain(machine, &message)?;
                Ok(status)
            }
        }
    }

    /// Where a command lies.
    pub(super) fn find(&self, machine: &Machine, name: &str) -> Result<String, (i32, String)> {
        programs::find(machine, &self.context, name)
    }

    /// A message of the shell's own.
    pub(super) fn complain(&mut self, machine: &mut Machine, text: &str) -> Run<()> {
        let row = self.rows_before + self.row + 1;
        let line = match self.dialect {
            Dialect::Bash => format!("{}: line {row}: {text}\n", self.name),
            Dialect::Dash => format!("{}: {row}: {text}\n", self.name),
        };
        machine.write(&self.context.io.stderr, line.as_bytes()).map(drop)
    }

    /// How a builtin is used: bash puts no line before it.
    pub(super) fn usage(&mut self, machine: &mut Machine, text: &str) -> Run<()> {
        machine.write(&self.context.io.stderr, format!("{text}\n").as_bytes()).map(drop)
    }

    /// Output of a builtin; its status.
    pub(super) fn say(&mut self, machine: &mut Machine, name: &str, bytes: &[u8]) -> Step<i32> {
        let output = match &self.context.io.stdout {
            Output::Null => return Ok(0),
            output => output.clone(),
        };
        match machine.write(&output, bytes)? {
            Ok(()) => Ok(0),
            // The shell that would write is a part of a pipeline, and is killed.
            Err(WriteFailure::BrokenPipe) => Err(Halt::Exit(141)),
            Err(WriteFailure::NoSpace) => {
                self.complain(machine, &format!("{name}: write error: No space left on device"))?;
                Ok(1)
            }
        }
    }
}

/// Runs something inside something else, up to a ceiling.
pub(super) fn nested<T>(machine: &mut Machine, run: impl FnOnce(&mut Machine) -> Step<T>) -> Step<T> {
    if machine.shell_nesting >= NESTING_MAX {
        let what = format!("more than {NESTING_MAX} commands and shells inside each other; use --host container");
        return Err(Stop::Unable(what).into());
    }
    machine.shell_nesting += 1;
    let result = run(machine);
    machine.shell_nesting -= 1;
    result
}
