//! What came out of commands, in words for a person: on one line, and so that it moves nobody's cursor.

use super::event::KillReason;

impl std::fmt::Display for KillReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            KillReason::Ceiling { ms } => write!(f, "its ceiling of {} ran out", limit(*ms)),
            KillReason::ClaimNotMet { ms } => write!(f, "no 200 within the {} that the runbook claims", limit(*ms)),
            KillReason::HarnessLimit { limit } => write!(f, "a limit of the harness: {limit}"),
        }
    }
}

/// A duration that somebody chose: `60 s`, not `60.00 s`.
fn limit(ms: u64) -> String {
    if ms.is_multiple_of(1000) { format!("{} s", ms / 1000) } else { format!("{ms} ms") }
}

/// A text on one line: the first, and `…` where there are more.
pub fn one_line(text: &str) -> String {
    let mut lines = text.trim().lines();
    let first = lines.next().unwrap_or_default();
    let continued = first.trim_end().strip_suffix('\\').map(str::trim_end).unwrap_or(first);
    match lines.next() {
        Some(_) => format!("{} …", printable(continued)),
        None => printable(first),
    }
}

/// Without control characters: an output must not move a reader's cursor.
pub fn printable(text: &str) -> String {
    let blank = |c: char| if c.is_whitespace() { ' ' } else { c };
    text.chars().map(blank).filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_shows_that_there_is_more_and_moves_no_cursor() {
        for (text, said) in [
            ("a", "a"),
            ("a \\\n  b", "a …"),
            ("until x; do\n  sleep 1\ndone\n", "until x; do …"),
            ("\x1b[31mred\r\tb", "[31mred  b"),
            ("", ""),
        ] {
            assert_eq!(one_line(text), said, "{text:?}");
        }
    }

    #[test]
    fn a_kill_has_its_reason_with_a_unit() {
        for (why, said) in [
            (KillReason::Ceiling { ms: 1500 }, "its ceiling of 1500 ms ran out"),
            (KillReason::ClaimNotMet { ms: 60_000 }, "no 200 within the 60 s that the runbook claims"),
            (KillReason::HarnessLimit { limit: "16 bytes".into() }, "a limit of the harness: 16 bytes"),
        ] {
            assert_eq!(why.to_string(), said);
        }
    }
}
