//! Commands that only a shell can have.

use super::Shell;
use super::run::Step;
use crate::Stop;
use crate::machine::Machine;

mod commands;
mod flow;
mod folders;
mod jobs;
mod output;
mod printf;
mod read;
mod test;
mod variables;

pub(super) use test::{asked_of_file, asked_of_two_files};

/// A builtin.
#[derive(Clone, Copy)]
pub(super) struct Builtin {
    /// As it is called.
    pub(super) name: &'static str,
    /// POSIX calls it special: in dash a redirection of it that fails ends the shell.
    pub(super) special: bool,
    /// Carries it out; the words begin with its name.
    pub(super) run: fn(&mut Shell, &mut Machine, &[String]) -> Step<i32>,
}

const fn special(name: &'static str, run: fn(&mut Shell, &mut Machine, &[String]) -> Step<i32>) -> Builtin {
    Builtin { name, special: true, run }
}

const fn regular(name: &'static str, run: fn(&mut Shell, &mut Machine, &[String]) -> Step<i32>) -> Builtin {
    Builtin { name, special: false, run }
}

/// All of them, by name.
const BUILTINS: [Builtin; 30] = [
    special(".", commands::source),
    special(":", |_, _, _| Ok(0)),
    regular("[", test::bracket),
    special("break", flow::break_out),
    regular("cd", folders::change),
    regular("command", commands::command),
    special("continue", flow::go_on),
    regular("echo", output::echo),
    special("eval", commands::evaluate),
    special("exec", commands::replace),
    special("exit", flow::exit),
    special("export", variables::export),
    regular("false", |_, _, _| Ok(1)),
    regular("hash", commands::hash),
    regular("jobs", jobs::list),
    regular("kill", jobs::kill),
    regular("let", variables::calculate),
    regular("printf", printf::printf),
    regular("pwd", folders::print),
    regular("read", read::read),
    special("return", flow::return_from),
    special("set", variables::set),
    special("shift", variables::shift),
    regular("source", commands::source),
    regular("test", test::test),
    regular("true", |_, _, _| Ok(0)),
    regular("type", commands::kind_of),
    regular("umask", folders::mask),
    special("unset", variables::unset),
    regular("wait", jobs::wait),
];

/// Builtins of bash that are not modelled; they must not be taken for programs.
const NOT_MODELLED: [&str; 32] = [
    "alias",
    "bg",
    "bind",
    "builtin",
    "caller",
    "compgen",
    "complete",
    "compopt",
    "declare",
    "dirs",
    "disown",
    "enable",
    "fc",
    "fg",
    "getopts",
    "help",
    "history",
    "local",
    "logout",
    "mapfile",
    "popd",
    "pushd",
    "readarray",
    "readonly",
    "shopt",
    "suspend",
    "times",
    "trap",
    "typeset",
    "ulimit",
    "unalias",
    "unsetenv",
];

/// A builtin by its name.
pub(super) fn builtin_of(name: &str) -> Option<Builtin> {
    if let Some(found) = BUILTINS.iter().find(|builtin| builtin.name == name) {
        return Some(*found);
    }
    is_not_modelled(name).then_some(Builtin { name: "", special: false, run: unable })
}

/// Whether a name is that of a builtin which is not modelled.
pub(super) fn is_not_modelled(name: &str) -> bool {
    NOT_MODELLED.contains(&name)
}

fn unable(_: &mut Shell, _: &mut Machine, words: &[String]) -> Step<i32> {
    let name = words.first().map_or("", String::as_str);
    Err(Stop::Unable(format!("the shell's own command `{name}` is not modelled; use --host container")).into())
}

/// For an option or a use of a builtin that is not modelled.
fn not_modelled<T>(name: &str, what: &str) -> Step<T> {
    Err(Stop::Unable(format!("`{name} {what}` of the shell is not modelled; use --host container")).into())
}

/// What of a use of a builtin is not modelled, as far as its arguments are written out.
pub(super) fn refused_use(name: &str, arguments: &[Option<&str>]) -> Option<String> {
    if is_not_modelled(name) {
        return Some(format!("the shell's own command `{name}`"));
    }
    let first = arguments.first().copied().flatten().unwrap_or_default();
    let options = || arguments.iter().copied().flatten().take_while(|word| word.starts_with(['-', '+']));
    let refused = match name {
        "set" => arguments.is_empty() || variables::unknown_switch(arguments),
        "read" => {
            options().any(|word| !matches!(word, "-r" | "-s" | "-d" | "-rd" | "-p" | "-t" | "-rp" | "-rt" | "--"))
        }
        "export" => arguments.is_empty() || first.starts_with('-') && first != "-n",
        "unset" => first.starts_with('-') && !matches!(first, "-v" | "-f"),
        "cd" => first.starts_with('-') && !matches!(first, "-" | "-L" | "-P" | "--"),
        "hash" => first != "-r",
        "jobs" => !arguments.is_empty(),
        "type" => first.starts_with('-') && !matches!(first, "-t" | "-p" | "-P"),
        "command" => matches!(first, "-p" | "-V"),
        "exec" => first.starts_with('-') && first != "--",
        "umask" => !first.is_empty() && !first.bytes().all(|byte| byte.is_ascii_digit()),
        "printf" => first.starts_with('-') && !matches!(first, "-v" | "--" | "-"),
        "kill" => jobs::unknown_signal(arguments),
        _ => false,
    };
    refused.then(|| format!("this use of the shell's own command `{name}`"))
}
