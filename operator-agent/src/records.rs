//! The operator's files: where one can have written down what was running, before anything is stopped.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::bounded::{ESCAPED_MAX, escaped_len};
use crate::clock::of_system_time;
use crate::machine::uid_of;
use crate::protocol::OperatorFile;

/// Of each file.
const HEAD_BYTES: u64 = 4096;
/// Where an operator's files can lie. The rest of the system belongs to packages.
const PLACES: [&str; 9] = ["/tmp", "/var/tmp", "/home", "/root", "/srv", "/opt", "/etc", "/var/lib", "/run/user"];
/// What an ordinary operator host comes nowhere near.
const BOUNDS: Bounds = Bounds { looked_at: 20_000, files: 256, escaped: ESCAPED_MAX };

/// How much is looked at and reported.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// Files and folders.
    looked_at: usize,
    /// Files of the operator.
    files: usize,
    /// Their paths and texts together, in bytes of JSON.
    escaped: usize,
}

/// A file that was found and not yet read.
#[derive(Debug)]
struct Found {
    path: PathBuf,
    modified_us: u64,
    device: u64,
}

/// Files that belong to the operator and were changed since then, with their first 4 KiB, in order of path. Of too many the
/// newest are reported, and a last entry without a path says what is missing.
pub fn operator_files(operator: &str, since_us: u64) -> Vec<OperatorFile> {
    uid_of(operator).map_or_else(Vec::new, |uid| files_of(uid, PLACES.map(PathBuf::from).to_vec(), since_us, BOUNDS))
}

fn files_of(uid: u32, places: Vec<PathBuf>, since_us: u64, bounds: Bounds) -> Vec<OperatorFile> {
    let (mut found, whole) = find(uid, places, since_us, bounds.looked_at);
    found.sort_by(|one, other| (Reverse(one.modified_us), &one.path).cmp(&(Reverse(other.modified_us), &other.path)));
    let count = found.len();
    let mut file_systems = BTreeMap::new();
    let mut left = bounds.escaped;
    let mut files = Vec::new();
    for one in found.into_iter().take(bounds.files) {
        let file = read(&one, &mut file_systems);
        let Some(rest) = left.checked_sub(escaped_len(&file.path) + escaped_len(&file.text)) else { break };
        left = rest;
        files.push(file);
    }
    let unread = count - files.len();
    files.sort_by(|one, other| one.path.cmp(&other.path));
    let mut missing = Vec::new();
    if unread > 0 {
        missing.push(format!("{unread} older files are not reported"));
    }
    if !whole {
        missing.push(format!("only {} files and folders were looked at", bounds.looked_at));
    }
    if !missing.is_empty() {
        files.push(OperatorFile {
            path: format!("({})", missing.join("; ")),
            file_system: String::new(),
            modified_us: 0,
            text: String::new(),
            tracked: false,
        });
    }
    files
}

/// The user's files below these folders, and whether all was looked at.
fn find(uid: u32, mut waiting: Vec<PathBuf>, since_us: u64, most: usize) -> (Vec<Found>, bool) {
    let (mut looked_at, mut found) = (0, Vec::new());
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            looked_at += 1;
            if looked_at > most {
                return (found, false);
            }
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                waiting.push(entry.path());
            } else if metadata.is_file() && metadata.uid() == uid {
                let modified_us = metadata.modified().map_or(0, of_system_time);
                if modified_us >= since_us.max(1) {
                    found.push(Found { path: entry.path(), modified_us, device: metadata.dev() });
                }
            }
        }
    }
    (found, true)
}

fn read(found: &Found, file_systems: &mut BTreeMap<u64, String>) -> OperatorFile {
    let mut head = Vec::new();
    // A file that cannot be read has no text in which a version could be found.
    let _ = File::open(&found.path).and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut head));
    OperatorFile {
        path: found.path.to_string_lossy().into_owned(),
        // One question for each device, not for each file.
        file_system: file_systems.entry(found.device).or_insert_with(|| file_system(&found.path)).clone(),
        modified_us: found.modified_us,
        text: String::from_utf8_lossy(&head).into_owned(),
        tracked: is_tracked(&found.path),
    }
}

fn file_system(path: &Path) -> String {
    let stat = Command::new("stat").args(["--file-system", "--format=%T"]).arg(path).stdin(Stdio::null()).output();
    stat.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

/// Whether git tracks the file. Most files are in no repository, and git is not asked.
fn is_tracked(path: &Path) -> bool {
    let Some(folder) = path.parent().filter(|folder| folder.ancestors().any(|one| one.join(".git").exists())) else {
        return false;
    };
    // The repository is the operator's and not root's, which git would refuse.
    Command::new("git")
        .args(["-c", "safe.directory=*", "-C"])
        .arg(folder)
        .args(["ls-files", "--error-unmatch", "--"])
        .arg(path)
        .stdin(Stdio::null())
        .output()
        .is_ok_and(|output| output.status.success())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    const WIDE: Bounds = Bounds { looked_at: 1000, files: 1000, escaped: 1 << 20 };

    /// Files of these ages (seconds) and texts, and what is reported of them: names and texts.
    fn reported(files: &[(&str, u64, &str)], bounds: Bounds) -> Vec<(String, String)> {
        let folder = tempfile::tempdir().unwrap();
        crate::clock::now_us(); // The clock begins here.
        // Far in the future: later than the clock's beginning.
        let base = UNIX_EPOCH + Duration::from_secs(10_000_000_000);
        for (name, age, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            File::options().write(true).open(&path).unwrap().set_modified(base - Duration::from_secs(*age)).unwrap();
        }
        let uid = fs::metadata(folder.path()).unwrap().uid();
        let found = files_of(uid, vec![folder.path().to_owned()], 0, bounds);
        let prefix = format!("{}/", folder.path().display());
        found.into_iter().map(|file| (file.path.replace(&prefix, ""), file.text)).collect()
    }

    fn pairs(wanted: &[(&str, &str)]) -> Vec<(String, String)> {
        wanted.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    const FILES: [(&str, u64, &str); 4] = [("a", 40, "one"), ("b/c", 10, "two"), ("d", 30, "three"), ("e", 20, "\0\0")];

    #[test]
    fn few_files_are_all_reported_in_order_of_path() {
        let all = [("a", "one"), ("b/c", "two"), ("d", "three"), ("e", "\0\0")];
        assert_eq!(reported(&FILES, WIDE), pairs(&all));
        assert_eq!(reported(&[], WIDE), pairs(&[]));
    }

    #[test]
    fn of_many_the_newest_are_reported_and_the_rest_is_told() {
        let newest = pairs(&[("b/c", "two"), ("e", "\0\0"), ("(2 older files are not reported)", "")]);
        assert_eq!(reported(&FILES, Bounds { files: 2, ..WIDE }), newest);
    }

    #[test]
    fn a_report_has_a_ceiling_whatever_the_files_hold() {
        let text = "\0".repeat(5000);
        let names: Vec<String> = (0..9).map(|n| format!("f{n}")).collect();
        let files: Vec<(&str, u64, &str)> = (0..).zip(&names).map(|(age, name)| (name.as_str(), age, &*text)).collect();
        // Three heads of 4 KiB fit, each six times as long in JSON.
        let some = reported(&files, Bounds { escaped: 80_000, ..WIDE });
        let names: Vec<&str> = some.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["f0", "f1", "f2", "(6 older files are not reported)"]);
        assert_eq!(some[0].1.len(), 4096);
    }

    #[test]
    fn that_not_all_was_looked_at_is_told() {
        let cut = reported(&FILES, Bounds { looked_at: 2, ..WIDE });
        assert_eq!(cut.last().unwrap().0, "(only 2 files and folders were looked at)");
    }
}
