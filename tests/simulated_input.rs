//! Hostile input to simulated drills, through the command line: what is refused before anything begins, and what ends at a
//! ceiling. Needs no engine.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test: what fails here shall end it, also in its helpers")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use conformance::containers::{Out, workspace};
use rollback_harness::bundle::HISTORY;
use rollback_harness::cli::{Containers, main_with};
use rollback_harness::exit::ExitStatus;
use rollback_harness::report::{Output, Terminal};
use serde_json::Value;

/// What the command line came to.
struct Called {
    status: ExitStatus,
    out: String,
    log: String,
}

fn call(folder: &Path, args: &[&str]) -> Called {
    let (mut out, mut log) = (Vec::new(), Vec::new());
    let args = std::iter::once("rollback-drill").chain(args.iter().copied()).map(OsString::from);
    let output = Output { out: &mut out, log: &mut log, terminal: Terminal::default() };
    let status = main_with(args, folder, output, &Containers);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Called { status, out: text(out), log: text(log) }
}

/// A drill of a runbook whose first systemd step ends with these lines; and the number of the first of them.
fn drill(out: &Out, lines: &str, operator: &str) -> (Called, PathBuf, usize) {
    let shipped = std::fs::read_to_string(workspace().join("scenarios/runbooks/rollback.md")).unwrap();
    let last_of_step_1 = "systemctl status tensor-wasm > /tmp/tensor-wasm-status-pre.txt\n";
    assert_eq!(shipped.matches(last_of_step_1).count(), 1, "the runbook's first step has changed");
    let text = shipped.replace(last_of_step_1, &format!("{last_of_step_1}{lines}\n"));
    let line = text.split(lines).next().unwrap().lines().count() + 1;
    let path = out.path().join("rollback.md");
    std::fs::write(&path, text).unwrap();
    let binding = workspace().join("scenarios/runbooks/rollback.binding.toml");
    let words = [
        "drill",
        "--host",
        "sim",
        "--topology",
        "systemd",
        "--operator",
        operator,
        "--format",
        "json",
        "--runbook",
        path.to_str().unwrap(),
        "--binding",
        binding.to_str().unwrap(),
        "--out",
        out.path().to_str().unwrap(),
    ];
    (call(&workspace(), &words), path, line)
}

fn out() -> Out {
    Out::new(env!("CARGO_TARGET_TMPDIR"))
}

/// The one drill of a document, and its events.
fn drilled(called: &Called, out: &Out) -> (Value, Vec<Value>) {
    let document: Value = serde_json::from_str(&called.out).unwrap_or_else(|error| panic!("{error}: {}", called.log));
    let drill = document["drills"][0].clone();
    let history = out.path().join(drill["bundle"].as_str().unwrap()).join(HISTORY);
    let events = std::fs::read_to_string(history).unwrap();
    (drill, events.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
fn a_runbooks_constructs_that_are_not_known_are_refused_with_their_line() {
    let cases = [
        ("f() { true; }", 0, "a function, an array or an extended pattern: `f() { true; }`"),
        ("function f { true; }", 0, "a function: `function f { true; }`"),
        // A fork bomb is a function and a job in the background.
        (":(){ :|:& };:", 0, "a function, an array or an extended pattern: `:(){ :|:& }`"),
        ("sleep 5 &", 0, "a job in the background (`&`): `sleep 5 &`"),
        ("echo fine\nif true; then\n  sleep 5 &\nfi", 2, "a job in the background (`&`): `sleep 5 &`"),
        ("coproc cat", 0, "`coproc`: `coproc cat`"),
        ("cat <(true)", 0, "a process substitution: `cat <(true)`"),
        ("echo a | tee >(cat)", 0, "a process substitution: `echo a | tee >(cat)`"),
        ("sudo systemd-run --unit=x python3 -c 1", 0, "the command python3: `python3 -c 1`"),
    ];
    for (lines, row, what) in cases {
        let out = out();
        let (called, path, line) = drill(&out, lines, "careful");
        // What lies below the project is named from there.
        let path = path.strip_prefix(workspace()).unwrap_or(&path);
        let place = format!("{}:{}", path.display(), line + row);
        let wanted = format!("rollback-drill: {place}: the simulator does not know {what}; use --host container\n");
        assert_eq!((called.status, called.log), (ExitStatus::Usage, wanted), "{lines}");
    }
}

/// One that forks by running itself does so until a ceiling, which is named.
#[test]
fn a_script_that_forks_itself_ends_at_a_ceiling() {
    let out = out();
    let lines = "printf '#!/bin/bash\\n\"$0\" | \"$0\"\\n' > /tmp/bomb\nchmod +x /tmp/bomb\n/tmp/bomb";
    let (called, _, _) = drill(&out, lines, "careful");
    assert_eq!(called.status, ExitStatus::Harness, "{}", called.log);
    assert!(called.log.contains("commands and shells inside each other; use --host container"), "{}", called.log);
}

#[test]
fn a_loop_without_an_end_is_killed_at_the_topologys_ceiling_and_counts_as_failed() {
    for (operator, ceiling_ms) in [("careful", 120_000), ("paste", 240_000)] {
        let out = out();
        let (called, _, line) = drill(&out, "while true; do :; done", operator);
        let (drill, events) = drilled(&called, &out);
        assert_eq!(
            (called.status, drill["verdict"].as_str()),
            (ExitStatus::DoesNotConform, Some("given-up")),
            "{drill}"
        );
        let killed = events.iter().find(|event| event["what"]["kind"] == "command-killed").unwrap();
        assert_eq!(killed["what"]["why"], serde_json::json!({"ceiling": {"ms": ceiling_ms}}), "{killed}");
        let command = &killed["what"]["command"];
        let began = |event: &&Value| event["what"]["kind"] == "command-began" && event["what"]["command"] == *command;
        assert_eq!(events.iter().find(began).unwrap()["what"]["line"], line);
        assert!(killed["at_us"].as_u64().unwrap() >= ceiling_ms * 1000);
    }
}

#[test]
fn output_without_an_end_makes_a_drill_inconclusive_and_the_limit_is_named() {
    // A loop that bash turns a hundred thousand times a second or more reaches it long before its ceiling of time.
    for text in ["while :; do echo aaaaaaaaaaaaaaaaaaaa; done", "until false; do echo a; done", "seq 3000000"] {
        let out = out();
        let (called, _, _) = drill(&out, text, "careful");
        let (drill, events) = drilled(&called, &out);
        let came_to = (called.status, drill["verdict"].as_str());
        assert_eq!(came_to, (ExitStatus::Inconclusive, Some("inconclusive")), "{text}");
        let limit = events.iter().find(|event| event["what"]["kind"] == "limit-reached").unwrap();
        assert_eq!(limit["what"]["limit"], "16777216 bytes of output of one command");
    }
}

#[test]
fn removing_everything_is_refused_by_rm_itself() {
    let out = out();
    let (called, _, line) = drill(&out, "rm -rf /", "careful");
    let (drill, events) = drilled(&called, &out);
    // It is noted, and the block goes on.
    assert_eq!((called.status, drill["verdict"].as_str()), (ExitStatus::Conforms, Some("recovered")), "{drill}");
    let began = events.iter().find(|event| event["what"]["line"] == line).unwrap();
    let ended = |event: &&Value| {
        event["what"]["kind"] == "command-ended" && event["what"]["command"] == began["what"]["command"]
    };
    let ended = &events.iter().find(ended).unwrap()["what"];
    let said =
        "rm: it is dangerous to operate recursively on '/'\nrm: use --no-preserve-root to override this failsafe\n";
    assert_eq!((&ended["exit"], ended["output"].as_str()), (&Value::from(1), Some(said)));
}

/// A checkout's scenarios, of which one file of the topologies reads otherwise.
fn changed(out: &Out, file: &str, from: &str, to: &str) -> PathBuf {
    let shipped = workspace().join("scenarios");
    for path in conformance::containers::files_below(&shipped) {
        let copy = out.path().join("scenarios").join(path.strip_prefix(&shipped).unwrap());
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        std::fs::copy(path, copy).unwrap();
    }
    let path = out.path().join("scenarios/topologies/documented").join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches(from).count(), 1, "{file}: {from}");
    std::fs::write(&path, text.replace(from, to)).unwrap();
    path
}

#[test]
fn a_topologys_commands_are_looked_at_before_anything_begins() {
    let not_known = "the simulator does not know";
    let cases = [
        (
            ("systemd", "procedure-only", "systemd.toml"),
            ("systemctl status --no-pager --lines=50 tensor-wasm || true", "strace -p 1"),
            format!("captures.status.txt: {not_known} the command strace: `strace -p 1`"),
        ),
        (
            ("systemd", "procedure-only", "systemd.toml"),
            ("\"journalctl --unit=tensor-wasm --no-pager --output=short-precise\"", "\"\"\"true\nsleep 1 &\"\"\""),
            format!("captures.journal.txt, line 2 of it: {not_known} a job in the background (`&`): `sleep 1 &`"),
        ),
        (
            ("systemd", "procedure-only", "systemd.toml"),
            (
                "systemctl show tensor-wasm --property=ActiveState",
                "f() { :; }; systemctl show tensor-wasm --property=ActiveState",
            ),
            format!("supervisor.command: {not_known} a function, an array or an extended pattern: `f() {{ :; }}; "),
        ),
        (
            ("systemd", "procedure-only", "common/machine.toml"),
            ("systemctl start drill-repository.service\"", "systemctl start drill-repository.service\", \"nonsense\""),
            format!("before_drill: {not_known} the command nonsense: `nonsense`"),
        ),
        (
            ("docker", "name-conflict", "docker.toml"),
            ("--unit=hold-name /usr/local/lib/rollback-drill/hold-name", "--unit=hold-name /usr/bin/docker events"),
            format!(
                "arranged.name-conflict.before_drill: {not_known} this use of docker (`docker events` is not modelled): "
            ),
        ),
        (
            ("docker", "registry-down", "common/containers.toml"),
            ("systemctl stop docker-registry.service", "systemctl isolate rescue.target"),
            format!("arranged.registry-down.before_drill: {not_known} this use of systemctl (systemctl isolate): "),
        ),
    ];
    for ((topology, scenario, file), (from, to), what) in cases {
        let out = out();
        let path = changed(&out, file, from, to);
        let bundles = out.path().join("bundles");
        let words = ["drill", "--host", "sim", "--topology", topology, "--scenario", scenario];
        let called = call(out.path(), &[&words[..], &["--out", bundles.to_str().unwrap()]].concat());
        let begins = format!("rollback-drill: {}: {what}", path.display());
        assert_eq!(called.status, ExitStatus::Usage, "{}", called.log);
        assert!(called.log.starts_with(&begins), "{}\n{begins}", called.log);
        assert!(called.log.ends_with("; use --host container\n"), "{}", called.log);
        assert!(!bundles.exists(), "something began");
    }
    // A fault that is not drilled arranges nothing.
    let out = out();
    changed(&out, "common/containers.toml", "systemctl stop docker-registry.service", "nonsense");
    let bundles = out.path().join("bundles");
    let words = ["drill", "--host", "sim", "--topology", "docker", "--out", bundles.to_str().unwrap()];
    assert_eq!(call(out.path(), &words).status, ExitStatus::Conforms);
}

#[test]
fn what_a_topologys_units_run_is_looked_at_too() {
    let cases = [
        // At boot.
        ("systemd/tensor-wasm.service", "Restart=on-failure", "Nice=5"),
        // By `before_drill` alone, which waits for a unit that is not wanted at boot.
        ("common/drill-repository.service", "[Service]", "[Service]\nExecStartPre=/usr/bin/strace true"),
    ];
    for (file, from, to) in cases {
        let out = out();
        changed(&out, file, from, to);
        let words = ["drill", "--host", "sim", "--topology", "systemd", "--out", out.path().to_str().unwrap()];
        let called = call(out.path(), &words);
        assert_eq!(called.status, ExitStatus::Usage, "{}", called.log);
        assert!(called.log.contains("scenarios/topologies/documented/"), "{}", called.log);
        assert!(called.log.ends_with("use --host container\n"), "{}", called.log);
    }
}
