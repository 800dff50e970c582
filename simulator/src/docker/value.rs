//! What the engine tells of an object, in its own order, and how Go prints it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// null for JSON: a list, a map or a pointer that was never made, and how Go prints it.
    Nil(&'static str),
    /// The same, of a field that JSON leaves out while it is empty.
    Unset(&'static str),
    /// A truth value.
    Bool(bool),
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// A struct: its fields are known.
    Struct(Vec<(&'static str, Value)>),
    /// A map: any key may be asked for.
    Map(BTreeMap<String, Value>),
}

impl Value {
    /// A text.
    pub fn text(text: impl Into<String>) -> Value {
        Value::Text(text.into())
    }

    /// A list of texts.
    pub fn texts<'a>(texts: impl IntoIterator<Item = &'a String>) -> Value {
        Value::List(texts.into_iter().map(|text| Value::text(text.as_str())).collect())
    }

    /// A map of texts.
    pub fn labels(labels: &BTreeMap<String, String>) -> Value {
        Value::Map(labels.iter().map(|(key, value)| (key.clone(), Value::text(value.as_str()))).collect())
    }

    /// What a key leads to.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Struct(fields) => fields.iter().find(|(name, _)| *name == key).map(|(_, value)| value),
            Value::Map(map) => map.get(key),
            _ => None,
        }
    }

    /// Whether a template takes it for true.
    pub fn holds(&self) -> bool {
        match self {
            Value::Nil(_) | Value::Unset(_) => false,
            Value::Bool(truth) => *truth,
            Value::Number(number) => *number != 0,
            Value::Text(text) => !text.is_empty(),
            Value::List(list) => !list.is_empty(),
            Value::Map(map) => !map.is_empty(),
            Value::Struct(_) => true,
        }
    }

    /// As a template prints it; `None` for a struct, whose printed form shows fields that are not modelled.
    pub fn printed(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Value::Nil(printed) | Value::Unset(printed) => (*printed).into(),
            Value::Bool(truth) => truth.to_string().into(),
            Value::Number(number) => number.to_string().into(),
            Value::Text(text) => text.into(),
            Value::List(list) => {
                let parts = list.iter().map(Value::printed).collect::<Option<Vec<_>>>()?;
                format!("[{}]", parts.join(" ")).into()
            }
            Value::Map(map) => {
                let parts = map
                    .iter()
                    .map(|(key, value)| Some(format!("{key}:{}", value.printed()?)))
                    .collect::<Option<Vec<_>>>()?;
                format!("map[{}]", parts.join(" ")).into()
            }
            Value::Struct(_) => return None,
        })
    }

    /// As encoding/json writes it; with an indent also over lines.
    pub fn json(&self, indent: Option<&str>) -> String {
        let mut out = String::new();
        self.write_json(&mut out, indent, 0);
        out
    }

    fn write_json(&self, out: &mut String, indent: Option<&str>, depth: usize) {
        match self {
            Value::Nil(_) | Value::Unset(_) => out.push_str("null"),
            Value::Bool(truth) => {
                let _ = write!(out, "{truth}");
            }
            Value::Number(number) => {
                let _ = write!(out, "{number}");
            }
            Value::Text(text) => quote(out, text, indent.is_none()),
            Value::List(list) => {
                let items = list.iter().map(|item| (None, item));
                write_items(out, indent, depth, ('[', ']'), items);
            }
            Value::Struct(fields) => {
                let there = fields.iter().filter(|(_, value)| !matches!(value, Value::Unset(_)));
                let items = there.map(|(name, value)| (Some(*name), value));
                write_items(out, indent, depth, ('{', '}'), items);
            }
            Value::Map(map) => {
                let items = map.iter().map(|(name, value)| (Some(name.as_str()), value));
                write_items(out, indent, depth, ('{', '}'), items);
            }
        }
    }
}

fn write_items<'a>(
    out: &mut String,
    indent: Option<&str>,
    depth: usize,
    (open, close): (char, char),
    items: impl Iterator<Item = (Option<&'a str>, &'a Value)>,
) {
    let line = |out: &mut String, depth: usize| {
        if let Some(indent) = indent {
            out.push('\n');
            out.push_str(&indent.repeat(depth));
        }
    };
    out.push(open);
    let mut any = false;
    for (name, value) in items {
        if any {
            out.push(',');
        }
        any = true;
        line(out, depth + 1);
        if let Some(name) = name {
            quote(out, name, indent.is_none());
            out.push_str(if indent.is_some() { ": " } else { ":" });
        }
        value.write_json(out, indent, depth + 1);
    }
    if any {
        line(out, depth);
    }
    out.push(close);
}

/// encoding/json writes `<`, `>`, `&` as `\u00..` unless it is told not to, as `docker inspect` without a format does.
fn quote(out: &mut String, text: &str, html: bool) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' if html => {
                let _ = write!(out, "\\u{:04x}", char as u32);
            }
            control if control < ' ' => {
                let _ = write!(out, "\\u{:04x}", control as u32);
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// RFC 3339 with as many decimals as are needed, as Go's RFC3339Nano; what never was is year 1.
pub fn moment(unix_us: Option<i64>) -> String {
    match unix_us.and_then(|us| Timestamp::from_microsecond(us).ok()) {
        Some(timestamp) => timestamp.to_string(),
        None => "0001-01-01T00:00:00Z".to_owned(),
    }
}

/// RFC 3339 with nine decimals, as `docker logs --timestamps`.
pub fn nanoseconds(unix_us: i64) -> String {
    Timestamp::from_microsecond(unix_us).map_or_else(|_| String::new(), |timestamp| format!("{timestamp:.9}"))
}

/// As lists show when a container was created.
pub fn listed(unix_us: i64) -> String {
    let text = moment(Some(unix_us));
    let second = text.split(['.', 'Z']).next().unwrap_or_default().replace('T', " ");
    format!("{second} +0000 UTC")
}

/// What `--since` means: a duration before now, a date, or seconds since 1970.
///
/// # Errors
/// When it means none of them.
pub fn read_since(text: &str, now_us: i64) -> Result<i64, ()> {
    if let Some(duration) = read_duration(text) {
        return Ok(now_us.saturating_sub(duration));
    }
    if let Ok(seconds) = text.parse::<f64>() {
        #[expect(clippy::cast_possible_truncation, reason = "a float's cast saturates, which is what is wanted")]
        return Ok((seconds * 1e6) as i64);
    }
    let whole = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{text}:00Z"),
        _ if text.ends_with('Z') || text.get(10..).is_some_and(|rest| rest.contains(['+', '-'])) => text.to_owned(),
        _ => format!("{text}Z"),
    };
    whole.parse::<Timestamp>().map(|timestamp| timestamp.as_microsecond()).map_err(drop)
}

/// A Go duration (`1h30m`, `5m`, `10s`, `1.5s`, `200ms`), microseconds.
pub fn read_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    if rest == "0" {
        return Some(0);
    }
    let mut sum = 0_f64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|char: char| !char.is_ascii_digit() && char != '.')?;
        let (number, tail) = rest.split_at(end);
        let number: f64 = number.parse().ok()?;
        let end = tail.find(|char: char| char.is_ascii_digit() || char == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        sum += number
            * match unit {
                "ns" => 1e-3,
                "us" | "µs" => 1.0,
                "ms" => 1e3,
                "s" => 1e6,
                "m" => 60e6,
                "h" => 3600e6,
                _ => return None,
            };
        rest = tail;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a float's cast saturates, which is what is wanted")]
    let us = sum as i64;
    Some(if negative { -us } else { us })
}

/// How long ago, as lists say it (go-units, duration.go).
pub fn human(us: i64) -> String {
    let seconds = us / 1_000_000;
    let (minutes, hours) = (seconds / 60, (seconds + 1800) / 3600);
    match seconds {
        ..1 => "Less than a second".to_owned(),
        1 => "1 second".to_owned(),
        2..60 => format!("{seconds} seconds"),
        _ if minutes == 1 => "About a minute".to_owned(),
        _ if minutes < 60 => format!("{minutes} minutes"),
        _ if hours == 1 => "About an hour".to_owned(),
        _ if hours < 48 => format!("{hours} hours"),
        _ if hours < 24 * 14 => format!("{} days", hours / 24),
        _ if hours < 24 * 60 => format!("{} weeks", hours / 24 / 7),
        _ if hours < 24 * 730 => format!("{} months", hours / 24 / 30),
        _ => format!("{} years", hours / 24 / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_dates_are_gos() {
        for (text, wanted) in [
            ("5m", Some(300_000_000)),
            ("1h30m", Some(5_400_000_000)),
            ("1.5s", Some(1_500_000)),
            ("5", None),
            ("m", None),
        ] {
            assert_eq!(read_duration(text), wanted, "{text}");
        }
        let now = 1_767_225_600_000_000;
        assert_eq!(read_since("5m", now), Ok(now - 300_000_000));
        assert_eq!(read_since("2026-01-01", 0), Ok(now));
        assert_eq!(read_since("2026-01-01T00:00:00.5Z", 0), Ok(now + 500_000));
        assert_eq!(read_since("nonsense", 0), Err(()));
        assert_eq!(moment(Some(now)), "2026-01-01T00:00:00Z");
        assert_eq!(moment(Some(now + 120)), "2026-01-01T00:00:00.00012Z");
        assert_eq!(nanoseconds(now + 120), "2026-01-01T00:00:00.000120000Z");
        assert_eq!(listed(now + 120), "2026-01-01 00:00:00 +0000 UTC");
    }

    #[test]
    fn spans_are_said_as_lists_say_them() {
        for (seconds, wanted) in [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (119, "About a minute"),
            (600, "10 minutes"),
            (3700, "About an hour"),
            (7200, "2 hours"),
            (200_000, "2 days"),
        ] {
            assert_eq!(human(seconds * 1_000_000), wanted);
        }
    }

    #[test]
    fn json_is_written_as_go_writes_it() {
        let value = Value::Struct(vec![
            ("A", Value::List(vec![Value::Number(1), Value::text("0.0.0.0:1->2 \"x\"")])),
            ("B", Value::Map(BTreeMap::new())),
            ("C", Value::Nil("[]")),
        ]);
        assert_eq!(value.json(None), r#"{"A":[1,"0.0.0.0:1-\u003e2 \"x\""],"B":{},"C":null}"#);
        assert_eq!(
            value.json(Some("  ")),
            "{\n  \"A\": [\n    1,\n    \"0.0.0.0:1->2 \\\"x\\\"\"\n  ],\n  \"B\": {},\n  \"C\": null\n}"
        );
    }
}
