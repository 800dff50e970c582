//! read.

use super::not_modelled;
use crate::machine::Machine;
use crate::shell::Shell;
use crate::shell::run::Step;

/// `read [-r] [-d c] [-p text] x y …`
pub(super) fn read(shell: &mut Shell, machine: &mut Machine, words: &[String]) -> Step<i32> {
    let mut raw = false;
    let mut delimiter = b'\n';
    let mut operands = words.get(1..).unwrap_or_default();
    while let Some((first, rest)) = operands.split_first() {
        match (first.as_str(), rest) {
            ("-r", rest) => (raw, operands) = (true, rest),
            ("-s", rest) => operands = rest,
            ("-d", [what, rest @ ..]) => (delimiter, operands) = (what.bytes().next().unwrap_or(0), rest),
            ("-rd", [what, rest @ ..]) => {
                (raw, delimiter, operands) = (true, what.bytes().next().unwrap_or(0), rest);
            }
            // A prompt is for terminals only, and input never makes anybody wait here.
            ("-p" | "-t" | "-rp" | "-rt", [_, rest @ ..]) => {
                raw |= first.starts_with("-r");
                operands = rest;
            }
            ("--", rest) => {
                operands = rest;
                break;
            }
            (other, _) if other.starts_with('-') => return not_modelled("read", other),
            _ => break,
        }
    }
    let stdin = shell.context.io.stdin.clone();
    let mut bytes: Vec<u8> = Vec::new();
    // Bytes that a backslash stood before, which separate nothing.
    let mut kept: Vec<bool> = Vec::new();
    let mut complete = false;
    'lines: while let Some(line) = machine.read_until(&stdin, delimiter) {
        let mut escaped = false;
        for byte in line.iter().copied() {
            if escaped {
                escaped = false;
                if byte != b'\n' {
                    bytes.push(byte);
                    kept.push(true);
                }
            } else if byte == b'\\' && !raw {
                escaped = true;
            } else if byte == delimiter {
                complete = true;
                break 'lines;
            } else if byte != 0 {
                bytes.push(byte);
                kept.push(false);
            }
        }
        if !line.ends_with(&[delimiter]) {
            break;
        }
    }
    let separators = shell.variable("IFS").unwrap_or(" \t\n").as_bytes().to_vec();
    let names: Vec<&str> = operands.iter().map(String::as_str).collect();
    if let Some(bad) = names.iter().find(|name| !crate::shell::reader::is_name(name)) {
        shell.complain(machine, &format!("read: `{bad}': not a valid identifier"))?;
        return Ok(1);
    }
    let text =
        |range: std::ops::Range<usize>| String::from_utf8_lossy(bytes.get(range).unwrap_or_default()).into_owned();
    if names.is_empty() {
        shell.assign("REPLY", text(0..bytes.len()));
        return Ok(i32::from(!complete));
    }
    let separates =
        |at: usize| kept.get(at) == Some(&false) && bytes.get(at).is_some_and(|byte| separators.contains(byte));
    let blank = |at: usize| separates(at) && bytes.get(at).is_some_and(|byte| b" \t\n".contains(byte));
    let mut at = 0;
    while blank(at) {
        at += 1;
    }
    let mut values = Vec::new();
    for (nth, name) in names.iter().enumerate() {
        if nth + 1 == names.len() {
            values.push((*name, text(at..last_end(at, bytes.len(), &separates, &blank))));
            break;
        }
        let begin = at;
        while at < bytes.len() && !separates(at) {
            at += 1;
        }
        values.push((*name, text(begin..at)));
        // One gap: blanks round at most one other separator.
        while blank(at) {
            at += 1;
        }
        if separates(at) {
            at += 1;
            while blank(at) {
                at += 1;
            }
        }
    }
    for (name, value) in values {
        shell.assign(name, value);
    }
    Ok(i32::from(!complete))
}

/// Where the last variable's value ends: without blanks, and without one separator if that is all that ends it.
fn last_end(begin: usize, end: usize, separates: &impl Fn(usize) -> bool, blank: &impl Fn(usize) -> bool) -> usize {
    let trimmed = |mut end: usize| {
        while end > begin && blank(end - 1) {
            end -= 1;
        }
        end
    };
    let end = trimmed(end);
    let only_one = end > begin && separates(end - 1) && !(begin..end - 1).any(|at| separates(at) && !blank(at));
    let inner = only_one && !(begin..trimmed(end - 1)).any(separates);
    if inner { trimmed(end - 1) } else { end }
}
