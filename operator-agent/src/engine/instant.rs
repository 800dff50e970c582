//! Points in time as Prometheus and Alertmanager write and read them: RFC 3339.

use std::time::{Duration, SystemTime};

/// Reads `2026-11-27T21:01:06.123456789Z`, or with an offset such as `+01:00`. `None` for anything else, and for times
/// before 1970: Prometheus writes the year 1 for never.
pub fn read(text: &str) -> Option<SystemTime> {
    let (date, rest) = text.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let zone = rest.find(['Z', '+', '-'])?;
    let (time, zone) = rest.split_at(zone);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers(time, ':')?;
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let offset = match zone.split_at_checked(1)? {
        ("Z", "") => 0,
        (sign, offset) => {
            let (hours, minutes) = offset.split_once(':')?;
            let seconds = number(hours)? * 3600 + number(minutes)? * 60;
            if sign == "-" { -seconds } else { seconds }
        }
    };
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
    let nanos = u32::try_from(number(fraction)? * 10i64.pow(9 - u32::try_from(fraction.len()).ok()?)).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(u64::try_from(seconds).ok()?, nanos))
}

/// Milliseconds since 1970 as [`read`] reads them.
pub fn written(unix_ms: u64) -> String {
    let (seconds, ms) = (unix_ms / 1000, unix_ms % 1000);
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// Howard Hinnant's `civil_from_days`, the other way round than [`days_since_1970`].
fn date(days_since_1970: u64) -> (u64, u64, u64) {
    let days = days_since_1970 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let of_era_years = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * of_era_years + of_era_years / 4 - of_era_years / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (of_era_years + era * 400 + u64::from(month <= 2), month, day)
}

fn numbers(text: &str, between: char) -> Option<[i64; 3]> {
    let parts: Option<Vec<i64>> = text.split(between).map(number).collect();
    parts?.try_into().ok()
}

/// Up to nine digits and nothing else.
fn number(text: &str) -> Option<i64> {
    let digits = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// Howard Hinnant's `days_from_civil`: years that begin in March have their leap day at the end.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_to_the_nanosecond() {
        for (text, seconds, nanos) in [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("2000-02-29T23:59:59.5Z", 951_868_799, 500_000_000),
            ("2026-11-27T21:01:06.123456789Z", 1_795_813_266, 123_456_789),
            ("2026-11-27T22:01:06.000000001+01:00", 1_795_813_266, 1),
            ("2026-11-27T15:31:06-05:30", 1_795_813_266, 0),
            ("2100-03-01T00:00:00Z", 4_107_542_400, 0),
        ] {
            assert_eq!(read(text), Some(SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos)), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(written(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(written(1_795_813_266_045), "2026-11-27T21:01:06.045Z");
        // Every day of four centuries and more, at another time of each.
        for day in 0..150_000u64 {
            let unix_ms = day * 86_400_000 + day * 577 % 86_400_000;
            let at = SystemTime::UNIX_EPOCH + Duration::from_millis(unix_ms);
            assert_eq!(read(&written(unix_ms)), Some(at), "{unix_ms}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "T",
            "0001-01-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-11-27",
            "2026-11-27T21:01:06",
            "2026-11-27T21:01Z",
            "2026-13-27T21:01:06Z",
            "2026-11-27T24:01:06Z",
            "2026-11-27T21:01:+6Z",
            "2026-11-27T21:01:06.Z",
            "2026-11-27T21:01:06Zulu",
            "2026-11-27T21:01:06+1",
            "9999999999-11-27T21:01:06Z",
            "2026-11-27T21:01:06\u{e9}",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
