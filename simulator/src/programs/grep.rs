//! grep (3.11).

use std::rc::Rc;
use std::sync::Arc;

use super::common::{chomp, emit, fail, input, lines};
use super::options::{Digits, Given, Options, refuse, unmodelled};
use super::pattern::{Bad, Pattern, Syntax, compile};
use super::{Call, Program};
use crate::Run;
use crate::machine::Machine;
use crate::machine::files::Errno;

const OPTIONS: Options = Options {
    short: "qsviEFGPcnolLhHwxae:m:A:B:C:α",
    long: &[
        ("quiet", 'q'),
        ("silent", 'q'),
        ("no-messages", 's'),
        ("invert-match", 'v'),
        ("ignore-case", 'i'),
        ("extended-regexp", 'E'),
        ("fixed-strings", 'F'),
        ("basic-regexp", 'G'),
        ("perl-regexp", 'P'),
        ("count", 'c'),
        ("line-number", 'n'),
        ("only-matching", 'o'),
        ("files-with-matches", 'l'),
        ("files-without-match", 'L'),
        ("no-filename", 'h'),
        ("with-filename", 'H'),
        ("word-regexp", 'w'),
        ("line-regexp", 'x'),
        ("text", 'a'),
        ("regexp", 'e'),
        ("max-count", 'm'),
        ("after-context", 'A'),
        ("before-context", 'B'),
        ("context", 'C'),
        ("color", 'α'),
        ("colour", 'α'),
    ],
    unmodelled: "bdDfIrRTUuVyzZ",
    in_order: false,
    digits: Digits::ValueOf('C'),
    status: 2,
    synopsis: "Usage: grep [OPTION]... PATTERNS [FILE]...\n",
};
const USAGE: &str = "Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.\n";

/// Lines that match.
pub const GREP: Program = Program { name: "grep", in_sbin: false, run: grep, knows };

/// The patterns of a command line and what is left of its operands.
fn patterns<'a>(given: &Given<'a>) -> Option<(Vec<&'a str>, Vec<&'a str>)> {
    let explicit: Vec<&str> =
        given.options.iter().filter(|(letter, _)| *letter == 'e').filter_map(|(_, value)| *value).collect();
    let (texts, files) = match given.operands.split_first() {
        _ if !explicit.is_empty() => (explicit, given.operands.clone()),
        Some((first, files)) => (vec![*first], files.to_vec()),
        None => return None,
    };
    Some((texts.iter().flat_map(|text| text.split('\n')).collect(), files))
}

fn syntax(given: &Given<'_>) -> Syntax {
    match given.options.iter().rev().find(|(letter, _)| matches!(letter, 'E' | 'F' | 'G' | 'P')) {
        Some(('E', _)) => Syntax::Extended,
        Some(('F', _)) => Syntax::Fixed,
        Some(('P', _)) => Syntax::Perl,
        _ => Syntax::Basic,
    }
}

fn knows(words: &[Option<&str>]) -> Result<(), String> {
    let given = OPTIONS.read(words)?;
    let Some((texts, _)) = patterns(&given) else { return Ok(()) };
    texts.iter().try_for_each(|text| match compile(syntax(&given), given.has('i'), text) {
        Err(Bad::Unmodelled(what)) => Err(format!("{what} is not modelled")),
        _ => Ok(()),
    })
}

struct Search {
    patterns: Vec<Rc<Pattern>>,
    words: bool,
    inverted: bool,
}

impl Search {
    /// The next match of any pattern from a place: the one that begins first, then the longest.
    fn next(&self, line: &[u8], from: usize) -> Result<Option<(usize, usize)>, String> {
        let mut best: Option<(usize, usize)> = None;
        for pattern in &self.patterns {
            let mut at = from;
            while let Some((start, end)) = pattern.find(line, at)?.map(|found| found.range()) {
                if self.fits(line, start, end) {
                    let better = best.is_none_or(|(best_start, best_end)| {
                        start < best_start || start == best_start && end > best_end
                    });
                    if better {
                        best = Some((start, end));
                    }
                    break;
                }
                at = start + 1;
                if at > line.len() {
                    break;
                }
            }
        }
        Ok(best)
    }

    fn fits(&self, line: &[u8], start: usize, end: usize) -> bool {
        let is_word = |at: Option<usize>| {
            at.and_then(|at| line.get(at)).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        };
        !self.words || !is_word(start.checked_sub(1)) && !is_word(Some(end))
    }

    fn selects(&self, line: &[u8]) -> Result<bool, String> {
        let matches = if self.words {
            self.next(line, 0)?.is_some()
        } else {
            self.patterns.iter().any(|pattern| pattern.is_match(line))
        };
        Ok(matches != self.inverted)
    }
}

fn grep(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    let Some((texts, files)) = patterns(&given) else { return refuse(machine, call, USAGE, 2) };
    let whole_lines = given.has('x');
    let mut search = Search { patterns: Vec::new(), words: given.has('w') && !whole_lines, inverted: given.has('v') };
    for text in texts {
        // A whole line has to match: the pattern itself says so.
        let (syntax, text) = match syntax(&given) {
            Syntax::Basic if whole_lines => (Syntax::Basic, format!("^\\({text}\\)$")),
            Syntax::Extended if whole_lines => (Syntax::Extended, format!("^({text})$")),
            Syntax::Perl if whole_lines => (Syntax::Perl, format!("^(?:{text})$")),
            Syntax::Fixed if whole_lines => (Syntax::Perl, format!("^(?:{})$", regex::escape(text))),
            other => (other, text.to_owned()),
        };
        match compile(syntax, given.has('i'), &text) {
            Ok(pattern) => search.patterns.push(pattern),
            Err(Bad::Wrong(message)) => {
                fail(machine, call, message)?;
                return Ok(2);
            }
            Err(Bad::Unmodelled(what)) => return Err(unmodelled(call, &format!("with {what}"))),
        }
    }
    let number = |letter: char| given.value(letter).map(|text| text.parse::<usize>());
    for letter in ['m', 'A', 'B', 'C'] {
        if let (Some(Err(_)), Some(text)) = (number(letter), given.value(letter)) {
            let what = if letter == 'm' { "max count" } else { "context length argument" };
            fail(
                machine,
                call,
                &if letter == 'm' { format!("invalid {what}") } else { format!("{text}: invalid {what}") },
            )?;
            return Ok(2);
        }
    }
    let number = |letter: char| number(letter).and_then(Result::ok);
    let around = number('C').unwrap_or(0);
    let mut report = Report {
        search,
        given: &given,
        most: number('m').unwrap_or(usize::MAX),
        before: number('B').unwrap_or(around),
        after: number('A').unwrap_or(around),
        names: given.has('H') || files.len() > 1 && !given.has('h'),
        any: false,
        text: Vec::new(),
        separator: false,
    };
    let mut status = 1;
    let mut failed = false;
    let files = if files.is_empty() { vec!["-"] } else { files };
    for path in files {
        let bytes = match input(machine, call, path)? {
            Ok(bytes) => bytes,
            Err(error) => {
                failed = true;
                if !given.has('s') {
                    fail(machine, call, &format!("{path}: {}", error.text()))?;
                }
                if error == Errno::IsADirectory {
                    // A folder can be opened: it is a file of which nothing was read, and is counted.
                    Arc::from([])
                } else {
                    continue;
                }
            }
        };
        let name = if path == "-" { "(standard input)" } else { path };
        let selected = report.file(name, &bytes).map_err(|what| unmodelled(call, &format!("with {what}")))?;
        if selected {
            status = 0;
            if given.has('q') {
                return Ok(0);
            }
        }
        let text = std::mem::take(&mut report.text);
        if let Err(status) = emit(machine, call, &text)? {
            return Ok(if status == 1 { 2 } else { status });
        }
    }
    Ok(if failed { 2 } else { status })
}

struct Report<'a> {
    search: Search,
    given: &'a Given<'a>,
    most: usize,
    before: usize,
    after: usize,
    names: bool,
    any: bool,
    text: Vec<u8>,
    separator: bool,
}

impl Report<'_> {
    /// One file; whether a line of it was selected (with -L: none).
    fn file(&mut self, name: &str, bytes: &[u8]) -> Result<bool, String> {
        let has = |letter: char| self.given.has(letter);
        let (count_only, list, list_without) = (has('c'), has('l'), has('L'));
        let quiet = has('q') || list || list_without || count_only;
        let binary = !has('a') && bytes.contains(&0);
        let all: Vec<&[u8]> = lines(bytes).collect();
        let mut count = 0;
        // The lines that were shown last end here.
        let mut shown_to = 0;
        let mut after_left = 0;
        for (number, line) in all.iter().enumerate() {
            if count >= self.most {
                if after_left == 0 || quiet {
                    break;
                }
                self.line(name, number, line, b'-');
                after_left -= 1;
                continue;
            }
            if self.search.selects(chomp(line))? {
                count += 1;
                if has('q') || list || list_without {
                    break;
                }
                if count_only {
                    continue;
                }
                if binary {
                    self.text.extend_from_slice(format!("grep: {name}: binary file matches\n").as_bytes());
                    break;
                }
                let context = self.before > 0 || self.after > 0;
                let from = number.saturating_sub(self.before).max(shown_to);
                if context && self.separator && (from > shown_to || shown_to == 0) {
                    self.text.extend_from_slice(b"--\n");
                }
                for earlier in from..number {
                    if let Some(line) = all.get(earlier) {
                        self.line(name, earlier, line, b'-');
                    }
                }
                if has('o') {
                    self.parts(name, number, chomp(line))?;
                } else {
                    self.line(name, number, line, b':');
                }
                self.separator = true;
                shown_to = number + 1;
                after_left = self.after;
            } else if after_left > 0 && !quiet {
                self.line(name, number, line, b'-');
                shown_to = number + 1;
                after_left -= 1;
            }
        }
        self.any |= count > 0;
        if count_only {
            let prefix = if self.names { format!("{name}:") } else { String::new() };
            self.text.extend_from_slice(format!("{prefix}{count}\n").as_bytes());
        }
        if list && count > 0 || list_without && count == 0 {
            self.text.extend_from_slice(format!("{name}\n").as_bytes());
        }
        // Since 3.5 the status of -L says whether a line was selected, as without it.
        Ok(count > 0)
    }

    fn prefix(&mut self, name: &str, number: usize, mark: u8) {
        if self.names {
            self.text.extend_from_slice(name.as_bytes());
            self.text.push(mark);
        }
        if self.given.has('n') {
            self.text.extend_from_slice((number + 1).to_string().as_bytes());
            self.text.push(mark);
        }
    }

    fn line(&mut self, name: &str, number: usize, line: &[u8], mark: u8) {
        if self.given.has('o') {
            return;
        }
        self.prefix(name, number, mark);
        self.text.extend_from_slice(chomp(line));
        self.text.push(b'\n');
    }

    fn parts(&mut self, name: &str, number: usize, line: &[u8]) -> Result<(), String> {
        if self.search.inverted {
            return Ok(());
        }
        let mut at = 0;
        while at <= line.len() {
            let Some((start, end)) = self.search.next(line, at)? else { break };
            if end > start {
                self.prefix(name, number, b':');
                self.text.extend_from_slice(line.get(start..end).unwrap_or_default());
                self.text.push(b'\n');
                at = end;
            } else {
                at = start + 1;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
