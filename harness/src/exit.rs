//! How the program ends: the exit statuses that scripts rest on.

use std::io::Write;
use std::panic::{self, AssertUnwindSafe};

use crate::judge::Judgement;
use crate::verdict::Verdict;

/// The exit status. **Contract.**
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ExitStatus {
    /// All drills conform; for other commands: it was done.
    Conforms = 0,
    /// A drill does not conform. Wins over [`ExitStatus::Inconclusive`].
    DoesNotConform = 1,
    /// None fails, but of one nothing can be said.
    Inconclusive = 2,
    /// The command line or a file it names cannot be used.
    Usage = 64,
    /// The harness or its environment failed; panics included.
    Harness = 70,
    /// SIGINT; hosts are removed, bundles kept.
    Interrupted = 130,
    /// SIGTERM; as above.
    Terminated = 143,
}

impl ExitStatus {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What one drill contributes. An `inconclusive` that is expected of a canary conforms.
    pub fn of(judgement: &Judgement) -> ExitStatus {
        match (judgement.conforms, judgement.verdict) {
            (true, _) => ExitStatus::Conforms,
            (false, Verdict::Inconclusive) => ExitStatus::Inconclusive,
            (false, _) => ExitStatus::DoesNotConform,
        }
    }

    /// Two drills together: a failing one wins over one of which nothing can be said. What the harness itself came to
    /// (64 and above) wins over both, the greater number over the smaller.
    #[must_use]
    pub fn and(self, other: ExitStatus) -> ExitStatus {
        let rank = |status: ExitStatus| match status {
            ExitStatus::Conforms => 0,
            ExitStatus::Inconclusive => 1,
            ExitStatus::DoesNotConform => 2,
            above => above.code(),
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

impl From<ExitStatus> for std::process::ExitCode {
    fn from(status: ExitStatus) -> Self {
        status.code().into()
    }
}

/// Runs `body`; a panic in it, which is a defect of the harness, ends with 70 and not with the 101 of Rust's own.
pub fn guarded(body: impl FnOnce() -> ExitStatus) -> ExitStatus {
    panic::catch_unwind(AssertUnwindSafe(body)).unwrap_or(ExitStatus::Harness)
}

/// Makes every panic say, on stderr, what it is and what to do about it.
pub fn explain_panics() {
    panic::set_hook(Box::new(|info| {
        let message = info.payload_as_str().unwrap_or("no message");
        let place = info.location().map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
        // Nothing is left to do if stderr is closed.
        let _ = writeln!(
            std::io::stderr(),
            "rollback-drill: this is a defect of the harness, please report it: {message}{place}\n\
             Bundles written so far are kept; `rollback-drill host sweep` removes hosts that were left."
        );
    }));
}

#[cfg(test)]
mod tests {
    use super::ExitStatus::*;
    use super::*;

    #[test]
    fn a_failing_drill_wins_over_an_inconclusive_one() {
        for (one, other, both) in [
            (Conforms, Conforms, Conforms),
            (Conforms, Inconclusive, Inconclusive),
            (Inconclusive, DoesNotConform, DoesNotConform),
            (DoesNotConform, Harness, Harness),
            (Usage, Inconclusive, Usage),
            (Harness, Interrupted, Interrupted),
        ] {
            assert_eq!((one.and(other), other.and(one)), (both, both), "{one:?} and {other:?}");
        }
    }

    #[test]
    fn the_numbers_are_the_contract() {
        let all = [Conforms, DoesNotConform, Inconclusive, Usage, Harness, Interrupted, Terminated];
        assert_eq!(all.map(ExitStatus::code), [0, 1, 2, 64, 70, 130, 143]);
    }

    #[test]
    fn a_panic_ends_with_70() {
        assert_eq!(guarded(|| panic!("a test's")), Harness);
        assert_eq!(guarded(|| Inconclusive), Inconclusive);
    }
}
