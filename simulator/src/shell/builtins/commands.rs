//! eval, `.`, exec, command, type, hash.

use super::{builtin_of, not_modelled};
use crate::machine::Machine;
use crate::programs;
use crate::shell::Shell;
use crate::shell::run::{Halt, Step, nested};
use crate::shell::syntax::Dialect;

/// Words of the grammar.
const KEYWORDS: [&str; 21] = [
    "!", "[[", "]]", "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in",
    "select", "then", "time", "until", "while", "{",
];

/// `eval text …`
pub(super) fn evaluate(shell: &mut Shell, machine: &mut Machine, words: &[String]) -> Step<i32> {
    let text = words.get(1..).unwrap_or_default().join(" ");
    text_in_place(shell, machine, &text, "eval")
}

/// Runs a text in this shell.
fn text_in_place(shell: &mut Shell, machine: &mut Machine, text: &str, what: &str) -> Step<i32> {
    let script = match machine.scripts.parse_as(text, shell.dialect) {
        Ok(script) => script,
        Err(refused) if refused.is_syntax_error() => {
            let row = refused.row + 1;
            shell.complain(machine, &format!("{what}: line {row}: syntax error: {}", refused.text))?;
            return if shell.dialect == Dialect::Dash { Err(Halt::Exit(2)) } else { Ok(2) };
        }
        Err(refused) => return Err(crate::Stop::Unable(format!("{what}: {refused}; use --host container")).into()),
    };
    if script.commands.is_empty() {
        return Ok(0);
    }
    let (row, dialect) = (shell.row, shell.dialect);
    // Rows of the text count from the row of the command that runs it.
    shell.rows_before += row;
    let result = nested(machine, |machine| shell.rows(machine, &script));
    shell.rows_before -= row;
    (shell.row, shell.dialect) = (row, dialect);
    result?;
    Ok(shell.status)
}

/// `. file [arguments]`
pub(super) fn source(shell: &mut Shell, machine: &mut Machine, words: &[String]) -> Step<i32> {
    let name = words.first().map_or(".", String::as_str).to_owned();
    let Some(file) = words.get(1) else {
        shell.complain(machine, &format!("{name}: filename argument required"))?;
        shell.usage(machine, &format!("{name}: usage: {name} filename [arguments]"))?;
        return Ok(2);
    };
    // A name without a slash is looked for in PATH, whether or not it may be run, and then here.
    let mut path = file.clone();
    if !file.contains('/') {
        let folders = shell.variable("PATH").unwrap_or(programs::PATH).to_owned();
        let there = |path: &String| machine.files.resolve(shell.context.user, &shell.context.cwd, path).is_ok();
        if let Some(found) = folders.split(':').map(|folder| format!("{folder}/{file}")).find(there) {
            path = found;
        }
    }
    let bytes = match machine.files.read(shell.context.user, &shell.context.cwd, &path) {
        Ok(bytes) => bytes,
        Err(error) => {
            match shell.dialect {
                Dialect::Bash => shell.complain(machine, &format!("{file}: {}", error.text()))?,
                Dialect::Dash => {
                    shell.complain(machine, &format!("{name}: cannot open {file}: No such file"))?;
                    return Err(Halt::Exit(2));
                }
            }
            return Ok(1);
        }
    };
    let text = crate::lossy(&bytes).into_owned();
    let arguments = words.get(2..).unwrap_or_default().to_vec();
    let before = (!arguments.is_empty()).then(|| std::mem::replace(&mut shell.positional, arguments.into()));
    let (rows_before, row, own_name) = (shell.rows_before, shell.row, shell.name.clone());
    (shell.rows_before, shell.row, shell.name) = (0, 0, path.clone());
    shell.sourced += 1;
    let result = text_in_place(shell, machine, &text, &path);
    shell.sourced -= 1;
    (shell.rows_before, shell.row, shell.name) = (rows_before, row, own_name);
    if let Some(before) = before {
        shell.positional = before;
    }
    match result {
        Err(Halt::Return(status)) => Ok(status),
        other => other,
    }
}

/// `exec [command …]`; without a command its redirections stay, which is done where it is called.
pub(super) fn replace(shell: &mut Shell, machine: &mut Machine, words: &[String]) -> Step<i32> {
    let mut rest = words.get(1..).unwrap_or_default();
    if let [first, more @ ..] = rest
        && first == "--"
    {
        rest = more;
    }
    let Some(name) = rest.first() else { return Ok(0) };
    if name.starts_with('-') {
        return not_modelled("exec", name);
    }
    if let Err((status, message)) = shell.find(machine, name) {
        let message = message.replace(": command not found", ": not found");
        let message = match name.strip_prefix('/') {
            Some(_) => message,
            None if name.contains('/') => {
                let cwd = shell.context.cwd.trim_end_matches('/').to_owned();
                format!("{cwd}/{}", message.strip_prefix("./").unwrap_or(&message))
            }
            None => format!("exec: {message}"),
        };
        shell.complain(machine, &message)?;
        return Err(Halt::Exit(status));
    }
    Err(Halt::Exit(shell.external(machine, rest)?))
}

/// `command [-v|-V] name …`
pub(super) fn command(shell: &mut Shell, machine: &mut Machine, words: &[String]) -> Step<i32> {
    let rest = words.get(1..).unwrap_or_default();
    match rest.first().map(String::as_str) {
        None => Ok(0),
        Some("-v") => {
            let mut status = 1;
            for name in rest.get(1..).unwrap_or_default() {
                let Some(line) = meaning(shell, machine, name) else { continue };
                status = shell.say(machine, "command", format!("{line}\n").as_bytes())?;
            }
            Ok(status)
        }
        Some("-p" | "-V") => not_modelled("command", rest.first().map_or("", String::as_str)),
        Some(name) => match builtin_of(name) {
            Some(builtin) => (builtin.run)(shell, machine, rest),
            None => Ok(shell.external(machine, rest)?),
        },
    }
}

/// What a name means: itself for what the shell has, else a path.
fn meaning(shell: &Shell, machine: &Machine, name: &str) -> Option<String> {
    match KEYWORDS.contains(&name) || builtin_of(name).is_some() {
        true => Some(name.to_owned()),
        false => shell.find(machine, name).ok(),
    }
}

/// `type [-t|-p|-P] name …`
pub(super) fn kind_of(shell: &mut Shell, machine: &mut Machine, words: &[String]) -> Step<i32> {
    let (option, names) = match words.get(1..).unwrap_or_default() {
        [option, rest @ ..] if option.starts_with('-') => (option.as_str(), rest),
        rest => ("", rest),
    };
    if !matches!(option, "" | "-t" | "-p" | "-P") {
        return not_modelled("type", option);
    }
    let mut status = 0;
    for name in names {
        let keyword = KEYWORDS.contains(&name.as_str()) && option != "-P";
        let builtin = builtin_of(name).is_some() && option != "-P";
        let line = match (keyword, builtin, shell.find(machine, name)) {
            (true, ..) if option == "-t" => "keyword".to_owned(),
            (_, true, _) if option == "-t" => "builtin".to_owned(),
            (true, ..) | (_, true, _) if option == "-p" => continue,
            (true, ..) => format!("{name} is a shell keyword"),
            (_, true, _) => format!("{name} is a shell builtin"),
            (_, _, Ok(_)) if option == "-t" => "file".to_owned(),
            (_, _, Ok(path)) if option.is_empty() => format!("{name} is {path}"),
            (_, _, Ok(path)) => path,
            (_, _, Err(_)) => {
                status = 1;
                if option.is_empty() {
                    shell.complain(machine, &format!("type: {name}: not found"))?;
                }
                continue;
            }
        };
        shell.say(machine, "type", format!("{line}\n").as_bytes())?;
    }
    Ok(status)
}

/// `hash -r`: nothing is remembered anyway.
pub(super) fn hash(_: &mut Shell, _: &mut Machine, words: &[String]) -> Step<i32> {
    match words.get(1..).unwrap_or_default() {
        [option] if option == "-r" => Ok(0),
        _ => not_modelled("hash", "other than -r"),
    }
}
