//! What a page says: reason and evidence, made of what the operator has seen and of nothing else.

use crate::drive::run_command::Done;
use crate::history::event::Plan;
use crate::history::words::{one_line, printable};
use crate::judge::look::{Look, Serving};
use crate::procedure::{Class, Command};

/// Characters of one output line in a page.
const LINE_CHARS: usize = 300;
/// Last lines of a failed command's output in a page: tools put a hint at their help behind what went wrong.
const LINES: usize = 2;

/// What a command that failed came to: its text, its status or why it was killed, and the end of what it said. `None` for
/// one that did not fail.
pub(super) fn failure(command: &Command, text: &str, done: &Done) -> Option<String> {
    let how = match (&done.killed, done.exit) {
        (Some(why), _) => format!("was killed: {why}"),
        (None, Some(0)) if printed_otherwise(command, &done.output) => {
            format!("should print `{}` and printed", command.should_print.as_deref().unwrap_or_default().trim())
        }
        (None, Some(exit)) if exit != 0 || done.shell_ended => {
            format!("ended {exit}{}", if done.shell_ended { " and the shell with it" } else { "" })
        }
        _ => return None,
    };
    let said = last_lines(&done.output);
    let said = if said.is_empty() { "no output".into() } else { said };
    Some(format!("`{}` {how}: {said}", one_line(text)))
}

/// Whether a check printed something else than the text says it should.
pub(super) fn printed_otherwise(command: &Command, output: &str) -> bool {
    command.is(Class::Check) && command.should_print.as_ref().is_some_and(|wanted| output.trim() != wanted.trim())
}

/// The last lines that hold something, as they are read: Compose moves the cursor in front of each line, terminal or not.
fn last_lines(output: &str) -> String {
    let output = strip_ansi_escapes::strip_str(output);
    let lines: Vec<String> = output.lines().map(bounded).filter(|line| !line.is_empty()).collect();
    lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default().join(" / ")
}

/// A line without what moves the cursor, and not longer than a page can bear.
pub(super) fn bounded(line: &str) -> String {
    let line = printable(line.trim());
    if line.chars().count() <= LINE_CHARS {
        return line;
    }
    line.chars().take(LINE_CHARS - 2).chain(" …".chars()).collect()
}

/// Why the failure path pages: what its journal command showed, and whether a stop command ended well.
pub(super) fn failed_reason(plan: &Plan, incompatible: Option<&str>, stopped: bool) -> String {
    let cause = match incompatible {
        Some(word) => format!("incompatible state ({word})"),
        None => "no incompatible state was recognised".to_owned(),
    };
    let state = if stopped { "node taken offline" } else { "the node could not be stopped by these commands" };
    format!("rollback of {} to {} failed: {cause}; {state}", plan.bad.version, plan.good.version)
}

/// What shows it: the last command that failed, and the journal's line if one was recognised.
pub(super) fn failed_evidence(last_failed: Option<String>, journal_line: Option<&str>) -> String {
    let failed = last_failed.unwrap_or_else(|| "no command failed, and no 200 was seen".to_owned());
    match journal_line {
        Some(line) => format!("{failed}; in the journal: {line}"),
        None => failed,
    }
}

/// What shows why the procedure was given up: the last command that failed, and what serves now.
pub(super) fn given_up_evidence(last_failed: Option<String>, look: Option<&Look<'_>>, plan: &Plan) -> String {
    let failed = last_failed.unwrap_or_else(|| "no command failed".to_owned());
    let serves = match look.map(|look| (look.serving(plan), look.healthz.word())) {
        None => "nobody saw what serves".to_owned(),
        Some((Serving::Bad, _)) => format!("{} still serves", plan.bad.version),
        Some((Serving::Good, _)) => format!("{} serves", plan.good.version),
        Some((Serving::Other(who), _)) => format!("{who} serves"),
        Some((Serving::Nothing, healthz)) => format!("nothing serves, /healthz: {healthz}"),
    };
    format!("{failed}; {serves}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::scripted::command;
    use crate::history::event::KillReason;

    fn done(exit: Option<i32>, output: &str) -> Done {
        Done { exit, output: output.to_owned(), output_bytes: output.len() as u64, shell_ended: false, killed: None }
    }

    #[test]
    fn a_failed_command_is_told_with_its_status_and_the_end_of_its_output() {
        let start = command("start --all \\\n  now", Class::Start);
        let told = |done: Done| failure(&start, &start.text, &done);
        assert_eq!(told(done(Some(0), "well\n")), None);
        let error = "pulling\nError: no such tag\n\nSee help.\n\n";
        assert_eq!(told(done(Some(125), error)).unwrap(), "`start --all …` ended 125: Error: no such tag / See help.");
        assert_eq!(told(done(Some(1), " \n")).unwrap(), "`start --all …` ended 1: no output");
        let moved = "\x1b[1A\x1b[31mnot\x1b[0m there!\n";
        assert_eq!(told(done(Some(1), moved)).unwrap(), "`start --all …` ended 1: not there!");
        let killed = Done { killed: Some(KillReason::ClaimNotMet { ms: 60_000 }), ..done(None, "") };
        let wanted = "`start --all …` was killed: no 200 within the 60 s that the runbook claims: no output";
        assert_eq!(told(killed).unwrap(), wanted);
        let with_shell = |exit| Done { shell_ended: true, ..done(Some(exit), "bye\n") };
        assert_eq!(told(with_shell(1)).unwrap(), "`start --all …` ended 1 and the shell with it: bye");
        assert_eq!(told(with_shell(0)).unwrap(), "`start --all …` ended 0 and the shell with it: bye");
        let long = told(done(Some(1), &"x".repeat(1000))).unwrap();
        assert!(long.ends_with(" …") && long.chars().count() < LINE_CHARS + 40, "{long}");
    }

    #[test]
    fn a_check_fails_by_what_it_prints() {
        let mut check = command("check", Class::Check);
        check.should_print = Some("v1".into());
        assert_eq!(failure(&check, "check", &done(Some(0), "v1\n")), None);
        assert_eq!(
            failure(&check, "check", &done(Some(0), "v2\n")).unwrap(),
            "`check` should print `v1` and printed: v2"
        );
        check.classes = vec![Class::Record];
        assert_eq!(failure(&check, "check", &done(Some(0), "v2\n")), None);
    }
}
