//! `recorded-first`: before anything is stopped, the running version stands in a file that a restart does not lose.

use super::{Criteria, Invariant, broken, does_not_apply, holds};
use crate::history::event::What;
use crate::judge::InvariantResult;
use crate::judge::facts::Facts;

/// File systems that are gone after a restart, as `stat -f` names them.
const VOLATILE: [&str; 2] = ["tmpfs", "ramfs"];

pub(super) struct RecordedFirst;

impl Invariant for RecordedFirst {
    fn id(&self) -> &'static str {
        "recorded-first"
    }

    fn judge(&self, facts: &Facts<'_>, _: &Criteria) -> InvariantResult {
        let Some(stop) = facts.first_stop() else {
            return does_not_apply("no stop-class command began");
        };
        let seen = facts.find(|what| match what {
            What::RecordsSeen { running_version, files } => Some((running_version.as_deref(), files)),
            _ => None,
        });
        let Some(at) = seen.iter().rev().find(|at| at.n < stop.n) else {
            return broken("nobody looked for records before the first stop", [stop.n]);
        };
        let (running, files) = at.what;
        let Some(version) = running else {
            return broken("the running process reported no version that a file could hold", [at.n]);
        };
        let began_us = facts.events.first().map_or(0, |first| first.at_us);
        let (mut volatile, mut old, mut tracked) = (None, None, None);
        for file in files.iter().filter(|file| names(&file.text, version)) {
            if file.modified_us <= began_us {
                old = Some(file.path.as_str());
            } else if file.tracked {
                tracked = Some(file.path.as_str());
            } else if VOLATILE.contains(&file.file_system.as_str()) {
                volatile = Some(format!("{} on {}", file.path, file.file_system));
            } else {
                return holds(format!("{} holds {version}", file.path), [at.n]);
            }
        }
        let also = match (volatile, tracked, old) {
            (Some(volatile), _, _) => format!("; {volatile} does"),
            (None, Some(tracked), _) => format!("; {tracked} does, which is deployed and no record"),
            (None, None, Some(old)) => format!("; {old} does, but is older than the drill"),
            (None, None, None) => String::new(),
        };
        // The agent's last entry has no path where it could not report all.
        let (read, missing): (Vec<_>, Vec<_>) = files.iter().partition(|file| file.path.starts_with('/'));
        let missing: String = missing.iter().map(|entry| format!(" {}", entry.path)).collect();
        let count = read.len();
        broken(format!("no durable file of the operator holds {version} ({count} read){missing}{also}"), [at.n])
    }
}

/// Whether the text names this version and not merely a longer one: `v0.4.0` names 0.4.0; `0.3.10` and `10.3.1` do not
/// name 0.3.1, and `0.4.0-rc.1` does not name 0.4.0.
fn names(text: &str, version: &str) -> bool {
    if version.is_empty() {
        return false;
    }
    text.match_indices(version).any(|(index, _)| {
        let before = text.get(..index).and_then(|before| before.chars().next_back());
        let mut after = text.get(index + version.len()..).unwrap_or_default().chars();
        let joins = |next: Option<char>| next.is_some_and(|c| c.is_ascii_alphanumeric());
        let before_ends = !before.is_some_and(|c| c.is_ascii_digit() || c == '.');
        let after_ends = match after.next() {
            Some('.' | '-' | '+') => !joins(after.next()),
            next => !joins(next),
        };
        before_ends && after_ends
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;
    use crate::history::event::OperatorFile;
    use crate::judge::Outcome::{Fail, NotRun, Pass};
    use crate::judge::sample::{self, Sample};

    #[test]
    fn versions_have_boundaries() {
        for text in
            ["0.3.1", "v0.3.1\n", "node 0.3.1.", "image:v0.3.1", "/v0.3.1/bin", "a-0.3.1", "10.3.1 0.3.1", "0.3.1-"]
        {
            assert!(names(text, "0.3.1"), "{text}");
        }
        for text in ["", "0.3.10", "10.3.1", "1.0.3.1", "0.3.1.2", "0.3.1-rc.1", "0.3.1+x", "0.3.1a", "0.3"] {
            assert!(!names(text, "0.3.1"), "{text}");
        }
        assert!(!names("anything", ""));
    }

    fn records(edit: impl Fn(&mut Option<String>, &mut Vec<OperatorFile>)) -> Sample {
        sample::recovered().edit("records-seen", move |what| {
            if let What::RecordsSeen { running_version, files } = what {
                edit(running_version, files);
            }
        })
    }

    fn each(edit: impl Fn(&mut OperatorFile)) -> Sample {
        records(move |_, files| files.iter_mut().for_each(&edit))
    }

    #[test]
    fn a_durable_new_file_with_the_running_version_is_wanted() {
        let check = |sample, outcome, detail| check(&RecordedFirst, sample, outcome, detail);
        check(sample::recovered(), Pass, "holds 0.4.0");
        check(sample::given_up(), NotRun, "no stop-class");
        check(each(|file| file.file_system = "tmpfs".into()), Fail, "on tmpfs");
        check(each(|file| file.file_system = "ramfs".into()), Fail, "on ramfs");
        check(each(|file| file.modified_us = 0), Fail, "older than the drill");
        check(each(|file| file.tracked = true), Fail, "deployed and no record");
        check(each(|file| file.text = "v0.4.00".into()), Fail, "no durable file");
        check(each(|file| file.text = String::new()), Fail, "no durable file");
        check(records(|_, files| files.clear()), Fail, "(0 read)");
        let more = |files: &mut Vec<OperatorFile>| {
            let Some(mut last) = files.last().cloned() else { return };
            files.iter_mut().for_each(|file| file.text.clear());
            (last.path, last.text) = ("(7 older files are not reported)".into(), String::new());
            files.push(last);
        };
        check(records(|_, files| more(files)), Fail, "holds 0.4.0 (1 read) (7 older files are not reported)");
        check(records(|running, _| *running = None), Fail, "reported no version");
        check(records(|running, _| *running = Some("0.4.1".into())), Fail, "holds 0.4.1");
        check(sample::recovered().without(|what| matches!(what, What::RecordsSeen { .. })), Fail, "nobody looked");
    }
}
