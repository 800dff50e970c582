//! The text of a template to its nodes.

use super::{BadTemplate, Expression, Node, Parse};

/// Nested blocks and parentheses.
const DEPTH_MAX: usize = 16;
/// Functions that are modelled.
const FUNCTIONS: [&str; 15] = [
    "and", "eq", "index", "join", "json", "len", "lower", "ne", "not", "or", "print", "println", "split", "title",
    "upper",
];
/// What the real one has besides them.
const REFUSED: [&str; 14] = [
    "call", "ge", "gt", "html", "js", "le", "lt", "pad", "printf", "slice", "truncate", "urlquery", "with", "template",
];

/// Reads a template.
pub(super) fn read(text: &str) -> Parse<Vec<Node>> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    match parser.nodes()? {
        (nodes, Ended::Text) => Ok(nodes),
        (_, Ended::End) => Err(parser.wrong("unexpected {{end}}")),
        (_, Ended::Else) => Err(parser.wrong("unexpected {{else}}")),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

/// What ends a list of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Text,
    End,
    Else,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn line(&self) -> usize {
        1 + self.text.get(..self.at).unwrap_or_default().matches('\n').count()
    }

    fn wrong(&self, what: &str) -> BadTemplate {
        BadTemplate::Wrong(format!("template: :{}: {what}", self.line()))
    }

    fn unmodelled(&self, what: &str) -> BadTemplate {
        BadTemplate::Unmodelled(format!("{what} in the template `{}`", self.text))
    }

    fn deeper(&mut self) -> Parse<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(self.unmodelled("so much nesting")) } else { Ok(()) }
    }

    fn nodes(&mut self) -> Parse<(Vec<Node>, Ended)> {
        self.deeper()?;
        let mut nodes = Vec::new();
        let mut trim = false;
        let end = loop {
            let text_end = self.rest().find("{{").map_or(self.text.len(), |found| self.at + found);
            let mut text = self.text.get(self.at..text_end).unwrap_or_default();
            self.at = text_end;
            if trim {
                text = text.trim_start();
            }
            let opened = self.rest().starts_with("{{");
            if self.rest().starts_with("{{- ") {
                text = text.trim_end();
            }
            if !text.is_empty() {
                nodes.push(Node::Text(text.to_owned()));
            }
            if !opened {
                break Ended::Text;
            }
            self.at += if self.rest().starts_with("{{- ") { 3 } else { 2 };
            self.blanks();
            if self.rest().starts_with("/*") {
                return Err(self.unmodelled("a comment"));
            }
            let keyword = self.word().to_owned();
            let node = match keyword.as_str() {
                "end" | "else" => {
                    self.at += keyword.len();
                    trim = self.close()?;
                    // What follows is the caller's; it trims nothing.
                    if trim {
                        return Err(self.unmodelled("a trim after a keyword"));
                    }
                    break if keyword == "end" { Ended::End } else { Ended::Else };
                }
                "range" | "if" => {
                    self.at += keyword.len();
                    let of = self.pipeline()?;
                    trim = self.close()?;
                    if trim {
                        return Err(self.unmodelled("a trim after a keyword"));
                    }
                    let (body, end) = self.nodes()?;
                    let (otherwise, end) = if end == Ended::Else { self.nodes()? } else { (Vec::new(), end) };
                    if end != Ended::End {
                        return Err(self.wrong("unexpected EOF"));
                    }
                    if keyword == "if" { Node::If(of, body, otherwise) } else { Node::Range(of, body, otherwise) }
                }
                _ => {
                    let printed = self.pipeline()?;
                    trim = self.close()?;
                    Node::Print(printed)
                }
            };
            nodes.push(node);
        };
        self.depth -= 1;
        Ok((nodes, end))
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn word(&self) -> &str {
        let rest = self.rest();
        let end = rest.find(|char: char| !char.is_ascii_alphanumeric() && char != '_').unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    }

    /// The end of an action; whether it takes the blanks after it away.
    fn close(&mut self) -> Parse<bool> {
        self.blanks();
        let trim = self.rest().starts_with("-}}");
        if trim || self.rest().starts_with("}}") {
            self.at += if trim { 3 } else { 2 };
            return Ok(trim);
        }
        if self.rest().is_empty() {
            return Err(self.wrong("unclosed action"));
        }
        let what = self.rest().split_whitespace().next().unwrap_or_default().to_owned();
        Err(self.unmodelled(&format!("`{what}`")))
    }

    fn ends(&mut self) -> bool {
        self.blanks();
        let rest = self.rest();
        rest.is_empty() || rest.starts_with("}}") || rest.starts_with("-}}") || rest.starts_with([')', '|'])
    }

    fn pipeline(&mut self) -> Parse<Expression> {
        self.deeper()?;
        let mut value = None;
        loop {
            let mut parts = Vec::new();
            let mut function = None;
            while !self.ends() {
                let word = self.word().to_owned();
                let is_name = word.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
                if parts.is_empty() && function.is_none() && is_name && !matches!(word.as_str(), "true" | "false") {
                    let name = FUNCTIONS.iter().find(|name| **name == word);
                    function = Some(*name.ok_or_else(|| self.no_function(&word))?);
                    self.at += word.len();
                } else {
                    parts.push(self.operand(&word, is_name)?);
                }
            }
            parts.extend(value.take());
            value = match (function, parts.len()) {
                (Some(name), _) => Some(Expression::Call(name, parts)),
                (None, 1) => parts.pop(),
                (None, 0) if self.rest().is_empty() => return Err(self.wrong("unclosed action")),
                (None, 0) => return Err(self.wrong("missing value for command")),
                (None, _) => return Err(self.unmodelled("operands without a function")),
            };
            if !self.rest().starts_with('|') {
                break;
            }
            self.at += 1;
        }
        self.depth -= 1;
        value.ok_or_else(|| self.wrong("missing value for command"))
    }

    fn no_function(&self, word: &str) -> BadTemplate {
        if REFUSED.contains(&word) {
            self.unmodelled(&format!("`{word}`"))
        } else {
            self.wrong(&format!("function {word:?} not defined"))
        }
    }

    fn operand(&mut self, word: &str, is_name: bool) -> Parse<Expression> {
        let first = self.rest().chars().next().unwrap_or_default();
        Ok(match first {
            '.' => self.fields(None),
            '(' => {
                self.at += 1;
                let inner = self.pipeline()?;
                if !self.rest().starts_with(')') {
                    return Err(self.wrong("unclosed left paren"));
                }
                self.at += 1;
                if self.rest().starts_with('.') { self.fields(Some(Box::new(inner))) } else { inner }
            }
            '"' => self.quoted()?,
            '`' => {
                let text = self.rest().get(1..).and_then(|rest| rest.split_once('`')).map(|(text, _)| text.to_owned());
                let text = text.ok_or_else(|| self.wrong("unterminated raw quoted string"))?;
                self.at += text.len() + 2;
                Expression::Text(text)
            }
            _ if word == "true" || word == "false" => {
                self.at += word.len();
                Expression::Bool(word == "true")
            }
            _ if is_name => return Err(self.no_function(word)),
            _ => {
                let rest = self.rest();
                let end = rest.find([' ', '}', ')', '|']).unwrap_or(rest.len());
                let number = rest.get(..end).unwrap_or_default();
                let parsed = number.parse().map_err(|_| self.unmodelled(&format!("`{number}`")))?;
                self.at += end;
                Expression::Number(parsed)
            }
        })
    }

    fn quoted(&mut self) -> Parse<Expression> {
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((at, char)) = chars.next() {
            match char {
                '"' => {
                    self.at += at + 1;
                    return Ok(Expression::Text(text));
                }
                '\\' => match chars.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, other @ ('"' | '\\'))) => text.push(other),
                    _ => return Err(self.unmodelled("an escape")),
                },
                other => text.push(other),
            }
        }
        Err(self.wrong("unterminated quoted string"))
    }

    fn fields(&mut self, of: Option<Box<Expression>>) -> Expression {
        let column = self.at - self.text.get(..self.at).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let place = (self.line(), column);
        let mut names = Vec::new();
        while self.rest().starts_with('.') {
            self.at += 1;
            let name = self.word().to_owned();
            self.at += name.len();
            if name.is_empty() {
                break;
            }
            names.push(name);
        }
        Expression::Field(of, names, place)
    }
}
