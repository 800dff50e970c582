//! What is refused, and how it is said: edits of the shipped runbook or binding, each with the error that it must give.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside of #[test] functions stop a test like an assertion"
)]

use std::path::{Path, PathBuf};

use rollback_harness::procedure::{Class, Origin, Procedure, Releases, RequirementKind};
use rollback_harness::runbook::{Runbook, RunbookError};

const TOPOLOGIES: [&str; 3] = ["systemd", "docker", "compose"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/runbooks")
}

fn shipped(file: &str) -> String {
    std::fs::read_to_string(folder().join(file)).unwrap()
}

fn releases() -> Releases {
    Releases { good: "0.3.8".parse().unwrap(), bad: "0.4.0".parse().unwrap() }
}

fn procedure(runbook: &[u8], binding: &str, topology: &str) -> Result<Procedure, RunbookError> {
    Runbook::from_texts(("r.md", runbook), ("b.toml", binding.as_bytes()))?.procedure(topology, &releases())
}

/// Replaces words that stand exactly once.
fn edit(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from:?}");
    text.replacen(from, to, 1)
}

/// Without the section whose heading begins so, up to the next heading.
fn without_section(text: &str, begins: &str) -> String {
    let (mut kept, mut inside, mut fenced) = (String::new(), false, false);
    for line in text.split_inclusive('\n') {
        fenced ^= line.starts_with("```");
        if !fenced && line.starts_with('#') {
            inside = line.trim_start_matches('#').trim_start().starts_with(begins);
        }
        if !inside {
            kept.push_str(line);
        }
    }
    assert_ne!(kept, text, "{begins}");
    kept
}

/// 1-based line of the first line that holds these words.
fn line_of(text: &str, words: &str) -> usize {
    text.lines().position(|line| line.contains(words)).unwrap_or_else(|| panic!("{words:?}")) + 1
}

fn errors(runbook: &str, binding: &str) -> Vec<Option<String>> {
    TOPOLOGIES.map(|id| procedure(runbook.as_bytes(), binding, id).err().map(|error| error.to_string())).into()
}

#[test]
fn the_shipped_runbook_is_read_for_all_topologies() {
    let runbook = Runbook::load(&folder().join("rollback.md"), &folder().join("rollback.binding.toml")).unwrap();
    assert_eq!(runbook.topologies().collect::<Vec<_>>(), ["compose", "docker", "systemd"]);
    assert_eq!(runbook.runbook.sha256.len(), 64);
    for id in TOPOLOGIES {
        let procedure = runbook.procedure(id, &releases()).unwrap();
        assert!(procedure.verification.iter().any(|point| point.times == 2), "{id}");
        assert!(procedure.steps.iter().flat_map(|step| &step.commands).all(|command| !command.is(Class::Other)));
    }
}

#[test]
fn sections_are_needed_by_those_that_use_them() {
    // (section, which of systemd, docker, compose are refused, what was looked for)
    let cases = [
        ("A. systemd", [true, true, false], "a heading that begins `A. systemd`"),
        ("B. Docker", [false, true, false], "a heading that begins `B. Docker`"),
        ("C. Container", [false, false, true], "a heading that begins `C. Container`"),
        ("Verification", [true; 3], "a heading that begins `Verification`"),
        ("What to do if", [true; 3], "a heading that begins `What to do if`"),
        ("Postmortem", [true; 3], "a heading that begins `Postmortem`"),
        ("When to roll back", [true; 3], "a heading that begins `When to roll back`"),
        ("Prerequisites", [true; 3], "a heading that begins `Prerequisites`"),
    ];
    for (section, refused, wanted) in cases {
        let text = without_section(&shipped("rollback.md"), section);
        let errors = errors(&text, &shipped("rollback.binding.toml"));
        assert_eq!(errors.iter().map(Option::is_some).collect::<Vec<_>>(), refused, "{section}: {errors:#?}");
        for error in errors.into_iter().flatten() {
            assert!(error.starts_with("r.md: a section is missing") && error.contains(wanted), "{error}");
        }
    }
}

/// (words of the runbook, what replaces them, words whose line is blamed, the error after file and line).
type Edit<'a> = (&'a str, &'a str, &'a str, &'a str);

#[test]
fn edits_of_the_runbook_are_refused_with_their_line() {
    #[rustfmt::skip]
    let cases: &[Edit<'_>] = &[
        // Blocks.
        ("Three ways to", "```bash\nreboot\n```\n\nThree ways to", "```bash", "an unbound code block in the section `Procedure`"),
        ("Three ways to", "```\nreboot\n```\n\nThree ways to", "```", "an unbound code block in the section `Procedure`"),
        ("Three ways to", "    reboot now\n\nThree ways to", "    reboot", "an unbound code block"),
        ("With `--no-deps`", "```sh\nreboot # x\n```\n\nWith `--no-deps`", "```sh", "an unbound code block in the section `C."),
        ("Three ways to", "```console\n$ x\n```\n\nThree ways to", "```console", "an unbound code block"),
        ("Three ways to", "<pre>reboot</pre>\n\nThree ways to", "<pre>", "code written in HTML"),
        ("With `--no-deps`", "Run `reboot`. With `--no-deps`", "`reboot`", "an unbound code span: `reboot`; looked for no code spans but"),
        // Headings.
        ("### B. Docker", "### A. systemd too\n\n### B. Docker", "A. systemd too", "the heading `A. systemd too` begins like"),
        ("The incident is not", "### Inside\n\nThe incident is not", "### Inside", "the heading `Inside` is inside the section"),
        // Spans.
        ("Read `journalctl", "Read `dmesg`, then `journalctl", "`dmesg`", "code span 1 of item 1 of the failure path is `dmesg`; looked for one that begins `journalctl`"),
        ("and leave\n", "`sudo reboot`, and leave\n", "`sudo reboot`", "code span 2 of item 2 of the failure path is `sudo reboot`"),
        ("No third version now.", "No third version `vA.B.C` now.", "No third", "an unbound code span in item 3 of the failure path: `vA.B.C`; looked for 0 bound"),
        ("`availability_http`, ", "", "**The SLO page", "code span 1 of verification 5 is `error_rate_invoke`; looked for one that begins `availability_http`"),
        (" `docker exec tensor-wasm tensor-wasm --version`", "", "prints `vX.Y.Z`", "code span 2 of verification 1 is `vX.Y.Z`; looked for one that begins `docker exec`"),
        ("for `healthz-slow.md`", "of its own", "**It is healthy.**", "verification 2 has no code span 2; looked for one that begins `healthz-slow.md`"),
        ("- A hypothesis which", "- Ask `git bisect`: a hypothesis which", "git bisect", "an unbound code span in the postmortem item `hypothesis`"),
        ("The incident is not", "`uptime` first. The incident is not", "`uptime`", "an unbound code span: `uptime`"),
        ("3. **Metrics move.** `curl -s", "3. **Metrics move.** `curl -s x; curl -s", "**Metrics move.**", "2 commands in"),
        ("3. **Metrics move.** `curl -s", "3. **Metrics move.** `curl 'x -s", "**Metrics move.**", "a syntax error"),
        // Items.
        ("## What to do if", "6. Ask around.\n\n## What to do if", "6. Ask", "list item 6 is not bound: `Ask around.`"),
        ("**The SLO page", "**The page", "**The page", "list item 5 is not the one that is bound"),
        ("Users read of it in", "All done.\n\nUsers read of it in", "Users read", "an unbound code span: `CHANGELOG.md`"),
        ("Users read of it in the next release's `CHANGELOG.md`", "Users read of it in the news", "Users read", "paragraph 2 is not the one that is bound"),
        ("2. `availability-slow-burn.md`", "2. Somebody is bored.\n3. `availability-slow-burn.md`", "2. Somebody", "list item 2 is not the one that is bound"),
        ("Otherwise look for", "- More:\n- `x`\n\nOtherwise look for", "- More:", "a second list in this section"),
        // Shell.
        ("sudo systemctl stop tensor-wasm\n\n# 4", "sudo systemctl stop 'tensor-wasm\n\n# 4", "", "a syntax error"),
        ("docker rm tensor-wasm\n", "docker rm tensor-wasm )\n", "docker rm", "a syntax error: `)`"),
        ("docker compose up -d --no-deps tensor-wasm\n", "docker compose up -d --no-deps tensor-wasm |\n", "docker compose up", "something is missing at the end of this: `docker compose up"),
        ("# 3. End", "# 2. End", "# 2. End", "step 2 after step 2"),
        ("/bin/tensor-wasm --version  # should print vX.Y.Z", "/bin/tensor-wasm --version\n# should print vX.Y.Z", "# should print", "`should print vX.Y.Z` on a line of its own"),
        ("# 2. Out of the load", "# 2. Out\ntrue\n# of the load", "true", "step B2 has a command of its own: `true`"),
        ("# 5. Back into", "# Back into", "### B.", "the section has no step B5"),
        // A placeholder that nobody replaces.
        ("ghcr.io/craton-co/tensor-wasm:vX.Y.Z", "ghcr.io/craton-co/tensor-wasm:vP.Q.R", "docker run", "the placeholder `vP.Q.R` in a command; looked for no placeholders but vX.Y.Z and vA.B.C"),
        ("`git log vX.Y.Z..vA.B.C`", "`git log vX.Y.Z..vN.E.W`", "git log", "the placeholder `vN.E.W` in a command"),
        // What the binding stands in for.
        ("edit the tag in it", "change it", "### C.", "the section `C. Container under docker-compose, its file kept in a repository` does not ask for what the binding supplies; looked for the words `edit the tag`"),
        ("edit the tag in it", "edit the tag, edit the tag", "edit the tag", "these words stand 2 times"),
        // Claims.
        ("60 seconds after", "soon after", "No 200 from", "no such quantity in `No 200 from"),
        ("60 seconds after", "60 seconds or 2 minutes after", "No 200 from", "several of them: `60 seconds, 2 minutes`; looked for one duration (`60 seconds`) for the claim ready_within"),
        ("60 seconds after", "30-60 seconds after", "No 200 from", "`30-60 seconds` is not of that shape"),
        ("60 seconds after", "60+ seconds after", "No 200 from", "`60+ seconds` is not of that shape"),
        ("60 seconds after", "60 hours after", "No 200 from", "`60 hours` is outside of 1000 to 3600000"),
        ("60 seconds after", "0 seconds after", "No 200 from", "`0 seconds` is outside"),
        ("60 seconds after", "1.5 seconds after", "No 200 from", "no such quantity"),
        ("10 ms", "10 metres", "**It is healthy.**", "no such quantity"),
        ("two successive fetches", "successive fetches", "**Metrics move.**", "no such quantity in"),
        ("two successive fetches", "one of the fetches", "**Metrics move.**", "no such quantity in"),
        ("two successive fetches", "ninety fetches", "**Metrics move.**", "`ninety fetches` is outside of 2 to 10"),
        ("clears in 5-15 minutes", "clears in 15 minutes", "clears in 15", "`15 minutes` is not of that shape"),
        ("clears in 5-15 minutes", "clears in 15-5 minutes", "clears in 15", "`15-5 minutes` is outside"),
        ("mostly takes 5-15 seconds", "takes a while", "Users can bear", "no such quantity"),
        ("get 5xx while", "get errors while", "Users can bear", "no such quantity"),
        ("for 30+ minutes", "for long", "availability-slow-burn", "no such quantity"),
        ("the last 24 hours", "the last day or 24 hours, 2 days", "invoke-latency-spike", "several of them: `24 hours, 2 days`"),
        ("Over 50% of", "Over half of", "Over half", "no such quantity"),
        ("Over 50% of", "Over 150% of", "Over 150%", "`150%` is outside of 1 to 100"),
        ("one 24-hour window", "one window", "Over 50%", "no such quantity"),
        ("'5 minutes ago'", "yesterday", "Read `journalctl", "no such quantity"),
    ];
    let (runbook, binding) = (shipped("rollback.md"), shipped("rollback.binding.toml"));
    for (from, to, blamed, wanted) in cases {
        let text = edit(&runbook, from, to);
        let found = errors(&text, &binding);
        let Some(error) = found.iter().flatten().next() else { panic!("taken: {from:?} -> {to:?}") };
        let place = match *blamed {
            "" => "r.md:".to_owned(),
            words => format!("r.md:{}: ", line_of(&text, words)),
        };
        assert!(error.starts_with(&place) && error.contains(wanted), "{from:?} -> {to:?}: {error}");
        assert!(error.contains("; looked for "), "{error}");
    }
}

#[test]
fn edits_of_the_binding_are_refused() {
    #[rustfmt::skip]
    let cases = [
        ("schema = 1", "schema = 2", "b.toml: schema = 2"),
        ("good = \"vX.Y.Z\"", "good = \"sudo\"", "b.toml: placeholder `sudo`; looked for a placeholder of the shape vX.Y.Z"),
        ("bad = \"vA.B.C\"", "bad = \"vX.Y.Z\"", "b.toml: both placeholders are `vX.Y.Z`"),
        ("[placeholders]", "[placeholder]", "b.toml:"),
        ("section = \"B\"", "section = \"A\"", "b.toml: topologies.systemd: section `A`"),
        ("section = \"B\"", "section = \"B\"\nspeed = 9", "b.toml:"),
        ("classes = [\"fetch\"]", "classes = []", "b.toml: topologies.compose: command `docker compose pull`"),
        ("classes = [\"fetch\"]", "classes = [\"fly\"]", "b.toml:"),
        ("begins = \"docker rm\"", "begins = \" \"", "b.toml: an empty beginning"),
        ("blind_on = [\"docker\", \"compose\"]", "blind_on = [\"podman\"]", "b.toml: topology `podman`"),
        ("{ begins = \"vX.Y.Z\", role = \"should-print\" }", "{ begins = \"vX.Y.Z\", role = \"stop\" }", "b.toml: verification 1: a code span with role Stop"),
        ("command = \"docker compose stop tensor-wasm\"", "command = \"a; b\"", "b.toml: a supplied command: 2 commands in `a; b`"),
        ("command = \"docker compose stop tensor-wasm\"", "command = \"a 'b\"", "b.toml: a supplied command: a syntax error"),
        ("--key {key} ", "", "b.toml: systemd has no one page command"),
        ("file = \"git-log.txt\"", "file = \"../git-log.txt\"", "b.toml: file `../git-log.txt`"),
        ("file = \"git-log.txt\"\n", "", "b.toml: the postmortem item `git-log` is met by Command"),
        ("id = \"hypothesis\"", "id = \"trigger\"", "b.toml: requirement id `trigger`"),
        ("is = \"A8\"", "is = \"A7\"", "r.md:"),
        ("is = \"A8\"", "is = \"Z8\"", "b.toml: same_as: no topology has the section `Z`"),
        ("at = \"C1\"", "at = \"C9\"", "r.md:"),
        ("at = \"C1\"", "at = \"A1\"", "b.toml: the supplied command"),
        ("of = \"fetches\"", "of = \"visits\"", "r.md:"),
        ("section = \"failure\", paragraph = 1,", "section = \"failure\",", "r.md:"),
        ("section = \"failure\", paragraph = 1,", "section = \"failure\", paragraph = 0,", "r.md:"),
    ];
    let (runbook, binding) = (shipped("rollback.md"), shipped("rollback.binding.toml"));
    for (from, to, wanted) in cases {
        let text = edit(&binding, from, to);
        let found = errors(&runbook, &text);
        let Some(error) = found.iter().flatten().next() else { panic!("taken: {from:?} -> {to:?}") };
        assert!(error.starts_with(wanted), "{from:?} -> {to:?}: {error}");
    }
}

#[test]
fn bytes_that_are_no_runbook_are_refused() {
    let (runbook, binding) = (shipped("rollback.md"), shipped("rollback.binding.toml"));
    let at = runbook.find("Three ways").unwrap();
    let line = line_of(&runbook, "Three ways");
    let with = |byte: u8| [&runbook.as_bytes()[..at], &[byte], &runbook.as_bytes()[at..]].concat();
    let error = procedure(&with(0xff), &binding, "systemd").unwrap_err().to_string();
    assert!(error.starts_with(&format!("r.md:{line}: not UTF-8: byte 0xff; looked for UTF-8")), "{error}");
    let error = procedure(&with(0), &binding, "systemd").unwrap_err().to_string();
    assert!(error.starts_with(&format!("r.md:{line}: a NUL byte")), "{error}");
    let large = [runbook.as_bytes(), &vec![b'\n'; 1 << 20]].concat();
    let error = procedure(&large, &binding, "systemd").unwrap_err().to_string();
    assert!(error.starts_with("r.md: the file is too large; looked for at most 1048576 bytes"), "{error}");
    // A file that grows or never ends is not read to its end.
    let error = Runbook::load(Path::new("/dev/zero"), &folder().join("rollback.binding.toml")).unwrap_err().to_string();
    assert!(error.starts_with("/dev/zero: the file is too large"), "{error}");
    let error = Runbook::load(Path::new("/nonexistent.md"), Path::new("/nonexistent.toml")).unwrap_err().to_string();
    assert!(error.starts_with("/nonexistent.md: cannot be read"), "{error}");
    let error = procedure(runbook.as_bytes(), &binding, "podman").unwrap_err().to_string();
    assert_eq!(
        error,
        "b.toml: no topology `podman`; looked for compose, docker, systemd; choose one of these, or bind it"
    );
}

#[test]
fn a_version_that_would_bring_a_placeholder_back_is_refused() {
    let sly = Releases { good: "0.3.8-vA.B.C".parse().unwrap(), bad: "0.4.0".parse().unwrap() };
    let (runbook, binding) = (shipped("rollback.md"), shipped("rollback.binding.toml"));
    let runbook = Runbook::from_texts(("r.md", runbook.as_bytes()), ("b.toml", binding.as_bytes())).unwrap();
    let error = runbook.procedure("systemd", &sly).unwrap_err().to_string();
    assert!(error.contains("the placeholder `vA.B.C` in a command"), "{error}");
}

#[test]
fn what_is_edited_within_reason_is_followed() {
    let (runbook, binding) = (shipped("rollback.md"), shipped("rollback.binding.toml"));
    let read = |text: &str, id| procedure(text.as_bytes(), &binding, id).unwrap();

    let claim = read(&edit(&runbook, "60 seconds after", "30 seconds after"), "systemd").claims.ready_within_ms;
    assert_eq!((claim.value, claim.text.as_str()), (30_000, "30 seconds"));
    assert_eq!(claim.line as usize, line_of(&runbook, "No 200 from"));
    let claim = read(&edit(&runbook, "60 seconds after", "one minute after"), "systemd").claims.ready_within_ms;
    assert_eq!(claim.value, 60_000);
    let points = read(&edit(&runbook, "two successive fetches", "3 fetches"), "systemd").verification;
    assert_eq!(points[2].times, 3);

    let added =
        edit(&runbook, "systemctl status tensor-wasm >", "uname -a | tee /tmp/u\nsystemctl status tensor-wasm >");
    let procedure = read(&added, "systemd");
    let command = &procedure.steps[0].commands[2];
    assert_eq!((command.text.as_str(), command.pipeline_parts), ("uname -a | tee /tmp/u", 2));
    assert_eq!((command.classes.as_slice(), &command.origin), ([Class::Other].as_slice(), &Origin::Literal));
    assert_eq!(command.line as usize, line_of(&added, "uname -a"));
    let finding = procedure.findings.iter().find(|finding| finding.rule == "unknown-command").unwrap();
    assert_eq!(finding.line, command.line);

    let changed =
        edit(&runbook, "`curl -sf http://localhost:8080/healthz` gets", "`curl -sf -m 1 http://localhost/h` gets");
    assert_eq!(
        read(&changed, "docker").verification[1].command.as_ref().unwrap().text,
        "curl -sf -m 1 http://localhost/h"
    );

    let observed =
        edit(&runbook, "docker inspect", "tensor-wasm observe > /tmp/tensor-wasm-pre-rollback-1.json\ndocker inspect");
    for (text, wanted) in [(&runbook, true), (&observed, false)] {
        let procedure = read(text, "docker");
        let capture = procedure.requirements.iter().find(|requirement| requirement.id == "observe-capture").unwrap();
        let RequirementKind::Files { never_made, .. } = &capture.kind else { panic!("{capture:?}") };
        assert_eq!(*never_made, wanted);
        let found = procedure.findings.iter().filter(|finding| finding.message.contains("pre-rollback-*.json"));
        assert_eq!(found.filter(|finding| finding.rule == "never-captured").count(), usize::from(wanted));
    }

    let first = |text: &str| {
        let read = Runbook::from_texts(("r.md", text.as_bytes()), ("b.toml", binding.as_bytes())).unwrap();
        read.fetches_first(&releases())
    };
    let pull = u32::try_from(line_of(&runbook, "docker compose pull")).unwrap();
    assert_eq!(first(&runbook), [("compose".to_owned(), pull)]);
    let after = "docker compose up -d --no-deps tensor-wasm\ndocker compose pull tensor-wasm\n";
    let before = "docker compose pull tensor-wasm\ndocker compose up -d --no-deps tensor-wasm\n";
    assert_eq!(first(&edit(&runbook, before, after)), []);
    assert_eq!(first(&without_section(&runbook, "C. Container")), []);

    let windows = runbook.replace('\n', "\r\n");
    let (unix, windows) = (read(&runbook, "systemd"), read(&windows, "systemd"));
    assert_eq!(unix.steps, windows.steps);
    let data = edit(&runbook, "Three ways to", "```json\n{}\n```\n\nThree ways to");
    assert_eq!(read(&data, "compose").steps.len(), 1);
}
