//! A wording with holes: text, code spans, and terms that are read out of the document.

use crate::decide::terms::{Term, Value};
use crate::runbook::document::{Prose, Span};
use crate::runbook::error::quote;
use crate::runbook::quantity::{Quantity, Unit, quantities};

/// A parsed wording.
pub(super) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, PartialEq)]
enum Piece {
    /// Text outside code spans.
    Text(String),
    /// A code span.
    Code(String),
    /// A term.
    Hole(String),
}

/// Where a text leaves a wording.
#[derive(Debug, PartialEq)]
pub(super) struct Mismatch {
    /// Byte offset in the text.
    pub at: usize,
    /// What the wording has there.
    pub wanted: String,
}

impl Template {
    /// Reads a wording; the error is what was looked for.
    pub fn parse(wording: &str) -> Result<Template, String> {
        let wording = wording.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut pieces = Vec::new();
        let mut rest = wording.as_str();
        while let Some(at) = rest.find(['`', '{', '}']) {
            let (text, after) = rest.split_at(at);
            if !text.is_empty() {
                pieces.push(Piece::Text(text.to_owned()));
            }
            let (close, inside) = match after.strip_prefix('`') {
                Some(inside) => ('`', inside),
                None => ('}', after.strip_prefix('{').ok_or("no `}` without a `{`")?),
            };
            let (inside, after) = inside.split_once(close).ok_or_else(|| format!("a closing {close}"))?;
            pieces.push(if close == '`' { Piece::Code(inside.to_owned()) } else { Piece::Hole(name(inside)?) });
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        let joined = |pair: &[Piece]| matches!(pair, [Piece::Hole(_), Piece::Hole(_)]);
        match (pieces.is_empty(), pieces.windows(2).any(joined)) {
            (false, false) => Ok(Template { pieces }),
            _ => Err("a wording, with words between its terms".into()),
        }
    }

    /// The terms, where the whole text reads so.
    pub fn matched(&self, prose: &Prose) -> Result<Vec<Term>, Mismatch> {
        let mut reading = Reading { prose, at: 0, spans: &prose.spans };
        let mut terms = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => reading.text(text)?,
                Piece::Code(code) => reading.code(code)?,
                Piece::Hole(name) => terms.push(reading.term(name)?),
            }
        }
        match reading.rest() {
            "" => Ok(terms),
            _ => Err(reading.no("the end".to_owned())),
        }
    }
}

fn name(inside: &str) -> Result<String, String> {
    let plain = !inside.is_empty() && inside.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    if plain { Ok(inside.to_owned()) } else { Err("a term's name, lower-case, in braces".into()) }
}

/// How far a text has been read.
struct Reading<'d> {
    prose: &'d Prose,
    at: usize,
    /// Those that begin here or further on.
    spans: &'d [Span],
}

impl<'d> Reading<'d> {
    fn rest(&self) -> &'d str {
        self.prose.text.get(self.at..).unwrap_or_default()
    }

    fn no(&self, wanted: String) -> Mismatch {
        Mismatch { at: self.at, wanted }
    }

    /// Plain text up to here: no code span begins before it ends.
    fn is_plain(&self, length: usize) -> bool {
        self.spans.first().is_none_or(|span| span.offset >= self.at + length)
    }

    fn text(&mut self, text: &str) -> Result<(), Mismatch> {
        if self.rest().starts_with(text) && self.is_plain(text.len()) {
            self.at += text.len();
            return Ok(());
        }
        // The words that do fit are passed, so that the message begins with the first one that does not.
        let mut same = 0;
        for word in text.split_inclusive(' ') {
            let fits = self.prose.text.get(self.at + same..).is_some_and(|rest| rest.starts_with(word));
            if !fits || !self.is_plain(same + word.len()) {
                break;
            }
            same += word.len();
        }
        self.at += same;
        Err(self.no(quote(text.get(same..).unwrap_or_default())))
    }

    /// The code span that begins here.
    fn span(&self) -> Option<&'d Span> {
        self.spans.first().filter(|span| span.offset == self.at && self.rest().starts_with(&span.text))
    }

    fn pass(&mut self, span: &Span) {
        self.at += span.text.len();
        self.spans = self.spans.get(1..).unwrap_or_default();
    }

    fn code(&mut self, code: &str) -> Result<(), Mismatch> {
        match self.span().filter(|span| span.text == code) {
            Some(span) => {
                self.pass(span);
                Ok(())
            }
            None => Err(self.no(format!("the code span {}", quote(code)))),
        }
    }

    fn term(&mut self, name: &str) -> Result<Term, Mismatch> {
        let (from, line) = (self.at, self.prose.line_of(self.at));
        let (value, at_least) = match self.span() {
            Some(first) => (Value::Names(self.names(first)?), false),
            None => self.quantity(name)?,
        };
        let text = self.prose.text.get(from..self.at).unwrap_or_default().to_owned();
        Ok(Term { term: name.to_owned(), text, value, at_least, line, supplied: None })
    }

    /// `a`, or `a` or `b`, or `a`, `b` or `c`, with or without a comma before the `or`. Joined by `and` they would all
    /// be meant, which no kind asks for.
    fn names(&mut self, first: &'d Span) -> Result<Vec<String>, Mismatch> {
        let mut names = vec![first.text.clone()];
        self.pass(first);
        loop {
            let joint = [", or ", " or ", ", "].into_iter().find(|joint| {
                let next = self.spans.first();
                self.rest().starts_with(joint) && next.is_some_and(|next| next.offset == self.at + joint.len())
            });
            let Some(joint) = joint else {
                return if names.len() == 1 { Ok(names) } else { Err(self.no("`or` before the last name".into())) };
            };
            self.at += joint.len();
            let Some(next) = self.span() else { return Err(self.no("a name in a code span".into())) };
            names.push(next.text.clone());
            self.pass(next);
            if joint != ", " {
                return Ok(names);
            }
        }
    }

    /// The value, and whether it is written with a plus.
    fn quantity(&mut self, name: &str) -> Result<(Value, bool), Mismatch> {
        let here = |quantity: &Quantity| quantity.offset == self.at && quantity.to.is_none();
        let found = quantities(&self.prose.text).into_iter().find(here);
        let found = found.filter(|quantity| self.is_plain(quantity.text.len()));
        let value = found.and_then(|quantity| {
            let value = match quantity.unit {
                Unit::Duration => Value::DurationMs(quantity.from),
                Unit::Percent => Value::Percent(quantity.from),
                Unit::StatusClass | Unit::Count(_) => return None,
            };
            self.at += quantity.text.len();
            Some((value, quantity.at_least))
        });
        value.ok_or_else(|| {
            self.no(format!("{{{name}}}: a duration (`30 minutes`), a percentage (`50%`), or names in code spans"))
        })
    }
}
