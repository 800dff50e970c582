//! "Postmortem requirements": what the runbook's authors want in the incident issue, and what a reader of the bundle needs.

use operator_agent::agent::FILE_BYTES_MAX;
use operator_agent::protocol::{Happened, Request};
use operator_agent::root::OUTPUT_MAX as ROOT_OUTPUT_MAX;
use operator_agent::shell::OUTPUT_KEPT;

use crate::drive::desk::Desk;
use crate::drive::run_command::Limits;
use crate::drive::{Drill, DriveError};
use crate::history::What;
use crate::history::event::{Block, BlockEnd};
use crate::history::words::printable;
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
            let (_, (exit, output, bytes)) = self.answer(&request, |what| match what {
                Happened::RootRan { exit, output, output_bytes } => Some((exit, output, output_bytes)),
                _ => None,
            })?;
            if exit == 0 {
                self.record.capture(name, name, &output)?;
                self.tell_if_cut(name, name, bytes, ROOT_OUTPUT_MAX)?;
            } else {
                // What it printed is why it failed, and no capture.
                let said = output.lines().map(printable).find(|line| !line.trim().is_empty()).unwrap_or_default();
                self.miss(name, &format!("`{command}` ended {exit}: {}", said.trim()), false)?;
            }
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
    pub(super) fn nothing_to_capture(&mut self, drill: &Drill<'_>, why: &str) -> Result<(), DriveError> {
        for requirement in &drill.procedure.requirements {
            self.miss(&requirement.id, why, false)?;
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

    /// Where only the beginning was kept, the rest is missing.
    fn tell_if_cut(&mut self, item: &str, name: &str, bytes: u64, kept: u64) -> Result<(), DriveError> {
        if bytes <= kept {
            return Ok(());
        }
        self.miss(item, &format!("{name} has {bytes} bytes, only the first {kept} are kept"), false)
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
        if paths.len() > FILES_MAX {
            let more = paths.len() - FILES_MAX;
            self.miss(item, &format!("{} files {glob}, the last {more} of them are not kept", paths.len()), false)?;
        }
        for path in paths.into_iter().take(FILES_MAX) {
            let (_, read) = self.answer(&Request::ReadFile { path: path.clone() }, |what| match what {
                Happened::FileRead { text, bytes, failure } => Some((text, bytes, failure)),
                _ => None,
            })?;
            match read {
                (Some(text), bytes, _) => {
                    let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
                    self.record.capture(item, &name, &text)?;
                    self.tell_if_cut(item, &name, bytes, FILE_BYTES_MAX)?;
                }
                (None, _, failure) => self.miss(item, &failure.unwrap_or_default(), false)?,
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
            self.keep(item, file, &done.output)?;
            self.tell_if_cut(item, file, done.output_bytes, OUTPUT_KEPT as u64)
        } else {
            let status = done.exit.map_or_else(|| "killed".to_owned(), |exit| format!("exit {exit}"));
            self.miss(item, &format!("`{}` came to {status}: {}", command.text, done.output.trim()), false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::scripted::{Comes, Kept, Scene, Scripted, command};
    use crate::procedure::{Class, Requirement};

    /// What was kept under which name, and what is missing and why, of these requirements.
    fn play(kinds: &[(&str, RequirementKind)], host: &mut Scripted) -> (Vec<String>, Vec<(String, String)>) {
        let mut scene = Scene::of(&[]);
        let captures = [("balancer.txt", "ask balancer"), ("journal.txt", "logs node")];
        scene.topology.captures = captures.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
        let requirement =
            |(id, kind): &(&str, RequirementKind)| Requirement { id: (*id).to_owned(), line: 1, kind: kind.clone() };
        scene.procedure.requirements = kinds.iter().map(requirement).collect();
        scene.procedure.captures = [("log".to_owned(), command("log", Class::Capture))].into();
        let (_, kept) = scene.play(host, |desk, drill| desk.captures(drill).unwrap());
        (kept.captures.iter().map(|(_, name, _)| name.clone()).collect(), missing(&kept))
    }

    fn missing(kept: &Kept) -> Vec<(String, String)> {
        kept.find(|what| match what {
            What::Missing { item, why, never_made: false } => Some((item.clone(), why.clone())),
            _ => None,
        })
    }

    fn ran(exit: i32, output: &str, output_bytes: u64) -> Happened {
        Happened::RootRan { exit, output: output.to_owned(), output_bytes }
    }

    #[test]
    fn a_capture_whose_command_fails_is_missing() {
        let mut host = Scripted::new(&[("log", Comes::Ends(128, "fatal: no repository\n"))]);
        let error = "\nError: no such container: node\nSee help.\n";
        host.answers = vec![("balancer", ran(0, "ready\n", 6)), ("logs", ran(1, error, 40))];
        let of_command = RequirementKind::Command { file: "log.txt".into(), folder: None };
        let (kept, missing) = play(&[("log", of_command)], &mut host);
        assert_eq!(kept, ["balancer.txt"]);
        let wanted = [
            ("journal.txt", "`logs node` ended 1: Error: no such container: node"),
            ("log", "`log` came to exit 128: fatal: no repository"),
        ];
        assert_eq!(missing, wanted.map(|(item, why)| (item.to_owned(), why.to_owned())));
    }

    #[test]
    fn what_is_cut_or_left_out_is_said() {
        let mut host = Scripted::new(&[]);
        host.answers = vec![
            ("balancer", ran(0, "ready\n", ROOT_OUTPUT_MAX)),
            ("logs", ran(0, "began\n", ROOT_OUTPUT_MAX + 1)),
            ("*.json", Happened::Globbed { paths: (10..32).map(|n| format!("/tmp/{n}.json")).collect() }),
            ("/tmp/10", Happened::FileRead { text: Some("{".into()), bytes: FILE_BYTES_MAX + 5, failure: None }),
            ("/tmp/", Happened::FileRead { text: Some("{}".into()), bytes: 2, failure: None }),
        ];
        let files = RequirementKind::Files { glob: "/tmp/*.json".into(), never_made: false };
        let (kept, missing) = play(&[("observed", files)], &mut host);
        assert_eq!(kept.len(), 22);
        assert_eq!((kept[2].as_str(), kept[21].as_str()), ("10.json", "29.json"));
        let wanted = [
            ("journal.txt", "journal.txt has 1048577 bytes, only the first 1048576 are kept"),
            ("observed", "22 files /tmp/*.json, the last 2 of them are not kept"),
            ("observed", "10.json has 1048581 bytes, only the first 1048576 are kept"),
        ];
        assert_eq!(missing, wanted.map(|(item, why)| (item.to_owned(), why.to_owned())));
    }
}
