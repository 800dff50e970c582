//! Releases of the node: their data files, the faults they are born with in a scenario, and their executables.

use std::io::Read;
use std::path::Path;

use fake_node::release::{Artifact, FILE_MAX, Inborn, Release, embed};
use semver::Version;
use sha2::{Digest, Sha256};

/// Begins every stand-in, so that none can be taken for a real executable.
const STAND_IN: &str = "#rollback-drill stand-in\n";

/// A release that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ReleaseError(String);

/// Loads `folder/vX.Y.Z.toml`, where `folder` is a profile's, and gives it the faults of a scenario.
pub fn load(folder: &Path, version: &Version, born_with: Vec<Inborn>) -> Result<Release, ReleaseError> {
    let path = folder.join(format!("v{version}.toml"));
    let origin = path.display().to_string();
    let mut text = String::new();
    let most = FILE_MAX as u64;
    std::fs::File::open(&path)
        .and_then(|file| file.take(most + 1).read_to_string(&mut text))
        .map_err(|error| ReleaseError(format!("{origin}: {error}; a release is a data file in that folder")))?;
    if text.len() as u64 > most {
        return Err(ReleaseError(format!("{origin}: more than {most} bytes, which is the ceiling")));
    }
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

/// What stands for a release's executable where nothing is executed: of each release another, and the same each time.
pub fn stand_in(release: &Release) -> Result<Executable, ReleaseError> {
    let mut bytes = STAND_IN.as_bytes().to_vec();
    serde_json::to_writer(&mut bytes, release)
        .map_err(|error| ReleaseError(format!("release {}: {error}", release.version)))?;
    let sha256 = sha256_hex(&bytes);
    Ok(Executable { bytes, sha256 })
}

/// SHA-256, lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0');
    Sha256::digest(bytes).iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_file_is_read_up_to_its_ceiling() {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/releases/documented");
        let version = Version::new(0, 4, 0);
        let text = std::fs::read_to_string(shipped.join("v0.4.0.toml")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let of_length = |length: usize| {
            let padded = format!("{text}{}", "\n".repeat(length - text.len()));
            std::fs::write(folder.path().join("v0.4.0.toml"), padded).unwrap();
            load(folder.path(), &version, Vec::new())
        };
        assert_eq!(of_length(FILE_MAX).unwrap(), load(&shipped, &version, Vec::new()).unwrap());
        let error = of_length(FILE_MAX + 1).unwrap_err().to_string();
        assert!(error.ends_with("v0.4.0.toml: more than 1048576 bytes, which is the ceiling"), "{error}");
        // One that has no end.
        std::fs::remove_file(folder.path().join("v0.4.0.toml")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("v0.4.0.toml")).unwrap();
        let error = load(folder.path(), &version, Vec::new()).unwrap_err().to_string();
        assert!(error.ends_with("more than 1048576 bytes, which is the ceiling"), "{error}");
    }
}
