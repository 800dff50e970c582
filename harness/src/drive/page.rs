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

/// Why the failure path pages: what its journal command showed, and what a look at the machine found left of the node.
pub(super) fn failed_reason(plan: &Plan, incompatible: Option<&str>, left: Option<&str>) -> String {
    let cause = match incompatible {
        Some(word) => format!("incompatible state ({word})"),
        None => "no incompatible state was recognised".to_owned(),
    };
    let state = match left {
        None => "the node is offline".to_owned(),
        Some(left) => format!("the node is not plainly offline, there is {left}"),
    };
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
pub(super) fn given_up_evidence(last_failed: Option<String>, serving: Option<&str>) -> String {
    let failed = last_failed.unwrap_or_else(|| "no command failed".to_owned());
    format!("{failed}; {}", serving.unwrap_or("nobody saw what serves"))
}

/// What serves at a look, in words.
pub(super) fn serving(look: &Look<'_>, plan: &Plan) -> String {
    match look.serving(plan) {
        Serving::Bad => format!("{} still serves", plan.bad.version),
        Serving::Good => format!("{} serves", plan.good.version),
        Serving::Other(who) => format!("{who} serves"),
        Serving::Nothing => format!("nothing serves, /healthz: {}", look.healthz.word()),
    }
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
    fn a_page_says_of_the_node_what_was_seen() {
        let plan = crate::judge::sample::plan();
        let offline = "rollback of 0.4.0 to 0.3.8 failed: incompatible state (schema); the node is offline";
        assert_eq!(failed_reason(&plan, Some("schema"), None), offline);
        let held = failed_reason(&plan, None, Some("a listener on 8080 of an unknown process"));
        assert!(held.ends_with("; the node is not plainly offline, there is a listener on 8080 of an unknown process"));
        assert_eq!(given_up_evidence(None, Some("0.4.0 still serves")), "no command failed; 0.4.0 still serves");
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
