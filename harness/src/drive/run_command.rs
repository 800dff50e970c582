//! One command of the operator: handed to the shell, waited for within its limits, written down.

use std::collections::VecDeque;

use operator_agent::protocol::{CommandReport, Happened, Request};

use crate::drive::desk::{Desk, Ready};
use crate::drive::moments::Due;
use crate::drive::{DriveError, page};
use crate::history::What;
use crate::history::event::{CommandRef, KillReason};
use crate::procedure::{Class, Command};

/// How a command was over, as far as the driver has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Its own status, unless it was killed.
    pub exit: Option<i32>,
    /// Its output as recorded.
    pub output: String,
    /// Bytes that it wrote in all; what was killed tells of those that were kept.
    pub output_bytes: u64,
    /// The shell ended with it.
    pub shell_ended: bool,
    /// It was killed, and why.
    pub killed: Option<KillReason>,
}

impl Done {
    /// Status 0.
    pub fn succeeded(&self) -> bool {
        self.exit == Some(0)
    }
}

/// A shell that was killed.
#[derive(Debug)]
pub(super) struct Killed {
    /// No process of its session is left.
    gone: bool,
    /// What the command in hand had written.
    output: String,
    /// When the command in hand was handed over.
    began_us: Option<u64>,
}

/// When a command has to be over, on the host's clock.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// End of the ceiling, and the ceiling in milliseconds.
    pub ceiling: (u64, u64),
    /// The claim (60 s) in milliseconds, in the procedure.
    pub claim_ms: Option<u64>,
}

impl Desk<'_> {
    /// The moment at which the claim is over, if it counts already and is not met.
    pub(super) fn claim_ends(&self, claim_ms: Option<u64>) -> Option<u64> {
        match (self.ready, self.start_began_us, claim_ms) {
            (None, Some(began), Some(ms)) => Some(began.saturating_add(ms.saturating_mul(1000))),
            _ => None,
        }
    }

    /// Runs one command in the open shell. `text` is what runs: the command's own, or with a page's values filled in.
    pub fn run(
        &mut self,
        step: &str,
        command: &Command,
        text: &str,
        criterion: Option<&str>,
        limits: Limits,
    ) -> Result<Done, DriveError> {
        let reference = CommandRef { step: step.to_owned(), run: self.runs };
        self.runs += 1;
        self.write(What::CommandBegan {
            command: reference.clone(),
            line: command.line,
            classes: command.classes.clone(),
            text: text.to_owned(),
            origin: command.origin.clone(),
            should_print: command.should_print.clone(),
            criterion: criterion.map(str::to_owned),
        })?;
        let first_start = command.is(Class::Start) && self.start_began_us.is_none();
        if first_start {
            self.start_began_us = Some(self.host.now_us());
        }
        self.ask(&Request::Run { text: text.to_owned() })?;
        let done = self.wait_for_end(&reference, command, limits)?;
        if let Some(words) = page::failure(command, text, &done) {
            self.last_failed = Some(words);
        }
        if first_start {
            self.start_ended_us.get_or_insert(self.host.now_us());
        }
        Ok(done)
    }

    fn wait_for_end(&mut self, reference: &CommandRef, command: &Command, limits: Limits) -> Result<Done, DriveError> {
        let began_us = self.host.now_us();
        let mut due: VecDeque<Due> = std::mem::take(&mut self.due).into();
        let mut over = None;
        loop {
            let claim_ends = self.claim_ends(limits.claim_ms);
            let fault_us = due.front().map(|due| began_us.saturating_add(due.after_us));
            let until = [Some(limits.ceiling.0), claim_ends, fault_us].into_iter().flatten().min().unwrap_or_default();
            let came = match over.take() {
                Some(what) => Some(what),
                None => self.next(until)?.map(|report| report.what),
            };
            match came {
                Some(Happened::CommandEnded { report }) => return self.ended(reference, command, report, false),
                Some(Happened::ShellEnded { report }) => {
                    self.shell_open = false;
                    return self.ended(reference, command, report, true);
                }
                Some(Happened::OutputLimit { limit }) => {
                    let limit = format!("{limit} bytes of output of one command");
                    self.write(What::LimitReached { limit: limit.clone() })?;
                    return self.kill(reference, KillReason::HarnessLimit { limit });
                }
                Some(_) | None => {}
            }
            let now = self.host.now_us();
            if fault_us.is_some_and(|us| now >= us)
                && let Some(Due { fault, .. }) = due.pop_front()
            {
                over = self.bring_about(&fault)?;
                continue;
            }
            if let Some(ends) = self.claim_ends(limits.claim_ms)
                && now >= ends
            {
                return self.kill(reference, KillReason::ClaimNotMet { ms: limits.claim_ms.unwrap_or_default() });
            }
            if now >= limits.ceiling.0 {
                return self.kill(reference, KillReason::Ceiling { ms: limits.ceiling.1 });
            }
        }
    }

    fn ended(
        &mut self,
        reference: &CommandRef,
        command: &Command,
        report: CommandReport,
        shell_ended: bool,
    ) -> Result<Done, DriveError> {
        if command.is(Class::Start) && self.start_ended_us.is_none() {
            self.start_began_us = Some(report.began_us);
            self.start_ended_us = Some(report.ended_us);
        }
        // The operator's own wait is a witness too, if the target's start had ended before it.
        if command.is(Class::Wait) && report.exit == 0 && self.start_ended_us.is_some() && self.ready.is_none() {
            self.ready = Some(Ready { at_us: report.ended_us, seen_by: "wait" });
        }
        let done = Done {
            exit: Some(report.exit),
            output: report.output.clone(),
            output_bytes: report.output_bytes,
            shell_ended,
            killed: None,
        };
        let pipe = parts(command, report.exit, report.pipe);
        self.write(What::CommandEnded {
            command: reference.clone(),
            exit: report.exit,
            pipe,
            output: report.output,
            output_bytes: report.output_bytes,
            own_words: report.own_words,
            began_us: report.began_us,
            ended_us: report.ended_us,
            shell_ended,
        })?;
        Ok(done)
    }

    fn kill(&mut self, reference: &CommandRef, why: KillReason) -> Result<Done, DriveError> {
        let Killed { gone, output, began_us } = self.kill_shell()?;
        self.write(What::CommandKilled {
            command: reference.clone(),
            why: why.clone(),
            output: output.clone(),
            began_us: began_us.unwrap_or_default(),
            gone,
        })?;
        Ok(Done { exit: None, output_bytes: output.len() as u64, output, shell_ended: true, killed: Some(why) })
    }

    /// Kills the shell's session, if one is open.
    pub(super) fn kill_shell(&mut self) -> Result<Killed, DriveError> {
        self.shell_open = false;
        let (_, killed) = self.answer(&Request::KillShell, |what| match what {
            Happened::ShellKilled { gone, output, began_us } => Some(Killed { gone, output, began_us }),
            _ => None,
        })?;
        Ok(killed)
    }

    /// Opens a new shell.
    pub fn open_shell(&mut self, folder: Option<&str>) -> Result<(), DriveError> {
        self.answer(&Request::OpenShell { folder: folder.map(str::to_owned) }, |what| {
            matches!(what, Happened::ShellOpened).then_some(())
        })?;
        self.shell_open = true;
        Ok(())
    }
}

/// The status of each part of a command's own pipeline. What is no pipeline has one part, itself: bash's PIPESTATUS is then
/// of whatever ran last inside it (`if false; then :; fi` ends 0 and leaves 1 there), or is what `!` turned round.
fn parts(command: &Command, exit: i32, pipe: Vec<i32>) -> Vec<i32> {
    if command.pipeline_parts > 1 && pipe.len() == command.pipeline_parts { pipe } else { vec![exit] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::scripted::command;

    #[test]
    fn only_a_pipeline_has_parts_of_its_own() {
        let told = |text: &str, exit: i32, pipe: &[i32]| parts(&command(text, Class::Other), exit, pipe.to_vec());
        // What bash 5 leaves in PIPESTATUS after each of them.
        assert_eq!(told("if false; then :; fi", 0, &[1]), [0]);
        assert_eq!(told("while false; do :; done", 0, &[1]), [0]);
        assert_eq!(told("! false", 0, &[1]), [0]);
        assert_eq!(told("! true", 1, &[0]), [1]);
        assert_eq!(told("false", 1, &[1]), [1]);
        assert_eq!(told("false | true", 0, &[1, 0]), [1, 0]);
        assert_eq!(told("! false | true", 1, &[1, 0]), [1, 0]);
        // The shell ended with it, and told no parts.
        assert_eq!(told("false | exit", 3, &[]), [3]);
    }
}
