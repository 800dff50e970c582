//! head, tail (coreutils 9.7).

use super::common::{count, emit, fail, input, lines, quote};
use super::options::{Digits, Given, Options};
use super::{Call, Program, options};
use crate::Run;
use crate::machine::Machine;
use crate::machine::io::ReaderTakes;

const HEAD_OPTIONS: Options = Options {
    short: "n:c:qv",
    long: &[("lines", 'n'), ("bytes", 'c'), ("quiet", 'q'), ("silent", 'q'), ("verbose", 'v')],
    unmodelled: "z",
    digits: Digits::ValueOf('n'),
    ..Options::NONE
};
const TAIL_OPTIONS: Options = Options { unmodelled: "fFsz", ..HEAD_OPTIONS };

/// The beginning of files.
pub const HEAD: Program = Program { name: "head", in_sbin: false, run: head, knows: |words| HEAD_OPTIONS.know(words) };
/// The end of files.
pub const TAIL: Program = Program { name: "tail", in_sbin: false, run: tail, knows: |words| TAIL_OPTIONS.know(words) };

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Lines,
    Bytes,
}

/// How much: unit, the sign before the number if any, the number.
type Amount = (Unit, Option<char>, u64);

/// The last of -n and -c; `Err` is the message.
fn amount(given: &Given<'_>) -> Result<Amount, String> {
    let last = given.options.iter().rev().find(|(letter, _)| matches!(letter, 'n' | 'c'));
    let Some((letter, Some(text))) = last else { return Ok((Unit::Lines, None, 10)) };
    let (unit, of) = if *letter == 'n' { (Unit::Lines, "lines") } else { (Unit::Bytes, "bytes") };
    let sign = text.chars().next().filter(|first| matches!(first, '-' | '+'));
    let number = count(text.trim_start_matches(['-', '+']));
    number.map(|number| (unit, sign, number)).ok_or_else(|| format!("invalid number of {of}: {}", quote(text)))
}

/// What `head` takes from a pipe before it goes, when it reads one.
pub fn head_takes(words: &[String]) -> Option<ReaderTakes> {
    let arguments: Vec<Option<&str>> = words.iter().skip(1).map(|word| Some(word.as_str())).collect();
    let given = HEAD_OPTIONS.read(&arguments).ok()?;
    match amount(&given).ok()? {
        (_, Some('-'), _) => None,
        (Unit::Lines, _, number) => Some(ReaderTakes::Lines(number)),
        (Unit::Bytes, _, number) => Some(ReaderTakes::Bytes(number)),
    }
}

fn head(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match HEAD_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    each(machine, call, &given, |bytes, (unit, sign, number)| {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        let end = match (unit, sign) {
            (Unit::Bytes, Some('-')) => bytes.len().saturating_sub(number),
            (Unit::Bytes, _) => number.min(bytes.len()),
            (Unit::Lines, Some('-')) => {
                let all = lines(bytes).count();
                length_of(bytes, all.saturating_sub(number))
            }
            (Unit::Lines, _) => length_of(bytes, number),
        };
        bytes.get(..end).unwrap_or(bytes)
    })
}

fn tail(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match TAIL_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    each(machine, call, &given, |bytes, (unit, sign, number)| {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        let begin = match (unit, sign) {
            (Unit::Bytes, Some('+')) => number.saturating_sub(1).min(bytes.len()),
            (Unit::Bytes, _) => bytes.len().saturating_sub(number),
            (Unit::Lines, Some('+')) => length_of(bytes, number.saturating_sub(1)),
            (Unit::Lines, _) => length_of(bytes, lines(bytes).count().saturating_sub(number)),
        };
        bytes.get(begin..).unwrap_or_default()
    })
}

fn length_of(bytes: &[u8], of_lines: usize) -> usize {
    lines(bytes).take(of_lines).map(<[u8]>::len).sum()
}

fn each(
    machine: &mut Machine,
    call: &Call<'_>,
    given: &Given<'_>,
    part: impl for<'b> Fn(&'b [u8], Amount) -> &'b [u8],
) -> Run<i32> {
    let amount = match amount(given) {
        Ok(amount) => amount,
        Err(message) => {
            let name = super::common::name(call);
            return options::refuse(machine, call, &format!("{name}: {message}\n"), 1);
        }
    };
    let files = if given.operands.is_empty() { vec!["-"] } else { given.operands.clone() };
    let titles = !given.has('q') && (given.has('v') || files.len() > 1);
    let (mut status, mut first) = (0, true);
    for path in files {
        let bytes = input(machine, call, path)?;
        let is_folder = bytes == Err(crate::machine::files::Errno::IsADirectory);
        if titles && (bytes.is_ok() || is_folder) {
            let of = if path == "-" { "standard input" } else { path };
            let title = format!("{}==> {of} <==\n", if first { "" } else { "\n" });
            if let Err(failed) = emit(machine, call, title.as_bytes())? {
                return Ok(failed);
            }
            first = false;
        }
        match bytes {
            Ok(bytes) => {
                if let Err(failed) = emit(machine, call, part(&bytes, amount))? {
                    return Ok(failed);
                }
            }
            Err(error) => {
                let message = if is_folder {
                    format!("error reading {}: {}", quote(path), error.text())
                } else {
                    format!("cannot open {} for reading: {}", quote(path), error.text())
                };
                fail(machine, call, &message)?;
                status = 1;
            }
        }
    }
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::common::tests::{file, machine, run, same_as_real};

    // Expected bytes: coreutils 9.7 in the operator host's image.
    #[test]
    fn messages_and_statuses_are_the_real_ones() {
        let mut machine = machine();
        file(&mut machine, "a", b"1\n2\n3\n");
        file(&mut machine, "b", b"x");
        let cases: [(&[&str], i32, &str); 9] = [
            (&["head", "nope"], 1, "head: cannot open 'nope' for reading: No such file or directory\n"),
            (&["head", "-n", "x"], 1, "head: invalid number of lines: 'x'\n"),
            (&["head", "/tmp"], 1, "head: error reading '/tmp': Is a directory\n"),
            (&["head", "-n"], 1, "head: option requires an argument -- 'n'\nTry 'head --help' for more information.\n"),
            (&["head", "-n", "1", "a", "b"], 0, "==> a <==\n1\n\n==> b <==\nx"),
            (&["tail", "-n", "+2", "a"], 0, "2\n3\n"),
            (&["tail", "-1", "a"], 0, "3\n"),
            (&["tail", "-c", "3", "a"], 0, "\n3\n"),
            (&["tail", "nope"], 1, "tail: cannot open 'nope' for reading: No such file or directory\n"),
        ];
        for (words, status, said) in cases {
            assert_eq!(run(&mut machine, words, b""), (status, said.to_owned()), "{words:?}");
        }
    }

    #[test]
    fn both_are_as_on_this_machine() {
        let text: &[u8] = b"1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12";
        same_as_real(&[
            (&["head"], text),
            (&["head", "-3"], text),
            (&["head", "-n2"], text),
            (&["head", "-n", "-2"], text),
            (&["head", "-c", "4"], text),
            (&["head", "-c-4"], text),
            (&["head", "-v", "-n1"], text),
            (&["head", "-n0"], text),
            (&["head", "-n", "1K"], text),
        ]);
        same_as_real(&[
            (&["tail"], text),
            (&["tail", "-3"], text),
            (&["tail", "-n2"], text),
            (&["tail", "-n", "+9"], text),
            (&["tail", "-c", "4"], text),
            (&["tail", "-c+4"], text),
            (&["tail", "-n0"], text),
        ]);
    }

    #[test]
    fn what_head_takes_from_a_pipe_is_known() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(head_takes(&words("head -20")), Some(ReaderTakes::Lines(20)));
        assert_eq!(head_takes(&words("head")), Some(ReaderTakes::Lines(10)));
        assert_eq!(head_takes(&words("head -c 5")), Some(ReaderTakes::Bytes(5)));
        assert_eq!(head_takes(&words("head -n -1")), None);
    }
}
