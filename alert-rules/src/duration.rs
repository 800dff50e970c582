//! Durations as Prometheus writes them: `5m`, `1h30m`, `3d`, `250ms`.

use std::fmt;

/// Units with their length in milliseconds, longest first, as they have to stand in a duration.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// A duration in whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub u64);

impl Millis {
    /// Reads one; each unit at most once, longer ones first. Nothing is read of what is no duration.
    pub fn parse(text: &str) -> Option<Millis> {
        if text == "0" {
            return Some(Millis(0));
        }
        let (mut rest, mut total, mut next) = (text, 0u64, 0);
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let count: u64 = rest.get(..digits)?.parse().ok()?;
            rest = rest.get(digits..)?;
            let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
            let at = UNITS.iter().skip(next).position(|(unit, _)| *unit == &rest[..letters])? + next;
            total = total.checked_add(count.checked_mul(UNITS[at].1)?)?;
            (rest, next) = (&rest[letters..], at + 1);
        }
        (!text.is_empty()).then_some(Millis(total))
    }

    /// Divided, if that comes out in whole milliseconds.
    pub fn divided(self, divisor: u64) -> Option<Millis> {
        (divisor > 0 && self.0.is_multiple_of(divisor)).then(|| Millis(self.0 / divisor))
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, length) in UNITS {
            // As Prometheus: 90d is easier to read than 12w6d.
            if matches!(unit, "y" | "w") && !rest.is_multiple_of(length) {
                continue;
            }
            if rest >= length {
                write!(f, "{}{unit}", rest / length)?;
                rest %= length;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        for (text, ms, written) in [
            ("5m", 300_000, "5m"),
            ("1h30m", 5_400_000, "1h30m"),
            ("90m", 5_400_000, "1h30m"),
            ("3d", 259_200_000, "3d"),
            ("250ms", 250, "250ms"),
            ("1s1ms", 1_001, "1s1ms"),
            ("14d", 1_209_600_000, "2w"),
            ("0s", 0, "0s"),
            ("0", 0, "0s"),
        ] {
            assert_eq!(Millis::parse(text), Some(Millis(ms)), "{text}");
            assert_eq!(Millis(ms).to_string(), written);
        }
        for text in
            ["", "5", "m", "5 m", "-5m", "5x", "30m1h", "1m1m", "99999999999999999999s", "999999999999y", "1.5h"]
        {
            assert_eq!(Millis::parse(text), None, "{text}");
        }
    }

    #[test]
    fn divided_has_to_come_out_in_whole_milliseconds() {
        assert_eq!(Millis(300_000).divided(60), Some(Millis(5_000)));
        assert_eq!(Millis(300_000).divided(7), None);
        assert_eq!(Millis(5).divided(10), None);
        assert_eq!(Millis(5).divided(0), None);
        assert_eq!(Millis(0).divided(7), Some(Millis(0)));
    }
}
