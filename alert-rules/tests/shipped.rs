//! The rule file and the indicators below `scenarios/alerts/`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "for tests: what fails here shall end the test that uses it")]

use std::path::PathBuf;

use alert_rules::slis::{self, Direction, Sli};
use alert_rules::{Comparison, RuleFile};

fn text(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../scenarios/alerts").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn rules() -> RuleFile {
    RuleFile::read(&text("tensor-wasm.yml"), "tensor-wasm.yml").unwrap()
}

fn indicators() -> Vec<Sli> {
    slis::read(&text("slis.toml"), "slis.toml").unwrap()
}

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// Runbook, alert, severity, bound, windows, `for`.
type Row = (&'static str, &'static str, &'static str, f64, &'static [u64], u64);

/// As the table of alerts in the contract of the node has them.
const TABLE: [Row; 6] = [
    ("availability-fast-burn", "TensorWasmAvailabilityFastBurn", "page", 0.072, &[5 * MINUTE, HOUR], 2 * MINUTE),
    ("availability-slow-burn", "TensorWasmAvailabilitySlowBurn", "page", 0.03, &[30 * MINUTE, 6 * HOUR], 15 * MINUTE),
    (
        "availability-very-slow-burn",
        "TensorWasmAvailabilityVerySlowBurn",
        "ticket",
        0.005,
        &[6 * HOUR, 72 * HOUR],
        HOUR,
    ),
    ("invoke-latency-spike", "TensorWasmInvokeLatencySpike", "page", 0.5, &[5 * MINUTE, HOUR], 5 * MINUTE),
    ("healthz-slow", "TensorWasmHealthzSlow", "ticket", 0.01, &[30 * MINUTE], 30 * MINUTE),
    ("dispatch-latency-spike", "TensorWasmDispatchLatencySpike", "page", 0.00005, &[5 * MINUTE, HOUR], 5 * MINUTE),
];

#[test]
fn the_six_rules_are_as_the_table_has_them() {
    let file = rules();
    assert_eq!(file.rules().count(), TABLE.len());
    assert!(file.groups.iter().all(|group| group.interval_ms == Some(30_000)));
    for (runbook, name, severity, bound, windows, for_ms) in TABLE {
        let rule = file.of_runbook(runbook).unwrap_or_else(|| panic!("{runbook}"));
        assert_eq!((&*rule.name, rule.severity(), rule.for_ms), (name, Some(severity), for_ms));
        let conditions = rule.expr.conditions();
        assert!(conditions.iter().all(|part| part.op == Comparison::Greater && part.bound == bound), "{name}");
        let of: Vec<_> = conditions.iter().map(|part| part.value.longest_window_ms()).collect();
        assert_eq!(of, windows.iter().copied().map(Some).collect::<Vec<_>>(), "{name}");
        assert!(conditions.iter().all(|part| part.value.gives_one_number()), "{name}");
    }
}

#[test]
fn the_rules_are_scaled_by_what_drills_are_run_at() {
    for divisor in [1, 10, 20, 60, 100] {
        let scaled = rules().scaled(divisor).unwrap();
        let again = RuleFile::read(&scaled.to_yaml(), "scaled.yml").unwrap();
        for (rule, read) in scaled.rules().zip(again.rules()) {
            assert_eq!((&rule.expr, rule.for_ms, &rule.labels), (&read.expr, read.for_ms, &read.labels), "{divisor}");
        }
    }
    assert!(rules().scaled(7).is_err());
}

#[test]
fn the_five_indicators_are_as_the_objectives_say() {
    let told: Vec<_> = indicators().iter().map(|sli| (sli.name.clone(), sli.direction, sli.target)).collect();
    let expected = [
        ("availability_http", Direction::AtLeast, 0.995),
        ("error_rate_invoke", Direction::AtMost, 0.01),
        ("invoke_p95", Direction::AtMost, 0.1),
        ("healthz_p95", Direction::AtMost, 0.01),
        ("dispatch_p95", Direction::AtMost, 0.00005),
    ];
    assert_eq!(told, expected.map(|(name, direction, target)| (name.to_owned(), direction, target)));
    for sli in indicators() {
        for expr in [&sli.value, &sli.traffic] {
            assert_eq!((expr.shortest_window_ms(), expr.longest_window_ms()), (Some(5 * MINUTE), Some(5 * MINUTE)));
        }
        assert_eq!(sli.burn.as_ref().map(|burn| burn.below), (sli.over_ms > HOUR).then_some(0.005), "{}", sli.name);
    }
}
