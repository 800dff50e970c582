//! printf (coreutils 9.7). [`fn@format`] is pure, so that a shell's builtin can share it.

use super::common::{fail, finish, quote, usage};
use super::echo::unescaped;
use super::{Call, Program, any_arguments};
use crate::machine::Machine;
use crate::{Run, Stop};

/// Passes over one format.
const PASSES_MAX: usize = 100_000;
/// Widths and precisions.
const WIDTH_MAX: usize = 1 << 16;

/// Formatted text.
pub const PRINTF: Program = Program { name: "printf", in_sbin: false, run: printf, knows: any_arguments };

/// What came out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Formatted {
    /// For stdout.
    pub text: Vec<u8>,
    /// Messages without the program's name, in order; `bool`: it ends the output.
    pub messages: Vec<String>,
    /// Arguments that no conversion took.
    pub excess: Option<String>,
    /// 0 or 1.
    pub status: i32,
}

/// Fills a format with arguments, again and again until all are taken. `Err` is a conversion that the model lacks.
pub fn format(format: &str, arguments: &[String]) -> Result<Formatted, String> {
    let mut out = Formatted::default();
    let mut left = arguments.iter();
    for pass in 0..PASSES_MAX {
        let before = left.len();
        if !once(format, &mut left, &mut out)? {
            return Ok(out);
        }
        if left.len() == 0 {
            return Ok(out);
        }
        if left.len() == before {
            if pass == 0 {
                out.excess = left.next().cloned();
            }
            return Ok(out);
        }
    }
    Err(format!("more than {PASSES_MAX} rounds"))
}

/// One pass; false when the output has ended.
fn once(format: &str, left: &mut std::slice::Iter<'_, String>, out: &mut Formatted) -> Result<bool, String> {
    let bytes = format.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        match byte {
            b'\\' => {
                // In a format an octal has three digits at the most, its leading zero among them.
                let mut end = (at + 2).min(bytes.len());
                let digits = |from: usize, most: usize, octal: bool| {
                    let rest = bytes.get(from..).unwrap_or_default();
                    let is = |byte: &&u8| if octal { (b'0'..=b'7').contains(*byte) } else { byte.is_ascii_hexdigit() };
                    rest.iter().take(most).take_while(is).count()
                };
                match bytes.get(at + 1) {
                    Some(b'0'..=b'7') => {
                        let count = digits(at + 1, 3, true);
                        let text = format.get(at + 1..at + 1 + count).unwrap_or_default();
                        out.text.push(u8::try_from(u32::from_str_radix(text, 8).unwrap_or(0) & 0xff).unwrap_or(0));
                        at += 1 + count;
                        continue;
                    }
                    Some(b'x') => end += digits(at + 2, 2, false),
                    Some(b'u' | b'U') => return Err("\\u".into()),
                    Some(b'"') => {
                        out.text.push(b'"');
                        at = end;
                        continue;
                    }
                    _ => {}
                }
                let (text, ended) = unescaped(bytes.get(at..end).unwrap_or_default());
                out.text.extend_from_slice(&text);
                if ended {
                    return Ok(false);
                }
                at = end;
            }
            b'%' => match conversion(format, at, left, out)? {
                Some(next) => at = next,
                None => return Ok(false),
            },
            other => {
                out.text.push(other);
                at += 1;
            }
        }
    }
    Ok(true)
}

/// One conversion from its `%`; where the format goes on, or `None` where the output has ended.
fn conversion(
    format: &str,
    from: usize,
    left: &mut std::slice::Iter<'_, String>,
    out: &mut Formatted,
) -> Result<Option<usize>, String> {
    let bytes = format.as_bytes();
    if bytes.get(from + 1) == Some(&b'%') {
        out.text.push(b'%');
        return Ok(Some(from + 2));
    }
    let mut at = from + 1;
    let mut flags = String::new();
    while let Some(byte) = bytes.get(at).filter(|byte| b"-+ 0#'".contains(byte)) {
        flags.push(char::from(*byte));
        at += 1;
    }
    let mut count = |at: &mut usize, left: &mut std::slice::Iter<'_, String>| -> Option<i64> {
        if bytes.get(*at) == Some(&b'*') {
            *at += 1;
            return Some(integer(left.next(), out));
        }
        let begin = *at;
        while bytes.get(*at).is_some_and(u8::is_ascii_digit) {
            *at += 1;
        }
        format.get(begin..*at)?.parse().ok()
    };
    let mut width = count(&mut at, left).unwrap_or(0);
    if width < 0 {
        flags.push('-');
        width = -width;
    }
    let precision = if bytes.get(at) == Some(&b'.') {
        at += 1;
        Some(count(&mut at, left).unwrap_or(0)).filter(|precision| *precision >= 0)
    } else {
        None
    };
    while bytes.get(at).is_some_and(|byte| b"hlLjzt".contains(byte)) {
        at += 1;
    }
    let Some(letter) = bytes.get(at).copied() else {
        let what = format.get(from..).unwrap_or_default();
        out.messages.push(format!("{what}: invalid conversion specification"));
        out.status = 1;
        return Ok(None);
    };
    let limit = |value: i64| usize::try_from(value).unwrap_or(0).min(WIDTH_MAX);
    let (width, precision) = (limit(width), precision.map(limit));
    let mut zeros = flags.contains('0') && !flags.contains('-');
    let sign = if flags.contains('+') {
        "+"
    } else if flags.contains(' ') {
        " "
    } else {
        ""
    };
    let value: Vec<u8> = match letter {
        b's' => {
            let text = left.next().map_or("", String::as_str).as_bytes();
            text.get(..precision.unwrap_or(text.len()).min(text.len())).unwrap_or_default().to_vec()
        }
        b'c' => left.next().and_then(|text| text.as_bytes().first()).map(|byte| vec![*byte]).unwrap_or_default(),
        b'b' => {
            let (text, ended) = unescaped(left.next().map_or("", String::as_str).as_bytes());
            if ended {
                out.text.extend_from_slice(&text);
                return Ok(None);
            }
            text
        }
        b'q' => super::common::shown(left.next().map_or("", String::as_str)).into_owned().into_bytes(),
        b'd' | b'i' => {
            let value = integer(left.next(), out);
            let digits = format!("{:01$}", value.unsigned_abs(), precision.unwrap_or(1));
            zeros &= precision.is_none();
            format!("{}{digits}", if value < 0 { "-" } else { sign }).into_bytes()
        }
        b'u' | b'x' | b'X' | b'o' => {
            // A negative number is taken as C takes it.
            let value = integer(left.next(), out).cast_unsigned();
            let digits = precision.unwrap_or(1);
            zeros &= precision.is_none();
            let alternate = flags.contains('#') && value != 0;
            match letter {
                b'u' => format!("{value:0digits$}"),
                b'x' => format!("{}{value:0digits$x}", if alternate { "0x" } else { "" }),
                b'X' => format!("{}{value:0digits$X}", if alternate { "0X" } else { "" }),
                _ => format!("{}{value:0digits$o}", if alternate { "0" } else { "" }),
            }
            .into_bytes()
        }
        b'f' | b'F' => {
            let value = float(left.next(), out);
            let shown = format!("{:.1$}", value.abs(), precision.unwrap_or(6));
            format!("{}{shown}", if value.is_sign_negative() { "-" } else { sign }).into_bytes()
        }
        b'e' | b'E' | b'g' | b'G' | b'a' | b'A' => return Err(format!("%{}", char::from(letter))),
        _ => {
            let end = (at + 1..=bytes.len()).find(|end| format.is_char_boundary(*end)).unwrap_or(bytes.len());
            let what = format.get(from..end).unwrap_or_default();
            out.messages.push(format!("{what}: invalid conversion specification"));
            out.status = 1;
            return Ok(None);
        }
    };
    let missing = width.saturating_sub(value.len());
    if flags.contains('-') {
        out.text.extend_from_slice(&value);
        out.text.extend(std::iter::repeat_n(b' ', missing));
    } else if zeros && !matches!(letter, b's' | b'c' | b'b' | b'q') {
        let signed = value.first().is_some_and(|first| matches!(first, b'-' | b'+' | b' '));
        let (head, digits) = value.split_at(usize::from(signed));
        out.text.extend_from_slice(head);
        out.text.extend(std::iter::repeat_n(b'0', missing));
        out.text.extend_from_slice(digits);
    } else {
        out.text.extend(std::iter::repeat_n(b' ', missing));
        out.text.extend_from_slice(&value);
    }
    Ok(Some(at + 1))
}

/// A number in C's notation, or the code of the character after a quotation mark.
fn integer(argument: Option<&String>, out: &mut Formatted) -> i64 {
    let Some(text) = argument else { return 0 };
    let trimmed = text.trim_start();
    if let Some(letter) = trimmed.strip_prefix(['"', '\'']).and_then(|rest| rest.chars().next()) {
        return i64::from(u32::from(letter));
    }
    let (negative, digits) = match trimmed.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed)),
    };
    let hex = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let (radix, digits) = match hex {
        Some(hex) => (16, hex),
        None if digits.len() > 1 && digits.starts_with('0') => (8, digits),
        None => (10, digits),
    };
    let length = digits.chars().take_while(|digit| digit.is_digit(radix)).count();
    if length == 0 {
        out.messages.push(format!("{}: expected a numeric value", quote(text)));
        out.status = 1;
        return 0;
    }
    let value = i128::from_str_radix(digits.get(..length).unwrap_or_default(), radix).unwrap_or(i128::MAX);
    let value = if negative { -value } else { value };
    if digits.len() > length {
        out.messages.push(format!("{}: value not completely converted", quote(text)));
        out.status = 1;
    }
    i64::try_from(value).unwrap_or_else(|_| {
        out.messages.push(format!("{}: Numerical result out of range", quote(text)));
        out.status = 1;
        if negative { i64::MIN } else { i64::MAX }
    })
}

fn float(argument: Option<&String>, out: &mut Formatted) -> f64 {
    let Some(text) = argument else { return 0.0 };
    let trimmed = text.trim_start();
    let longest = (1..=trimmed.len()).rev().find_map(|end| {
        let part = trimmed.get(..end).filter(|part| part.bytes().any(|byte| byte.is_ascii_digit()))?;
        part.parse::<f64>().ok().map(|value| (end, value))
    });
    match longest {
        Some((end, value)) => {
            if end < trimmed.len() {
                out.messages.push(format!("{}: value not completely converted", quote(text)));
                out.status = 1;
            }
            value
        }
        None => {
            out.messages.push(format!("{}: expected a numeric value", quote(text)));
            out.status = 1;
            0.0
        }
    }
}

fn printf(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let mut words = call.arguments();
    if words.first().is_some_and(|first| first == "--") {
        words = words.get(1..).unwrap_or_default();
    }
    let Some((pattern, arguments)) = words.split_first() else {
        return usage(machine, call, "missing operand", 1);
    };
    let out = format(pattern, arguments)
        .map_err(|what| Stop::Unable(format!("printf {what} is not modelled; use --host container")))?;
    for message in &out.messages {
        fail(machine, call, message)?;
    }
    if let Some(excess) = &out.excess {
        fail(machine, call, &format!("warning: ignoring excess arguments, starting with {}", quote(excess)))?;
    }
    finish(machine, call, &out.text, out.status)
}

#[cfg(test)]
mod tests {
    use crate::programs::common::tests::same_as_real;

    #[test]
    fn printf_is_as_on_this_machine() {
        let cases: [&[&str]; 24] = [
            &["printf", "%s\\n", "a", "b c"],
            &["printf", "%s\\n"],
            &["printf"],
            &["printf", "%d\\n", "x"],
            &["printf", "%d\\n", "3x"],
            &["printf", "%d %i %u\\n", "-1", "0x1f", "010"],
            &["printf", "a", "b"],
            &["printf", "%.2s|%*d|\\n", "abc", "5", "1"],
            &["printf", "%5d|%-5s|%05.1f|%x|%o|%c|%%\\n", "1", "a", "1.25", "255", "8", "xyz"],
            &["printf", "%s %s\\n", "a", "b", "c"],
            &["printf", "%b|\\n", "a\\nb\\0101\\c", "x"],
            &["printf", "\\x41\\101\\0101\\e[0m\\\\\\n"],
            &["printf", "x\\cy"],
            &["printf", "%z\\n"],
            &["printf", "--", "-%s\\n", "x"],
            &["printf", "%05d|%+d|% d|%-5d|\\n", "-3", "4", "5", "6"],
            &["printf", "%.3d|%#x|%#o|%X\\n", "5", "255", "8", "255"],
            &["printf", "%f %.0f %.2f\\n", "1.5", "2.5", "-0.125"],
            &["printf", "%d\\n", "'A"],
            &["printf", "%d\\n", "99999999999999999999"],
            &["printf", "%s"],
            &["printf", "%"],
            &["printf", "%q\\n", "a b"],
            &["printf", "%x\\n", "-1"],
        ];
        same_as_real(&cases.map(|words| (words, b"".as_slice())));
    }
}
