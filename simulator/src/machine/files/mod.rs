//! The file system: a tree of inodes with owners, permissions, symbolic links, times and a capacity.

use std::sync::Arc;

use fake_node::release::Release;

use super::users::{ROOT, Uid};
use crate::shared::Shared;
use crate::time::Us;

mod change;
mod names;
mod path;
#[cfg(test)]
mod tests;

pub use names::Names;

/// Number of an inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ino(pub usize);

/// How a file is opened for writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// `>`: emptied.
    Truncate,
    /// `>>`.
    Append,
}

/// What stands in a file.
#[derive(Debug, Clone)]
pub enum Content {
    /// Bytes; an executable of them is a script.
    Bytes(Arc<[u8]>),
    /// A program of the system, by its name in the registry of programs.
    Program(&'static str),
    /// A node's executable.
    Release(ReleaseFile),
}

/// A node's executable.
#[derive(Debug, Clone)]
pub struct ReleaseFile {
    /// What it is.
    pub release: Arc<Release>,
    /// SHA-256 of the file, lower-case hex.
    pub sha256: Arc<str>,
}

/// What an inode is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Names in it.
    Folder(Names),
    /// A regular file.
    File(Content),
    /// Where it points.
    Link(String),
    /// /dev/null.
    Null,
}

/// A file, folder or link.
#[derive(Debug, Clone)]
pub struct Inode {
    /// What.
    pub kind: Kind,
    /// Who owns it; its group is the user's own.
    pub owner: Uid,
    /// Permission bits.
    pub mode: u32,
    /// Last change, microseconds on the agent's clock; 0 for what was there before.
    pub modified: Us,
}

/// Why something cannot be done with a path; the words are errno's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errno {
    /// EACCES.
    PermissionDenied,
    /// EEXIST.
    Exists,
    /// EISDIR.
    IsADirectory,
    /// ELOOP.
    TooManyLinks,
    /// ENAMETOOLONG.
    NameTooLong,
    /// ENOENT.
    NotFound,
    /// ENOSPC.
    NoSpace,
    /// ENOTDIR.
    NotADirectory,
    /// ENOTEMPTY.
    NotEmpty,
    /// EPERM.
    NotPermitted,
}

impl Errno {
    /// As strerror(3) says it.
    pub fn text(self) -> &'static str {
        match self {
            Errno::PermissionDenied => "Permission denied",
            Errno::Exists => "File exists",
            Errno::IsADirectory => "Is a directory",
            Errno::TooManyLinks => "Too many levels of symbolic links",
            Errno::NameTooLong => "File name too long",
            Errno::NotFound => "No such file or directory",
            Errno::NoSpace => "No space left on device",
            Errno::NotADirectory => "Not a directory",
            Errno::NotEmpty => "Directory not empty",
            Errno::NotPermitted => "Operation not permitted",
        }
    }
}

/// What a user may want to do with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// r
    Read = 4,
    /// w
    Write = 2,
    /// x, for folders: go through.
    Execute = 1,
}

/// All files of a machine.
#[derive(Debug, Clone)]
pub struct Files {
    /// Most stay as they were planted, so copies of a machine share them.
    inodes: Vec<Shared<Inode>>,
    /// Bytes that regular files may still take; `None` is without end.
    pub free_bytes: Option<u64>,
    /// Folders on memory: their path and the file system's name as `stat -f` has it.
    pub in_memory: Vec<(String, &'static str)>,
}

impl Default for Files {
    fn default() -> Files {
        let root = Inode { kind: Kind::Folder(Names::default()), owner: ROOT, mode: 0o755, modified: 0 };
        Files { inodes: vec![root.into()], free_bytes: None, in_memory: Vec::new() }
    }
}

impl Files {
    /// An inode.
    pub fn inode(&self, ino: Ino) -> &Inode {
        // Numbers come from this table and nothing is ever taken out of it.
        self.inodes.get(ino.0).unwrap_or(&self.inodes[0])
    }

    fn inode_mut(&mut self, ino: Ino) -> &mut Inode {
        let index = if ino.0 < self.inodes.len() { ino.0 } else { 0 };
        &mut self.inodes[index]
    }

    /// Whether this user may.
    pub fn may(&self, user: Uid, ino: Ino, access: Access) -> bool {
        let inode = self.inode(ino);
        if user == ROOT {
            let runnable = inode.mode & 0o111 != 0 || matches!(inode.kind, Kind::Folder(_));
            return access != Access::Execute || runnable;
        }
        let shift = if inode.owner == user { 6 } else { 0 };
        inode.mode >> shift & access as u32 != 0
    }

    /// The bytes of a regular file that holds bytes. System programs and nodes are none that anybody reads.
    pub fn bytes(&self, ino: Ino) -> Option<Arc<[u8]>> {
        match &self.inode(ino).kind {
            Kind::File(Content::Bytes(bytes)) => Some(bytes.clone()),
            Kind::Null => Some(Arc::from([])),
            _ => None,
        }
    }

    /// Reads a whole file as a user.
    pub fn read(&self, user: Uid, cwd: &str, path: &str) -> Result<Arc<[u8]>, Errno> {
        let ino = self.resolve(user, cwd, path)?;
        if matches!(self.inode(ino).kind, Kind::Folder(_)) {
            return Err(Errno::IsADirectory);
        }
        if !self.may(user, ino, Access::Read) {
            return Err(Errno::PermissionDenied);
        }
        Ok(self.bytes(ino).unwrap_or_else(|| Arc::from(*b"\x7fELF")))
    }

    /// Names in a folder, in order.
    pub fn names(&self, ino: Ino) -> Vec<String> {
        match &self.inode(ino).kind {
            Kind::Folder(names) => names.iter().map(|(name, _)| name.to_owned()).collect(),
            _ => Vec::new(),
        }
    }

    /// Names in a folder with what they lead to, in order.
    pub fn entries(&self, ino: Ino) -> impl Iterator<Item = (&str, Ino)> {
        let names = match &self.inode(ino).kind {
            Kind::Folder(names) => Some(names),
            _ => None,
        };
        names.into_iter().flat_map(Names::iter)
    }

    /// The name that `stat -f` has for the file system under a path.
    pub fn file_system(&self, path: &str) -> &'static str {
        let under = |folder: &str| path == folder || path.starts_with(&format!("{folder}/"));
        self.in_memory.iter().find(|(folder, _)| under(folder)).map_or("overlayfs", |(_, name)| name)
    }
}
