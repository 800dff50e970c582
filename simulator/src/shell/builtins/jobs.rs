//! kill, wait, jobs.

use super::not_modelled;
use crate::machine::Machine;
use crate::machine::process::{Pid, Signal};
use crate::machine::users::ROOT;
use crate::shell::Shell;
use crate::shell::run::Step;

/// `kill [-s signal|-signal] pid …`
pub(super) fn kill(shell: &mut Shell, machine: &mut Machine, words: &[String]) -> Step<i32> {
    let mut signal = Some(Signal::Term);
    let mut operands = words.get(1..).unwrap_or_default();
    match operands {
        [option, name, rest @ ..] if option == "-s" || option == "-n" => {
            (signal, operands) = (signal_of(name)?, rest);
        }
        [option, rest @ ..] if option == "--" => operands = rest,
        [option, rest @ ..] if option.starts_with('-') && option.len() > 1 => {
            (signal, operands) = (signal_of(option.get(1..).unwrap_or_default())?, rest);
        }
        _ => {}
    }
    if let [first, rest @ ..] = operands
        && first == "--"
    {
        operands = rest;
    }
    if operands.is_empty() {
        let usage = "kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]";
        shell.usage(machine, usage)?;
        return Ok(2);
    }
    let mut status = 0;
    for operand in operands {
        let Ok(number) = operand.parse::<u32>() else {
            if operand.starts_with('-') || operand.starts_with('%') {
                return not_modelled("kill", operand);
            }
            shell.complain(machine, &format!("kill: {operand}: arguments must be process or job IDs"))?;
            status = 1;
            continue;
        };
        let pid = Pid(number);
        let why = match machine.processes.get(&pid) {
            None if number <= 1 => return not_modelled("kill", operand),
            // The shell itself is no process of the model: it can be asked after, and not ended.
            None if shell.own_pid() == Some(number) && signal.is_none() => continue,
            None if shell.own_pid() == Some(number) => return not_modelled("kill", operand),
            None => Some("No such process"),
            Some(process) if shell.context.user != ROOT && process.user != shell.context.user => {
                Some("Operation not permitted")
            }
            Some(_) => None,
        };
        match (why, signal) {
            (Some(why), _) => {
                shell.complain(machine, &format!("kill: ({number}) - {why}"))?;
                status = 1;
            }
            (None, Some(signal)) => machine.signal(pid, signal),
            (None, None) => {}
        }
    }
    Ok(status)
}

/// A signal by name or number; none for 0, which only asks.
fn signal_of(name: &str) -> Step<Option<Signal>> {
    let upper = name.to_ascii_uppercase();
    match upper.strip_prefix("SIG").unwrap_or(&upper) {
        "0" => Ok(None),
        "2" | "INT" => Ok(Some(Signal::Int)),
        "9" | "KILL" => Ok(Some(Signal::Kill)),
        "15" | "TERM" => Ok(Some(Signal::Term)),
        _ => not_modelled("kill", &format!("-{name}")),
    }
}

/// `wait`: there are no jobs.
pub(super) fn wait(shell: &mut Shell, machine: &mut Machine, words: &[String]) -> Step<i32> {
    match words.get(1).map(String::as_str) {
        None => Ok(0),
        Some(pid) if pid.parse::<u32>().is_ok() => {
            shell.complain(machine, &format!("wait: pid {pid} is not a child of this shell"))?;
            Ok(127)
        }
        Some(other) => not_modelled("wait", other),
    }
}

/// `jobs`: there are none.
pub(super) fn list(_: &mut Shell, _: &mut Machine, words: &[String]) -> Step<i32> {
    match words.get(1) {
        None => Ok(0),
        Some(option) => not_modelled("jobs", option),
    }
}

/// Whether the signal that is written out is not modelled.
pub(super) fn unknown_signal(arguments: &[Option<&str>]) -> bool {
    let name = match arguments {
        [Some("-s" | "-n"), Some(name), ..] => name,
        [Some("--"), ..] => return false,
        [Some(option), ..] => match option.strip_prefix('-') {
            Some(name) => name,
            None => return false,
        },
        _ => return false,
    };
    signal_of(name).is_err()
}
