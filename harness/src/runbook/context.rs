//! What every part of the way from document to procedure needs: the texts, the versions, and one way to make a command.

use super::binding::Binding;
use super::document::Document;
use super::error::{RunbookError, quote};
use super::placeholder;
use super::shell::{self, Segment};
use crate::procedure::{Class, Command, Origin, Releases, StaticFinding, TextRule};

/// A document, its binding, one topology and the two versions.
pub(super) struct Context<'a> {
    pub document: &'a Document,
    pub binding: &'a Binding,
    pub binding_name: &'a str,
    pub topology: &'a str,
    pub releases: &'a Releases,
}

impl Context<'_> {
    /// An error at a line of the document.
    pub fn refuse(
        &self,
        line: u32,
        what: impl Into<String>,
        looked_for: impl Into<String>,
        advice: impl Into<String>,
    ) -> RunbookError {
        RunbookError::at(&self.document.name, line, what, looked_for, advice)
    }

    /// Replaces placeholders.
    pub fn fill(&self, text: &str, line: u32) -> Result<String, RunbookError> {
        let placeholders = &self.binding.placeholders;
        placeholder::fill(text, placeholders, self.releases).map_err(|left| {
            let what = format!("the placeholder {} in a command", quote(&left));
            let wanted = format!("no placeholders but {} and {}", placeholders.good, placeholders.bad);
            self.refuse(line, what, wanted, "use one of these, or bind it")
        })
    }

    /// Shell text as commands; `line_of` gives the document's line of a row.
    pub fn split(&self, text: &str, line_of: impl Fn(usize) -> u32) -> Result<shell::Split, RunbookError> {
        let split = shell::split(text);
        match &split.problem {
            None => Ok(split),
            Some(problem) => Err(self.refuse(
                line_of(problem.row),
                format!("{}: {}", problem.what, quote(&problem.text)),
                "shell text that can be split into commands exactly",
                "mend it; `bash -n` tells more",
            )),
        }
    }

    /// Text that must be exactly one command.
    pub fn one(&self, text: &str, line: u32) -> Result<Segment, RunbookError> {
        let mut commands = self.split(text, |_| line)?.commands;
        match (commands.pop(), commands.is_empty()) {
            (Some(only), true) => Ok(only),
            (last, _) => Err(self.refuse(
                line,
                format!("{} commands in {}", commands.len() + usize::from(last.is_some()), quote(text)),
                "one command",
                "join them with `&&`, or bind them apart",
            )),
        }
    }

    /// A command of the document.
    pub fn literal(&self, segment: &Segment, line: u32, classes: Vec<Class>) -> Result<Command, RunbookError> {
        Ok(Command {
            line,
            text: self.fill(&segment.text, line)?,
            classes,
            origin: Origin::Literal,
            pipeline_parts: segment.pipeline_parts,
            should_print: None,
        })
    }

    /// A command of the binding, and the finding that it always is.
    pub fn supplied(
        &self,
        text: &str,
        stands_for: &str,
        line: u32,
        classes: Vec<Class>,
    ) -> Result<(Command, StaticFinding), RunbookError> {
        let in_binding = |error: RunbookError| {
            RunbookError::file(
                self.binding_name,
                format!("a supplied command: {}", error.what),
                error.looked_for,
                error.advice,
            )
        };
        let segment = self.one(text, line).map_err(in_binding)?;
        let mut command = self.literal(&segment, line, classes).map_err(in_binding)?;
        command.origin = Origin::Supplied { stands_for: stands_for.to_owned() };
        let (words, topology) = (quote(stands_for), self.topology);
        let message = format!("no command of the text does {words} on {topology}; supplied: {}", command.text);
        Ok((command, TextRule::SuppliedCommand.found(line, message)))
    }

    /// What the syntax tree shows of a literal command.
    pub fn seen_in_tree(&self, segment: &Segment, line: u32) -> Vec<StaticFinding> {
        let mut findings = Vec::new();
        if segment.endless {
            let message = "this loop ends only when its condition is met: the text gives no bound".to_owned();
            findings.push(TextRule::UnboundedWait.found(line, message));
        }
        for wanted in &self.binding.options_wanted {
            let lacks = |call: &shell::Call| {
                call.name == wanted.command
                    && !call
                        .arguments
                        .iter()
                        .any(|argument| wanted.options.iter().any(|option| argument.starts_with(option)))
            };
            if segment.calls.iter().any(lacks) {
                findings.push(StaticFinding { rule: wanted.rule.clone(), line, message: wanted.message.clone() });
            }
        }
        findings
    }
}
