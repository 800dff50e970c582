//! chmod, chown (coreutils 9.7).

use super::common::{fail, quote, usage};
use super::options::Options;
use super::{Call, Program};
use crate::machine::Machine;
use crate::machine::files::Kind;
use crate::machine::users::{self, ROOT};
use crate::{Run, Stop};

const OPTIONS: Options = Options {
    short: "Rfrwxst",
    long: &[("recursive", 'R'), ("silent", 'f'), ("quiet", 'f')],
    unmodelled: "cv",
    ..Options::NONE
};
const CHOWN_OPTIONS: Options =
    Options { short: "Rfh", long: &[("recursive", 'R')], unmodelled: "cvHLP", ..Options::NONE };
/// Files below one folder.
const FILES_MAX: usize = 20_000;

/// Permissions of files.
pub const CHMOD: Program = Program { name: "chmod", in_sbin: false, run: chmod, knows: |words| OPTIONS.know(words) };
/// Owners of files.
pub const CHOWN: Program =
    Program { name: "chown", in_sbin: false, run: chown, knows: |words| CHOWN_OPTIONS.know(words) };

/// One clause of a symbolic mode: the bits of whom, whether somebody was named, what is done, the permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Clause {
    whose: u32,
    named: bool,
    act: char,
    permissions: String,
}

/// A mode as given on a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change(Vec<Clause>, Option<u32>);

impl Change {
    /// Reads `755` or `u+x,go=r`.
    pub fn parse(text: &str) -> Option<Change> {
        if text.bytes().next().is_some_and(|first| first.is_ascii_digit()) {
            let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777)?;
            return Some(Change(Vec::new(), Some(mode)));
        }
        let mut clauses = Vec::new();
        for clause in text.split(',') {
            let at = clause.find(['+', '-', '='])?;
            let (who, rest) = clause.split_at(at);
            let mut whose = 0;
            for letter in who.chars() {
                whose |= match letter {
                    'u' => 0o4700,
                    'g' => 0o2070,
                    'o' => 0o1007,
                    'a' => 0o7777,
                    _ => return None,
                };
            }
            let named = whose != 0;
            let mut rest = rest.chars().peekable();
            while let Some(act) = rest.next() {
                let mut permissions = String::new();
                while let Some(letter) = rest.next_if(|letter| !matches!(letter, '+' | '-' | '=')) {
                    if !matches!(letter, 'r' | 'w' | 'x' | 'X' | 's' | 't') {
                        return None;
                    }
                    permissions.push(letter);
                }
                clauses.push(Clause { whose: if named { whose } else { 0o7777 }, named, act, permissions });
            }
        }
        Some(Change(clauses, None))
    }

    /// What becomes of a mode. Without `u`, `g`, `o`, `a` the umask's bits stay as they are.
    pub fn of(&self, mode: u32, umask: u32, is_folder: bool) -> u32 {
        if let Some(mode) = self.1 {
            return mode;
        }
        self.0.iter().fold(mode, |mode, clause| {
            let mut bits = 0;
            for letter in clause.permissions.chars() {
                bits |= match letter {
                    'r' => 0o444,
                    'w' => 0o222,
                    'x' => 0o111,
                    'X' if is_folder || mode & 0o111 != 0 => 0o111,
                    's' => 0o6000,
                    't' => 0o1000,
                    _ => 0,
                };
            }
            bits &= clause.whose;
            if !clause.named {
                bits &= !umask;
            }
            match clause.act {
                '+' => mode | bits,
                '-' => mode & !bits,
                // Folders keep set-id bits that are not named; nobody sets them here.
                _ => mode & !(clause.whose & 0o777) | bits,
            }
        })
    }
}

fn chmod(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    // `chmod -x f` is a mode, no option.
    let arguments = call.arguments();
    let is_mode = |word: &str| {
        word.len() > 1 && word.starts_with('-') && word.chars().skip(1).all(|letter| "rwxXst".contains(letter))
    };
    let minus = arguments.iter().position(|word| is_mode(word));
    let rest: Vec<String> =
        arguments.iter().enumerate().filter(|(at, _)| Some(*at) != minus).map(|(_, word)| word.clone()).collect();
    let given = match OPTIONS.given_of(machine, call, &rest)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    let mut operands = given.operands.iter().copied();
    let mode = match minus.and_then(|at| arguments.get(at)).map(String::as_str).or_else(|| operands.next()) {
        Some(mode) => mode,
        None => return usage(machine, call, "missing operand", 1),
    };
    let files: Vec<&str> = operands.collect();
    if files.is_empty() {
        return usage(machine, call, &format!("missing operand after {}", quote(mode)), 1);
    }
    let Some(change) = Change::parse(mode) else {
        return usage(machine, call, &format!("invalid mode: {}", quote(mode)), 1);
    };
    each(machine, call, &files, (given.has('R'), given.has('f')), |machine, path, ino| {
        let inode = machine.files.inode(ino);
        if call.context.user != ROOT && inode.owner != call.context.user {
            return Err(format!("changing permissions of {}: Operation not permitted", quote(path)));
        }
        let new = change.of(inode.mode, call.context.umask, matches!(inode.kind, Kind::Folder(_)));
        machine.files.set_mode(ino, new);
        Ok(())
    })
}

fn chown(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match CHOWN_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    let Some((owner, files)) = given.operands.split_first() else {
        return usage(machine, call, "missing operand", 1);
    };
    if files.is_empty() {
        return usage(machine, call, &format!("missing operand after {}", quote(owner)), 1);
    }
    let (user, group) = owner.split_once(':').map_or((*owner, None), |(user, group)| (user, Some(group)));
    let find = |name: &str| users::by_name(name).or_else(|| name.parse().ok().and_then(users::by_uid));
    let Some(new) = find(user) else {
        if user.is_empty() {
            return Err(Stop::Unable("chown of a group alone is not modelled; use --host container".into()));
        }
        fail(machine, call, &format!("invalid user: {}", quote(owner)))?;
        return Ok(1);
    };
    // A file's group is its owner's own here.
    if group.is_some_and(|group| !group.is_empty() && find(group) != Some(new)) {
        return Err(Stop::Unable(format!("chown to a group that is not the user's own ({owner}) is not modelled")));
    }
    each(machine, call, files, (given.has('R'), given.has('f')), |machine, path, ino| {
        let same = machine.files.inode(ino).owner == new.uid;
        if call.context.user != ROOT && !(same && call.context.user == new.uid) {
            return Err(format!("changing ownership of {}: Operation not permitted", quote(path)));
        }
        machine.files.set_owner(ino, new.uid);
        Ok(())
    })
}

fn each(
    machine: &mut Machine,
    call: &Call<'_>,
    files: &[&str],
    (recursive, quiet): (bool, bool),
    change: impl Fn(&mut Machine, &str, crate::machine::files::Ino) -> Result<(), String>,
) -> Run<i32> {
    let mut status = 0;
    let mut waiting: Vec<String> = files.iter().rev().map(|path| (*path).to_owned()).collect();
    let mut seen = 0;
    while let Some(path) = waiting.pop() {
        seen += 1;
        if seen > FILES_MAX {
            return Err(Stop::Unable(format!("{}: more than {FILES_MAX} files", super::common::name(call))));
        }
        let (user, cwd) = (call.context.user, call.context.cwd.as_str());
        let done = match machine.files.resolve(user, cwd, &path) {
            Ok(ino) => {
                if recursive {
                    let inner = machine.files.names(ino);
                    waiting.extend(inner.iter().rev().map(|name| format!("{}/{name}", path.trim_end_matches('/'))));
                }
                change(machine, &path, ino)
            }
            Err(error) => Err(format!("cannot access {}: {}", quote(&path), error.text())),
        };
        if let Err(message) = done {
            if !quiet {
                fail(machine, call, &message)?;
            }
            status = 1;
        }
    }
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::Change;
    use crate::programs::common::tests::{file, machine, run, run_as};

    #[test]
    fn modes_are_read_as_chmod_reads_them() {
        let cases = [
            ("755", 0o644, Some(0o755)),
            ("u+x,g-w", 0o664, Some(0o744)),
            ("+x", 0o644, Some(0o755)),
            ("a=rw", 0o755, Some(0o666)),
            ("-x", 0o755, Some(0o644)),
            ("go=", 0o755, Some(0o700)),
            ("u=rwX", 0o044, Some(0o644)),
            ("+t", 0o755, Some(0o1755)),
            ("9", 0, None),
            ("x", 0, None),
            ("u+q", 0, None),
        ];
        for (text, before, after) in cases {
            assert_eq!(Change::parse(text).map(|change| change.of(before, 0o022, false)), after, "{text}");
        }
    }

    // Expected bytes: coreutils 9.7 in the operator host's image.
    #[test]
    fn messages_and_statuses_are_the_real_ones() {
        let mut machine = machine();
        file(&mut machine, "f", b"");
        let cases: [(&[&str], i32, &str); 9] = [
            (&["chmod", "755"], 1, "chmod: missing operand after '755'\nTry 'chmod --help' for more information.\n"),
            (&["chmod"], 1, "chmod: missing operand\nTry 'chmod --help' for more information.\n"),
            (&["chmod", "9", "f"], 1, "chmod: invalid mode: '9'\nTry 'chmod --help' for more information.\n"),
            (&["chmod", "755", "nope"], 1, "chmod: cannot access 'nope': No such file or directory\n"),
            (&["chmod", "+x", "f"], 0, ""),
            (&["stat", "-c", "%a", "f"], 0, "755\n"),
            (&["chmod", "-x", "f"], 0, ""),
            (&["stat", "-c", "%a", "f"], 0, "644\n"),
            (
                &["chmod", "7", "/usr/bin/rm"],
                1,
                "chmod: changing permissions of '/usr/bin/rm': Operation not permitted\n",
            ),
        ];
        for (words, status, said) in cases {
            assert_eq!(run(&mut machine, words, b""), (status, said.to_owned()), "{words:?}");
        }
        assert_eq!(run_as(&mut machine, 0, &["chown", "root:root", "f"], b"").0, 0);
        let said = "chown: changing ownership of 'f': Operation not permitted\n";
        assert_eq!(run(&mut machine, &["chown", "oncall", "f"], b""), (1, said.to_owned()));
    }
}
