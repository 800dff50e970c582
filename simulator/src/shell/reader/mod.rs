//! Text to syntax, as bash (or dash) reads it. Every construct is either read exactly or refused by name.
//!
//! The grammar with which the harness splits a text (tree-sitter-bash) is not used here: without an error node it reads
//! `echo a\⏎b` as two words, `a && b > f` as a list with a redirection, `! ! a` as a command named `!`, and a pipeline
//! behind `<<E` not at all. A test compares both readings where they have to agree: in top-level commands.

use std::collections::BTreeMap;

use super::Refused;
use super::syntax::{Command, Dialect, Join, Script, static_text};

pub(super) use words::is_name;

mod braces;
mod compound;
mod conditions;
mod dollar;
mod redirects;
mod simple;
mod words;

/// Longest text of a shell, bytes; as the harness's `SHELL_BYTES_MAX`.
const TEXT_MAX: usize = 64 << 10;
/// Constructs inside each other.
const DEPTH_MAX: u32 = 40;
/// How what bash itself would not take is called.
pub(super) const SYNTAX_ERROR: &str = "a syntax error";

/// Result of reading.
type Read<T> = Result<T, Refused>;

/// Reads a whole text.
pub(super) fn read(text: &str, dialect: Dialect) -> Read<Script> {
    let mut reader = Reader::new(text, dialect, 0);
    if text.len() > TEXT_MAX {
        return Err(reader.refuse("more shell text than 65536 bytes"));
    }
    if text.contains('\0') {
        return Err(reader.refuse("a NUL"));
    }
    let script = reader.script(&[])?;
    if reader.at < text.len() {
        return Err(reader.unexpected());
    }
    Ok(script)
}

/// A place in a text.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    dialect: Dialect,
    depth: u32,
    /// Rows before this text, when it is a part of another one.
    rows_before: usize,
    /// Newlines behind which bodies of heredocs stand, and where the text goes on after them.
    bodies: BTreeMap<usize, usize>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, dialect: Dialect, rows_before: usize) -> Reader<'a> {
        Reader { text, at: 0, dialect, depth: 0, rows_before, bodies: BTreeMap::new() }
    }

    // ---- Bytes.

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn peek_at(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn looking_at(&self, what: &str) -> bool {
        self.rest().starts_with(what)
    }

    fn accept(&mut self, what: &str) -> bool {
        let there = self.looking_at(what);
        if there {
            self.at += what.len();
        }
        there
    }

    /// Takes one character.
    fn take_char(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        if c == '\n' {
            self.newline()
        } else {
            self.at += c.len_utf8()
        }
        Some(c)
    }

    /// Goes over a newline, and over the heredocs that begin behind it.
    fn newline(&mut self) {
        self.at = self.bodies.get(&self.at).copied().unwrap_or(self.at + 1);
    }

    /// Goes over `\⏎`.
    fn joined_line(&mut self) -> bool {
        if !self.looking_at("\\\n") {
            return false;
        }
        self.at += 1;
        self.newline();
        true
    }

    fn row(&self) -> usize {
        self.row_of(self.at)
    }

    fn row_of(&self, at: usize) -> usize {
        let before = self.text.as_bytes().get(..at).unwrap_or(self.text.as_bytes());
        self.rows_before + before.iter().filter(|byte| **byte == b'\n').count()
    }

    // ---- Refusals.

    fn refuse(&self, what: &str) -> Refused {
        self.refuse_at(self.at, what)
    }

    fn refuse_at(&self, at: usize, what: &str) -> Refused {
        let before = self.text.get(..at).unwrap_or(self.text);
        let begin = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text.get(begin..).unwrap_or_default().lines().next().unwrap_or_default();
        Refused { row: self.row_of(at), what: what.to_owned(), text: line.trim().to_owned() }
    }

    /// For what bash knows and dash does not.
    fn bash_only(&self, what: &str) -> Read<()> {
        match self.dialect {
            Dialect::Bash => Ok(()),
            Dialect::Dash => Err(self.refuse(&format!("{what} in a script for /bin/sh, which is dash"))),
        }
    }

    fn unexpected(&self) -> Refused {
        let what = match self.rest().chars().next() {
            None => format!("{SYNTAX_ERROR}: something is missing at the end"),
            Some('\n') => format!("{SYNTAX_ERROR}: unexpected end of line"),
            Some(first) => format!("{SYNTAX_ERROR}: unexpected `{first}`"),
        };
        self.refuse(&what)
    }

    /// Reads something that may hold its like.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.refuse(&format!("more than {DEPTH_MAX} constructs inside each other")));
        }
        let result = read(self);
        self.depth -= 1;
        result
    }

    // ---- Between tokens.

    /// Goes over blanks and comments.
    fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t') => self.at += 1,
                Some(b'\\') if self.joined_line() => {}
                Some(b'#') if self.at_word_start() => {
                    self.at += self.rest().find('\n').unwrap_or(self.rest().len());
                }
                _ => return,
            }
        }
    }

    /// A `#` in the middle of a word is part of it.
    fn at_word_start(&self) -> bool {
        let mut before = self.text.as_bytes().get(..self.at).unwrap_or_default();
        while let Some(cut) = before.strip_suffix(b"\\\n") {
            before = cut;
        }
        before.last().is_none_or(|byte| b" \t\n;&|()<>".contains(byte))
    }

    fn blanks_and_newlines(&mut self) {
        self.blanks();
        while self.peek() == Some(b'\n') {
            self.newline();
            self.blanks();
        }
    }

    /// The bare word that begins here, if it could be a reserved one.
    fn bare_word(&self) -> &'a str {
        let rest = self.rest();
        let end = rest.bytes().position(|byte| b" \t\n;&|()<>\\'\"$`".contains(&byte)).unwrap_or(rest.len());
        let quoted = rest.as_bytes().get(end).is_some_and(|byte| b"\\'\"$`".contains(byte));
        if quoted { "" } else { rest.get(..end).unwrap_or_default() }
    }

    fn reserved(&mut self, word: &str) -> bool {
        let there = self.bare_word() == word;
        if there {
            self.at += word.len();
        }
        there
    }

    fn expect_reserved(&mut self, word: &str) -> Read<()> {
        if self.reserved(word) { Ok(()) } else { Err(self.unexpected()) }
    }

    // ---- Lists.

    /// Commands until one of these reserved words, a `)`, a `;;` or the end; none of which is taken.
    fn script(&mut self, until: &[&str]) -> Read<Script> {
        let mut script = Script { dialect: self.dialect, ..Script::default() };
        loop {
            self.blanks_and_newlines();
            if self.list_ends(until) {
                return Ok(script);
            }
            script.rows.push(self.row());
            script.commands.push(self.and_or()?);
            self.blanks();
            match self.peek() {
                Some(b'\n') => self.newline(),
                Some(b';') if self.looking_at(";;") || self.looking_at(";&") => {
                    if until.contains(&"esac") {
                        return Ok(script);
                    }
                    return Err(self.unexpected());
                }
                Some(b';') => self.at += 1,
                Some(b'&') if !self.looking_at("&&") => return Err(self.refuse("a job in the background (`&`)")),
                Some(b')') | None => return Ok(script),
                Some(_) => return Err(self.unexpected()),
            }
        }
    }

    fn list_ends(&self, until: &[&str]) -> bool {
        match self.peek() {
            None | Some(b')') => true,
            Some(b';') => until.contains(&"esac") && (self.looking_at(";;") || self.looking_at(";&")),
            _ => until.contains(&self.bare_word()),
        }
    }

    /// At least one command until one of these words.
    fn commands(&mut self, until: &[&str]) -> Read<Vec<Command>> {
        let script = self.script(until)?;
        if script.commands.is_empty() { Err(self.unexpected()) } else { Ok(script.commands) }
    }

    fn and_or(&mut self) -> Read<Command> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            self.blanks();
            let join = if self.accept("&&") {
                Join::And
            } else if self.accept("||") {
                Join::Or
            } else {
                break;
            };
            self.blanks_and_newlines();
            rest.push((join, self.pipeline()?));
        }
        Ok(if rest.is_empty() { first } else { Command::AndOr { first: Box::new(first), rest } })
    }

    fn pipeline(&mut self) -> Read<Command> {
        let mut negated = false;
        let mut marked = false;
        loop {
            self.blanks();
            if self.bare_word() == "time" {
                return Err(self.refuse("`time`"));
            }
            if !self.reserved("!") {
                break;
            }
            if marked && self.dialect == Dialect::Dash {
                return Err(self.unexpected());
            }
            (negated, marked) = (!negated, true);
        }
        let mut parts = vec![self.command()?];
        let mut with_stderr = Vec::new();
        loop {
            self.blanks();
            if self.looking_at("||") || !self.accept("|") {
                break;
            }
            let both = self.peek() == Some(b'&');
            if both {
                self.bash_only("`|&`")?;
                self.at += 1;
            }
            with_stderr.push(both);
            self.blanks_and_newlines();
            if self.bare_word() == "!" {
                return Err(self.refuse("`!` behind a `|`"));
            }
            if self.bare_word() == "time" {
                return Err(self.refuse("`time`"));
            }
            parts.push(self.command()?);
        }
        if !marked && parts.len() == 1 {
            return parts.pop().ok_or_else(|| self.unexpected());
        }
        Ok(Command::Pipeline { negated, parts, with_stderr })
    }

    fn command(&mut self) -> Read<Command> {
        self.deeper(|reader| match reader.compound()? {
            Some(compound) => {
                let row = reader.row();
                let mut redirects = Vec::new();
                loop {
                    reader.blanks();
                    match reader.redirect()? {
                        Some(redirect) => redirects.push(redirect),
                        None if redirects.is_empty() => return Ok(compound),
                        None => return Ok(Command::Redirected { command: Box::new(compound), redirects, row }),
                    }
                }
            }
            None => reader.simple(),
        })
    }
}
