//! Known differences between the simulator and real machines, each with its reason: `gaps.toml`. What is not in there, and
//! differs, fails the comparison; what is in there, and does not differ any more, fails the account.

use regex::Regex;
use serde::Deserialize;

use super::compare::{Agreement, Difference, Outside};
use super::observe::Kind;

const FILE: &str = include_str!("gaps.toml");

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    gap: Vec<Gap>,
}

/// A known difference.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// Kebab-case.
    pub id: String,
    /// Regular expression: names of the cells in which it shows, whole.
    pub cells: String,
    /// The kinds of facts in which it shows; `time` for a duration.
    pub kinds: Vec<String>,
    /// Regular expression: names of the facts or durations, whole.
    pub names: String,
    /// Of durations: the most by which one may lie beyond the bound that holds for all, milliseconds.
    pub beyond_ms: Option<u64>,
    /// Why they differ, and why that is left as it is.
    pub reason: String,
}

/// What durations are called among the kinds.
pub const TIME: &str = "time";

/// All gaps of the file.
///
/// # Errors
/// The file's own defect, in words.
pub fn known() -> Result<Vec<Gap>, String> {
    parse(FILE)
}

/// Gaps as a text has them.
///
/// # Errors
/// The text's own defect, in words.
pub fn parse(text: &str) -> Result<Vec<Gap>, String> {
    let gaps = toml::from_str::<File>(text).map_err(|error| format!("tests/agreement/gaps.toml: {error}"))?.gap;
    let kinds: Vec<String> = Kind::ALL.iter().map(|kind| kind.word()).chain([TIME.to_owned()]).collect();
    for gap in &gaps {
        let wrong = |what: String| Err(format!("tests/agreement/gaps.toml: gap `{}`: {what}", gap.id));
        for pattern in [&gap.cells, &gap.names] {
            if let Err(error) = whole(pattern) {
                return wrong(error);
            }
        }
        if let Some(kind) = gap.kinds.iter().find(|kind| !kinds.contains(kind)) {
            return wrong(format!("no kind `{kind}`; there are {}", kinds.join(", ")));
        }
        // How a drill ends is what the simulator is for.
        if gap.kinds.iter().any(|kind| *kind == Kind::Verdict.word()) {
            return wrong("a verdict that differs cannot be a known gap".to_owned());
        }
        if gap.beyond_ms.is_some() != gap.kinds.iter().any(|kind| kind == TIME) {
            return wrong("`beyond_ms` is for durations, and they need it".to_owned());
        }
        if gap.reason.trim().is_empty() {
            return wrong("no reason".to_owned());
        }
    }
    Ok(gaps)
}

fn whole(pattern: &str) -> Result<Regex, String> {
    Regex::new(&format!("^(?:{pattern})$")).map_err(|error| error.to_string())
}

impl Gap {
    fn takes(&self, cell: &str, kind: &str, name: &str) -> bool {
        let is = |pattern: &str, text: &str| whole(pattern).is_ok_and(|regex| regex.is_match(text));
        self.kinds.iter().any(|one| one == kind) && is(&self.cells, cell) && is(&self.names, name)
    }

    /// Whether it explains this difference.
    pub fn explains(&self, cell: &str, difference: &Difference) -> bool {
        self.takes(cell, &difference.kind.word(), &difference.name)
    }

    /// Whether it explains this duration.
    pub fn explains_time(&self, cell: &str, outside: &Outside) -> bool {
        self.explains_beyond(cell, &outside.name, outside.beyond_us())
    }

    /// Whether it explains that the duration of this name lies so far beyond the bound, microseconds.
    pub fn explains_beyond(&self, cell: &str, name: &str, beyond_us: u64) -> bool {
        let most = self.beyond_ms.unwrap_or_default().saturating_mul(1000);
        beyond_us <= most && self.takes(cell, TIME, name)
    }
}

/// What no gap explains. The words of tools' chatter need not be the same; the account counts them.
pub fn unexplained(cell: &str, agreement: &Agreement, gaps: &[Gap]) -> (Vec<Difference>, Vec<Outside>) {
    let strict = agreement.differences.iter().filter(|difference| difference.kind != Kind::Chatter);
    let differences = strict.filter(|difference| !gaps.iter().any(|gap| gap.explains(cell, difference)));
    let outside = agreement.outside.iter().filter(|time| !gaps.iter().any(|gap| gap.explains_time(cell, time)));
    (differences.cloned().collect(), outside.cloned().collect())
}
