//! sort, uniq (coreutils 9.7), in the locale C.

use std::cmp::Ordering;

use super::common::{chomp, fail, finish, input, lines, quote, shown};
use super::options::{Options, refuse, unmodelled};
use super::{Call, Program};
use crate::Run;
use crate::machine::Machine;
use crate::machine::files::Errno;

const SORT_OPTIONS: Options = Options {
    short: "nruk:t:bVhscf",
    long: &[
        ("numeric-sort", 'n'),
        ("reverse", 'r'),
        ("unique", 'u'),
        ("key", 'k'),
        ("field-separator", 't'),
        ("ignore-leading-blanks", 'b'),
        ("version-sort", 'V'),
        ("stable", 's'),
        ("ignore-case", 'f'),
    ],
    unmodelled: "dgiMRmCoSTz",
    status: 2,
    ..Options::NONE
};
const UNIQ_OPTIONS: Options = Options {
    short: "cdu",
    long: &[("count", 'c'), ("repeated", 'd'), ("unique", 'u')],
    unmodelled: "Dfiswz",
    ..Options::NONE
};

/// Lines in order.
pub const SORT: Program = Program { name: "sort", in_sbin: false, run: sort, knows: |words| SORT_OPTIONS.know(words) };
/// Each line once.
pub const UNIQ: Program = Program { name: "uniq", in_sbin: false, run: uniq, knows: |words| UNIQ_OPTIONS.know(words) };

/// How keys are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct How {
    numeric: bool,
    version: bool,
    reverse: bool,
    blanks: bool,
    fold: bool,
}

/// A key: from field and character to field and character (0: its end), and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Key {
    from: (usize, usize),
    to: Option<(usize, usize)>,
    how: How,
    own: bool,
}

fn key(text: &str) -> Result<Key, String> {
    let mut key = Key::default();
    let (from, to) = text.split_once(',').map_or((text, None), |(from, to)| (from, Some(to)));
    let mut position = |text: &str, is_end: bool| -> Result<(usize, usize), String> {
        let number = |text: &mut &str| {
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            let value = text.get(..digits).and_then(|digits| digits.parse::<usize>().ok());
            *text = text.get(digits..).unwrap_or_default();
            value
        };
        let mut rest = text;
        let Some(field) = number(&mut rest) else {
            return Err(format!("invalid number at field start: invalid count at start of {}", quote(text)));
        };
        let mut character = usize::from(!is_end);
        if let Some(after) = rest.strip_prefix('.') {
            rest = after;
            character = number(&mut rest).unwrap_or(0);
        }
        if field == 0 {
            return Err(format!("field number is zero: invalid field specification {}", quote(text)));
        }
        for letter in rest.chars() {
            key.own = true;
            match letter {
                'n' => key.how.numeric = true,
                'V' => key.how.version = true,
                'r' => key.how.reverse = true,
                'b' => key.how.blanks = true,
                'f' => key.how.fold = true,
                _ => return Err(format!("\u{0}{letter}")),
            }
        }
        Ok((field, character))
    };
    key.from = position(from, false)?;
    key.to = to.map(|to| position(to, true)).transpose()?;
    Ok(key)
}

/// Where fields begin and end. Without a separator a field begins with the blanks before it.
fn field(line: &[u8], separator: Option<u8>, number: usize) -> (usize, usize) {
    let mut begin = 0;
    for at in 1..=number {
        let rest = line.get(begin..).unwrap_or_default();
        let end = match separator {
            Some(separator) => rest.iter().position(|byte| *byte == separator).map_or(line.len(), |at| begin + at),
            None => {
                let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
                let text = rest.iter().position(|byte| !blank(byte)).unwrap_or(rest.len());
                let after = rest.get(text..).unwrap_or_default();
                begin + text + after.iter().position(blank).unwrap_or(after.len())
            }
        };
        if at == number {
            return (begin, end);
        }
        begin = (end + usize::from(separator.is_some())).min(line.len() + 1);
        if begin > line.len() || (separator.is_none() && end >= line.len()) {
            return (line.len(), line.len());
        }
    }
    (line.len(), line.len())
}

fn part<'a>(line: &'a [u8], separator: Option<u8>, key: &Key) -> &'a [u8] {
    let (begin, end) = field(line, separator, key.from.0);
    let skip = |mut at: usize, end: usize| {
        while key.how.blanks && at < end && matches!(line.get(at), Some(b' ' | b'\t')) {
            at += 1;
        }
        at
    };
    let begin = skip(begin, end) + key.from.1.saturating_sub(1);
    let end = match key.to {
        None => line.len(),
        Some((number, 0)) => field(line, separator, number).1,
        Some((number, character)) => {
            let (begin, end) = field(line, separator, number);
            (skip(begin, end) + character).min(end)
        }
    };
    line.get(begin.min(line.len())..end.max(begin).min(line.len())).unwrap_or_default()
}

/// As `-n` reads numbers: blanks, a sign, digits, a point and digits; anything else is 0.
fn numeric(text: &[u8]) -> (bool, Vec<u8>, Vec<u8>) {
    let mut rest = text;
    while let Some(after) = rest.strip_prefix(b" ").or_else(|| rest.strip_prefix(b"\t")) {
        rest = after;
    }
    let negative = rest.first() == Some(&b'-');
    if negative {
        rest = rest.get(1..).unwrap_or_default();
    }
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).copied().collect::<Vec<u8>>();
    let whole = digits(rest);
    let fraction = match rest.get(whole.len()) {
        Some(b'.') => digits(rest.get(whole.len() + 1..).unwrap_or_default()),
        _ => Vec::new(),
    };
    let whole: Vec<u8> = whole.into_iter().skip_while(|byte| *byte == b'0').collect();
    let mut fraction = fraction;
    while fraction.last() == Some(&b'0') {
        fraction.pop();
    }
    let zero = whole.is_empty() && fraction.is_empty();
    (negative && !zero, whole, fraction)
}

fn by_number(a: &[u8], b: &[u8]) -> Ordering {
    let ((a_negative, a_whole, a_part), (b_negative, b_whole, b_part)) = (numeric(a), numeric(b));
    let size =
        || a_whole.len().cmp(&b_whole.len()).then_with(|| a_whole.cmp(&b_whole)).then_with(|| a_part.cmp(&b_part));
    match (a_negative, b_negative) {
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => size(),
        (true, true) => size().reverse(),
    }
}

/// Debian's order of versions, which `-V` takes: parts without digits by their letters (`~` first), numbers by value.
fn by_version(a: &[u8], b: &[u8]) -> Ordering {
    let order = |byte: Option<&u8>| match byte {
        None => 0,
        Some(byte) if byte.is_ascii_digit() => 0,
        Some(b'~') => -1,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
    };
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        let is_text = |text: &[u8], at: usize| text.get(at).is_some_and(|byte| !byte.is_ascii_digit());
        while is_text(a, i) || is_text(b, j) {
            let compared = order(a.get(i)).cmp(&order(b.get(j)));
            if compared != Ordering::Equal {
                return compared;
            }
            i += 1;
            j += 1;
        }
        let number = |text: &[u8], at: &mut usize| {
            let digits: Vec<u8> =
                text.get(*at..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).copied().collect();
            *at += digits.len();
            digits.into_iter().skip_while(|byte| *byte == b'0').collect::<Vec<u8>>()
        };
        let (x, y) = (number(a, &mut i), number(b, &mut j));
        let compared = x.len().cmp(&y.len()).then_with(|| x.cmp(&y));
        if compared != Ordering::Equal {
            return compared;
        }
    }
    Ordering::Equal
}

fn compare(a: &[u8], b: &[u8], how: How) -> Ordering {
    let trim = |text: &[u8]| -> Vec<u8> {
        let text: Vec<u8> = match how.blanks {
            true => text.iter().skip_while(|byte| matches!(byte, b' ' | b'\t')).copied().collect(),
            false => text.to_vec(),
        };
        if how.fold { text.to_ascii_uppercase() } else { text }
    };
    let ordering = if how.numeric {
        by_number(a, b)
    } else if how.version {
        by_version(a, b)
    } else if how.blanks || how.fold {
        trim(a).cmp(&trim(b))
    } else {
        a.cmp(b)
    };
    if how.reverse { ordering.reverse() } else { ordering }
}

fn sort(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match SORT_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    if given.has('h') || given.has('c') {
        return Err(unmodelled(call, if given.has('h') { "-h" } else { "-c" }));
    }
    let global = How {
        numeric: given.has('n'),
        version: given.has('V'),
        reverse: given.has('r'),
        blanks: given.has('b'),
        fold: given.has('f'),
    };
    let separator = match given.value('t').map(|text| (text, text.as_bytes())) {
        None => None,
        Some((_, [byte])) => Some(*byte),
        Some((_, [])) => {
            fail(machine, call, "empty tab")?;
            return Ok(2);
        }
        Some((text, _)) => {
            fail(machine, call, &format!("multi-character tab {}", quote(text)))?;
            return Ok(2);
        }
    };
    let mut keys = Vec::new();
    for (_, text) in given.options.iter().filter(|(letter, _)| *letter == 'k') {
        match key(text.unwrap_or_default()) {
            Ok(mut key) => {
                if !key.own {
                    key.how = global;
                }
                keys.push(key);
            }
            Err(letter) if letter.starts_with('\0') => {
                return Err(unmodelled(call, &format!("-k {}", text.unwrap_or_default())));
            }
            Err(message) => {
                fail(machine, call, &message)?;
                return Ok(2);
            }
        }
    }
    let files = if given.operands.is_empty() { vec!["-"] } else { given.operands.clone() };
    let mut all: Vec<u8> = Vec::new();
    for path in files {
        match input(machine, call, path)? {
            Ok(bytes) => {
                all.extend_from_slice(&bytes);
                if !bytes.is_empty() && !bytes.ends_with(b"\n") {
                    all.push(b'\n');
                }
            }
            Err(error) => {
                let what = if error == Errno::IsADirectory { "read failed" } else { "cannot read" };
                let text = format!("sort: {what}: {}: {}\n", shown(path), error.text());
                return refuse(machine, call, &text, 2);
            }
        }
    }
    let mut rows: Vec<&[u8]> = lines(&all).map(chomp).collect();
    let by_keys = |a: &&[u8], b: &&[u8]| {
        if keys.is_empty() {
            return compare(a, b, global);
        }
        keys.iter()
            .map(|key| compare(part(a, separator, key), part(b, separator, key), key.how))
            .find(|ordering| *ordering != Ordering::Equal)
            .unwrap_or(Ordering::Equal)
    };
    let unique = given.has('u');
    let stable = unique || given.has('s');
    rows.sort_by(|a, b| {
        by_keys(a, b).then_with(|| {
            // The whole lines decide last, unless it is to be stable.
            let last = if stable { Ordering::Equal } else { a.cmp(b) };
            if global.reverse { last.reverse() } else { last }
        })
    });
    if unique {
        rows.dedup_by(|a, b| by_keys(a, b) == Ordering::Equal);
    }
    let mut out = Vec::with_capacity(all.len());
    for row in rows {
        out.extend_from_slice(row);
        out.push(b'\n');
    }
    Ok(match super::common::emit(machine, call, &out)? {
        Ok(()) => 0,
        Err(1) => 2,
        Err(failed) => failed,
    })
}

fn uniq(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match UNIQ_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    if given.operands.len() > 1 {
        return Err(unmodelled(call, "with an output file"));
    }
    let path = given.operands.first().copied().unwrap_or("-");
    let bytes = match input(machine, call, path)? {
        Ok(bytes) => bytes,
        Err(error) => {
            let what = if error == Errno::IsADirectory {
                format!("error reading {}", quote(path))
            } else {
                shown(path).into_owned()
            };
            fail(machine, call, &format!("{what}: {}", error.text()))?;
            return Ok(1);
        }
    };
    let mut groups: Vec<(u64, &[u8])> = Vec::new();
    for line in lines(&bytes).map(chomp) {
        match groups.last_mut() {
            Some((count, last)) if *last == line => *count += 1,
            _ => groups.push((1, line)),
        }
    }
    let mut out = Vec::new();
    for (count, line) in groups {
        if given.has('d') && count == 1 || given.has('u') && count > 1 {
            continue;
        }
        if given.has('c') {
            out.extend_from_slice(format!("{count:7} ").as_bytes());
        }
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    finish(machine, call, &out, 0)
}

#[cfg(test)]
mod tests;
