//! bash, as far as runbooks use it: text to a syntax tree (`reader`), words to fields (`expand`), commands to statuses
//! (`run`), and the commands that only a shell can have (`builtins`). dash where a script asks for `/bin/sh`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;

use crate::machine::Machine;
use crate::machine::io::Io;
use crate::machine::users::{self, Uid};
use crate::shared::Shared;
use crate::time::Us;
use crate::{Run, Stop, programs};

mod builtins;
mod check;
mod expand;
mod reader;
mod run;
mod scripts;
pub mod syntax;
#[cfg(test)]
mod tests;
mod variables;

pub use scripts::Scripts;
use syntax::{Dialect, Script};

/// Rows of the agent's script (`operator-agent/src/shell.sh`) before a command that it evaluates; bash counts them in.
const OPERATOR_ROWS: usize = 24;

/// How long the shell's own work takes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShellTimes {
    /// A builtin, an assignment, a turn of a loop.
    pub builtin_us: Us,
    /// fork and end of a subshell.
    pub fork_us: Us,
}

/// Why a text is refused: what the interpreter does not know, or what bash would not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("row {row}: {what}: {text}")]
pub struct Refused {
    /// 0-based row of the text.
    pub row: usize,
    /// Which construct or command, in words.
    pub what: String,
    /// The offending text, one line at the most.
    pub text: String,
}

impl Refused {
    /// Whether bash itself would not take it.
    pub fn is_syntax_error(&self) -> bool {
        self.what.starts_with(reader::SYNTAX_ERROR)
    }
}

/// What every command inherits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Who runs it.
    pub user: Uid,
    /// Where, absolute.
    pub cwd: String,
    /// Bits that new files do not get.
    pub umask: u32,
    /// Exported variables.
    pub environment: Shared<BTreeMap<String, String>>,
    /// Streams.
    pub io: Io,
}

/// How a text that was given to a shell ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// `$?`
    pub status: i32,
    /// `PIPESTATUS`; empty when the shell ended.
    pub pipe: Vec<i32>,
    /// The shell itself ended with it: `exit`, `set -e`.
    pub shell_ended: bool,
}

/// What `set` switches.
#[derive(Debug, Clone, Copy, Default)]
struct Options {
    errexit: bool,
    nounset: bool,
    noglob: bool,
    pipefail: bool,
}

/// A shell.
#[derive(Debug, Clone)]
pub struct Shell {
    /// What its commands inherit; `environment` holds exported variables only.
    pub context: Context,
    /// Variables that are not exported.
    variables: Shared<BTreeMap<String, String>>,
    /// Names that will be exported when they get a value.
    to_export: Shared<BTreeSet<String>>,
    /// `$0`
    name: String,
    /// `$1`, …
    positional: Shared<Vec<String>>,
    options: Options,
    dialect: Dialect,
    /// `$?`
    status: i32,
    /// `PIPESTATUS`
    pipe: Vec<i32>,
    /// `$$`, once somebody has asked.
    pid: Option<u32>,
    /// When it began; `SECONDS`.
    began: Us,
    /// 0-based row of the command in hand, and rows that stand before the text, for messages.
    row: usize,
    rows_before: usize,
    /// Loops round the command in hand.
    loops: u32,
    /// Conditions round it, in which `set -e` is not looked at.
    unchecked: u32,
    /// Files that are being read by `.`.
    sourced: u32,
    /// Turns of loops since the text began.
    turns: u64,
    /// When the last of them began that stands for many, and what the command had written then, bytes.
    turned: (Us, u64),
    /// Status of the last command substitution of the command in hand.
    substituted: Option<i32>,
}

/// Reads a text.
///
/// # Errors
/// [`Refused`] for what bash would not take, and for what the interpreter does not know.
pub fn parse(text: &str) -> Result<Arc<Script>, Refused> {
    let row = |what: String| Refused { row: 0, what, text: text.lines().next().unwrap_or_default().to_owned() };
    let (dialect, _) = interpreter(text).map_err(row)?;
    reader::read(text, dialect).map(Arc::new)
}

/// Reads a text for a shell that is known.
///
/// # Errors
/// As [`parse`].
pub fn parse_as(text: &str, dialect: Dialect) -> Result<Arc<Script>, Refused> {
    reader::read(text, dialect).map(Arc::new)
}

/// Whether all commands of a text are known on this machine: each name that is written out is a builtin, a program, or
/// a file that is there; each program knows the options that it is given.
///
/// # Errors
/// [`Refused`] with the first that is not.
pub fn check(script: &Script, machine: &Machine, user: Uid) -> Result<(), Refused> {
    check::check(script, machine, user)
}

/// The variables that the operator's shell begins with: those of `setpriv --reset-env` and of the agent.
pub fn operator_environment(user: Uid) -> BTreeMap<String, String> {
    let (name, home) = users::by_uid(user).map_or(("nobody", "/"), |user| (user.name, user.home));
    // As _PATH_DEFPATH of glibc, which setpriv takes for everybody but root.
    let path = if user == users::ROOT { programs::PATH } else { "/usr/local/bin:/usr/bin" };
    let pairs =
        [("HOME", home), ("LOGNAME", name), ("PATH", path), ("SHELL", "/bin/bash"), ("TERM", "dumb"), ("USER", name)];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Which shell a text is for, and the letters of its options, by its first line.
fn interpreter(text: &str) -> Result<(Dialect, String), String> {
    let Some(line) = text.strip_prefix("#!").and_then(|rest| rest.lines().next()) else {
        return Ok((Dialect::Bash, String::new()));
    };
    let mut words = line.split_whitespace();
    let mut program = words.next().unwrap_or_default();
    if program.ends_with("/env") {
        program = words.next().unwrap_or_default();
    }
    let dialect = match program.rsplit('/').next() {
        Some("bash") => Dialect::Bash,
        Some("sh" | "dash") => Dialect::Dash,
        _ => return Err(format!("a script for an interpreter that is not modelled, {program}")),
    };
    let options: String = words.map(|word| word.trim_start_matches('-')).collect();
    match options.chars().all(|letter| "euf".contains(letter)) {
        true => Ok((dialect, options)),
        false => Err("a script whose first line has options that are not modelled".into()),
    }
}

impl Shell {
    /// The operator's shell, with these arguments: `$0`, `$1`, …
    pub fn new(context: Context, arguments: &[String]) -> Shell {
        Shell { rows_before: OPERATOR_ROWS, ..Shell::of_text(context, arguments) }
    }

    /// `$$`, if somebody has asked for it.
    fn own_pid(&self) -> Option<u32> {
        self.pid
    }

    /// A shell that runs a text of its own.
    fn of_text(context: Context, arguments: &[String]) -> Shell {
        let mut shell = Shell {
            context,
            variables: Shared::default(),
            to_export: Shared::default(),
            name: arguments.first().map_or("bash", String::as_str).to_owned(),
            positional: arguments.get(1..).unwrap_or_default().to_vec().into(),
            options: Options::default(),
            dialect: Dialect::Bash,
            status: 0,
            pipe: vec![0],
            pid: None,
            began: 0,
            row: 0,
            rows_before: 0,
            loops: 0,
            unchecked: 0,
            sourced: 0,
            turns: 0,
            turned: (0, 0),
            substituted: None,
        };
        if shell.context.environment.get("PWD") != Some(&shell.context.cwd) {
            let cwd = shell.context.cwd.clone();
            shell.context.environment.insert("PWD".into(), cwd);
        }
        shell
    }
}

/// Runs a script's text in a shell of its own, as an executable script or `bash -c` would be.
///
/// # Errors
/// [`Stop`] when the strand ends before the script does, and for a script that the interpreter does not know.
pub fn run_script(machine: &mut Machine, text: &str, arguments: &[String], context: &Context) -> Run<i32> {
    let name = arguments.first().map_or("bash", String::as_str);
    let (dialect, options) =
        interpreter(text).map_err(|what| Stop::Unable(format!("{name}: {what}; use --host container")))?;
    run_text(machine, text, (dialect, &options), arguments, context)
}

/// The same, of a text for a shell that is known, with the letters of its options.
///
/// # Errors
/// As [`run_script`].
pub fn run_text(
    machine: &mut Machine,
    text: &str,
    (dialect, options): (Dialect, &str),
    arguments: &[String],
    context: &Context,
) -> Run<i32> {
    let name = arguments.first().map_or("bash", String::as_str);
    let script = match machine.scripts.parse_as(text, dialect) {
        Ok(script) => script,
        Err(refused) if refused.is_syntax_error() => {
            let row = refused.row + 1;
            let message = match dialect {
                Dialect::Bash => format!("{name}: line {row}: syntax error: {}\n", refused.text),
                Dialect::Dash => format!("{name}: {row}: Syntax error: {}\n", refused.text),
            };
            return programs::complain(machine, context, &message).map(|()| 2);
        }
        Err(refused) => return Err(Stop::Unable(format!("{name}: {refused}; use --host container"))),
    };
    let mut shell = Shell::of_text(context.clone(), arguments);
    shell.began = machine.now;
    shell.options.errexit = options.contains('e');
    shell.options.nounset = options.contains('u');
    shell.options.noglob = options.contains('f');
    let result = run::nested(machine, |machine| Ok(shell.eval(machine, &script)?.status));
    result.map_err(|halt| match halt {
        run::Halt::Stop(stop) => stop,
        other => Stop::Unable(format!("{name}: {other:?} out of a script")),
    })
}
