//! Alerts that fire in place of those of a file.

use super::*;
use crate::decide::input::parse;
use crate::decide::tests::rules_of_project;
use crate::history::event::{Call, Source};

const HOUR_US: u64 = 3_600_000_000;

fn question(seen: &str) -> Question {
    let source = || Source { path: "r.md".into(), sha256: String::new() };
    let text = format!("schema = 1\nnow = 2026-03-14T12:00:00Z\n{seen}");
    let asked = Asked { runbook: source(), binding: source(), from: "i.toml".into() };
    let spending = Spending { runbook: "availability-slow-burn".into(), query: "spent".into(), budget: 0.005 };
    let spending = [("SlowBurn".to_owned(), spending)].into();
    Question::new(rules_of_project(), parse("i.toml", text.as_bytes()).unwrap(), asked, spending)
}

/// Alerts by rule, where they lead and how many seconds of the drill they have fired.
fn firing(alerts: &[(&str, Option<&str>, u64)]) -> BTreeMap<String, Firing> {
    let one = |(name, runbook, s): &(&str, Option<&str>, u64)| {
        let since_us = HOUR_US as i64 - *s as i64 * 1_000_000;
        ((*name).to_owned(), Firing { runbook: runbook.map(str::to_owned), since_us })
    };
    alerts.iter().map(one).collect()
}

fn decide(question: &Question, scale: u64, alerts: &[(&str, Option<&str>, u64)]) -> Decision {
    question.by_alerts(Looked { at_us: HOUR_US, scale, firing: &firing(alerts), graphs: &[].into() })
}

const DEPLOYED: &str = "[[deploys]]\nat = 2026-03-14T11:20:00Z\nversion = \"0.4.0\"\ncrates = []\n";
const FAST: (&str, Option<&str>, u64) = ("FastBurn", Some("availability-fast-burn"), 3);
const KNOWN: &str = "[[alerts]]\nname = \"availability-fast-burn\"\nsince = 2026-03-14T11:57:00Z\n";

#[test]
fn what_fires_decides_and_not_what_the_file_says_of_alerts() {
    let (silent, loud) = (question(&format!("alerts = []\n{DEPLOYED}")), question(&format!("{KNOWN}{DEPLOYED}")));
    assert_eq!((silent.by_file().call, loud.by_file().call), (Call::DoNotRollBack, Call::RollBack));
    for question in [&silent, &loud] {
        let (fires, quiet) = (decide(question, 60, &[FAST]), decide(question, 60, &[]));
        assert_eq!((fires.call, fires.because), (Call::RollBack, Some(1)));
        assert_eq!((quiet.call, quiet.because), (Call::DoNotRollBack, None));
        assert!(quiet.seen.unwrap().alerts.is_empty());
        let live = fires.live.unwrap();
        assert_eq!((live.at_us, live.scale, live.firing), (HOUR_US, 60, firing(&[FAST])));
    }
    // Without a deploy nothing plausibly correlates, whatever fires.
    assert_eq!(decide(&question(&format!("deploys = []\n{KNOWN}")), 60, &[FAST]).call, Call::DoNotRollBack);
}

#[test]
fn since_when_is_told_in_the_time_of_the_runbook() {
    let question = question(&format!("alerts = []\n{DEPLOYED}"));
    for (scale, since) in [(60, "2026-03-14T11:57:00Z"), (1, "2026-03-14T11:59:57Z")] {
        let seen = decide(&question, scale, &[FAST]).seen.unwrap();
        assert_eq!((seen.alerts[0].since.as_str(), seen.alerts[0].for_ms), (since, scale * 3_000));
        assert_eq!(seen.deploys[0].ago_ms, 40 * 60_000);
    }
    // 40 s at 60 are 40 min: as long ago as the deploy was done, and one more second is before it.
    let at = |s| decide(&question, 60, &[("FastBurn", FAST.1, s)]).call;
    assert_eq!((at(40), at(41)), (Call::RollBack, Call::DoNotRollBack));
    // 30 min of a slow burn are long enough; of its rate nothing is known.
    let slow = |s| {
        let decision = decide(&question, 60, &[("SlowBurn", Some("availability-slow-burn"), s)]);
        assert_eq!(decision.call, Call::DoNotRollBack);
        decision.conditions[1].holds.as_str()
    };
    assert_eq!((slow(29), slow(30)), ("no", "unknown"));
}

#[test]
fn an_alert_goes_by_the_runbook_that_it_leads_to() {
    let question = question(&format!("alerts = []\n{DEPLOYED}"));
    let named = |decision: Decision| decision.seen.unwrap().alerts;
    let alerts = named(decide(&question, 60, &[FAST, ("Another", FAST.1, 5), ("Nowhere", None, 1)]));
    let told: Vec<(&str, u64)> = alerts.iter().map(|alert| (alert.name.as_str(), alert.for_ms)).collect();
    assert_eq!(told, [("Nowhere", 60_000), ("availability-fast-burn", 300_000)], "the older of the two");
    let decision = decide(&question, 60, &[("Nowhere", None, 1)]);
    assert!(decision.warnings[0].starts_with("no condition names the alert `Nowhere`"), "{:?}", decision.warnings);
}

#[test]
fn what_the_file_says_otherwise_is_told() {
    let other = "[[alerts]]\nname = \"healthz-slow\"\nsince = 2026-03-14T11:00:00Z\n";
    let question = question(&format!("{KNOWN}{other}{DEPLOYED}"));
    let differs = |alerts: &[(&str, Option<&str>, u64)]| decide(&question, 60, alerts).live.unwrap().differs;
    let healthz = "`healthz-slow` does not fire; by i.toml it does, since 2026-03-14T11:00:00Z, 1 h";
    assert_eq!(differs(&[FAST]), [healthz], "it fires since when the file says");
    let later =
        "`availability-fast-burn` fires since 2026-03-14T11:58:00Z, 2 min; by i.toml since 2026-03-14T11:57:00Z, 3 min";
    assert_eq!(differs(&[("FastBurn", FAST.1, 2)]), [later, healthz]);
    let unknown = "`invoke-latency-spike` fires since 2026-03-14T11:59:00Z, 1 min; by i.toml it does not";
    let gone = "`availability-fast-burn` does not fire; by i.toml it does, since 2026-03-14T11:57:00Z, 3 min";
    assert_eq!(differs(&[("Latency", Some("invoke-latency-spike"), 1)]), [unknown, gone, healthz]);
}

fn point(before_ms: i64, value: Option<f64>, failure: Option<&str>) -> Point {
    let at_us = HOUR_US as i64 - before_ms * 1000;
    Point { at_us, value, failure: failure.map(str::to_owned) }
}

/// The condition asks for readings that are 15 min apart, which are 15 s of a drill at 60.
#[test]
fn a_burn_that_goes_on_is_told_from_one_that_abates_by_the_alerts_graph() {
    let question = question(&format!("alerts = []\n{DEPLOYED}"));
    assert_eq!(question.graphs(60)["SlowBurn"], Graph { query: "spent".into(), apart_ms: 15_000 });
    assert_eq!(question.graphs(7)["SlowBurn"].apart_ms, 128_572, "not less");
    let slow = |s: u64, earlier: Point, later: Point| {
        let graphs = [("SlowBurn".to_owned(), TwoPoints { earlier, later })].into();
        let firing = firing(&[("SlowBurn", Some("availability-slow-burn"), s)]);
        question.by_alerts(Looked { at_us: HOUR_US, scale: 60, firing: &firing, graphs: &graphs })
    };
    let read = |share: f64| (point(15_002, Some(share), None), point(2, Some(share * 0.91), None));
    let (earlier, later) = read(0.1);
    let persists = slow(30, earlier.clone(), later.clone());
    assert_eq!((persists.call, persists.because), (Call::RollBack, Some(2)), "9 % less is no abating");
    assert_eq!(
        persists.conditions[1].said.last().unwrap(),
        "its burn rate went from 20 to 18.2 in 15 min: abating is a fall by at least 10%, supplied for `without getting better`"
    );
    let seen = persists.live.unwrap().graphs;
    assert_eq!(seen["SlowBurn"], TwoPoints { earlier: earlier.clone(), later: later.clone() });
    assert_eq!(slow(29, earlier.clone(), later.clone()).because, None, "not for long enough");
    let abates = slow(30, earlier.clone(), point(2, Some(0.09), None));
    assert_eq!((abates.because, abates.conditions[1].holds.as_str()), (None, "no"));
    // Of an earlier reading that is not there, and a later one that nobody could ask for.
    for (earlier, later, wanted) in [
        (point(15_002, None, None), later.clone(), "the rules engine has no value of it at 2026-03-14T11:44:59.88Z"),
        (
            earlier.clone(),
            point(2, None, Some("refused")),
            "at 2026-03-14T11:59:59.88Z the rules engine could not be asked: refused",
        ),
    ] {
        let unknown = slow(30, earlier, later);
        let condition = &unknown.conditions[1];
        assert_eq!((unknown.because, condition.holds.as_str()), (None, "unknown"));
        assert_eq!(condition.said, [format!("its burn rate at two moments is not known: {wanted}")]);
    }
}
