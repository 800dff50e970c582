//! Words to fields: homes, parameters, command substitution, arithmetic, field splitting, pathnames, quote removal.

use super::run::{Halt, Step};
use super::syntax::{Dialect, Part, Target, Word};
use super::{Shell, syntax};
use crate::machine::Machine;
use crate::machine::io::Output;
use crate::machine::users;

mod arithmetic;
mod changes;
mod paths;
pub(super) mod pattern;
mod split;

use pattern::{Marked, Pattern};
use split::Fields;

/// A part of a word after expansion.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// Text.
    Text {
        /// Which.
        text: String,
        /// It is no pattern and is not split.
        quoted: bool,
        /// Blanks in it separate fields.
        splits: bool,
    },
    /// Fields end here, whatever stands on both sides: between two positional parameters.
    Break,
}

/// Where a part stands.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// In double quotes.
    quoted: bool,
    /// One word may become several fields.
    fields: bool,
    /// Text that is written out is split too: the word of `${x:-a b}`.
    literals_split: bool,
}

/// What a parameter holds.
enum Value {
    Unset,
    One(String),
    /// `$@` and `$*`; the flag is the star.
    Many(Vec<String>, bool),
}

impl Shell {
    /// Words to fields.
    pub(super) fn fields(&mut self, machine: &mut Machine, words: &[Word]) -> Step<Vec<String>> {
        let mut result = Vec::with_capacity(words.len());
        for word in words {
            if let [Part::Plain(text) | Part::Quoted(text)] = word.0.as_slice()
                && !(matches!(word.0.first(), Some(Part::Plain(_))) && has_wild(text))
            {
                result.push(text.clone());
                continue;
            }
            let mut pieces = Vec::new();
            let place = Place { fields: true, ..Place::default() };
            self.pieces(machine, &word.0, place, &mut pieces)?;
            let separators = self.variable("IFS").unwrap_or(" \t\n").to_owned();
            for field in Fields::of(pieces, separators.as_bytes()) {
                self.paths(machine, field, &mut result);
            }
        }
        Ok(result)
    }

    fn paths(&self, machine: &Machine, field: Vec<(String, bool)>, result: &mut Vec<String>) {
        let wild = !self.options.noglob && field.iter().any(|(text, quoted)| !quoted && has_wild(text));
        let text = || field.iter().map(|(text, _)| text.as_str()).collect::<String>();
        if wild {
            let marked = marks(&field);
            if paths::has_pattern(&marked) {
                let found = paths::matching(machine, &self.context, &marked);
                if found.is_empty() {
                    result.push(text())
                } else {
                    result.extend(found)
                }
                return;
            }
        }
        result.push(text());
    }

    /// A word to one text: no splitting, no pathnames.
    pub(super) fn text(&mut self, machine: &mut Machine, word: &Word) -> Step<String> {
        match word.0.as_slice() {
            [] => Ok(String::new()),
            [Part::Plain(text) | Part::Quoted(text)] => Ok(text.clone()),
            parts => {
                let marked = self.one_field(machine, parts, false)?;
                Ok(marked.into_iter().map(|(text, _)| text).collect())
            }
        }
    }

    /// A word to a pattern.
    pub(super) fn pattern(&mut self, machine: &mut Machine, word: &Word) -> Step<Pattern> {
        let field = self.one_field(machine, &word.0, false)?;
        Ok(Pattern::new(&marks(&field)))
    }

    /// A word to a regular expression: what was quoted stands for itself.
    pub(super) fn regex(&mut self, machine: &mut Machine, word: &Word) -> Step<String> {
        let field = self.one_field(machine, &word.0, false)?;
        Ok(field.into_iter().map(|(text, quoted)| if quoted { regex::escape(&text) } else { text }).collect())
    }

    fn one_field(&mut self, machine: &mut Machine, parts: &[Part], quoted: bool) -> Step<Vec<(String, bool)>> {
        let mut pieces = Vec::new();
        self.pieces(machine, parts, Place { quoted, ..Place::default() }, &mut pieces)?;
        let text = |piece| match piece {
            Piece::Text { text, quoted, .. } => (text, quoted),
            Piece::Break => (" ".to_owned(), true),
        };
        Ok(pieces.into_iter().map(text).collect())
    }

    fn pieces(&mut self, machine: &mut Machine, parts: &[Part], place: Place, out: &mut Vec<Piece>) -> Step<()> {
        let Place { quoted, fields, literals_split } = place;
        for part in parts {
            match part {
                Part::Quoted(text) => {
                    out.push(Piece::Text { text: text.clone(), quoted: true, splits: false });
                }
                Part::Plain(text) => {
                    out.push(Piece::Text { text: text.clone(), quoted, splits: literals_split && !quoted });
                }
                Part::Tilde(name) => {
                    let text = self.home_of(name);
                    out.push(Piece::Text { text, quoted: true, splits: false });
                }
                Part::Double(inner) => {
                    let begin = out.len();
                    self.pieces(machine, inner, Place { quoted: true, fields, literals_split: false }, out)?;
                    let added = out.get(begin..).unwrap_or_default();
                    let all = |part: &Part| matches!(part, Part::Variable { name, .. } if name == "@");
                    if added.is_empty() && !inner.iter().any(all) {
                        out.push(Piece::Text { text: String::new(), quoted: true, splits: false });
                    }
                }
                Part::Substitution(script) => {
                    let text = self.substitute(machine, script)?;
                    out.push(Piece::Text { text, quoted, splits: fields && !quoted });
                }
                Part::Arithmetic(word) => {
                    let text = self.arithmetic(machine, word, "")?.to_string();
                    out.push(Piece::Text { text, quoted, splits: fields && !quoted });
                }
                Part::Variable { name, change } => self.variable_pieces(machine, name, change, place, out)?,
            }
        }
        Ok(())
    }

    /// The number that an expression gives. `whose`: what stands before a complaint.
    pub(super) fn arithmetic(&mut self, machine: &mut Machine, word: &Word, whose: &str) -> Step<i64> {
        let text = match word.0.as_slice() {
            [Part::Quoted(text)] => text.clone(),
            parts => self.one_field(machine, parts, true)?.into_iter().map(|(text, _)| text).collect(),
        };
        match self.evaluate(machine, &text) {
            Ok(number) => Ok(number),
            Err(wrong) => {
                let (text, exits) = match self.dialect {
                    Dialect::Bash => (format!("{whose}{}", wrong.text), wrong.unbound),
                    Dialect::Dash => (format!("arithmetic expression: {}", wrong.text), true),
                };
                self.complain(machine, &text)?;
                Err(if exits { Halt::Exit(self.fatal_status()) } else { Halt::Abandon })
            }
        }
    }

    /// What a shell ends with that cannot expand a word.
    pub(super) fn fatal_status(&self) -> i32 {
        match self.dialect {
            Dialect::Bash => 127,
            Dialect::Dash => 2,
        }
    }

    fn home_of(&self, name: &str) -> String {
        let user = |uid| users::by_uid(uid).map_or("/", |user| user.home);
        match name {
            "" => self.variable("HOME").map_or_else(|| user(self.context.user).to_owned(), str::to_owned),
            "+" => self.context.cwd.clone(),
            "-" => self.variable("OLDPWD").unwrap_or("~-").to_owned(),
            name => users::by_name(name).map_or_else(|| format!("~{name}"), |user| user.home.to_owned()),
        }
    }

    /// Runs `$(…)`.
    fn substitute(&mut self, machine: &mut Machine, script: &syntax::Script) -> Step<String> {
        // `$(< file)`
        if let [syntax::Command::Simple(simple)] = script.commands.as_slice()
            && let [redirect] = simple.redirects.as_slice()
            && let Target::Read(word) = &redirect.target
            && simple.words.is_empty()
            && simple.assignments.is_empty()
            && self.dialect == Dialect::Bash
        {
            let text = self.file_text(machine, word, redirect)?;
            return Ok(text);
        }
        let buffer = machine.buffer(None);
        let mut inner = self.clone();
        inner.context.io.stdout = Output::Buffer(buffer);
        if self.dialect == Dialect::Bash {
            inner.options.errexit = false;
        }
        let result = inner.subshell(machine, |shell, machine| shell.list(machine, &script.commands));
        let bytes = machine.take_buffer(buffer);
        machine.drop_buffer(buffer);
        let status = result?;
        self.substituted = Some(status);
        self.status = status;
        Ok(self.captured(machine, bytes)?)
    }

    fn file_text(&mut self, machine: &mut Machine, word: &Word, redirect: &syntax::Redirect) -> Step<String> {
        let read = match self.target_path(machine, word, redirect)? {
            Ok(path) => machine.files.read(self.context.user, &self.context.cwd, &path).map_err(|e| (path, e)),
            Err(status) => {
                self.substituted = Some(status);
                return Ok(String::new());
            }
        };
        match read {
            Ok(bytes) => {
                self.substituted = Some(0);
                Ok(self.captured(machine, bytes.to_vec())?)
            }
            Err((path, error)) => {
                self.complain(machine, &format!("{path}: {}", error.text()))?;
                self.substituted = Some(1);
                Ok(String::new())
            }
        }
    }

    /// Output as a value: newlines at its end are cut.
    fn captured(&mut self, machine: &mut Machine, mut bytes: Vec<u8>) -> crate::Run<String> {
        if bytes.contains(&0) {
            bytes.retain(|byte| *byte != 0);
            if self.dialect == Dialect::Bash {
                self.complain(machine, "warning: command substitution: ignored null byte in input")?;
            }
        }
        while bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }
}

fn has_wild(text: &str) -> bool {
    text.bytes().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

fn marks(field: &[(String, bool)]) -> Vec<Marked> {
    field.iter().flat_map(|(text, quoted)| text.bytes().map(|byte| (byte, *quoted))).collect()
}
