//! Test files that expect the alerts that `alert-rules` has, at every evaluation.

#![expect(clippy::panic, reason = "for tests: what fails here shall end the test that uses it")]

use std::fmt::Write;

use alert_rules::duration::Millis;
use alert_rules::{AlertState, Alerting, Engine, Labels, RuleFile};

use super::expressions::alert;
use super::random::Random;
use super::series::Input;

/// Rules of a file.
const RULES: usize = 12;

/// What a file compares.
#[derive(Clone, Copy, Debug, Default)]
pub struct Account {
    /// Evaluations.
    pub evaluations: usize,
    /// Alerts that were pending, counted at each evaluation.
    pub pending: usize,
    /// The same of firing.
    pub firing: usize,
    /// How often a rule began to fire.
    pub fired: usize,
    /// How often a rule ceased to.
    pub cleared: usize,
}

/// A rule file and its test file over `count` intervals, which names it `rules`; the same for the same seed.
pub fn files(seed: u64, count: usize, rules: &str, engine: Engine, account: &mut Account) -> (RuleFile, String) {
    let mut random = Random::new(seed);
    let input = Input::make(&mut random, count, true);
    let interval_ms = *random.pick(&[15_000, 30_000, 60_000]);
    let file = rule_file(&mut random, interval_ms);
    let store = input.store(engine);

    let mut out = format!("rule_files: [{rules}]\nevaluation_interval: {}\ntests:\n", Millis(interval_ms));
    input.write(&mut out);
    let (mut fires, mut series) = ("    alert_rule_test:\n".to_owned(), "    promql_expr_test:\n".to_owned());
    let mut alerting = Alerting::new(&file);
    let mut before: Vec<AlertState> = Vec::new();
    for t_ms in (0..=input.end_ms() + 330_000).step_by(interval_ms as usize) {
        alerting.evaluate(&store, t_ms as i64).unwrap_or_else(|error| panic!("{error}"));
        account.evaluations += 1;
        let states: Vec<AlertState> = file.rules().map(|rule| alerting.state(&rule.name)).collect();
        for (was, is) in before.iter().zip(&states) {
            let firing = (*was == AlertState::Firing, *is == AlertState::Firing);
            account.fired += usize::from(firing == (false, true));
            account.cleared += usize::from(firing == (true, false));
        }
        before = states;
        for rule in file.rules() {
            expect_firing(&mut fires, &alerting, &rule.name, t_ms);
        }
        expect_series(&mut series, &alerting, t_ms);
        for (_, active) in alerting.active() {
            account.pending += usize::from(active.state == AlertState::Pending);
            account.firing += usize::from(active.state == AlertState::Firing);
        }
    }
    (file, out + &fires + &series)
}

fn rule_file(random: &mut Random, interval_ms: u64) -> RuleFile {
    let mut text = format!("groups:\n- name: made\n  interval: {}\n  rules:\n", Millis(interval_ms));
    for index in 0..RULES {
        let pending = *random.pick(&["0s", "30s", "1m", "2m30s", "5m", "45s"]);
        let expr = alert(random);
        let _ = write!(
            text,
            "  - alert: Made{index}\n    expr: '{expr}'\n    for: {pending}\n    labels: {{severity: page}}\n    annotations: {{about: 'rule {index}'}}\n"
        );
    }
    RuleFile::read(&text, "made.yml").unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The alerts of a rule that fire at a time.
fn expect_firing(out: &mut String, alerting: &Alerting, name: &str, t_ms: u64) {
    let _ = write!(out, "      - alertname: {name}\n        eval_time: {}\n", Millis(t_ms));
    let mut heading = "        exp_alerts:\n";
    for (labels, _) in alerting.alerts(name).filter(|(_, active)| active.state == AlertState::Firing) {
        let _ = writeln!(out, "{heading}          - exp_labels:");
        heading = "";
        for (label, value) in labels.iter().filter(|(label, _)| *label != "alertname") {
            let _ = writeln!(out, "              {label}: '{value}'");
        }
        let _ = write!(out, "            exp_annotations:\n              about: 'rule {}'\n", &name["Made".len()..]);
    }
}

/// The series that Prometheus writes of its alerts: in which state each is, and since when.
fn expect_series(out: &mut String, alerting: &Alerting, t_ms: u64) {
    let mut write = |query: &str, samples: Vec<(Labels, f64)>| {
        let _ = write!(out, "      - expr: {query}\n        eval_time: {}\n", Millis(t_ms));
        let mut heading = "        exp_samples:\n";
        for (labels, value) in samples {
            let _ = write!(out, "{heading}          - labels: '{labels}'\n            value: {value}\n");
            heading = "";
        }
    };
    let named = |labels: &Labels, name: &str| labels.with([("__name__", name)]);
    let state = alerting
        .active()
        .map(|(labels, active)| (named(labels, "ALERTS").with([("alertstate", active.state.to_string())]), 1.0));
    write("ALERTS", state.collect());
    let since =
        alerting.active().map(|(labels, active)| (named(labels, "ALERTS_FOR_STATE"), (active.since_ms / 1000) as f64));
    write("ALERTS_FOR_STATE", since.collect());
}
