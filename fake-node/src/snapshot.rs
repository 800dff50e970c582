//! Snapshot files of the state directory: a small container with a format number, for the runbook's hypothetical of a
//! node that cannot read what a newer release wrote.
//!
//! The real node's snapshots hold guest memory in another encoding and are never read at start (node-contract.md section
//! 6). These hold the registry of deployed functions: without the modules' bytes, since no WebAssembly runs here. Taken
//! from the real ones are the magic and the words of the errors.
//!
//! Layout, little endian: magic u32, format u32, payload length u64, JSON payload, CRC-32 (IEEE) of the payload.

use serde::{Deserialize, Serialize};

/// First bytes of a snapshot.
pub const MAGIC: u32 = 0xBA11_5407;
/// The ending of snapshot files in a state directory, dot included.
pub const SUFFIX: &str = ".tensor-wasm";
/// The file that the node writes its registry to.
pub const REGISTRY_FILE: &str = "functions.tensor-wasm";
/// Largest snapshot read or written, in bytes.
pub const SNAPSHOT_MAX: usize = 16 << 20;

const HEADER: usize = 16;
const TRAILER: usize = 4;

/// What a snapshot holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// Deployed functions, by id.
    pub functions: Vec<FunctionRecord>,
}

/// A deployed function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunctionRecord {
    /// Its UUID.
    pub id: String,
    /// The name given by who deployed it.
    pub name: String,
    /// Tenant that deployed it.
    pub tenant: u64,
    /// Length of its module in bytes.
    pub wasm_bytes: u64,
}

/// Why a snapshot cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The format is not among those that the release reads.
    #[error("snapshot version mismatch: expected {expected}, got {got}")]
    Version {
        /// The formats read, as words: `1 or 2`.
        expected: String,
        /// The file's format.
        got: u32,
    },
    /// It does not begin as a snapshot.
    #[error("snapshot magic mismatch: expected 0xBA115407, got 0x{0:08X}")]
    Magic(u32),
    /// It is shorter or longer than its header says.
    #[error("snapshot truncated: expected {expected} bytes, got {got}")]
    Length {
        /// Bytes that a whole one has; the least when the header itself is cut.
        expected: u64,
        /// Bytes there are.
        got: u64,
    },
    /// Its payload was changed.
    #[error("snapshot crc32 mismatch: expected 0x{expected:08x}, got 0x{got:08x}")]
    Checksum {
        /// As the file says.
        expected: u32,
        /// As the payload gives.
        got: u32,
    },
    /// It is over [`SNAPSHOT_MAX`].
    #[error("snapshot input too large: {0} bytes, at most 16777216")]
    TooLarge(u64),
    /// Its payload is not what it should be.
    #[error("json decode: {0}")]
    Payload(String),
}

/// A snapshot file of that format. The harness plants files of newer formats with it.
///
/// # Errors
/// [`SnapshotError::TooLarge`] when it would be over [`SNAPSHOT_MAX`].
pub fn encode(format: u32, snapshot: &Snapshot) -> Result<Vec<u8>, SnapshotError> {
    let payload = serde_json::to_vec(snapshot).map_err(|error| SnapshotError::Payload(error.to_string()))?;
    let total = HEADER + payload.len() + TRAILER;
    if total > SNAPSHOT_MAX {
        return Err(SnapshotError::TooLarge(total as u64));
    }
    let mut out = Vec::with_capacity(total);
    out.extend_from_slice(&MAGIC.to_le_bytes());
    out.extend_from_slice(&format.to_le_bytes());
    out.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    out.extend_from_slice(&payload);
    out.extend_from_slice(&crc32(&payload).to_le_bytes());
    Ok(out)
}

/// Reads a snapshot file whose format is one of `reads`.
///
/// # Errors
/// [`SnapshotError`] for a foreign, cut, changed or too large file, and for a format not in `reads`.
pub fn decode(bytes: &[u8], reads: &[u32]) -> Result<Snapshot, SnapshotError> {
    if bytes.len() > SNAPSHOT_MAX {
        return Err(SnapshotError::TooLarge(bytes.len() as u64));
    }
    let cut = |expected: u64| SnapshotError::Length { expected, got: bytes.len() as u64 };
    let (magic, rest) = bytes.split_first_chunk::<4>().ok_or_else(|| cut((HEADER + TRAILER) as u64))?;
    let magic = u32::from_le_bytes(*magic);
    if magic != MAGIC {
        return Err(SnapshotError::Magic(magic));
    }
    let (format, rest) = rest.split_first_chunk::<4>().ok_or_else(|| cut((HEADER + TRAILER) as u64))?;
    let format = u32::from_le_bytes(*format);
    if !reads.contains(&format) {
        return Err(SnapshotError::Version { expected: words(reads), got: format });
    }
    let (length, rest) = rest.split_first_chunk::<8>().ok_or_else(|| cut((HEADER + TRAILER) as u64))?;
    let expected = u64::from_le_bytes(*length).saturating_add((HEADER + TRAILER) as u64);
    if expected != bytes.len() as u64 {
        return Err(cut(expected));
    }
    let (payload, sum) = rest.split_last_chunk::<4>().ok_or_else(|| cut(expected))?;
    let (expected, got) = (u32::from_le_bytes(*sum), crc32(payload));
    if expected != got {
        return Err(SnapshotError::Checksum { expected, got });
    }
    serde_json::from_slice(payload).map_err(|error| SnapshotError::Payload(error.to_string()))
}

/// `1`, `1 or 2`, `1, 2 or 3`.
fn words(formats: &[u32]) -> String {
    let names: Vec<String> = formats.iter().map(u32::to_string).collect();
    match names.split_last() {
        None => "none".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}

/// CRC-32 with the IEEE polynomial, bit by bit: the files are small and the tables of a crate are not worth their size.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Snapshot {
        let record = FunctionRecord { id: "a".into(), name: "n".into(), tenant: 7, wasm_bytes: 8 };
        Snapshot { functions: vec![record] }
    }

    #[test]
    fn crc32_is_the_ieee_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn unreadable_files_say_why() {
        let good = encode(2, &sample()).unwrap();
        let newer = encode(3, &sample()).unwrap();
        let mut foreign = good.clone();
        foreign[0] = 0x28;
        let mut changed = good.clone();
        changed[20] ^= 1;
        let cases: [(&str, &[u8], &[u32], &str); 7] = [
            ("newer", &newer, &[1, 2], "snapshot version mismatch: expected 1 or 2, got 3"),
            ("newer, three", &newer, &[1, 2, 4], "snapshot version mismatch: expected 1, 2 or 4, got 3"),
            ("foreign", &foreign, &[2], "snapshot magic mismatch: expected 0xBA115407, got 0xBA115428"),
            ("cut", &good[..good.len() - 1], &[2], "snapshot truncated: expected"),
            ("cut header", &good[..9], &[2], "snapshot truncated: expected 20 bytes, got 9"),
            ("empty", &[], &[2], "snapshot truncated: expected 20 bytes, got 0"),
            ("changed", &changed, &[2], "snapshot crc32 mismatch: expected 0x"),
        ];
        for (name, bytes, reads, words) in cases {
            let said = decode(bytes, reads).unwrap_err().to_string();
            assert!(said.starts_with(words), "{name}: {said}");
        }
        assert_eq!(decode(&newer, &[1, 2, 3]).unwrap(), sample());
    }

    #[test]
    fn a_payload_that_is_something_else_is_refused() {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&MAGIC.to_le_bytes());
        bytes.extend_from_slice(&2u32.to_le_bytes());
        bytes.extend_from_slice(&2u64.to_le_bytes());
        bytes.extend_from_slice(b"[]");
        bytes.extend_from_slice(&crc32(b"[]").to_le_bytes());
        assert!(decode(&bytes, &[2]).unwrap_err().to_string().starts_with("json decode: "));
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), flip in 0usize..100) {
            let _ = decode(&bytes, &[1, 2]);
            let mut near = encode(2, &sample()).unwrap();
            let at = flip % near.len();
            near[at] ^= 0x55;
            prop_assert!(decode(&near, &[2]).is_err());
        }
    }
}
