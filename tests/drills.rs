//! Drills on real operator hosts, made from the scenario files: each has to end exactly as its file says, and must not
//! once what it tests is taken out.

#![expect(clippy::unwrap_used, reason = "a test: what fails here shall end it, also in its helpers")]

use std::path::{Path, PathBuf};

use conformance::causes::Cause;
use conformance::containers::{
    Out, drill, every_time, files_below, gate, pinned, refuse, run_trials, selection, trial, workspace,
};
use conformance::left_alone::left_alone;
use conformance::outline::outline;
use conformance::pages::kept_apart;
use conformance::redactions::assert_snapshot;
use libtest_mimic::Trial;
use rollback_harness::bundle::{self, BundleFile, CAPTURES, Finished, MASK, Manifest};
use rollback_harness::furnish;
use rollback_harness::history::event::What;
use rollback_harness::host::HostKind;
use rollback_harness::prepare::{self, Prepared};
use rollback_harness::procedure::{Class, RequirementKind};
use rollback_harness::release::sha256_hex;
use rollback_harness::scenario::{Operator, Scenario};
use rollback_harness::topology;
use rollback_harness::verdict::Verdict;

/// Set to `all`, every drill that leaves a snapshot is done, and every scenario without what it tests; else those of
/// [`every_time`]. The simulator does all of them every time, and is held to the same snapshots.
const HOW_MANY: &str = "ROLLBACK_DRILL_DRILLS";

fn main() {
    let gate = gate();
    let all = std::env::var_os(HOW_MANY).is_some_and(|value| value == "all");
    let mut trials = Vec::new();
    for Case { scenario, expected, cause } in cases() {
        for (topology, operator) in &expected {
            let (scenario, topology, operator) = (scenario.clone(), topology.clone(), *operator);
            let title = format!("container::{}::{topology}::{}", scenario.name, operator.as_str());
            let left_out = !all && !every_time(&scenario, &topology, operator);
            let made = trial(&gate, title, move || as_expected(&scenario.name, &topology, operator));
            trials.push(if left_out { made.with_ignored_flag(true) } else { made });
        }
        // The last is systemd, which boots fastest, wherever a scenario is for it.
        if let Some((topology, _)) = expected.last().cloned() {
            let name = scenario.name;
            let title = format!("container::{name}::{topology}::without-{}", cause.name());
            let made = trial(&gate, title, move || {
                cause.decides(HostKind::Container, &name, &topology, &Out::new(env!("CARGO_TARGET_TMPDIR")));
            });
            trials.push(if all { made } else { made.with_ignored_flag(true) });
        }
    }
    trials.push(trial(&gate, "container::runbook::systemd::added-commands-run".into(), added_commands_run));
    trials.push(Trial::test("cases::are-not-empty", || {
        let drills: usize = cases().iter().map(|case| case.expected.len()).sum();
        assert!(cases().len() >= 13 && drills >= 36, "the scenario files have gone");
        Ok(())
    }));
    // Each drill is a whole machine, and latencies are measured on it.
    run_trials(trials, 2);
}

/// A scenario to drill.
struct Case {
    scenario: Scenario,
    /// Topologies and operators ([`pinned`]). All others: CONTRIBUTING.md.
    expected: Vec<(String, Operator)>,
    /// Why it ends as it does.
    cause: Cause,
}

fn cases() -> Vec<Case> {
    let there = topology::known(&workspace().join("scenarios/topologies/documented"));
    let mut cases = Vec::new();
    for path in prepare::files(&prepare::cases_folder(&workspace())).unwrap() {
        let scenario = prepare::load(&path).unwrap();
        let cause = Cause::of(&scenario);
        let of = |topology: &String| {
            let operators = scenario.expect.get(topology).into_iter().flat_map(|operators| operators.keys().copied());
            let chosen = operators.filter(|operator| pinned(&scenario, topology, *operator));
            chosen.map(|operator| (topology.clone(), operator)).collect::<Vec<_>>()
        };
        let expected = there.iter().flat_map(of).collect();
        cases.push(Case { scenario, expected, cause });
    }
    cases
}

fn as_expected(scenario: &str, topology: &str, operator: Operator) {
    let out = Out::new(env!("CARGO_TARGET_TMPDIR"));
    let (prepared, finished) = drill(&selection(scenario, topology, operator, out.path())).unwrap();
    if !finished.judgement.conforms {
        refuse("the drill did not end as its scenario says", &finished);
    }
    kept_apart(&finished);
    if finished.judgement.verdict == Verdict::Offline {
        paged_once_and_maintained(&finished);
    }
    let name = format!("drill-{scenario}-{topology}-{}.txt", operator.as_str());
    assert_snapshot(&name, &outline(&finished, &manifest(&finished.root)));
    token_is_nowhere(&finished);
    manifest_is_exact(&finished);
    if finished.judgement.verdict == Verdict::NotStarted {
        left_alone(&finished);
    } else {
        captures_keep_their_names(&prepared, &finished);
    }
    let again = bundle::rejudge(&finished.root).unwrap();
    assert_eq!(again.judgement, finished.judgement, "judged again, the stored drill comes to something else");
    assert_eq!(again.history, finished.history);
    manifest_is_exact(&finished);
}

fn paged_once_and_maintained(finished: &Finished) {
    let mut pages = Vec::new();
    let mut maintenance = Vec::new();
    for event in &finished.history.events {
        match &event.what {
            What::Paged { severity, reason, evidence, .. } => {
                assert!(!reason.trim().is_empty() && !evidence.trim().is_empty(), "a page without reason or evidence");
                pages.push(severity.clone());
            }
            What::MaintenanceSeen { outcome, retry_after } => maintenance.push((outcome.clone(), retry_after.clone())),
            _ => {}
        }
    }
    // Where a scenario says that page-once is broken, as-expected has held it against that.
    let once = !finished.judgement.broken.iter().any(|broken| broken == "page-once");
    if (pages == ["sev-1"]) != once {
        refuse(&format!("exactly one sev-1 page is due: {once}, and these came: {pages:?}"), finished);
    }
    match maintenance.as_slice() {
        [(outcome, Some(after))] if outcome == "503" && after.trim().parse::<u64>().is_ok() => {}
        other => refuse(&format!("a 503 with Retry-After in seconds is due, this was seen: {other:?}"), finished),
    }
}

fn token_is_nowhere(finished: &Finished) {
    let token = furnish::token(&finished.plan);
    for path in files_below(&finished.root) {
        let bytes = std::fs::read(&path).unwrap();
        let is_in = bytes.windows(token.len()).any(|window| window == token.as_bytes());
        assert!(!is_in && !path.to_string_lossy().contains(&token), "{} holds the planted token", path.display());
    }
}

/// Every file but the manifest itself is in it, with its size and SHA-256, and nothing else is.
fn manifest_is_exact(finished: &Finished) {
    let manifest = manifest(&finished.root);
    let mut found: Vec<BundleFile> = files_below(&finished.root)
        .into_iter()
        .map(|path| {
            let bytes = std::fs::read(&path).unwrap();
            let name = path.strip_prefix(&finished.root).unwrap().to_str().unwrap().to_owned();
            BundleFile { path: name, bytes: bytes.len() as u64, sha256: sha256_hex(&bytes) }
        })
        .filter(|file| file.path != bundle::MANIFEST)
        .collect();
    let mut listed = manifest.files;
    found.sort_by(|one, other| one.path.cmp(&other.path));
    listed.sort_by(|one, other| one.path.cmp(&other.path));
    assert_eq!(listed, found, "manifest and files of {}", finished.root.display());
}

fn manifest(root: &Path) -> Manifest {
    serde_json::from_slice(&std::fs::read(root.join(bundle::MANIFEST)).unwrap()).unwrap()
}

/// What the runbook's own commands write for the postmortem lies in the bundle under the name that the runbook gives it;
/// what they never write is listed as missing.
fn captures_keep_their_names(prepared: &Prepared, finished: &Finished) {
    let manifest = manifest(&finished.root);
    let has = |glob: &str| {
        let (before, after) = glob.split_once('*').unwrap_or((glob, ""));
        manifest.files.iter().any(|file| {
            let Some(name) = file.path.strip_prefix(&format!("{CAPTURES}/")) else { return false };
            if glob.contains('*') { name.starts_with(before) && name.ends_with(after) } else { name == glob }
        })
    };
    for requirement in &prepared.procedure.requirements {
        let missing = manifest.missing.iter().any(|missing| missing.item == requirement.id);
        let name = match &requirement.kind {
            RequirementKind::Files { glob, never_made: false } => glob.rsplit('/').next().unwrap(),
            RequirementKind::Command { file, .. } => file,
            RequirementKind::Files { never_made: true, .. } | RequirementKind::People => {
                assert!(missing, "{} cannot be in the bundle and is not listed as missing", requirement.id);
                continue;
            }
            RequirementKind::Releases | RequirementKind::Trigger => {
                assert!(!missing, "{} is missing", requirement.id);
                continue;
            }
        };
        if missing || !has(name) {
            refuse(&format!("{}: no capture `{name}` in the manifest: {:?}", requirement.id, manifest.files), finished);
        }
    }
}

/// The text decides: what is written into it runs, and what it prints is seen. The second of the two prints the planted
/// token, which shows that it is on the machine and that it is taken out before anything is written.
fn added_commands_run() {
    let out = Out::new(env!("CARGO_TARGET_TMPDIR"));
    let runbook =
        with_added_lines(out.path(), &["echo \"drill was here: $((40 + 2))\"", "sudo cat /etc/tensor-wasm/env"]);
    let mut wanted = selection("procedure-only", "systemd", Operator::Careful, out.path());
    wanted.binding = Some(workspace().join("scenarios/runbooks/rollback.binding.toml"));
    wanted.runbook = Some(runbook);
    let (_, finished) = drill(&wanted).unwrap();
    let mut outputs = Vec::new();
    for event in &finished.history.events {
        let What::CommandBegan { command, classes, .. } = &event.what else { continue };
        if *classes != [Class::Other] {
            continue;
        }
        let output = finished.history.events.iter().find_map(|other| match &other.what {
            What::CommandEnded { command: ended, exit: 0, output, .. } if ended == command => Some(output.clone()),
            _ => None,
        });
        outputs.push(output.unwrap_or_else(|| refuse("an added command did not end with 0", &finished)));
    }
    let masked = |text: &String| text.contains(MASK) && text.contains("TENSOR_WASM");
    match outputs.as_slice() {
        [first, second] if first.trim() == "drill was here: 42" && masked(second) => {}
        other => refuse(&format!("the outputs of the two added commands: {other:?}"), &finished),
    }
    token_is_nowhere(&finished);
    if finished.judgement.verdict != Verdict::Recovered {
        refuse("two more commands change how it ends", &finished);
    }
}

/// A copy of the project's runbook whose first systemd step ends with these lines.
fn with_added_lines(folder: &Path, lines: &[&str]) -> PathBuf {
    let text = std::fs::read_to_string(workspace().join("scenarios/runbooks/rollback.md")).unwrap();
    let last_of_step_1 = "systemctl status tensor-wasm > /tmp/tensor-wasm-status-pre.txt\n";
    assert_eq!(text.matches(last_of_step_1).count(), 1, "the runbook's first step has changed");
    let path = folder.join("rollback.md");
    let added = format!("{last_of_step_1}{}\n", lines.join("\n"));
    std::fs::write(&path, text.replace(last_of_step_1, &added)).unwrap();
    path
}
