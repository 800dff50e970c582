//! Time spans and times as systemd reads and writes them (systemd.time(7)).

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::time::{SECOND, Us};

const MINUTE: Us = 60 * SECOND;
const HOUR: Us = 60 * MINUTE;
const DAY: Us = 24 * HOUR;
const WEEK: Us = 7 * DAY;
/// 30.44 days, as systemd's USEC_PER_MONTH.
const MONTH: Us = 2_629_800 * SECOND;
/// 365.25 days, as systemd's USEC_PER_YEAR.
const YEAR: Us = 31_557_600 * SECOND;

/// Names of units and their microseconds.
const UNITS: [(&str, Us); 33] = [
    ("seconds", SECOND),
    ("second", SECOND),
    ("sec", SECOND),
    ("s", SECOND),
    ("minutes", MINUTE),
    ("minute", MINUTE),
    ("min", MINUTE),
    ("m", MINUTE),
    ("hours", HOUR),
    ("hour", HOUR),
    ("hr", HOUR),
    ("h", HOUR),
    ("days", DAY),
    ("day", DAY),
    ("d", DAY),
    ("weeks", WEEK),
    ("week", WEEK),
    ("w", WEEK),
    ("months", MONTH),
    ("month", MONTH),
    ("M", MONTH),
    ("years", YEAR),
    ("year", YEAR),
    ("y", YEAR),
    ("milliseconds", 1000),
    ("millisecond", 1000),
    ("msec", 1000),
    ("ms", 1000),
    ("microseconds", 1),
    ("microsecond", 1),
    ("usec", 1),
    ("us", 1),
    ("µs", 1),
];

/// A span such as `1min 30s`, `100ms`, `2.5`; a number without a unit counts `unit`s. `infinity` is `Us::MAX`.
pub fn parse(text: &str, unit: Option<Us>) -> Option<Us> {
    let mut rest = text.trim();
    if rest == "infinity" {
        return Some(Us::MAX);
    }
    if rest.is_empty() {
        return None;
    }
    let mut sum: Us = 0;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let after = after.trim_start();
        let letters = after.find(|letter: char| !letter.is_alphabetic()).unwrap_or(after.len());
        let (name, left) = after.split_at(letters);
        let factor = match name {
            "" => unit?,
            name => UNITS.iter().find(|(known, _)| *known == name)?.1,
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let mut amount = whole.parse::<Us>().ok()?.checked_mul(factor)?;
        let mut digit_worth = factor;
        for digit in part.chars() {
            digit_worth /= 10;
            amount = amount.checked_add(Us::from(digit.to_digit(10)?) * digit_worth)?;
        }
        sum = sum.checked_add(amount)?;
        rest = left.trim_start();
    }
    Some(sum)
}

/// A span as systemd prints it, to the millisecond where `accuracy` is 1000.
pub fn format(span: Us, accuracy: Us) -> String {
    const TABLE: [(&str, Us); 9] = [
        ("y", YEAR),
        ("month", MONTH),
        ("w", WEEK),
        ("d", DAY),
        ("h", HOUR),
        ("min", MINUTE),
        ("s", SECOND),
        ("ms", 1000),
        ("us", 1),
    ];
    if span == Us::MAX {
        return "infinity".to_owned();
    }
    if span == 0 {
        return "0".to_owned();
    }
    let mut left = span;
    let mut parts: Vec<String> = Vec::new();
    for (suffix, worth) in TABLE {
        if left == 0 || (left < accuracy && !parts.is_empty()) {
            break;
        }
        if left < worth {
            continue;
        }
        let (whole, rest) = (left / worth, left % worth);
        if left < MINUTE && rest / accuracy.max(1) > 0 && worth == SECOND {
            let width = if accuracy >= 1000 { 3 } else { 6 };
            parts.push(format!("{whole}.{:0width$}", rest / accuracy.max(1)).trim_end_matches('0').to_owned() + suffix);
            break;
        }
        parts.push(format!("{whole}{suffix}"));
        left = rest;
    }
    parts.join(" ")
}

/// How long ago, as `systemctl status` says it.
pub fn ago(span: Us) -> String {
    let text = match span {
        0 => return "now".to_owned(),
        1..1000 => format!("{span}us"),
        1000..SECOND => format!("{}ms", span / 1000),
        SECOND..MINUTE => format!("{}s", span / SECOND),
        MINUTE..300_000_000 => format!("{}min {}s", span / MINUTE, span % MINUTE / SECOND),
        300_000_000..HOUR => format!("{}min", span / MINUTE),
        HOUR..21_600_000_000 => format!("{}h {}min", span / HOUR, span % HOUR / MINUTE),
        21_600_000_000..90_000_000_000 => format!("{}h", span / HOUR),
        90_000_000_000..172_800_000_000 => format!("1 day {}h", (span - DAY) / HOUR),
        _ => format!("{} days", span / DAY),
    };
    text + " ago"
}

/// Civil time in UTC, which is an operator host's zone.
pub fn civil(unix_us: i64) -> DateTime {
    Offset::UTC.to_datetime(Timestamp::from_microsecond(unix_us).unwrap_or(Timestamp::UNIX_EPOCH))
}

/// `Tue`, `Nov`.
pub fn names(time: DateTime) -> (&'static str, &'static str) {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let day = usize::try_from(time.weekday().to_monday_zero_offset()).unwrap_or(0);
    let month = usize::try_from(time.month() - 1).unwrap_or(0);
    (DAYS.get(day).unwrap_or(&""), MONTHS.get(month).unwrap_or(&""))
}

/// `Tue 2026-11-24 22:17:56 UTC`.
pub fn full(unix_us: i64) -> String {
    let time = civil(unix_us);
    format!(
        "{} {:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC",
        names(time).0,
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

/// A moment as `journalctl --since` takes it, in microseconds since 1970; `None` is what systemd does not read either.
pub fn moment(text: &str, now_unix_us: i64) -> Option<i64> {
    let text = text.trim();
    let span = |text: &str| parse(text, None).and_then(|span| i64::try_from(span).ok());
    let midnight = |days: i64| now_unix_us.div_euclid(86_400_000_000).saturating_add(days) * 86_400_000_000;
    match text {
        "now" => return Some(now_unix_us),
        "today" => return Some(midnight(0)),
        "yesterday" => return Some(midnight(-1)),
        "tomorrow" => return Some(midnight(1)),
        _ => {}
    }
    if let Some(span_text) = text.strip_suffix(" ago") {
        return Some(now_unix_us.saturating_sub(span(span_text)?));
    }
    if let Some(span_text) = text.strip_prefix('-') {
        return Some(now_unix_us.saturating_sub(span(span_text)?));
    }
    if let Some(span_text) = text.strip_prefix('+') {
        return Some(now_unix_us.saturating_add(span(span_text)?));
    }
    if let Some(seconds) = text.strip_prefix('@') {
        let us = parse(seconds, Some(SECOND))?;
        return i64::try_from(us).ok();
    }
    let text = text.strip_suffix(" UTC").unwrap_or(text);
    let (date, time) = match text.split_once([' ', 'T']) {
        Some((date, time)) => (Some(date), Some(time)),
        None if text.contains(':') => (None, Some(text)),
        None => (Some(text), None),
    };
    let day = match date {
        Some(date) => date.parse::<jiff::civil::Date>().ok()?,
        None => civil(now_unix_us).date(),
    };
    let clock = match time {
        Some(time) if time.len() == 5 => format!("{time}:00").parse::<jiff::civil::Time>().ok()?,
        Some(time) => time.parse::<jiff::civil::Time>().ok()?,
        None => jiff::civil::Time::midnight(),
    };
    Offset::UTC.to_timestamp(day.to_datetime(clock)).ok().map(Timestamp::as_microsecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_systemd_reads_them() {
        for (text, span) in [
            ("30", Some(30 * SECOND)),
            ("100ms", Some(100_000)),
            ("1min 30s", Some(90 * SECOND)),
            ("1h30min", Some(5400 * SECOND)),
            ("2.5", Some(2_500_000)),
            ("5 minutes", Some(300 * SECOND)),
            ("infinity", Some(Us::MAX)),
            ("5 minuten", None),
            ("", None),
            ("-1", None),
        ] {
            assert_eq!(parse(text, Some(SECOND)), span, "{text}");
        }
    }

    #[test]
    fn spans_are_written_as_systemd_writes_them() {
        // Seen in `systemctl status` and `systemctl show` of systemd 257.
        for (span, text) in [
            (74_075_321, "1min 14.075s"),
            (31_812, "31ms"),
            (90 * SECOND, "1min 30s"),
            (100_000, "100ms"),
            (10 * SECOND, "10s"),
            (Us::MAX, "infinity"),
        ] {
            assert_eq!(format(span, 1000), text);
        }
        for (span, text) in [
            (42_700, "42ms ago"),
            (3 * SECOND + 1, "3s ago"),
            (79 * SECOND, "1min 19s ago"),
            (400 * SECOND, "6min ago"),
            (3_700 * SECOND, "1h 1min ago"),
        ] {
            assert_eq!(ago(span), text);
        }
    }

    #[test]
    fn moments_are_read_as_journalctl_reads_them() {
        let now = 1_795_558_686_000_000; // Tue 2026-11-24 22:18:06 UTC
        assert_eq!(full(now), "Tue 2026-11-24 22:18:06 UTC");
        let minute = 60_000_000;
        for (text, moment_is) in [
            ("5 minutes ago", Some(now - 5 * minute)),
            ("-5m", Some(now - 5 * minute)),
            ("-1h30min", Some(now - 90 * minute)),
            ("1 hour 5 min ago", Some(now - 65 * minute)),
            ("today", Some(1_795_478_400_000_000)),
            ("2026-11-24 22:18:06", Some(now)),
            ("2026-11-24 22:18", Some(now - 6_000_000)),
            ("22:18", Some(now - 6_000_000)),
            ("2026-11-24", Some(1_795_478_400_000_000)),
            ("@1795558686", Some(now)),
            ("10 minutes", None),
            ("5 minuten ago", None),
            ("frobnicate", None),
        ] {
            assert_eq!(moment(text, now), moment_is, "{text}");
        }
    }
}
