//! Variables in a compose file's texts: `$NAME`, `${NAME}`, `${NAME:-default}` and the like (compose-go, template.go).

use std::collections::BTreeMap;

/// Nested defaults.
const DEPTH_MAX: usize = 8;

/// Why a text cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadText {
    /// It is no template.
    Format,
    /// A variable that has to be there is not: its name and the message after it.
    Required(String, String),
}

/// What variables there are, and those that were asked for in vain.
#[derive(Debug)]
pub struct Variables<'a> {
    /// The client's own, which win.
    pub environment: &'a BTreeMap<String, String>,
    /// Those of the project's `.env`.
    pub file: &'a [(String, String)],
    /// Asked for in vain, without a default.
    pub unset: Vec<String>,
}

impl Variables<'_> {
    fn get(&self, name: &str) -> Option<String> {
        self.environment
            .get(name)
            .cloned()
            .or_else(|| self.file.iter().rev().find(|(other, _)| other == name).map(|(_, value)| value.clone()))
    }

    /// Puts values in their places.
    ///
    /// # Errors
    /// See [`BadText`].
    pub fn interpolate(&mut self, text: &str) -> Result<String, BadText> {
        self.within(text, 0)
    }

    fn within(&mut self, text: &str, depth: usize) -> Result<String, BadText> {
        if depth > DEPTH_MAX {
            return Err(BadText::Format);
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            if let Some(after) = after.strip_prefix('$') {
                out.push('$');
                rest = after;
            } else if let Some(after) = after.strip_prefix('{') {
                let end = closing(after).ok_or(BadText::Format)?;
                out.push_str(&self.braced(after.get(..end).unwrap_or_default(), depth)?);
                rest = after.get(end + 1..).unwrap_or_default();
            } else {
                let end = name_end(after);
                let name = after.get(..end).filter(|name| !name.is_empty()).ok_or(BadText::Format)?;
                out.push_str(&self.or_blank(name));
                rest = after.get(end..).unwrap_or_default();
            }
        }
        out.push_str(rest);
        Ok(out)
    }

    fn or_blank(&mut self, name: &str) -> String {
        self.get(name).unwrap_or_else(|| {
            if !self.unset.iter().any(|other| other == name) {
                self.unset.push(name.to_owned());
            }
            String::new()
        })
    }

    fn braced(&mut self, inner: &str, depth: usize) -> Result<String, BadText> {
        let end = name_end(inner);
        let (name, change) = inner.split_at(end);
        if name.is_empty() {
            return Err(BadText::Format);
        }
        if change.is_empty() {
            return Ok(self.or_blank(name));
        }
        let (colon, change) = change.strip_prefix(':').map_or((false, change), |change| (true, change));
        let value = self.get(name).filter(|value| !colon || !value.is_empty());
        let mut chars = change.chars();
        let sign = chars.next();
        let word = chars.as_str();
        match (sign, value) {
            (Some('-' | '?'), Some(value)) => Ok(value),
            (Some('-'), None) | (Some('+'), Some(_)) => self.within(word, depth + 1),
            (Some('+'), None) => Ok(String::new()),
            (Some('?'), None) => {
                let message = self.within(word, depth + 1)?;
                Err(BadText::Required(name.to_owned(), message))
            }
            _ => Err(BadText::Format),
        }
    }
}

fn name_end(text: &str) -> usize {
    let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if !starts {
        return 0;
    }
    text.find(|char: char| !char.is_ascii_alphanumeric() && char != '_').unwrap_or(text.len())
}

/// Where the brace is that closes the one before a text.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut before = ' ';
    for (at, char) in text.char_indices() {
        match char {
            '{' if before == '$' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
        before = char;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_as_compose_reads_them() {
        let environment = [("A", "a"), ("EMPTY", "")].map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let file = [("A".to_owned(), "file".to_owned()), ("B".to_owned(), "b".to_owned())];
        let ok = |text: &str| Ok(text.to_owned());
        let required = |name: &str, text: &str| Err(BadText::Required(name.to_owned(), text.to_owned()));
        for (text, wanted) in [
            ("$A/${B}x$$y", ok("a/bx$y")),
            ("${NOPE:-ghcr.io/a:v1}", ok("ghcr.io/a:v1")),
            ("${EMPTY:-x}${EMPTY-x}", ok("x")),
            ("${NOPE:-${B}}", ok("b")),
            ("${NOPE:+alt}${A:+alt}", ok("alt")),
            ("[$NOPE]", ok("[]")),
            ("${NOPE:?must be set}", required("NOPE", "must be set")),
            ("${NOPE?}", required("NOPE", "")),
            ("${NOPE", Err(BadText::Format)),
            ("$", Err(BadText::Format)),
        ] {
            let mut variables = Variables { environment: &environment, file: &file, unset: Vec::new() };
            assert_eq!(variables.interpolate(text), wanted, "{text}");
            assert_eq!(variables.unset.is_empty(), text != "[$NOPE]", "{text}");
        }
    }
}
