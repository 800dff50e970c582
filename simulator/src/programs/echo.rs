//! echo, yes (coreutils 9.7).

use super::common::finish;
use super::{Call, Program, any_arguments};
use crate::Run;
use crate::machine::Machine;
use crate::programs::write_failed;

/// Its arguments.
pub const ECHO: Program = Program { name: "echo", in_sbin: false, run: echo, knows: any_arguments };
/// Its arguments, for ever.
pub const YES: Program = Program { name: "yes", in_sbin: false, run: yes, knows: any_arguments };

/// Backslash sequences as `echo -e` and `%b` of printf read them; true where `\c` ended it.
pub fn unescaped(text: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at).copied() {
        at += 1;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some(letter) = text.get(at).copied() else {
            out.push(b'\\');
            break;
        };
        at += 1;
        match letter {
            b'a' => out.push(7),
            b'b' => out.push(8),
            b'c' => return (out, true),
            b'e' => out.push(27),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'v' => out.push(11),
            b'\\' => out.push(b'\\'),
            b'x' => {
                let (value, digits) = number(text.get(at..).unwrap_or_default(), 16, 2);
                if digits == 0 {
                    out.extend_from_slice(b"\\x");
                } else {
                    out.push(value);
                }
                at += digits;
            }
            b'0'..=b'7' => {
                let from = if letter == b'0' { at } else { at - 1 };
                let (value, digits) = number(text.get(from..).unwrap_or_default(), 8, 3);
                out.push(value);
                at = from + digits;
            }
            other => out.extend_from_slice(&[b'\\', other]),
        }
    }
    (out, false)
}

/// Up to so many digits: the value's lowest byte, and how many there were.
fn number(text: &[u8], radix: u32, most: usize) -> (u8, usize) {
    let mut value = 0_u32;
    let mut digits = 0;
    for byte in text.iter().take(most) {
        let Some(digit) = char::from(*byte).to_digit(radix) else { break };
        value = value * radix + digit;
        digits += 1;
    }
    (u8::try_from(value & 0xff).unwrap_or(0), digits)
}

fn echo(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let mut words = call.arguments();
    let (mut newline, mut escapes) = (true, false);
    while let Some((first, rest)) = words.split_first() {
        let letters = first.strip_prefix('-').unwrap_or_default();
        if letters.is_empty() || !letters.chars().all(|letter| matches!(letter, 'n' | 'e' | 'E')) {
            break;
        }
        for letter in letters.chars() {
            match letter {
                'n' => newline = false,
                'e' => escapes = true,
                _ => escapes = false,
            }
        }
        words = rest;
    }
    let mut text = words.join(" ").into_bytes();
    if escapes {
        let (unescaped, ended) = unescaped(&text);
        text = unescaped;
        newline &= !ended;
    }
    if newline {
        text.push(b'\n');
    }
    finish(machine, call, &text, 0)
}

/// Writes until nobody takes it any more; the machine's own limit of output ends it otherwise.
fn yes(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let words = call.arguments();
    let line = if words.is_empty() { "y\n".to_owned() } else { format!("{}\n", words.join(" ")) };
    let block = line.repeat((8192 / line.len()).max(1));
    loop {
        // A writer takes time: about 10 GB/s on a pipe, and never none at all.
        machine.spend(1)?;
        if let Err(failure) = machine.write(&call.context.io.stdout, block.as_bytes())? {
            return write_failed(machine, call, failure);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::machine::io::{Output, ReaderTakes};
    use crate::programs::common::tests::{context, machine, same_as_real};

    #[test]
    fn echo_is_as_on_this_machine() {
        let cases: [&[&str]; 12] = [
            &["echo"],
            &["echo", "a", "b  c"],
            &["echo", "-n", "a"],
            &["echo", "-e", "a\\tb\\n\\x41\\0101\\101\\e[0m"],
            &["echo", "-E", "a\\tb"],
            &["echo", "-ne", "x\\cy"],
            &["echo", "-nx"],
            &["echo", "a\\nb"],
            &["echo", "-e", "a\\"],
            &["echo", "-e", "\\q\\xg\\8"],
            &["echo", "--", "-n"],
            &["echo", "-e", "-n"],
        ];
        same_as_real(&cases.map(|words| (words, b"".as_slice())));
    }

    #[test]
    fn yes_ends_with_its_reader() {
        let mut machine = machine();
        let (mut context, _) = context(&mut machine, 1000, "/tmp", b"");
        let pipe = machine.buffer(Some(ReaderTakes::Lines(2)));
        context.io.stdout = Output::Buffer(pipe);
        let words = ["yes".to_owned()];
        assert_eq!(crate::programs::execute(&mut machine, &words, &context), Ok(141));
        assert!(machine.take_buffer(pipe).starts_with(b"y\ny\n"));
        context.io.stdout = Output::Null;
        machine.deadline = machine.now + 1_000_000;
        assert_eq!(crate::programs::execute(&mut machine, &words, &context), Err(crate::Stop::Deadline));
    }
}
