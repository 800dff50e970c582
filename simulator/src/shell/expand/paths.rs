//! Pathname expansion.

use super::pattern::{Marked, Pattern};
use crate::machine::Machine;
use crate::machine::files::{Access, Kind};
use crate::shell::Context;

/// Whether a pattern has anything in it that matches more than itself.
pub(super) fn has_pattern(marked: &[Marked]) -> bool {
    marked.iter().any(|(byte, quoted)| !quoted && matches!(byte, b'*' | b'?' | b'['))
        && marked.split(|(byte, _)| *byte == b'/').any(|part| Pattern::new(part).literal().is_none())
}

/// The paths that match, sorted; none if nothing does.
pub(super) fn matching(machine: &Machine, context: &Context, marked: &[Marked]) -> Vec<String> {
    let absolute = marked.first().is_some_and(|(byte, _)| *byte == b'/');
    // Paths so far, each as it will be written.
    let mut paths = vec![if absolute { "/".to_owned() } else { String::new() }];
    let parts: Vec<&[Marked]> = marked.split(|(byte, _)| *byte == b'/').collect();
    let count = parts.len();
    for (nth, part) in parts.into_iter().enumerate() {
        let last = nth + 1 == count;
        if part.is_empty() {
            // A slash at the end: folders only.
            if last && nth > 0 {
                paths.retain(|path| is_folder(machine, context, path));
            }
            continue;
        }
        let pattern = Pattern::new(part);
        let mut longer = Vec::new();
        for path in &paths {
            let names = match pattern.literal() {
                Some(name) => vec![String::from_utf8_lossy(&name).into_owned()],
                None => names(machine, context, path, &pattern),
            };
            for name in names {
                let found = format!("{path}{name}");
                if last {
                    if machine.files.resolve_link(context.user, &context.cwd, &found).is_ok() {
                        longer.push(found);
                    }
                } else if is_folder(machine, context, &found) {
                    longer.push(format!("{found}/"));
                }
            }
        }
        paths = longer;
    }
    paths.sort();
    paths
}

fn is_folder(machine: &Machine, context: &Context, path: &str) -> bool {
    let ino = machine.files.resolve(context.user, &context.cwd, path);
    ino.is_ok_and(|ino| matches!(machine.files.inode(ino).kind, Kind::Folder(_)))
}

fn names(machine: &Machine, context: &Context, folder: &str, pattern: &Pattern) -> Vec<String> {
    let folder = if folder.is_empty() { "." } else { folder };
    let Ok(ino) = machine.files.resolve(context.user, &context.cwd, folder) else { return Vec::new() };
    let Kind::Folder(names) = &machine.files.inode(ino).kind else { return Vec::new() };
    if !machine.files.may(context.user, ino, Access::Read) {
        return Vec::new();
    }
    let hidden = pattern.begins_with_dot();
    let matches = |name: &&str| (hidden || !name.starts_with('.')) && pattern.matches(name.as_bytes());
    names.iter().map(|(name, _)| name).filter(matches).map(str::to_owned).collect()
}
