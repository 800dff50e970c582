//! Reads the text in which a node exposes its metrics (Prometheus and OpenMetrics).
//!
//! Strict but for one thing: the text may end after any whole line, because the runbook looks at the first lines only.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use fake_node::exposition::{IN_NAMES, whole_number};

/// One series: a name and its labels, whatever order they were written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series<'a> {
    /// Sample name, such as `http_requests_total`.
    pub name: &'a str,
    /// Labels, escapes decoded.
    pub labels: Labels<'a>,
}

/// A label and its value.
type Label<'a> = (&'a str, Cow<'a, str>);

/// Labels and their values, by label. A series has a handful, so they stand in a row.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Labels<'a>(&'a [Label<'a>]);

impl<'a> Labels<'a> {
    /// The value of one.
    pub fn get(&self, label: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| *known == label).map(|(_, value)| value.as_ref())
    }
}

impl std::fmt::Debug for Labels<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(label, value)| (label, value))).finish()
    }
}

/// All samples of a text.
#[derive(Debug, Clone, Default)]
pub struct Samples<'a> {
    text: &'a str,
    /// In the order of the text.
    rows: Vec<Row<'a>>,
    /// Labels of all rows, one row's after the other's.
    labels: Vec<Label<'a>>,
    /// Places in `rows`, by the hash of their series and then by place.
    by_hash: Vec<(u64, usize)>,
    types: BTreeMap<&'a str, &'a str>,
}

/// A line of a sample.
#[derive(Debug, Clone)]
struct Row<'a> {
    /// 1-based.
    line: usize,
    name: &'a str,
    /// Its place in [`Samples::labels`].
    labels: Range<usize>,
    /// Where in the text its name and labels end, and where its line does.
    ends: (usize, usize),
    value: f64,
}

/// Why a text is no exposition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ExpositionError {
    /// 1-based.
    pub line: usize,
    /// What is wrong there.
    pub reason: String,
}

impl<'a> Samples<'a> {
    /// Value of one series.
    pub fn get(&self, series: &Series<'_>) -> Option<f64> {
        let hash = hash(series);
        let from = self.by_hash.partition_point(|(other, _)| *other < hash);
        let alike = self.by_hash.iter().skip(from).take_while(|(other, _)| *other == hash);
        alike
            .filter_map(|(_, place)| self.rows.get(*place))
            .find(|row| self.series(row) == *series)
            .map(|row| row.value)
    }

    /// All series and values, ordered by name and labels.
    pub fn iter(&self) -> impl Iterator<Item = (Series<'_>, f64)> {
        self.ordered(self.rows.iter())
    }

    /// The series of this name and their values, ordered by labels.
    pub fn named(&self, name: &str) -> impl Iterator<Item = (Series<'_>, f64)> {
        self.ordered(self.rows.iter().filter(move |row| row.name == name))
    }

    /// The series that a `# TYPE` line declares as counters, ordered by name and labels. OpenMetrics declares the name
    /// without `_total`.
    pub fn counters(&self) -> impl Iterator<Item = (Series<'_>, f64)> {
        self.ordered(self.rows.iter().filter(|row| {
            let family = row.name.strip_suffix("_total").unwrap_or(row.name);
            [row.name, family].iter().any(|name| self.types.get(name).is_some_and(|kind| *kind == "counter"))
        }))
    }

    /// Sum over the series of this name that carry all these labels; `None` where there is none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let matches =
            |series: &Series<'_>| labels.iter().all(|(label, wanted)| series.labels.get(label) == Some(*wanted));
        let found = self.named(name).filter(|(series, _)| matches(series)).map(|(_, value)| value);
        found.reduce(|sum, value| sum + value)
    }

    fn series(&self, row: &Row<'a>) -> Series<'_> {
        Series { name: row.name, labels: Labels(self.labels.get(row.labels.clone()).unwrap_or_default()) }
    }

    fn ordered<'s>(&'s self, rows: impl Iterator<Item = &'s Row<'a>>) -> impl Iterator<Item = (Series<'s>, f64)>
    where
        'a: 's,
    {
        let mut found: Vec<(Series<'s>, f64)> = rows.map(|row| (self.series(row), row.value)).collect();
        found.sort_by_key(|(one, _)| *one);
        found.into_iter()
    }

    /// Finds the series by hash from here on; the first row whose series stands before it already is an error.
    fn find_by_hash(&mut self) -> Result<(), ExpositionError> {
        let mut by_hash: Vec<_> =
            self.rows.iter().enumerate().map(|(place, row)| (hash(&self.series(row)), place)).collect();
        by_hash.sort_unstable();
        self.by_hash = by_hash;
        let mut twice: Option<&Row<'a>> = None;
        for alike in self.by_hash.chunk_by(|(one, _), (other, _)| one == other).filter(|alike| alike.len() > 1) {
            let rows: Vec<&Row<'a>> = alike.iter().filter_map(|(_, place)| self.rows.get(*place)).collect();
            let stands_before =
                |at: usize, row: &Row<'a>| rows.iter().take(at).any(|other| self.series(other) == self.series(row));
            let second = rows.iter().enumerate().find(|(at, row)| stands_before(*at, row)).map(|(_, row)| *row);
            twice = [twice, second].into_iter().flatten().min_by_key(|row| row.line);
        }
        match twice {
            Some(Row { line, name, .. }) => {
                Err(ExpositionError { line: *line, reason: format!("`{name}` with the same labels stands twice") })
            }
            None => Ok(()),
        }
    }
}

/// A number that is the same for the same series.
fn hash(series: &Series<'_>) -> u64 {
    // The step of rustc's own hash, over eight bytes at a time and the length of what they are of.
    const FACTOR: u64 = 0x517c_c1b7_2722_0a95;
    let step = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    let text = |hash: u64, text: &str| {
        let (words, rest) = text.as_bytes().as_chunks::<8>();
        let hash = words.iter().fold(hash, |hash, word| step(hash, u64::from_le_bytes(*word)));
        let rest = rest.iter().fold(0, |rest, byte| rest << 8 | u64::from(*byte));
        step(step(hash, rest), text.len() as u64)
    };
    series.labels.0.iter().fold(text(0, series.name), |hash, (label, value)| text(text(hash, label), value))
}

/// Reads a text.
///
/// # Errors
/// The first line that is neither comment nor sample, a series that stands twice, a last line without its end (it may be
/// cut in the middle of a number), or anything after `# EOF`.
pub fn parse(text: &str) -> Result<Samples<'_>, ExpositionError> {
    let mut samples = Samples { text, ..Samples::default() };
    let read = lines(text, &mut samples);
    // A series that stands twice does so before the line that cannot be read.
    samples.find_by_hash()?;
    read.map(|()| samples)
}

/// The same of a text that can be expected to differ from another in its values alone, as a node's pages do: it is read
/// again only where it does not.
///
/// # Errors
/// As [`parse`].
pub fn parse_after<'a>(text: &'a str, before: &Samples<'a>) -> Result<Samples<'a>, ExpositionError> {
    match values(text, before) {
        Some(rows) => Ok(Samples { text, rows, ..before.clone() }),
        None => parse(text),
    }
}

/// The rows of a text that has every byte of the other but those of values.
fn values<'a>(text: &'a str, before: &Samples<'a>) -> Option<Vec<Row<'a>>> {
    let mut rows = Vec::with_capacity(before.rows.len());
    let (mut rest, mut from) = (text, 0);
    for row in &before.rows {
        let (series, line) = row.ends;
        let after = rest.strip_prefix(before.text.get(from..series)?)?;
        let end = memchr::memchr(b'\n', after.as_bytes())?;
        // Else the series may go on here, or an exemplar stands there.
        let value = after.get(..end).filter(|value| value.starts_with(' ') && !value.contains('#'))?;
        let at = text.len() - after.len();
        rows.push(Row { ends: (at, at + end), value: numbers(value).ok()?, ..row.clone() });
        (rest, from) = (after.get(end..)?, line);
    }
    (before.text.get(from..) == Some(rest)).then_some(rows)
}

fn lines<'a>(text: &'a str, samples: &mut Samples<'a>) -> Result<(), ExpositionError> {
    let (mut ended, mut begin) = (false, 0);
    let ends = memchr::memchr_iter(b'\n', text.as_bytes()).map(|end| end + 1);
    // What stands behind the last newline is a line too, without an end.
    let ends = ends.chain((!text.ends_with('\n') && !text.is_empty()).then_some(text.len()));
    for (index, end) in ends.enumerate() {
        let whole = text.get(begin..end).unwrap_or_default();
        let at = |reason: String| ExpositionError { line: index + 1, reason };
        let line = whole.strip_suffix('\n');
        let at_line = std::mem::replace(&mut begin, end);
        let line = line.map(|line| line.strip_suffix('\r').unwrap_or(line));
        if ended {
            return Err(at("text after `# EOF`".into()));
        }
        match line {
            None if whole == "# EOF" => ended = true,
            None => return Err(at("the last line has no end: it may be cut".into())),
            Some("# EOF") => ended = true,
            Some(line) if line.trim_start().is_empty() => {}
            Some(line) if line.starts_with('#') => comment(line, samples).map_err(at)?,
            Some(line) => {
                let first = samples.labels.len();
                let (name, series, value) = sample(line, &mut samples.labels).map_err(at)?;
                let ends = (at_line + series, at_line + line.len());
                let labels = first..samples.labels.len();
                samples.rows.push(Row { line: index + 1, name, labels, ends, value });
            }
        }
    }
    Ok(())
}

fn comment<'a>(line: &'a str, samples: &mut Samples<'a>) -> Result<(), String> {
    let mut words = line.split(' ').filter(|word| !word.is_empty());
    if (words.next(), words.next()) != (Some("#"), Some("TYPE")) {
        return Ok(());
    }
    match (words.next(), words.next(), words.next()) {
        (Some(name), Some(kind), None) => match samples.types.insert(name, kind) {
            None => Ok(()),
            Some(_) => Err(format!("a second `# TYPE` for `{name}`")),
        },
        _ => Err("`# TYPE` wants a name and a type".into()),
    }
}

/// Name of a line, how long it is with its labels, and its value; the labels go behind those that are there.
fn sample<'a>(line: &'a str, labels: &mut Vec<Label<'a>>) -> Result<(&'a str, usize, f64), String> {
    let (name, rest) = name(line)?;
    let rest = if rest.starts_with('{') { self::labels(rest, labels)? } else { rest };
    let series = line.len() - rest.len();
    let (rest, exemplar) = match memchr::memchr(b'#', rest.as_bytes()) {
        None => (rest, None),
        Some(at) => (rest.get(..at).unwrap_or_default(), rest.get(at + 1..).map(str::trim_start)),
    };
    let value = numbers(rest)?;
    if let Some(exemplar) = exemplar {
        numbers(self::labels(exemplar, &mut Vec::new())?)?;
    }
    Ok((name, series, value))
}

/// A value and perhaps a timestamp, which nobody needs.
fn numbers(text: &str) -> Result<f64, String> {
    if let Some(whole) = text.strip_prefix(' ').and_then(whole_number) {
        return Ok(whole);
    }
    let mut words = text.split_whitespace();
    let number = |word: &str| word.parse::<f64>().map_err(|_| format!("`{word}` is no number"));
    let value = number(words.next().ok_or("a sample without a value")?)?;
    if let Some(timestamp) = words.next() {
        number(timestamp)?;
    }
    match words.next() {
        None => Ok(value),
        Some(word) => Err(format!("`{word}` after value and timestamp")),
    }
}

fn name(text: &str) -> Result<(&str, &str), String> {
    let end = text.bytes().position(|byte| !IN_NAMES[usize::from(byte)]).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(format!("no name at `{}`", text.chars().take(20).collect::<String>()));
    }
    Ok((name, rest))
}

/// `{a="b",…}` behind those that are there, by label; returns what follows.
fn labels<'a>(text: &'a str, labels: &mut Vec<Label<'a>>) -> Result<&'a str, String> {
    let begin = labels.len();
    let mut rest = text.strip_prefix('{').ok_or("labels begin with `{`")?.trim_start();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Ok(after);
        }
        let (label, after) = name(rest)?;
        let quoted = match after.strip_prefix("=\"") {
            Some(quoted) => Some(quoted),
            None => after.trim_start().strip_prefix('=').map(str::trim_start).and_then(|text| text.strip_prefix('"')),
        };
        let (value, after) = quoted_value(quoted.ok_or_else(|| format!("label `{label}` has no quoted value"))?)?;
        let own = labels.get(begin..).unwrap_or_default();
        match own.binary_search_by(|(known, _)| (*known).cmp(label)) {
            Ok(_) => return Err(format!("label `{label}` stands twice")),
            Err(place) => labels.insert(begin + place, (label, value)),
        }
        rest = if after.starts_with([',', '}']) { after } else { after.trim_start() };
        match rest.strip_prefix(',') {
            Some(after) => rest = after.trim_start(),
            None if rest.starts_with('}') => {}
            None => return Err(format!("neither `,` nor `}}` after label `{label}`")),
        }
    }
}

/// The text up to the closing quote, escapes decoded, and what follows.
fn quoted_value(text: &str) -> Result<(Cow<'_, str>, &str), String> {
    let plain = text.bytes().position(|byte| matches!(byte, b'"' | b'\\')).map(|end| text.split_at(end));
    if let Some((value, rest)) = plain
        && let Some(rest) = rest.strip_prefix('"')
    {
        return Ok((Cow::Borrowed(value), rest));
    }
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((index, c)) = chars.next() {
        match c {
            '"' => return Ok((Cow::Owned(value), text.get(index + 1..).unwrap_or_default())),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                Some((_, other)) => return Err(format!("unknown escape `\\{other}`")),
                None => break,
            },
            other => value.push(other),
        }
    }
    Err("a label's value has no closing quote".into())
}

#[cfg(test)]
mod tests;
