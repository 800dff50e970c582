//! ls (coreutils 9.7), as it writes where stdout is no terminal: one name a line.

use super::common::{emit, fail, quote};
use super::options::Options;
use super::{Call, Program, calendar};
use crate::Run;
use crate::machine::files::{Access, Content, Ino, Kind};
use crate::machine::{EPOCH_UNIX_US, Machine, users};

const OPTIONS: Options = Options {
    short: "1aAdlrtRα",
    long: &[
        ("all", 'a'),
        ("almost-all", 'A'),
        ("directory", 'd'),
        ("reverse", 'r'),
        ("recursive", 'R'),
        ("color", 'α'),
    ],
    unmodelled: "bBcCDfFgGhHiIkLmnNopqQsSTuUvwxXZ",
    status: 2,
    ..Options::NONE
};
/// Folders listed by one call.
const FOLDERS_MAX: usize = 10_000;

/// Names in folders.
pub const LS: Program = Program { name: "ls", in_sbin: false, run: ls, knows: |words| OPTIONS.know(words) };

/// `drwxr-xr-x`
pub(super) fn mode_text(kind: &Kind, mode: u32) -> String {
    let mut text = String::from(match kind {
        Kind::Folder(_) => "d",
        Kind::Link(_) => "l",
        Kind::Null => "c",
        Kind::File(_) => "-",
    });
    let special = [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')];
    for (shift, bit, letter) in special {
        let bits = mode >> shift & 7;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (mode & bit != 0, bits & 1 != 0) {
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

/// Bytes that `stat` tells of.
pub(super) fn size(machine: &Machine, ino: Ino) -> u64 {
    match &machine.files.inode(ino).kind {
        Kind::File(Content::Bytes(bytes)) => bytes.len() as u64,
        Kind::Link(target) => target.len() as u64,
        Kind::Folder(_) => 4096,
        // What a program's or a node's executable takes on disk has no bearing on anything.
        Kind::File(_) | Kind::Null => 0,
    }
}

/// Names of a file.
pub(super) fn links(machine: &Machine, ino: Ino) -> usize {
    match &machine.files.inode(ino).kind {
        Kind::Folder(names) => {
            2 + names.iter().filter(|(_, inner)| matches!(machine.files.inode(*inner).kind, Kind::Folder(_))).count()
        }
        _ => machine.files.names_of(ino),
    }
}

fn user_name(uid: u32) -> String {
    users::by_uid(uid).map_or_else(|| uid.to_string(), |user| user.name.to_owned())
}

struct Listing {
    long: bool,
    rows: Vec<[String; 7]>,
}

impl Listing {
    fn add(&mut self, machine: &Machine, name: &str, ino: Ino) {
        if !self.long {
            self.rows.push([
                String::new(),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
                name.to_owned(),
            ]);
            return;
        }
        let inode = machine.files.inode(ino);
        let changed = EPOCH_UNIX_US.saturating_add_unsigned(inode.modified);
        let when = calendar::civil(changed.div_euclid(1_000_000));
        // Older than half a year, or from the future: the year instead of the time.
        let age = machine.unix_us() - changed;
        let recent = (0..31_556_952_i64 / 2 * 1_000_000).contains(&age);
        let time = if recent { format!("{:02}:{:02}", when.hour, when.minute) } else { format!("{:5}", when.year) };
        let shown = match &inode.kind {
            Kind::Link(target) => format!("{name} -> {target}"),
            _ => name.to_owned(),
        };
        let owner = user_name(inode.owner);
        self.rows.push([
            mode_text(&inode.kind, inode.mode),
            links(machine, ino).to_string(),
            owner.clone(),
            owner,
            if matches!(inode.kind, Kind::Null) { "1, 3".to_owned() } else { size(machine, ino).to_string() },
            format!("{} {:2} {time}", when.month_name(), when.day),
            shown,
        ]);
    }

    fn text(self) -> String {
        if !self.long {
            return self.rows.into_iter().map(|[.., name]| name + "\n").collect();
        }
        let mut widths = [0_usize; 7];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.len());
            }
        }
        let [_, links, owner, group, size, ..] = widths;
        let line = |[mode, l, o, g, s, time, name]: [String; 7]| {
            format!("{mode} {l:>links$} {o:<owner$} {g:<group$} {s:>size$} {time} {name}\n")
        };
        self.rows.into_iter().map(line).collect()
    }
}

fn ls(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    let (user, cwd) = (call.context.user, call.context.cwd.as_str());
    let operands = if given.operands.is_empty() { vec!["."] } else { given.operands.clone() };
    let long = given.has('l');
    let mut status = 0;
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for path in operands {
        // A link on the command line is followed, unless it would be shown itself.
        let follows = !(long || given.has('d'));
        let found = machine.files.resolve_link(user, cwd, path).map(|link| {
            let target = machine.files.resolve(user, cwd, path).ok().filter(|_| follows);
            target.unwrap_or(link)
        });
        match found {
            Ok(ino) if matches!(machine.files.inode(ino).kind, Kind::Folder(_)) && !given.has('d') => {
                folders.push((path.to_owned(), ino));
            }
            Ok(ino) => files.push((path.to_owned(), ino)),
            Err(error) => {
                fail(machine, call, &format!("cannot access {}: {}", quote(path), error.text()))?;
                status = 2;
            }
        }
    }
    sort(machine, &given, &mut files);
    sort(machine, &given, &mut folders);
    let titles = given.has('R') || folders.len() + files.len() > 1 || status != 0 && !folders.is_empty();
    let mut listing = Listing { long, rows: Vec::new() };
    files.iter().for_each(|(name, ino)| listing.add(machine, name, *ino));
    let mut text = listing.text();
    folders.reverse();
    let mut seen = 0;
    while let Some((path, ino)) = folders.pop() {
        seen += 1;
        if seen > FOLDERS_MAX {
            return Err(crate::Stop::Unable(format!("ls: more than {FOLDERS_MAX} folders")));
        }
        if !machine.files.may(user, ino, Access::Read) {
            if let Err(failed) = emit(machine, call, text.as_bytes())? {
                return Ok(failed);
            }
            text.clear();
            fail(machine, call, &format!("cannot open directory {}: Permission denied", quote(&path)))?;
            status = if status == 0 && seen > 1 { 1 } else { 2 };
            continue;
        }
        if titles {
            text.push_str(&format!("{}{path}:\n", if text.is_empty() { "" } else { "\n" }));
        }
        let mut names: Vec<(String, Ino)> = Vec::new();
        let parent = machine.files.resolve(user, cwd, &format!("{path}/..")).unwrap_or(ino);
        if given.has('a') {
            names.extend([(".".to_owned(), ino), ("..".to_owned(), parent)]);
        }
        if let Kind::Folder(inner) = &machine.files.inode(ino).kind {
            let hidden = given.has('a') || given.has('A');
            let wanted = inner.iter().filter(|(name, _)| hidden || !name.starts_with('.'));
            names.extend(wanted.map(|(name, ino)| (name.to_owned(), ino)));
        }
        sort(machine, &given, &mut names);
        let mut listing = Listing { long, rows: Vec::new() };
        names.iter().for_each(|(name, ino)| listing.add(machine, name, *ino));
        if long {
            // A block of 4 KiB for what has any bytes; counted in KiB.
            let blocks: u64 = names.iter().map(|(_, ino)| blocks(machine, *ino)).sum();
            text.push_str(&format!("total {blocks}\n"));
        }
        text.push_str(&listing.text());
        if given.has('R') {
            let inner = names.iter().rev().filter(|(name, ino)| {
                !matches!(name.as_str(), "." | "..") && matches!(machine.files.inode(*ino).kind, Kind::Folder(_))
            });
            folders.extend(inner.map(|(name, ino)| (format!("{}/{name}", path.trim_end_matches('/')), *ino)));
        }
    }
    Ok(match emit(machine, call, text.as_bytes())? {
        Ok(()) => status,
        Err(failed) => failed,
    })
}

fn blocks(machine: &Machine, ino: Ino) -> u64 {
    match &machine.files.inode(ino).kind {
        Kind::Folder(_) => 4,
        Kind::Link(_) | Kind::Null => 0,
        Kind::File(_) => size(machine, ino).div_ceil(4096) * 4,
    }
}

fn sort(machine: &Machine, given: &super::options::Given<'_>, names: &mut [(String, Ino)]) {
    names.sort();
    if given.has('t') {
        names.sort_by_key(|(_, ino)| std::cmp::Reverse(machine.files.inode(*ino).modified));
    }
    if given.has('r') {
        names.reverse();
    }
}

#[cfg(test)]
mod tests {
    use crate::programs::common::tests::{file, machine, run, run_as};

    // Expected bytes: coreutils 9.7 in the operator host's image.
    #[test]
    fn listings_are_the_real_ones() {
        let mut machine = machine();
        file(&mut machine, "f1", b"hi\n");
        file(&mut machine, ".h", b"");
        machine.files.make_folder(1000, "/tmp", "d", 0o755, 0).unwrap();
        machine.files.make_folder(1000, "/tmp", "d/q", 0o755, 0).unwrap();
        let cases: [(&[&str], i32, &str); 12] = [
            (&["ls", "nope"], 2, "ls: cannot access 'nope': No such file or directory\n"),
            (&["ls"], 0, "d\nf1\n"),
            (&["ls", "-A"], 0, ".h\nd\nf1\n"),
            (&["ls", "-a", "d"], 0, ".\n..\nq\n"),
            (&["ls", "f1", "d"], 0, "f1\n\nd:\nq\n"),
            (&["ls", "-d", "d"], 0, "d\n"),
            (&["ls", "-l", "f1"], 0, "-rw-r--r-- 1 oncall oncall 3 Jan  1 00:00 f1\n"),
            (
                &["ls", "-la", "d"],
                0,
                "total 12\ndrwxr-xr-x 3 oncall oncall 4096 Jan  1 00:00 .\n\
                 drwxrwxrwt 3 root   root   4096 Jan  1 00:00 ..\ndrwxr-xr-x 2 oncall oncall 4096 Jan  1 00:00 q\n",
            ),
            (&["ls", "-R", "d"], 0, "d:\nq\n\nd/q:\n"),
            (&["ls", "-ld", "/bin"], 0, "lrwxrwxrwx 1 root root 7 Jan  1 00:00 /bin -> usr/bin\n"),
            (&["ls", "-z"], 2, "ls: invalid option -- 'z'\nTry 'ls --help' for more information.\n"),
            (&["ls", "/root"], 2, "ls: cannot open directory '/root': Permission denied\n"),
        ];
        for (words, status, said) in cases {
            assert_eq!(run(&mut machine, words, b""), (status, said.to_owned()), "{words:?}");
        }
        assert_eq!(run_as(&mut machine, 0, &["ls", "/root"], b""), (0, String::new()));
    }
}
