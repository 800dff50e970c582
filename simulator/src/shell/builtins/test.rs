//! test and `[`.

use super::not_modelled;
use crate::Run;
use crate::machine::Machine;
use crate::machine::files::{Access, Ino, Kind};
use crate::shell::run::Step;
use crate::shell::syntax::Dialect;
use crate::shell::{Context, Shell};

/// `[ … ]`
pub(super) fn bracket(shell: &mut Shell, machine: &mut Machine, words: &[String]) -> Step<i32> {
    match words.get(1..).and_then(<[String]>::split_last) {
        Some((last, rest)) if last == "]" => asked(shell, machine, rest, "["),
        _ => {
            shell.complain(machine, "[: missing `]'")?;
            Ok(2)
        }
    }
}

/// `test …`
pub(super) fn test(shell: &mut Shell, machine: &mut Machine, words: &[String]) -> Step<i32> {
    asked(shell, machine, words.get(1..).unwrap_or_default(), "test")
}

fn asked(shell: &mut Shell, machine: &mut Machine, words: &[String], name: &str) -> Step<i32> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut question = Question { machine, context: &shell.context, words: &words, at: 0, depth: 0 };
    match question.whole() {
        Ok(holds) => Ok(i32::from(!holds)),
        Err(Wrong::Words(what)) => {
            let what = match shell.dialect {
                Dialect::Bash => what,
                Dialect::Dash => what.replace(": integer expression expected", "").replace("integer", "Illegal number"),
            };
            shell.complain(machine, &format!("{name}: {what}"))?;
            Ok(2)
        }
        Err(Wrong::Stop(stop)) => Err(stop.into()),
    }
}

enum Wrong {
    Words(String),
    Stop(crate::Stop),
}

impl From<crate::Stop> for Wrong {
    fn from(stop: crate::Stop) -> Wrong {
        Wrong::Stop(stop)
    }
}

struct Question<'a> {
    machine: &'a Machine,
    context: &'a Context,
    words: &'a [&'a str],
    at: usize,
    depth: u32,
}

fn is_unary(word: &str) -> bool {
    matches!(word.as_bytes(), [b'-', letter] if b"abcdefghknoprstuvwxzGLNORS".contains(letter))
}

fn is_binary(word: &str) -> bool {
    const OPERATORS: [&str; 14] =
        ["=", "==", "!=", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef"];
    OPERATORS.contains(&word)
}

impl Question<'_> {
    fn whole(&mut self) -> Result<bool, Wrong> {
        match self.words {
            [] => Ok(false),
            [one] => Ok(!one.is_empty()),
            ["!", one] => Ok(one.is_empty()),
            [operator, operand] if is_unary(operator) => self.unary(operator, operand),
            [operator, _] => Err(Wrong::Words(format!("{operator}: unary operator expected"))),
            [left, operator, right] if is_binary(operator) => self.binary(left, operator, right),
            [left, "-a", right] => Ok(!left.is_empty() && !right.is_empty()),
            [left, "-o", right] => Ok(!left.is_empty() || !right.is_empty()),
            ["!", rest @ ..] if rest.len() <= 3 => {
                let mut inner = Question { words: rest, at: 0, ..*self };
                Ok(!inner.whole()?)
            }
            ["(", inside @ .., ")"] if inside.len() <= 2 => {
                let mut inner = Question { words: inside, at: 0, ..*self };
                inner.whole()
            }
            [_, operator, _] => Err(Wrong::Words(format!("{operator}: binary operator expected"))),
            _ => {
                let holds = self.any_of()?;
                if self.at < self.words.len() {
                    return Err(Wrong::Words("too many arguments".into()));
                }
                Ok(holds)
            }
        }
    }

    fn peek(&self) -> Option<&str> {
        self.words.get(self.at).copied()
    }

    fn accept(&mut self, word: &str) -> bool {
        let there = self.peek() == Some(word);
        self.at += usize::from(there);
        there
    }

    fn any_of(&mut self) -> Result<bool, Wrong> {
        let mut holds = self.all_of()?;
        while self.accept("-o") {
            holds |= self.all_of()?;
        }
        Ok(holds)
    }

    fn all_of(&mut self) -> Result<bool, Wrong> {
        let mut holds = self.one()?;
        while self.accept("-a") {
            holds &= self.one()?;
        }
        Ok(holds)
    }

    fn one(&mut self) -> Result<bool, Wrong> {
        self.depth += 1;
        if self.depth > 50 {
            return Err(Wrong::Words("too many arguments".into()));
        }
        let result = self.one_inside();
        self.depth -= 1;
        result
    }

    fn one_inside(&mut self) -> Result<bool, Wrong> {
        let Some(first) = self.words.get(self.at).copied() else {
            return Err(Wrong::Words("argument expected".into()));
        };
        let second = self.words.get(self.at + 1).copied();
        let third = self.words.get(self.at + 2).copied();
        if let (Some(operator), Some(right)) = (second, third)
            && is_binary(operator)
        {
            self.at += 3;
            return self.binary(first, operator, right);
        }
        if first == "!" {
            self.at += 1;
            return Ok(!self.one()?);
        }
        if first == "(" {
            self.at += 1;
            let holds = self.any_of()?;
            return match self.accept(")") {
                true => Ok(holds),
                false => Err(Wrong::Words("`)' expected".into())),
            };
        }
        if is_unary(first)
            && let Some(operand) = second
        {
            self.at += 2;
            return self.unary(first, operand);
        }
        self.at += 1;
        Ok(!first.is_empty())
    }

    fn unary(&self, operator: &str, operand: &str) -> Result<bool, Wrong> {
        match operator {
            "-n" => Ok(!operand.is_empty()),
            "-z" => Ok(operand.is_empty()),
            "-t" => match operand.parse::<i64>() {
                // Nothing here is a terminal.
                Ok(_) => Ok(false),
                Err(_) => Err(Wrong::Words(format!("{operand}: integer expression expected"))),
            },
            operator => Ok(asked_of_file(self.machine, self.context, operator, operand)?),
        }
    }

    fn binary(&self, left: &str, operator: &str, right: &str) -> Result<bool, Wrong> {
        let compared = match operator {
            "=" | "==" => return Ok(left == right),
            "!=" => return Ok(left != right),
            "<" => return Ok(left < right),
            ">" => return Ok(left > right),
            "-nt" | "-ot" | "-ef" => {
                return Ok(asked_of_two_files(self.machine, self.context, operator, left, right));
            }
            _ => number(left)?.cmp(&number(right)?),
        };
        Ok(match operator {
            "-eq" => compared.is_eq(),
            "-ne" => compared.is_ne(),
            "-lt" => compared.is_lt(),
            "-le" => compared.is_le(),
            "-gt" => compared.is_gt(),
            _ => compared.is_ge(),
        })
    }
}

fn number(text: &str) -> Result<i64, Wrong> {
    let trimmed = text.trim_matches([' ', '\t', '\n']);
    trimmed.parse().map_err(|_| Wrong::Words(format!("{text}: integer expression expected")))
}

/// `-e file` and its like.
///
/// # Errors
/// [`crate::Stop::Unable`] for what files here do not have.
pub(in crate::shell) fn asked_of_file(machine: &Machine, context: &Context, operator: &str, path: &str) -> Run<bool> {
    let files = &machine.files;
    let found = if matches!(operator, "-h" | "-L") {
        files.resolve_link(context.user, &context.cwd, path)
    } else {
        files.resolve(context.user, &context.cwd, path)
    };
    let is = |holds: &dyn Fn(Ino) -> bool| found.is_ok_and(holds);
    let kind = |ino: Ino| &files.inode(ino).kind;
    Ok(match operator {
        "-a" | "-e" => found.is_ok(),
        "-f" => is(&|ino| matches!(kind(ino), Kind::File(_))),
        "-d" => is(&|ino| matches!(kind(ino), Kind::Folder(_))),
        "-h" | "-L" => is(&|ino| matches!(kind(ino), Kind::Link(_))),
        "-c" => is(&|ino| matches!(kind(ino), Kind::Null)),
        "-b" => false,
        "-s" => is(&|ino| match kind(ino) {
            Kind::Null => false,
            _ => files.bytes(ino).is_none_or(|bytes| !bytes.is_empty()),
        }),
        "-r" => is(&|ino| files.may(context.user, ino, Access::Read)),
        "-w" => is(&|ino| files.may(context.user, ino, Access::Write)),
        "-x" => is(&|ino| files.may(context.user, ino, Access::Execute)),
        "-O" => is(&|ino| files.inode(ino).owner == context.user),
        other => {
            return match not_modelled::<bool>("test", other) {
                Err(crate::shell::run::Halt::Stop(stop)) => Err(stop),
                _ => Ok(false),
            };
        }
    })
}

/// `a -nt b` and its like.
pub(in crate::shell) fn asked_of_two_files(
    machine: &Machine,
    context: &Context,
    operator: &str,
    left: &str,
    right: &str,
) -> bool {
    let find = |path: &str| machine.files.resolve(context.user, &context.cwd, path).ok();
    let time = |ino: Option<Ino>| ino.map(|ino| machine.files.inode(ino).modified);
    let (left, right) = (find(left), find(right));
    match operator {
        "-nt" => time(left) > time(right),
        "-ot" => time(left) < time(right),
        _ => left.is_some() && left == right,
    }
}
