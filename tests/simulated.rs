//! Drills in the simulator, made from the scenario files, held against what the same drills leave on real machines: the
//! snapshots of the container drills. Needs no engine.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test: what fails here shall end it, also in its helpers")]

use std::path::Path;

use conformance::causes::Cause;
use conformance::containers::{Out, changed, drill, pinned, refuse, run_trials, selection, told, workspace};
use conformance::left_alone::left_alone;
use conformance::outline::outline;
use conformance::pages::kept_apart;
use conformance::redactions::assert_snapshot;
use libtest_mimic::Trial;
use rollback_harness::bundle::{self, Finished, HISTORY, Manifest, story};
use rollback_harness::history::What;
use rollback_harness::history::event::{AlertState, Block, Event};
use rollback_harness::history::read::History;
use rollback_harness::host::HostKind;
use rollback_harness::prepare::{self, Selection};
use rollback_harness::scenario::{Operator, Prerequisites};
use rollback_harness::simulate::{Bench, Simulated};
use rollback_harness::topology;
use rollback_harness::verdict::Verdict;

/// Seeds that are drilled, and tests that they are spread over.
const SEEDS: u64 = 1000;
const SEED_PARTS: u64 = 4;

fn main() {
    let mut trials = Vec::new();
    for path in prepare::files(&prepare::cases_folder(&workspace())).unwrap() {
        let scenario = prepare::load(&path).unwrap();
        for topology in topology::known(&workspace().join("scenarios/topologies/documented")) {
            for operator in scenario.expect.get(&topology).into_iter().flat_map(|operators| operators.keys().copied()) {
                let (name, topology) = (scenario.name.clone(), topology.clone());
                let title = format!("sim::{name}::{topology}::{}", operator.as_str());
                trials.push(Trial::test(title, move || {
                    as_on_a_machine(&name, &topology, operator);
                    Ok(())
                }));
            }
        }
        let cause = Cause::of(&scenario);
        for topology in scenario.expect.keys() {
            let (cause, name, topology) = (cause.clone(), scenario.name.clone(), topology.clone());
            trials.push(Trial::test(format!("sim::{name}::{topology}::without-{}", cause.name()), move || {
                cause.decides(HostKind::Sim, &name, &topology, &Out::new(env!("CARGO_TARGET_TMPDIR")));
                Ok(())
            }));
        }
    }
    trials.push(Trial::test("sim::decision::asked-first", || {
        asked_first();
        Ok(())
    }));
    trials.push(Trial::test("sim::decision::by-the-alerts-that-fire", || {
        decided_by_the_alerts_that_fire();
        Ok(())
    }));
    trials.push(Trial::test("sim::prerequisites::confirmed-in-their-place", || {
        confirmed_in_their_place();
        Ok(())
    }));
    trials.push(Trial::test("sim::prerequisites::who-assumes-finds-out-later", || {
        who_assumes_finds_out_later();
        Ok(())
    }));
    trials.push(Trial::test("sim::memory::as-in-the-bundle", || {
        in_memory_as_in_the_bundle();
        Ok(())
    }));
    for part in 0..SEED_PARTS {
        trials.push(Trial::test(format!("sim::seeds::same-seed-same-bytes-{}", part + 1), move || {
            seeds_decide(part);
            Ok(())
        }));
    }
    assert!(trials.len() > 60, "the scenario files have gone");
    run_trials(trials, 2);
}

fn simulated(scenario: &str, topology: &str, operator: Operator, out: &Path) -> Selection {
    Selection { host: HostKind::Sim, ..selection(scenario, topology, operator, out) }
}

/// Ends as its scenario says, leaves what the container drill leaves, and does the same again to the byte.
fn as_on_a_machine(scenario: &str, topology: &str, operator: Operator) {
    let out = Out::new(env!("CARGO_TARGET_TMPDIR"));
    let (first, second) = (out.path().join("first"), out.path().join("second"));
    let (_, finished) = drill(&simulated(scenario, topology, operator, &first)).unwrap();
    if !finished.judgement.conforms {
        refuse("the simulated drill did not end as its scenario says", &finished);
    }
    let (_, again) = drill(&simulated(scenario, topology, operator, &second)).unwrap();
    assert_eq!(history(&finished), history(&again), "the same seed, another History");
    kept_apart(&finished);
    if finished.judgement.verdict == Verdict::NotStarted {
        left_alone(&finished);
    }
    assert_eq!(bundle::rejudge(&finished.root).unwrap().judgement, finished.judgement);
    let cases = prepare::cases_folder(&workspace());
    if pinned(&prepare::load(&cases.join(format!("{scenario}.toml"))).unwrap(), topology, operator) {
        let manifest: Manifest =
            serde_json::from_slice(&std::fs::read(finished.root.join(bundle::MANIFEST)).unwrap()).unwrap();
        let name = format!("drill-{scenario}-{topology}-{}.txt", operator.as_str());
        assert_snapshot(&name, &outline(&finished, &manifest));
    }
}

/// Whether to roll back is asked before anything is begun; the drill goes on where a condition holds, and its findings are
/// those of the decision as well. What the operator knows is part of what makes a drill the same.
fn asked_first() {
    let out = Out::new(env!("CARGO_TARGET_TMPDIR"));
    let drilled = |seen: Option<&str>| {
        let file = changed("procedure-only", out.path(), |scenario| scenario.seen = seen.map(str::to_owned));
        drill(&simulated(&file, "systemd", Operator::Careful, out.path()))
    };
    let (asked, finished) = drilled(Some("fast-burn-after-deploy")).unwrap();
    assert_eq!(finished.judgement.verdict, Verdict::Recovered);
    let events = &finished.history.events;
    let at = |of: &dyn Fn(&What) -> bool| events.iter().position(|event| of(&event.what)).unwrap();
    let decided = at(&|what| matches!(what, What::Decided { decision } if decision.because == Some(1)));
    let red_first = at(&|what| matches!(what, What::RedFirst { met: true, .. }));
    assert!(decided < red_first && red_first < at(&|what| matches!(what, What::CommandBegan { .. })));
    let open = |finished: &Finished| {
        finished.judgement.findings.iter().filter(|finding| finding.rule == "supplied-reading").count()
    };
    let (not_asked, undecided) = drilled(None).unwrap();
    assert_ne!(asked.plan.id, not_asked.plan.id);
    assert!(open(&finished) > 0 && open(&undecided) == 0);
    let (_, warned) = drilled(Some("abating")).unwrap();
    let decided = warned.history.events.iter().find(|event| matches!(event.what, What::Decided { .. })).unwrap();
    let told = story::news(&[], &decided.what).unwrap();
    assert!(told.contains("no condition for a rollback holds; warning: ") && told.contains("`healthz-slow`"), "{told}");
    let refused = drilled(Some("no-such-file")).unwrap_err().to_string();
    assert!(refused.contains("seen: ") && refused.contains("scenarios/decide/no-such-file.toml"), "{refused}");
}

/// Where a rules engine watches, it is asked what fires: whatever the file says of alerts, which is told beside it.
fn decided_by_the_alerts_that_fire() {
    let out = Out::new(env!("CARGO_TARGET_TMPDIR"));
    let deciding = |scenario: &str, seen: &str| {
        let file = changed(scenario, out.path(), |scenario| scenario.seen = Some(seen.to_owned()));
        let (_, finished) = drill(&simulated(&file, "systemd", Operator::Careful, out.path())).unwrap();
        let decided = finished.history.events.iter().find_map(|event| match &event.what {
            What::Decided { decision } => Some(decision.clone()),
            _ => None,
        });
        (finished, decided.unwrap())
    };
    for (scenario, verdict, because) in
        [("alert-decides", Verdict::Recovered, Some(1)), ("none-fires", Verdict::NotStarted, None)]
    {
        // Both know of a deploy shortly before; by the one the alert fires, by the other it does not.
        for seen in ["fast-burn-after-deploy", "nothing-fires"] {
            let (finished, decision) = deciding(scenario, seen);
            assert_eq!((finished.judgement.verdict, decision.because), (verdict, because), "{scenario} with {seen}");
            let live = decision.live.unwrap();
            assert_eq!(live.firing.is_empty(), because.is_none(), "{live:?}");
            // The since-when of a file is never the one that was seen to the millisecond.
            let differs = !live.firing.is_empty() || seen == "fast-burn-after-deploy";
            assert_eq!(!live.differs.is_empty(), differs, "{live:?}");
        }
    }
    let (finished, decision) = deciding("alert-decides", "nothing-fires");
    let live = decision.live.unwrap();
    let fired_us = live.firing.values().map(|alert| alert.since_us).min().unwrap();
    let at = |of: &dyn Fn(&What) -> bool| {
        let events = &finished.history.events;
        events.iter().position(|event| of(&event.what)).map(|at| (at, events[at].at_us)).unwrap()
    };
    let decided = at(&|what| matches!(what, What::Decided { .. }));
    let seen = at(
        &|what| matches!(what, What::AlertsSeen { alerts, .. } if alerts.values().any(|state| *state == AlertState::Firing)),
    );
    assert!(at(&|what| matches!(what, What::MonitoringBegan)) < decided);
    assert!(decided < at(&|what| matches!(what, What::RedFirst { met: true, .. })));
    let signed = |at_us: u64| i64::try_from(at_us).unwrap();
    assert!(fired_us <= signed(seen.1) && fired_us <= signed(live.at_us), "{fired_us} {seen:?} {live:?}");
    // Where nobody watches, the file is all that there is.
    let (_, decision) = deciding("procedure-only", "nothing-fires");
    assert_eq!((decision.because, decision.live), (None, None));
}

/// Prerequisites come after the decision and after the incident has shown, and before the first step. Their findings are of
/// drills that ask.
fn confirmed_in_their_place() {
    let out = Out::new(env!("CARGO_TARGET_TMPDIR"));
    let drilled = |prerequisites: Prerequisites| {
        let file = changed("confirmed", out.path(), |scenario| {
            scenario.seen = Some("fast-burn-after-deploy".to_owned());
            scenario.prerequisites = prerequisites;
        });
        drill(&simulated(&file, "systemd", Operator::Paste, out.path())).unwrap()
    };
    let (confirmed, finished) = drilled(Prerequisites::Confirmed);
    let places = |finished: &Finished| -> Vec<&'static str> {
        let place = |event: &Event| match &event.what {
            What::Decided { .. } => Some("decided"),
            What::RedFirst { met: true, .. } => Some("red first"),
            What::BlockBegan { block: Block::Prerequisites } => Some("asked"),
            What::Prerequisite { unmet: None, .. } => Some("met"),
            What::BlockBegan { block: Block::Procedure } => Some("begun"),
            _ => None,
        };
        finished.history.events.iter().filter_map(place).collect()
    };
    assert_eq!(places(&finished), ["decided", "red first", "asked", "met", "met", "begun"]);
    let (assumed, unasked) = drilled(Prerequisites::Assumed);
    assert_eq!(places(&unasked), ["decided", "red first", "begun"]);
    assert_ne!(confirmed.plan.id, assumed.plan.id);
    let of_asking = |finished: &Finished| -> Vec<String> {
        let rules = ["looked-elsewhere", "unchecked-prerequisite"];
        let findings = finished.judgement.findings.iter().filter(|finding| rules.contains(&finding.rule.as_str()));
        findings.map(|finding| finding.rule.clone()).collect()
    };
    assert_eq!(of_asking(&unasked), Vec::<String>::new());
    let unchecked = "unchecked-prerequisite";
    assert_eq!(of_asking(&finished), ["looked-elsewhere", unchecked, unchecked, unchecked]);
    for finished in [finished, unasked] {
        assert_eq!(finished.judgement.verdict, Verdict::Recovered, "{}", finished.judgement.because);
    }
}

/// The same machines with somebody who does not look.
fn who_assumes_finds_out_later() {
    let out = Out::new(env!("CARGO_TARGET_TMPDIR"));
    for (scenario, topology, comes_to) in [
        ("release-missing-confirmed", "systemd", Verdict::Offline),
        ("tag-missing-confirmed", "docker", Verdict::Offline),
        ("tag-missing-confirmed", "compose", Verdict::GivenUp),
        ("tag-moved-confirmed", "docker", Verdict::Unsafe),
    ] {
        let file = changed(scenario, out.path(), |scenario| scenario.prerequisites = Prerequisites::Assumed);
        let (_, finished) = drill(&simulated(&file, topology, Operator::Careful, out.path())).unwrap();
        if finished.judgement.verdict != comes_to {
            refuse(&format!("{scenario} on {topology}: {comes_to} is due"), &finished);
        }
        let silent = finished.judgement.faults.iter().find(|fault| fault.seen.is_none());
        assert!(silent.is_none(), "{scenario} on {topology}: {silent:?}");
    }
}

fn history(finished: &Finished) -> String {
    std::fs::read_to_string(finished.root.join(HISTORY)).unwrap()
}

/// Seeds change times and nothing that a scenario expects: each seed drills one case, topology and operator in turn, twice.
/// Both Histories are the same to the byte, and conform.
fn seeds_decide(part: u64) {
    let everything = Selection {
        topology: "all".to_owned(),
        scenarios: vec!["all".to_owned()],
        operators: vec![Operator::Careful, Operator::Paste],
        ..simulated("procedure-only", "all", Operator::Careful, Path::new("unused"))
    };
    let drills = prepare::prepare(&everything).unwrap();
    assert!(drills.len() >= 60, "the scenario files have gone");
    let mut benches: Vec<Bench> = drills.iter().map(|prepared| Bench::new(prepared.clone()).unwrap()).collect();
    let mut histories = std::collections::BTreeSet::new();
    let each = SEEDS / SEED_PARTS;
    for seed in part * each..(part + 1) * each {
        let place = usize::try_from(seed).unwrap() % drills.len();
        let prepared = &drills[place];
        let (first, history) = in_memory(&mut benches[place], seed);
        // With nothing kept of the first, and of the drills before it: neither may decide anything.
        let (_, again) = in_memory(&mut Bench::new(prepared.clone()).unwrap(), seed);
        let plan = &prepared.plan;
        let name = format!("seed {seed}: {}::{}::{}", plan.scenario, plan.topology, plan.operator.as_str());
        assert_eq!(history, again, "{name}: the same seed, another History");
        let Simulated { judgement, history: events, .. } = first;
        if !judgement.conforms {
            let (verdict, failing, broken) = (judgement.verdict, judgement.failing, judgement.broken);
            panic!("{name}: {verdict}, failing {failing:?}, broken {broken:?}\n{}", told(&events.events));
        }
        histories.insert(history);
    }
    assert_eq!(histories.len() as u64, each, "two seeds, one History");
}

/// A drill, and its History as it would lie in a bundle.
fn in_memory(bench: &mut Bench, seed: u64) -> (Simulated, String) {
    let simulated = bench.drill(seed).unwrap();
    let lines = simulated.history.events.iter().map(|event| serde_json::to_string(event).unwrap());
    let text = lines.collect::<Vec<_>>().join("\n");
    (simulated, text)
}

/// A drill without a bundle is the same drill, whatever was drilled on the same machine before: plan, id and all.
fn in_memory_as_in_the_bundle() {
    // What is kept, where, and searched: only a bundle has it.
    let told = |history: &History| -> Vec<(u64, What)> {
        let of_bundle = |what: &What| matches!(what, What::Captured { .. } | What::SecretsScanned { .. });
        history.events.iter().filter(|e| !of_bundle(&e.what)).map(|e| (e.at_us, e.what.clone())).collect()
    };
    for topology in topology::known(&workspace().join("scenarios/topologies/documented")) {
        let out = Out::new(env!("CARGO_TARGET_TMPDIR"));
        let wanted = Selection { seed: 7, ..simulated("procedure-only", &topology, Operator::Careful, out.path()) };
        let (_, finished) = drill(&wanted).unwrap();
        let mut bench = Bench::new(prepare::prepare(&Selection { seed: 1, ..wanted }).unwrap().pop().unwrap()).unwrap();
        let other = bench.drill(6).unwrap();
        let same = bench.drill(7).unwrap();
        assert_eq!(told(&same.history), told(&finished.history), "{topology}");
        assert_ne!(told(&other.history), told(&finished.history), "{topology}: the seed decides nothing");
        assert_eq!((same.judgement.verdict, same.judgement.conforms), (finished.judgement.verdict, true), "{topology}");
    }
}
