//! tr, cut (coreutils 9.7).

use super::common::{chomp, fail, finish, input, lines, quote, shown, usage};
use super::options::{Options, unmodelled};
use super::{Call, Program};
use crate::Run;
use crate::machine::Machine;

const TR_OPTIONS: Options = Options {
    short: "cCdst",
    long: &[("complement", 'c'), ("delete", 'd'), ("squeeze-repeats", 's'), ("truncate-set1", 't')],
    in_order: true,
    ..Options::NONE
};
const CUT_OPTIONS: Options = Options {
    short: "d:f:b:c:nsα:",
    long: &[
        ("delimiter", 'd'),
        ("fields", 'f'),
        ("bytes", 'b'),
        ("characters", 'c'),
        ("only-delimited", 's'),
        ("output-delimiter", 'α'),
    ],
    unmodelled: "z",
    ..Options::NONE
};

/// Bytes for bytes.
pub const TR: Program = Program { name: "tr", in_sbin: false, run: tr, knows: |words| TR_OPTIONS.know(words) };
/// Parts of lines.
pub const CUT: Program = Program { name: "cut", in_sbin: false, run: cut, knows: |words| CUT_OPTIONS.know(words) };

/// A set of bytes as written; `Err(Some)` is tr's message, `Err(None)` what the model lacks.
fn set(text: &str) -> Result<Vec<u8>, Option<String>> {
    let mut plain: Vec<(u8, bool)> = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        at += 1;
        if byte != b'\\' {
            plain.push((byte, false));
            continue;
        }
        let Some(letter) = bytes.get(at).copied() else {
            plain.push((b'\\', true));
            break;
        };
        at += 1;
        let byte = match letter {
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            b'0'..=b'7' => {
                let mut value = u32::from(letter - b'0');
                while let Some(digit) = bytes.get(at).filter(|byte| (b'0'..=b'7').contains(*byte)) {
                    let next = value * 8 + u32::from(digit - b'0');
                    if next > 255 {
                        break;
                    }
                    value = next;
                    at += 1;
                }
                u8::try_from(value).unwrap_or(255)
            }
            other => other,
        };
        plain.push((byte, true));
    }
    let mut out = Vec::new();
    let mut at = 0;
    while let Some((byte, escaped)) = plain.get(at).copied() {
        let is = |ahead: usize, wanted: u8| plain.get(at + ahead) == Some(&(wanted, false));
        if byte == b'[' && !escaped && is(1, b':') {
            let name: Vec<u8> =
                plain.iter().skip(at + 2).map(|(byte, _)| *byte).take_while(|byte| *byte != b':').collect();
            if is(2 + name.len(), b':') && is(3 + name.len(), b']') {
                let name = String::from_utf8_lossy(&name).into_owned();
                let member: fn(&u8) -> bool = match name.as_str() {
                    "alnum" => u8::is_ascii_alphanumeric,
                    "alpha" => u8::is_ascii_alphabetic,
                    "blank" => |byte| matches!(byte, b' ' | b'\t'),
                    "cntrl" => u8::is_ascii_control,
                    "digit" => u8::is_ascii_digit,
                    "graph" => u8::is_ascii_graphic,
                    "lower" => u8::is_ascii_lowercase,
                    "print" => |byte| byte.is_ascii_graphic() || *byte == b' ',
                    "punct" => u8::is_ascii_punctuation,
                    "space" => |byte| byte.is_ascii_whitespace() || *byte == 11,
                    "upper" => u8::is_ascii_uppercase,
                    "xdigit" => u8::is_ascii_hexdigit,
                    other => return Err(Some(format!("invalid character class {}", quote(other)))),
                };
                out.extend((0..=255_u8).filter(member));
                at += name.len() + 4;
                continue;
            }
        }
        if byte == b'[' && !escaped && (is(1, b'=') || is(2, b'*')) {
            return Err(None);
        }
        match plain.get(at + 2) {
            Some((end, _)) if is(1, b'-') => {
                if *end < byte {
                    let range = format!("{}-{}", char::from(byte), char::from(*end));
                    let text = format!("range-endpoints of {} are in reverse collating sequence order", quote(&range));
                    return Err(Some(text));
                }
                out.extend(byte..=*end);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    Ok(out)
}

fn tr(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match TR_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    let (delete, squeeze) = (given.has('d'), given.has('s'));
    let complement = given.has('c') || given.has('C');
    let wants_two = delete == squeeze;
    let most = if delete && !squeeze { 1 } else { 2 };
    let Some(first) = given.operands.first() else { return usage(machine, call, "missing operand", 1) };
    if wants_two && given.operands.len() < 2 {
        let why = if squeeze {
            "Two strings must be given when both deleting and squeezing repeats."
        } else {
            "Two strings must be given when translating."
        };
        return usage(machine, call, &format!("missing operand after {}\n{why}", quote(first)), 1);
    }
    if let Some(extra) = given.operands.get(most) {
        let why =
            if most == 1 { "\nOnly one string may be given when deleting without squeezing repeats." } else { "" };
        return usage(machine, call, &format!("extra operand {}{why}", quote(extra)), 1);
    }
    let mut sets = Vec::new();
    for text in &given.operands {
        match set(text) {
            Ok(set) => sets.push(set),
            Err(Some(message)) => {
                fail(machine, call, &message)?;
                return Ok(1);
            }
            Err(None) => return Err(unmodelled(call, &format!("with {}", quote(text)))),
        }
    }
    let mut sets = sets.into_iter();
    let (mut one, mut two) = (sets.next().unwrap_or_default(), sets.next());
    if complement {
        one = (0..=255_u8).filter(|byte| !one.contains(byte)).collect();
    }
    let mut map: Vec<u8> = (0..=255_u8).collect();
    if let (false, Some(two)) = (delete, &mut two) {
        if two.is_empty() && !given.has('t') {
            fail(machine, call, "when not truncating set1, string2 must be non-empty")?;
            return Ok(1);
        }
        if given.has('t') {
            one.truncate(two.len());
        }
        let last = two.last().copied();
        for (at, byte) in one.iter().enumerate() {
            if let (Some(place), Some(to)) = (map.get_mut(usize::from(*byte)), two.get(at).copied().or(last)) {
                *place = to;
            }
        }
    }
    let squeezed = if squeeze { two.as_ref().unwrap_or(&one).clone() } else { Vec::new() };
    let bytes = machine.read_all(&call.context.io.stdin);
    let mut out = Vec::with_capacity(bytes.len());
    for byte in bytes {
        if delete && one.contains(&byte) {
            continue;
        }
        let byte = map.get(usize::from(byte)).copied().unwrap_or(byte);
        if squeeze && out.last() == Some(&byte) && squeezed.contains(&byte) {
            continue;
        }
        out.push(byte);
    }
    finish(machine, call, &out, 0)
}

/// `1,3-5,7-` as ranges, ends included.
fn ranges(text: &str, of_fields: bool) -> Result<Vec<(usize, usize)>, String> {
    let what = if of_fields { "field" } else { "byte/character position" };
    let zero = if of_fields { "fields are numbered from 1" } else { "byte/character positions are numbered from 1" };
    let number = |part: &str| match part.parse::<usize>() {
        Ok(0) => Err(zero.to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err(format!("invalid {what} value {}", quote(part))),
    };
    let mut all = Vec::new();
    for part in text.split([',', ' ']) {
        let (from, to) = match part.split_once('-') {
            Some(("", "")) => return Err("invalid range with no endpoint: -".to_owned()),
            Some((from, to)) => {
                (if from.is_empty() { 1 } else { number(from)? }, if to.is_empty() { usize::MAX } else { number(to)? })
            }
            None if part.is_empty() => return Err(zero.to_owned()),
            None => (number(part)?, number(part)?),
        };
        if to < from {
            return Err("invalid decreasing range".to_owned());
        }
        all.push((from, to));
    }
    Ok(all)
}

fn cut(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match CUT_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    let lists: Vec<(char, &str)> = given
        .options
        .iter()
        .filter(|(letter, _)| matches!(letter, 'f' | 'b' | 'c'))
        .map(|(letter, text)| (*letter, text.unwrap_or_default()))
        .collect();
    let (letter, list) = match lists.as_slice() {
        [] => return usage(machine, call, "you must specify a list of bytes, characters, or fields", 1),
        [one] => *one,
        _ => return usage(machine, call, "only one list may be specified", 1),
    };
    let by_field = letter == 'f';
    let delimiter = given.value('d').map(str::as_bytes);
    let delimiter = match delimiter {
        None => b'\t',
        Some([byte]) => *byte,
        Some([]) => 0,
        Some(_) => return usage(machine, call, "the delimiter must be a single character", 1),
    };
    if !by_field && given.has('d') {
        return usage(machine, call, "an input delimiter may be specified only when operating on fields", 1);
    }
    let ranges = match ranges(list, by_field) {
        Ok(ranges) => ranges,
        Err(message) => return usage(machine, call, &message, 1),
    };
    let wanted = |number: usize| ranges.iter().any(|(from, to)| (*from..=*to).contains(&number));
    if !by_field && given.has('α') {
        return Err(unmodelled(call, "--output-delimiter without -f"));
    }
    let between = given.value('α').map_or_else(|| vec![delimiter], |text| text.as_bytes().to_vec());
    let files = if given.operands.is_empty() { vec!["-"] } else { given.operands.clone() };
    let (mut out, mut status) = (Vec::new(), 0);
    for path in files {
        let bytes = match input(machine, call, path)? {
            Ok(bytes) => bytes,
            Err(error) => {
                if let Err(failed) = super::common::emit(machine, call, &std::mem::take(&mut out))? {
                    return Ok(failed);
                }
                fail(machine, call, &format!("{}: {}", shown(path), error.text()))?;
                status = 1;
                continue;
            }
        };
        for line in lines(&bytes).map(chomp) {
            if by_field {
                if !line.contains(&delimiter) {
                    if !given.has('s') {
                        out.extend_from_slice(line);
                        out.push(b'\n');
                    }
                    continue;
                }
                let parts = line.split(|byte| *byte == delimiter).enumerate();
                let parts: Vec<&[u8]> = parts.filter(|(at, _)| wanted(at + 1)).map(|(_, part)| part).collect();
                out.extend_from_slice(&parts.join(between.as_slice()));
            } else {
                out.extend(line.iter().enumerate().filter(|(at, _)| wanted(at + 1)).map(|(_, byte)| *byte));
            }
            out.push(b'\n');
        }
    }
    finish(machine, call, &out, status)
}

#[cfg(test)]
mod tests {
    use crate::programs::common::tests::same_as_real;

    #[test]
    fn tr_is_as_on_this_machine() {
        let text: &[u8] = b"hello a1b2\r\n  aabb\\x";
        let cases: [&[&str]; 20] = [
            &["tr"],
            &["tr", "a"],
            &["tr", "a", "b", "c"],
            &["tr", "-d", "a", "b"],
            &["tr", "-d"],
            &["tr", "a-y", "b-z"],
            &["tr", "-d", "\\r"],
            &["tr", "-s", "a"],
            &["tr", "-s", " ", "_"],
            &["tr", "[:lower:]", "[:upper:]"],
            &["tr", "-cd", "0-9"],
            &["tr", "-dc", "[:digit:]\\n"],
            &["tr", "z-a", "b"],
            &["tr", "abc", "x"],
            &["tr", " ", "\\n"],
            &["tr", "a", ""],
            &["tr", "\\\\", "/"],
            &["tr", "-t", "abc", "x"],
            &["tr", "-ds", "a", "b"],
            &["tr", "\\141", "A"],
        ];
        same_as_real(&cases.map(|words| (words, text)));
    }

    #[test]
    fn cut_is_as_on_this_machine() {
        let text: &[u8] = b"a:b:c\nxyz\n:\n";
        let cases: [&[&str]; 15] = [
            &["cut"],
            &["cut", "-d:"],
            &["cut", "-d:", "-f1"],
            &["cut", "-d:", "-f2-", "-s"],
            &["cut", "-d:", "-f3,1"],
            &["cut", "-d", "ab", "-f1"],
            &["cut", "-c2"],
            &["cut", "-b1-2"],
            &["cut", "-f", "0"],
            &["cut", "-f", "3-1"],
            &["cut", "-d:", "-f-2", "--output-delimiter=_"],
            &["cut", "-f1"],
            &["cut", "-f", "x"],
            &["cut", "-d:", "-f", "-"],
            &["cut", "-f1", "-c1"],
        ];
        same_as_real(&cases.map(|words| (words, text)));
        same_as_real(&[(&["cut", "-f1", "/nope"], b"")]);
    }
}
