//! The neighbour that is the rules engine: who stops it loses sight of the alerts.

use std::sync::Arc;

use operator_agent::protocol::{Happened, Monitoring};
use std::collections::BTreeMap;

use super::*;
use crate::{agent, monitoring};

/// One rule, no past.
fn rules() -> Monitoring {
    Monitoring {
        rules: "groups:\n- name: n\n  rules:\n  - alert: Down\n    expr: up == 0\n".into(),
        job: "tensor-wasm".into(),
        scrape_ms: 250,
        evaluate_ms: 250,
        lookback_ms: 5_000,
        past: Vec::new(),
        active: Vec::new(),
        readings: BTreeMap::new(),
    }
}

/// How often alerts were seen while commands were run and in the two seconds after them, and how often it was told that they
/// are not.
fn looks(host: &mut Host, lines: &[&str]) -> (usize, usize) {
    host.machine.reports.clear();
    for line in lines {
        host.ok(line);
    }
    host.wait(2.0);
    let count = |wanted: fn(&Happened) -> bool| host.machine.reports.iter().filter(|one| wanted(&one.what)).count();
    let seen = count(|what| matches!(what, Happened::AlertsSeen { .. }));
    (seen, count(|what| matches!(what, Happened::AlertsUnseen { .. })))
}

#[test]
fn alerts_are_seen_while_the_container_of_the_rules_engine_runs() {
    let mut host = Host::new();
    agent::begin(&mut host.machine, crate::spec::bare_setup(5));
    host.ok("docker compose up --detach --quiet-pull");
    host.wait(0.2);
    monitoring::start(&mut host.machine, &Arc::new(rules())).unwrap();
    assert!(matches!(looks(&mut host, &["docker compose stop jaeger"]), (2.., 0)), "another neighbour is none of it");
    for (gone, back) in [
        ("docker compose stop prometheus", "docker compose start prometheus"),
        ("docker rm --force prometheus", "docker compose up --detach --quiet-pull"),
    ] {
        assert_eq!(looks(&mut host, &[gone]).1, 1, "{gone}");
        assert_eq!(looks(&mut host, &[]), (0, 0), "{gone}: it is told once");
        assert!(matches!(looks(&mut host, &[back]), (2.., 0)), "{back}");
    }
}
