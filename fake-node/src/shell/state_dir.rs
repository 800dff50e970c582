//! The state directory on disk: read at the start, written in one step.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use fake_node::node::{STATE_FILES_MAX, StateDirectory, StateFile};
use fake_node::snapshot::{SNAPSHOT_MAX, SUFFIX};

/// Most entries of the directory looked at.
const ENTRIES_MAX: usize = 65_536;

/// Reads every snapshot file of the directory, at most one more than the node takes, each at most one byte longer: so
/// it is the node that says what is too much.
pub fn read(directory: &Path) -> StateDirectory {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return StateDirectory::Missing,
        Err(error) => return StateDirectory::Unreadable(error.to_string()),
    };
    let mut files = Vec::new();
    for entry in entries.take(ENTRIES_MAX) {
        let name = match entry {
            Ok(entry) => entry.file_name().to_string_lossy().into_owned(),
            Err(error) => return StateDirectory::Unreadable(error.to_string()),
        };
        if name.ends_with(SUFFIX) && files.len() <= STATE_FILES_MAX {
            let content = read_file(&directory.join(&name)).map_err(|error| error.to_string());
            files.push(StateFile { name, content });
        }
    }
    StateDirectory::Files(files)
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for a writer for ever.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(SNAPSHOT_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes a file beside its place and renames it, so that a reader sees the old content or the new.
pub fn write(directory: &Path, file: &str, bytes: &[u8]) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o750).create(directory)?;
    // Does not end as a snapshot does: a start after a crash in between must not read it.
    let beside = directory.join(format!(".{file}.tmp"));
    let written = (|| {
        let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(&beside)?;
        out.write_all(bytes)?;
        out.sync_all()?;
        fs::rename(&beside, directory.join(file))
    })();
    if written.is_err() {
        // What is left of it is no use; that it cannot be removed either changes nothing.
        let _ = fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        assert_eq!(read(&state), StateDirectory::Missing);
        write(&state, "a.tensor-wasm", b"old").unwrap();
        write(&state, "a.tensor-wasm", b"new").unwrap();
        fs::write(state.join("notes.txt"), "x").unwrap();
        fs::create_dir(state.join("b.tensor-wasm")).unwrap();
        let StateDirectory::Files(mut files) = read(&state) else { panic!("unreadable") };
        files.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(
            files,
            [
                StateFile { name: "a.tensor-wasm".into(), content: Ok(b"new".to_vec()) },
                StateFile { name: "b.tensor-wasm".into(), content: Err("not a regular file".into()) },
            ]
        );
        let mode = fs::metadata(state.join("a.tensor-wasm")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert!(matches!(read(&state.join("notes.txt")), StateDirectory::Unreadable(_)));
    }

    #[test]
    fn a_write_that_fails_leaves_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a.tensor-wasm")).unwrap();
        assert!(write(folder.path(), "a.tensor-wasm", b"x").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
