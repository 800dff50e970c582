//! cp, mv (coreutils 9.7).

use super::common::{fail, quote, usage};
use super::ln::inside;
use super::options::{Given, Options};
use super::{Call, Program};
use crate::Run;
use crate::machine::Machine;
use crate::machine::files::{Access, Errno, Ino, Kind, OpenMode};
use crate::machine::process::What;
use crate::machine::users::ROOT;

const CP_OPTIONS: Options = Options {
    short: "afprRTt:dPLn",
    long: &[
        ("archive", 'a'),
        ("force", 'f'),
        ("recursive", 'r'),
        ("no-target-directory", 'T'),
        ("target-directory", 't'),
        ("no-dereference", 'P'),
        ("dereference", 'L'),
        ("no-clobber", 'n'),
    ],
    unmodelled: "bHilsSuvxZ",
    ..Options::NONE
};
const MV_OPTIONS: Options = Options {
    short: "fnTt:",
    long: &[("force", 'f'), ("no-clobber", 'n'), ("no-target-directory", 'T'), ("target-directory", 't')],
    unmodelled: "biSuvZ",
    ..Options::NONE
};
/// Folders in folders; as deep as Linux's PATH_MAX allows.
const DEPTH_MAX: usize = 2048;

/// Copies files.
pub const CP: Program = Program { name: "cp", in_sbin: false, run: cp, knows: |words| CP_OPTIONS.know(words) };
/// Renames files.
pub const MV: Program = Program { name: "mv", in_sbin: false, run: mv, knows: |words| MV_OPTIONS.know(words) };

/// What to copy, with each its new path; `Err` is the status after a message.
fn pairs<'a>(machine: &mut Machine, call: &Call<'_>, given: &Given<'a>) -> Run<Result<Vec<(&'a str, String)>, i32>> {
    let (user, cwd) = (call.context.user, call.context.cwd.as_str());
    let is_folder = |machine: &Machine, path: &str| {
        machine.files.resolve(user, cwd, path).map(|ino| matches!(machine.files.inode(ino).kind, Kind::Folder(_)))
    };
    let into = |sources: &[&'a str], folder: &str| {
        sources.iter().map(|source| (*source, inside(folder, source))).collect::<Vec<_>>()
    };
    let Some((last, rest)) = given.operands.split_last() else {
        return usage(machine, call, "missing file operand", 1).map(Err);
    };
    if let Some(folder) = given.value('t') {
        return match is_folder(machine, folder) {
            Ok(true) => Ok(Ok(into(&given.operands, folder))),
            other => {
                let why = other.err().unwrap_or(Errno::NotADirectory);
                fail(machine, call, &format!("target directory {}: {}", quote(folder), why.text()))?;
                Ok(Err(1))
            }
        };
    }
    if rest.is_empty() {
        let message = format!("missing destination file operand after {}", quote(last));
        return usage(machine, call, &message, 1).map(Err);
    }
    if given.has('T') {
        if let Some(extra) = given.operands.get(2) {
            return usage(machine, call, &format!("extra operand {}", quote(extra)), 1).map(Err);
        }
        return Ok(Ok(rest.iter().map(|source| (*source, (*last).to_owned())).collect()));
    }
    match is_folder(machine, last) {
        Ok(true) => Ok(Ok(into(rest, last))),
        _ if rest.len() == 1 => Ok(Ok(rest.iter().map(|source| (*source, (*last).to_owned())).collect())),
        other => {
            let why = other.err().unwrap_or(Errno::NotADirectory);
            fail(machine, call, &format!("target {}: {}", quote(last), why.text()))?;
            Ok(Err(1))
        }
    }
}

/// How a copy is made.
#[derive(Debug, Clone, Copy)]
struct How {
    recursive: bool,
    /// Links are copied as links.
    links: bool,
    /// Owner, permissions and times stay.
    keep: bool,
    force: bool,
    no_clobber: bool,
}

fn cp(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match CP_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    let pairs = match pairs(machine, call, &given)? {
        Ok(pairs) => pairs,
        Err(status) => return Ok(status),
    };
    let recursive = given.has('a') || given.has('r') || given.has('R');
    let how = How {
        recursive,
        links: (recursive || given.has('d') || given.has('P')) && !given.has('L'),
        keep: given.has('a') || given.has('p'),
        force: given.has('f'),
        no_clobber: given.has('n'),
    };
    let mut messages = Vec::new();
    for (from, to) in pairs {
        copy(machine, call, from, &to, how, &mut messages, 0);
    }
    let status = i32::from(!messages.is_empty());
    for message in messages {
        fail(machine, call, &message)?;
    }
    Ok(status)
}

/// Whether a node runs from this file: the kernel lets nobody write to it.
fn text_busy(machine: &Machine, ino: Ino) -> bool {
    machine.processes.values().any(|process| {
        matches!(process.what, What::Node(_)) && machine.files.resolve(ROOT, "/", &process.executable) == Ok(ino)
    })
}

fn copy(
    machine: &mut Machine,
    call: &Call<'_>,
    from: &str,
    to: &str,
    how: How,
    messages: &mut Vec<String>,
    depth: usize,
) {
    let (user, cwd, umask, now) = (call.context.user, call.context.cwd.as_str(), call.context.umask, machine.now);
    let found =
        if how.links { machine.files.resolve_link(user, cwd, from) } else { machine.files.resolve(user, cwd, from) };
    let source = match found {
        Ok(source) => source,
        Err(error) => return messages.push(format!("cannot stat {}: {}", quote(from), error.text())),
    };
    let inode = machine.files.inode(source).clone();
    let there = machine.files.resolve(user, cwd, to);
    if there == Ok(source) {
        return messages.push(format!("{} and {} are the same file", quote(from), quote(to)));
    }
    let there_is_folder = there.map(|ino| matches!(machine.files.inode(ino).kind, Kind::Folder(_)));
    if how.no_clobber && machine.files.resolve_link(user, cwd, to).is_ok() && there_is_folder != Ok(true) {
        return;
    }
    let made = match &inode.kind {
        Kind::Folder(names) => {
            if !how.recursive {
                return messages.push(format!("-r not specified; omitting directory {}", quote(from)));
            }
            if there_is_folder == Ok(false) {
                return messages.push(format!(
                    "cannot overwrite non-directory {} with directory {}",
                    quote(to),
                    quote(from)
                ));
            }
            if !machine.files.may(user, source, Access::Read) {
                return messages.push(format!("cannot access {}: Permission denied", quote(from)));
            }
            let canonical = machine.files.canonical(source);
            let target = super::ln::canonical(machine, user, cwd, to, 'm').unwrap_or_default();
            if depth >= DEPTH_MAX || target.starts_with(&format!("{canonical}/")) {
                // The real one has made the folder before it sees that it is one of those to copy.
                if there_is_folder.is_err() {
                    let _ = machine.files.make_folder(user, cwd, to, inode.mode & !umask, now);
                }
                return messages.push(format!("cannot copy a directory, {}, into itself, {}", quote(from), quote(to)));
            }
            if there_is_folder.is_err() {
                let mode = inode.mode & !umask;
                if let Err(error) = machine.files.make_folder(user, cwd, to, mode, now) {
                    return messages.push(format!("cannot create directory {}: {}", quote(to), error.text()));
                }
            }
            for (name, _) in names.iter() {
                let of = |path: &str| format!("{}/{name}", path.trim_end_matches('/'));
                copy(machine, call, &of(from), &of(to), how, messages, depth + 1);
            }
            machine.files.resolve(user, cwd, to).ok()
        }
        _ if there_is_folder == Ok(true) => {
            return messages.push(format!(
                "cannot overwrite directory {} with non-directory {}",
                quote(to),
                quote(from)
            ));
        }
        Kind::Link(target) => {
            if machine.files.resolve_link(user, cwd, to).is_ok() {
                let _ = machine.files.remove(user, cwd, to, false, now);
            }
            match machine.files.make_link(user, cwd, to, target, now) {
                Ok(made) => Some(made),
                Err(error) => {
                    let text = format!("cannot create symbolic link {}: {}", quote(to), error.text());
                    return messages.push(text);
                }
            }
        }
        Kind::File(_) | Kind::Null => {
            if !machine.files.may(user, source, Access::Read) {
                return messages.push(format!("cannot open {} for reading: Permission denied", quote(from)));
            }
            if to.ends_with('/') && there.is_err() {
                return messages.push(format!("cannot create regular file {}: Not a directory", quote(to)));
            }
            let busy = there.is_ok_and(|there| text_busy(machine, there));
            let denied = there.is_ok_and(|there| !machine.files.may(user, there, Access::Write));
            if (busy || denied) && how.force {
                // -f takes the name away and makes the file anew.
                if let Err(error) = machine.files.remove(user, cwd, to, false, now) {
                    return messages.push(format!("cannot remove {}: {}", quote(to), error.text()));
                }
            } else if busy {
                return messages.push(format!("cannot create regular file {}: Text file busy", quote(to)));
            }
            let existed = machine.files.resolve(user, cwd, to).is_ok();
            let opened = machine.files.open(user, cwd, to, OpenMode::Truncate, (umask, now));
            let made = match opened {
                Ok(made) => made,
                Err(error) => {
                    return messages.push(format!("cannot create regular file {}: {}", quote(to), error.text()));
                }
            };
            if let Kind::File(content) = &inode.kind
                && !matches!(machine.files.inode(made).kind, Kind::Null)
                && let Err(error) = machine.files.set_content(made, content.clone(), now)
            {
                return messages.push(format!("error writing {}: {}", quote(to), error.text()));
            }
            if !existed {
                machine.files.set_mode(made, inode.mode & 0o777 & !umask);
            }
            Some(made)
        }
    };
    if let (Some(made), true) = (made, how.keep) {
        machine.files.set_mode(made, inode.mode);
        machine.files.touch(made, inode.modified);
        if user == ROOT {
            machine.files.set_owner(made, inode.owner);
        }
    }
}

fn mv(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match MV_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    let pairs = match pairs(machine, call, &given)? {
        Ok(pairs) => pairs,
        Err(status) => return Ok(status),
    };
    let mut status = 0;
    for (from, to) in pairs {
        if let Err(message) = rename(machine, call, from, &to, given.has('n')) {
            fail(machine, call, &message)?;
            status = 1;
        }
    }
    Ok(status)
}

fn rename(machine: &mut Machine, call: &Call<'_>, from: &str, to: &str, no_clobber: bool) -> Result<(), String> {
    let (user, cwd, now) = (call.context.user, call.context.cwd.as_str(), machine.now);
    let source = machine.files.resolve_link(user, cwd, from);
    let source = source.map_err(|error| format!("cannot stat {}: {}", quote(from), error.text()))?;
    let is_folder = matches!(machine.files.inode(source).kind, Kind::Folder(_));
    if let Ok(there) = machine.files.resolve_link(user, cwd, to) {
        let there_is_folder = matches!(machine.files.inode(there).kind, Kind::Folder(_));
        if no_clobber {
            return Ok(());
        }
        if there == source {
            return Err(format!("{} and {} are the same file", quote(from), quote(to)));
        }
        match (is_folder, there_is_folder) {
            (true, false) => {
                return Err(format!("cannot overwrite non-directory {} with directory {}", quote(to), quote(from)));
            }
            (false, true) => {
                return Err(format!("cannot overwrite directory {} with non-directory {}", quote(to), quote(from)));
            }
            _ => {}
        }
    } else if to.ends_with('/') && !is_folder {
        return Err(format!("cannot move {} to {}: Not a directory", quote(from), quote(to)));
    }
    if is_folder {
        let target = super::ln::canonical(machine, user, cwd, to, 'm').unwrap_or_default();
        if target.starts_with(&format!("{}/", machine.files.canonical(source))) {
            return Err(format!("cannot move {} to a subdirectory of itself, {}", quote(from), quote(to)));
        }
    }
    machine.files.rename(user, cwd, from, to.trim_end_matches('/'), now).map_err(|error| match error {
        Errno::NotEmpty => format!("cannot overwrite {}: {}", quote(to), error.text()),
        other => format!("cannot move {} to {}: {}", quote(from), quote(to), other.text()),
    })
}

#[cfg(test)]
mod tests {
    use crate::programs::common::tests::{file, machine, run, run_as};

    // Expected bytes: coreutils 9.7 in the operator host's image.
    #[test]
    fn copies_and_their_refusals_are_the_real_ones() {
        let mut machine = machine();
        file(&mut machine, "f1", b"hi\n");
        machine.files.make_folder(1000, "/tmp", "d", 0o755, 0).unwrap();
        let cases: [(&[&str], i32, &str); 17] = [
            (&["cp", "nope", "x"], 1, "cp: cannot stat 'nope': No such file or directory\n"),
            (&["cp", "d", "x"], 1, "cp: -r not specified; omitting directory 'd'\n"),
            (&["cp"], 1, "cp: missing file operand\nTry 'cp --help' for more information.\n"),
            (
                &["cp", "x"],
                1,
                "cp: missing destination file operand after 'x'\nTry 'cp --help' for more information.\n",
            ),
            (&["cp", "f1", "f2", "nope"], 1, "cp: target 'nope': No such file or directory\n"),
            (&["cp", "f1", "f1"], 1, "cp: 'f1' and 'f1' are the same file\n"),
            (&["mv", "-n", "f1", "f1"], 0, ""),
            (&["cp", "f1", "nodir/"], 1, "cp: cannot create regular file 'nodir/': Not a directory\n"),
            (&["cp", "f1", "f2", "d"], 1, "cp: cannot stat 'f2': No such file or directory\n"),
            (&["cat", "d/f1"], 0, "hi\n"),
            (&["cp", "-T", "f1", "d"], 1, "cp: cannot overwrite directory 'd' with non-directory 'f1'\n"),
            (&["cp", "-r", "d", "nope/x/y"], 1, "cp: cannot create directory 'nope/x/y': No such file or directory\n"),
            (&["cp", "-a", "d", "dd"], 0, ""),
            (&["cat", "dd/f1"], 0, "hi\n"),
            (
                &["cp", "f1", "/nonexist/x"],
                1,
                "cp: cannot create regular file '/nonexist/x': No such file or directory\n",
            ),
            (&["cp", "f1", "/etc/x"], 1, "cp: cannot create regular file '/etc/x': Permission denied\n"),
            (&["cp", "/usr/bin/cat", "mine"], 0, ""),
        ];
        for (words, status, said) in cases {
            assert_eq!(run(&mut machine, words, b""), (status, said.to_owned()), "{words:?}");
        }
        assert_eq!(run(&mut machine, &["./mine", "f1"], b""), (0, "hi\n".into()));
        run_as(&mut machine, 0, &["chmod", "000", "f1"], b"");
        let said = "cp: cannot open 'f1' for reading: Permission denied\n";
        assert_eq!(run_as(&mut machine, 900, &["cp", "f1", "x1"], b""), (1, said.to_owned()));
    }

    #[test]
    fn moves_and_their_refusals_are_the_real_ones() {
        let mut machine = machine();
        file(&mut machine, "f1", b"hi\n");
        machine.files.make_folder(0, "/tmp", "d", 0o755, 0).unwrap();
        machine.files.make_folder(1000, "/tmp", "e", 0o755, 0).unwrap();
        let cases: [(&[&str], i32, &str); 8] = [
            (&["mv", "nope", "x"], 1, "mv: cannot stat 'nope': No such file or directory\n"),
            (&["mv", "f1", "nodir/"], 1, "mv: cannot move 'f1' to 'nodir/': Not a directory\n"),
            (&["mv", "f1", "e", "f1"], 1, "mv: target 'f1': Not a directory\n"),
            (&["mv", "e", "e"], 1, "mv: cannot move 'e' to a subdirectory of itself, 'e/e'\n"),
            (&["mv", "e", "e/f"], 1, "mv: cannot move 'e' to a subdirectory of itself, 'e/f'\n"),
            (&["mv", "/tmp/d", "/tmp/k"], 1, "mv: cannot move '/tmp/d' to '/tmp/k': Operation not permitted\n"),
            (&["mv", "f1", "e"], 0, ""),
            (&["cat", "e/f1"], 0, "hi\n"),
        ];
        for (words, status, said) in cases {
            assert_eq!(run(&mut machine, words, b""), (status, said.to_owned()), "{words:?}");
        }
    }
}
