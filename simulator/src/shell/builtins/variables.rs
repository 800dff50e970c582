//! export, unset, set, shift, let.

use super::not_modelled;
use crate::machine::Machine;
use crate::shell::run::{Halt, Step};
use crate::shell::syntax::Dialect;
use crate::shell::{Shell, reader};

/// Letters of `set` that are not modelled, and names.
const NOT_SWITCHED: &str = "abkmnptvxBCEHPT";
const NAMED: [&str; 22] = [
    "allexport",
    "braceexpand",
    "emacs",
    "errtrace",
    "functrace",
    "hashall",
    "histexpand",
    "history",
    "ignoreeof",
    "interactive-comments",
    "keyword",
    "monitor",
    "noclobber",
    "noexec",
    "nolog",
    "notify",
    "onecmd",
    "physical",
    "posix",
    "privileged",
    "verbose",
    "xtrace",
];

/// `export [-n] x[=w] …`
pub(super) fn export(shell: &mut Shell, machine: &mut Machine, words: &[String]) -> Step<i32> {
    let mut away = false;
    let mut operands = words.get(1..).unwrap_or_default();
    if let [option, rest @ ..] = operands
        && option == "-n"
    {
        (away, operands) = (true, rest);
    }
    if operands.is_empty() {
        return not_modelled("export", "without names");
    }
    let mut status = 0;
    for operand in operands {
        let (name, value) = match operand.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (operand.as_str(), None),
        };
        let (name, append) = match name.strip_suffix('+') {
            Some(name) if value.is_some() => (name, true),
            _ => (name, false),
        };
        if name.starts_with('-') {
            return not_modelled("export", name);
        }
        if !reader::is_name(name) {
            match shell.dialect {
                Dialect::Bash => {
                    shell.complain(machine, &format!("export: `{operand}': not a valid identifier"))?;
                    status = 1;
                    continue;
                }
                Dialect::Dash => {
                    shell.complain(machine, &format!("export: {name}: bad variable name"))?;
                    return Err(Halt::Exit(2));
                }
            }
        }
        let value = value.map(|value| match append {
            true => format!("{}{value}", shell.variable(name).unwrap_or_default()),
            false => value.to_owned(),
        });
        if away { shell.keep_back(name, value) } else { shell.export(name, value) }
    }
    Ok(status)
}

/// `unset [-v|-f] x …`
pub(super) fn unset(shell: &mut Shell, machine: &mut Machine, words: &[String]) -> Step<i32> {
    let mut status = 0;
    let mut operands = words.get(1..).unwrap_or_default();
    let mut variables_only = false;
    while let Some((option, rest)) = operands.split_first().filter(|(first, _)| first.starts_with('-')) {
        match option.as_str() {
            "-v" => variables_only = true,
            // There are no functions.
            "-f" => return Ok(0),
            other => return not_modelled("unset", other),
        }
        operands = rest;
    }
    for name in operands {
        if reader::is_name(name) {
            shell.unset(name);
        } else if variables_only {
            // Without -v it could be a function, of which there are none.
            shell.complain(machine, &format!("unset: `{name}': not a valid identifier"))?;
            status = 1;
        }
    }
    Ok(status)
}

/// `set [-+euf] [-+o name] [--] …`
pub(super) fn set(shell: &mut Shell, machine: &mut Machine, words: &[String]) -> Step<i32> {
    let mut operands = words.get(1..).unwrap_or_default();
    if operands.is_empty() {
        return not_modelled("set", "without arguments");
    }
    while let Some((first, rest)) = operands.split_first() {
        if first == "--" || first == "-" {
            shell.positional = rest.to_vec().into();
            return Ok(0);
        }
        let on = first.starts_with('-');
        let letters = first.strip_prefix(['-', '+']).unwrap_or_default();
        if letters.is_empty() {
            shell.positional = operands.to_vec().into();
            return Ok(0);
        }
        operands = rest;
        for letter in letters.chars() {
            match letter {
                'e' => shell.options.errexit = on,
                'u' => shell.options.nounset = on,
                'f' => shell.options.noglob = on,
                // Commands are looked up each time anyway.
                'h' => {}
                'o' => {
                    let Some((name, rest)) = operands.split_first() else {
                        return not_modelled("set", "-o");
                    };
                    operands = rest;
                    match name.as_str() {
                        "errexit" => shell.options.errexit = on,
                        "nounset" => shell.options.nounset = on,
                        "noglob" => shell.options.noglob = on,
                        "pipefail" => shell.options.pipefail = on,
                        name if NAMED.contains(&name) => return not_modelled("set -o", name),
                        _ => {
                            shell.complain(machine, &format!("set: {name}: invalid option name"))?;
                            return Ok(2);
                        }
                    }
                }
                other if NOT_SWITCHED.contains(other) => {
                    return not_modelled("set", &format!("{}{other}", if on { '-' } else { '+' }));
                }
                other => {
                    let sign = if on { '-' } else { '+' };
                    shell.complain(machine, &format!("set: {sign}{other}: invalid option"))?;
                    shell
                        .usage(machine, "set: usage: set [-abefhkmnptuvxBCEHPT] [-o option-name] [--] [-] [arg ...]")?;
                    return Ok(2);
                }
            }
        }
    }
    Ok(0)
}

/// `shift [n]`
pub(super) fn shift(shell: &mut Shell, machine: &mut Machine, words: &[String]) -> Step<i32> {
    let count = match words.get(1) {
        None => 1,
        Some(text) => match text.parse::<i64>() {
            Ok(count) => count,
            Err(_) => {
                shell.complain(machine, &format!("shift: {text}: numeric argument required"))?;
                return Ok(1);
            }
        },
    };
    if count < 0 {
        shell.complain(machine, &format!("shift: {count}: shift count out of range"))?;
        return Ok(1);
    }
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count > shell.positional.len() {
        if shell.dialect == Dialect::Dash {
            shell.complain(machine, "shift: can't shift that many")?;
            return Err(Halt::Exit(2));
        }
        return Ok(1);
    }
    shell.positional.drain(..count);
    Ok(0)
}

/// `let expression …`
pub(super) fn calculate(shell: &mut Shell, machine: &mut Machine, words: &[String]) -> Step<i32> {
    let mut last = 0;
    for text in words.get(1..).unwrap_or_default() {
        match shell.evaluate(machine, text) {
            Ok(value) => last = value,
            Err(wrong) => {
                shell.complain(machine, &format!("let: {}", wrong.text))?;
                return Ok(1);
            }
        }
    }
    Ok(i32::from(last == 0))
}

/// Whether `set` is to switch something that is not modelled.
pub(super) fn unknown_switch(arguments: &[Option<&str>]) -> bool {
    let mut arguments = arguments.iter();
    while let Some(Some(word)) = arguments.next() {
        let Some(letters) = word.strip_prefix(['-', '+']).filter(|letters| !letters.is_empty() && *word != "--") else {
            return false;
        };
        if letters.contains(|letter| NOT_SWITCHED.contains(letter)) {
            return true;
        }
        if letters.contains('o') && arguments.next().copied().flatten().is_none_or(|name| NAMED.contains(&name)) {
            return true;
        }
    }
    false
}
