//! The files of a bundle: listed, hashed, and replaced as a whole.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::{BundleError, io};

/// A folder with more files is no bundle.
const FILES_MAX: u64 = 10_000;

/// Nor is one with folders deeper than this; captures lie at depth 3.
const DEPTH_MAX: u64 = 8;

/// One file as the manifest lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleFile {
    /// Path in the bundle, with `/`.
    pub path: String,
    /// Bytes.
    pub bytes: u64,
    /// Of its content, lower-case hex.
    pub sha256: String,
}

/// All regular files below a folder, by path. Links are not followed: a bundle has none, and a planted one would lead out.
pub(super) fn list(root: &Path) -> Result<Vec<String>, BundleError> {
    let mut found = Vec::new();
    let mut folders = vec![(root.to_owned(), String::new(), 0)];
    while let Some((folder, prefix, depth)) = folders.pop() {
        if depth > DEPTH_MAX {
            return Err(BundleError::TooMuch { path: root.to_owned(), ceiling: DEPTH_MAX, of: "levels of folders" });
        }
        for entry in fs::read_dir(&folder).map_err(io("list", &folder))? {
            let entry = entry.map_err(io("list", &folder))?;
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type().map_err(io("look at", entry.path()))?;
            if kind.is_dir() {
                folders.push((entry.path(), format!("{path}/"), depth + 1));
            } else if kind.is_file() {
                found.push(path);
            }
            if (found.len() + folders.len()) as u64 > FILES_MAX {
                return Err(BundleError::TooMuch { path: root.to_owned(), ceiling: FILES_MAX, of: "files" });
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Size and SHA-256 of a file, read a piece at a time.
pub(super) fn describe(root: &Path, path: &str) -> Result<BundleFile, BundleError> {
    let place = root.join(path);
    let mut file = File::open(&place).map_err(io("read", &place))?;
    let (mut hash, mut bytes, mut piece) = (Sha256::new(), 0, vec![0; 64 << 10]);
    loop {
        let read = file.read(&mut piece).map_err(io("read", &place))?;
        if read == 0 {
            break;
        }
        hash.update(piece.get(..read).unwrap_or_default());
        bytes += read as u64;
    }
    let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(BundleFile { path: path.to_owned(), bytes, sha256 })
}

/// Where a file is written before it gets its name.
pub(super) fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// Writes a file so that its name only ever stands for a whole one.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), BundleError> {
    let unfinished = temporary(path);
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    };
    write().map_err(|error| {
        // Half a file helps nobody; if it cannot be removed either, the next writing replaces it.
        let _ = fs::remove_file(&unfinished);
        io("write", path)(error)
    })
}

/// What a capture is called in the bundle: the last part of the given name, without what could lead elsewhere or break a
/// line. Nothing usable left gives `unnamed`.
pub(super) fn file_name(given: &str) -> String {
    const NAME_BYTES_MAX: usize = 200;
    let last = given.rsplit('/').find(|part| !part.is_empty()).unwrap_or_default();
    let mut name: String = last.chars().map(|c| if c.is_control() || c == '\\' { '_' } else { c }).collect();
    let mut end = name.len().min(NAME_BYTES_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.truncate(end);
    if name.is_empty() || name == "." || name == ".." { "unnamed".into() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capture_keeps_its_name_but_leads_nowhere() {
        for (given, name) in [
            ("/tmp/pre-1732.json", "pre-1732.json"),
            ("status.txt", "status.txt"),
            ("../../etc/passwd", "passwd"),
            ("a/..", "unnamed"),
            ("", "unnamed"),
            ("/", "unnamed"),
            ("a\nb\0c\\d", "a_b_c_d"),
            ("two words", "two words"),
        ] {
            assert_eq!(file_name(given), name, "{given:?}");
        }
        assert_eq!(file_name(&"ä".repeat(300)).len(), 200);
    }

    #[test]
    fn links_are_not_followed_and_files_are_in_order() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("captures")).unwrap();
        for name in ["z", "captures/b", "captures/a"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        std::os::unix::fs::symlink("/etc", folder.path().join("out")).unwrap();
        assert_eq!(list(folder.path()).unwrap(), ["captures/a", "captures/b", "z"]);
        let described = describe(folder.path(), "z").unwrap();
        assert_eq!(described.bytes, 1);
        assert!(described.sha256.starts_with("594e519a"), "{}", described.sha256);
    }
}
