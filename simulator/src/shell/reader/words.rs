//! Words: quoting, escapes, homes.

use super::{Read, Reader};
use crate::shell::syntax::{Part, Word};

/// Characters that end a word.
const META: &[u8] = b" \t\n;&|()<>";

/// Collects parts; neighbours of one kind become one.
#[derive(Default)]
pub(super) struct Parts(pub(super) Vec<Part>);

impl Parts {
    pub(super) fn plain(&mut self, c: char) {
        match self.0.last_mut() {
            Some(Part::Plain(text)) => text.push(c),
            _ => self.0.push(Part::Plain(c.to_string())),
        }
    }

    pub(super) fn quoted(&mut self, more: &str) {
        match self.0.last_mut() {
            Some(Part::Quoted(text)) => text.push_str(more),
            _ => self.0.push(Part::Quoted(more.to_owned())),
        }
    }
}

impl Reader<'_> {
    /// The word that begins here, if one does.
    pub(super) fn word(&mut self) -> Read<Option<Word>> {
        let parts = self.word_parts()?;
        if parts.is_empty() {
            return Ok(None);
        }
        Ok(Some(Word(homes(parts, false))))
    }

    /// The value of an assignment, which may be nothing.
    pub(super) fn assigned_word(&mut self) -> Read<Word> {
        Ok(Word(homes(self.word_parts()?, true)))
    }

    fn word_parts(&mut self) -> Read<Vec<Part>> {
        let mut parts = Parts::default();
        while let Some(byte) = self.peek() {
            if META.contains(&byte) {
                if matches!(byte, b'<' | b'>') && self.peek_at(1) == Some(b'(') {
                    return Err(self.refuse("a process substitution"));
                }
                break;
            }
            self.piece(&mut parts)?;
        }
        Ok(parts.0)
    }

    /// One character or quoted part of an unquoted word.
    pub(super) fn piece(&mut self, parts: &mut Parts) -> Read<()> {
        match self.peek() {
            Some(b'\\') => {
                if self.joined_line() {
                    return Ok(());
                }
                self.at += 1;
                match self.take_char() {
                    Some(c) => parts.quoted(c.encode_utf8(&mut [0; 4])),
                    // At the very end of the text it stands for itself.
                    None => parts.quoted("\\"),
                }
            }
            Some(b'\'') => {
                let text = self.single_quoted()?;
                parts.quoted(&text);
            }
            Some(b'"') => {
                let double = self.double_quoted()?;
                parts.0.push(Part::Double(double));
            }
            Some(b'$' | b'`') => self.dollar(parts, false)?,
            _ => {
                if let Some(c) = self.take_char() {
                    parts.plain(c);
                }
            }
        }
        Ok(())
    }

    pub(super) fn single_quoted(&mut self) -> Read<String> {
        let begin = self.at;
        self.at += 1;
        let Some(length) = self.rest().find('\'') else {
            return Err(self.refuse_at(begin, &format!("{}: a quote that is not closed", super::SYNTAX_ERROR)));
        };
        let text = self.rest().get(..length).unwrap_or_default().to_owned();
        self.at += length + 1;
        Ok(text)
    }

    pub(super) fn double_quoted(&mut self) -> Read<Vec<Part>> {
        let begin = self.at;
        self.at += 1;
        let mut parts = Parts::default();
        self.deeper(|reader| {
            loop {
                match reader.peek() {
                    None => {
                        let what = format!("{}: a quote that is not closed", super::SYNTAX_ERROR);
                        return Err(reader.refuse_at(begin, &what));
                    }
                    Some(b'"') => {
                        reader.at += 1;
                        return Ok(());
                    }
                    Some(_) => reader.quoted_piece(&mut parts, b"\"")?,
                }
            }
        })?;
        Ok(parts.0)
    }

    /// One character or expansion where double quotes rule. `escaped`: what a backslash may stand before besides `$`, a
    /// backtick and itself.
    pub(super) fn quoted_piece(&mut self, parts: &mut Parts, escaped: &[u8]) -> Read<()> {
        match self.peek() {
            Some(b'\\') => {
                if self.joined_line() {
                    return Ok(());
                }
                self.at += 1;
                match self.peek() {
                    Some(byte) if b"$`\\".contains(&byte) || escaped.contains(&byte) => {
                        parts.quoted(&char::from(byte).to_string());
                        self.at += 1;
                    }
                    _ => parts.quoted("\\"),
                }
            }
            Some(b'$' | b'`') => self.dollar(parts, true)?,
            _ => {
                if let Some(c) = self.take_char() {
                    parts.quoted(c.encode_utf8(&mut [0; 4]));
                }
            }
        }
        Ok(())
    }

    /// `$'…'`, after the dollar.
    pub(super) fn ansi_c_quoted(&mut self) -> Read<String> {
        let begin = self.at;
        let open =
            |reader: &Self| reader.refuse_at(begin, &format!("{}: a quote that is not closed", super::SYNTAX_ERROR));
        self.at += 1;
        let mut bytes: Vec<u8> = Vec::new();
        loop {
            let Some(c) = self.take_char() else { return Err(open(self)) };
            match c {
                '\'' => break,
                '\\' => {
                    let Some(escape) = self.take_char() else { return Err(open(self)) };
                    let number = |reader: &mut Self, radix: u32, most: usize| {
                        let rest = reader.rest();
                        let digits = rest.chars().take(most).take_while(|digit| digit.is_digit(radix)).count();
                        reader.at += digits;
                        u32::from_str_radix(rest.get(..digits).unwrap_or_default(), radix).ok()
                    };
                    match escape {
                        'a' => bytes.push(7),
                        'b' => bytes.push(8),
                        'e' | 'E' => bytes.push(27),
                        'f' => bytes.push(12),
                        'n' => bytes.push(b'\n'),
                        'r' => bytes.push(b'\r'),
                        't' => bytes.push(b'\t'),
                        'v' => bytes.push(11),
                        '\\' | '\'' | '"' | '?' => bytes.push(escape as u8),
                        '0'..='7' => {
                            self.at -= 1;
                            let value = number(self, 8, 3).unwrap_or(0);
                            bytes.push((value & 0xff) as u8);
                        }
                        'x' => match number(self, 16, 2) {
                            Some(value) => bytes.push((value & 0xff) as u8),
                            None => bytes.extend(b"\\x"),
                        },
                        'u' | 'U' | 'c' => {
                            return Err(self.refuse_at(begin, &format!("`\\{escape}` in `$'…'`")));
                        }
                        other => {
                            bytes.push(b'\\');
                            bytes.extend(other.encode_utf8(&mut [0; 4]).as_bytes());
                        }
                    }
                    if bytes.last() == Some(&0) {
                        return Err(self.refuse_at(begin, "a NUL in `$'…'`"));
                    }
                }
                c => bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        String::from_utf8(bytes).map_err(|_| self.refuse_at(begin, "bytes that are not UTF-8 in `$'…'`"))
    }
}

/// Makes homes of the tildes that stand where bash sees one: first in a word, behind the `=` of what looks like an
/// assignment, and in that behind each `:`.
pub(super) fn homes(parts: Vec<Part>, assigned: bool) -> Vec<Part> {
    let tilde = |part: &Part| matches!(part, Part::Plain(text) if text.contains('~'));
    if !parts.iter().any(tilde) {
        return parts;
    }
    let mut result: Vec<Part> = Vec::new();
    let mut assigns = assigned;
    let count = parts.len();
    for (nth, part) in parts.into_iter().enumerate() {
        let Part::Plain(text) = part else {
            result.push(part);
            continue;
        };
        let last = nth + 1 == count;
        let mut rest = text.as_str();
        let mut may_begin = nth == 0;
        let mut plain = String::new();
        while let Some(first) = rest.chars().next() {
            if may_begin && first == '~' {
                let end = rest.find(['/', ':']).unwrap_or(rest.len());
                let name = rest.get(1..end).unwrap_or_default();
                let known = name == "+" || name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
                let colon = rest.get(end..).is_some_and(|rest| rest.starts_with(':')) && !assigns;
                if known && !colon && (end < rest.len() || last) {
                    if !plain.is_empty() {
                        result.push(Part::Plain(std::mem::take(&mut plain)));
                    }
                    result.push(Part::Tilde(name.to_owned()));
                    rest = rest.get(end..).unwrap_or_default();
                    may_begin = false;
                    continue;
                }
            }
            may_begin = assigns && first == ':';
            if first == '=' && !assigns && nth == 0 && is_name(&plain) && result.is_empty() {
                (assigns, may_begin) = (true, true);
            }
            plain.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
        if !plain.is_empty() {
            result.push(Part::Plain(plain));
        }
    }
    result
}

/// Whether this is the name of a variable.
pub(in crate::shell) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
