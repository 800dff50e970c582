//! Moments and durations, as inputs and answers write them.

use std::fmt;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// A moment, to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Timestamp);

impl Moment {
    /// Reads RFC 3339; `None` without an offset from UTC, or for a day that does not exist.
    pub fn parse(text: &str) -> Option<Moment> {
        let moment: Timestamp = text.parse().ok()?;
        Timestamp::from_millisecond(moment.as_millisecond()).ok().map(Moment)
    }

    /// The moment so many milliseconds earlier; the first that there is where there is none.
    pub fn before(self, ms: u64) -> Moment {
        let at = i64::try_from(ms).ok().map(|ms| self.0.as_millisecond().saturating_sub(ms));
        Moment(at.and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or(Timestamp::MIN))
    }

    /// Milliseconds from the other moment to this one; negative if this one is earlier.
    pub fn since(self, other: Moment) -> i64 {
        self.0.as_millisecond().saturating_sub(other.0.as_millisecond())
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A duration of so many milliseconds in words, exactly: `24 h 1 s`.
pub fn length(ms: i64) -> String {
    let parts = [(3_600_000, "h"), (60_000, "min"), (1_000, "s"), (1, "ms")];
    let mut left = ms.unsigned_abs();
    let mut words = Vec::new();
    for (of, unit) in parts {
        if left >= of {
            words.push(format!("{} {unit}", left / of));
        }
        left %= of;
    }
    if words.is_empty() { "0 s".to_owned() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_utc_whatever_offset_they_are_written_with() {
        let one = Moment::parse("2026-03-14T02:10:00Z").unwrap();
        assert_eq!(Moment::parse("2026-03-14T03:10:00+01:00"), Some(one));
        assert_eq!(one.to_string(), "2026-03-14T02:10:00Z");
        assert_eq!(serde_json::to_string(&one).unwrap(), "\"2026-03-14T02:10:00Z\"");
        let later = Moment::parse("2026-03-14T02:10:00.2509Z").unwrap();
        assert_eq!((later.since(one), one.since(later)), (250, -250));
        assert_eq!((later.before(250), one.before(600_000).to_string()), (one, "2026-03-14T02:00:00Z".to_owned()));
        assert_eq!(one.before(u64::MAX), one.before(i64::MAX as u64));
        for wrong in ["2026-03-14T02:10:00", "2026-03-14", "02:10:00", "2026-02-30T02:10:00Z", ""] {
            assert_eq!(Moment::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn durations_are_told_exactly() {
        let cases = [
            (0, "0 s"),
            (1, "1 ms"),
            (60_000, "1 min"),
            (86_400_000, "24 h"),
            (86_401_000, "24 h 1 s"),
            (5_430_250, "1 h 30 min 30 s 250 ms"),
            (-90_000, "1 min 30 s"),
        ];
        for (ms, words) in cases {
            assert_eq!(length(ms), words);
        }
    }
}
