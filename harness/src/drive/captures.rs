//! "Postmortem requirements": what the runbook's authors want in the incident issue, and what a reader of the bundle needs.

use operator_agent::protocol::{Happened, Request};

use crate::drive::desk::Desk;
use crate::drive::run_command::Limits;
use crate::drive::{Drill, DriveError};
use crate::history::What;
use crate::history::event::{Block, BlockEnd};
use crate::procedure::RequirementKind;

/// Files that one glob may bring.
const FILES_MAX: usize = 20;
/// For a capture of the harness's own.
const ROOT_TIMEOUT_MS: u64 = 10_000;

impl Desk<'_> {
    /// Collects every item; what cannot be had is written down as missing, with the reason.
    pub(super) fn captures(&mut self, drill: &Drill<'_>) -> Result<(), DriveError> {
        for (name, command) in &drill.topology.captures {
            let request = Request::RunAsRoot { text: command.clone(), timeout_ms: ROOT_TIMEOUT_MS };
            let (_, output) = self.answer(&request, |what| match what {
                Happened::RootRan { output, .. } => Some(output),
                _ => None,
            })?;
            self.record.capture(name, name, &output)?;
        }
        self.kill_shell()?;
        self.write(What::BlockBegan { block: Block::Postmortem })?;
        for requirement in &drill.procedure.requirements {
            match &requirement.kind {
                RequirementKind::Releases => {
                    let text = format!("bad {}\ngood {}\n", drill.plan.bad.version, drill.plan.good.version);
                    self.keep(&requirement.id, "releases.txt", &text)?;
                }
                RequirementKind::Trigger => {
                    self.keep(&requirement.id, "trigger.txt", &format!("{}\n", drill.plan.trigger))?;
                }
                RequirementKind::Files { glob, never_made } => self.keep_files(&requirement.id, glob, *never_made)?,
                RequirementKind::Command { file, folder } => {
                    self.keep_output(drill, &requirement.id, file, folder.as_deref())?;
                }
                RequirementKind::People => {
                    self.miss(&requirement.id, "only people can write it", false)?;
                }
            }
        }
        self.end_block(Block::Postmortem, BlockEnd::Completed)
    }

    /// A drill that never began has nothing for a postmortem; each item says so.
    pub(super) fn nothing_to_capture(&mut self, drill: &Drill<'_>) -> Result<(), DriveError> {
        for requirement in &drill.procedure.requirements {
            self.miss(&requirement.id, "the incident did not show in the traffic, so nothing was done", false)?;
        }
        Ok(())
    }

    fn keep(&mut self, item: &str, name: &str, text: &str) -> Result<(), DriveError> {
        self.record.capture(item, name, text)
    }

    fn miss(&mut self, item: &str, why: &str, never_made: bool) -> Result<(), DriveError> {
        self.write(What::Missing { item: item.to_owned(), why: why.to_owned(), never_made })?;
        Ok(())
    }

    fn keep_files(&mut self, item: &str, glob: &str, never_made: bool) -> Result<(), DriveError> {
        let (_, paths) = self.answer(&Request::Glob { pattern: glob.to_owned() }, |what| match what {
            Happened::Globbed { paths } => Some(paths),
            _ => None,
        })?;
        if paths.is_empty() {
            let why = if never_made {
                format!("no command of this section writes {glob}")
            } else {
                format!("no file {glob} on the operator host")
            };
            return self.miss(item, &why, never_made);
        }
        for path in paths.into_iter().take(FILES_MAX) {
            let (_, read) = self.answer(&Request::ReadFile { path: path.clone() }, |what| match what {
                Happened::FileRead { text, failure } => Some((text, failure)),
                _ => None,
            })?;
            match read {
                (Some(text), _) => {
                    let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
                    self.record.capture(item, &name, &text)?;
                }
                (None, failure) => self.miss(item, &failure.unwrap_or_default(), false)?,
            }
        }
        Ok(())
    }

    fn keep_output(
        &mut self,
        drill: &Drill<'_>,
        item: &str,
        file: &str,
        folder: Option<&str>,
    ) -> Result<(), DriveError> {
        let Some(command) = drill.procedure.captures.get(item) else {
            return self.miss(item, "the binding names no command for it", false);
        };
        self.open_shell(folder)?;
        let ceiling_s = drill.topology.ceilings.command_s;
        let ceiling = (self.host.now_us().saturating_add(ceiling_s * 1_000_000), ceiling_s * 1000);
        let done = self.run("P1", command, &command.text, None, Limits { ceiling, claim_ms: None })?;
        self.kill_shell()?;
        if done.succeeded() {
            self.keep(item, file, &done.output)
        } else {
            let status = done.exit.map_or_else(|| "killed".to_owned(), |exit| format!("exit {exit}"));
            self.miss(item, &format!("`{}` came to {status}: {}", command.text, done.output.trim()), false)
        }
    }
}
