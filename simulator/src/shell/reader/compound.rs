//! Compound commands.

use super::{Read, Reader};
use crate::shell::syntax::{Command, Part, Word};

/// Reserved words that end something.
const CLOSING: [&str; 8] = ["do", "done", "elif", "else", "esac", "fi", "then", "}"];

impl Reader<'_> {
    /// A compound command, if one begins here.
    pub(super) fn compound(&mut self) -> Read<Option<Command>> {
        if self.looking_at("((")
            && let Some(arithmetic) = self.arithmetic_command()?
        {
            return Ok(Some(arithmetic));
        }
        if self.accept("(") {
            let commands = self.commands(&[])?;
            if !self.accept(")") {
                return Err(self.unexpected());
            }
            return Ok(Some(Command::Subshell(commands)));
        }
        let word = self.bare_word();
        let command = match word {
            "{" => {
                self.at += 1;
                let commands = self.commands(&["}"])?;
                self.expect_reserved("}")?;
                Command::Group(commands)
            }
            "if" => self.if_command()?,
            "while" | "until" => {
                let until = word == "until";
                self.at += word.len();
                let condition = self.commands(&["do"])?;
                Command::Loop { until, condition, body: self.do_group()? }
            }
            "for" => self.for_command()?,
            "case" => self.case_command()?,
            "[[" => {
                self.bash_only("`[[`")?;
                self.condition_command()?
            }
            "function" => return Err(self.refuse("a function")),
            "select" | "coproc" => return Err(self.refuse(&format!("`{word}`"))),
            _ if CLOSING.contains(&word) => return Err(self.unexpected()),
            _ => return Ok(None),
        };
        Ok(Some(command))
    }

    fn do_group(&mut self) -> Read<Vec<Command>> {
        self.expect_reserved("do")?;
        let body = self.commands(&["done"])?;
        self.expect_reserved("done")?;
        Ok(body)
    }

    fn if_command(&mut self) -> Read<Command> {
        self.expect_reserved("if")?;
        let mut branches = Vec::new();
        let mut otherwise = Vec::new();
        loop {
            let condition = self.commands(&["then"])?;
            self.expect_reserved("then")?;
            branches.push((condition, self.commands(&["elif", "else", "fi"])?));
            if self.reserved("elif") {
                continue;
            }
            if self.reserved("else") {
                otherwise = self.commands(&["fi"])?;
            }
            self.expect_reserved("fi")?;
            return Ok(Command::If { branches, otherwise });
        }
    }

    fn for_command(&mut self) -> Read<Command> {
        self.expect_reserved("for")?;
        self.blanks();
        if self.looking_at("((") {
            return Err(self.refuse("a `for` as in C"));
        }
        let name = self.name().to_owned();
        if name.is_empty() {
            return Err(self.unexpected());
        }
        self.at += name.len();
        self.blanks_and_newlines();
        let mut words = Vec::new();
        if self.reserved("in") {
            loop {
                self.blanks();
                match self.word()? {
                    Some(word) => words.extend(self.braces(word)?),
                    None => break,
                }
            }
            if !self.accept(";") && self.peek() != Some(b'\n') {
                return Err(self.unexpected());
            }
        } else {
            let all = Part::Variable { name: "@".into(), change: Box::new(crate::shell::syntax::Change::None) };
            words.push(Word(vec![Part::Double(vec![all])]));
            self.accept(";");
        }
        self.blanks_and_newlines();
        if self.bare_word() == "{" {
            return Err(self.refuse("a `for` with braces"));
        }
        Ok(Command::For { name, words, body: self.do_group()? })
    }

    fn case_command(&mut self) -> Read<Command> {
        self.expect_reserved("case")?;
        self.blanks();
        let Some(word) = self.word()? else { return Err(self.unexpected()) };
        self.blanks_and_newlines();
        self.expect_reserved("in")?;
        let mut arms = Vec::new();
        loop {
            self.blanks_and_newlines();
            if self.reserved("esac") {
                return Ok(Command::Case { word, arms });
            }
            self.accept("(");
            let mut patterns = Vec::new();
            loop {
                self.blanks();
                let Some(pattern) = self.word()? else { return Err(self.unexpected()) };
                patterns.push(pattern);
                self.blanks();
                if !self.accept("|") {
                    break;
                }
            }
            if self.looking_at("(") {
                return Err(self.refuse("an extended pattern"));
            }
            if !self.accept(")") {
                return Err(self.unexpected());
            }
            let body = self.script(&["esac"])?;
            arms.push((patterns, body.commands));
            if self.looking_at(";&") || self.looking_at(";;&") {
                return Err(self.refuse("a `case` that falls through"));
            }
            if !self.accept(";;") {
                self.blanks_and_newlines();
                self.expect_reserved("esac")?;
                return Ok(Command::Case { word, arms });
            }
        }
    }

    /// `(( … ))`, if it is one and not two subshells.
    fn arithmetic_command(&mut self) -> Read<Option<Command>> {
        let (begin, row) = (self.at, self.row());
        if let crate::shell::syntax::Dialect::Dash = self.dialect {
            return Ok(None);
        }
        self.at += 2;
        match self.arithmetic_text()? {
            Some(word) => Ok(Some(Command::Arithmetic { word, row })),
            None => {
                self.at = begin;
                Ok(None)
            }
        }
    }
}
