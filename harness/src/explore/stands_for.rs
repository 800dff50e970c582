//! Faults that do what they do by themselves, whatever else is wrong. A case that has one of them stands for it beside any other
//! faults, as long as it changes the same there.

use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::drills::{Drilled, Drills};
use super::source::Source;
use super::space::Cell;
use crate::fault;
use crate::prepare::BadInput;
use crate::scenario::FaultUse;
use crate::verdict::Verdict;

/// The project's own, for messages.
const LIKE: &str = "scenarios/explore/known.toml";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownFile {
    schema: Spanned<u32>,
    #[serde(default)]
    stands_for: Vec<Written>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    fault: Spanned<String>,
    #[serde(default)]
    at_any_level: bool,
    because: Spanned<String>,
}

/// A fault that acts by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByItself {
    /// Its id.
    pub id: String,
    /// Whether a case with it stands for it at other levels too.
    pub at_any_level: bool,
}

impl ByItself {
    /// Whether a fault of a case stands for one of a find.
    pub fn same(&self, used: &FaultUse, of_case: &FaultUse) -> bool {
        let alike = (&used.id, used.release, used.at) == (&of_case.id, of_case.release, of_case.at);
        used.id == self.id && if self.at_any_level { alike } else { used == of_case }
    }
}

/// Reads such faults.
///
/// # Errors
/// With file and line: an unknown fault, one that is named twice, one without a reason.
pub fn read(path: &Path) -> Result<Vec<ByItself>, BadInput> {
    let source = Source::read(path)?;
    let file: KnownFile = source.parse(LIKE)?;
    if *file.schema.get_ref() != 1 {
        let what = format!("schema is {}; looked for 1", file.schema.get_ref());
        return Err(source.wrong(file.schema.span().start, &what));
    }
    let mut faults: Vec<ByItself> = Vec::new();
    for Written { fault: id, at_any_level, because } in file.stands_for {
        let at = id.span().start;
        let id = id.into_inner();
        if fault::kind(&id).is_none() {
            let known = fault::REGISTRY.iter().map(|kind| kind.id).collect::<Vec<_>>().join(", ");
            return Err(source.wrong(at, &format!("no fault `{id}`; there are {known}")));
        }
        if faults.iter().any(|known| known.id == id) {
            return Err(source.wrong(at, &format!("`{id}` again; looked for each fault once")));
        }
        if because.get_ref().trim().is_empty() {
            let what = format!("`{id}`: looked for words that say why it acts by itself");
            return Err(source.wrong(because.span().start, &what));
        }
        faults.push(ByItself { id, at_any_level });
    }
    Ok(faults)
}

/// What a fault changes of how a drill ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// From which verdict to which; `None`: it is the same one.
    pub verdict: Option<(Verdict, Verdict)>,
    /// Invariants that break with it and hold without it, and the other way round.
    pub broken: [Vec<String>; 2],
    /// The same of judged criteria.
    pub failing: [Vec<String>; 2],
}

impl Change {
    /// What one of a cell's faults changes in it. `None` where the drill with it, or the one without it, says nothing.
    pub fn of(cell: &Cell, at: usize, drills: &mut Drills<'_>) -> Option<Change> {
        let (with, without) = (drills.came(cell), drills.came(&cell.without(at)));
        Some(Change::between(without.conclusive()?, with.conclusive()?))
    }

    fn between(without: &Drilled, with: &Drilled) -> Change {
        let (without, with) = (&without.ending, &with.ending);
        let only = |one: &[String], other: &[String]| -> Vec<String> {
            one.iter().filter(|id| !other.contains(id)).cloned().collect()
        };
        let both = |one: &[String], other: &[String]| [only(one, other), only(other, one)];
        Change {
            verdict: (without.verdict != with.verdict).then_some((without.verdict, with.verdict)),
            broken: both(&with.broken, &without.broken),
            failing: both(&with.failing, &without.failing),
        }
    }

    /// Whether a find with this change shows no more than a case with that one. Where the drill is as bad without the fault, the
    /// fault makes no verdict; all else has to be the same.
    pub fn is_no_more_than(&self, case: &Change) -> bool {
        (self.verdict.is_none() || self.verdict == case.verdict)
            && (&self.broken, &self.failing) == (&case.broken, &case.failing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(verdict: Option<(Verdict, Verdict)>, broken: &[&str], mended: &[&str], failing: &[&str]) -> Change {
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        Change { verdict, broken: [ids(broken), ids(mended)], failing: [ids(failing), Vec::new()] }
    }

    #[test]
    fn a_find_shows_no_more_only_where_all_that_changes_is_in_the_case() {
        let case = change(Some((Verdict::Offline, Verdict::Unsafe)), &["page-once"], &[], &[]);
        assert!(case.is_no_more_than(&case));
        assert!(Change { verdict: None, ..case.clone() }.is_no_more_than(&case));
        for more in [
            change(Some((Verdict::GivenUp, Verdict::Unsafe)), &["page-once"], &[], &[]),
            change(Some((Verdict::Offline, Verdict::Unverified)), &["page-once"], &[], &[]),
            change(case.verdict, &["page-once", "terminates"], &[], &[]),
            change(case.verdict, &["page-once"], &["recorded-first"], &[]),
            change(case.verdict, &["page-once"], &[], &["version"]),
            change(case.verdict, &[], &[], &[]),
        ] {
            assert!(!more.is_no_more_than(&case), "{more:?}");
        }
        let same = Change { verdict: None, ..case.clone() };
        assert!(!case.is_no_more_than(&same), "the verdict is the find's own");
    }

    #[test]
    fn what_is_wrong_with_the_file_is_told_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known.toml");
        let entry = |id: &str, because: &str| format!("[[stands_for]]\nfault = \"{id}\"\nbecause = \"{because}\"\n");
        for (text, line, said) in [
            ("schema = 2\n".to_owned(), 1, "schema is 2; looked for 1"),
            (format!("schema = 1\n{}", entry("page-found", "so")), 3, "no fault `page-found`; there are alert-stuck, "),
            (format!("schema = 1\n{}{}", entry("page-lost", "so"), entry("page-lost", "so")), 6, "`page-lost` again"),
            (format!("schema = 1\n{}", entry("page-lost", " ")), 4, "looked for words that say why"),
            (format!("schema = 1\n{}beside = 1\n", entry("page-lost", "so")), 5, "unknown field `beside`"),
        ] {
            std::fs::write(&path, &text).unwrap();
            let why = read(&path).unwrap_err().to_string();
            assert!(why.contains(&format!("known.toml:{line}: ")) && why.contains(said), "{text}: {why}");
        }
        std::fs::write(&path, format!("schema = 1\n{}", entry("page-lost", "so"))).unwrap();
        assert_eq!(read(&path).unwrap(), [ByItself { id: "page-lost".into(), at_any_level: false }]);
    }
}
