//! Ways through the tree: the inode behind a path, the place of a new name, and the path of an inode.

use super::{Access, Errno, Files, Ino, Kind};
use crate::machine::users::Uid;

/// Symbolic links followed in one path; as Linux's MAXSYMLINKS.
const LINKS_MAX: u32 = 40;
/// Longest path, as Linux's PATH_MAX.
const PATH_MAX: usize = 4096;

/// The folder that holds a name, and the name.
pub(super) type Place = (Ino, String);

/// The parts of a path.
fn parts(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty())
}

/// The same from the front alone, for the way that is taken most often.
struct Parts<'a>(&'a str);

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let begin = self.0.bytes().position(|byte| byte != b'/')?;
        let (_, rest) = self.0.split_at_checked(begin)?;
        let end = rest.bytes().position(|byte| byte == b'/').unwrap_or(rest.len());
        let (part, rest) = rest.split_at_checked(end)?;
        self.0 = rest;
        Some(part)
    }
}

impl Files {
    /// The inode behind a path, links followed. `cwd` is absolute.
    pub fn resolve(&self, user: Uid, cwd: &str, path: &str) -> Result<Ino, Errno> {
        self.walk(user, cwd, path, true)
    }

    /// The same; a link at the end is itself.
    pub fn resolve_link(&self, user: Uid, cwd: &str, path: &str) -> Result<Ino, Errno> {
        self.walk(user, cwd, path, false)
    }

    fn walk(&self, user: Uid, cwd: &str, path: &str, follow_last: bool) -> Result<Ino, Errno> {
        if path.is_empty() {
            return Err(Errno::NotFound);
        }
        if path.len() > PATH_MAX {
            return Err(Errno::NameTooLong);
        }
        let cwd = if path.starts_with('/') { "" } else { cwd };
        if let Some(found) = self.walk_plainly(user, cwd, path, follow_last) {
            return found;
        }
        // Folders passed through, for `..`.
        let mut stack = vec![Ino(0)];
        let mut waiting: Vec<&str> = parts(path).rev().chain(parts(cwd).rev()).collect();
        let mut links = 0;
        let mut last = Ino(0);
        while let Some(part) = waiting.pop() {
            let Some(here) = stack.last().copied() else { return Err(Errno::NotFound) };
            let Kind::Folder(names) = &self.inode(here).kind else { return Err(Errno::NotADirectory) };
            if !self.may(user, here, Access::Execute) {
                return Err(Errno::PermissionDenied);
            }
            match part {
                "." => {
                    last = here;
                    continue;
                }
                ".." => {
                    if stack.len() > 1 {
                        stack.pop();
                    }
                    last = stack.last().copied().unwrap_or(Ino(0));
                    continue;
                }
                _ => {}
            }
            let ino = names.get(part).ok_or(Errno::NotFound)?;
            match &self.inode(ino).kind {
                Kind::Link(target) if follow_last || !waiting.is_empty() => {
                    links += 1;
                    if links > LINKS_MAX {
                        return Err(Errno::TooManyLinks);
                    }
                    if target.starts_with('/') {
                        stack.truncate(1);
                    }
                    waiting.extend(parts(target).rev());
                    last = stack.last().copied().unwrap_or(Ino(0));
                }
                _ => {
                    last = ino;
                    stack.push(ino);
                }
            }
        }
        if path.ends_with('/') && !matches!(self.inode(last).kind, Kind::Folder(_)) {
            return Err(Errno::NotADirectory);
        }
        Ok(last)
    }

    /// The same, where no part of the path leads back and a link at its end is followed: nothing has to be kept in mind then.
    /// `None`: it is not so.
    fn walk_plainly(&self, user: Uid, cwd: &str, path: &str, follow_last: bool) -> Option<Result<Ino, Errno>> {
        let mut links = 0;
        let from = match self.walk_on(user, Ino(0), Parts(cwd), true, &mut links)? {
            Ok(from) => from,
            Err(error) => return Some(Err(error)),
        };
        let there = self.walk_on(user, from, Parts(path), follow_last, &mut links)?;
        let is_file = |ino: Ino| path.ends_with('/') && !matches!(self.inode(ino).kind, Kind::Folder(_));
        Some(there.and_then(|ino| if is_file(ino) { Err(Errno::NotADirectory) } else { Ok(ino) }))
    }

    fn walk_on(
        &self,
        user: Uid,
        from: Ino,
        mut parts: Parts<'_>,
        follow_last: bool,
        links: &mut u32,
    ) -> Option<Result<Ino, Errno>> {
        let mut here = from;
        while let Some(part) = parts.next() {
            let Kind::Folder(names) = &self.inode(here).kind else { return Some(Err(Errno::NotADirectory)) };
            if !self.may(user, here, Access::Execute) {
                return Some(Err(Errno::PermissionDenied));
            }
            if matches!(part, "." | "..") {
                return None;
            }
            let Some(ino) = names.get(part) else { return Some(Err(Errno::NotFound)) };
            let Kind::Link(target) = &self.inode(ino).kind else {
                here = ino;
                continue;
            };
            if !follow_last && parts.0.bytes().all(|byte| byte == b'/') {
                return None;
            }
            *links += 1;
            if *links > LINKS_MAX {
                return Some(Err(Errno::TooManyLinks));
            }
            let base = if target.starts_with('/') { Ino(0) } else { here };
            match self.walk_on(user, base, Parts(target), true, links)? {
                Ok(there) => here = there,
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(here))
    }

    /// The folder that a new name goes into. The last link of an existing path is followed, as open(2) does.
    pub(super) fn place(&self, user: Uid, cwd: &str, path: &str) -> Result<Place, Errno> {
        let path = path.trim_end_matches('/');
        let (folder, name) = match path.rsplit_once('/') {
            Some(("", name)) => ("/", name),
            Some((folder, name)) => (folder, name),
            None => (".", path),
        };
        if name.is_empty() || name == "." || name == ".." {
            return Err(Errno::Exists);
        }
        let parent = self.resolve(user, cwd, folder)?;
        if !matches!(self.inode(parent).kind, Kind::Folder(_)) {
            return Err(Errno::NotADirectory);
        }
        Ok((parent, name.to_owned()))
    }

    /// How many names something has that is there and is no folder.
    pub fn names_of(&self, ino: Ino) -> usize {
        let (mut count, mut waiting) = (0, vec![Ino(0)]);
        while let Some(here) = waiting.pop() {
            if let Kind::Folder(names) = &self.inode(here).kind {
                count += names.iter().filter(|(_, inner)| *inner == ino).count();
                waiting.extend(names.iter().map(|(_, inner)| inner));
            }
        }
        count
    }

    /// The absolute path with all links resolved, of something that is there.
    pub fn canonical(&self, ino: Ino) -> String {
        // Found from the root: a machine has some hundred names, and few ask.
        let mut waiting = vec![(Ino(0), 0, "")];
        // Names on the way down.
        let mut way: Vec<&str> = Vec::new();
        while let Some((here, depth, name)) = waiting.pop() {
            way.truncate(depth);
            way.push(name);
            if here == ino {
                return if depth == 0 { "/".to_owned() } else { way.join("/") };
            }
            if let Kind::Folder(names) = &self.inode(here).kind {
                waiting.extend(names.iter().map(|(name, ino)| (ino, depth + 1, name)));
            }
        }
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_the_same_parts_from_both_ends() {
        for path in ["", "/", "//", "a", "a/", "/a", "/a//b/", "a/b/c", "/\u{e4}/.//..", " / "] {
            let mut backwards: Vec<&str> = parts(path).rev().collect();
            backwards.reverse();
            assert_eq!(Parts(path).collect::<Vec<_>>(), backwards, "{path:?}");
        }
    }
}
