//! The bundle: the folder that a drill leaves for the postmortem. Written as the drill goes, so that it can be read after
//! a SIGKILL: `manifest.json` says `running`, `history.jsonl` grows, captures come in; at the end `verdict.json` and
//! `incident.md` are derived and the manifest says `complete`. [`rejudge`] derives them again.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::history::event::{Event, Plan, What};
use crate::history::read::{History, HistoryWriter};
use crate::judge::{self, Judgement};

mod error;
mod files;
mod incident;
mod manifest;
mod redact;
pub mod story;

pub use error::BundleError;
pub use files::BundleFile;
pub use incident::incident;
pub use manifest::{MANIFEST, MANIFEST_SCHEMA, Manifest, ManifestReleases, MissingItem, State};
pub use redact::{MASK, Redactor, SECRET_BYTES_MIN};

use error::io;
use files::write_whole;

/// File of the events.
pub const HISTORY: &str = "history.jsonl";

/// File of the judgement.
pub const VERDICT: &str = "verdict.json";

/// File for the incident issue.
pub const INCIDENT: &str = "incident.md";

/// Folder of the captures.
pub const CAPTURES: &str = "captures";

/// Names that are tried for one bundle, or one capture, before giving up.
const TRIES_MAX: u32 = 999;

/// A bundle that is being written.
#[derive(Debug)]
pub struct Bundle {
    root: PathBuf,
    name: String,
    plan: Plan,
    redactor: Redactor,
    history: HistoryWriter<File>,
}

/// A bundle that is whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// Where it is.
    pub root: PathBuf,
    /// Its folder's name: the path relative to `--out`.
    pub name: String,
    /// What was drilled.
    pub plan: Plan,
    /// All events, as they stand in the file.
    pub history: History,
    /// What they show.
    pub judgement: Judgement,
}

impl Bundle {
    /// Makes the folder `<out>/<scenario>-<topology>-<operator>-<host>-<first 8 of the id>`, or the same with `-2`, `-3`,
    /// … where that exists: nothing is ever overwritten. Writes the manifest and, as event 1, the plan.
    pub fn create(out: &Path, plan: &Plan, secrets: &[String]) -> Result<Bundle, BundleError> {
        let redactor = Redactor::new(secrets).ok_or(BundleError::ShortSecret)?;
        fs::create_dir_all(out).map_err(io("make", out))?;
        let (root, name) = make_folder(out, &folder_name(plan))?;
        let captures = root.join(CAPTURES);
        fs::create_dir(&captures).map_err(io("make", &captures))?;
        let place = root.join(HISTORY);
        let file = OpenOptions::new().append(true).create_new(true).open(&place).map_err(io("make", &place))?;
        let mut bundle = Bundle { root, name, plan: plan.clone(), redactor, history: HistoryWriter::new(file) };
        let running = Manifest::of(&bundle.root, plan, &History::of(Vec::new()), State::Running)?;
        put_json(&bundle.root, MANIFEST, &running, &bundle.redactor)?;
        bundle.record(0, What::DrillBegan { plan: Box::new(plan.clone()) })?;
        Ok(bundle)
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Its folder's name: the path relative to `--out`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The events so far, as they stand in the file.
    pub fn events(&self) -> &[Event] {
        self.history.events()
    }

    /// Appends an event, without secrets, and returns it as it was written: report that one, not your own.
    pub fn record(&mut self, at_us: u64, what: What) -> Result<&Event, BundleError> {
        let what = self.redacted(what)?;
        self.history.write(at_us, what).map_err(io("write", self.root.join(HISTORY)))?;
        match self.history.events() {
            [.., last] => Ok(last),
            [] => Err(io("write", self.root.join(HISTORY))(std::io::Error::other("the event is not there"))),
        }
    }

    fn redacted(&self, what: What) -> Result<What, BundleError> {
        let json = |source| BundleError::Json { path: self.root.join(HISTORY), source };
        let mut value = serde_json::to_value(&what).map_err(json)?;
        if !self.redactor.value(&mut value) {
            return Ok(what);
        }
        serde_json::from_value(value).map_err(|source| BundleError::SecretIsAWord { source })
    }

    /// Keeps a capture under its own file name and records it. Of two with the same name the second lies in a numbered
    /// folder. Returns its path in the bundle.
    pub fn put(&mut self, item: &str, name: &str, content: &[u8]) -> Result<String, BundleError> {
        let content = self.redactor.bytes(content);
        let name = files::file_name(&self.redactor.text(name));
        let file = self.free_place(&name)?;
        write_whole(&self.root.join(&file), &content)?;
        let captured = What::Captured { item: item.to_owned(), file: file.clone(), bytes: content.len() as u64 };
        self.record(self.history.last_us(), captured)?;
        Ok(file)
    }

    fn free_place(&self, name: &str) -> Result<String, BundleError> {
        let places = std::iter::once(format!("{CAPTURES}/{name}"))
            .chain((2..=TRIES_MAX).map(|number| format!("{CAPTURES}/{number}/{name}")));
        for place in places {
            let path = self.root.join(&place);
            if path.symlink_metadata().is_ok() {
                continue;
            }
            if let Some(folder) = path.parent() {
                // A capture of the harness's numbers, such as a file named `2`, takes that folder's place: go on.
                if folder.is_file() {
                    continue;
                }
                fs::create_dir_all(folder).map_err(io("make", folder))?;
            }
            return Ok(place);
        }
        Err(BundleError::CaptureTaken { path: self.root.join(CAPTURES).join(name), ceiling: TRIES_MAX })
    }

    /// Records that a postmortem item is not here, and why.
    pub fn missing(&mut self, item: &str, why: &str, never_made: bool) -> Result<(), BundleError> {
        let missing = What::Missing { item: item.to_owned(), why: why.to_owned(), never_made };
        self.record(self.history.last_us(), missing).map(|_| ())
    }

    /// Searches all files for the secrets, and records it. Call it after the last capture.
    pub fn scan_secrets(&mut self) -> Result<&Event, BundleError> {
        let (files, hits) = self.search()?;
        // A file's name can hold a secret too; `record` takes it out again.
        self.record(self.history.last_us(), What::SecretsScanned { files, hits })
    }

    fn search(&self) -> Result<(u64, Vec<String>), BundleError> {
        let listed = files::list(&self.root)?;
        let mut hits = Vec::new();
        for file in &listed {
            let path = self.root.join(file);
            if self.redactor.text(file) != *file || self.redactor.is_in(&path).map_err(io("search", &path))? {
                hits.push(self.redactor.text(file));
            }
        }
        Ok((listed.len() as u64, hits))
    }

    /// Ends the History, judges it and completes the bundle. Searches for secrets first if that was not done yet; files
    /// written here are searched once more, and a secret in one of them is an error, because no event can tell it.
    pub fn finish(mut self) -> Result<Finished, BundleError> {
        let scanned = |events: &[Event]| -> Option<Vec<String>> {
            events.iter().rev().find_map(|event| match &event.what {
                What::SecretsScanned { hits, .. } => Some(hits.clone()),
                _ => None,
            })
        };
        if scanned(self.events()).is_none() {
            self.scan_secrets()?;
        }
        let told = scanned(self.events()).unwrap_or_default();
        let place = self.root.join(HISTORY);
        let last_us = self.history.last_us();
        let end = What::DrillEnded { events: self.events().len() as u64 + 1 };
        self.history.write(last_us, end).map_err(io("write", place))?;
        let history = History::of(self.events().to_vec());
        let judgement = derive(&self.root, &self.plan, &history, &self.redactor)?;
        let (_, hits) = self.search()?;
        let left: Vec<String> = hits.into_iter().filter(|file| !told.contains(file)).collect();
        if !left.is_empty() {
            return Err(BundleError::SecretLeft { path: self.root, files: left.join(", ") });
        }
        Ok(Finished { root: self.root, name: self.name, plan: self.plan, history, judgement })
    }
}

/// Judges a stored bundle again: deletes the verdict, reads the History, writes verdict, incident and manifest. A History
/// that was cut off is judged as far as it goes (inconclusive).
pub fn rejudge(root: &Path) -> Result<Finished, BundleError> {
    let history = History::read(&root.join(HISTORY))?;
    let verdict = root.join(VERDICT);
    match fs::remove_file(&verdict) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io("delete", verdict)(error)),
        _ => {}
    }
    // `read` refuses a History without one.
    let Some(plan) = history.plan().cloned() else {
        return Err(io("judge", root.join(HISTORY))(std::io::Error::other("it has no plan")));
    };
    let judgement = derive(root, &plan, &history, &Redactor::default())?;
    let whole = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let name = whole.file_name().unwrap_or(whole.as_os_str()).to_string_lossy().into_owned();
    Ok(Finished { root: root.to_owned(), name, plan, history, judgement })
}

/// Everything that follows from the History.
fn derive(root: &Path, plan: &Plan, history: &History, redactor: &Redactor) -> Result<Judgement, BundleError> {
    let judgement = judge::judge(history);
    put_json(root, VERDICT, &judgement, redactor)?;
    write_whole(&root.join(INCIDENT), redactor.text(&incident(history, &judgement)).as_bytes())?;
    let state = if history.cut.is_some() { State::Cut } else { State::Complete };
    put_json(root, MANIFEST, &Manifest::of(root, plan, history, state)?, redactor)?;
    Ok(judgement)
}

fn put_json<T: Serialize>(root: &Path, name: &str, value: &T, redactor: &Redactor) -> Result<(), BundleError> {
    let path = root.join(name);
    let mut text =
        serde_json::to_string_pretty(value).map_err(|source| BundleError::Json { path: path.clone(), source })?;
    text.push('\n');
    write_whole(&path, redactor.text(&text).as_bytes())
}

/// Scenario names come from files of anybody's: nothing but letters, digits and `.`, `_`, `-` gets into a path.
fn folder_name(plan: &Plan) -> String {
    let id: String = plan.id.chars().take(8).collect();
    let parts = [plan.scenario.as_str(), &plan.topology, plan.operator.as_str(), &plan.host, &id];
    let safe = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name: String = parts.join("-").chars().map(safe).take(200).collect();
    // A name that begins with a dot would be hidden, or `..`.
    if name.starts_with('.') { format!("_{name}") } else { name }
}

fn make_folder(out: &Path, name: &str) -> Result<(PathBuf, String), BundleError> {
    let names = std::iter::once(name.to_owned()).chain((2..=TRIES_MAX).map(|number| format!("{name}-{number}")));
    for name in names {
        let root = out.join(&name);
        // Atomic: of two drills that want the same name one gets the error.
        match fs::create_dir(&root) {
            Ok(()) => return Ok((root, name)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(io("make", root)(error)),
        }
    }
    Err(BundleError::Taken { path: out.join(name), ceiling: TRIES_MAX })
}

#[cfg(test)]
mod tests;
