//! date (coreutils 9.7), UTC, locale C.

use super::calendar::{Civil, civil, days_of};
use super::common::{fail, finish, quote, usage};
use super::options::{Options, unmodelled};
use super::{Call, Program};
use crate::Run;
use crate::machine::Machine;
use crate::machine::users::ROOT;

const OPTIONS: Options = Options {
    short: "ud:I::Rα:",
    long: &[("utc", 'u'), ("universal", 'u'), ("date", 'd'), ("iso-8601", 'I'), ("rfc-email", 'R'), ("rfc-3339", 'α')],
    unmodelled: "frs",
    ..Options::NONE
};
/// What time it is.
pub const DATE: Program = Program { name: "date", in_sbin: false, run: date, knows: |words| OPTIONS.know(words) };

/// A format filled in; `Err` names what the model lacks.
fn formatted(format: &str, at: Civil, nanos: u32) -> Result<String, String> {
    let mut text = String::new();
    let mut letters = format.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            text.push(letter);
            continue;
        }
        let mut raw = String::from("%");
        let mut take = |letters: &mut std::iter::Peekable<std::str::Chars<'_>>, of: &str| {
            let letter = letters.next_if(|letter| of.contains(*letter));
            raw.extend(letter);
            letter
        };
        let flag = take(&mut letters, "-_0^#");
        let mut width = String::new();
        while let Some(digit) = take(&mut letters, "0123456789") {
            width.push(digit);
        }
        let mut colons = 0;
        while take(&mut letters, ":").is_some() {
            colons += 1;
        }
        let Some(letter) = letters.next() else {
            text.push_str(&raw);
            break;
        };
        raw.push(letter);
        let hour12 = if at.hour.is_multiple_of(12) { 12 } else { at.hour % 12 };
        let number = |value: i64, digits: usize, pad: char| Part::Number(value, digits, pad);
        let words = |text: &str| Part::Text(text.to_owned());
        let again = |format: &str| formatted(format, at, nanos).map(Part::Text);
        let (iso_year, iso_week) = at.iso_week();
        let of_year = i64::from(at.day_of_year);
        let part = match letter {
            '%' => words("%"),
            'n' => words("\n"),
            't' => words("\t"),
            'a' => words(at.day_in_full().get(..3).unwrap_or_default()),
            'A' => words(at.day_in_full()),
            'b' | 'h' => words(at.month_name()),
            'B' => words(at.month_in_full()),
            'c' => again("%a %b %e %H:%M:%S %Y")?,
            'C' => number(at.year.div_euclid(100), 2, '0'),
            'd' => number(at.day.into(), 2, '0'),
            'D' | 'x' => again("%m/%d/%y")?,
            'e' => number(at.day.into(), 2, ' '),
            'F' => again("%Y-%m-%d")?,
            'g' => number(iso_year.rem_euclid(100), 2, '0'),
            'G' => number(iso_year, 4, '0'),
            'H' => number(at.hour.into(), 2, '0'),
            'I' => number(hour12.into(), 2, '0'),
            'j' => number(of_year, 3, '0'),
            'k' => number(at.hour.into(), 2, ' '),
            'l' => number(hour12.into(), 2, ' '),
            'm' => number(at.month.into(), 2, '0'),
            'M' => number(at.minute.into(), 2, '0'),
            'N' => {
                let digits = width.parse().unwrap_or(9).min(9);
                text.push_str(format!("{nanos:09}").get(..digits).unwrap_or_default());
                continue;
            }
            'p' => words(if at.hour < 12 { "AM" } else { "PM" }),
            'P' => words(if at.hour < 12 { "am" } else { "pm" }),
            'q' => number(i64::from((at.month - 1) / 3 + 1), 1, '0'),
            'r' => again("%I:%M:%S %p")?,
            'R' => again("%H:%M")?,
            's' => number(at.unix, 1, '0'),
            'S' => number(at.second.into(), 2, '0'),
            'T' | 'X' => again("%H:%M:%S")?,
            'u' => number(i64::from((at.weekday + 6) % 7 + 1), 1, '0'),
            'U' => number((of_year + 6 - i64::from(at.weekday)) / 7, 2, '0'),
            'V' => number(iso_week, 2, '0'),
            'w' => number(at.weekday.into(), 1, '0'),
            'W' => number((of_year + 6 - i64::from((at.weekday + 6) % 7)) / 7, 2, '0'),
            'y' => number(at.year.rem_euclid(100), 2, '0'),
            'Y' => number(at.year, 4, '0'),
            'Z' => words("UTC"),
            'z' => match colons {
                0 => words("+0000"),
                1 => words("+00:00"),
                2 => words("+00:00:00"),
                _ => words("+00"),
            },
            'E' | 'O' => return Err(format!("the format {raw}")),
            _ => {
                text.push_str(&raw);
                continue;
            }
        };
        let width: Option<usize> = width.parse().ok().map(|width: usize| width.min(1024));
        text.push_str(&match part {
            Part::Text(shown) => {
                let shown = if matches!(flag, Some('^')) { shown.to_uppercase() } else { shown };
                format!("{shown:>0$}", width.unwrap_or(0))
            }
            Part::Number(value, digits, pad) => {
                let pad = match flag {
                    Some('_') => ' ',
                    Some('0') => '0',
                    _ => pad,
                };
                match (flag, pad) {
                    (Some('-'), _) => value.to_string(),
                    (_, ' ') => format!("{value:>0$}", width.unwrap_or(digits)),
                    _ => format!("{value:00$}", width.unwrap_or(digits)),
                }
            }
        });
    }
    Ok(text)
}

enum Part {
    Text(String),
    /// Value, digits, padding.
    Number(i64, usize, char),
}

/// What `-d` means: nanoseconds since 1970. `Ok(None)` is no date.
fn moment(text: &str, now: i128) -> Result<Option<i128>, String> {
    const NANO: i128 = 1_000_000_000;
    let text = text.trim();
    if let Some(number) = text.strip_prefix('@') {
        return Ok(decimal_nanos(number));
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        [] | ["now" | "today"] => {
            return Ok(Some(if words.is_empty() { now - now.rem_euclid(86_400 * NANO) } else { now }));
        }
        ["yesterday"] => return Ok(Some(now - 86_400 * NANO)),
        ["tomorrow"] => return Ok(Some(now + 86_400 * NANO)),
        [count, unit, rest @ ..] if rest.is_empty() || rest == ["ago"] => {
            if let Ok(count) = count.trim_start_matches('+').parse::<i64>() {
                let seconds = match unit.trim_end_matches('s') {
                    "sec" | "second" => 1,
                    "min" | "minute" => 60,
                    "hour" => 3600,
                    "day" => 86_400,
                    "week" => 7 * 86_400,
                    _ => return Err(format!("the date '{text}'")),
                };
                let by = i128::from(count) * seconds * NANO;
                return Ok(Some(if rest.is_empty() { now + by } else { now - by }));
            }
        }
        _ => {}
    }
    if let Some(found) = iso(text) {
        return Ok(Some(found));
    }
    // GNU's grammar of dates is wide; what begins like one may be one.
    let plausible = text.chars().any(|letter| letter.is_ascii_digit());
    let words = [
        "mon", "tue", "wed", "thu", "fri", "sat", "sun", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep",
        "oct", "nov", "dec", "last", "next", "this", "noon", "midnight", "ago",
    ];
    let lower = text.to_lowercase();
    if plausible
        || words
            .iter()
            .any(|word| lower.split(|letter: char| !letter.is_alphabetic()).any(|part| part.starts_with(word)))
    {
        return Err(format!("the date '{text}'"));
    }
    Ok(None)
}

/// `2026-01-01`, `2026-01-01 00:00[:00][Z| UTC]`, with a T between them.
fn iso(text: &str) -> Option<i128> {
    let text = text.trim_end_matches(" UTC").trim_end_matches('Z').trim_end();
    let (date, time) = match text.find([' ', 'T']) {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?),
        None => (text, "00:00:00"),
    };
    let numbers = |text: &str, by: char| text.split(by).map(str::parse::<u32>).collect::<Result<Vec<_>, _>>().ok();
    let date = numbers(date, '-')?;
    let time = numbers(time, ':')?;
    let ([year, month, day], (hour, minute, second)) = (
        <[u32; 3]>::try_from(date).ok()?,
        match time.as_slice() {
            [hour, minute] => (*hour, *minute, 0),
            [hour, minute, second] => (*hour, *minute, *second),
            _ => return None,
        },
    );
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 61;
    let seconds = days_of(year.into(), month, day) * 86_400 + i64::from(hour * 3600 + minute * 60 + second);
    let same = civil(seconds).day == day;
    (is_date && same).then_some(i128::from(seconds) * 1_000_000_000)
}

fn decimal_nanos(text: &str) -> Option<i128> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let negative = whole.starts_with('-');
    let whole: i64 = whole.parse().ok()?;
    if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanos: i128 = format!("{part:0<9}").get(..9)?.parse().ok()?;
    let whole = i128::from(whole) * 1_000_000_000;
    Some(if negative { whole - nanos } else { whole + nanos })
}

fn date(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    let mut format = match (given.value('α'), given.has('I').then(|| given.value('I').unwrap_or("date"))) {
        (Some("date"), _) | (_, Some("date")) => Some("%F"),
        (Some("seconds"), _) => Some("%F %T%:z"),
        (Some("ns"), _) => Some("%F %T.%N%:z"),
        (_, Some("hours")) => Some("%FT%H%:z"),
        (_, Some("minutes")) => Some("%FT%H:%M%:z"),
        (_, Some("seconds" | "s")) => Some("%FT%T%:z"),
        (_, Some("ns")) => Some("%FT%T,%N%:z"),
        (Some(other), _) | (_, Some(other)) => return Err(unmodelled(call, other)),
        (None, None) => given.has('R').then_some("%a, %d %b %Y %T %z"),
    };
    match given.operands.as_slice() {
        [] => {}
        [own] if own.starts_with('+') && format.is_none() => format = own.get(1..),
        [own] if own.starts_with('+') => {
            fail(machine, call, "multiple output formats specified")?;
            return Ok(1);
        }
        [time] if given.has('d') => {
            let message = format!(
                "the argument {} lacks a leading '+';\nwhen using an option to specify date(s), any non-option\n\
                 argument must be a format string beginning with '+'",
                quote(time)
            );
            return usage(machine, call, &message, 1);
        }
        [time] => {
            let set = call.context.user == ROOT && time.len() >= 8 && time.bytes().all(|byte| byte.is_ascii_digit());
            if set {
                return Err(unmodelled(call, "setting the clock"));
            }
            fail(machine, call, &format!("invalid date {}", quote(time)))?;
            return Ok(1);
        }
        [_, extra, ..] => return usage(machine, call, &format!("extra operand {}", quote(extra)), 1),
    }
    let now = i128::from(machine.unix_us()) * 1000;
    let nanos = match given.value('d').map(|text| (text, moment(text, now))) {
        None => now,
        Some((_, Ok(Some(at)))) => at,
        Some((text, Ok(None))) => {
            fail(machine, call, &format!("invalid date {}", quote(text)))?;
            return Ok(1);
        }
        Some((_, Err(what))) => return Err(unmodelled(call, &what)),
    };
    let seconds = i64::try_from(nanos.div_euclid(1_000_000_000)).unwrap_or(i64::MAX / 4);
    let part = u32::try_from(nanos.rem_euclid(1_000_000_000)).unwrap_or(0);
    let text = formatted(format.unwrap_or("%a %b %e %H:%M:%S UTC %Y"), civil(seconds), part);
    match text {
        Ok(text) => finish(machine, call, format!("{text}\n").as_bytes(), 0),
        Err(what) => Err(unmodelled(call, &what)),
    }
}

#[cfg(test)]
mod tests {
    use crate::programs::common::tests::{machine, run, same_as_real};

    #[test]
    fn the_machine_has_its_own_clock() {
        let mut machine = machine();
        machine.now = 3_723_456_789;
        // The start of a program takes its time, too.
        machine.calibration.programs.spawn_us = 0;
        let cases: [(&[&str], i32, &str); 8] = [
            (&["date", "+%s"], 0, "1767229323\n"),
            (&["date"], 0, "Thu Jan  1 01:02:03 UTC 2026\n"),
            (&["date", "+%FT%T.%3N"], 0, "2026-01-01T01:02:03.456\n"),
            (&["date", "-d", "5 minutes ago", "+%T"], 0, "00:57:03\n"),
            (&["date", "-d", "nonsense"], 1, "date: invalid date 'nonsense'\n"),
            (&["date", "a"], 1, "date: invalid date 'a'\n"),
            (&["date", "-u", "-Iseconds"], 0, "2026-01-01T01:02:03+00:00\n"),
            (&["date", "+%N"], 0, "456789000\n"),
        ];
        for (words, status, said) in cases {
            assert_eq!(run(&mut machine, words, b""), (status, said.to_owned()), "{words:?}");
        }
    }

    #[test]
    fn formats_are_filled_as_on_this_machine() {
        let all = "+%a %A %b %B %c %C %d %D %e %F %g %G %h %H %I %j %k %l %m %M %n %p %P %q %r %R %s %S %t %T %u %U %V \
                   %w %W %x %X %y %Y %z %:z %Z %% %Q %-d %_H %05Y %^a %10d %3N %N % %";
        for at in ["@0", "@951782400", "@1767225600", "@1704067199", "@1735603200.25", "@4102444799", "@1230768000"] {
            same_as_real(&[(&["date", "-u", "-d", at, all], b"")]);
        }
        same_as_real(&[
            (&["date", "-u", "-d", "1970-01-01 00:00:05", "+%s"], b""),
            (&["date", "-u", "-d", "2024-02-29T12:30Z", "+%s"], b""),
            (&["date", "-u", "-I", "-d", "@0"], b""),
            (&["date", "-u", "-R", "-d", "@0"], b""),
            (&["date", "-u", "--rfc-3339=seconds", "-d", "@0"], b""),
            (&["date", "-u", "-d", "@0"], b""),
            (&["date", "-u", "-d", "nonsense"], b""),
            (&["date", "-u", "a", "b"], b""),
        ]);
    }
}
