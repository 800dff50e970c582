//! Quantities in running text: durations, percentages, status classes and counts, whatever the words round them.

/// A quantity as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity {
    /// The number, or the lower end of a range; in milliseconds for durations.
    pub from: u64,
    /// The upper end of a range.
    pub to: Option<u64>,
    /// Written with a plus: `30+ minutes`.
    pub at_least: bool,
    /// What it counts.
    pub unit: Unit,
    /// Byte offset in the text.
    pub offset: usize,
    /// The words that were read.
    pub text: String,
}

/// What a quantity counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds, seconds, minutes, hours or days, as milliseconds.
    Duration,
    /// `%` or `percent`.
    Percent,
    /// `5xx`: the first digit of an HTTP status.
    StatusClass,
    /// A bare number with the one or two words after it, lower case: `two consecutive fetches`.
    Count(Vec<String>),
}

const NUMBER_WORDS: [(&str, u64); 20] = [
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("eleven", 11),
    ("twelve", 12),
    ("fifteen", 15),
    ("twenty", 20),
    ("thirty", 30),
    ("forty", 40),
    ("forty-five", 45),
    ("fifty", 50),
    ("sixty", 60),
    ("ninety", 90),
];

/// All quantities of a text, in order. A number that cannot be read exactly (`1.5 s`, `1,000 ms`, more than nine
/// digits) is none, so that a claim made of it is missed and refused rather than misread.
pub fn quantities(text: &str) -> Vec<Quantity> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let fresh = text.get(..at).and_then(|before| before.chars().next_back()).is_none_or(begins_after);
        match read(rest).filter(|_| fresh) {
            Some((mut quantity, length)) => {
                quantity.offset = at;
                quantity.text = rest.get(..length).unwrap_or_default().to_owned();
                found.push(quantity);
                at += length.max(1);
            }
            None => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    found
}

/// The quantity that is all of the text, neither a range nor with a plus.
pub fn whole(text: &str) -> Option<Quantity> {
    let mut found = quantities(text);
    let only = found.pop().filter(|_| found.is_empty())?;
    (only.offset == 0 && only.text.len() == text.len() && only.to.is_none() && !only.at_least).then_some(only)
}

/// Whether a number after this character stands for itself; not in `v0.4`, `sev-1`, `:8080`, `0.5` or `1,000`.
fn begins_after(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | '[' | '{' | '\'' | '"' | '`' | '“' | '‘' | '<' | '>' | '≤' | '≥' | '~')
}

/// A quantity at the very beginning, and its length in bytes.
fn read(text: &str) -> Option<(Quantity, usize)> {
    let (from, mut end) = number(text)?;
    let mut to = None;
    for dash in ["-", "–", " - ", " – ", " to "] {
        let after = text.get(end..)?.strip_prefix(dash);
        if let Some((upper, length)) = after.and_then(number) {
            to = Some(upper);
            end += dash.len() + length;
            break;
        }
    }
    let at_least = text.get(end..)?.starts_with('+');
    end += usize::from(at_least);
    let rest = text.get(end..)?;
    let blank = usize::from(rest.starts_with([' ', '-']));
    let after = rest.get(blank..)?;
    let word = word(after);
    let (unit, scale, length) = match (word, blank) {
        ("xx", 0) if to.is_none() && !at_least && (1..=5).contains(&from) => (Unit::StatusClass, 1, 2),
        ("xx", _) => return None,
        _ => match (scale(word), after.starts_with('%')) {
            (Some(scale), _) => (Unit::Duration, scale, blank + word.len()),
            (None, true) => (Unit::Percent, 1, blank + 1),
            (None, false) if word == "percent" => (Unit::Percent, 1, blank + word.len()),
            (None, false) if rest.starts_with(|c: char| c.is_alphanumeric()) => return None,
            (None, false) => count(rest),
        },
    };
    let quantity = Quantity {
        from: from.checked_mul(scale)?,
        to: match to {
            Some(to) => Some(to.checked_mul(scale)?),
            None => None,
        },
        at_least,
        unit,
        offset: 0,
        text: String::new(),
    };
    Some((quantity, end + length))
}

/// Milliseconds of one such unit.
fn scale(word: &str) -> Option<u64> {
    Some(match word.to_ascii_lowercase().as_str() {
        "ms" | "msec" | "millisecond" | "milliseconds" => 1,
        "s" | "sec" | "secs" | "second" | "seconds" => 1_000,
        "min" | "mins" | "minute" | "minutes" => 60_000,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600_000,
        "day" | "days" => 86_400_000,
        _ => return None,
    })
}

/// A bare number: the words after it say what it counts.
fn count(rest: &str) -> (Unit, u64, usize) {
    let mut words = Vec::new();
    let mut length = 0;
    for _ in 0..2 {
        let Some(after) = rest.get(length..).and_then(|rest| rest.strip_prefix(' ')) else { break };
        let next = word(after);
        if next.is_empty() {
            break;
        }
        words.push(next.to_lowercase());
        length += 1 + next.len();
    }
    (Unit::Count(words), 1, length)
}

/// The letters at the beginning; empty if a digit or underscore follows them.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len());
    let torn = text.get(end..).is_some_and(|rest| rest.starts_with(|c: char| c.is_numeric() || c == '_'));
    if torn { "" } else { text.get(..end).unwrap_or_default() }
}

/// Digits or a number word at the beginning, and their length.
fn number(text: &str) -> Option<(u64, usize)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    if digits > 0 {
        let mut after = text.get(digits..)?.chars();
        let broken = matches!(after.next(), Some('.' | ',')) && after.next().is_some_and(|c| c.is_ascii_digit());
        return if digits > 9 || broken { None } else { Some((text.get(..digits)?.parse().ok()?, digits)) };
    }
    let spelled = NUMBER_WORDS.iter().rev().find(|(name, _)| {
        let same = text.get(..name.len()).is_some_and(|word| word.eq_ignore_ascii_case(name));
        same && !text.get(name.len()..).is_some_and(|rest| rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    })?;
    Some((spelled.1, spelled.0.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let shown = |q: &Quantity| {
            let to = q.to.map(|to| format!("..{to}")).unwrap_or_default();
            let plus = if q.at_least { "+" } else { "" };
            let unit = match &q.unit {
                Unit::Duration => "ms".to_owned(),
                Unit::Percent => "%".to_owned(),
                Unit::StatusClass => "xx".to_owned(),
                Unit::Count(words) => format!(" {}", words.join(" ")),
            };
            assert_eq!(text.get(q.offset..q.offset + q.text.len()), Some(q.text.as_str()));
            format!("{}{to}{plus}{unit}", q.from)
        };
        quantities(text).iter().map(shown).collect()
    }

    #[test]
    fn a_whole_text_is_one_quantity_or_none() {
        for (text, wanted) in [("24 hours", Some(86_400_000)), ("10%", Some(10)), ("1 day", Some(86_400_000))] {
            assert_eq!(whole(text).map(|quantity| quantity.from), wanted, "{text:?}");
        }
        for text in
            ["", "24", " 24 hours", "24 hours ", "24 hours 1 s", "5-15 minutes", "30+ minutes", "1.5 hours", "-1 s"]
        {
            let found = whole(text).filter(|quantity| !matches!(quantity.unit, Unit::Count(_)));
            assert_eq!(found, None, "{text:?}");
        }
    }

    #[test]
    fn quantities_are_found_whatever_the_words_round_them() {
        let cases: [(&str, &[&str]); 34] = [
            ("within 60 seconds of", &["60000ms"]),
            ("within 60 s.", &["60000ms"]),
            ("in 60s, then", &["60000ms"]),
            ("Sixty seconds", &["60000ms"]),
            ("1 minute", &["60000ms"]),
            ("a 24-hour window", &["86400000ms"]),
            ("well under 10 ms per", &["10ms"]),
            ("10 milliseconds", &["10ms"]),
            ("30+ minutes", &["1800000+ms"]),
            ("(5-15 seconds)", &["5000..15000ms"]),
            ("5–15 minutes", &["300000..900000ms"]),
            ("5 – 15 minutes", &["300000..900000ms"]),
            ("from 5 to 15 minutes", &["300000..900000ms"]),
            ("--since '5 minutes ago'", &["300000ms"]),
            ("more than 50% in a 24-hour window", &["50%", "86400000ms"]),
            ("50 percent, 7 %", &["50%", "7%"]),
            ("calls return 5xx for", &["5xx"]),
            ("5 xx", &[]),
            ("7xx", &[]),
            ("two consecutive fetches", &["2 consecutive fetches"]),
            ("2 fetches", &["2 fetches"]),
            ("must return 200.", &["200 "]),
            ("1.5 s", &[]),
            ("1,000 ms", &[]),
            ("12345678901 s", &[]),
            ("sev-1 at v0.3.8 and :8080/x", &[]),
            ("head -20", &[]),
            ("60 secondsx 60 s_ 60 s2", &["60 secondsx", "60 ", "60 "]),
            ("someone twofold", &[]),
            ("one of", &["1 of"]),
            ("999999999 hours", &["3599999996400000ms"]),
            ("forty-five minutes", &["2700000ms"]),
            ("", &[]),
            ("— 5 –", &["5 "]),
        ];
        for (text, wanted) in cases {
            assert_eq!(shown(text), wanted, "{text:?}");
        }
    }
}
