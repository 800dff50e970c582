//! Reads the text in which a node exposes its metrics (Prometheus and OpenMetrics).
//!
//! Strict but for one thing: the text may end after any whole line, because the runbook looks at the first lines only.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// One series: a name and its labels, whatever order they were written in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series<'a> {
    /// Sample name, such as `http_requests_total`.
    pub name: &'a str,
    /// Labels, escapes decoded.
    pub labels: Labels<'a>,
}

/// Labels and their values, by label. A series has a handful, so they stand in a row.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Labels<'a>(Vec<(&'a str, Cow<'a, str>)>);

impl Labels<'_> {
    /// The value of one.
    pub fn get(&self, label: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == label).map(|(_, value)| value.as_ref())
    }
}

impl std::fmt::Debug for Labels<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(label, value)| (label, value))).finish()
    }
}

/// All samples of a text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples<'a> {
    series: BTreeMap<Series<'a>, f64>,
    types: BTreeMap<&'a str, &'a str>,
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
        self.series.get(series).copied()
    }

    /// All series and values, ordered by name and labels.
    pub fn iter(&self) -> impl Iterator<Item = (&Series<'a>, f64)> {
        self.series.iter().map(|(series, value)| (series, *value))
    }

    /// The series that a `# TYPE` line declares as counters. OpenMetrics declares the name without `_total`.
    pub fn counters(&self) -> impl Iterator<Item = (&Series<'a>, f64)> {
        self.iter().filter(|(series, _)| {
            let family = series.name.strip_suffix("_total").unwrap_or(series.name);
            [series.name, family].iter().any(|name| self.types.get(name).is_some_and(|kind| *kind == "counter"))
        })
    }

    /// Sum over the series of this name that carry all these labels; `None` where there is none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let mut found = None;
        let first = Series { name, labels: Labels::default() };
        for (series, value) in self.series.range(first..).take_while(|(series, _)| series.name == name) {
            let matches = |(label, wanted): &(&str, &str)| series.labels.get(label).is_some_and(|is| is == *wanted);
            if labels.iter().all(matches) {
                found = Some(found.unwrap_or(0.0) + value);
            }
        }
        found
    }
}

/// Reads a text.
///
/// # Errors
/// The first line that is neither comment nor sample, a series that stands twice, a last line without its end (it may be
/// cut in the middle of a number), or anything after `# EOF`.
pub fn parse(text: &str) -> Result<Samples<'_>, ExpositionError> {
    let mut samples = Samples::default();
    let mut ended = false;
    for (index, whole) in text.split_inclusive('\n').enumerate() {
        let at = |reason: String| ExpositionError { line: index + 1, reason };
        let line = whole.strip_suffix('\n');
        let line = line.map(|line| line.strip_suffix('\r').unwrap_or(line));
        if ended {
            return Err(at("text after `# EOF`".into()));
        }
        match line {
            None if whole == "# EOF" => ended = true,
            None => return Err(at("the last line has no end: it may be cut".into())),
            Some("# EOF") => ended = true,
            Some(line) if line.trim().is_empty() => {}
            Some(line) if line.starts_with('#') => comment(line, &mut samples).map_err(at)?,
            Some(line) => {
                let (series, value) = sample(line).map_err(at)?;
                let name = series.name;
                if samples.series.insert(series, value).is_some() {
                    return Err(at(format!("`{name}` with the same labels stands twice")));
                }
            }
        }
    }
    Ok(samples)
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

fn sample(line: &str) -> Result<(Series<'_>, f64), String> {
    let (name, rest) = name(line)?;
    let (labels, rest) = if rest.starts_with('{') { labels(rest)? } else { (Labels::default(), rest) };
    let (rest, exemplar) = match rest.split_once('#') {
        None => (rest, None),
        Some((rest, exemplar)) => (rest, Some(exemplar.trim_start())),
    };
    let value = numbers(rest)?;
    if let Some(exemplar) = exemplar {
        let (_, rest) = self::labels(exemplar)?;
        numbers(rest)?;
    }
    Ok((Series { name, labels }, value))
}

/// A value and perhaps a timestamp, which nobody needs.
fn numbers(text: &str) -> Result<f64, String> {
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
    let is_name =
        |index: usize, c: u8| c.is_ascii_alphabetic() || c == b'_' || c == b':' || (index > 0 && c.is_ascii_digit());
    let end = text.bytes().enumerate().find(|(index, c)| !is_name(*index, *c)).map_or(text.len(), |(index, _)| index);
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return Err(format!("no name at `{}`", text.chars().take(20).collect::<String>()));
    }
    Ok((name, rest))
}

/// `{a="b",…}`, and what follows.
fn labels(text: &str) -> Result<(Labels<'_>, &str), String> {
    let mut labels: Vec<(&str, Cow<'_, str>)> = Vec::with_capacity(4);
    let mut rest = text.strip_prefix('{').ok_or("labels begin with `{`")?.trim_start();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((Labels(labels), after));
        }
        let (label, after) = name(rest)?;
        let quoted = after.trim_start().strip_prefix('=').map(str::trim_start).and_then(|text| text.strip_prefix('"'));
        let (value, after) = quoted_value(quoted.ok_or_else(|| format!("label `{label}` has no quoted value"))?)?;
        match labels.binary_search_by(|(known, _)| (*known).cmp(label)) {
            Ok(_) => return Err(format!("label `{label}` stands twice")),
            Err(place) => labels.insert(place, (label, value)),
        }
        rest = after.trim_start();
        match rest.strip_prefix(',') {
            Some(after) => rest = after.trim_start(),
            None if rest.starts_with('}') => {}
            None => return Err(format!("neither `,` nor `}}` after label `{label}`")),
        }
    }
}

/// The text up to the closing quote, escapes decoded, and what follows.
fn quoted_value(text: &str) -> Result<(Cow<'_, str>, &str), String> {
    match text.split_once('"') {
        Some((value, rest)) if !value.contains('\\') => return Ok((Cow::Borrowed(value), rest)),
        _ => {}
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
mod tests {
    use super::*;

    const TEXT: &str = "# HELP requests All of them.\n# TYPE requests counter\n\
        requests_total{route=\"/a\",status=\"200\"} 3\nrequests_total{status=\"500\",route=\"/a\"} 1 1700000000\n\
        # TYPE in_flight gauge\nin_flight 1\n# TYPE old_total counter\nold_total{note=\"a\\\"b\\\\c\\nd\"} 2.5\n# EOF\n";

    #[test]
    fn reads_series_labels_and_types() {
        let samples = parse(TEXT).unwrap();
        assert_eq!(samples.sum("requests_total", &[("route", "/a")]), Some(4.0));
        assert_eq!(samples.sum("requests_total", &[("status", "500")]), Some(1.0));
        assert_eq!(samples.sum("requests_total", &[("status", "404")]), None);
        let counters: Vec<&str> = samples.counters().map(|(series, _)| series.name).collect();
        assert_eq!(counters, ["old_total", "requests_total", "requests_total"]);
        let old = samples.iter().find(|(series, _)| series.name == "old_total").unwrap().0;
        assert_eq!(old.labels.get("note"), Some("a\"b\\c\nd"));
        assert_eq!(samples.get(old), Some(2.5));
    }

    #[test]
    fn any_number_of_whole_first_lines_can_be_read() {
        let lines: Vec<&str> = TEXT.split_inclusive('\n').collect();
        for count in 0..=lines.len() {
            assert!(parse(&lines[..count].concat()).is_ok(), "{count} lines");
        }
    }

    #[test]
    fn what_is_no_exposition_is_refused_with_its_line() {
        let cases = [
            ("a 1\na 2\n", 2, "stands twice"),
            ("a 1\nb 2", 2, "no end"),
            ("# EOF\na 1\n", 2, "after `# EOF`"),
            ("{\"error\":\"unauthorized\"}\n", 1, "no name"),
            ("a{b=\"c} 1\n", 1, "no closing quote"),
            ("a{b=\"c\\x\"} 1\n", 1, "unknown escape"),
            ("a{b=\"c\",b=\"d\"} 1\n", 1, "stands twice"),
            ("a{b=\"c\"d=\"e\"} 1\n", 1, "neither"),
            ("a{b=c} 1\n", 1, "no quoted value"),
            ("a\n", 1, "without a value"),
            ("a one\n", 1, "no number"),
            ("a 1 2 3\n", 1, "after value"),
            ("# TYPE a\n", 1, "wants a name"),
            ("# TYPE a counter\n# TYPE a gauge\n", 2, "second"),
        ];
        for (text, line, reason) in cases {
            let error = parse(text).unwrap_err();
            assert_eq!(error.line, line, "{text:?}: {error}");
            assert!(error.reason.contains(reason), "{text:?}: {error}");
        }
    }

    #[test]
    fn special_values_and_exemplars_are_read() {
        let samples = parse("a +Inf\nb NaN\nc_bucket{le=\"1\"} 4 # {trace=\"x\"} 0.5 12\n").unwrap();
        assert_eq!(samples.sum("a", &[]), Some(f64::INFINITY));
        assert!(samples.sum("b", &[]).unwrap().is_nan());
        assert_eq!(samples.sum("c_bucket", &[("le", "1")]), Some(4.0));
    }
}
