//! sed (4.9): lines edited by a script of the commands in [`script`].

use super::common::{chomp, emit, lines};
use super::options::{Given, Options, refuse, unmodelled};
use super::pattern::Pattern;
use super::{Call, Program};
use crate::Run;
use crate::machine::Machine;
use crate::machine::files::{Access, Content, Errno, Kind, OpenMode};
use crate::machine::users::ROOT;

pub mod script;

use script::{Act, Address, Bad, Command, Piece};

const OPTIONS: Options = Options {
    short: "nErsue:i::αz",
    long: &[
        ("quiet", 'n'),
        ("silent", 'n'),
        ("regexp-extended", 'E'),
        ("expression", 'e'),
        ("in-place", 'i'),
        ("unbuffered", 'u'),
        ("separate", 's'),
    ],
    unmodelled: "fl",
    ..Options::NONE
};

/// Edits lines.
pub const SED: Program = Program { name: "sed", in_sbin: false, run: sed, knows };

/// The script's text and the files.
fn parts<'a>(given: &Given<'a>) -> Option<(String, Vec<&'a str>)> {
    let texts: Vec<&str> =
        given.options.iter().filter(|(letter, _)| *letter == 'e').filter_map(|(_, text)| *text).collect();
    if !texts.is_empty() {
        return Some((texts.join("\n"), given.operands.clone()));
    }
    let (text, files) = given.operands.split_first()?;
    Some(((*text).to_owned(), files.to_vec()))
}

fn knows(words: &[Option<&str>]) -> Result<(), String> {
    let given = OPTIONS.read(words)?;
    if given.has('z') {
        return Err("the option -z is not modelled".into());
    }
    let Some((text, _)) = parts(&given) else { return Err("sed without a script is not modelled".into()) };
    match script::parse(&text, given.has('E') || given.has('r')) {
        Err(Bad::Unmodelled(what)) => Err(format!("{what} is not modelled")),
        _ => Ok(()),
    }
}

fn sed(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    if given.has('z') {
        return Err(unmodelled(call, "-z"));
    }
    // Its answer is the whole help text, which nobody reads.
    let Some((text, files)) = parts(&given) else { return Err(unmodelled(call, "without a script")) };
    let commands = match script::parse(&text, given.has('E') || given.has('r')) {
        Ok(commands) => commands,
        Err(Bad::Wrong(at, what)) => {
            let text = format!("sed: -e expression #1, char {at}: {what}\n");
            return refuse(machine, call, &text, 1);
        }
        Err(Bad::Unmodelled(what)) => return Err(unmodelled(call, &format!("with {what}"))),
    };
    let quiet = given.has('n');
    let in_place = given.options.iter().find(|(letter, _)| *letter == 'i').map(|(_, suffix)| *suffix);
    let mut status = 0;
    let mut editor = Editor { commands: &commands, quiet, active: vec![None; commands.len()], line: 0, quit: None };
    if let Some(suffix) = in_place {
        for path in files {
            status = edit(machine, call, &mut editor, path, suffix)?.unwrap_or(status);
            if let Some(quit) = editor.quit {
                return Ok(quit);
            }
        }
        return Ok(status);
    }
    let files = if files.is_empty() { vec!["-"] } else { files };
    let mut whole: Vec<Vec<u8>> = Vec::new();
    for path in files {
        match super::common::input(machine, call, path)? {
            Ok(bytes) => whole.push(bytes.to_vec()),
            Err(error) => {
                if error == Errno::IsADirectory {
                    return refuse(machine, call, &format!("sed: read error on {path}: Is a directory\n"), 4);
                }
                let text = format!("sed: can't read {path}: {}\n", error.text());
                status = refuse(machine, call, &text, 2)?;
            }
        }
    }
    let mut out = Vec::new();
    let texts: Vec<&[u8]> = whole.iter().map(Vec::as_slice).collect();
    editor.run(&texts, &mut out).map_err(|what| unmodelled(call, &format!("with {what}")))?;
    Ok(match emit(machine, call, &out)? {
        Ok(()) => editor.quit.unwrap_or(status),
        Err(1) => 4,
        Err(failed) => failed,
    })
}

/// -i: a new file takes the old one's name. `Some` is the status of what went wrong.
fn edit(
    machine: &mut Machine,
    call: &Call<'_>,
    editor: &mut Editor<'_>,
    path: &str,
    suffix: Option<&str>,
) -> Run<Option<i32>> {
    let (user, cwd, now) = (call.context.user, call.context.cwd.as_str(), machine.now);
    let found = machine.files.resolve(user, cwd, path);
    let ino = match found {
        Ok(ino) => ino,
        Err(error) => {
            return refuse(machine, call, &format!("sed: can't read {path}: {}\n", error.text()), 2).map(Some);
        }
    };
    let inode = machine.files.inode(ino).clone();
    if !matches!(inode.kind, Kind::File(_)) {
        return refuse(machine, call, &format!("sed: couldn't edit {path}: not a regular file\n"), 4).map(Some);
    }
    if !machine.files.may(user, ino, Access::Read) {
        return refuse(machine, call, &format!("sed: can't read {path}: Permission denied\n"), 2).map(Some);
    }
    let Some(bytes) = machine.files.bytes(ino) else {
        return Err(unmodelled(call, &format!("-i of the executable {path}")));
    };
    let mut out = Vec::new();
    editor.begin_file();
    editor.run(&[&bytes], &mut out).map_err(|what| unmodelled(call, &format!("with {what}")))?;
    // The new file is made beside the old one, whose link, if it was one, it replaces.
    let folder = path.rsplit_once('/').map_or(".", |(folder, _)| if folder.is_empty() { "/" } else { folder });
    let temporary = format!("{folder}/sed{:06}", machine.random(1_000_000));
    let shown = temporary.trim_start_matches("./").to_owned();
    let made = machine.files.open(user, cwd, &temporary, OpenMode::Truncate, (0o077, now));
    let made = match made {
        Ok(made) => made,
        Err(error) => {
            let at = super::ln::canonical(machine, user, cwd, &temporary, 'm').unwrap_or(shown);
            let text = format!("sed: couldn't open temporary file {at}: {}\n", error.text());
            return refuse(machine, call, &text, 4).map(Some);
        }
    };
    if machine.files.set_bytes(made, out, now).is_err() {
        let _ = machine.files.remove(user, cwd, &temporary, false, now);
        return refuse(machine, call, &format!("sed: couldn't flush {shown}: No space left on device\n"), 4).map(Some);
    }
    machine.files.set_mode(made, inode.mode);
    if user == ROOT {
        machine.files.set_owner(made, inode.owner);
    }
    if let Some(suffix) = suffix {
        let backup = match suffix.contains('*') {
            true => return Err(unmodelled(call, "-i with * in its suffix")),
            false => format!("{path}{suffix}"),
        };
        if let Kind::File(Content::Bytes(_)) = inode.kind {
            let _ = machine.files.rename(user, cwd, path, &backup, now);
        }
    }
    if let Err(error) = machine.files.rename(user, cwd, &temporary, path, now) {
        let at = super::ln::canonical(machine, user, cwd, &temporary, 'm').unwrap_or(shown);
        let _ = machine.files.remove(user, cwd, &temporary, false, now);
        return refuse(machine, call, &format!("sed: cannot rename {at}: {}\n", error.text()), 4).map(Some);
    }
    Ok(None)
}

struct Editor<'a> {
    commands: &'a [Command],
    quiet: bool,
    /// For each range that has begun, the line on which it ends (`u64::MAX`: not known yet).
    active: Vec<Option<u64>>,
    line: u64,
    quit: Option<i32>,
}

impl Editor<'_> {
    /// With -i each file is counted and ranged by itself.
    fn begin_file(&mut self) {
        self.line = 0;
        self.active.fill(None);
    }

    fn run(&mut self, texts: &[&[u8]], out: &mut Vec<u8>) -> Result<(), String> {
        // A file's last line without a newline gets one if another file's follow.
        let count = texts.iter().map(|text| lines(text).count()).sum::<usize>();
        let mut seen = 0;
        for line in texts.iter().flat_map(|text| lines(text)) {
            seen += 1;
            self.line += 1;
            let last = seen == count;
            let newline = line.ends_with(b"\n") || !last;
            self.one(chomp(line), last, newline, out)?;
            if self.quit.is_some() {
                break;
            }
        }
        Ok(())
    }

    fn one(&mut self, line: &[u8], last: bool, newline: bool, out: &mut Vec<u8>) -> Result<(), String> {
        let mut space = line.to_vec();
        let print = |space: &[u8], out: &mut Vec<u8>| {
            out.extend_from_slice(space);
            if newline {
                out.push(b'\n');
            }
        };
        let mut at = 0;
        while let Some(command) = self.commands.get(at) {
            let selected = self.selects(at, command, &space, last)? != command.negated;
            at += 1;
            match &command.act {
                Act::Group(behind) if !selected => at = *behind,
                _ if !selected => {}
                Act::Group(_) | Act::GroupEnds => {}
                Act::Delete => return Ok(()),
                Act::Print => {
                    // A missing newline is missing at the end of all only.
                    out.extend_from_slice(&space);
                    out.push(b'\n');
                }
                Act::Number => out.extend_from_slice(format!("{}\n", self.line).as_bytes()),
                Act::Quit(status) => {
                    self.quit = Some(*status);
                    break;
                }
                Act::Replace { pattern, with, nth, global, print: shown } => {
                    if let Some(new) = replaced(&space, pattern, with, *nth, *global)? {
                        space = new;
                        if *shown {
                            out.extend_from_slice(&space);
                            out.push(b'\n');
                        }
                    }
                }
            }
        }
        if !self.quiet {
            print(&space, out);
        } else if !newline && out.ends_with(b"\n") {
            // What `p` printed of the last line lacks its newline, too.
            out.pop();
        }
        Ok(())
    }

    fn selects(&mut self, index: usize, command: &Command, space: &[u8], last: bool) -> Result<bool, String> {
        let matches = |address: &Address, line: u64| match address {
            Address::Line(number) => *number == line,
            Address::Last => last,
            Address::Match(pattern) => pattern.is_match(space),
        };
        let line = self.line;
        let (first, second) = match command.addresses.as_slice() {
            [] => return Ok(true),
            [only] => return Ok(matches(only, line)),
            [first, second, ..] => (first, second),
        };
        let active = self.active.get_mut(index).ok_or("more commands than were read")?;
        match *active {
            None => {
                if !matches(first, line) {
                    return Ok(false);
                }
                // The second is looked for from the next line on; a number that has passed ends it at once.
                *active = match second {
                    Address::Line(number) if *number <= line => None,
                    Address::Line(number) => Some(*number),
                    Address::Last if last => None,
                    _ => Some(u64::MAX),
                };
                Ok(true)
            }
            Some(end) => {
                let ended = match second {
                    Address::Line(_) => line >= end,
                    other => matches(other, line),
                };
                if ended {
                    *active = None;
                }
                // A number that was passed while nobody looked.
                if matches!(second, Address::Line(_)) && line > end {
                    return Ok(matches(first, line));
                }
                Ok(true)
            }
        }
    }
}

fn replaced(
    space: &[u8],
    pattern: &Pattern,
    with: &[Piece],
    nth: usize,
    global: bool,
) -> Result<Option<Vec<u8>>, String> {
    let mut out = Vec::new();
    let (mut at, mut copied, mut number) = (0, 0, 0);
    let mut last_end = None;
    while at <= space.len() {
        let Some(found) = pattern.find(space, at)? else { break };
        let (start, end) = found.range();
        // An empty match right behind the last one is none.
        if start == end && last_end == Some(start) {
            at = end + 1;
            continue;
        }
        number += 1;
        last_end = Some(end);
        if number >= nth {
            out.extend_from_slice(space.get(copied..start).unwrap_or_default());
            for piece in with {
                match piece {
                    Piece::Text(text) => out.extend_from_slice(text),
                    Piece::Group(group) => out.extend_from_slice(found.group(space, *group)),
                }
            }
            copied = end;
            if !global {
                break;
            }
        }
        at = if end > start { end } else { end + 1 };
    }
    if number < nth {
        return Ok(None);
    }
    out.extend_from_slice(space.get(copied..).unwrap_or_default());
    Ok(Some(out))
}

#[cfg(test)]
mod tests;
