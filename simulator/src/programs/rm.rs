//! rm, rmdir (coreutils 9.7).

use super::common::{fail, finish, quote, usage};
use super::options::Options;
use super::{Call, Program};
use crate::Run;
use crate::machine::Machine;
use crate::machine::files::{Errno, Kind};

const RM_OPTIONS: Options = Options {
    short: "rRfvdαβ",
    long: &[
        ("recursive", 'r'),
        ("force", 'f'),
        ("verbose", 'v'),
        ("dir", 'd'),
        ("preserve-root", 'α'),
        ("no-preserve-root", 'β'),
    ],
    unmodelled: "iI",
    ..Options::NONE
};
const RMDIR_OPTIONS: Options = Options {
    short: "pα",
    long: &[("parents", 'p'), ("ignore-fail-on-non-empty", 'α')],
    unmodelled: "v",
    ..Options::NONE
};
/// Folders in folders; as deep as Linux's PATH_MAX allows.
const DEPTH_MAX: usize = 2048;

/// Removes files.
pub const RM: Program = Program { name: "rm", in_sbin: false, run: rm, knows: |words| RM_OPTIONS.know(words) };
/// Removes empty folders.
pub const RMDIR: Program =
    Program { name: "rmdir", in_sbin: false, run: rmdir, knows: |words| RMDIR_OPTIONS.know(words) };

fn rm(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match RM_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    let force = given.has('f');
    let recursive = given.has('r') || given.has('R');
    if given.operands.is_empty() && !force {
        return usage(machine, call, "missing operand", 1);
    }
    let (mut status, mut said) = (0, String::new());
    for path in &given.operands {
        let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        if recursive && matches!(last, "." | "..") {
            fail(machine, call, &format!("refusing to remove '.' or '..' directory: skipping {}", quote(path)))?;
            status = 1;
            continue;
        }
        let root = machine.files.resolve_link(call.context.user, &call.context.cwd, path).is_ok_and(|ino| ino.0 == 0);
        if recursive && root && !given.has('β') {
            let same = if *path == "/" { quote(path) } else { format!("{} (same as '/')", quote(path)) };
            fail(machine, call, &format!("it is dangerous to operate recursively on {same}"))?;
            fail(machine, call, "use --no-preserve-root to override this failsafe")?;
            status = 1;
            continue;
        }
        let mut errors = Vec::new();
        remove(machine, call, path, (recursive, given.has('d')), &mut errors, &mut said, 0);
        if !given.has('v') {
            said.clear();
        }
        for (path, error) in errors {
            if force && matches!(error, Errno::NotFound | Errno::NotADirectory) {
                continue;
            }
            fail(machine, call, &format!("cannot remove {}: {}", quote(&path), error.text()))?;
            status = 1;
        }
    }
    finish(machine, call, said.as_bytes(), status)
}

fn remove(
    machine: &mut Machine,
    call: &Call<'_>,
    path: &str,
    (recursive, folders): (bool, bool),
    errors: &mut Vec<(String, Errno)>,
    said: &mut String,
    depth: usize,
) {
    let (user, cwd, now) = (call.context.user, call.context.cwd.as_str(), machine.now);
    let ino = match machine.files.resolve_link(user, cwd, path) {
        Ok(ino) => ino,
        Err(error) => return errors.push((path.to_owned(), error)),
    };
    let is_folder = matches!(machine.files.inode(ino).kind, Kind::Folder(_));
    if is_folder && !recursive && !folders {
        return errors.push((path.to_owned(), Errno::IsADirectory));
    }
    if is_folder && recursive {
        if depth > DEPTH_MAX {
            return errors.push((path.to_owned(), Errno::NameTooLong));
        }
        let before = errors.len();
        let names = machine.files.names(ino);
        if !names.is_empty() && !machine.files.may(user, ino, crate::machine::files::Access::Read) {
            return errors.push((path.to_owned(), Errno::PermissionDenied));
        }
        for name in names {
            let inner = format!("{}/{name}", path.trim_end_matches('/'));
            remove(machine, call, &inner, (recursive, folders), errors, said, depth + 1);
        }
        // What is left in it has been told of.
        if errors.len() > before {
            return;
        }
    }
    match machine.files.remove(user, cwd, path, is_folder, now) {
        Ok(()) => {
            said.push_str(&format!("removed {}{}\n", if is_folder { "directory " } else { "" }, quote(path)));
        }
        Err(error) => errors.push((path.to_owned(), error)),
    }
}

fn rmdir(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match RMDIR_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    if given.operands.is_empty() {
        return usage(machine, call, "missing operand", 1);
    }
    let mut status = 0;
    for path in &given.operands {
        let mut path = path.trim_end_matches('/');
        let mut outermost = true;
        loop {
            let now = machine.now;
            if let Err(error) = machine.files.remove(call.context.user, &call.context.cwd, path, true, now) {
                if !(error == Errno::NotEmpty && given.has('α')) {
                    let what = if outermost { "failed to remove" } else { "failed to remove directory" };
                    fail(machine, call, &format!("{what} {}: {}", quote(path), error.text()))?;
                    status = 1;
                }
                break;
            }
            outermost = false;
            match path.rsplit_once('/') {
                Some((folder, _)) if given.has('p') && !folder.is_empty() => path = folder,
                _ => break,
            }
        }
    }
    Ok(status)
}

#[cfg(test)]
mod tests {
    use crate::programs::common::tests::{file, machine, run, run_as};

    // Expected bytes: coreutils 9.7 in the operator host's image.
    #[test]
    fn messages_and_statuses_are_the_real_ones() {
        let mut machine = machine();
        machine.files.make_folder(1000, "/tmp", "d", 0o755, 0).unwrap();
        machine.files.make_folder(1000, "/tmp", "d/e", 0o755, 0).unwrap();
        file(&mut machine, "d/e/f", b"x");
        file(&mut machine, "link-to", b"x");
        let root = "rm: it is dangerous to operate recursively on '/'\n\
                    rm: use --no-preserve-root to override this failsafe\n";
        let cases: [(&[&str], i32, &str); 13] = [
            (&["rm", "-rf", "/"], 1, root),
            (&["rm", "-r", "."], 1, "rm: refusing to remove '.' or '..' directory: skipping '.'\n"),
            (&["rm", "nope"], 1, "rm: cannot remove 'nope': No such file or directory\n"),
            (&["rm", "d"], 1, "rm: cannot remove 'd': Is a directory\n"),
            (&["rm"], 1, "rm: missing operand\nTry 'rm --help' for more information.\n"),
            (&["rm", "-f"], 0, ""),
            (&["rm", "-rf", "a b", ""], 0, ""),
            (&["rmdir", "nope"], 1, "rmdir: failed to remove 'nope': No such file or directory\n"),
            (&["rmdir", "d"], 1, "rmdir: failed to remove 'd': Directory not empty\n"),
            (&["rmdir", "link-to"], 1, "rmdir: failed to remove 'link-to': Not a directory\n"),
            (&["rm", "-r", "d"], 0, ""),
            (&["rm", "-rf", "d"], 0, ""),
            (&["rm", "/usr/bin/rm"], 1, "rm: cannot remove '/usr/bin/rm': Permission denied\n"),
        ];
        for (words, status, said) in cases {
            assert_eq!(run(&mut machine, words, b""), (status, said.to_owned()), "{words:?}");
        }
    }

    #[test]
    fn what_belongs_to_somebody_else_stays() {
        let mut machine = machine();
        run_as(&mut machine, 0, &["mkdir", "-p", "theirs/in"], b"");
        let said = "rm: cannot remove 'theirs/in': Permission denied\n";
        assert_eq!(run(&mut machine, &["rm", "-rf", "theirs"], b""), (1, said.to_owned()));
        assert_eq!(run_as(&mut machine, 0, &["rm", "-rf", "theirs"], b""), (0, String::new()));
    }
}
