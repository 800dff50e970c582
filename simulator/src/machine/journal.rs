//! The journal: lines by unit, bounded, oldest dropped first.

use std::collections::VecDeque;
use std::sync::Arc;

use super::io::LogWriter;
use crate::time::Us;

/// Lines kept.
const LINES_MAX: usize = 20_000;

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: Us,
    /// Whose.
    pub writer: Arc<LogWriter>,
    /// What.
    pub text: String,
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    /// Oldest first.
    pub lines: VecDeque<Arc<Line>>,
    /// Lines written in all, dropped ones too.
    pub written: u64,
}

impl Journal {
    /// Adds a line.
    pub fn write(&mut self, at: Us, writer: &Arc<LogWriter>, text: &str) {
        if self.lines.len() >= LINES_MAX {
            self.lines.pop_front();
        }
        self.written += 1;
        self.lines.push_back(Arc::new(Line { at, writer: writer.clone(), text: text.to_owned() }));
    }

    /// A unit's lines, oldest first.
    pub fn of_unit<'a>(&'a self, unit: &'a str) -> impl DoubleEndedIterator<Item = &'a Line> {
        self.lines.iter().map(Arc::as_ref).filter(move |line| line.writer.unit == unit)
    }
}
