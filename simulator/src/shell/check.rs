//! Whether a text's commands are known, before any of them runs.

use std::collections::{BTreeMap, BTreeSet};

use super::builtins::{builtin_of, refused_use};
use super::syntax::{Change, Command, Dialect, Part, Redirect, Script, Simple, Target, Test, Word, static_text};
use super::{Context, Refused, interpreter, operator_environment, reader};
use crate::machine::Machine;
use crate::machine::files::{Content, Kind};
use crate::machine::io::Io;
use crate::machine::users::{self, ROOT, Uid};
use crate::programs;
use crate::systemd::{self, systemctl};

mod wrappers;

use wrappers::Wrapped;

/// Scripts that call scripts.
const DEPTH_MAX: u32 = 4;
/// Folders in which everything is a program of the system: what is not there is not modelled.
const SYSTEM: [&str; 4] = ["/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"];
/// Folders whose files the kernel makes.
const KERNELS: [&str; 3] = ["/dev/", "/proc/", "/sys/"];

pub(super) fn check(script: &Script, machine: &Machine, user: Uid) -> Result<(), Refused> {
    let mut checker = Checker { machine, user, dialect: script.dialect, named: BTreeSet::new(), depth: 0, row: None };
    checker.list(&script.commands)
}

struct Checker<'a> {
    machine: &'a Machine,
    user: Uid,
    dialect: Dialect,
    /// What commands so far have as arguments, and where they write to: paths that may come to be.
    named: BTreeSet<String>,
    depth: u32,
    /// The row that stands for all of a text inside the text.
    row: Option<usize>,
}

type Checked = Result<(), Refused>;

impl Checker<'_> {
    fn list(&mut self, commands: &[Command]) -> Checked {
        commands.iter().try_for_each(|command| self.command(command))
    }

    fn command(&mut self, command: &Command) -> Checked {
        match command {
            Command::Simple(simple) => self.simple(simple),
            Command::Pipeline { parts, .. } => self.list(parts),
            Command::AndOr { first, rest } => {
                self.command(first)?;
                rest.iter().try_for_each(|(_, command)| self.command(command))
            }
            Command::Group(commands) | Command::Subshell(commands) => self.list(commands),
            Command::If { branches, otherwise } => {
                for (condition, body) in branches {
                    self.list(condition)?;
                    self.list(body)?;
                }
                self.list(otherwise)
            }
            Command::Loop { condition, body, .. } => {
                self.list(condition)?;
                self.list(body)
            }
            Command::For { words, body, .. } => {
                self.words(words)?;
                self.list(body)
            }
            Command::Case { word, arms } => {
                self.word(word)?;
                arms.iter().try_for_each(|(patterns, body)| {
                    self.words(patterns)?;
                    self.list(body)
                })
            }
            Command::Test { test, .. } => self.test(test),
            Command::Arithmetic { word, .. } => self.word(word),
            Command::Redirected { command, redirects, .. } => {
                self.redirects(redirects)?;
                self.command(command)
            }
        }
    }

    fn test(&mut self, test: &Test) -> Checked {
        match test {
            Test::Unary(_, word) | Test::Word(word) => self.word(word),
            Test::Binary(_, left, right) => {
                self.word(left)?;
                self.word(right)
            }
            Test::Not(test) => self.test(test),
            Test::And(left, right) | Test::Or(left, right) => {
                self.test(left)?;
                self.test(right)
            }
        }
    }

    fn words(&mut self, words: &[Word]) -> Checked {
        words.iter().try_for_each(|word| self.word(word))
    }

    /// Commands inside a word.
    fn word(&mut self, word: &Word) -> Checked {
        word.0.iter().try_for_each(|part| self.part(part))
    }

    fn part(&mut self, part: &Part) -> Checked {
        match part {
            Part::Quoted(_) | Part::Plain(_) | Part::Tilde(_) => Ok(()),
            Part::Double(parts) => parts.iter().try_for_each(|part| self.part(part)),
            Part::Substitution(script) => self.list(&script.commands),
            Part::Arithmetic(word) => self.word(word),
            Part::Variable { change, .. } => match change.as_ref() {
                Change::None | Change::Length => Ok(()),
                Change::Default(_, word)
                | Change::Assign(_, word)
                | Change::Alternative(_, word)
                | Change::Error(_, word)
                | Change::RemovePrefix(_, word)
                | Change::RemoveSuffix(_, word) => self.word(word),
                Change::Replace(_, pattern, replacement) => {
                    self.word(pattern)?;
                    self.word(replacement)
                }
                Change::Substring(offset, length) => {
                    self.word(offset)?;
                    length.as_ref().map_or(Ok(()), |length| self.word(length))
                }
            },
        }
    }

    fn redirects(&mut self, redirects: &[Redirect]) -> Checked {
        for redirect in redirects {
            match &redirect.target {
                Target::Same(_) => {}
                Target::Read(word) | Target::Here(word) => self.word(word)?,
                Target::Truncate(word) | Target::Append(word) | Target::Both(word) | Target::BothAppend(word) => {
                    self.word(word)?;
                    self.named.extend(static_text(word));
                }
            }
        }
        Ok(())
    }

    fn simple(&mut self, simple: &Simple) -> Checked {
        simple.assignments.iter().try_for_each(|assignment| self.word(&assignment.value))?;
        self.words(&simple.words)?;
        self.redirects(&simple.redirects)?;
        let words: Vec<Option<String>> = simple.words.iter().map(static_text).collect();
        let row = self.row.unwrap_or(simple.row);
        let opened = simple.redirects.iter().filter_map(|redirect| match &redirect.target {
            Target::Same(_) | Target::Here(_) => None,
            Target::Read(word) | Target::Truncate(word) | Target::Append(word) => static_text(word),
            Target::Both(word) | Target::BothAppend(word) => static_text(word),
        });
        if let Some(path) = words.iter().flatten().cloned().chain(opened).find(|word| self.is_the_kernels(word)) {
            return Err(self.refused(row, format!("the file {path}"), &words));
        }
        self.called(&words, self.user, row)?;
        self.named.extend(words.into_iter().skip(1).flatten());
        Ok(())
    }

    /// A file that the kernel makes, and that is not there: its absence would be told as a machine's.
    fn is_the_kernels(&self, word: &str) -> bool {
        KERNELS.iter().any(|folder| word.starts_with(folder)) && self.machine.files.resolve(ROOT, "/", word).is_err()
    }

    fn refused(&self, row: usize, what: String, words: &[Option<String>]) -> Refused {
        let shown: Vec<&str> = words.iter().map(|word| word.as_deref().unwrap_or("…")).collect();
        let text = shown.join(" ").lines().next().unwrap_or_default().to_owned();
        Refused { row, what, text }
    }

    /// A command by its words; `None` for those that are not written out.
    fn called(&mut self, words: &[Option<String>], user: Uid, row: usize) -> Checked {
        let Some((first, arguments)) = words.split_first() else { return Ok(()) };
        let Some(name) = first else {
            return Err(self.refused(row, "a command whose name is not written out".into(), words));
        };
        if builtin_of(name).is_some() {
            return self.builtin(name, words, user, row);
        }
        let environment = match user {
            ROOT => BTreeMap::from([("PATH".to_owned(), programs::PATH.to_owned())]),
            user => operator_environment(user),
        };
        let home = users::by_uid(user).map_or("/", |user| user.home);
        let (environment, io) = (environment.into(), Io::operator());
        let context = Context { user, cwd: home.to_owned(), umask: 0o022, environment, io };
        match programs::find(self.machine, &context, name) {
            Ok(path) => self.file(&path, &context, words, row)?,
            // It is there and may not be run: 126, as on a real machine.
            Err((126, _)) => return Ok(()),
            Err(_) => return self.missing(name, words, row),
        }
        let known: Vec<Option<&str>> = arguments.iter().map(Option::as_deref).collect();
        if name.rsplit('/').next() == Some("systemctl") {
            systemctl::started(&known).iter().try_for_each(|unit| self.unit(unit, row, words))?;
        }
        match wrappers::wrapped(name, &known) {
            None => Ok(()),
            Some(Wrapped::Command { from, user: other }) => {
                let user = match other {
                    Some(other) => users::by_name(other).map_or(user, |other| other.uid),
                    None => user,
                };
                self.called(arguments.get(from..).unwrap_or_default(), user, row)
            }
            Some(Wrapped::Text { text, dialect }) => self.text(text, dialect, user, row, words),
        }
    }

    fn builtin(&mut self, name: &str, words: &[Option<String>], user: Uid, row: usize) -> Checked {
        let arguments: Vec<Option<&str>> = words.iter().skip(1).map(Option::as_deref).collect();
        if let Some(what) = refused_use(name, &arguments) {
            return Err(self.refused(row, what, words));
        }
        match (name, arguments.first()) {
            ("eval", Some(_)) => match arguments.iter().copied().collect::<Option<Vec<_>>>() {
                Some(parts) => self.text(&parts.join(" "), self.dialect, user, row, words),
                // It is read when it is known.
                None => Ok(()),
            },
            ("command", Some(Some("-v" | "-V"))) => Ok(()),
            ("exec" | "command", Some(_)) => self.called(words.get(1..).unwrap_or_default(), user, row),
            _ => Ok(()),
        }
    }

    /// A text inside the text.
    fn text(&mut self, text: &str, dialect: Dialect, user: Uid, row: usize, words: &[Option<String>]) -> Checked {
        let script = reader::read(text, dialect).map_err(|inner| self.refused(row, inner.what, words))?;
        self.inside(&script, user, row)
    }

    fn inside(&mut self, script: &Script, user: Uid, row: usize) -> Checked {
        if self.depth >= DEPTH_MAX {
            return Ok(());
        }
        let before = (self.user, self.row, self.dialect);
        (self.user, self.row, self.dialect) = (user, Some(row), script.dialect);
        self.depth += 1;
        let result = self.list(&script.commands);
        self.depth -= 1;
        (self.user, self.row, self.dialect) = before;
        result
    }

    /// What the start of a unit runs.
    fn unit(&mut self, unit: &str, row: usize, words: &[Option<String>]) -> Checked {
        if self.depth >= DEPTH_MAX {
            return Ok(());
        }
        let commands = systemd::commands_of_start(self.machine, unit).map_err(|what| {
            let what = what.trim_end_matches("; use --host container");
            self.refused(row, format!("what stands in the unit {unit} ({what})"), words)
        })?;
        self.depth += 1;
        let result = commands.iter().try_for_each(|(words, user)| {
            self.called(words, *user, row)
                .map_err(|inner| Refused { what: format!("what the unit {unit} runs: {}", inner.what), ..inner })
        });
        self.depth -= 1;
        result
    }

    /// A file that is there and may be run.
    fn file(&mut self, path: &str, context: &Context, words: &[Option<String>], row: usize) -> Checked {
        let Ok(ino) = self.machine.files.resolve(context.user, &context.cwd, path) else { return Ok(()) };
        match &self.machine.files.inode(ino).kind {
            Kind::File(Content::Program(name)) => {
                let Some(program) = programs::REGISTRY.iter().find(|program| program.name == *name) else {
                    return Err(self.refused(row, format!("the program {name}"), words));
                };
                let arguments: Vec<Option<&str>> = words.iter().skip(1).map(Option::as_deref).collect();
                (program.knows)(&arguments)
                    .map_err(|what| self.refused(row, format!("this use of {name} ({what})"), words))
            }
            Kind::File(Content::Bytes(bytes)) => {
                let text = String::from_utf8_lossy(bytes).into_owned();
                let read = interpreter(&text)
                    .and_then(|(dialect, _)| reader::read(&text, dialect).map_err(|inner| inner.to_string()));
                let script =
                    read.map_err(|what| self.refused(row, format!("what stands in {path} ({what})"), words))?;
                self.inside(&script, context.user, row)
                    .map_err(|inner| Refused { what: format!("what stands in {path}: {}", inner.what), ..inner })
            }
            _ => Ok(()),
        }
    }

    /// Nothing is there now.
    fn missing(&self, name: &str, words: &[Option<String>], row: usize) -> Checked {
        let comes = match name.contains('/') {
            true => !SYSTEM.iter().any(|folder| name.starts_with(folder)) || self.named.contains(name),
            false => programs::PATH.split(':').any(|folder| self.named.contains(&format!("{folder}/{name}"))),
        };
        if comes { Ok(()) } else { Err(self.refused(row, format!("the command {name}"), words)) }
    }
}
