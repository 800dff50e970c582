//! Where the project's data files are.

use std::path::{Path, PathBuf};

/// The folder that holds `scenarios/`: the first one from `start` upwards that has `scenarios/cases`, else the workspace
/// that this program was built from.
pub fn locate(start: &Path) -> PathBuf {
    start
        .ancestors()
        .find(|folder| folder.join("scenarios").join("cases").is_dir())
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), Path::to_path_buf)
}
