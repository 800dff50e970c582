//! mkdir, touch (coreutils 9.7).

use super::chmod::Change;
use super::common::{fail, finish, quote, usage};
use super::options::Options;
use super::{Call, Program};
use crate::Run;
use crate::machine::Machine;
use crate::machine::files::{Access, Errno, Kind, OpenMode};

const MKDIR_OPTIONS: Options = Options {
    short: "pm:v",
    long: &[("parents", 'p'), ("mode", 'm'), ("verbose", 'v')],
    unmodelled: "Z",
    ..Options::NONE
};
const TOUCH_OPTIONS: Options =
    Options { short: "camf", long: &[("no-create", 'c')], unmodelled: "drth", ..Options::NONE };

/// Makes folders.
pub const MKDIR: Program =
    Program { name: "mkdir", in_sbin: false, run: mkdir, knows: |words| MKDIR_OPTIONS.know(words) };
/// Makes files, or their times new.
pub const TOUCH: Program =
    Program { name: "touch", in_sbin: false, run: touch, knows: |words| TOUCH_OPTIONS.know(words) };

fn mkdir(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match MKDIR_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    if given.operands.is_empty() {
        return usage(machine, call, "missing operand", 1);
    }
    let umask = call.context.umask;
    let mode = match given.value('m').map(|text| (text, Change::parse(text))) {
        None => 0o777 & !umask,
        Some((_, Some(change))) => change.of(0o777, umask, true),
        Some((text, None)) => {
            fail(machine, call, &format!("invalid mode {}", quote(text)))?;
            return Ok(1);
        }
    };
    let (mut status, mut said) = (0, String::new());
    for path in &given.operands {
        match make(machine, call, path, mode, given.has('p')) {
            Ok(made) => {
                made.iter().for_each(|made| said.push_str(&format!("mkdir: created directory {}\n", quote(made))))
            }
            Err((at, error)) => {
                fail(machine, call, &format!("cannot create directory {}: {}", quote(&at), error.text()))?;
                status = 1;
            }
        }
    }
    if !given.has('v') {
        said.clear();
    }
    finish(machine, call, said.as_bytes(), status)
}

/// Makes a folder, with `parents` those on the way to it too: what was made, or where it went wrong.
fn make(
    machine: &mut Machine,
    call: &Call<'_>,
    path: &str,
    mode: u32,
    parents: bool,
) -> Result<Vec<String>, (String, Errno)> {
    let (user, cwd, now) = (call.context.user, call.context.cwd.as_str(), machine.now);
    let mut made = Vec::new();
    if parents {
        let is_folder = |machine: &Machine, path: &str| {
            machine.files.resolve(user, cwd, path).map(|ino| matches!(machine.files.inode(ino).kind, Kind::Folder(_)))
        };
        let ends: Vec<usize> =
            path.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0 && *at + 1 < path.len()).collect();
        for end in ends {
            let Some(part) = path.get(..end).filter(|part| !part.ends_with('/')) else { continue };
            match is_folder(machine, part) {
                Ok(true) => {}
                Ok(false) => return Err((part.to_owned(), Errno::NotADirectory)),
                Err(Errno::NotFound) => {
                    let between = 0o777 & !call.context.umask | 0o300;
                    machine
                        .files
                        .make_folder(user, cwd, part, between, now)
                        .map_err(|error| (part.to_owned(), error))?;
                    made.push(part.to_owned());
                }
                Err(error) => return Err((part.to_owned(), error)),
            }
        }
        match is_folder(machine, path) {
            Ok(true) => return Ok(made),
            Ok(false) => return Err((path.to_owned(), Errno::Exists)),
            Err(_) => {}
        }
    }
    machine.files.make_folder(user, cwd, path, mode, now).map_err(|error| (path.to_owned(), error))?;
    made.push(path.to_owned());
    Ok(made)
}

fn touch(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match TOUCH_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    if given.operands.is_empty() {
        return usage(machine, call, "missing file operand", 1);
    }
    let (user, cwd, umask, now) = (call.context.user, call.context.cwd.as_str(), call.context.umask, machine.now);
    let mut status = 0;
    for path in &given.operands {
        let done = match machine.files.resolve(user, cwd, path) {
            Ok(ino) => {
                let own = user == 0 || machine.files.inode(ino).owner == user;
                if own || machine.files.may(user, ino, Access::Write) {
                    machine.files.touch(ino, now);
                    Ok(())
                } else {
                    Err(Errno::PermissionDenied)
                }
            }
            Err(Errno::NotFound) if given.has('c') => Ok(()),
            Err(Errno::NotFound) => machine.files.open(user, cwd, path, OpenMode::Append, (umask, now)).map(|_| ()),
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            fail(machine, call, &format!("cannot touch {}: {}", quote(path), error.text()))?;
            status = 1;
        }
    }
    Ok(status)
}

#[cfg(test)]
mod tests {
    use crate::programs::common::tests::{file, machine, run};

    // Expected bytes: coreutils 9.7 in the operator host's image.
    #[test]
    fn messages_and_statuses_are_the_real_ones() {
        let mut machine = machine();
        file(&mut machine, "b", b"");
        let cases: [(&[&str], i32, &str); 12] = [
            (&["mkdir", "-p", "e/f"], 0, ""),
            (&["mkdir", "-p", "e/f"], 0, ""),
            (&["mkdir", "e"], 1, "mkdir: cannot create directory 'e': File exists\n"),
            (&["mkdir", "nope/x"], 1, "mkdir: cannot create directory 'nope/x': No such file or directory\n"),
            (&["mkdir", "-p", "b/x"], 1, "mkdir: cannot create directory 'b': Not a directory\n"),
            (&["mkdir", "-p", "b"], 1, "mkdir: cannot create directory 'b': File exists\n"),
            (&["mkdir"], 1, "mkdir: missing operand\nTry 'mkdir --help' for more information.\n"),
            (&["mkdir", "-m", "700", "g"], 0, ""),
            (&["stat", "-c", "%a", "g", "e"], 0, "700\n755\n"),
            (&["touch", "nope/x"], 1, "touch: cannot touch 'nope/x': No such file or directory\n"),
            (&["touch", "/usr/bin/rm"], 1, "touch: cannot touch '/usr/bin/rm': Permission denied\n"),
            (&["touch", "-c", "nope", "d", "e"], 0, ""),
        ];
        for (words, status, said) in cases {
            assert_eq!(run(&mut machine, words, b""), (status, said.to_owned()), "{words:?}");
        }
    }
}
