//! Who owns a host: each harness process holds a locked file, hosts carry its path as a label, and only hosts whose
//! owner is dead (its lock is free) are ever removed by another.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use super::HostError;

/// Marks everything of this project on an engine; its value is the kind of thing.
pub const LABEL_KIND: &str = "rollback-drill.kind";
/// The machine that the owner runs on.
pub const LABEL_MACHINE: &str = "rollback-drill.machine";
/// The owner's lock file.
pub const LABEL_OWNER: &str = "rollback-drill.owner";

/// A host younger than this is left alone where its owner's lock file is missing: no lock says that the owner is dead.
const YOUNG: Duration = Duration::from_secs(60);
/// Lock files are called `owner-PID.lock`.
const LOCK: (&str, &str) = ("owner-", ".lock");

static OWNER: OnceLock<Result<(PathBuf, File), String>> = OnceLock::new();

/// Folder for locks of this user on this machine. Each user has one of their own: another's could not be written to.
pub fn state_folder() -> Result<PathBuf, HostError> {
    state_folder_in(&std::env::temp_dir()).map_err(HostError::Environment)
}

fn state_folder_in(temporary: &Path) -> Result<PathBuf, String> {
    let uid = rustix::process::geteuid().as_raw();
    let folder = temporary.join(format!("rollback-drill-{uid}"));
    let why = |what: String| format!("{}: {what}; set TMPDIR to a writable folder", folder.display());
    std::fs::create_dir_all(&folder).map_err(|error| why(format!("cannot be created: {error}")))?;
    let found = std::fs::symlink_metadata(&folder).map_err(|error| why(format!("cannot be looked at: {error}")))?;
    if !found.is_dir() || found.uid() != uid {
        return Err(why(format!("is not a folder of the user with id {uid}")));
    }
    Ok(folder)
}

/// This process's lock file, locked until the process ends, however it ends.
pub fn this_owner() -> Result<PathBuf, HostError> {
    let made = OWNER.get_or_init(|| {
        let folder = state_folder().map_err(|error| error.to_string())?;
        // A process id can come again; the lock, not the name, tells who lives.
        let path = folder.join(format!("{}{}{}", LOCK.0, std::process::id(), LOCK.1));
        locked(&path).map(|file| (path, file))
    });
    match made {
        Ok((path, _)) => Ok(path.clone()),
        Err(why) => Err(HostError::Environment(why.clone())),
    }
}

/// A sweep may take the file between its creation and its lock; then the lock is one of a file that nobody finds.
fn locked(path: &Path) -> Result<File, String> {
    loop {
        let file = File::create(path).map_err(|error| format!("cannot create {}: {error}", path.display()))?;
        file.lock().map_err(|error| format!("cannot lock {}: {error}", path.display()))?;
        if is_at(&file, path) {
            return Ok(file);
        }
    }
}

/// Whether this open file is the one of that name.
fn is_at(file: &File, path: &Path) -> bool {
    let id = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    file.metadata().map(id).ok().is_some_and(|own| std::fs::metadata(path).map(id).ok() == Some(own))
}

/// What an owner's lock file tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lock {
    /// Its owner lives, or nobody can tell.
    Held,
    /// Its owner is dead.
    Free,
    /// There is no such file.
    Missing,
}

fn look_at(path: &Path) -> Lock {
    if OWNER.get().and_then(|own| own.as_ref().ok()).is_some_and(|(own, _)| own == path) {
        return Lock::Held;
    }
    match File::open(path) {
        Ok(file) if file.try_lock().is_ok() => Lock::Free,
        Err(error) if error.kind() == ErrorKind::NotFound => Lock::Missing,
        _ => Lock::Held,
    }
}

/// Whether a host of this age (`None`: it is not known) has lost the owner with this lock file.
pub fn is_dead(path: &Path, age: Option<Duration>) -> bool {
    match look_at(path) {
        Lock::Held => false,
        Lock::Free => true,
        Lock::Missing => age.is_some_and(|age| age >= YOUNG),
    }
}

/// Deletes lock files of dead owners, but those that `named` hosts still have.
pub fn tidy(named: &BTreeSet<PathBuf>) -> Result<(), HostError> {
    tidy_in(&state_folder()?, named);
    Ok(())
}

/// What cannot be deleted is left: it is small, and in nobody's way.
fn tidy_in(folder: &Path, named: &BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(|name| name.starts_with(LOCK.0) && name.ends_with(LOCK.1));
        let own = OWNER.get().and_then(|own| own.as_ref().ok()).is_some_and(|(own, _)| *own == path);
        if !ours || own || named.contains(&path) {
            continue;
        }
        // Deleted under its lock: whoever creates it anew meanwhile waits for the lock, and then sees that it has gone.
        if let Ok(file) = File::open(&path)
            && file.try_lock().is_ok()
            && is_at(&file, &path)
        {
            let _ = std::fs::remove_file(&path);
        }
    }
}

/// Names this machine, so that a shared engine's hosts of other machines are left alone.
pub fn machine() -> String {
    ["/etc/machine-id", "/etc/hostname"]
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .map(|text| text.trim().to_owned())
        .find(|text| !text.is_empty())
        .unwrap_or_else(|| "unnamed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_abandoned_when_its_lock_is_free_or_long_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let held = locked(&path("held")).unwrap();
        drop(locked(&path("free")).unwrap());
        std::fs::write(path("file"), "").unwrap();
        let (young, old) = (Some(YOUNG - Duration::from_millis(1)), Some(YOUNG));
        for (name, of_young, of_old, of_unknown) in [
            ("held", false, false, false),
            ("free", true, true, true),
            ("missing", false, true, false),
            // It cannot be opened, so nothing is known of it.
            ("file/below", false, false, false),
        ] {
            let dead = [young, old, None].map(|age| is_dead(&path(name), age));
            assert_eq!(dead, [of_young, of_old, of_unknown], "{name}");
        }
        drop(held);
        assert!(is_dead(&path("held"), young));
    }

    #[test]
    fn only_free_lock_files_that_no_host_has_are_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["owner-1.lock", "owner-2.lock", "image.lock", "owner-4.txt"] {
            drop(File::create(path(name)).unwrap());
        }
        let held = locked(&path("owner-3.lock")).unwrap();
        tidy_in(folder.path(), &[path("owner-2.lock")].into());
        let left = || {
            let entries = std::fs::read_dir(folder.path()).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<BTreeSet<_>>()
        };
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(left(), names(&["image.lock", "owner-2.lock", "owner-3.lock", "owner-4.txt"]));
        drop(held);
        tidy_in(folder.path(), &BTreeSet::new());
        assert_eq!(left(), names(&["image.lock", "owner-4.txt"]));
    }

    #[test]
    fn a_lock_counts_only_if_its_file_is_still_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("owner-1.lock");
        let file = locked(&path).unwrap();
        assert!(is_at(&file, &path));
        std::fs::remove_file(&path).unwrap();
        assert!(!is_at(&file, &path));
        let other = locked(&path).unwrap();
        assert!(is_at(&other, &path) && !is_at(&file, &path));
    }

    #[test]
    fn each_user_has_a_folder_and_only_that_user_s_counts() {
        let temporary = tempfile::tempdir().unwrap();
        let uid = std::fs::metadata(temporary.path()).unwrap().uid();
        let folder = state_folder_in(temporary.path()).unwrap();
        assert_eq!(folder, temporary.path().join(format!("rollback-drill-{uid}")));
        assert_eq!(state_folder_in(temporary.path()).unwrap(), folder);
        std::fs::remove_dir(&folder).unwrap();
        std::os::unix::fs::symlink("/", &folder).unwrap();
        let why = state_folder_in(temporary.path()).unwrap_err();
        assert!(why.contains(&format!("is not a folder of the user with id {uid}; set TMPDIR")), "{why}");
    }
}
