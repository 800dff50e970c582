//! A machine's own files as one tar archive, which its PID 1 unpacks before systemd begins.

use std::collections::BTreeSet;
use std::io::Write;

use tar::{Builder, EntryType, Header};

use crate::topology::{Topology, id_of, mode, plain_absolute};

use super::HostError;

/// Where the agent lies on the machine.
pub const AGENT: &str = "/usr/local/lib/rollback-drill/agent";
/// Where the repository's history lies until it is imported.
pub const HISTORY: &str = "/usr/local/lib/rollback-drill/history.fast-import";

/// What a machine gets besides its topology's files.
#[derive(Debug)]
pub struct Contents<'a> {
    /// The agent's executable.
    pub agent: &'a [u8],
    /// Version (without v) and executable of each release.
    pub releases: Vec<(String, &'a [u8])>,
    /// The good and the bad version.
    pub good: String,
    /// See `good`.
    pub bad: String,
    /// The planted secret.
    pub token: &'a str,
    /// Files that faults put there.
    pub planted: Vec<Planted>,
    /// Files of the registry's storage, relative to it.
    pub registry: Vec<(String, Vec<u8>)>,
    /// A stream for `git fast-import`.
    pub history: Vec<u8>,
}

/// A file that a fault from outside puts on the machine.
#[derive(Debug)]
pub struct Planted {
    /// Absolute.
    pub path: String,
    /// User name.
    pub owner: String,
    /// Permission bits.
    pub mode: u32,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// The archive.
pub fn tar(topology: &Topology, contents: &Contents<'_>) -> Result<Vec<u8>, HostError> {
    let mut archive = Archive { builder: Builder::new(Vec::new()), folders: BTreeSet::new() };
    let replace = |text: &str| {
        text.replace("@TOKEN@", contents.token).replace("@BAD@", &contents.bad).replace("@GOOD@", &contents.good)
    };
    let build = || -> std::io::Result<Vec<u8>> {
        for folder in &topology.folder {
            archive.folder(&folder.path, &folder.owner, mode(&folder.mode).map_err(wrong)?)?;
        }
        for file in &topology.file {
            let from = topology.root.join(&file.from);
            let text = std::fs::read_to_string(&from)
                .map_err(|error| std::io::Error::other(format!("{}: {error}", from.display())))?;
            archive.file(&file.path, &file.owner, mode(&file.mode).map_err(wrong)?, replace(&text).as_bytes())?;
        }
        for link in &topology.link {
            archive.link(&link.path, &replace(&link.to))?;
        }
        if let Some(releases) = &topology.releases {
            for (version, bytes) in &contents.releases {
                archive.file(&releases.path.replace("@VERSION@", version), "root", 0o755, bytes)?;
            }
        }
        if let Some(images) = &topology.images {
            for (path, bytes) in &contents.registry {
                archive.file(&format!("{}/{path}", images.storage), "root", 0o644, bytes)?;
            }
        }
        for planted in &contents.planted {
            archive.file(&planted.path, &planted.owner, planted.mode, &planted.bytes)?;
        }
        archive.file(AGENT, "root", 0o755, contents.agent)?;
        archive.link("/usr/local/bin/page", AGENT)?;
        archive.link("/usr/local/lib/rollback-drill/hold-port", AGENT)?;
        archive.file(HISTORY, "root", 0o644, &contents.history)?;
        archive.builder.into_inner()
    };
    build().map_err(|error| HostError::Environment(format!("topology {}: {error}", topology.id)))
}

/// A topology that was loaded says nothing of the kind; what is made here might.
fn wrong(what: String) -> std::io::Error {
    std::io::Error::other(what)
}

struct Archive {
    builder: Builder<Vec<u8>>,
    folders: BTreeSet<String>,
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
        self.folders.insert(path.to_owned());
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

/// What a release adds to the repository.
#[derive(Debug)]
pub struct Commits {
    /// Without v; the tag is `v` and this.
    pub version: String,
    /// Subjects of its commits, oldest first.
    pub subjects: Vec<String>,
    /// Paths and contents that its commits hold, besides `VERSION`.
    pub files: Vec<(String, String)>,
}

/// A `git fast-import` stream: the commits of each release in turn, each release tagged `vX.Y.Z`.
pub fn fast_import(releases: &[Commits]) -> Vec<u8> {
    // Commits a day apart; the times are of no meaning and the same in every drill.
    const FIRST: u64 = 1_700_000_000;
    let mut stream = Vec::new();
    let mut mark = 0;
    for Commits { version, subjects, files } in releases {
        for subject in subjects {
            mark += 1;
            let time = FIRST + mark * 86_400;
            let parent = if mark > 1 { format!("from :{}\n", mark - 1) } else { String::new() };
            // Writing to a Vec does not fail.
            let _ = write!(
                stream,
                "commit refs/heads/main\nmark :{mark}\ncommitter TensorWasm <dev@example.invalid> {time} +0000\ndata {}\n{subject}\n{parent}",
                subject.len(),
            );
            let own = ("VERSION".to_owned(), version.clone());
            for (path, text) in files.iter().chain([&own]) {
                let _ = write!(stream, "M 100644 inline {path}\ndata {}\n{text}\n", text.len());
            }
            stream.push(b'\n');
        }
        let _ = write!(stream, "reset refs/tags/v{version}\nfrom :{mark}\n\n");
    }
    stream
}
