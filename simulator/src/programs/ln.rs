//! ln, readlink (coreutils 9.7).

use super::common::{fail, finish, quote, usage};
use super::ls::links;
use super::options::Options;
use super::{Call, Program};
use crate::Run;
use crate::machine::Machine;
use crate::machine::files::{Errno, Kind};

const LN_OPTIONS: Options = Options {
    short: "sfnTvt:",
    long: &[
        ("symbolic", 's'),
        ("force", 'f'),
        ("no-dereference", 'n'),
        ("no-target-directory", 'T'),
        ("target-directory", 't'),
        ("verbose", 'v'),
    ],
    unmodelled: "bdFiLPrS",
    ..Options::NONE
};
const READLINK_OPTIONS: Options = Options {
    short: "femnqsvz",
    long: &[
        ("canonicalize", 'f'),
        ("canonicalize-existing", 'e'),
        ("canonicalize-missing", 'm'),
        ("no-newline", 'n'),
        ("verbose", 'v'),
        ("quiet", 'q'),
        ("silent", 's'),
    ],
    unmodelled: "",
    ..Options::NONE
};
const REALPATH_OPTIONS: Options = Options {
    short: "emq",
    long: &[("canonicalize-existing", 'e'), ("canonicalize-missing", 'm'), ("quiet", 'q')],
    unmodelled: "ELPsz",
    ..Options::NONE
};

/// Names for files.
pub const LN: Program = Program { name: "ln", in_sbin: false, run: ln, knows: |words| LN_OPTIONS.know(words) };
/// Where links lead.
pub const READLINK: Program =
    Program { name: "readlink", in_sbin: false, run: readlink, knows: |words| READLINK_OPTIONS.know(words) };
/// Where paths lead.
pub const REALPATH: Program =
    Program { name: "realpath", in_sbin: false, run: realpath, knows: |words| REALPATH_OPTIONS.know(words) };

fn ln(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match LN_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    let (symbolic, force, as_file) = (given.has('s'), given.has('f'), given.has('n'));
    let Some(last) = given.operands.last().copied() else {
        return usage(machine, call, "missing file operand", 1);
    };
    let (user, cwd) = (call.context.user, call.context.cwd.as_str());
    // With -n a link to a folder is a file like any other.
    let is_folder = |machine: &Machine, path: &str| {
        let found =
            if as_file { machine.files.resolve_link(user, cwd, path) } else { machine.files.resolve(user, cwd, path) };
        found.map(|ino| matches!(machine.files.inode(ino).kind, Kind::Folder(_)))
    };
    let (targets, folder): (Vec<&str>, Option<&str>) = if let Some(folder) = given.value('t') {
        match is_folder(machine, folder) {
            Ok(true) => (given.operands.clone(), Some(folder)),
            Ok(false) => return not_a_folder(machine, call, "target directory", folder, Errno::NotADirectory),
            Err(error) => return not_a_folder(machine, call, "target directory", folder, error),
        }
    } else if given.has('T') {
        match given.operands.as_slice() {
            [_] => {
                let message = format!("missing destination file operand after {}", quote(last));
                return usage(machine, call, &message, 1);
            }
            [_, _] => (given.operands.clone(), None),
            [_, _, extra, ..] => return usage(machine, call, &format!("extra operand {}", quote(extra)), 1),
            [] => return Ok(1),
        }
    } else if given.operands.len() == 1 {
        (vec![last], Some("."))
    } else {
        let folder = is_folder(machine, last);
        match (folder, given.operands.len()) {
            (Ok(true), _) => (given.operands.iter().take(given.operands.len() - 1).copied().collect(), Some(last)),
            (_, 2) => (given.operands.clone(), None),
            (Ok(false), _) => return not_a_folder(machine, call, "target", last, Errno::NotADirectory),
            (Err(error), _) => return not_a_folder(machine, call, "target", last, error),
        }
    };
    let pairs: Vec<(&str, String)> = match folder {
        Some(folder) => targets.iter().map(|target| (*target, inside(folder, target))).collect(),
        None => targets.first().map(|target| (*target, last.to_owned())).into_iter().collect(),
    };
    let (mut status, mut said) = (0, String::new());
    for (target, path) in pairs {
        match link(machine, call, (target, &path), symbolic, force) {
            Ok(()) if given.has('v') => {
                said.push_str(&format!("{} {} {}\n", quote(&path), if symbolic { "->" } else { "=>" }, quote(target)));
            }
            Ok(()) => {}
            Err(message) => {
                fail(machine, call, &message)?;
                status = 1;
            }
        }
    }
    finish(machine, call, said.as_bytes(), status)
}

fn not_a_folder(machine: &mut Machine, call: &Call<'_>, what: &str, path: &str, error: Errno) -> Run<i32> {
    fail(machine, call, &format!("{what} {}: {}", quote(path), error.text()))?;
    Ok(1)
}

/// The path of a file's own name in a folder.
pub(super) fn inside(folder: &str, path: &str) -> String {
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path);
    if folder.ends_with('/') { format!("{folder}{name}") } else { format!("{folder}/{name}") }
}

fn link(
    machine: &mut Machine,
    call: &Call<'_>,
    (target, path): (&str, &str),
    symbolic: bool,
    force: bool,
) -> Result<(), String> {
    let (user, cwd, now) = (call.context.user, call.context.cwd.as_str(), machine.now);
    let linked = if symbolic {
        None
    } else {
        let ino = machine.files.resolve_link(user, cwd, target);
        let ino = ino.map_err(|error| format!("failed to access {}: {}", quote(target), error.text()))?;
        if matches!(machine.files.inode(ino).kind, Kind::Folder(_)) {
            return Err(format!("{}: hard link not allowed for directory", super::common::shown(target)));
        }
        Some(ino)
    };
    if force && let Ok(there) = machine.files.resolve_link(user, cwd, path) {
        if matches!(machine.files.inode(there).kind, Kind::Folder(_)) {
            return Err(format!("{}: cannot overwrite directory", super::common::shown(path)));
        }
        let source = linked.or_else(|| machine.files.resolve(user, cwd, target).ok());
        if source == Some(there) && (links(machine, there) == 1 || same_name(machine, call, target, path)) {
            return Err(format!("{} and {} are the same file", quote(target), quote(path)));
        }
        if linked == Some(there) {
            return Ok(()); // Another name of the same file: rename(2) does nothing.
        }
        // The real one makes the link beside it and renames: there is no moment without the name.
        machine.files.remove(user, cwd, path, false, now).map_err(|error| made(symbolic, path, target, error))?;
    }
    let done = match linked {
        Some(ino) => machine.files.make_hard_link(user, cwd, ino, path, now),
        None => machine.files.make_link(user, cwd, path, target, now).map(|_| ()),
    };
    done.map_err(|error| made(symbolic, path, target, error))
}

/// Whether both paths end at the same name of the same folder.
fn same_name(machine: &Machine, call: &Call<'_>, one: &str, other: &str) -> bool {
    let at = |path: &str| {
        let (folder, name) = path.rsplit_once('/').map_or((".", path), |(folder, name)| (folder, name));
        let folder = if folder.is_empty() { "/" } else { folder };
        Some((machine.files.resolve(call.context.user, &call.context.cwd, folder).ok()?, name.to_owned()))
    };
    at(one).is_some() && at(one) == at(other)
}

fn made(symbolic: bool, path: &str, target: &str, error: Errno) -> String {
    if symbolic {
        return format!("failed to create symbolic link {}: {}", quote(path), error.text());
    }
    let of = if error == Errno::Exists { String::new() } else { format!(" => {}", quote(target)) };
    format!("failed to create hard link {}{of}: {}", quote(path), error.text())
}

fn readlink(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match READLINK_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    if given.operands.is_empty() {
        return usage(machine, call, "missing operand", 1);
    }
    let (user, cwd) = (call.context.user, call.context.cwd.as_str());
    let how =
        given.options.iter().rev().find(|(letter, _)| matches!(letter, 'f' | 'e' | 'm')).map(|(letter, _)| *letter);
    let (mut text, mut status) = (String::new(), 0);
    for path in &given.operands {
        let found = match how {
            Some(how) => canonical(machine, user, cwd, path, how),
            None => machine.files.resolve_link(user, cwd, path).and_then(|ino| match &machine.files.inode(ino).kind {
                Kind::Link(target) => Ok(target.clone()),
                // readlink(2) says EINVAL, which only -v tells.
                _ => Err(Errno::NotPermitted),
            }),
        };
        match found {
            Ok(found) => {
                text.push_str(&found);
                if !(given.has('n') && given.operands.len() == 1) {
                    text.push('\n');
                }
            }
            Err(error) => {
                if given.has('v') {
                    let plain = error == Errno::NotPermitted && how.is_none();
                    let why = if plain { "Invalid argument" } else { error.text() };
                    fail(machine, call, &format!("{}: {why}", super::common::shown(path)))?;
                }
                status = 1;
            }
        }
    }
    finish(machine, call, text.as_bytes(), status)
}

fn realpath(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match REALPATH_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    if given.operands.is_empty() {
        return usage(machine, call, "missing operand", 1);
    }
    let how = if given.has('m') {
        'm'
    } else if given.has('e') {
        'e'
    } else {
        'f'
    };
    let (mut text, mut status) = (String::new(), 0);
    for path in &given.operands {
        match canonical(machine, call.context.user, &call.context.cwd, path, how) {
            Ok(found) => text.push_str(&format!("{found}\n")),
            Err(error) => {
                if !given.has('q') {
                    fail(machine, call, &format!("{}: {}", super::common::shown(path), error.text()))?;
                }
                status = 1;
            }
        }
    }
    finish(machine, call, text.as_bytes(), status)
}

/// The path without links: all of it has to be there (`e`), all but the last part (`f`), or none (`m`).
pub(super) fn canonical(machine: &Machine, user: u32, cwd: &str, path: &str, how: char) -> Result<String, Errno> {
    // As many as a path of Linux's PATH_MAX has parts.
    let (mut rest, mut path) = (Vec::new(), path.to_owned());
    for _ in 0..2048 {
        match machine.files.resolve(user, cwd, &path) {
            Ok(ino) => {
                let mut full = machine.files.canonical(ino);
                for part in rest.iter().rev() {
                    full = if full == "/" { format!("/{part}") } else { format!("{full}/{part}") };
                }
                return Ok(full);
            }
            Err(Errno::NotFound) if how != 'e' && !path.is_empty() => {}
            Err(_) if how == 'm' && !path.is_empty() => {}
            Err(error) => return Err(error),
        }
        // A link that leads nowhere stands for where it leads.
        if let Ok(ino) = machine.files.resolve_link(user, cwd, &path)
            && let Kind::Link(target) = &machine.files.inode(ino).kind
        {
            let folder = path.rsplit_once('/').map_or(".", |(folder, _)| if folder.is_empty() { "/" } else { folder });
            path = if target.starts_with('/') { target.clone() } else { format!("{folder}/{target}") };
            continue;
        }
        if how == 'f' && !rest.is_empty() {
            return Err(Errno::NotFound);
        }
        let trimmed = path.trim_end_matches('/');
        let (folder, name) = match trimmed.rsplit_once('/') {
            Some(("", name)) => ("/".to_owned(), name.to_owned()),
            Some((folder, name)) => (folder.to_owned(), name.to_owned()),
            None => (".".to_owned(), trimmed.to_owned()),
        };
        rest.push(name);
        path = folder;
    }
    Err(Errno::TooManyLinks)
}

#[cfg(test)]
mod tests {
    use crate::programs::common::tests::{file, machine, run, run_as};

    // Expected bytes: coreutils 9.7 in the operator host's image, in this order.
    #[test]
    fn links_are_made_and_refused_as_by_the_real_one() {
        let mut machine = machine();
        machine.files.make_folder(1000, "/tmp", "d", 0o755, 0).unwrap();
        let exists = "ln: failed to create symbolic link 'b': File exists\n";
        let cases: [(&[&str], i32, &str); 17] = [
            (&["ln", "-s", "a", "b"], 0, ""),
            (&["ln", "-s", "c", "b"], 1, exists),
            (&["ln", "-s", "x", "d"], 0, ""),
            (&["readlink", "d/x"], 0, "x\n"),
            (&["ln", "-sfn", "y", "d"], 0, ""),
            (&["readlink", "d/y"], 0, "y\n"),
            (&["ln", "-s", "q"], 1, "ln: failed to create symbolic link './q': File exists\n"),
            (&["ln"], 1, "ln: missing file operand\nTry 'ln --help' for more information.\n"),
            (&["ln", "-s", "a", "b", "c"], 1, "ln: target 'c': No such file or directory\n"),
            (&["ln", "nope", "nope2"], 1, "ln: failed to access 'nope': No such file or directory\n"),
            (&["ln", "d", "hard"], 1, "ln: d: hard link not allowed for directory\n"),
            (&["ln", "-sf", "z", "b"], 0, ""),
            (&["readlink", "b"], 0, "z\n"),
            (&["ln", "-sT", "z", "d"], 1, "ln: failed to create symbolic link 'd': File exists\n"),
            (&["ln", "-sfT", "z", "d"], 1, "ln: d: cannot overwrite directory\n"),
            (
                &["ln", "-sfn", "a", "/nonexist/x"],
                1,
                "ln: failed to create symbolic link '/nonexist/x': No such file or directory\n",
            ),
            (
                &["ln", "-sfn", "a", "/usr/local/bin/x"],
                1,
                "ln: failed to create symbolic link '/usr/local/bin/x': Permission denied\n",
            ),
        ];
        machine.files.make_link(1000, "/tmp", "q", "q", 0).unwrap();
        for (words, status, said) in cases {
            assert_eq!(run(&mut machine, words, b""), (status, said.to_owned()), "{words:?}");
        }
    }

    // Expected bytes: coreutils 9.7 in the operator host's image.
    #[test]
    fn a_link_does_not_take_the_place_of_its_own_target() {
        let mut machine = machine();
        file(&mut machine, "f", b"x");
        machine.files.make_folder(1000, "/tmp", "d", 0o755, 0).unwrap();
        let cases: [(&[&str], i32, &str); 6] = [
            (&["ln", "-sf", "f", "f"], 1, "ln: 'f' and 'f' are the same file\n"),
            (&["mv", "f", "d"], 0, ""),
            (&["ln", "-sf", "d/f", "d"], 1, "ln: 'd/f' and 'd/f' are the same file\n"),
            (&["ln", "d/f", "other"], 0, ""),
            (&["ln", "-f", "d/f", "other"], 0, ""),
            (&["stat", "-c", "%h", "other"], 0, "2\n"),
        ];
        for (words, status, said) in cases {
            assert_eq!(run(&mut machine, words, b""), (status, said.to_owned()), "{words:?}");
        }
    }

    #[test]
    fn the_runbooks_swap_replaces_a_link_to_a_folder_only_with_n() {
        let mut machine = machine();
        for folder in ["v1", "v2"] {
            machine.files.make_folder(1000, "/tmp", folder, 0o755, 0).unwrap();
        }
        assert_eq!(run(&mut machine, &["ln", "-s", "v1", "now"], b"").0, 0);
        assert_eq!(run(&mut machine, &["ln", "-sf", "v2", "now"], b"").0, 0);
        // Without -n it went into the folder.
        assert_eq!(run(&mut machine, &["readlink", "now", "v1/v2"], b"").1, "v1\nv2\n");
        assert_eq!(run(&mut machine, &["ln", "-sfn", "v2", "now"], b"").0, 0);
        assert_eq!(run(&mut machine, &["readlink", "now"], b"").1, "v2\n");
    }

    #[test]
    fn paths_are_made_plain() {
        let mut machine = machine();
        file(&mut machine, "f", b"");
        run(&mut machine, &["ln", "-s", "a", "b"], b"");
        run(&mut machine, &["ln", "-s", "/bin/cat", "c"], b"");
        let cases: [(&[&str], i32, &str); 9] = [
            (&["readlink", "f"], 1, ""),
            (&["readlink", "-f", "b"], 0, "/tmp/a\n"),
            (&["readlink", "-f", "c"], 0, "/usr/bin/cat\n"),
            (&["readlink", "-f", "nope/x"], 1, ""),
            (&["readlink", "-m", "nope/x"], 0, "/tmp/nope/x\n"),
            (&["readlink", "-e", "b"], 1, ""),
            (&["readlink"], 1, "readlink: missing operand\nTry 'readlink --help' for more information.\n"),
            (&["readlink", "-n", "b"], 0, "a"),
            (&["realpath", "nope/x"], 1, "realpath: nope/x: No such file or directory\n"),
        ];
        for (words, status, said) in cases {
            assert_eq!(run(&mut machine, words, b""), (status, said.to_owned()), "{words:?}");
        }
        assert_eq!(run_as(&mut machine, 0, &["ln", "f", "hard"], b""), (0, String::new()));
    }
}
