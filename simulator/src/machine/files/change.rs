//! What changes the tree: files opened and written, names made, renamed and taken away, and what a description plants.

use std::sync::Arc;

use super::path::Place;
use super::{Access, Content, Errno, Files, Ino, Inode, Kind, Names, OpenMode};
use crate::machine::users::{ROOT, Uid};
use crate::time::Us;

/// Inodes of one machine.
const INODES_MAX: usize = 20_000;

impl Files {
    fn insert(&mut self, (parent, name): Place, inode: Inode) -> Result<Ino, Errno> {
        if self.inodes.len() >= INODES_MAX {
            return Err(Errno::NoSpace);
        }
        let (now, ino) = (inode.modified, Ino(self.inodes.len()));
        self.inodes.push(inode.into());
        let folder = self.inode_mut(parent);
        folder.modified = now;
        if let Kind::Folder(names) = &mut folder.kind {
            names.insert(&name, ino);
        }
        Ok(ino)
    }

    /// The sticky bit: in /tmp only the owner of a file or folder may take a name away.
    fn may_remove(&self, user: Uid, parent: Ino, ino: Ino) -> Result<(), Errno> {
        if !self.may(user, parent, Access::Write) || !self.may(user, parent, Access::Execute) {
            return Err(Errno::PermissionDenied);
        }
        let folder = self.inode(parent);
        let others = user != ROOT && folder.owner != user && self.inode(ino).owner != user;
        if folder.mode & 0o1000 != 0 && others { Err(Errno::NotPermitted) } else { Ok(()) }
    }

    /// Opens a file for writing as `>` or `>>` do: makes it if it is not there.
    pub fn open(
        &mut self,
        user: Uid,
        cwd: &str,
        path: &str,
        mode: OpenMode,
        (umask, now): (u32, Us),
    ) -> Result<Ino, Errno> {
        match self.resolve(user, cwd, path) {
            Ok(ino) => match &self.inode(ino).kind {
                Kind::Folder(_) => Err(Errno::IsADirectory),
                Kind::Null => Ok(ino),
                _ if !self.may(user, ino, Access::Write) => Err(Errno::PermissionDenied),
                _ => {
                    if mode == OpenMode::Truncate {
                        self.set_bytes(ino, Vec::new(), now)?;
                    }
                    Ok(ino)
                }
            },
            Err(Errno::NotFound) => {
                // A link to a name that is not there yet makes that one.
                let target = match self.resolve_link(user, cwd, path).map(|ino| self.inode(ino).kind.clone()) {
                    Ok(Kind::Link(target)) => target,
                    _ => path.to_owned(),
                };
                let place = self.place(user, cwd, &target)?;
                if !self.may(user, place.0, Access::Write) {
                    return Err(Errno::PermissionDenied);
                }
                if self.free_bytes == Some(0) {
                    return Err(Errno::NoSpace);
                }
                let kind = Kind::File(Content::Bytes(Arc::from([])));
                self.insert(place, Inode { kind, owner: user, mode: 0o666 & !umask, modified: now })
            }
            Err(other) => Err(other),
        }
    }

    /// Writes at a position (or at the end in append mode); returns the position after it.
    pub fn write(&mut self, ino: Ino, position: usize, mode: OpenMode, bytes: &[u8], now: Us) -> Result<usize, Errno> {
        if matches!(self.inode(ino).kind, Kind::Null) {
            return Ok(position);
        }
        let mut content = self.bytes(ino).map(|bytes| bytes.to_vec()).unwrap_or_default();
        let at = if mode == OpenMode::Append { content.len() } else { position };
        let end = at + bytes.len();
        if content.len() < end {
            content.resize(end, 0);
        }
        if let Some(place) = content.get_mut(at..end) {
            place.copy_from_slice(bytes);
        }
        self.set_bytes(ino, content, now)?;
        Ok(end)
    }

    /// Replaces a file's bytes; what does not fit is not written at all.
    pub fn set_bytes(&mut self, ino: Ino, bytes: Vec<u8>, now: Us) -> Result<(), Errno> {
        let before = self.bytes(ino).map_or(0, |bytes| bytes.len()) as u64;
        if let Some(free) = self.free_bytes {
            let room = free.saturating_add(before);
            self.free_bytes = Some(room.checked_sub(bytes.len() as u64).ok_or(Errno::NoSpace)?);
        }
        let inode = self.inode_mut(ino);
        inode.modified = now;
        inode.kind = Kind::File(Content::Bytes(bytes.into()));
        Ok(())
    }

    /// Makes a folder.
    pub fn make_folder(&mut self, user: Uid, cwd: &str, path: &str, mode: u32, now: Us) -> Result<Ino, Errno> {
        if self.resolve_link(user, cwd, path).is_ok() {
            return Err(Errno::Exists);
        }
        let place = self.place(user, cwd, path)?;
        if !self.may(user, place.0, Access::Write) {
            return Err(Errno::PermissionDenied);
        }
        self.insert(place, Inode { kind: Kind::Folder(Names::default()), owner: user, mode, modified: now })
    }

    /// Makes a symbolic link; the name must be free.
    pub fn make_link(&mut self, user: Uid, cwd: &str, path: &str, target: &str, now: Us) -> Result<Ino, Errno> {
        if self.resolve_link(user, cwd, path).is_ok() {
            return Err(Errno::Exists);
        }
        let place = self.place(user, cwd, path)?;
        if !self.may(user, place.0, Access::Write) {
            return Err(Errno::PermissionDenied);
        }
        self.insert(place, Inode { kind: Kind::Link(target.to_owned()), owner: user, mode: 0o777, modified: now })
    }

    /// Takes a name away: unlink(2), or rmdir(2) for an empty folder when `folder` is set.
    pub fn remove(&mut self, user: Uid, cwd: &str, path: &str, folder: bool, now: Us) -> Result<(), Errno> {
        let ino = self.resolve_link(user, cwd, path)?;
        let (parent, name) = self.place(user, cwd, path)?;
        match (&self.inode(ino).kind, folder) {
            (Kind::Folder(_), false) => return Err(Errno::IsADirectory),
            (Kind::Folder(names), true) if !names.is_empty() => return Err(Errno::NotEmpty),
            (Kind::Folder(_), true) | (_, false) => {}
            (_, true) => return Err(Errno::NotADirectory),
        }
        self.may_remove(user, parent, ino)?;
        if let Some(free) = self.free_bytes {
            let freed = self.bytes(ino).map_or(0, |bytes| bytes.len()) as u64;
            self.free_bytes = Some(free.saturating_add(freed));
        }
        self.unlink(parent, &name, now);
        Ok(())
    }

    fn unlink(&mut self, parent: Ino, name: &str, now: Us) -> Option<Ino> {
        let folder = self.inode_mut(parent);
        folder.modified = now;
        match &mut folder.kind {
            Kind::Folder(names) => names.remove(name),
            _ => None,
        }
    }

    /// rename(2): the new name's file is replaced; an inode keeps its number, so who has it open keeps it.
    pub fn rename(&mut self, user: Uid, cwd: &str, from: &str, to: &str, now: Us) -> Result<(), Errno> {
        let ino = self.resolve_link(user, cwd, from)?;
        let (old_parent, old_name) = self.place(user, cwd, from)?;
        let (new_parent, new_name) = self.place(user, cwd, to)?;
        self.may_remove(user, old_parent, ino)?;
        if let Ok(there) = self.resolve_link(user, cwd, to) {
            self.may_remove(user, new_parent, there)?;
            match (&self.inode(ino).kind, &self.inode(there).kind) {
                (Kind::Folder(_), Kind::Folder(names)) if !names.is_empty() => return Err(Errno::NotEmpty),
                (Kind::Folder(_), Kind::Folder(_)) => {}
                (_, Kind::Folder(_)) => return Err(Errno::IsADirectory),
                (Kind::Folder(_), _) => return Err(Errno::NotADirectory),
                _ => {}
            }
        } else if !self.may(user, new_parent, Access::Write) {
            return Err(Errno::PermissionDenied);
        }
        self.unlink(old_parent, &old_name, now);
        let folder = self.inode_mut(new_parent);
        folder.modified = now;
        if let Kind::Folder(names) = &mut folder.kind {
            names.insert(&new_name, ino);
        }
        Ok(())
    }

    /// Another name for a file that is there: link(2).
    pub fn make_hard_link(&mut self, user: Uid, cwd: &str, ino: Ino, path: &str, now: Us) -> Result<(), Errno> {
        if self.resolve_link(user, cwd, path).is_ok() {
            return Err(Errno::Exists);
        }
        let (parent, name) = self.place(user, cwd, path)?;
        if !self.may(user, parent, Access::Write) {
            return Err(Errno::PermissionDenied);
        }
        let folder = self.inode_mut(parent);
        folder.modified = now;
        if let Kind::Folder(names) = &mut folder.kind {
            names.insert(&name, ino);
        }
        Ok(())
    }

    /// Replaces what stands in a file, whatever it is: how executables are copied.
    pub fn set_content(&mut self, ino: Ino, content: Content, now: Us) -> Result<(), Errno> {
        match content {
            Content::Bytes(bytes) => self.set_bytes(ino, bytes.to_vec(), now),
            other => {
                self.set_bytes(ino, Vec::new(), now)?;
                self.inode_mut(ino).kind = Kind::File(other);
                Ok(())
            }
        }
    }

    /// chown(2) without a question of who asks.
    pub fn set_owner(&mut self, ino: Ino, owner: Uid) {
        self.inode_mut(ino).owner = owner;
    }

    /// chmod(2) without a question of who asks.
    pub fn set_mode(&mut self, ino: Ino, mode: u32) {
        self.inode_mut(ino).mode = mode;
    }

    /// utimes(2): touched.
    pub fn touch(&mut self, ino: Ino, now: Us) {
        self.inode_mut(ino).modified = now;
    }

    /// Puts something where the machine's description wants it, as root, folders on the way made too.
    pub fn plant(&mut self, path: &str, owner: Uid, mode: u32, kind: Kind) -> Result<Ino, Errno> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let mut folder = String::new();
        for part in parts.iter().take(parts.len().saturating_sub(1)) {
            folder = format!("{folder}/{part}");
            if self.resolve(ROOT, "/", &folder).is_err() {
                self.make_folder(ROOT, "/", &folder, 0o755, 0)?;
            }
        }
        if let Ok(there) = self.resolve_link(ROOT, "/", path) {
            if let (Kind::Folder(_), Kind::Folder(_)) = (&kind, &self.inode(there).kind) {
                let inode = self.inode_mut(there);
                (inode.owner, inode.mode) = (owner, mode);
                return Ok(there);
            }
            let (parent, name) = self.place(ROOT, "/", path)?;
            self.unlink(parent, &name, 0);
        }
        let place = self.place(ROOT, "/", path)?;
        self.insert(place, Inode { kind, owner, mode, modified: 0 })
    }
}
