//! "Prerequisites": what the runbook wants to be made sure of before its first step. Whoever confirms reads what comes, also
//! an operator who pastes from then on.

use crate::drive::desk::Desk;
use crate::drive::run_command::Limits;
use crate::drive::{Drill, DriveError, page};
use crate::history::What;
use crate::history::event::{Block, BlockEnd};
use crate::history::words::printable;
use crate::procedure::{Class, Command, PUBLISHED, Prerequisite, PrerequisiteKind};

/// Why a prerequisite is not met, and how the block is over by that.
struct Unmet {
    found: String,
    how: BlockEnd,
}

impl Desk<'_> {
    /// Confirms each prerequisite in the order of the text, up to the first that is not met: its words and what was found.
    pub(super) fn confirm(&mut self, drill: &Drill<'_>) -> Result<Option<String>, DriveError> {
        let Some(confirm) = drill.confirm else { return Ok(None) };
        self.begin_block(Block::Prerequisites, None)?;
        let (mut unmet, mut how) = (None, BlockEnd::Completed);
        for item in &confirm.prerequisites.items {
            let found = match &item.kind {
                PrerequisiteKind::Looks(commands) => self.not_seen(drill, item, commands)?,
                PrerequisiteKind::Window if !confirm.window_agreed => {
                    Some(Unmet { found: "the maintenance window was refused".to_owned(), how: BlockEnd::Completed })
                }
                PrerequisiteKind::Window => None,
            };
            let (line, quote) = (item.line, printable(&item.quote));
            let found = found.map(|found| {
                how = found.how;
                unmet = Some(format!("\"{quote}\" (line {line}); {}", found.found));
                found.found
            });
            self.write(What::Prerequisite { line, quote: quote.clone(), unmet: found })?;
            if unmet.is_some() {
                break;
            }
        }
        self.end_block(Block::Prerequisites, how)?;
        // The procedure has a shell and a folder of its own, and no page is to cite what was looked at before it.
        self.kill_shell()?;
        self.last_failed = None;
        Ok(unmet)
    }

    /// Runs the commands of one prerequisite, up to the first that does not show it.
    fn not_seen(
        &mut self,
        drill: &Drill<'_>,
        item: &Prerequisite,
        commands: &[Command],
    ) -> Result<Option<Unmet>, DriveError> {
        let ceiling_s = drill.topology.ceilings.command_s;
        for command in commands {
            let command = published(command, drill.plan.good.image_digest.as_deref());
            let ceiling = (self.host.now_us().saturating_add(ceiling_s * 1_000_000), ceiling_s * 1000);
            let done = self.run(&item.step, &command, &command.text, None, Limits { ceiling, claim_ms: None })?;
            let failed = page::failure(&command, &command.text, &done);
            // A shell that is gone can confirm nothing more.
            match failed.filter(|_| !command.is(Class::Look) || done.shell_ended) {
                None => {}
                Some(found) if done.killed.is_some() => return Ok(Some(Unmet { found, how: BlockEnd::Killed })),
                Some(found) if done.shell_ended => return Ok(Some(Unmet { found, how: BlockEnd::ShellEnded })),
                Some(found) => return Ok(Some(Unmet { found, how: BlockEnd::Left })),
            }
        }
        Ok(None)
    }
}

/// The command as it is judged: with the digest that is known once the machine is described.
fn published(command: &Command, digest: Option<&str>) -> Command {
    let should_print = match (&command.should_print, digest) {
        (Some(wanted), Some(digest)) => Some(wanted.replace(PUBLISHED, digest)),
        (wanted, _) => wanted.clone(),
    };
    Command { should_print, ..command.clone() }
}

#[cfg(test)]
mod tests;
