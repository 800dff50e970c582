//! What a person and a program read of a drill: reports, incident and manifest of made-up drills, as snapshots.
#![expect(clippy::unwrap_used, reason = "what cannot be had fails the test")]

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::Path;

use conformance::outline::outline;
use conformance::redactions::{assert_snapshot, redacted};
use rollback_harness::bundle::{self, Bundle};
use rollback_harness::cli::{Backend, HostCommand, Stage, main_with};
use rollback_harness::exit::ExitStatus;
use rollback_harness::history::What;
use rollback_harness::history::event::Event;
use rollback_harness::judge::sample::{self, Sample};
use rollback_harness::prepare::Selection;
use rollback_harness::procedure::Class;
use rollback_harness::report::{Output, REPORT_SCHEMA, Rerun, RunBegan, Terminal};
use rollback_harness::run::{Audience, RunError};

/// Carries out made-up drills: writes real bundles, tells a real stage.
struct MadeUp {
    drills: Vec<Sample>,
    /// Ends the run after the drills.
    failure: Option<fn() -> RunError>,
}

impl Backend for MadeUp {
    fn drill(&self, selection: &Selection, stage: &mut Stage<'_>) -> Result<(), RunError> {
        stage.run_began(&RunBegan {
            schema: REPORT_SCHEMA,
            harness: "0.1.0".into(),
            seed: selection.seed.to_string(),
            runbook: "scenarios/runbooks/rollback.md".into(),
            planned: self.drills.len() + usize::from(self.failure.is_some()),
        });
        stage.progress("operator host image: building");
        for drill in &self.drills {
            let finished = carry_out(drill.clone(), &selection.out, stage)?;
            stage.drill_ended(&finished, 12_345, &Rerun::of_plan(&finished.plan).line());
        }
        self.failure.map_or(Ok(()), |failure| Err(failure()))
    }

    fn host(&self, _: HostCommand, _: &Path, _: &mut dyn Write, _: &mut dyn Write) -> Result<(), RunError> {
        Ok(())
    }
}

fn carry_out(drill: Sample, out: &Path, stage: &mut Stage<'_>) -> Result<rollback_harness::bundle::Finished, RunError> {
    let history = drill.history();
    let plan = history.plan().unwrap();
    stage.drill_began(plan);
    let mut bundle = Bundle::create(out, plan, &[])?;
    stage.event(&bundle.events()[0]);
    for Event { at_us, what, .. } in history.events.into_iter().skip(1) {
        match what {
            What::Captured { item, file, .. } => drop(bundle.put(&item, &file, b"{\"up\": true}")?),
            What::SecretsScanned { .. } => drop(bundle.scan_secrets()?),
            What::DrillEnded { .. } => {}
            what => stage.event(bundle.record(at_us, what)?),
        }
    }
    Ok(bundle.finish()?)
}

struct Ran {
    status: ExitStatus,
    out: String,
    log: String,
}

fn run_on(terminal: Terminal, format: &str, backend: &MadeUp, folder: &Path) -> Ran {
    let (mut out, mut log) = (Vec::new(), Vec::new());
    let bundles = folder.to_str().unwrap();
    let args = ["rollback-drill", "--format", format, "--out", bundles].map(OsString::from);
    let status = main_with(args, folder, Output { out: &mut out, log: &mut log, terminal }, backend);
    let text = |bytes| String::from_utf8(bytes).unwrap().replace(bundles, "target/drills");
    Ran { status, out: text(out), log: text(log) }
}

fn run(format: &str, drills: Vec<Sample>) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    run_on(Terminal::default(), format, &MadeUp { drills, failure: None }, folder.path())
}

/// A slow /healthz where a recovery is expected; with the kinds of command that are hard to show.
fn failing() -> Sample {
    let expected = sample::recovered().history().plan().unwrap().expected.clone();
    let drill = sample::slow().edit_plan(|plan| plan.expected.clone_from(&expected));
    let drill = drill.edit_command("S7", |what| {
        if let What::CommandBegan { text, .. } = what {
            *text = "until ask the node whether it is ready > /dev/null; do\n  wait a second\ndone".into();
        }
    });
    let drill = drill.edit_command("S1", |what| match what {
        What::CommandEnded { pipe, output, .. } => {
            *pipe = vec![1, 0];
            *output = "node: cannot read \x1b[1mits state\n".into();
        }
        What::CommandBegan { text, .. } => *text = format!("ask the node{} | keep it", " and look closely".repeat(8)),
        _ => {}
    });
    drill.edit_command("S5", |what| {
        if let What::CommandEnded { output, .. } = what {
            *output = "v0.4.0\n".into();
        } else if let What::CommandBegan { should_print, .. } = what {
            *should_print = Some("v0.3.8".into());
        }
    })
}

/// An offline ending with a changeset that a capture command printed.
fn offline() -> Sample {
    let capture = |what: &mut What| {
        if let What::CommandBegan { classes, text, .. } = what {
            *classes = vec![Class::Capture];
            *text = "list the commits v0.3.8..v0.4.0".into();
        } else if let What::CommandEnded { output, .. } = what {
            *output = (1..=45).map(|n| format!("{n:07x} commit | `number` {n}\n")).collect();
        }
    };
    sample::offline().edit_command("F1", capture)
}

#[test]
fn text_of_a_recovery() {
    let ran = run("text", vec![sample::recovered()]);
    assert_eq!((ran.status, ran.log.as_str()), (ExitStatus::Conforms, ""));
    assert_snapshot("report-recovered.txt", &ran.out);
    assert_snapshot("report-recovered-redacted.txt", &redacted(&ran.out));
}

#[test]
fn text_of_a_drill_that_does_not_conform_ends_with_the_command_that_repeats_it() {
    let ran = run("text", vec![failing()]);
    assert_eq!(ran.status, ExitStatus::DoesNotConform);
    assert_eq!(ran.out.lines().next(), Some("rollback-drill 0.1.0, seed 1"));
    assert!(ran.out.lines().last().unwrap().starts_with("rollback-drill drill --scenario sample"));
    assert!(!ran.out.contains('\x1b'), "no terminal, no ANSI codes");
    assert_snapshot("report-failing.txt", &ran.out);
}

#[test]
fn text_of_several_drills() {
    let ran = run("text", vec![offline(), failing(), sample::given_up()]);
    assert_eq!(ran.status, ExitStatus::DoesNotConform);
    assert!(ran.out.lines().last().unwrap().starts_with("rollback-drill drill --scenario sample"));
    assert_snapshot("report-several.txt", &ran.out);
}

#[test]
fn on_a_terminal_the_same_text_is_painted() {
    let folder = tempfile::tempdir().unwrap();
    let backend = MadeUp { drills: vec![failing()], failure: None };
    let terminal = Terminal { stdout: true, stderr: true, width: 100, colour: true };
    let painted = run_on(terminal, "text", &backend, folder.path()).out;
    assert!(painted.contains("\x1b[31mfail"), "{painted}");
    // What stays on the screen is what a file gets, but for progress.
    let stays: Vec<String> = painted.lines().map(|line| unpainted(line.rsplit("\x1b[K").next().unwrap())).collect();
    let plain = run("text", vec![failing()]).out;
    let plain: Vec<&str> = plain.lines().filter(|line| !line.starts_with("... ")).collect();
    assert_eq!(stays, plain);
}

fn unpainted(line: &str) -> String {
    let mut parts = line.split('\x1b');
    let mut text = parts.next().unwrap_or_default().to_owned();
    parts.for_each(|part| text.push_str(part.split_once('m').map_or(part, |(_, rest)| rest)));
    text
}

#[test]
fn json_is_one_document_and_all_else_goes_to_stderr() {
    let ran = run("json", vec![failing()]);
    assert_eq!((ran.status, ran.log.as_str()), (ExitStatus::DoesNotConform, "operator host image: building\n"));
    let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["seed"], "1");
    assert_eq!(document["drills"][0]["bundle"], "sample-sample-careful-sim-11111111");
    assert_snapshot("report-failing.json", &ran.out);
}

/// The answer with what was seen: in text, in JSON, and in the incident.
#[test]
fn a_drill_that_the_decision_keeps_from_beginning() {
    let ran = run("text", vec![sample::left_alone()]);
    assert_eq!((ran.status, ran.log.as_str()), (ExitStatus::Conforms, ""));
    assert_snapshot("report-left-alone.txt", &ran.out);
    let decided = sample::left_alone().history().events.into_iter().find_map(|event| match event.what {
        What::Decided { decision } => Some(serde_json::to_value(decision).unwrap()),
        _ => None,
    });
    let json: serde_json::Value = serde_json::from_str(&run("json", vec![sample::left_alone()]).out).unwrap();
    let decision = &json["drills"][0]["decision"];
    assert_eq!(Some(decision), decided.as_ref());
    assert_eq!((&decision["call"], &decision["because"]), (&"do-not-roll-back".into(), &serde_json::Value::Null));
    let not_asked: serde_json::Value = serde_json::from_str(&run("json", vec![sample::recovered()]).out).unwrap();
    assert!(!not_asked["drills"][0].as_object().unwrap().contains_key("decision"));
    let (_folder, root) = bundle_of(sample::left_alone());
    let incident = fs::read_to_string(root.join("incident.md")).unwrap();
    let (_, section) = incident.split_once("## Decision").unwrap();
    for told in ["| Answer | do not roll back, investigate first: ", "| Alerts | sample-other since ", "| Otherwise | "]
    {
        assert!(section.contains(told), "{told:?} is not in\n{incident}");
    }
}

#[test]
fn what_was_not_measured_is_null() {
    let ran = run("json", vec![sample::given_up()]);
    let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let metrics = document["drills"][0]["metrics"].as_object().unwrap();
    assert_eq!(metrics.len(), 11);
    // The balancer was watched, and it drained nobody.
    let measured: Vec<_> = metrics.iter().filter(|(_, value)| !value.is_null()).collect();
    assert_eq!(measured, [(&"drained_ms".to_owned(), &serde_json::json!(0))]);
}

#[test]
fn jsonl_shows_that_a_run_was_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let failure: fn() -> RunError = || RunError::Interrupted(2);
    let backend = MadeUp { drills: vec![sample::recovered()], failure: Some(failure) };
    let ran = run_on(Terminal::default(), "jsonl", &backend, folder.path());
    assert_eq!(ran.status, ExitStatus::Interrupted);
    assert_eq!(ran.out.lines().last(), Some(r#"{"planned":2,"done":1}"#));
    assert_snapshot("report-cut.jsonl", &ran.out);
    // The same failure in json: still one document, of what was done.
    let folder = tempfile::tempdir().unwrap();
    let ran = run_on(Terminal::default(), "json", &backend, folder.path());
    let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["drills"].as_array().map(Vec::len), Some(1));
}

fn bundle_of(drill: Sample) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let ran = run_on(Terminal::default(), "json", &MadeUp { drills: vec![drill], failure: None }, folder.path());
    let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let root = folder.path().join(document["drills"][0]["bundle"].as_str().unwrap());
    (folder, root)
}

fn listing(root: &Path, prefix: &str) -> String {
    let mut names: Vec<_> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap()).collect();
    names.sort_by_key(|entry| entry.file_name());
    names.iter().fold(String::new(), |text, entry| {
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            text + &listing(&entry.path(), &format!("{name}/"))
        } else {
            format!("{text}{name}  {} bytes\n", entry.metadata().unwrap().len())
        }
    })
}

#[test]
fn a_bundle() {
    let (_folder, root) = bundle_of(offline());
    let name = root.file_name().unwrap().to_str().unwrap();
    let text = redacted(&format!("{name}/\n{}", listing(&root, "  ")));
    assert_snapshot("bundle-offline.txt", &text);
    assert_snapshot("manifest-offline.json", &redacted(&fs::read_to_string(root.join("manifest.json")).unwrap()));
    assert_snapshot("incident-offline.md", &fs::read_to_string(root.join("incident.md")).unwrap());
}

/// What a drill in a container is compared with, here of made-up ones.
#[test]
fn the_outline_lists_rule_and_line_of_what_every_run_finds() {
    let outline_of = |drill: Sample| {
        let (_folder, root) = bundle_of(drill);
        let manifest = serde_json::from_slice(&fs::read(root.join("manifest.json")).unwrap()).unwrap();
        outline(&bundle::rejudge(&root).unwrap(), &manifest)
    };
    let text = outline_of(sample::offline());
    let findings = "findings: rule, line\n  claim-overrun, 114\n  sample-rule, 7\n  supplied-needed, 117\n\nbundle\n";
    assert!(text.contains(findings), "{text}");
    assert!(text.contains("\n  S7, 58, claim: wait\n") && text.contains("\n  F2, 117, 4: halt\n"), "{text}");
    assert!(text.lines().all(|line| line == line.trim_end()), "{text}");
    let hasty = sample::recovered().edit_plan(|plan| plan.claims.restart_takes_ms.value.to = 1);
    let text = outline_of(hasty);
    assert!(text.contains("\nfindings: rule, line\n  sample-rule, 7\n\nbundle\n"), "{text}");
}

/// Each of these is a change that somebody has to see: it is still there when the text is redacted.
#[test]
fn redactions_hide_no_version_status_file_name_or_verdict() {
    let (_folder, root) = bundle_of(failing());
    let text = run("text", vec![failing()]).out;
    let json = run("json", vec![failing()]).out;
    let incident = fs::read_to_string(root.join("incident.md")).unwrap();
    let manifest = fs::read_to_string(root.join("manifest.json")).unwrap();
    for (what, text, from, to) in [
        ("version", &text, "v0.3.8", "v0.3.9"),
        ("harness", &text, "rollback-drill 0.1.0", "rollback-drill 0.1.1"),
        ("seed", &text, "seed 1", "seed 2"),
        ("status", &text, "  0       ", "  1       "),
        ("parts", &text, "masked: its parts ended 1|0", "masked: its parts ended 2|0"),
        ("verdict", &text, "unverified", "recovered"),
        ("line", &text, "  44  ", "  45  "),
        ("outcome", &text, "fail     pass", "pass     pass"),
        ("verdict", &json, "unverified", "recovered"),
        ("status", &json, "\"exit\": 0", "\"exit\": 1"),
        ("null", &json, "\"downtime_ms\": 900", "\"downtime_ms\": null"),
        ("verdict", &incident, "**unverified**", "**recovered**"),
        ("file", &incident, "captures/a.json", "captures/b.json"),
        ("version", &manifest, "\"0.4.0\"", "\"0.4.1\""),
        ("file", &manifest, "captures/a.json", "captures/b.json"),
        ("missing", &manifest, "hypothesis", "thesis"),
        ("state", &manifest, "complete", "cut"),
    ] {
        assert!(text.contains(from), "{what}: no {from:?} in\n{text}");
        assert_ne!(redacted(text), redacted(&text.replacen(from, to, 1)), "{what}: {from:?} -> {to:?}");
    }
}

#[test]
fn redactions_take_what_differs_between_two_runs_of_the_same_drill() {
    for (one, other) in [
        ("    5.900  S7     58  0         10 ms  wait", "   65.912  S7     58  0       1.07 s  wait"),
        ("bundle   a-systemd-careful-container-0a1b2c3d", "bundle   a-systemd-careful-container-9f8e7d6c-2"),
        ("[x](<captures/pre-1732400001.json>) (9 bytes)", "[x](<captures/pre-1764000000.json>) (1234 bytes)"),
        ("P95 0.800 ms (events 12, 13)", "P95 10.91 ms (events 9, 10, 11, 12, 13, 14, …)"),
        ("\"duration_ms\": 5", "\"duration_ms\": 50"),
        ("6 of 20 requests answered 5xx", "19 of 48 requests answered 5xx"),
    ] {
        assert_ne!(one, other);
        assert_eq!(redacted(one), redacted(other));
    }
}

/// Made from the shipped files: a changed expectation shows here, beside all the others.
#[test]
fn the_table_of_all_scenarios() {
    let table = |format: &str| {
        let (mut out, mut log) = (Vec::new(), Vec::new());
        let args = ["rollback-drill", "scenarios", "table", "--format", format].map(OsString::from);
        let output = Output { out: &mut out, log: &mut log, terminal: Terminal::default() };
        let backend = MadeUp { drills: Vec::new(), failure: None };
        let status = main_with(args, Path::new(env!("CARGO_MANIFEST_DIR")), output, &backend);
        assert_eq!((status, String::from_utf8(log).unwrap().as_str()), (ExitStatus::Conforms, ""));
        String::from_utf8(out).unwrap()
    };
    let text = table("text");
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    assert_snapshot("scenarios-table.txt", &text);
    let json: serde_json::Value = serde_json::from_str(&table("json")).unwrap();
    let cells = json["table"].as_array().unwrap();
    let not_drilled = cells.iter().filter(|cell| cell["expected"].is_null()).count();
    assert_eq!(text.split_whitespace().filter(|word| *word == "-").count(), not_drilled);
    let rows = text.lines().skip(1).filter(|line| !line.starts_with(' ')).count();
    assert_eq!(cells.len(), 2 * rows, "a row for each scenario and topology, a cell for each operator");
}

/// Of the sample input that the README points to, on the shipped runbook.
#[test]
fn the_answer_to_whether_to_roll_back() {
    let decide = |file: &str, format: &str| {
        let (mut out, mut log) = (Vec::new(), Vec::new());
        let input = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/decide").join(file);
        let args = ["rollback-drill", "decide", "--from", input.to_str().unwrap(), "--format", format];
        let output = Output { out: &mut out, log: &mut log, terminal: Terminal::default() };
        let backend = MadeUp { drills: Vec::new(), failure: None };
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let status = main_with(args.map(OsString::from), folder, output, &backend);
        assert_eq!((status, String::from_utf8(log).unwrap().as_str()), (ExitStatus::Conforms, ""));
        let shown = Path::new("scenarios/decide").join(file);
        String::from_utf8(out).unwrap().replace(input.to_str().unwrap(), shown.to_str().unwrap())
    };
    for (file, name) in
        [("latency-after-deploy.toml", "decide-roll-back.txt"), ("abating.toml", "decide-investigate.txt")]
    {
        let text = decide(file, "text");
        assert!(text.lines().all(|line| line.chars().count() <= 120 && line == line.trim_end()), "{text}");
        assert_snapshot(name, &text);
    }
    // Not `redacted`, which would hide the durations of the conditions. The hashes are those of the two documents.
    let json = decide("latency-after-deploy.toml", "json");
    let document: serde_json::Value = serde_json::from_str(&json).unwrap();
    let hash = |of: &str| document[of]["sha256"].as_str().unwrap().to_owned();
    assert!([hash("runbook"), hash("binding")].iter().all(|hash| hash.len() == 64));
    let json = json.replace(&hash("runbook"), "[sha256]").replace(&hash("binding"), "[sha256]");
    assert_snapshot("decide-roll-back.json", &json);
}
