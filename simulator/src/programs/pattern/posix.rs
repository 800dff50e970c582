//! POSIX's regular expressions, with GNU's additions, in the words of the regex crate.

use super::{Bad, Syntax};

/// A translation under way.
pub(super) struct Translator<'a> {
    extended: bool,
    text: &'a [u8],
    at: usize,
    out: String,
    open: usize,
    /// Whether something stands before that a repetition could repeat.
    repeatable: bool,
}

impl<'a> Translator<'a> {
    pub(super) fn new(syntax: Syntax, text: &'a str) -> Translator<'a> {
        let extended = syntax == Syntax::Extended;
        Translator { extended, text: text.as_bytes(), at: 0, out: String::new(), open: 0, repeatable: false }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    fn literal(&mut self, byte: u8) {
        if byte.is_ascii() {
            self.out.push_str(&regex::escape(&char::from(byte).to_string()));
        } else {
            self.out.push_str(&format!("(?-u:\\x{byte:02x})"));
        }
        self.repeatable = true;
    }

    pub(super) fn translate(mut self) -> Result<String, Bad> {
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            match byte {
                b'\\' => self.escape()?,
                b'[' => self.bracket()?,
                b'.' => {
                    self.out.push_str("[^\\n]");
                    self.repeatable = true;
                }
                b'*' => self.repeat("*"),
                b'^' if self.extended || self.begins() => {
                    self.out.push('^');
                    self.repeatable = false;
                }
                b'$' if self.extended || self.ends() => {
                    self.out.push('$');
                    self.repeatable = false;
                }
                b'+' if self.extended => self.repeat("+"),
                b'?' if self.extended => self.repeat("?"),
                b'{' if self.extended => self.interval(false)?,
                b'(' if self.extended => self.group(),
                b')' if self.extended && self.open > 0 => self.close(),
                b'|' if self.extended => self.alternative(),
                other => self.literal(other),
            }
        }
        if self.open > 0 {
            return Err(Bad::Wrong("Unmatched ( or \\("));
        }
        Ok(self.out)
    }

    /// Whether `^` is an anchor of a basic expression here.
    fn begins(&self) -> bool {
        self.out.is_empty()
            || self.out.ends_with('(') && !self.out.ends_with("\\(")
            || self.out.ends_with('|') && !self.out.ends_with("\\|")
    }

    /// Whether `$` is one.
    fn ends(&self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        rest.is_empty() || rest.starts_with(b"\\)") || rest.starts_with(b"\\|")
    }

    fn repeat(&mut self, sign: &str) {
        if !self.repeatable {
            // Nothing to repeat: a star is one in a basic expression, and in GNU's extended ones nothing at all.
            if !self.extended && sign == "*" {
                self.literal(b'*');
            }
            return;
        }
        // `a**` is `a*`; in the regex crate it would be lazy or an error.
        if matches!(self.out.bytes().last(), Some(b'*' | b'+' | b'?')) && !self.escaped_end() {
            let last = self.out.pop();
            let both = if last == Some('*') || sign == "*" || last.map(|last| last.to_string()).as_deref() != Some(sign)
            {
                "*"
            } else {
                sign
            };
            self.out.push_str(both);
            return;
        }
        self.out.push_str(sign);
    }

    /// Whether the last character of what was made stands after a backslash.
    fn escaped_end(&self) -> bool {
        let before = self.out.get(..self.out.len().saturating_sub(1)).unwrap_or_default();
        before.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
    }

    fn group(&mut self) {
        self.out.push('(');
        self.open += 1;
        self.repeatable = false;
    }

    fn close(&mut self) {
        self.out.push(')');
        self.open -= 1;
        self.repeatable = true;
    }

    fn alternative(&mut self) {
        self.out.push('|');
        self.repeatable = false;
    }

    fn escape(&mut self) -> Result<(), Bad> {
        let Some(byte) = self.peek(0) else { return Err(Bad::Wrong("Trailing backslash")) };
        self.at += 1;
        match byte {
            b'(' if !self.extended => self.group(),
            b')' if !self.extended => {
                if self.open == 0 {
                    return Err(Bad::Wrong("Unmatched ) or \\)"));
                }
                self.close();
            }
            b'{' if !self.extended => self.interval(true)?,
            b'|' if !self.extended => self.alternative(),
            b'+' if !self.extended => self.repeat("+"),
            b'?' if !self.extended => self.repeat("?"),
            b'1'..=b'9' => return Err(Bad::Unmodelled("a reference back in a pattern".into())),
            b'w' => self.class("[A-Za-z0-9_]"),
            b'W' => self.class("[^A-Za-z0-9_]"),
            b's' => self.class("[ \\t\\n\\r\\f\\v]"),
            b'S' => self.class("[^ \\t\\n\\r\\f\\v]"),
            b'b' => self.edge("\\b"),
            b'B' => self.edge("\\B"),
            b'<' => self.edge("\\b{start}"),
            b'>' => self.edge("\\b{end}"),
            b'`' => self.edge("\\A"),
            b'\'' => self.edge("\\z"),
            b'n' => self.class("\\n"),
            b't' => self.class("\\t"),
            // GNU grep warns of a stray backslash before a letter and takes the letter.
            other => self.literal(other),
        }
        Ok(())
    }

    fn class(&mut self, text: &str) {
        self.out.push_str(text);
        self.repeatable = true;
    }

    fn edge(&mut self, text: &str) {
        self.out.push_str(text);
        self.repeatable = false;
    }

    fn interval(&mut self, basic: bool) -> Result<(), Bad> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|byte| !byte.is_ascii_digit() && *byte != b',').unwrap_or(rest.len());
        let inner = std::str::from_utf8(rest.get(..length).unwrap_or_default()).unwrap_or_default();
        let end: &[u8] = if basic { b"\\}" } else { b"}" };
        let closed = rest.get(length..).is_some_and(|after| after.starts_with(end));
        let (low, high) = inner.split_once(',').map_or((inner, None), |(low, high)| (low, Some(high)));
        let valid = closed && !high.unwrap_or("").contains(',') && (!low.is_empty() || high.is_some());
        if !valid {
            return match basic {
                // In an extended expression a brace that begins no interval is a brace.
                false => {
                    self.literal(b'{');
                    Ok(())
                }
                true if closed => Err(Bad::Wrong("Invalid content of \\{\\}")),
                true => Err(Bad::Wrong("Unmatched \\{")),
            };
        }
        self.at += length + end.len();
        let number = |text: &str, otherwise: u32| if text.is_empty() { Some(otherwise) } else { text.parse().ok() };
        let (Some(from), to) = (number(low, 0), high.map(|high| number(high, u32::MAX))) else {
            return Err(Bad::Wrong("Regular expression too big"));
        };
        match to {
            Some(Some(to)) if to < from => return Err(Bad::Wrong("Invalid content of \\{\\}")),
            Some(None) => return Err(Bad::Wrong("Regular expression too big")),
            _ => {}
        }
        if !self.repeatable {
            return match basic {
                true => Err(Bad::Wrong("Invalid preceding regular expression")),
                false => Ok(()),
            };
        }
        self.out.push_str(&match to {
            None => format!("{{{from}}}"),
            Some(Some(u32::MAX) | None) => format!("{{{from},}}"),
            Some(Some(to)) => format!("{{{from},{to}}}"),
        });
        Ok(())
    }

    /// `[...]`: in POSIX a backslash in it is a backslash.
    fn bracket(&mut self) -> Result<(), Bad> {
        let unmatched = Bad::Wrong("Unmatched [, [^, [:, [., or [=");
        self.out.push('[');
        if self.peek(0) == Some(b'^') {
            self.at += 1;
            self.out.push_str("^\\n");
        }
        let mut first = true;
        loop {
            let Some(byte) = self.peek(0) else { return Err(unmatched) };
            self.at += 1;
            match byte {
                b']' if !first => break,
                b'[' if self.peek(0) == Some(b':') => {
                    let rest = self.text.get(self.at + 1..).unwrap_or_default();
                    let Some(end) = rest.windows(2).position(|pair| pair == b":]") else { return Err(unmatched) };
                    let name = std::str::from_utf8(rest.get(..end).unwrap_or_default()).unwrap_or_default();
                    let known = [
                        "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
                        "upper", "xdigit",
                    ];
                    if !known.contains(&name) {
                        return Err(Bad::Wrong("Invalid character class name"));
                    }
                    self.out.push_str(&format!("[:{name}:]"));
                    self.at += 1 + end + 2;
                }
                b'[' if matches!(self.peek(0), Some(b'.' | b'=')) => {
                    return Err(Bad::Unmodelled("a collating element in a pattern".into()));
                }
                other => {
                    let range_end = match (self.peek(0), self.peek(1)) {
                        (Some(b'-'), Some(end)) if end != b']' => Some(end),
                        _ => None,
                    };
                    self.in_bracket(other);
                    if let Some(end) = range_end {
                        if end < other {
                            return Err(Bad::Wrong("Invalid range end"));
                        }
                        self.at += 2;
                        self.out.push('-');
                        self.in_bracket(end);
                    }
                }
            }
            first = false;
        }
        self.out.push(']');
        self.repeatable = true;
        Ok(())
    }

    fn in_bracket(&mut self, byte: u8) {
        if byte.is_ascii_alphanumeric() {
            self.out.push(char::from(byte));
        } else {
            self.out.push_str(&format!("\\x{byte:02x}"));
        }
    }
}
