//! kill (procps), as a program: a shell has its own.

use super::common::fail;
use super::options::{refuse, unmodelled};
use super::sleep::{SIGNALS, signal_number};
use super::{Call, Program, any_arguments};
use crate::Run;
use crate::machine::Machine;
use crate::machine::process::{Pid, Signal};
use crate::machine::users::{ROOT, Uid};

/// Signals to processes.
pub const KILL: Program = Program { name: "kill", in_sbin: false, run: kill, knows: any_arguments };

/// What a signal came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It was sent, or could have been (0).
    Yes,
    /// No such process.
    NoProcess,
    /// Another user's.
    NotPermitted,
    /// The model does not know what it would do.
    Unmodelled,
}

/// Sends a signal as a user: what kill(2) says. For builtins, too.
pub fn send(machine: &mut Machine, user: Uid, pid: i64, number: i32) -> Sent {
    let Some(found) = u32::try_from(pid).ok().map(Pid).filter(|pid| machine.processes.contains_key(pid)) else {
        // Process 1 is there, and root's.
        return match (pid, user) {
            (1, ROOT) if number == 0 => Sent::Yes,
            (1, ROOT) => Sent::Unmodelled,
            (1, _) => Sent::NotPermitted,
            _ => Sent::NoProcess,
        };
    };
    let owner = machine.processes.get(&found).map(|process| process.user);
    if user != ROOT && owner != Some(user) {
        return Sent::NotPermitted;
    }
    let signal = match number {
        0 => return Sent::Yes,
        2 => Signal::Int,
        9 => Signal::Kill,
        15 => Signal::Term,
        _ => return Sent::Unmodelled,
    };
    machine.signal(found, signal);
    Sent::Yes
}

fn kill(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let mut words = call.arguments().iter().map(String::as_str).peekable();
    let mut number = 15;
    let name = |text: &str| signal_number(text).ok_or_else(|| unmodelled(call, text));
    while let Some(word) = words.next_if(|word| word.starts_with('-')) {
        match word {
            "--" => break,
            "-l" | "--list" => {
                let names: Vec<&str> = SIGNALS.iter().map(|(name, _)| *name).collect();
                return match words.next().and_then(|text| text.parse::<i32>().ok()) {
                    Some(number) if SIGNALS.iter().any(|(_, known)| *known == number) => {
                        let at = SIGNALS.iter().position(|(_, known)| *known == number).unwrap_or(0);
                        let text = format!("{}\n", names.get(at).copied().unwrap_or_default());
                        super::common::finish(machine, call, text.as_bytes(), 0)
                    }
                    _ => Err(unmodelled(call, "-l")),
                };
            }
            "-s" | "--signal" => match words.next() {
                Some(text) => number = name(text)?,
                None => return Err(unmodelled(call, "without arguments")),
            },
            other => number = name(other.trim_start_matches('-').trim_start_matches("signal="))?,
        }
    }
    let pids: Vec<&str> = words.collect();
    if pids.is_empty() {
        return Err(unmodelled(call, "without a process"));
    }
    let mut status = 0;
    for text in pids {
        let Ok(pid) = text.parse::<i64>() else {
            fail(machine, call, &format!("failed to parse argument: '{text}'"))?;
            return Ok(1);
        };
        let full = call.words.first().map_or("kill", String::as_str);
        let why = match send(machine, call.context.user, pid, number) {
            Sent::Yes => continue,
            Sent::NoProcess => "No such process",
            Sent::NotPermitted => "Operation not permitted",
            Sent::Unmodelled => return Err(unmodelled(call, &format!("with signal {number} to {pid}"))),
        };
        refuse(machine, call, &format!("{full}: ({pid}): {why}\n"), 1)?;
        status = 1;
    }
    Ok(status)
}

#[cfg(test)]
mod tests {
    use crate::machine::process::{Supervisor, What};
    use crate::programs::common::tests::{machine, run, run_as};

    // Expected bytes: procps in the operator host's image.
    #[test]
    fn signals_reach_ones_own_processes() {
        let mut machine = machine();
        let pid = machine.start_other("/usr/bin/x", 900, Supervisor::Nobody, What::Other);
        let number = pid.0.to_string();
        assert_eq!(run(&mut machine, &["kill", "99999"], b""), (1, "kill: (99999): No such process\n".into()));
        assert_eq!(run(&mut machine, &["kill", "x"], b""), (1, "kill: failed to parse argument: 'x'\n".into()));
        let said = format!("kill: ({number}): Operation not permitted\n");
        assert_eq!(run(&mut machine, &["kill", "-9", &number], b""), (1, said));
        assert_eq!(run_as(&mut machine, 0, &["kill", "-0", &number], b""), (0, String::new()));
        assert!(machine.processes.contains_key(&pid));
        assert_eq!(run_as(&mut machine, 0, &["kill", "-KILL", &number], b""), (0, String::new()));
        machine.spend(1).unwrap();
        assert!(!machine.processes.contains_key(&pid));
    }
}
