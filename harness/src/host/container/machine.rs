//! A machine's own files as one tar archive, which its PID 1 unpacks before systemd begins.

use std::collections::BTreeMap;

use simulated_host::spec::{Entry, EntryKind};
use tar::{Builder, EntryType, Header};

use crate::topology::{id_of, plain_absolute};

use super::HostError;

/// Where the agent lies on the machine.
pub const AGENT: &str = "/usr/local/lib/rollback-drill/agent";

/// The bytes behind what a description only names.
#[derive(Debug)]
pub struct Contents<'a> {
    /// The agent's executable.
    pub agent: &'a [u8],
    /// Releases' executables by their SHA-256.
    pub releases: BTreeMap<&'a str, &'a [u8]>,
    /// Files of the registry's storage, with absolute paths.
    pub registry: Vec<(String, Vec<u8>)>,
}

/// The archive. The agent's other names are links to it.
pub fn tar(topology: &str, entries: &[Entry], contents: &Contents<'_>) -> Result<Vec<u8>, HostError> {
    let mut archive = Archive { builder: Builder::new(Vec::new()) };
    let build = || -> std::io::Result<Vec<u8>> {
        for Entry { path, owner, mode, kind } in entries {
            match kind {
                EntryKind::Folder => archive.folder(path, owner, *mode)?,
                EntryKind::File(bytes) => archive.file(path, owner, *mode, bytes)?,
                EntryKind::Link(to) => archive.link(path, to)?,
                EntryKind::Release(file) => {
                    let bytes = contents.releases.get(&*file.sha256).ok_or_else(|| {
                        std::io::Error::other(format!("{path}: no executable with SHA-256 {}", file.sha256))
                    })?;
                    archive.file(path, owner, *mode, bytes)?;
                }
                EntryKind::Agent if path == AGENT => archive.file(path, owner, *mode, contents.agent)?,
                EntryKind::Agent => archive.link(path, AGENT)?,
            }
        }
        for (path, bytes) in &contents.registry {
            archive.file(path, "root", 0o644, bytes)?;
        }
        archive.builder.into_inner()
    };
    build().map_err(|error| HostError::Environment(format!("topology {topology}: {error}")))
}

/// A topology that was loaded says nothing of the kind; what is made here might.
fn wrong(what: String) -> std::io::Error {
    std::io::Error::other(what)
}

struct Archive {
    builder: Builder<Vec<u8>>,
}

impl Archive {
    fn header(kind: EntryType, owner: &str, mode: u32, size: usize) -> std::io::Result<Header> {
        let id = id_of(owner).map_err(wrong)?;
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_uid(id);
        header.set_gid(id);
        header.set_mode(mode);
        header.set_size(size as u64);
        header.set_mtime(0);
        Ok(header)
    }

    fn folder(&mut self, path: &str, owner: &str, mode: u32) -> std::io::Result<()> {
        let mut header = Self::header(EntryType::Directory, owner, mode, 0)?;
        self.builder.append_data(&mut header, plain_absolute(path).map_err(wrong)?, std::io::empty())
    }

    fn file(&mut self, path: &str, owner: &str, mode: u32, bytes: &[u8]) -> std::io::Result<()> {
        let mut header = Self::header(EntryType::Regular, owner, mode, bytes.len())?;
        self.builder.append_data(&mut header, plain_absolute(path).map_err(wrong)?, bytes)
    }

    fn link(&mut self, path: &str, to: &str) -> std::io::Result<()> {
        let mut header = Self::header(EntryType::Symlink, "root", 0o777, 0)?;
        self.builder.append_link(&mut header, plain_absolute(path).map_err(wrong)?, to)
    }
}
