//! What a `$` or a backtick begins.

use super::words::Parts;
use super::{Read, Reader, SYNTAX_ERROR};
use crate::shell::syntax::{Change, Part, Place, Script, Word};

/// Variables that bash sets by itself and that are not modelled.
const OWN_VARIABLES: [&str; 22] = [
    "BASH",
    "BASHOPTS",
    "BASHPID",
    "BASH_ARGV0",
    "BASH_COMMAND",
    "BASH_LINENO",
    "BASH_REMATCH",
    "BASH_SOURCE",
    "BASH_SUBSHELL",
    "BASH_VERSINFO",
    "BASH_VERSION",
    "COLUMNS",
    "DIRSTACK",
    "FUNCNAME",
    "GROUPS",
    "HOSTNAME",
    "HOSTTYPE",
    "LINENO",
    "MACHTYPE",
    "OSTYPE",
    "SHELLOPTS",
    "SRANDOM",
];

impl<'a> Reader<'a> {
    /// Reads what begins with a `$` or a backtick. `quoted`: inside double quotes.
    pub(super) fn dollar(&mut self, parts: &mut Parts, quoted: bool) -> Read<()> {
        if self.peek() == Some(b'`') {
            let script = self.deeper(|reader| reader.backticks(quoted))?;
            parts.0.push(Part::Substitution(script));
            return Ok(());
        }
        if self.looking_at("$((") {
            let begin = self.at;
            self.at += 3;
            if let Some(word) = self.deeper(Self::arithmetic_text)? {
                parts.0.push(Part::Arithmetic(Box::new(word)));
                return Ok(());
            }
            self.at = begin;
        }
        match self.peek_at(1) {
            Some(b'(') => {
                self.at += 2;
                let script = self.deeper(|reader| reader.script(&[]))?;
                if !self.accept(")") {
                    return Err(self.unexpected());
                }
                parts.0.push(Part::Substitution(script));
            }
            Some(b'{') => {
                self.at += 2;
                let part = self.deeper(|reader| reader.braced(quoted))?;
                parts.0.push(part);
            }
            Some(b'\'') if !quoted => {
                self.bash_only("`$'…'`")?;
                self.at += 1;
                let text = self.ansi_c_quoted()?;
                parts.quoted(&text);
            }
            Some(b'"') if !quoted => {
                self.bash_only("`$\"…\"`")?;
                self.at += 1;
                let double = self.double_quoted()?;
                parts.0.push(Part::Double(double));
            }
            Some(b'[') => return Err(self.refuse("`$[…]`")),
            Some(byte) if byte.is_ascii_digit() || b"?#@*$!-".contains(&byte) => {
                self.at += 1;
                let name = char::from(byte).to_string();
                self.known(&name)?;
                self.at += 1;
                parts.0.push(Part::Variable { name, change: Box::new(Change::None) });
            }
            _ => {
                self.at += 1;
                let name = self.name().to_owned();
                if name.is_empty() {
                    if quoted {
                        parts.quoted("$")
                    } else {
                        parts.plain('$')
                    }
                    return Ok(());
                }
                self.known(&name)?;
                self.at += name.len();
                parts.0.push(Part::Variable { name, change: Box::new(Change::None) });
            }
        }
        Ok(())
    }

    fn known(&self, name: &str) -> Read<()> {
        match name == "-" || name == "_" || OWN_VARIABLES.contains(&name) {
            true => Err(self.refuse(&format!("the shell's own variable `{name}`"))),
            false => Ok(()),
        }
    }

    fn backticks(&mut self, quoted: bool) -> Read<Script> {
        let (begin, row) = (self.at, self.row());
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.take_char() {
                None => return Err(self.refuse_at(begin, &format!("{SYNTAX_ERROR}: a backtick that is not closed"))),
                Some('`') => break,
                Some('\\') => match self.peek() {
                    Some(b'`' | b'\\' | b'$') => text.extend(self.take_char()),
                    Some(b'"') if quoted => text.extend(self.take_char()),
                    _ => text.push('\\'),
                },
                Some(c) => text.push(c),
            }
        }
        let mut inner = Reader::new(&text, self.dialect, row);
        inner.depth = self.depth;
        let script = inner.script(&[])?;
        if inner.at < text.len() {
            return Err(inner.unexpected());
        }
        Ok(script)
    }

    /// The text of `((…))` after the opening, with its closing; `None` if the parentheses are no such pair.
    pub(super) fn arithmetic_text(&mut self) -> Read<Option<Word>> {
        let begin = self.at;
        let mut parts = Parts::default();
        let mut open = 0_u32;
        loop {
            match self.peek() {
                None => return Err(self.refuse_at(begin, &format!("{SYNTAX_ERROR}: `((` is not closed"))),
                Some(b'"') => self.at += 1,
                Some(b'(') => {
                    open += 1;
                    self.quoted_piece(&mut parts, b"\"")?;
                }
                Some(b')') if open > 0 => {
                    open -= 1;
                    self.quoted_piece(&mut parts, b"\"")?;
                }
                Some(b')') => {
                    if !self.accept("))") {
                        return Ok(None);
                    }
                    return Ok(Some(Word(parts.0)));
                }
                Some(_) => self.quoted_piece(&mut parts, b"\"")?,
            }
        }
    }

    /// `${…}`, after the brace.
    fn braced(&mut self, quoted: bool) -> Read<Part> {
        let begin = self.at;
        if self.looking_at("!") && !self.looking_at("!}") {
            return Err(self.refuse("an indirect expansion"));
        }
        let length = self.looking_at("#") && !self.looking_at("#}");
        if length {
            self.at += 1;
        }
        let mut name = self.parameter()?;
        if self.peek() == Some(b'[') {
            let close = self.rest().find(']').map_or(0, |at| at + 1);
            let index = self.rest().get(..close).unwrap_or_default();
            let plain = matches!(index, "[@]" | "[*]")
                || index.len() > 2 && index[1..close - 1].bytes().all(|b| b.is_ascii_digit());
            if name != "PIPESTATUS" || !plain {
                return Err(self.refuse_at(begin, "an array"));
            }
            name.push_str(index);
            self.at += close;
        }
        if length {
            if !self.accept("}") {
                return Err(self.refuse_at(begin, "this expansion"));
            }
            return Ok(Part::Variable { name, change: Box::new(Change::Length) });
        }
        let change = self.change(begin, quoted)?;
        if !self.accept("}") {
            return Err(self.unexpected());
        }
        Ok(Part::Variable { name, change: Box::new(change) })
    }

    fn parameter(&mut self) -> Read<String> {
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        let name = match self.peek() {
            _ if digits > 0 => self.rest().get(..digits).unwrap_or_default().to_owned(),
            Some(byte) if b"?#@*$!-".contains(&byte) => char::from(byte).to_string(),
            _ => self.name().to_owned(),
        };
        if name.is_empty() {
            return Err(self.refuse("an expansion without a name"));
        }
        self.known(&name)?;
        self.at += name.len();
        Ok(name)
    }

    fn change(&mut self, begin: usize, quoted: bool) -> Read<Change> {
        let colon = self.looking_at(":") && matches!(self.peek_at(1), Some(b'-' | b'=' | b'+' | b'?'));
        let operator = self.peek_at(usize::from(colon));
        let change = match operator {
            Some(b'}') => Change::None,
            Some(byte @ (b'-' | b'=' | b'+' | b'?')) => {
                self.at += 1 + usize::from(colon);
                let word = self.braced_word(quoted, false, b"")?;
                match byte {
                    b'-' => Change::Default(colon, word),
                    b'=' => Change::Assign(colon, word),
                    b'+' => Change::Alternative(colon, word),
                    _ => Change::Error(colon, word),
                }
            }
            Some(byte @ (b'#' | b'%')) => {
                self.at += 1;
                let longest = self.peek() == Some(byte);
                self.at += usize::from(longest);
                let word = self.braced_word(quoted, true, b"")?;
                if byte == b'#' { Change::RemovePrefix(longest, word) } else { Change::RemoveSuffix(longest, word) }
            }
            Some(b'/') => {
                self.bash_only("`${x/…}`")?;
                self.at += 1;
                let place = match self.peek() {
                    Some(b'/') => Place::All,
                    Some(b'#') => Place::Beginning,
                    Some(b'%') => Place::End,
                    _ => Place::First,
                };
                self.at += usize::from(place != Place::First);
                let pattern = self.braced_word(quoted, true, b"/")?;
                let replacement = match self.accept("/") {
                    true => self.braced_word(quoted, true, b"")?,
                    false => Word::default(),
                };
                Change::Replace(place, pattern, replacement)
            }
            Some(b':') => {
                self.bash_only("`${x:…}`")?;
                self.at += 1;
                let offset = self.offset()?;
                let length = if self.accept(":") { Some(self.offset()?) } else { None };
                Change::Substring(offset, length)
            }
            Some(b'^' | b',' | b'@' | b'~') => return Err(self.refuse_at(begin, "this expansion")),
            _ => return Err(self.unexpected()),
        };
        Ok(change)
    }

    /// Arithmetic up to a `:` or the closing brace.
    fn offset(&mut self) -> Read<Word> {
        let mut parts = Parts::default();
        let mut open = 0_u32;
        loop {
            match self.peek() {
                None => return Err(self.unexpected()),
                Some(b'}') => return Ok(Word(parts.0)),
                Some(b':') if open == 0 => return Ok(Word(parts.0)),
                Some(b'?') => return Err(self.refuse("a choice in an offset")),
                Some(byte) => {
                    if byte == b'(' {
                        open += 1;
                    }
                    if byte == b')' {
                        open = open.saturating_sub(1);
                    }
                    self.quoted_piece(&mut parts, b"\"")?;
                }
            }
        }
    }

    /// The word of a change, up to its brace, which is not taken.
    fn braced_word(&mut self, quoted: bool, pattern: bool, stops: &[u8]) -> Read<Word> {
        let mut parts = Parts::default();
        loop {
            match self.peek() {
                None => return Err(self.unexpected()),
                Some(b'}') => break,
                Some(byte) if stops.contains(&byte) => break,
                Some(b'"') if quoted && !pattern => {
                    let double = self.double_quoted()?;
                    parts.0.push(Part::Double(double));
                }
                Some(_) if quoted && !pattern => self.quoted_piece(&mut parts, b"\"}")?,
                Some(_) => self.piece(&mut parts)?,
            }
        }
        let parts = if quoted { parts.0 } else { super::words::homes(parts.0, false) };
        Ok(Word(parts))
    }
}
