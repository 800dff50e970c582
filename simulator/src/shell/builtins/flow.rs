//! exit, return, break, continue.

use crate::Stop;
use crate::machine::Machine;
use crate::shell::Shell;
use crate::shell::run::{Halt, Step};

/// A status as a process can have it.
fn as_status(number: i64) -> i32 {
    i32::try_from(number & 0xff).unwrap_or(0)
}

fn status_of(shell: &mut Shell, machine: &mut Machine, words: &[String]) -> Step<Result<i32, i32>> {
    let name = words.first().map_or("", String::as_str);
    let Some(argument) = words.get(1) else { return Ok(Ok(shell.status)) };
    match argument.trim().parse::<i64>() {
        Ok(_) if words.len() > 2 => {
            shell.complain(machine, &format!("{name}: too many arguments"))?;
            Ok(Err(1))
        }
        Ok(number) => Ok(Ok(as_status(number))),
        Err(_) => {
            shell.complain(machine, &format!("{name}: {argument}: numeric argument required"))?;
            Ok(Ok(2))
        }
    }
}

/// `exit [n]`
pub(super) fn exit(shell: &mut Shell, machine: &mut Machine, words: &[String]) -> Step<i32> {
    match status_of(shell, machine, words)? {
        Ok(status) => Err(Halt::Exit(status)),
        Err(status) => Err(Halt::Exit(status)),
    }
}

/// `return [n]`
pub(super) fn return_from(shell: &mut Shell, machine: &mut Machine, words: &[String]) -> Step<i32> {
    if shell.sourced == 0 {
        shell.complain(machine, "return: can only `return' from a function or sourced script")?;
        return Ok(2);
    }
    match status_of(shell, machine, words)? {
        Ok(status) => Err(Halt::Return(status)),
        Err(status) => Ok(status),
    }
}

fn leave(shell: &mut Shell, machine: &mut Machine, words: &[String], halt: fn(u32) -> Halt) -> Step<i32> {
    let name = words.first().map_or("", String::as_str);
    if shell.loops == 0 {
        shell.complain(machine, &format!("{name}: only meaningful in a `for', `while', or `until' loop"))?;
        return Ok(0);
    }
    let loops = match words.get(1).map(|count| (count, count.parse::<i64>())) {
        None => 1,
        Some((_, Ok(count))) if count > 0 => u32::try_from(count).unwrap_or(u32::MAX).min(shell.loops),
        Some((count, Ok(_))) => {
            shell.complain(machine, &format!("{name}: {count}: loop count out of range"))?;
            shell.end(1);
            return Err(Halt::Break(shell.loops));
        }
        Some((count, Err(_))) => {
            let what = format!("`{name} {count}`: no number of loops");
            return Err(Stop::Unable(what).into());
        }
    };
    shell.end(0);
    Err(halt(loops))
}

/// `break [n]`
pub(super) fn break_out(shell: &mut Shell, machine: &mut Machine, words: &[String]) -> Step<i32> {
    leave(shell, machine, words, Halt::Break)
}

/// `continue [n]`
pub(super) fn go_on(shell: &mut Shell, machine: &mut Machine, words: &[String]) -> Step<i32> {
    leave(shell, machine, words, Halt::Continue)
}
