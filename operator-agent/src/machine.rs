//! Reads the machine from outside the node: processes and users, from /proc and the file system.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Error, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::protocol::NodeProcess;
pub use crate::records::operator_files;

/// The subcommand that makes a release's process a node rather than a question to its binary (node-contract.md section 1).
const SERVE: &str = "serve";
/// Of a process's arguments; the kernel takes no single one that is longer (`MAX_ARG_STRLEN`, execve(2)).
const ARGUMENTS_BYTES_MAX: u64 = 128 << 10;
/// Hashes kept; a host has some ten releases and port holders, and each container shows its files anew.
const HASHES_MAX: usize = 1024;
/// A user's home folder, from /etc/passwd.
pub fn home_of(user: &str) -> std::io::Result<String> {
    fs::read_to_string("/etc/passwd")?
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.first() == Some(&user))
        .and_then(|fields| fields.get(5).map(|home| (*home).to_owned()))
        .ok_or_else(|| Error::other(format!("/etc/passwd has no user {user}")))
}

/// A user's id, from /etc/passwd.
pub fn uid_of(user: &str) -> Option<u32> {
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    let line = passwd.lines().find(|line| line.split(':').next() == Some(user))?;
    line.split(':').nth(2)?.parse().ok()
}

/// All process ids, in order.
pub fn pids() -> Vec<u32> {
    let mut pids: Vec<u32> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    pids.sort_unstable();
    pids
}

/// Processes of a session that have not ended (zombies have).
pub fn session_members(session: u32) -> Vec<u32> {
    pids()
        .into_iter()
        .filter(|pid| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // The name in parentheses may hold anything; the fields after it are: state ppid pgrp session.
            let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
            fields.first().is_some_and(|state| *state != "Z" && *state != "X")
                && fields.get(3).and_then(|field| field.parse().ok()) == Some(session)
        })
        .collect()
}

/// A process's arguments, its name first; `None` if it is gone, or has none because it is in the middle of an exec.
pub fn arguments(pid: u32) -> Option<Vec<String>> {
    let mut bytes = Vec::new();
    let file = fs::File::open(format!("/proc/{pid}/cmdline")).ok()?;
    file.take(ARGUMENTS_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let arguments = text.strip_suffix('\0').unwrap_or(&text);
    (!bytes.is_empty()).then(|| arguments.split('\0').map(str::to_owned).collect())
}

/// What a process is, as far as its arguments and its executable tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// A release that serves.
    Node(NodeProcess),
    /// Not a node.
    Other,
    /// It cannot be told: the process is in the middle of an exec, or gone.
    Unclear,
}

/// A file at one time of its life. The time of its last change (ctime) cannot be set: an inode or a device number that
/// comes again, as those of containers' file systems do, comes with another one.
type FileId = (u64, u64, u64, i64, i64);

/// Knows executables by their SHA-256; hashes each file once.
#[derive(Debug, Default)]
pub struct Executables {
    releases: BTreeMap<String, String>,
    hashes: BTreeMap<FileId, String>,
}

impl Executables {
    /// `releases`: SHA-256 to version.
    pub fn new(releases: BTreeMap<String, String>) -> Executables {
        Executables { releases, hashes: BTreeMap::new() }
    }

    /// The process with its executable, read through /proc so that containers' files are found too.
    pub fn identify(&mut self, pid: u32) -> Option<NodeProcess> {
        let link = format!("/proc/{pid}/exe");
        let executable = fs::read_link(&link).ok()?.to_string_lossy().into_owned();
        let metadata = fs::metadata(&link).ok()?;
        let key = (metadata.dev(), metadata.ino(), metadata.size(), metadata.ctime(), metadata.ctime_nsec());
        let sha256 = match self.hashes.get(&key) {
            Some(known) => known.clone(),
            None => {
                let fresh = sha256_of(Path::new(&link)).ok()?;
                if self.hashes.len() >= HASHES_MAX {
                    self.hashes.clear();
                }
                self.hashes.insert(key, fresh.clone());
                fresh
            }
        };
        let version = self.releases.get(&sha256).cloned();
        Some(NodeProcess { pid, executable, sha256, version })
    }

    /// Whether the process is a node now.
    pub fn role(&mut self, pid: u32) -> Role {
        let Some(arguments) = arguments(pid) else { return Role::Unclear };
        if !arguments.iter().skip(1).any(|argument| argument == SERVE) {
            return Role::Other;
        }
        match self.identify(pid) {
            Some(process) if process.version.is_some() => Role::Node(process),
            Some(_) => Role::Other,
            None => Role::Unclear,
        }
    }
}

fn sha256_of(path: &Path) -> std::io::Result<String> {
    let mut file = fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
