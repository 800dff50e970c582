//! Explorations for tests: a small space, a property of a user's own, and the program called in process.

#![expect(clippy::unwrap_used, reason = "for tests: what fails here shall end them")]

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rollback_harness::cli::{self, Backend, Containers};
use rollback_harness::exit::ExitStatus;
use rollback_harness::explore::Exploration;
use rollback_harness::explore::drills::Site;
use rollback_harness::explore::known::Pinned;
use rollback_harness::explore::property::Properties;
use rollback_harness::explore::results::Strategy;
use rollback_harness::explore::shrink;
use rollback_harness::explore::space::{Cell, Restricted, Space};
use rollback_harness::host::HostKind;
use rollback_harness::prepare::Selection;
use rollback_harness::report::{Output, Terminal};
use tempfile::TempDir;

use crate::containers::workspace;

/// Faults of every sort: from birth with levels, arranged and at a moment, of the registry, and two that touch the same thing.
pub const SMALL: &str = r#"
schema = 1
bases = ["procedure-only"]
topologies = ["docker"]
operators = ["careful", "paste"]
only = ["healthz-slow", "port-held", "tag-missing", "tag-moved"]

[[touching]]
thing = "the tag"
faults = ["tag-missing", "tag-moved"]

[[fault]]
id = "healthz-slow"
release = "good"
levels = [{ delay_ms = 2 }, { delay_ms = 8 }, { delay_ms = 50 }]

[[fault]]
id = "healthz-slow"
release = "bad"
levels = []

[[fault]]
id = "port-held"
moments = [{ before = "start" }]
"#;

/// Its two faults that touch the same thing, for tests that leave one out.
pub const TOUCHING: &str = r#"
[[touching]]
thing = "the tag"
faults = ["tag-missing", "tag-moved"]
"#;

/// A property that no case pins, since none expects findings and figures.
pub const OWN: &str = r#"
schema = 1

[[property]]
id = "checks-see"
about = "The runbook's own checks do not pass where the oracle fails."
when = { verdict = ["recovered", "unverified"] }
must = { findings_not = ["blind-check"], at_most = { downtime_ms = 60000 } }
"#;

/// The project's runbook.
pub fn site() -> Site {
    Site::new(Selection::usual(HostKind::Sim, "all", &workspace())).unwrap()
}

/// Where the project's space and properties are.
pub fn own() -> PathBuf {
    workspace().join("scenarios/explore")
}

/// An exploration of this space file's text, with the project's properties and these.
pub fn exploration(space: &str, more: Option<&str>, most: usize, out: &Path) -> Exploration {
    let (site, path) = (site(), out.join("space.toml"));
    fs::create_dir_all(out).unwrap();
    fs::write(&path, space).unwrap();
    let space = Space::load(&path, &Restricted::default(), most, &site).unwrap();
    let mut files = vec![own().join("properties.toml")];
    if let Some(text) = more {
        files.push(out.join("more.toml"));
        fs::write(files.last().unwrap(), text).unwrap();
    }
    let properties = Properties::load(files.iter().map(PathBuf::as_path)).unwrap();
    let pinned = Pinned::load(&workspace()).unwrap();
    let (space, strategy) = (Arc::new(space), Strategy::Exhaustive);
    Exploration { site, space, strategy, without_end: false, properties, pinned, out: out.to_owned() }
}

/// Whatever lies below a cell, by fewer faults, weaker levels or earlier moments, in any combination.
pub fn all_below(cell: &Cell, space: &Space) -> BTreeSet<Cell> {
    let (mut below, mut left) = (BTreeSet::new(), shrink::smaller(cell, space));
    while let Some(next) = left.pop() {
        if below.insert(next.clone()) {
            left.extend(shrink::smaller(&next, space));
        }
    }
    below
}

/// The project's own space.
pub fn whole(most: usize) -> Space {
    Space::load(&own().join("space.toml"), &Restricted::default(), most, &site()).unwrap()
}

/// What a call of the program came to.
#[derive(Debug)]
pub struct Ran {
    /// Its exit status.
    pub status: ExitStatus,
    /// stdout.
    pub out: String,
    /// stderr.
    pub log: String,
}

/// The program, called in this process.
pub fn call(args: &[&str]) -> Ran {
    call_with(args, &Containers)
}

/// The same with other containers.
pub fn call_with(args: &[&str], backend: &dyn Backend) -> Ran {
    call_in(args, &workspace(), backend)
}

/// The same in another workspace.
pub fn call_in(args: &[&str], workspace: &Path, backend: &dyn Backend) -> Ran {
    let (mut out, mut log) = (Vec::new(), Vec::new());
    let all = std::iter::once("rollback-drill").chain(args.iter().copied()).map(OsString::from);
    let output = Output { out: &mut out, log: &mut log, terminal: Terminal::default() };
    let status = cli::main_with(all, workspace, output, backend);
    Ran { status, out: String::from_utf8(out).unwrap(), log: String::from_utf8(log).unwrap() }
}

/// A workspace of its own with the project's scenarios, which a test may change.
pub fn copied() -> TempDir {
    let to = folder();
    let mut left = vec![PathBuf::from("scenarios")];
    while let Some(path) = left.pop() {
        let from = workspace().join(&path);
        if from.is_dir() {
            fs::create_dir_all(to.path().join(&path)).unwrap();
            left.extend(fs::read_dir(&from).unwrap().map(|entry| path.join(entry.unwrap().file_name())));
        } else {
            fs::copy(&from, to.path().join(&path)).unwrap();
        }
    }
    to
}

/// A folder that goes when the test is over.
pub fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
