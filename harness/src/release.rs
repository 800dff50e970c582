//! Releases of the node: their data files, the faults they are born with in a scenario, and their executables.

use std::path::Path;

use fake_node::release::{Artifact, Inborn, Release, embed};
use semver::Version;
use sha2::{Digest, Sha256};

/// A release that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ReleaseError(String);

/// Loads `folder/vX.Y.Z.toml`, where `folder` is a profile's, and gives it the faults of a scenario.
pub fn load(folder: &Path, version: &Version, born_with: Vec<Inborn>) -> Result<Release, ReleaseError> {
    let path = folder.join(format!("v{version}.toml"));
    let origin = path.display().to_string();
    let text = std::fs::read_to_string(&path)
        .map_err(|error| ReleaseError(format!("{origin}: {error}; a release is a data file in that folder")))?;
    let mut release = Release::from_toml(&origin, &text).map_err(|error| ReleaseError(error.to_string()))?;
    if release.version != *version {
        return Err(ReleaseError(format!("{origin}: it says version {}, its name says {version}", release.version)));
    }
    release.born_with.extend(born_with);
    release.check(&origin).map_err(|error| ReleaseError(error.to_string()))?;
    match release.artifact {
        Artifact::Fake => Ok(release),
        Artifact::Binary { .. } | Artifact::Image { .. } => Err(ReleaseError(format!(
            "{origin}: real binaries and images cannot be drilled yet, use artifact = \"fake\""
        ))),
    }
}

/// A release's executable.
#[derive(Debug, Clone)]
pub struct Executable {
    /// The file.
    pub bytes: Vec<u8>,
    /// Lower-case hex.
    pub sha256: String,
}

/// Puts a release into the static node binary.
pub fn executable(node: &[u8], release: &Release) -> Result<Executable, ReleaseError> {
    let bytes = embed(node, release).map_err(|error| ReleaseError(format!("release {}: {error}", release.version)))?;
    let sha256 = sha256_hex(&bytes);
    Ok(Executable { bytes, sha256 })
}

/// SHA-256, lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
