//! echo, and the escapes that it shares with printf.

use crate::machine::Machine;
use crate::shell::Shell;
use crate::shell::run::Step;
use crate::shell::syntax::Dialect;

/// `echo [-neE] …`
pub(super) fn echo(shell: &mut Shell, machine: &mut Machine, words: &[String]) -> Step<i32> {
    let dash = shell.dialect == Dialect::Dash;
    let (mut newline, mut escapes) = (true, dash);
    let mut operands = words.get(1..).unwrap_or_default();
    while let Some((first, rest)) = operands.split_first() {
        let known = if dash { "n" } else { "neE" };
        let letters = first.strip_prefix('-').filter(|letters| !letters.is_empty());
        let Some(letters) = letters.filter(|letters| letters.chars().all(|letter| known.contains(letter))) else {
            break;
        };
        if dash && letters.len() > 1 {
            break;
        }
        for letter in letters.chars() {
            match letter {
                'n' => newline = false,
                'e' => escapes = true,
                _ => escapes = false,
            }
        }
        operands = rest;
    }
    let text = operands.join(" ");
    let mut bytes = Vec::with_capacity(text.len() + 1);
    if escapes {
        if !unescape(&text, false, &mut bytes) {
            newline = false;
        }
    } else {
        bytes.extend(text.as_bytes());
    }
    if newline {
        bytes.push(b'\n');
    }
    shell.say(machine, "echo", &bytes)
}

/// Escapes of `echo -e`, and of `printf %b`, which also knows `\101`. False: `\c`, nothing more is to be written.
pub(super) fn unescape(text: &str, octal_without_zero: bool, out: &mut Vec<u8>) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.extend(rest.get(..at).unwrap_or_default().as_bytes());
        rest = rest.get(at..).unwrap_or_default();
        if rest.starts_with("\\c") {
            return false;
        }
        // `\0` takes three more digits here.
        let octal = rest.strip_prefix("\\0").map(|digits| digits.bytes().take(3).take_while(is_octal).count());
        rest = match octal {
            Some(count) => {
                let digits = rest.get(2..2 + count).unwrap_or_default();
                out.push((u32::from_str_radix(digits, 8).unwrap_or(0) & 0xff) as u8);
                rest.get(2 + count..).unwrap_or_default()
            }
            None if !octal_without_zero && rest.as_bytes().get(1).is_some_and(is_octal) => {
                out.push(b'\\');
                rest.get(1..).unwrap_or_default()
            }
            None => escape(rest, out),
        };
    }
    out.extend(rest.as_bytes());
    true
}

fn is_octal(byte: &u8) -> bool {
    (b'0'..=b'7').contains(byte)
}

/// The escape at the beginning of a text; what is behind it.
pub(super) fn escape<'a>(text: &'a str, out: &mut Vec<u8>) -> &'a str {
    let body = text.get(1..).unwrap_or_default();
    let Some(letter) = body.chars().next() else {
        out.push(b'\\');
        return body;
    };
    let after = body.get(letter.len_utf8()..).unwrap_or_default();
    let single = match letter {
        'a' => 7,
        'b' => 8,
        'e' | 'E' => 27,
        'f' => 12,
        'n' => 10,
        'r' => 13,
        't' => 9,
        'v' => 11,
        '\\' => b'\\',
        'x' | 'u' | 'U' => {
            let most = match letter {
                'x' => 2,
                'u' => 4,
                _ => 8,
            };
            let digits = after.bytes().take(most).take_while(u8::is_ascii_hexdigit).count();
            let value = u32::from_str_radix(after.get(..digits).unwrap_or_default(), 16);
            match (letter, value) {
                (_, Err(_)) => out.extend([b'\\', letter as u8]),
                ('x', Ok(value)) => out.push((value & 0xff) as u8),
                // In the C locale what is not ASCII stays as it was written.
                (_, Ok(value)) if value < 128 => out.push(value as u8),
                (_, Ok(value)) if value < 0x1_0000 => out.extend(format!("\\u{value:04X}").bytes()),
                (_, Ok(value)) => out.extend(format!("\\U{value:08X}").bytes()),
            }
            return after.get(digits..).unwrap_or_default();
        }
        '0'..='7' => {
            let digits = body.bytes().take(3).take_while(is_octal).count();
            let value = u32::from_str_radix(body.get(..digits).unwrap_or_default(), 8).unwrap_or(0);
            out.push((value & 0xff) as u8);
            return body.get(digits..).unwrap_or_default();
        }
        other => {
            out.push(b'\\');
            out.extend(other.encode_utf8(&mut [0; 4]).as_bytes());
            return after;
        }
    };
    out.push(single);
    after
}
