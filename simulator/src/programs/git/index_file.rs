//! `.git/index`: what git last saw of each tracked file. It is a file of whoever ran git, so it shows among the files that
//! the operator has changed.

use std::collections::BTreeMap;

use super::objects::{self, Tree};
use super::{Place, work_tree};
use crate::machine::files::{Errno, Ino, OpenMode};
use crate::machine::{EPOCH_UNIX_US, Machine};
use crate::programs::Call;
use crate::time::Us;

/// Where a file lay and when it was changed last, when git looked.
pub type Stats = BTreeMap<String, (Ino, Us)>;

const PATH: &str = ".git/index";
/// A regular file that is not executable.
const MODE: u32 = 0o100_644;

/// Those tracked files that are as git has them, with where they lie now.
fn unchanged(machine: &Machine, call: &Call<'_>, place: &Place, index: &Tree) -> Stats {
    let same = work_tree::tracked(machine, call, place, index).into_iter().filter(|(path, there)| {
        there.as_ref().is_some_and(|(bytes, executable)| !executable && index.get(path) == Some(bytes))
    });
    same.filter_map(|(path, _)| {
        let ino = machine.files.resolve_link(call.context.user, &place.root, &path).ok()?;
        Some((path, (ino, machine.files.inode(ino).modified)))
    })
    .collect()
}

/// Looks at all tracked files and writes the index, as each change of it does. Who may not write leaves it as it is.
pub fn write(machine: &mut Machine, call: &Call<'_>, place: &Place) {
    let Some(repository) = machine.git.all.get(&place.root) else { return };
    let Some(index) = repository.index.clone() else { return };
    let mut stats = repository.stats.clone();
    stats.retain(|path, _| index.contains_key(path));
    stats.extend(unchanged(machine, call, place, &index));
    let bytes = bytes(machine, &index, &stats);
    let written = put(machine, call, place, &bytes);
    if let Some(repository) = machine.git.all.get_mut(&place.root).filter(|_| written.is_ok()) {
        repository.stats = stats;
    }
}

/// Writes the index if one of these files was touched and is as before (builtin/diff.c, `refresh_index_quietly`).
pub fn refresh(machine: &mut Machine, call: &Call<'_>, place: &Place, wanted: impl Fn(&str) -> bool) {
    let Some(repository) = machine.git.all.get(&place.root) else { return };
    let Some(index) = &repository.index else { return };
    let touched = |(path, now): (&String, &(Ino, Us))| wanted(path) && repository.stats.get(path) != Some(now);
    if unchanged(machine, call, place, index).iter().any(touched) {
        write(machine, call, place);
    }
}

/// A new file each time: git writes beside it and renames.
fn put(machine: &mut Machine, call: &Call<'_>, place: &Place, bytes: &[u8]) -> Result<(), Errno> {
    let (user, umask, now) = (call.context.user, call.context.umask, machine.now);
    match machine.files.remove(user, &place.root, PATH, false, now) {
        Ok(()) | Err(Errno::NotFound) => {}
        Err(error) => return Err(error),
    }
    let ino = machine.files.open(user, &place.root, PATH, OpenMode::Truncate, (umask, now))?;
    machine.files.write(ino, 0, OpenMode::Truncate, bytes, now).map(drop)
}

/// Version 2 with the tree cache (git, gitformat-index). Devices are not modelled and are 0.
fn bytes(machine: &Machine, index: &Tree, stats: &Stats) -> Vec<u8> {
    let word = |value: u64| u32::try_from(value & u64::from(u32::MAX)).unwrap_or(0).to_be_bytes();
    let mut out = b"DIRC\0\0\0\x02".to_vec();
    out.extend(word(index.len() as u64));
    for (path, content) in index {
        let begin = out.len();
        let stat = stats.get(path).copied();
        let unix_us = stat.map_or(0, |(_, modified)| EPOCH_UNIX_US.saturating_add_unsigned(modified)).unsigned_abs();
        let (seconds, nanoseconds) = (unix_us / 1_000_000, unix_us % 1_000_000 * 1000);
        let owner = stat.map_or(0, |(ino, _)| machine.files.inode(ino).owner);
        let ino = stat.map_or(0, |(ino, _)| ino.0 as u64);
        let size = stat.map_or(0, |_| content.len() as u64);
        for value in [seconds, nanoseconds, seconds, nanoseconds, 0, ino, MODE.into(), owner.into(), owner.into(), size]
        {
            out.extend(word(value));
        }
        out.extend(objects::object_id("blob", content));
        out.extend(u16::try_from(path.len().min(0xfff)).unwrap_or(0xfff).to_be_bytes());
        out.extend(path.as_bytes());
        // At least one zero byte, and as many as make the entry a multiple of eight.
        let length = out.len() - begin;
        out.resize(begin + (length / 8 + 1) * 8, 0);
    }
    let mut cache = Vec::new();
    cached(&mut cache, "", index);
    out.extend(b"TREE");
    out.extend(word(cache.len() as u64));
    out.extend(cache);
    out.extend(objects::sha1(&out));
    out
}

/// A folder of the cache: how many files are below it, how many folders in it, its id; then these.
fn cached(out: &mut Vec<u8>, name: &str, tree: &Tree) {
    let mut folders: BTreeMap<&str, Tree> = BTreeMap::new();
    for (path, content) in tree {
        if let Some((folder, rest)) = path.split_once('/') {
            folders.entry(folder).or_default().insert(rest.to_owned(), content.clone());
        }
    }
    out.extend(format!("{name}\0{} {}\n", tree.len(), folders.len()).into_bytes());
    out.extend(objects::tree_id(tree));
    for (folder, inner) in &folders {
        cached(out, folder, inner);
    }
}
