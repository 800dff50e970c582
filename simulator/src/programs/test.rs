//! test and [ (coreutils 9.7) as programs: a shell has its own. [`evaluate`] only reads the machine.

use super::common::{fail, quote};
use super::{Call, Program, any_arguments};
use crate::Run;
use crate::machine::Machine;
use crate::machine::files::{Access, Content, Kind};
use crate::shell::Context;

/// Parentheses in parentheses.
const DEPTH_MAX: usize = 64;

/// A condition.
pub const TEST: Program = Program { name: "test", in_sbin: false, run, knows: any_arguments };
/// A condition in brackets.
pub const BRACKET: Program = Program { name: "[", in_sbin: false, run, knows: any_arguments };

fn run(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let mut words = call.arguments();
    if super::common::name(call) == "[" {
        match words.split_last() {
            Some((last, rest)) if last == "]" => words = rest,
            _ => {
                fail(machine, call, "missing ']'")?;
                return Ok(2);
            }
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match evaluate(machine, call.context, &words) {
        Ok(holds) => Ok(i32::from(!holds)),
        Err(message) => {
            fail(machine, call, &message)?;
            Ok(2)
        }
    }
}

/// Whether a condition holds; `Err` is the message of one that is none.
pub fn evaluate(machine: &Machine, context: &Context, words: &[&str]) -> Result<bool, String> {
    let at = Reader { machine, context };
    // POSIX: the number of arguments decides first.
    match words {
        [] => Ok(false),
        [word] => Ok(!word.is_empty()),
        ["!", word] => Ok(word.is_empty()),
        [operator, word] if is_unary(operator) => at.unary(operator, word),
        [operator, word] => {
            if operator.starts_with('-') {
                Err(format!("{}: unary operator expected", quote(operator)))
            } else {
                Err(format!("missing argument after {}", quote(word)))
            }
        }
        [left, operator, right] if is_binary(operator) => at.binary(left, operator, right),
        ["!", rest @ ..] if rest.len() <= 3 => evaluate(machine, context, rest).map(|holds| !holds),
        ["(", inner @ .., ")"] if inner.len() <= 2 => evaluate(machine, context, inner),
        [_, operator, _] if !matches!(*operator, "-a" | "-o") => {
            Err(format!("{}: binary operator expected", quote(operator)))
        }
        words => {
            let mut left = words;
            let holds = at.either(&mut left, 0)?;
            match left.first() {
                None => Ok(holds),
                Some(extra) => Err(format!("extra argument {}", quote(extra))),
            }
        }
    }
}

/// Whether a word is an operator of one operand.
pub fn is_unary(word: &str) -> bool {
    let letter = word.strip_prefix('-').filter(|rest| rest.len() == 1);
    letter.is_some_and(|letter| "bcdefghkLnOGNprsStuwxz".contains(letter))
}

/// Whether a word is an operator of two.
pub fn is_binary(word: &str) -> bool {
    matches!(
        word,
        "=" | "==" | "!=" | "<" | ">" | "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" | "-nt" | "-ot" | "-ef"
    )
}

struct Reader<'a> {
    machine: &'a Machine,
    context: &'a Context,
}

impl Reader<'_> {
    fn either(&self, left: &mut &[&str], depth: usize) -> Result<bool, String> {
        let mut holds = self.both(left, depth)?;
        while let Some(("-o", rest)) = left.split_first().map(|(first, rest)| (*first, rest)) {
            *left = rest;
            // Both sides are read, whatever the first says.
            let other = self.both(left, depth)?;
            holds |= other;
        }
        Ok(holds)
    }

    fn both(&self, left: &mut &[&str], depth: usize) -> Result<bool, String> {
        let mut holds = self.one(left, depth)?;
        while let Some(("-a", rest)) = left.split_first().map(|(first, rest)| (*first, rest)) {
            *left = rest;
            let other = self.one(left, depth)?;
            holds &= other;
        }
        Ok(holds)
    }

    fn one(&self, left: &mut &[&str], depth: usize) -> Result<bool, String> {
        if depth > DEPTH_MAX {
            return Err("too many parentheses".into());
        }
        match *left {
            ["!", rest @ ..] => {
                *left = rest;
                self.one(left, depth + 1).map(|holds| !holds)
            }
            ["(", rest @ ..] => {
                *left = rest;
                let holds = self.either(left, depth + 1)?;
                match left.split_first() {
                    Some((&")", rest)) => {
                        *left = rest;
                        Ok(holds)
                    }
                    _ => Err("')' expected".into()),
                }
            }
            [a, operator, b, rest @ ..] if is_binary(operator) => {
                *left = rest;
                self.binary(a, operator, b)
            }
            [operator, word, rest @ ..] if is_unary(operator) => {
                *left = rest;
                self.unary(operator, word)
            }
            [word, rest @ ..] => {
                *left = rest;
                Ok(!word.is_empty())
            }
            [] => Err("argument expected".into()),
        }
    }

    fn unary(&self, operator: &str, word: &str) -> Result<bool, String> {
        let files = &self.machine.files;
        let (user, cwd) = (self.context.user, self.context.cwd.as_str());
        match operator {
            "-n" => return Ok(!word.is_empty()),
            "-z" => return Ok(word.is_empty()),
            // No command here has a terminal.
            "-t" => return integer(word).map(|_| false),
            "-h" | "-L" => {
                let found = files.resolve_link(user, cwd, word);
                return Ok(found.is_ok_and(|ino| matches!(files.inode(ino).kind, Kind::Link(_))));
            }
            "-S" if files.resolve(user, cwd, word).is_err() => return Ok(word == self.machine.balancer.socket),
            _ => {}
        }
        let Ok(ino) = files.resolve(user, cwd, word) else { return Ok(false) };
        let inode = files.inode(ino);
        Ok(match operator {
            "-e" => true,
            "-d" => matches!(inode.kind, Kind::Folder(_)),
            "-f" => matches!(inode.kind, Kind::File(_)),
            "-s" => match &inode.kind {
                Kind::File(Content::Bytes(bytes)) => !bytes.is_empty(),
                Kind::Null => false,
                _ => true,
            },
            "-r" => files.may(user, ino, Access::Read),
            "-w" => files.may(user, ino, Access::Write),
            "-x" => files.may(user, ino, Access::Execute),
            "-c" => matches!(inode.kind, Kind::Null),
            "-O" | "-G" => inode.owner == user,
            "-u" => inode.mode & 0o4000 != 0,
            "-g" => inode.mode & 0o2000 != 0,
            "-k" => inode.mode & 0o1000 != 0,
            // There are no pipes with names, sockets or block devices.
            _ => false,
        })
    }

    fn binary(&self, a: &str, operator: &str, b: &str) -> Result<bool, String> {
        let files = &self.machine.files;
        let find = |path: &str| files.resolve(self.context.user, &self.context.cwd, path).ok();
        let changed = |path: &str| find(path).map(|ino| files.inode(ino).modified);
        Ok(match operator {
            "=" | "==" => a == b,
            "!=" => a != b,
            "<" => a < b,
            ">" => a > b,
            "-nt" => changed(a).is_some_and(|a| changed(b).is_none_or(|b| a > b)),
            "-ot" => changed(b).is_some_and(|b| changed(a).is_none_or(|a| a < b)),
            "-ef" => find(a).is_some_and(|a| find(b) == Some(a)),
            _ => {
                let (a, b) = (integer(a)?, integer(b)?);
                match operator {
                    "-eq" => a == b,
                    "-ne" => a != b,
                    "-lt" => a < b,
                    "-le" => a <= b,
                    "-gt" => a > b,
                    _ => a >= b,
                }
            }
        })
    }
}

fn integer(word: &str) -> Result<i128, String> {
    word.trim().parse().map_err(|_| format!("invalid integer {}", quote(word)))
}

#[cfg(test)]
mod tests {
    use crate::programs::common::tests::{file, machine, run as call, same_as_real};

    #[test]
    fn conditions_are_as_on_this_machine() {
        let cases: [&[&str]; 20] = [
            &["test"],
            &["test", "a"],
            &["test", ""],
            &["test", "1", "-lt", "x"],
            &["test", "1", "-lt", "2"],
            &["test", "a", "-foo", "b"],
            &["test", "a", "b"],
            &["test", "!", "-e", "/nope"],
            &["test", "-z", "", "-a", "-n", "x"],
            &["test", "(", "a", ")"],
            &["test", "a", "=", "b", "-o", "1", "-eq", "1"],
            &["test", "!", ""],
            &["test", "-d", "/"],
            &["test", "-f", "/"],
            &["test", "-n"],
            &["test", "a", "b", "c", "d", "e"],
            &["test", "-x", "/bin"],
            &["test", "!", "a", "=", "a"],
            &["test", "-10", "-ge", "-10"],
            &["test", "a", "!=", "a"],
        ];
        same_as_real(&cases.map(|words| (words, b"".as_slice())));
        same_as_real(&[(&["[", "a", "=", "b"], b""), (&["[", "a", "=", "a", "]"], b""), (&["["], b"")]);
    }

    #[test]
    fn files_are_looked_at() {
        let mut machine = machine();
        file(&mut machine, "f", b"x");
        file(&mut machine, "empty", b"");
        call(&mut machine, &["ln", "-s", "nope", "broken"], b"");
        for (words, status) in [
            (["test", "-s", "f"], 0),
            (["test", "-s", "empty"], 1),
            (["test", "-e", "broken"], 1),
            (["test", "-L", "broken"], 0),
            (["test", "-w", "/usr/bin/test"], 1),
            (["test", "-x", "f"], 1),
            (["test", "-c", "/dev/null"], 0),
        ] {
            assert_eq!(call(&mut machine, &words, b""), (status, String::new()), "{words:?}");
        }
    }
}
