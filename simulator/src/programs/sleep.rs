//! sleep, timeout (coreutils 9.7).

use super::common::{fail, quote, usage};
use super::options::{Digits, Options};
use super::{Call, Program, execute_file, find, nested};
use crate::machine::Machine;
use crate::time::Us;
use crate::{Run, Stop};

const SLEEP_OPTIONS: Options = Options::NONE;
const TIMEOUT_OPTIONS: Options = Options {
    short: "k:s:fpv",
    long: &[("kill-after", 'k'), ("signal", 's'), ("foreground", 'f'), ("preserve-status", 'p'), ("verbose", 'v')],
    unmodelled: "",
    in_order: true,
    digits: Digits::Options,
    status: 125,
    ..Options::NONE
};
/// Signals by name and number, as far as somebody sends them.
pub const SIGNALS: [(&str, i32); 10] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("KILL", 9),
    ("USR1", 10),
    ("USR2", 12),
    ("ALRM", 14),
    ("TERM", 15),
    ("CONT", 18),
    ("STOP", 19),
];

/// Waits.
pub const SLEEP: Program =
    Program { name: "sleep", in_sbin: false, run: sleep, knows: |words| SLEEP_OPTIONS.know(words) };
/// A command with an end.
pub const TIMEOUT: Program = Program {
    name: "timeout",
    in_sbin: false,
    run: timeout,
    knows: |words| nested(TIMEOUT_OPTIONS.read(words)?.operands.get(1..).unwrap_or_default()),
};

/// `1.5`, `2m`, `infinity` in microseconds; `Us::MAX` is for ever.
pub fn duration(text: &str) -> Option<Us> {
    let (number, factor) = match text.chars().last()? {
        's' => (text.get(..text.len() - 1)?, 1.0),
        'm' => (text.get(..text.len() - 1)?, 60.0),
        'h' => (text.get(..text.len() - 1)?, 3600.0),
        'd' => (text.get(..text.len() - 1)?, 86_400.0),
        _ => (text, 1.0),
    };
    if matches!(number.to_ascii_lowercase().as_str(), "inf" | "infinity") {
        return Some(Us::MAX);
    }
    if !number.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'-' | b'+')) {
        return None;
    }
    let seconds = number.parse::<f64>().ok().filter(|seconds| *seconds >= 0.0)? * factor;
    // A century is for ever here; a part of a microsecond counts as one.
    if seconds > 3.2e9 { Some(Us::MAX) } else { Some((seconds * 1e6).ceil() as Us) }
}

/// A signal's number from `TERM`, `SIGTERM` or `15`.
pub fn signal_number(text: &str) -> Option<i32> {
    if let Ok(number) = text.parse::<i32>() {
        return (0..=64).contains(&number).then_some(number);
    }
    let name = text.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    SIGNALS.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
}

fn sleep(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match SLEEP_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    if given.operands.is_empty() {
        return usage(machine, call, "missing operand", 1);
    }
    let mut total: Us = 0;
    let mut wrong = Vec::new();
    for text in &given.operands {
        match duration(text) {
            Some(us) => total = total.saturating_add(us),
            None => wrong.push(format!("invalid time interval {}", quote(text))),
        }
    }
    if let Some((last, before)) = wrong.split_last() {
        for message in before {
            fail(machine, call, message)?;
        }
        return usage(machine, call, last, 1);
    }
    if total == Us::MAX {
        // Ends by nothing but its deadline.
        loop {
            machine.step()?;
        }
    }
    machine.spend(total)?;
    Ok(0)
}

fn timeout(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match TIMEOUT_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    let [limit, command @ ..] = given.operands.as_slice() else {
        return usage_only(machine, call);
    };
    if command.is_empty() {
        return usage_only(machine, call);
    }
    let signal = match given.value('s').map(|text| (text, signal_number(text))) {
        None => 15,
        Some((_, Some(number))) => number,
        Some((text, None)) => return usage(machine, call, &format!("{}: invalid signal", quote(text)), 125),
    };
    for text in given.value('k').into_iter().chain([*limit]) {
        if duration(text).is_none() {
            return usage(machine, call, &format!("invalid time interval {}", quote(text)), 125);
        }
    }
    let limit = duration(limit).filter(|limit| *limit > 0).unwrap_or(Us::MAX);
    let words: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
    let path = match found(machine, call, &words)? {
        Ok(path) => path,
        Err(status) => return Ok(status),
    };
    let (outer, own) = (machine.deadline, machine.now.saturating_add(limit));
    machine.deadline = outer.min(own);
    let ended = execute_file(machine, &path, &words, call.context);
    machine.deadline = outer;
    match ended {
        // What runs as a command here takes a signal's own action: it ends at once.
        Err(Stop::Deadline) if own < outer && machine.now >= own => Ok(match (signal, given.has('p')) {
            (9, _) => 137,
            (signal, true) => 128 + signal,
            (_, false) => 124,
        }),
        other => other,
    }
}

fn usage_only(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let name = call.words.first().map_or("", String::as_str);
    super::options::refuse(machine, call, &format!("Try '{name} --help' for more information.\n"), 125)
}

/// Finds the command that a program is to run; messages and statuses as env and timeout have them.
pub(super) fn found(machine: &mut Machine, call: &Call<'_>, words: &[String]) -> Run<Result<String, i32>> {
    let name = words.first().map_or("", String::as_str);
    match find(machine, call.context, name) {
        Ok(path) => Ok(Ok(path)),
        Err((status, _)) => {
            let why = if status == 127 { "No such file or directory" } else { "Permission denied" };
            let what = if super::common::name(call) == "env" { "" } else { "failed to run command " };
            fail(machine, call, &format!("{what}{}: {why}", quote(name)))?;
            Ok(Err(status))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::common::tests::{machine, run};
    use crate::time::SECOND;

    #[test]
    fn durations_are_read_as_coreutils_read_them() {
        for (text, us) in [
            ("1", Some(SECOND)),
            ("0.05", Some(50_000)),
            (".5s", Some(500_000)),
            ("2m", Some(120 * SECOND)),
            ("1h", Some(3600 * SECOND)),
            ("infinity", Some(Us::MAX)),
            ("0", Some(0)),
            ("1e3", Some(1000 * SECOND)),
            ("x", None),
            ("", None),
            ("-1", None),
            ("1x", None),
            ("nan", None),
        ] {
            assert_eq!(duration(text), us, "{text}");
        }
    }

    // Expected bytes: coreutils 9.7 in the operator host's image.
    #[test]
    fn messages_statuses_and_times_are_the_real_ones() {
        let try_sleep = "Try 'sleep --help' for more information.\n";
        let cases: [(&[&str], i32, &str, Us); 17] = [
            (&["sleep"], 1, &format!("sleep: missing operand\n{try_sleep}"), 0),
            (&["sleep", "x"], 1, &format!("sleep: invalid time interval 'x'\n{try_sleep}"), 0),
            (&["sleep", "-1"], 1, &format!("sleep: invalid option -- '1'\n{try_sleep}"), 0),
            (&["sleep", "1.5", "0.5"], 0, "", 2_000_000),
            (&["timeout"], 125, "Try 'timeout --help' for more information.\n", 0),
            (&["timeout", "1"], 125, "Try 'timeout --help' for more information.\n", 0),
            (
                &["timeout", "x", "true"],
                125,
                "timeout: invalid time interval 'x'\nTry 'timeout --help' for more information.\n",
                0,
            ),
            (&["timeout", "0.1", "sleep", "1"], 124, "", 100_000),
            (&["timeout", "-s", "KILL", "0.1", "sleep", "1"], 137, "", 100_000),
            (&["timeout", "-k", "1", "0.1", "sleep", "1"], 124, "", 100_000),
            (&["timeout", "--preserve-status", "0.1", "sleep", "1"], 143, "", 100_000),
            (&["timeout", "1", "nope"], 127, "timeout: failed to run command 'nope': No such file or directory\n", 0),
            (&["timeout", "1", "/dev/null"], 126, "timeout: failed to run command '/dev/null': Permission denied\n", 0),
            (
                &["timeout", "-s", "NOPE", "1", "true"],
                125,
                "timeout: 'NOPE': invalid signal\nTry 'timeout --help' for more information.\n",
                0,
            ),
            (&["timeout", "0", "sleep", "2"], 0, "", 2_000_000),
            (&["timeout", "5", "false"], 1, "", 0),
            (&["timeout", "5", "timeout", "1", "sleep", "9"], 124, "", 1_000_000),
        ];
        for (words, status, said, us) in cases {
            let mut machine = machine();
            machine.calibration.programs.spawn_us = 0;
            let before = machine.now;
            assert_eq!(run(&mut machine, words, b""), (status, said.to_owned()), "{words:?}");
            assert_eq!((machine.now - before, machine.deadline), (us, u64::MAX), "{words:?}");
        }
    }

    #[test]
    fn a_deadline_of_somebody_else_is_passed_on() {
        let mut machine = machine();
        let (context, _) = crate::programs::common::tests::context(&mut machine, 1000, "/tmp", b"");
        machine.deadline = machine.now + SECOND;
        let words = ["timeout", "5", "sleep", "infinity"].map(str::to_owned);
        assert_eq!(crate::programs::execute(&mut machine, &words, &context), Err(Stop::Deadline));
        let words = ["sleep", "infinity"].map(str::to_owned);
        assert_eq!(crate::programs::execute(&mut machine, &words, &context), Err(Stop::Deadline));
    }
}
