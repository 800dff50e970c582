//! Results as they are written: a header, then a line for each cell, in the order of their numbers. A file that was cut off
//! is seen to be, and files of parts of a space are one file again when they are merged.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::space::Script;
use crate::prepare::BadInput;
use crate::verdict::Verdict;

/// Version of this format; a file of another is refused.
pub const SCHEMA: u32 = 1;

/// As many samples as have a number.
pub const SAMPLES_MAX: u64 = 1_000_000_000;

/// A line longer than this is none of ours.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// Which cells are taken, and what their numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Every one; by the space's numbers.
    Exhaustive,
    /// Some; by those of the samples.
    Sampled,
}

impl Strategy {
    /// As in results.
    pub fn as_str(self) -> &'static str {
        match self {
            Strategy::Exhaustive => "exhaustive",
            Strategy::Sampled => "sampled",
        }
    }
}

/// What all cells of a file have in common. **Contract.**
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Version of the harness.
    pub harness: String,
    /// Hash of the space.
    pub space: String,
    /// Hash of the property files.
    pub properties: String,
    /// SHA-256 of the runbook.
    pub runbook: String,
    /// SHA-256 of its binding.
    pub binding: String,
    /// A 64-bit number, as text.
    pub seed: String,
    /// The greatest number of added faults.
    pub faults: usize,
    /// Which cells are taken.
    pub strategy: Strategy,
    /// First cell of the range.
    pub from: u64,
    /// The cell behind the last one.
    pub until: u64,
}

impl Header {
    /// The first thing in which two headers differ that have to be the same, with both values.
    fn difference(&self, other: &Header) -> Option<(&'static str, String, String)> {
        let parts = |of: &Header| {
            [
                ("schema", of.schema.to_string()),
                ("harness", of.harness.clone()),
                ("space", of.space.clone()),
                ("properties", of.properties.clone()),
                ("runbook", of.runbook.clone()),
                ("binding", of.binding.clone()),
                ("seed", of.seed.clone()),
                ("faults", of.faults.to_string()),
                ("strategy", of.strategy.as_str().to_owned()),
            ]
        };
        let both = parts(self).into_iter().zip(parts(other));
        both.into_iter().find(|(one, other)| one != other).map(|((what, one), (_, other))| (what, one, other))
    }
}

/// What a cell came to. **Contract.**
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The cell's number, or the sample's.
    pub cell: u64,
    /// The sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<Script>,
    /// The drill's id; `None` where there was no drill.
    pub id: Option<String>,
    /// How it ended.
    pub verdict: Option<Verdict>,
    /// Declared faults that left no evidence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inert: Vec<String>,
    /// Why there was no drill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Properties that do not hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub finds: Vec<Found>,
}

/// A property that does not hold in a cell, and the smallest cell that shows the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// Its id.
    pub property: String,
    /// Of what it does not hold.
    pub subject: String,
    /// The smallest cell.
    pub smallest: Smallest,
}

/// A smallest cell, as results name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Smallest {
    /// By its number.
    Cell(u64),
    /// By its words: a sampled cell may have levels that the space has not.
    Script(Script),
}

/// Writes a value as a line.
///
/// # Errors
/// Those of the file.
pub fn write<T: Serialize>(to: &mut dyn Write, value: &T) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    to.write_all(&line)
}

/// Reads a file of results line by line.
#[derive(Debug)]
pub struct Reader {
    file: String,
    lines: BufReader<File>,
    number: u64,
    last: Option<u64>,
    /// Its first line.
    pub header: Header,
}

impl Reader {
    /// Opens a file whose cells are of the same exploration as `wanted` says, whatever their range.
    ///
    /// # Errors
    /// What is none of ours, or of another exploration: with file, line and what was looked for.
    pub fn open(path: &Path, wanted: &Header) -> Result<Reader, BadInput> {
        let file = path.display().to_string();
        let opened = File::open(path).map_err(|error| BadInput(format!("{file}: cannot be read: {error}")))?;
        let header = wanted.clone();
        let mut reader = Reader { file, lines: BufReader::new(opened), number: 0, last: None, header };
        let Some(text) = reader.text()? else {
            return Err(reader.wrong("empty; looked for the header of an exploration's results"));
        };
        let header: Header = serde_json::from_str(&text)
            .map_err(|error| reader.wrong(&format!("no header of an exploration's results: {error}")))?;
        if let Some((what, there, wanted)) = header.difference(wanted) {
            return Err(
                reader.wrong(&format!("results of another exploration: {what} is {there}; looked for {wanted}"))
            );
        }
        let Header { from, until, .. } = header;
        if from > until {
            return Err(reader
                .wrong(&format!("range {from}..{until} is reversed; looked for one that ends behind its beginning")));
        }
        reader.header = header;
        Ok(reader)
    }

    /// The next line.
    ///
    /// # Errors
    /// A line that is none, or stands where it cannot.
    pub fn line(&mut self) -> Result<Option<Line>, BadInput> {
        let Some(text) = self.text()? else { return Ok(None) };
        let line: Line =
            serde_json::from_str(&text).map_err(|error| self.wrong(&format!("no cell's result: {error}")))?;
        let least = self.last.map_or(self.header.from, |last| last + 1);
        if !(least..self.header.until).contains(&line.cell) {
            let until = self.header.until;
            return Err(self.wrong(&format!("cell {}; looked for one from {least} to below {until}", line.cell)));
        }
        self.last = Some(line.cell);
        Ok(Some(line))
    }

    /// Where a reader stands, as a refusal.
    pub fn wrong(&self, what: &str) -> BadInput {
        BadInput(format!("{}:{}: {what}", self.file, self.number.max(1)))
    }

    fn text(&mut self) -> Result<Option<String>, BadInput> {
        let mut bytes = Vec::new();
        self.number += 1;
        let read = (&mut self.lines).take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes);
        read.map_err(|error| self.wrong(&format!("cannot be read: {error}")))?;
        match bytes.pop() {
            None => Ok(None),
            Some(b'\n') => String::from_utf8(bytes).map(Some).map_err(|_| self.wrong("not UTF-8")),
            Some(_) => Err(self.wrong(&format!(
                "half a line, or more than {LINE_BYTES_MAX} bytes: the exploration was cut off while it wrote; take the line \
                 out, and --resume does its cell again"
            ))),
        }
    }
}

/// Joins the results of parts: each cell once, in order. Cells that are in several parts have to have come to the same.
///
/// # Errors
/// Those of the parts, two that do not agree, and what `each` says against a line, with the line.
pub fn merge(parts: &mut [Reader], mut each: impl FnMut(&Line) -> Result<(), String>) -> Result<(), BadInput> {
    let mut heads = parts.iter_mut().map(Reader::line).collect::<Result<Vec<_>, _>>()?;
    while let Some(least) = heads.iter().flatten().map(|line| line.cell).min() {
        let mut taken: Option<Line> = None;
        for (part, head) in parts.iter_mut().zip(&mut heads) {
            if head.as_ref().is_none_or(|line| line.cell != least) {
                continue;
            }
            match (&taken, head.take()) {
                (Some(known), Some(line)) if *known != line => {
                    return Err(part.wrong(&format!("cell {least} came to something else in a file before")));
                }
                (None, Some(line)) => {
                    each(&line).map_err(|what| part.wrong(&what))?;
                    taken = Some(line);
                }
                _ => {}
            }
            *head = part.line()?;
        }
    }
    Ok(())
}
