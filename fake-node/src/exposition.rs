//! Reads a metrics exposition: the text format as node-contract.md section 3 describes it, exactly or not at all.
//!
//! The crates that do this drop lines that they do not understand; a client that decides by metrics must not.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// Largest exposition read, in bytes.
pub const TEXT_MAX: usize = 1 << 20;
/// Most samples read.
pub const SAMPLES_MAX: usize = 20_000;

/// One sample line.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Name, e.g. `tensor_wasm_http_requests_total`.
    pub name: String,
    /// Labels with their escapes undone.
    pub labels: BTreeMap<String, String>,
    /// Value; counters of the node are whole numbers below 2^53.
    pub value: f64,
}

/// A sample line whose words stand in the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Line<'a> {
    /// Name.
    pub name: &'a str,
    /// Labels in the order of the text, their escapes undone.
    labels: Vec<(&'a str, Cow<'a, str>)>,
    /// Value.
    pub value: f64,
}

impl Line<'_> {
    /// The value of a label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_ref())
    }
}

impl From<Line<'_>> for Sample {
    fn from(line: Line<'_>) -> Sample {
        let labels = line.labels.into_iter().map(|(name, value)| (name.to_owned(), value.into_owned())).collect();
        Sample { name: line.name.to_owned(), labels, value: line.value }
    }
}

/// Why a text is no exposition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpositionError {
    /// A line is not what it should be.
    #[error("metrics line {line} is {problem}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// The last line is missing: the text was cut.
    #[error("metrics end after line {0} without `# EOF`: the answer was cut")]
    Cut(usize),
    /// It is over [`TEXT_MAX`] or [`SAMPLES_MAX`].
    #[error("metrics are larger than 1048576 bytes or 20000 samples")]
    TooLarge,
}

/// Reads a whole exposition; it must end with `# EOF`.
///
/// # Errors
/// [`ExpositionError`] with the line for anything that is not a comment, an empty line or a sample.
pub fn parse(text: &str) -> Result<Vec<Sample>, ExpositionError> {
    Ok(read(text)?.into_iter().map(Sample::from).collect())
}

/// The same, of samples that are not kept.
///
/// # Errors
/// As [`parse`].
pub fn read(text: &str) -> Result<Vec<Line<'_>>, ExpositionError> {
    if text.len() > TEXT_MAX {
        return Err(ExpositionError::TooLarge);
    }
    let mut samples = Vec::new();
    let mut ended = false;
    let (mut lines, mut rest) = (0, text);
    while !rest.is_empty() {
        let index = lines;
        let end = memchr::memchr(b'\n', rest.as_bytes());
        let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
        let line = if end.is_some() { line.strip_suffix('\r').unwrap_or(line) } else { line };
        (lines, rest) = (lines + 1, after.strip_prefix('\n').unwrap_or(after));
        let problem = |problem| ExpositionError::Line { line: index + 1, problem };
        if ended {
            return Err(problem("after `# EOF`"));
        }
        if line == "# EOF" {
            ended = true;
        } else if !line.is_empty() && !line.starts_with("# ") {
            if samples.len() >= SAMPLES_MAX {
                return Err(ExpositionError::TooLarge);
            }
            samples.push(sample(line).map_err(problem)?);
        }
    }
    if ended { Ok(samples) } else { Err(ExpositionError::Cut(lines)) }
}

fn sample(line: &str) -> Result<Line<'_>, &'static str> {
    let (name, rest) = name(line, true);
    if name.is_empty() {
        return Err("neither a comment nor a sample");
    }
    let mut labels: Vec<(&str, Cow<'_, str>)> = Vec::new();
    let mut rest = rest;
    if let Some(mut inside) = rest.strip_prefix('{') {
        labels.reserve(4);
        rest = loop {
            if let Some(after) = inside.strip_prefix('}') {
                break after;
            }
            let (key, after) = self::name(inside, false);
            let after = after.strip_prefix("=\"").filter(|_| !key.is_empty()).ok_or("a sample with a bad label")?;
            let (text, after) = quoted(after).ok_or("a sample with an unended label value")?;
            if labels.iter().any(|(known, _)| *known == key) {
                return Err("a sample with the same label twice");
            }
            labels.push((key, text));
            inside = match after.strip_prefix(',') {
                Some(more) => more,
                None if after.starts_with('}') => after,
                None => return Err("a sample with bad labels"),
            };
        };
    }
    let text = rest.strip_prefix(' ').ok_or("a sample without a value")?;
    let value = match text {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        _ => match whole_number(text) {
            Some(whole) => whole,
            // Rust's own words for these are not the format's.
            None if !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) => {
                return Err("a sample whose value is not a number");
            }
            None => text.parse().map_err(|_| "a sample whose value is not a number")?,
        },
    };
    Ok(Line { name, labels, value })
}

/// What most values are: digits alone, and so few that a float has them exactly. `None` for all else.
#[must_use]
pub fn whole_number(text: &str) -> Option<f64> {
    const DIGITS_MAX: usize = 15;
    let digits = !text.is_empty() && text.len() <= DIGITS_MAX && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.bytes().fold(0, |number: u64, digit| number * 10 + u64::from(digit - b'0')) as f64)
}

/// Which bytes stand in names of metrics, by the byte; in those of labels a colon does not.
pub const IN_NAMES: [bool; 256] = {
    let mut all = [false; 256];
    let mut byte = 0;
    while byte < all.len() {
        all[byte] = matches!(byte as u8, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b':');
        byte += 1;
    }
    all
};

fn name(text: &str, colon: bool) -> (&str, &str) {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return ("", text);
    }
    let end = text.bytes().position(|c| !IN_NAMES[usize::from(c)] || !colon && c == b':');
    text.split_at(end.unwrap_or(text.len()))
}

/// The text up to the closing quote, and what follows.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = text.bytes().position(|byte| matches!(byte, b'"' | b'\\'))?;
    let (value, rest) = text.split_at(end);
    if let Some(rest) = rest.strip_prefix('"') {
        return Some((Cow::Borrowed(value), rest));
    }
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((Cow::Owned(out), text.get(at + 1..)?)),
            '\\' => match chars.next()?.1 {
                'n' => out.push('\n'),
                c @ ('\\' | '"') => out.push(c),
                _ => return None,
            },
            c => out.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn samples_and_their_labels() {
        let text =
            "# HELP a b.\n# TYPE a counter\na_total 3\n\nb{x=\"1,\\\"}\\\\\\n\",le=\"+Inf\"} 0.00002\nc{} 1e3\n# EOF\n";
        let samples = parse(text).unwrap();
        assert_eq!(samples.len(), 3);
        assert_eq!((samples[0].name.as_str(), samples[0].value), ("a_total", 3.0));
        assert_eq!(samples[1].labels["x"], "1,\"}\\\n");
        assert_eq!(samples[2].value, 1000.0);
    }

    #[test]
    fn anything_else_names_its_line() {
        for (text, words) in [
            ("", "end after line 0 without `# EOF`"),
            ("a 1\n", "end after line 1 without `# EOF`"),
            ("a 1\ngarbage line here\n# EOF\n", "line 2 is a sample whose value"),
            ("<html>\n", "line 1 is neither"),
            ("#EOF\n", "line 1 is neither"),
            ("a{x} 1\n", "bad label"),
            ("a{x=\"1} 1\n", "unended label value"),
            ("a{x=\"1\" 1\n", "bad labels"),
            ("a{x=\"1\",x=\"2\"} 1\n", "twice"),
            ("a nan\n", "not a number"),
            ("a infinity\n", "not a number"),
            ("a\n", "without a value"),
            ("# EOF\na 1\n", "line 2 is after"),
        ] {
            let said = parse(text).unwrap_err().to_string();
            assert!(said.contains(words), "{text:?}: {said}");
        }
        assert_eq!(parse(&"a".repeat(TEXT_MAX + 1)), Err(ExpositionError::TooLarge));
        assert_eq!(parse(&"a 1\n".repeat(SAMPLES_MAX + 1)), Err(ExpositionError::TooLarge));
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in "\\PC{0,80}", line in "[a{}\"=, \\\\0-9é]{0,30}") {
            let _ = parse(&text);
            let _ = parse(&format!("{line}\n# EOF\n"));
        }
    }
}
