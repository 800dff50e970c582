//! Redirections, and the bodies of heredocs.

use super::words::Parts;
use super::{Read, Reader, static_text};
use crate::shell::syntax::{Part, Redirect, Target, Word};

impl Reader<'_> {
    /// The redirection that begins here, if one does.
    pub(super) fn redirect(&mut self) -> Read<Option<Redirect>> {
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        let behind = self.rest().get(digits..).unwrap_or_default();
        let both = digits == 0 && behind.starts_with("&>");
        if !both && !behind.starts_with(['<', '>']) {
            return Ok(None);
        }
        if behind.starts_with("<(") || behind.starts_with(">(") {
            return Err(self.refuse("a process substitution"));
        }
        let number: Option<u8> = self.rest().get(..digits).and_then(|digits| digits.parse().ok());
        if digits > 0 && number.is_none_or(|number| number > 2) {
            return Err(self.refuse("a descriptor other than 0, 1 and 2"));
        }
        self.at += digits;
        let reads = self.looking_at("<");
        let descriptor = number.unwrap_or(if reads { 0 } else { 1 });
        if reads != (descriptor == 0) {
            return Err(self.refuse("an input opened for writing, or an output for reading"));
        }
        let operator = ["<<<", "<<-", "<<", "<&", "<>", "<", "&>>", "&>", ">>", ">&", ">|", ">"]
            .into_iter()
            .find(|operator| self.looking_at(operator))
            .unwrap_or_default();
        if operator == "<>" {
            return Err(self.refuse("`<>`"));
        }
        if matches!(operator, "<<<" | "&>" | "&>>") {
            self.bash_only(&format!("`{operator}`"))?;
        }
        self.at += operator.len();
        if matches!(operator, "<<" | "<<-") {
            let target = Target::Here(self.here_document(operator == "<<-")?);
            return Ok(Some(Redirect { descriptor, target, text: String::new() }));
        }
        self.blanks();
        let begin = self.at;
        let Some(word) = self.word()? else { return Err(self.unexpected()) };
        let text = self.text.get(begin..self.at).unwrap_or_default().to_owned();
        if text.starts_with("/dev/tcp/") || text.starts_with("/dev/udp/") {
            return Err(self.refuse_at(begin, "a connection made by the shell"));
        }
        let [word] = self.braces(word)?.try_into().map_err(|_| self.refuse_at(begin, "braces in a redirection"))?;
        let target = match operator {
            "<" => Target::Read(word),
            ">" | ">|" => Target::Truncate(word),
            ">>" => Target::Append(word),
            "&>" => Target::Both(word),
            "&>>" => Target::BothAppend(word),
            "<<<" => {
                let mut parts = vec![Part::Double(word.0)];
                parts.push(Part::Quoted("\n".into()));
                Target::Here(Word(parts))
            }
            _ => self.copied(word, operator, descriptor, number.is_some(), begin)?,
        };
        Ok(Some(Redirect { descriptor, target, text }))
    }

    /// `>&w`, `<&w`
    fn copied(&self, word: Word, operator: &str, descriptor: u8, numbered: bool, begin: usize) -> Read<Target> {
        let text = static_text(&word).ok_or_else(|| self.refuse_at(begin, "a descriptor that is not written out"))?;
        match (text.parse::<u8>(), operator) {
            (Ok(other @ 1..=2), ">&") => Ok(Target::Same(other)),
            (Ok(0), "<&") if descriptor == 0 => Ok(Target::Same(0)),
            (Err(_), ">&") if !numbered && !text.ends_with('-') => Ok(Target::Both(word)),
            _ if text == "-" => Err(self.refuse_at(begin, "a descriptor that is closed")),
            _ => Err(self.refuse_at(begin, "a copy of this descriptor")),
        }
    }

    /// After `<<`: the delimiter; the body is read where it stands, and left out when the reader comes there.
    fn here_document(&mut self, strip_tabs: bool) -> Read<Word> {
        self.blanks();
        let begin = self.at;
        let Some(word) = self.word()? else { return Err(self.unexpected()) };
        let written = self.text.get(begin..self.at).unwrap_or_default();
        let quoted = written.contains(['\\', '\'', '"']);
        let Some(delimiter) = static_text(&word).filter(|delimiter| !delimiter.contains('\n')) else {
            return Err(self.refuse_at(begin, "this end of a heredoc"));
        };
        let newline = self.line_end(begin)?;
        let mut at = self.bodies.get(&newline).copied().unwrap_or(newline + 1);
        let body_at = at;
        let mut body = String::new();
        loop {
            let rest = self.text.get(at..).unwrap_or_default();
            if rest.is_empty() {
                return Err(self.refuse_at(begin, "a heredoc that does not end"));
            }
            let line = rest.split_inclusive('\n').next().unwrap_or_default();
            at += line.len();
            let line = if strip_tabs { line.trim_start_matches('\t') } else { line };
            if line.strip_suffix('\n').unwrap_or(line) == delimiter {
                break;
            }
            body.push_str(line);
        }
        self.bodies.insert(newline, at);
        if quoted {
            return Ok(Word(vec![Part::Quoted(body)]));
        }
        let mut inner = Reader::new(&body, self.dialect, self.row_of(body_at));
        inner.depth = self.depth;
        let mut parts = Parts::default();
        while inner.peek().is_some() {
            inner.quoted_piece(&mut parts, b"")?;
        }
        Ok(Word(parts.0))
    }

    /// Where the line ends on which a heredoc was asked for.
    fn line_end(&self, begin: usize) -> Read<usize> {
        let bytes = self.text.as_bytes();
        let mut at = self.at;
        let mut quote = None;
        while let Some(byte) = bytes.get(at) {
            match (quote, byte) {
                (None, b'\n') => return Ok(at),
                (_, b'\n') => return Err(self.refuse_at(begin, "a heredoc before a word of several lines")),
                (None | Some(b'"'), b'\\') if bytes.get(at + 1) == Some(&b'\n') => {
                    return Err(self.refuse_at(begin, "a heredoc before a joined line"));
                }
                (None | Some(b'"'), b'\\') => at += 1,
                (None, b'\'' | b'"') => quote = Some(*byte),
                (Some(open), byte) if open == *byte => quote = None,
                (None, b'#') if at > 0 && matches!(bytes.get(at - 1), Some(b' ' | b'\t' | b';')) => {
                    let rest = self.text.get(at..).unwrap_or_default();
                    return rest.find('\n').map(|length| at + length).ok_or_else(|| self.unended(begin));
                }
                _ => {}
            }
            at += 1;
        }
        Err(self.unended(begin))
    }

    fn unended(&self, begin: usize) -> crate::shell::Refused {
        self.refuse_at(begin, "a heredoc that does not end")
    }
}
