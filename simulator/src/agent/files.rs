//! Files as the agent reads them, as root: the operator's own, one by path, all by pattern; as operator-agent/src/records.rs
//! and agent.rs.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use operator_agent::bounded;
use operator_agent::protocol::{Happened, OperatorFile};

use crate::machine::Machine;
use crate::machine::files::{Errno, Files, Ino, Kind};
use crate::machine::process::os_error;
use crate::machine::users::{ROOT, Uid, by_name};
use crate::time::Us;

/// Files of the operator that are reported; as `BOUNDS` of operator-agent/src/records.rs.
const FILES_MAX: usize = 256;
/// Of each file of the operator.
const HEAD_BYTES: usize = 4096;
/// Files read for captures.
const FILE_BYTES_MAX: usize = 1 << 20;
/// Paths of one pattern.
const PATHS_MAX: usize = 10_000;
/// Where an operator's files can lie.
const PLACES: [&str; 9] = ["/tmp", "/var/tmp", "/home", "/root", "/srv", "/opt", "/etc", "/var/lib", "/run/user"];

/// Files that belong to the operator and were changed since then, in order of their paths.
pub(super) fn of_operator(machine: &Machine, since: Us) -> Vec<OperatorFile> {
    let operator = machine.agent.setup.as_ref().and_then(|setup| by_name(&setup.operator));
    let Some(operator) = operator else { return Vec::new() };
    let mut found = Vec::new();
    for place in PLACES {
        if let Ok(ino) = machine.files.resolve(ROOT, "/", place) {
            walk(machine, (operator.uid, since.max(1)), ino, &mut place.to_owned(), &mut found);
        }
    }
    newest(found)
}

/// Of too many files the newest, and a last entry without a path that says what is missing.
fn newest(mut found: Vec<OperatorFile>) -> Vec<OperatorFile> {
    found.sort_by(|one, other| (Reverse(one.modified_us), &one.path).cmp(&(Reverse(other.modified_us), &other.path)));
    let mut left = bounded::ESCAPED_MAX;
    let fits = found.iter().take(FILES_MAX).take_while(|file| {
        let length = bounded::escaped_len(&file.path) + bounded::escaped_len(&file.text);
        left.checked_sub(length).map(|rest| left = rest).is_some()
    });
    let kept = fits.count();
    let unread = found.len() - kept;
    found.truncate(kept);
    found.sort_by(|one, other| one.path.cmp(&other.path));
    if unread > 0 {
        found.push(OperatorFile {
            path: format!("({unread} older files are not reported)"),
            file_system: String::new(),
            modified_us: 0,
            text: String::new(),
            tracked: false,
        });
    }
    found
}

/// As deep as paths are long, at the most.
fn walk(machine: &Machine, wanted: (Uid, Us), folder: Ino, path: &mut String, found: &mut Vec<OperatorFile>) {
    let (files, length) = (&machine.files, path.len());
    for (name, ino) in files.entries(folder) {
        path.push('/');
        path.push_str(name);
        let inode = files.inode(ino);
        match &inode.kind {
            Kind::Folder(_) => walk(machine, wanted, ino, path, found),
            Kind::File(_) if inode.owner == wanted.0 && inode.modified >= wanted.1 => {
                let bytes = files.bytes(ino).unwrap_or_default();
                let head = bytes.get(..HEAD_BYTES.min(bytes.len())).unwrap_or_default();
                found.push(OperatorFile {
                    path: path.clone(),
                    file_system: files.file_system(path).to_owned(),
                    modified_us: inode.modified,
                    text: crate::lossy(head).into_owned(),
                    tracked: machine.git.tracks(path),
                });
            }
            Kind::File(_) | Kind::Link(_) | Kind::Null => {}
        }
        path.truncate(length);
    }
}

/// One file, as a capture reads it.
pub(crate) fn read(machine: &mut Machine, path: &str) {
    let read = machine.files.read(ROOT, "/", path);
    let what = match read {
        Ok(bytes) => {
            let head = bytes.get(..FILE_BYTES_MAX.min(bytes.len())).unwrap_or_default();
            let text = bounded::text(head, bounded::ESCAPED_MAX);
            Happened::FileRead { text: Some(text), bytes: bytes.len() as u64, failure: None }
        }
        Err(error) => {
            Happened::FileRead { text: None, bytes: 0, failure: Some(format!("{path}: {}", os_error(error))) }
        }
    };
    machine.report(what);
}

/// All paths that match a shell pattern.
pub(crate) fn glob(machine: &mut Machine, pattern: &str) {
    let paths = matching(&machine.files, pattern).into_iter().collect();
    machine.report(Happened::Globbed { paths });
}

fn matching(files: &Files, pattern: &str) -> BTreeSet<String> {
    // (path so far, what is there)
    let mut found: Vec<(String, Ino)> =
        files.resolve(ROOT, "/", "/").map(|root| (String::new(), root)).into_iter().collect();
    let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
    for part in parts {
        let mut next = Vec::new();
        for (path, folder) in found {
            for (name, _) in files.entries(folder) {
                let hidden = name.starts_with('.') && !part.starts_with('.');
                if !hidden && next.len() < PATHS_MAX && fits(part.as_bytes(), name.as_bytes()) {
                    let path = format!("{path}/{name}");
                    match files.resolve(ROOT, "/", &path).or_else(|_| files.resolve_link(ROOT, "/", &path)) {
                        Ok(ino) => next.push((path, ino)),
                        Err(Errno::NotFound) => {}
                        Err(_) => {}
                    }
                }
            }
        }
        found = next;
    }
    found.into_iter().map(|(path, _)| path).filter(|path| !path.is_empty()).collect()
}

/// Whether a name fits one part of a pattern: `*`, `?`, `[…]`, `\c`.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    // For each end of the pattern read so far, whether the name read so far fits: no backtracking.
    let Some((first, rest)) = pattern.split_first() else { return name.is_empty() };
    match first {
        b'*' => (0..=name.len()).any(|taken| fits(rest, name.get(taken..).unwrap_or_default())),
        b'?' => name.split_first().is_some_and(|(_, left)| fits(rest, left)),
        b'[' => match (rest.iter().skip(1).position(|byte| *byte == b']'), name.split_first()) {
            (Some(end), Some((byte, left))) => {
                let set = rest.get(..=end).unwrap_or_default();
                in_set(set, *byte) && fits(rest.get(end + 2..).unwrap_or_default(), left)
            }
            _ => name.first() == Some(&b'[') && fits(rest, name.get(1..).unwrap_or_default()),
        },
        b'\\' => match (rest.split_first(), name.split_first()) {
            (Some((wanted, rest)), Some((byte, left))) => wanted == byte && fits(rest, left),
            _ => false,
        },
        _ => name.first() == Some(first) && fits(rest, name.get(1..).unwrap_or_default()),
    }
}

fn in_set(set: &[u8], byte: u8) -> bool {
    let (negated, set) = match set.split_first() {
        Some((b'!' | b'^', rest)) => (true, rest),
        _ => (false, set),
    };
    let mut within = false;
    let mut at = 0;
    while let Some(low) = set.get(at) {
        match (set.get(at + 1), set.get(at + 2)) {
            (Some(b'-'), Some(high)) => {
                within |= (low..=high).contains(&&byte);
                at += 3;
            }
            _ => {
                within |= *low == byte;
                at += 1;
            }
        }
    }
    within != negated
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::files::Names;

    #[test]
    fn of_many_files_the_newest_are_reported_and_the_rest_is_told() {
        let file = |number: u64, text: &str| OperatorFile {
            path: format!("/tmp/{number:04}"),
            file_system: "overlayfs".into(),
            modified_us: number,
            text: text.into(),
            tracked: false,
        };
        let few: Vec<OperatorFile> = (0..9).map(|number| file(number, "x")).collect();
        assert_eq!(newest(few.clone()), few);
        let many = newest((0..300).map(|number| file(number, "x")).collect());
        assert_eq!((many.len(), many[0].path.as_str()), (FILES_MAX + 1, "/tmp/0044"));
        assert_eq!(many[FILES_MAX].path, "(44 older files are not reported)");
        let long = "\0".repeat(HEAD_BYTES);
        let long = newest((0..200).map(|number| file(number, &long)).collect());
        assert!(long.len() < 150 && long.last().unwrap().path.ends_with("not reported)"), "{}", long.len());
    }

    #[test]
    fn patterns_fit_as_in_bash() {
        let mut files = Files::default();
        files.plant("/tmp", ROOT, 0o1777, Kind::Folder(Names::default())).unwrap();
        for name in ["a-1.json", "a-2.json", "b.json", ".a-3.json", "a-x.json", "a"] {
            files.make_folder(ROOT, "/tmp", name, 0o755, 1).unwrap();
        }
        files.make_link(ROOT, "/tmp", "a-9.json", "nowhere", 1).unwrap();
        for (pattern, wanted) in [
            ("/tmp/a-*.json", &["/tmp/a-1.json", "/tmp/a-2.json", "/tmp/a-9.json", "/tmp/a-x.json"][..]),
            ("/tmp/a-[0-2].json", &["/tmp/a-1.json", "/tmp/a-2.json"]),
            ("/tmp/a-[!0-9].json", &["/tmp/a-x.json"]),
            ("/t?p/?", &["/tmp/a"]),
            ("/tmp/\\a", &["/tmp/a"]),
            ("/tmp/.a*", &["/tmp/.a-3.json"]),
            ("/tmp/none*", &[]),
            ("/*/b.json", &["/tmp/b.json"]),
        ] {
            let found: Vec<String> = matching(&files, pattern).into_iter().collect();
            assert_eq!(found, wanted, "{pattern}");
        }
    }
}
