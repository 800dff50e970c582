//! The command line in process: what is refused and how, what `judge` and `scenarios` say.

use std::fs;

use super::*;
use crate::bundle::Bundle;
use crate::history::What;
use crate::judge::sample;
use crate::report::{REPORT_SCHEMA, RunBegan};
use crate::run::Audience;
use crate::scenario::Operator;

/// What a run comes to.
type ComesTo = fn() -> Result<(), RunError>;

/// Keeps what it is asked for, and comes to what it is told.
struct Asked {
    comes_to: ComesTo,
    selection: std::cell::RefCell<Option<Selection>>,
}

impl Backend for Asked {
    fn drill(&self, selection: &Selection, _: &mut Stage<'_>) -> Result<(), RunError> {
        *self.selection.borrow_mut() = Some(selection.clone());
        (self.comes_to)()
    }

    fn host(&self, command: HostCommand, _: &Path, out: &mut dyn Write, _: &mut dyn Write) -> Result<(), RunError> {
        let _ = writeln!(out, "{command:?}");
        (self.comes_to)()
    }
}

struct Ran {
    status: ExitStatus,
    out: String,
    log: String,
    selection: Option<Selection>,
}

fn call_in(folder: &Path, args: &[&str], comes_to: ComesTo) -> Ran {
    let (mut out, mut log) = (Vec::new(), Vec::new());
    let backend = Asked { comes_to, selection: None.into() };
    let args = std::iter::once("rollback-drill").chain(args.iter().copied()).map(OsString::from);
    let output = Output { out: &mut out, log: &mut log, terminal: Terminal::default() };
    let status = main_with(args, folder, output, &backend);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { status, out: text(out), log: text(log), selection: backend.selection.into_inner() }
}

fn call(args: &[&str]) -> Ran {
    call_in(Path::new("/"), args, || Ok(()))
}

#[test]
fn bad_arguments_end_with_64_and_say_what_is_allowed() {
    for (args, said) in [
        (&["--topology", "podman"][..], "systemd, docker, compose, all"),
        (&["drill", "--topology", "podman"], "systemd, docker, compose, all"),
        (&["drill", "--operator", "hasty"], "careful, paste, both"),
        (&["drill", "--format", "xml"], "json, jsonl, text"),
        (&["drill", "--seed=-1"], "--seed"),
        (&["drill", "--seed", "18446744073709551616"], "--seed"),
        (&["--host", "vm"], "sim, container"),
        (&["fly"], "fly"),
        (&["judge"], "<DIR>"),
        (&["scenarios"], "list"),
        (&["scenarios", "check"], "<FILE>"),
        (&["scenarios", "table", "--format", "jsonl"], "text, json"),
        (&["decide"], "--from <FILE>"),
        (&["decide", "--from", "x.toml", "--format", "jsonl"], "text, json"),
        (&["decide", "--from", "/nonexistent/x.toml"], "/nonexistent/x.toml: cannot be read"),
        (&["decide", "--from", "x.toml", "--runbook", "/nonexistent/r.md"], "/nonexistent/r.md: cannot be read"),
        (&["scenarios", "show", "nothing-such"], "there are alert-decides, "),
        (&["scenarios", "check", "/nonexistent/x.toml"], "/nonexistent/x.toml: cannot be read"),
        (&["host", "burn"], "burn"),
    ] {
        let ran = call(args);
        assert_eq!((ran.status, ran.out.as_str()), (ExitStatus::Usage, ""), "{args:?}: {}", ran.log);
        assert!(ran.log.contains(said), "{args:?}: {}", ran.log);
    }
}

#[test]
fn help_and_version_end_with_0_on_stdout() {
    for args in [&["--help"][..], &["-V"], &["drill", "--help"], &["host", "--help"], &["decide", "--help"]] {
        let ran = call(args);
        assert_eq!((ran.status, ran.log.as_str()), (ExitStatus::Conforms, ""), "{args:?}");
        assert!(!ran.out.is_empty());
    }
}

#[test]
fn without_a_subcommand_it_is_drill_with_its_defaults() {
    let bare = call(&[]).selection.unwrap();
    assert_eq!(Some(&bare), call(&["drill"]).selection.as_ref());
    assert_eq!((bare.topology.as_str(), bare.profile.as_str(), bare.seed), ("all", "documented", 1));
    assert_eq!((bare.scenarios, bare.operators), (vec!["baseline".to_owned()], vec![Operator::Careful]));
    assert_eq!(bare.out, Path::new("target/drills"));
    let args = ["--topology", "systemd", "--scenario", "a", "--scenario", "-", "--operator", "both", "--seed", "7"];
    let chosen = call(&args).selection.unwrap();
    assert_eq!((chosen.scenarios.len(), chosen.operators.len(), chosen.seed), (2, 2, 7));
    assert_eq!(call(&["drill", "--seed", "18446744073709551615"]).selection.unwrap().seed, u64::MAX);
}

#[test]
fn a_backend_that_fails_decides_the_status_and_says_why_on_stderr() {
    let cases: [(ComesTo, ExitStatus, &str); 5] = [
        (|| Err(RunError::Input(crate::prepare::BadInput("x.toml:3: no".into()))), ExitStatus::Usage, "x.toml:3: no"),
        (|| Err(RunError::Harness("no engine".into())), ExitStatus::Harness, "no engine"),
        (|| Err(RunError::Interrupted(2)), ExitStatus::Interrupted, "signal 2"),
        (|| Err(RunError::Interrupted(15)), ExitStatus::Terminated, "signal 15"),
        // It says that all went well, but drilled nothing: never a success.
        (|| Ok(()), ExitStatus::Harness, ""),
    ];
    for (comes_to, status, said) in cases {
        for format in ["text", "json", "jsonl"] {
            let ran = call_in(Path::new("/"), &["drill", "--format", format], comes_to);
            assert_eq!((ran.status, ran.out.as_str()), (status, ""), "{format}: {}", ran.log);
            assert!(ran.log.contains(said), "{}", ran.log);
        }
    }
    let hosts = call_in(Path::new("/"), &["host", "sweep"], || Err(RunError::Harness("no engine".into())));
    assert_eq!((hosts.status, hosts.out.as_str()), (ExitStatus::Harness, "Sweep\n"));
    assert_eq!(call(&["host", "list"]).status, ExitStatus::Conforms);
}

/// A folder with this History, as a bundle.
fn folder_with(history: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("history.jsonl"), history).unwrap();
    folder
}

fn judge(folder: &Path) -> Ran {
    call(&["judge", folder.to_str().unwrap()])
}

fn lines_of(drill: sample::Sample) -> String {
    drill.history().events.iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect()
}

#[test]
fn judge_refuses_what_is_no_history() {
    let other = lines_of(sample::recovered().edit_plan(|plan| plan.schema = 1));
    for (history, said) in [("", "the beginning is missing"), ("garbage\n", "line 1 is no event"), (&other, "schema 1")]
    {
        let folder = folder_with(history);
        let ran = judge(folder.path());
        assert_eq!((ran.status, ran.out.as_str()), (ExitStatus::Usage, ""), "{}", ran.log);
        assert!(ran.log.contains(said) && ran.log.contains("history.jsonl"), "{}", ran.log);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was written");
    }
    let nothing = tempfile::tempdir().unwrap();
    let ran = judge(nothing.path());
    assert_eq!(ran.status, ExitStatus::Usage);
    assert!(ran.log.contains("is it a bundle's folder?"), "{}", ran.log);
}

#[test]
fn judge_says_what_a_stored_drill_came_to() {
    let cut: String = lines_of(sample::recovered()).lines().take(20).map(|line| line.to_owned() + "\n").collect();
    let unexpected = lines_of(sample::slow().edit_plan(|plan| plan.expected = None));
    for (history, status, said) in [
        (lines_of(sample::recovered()), ExitStatus::Conforms, "verdict  recovered"),
        (unexpected, ExitStatus::DoesNotConform, "verdict  unverified"),
        (cut, ExitStatus::Inconclusive, "verdict  inconclusive"),
    ] {
        let folder = folder_with(&history);
        fs::write(folder.path().join("verdict.json"), "stale").unwrap();
        let ran = judge(folder.path());
        assert_eq!(ran.status, status, "{}{}", ran.out, ran.log);
        assert!(ran.out.contains(said), "{}", ran.out);
        assert!(fs::read_to_string(folder.path().join("verdict.json")).unwrap().starts_with('{'));
        assert!(folder.path().join("manifest.json").is_file());
    }
}

#[test]
fn scenarios_are_listed_shown_and_checked() {
    let list = call(&["scenarios", "list"]);
    assert_eq!((list.status, list.log.as_str()), (ExitStatus::Conforms, ""));
    assert!(list.out.lines().any(|line| line.starts_with("procedure-only ")), "{}", list.out);
    let show = call(&["scenarios", "show", "procedure-only"]);
    assert!(show.out.contains("name = \"procedure-only\""), "{}", show.out);
    let path = workspace::locate(Path::new("/")).join("scenarios/cases/procedure-only.toml");
    let check = call(&["scenarios", "check", path.to_str().unwrap(), "/nonexistent/x.toml"]);
    assert_eq!(check.status, ExitStatus::Usage);
    assert!(check.out.contains("can be drilled") && check.log.contains("/nonexistent/x.toml"));
}

/// `decide` on this input, with more arguments.
fn decide(input: &str, more: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seen.toml");
    fs::write(&path, input).unwrap();
    call(&[&["decide", "--from", path.to_str().unwrap()], more].concat())
}

const NOTHING_SEEN: &str = "schema = 1\nnow = 2026-03-14T12:00:00Z\nalerts = []\ndeploys = []\n";

#[test]
fn decide_answers_with_0_whichever_way() {
    let burnt = format!("{NOTHING_SEEN}[budget]\nspent_percent = 50.1\nover = \"24 hours\"\nsuspect = \"release\"\n");
    for (input, said, word, because) in [
        (NOTHING_SEEN, "do not roll back: \"Otherwise look for the cause first.\" (line 17)", "do-not-roll-back", None),
        (&*burnt, "roll back because of condition 4: \"Over 50%", "roll-back", Some(4)),
    ] {
        let ran = decide(input, &[]);
        assert_eq!((ran.status, ran.log.as_str()), (ExitStatus::Conforms, ""), "{}", ran.out);
        assert!(ran.out.contains(said), "{}", ran.out);
        let ran = decide(input, &["--format", "json"]);
        assert_eq!((ran.status, ran.log.as_str()), (ExitStatus::Conforms, ""), "{}", ran.out);
        let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!((document["schema"].as_u64(), document["call"].as_str()), (Some(1), Some(word)));
        assert_eq!(document["because"].as_u64(), because);
    }
}

#[test]
fn decide_refuses_bad_input_and_a_runbook_without_the_section() {
    let ran = decide(&NOTHING_SEEN.replace("alerts = []", "alarms = []"), &[]);
    assert_eq!((ran.status, ran.out.as_str()), (ExitStatus::Usage, ""));
    assert!(ran.log.contains("seen.toml:3: unknown field `alarms`"), "{}", ran.log);
    let text = fs::read_to_string(workspace::locate(Path::new("/")).join("scenarios/runbooks/rollback.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let runbook = folder.path().join("r.md");
    for (from, to, said) in [
        (
            "## When to roll back",
            "## Why",
            "r.md: a section is missing; looked for a heading that begins `When to roll back`",
        ),
        ("30+ minutes", "a while", "r.md:12: list item 2 does not read as it is bound: there is `a while"),
    ] {
        fs::write(&runbook, text.replacen(from, to, 1)).unwrap();
        let ran = decide(NOTHING_SEEN, &["--runbook", runbook.to_str().unwrap()]);
        assert_eq!((ran.status, ran.out.as_str()), (ExitStatus::Usage, ""));
        assert!(ran.log.contains(said), "{}", ran.log);
    }
}

/// Drills once, with a given reporter output: a full disk and a reader that leaves.
struct Once;

impl Backend for Once {
    fn drill(&self, selection: &Selection, stage: &mut Stage<'_>) -> Result<(), RunError> {
        stage.run_began(&RunBegan {
            schema: REPORT_SCHEMA,
            harness: "0.1.0".into(),
            seed: "1".into(),
            runbook: "r.md".into(),
            planned: 1,
        });
        let history = sample::recovered().history();
        let mut bundle = Bundle::create(&selection.out, history.plan().unwrap(), &[])?;
        for event in history.events.into_iter().skip(1) {
            match event.what {
                What::SecretsScanned { .. } | What::DrillEnded { .. } => {}
                what => drop(bundle.record(event.at_us, what)?),
            }
        }
        stage.drill_ended(&bundle.finish()?, 1, "again");
        Ok(())
    }

    fn host(&self, _: HostCommand, _: &Path, _: &mut dyn Write, _: &mut dyn Write) -> Result<(), RunError> {
        Ok(())
    }
}

struct Fails(std::io::ErrorKind);

impl Write for Fails {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_a_failure_and_a_reader_that_leaves_is_none() {
    for (kind, status) in
        [(std::io::ErrorKind::StorageFull, ExitStatus::Harness), (std::io::ErrorKind::BrokenPipe, ExitStatus::Conforms)]
    {
        let folder = tempfile::tempdir().unwrap();
        let (mut out, mut log) = (Fails(kind), Vec::new());
        let args = ["rollback-drill", "--out", folder.path().to_str().unwrap()].map(OsString::from);
        let output = Output { out: &mut out, log: &mut log, terminal: Terminal::default() };
        assert_eq!(main_with(args, Path::new("/"), output, &Once), status);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "the drill went on to its bundle");
    }
}
