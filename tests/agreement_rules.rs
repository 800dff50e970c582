//! The rules of the comparison in `agreement/`, on drills that are made up: what is compared, what is not, what is excused.

use std::collections::BTreeMap;

use conformance::agreement::canon::Canon;
use conformance::agreement::cells::{Cell, RUNS, stand_for_others};
use conformance::agreement::compare::{Agreement, TOLERANCE_US, compare};
use conformance::agreement::gaps::{self, Gap};
use conformance::agreement::observe::{Kind, Observation};
use rollback_harness::scenario::Operator;
use rollback_harness::verdict::Verdict;

fn seen(facts: &[(Kind, &str, &str)], times: &[(&str, u64)]) -> Observation {
    Observation {
        facts: facts.iter().map(|(kind, name, value)| ((*kind, (*name).to_owned()), (*value).to_owned())).collect(),
        times: times.iter().map(|(name, us)| ((*name).to_owned(), *us)).collect(),
        own_words: facts
            .iter()
            .filter(|(kind, ..)| *kind == Kind::Chatter)
            .map(|(_, name, _)| (*name).to_owned())
            .collect(),
    }
}

#[test]
fn what_all_containers_have_is_compared_and_what_varies_is_not() {
    let first = seen(&[(Kind::Status, "a", "0"), (Kind::Output, "b", "one"), (Kind::Output, "d", "x")], &[]);
    let second = seen(&[(Kind::Status, "a", "0"), (Kind::Output, "b", "two"), (Kind::Output, "d", "x")], &[]);
    let simulated = seen(&[(Kind::Status, "a", "1"), (Kind::Output, "b", "three"), (Kind::Machine, "c", "new")], &[]);
    let agreement = compare(&[first, second], &simulated);
    let differ: Vec<_> = agreement.differences.iter().map(|one| (one.kind, one.name.as_str())).collect();
    assert_eq!(differ, [(Kind::Status, "a"), (Kind::Machine, "c"), (Kind::Output, "d")]);
    assert_eq!(agreement.varied, BTreeMap::from([(Kind::Output, vec!["b".to_owned()])]));
    assert_eq!(agreement.compared, BTreeMap::from([(Kind::Status, 1), (Kind::Machine, 1), (Kind::Output, 1)]));
}

#[test]
fn a_fact_that_one_container_lacks_varies() {
    let (with, without) = (seen(&[(Kind::Finding, "a", "found")], &[]), seen(&[], &[]));
    let agreement = compare(&[with.clone(), without], &with);
    assert_eq!(agreement.differences, []);
    assert_eq!(agreement.varied.get(&Kind::Finding).map(Vec::len), Some(1));
}

#[test]
fn only_words_that_the_simulator_calls_its_own_are_chatter() {
    let container = seen(&[(Kind::Chatter, "pull", "real")], &[]);
    let own = seen(&[(Kind::Chatter, "pull", "other")], &[]);
    let kinds = |simulated| {
        compare(std::slice::from_ref(&container), &simulated).differences.iter().map(|one| one.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(own.clone()), [Kind::Chatter]);
    assert_eq!(kinds(Observation { own_words: Default::default(), ..own }), [Kind::Output]);
}

#[test]
fn a_duration_has_to_lie_where_the_containers_lie() {
    let containers = [seen(&[], &[("stop", 1_000_000)]), seen(&[], &[("stop", 1_200_000)])];
    let outside = |us| compare(&containers, &seen(&[], &[("stop", us)])).outside.len();
    assert_eq!(outside(1_000_000 - TOLERANCE_US), 0);
    assert_eq!(outside(1_200_000 + TOLERANCE_US), 0);
    assert_eq!(outside(1_000_000 - TOLERANCE_US - 1), 1);
    assert_eq!(outside(1_200_000 + TOLERANCE_US + 1), 1);
    assert_eq!(compare(&containers, &seen(&[], &[("stop", 0)])).times, 1);
}

#[test]
fn on_another_machine_a_duration_has_to_lie_within_a_factor() {
    let containers = [seen(&[], &[("stop", 4_000_000)]), seen(&[], &[("stop", 6_000_000)])];
    let beyond = |us| compare(&containers, &seen(&[], &[("stop", us)])).outside[0].beyond_factor(2);
    assert!(!beyond(2_000_000) && !beyond(12_000_000));
    assert!(beyond(1_800_000) && beyond(12_300_000), "less than half of the shortest, more than twice the longest");
    // What takes no time at all on containers is no measure of a machine: the bound itself still holds.
    let short = [seen(&[], &[("stop", 0)])];
    assert!(compare(&short, &seen(&[], &[("stop", TOLERANCE_US + 1)])).outside[0].beyond_factor(2));
}

#[test]
fn ids_and_times_are_taken_out_by_kind() {
    let cases = [
        ("Main PID: 602 (tensor-wasm)", "Main PID: [pid] (tensor-wasm)"),
        ("Nov 25 01:44:41.408357 host a[1]: up", "[time] host a[pid]: up"),
        ("since Wed 2026-11-25 01:44:46 UTC; 4s ago", "since [time]; [duration] ago"),
        ("since Wed 2026-11-25 01:44:46 UTC; 1min 4s ago", "since [time]; [duration] ago"),
        ("a  5 seconds ago  Up 4 seconds  b", "a  [duration] ago  Up [duration]  b"),
        ("at 2026-11-25T01:44:35.315732034Z", "at [time]"),
        ("requests_total{route=\"/healthz\"} 98", "requests_total{route=\"/healthz\"} [sample]"),
        ("\"p50_seconds\":0.0005", "\"p50_seconds\":\"[duration]\""),
        // A version, a status or a number of digits only is none of these.
        ("v0.3.8 ended 125 at line 112", "v0.3.8 ended 125 at line 112"),
        ("123456789012", "123456789012"),
    ];
    for (text, wanted) in cases {
        assert_eq!(Canon::default().text(text), wanted);
    }
}

#[test]
fn the_same_id_keeps_its_name_and_another_gets_another() {
    let (one, two) = ("a".repeat(64), "b".repeat(64));
    let mut canon = Canon::default();
    assert_eq!(canon.text(&format!("{one} {two} {one}")), "[id 0] [id 1] [id 0]");
    assert_eq!(canon.text("aaaaaaaaaaaa in short"), "[id 0] in short");
    let look = canon.look("up 2026-11-25T01:44:14.1Z, then 2026-11-25T01:44:15.1Z");
    assert_eq!(look, "up [time 1], then [time 2]");
    assert_eq!(canon.look("up 2026-11-25T01:44:14.1Z"), "up [time 1]", "the same moment");
}

fn gap(kinds: &str, names: &str) -> String {
    let beyond = if kinds == gaps::TIME { "beyond_ms = 7750\n" } else { "" };
    format!("[[gap]]\nid = 'g'\ncells = 'a-.*'\nkinds = ['{kinds}']\nnames = '{names}'\n{beyond}reason = 'because'\n")
}

#[test]
fn gaps_are_read_strictly() {
    assert!(gaps::known().is_ok());
    let wrong = [
        (gap("verdict", "x"), "a verdict that differs cannot be a known gap"),
        (gap("colour", "x"), "no kind `colour`"),
        (gap("output", "("), "unclosed group"),
        (gap("output", "x").replace("because", " "), "no reason"),
        (gap("output", "x") + "beyond_ms = 1\n", "`beyond_ms` is for durations"),
        (gap("time", "x").replace("beyond_ms = 7750\n", ""), "`beyond_ms` is for durations"),
        (gap("output", "x").replace("reason", "why"), "unknown field `why`"),
    ];
    for (text, says) in wrong {
        let error = gaps::parse(&text).unwrap_err();
        assert!(error.starts_with("tests/agreement/gaps.toml: ") && error.contains(says), "{error}");
    }
}

/// A comparison in which an output, a piece of chatter and a duration differ.
fn differing() -> Agreement {
    let facts = [(Kind::Output, "log", "a"), (Kind::Chatter, "pull", "b"), (Kind::Verdict, "verdict", "recovered")];
    let containers = vec![seen(&facts, &[("stop", 1_000_000)]); RUNS];
    let facts = [(Kind::Output, "log", "x"), (Kind::Chatter, "pull", "y"), (Kind::Verdict, "verdict", "recovered")];
    compare(&containers, &seen(&facts, &[("stop", 9_000_000)]))
}

#[test]
fn a_gap_excuses_what_it_names_and_nothing_else() {
    let agreement = differing();
    let left = |cell: &str, gaps: &[Gap]| {
        let (differences, outside) = gaps::unexplained(cell, &agreement, gaps);
        (differences.len(), outside.len())
    };
    // Chatter is never held against the simulator.
    assert_eq!(left("a-b", &[]), (1, 1));
    let (output, time) = (gaps::parse(&gap("output", "log")).unwrap(), gaps::parse(&gap("time", "stop")).unwrap());
    assert_eq!(left("a-b", &output), (0, 1));
    assert_eq!(left("a-b", &time), (1, 0));
    // It lies 7.75 s beyond the bound.
    let less = gaps::parse(&gap("time", "stop").replace("7750", "7749")).unwrap();
    assert_eq!(left("a-b", &less), (1, 1), "further than the gap says");
    assert_eq!(left("b-b", &output), (1, 1), "another cell");
    assert_eq!(left("a-b", &gaps::parse(&gap("output", "lo")).unwrap()), (1, 1), "names are matched whole");
}

#[test]
fn rare_verdicts_stand_for_others_first() {
    use Verdict::{GivenUp, NotStarted, Offline, Recovered, Unsafe};
    let cells = |rows: &[(&str, &str, Verdict)]| {
        let of = |(scenario, topology, verdict): &(&str, &str, Verdict)| Cell {
            scenario: (*scenario).to_owned(),
            topology: (*topology).to_owned(),
            operator: Operator::Careful,
            verdict: *verdict,
            faults: vec![],
            decided_by: String::new(),
        };
        rows.iter().map(of).collect::<Vec<_>>()
    };
    let chosen = |rows: &[_]| stand_for_others(&cells(rows)).into_iter().map(Cell::name).collect::<Vec<_>>();
    let rare =
        [("a", "docker", Recovered), ("b", "docker", Recovered), ("a", "systemd", Unsafe), ("c", "docker", Unsafe)];
    assert_eq!(chosen(&rare), ["a-docker-careful", "a-systemd-careful"], "as many of each: by name");
    let more = [&rare[..], &[("c", "systemd", Recovered)]].concat();
    assert_eq!(chosen(&more), ["a-systemd-careful", "a-docker-careful"], "the rare one takes the last topology");
    let once = [&more[..], &[("z", "docker", GivenUp)]].concat();
    assert_eq!(chosen(&once), ["z-docker-careful", "a-systemd-careful"]);
    let idle = [("a", "systemd", NotStarted), ("b", "systemd", Offline), ("c", "systemd", Offline)];
    assert_eq!(chosen(&idle), ["b-systemd-careful"], "where nothing is run, last");
}
