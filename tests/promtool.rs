//! `alert-rules` against Prometheus' own engine: what it says of generated expressions and alert rules is what `promtool test
//! rules` has to find. Without promtool the tests are ignored, or fail where it has to be there.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "for tests: what fails here shall end the test that uses it"
)]

use std::path::Path;

use alert_rules::{Engine, RuleFile};
use conformance::containers::{run_trials, workspace};
use conformance::promql::{alerts, tool, values};
use libtest_mimic::Trial;

/// Decides all series, expressions and rules.
const SEED: u64 = 20_240_611;
/// Files of values, and of alerts, each with series of its own.
const VALUE_FILES: u64 = 16;
const ALERT_FILES: u64 = 4;
/// Intervals of the series of each.
const VALUE_COUNT: usize = 150;
const ALERT_COUNT: usize = 120;
/// Of a failure, what is shown.
const SHOWN_CHARS: usize = 6_000;
/// Time scales at which rules have to come out as rules.
const DIVISORS: [u64; 4] = [1, 10, 60, 100];

fn main() {
    let gate = tool::gate();
    let trials = vec![
        Trial::test("promtool::versions", || {
            versions();
            Ok(())
        }),
        tool::trial(&gate, "promtool::values", values_are_equal),
        tool::trial(&gate, "promtool::alerts", alerts_are_equal),
        tool::trial(&gate, "promtool::canary", a_wrong_expectation_is_seen),
        tool::trial(&gate, "promtool::rule-files", |_| rule_files_are_taken()),
    ];
    run_trials(trials, 2);
}

/// Runs promtool over test files that lie in a folder.
fn test(folder: &Path, files: &[String]) {
    let arguments: Vec<&str> = ["test", "rules"].into_iter().chain(files.iter().map(String::as_str)).collect();
    if let Err(said) = tool::run(folder, &arguments) {
        let shown: String = said.chars().take(SHOWN_CHARS).collect();
        panic!("seed {SEED}; promtool finds otherwise (`exp` is alert-rules, `got` is Prometheus):\n{shown}");
    }
}

fn values_are_equal(engine: Engine) {
    let folder = tempfile::tempdir().unwrap();
    let mut account = values::Account::default();
    let mut files = Vec::new();
    for index in 0..VALUE_FILES {
        let name = format!("values-{index}.yml");
        std::fs::write(folder.path().join(&name), values::file(SEED + index, VALUE_COUNT, engine, &mut account))
            .unwrap();
        files.push(name);
    }
    println!("{account:?}");
    assert!(account.series >= 500 && account.nan >= 50 && account.empty >= 100, "{account:?}");
    assert!(account.samples.values().all(|samples| *samples >= 20), "{account:?}");
    test(folder.path(), &files);
}

fn alerts_are_equal(engine: Engine) {
    let folder = tempfile::tempdir().unwrap();
    let mut account = alerts::Account::default();
    let mut files = Vec::new();
    for index in 0..ALERT_FILES {
        let (name, rules) = (format!("alerts-{index}.yml"), format!("rules-{index}.yml"));
        let (file, text) = alerts::files(SEED + 1_000 + index, ALERT_COUNT, &rules, engine, &mut account);
        std::fs::write(folder.path().join(&rules), file.to_yaml()).unwrap();
        std::fs::write(folder.path().join(&name), text).unwrap();
        files.push(name);
    }
    println!("{account:?}");
    assert!(account.fired >= 50 && account.cleared >= 50 && account.pending >= 100, "{account:?}");
    test(folder.path(), &files);
}

/// Each kind of expectation, changed a little, fails.
fn a_wrong_expectation_is_seen(engine: Engine) {
    let folder = tempfile::tempdir().unwrap();
    let (mut values, mut alerts) = (values::Account::default(), alerts::Account::default());
    let value = values::file(SEED, VALUE_COUNT, engine, &mut values);
    let (rules, alert) = alerts::files(SEED + 1_000, ALERT_COUNT / 2, "rules.yml", engine, &mut alerts);
    std::fs::write(folder.path().join("rules.yml"), rules.to_yaml()).unwrap();
    for (name, text, from, to) in [
        ("a value", &value, "            value: ", "            value: 1"),
        ("no sample", &value, "          - labels: '{", "          - labels: '{more=\"1\", "),
        ("who fires", &alert, "              severity: 'page'", "              severity: 'ticket'"),
        ("since when", &alert, "            value: ", "            value: 1"),
        ("which state", &alert, "alertstate=\"pending\"", "alertstate=\"firing\""),
    ] {
        let (head, tail) = text.split_at(text.rfind(from).unwrap_or_else(|| panic!("{name}: {from} is nowhere")));
        std::fs::write(folder.path().join("wrong.yml"), format!("{head}{to}{}", &tail[from.len()..])).unwrap();
        let said = tool::run(folder.path(), &["test", "rules", "wrong.yml"]).expect_err(name);
        assert!(said.contains("exp:") && said.contains("got:"), "{name}: {said}");
    }
}

fn rule_files_are_taken() {
    let folder = workspace().join("scenarios/alerts");
    let scratch = tempfile::tempdir().unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let file = RuleFile::read(&text, &path.display().to_string()).unwrap();
        let found = format!("{} rules found", file.rules().count());
        tool::run(&folder, &["check", "rules", &path.display().to_string()])
            .map(|said| assert!(said.contains(&found)))
            .unwrap();
        for divisor in DIVISORS {
            let scaled = scratch.path().join("scaled.yml");
            std::fs::write(&scaled, file.scaled(divisor).unwrap().to_yaml()).unwrap();
            let said = tool::run(scratch.path(), &["check", "rules", "scaled.yml"]).unwrap();
            assert!(said.contains(&found), "{divisor}: {said}");
        }
        seen += 1;
    }
    assert!(seen > 0);
}

fn versions() {
    for (said, engine) in [
        ("promtool, version 2.42.0+ds (branch: debian/sid, revision: 2.42.0+ds-5+deb12u1)\n", Some(Engine::V2_42)),
        ("promtool, version 2.53.3+ds1 (branch: debian/sid, revision: 2.53.3+ds1-2)\n", Some(Engine::V2_53)),
        ("promtool, version 2.50.0 (x)", None),
        ("promtool, version 3.1.0 (x)", None),
        ("prometheus, version 2.53.3 (x)", None),
        ("", None),
    ] {
        assert_eq!(tool::of_version(said).ok(), engine, "{said}");
    }
}
