//! "What to do if the rollback fails", and giving up before anything was stopped.

use operator_agent::protocol::{Happened, Request};

use crate::drive::desk::Desk;
use crate::drive::run_command::{Done, Limits};
use crate::drive::{Drill, DriveError, page};
use crate::history::What;
use crate::history::event::{Block, BlockEnd};
use crate::history::read::History;
use crate::judge::facts::Facts;
use crate::judge::look::Look;
use crate::procedure::Command;

/// The node has to stay stopped through this (design.md, "serving-or-offline").
const HOLD_US: u64 = 15_000_000;

impl Desk<'_> {
    /// Diagnose, stop, see it stopped, page, hold.
    pub(super) fn failure_path(&mut self, drill: &Drill<'_>) -> Result<(), DriveError> {
        // What failed before: a page has to tell of this, not of the commands below.
        let last_failed = self.last_failed.take();
        self.kill_shell()?; // The failure path starts in a new shell.
        self.begin_block(Block::FailurePath, drill.procedure.folder.as_deref())?;
        let failure = &drill.procedure.failure;
        let mut journal = String::new();
        for (index, command) in failure.diagnose.iter().enumerate() {
            let done = self.run_one(drill, "F1", command, &command.text)?;
            journal.push_str(&done.output);
            if done.succeeded() && !(index == 0 && failure.diagnose_is_blind) {
                break;
            }
        }
        let (found, line) = recognise(&journal, &failure.incompatible_state);
        self.write(What::Diagnosed { incompatible_state: found.clone() })?;
        for (index, command) in failure.stop.iter().enumerate() {
            let done = self.run_one(drill, "F2", command, &command.text)?;
            if done.succeeded() && !(index == 0 && failure.stop_is_blind) {
                break;
            }
        }
        let left = self.look(drill, "stopped", |look| look.left(drill.plan))?;
        let reason = page::failed_reason(drill.plan, found.as_deref(), left.as_deref());
        self.page(drill, &reason, &page::failed_evidence(last_failed, line.as_deref()))?;
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

    /// Looks at what serves, and pages the on-call lead.
    pub(super) fn give_up(&mut self, drill: &Drill<'_>) -> Result<(), DriveError> {
        if !self.shell_open {
            self.open_shell(drill.procedure.folder.as_deref())?;
        }
        let last_failed = self.last_failed.take();
        let serving = self.look(drill, "given-up", |look| Some(page::serving(look, drill.plan)))?;
        let evidence = page::given_up_evidence(last_failed, serving.as_deref());
        let reason = format!(
            "rollback of {} to {} given up before anything was stopped",
            drill.plan.bad.version, drill.plan.good.version
        );
        self.page(drill, &reason, &evidence)
    }

    /// Looks at the machine, and says something of it: a page tells what was seen, not what commands came to.
    fn look(
        &mut self,
        drill: &Drill<'_>,
        moment: &str,
        say: impl FnOnce(&Look<'_>) -> Option<String>,
    ) -> Result<Option<String>, DriveError> {
        self.see_machine(moment)?;
        let history = History::of(self.record.events().to_vec());
        let facts = Facts::of(&history);
        match facts.as_ref().and_then(|facts| facts.look(moment)) {
            Some(look) => Ok(say(look)),
            None => Err(self.silent(&format!("no look `{moment}` in the history of {}", drill.plan.scenario))),
        }
    }

    fn page(&mut self, drill: &Drill<'_>, reason: &str, evidence: &str) -> Result<(), DriveError> {
        let key = drill.plan.incident_key();
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
        self.begin_faults(drill, command)?;
        let ceiling_s = drill.topology.ceilings.command_s;
        let ceiling = (self.host.now_us().saturating_add(ceiling_s * 1_000_000), ceiling_s * 1000);
        self.run(step, command, text, None, Limits { ceiling, claim_ms: None })
    }
}

/// The first of these words that stands in the journal (without regard to case), and a line that it stands in, as it is
/// read: Compose moves the cursor in front of each line, terminal or not. Of several lines it is the longest, which says most:
/// `docker logs` gives what came on stdout and on stderr in no fixed order.
fn recognise(journal: &str, words: &[String]) -> (Option<String>, Option<String>) {
    let journal = strip_ansi_escapes::strip_str(journal);
    let lower: Vec<(String, &str)> = journal.lines().map(|line| (line.to_lowercase(), line)).collect();
    for word in words {
        let holds = lower.iter().filter(|(lower, _)| lower.contains(&word.to_lowercase()));
        // `max_by_key` takes the last of equals; reversed, that is the first.
        if let Some((_, line)) = holds.rev().max_by_key(|(lower, _)| lower.len()) {
            return (Some(word.clone()), Some(page::bounded(line)));
        }
    }
    (None, None)
}

#[cfg(test)]
mod tests {
    use operator_agent::protocol::ProbeOutcome;

    use super::*;
    use crate::drive::Left;
    use crate::drive::scripted::{Comes, Kept, Scene, Scripted};
    use crate::history::event::MachineState;
    use crate::judge::sample;
    use crate::procedure::Class;

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

    /// The reason and evidence of the one page, and what ran to stop the node.
    fn told(kept: &Kept) -> (String, String, Vec<String>) {
        let mut pages = kept.find(|what| match what {
            What::Paged { severity, reason, evidence, .. } if severity == "sev-1" => {
                Some((reason.clone(), evidence.clone()))
            }
            _ => None,
        });
        assert_eq!(pages.len(), 1, "{:?}", kept.events);
        let (reason, evidence) = pages.remove(0);
        let halts = kept.find(|what| match what {
            What::CommandBegan { command, text, .. } if command.step == "F2" => Some(text.clone()),
            _ => None,
        });
        (reason, evidence, halts)
    }

    fn failed(
        script: &[(&'static str, Comes)],
        stop_is_blind: bool,
        seen: MachineState,
    ) -> (String, String, Vec<String>) {
        let mut host = Scripted::new(script);
        host.seen = (seen, ProbeOutcome::Refused);
        let mut scene = Scene::of(&[("stop", Class::Stop), ("start", Class::Start)]);
        scene.procedure.failure.stop_is_blind = stop_is_blind;
        // Blindness of the journal command says nothing about the stop.
        scene.procedure.failure.diagnose_is_blind = !stop_is_blind;
        let (_, kept) = scene.play(&mut host, |desk, drill| {
            assert_eq!(desk.carry_out(drill).unwrap(), Left::Failed);
            desk.failure_path(drill).unwrap();
        });
        told(&kept)
    }

    #[test]
    fn a_page_of_the_failure_path_tells_what_was_seen() {
        let start = ("start", Comes::Ends(125, "Error: no such tag\n"));
        let halted = [start, ("halt", Comes::Ends(4, "denied\n"))];
        let (reason, evidence, halts) = failed(&halted, false, sample::machine_stopped());
        assert_eq!(
            reason,
            "rollback of 0.4.0 to 0.3.8 failed: no incompatible state was recognised; the node is offline"
        );
        assert_eq!(evidence, "`start` ended 125: Error: no such tag");
        assert_eq!(halts, ["halt", "root-halt"]);
        let journal = ("look", Comes::Ends(0, "fine\nERROR format mismatch: 3\n"));
        let (halt, root_halt) = (("halt", Comes::Ends(4, "")), ("root-halt", Comes::Ends(1, "")));
        let running = sample::machine_running("0.4.0");
        let (reason, evidence, _) = failed(&[start, journal, halt, root_halt], false, running);
        let wanted = "rollback of 0.4.0 to 0.3.8 failed: incompatible state (mismatch); the node is not plainly \
                      offline, there is a process of release 0.4.0";
        assert!(reason.starts_with(wanted), "{reason}");
        let wanted = "`start` ended 125: Error: no such tag; in the journal: ERROR format mismatch: 3";
        assert_eq!(evidence, wanted);
        let (_, evidence, _) = failed(&[], false, sample::machine_stopped());
        assert_eq!(evidence, "no command failed, and no 200 was seen");
    }

    #[test]
    fn the_supplied_stop_follows_where_the_literal_one_fails_or_is_blind() {
        let start = ("start", Comes::Ends(125, ""));
        assert_eq!(failed(&[start], false, sample::machine_stopped()).2, ["halt"]);
        assert_eq!(failed(&[start], true, sample::machine_stopped()).2, ["halt", "root-halt"]);
    }

    #[test]
    fn a_page_of_giving_up_tells_what_serves() {
        let running = sample::machine_running("0.4.0");
        for (healthz, serves) in [
            (ProbeOutcome::Status(200), "0.4.0 still serves"),
            (ProbeOutcome::Refused, "nothing serves, /healthz: refused"),
        ] {
            let mut host = Scripted::new(&[("fetch", Comes::Ends(18, "no such tag\n"))]);
            host.seen = (running.clone(), healthz);
            let scene = Scene::of(&[("fetch", Class::Fetch), ("stop", Class::Stop)]);
            let (_, kept) = scene.play(&mut host, |desk, drill| {
                assert_eq!(desk.carry_out(drill).unwrap(), Left::GivenUp);
                desk.give_up(drill).unwrap();
            });
            let (reason, evidence, _) = told(&kept);
            assert_eq!(reason, "rollback of 0.4.0 to 0.3.8 given up before anything was stopped");
            assert_eq!(evidence, format!("`fetch` ended 18: no such tag; {serves}"));
        }
    }
}
