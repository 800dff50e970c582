//! Who owns a host: each harness process holds a locked file, hosts carry its path as a label, and only hosts whose
//! owner is dead (its lock is free) are ever removed by another.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::HostError;

/// Marks everything of this project on an engine; its value is the kind of thing.
pub const LABEL_KIND: &str = "rollback-drill.kind";
/// The machine that the owner runs on.
pub const LABEL_MACHINE: &str = "rollback-drill.machine";
/// The owner's lock file.
pub const LABEL_OWNER: &str = "rollback-drill.owner";

static OWNER: OnceLock<Result<(PathBuf, File), String>> = OnceLock::new();

/// Folder for locks and caches of this user on this machine.
pub fn state_folder() -> Result<PathBuf, HostError> {
    let folder = std::env::temp_dir().join("rollback-drill");
    std::fs::create_dir_all(&folder).map_err(|error| {
        HostError::Environment(format!("cannot create {}: {error}; set TMPDIR to a writable folder", folder.display()))
    })?;
    Ok(folder)
}

/// This process's lock file, locked until the process ends, however it ends.
pub fn this_owner() -> Result<PathBuf, HostError> {
    let made = OWNER.get_or_init(|| {
        let folder = state_folder().map_err(|error| error.to_string())?;
        // A process id can come again; the lock, not the name, tells who lives.
        let path = folder.join(format!("owner-{}.lock", std::process::id()));
        let file = File::create(&path).map_err(|error| format!("cannot create {}: {error}", path.display()))?;
        file.lock().map_err(|error| format!("cannot lock {}: {error}", path.display()))?;
        Ok((path, file))
    });
    match made {
        Ok((path, _)) => Ok(path.clone()),
        Err(why) => Err(HostError::Environment(why.clone())),
    }
}

/// Whether the owner with this lock file is dead. A file that is missing or cannot be opened has no living owner.
pub fn is_dead(path: &Path) -> bool {
    if OWNER.get().and_then(|own| own.as_ref().ok()).is_some_and(|(own, _)| own == path) {
        return false;
    }
    match File::open(path) {
        Ok(file) => !matches!(file.try_lock(), Err(TryLockError::WouldBlock)),
        Err(_) => true,
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
