//! Why a bundle cannot be written or read.

use std::path::PathBuf;

use super::redact::SECRET_BYTES_MIN;
use crate::history::read::HistoryError;

/// What failed, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The file system said no.
    #[error("cannot {action} {path}: {source}; {next}")]
    Io {
        /// Such as `write`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
        /// What to do.
        next: &'static str,
    },
    /// Every name for the folder is taken.
    #[error(
        "{path} and its numbered names up to -{ceiling} exist already; move old bundles away or give another --out"
    )]
    Taken {
        /// The first name.
        path: PathBuf,
        /// The last number tried.
        ceiling: u32,
    },
    /// Every place for a capture is taken.
    #[error(
        "{path}: {ceiling} captures have this name already, which no runbook needs; is a command repeated without end?"
    )]
    CaptureTaken {
        /// The first place.
        path: PathBuf,
        /// The last number tried.
        ceiling: u32,
    },
    /// A secret too short to be told from other text.
    #[error(
        "a planted secret is shorter than {SECRET_BYTES_MIN} bytes, so it would be found in words that are none; plant a longer one"
    )]
    ShortSecret,
    /// An event that is none any more without the secret.
    #[error(
        "an event cannot be written without a planted secret, which is one of the History's own words ({source}); plant another secret"
    )]
    SecretIsAWord {
        /// Why.
        source: serde_json::Error,
    },
    /// A value that JSON cannot say.
    #[error("{path} cannot be written as JSON ({source}): a defect of the harness, please report it")]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Files that were written after the recorded search hold a secret.
    #[error(
        "a planted secret is in {files} of {path}, written after the recorded search; delete the bundle and report it"
    )]
    SecretLeft {
        /// The bundle.
        path: PathBuf,
        /// The files.
        files: String,
    },
    /// More than a bundle can have.
    #[error("{path} has more than {ceiling} {of}, the ceiling for a bundle; is it one?")]
    TooMuch {
        /// The folder.
        path: PathBuf,
        /// The ceiling.
        ceiling: u64,
        /// Of what.
        of: &'static str,
    },
    /// The History cannot be judged.
    #[error(transparent)]
    History(#[from] HistoryError),
}

/// For `map_err`: what was being done to which file. A full disk is the case that has an advice of its own.
pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> BundleError {
    let path = path.into();
    move |source| {
        let next = match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                "free some space, or give another --out; what was written so far is kept"
            }
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                "give an --out that you may write to"
            }
            _ => "see that the folder exists and is not changed while a drill runs",
        };
        BundleError::Io { action, path, source, next }
    }
}
