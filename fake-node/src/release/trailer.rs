//! How a release travels inside the binary: a trailer after the end of the ELF file, which loaders do not look at.
//!
//! So every release has its own SHA-256 (the version oracle of design.md decision 7) and is still one static file.
//! Layout, at the very end of the file: JSON of the release, its SHA-256, its length, the magic.

use sha2::{Digest, Sha256};

use super::Release;

/// Last bytes of a file that carries a release.
const MAGIC: [u8; 16] = *b"rollback-drill/1";
/// SHA-256 (32 bytes), length as u64 little endian (8 bytes), magic (16 bytes).
const FOOTER: usize = 32 + 8 + MAGIC.len();

/// The largest trailer, footer included, in bytes.
pub const TRAILER_MAX: usize = 1 << 20;

/// How many bytes of the end of an executable [`extract`] needs at most.
pub const TAIL_MAX: usize = TRAILER_MAX;

/// Why a release could not be put into, or taken from, an executable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrailerError {
    /// There is no trailer.
    #[error("no release is embedded: the file does not end with the mark of rollback-drill")]
    Absent,
    /// There is a trailer, but not a whole one.
    #[error("the embedded release is damaged: {0}; build and embed it again")]
    Damaged(String),
    /// The release would need more than [`TRAILER_MAX`].
    #[error("the release is {0} bytes long as a trailer; at most 1048576 are embedded: shorten its commits")]
    TooLong(usize),
}

/// The executable with the release appended; a trailer that it already has is replaced.
///
/// # Errors
/// [`TrailerError::TooLong`] when the release needs more than [`TRAILER_MAX`] bytes.
pub fn embed(executable: &[u8], release: &Release) -> Result<Vec<u8>, TrailerError> {
    let json = serde_json::to_vec(release).map_err(|error| TrailerError::Damaged(error.to_string()))?;
    let trailer = json.len() + FOOTER;
    if trailer > TRAILER_MAX {
        return Err(TrailerError::TooLong(trailer));
    }
    let bare = match payload(executable) {
        Ok(old) => executable.len() - old.len() - FOOTER,
        Err(_) => executable.len(),
    };
    let mut out = Vec::with_capacity(bare + trailer);
    out.extend_from_slice(executable.get(..bare).unwrap_or_default());
    out.extend_from_slice(&json);
    out.extend_from_slice(&Sha256::digest(&json));
    out.extend_from_slice(&(json.len() as u64).to_le_bytes());
    out.extend_from_slice(&MAGIC);
    Ok(out)
}

/// The release in an executable, or in its last [`TAIL_MAX`] bytes.
///
/// # Errors
/// [`TrailerError::Absent`] for a file without a trailer, [`TrailerError::Damaged`] for one that is cut, changed or out
/// of bounds.
pub fn extract(executable: &[u8]) -> Result<Release, TrailerError> {
    let json = payload(executable)?;
    let release: Release = serde_json::from_slice(json).map_err(|error| TrailerError::Damaged(error.to_string()))?;
    release.check("(embedded)").map_err(|error| TrailerError::Damaged(error.to_string()))?;
    Ok(release)
}

/// The JSON of a whole trailer.
fn payload(executable: &[u8]) -> Result<&[u8], TrailerError> {
    let damaged = |what: &str| TrailerError::Damaged(what.to_owned());
    let rest = executable.strip_suffix(&MAGIC).ok_or(TrailerError::Absent)?;
    let (rest, length) = rest.split_last_chunk::<8>().ok_or_else(|| damaged("its length is cut off"))?;
    let (rest, checksum) = rest.split_last_chunk::<32>().ok_or_else(|| damaged("its checksum is cut off"))?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| damaged("its length is impossible"))?;
    if length > TRAILER_MAX - FOOTER {
        return Err(damaged("its length is over 1 MiB"));
    }
    let start = rest.len().checked_sub(length).ok_or_else(|| damaged("it is longer than the file"))?;
    let json = rest.get(start..).unwrap_or_default();
    if Sha256::digest(json).as_slice() != checksum {
        return Err(damaged("its checksum does not fit"));
    }
    Ok(json)
}
