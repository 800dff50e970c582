//! What a repository holds: commits with their trees, and the ids that real git would give them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use crate::spec::ReleaseCommits;

/// Who commits in the harness's stream.
pub const COMMITTER: &str = "TensorWasm <dev@example.invalid>";
/// The time of the stream's zeroth commit; each is a day after the one before.
const FIRST: u64 = 1_700_000_000;
/// Seconds of a day.
const DAY: u64 = 86_400;
/// Histories kept; a scenario has one.
const KEPT_MAX: usize = 16;

/// A tree, flat: paths and contents.
pub type Tree = BTreeMap<String, Arc<[u8]>>;

/// A commit of a history without branches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Seconds since 1970, UTC.
    pub time: u64,
    /// Its message, without a newline.
    pub subject: String,
    /// All files.
    pub tree: Arc<Tree>,
}

/// Releases and the history that they make.
type Shared = (Arc<[ReleaseCommits]>, Arc<History>);

/// A history that was imported.
#[derive(Debug, Default)]
pub struct History {
    /// Oldest first; each is the parent of the next.
    pub commits: Vec<Commit>,
    /// Full names of references, and which commit.
    pub refs: BTreeMap<String, usize>,
    ids: OnceLock<Vec<String>>,
}

impl History {
    /// What [`fast_import`]'s stream makes of these releases.
    pub fn of(releases: &[ReleaseCommits]) -> History {
        let mut history = History::default();
        let mut tree = Tree::new();
        for release in releases {
            for subject in &release.subjects {
                let own = ("VERSION".to_owned(), release.version.clone());
                for (path, text) in release.files.iter().chain([&own]) {
                    tree.insert(path.clone(), Arc::from(text.as_bytes()));
                }
                let time = FIRST + (history.commits.len() as u64 + 1) * DAY;
                history.commits.push(Commit { time, subject: subject.clone(), tree: Arc::new(tree.clone()) });
                history.refs.insert("refs/heads/main".to_owned(), history.commits.len() - 1);
            }
            if let Some(last) = history.commits.len().checked_sub(1) {
                history.refs.insert(format!("refs/tags/v{}", release.version), last);
            }
        }
        history
    }

    /// The same, made once for each list of releases: all drills of a scenario share it.
    pub fn shared(releases: &Arc<[ReleaseCommits]>) -> Arc<History> {
        thread_local! {
            // What stands in it follows from its key alone.
            static KEPT: RefCell<Vec<Shared>> = const { RefCell::new(Vec::new()) };
        }
        KEPT.with_borrow_mut(|kept| {
            if let Some((_, known)) = kept.iter().find(|(key, _)| same(key, releases)) {
                return known.clone();
            }
            if kept.len() >= KEPT_MAX {
                kept.clear();
            }
            let made = Arc::new(History::of(releases));
            kept.push((releases.clone(), made.clone()));
            made
        })
    }

    /// A commit's id, 40 hex digits.
    pub fn id(&self, commit: usize) -> &str {
        self.ids().get(commit).map_or("", String::as_str)
    }

    /// All ids, oldest first.
    pub fn ids(&self) -> &[String] {
        self.ids.get_or_init(|| {
            let mut ids: Vec<String> = Vec::new();
            for Commit { time, subject, tree } in &self.commits {
                let parent = ids.last().map(|parent| format!("parent {parent}\n")).unwrap_or_default();
                let who = format!("{COMMITTER} {time} +0000");
                let tree = hex(tree_id(tree));
                let text = format!("tree {tree}\n{parent}author {who}\ncommitter {who}\n\n{subject}");
                ids.push(hex(object_id("commit", text.as_bytes())));
            }
            ids
        })
    }
}

fn same(a: &Arc<[ReleaseCommits]>, b: &Arc<[ReleaseCommits]>) -> bool {
    let equal = |a: &ReleaseCommits, b: &ReleaseCommits| {
        a.version == b.version && a.subjects == b.subjects && a.files == b.files
    };
    Arc::ptr_eq(a, b) || a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| equal(a, b))
}

/// The stream that `git fast-import` makes the repository from, on either host: the commits of each release in turn, a day
/// apart, each release tagged `vX.Y.Z`. The times are of no meaning and the same in every drill.
pub fn fast_import(releases: &[ReleaseCommits]) -> Vec<u8> {
    let mut stream = String::new();
    let mut mark = 0;
    for ReleaseCommits { version, subjects, files } in releases {
        for subject in subjects {
            mark += 1;
            let time = FIRST + mark * DAY;
            let parent = if mark > 1 { format!("from :{}\n", mark - 1) } else { String::new() };
            stream.push_str(&format!(
                "commit refs/heads/main\nmark :{mark}\ncommitter {COMMITTER} {time} +0000\n\
                 data {}\n{subject}\n{parent}",
                subject.len(),
            ));
            let own = ("VERSION".to_owned(), version.clone());
            for (path, text) in files.iter().chain([&own]) {
                stream.push_str(&format!("M 100644 inline {path}\ndata {}\n{text}\n", text.len()));
            }
            stream.push('\n');
        }
        stream.push_str(&format!("reset refs/tags/v{version}\nfrom :{mark}\n\n"));
    }
    stream.into_bytes()
}

/// A blob's id.
pub fn blob_id(bytes: &[u8]) -> String {
    hex(object_id("blob", bytes))
}

/// An object's id.
pub(super) fn object_id(kind: &str, bytes: &[u8]) -> [u8; 20] {
    let mut object = format!("{kind} {}\0", bytes.len()).into_bytes();
    object.extend_from_slice(bytes);
    sha1(&object)
}

/// A tree's id: folders are trees of their own, in the order of their names with a slash.
pub(super) fn tree_id(tree: &Tree) -> [u8; 20] {
    let mut entries: BTreeMap<String, (&'static str, String, [u8; 20])> = BTreeMap::new();
    let mut folders: BTreeMap<String, Tree> = BTreeMap::new();
    for (path, bytes) in tree {
        match path.split_once('/') {
            Some((folder, rest)) => {
                folders.entry(folder.to_owned()).or_default().insert(rest.to_owned(), bytes.clone());
            }
            None => {
                entries.insert(path.clone(), ("100644", path.clone(), object_id("blob", bytes)));
            }
        }
    }
    for (name, inner) in &folders {
        entries.insert(format!("{name}/"), ("40000", name.clone(), tree_id(inner)));
    }
    let mut object = Vec::new();
    for (mode, name, id) in entries.values() {
        object.extend_from_slice(format!("{mode} {name}\0").as_bytes());
        object.extend_from_slice(id);
    }
    object_id("tree", &object)
}

fn hex(bytes: [u8; 20]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-1 (FIPS 180-4, section 6.1): git's names of objects, nothing of security.
pub(super) fn sha1(message: &[u8]) -> [u8; 20] {
    let mut state: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let mut padded = message.to_vec();
    padded.push(0x80);
    padded.resize(padded.len().next_multiple_of(64), 0);
    if padded.len() - message.len() < 9 {
        padded.resize(padded.len() + 64, 0);
    }
    let length = (message.len() as u64 * 8).to_be_bytes();
    let end = padded.len();
    if let Some(place) = padded.get_mut(end - 8..) {
        place.copy_from_slice(&length);
    }
    for block in padded.chunks_exact(64) {
        let mut words: Vec<u32> = block
            .chunks_exact(4)
            .map(|bytes| bytes.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)))
            .collect();
        for at in 16..80 {
            let word = |back: usize| words.get(at - back).copied().unwrap_or(0);
            let new = (word(3) ^ word(8) ^ word(14) ^ word(16)).rotate_left(1);
            words.push(new);
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (round, word) in words.iter().enumerate() {
            let (f, k) = match round / 20 {
                0 => (b & c | !b & d, 0x5a82_7999_u32),
                1 => (b ^ c ^ d, 0x6ed9_eba1),
                2 => (b & c | b & d | c & d, 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6),
            };
            let next = a.rotate_left(5).wrapping_add(f).wrapping_add(e).wrapping_add(k).wrapping_add(*word);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        }
        for (sum, value) in state.iter_mut().zip([a, b, c, d, e]) {
            *sum = sum.wrapping_add(value);
        }
    }
    let mut digest = [0; 20];
    for (place, byte) in digest.iter_mut().zip(state.iter().flat_map(|word| word.to_be_bytes())) {
        *place = byte;
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_byte_for_byte_the_same() {
        let release = |version: &str, subjects: &[&str], files: &[(&str, &str)]| ReleaseCommits {
            version: version.into(),
            subjects: subjects.iter().map(|subject| (*subject).to_owned()).collect(),
            files: files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect(),
        };
        let stream = fast_import(&[
            release("0.1.0", &["Begin", "Serve ü"], &[("a/b.yml", "x: 1\n")]),
            release("0.2.0", &["Go on"], &[]),
        ]);
        let wanted = "\
commit refs/heads/main
mark :1
committer TensorWasm <dev@example.invalid> 1700086400 +0000
data 5
Begin
M 100644 inline a/b.yml
data 5
x: 1

M 100644 inline VERSION
data 5
0.1.0

commit refs/heads/main
mark :2
committer TensorWasm <dev@example.invalid> 1700172800 +0000
data 8
Serve ü
from :1
M 100644 inline a/b.yml
data 5
x: 1

M 100644 inline VERSION
data 5
0.1.0

reset refs/tags/v0.1.0
from :2

commit refs/heads/main
mark :3
committer TensorWasm <dev@example.invalid> 1700259200 +0000
data 5
Go on
from :2
M 100644 inline VERSION
data 5
0.2.0

reset refs/tags/v0.2.0
from :3

";
        assert_eq!(String::from_utf8(stream), Ok(wanted.to_owned()));
        assert_eq!(fast_import(&[]), b"");
    }

    // NIST's examples, and `git hash-object`.
    #[test]
    fn ids_are_sha1() {
        assert_eq!(hex(sha1(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(hex(sha1(b"")), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        let long = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        assert_eq!(hex(sha1(long.as_bytes())), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
        assert_eq!(hex(sha1(&[b'a'; 1000])), "291e9a6c66994949b57ba5e650361e98fc36b1ba");
        assert_eq!(blob_id(b"hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
        assert_eq!(hex(tree_id(&Tree::new())), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    }
}
