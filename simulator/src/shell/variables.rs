//! Variables and parameters.

use super::Shell;
use super::syntax::Dialect;
use crate::machine::Machine;
use crate::machine::users;
use crate::time::SECOND;

/// What becomes of a variable that a command has for itself: its name, and what it was, exported and not.
pub(super) type Aside<'a> = (&'a str, Option<String>, Option<String>);

impl Shell {
    /// A variable that somebody gave a value.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        let own = || self.variables.get(name);
        self.context.environment.get(name).or_else(own).map(String::as_str)
    }

    /// A variable or parameter, those of the shell included.
    pub(super) fn parameter(&mut self, machine: &mut Machine, name: &str) -> Option<String> {
        if let Some(value) = self.variable(name) {
            return Some(value.to_owned());
        }
        if let Ok(number) = name.parse::<usize>() {
            return match number {
                0 => Some(self.name.clone()),
                number => self.positional.get(number - 1).cloned(),
            };
        }
        let bash = self.dialect == Dialect::Bash;
        match name {
            "?" => Some(self.status.to_string()),
            "#" => Some(self.positional.len().to_string()),
            "$" => {
                let pid = self.pid.unwrap_or_else(|| machine.next_pid().0);
                self.pid = Some(pid);
                Some(pid.to_string())
            }
            "IFS" => Some(" \t\n".to_owned()),
            "PATH" => Some(crate::programs::PATH.to_owned()),
            "PS4" => Some("+ ".to_owned()),
            "OPTIND" => Some("1".to_owned()),
            "RANDOM" if bash => Some(machine.random(1 << 15).to_string()),
            "SECONDS" if bash => Some((machine.now.saturating_sub(self.began) / SECOND).to_string()),
            "EPOCHSECONDS" if bash => Some((machine.unix_us() / 1_000_000).to_string()),
            "EPOCHREALTIME" if bash => {
                let now = machine.unix_us();
                Some(format!("{}.{:06}", now / 1_000_000, now % 1_000_000))
            }
            "UID" | "EUID" if bash => Some(self.context.user.to_string()),
            "PPID" => Some("1".to_owned()),
            "SHELL" if bash => users::by_uid(self.context.user).map(|_| "/bin/bash".to_owned()),
            "PIPESTATUS" if bash => self.pipe.first().map(i32::to_string),
            name => {
                let index = name.strip_prefix("PIPESTATUS[")?.strip_suffix(']')?;
                self.pipe.get(index.parse::<usize>().ok()?).map(i32::to_string)
            }
        }
    }

    /// Gives a variable a value.
    pub(super) fn assign(&mut self, name: &str, value: String) {
        if let Some(exported) = self.context.environment.get_mut(name) {
            *exported = value;
        } else if self.to_export.remove(name) || name == "PATH" {
            self.context.environment.insert(name.to_owned(), value);
        } else if let Some(own) = self.variables.get_mut(name) {
            *own = value;
        } else {
            self.variables.insert(name.to_owned(), value);
        }
    }

    /// `export x`, `export x=w`
    pub(super) fn export(&mut self, name: &str, value: Option<String>) {
        match value.or_else(|| self.variables.remove(name)) {
            Some(value) => {
                self.variables.remove(name);
                self.context.environment.insert(name.to_owned(), value);
            }
            None if !self.context.environment.contains_key(name) => {
                self.to_export.insert(name.to_owned());
            }
            None => {}
        }
    }

    /// `export -n x`
    pub(super) fn keep_back(&mut self, name: &str, value: Option<String>) {
        self.to_export.remove(name);
        let exported = self.context.environment.remove(name);
        if let Some(value) = value.or(exported) {
            self.variables.insert(name.to_owned(), value);
        }
    }

    pub(super) fn unset(&mut self, name: &str) {
        self.to_export.remove(name);
        self.variables.remove(name);
        self.context.environment.remove(name);
    }

    /// Gives a variable a value for one command, which inherits it.
    pub(super) fn set_aside<'a>(&mut self, name: &'a str, value: String) -> Aside<'a> {
        let own = self.variables.remove(name);
        (name, self.context.environment.insert(name.to_owned(), value), own)
    }

    /// After that command.
    pub(super) fn put_back(&mut self, name: &str, exported: Option<String>, own: Option<String>) {
        match exported {
            Some(value) => self.context.environment.insert(name.to_owned(), value),
            None => self.context.environment.remove(name),
        };
        if let Some(value) = own {
            self.variables.insert(name.to_owned(), value);
        }
    }
}
