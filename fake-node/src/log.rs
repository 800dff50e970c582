//! Log lines as the node writes them to stdout: the look of tracing's full format (node-contract.md section 5).

use jiff::Timestamp;

/// How serious a line is; ordered, the most serious first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something failed.
    Error,
    /// Something to look at; the default filter shows this and above.
    Warn,
}

/// Which lines are shown, and whether they are coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogFormat {
    /// The least serious level shown; `None` shows nothing.
    pub shown: Option<Level>,
    /// Whether ANSI codes are written.
    pub ansi: bool,
}

impl LogFormat {
    /// Reads the filters in order; the first that is a plain level counts, else `warn`. Directives per target are not
    /// modelled and are skipped as the real node skips malformed ones.
    #[must_use]
    pub fn from_filters<'a>(filters: impl IntoIterator<Item = &'a str>, ansi: bool) -> Self {
        let level = filters.into_iter().find_map(|filter| {
            match filter.trim().to_ascii_lowercase().as_str() {
                "off" => Some(None),
                "error" => Some(Some(Level::Error)),
                // The model has no line below warn.
                "warn" | "info" | "debug" | "trace" => Some(Some(Level::Warn)),
                _ => None,
            }
        });
        Self { shown: level.unwrap_or(Some(Level::Warn)), ansi }
    }

    /// The line for a message, without its newline; `None` when the filter hides it. `unix_us` is the wall clock in
    /// microseconds since 1970 UTC, `target` the module that speaks.
    #[must_use]
    pub fn line(&self, unix_us: i64, level: Level, target: &str, message: &str) -> Option<String> {
        if self.shown.is_none_or(|shown| level > shown) {
            return None;
        }
        // Out of range (beyond the year 9999) shows the epoch rather than losing the line.
        let time = Timestamp::from_microsecond(unix_us).unwrap_or(Timestamp::UNIX_EPOCH);
        let time = time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ");
        let (name, colour) = match level {
            Level::Error => ("ERROR", 31),
            Level::Warn => (" WARN", 33),
        };
        // One message is one line, whatever a file name in it holds.
        let message: String = message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Some(if self.ansi {
            format!("\x1b[2m{time}\x1b[0m \x1b[{colour}m{name}\x1b[0m \x1b[2m{target}\x1b[0m\x1b[2m:\x1b[0m {message}")
        } else {
            format!("{time} {name} {target}: {message}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_look_like_tracing() {
        let plain = LogFormat::from_filters([], false);
        assert_eq!(
            plain.line(1_779_962_400_123_456, Level::Warn, "a::b", "m k=v").unwrap(),
            "2026-05-28T10:00:00.123456Z  WARN a::b: m k=v"
        );
        assert_eq!(
            plain.line(1_779_962_400_000_000, Level::Error, "a::b", "m\nn").unwrap(),
            "2026-05-28T10:00:00.000000Z ERROR a::b: m n"
        );
        let ansi = LogFormat { shown: Some(Level::Warn), ansi: true };
        assert!(ansi.line(0, Level::Warn, "a", "m").unwrap().contains("\x1b[33m WARN\x1b[0m"));
    }

    #[test]
    fn filters_fall_through_to_the_next() {
        let cases: [(&[&str], Option<Level>); 5] = [
            (&[], Some(Level::Warn)),
            (&["nonsense=="], Some(Level::Warn)),
            (&["nonsense==", "error"], Some(Level::Error)),
            (&["off", "error"], None),
            (&["info"], Some(Level::Warn)),
        ];
        for (filters, shown) in cases {
            assert_eq!(LogFormat::from_filters(filters.iter().copied(), false).shown, shown, "{filters:?}");
        }
        assert_eq!(LogFormat { shown: None, ansi: false }.line(0, Level::Error, "a", "m"), None);
    }
}
