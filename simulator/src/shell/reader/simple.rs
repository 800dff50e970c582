//! Simple commands.

use super::{Read, Reader, static_text};
use crate::shell::syntax::{Assignment, Command, Part, Simple, Word};

/// Builtins whose arguments may be assignments, which are not split.
const DECLARES: [&str; 6] = ["alias", "declare", "export", "local", "readonly", "typeset"];

impl<'a> Reader<'a> {
    pub(super) fn simple(&mut self) -> Read<Command> {
        let begin = self.at;
        let mut simple = Simple { row: self.row(), ..Simple::default() };
        let mut declares = false;
        loop {
            self.blanks();
            if let Some(redirect) = self.redirect()? {
                simple.redirects.push(redirect);
                continue;
            }
            if simple.words.is_empty()
                && let Some(assignment) = self.assignment()?
            {
                simple.assignments.push(assignment);
                continue;
            }
            if declares && let Some(assignment) = self.assignment()? {
                simple.words.push(declared(assignment));
                continue;
            }
            let word_at = self.at;
            let Some(word) = self.word()? else { break };
            if self.peek() == Some(b'(') {
                self.blanks();
                return Err(self.refuse_at(word_at, "a function, an array or an extended pattern"));
            }
            if matches!(self.peek(), Some(b'<' | b'>')) && self.text_of(word_at).starts_with('{') {
                return Err(self.refuse_at(word_at, "a redirection of a named descriptor"));
            }
            let words = self.braces(word)?;
            if simple.words.is_empty() {
                let name = words.first().and_then(static_text);
                declares = name.is_some_and(|name| DECLARES.contains(&name.as_str()));
            }
            simple.words.extend(words);
            if simple.words.len() == 1 {
                self.no_function()?;
            }
        }
        if self.at == begin || simple.words.is_empty() && simple.assignments.is_empty() && simple.redirects.is_empty() {
            return Err(self.unexpected());
        }
        Ok(Command::Simple(simple))
    }

    fn text_of(&self, from: usize) -> &'a str {
        self.text.get(from..self.at).unwrap_or_default()
    }

    /// `f () …`
    fn no_function(&self) -> Read<()> {
        let rest = self.rest().trim_start_matches([' ', '\t']);
        match rest.starts_with('(') {
            true => Err(self.refuse("a function")),
            false => Ok(()),
        }
    }

    /// The name that begins here, not taken.
    pub(super) fn name(&self) -> &'a str {
        let rest = self.rest();
        let end = rest.bytes().position(|byte| !byte.is_ascii_alphanumeric() && byte != b'_').unwrap_or(rest.len());
        let name = rest.get(..end).unwrap_or_default();
        if name.starts_with(|first: char| first.is_ascii_digit()) { "" } else { name }
    }

    fn assignment(&mut self) -> Read<Option<Assignment>> {
        let begin = self.at;
        let name = self.name();
        if name.is_empty() {
            return Ok(None);
        }
        let after = self.rest().get(name.len()..).unwrap_or_default();
        if after.starts_with('[') {
            let closes = after.find(']').and_then(|at| after.get(at + 1..));
            if closes.is_some_and(|rest| rest.starts_with('=') || rest.starts_with("+=")) {
                return Err(self.refuse("an array"));
            }
        }
        let append = after.starts_with("+=");
        if !append && !after.starts_with('=') {
            return Ok(None);
        }
        if append {
            self.bash_only("`+=`")?;
        }
        self.at += name.len() + if append { 2 } else { 1 };
        if self.peek() == Some(b'(') {
            return Err(self.refuse_at(begin, "an array"));
        }
        let value = self.assigned_word()?;
        if self.peek() == Some(b'(') {
            return Err(self.unexpected());
        }
        Ok(Some(Assignment { name: name.to_owned(), append, value }))
    }
}

/// An assignment as an argument of `export`: one field, whatever it holds.
fn declared(assignment: Assignment) -> Word {
    let sign = if assignment.append { "+=" } else { "=" };
    let mut parts = vec![Part::Quoted(format!("{}{sign}", assignment.name))];
    if !assignment.value.0.is_empty() {
        parts.push(Part::Double(assignment.value.0));
    }
    Word(parts)
}
