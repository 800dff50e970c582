//! A repository's files on disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::objects::Tree;
use super::{Place, Repository};
use crate::machine::Machine;
use crate::machine::files::{Access, Errno, Kind, OpenMode};
use crate::programs::Call;

/// Files of a working tree that are looked at.
const FILES_MAX: usize = 20_000;

/// A file as it stands: content, and whether it is executable.
pub type Content = (Arc<[u8]>, bool);

/// The tracked files as they stand; a path without content is not there.
pub fn tracked(machine: &Machine, call: &Call<'_>, place: &Place, index: &Tree) -> BTreeMap<String, Option<Content>> {
    let user = call.context.user;
    index
        .keys()
        .map(|path| {
            let found = machine.files.resolve_link(user, &place.root, path).ok();
            let content = found.and_then(|ino| {
                let inode = machine.files.inode(ino);
                let is_file = matches!(inode.kind, Kind::File(_));
                is_file.then(|| machine.files.bytes(ino)).flatten().map(|bytes| (bytes, inode.mode & 0o100 != 0))
            });
            (path.clone(), content)
        })
        .collect()
}

/// Files that git does not know, folders of nothing else as one with a slash; in order.
pub fn untracked(machine: &Machine, call: &Call<'_>, place: &Place, index: &Tree) -> Vec<String> {
    let user = call.context.user;
    let mut found = Vec::new();
    let mut waiting = vec![String::new()];
    let mut seen = 0;
    while let Some(folder) = waiting.pop() {
        let path = if folder.is_empty() { ".".to_owned() } else { folder.clone() };
        let Ok(ino) = machine.files.resolve(user, &place.root, &path) else { continue };
        for name in machine.files.names(ino) {
            seen += 1;
            if seen > FILES_MAX || folder.is_empty() && name == ".git" {
                continue;
            }
            let path = format!("{folder}{name}");
            let Ok(inner) = machine.files.resolve_link(user, &place.root, &path) else { continue };
            if matches!(machine.files.inode(inner).kind, Kind::Folder(_)) {
                let below = format!("{path}/");
                if index.keys().any(|known| known.starts_with(&below)) {
                    waiting.push(below);
                } else if holds_files(machine, user, &place.root, &below, 0) {
                    found.push(below);
                }
            } else if !index.contains_key(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn holds_files(machine: &Machine, user: u32, root: &str, folder: &str, depth: usize) -> bool {
    let Ok(ino) = machine.files.resolve(user, root, folder) else { return false };
    depth < 64
        && machine.files.names(ino).iter().any(|name| {
            let path = format!("{folder}{name}");
            machine.files.resolve_link(user, root, &path).is_ok_and(|inner| match machine.files.inode(inner).kind {
                Kind::Folder(_) => holds_files(machine, user, root, &format!("{path}/"), depth + 1),
                _ => true,
            })
        })
}

/// Writes one file as a checkout does: the old one is taken away first. `Err` is what the system says.
pub fn write(machine: &mut Machine, call: &Call<'_>, root: &str, path: &str, bytes: &[u8]) -> Result<(), Errno> {
    let (user, umask, now) = (call.context.user, call.context.umask, machine.now);
    for (at, _) in path.match_indices('/') {
        let folder = path.get(..at).unwrap_or_default();
        if machine.files.resolve(user, root, folder).is_err() {
            machine.files.make_folder(user, root, folder, 0o777 & !umask, now)?;
        }
    }
    match machine.files.remove(user, root, path, false, now) {
        Ok(()) | Err(Errno::NotFound) => {}
        Err(error) => return Err(error),
    }
    let ino = machine.files.open(user, root, path, OpenMode::Truncate, (umask, now))?;
    machine.files.write(ino, 0, OpenMode::Truncate, bytes, now).map(drop)
}

/// Makes the working tree what a tree says; files that differ only.
pub fn check_out(
    machine: &mut Machine,
    call: &Call<'_>,
    place: &Place,
    before: Option<&Tree>,
    tree: &Tree,
) -> Result<(), String> {
    let now_there = tracked(machine, call, place, tree);
    let (user, now) = (call.context.user, machine.now);
    for path in before.into_iter().flat_map(|before| before.keys()).filter(|path| !tree.contains_key(*path)) {
        // What somebody else took away already is away.
        let _ = machine.files.remove(user, &place.root, path, false, now);
    }
    for (path, bytes) in tree {
        let same =
            now_there.get(path).is_some_and(|there| there.as_ref().is_some_and(|(there, x)| there == bytes && !x));
        if !same {
            write(machine, call, &place.root, path, bytes)
                .map_err(|error| format!("error: unable to create file {path}: {}\n", error.text()))?;
        }
    }
    Ok(())
}

/// Whether the user may write into the repository itself.
pub fn may_write(machine: &Machine, call: &Call<'_>, place: &Place) -> bool {
    let git = machine.files.resolve(call.context.user, &place.root, ".git");
    git.is_ok_and(|git| machine.files.may(call.context.user, git, Access::Write))
}

/// What `git status` knows: paths with what happened to them, `M` or `D`.
pub fn changed(machine: &Machine, call: &Call<'_>, place: &Place, repository: &Repository) -> Vec<(String, char)> {
    let Some(index) = &repository.index else { return Vec::new() };
    let mut changed = Vec::new();
    for (path, there) in tracked(machine, call, place, index) {
        match (there, index.get(&path)) {
            (None, _) => changed.push((path, 'D')),
            (Some((bytes, executable)), Some(known)) if bytes != *known || executable => changed.push((path, 'M')),
            _ => {}
        }
    }
    changed
}
