//! "What to do if the rollback fails", and giving up before anything was stopped.

use operator_agent::protocol::{Happened, Request};

use crate::drive::desk::Desk;
use crate::drive::run_command::{Done, Limits};
use crate::drive::{Drill, DriveError};
use crate::history::What;
use crate::history::event::{Block, BlockEnd};
use crate::procedure::Command;

/// The node has to stay stopped through this (design.md, "serving-or-offline").
const HOLD_US: u64 = 15_000_000;
/// Of the journal, in a page's evidence.
const EVIDENCE_CHARS: usize = 300;

impl Desk<'_> {
    /// Diagnose, stop, see it stopped, page, hold.
    pub(super) fn failure_path(&mut self, drill: &Drill<'_>) -> Result<(), DriveError> {
        self.kill_shell()?; // The failure path starts in a new shell.
        self.begin_block(Block::FailurePath, drill.procedure.folder.as_deref())?;
        let failure = &drill.procedure.failure;
        let mut journal = String::new();
        for (index, command) in failure.diagnose.iter().enumerate() {
            let done = self.run_one(drill, "F1", command, &command.text)?;
            journal.push_str(&done.output);
            if done.succeeded() && !(index == 0 && failure.literal_is_blind) {
                break;
            }
        }
        let (found, line) = recognise(&journal, &failure.incompatible_state);
        self.write(What::Diagnosed { incompatible_state: found.clone() })?;
        for (index, command) in failure.stop.iter().enumerate() {
            let done = self.run_one(drill, "F2", command, &command.text)?;
            if done.succeeded() && !(index == 0 && failure.literal_is_blind) {
                break;
            }
        }
        let reason = match &found {
            Some(word) => format!(
                "rollback of {} to {} failed: incompatible state ({word}); node taken offline",
                drill.plan.bad.version, drill.plan.good.version
            ),
            None => format!(
                "rollback of {} to {} failed: the target does not serve, cause unknown; node taken offline",
                drill.plan.bad.version, drill.plan.good.version
            ),
        };
        self.page(drill, &reason, line.as_deref().unwrap_or("no line of the journal names incompatible state"))?;
        self.end_block(Block::FailurePath, BlockEnd::Completed)?;
        self.see_machine("hold-began")?;
        let (at_us, (outcome, retry_after)) = self.answer(&Request::SeeUpstream, |what| match what {
            Happened::UpstreamSeen { outcome, retry_after } => Some((outcome.word(), retry_after)),
            _ => None,
        })?;
        self.record.event(at_us, What::MaintenanceSeen { outcome, retry_after })?;
        let until = self.host.now_us().saturating_add(HOLD_US);
        self.watch_until(until)?;
        self.see_machine("hold-ended")
    }

    /// Pages the on-call lead; the bad release serves as before.
    pub(super) fn give_up(&mut self, drill: &Drill<'_>) -> Result<(), DriveError> {
        if !self.shell_open {
            self.open_shell(drill.procedure.folder.as_deref())?;
        }
        let reason = format!(
            "rollback of {} to {} given up before anything was stopped",
            drill.plan.bad.version, drill.plan.good.version
        );
        self.page(drill, &reason, "the last command of the procedure failed; the bad release still serves")
    }

    fn page(&mut self, drill: &Drill<'_>, reason: &str, evidence: &str) -> Result<(), DriveError> {
        let key = format!("rollback-{}-{}", drill.plan.bad.version, drill.plan.good.version);
        let mut text = drill.procedure.failure.page.text.clone();
        for (word, value) in [("{severity}", "sev-1"), ("{key}", &key), ("{reason}", reason), ("{evidence}", evidence)]
        {
            // A NUL, which cannot be quoted, cannot come from text lines either; it would be dropped.
            let quoted = shlex::try_quote(value).map_or_else(|_| "''".into(), |quoted| quoted.into_owned());
            text = text.replace(word, &quoted);
        }
        self.run_one(drill, "F3", &drill.procedure.failure.page, &text)?;
        Ok(())
    }

    fn run_one(&mut self, drill: &Drill<'_>, step: &str, command: &Command, text: &str) -> Result<Done, DriveError> {
        if !self.shell_open {
            self.open_shell(drill.procedure.folder.as_deref())?;
        }
        let ceiling_s = drill.topology.ceilings.command_s;
        let ceiling = (self.host.now_us().saturating_add(ceiling_s * 1_000_000), ceiling_s * 1000);
        self.run(step, command, text, None, Limits { ceiling, claim_ms: None })
    }
}

/// The first of these words that stands in the journal (without regard to case), and the line that it stands in, as it is
/// read: Compose moves the cursor in front of each line, terminal or not.
fn recognise(journal: &str, words: &[String]) -> (Option<String>, Option<String>) {
    let journal = strip_ansi_escapes::strip_str(journal);
    let lower: Vec<(String, &str)> = journal.lines().map(|line| (line.to_lowercase(), line)).collect();
    for word in words {
        if let Some((_, line)) = lower.iter().find(|(lower, _)| lower.contains(&word.to_lowercase())) {
            return (Some(word.clone()), Some(line.chars().take(EVIDENCE_CHARS).collect()));
        }
    }
    (None, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognises_the_first_bound_word_in_any_case_and_quotes_its_line() {
        let words = vec!["schema".to_owned(), "snapshot".to_owned()];
        let (found, line) = recognise("started\nError: Snapshot version mismatch\n", &words);
        assert_eq!(found.as_deref(), Some("snapshot"));
        assert_eq!(line.as_deref(), Some("Error: Snapshot version mismatch"));
        let (_, line) = recognise("\x1b[2Knode  | \x1b[31msnapshot\x1b[0m of format 3\n", &words);
        assert_eq!(line.as_deref(), Some("node  | snapshot of format 3"));
        assert_eq!(recognise("-- No entries --", &words), (None, None));
    }
}
