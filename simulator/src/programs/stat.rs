//! stat (coreutils 9.7), with a format.

use super::common::{fail, finish, quote, usage};
use super::ls::{links, mode_text, size};
use super::options::{Options, unmodelled};
use super::{Call, Program, calendar};
use crate::Run;
use crate::machine::files::{Content, Ino, Kind};
use crate::machine::{EPOCH_UNIX_US, Machine, users};

const OPTIONS: Options = Options {
    short: "fLc:α:",
    long: &[("file-system", 'f'), ("dereference", 'L'), ("format", 'c'), ("printf", 'α')],
    unmodelled: "t",
    ..Options::NONE
};

/// What is known of files.
pub const STAT: Program = Program {
    name: "stat",
    in_sbin: false,
    run: stat,
    knows: |words| {
        let given = OPTIONS.read(words)?;
        match given.has('c') || given.has('α') {
            true => Ok(()),
            false => Err("stat without a format is not modelled".into()),
        }
    },
};

fn stat(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    if given.operands.is_empty() {
        return usage(machine, call, "missing operand", 1);
    }
    let format = match (given.value('α'), given.value('c')) {
        (Some(format), _) => super::echo::unescaped(format.as_bytes()).0,
        (None, Some(format)) => format!("{format}\n").into_bytes(),
        (None, None) => return Err(unmodelled(call, "without a format")),
    };
    let (user, cwd) = (call.context.user, call.context.cwd.as_str());
    let (mut text, mut status) = (Vec::new(), 0);
    for path in &given.operands {
        let found = if given.has('L') || given.has('f') {
            machine.files.resolve(user, cwd, path)
        } else {
            machine.files.resolve_link(user, cwd, path)
        };
        let ino = match found {
            Ok(ino) => ino,
            Err(error) => {
                let what = if given.has('f') { "cannot read file system information for" } else { "cannot statx" };
                fail(machine, call, &format!("{what} {}: {}", quote(path), error.text()))?;
                status = 1;
                continue;
            }
        };
        let mut format = format.iter().copied();
        while let Some(byte) = format.next() {
            if byte != b'%' {
                text.push(byte);
                continue;
            }
            let letter = char::from(format.next().unwrap_or(b'%'));
            let value = match (given.has('f'), letter) {
                (_, '%') => Some("%".to_owned()),
                (_, 'n') => Some((*path).to_owned()),
                (true, 'T') => Some(machine.files.file_system(&machine.files.canonical(ino)).to_owned()),
                (true, _) => None,
                (false, letter) => of_file(machine, path, ino, letter),
            };
            match value {
                Some(value) => text.extend_from_slice(value.as_bytes()),
                None => return Err(unmodelled(call, &format!("with %{letter}"))),
            }
        }
    }
    finish(machine, call, &text, status)
}

fn of_file(machine: &Machine, path: &str, ino: Ino, letter: char) -> Option<String> {
    let inode = machine.files.inode(ino);
    let owner = || users::by_uid(inode.owner).map_or("UNKNOWN", |user| user.name).to_owned();
    let changed = EPOCH_UNIX_US.saturating_add_unsigned(inode.modified);
    Some(match letter {
        'a' => format!("{:o}", inode.mode),
        'A' => mode_text(&inode.kind, inode.mode),
        'F' => match &inode.kind {
            Kind::Folder(_) => "directory",
            Kind::Link(_) => "symbolic link",
            Kind::Null => "character special file",
            Kind::File(Content::Bytes(bytes)) if bytes.is_empty() => "regular empty file",
            Kind::File(_) => "regular file",
        }
        .to_owned(),
        'g' | 'u' => inode.owner.to_string(),
        'G' | 'U' => owner(),
        'h' => links(machine, ino).to_string(),
        'i' => ino.0.to_string(),
        'N' => match &inode.kind {
            Kind::Link(target) => format!("{} -> {}", quote(path), quote(target)),
            _ => quote(path),
        },
        's' => size(machine, ino).to_string(),
        'y' => {
            let second = calendar::civil(changed.div_euclid(1_000_000));
            format!("{}.{:09} +0000", second.stamp(), changed.rem_euclid(1_000_000) * 1000)
        }
        'Y' => changed.div_euclid(1_000_000).to_string(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::programs::common::tests::{file, machine, run};

    // Expected bytes: coreutils 9.7 in the operator host's image.
    #[test]
    fn formats_are_filled_as_by_the_real_one() {
        let mut machine = machine();
        file(&mut machine, "f1", b"hi\n");
        file(&mut machine, "empty", b"");
        run(&mut machine, &["ln", "-s", "f1", "l1"], b"");
        machine.files.in_memory = vec![("/run".into(), "tmpfs")];
        let cases: [(&[&str], i32, &str); 10] = [
            (&["stat", "-f", "-c", "%T", "/tmp", "/run"], 0, "overlayfs\ntmpfs\n"),
            (&["stat", "-c", "%s", "nope"], 1, "stat: cannot statx 'nope': No such file or directory\n"),
            (
                &["stat", "-f", "-c", "%T", "nope"],
                1,
                "stat: cannot read file system information for 'nope': No such file or directory\n",
            ),
            (&["stat", "-c", "%n %s %a %U %G %F %h", "f1"], 0, "f1 3 644 oncall oncall regular file 1\n"),
            (&["stat", "-c", "%N %F %s", "l1"], 0, "'l1' -> 'f1' symbolic link 2\n"),
            (&["stat", "-L", "-c", "%F", "l1"], 0, "regular file\n"),
            (&["stat"], 1, "stat: missing operand\nTry 'stat --help' for more information.\n"),
            (&["stat", "--printf=%s\\n", "f1"], 0, "3\n"),
            (
                &["stat", "-c", "%A %F", "/dev/null", "empty"],
                0,
                "crw-rw-rw- character special file\n-rw-r--r-- regular empty file\n",
            ),
            (&["stat", "-c", "%a %A", "/tmp"], 0, "1777 drwxrwxrwt\n"),
        ];
        for (words, status, said) in cases {
            assert_eq!(run(&mut machine, words, b""), (status, said.to_owned()), "{words:?}");
        }
    }
}
