//! Why a runbook or a binding is refused: what, where, what was looked for and what to try.

use std::fmt;

/// A document or binding that cannot be read exactly, and is therefore not run. Exit status 64.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}; looked for {looked_for}; {advice}")]
pub struct RunbookError {
    /// File and, where one is to blame, line.
    pub place: Place,
    /// What is wrong.
    pub what: String,
    /// What should have been there.
    pub looked_for: String,
    /// What to try.
    pub advice: String,
}

/// Where in which file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// As given on the command line.
    pub file: String,
    /// 1-based; `None` where the whole file is meant.
    pub line: Option<u32>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

impl RunbookError {
    /// An error at a line of a file.
    pub fn at(
        file: &str,
        line: u32,
        what: impl Into<String>,
        looked_for: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let place = Place { file: file.to_owned(), line: Some(line) };
        RunbookError { place, what: what.into(), looked_for: looked_for.into(), advice: advice.into() }
    }

    /// An error about a file as a whole.
    pub fn file(file: &str, what: impl Into<String>, looked_for: impl Into<String>, advice: impl Into<String>) -> Self {
        let place = Place { file: file.to_owned(), line: None };
        RunbookError { place, what: what.into(), looked_for: looked_for.into(), advice: advice.into() }
    }
}

/// The document's words in a message: bounded, on one line, without control characters that a terminal would obey.
pub(super) fn quote(text: &str) -> String {
    const SHOWN: usize = 120;
    let mut shown: String = text.trim().chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.trim().chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}
