//! Properties of the judge: total, stable, and never more certain than the History is whole.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::{Index, select};
use rollback_harness::exposition;
use rollback_harness::history::event::{
    AlertState, BudgetSeen, Call, ConditionSeen, Decision, Holds, KillReason, ProbeOutcome, Scrape, Seen,
};
use rollback_harness::history::read::History;
use rollback_harness::history::{Event, What};
use rollback_harness::judge::judge;
use rollback_harness::judge::sample;
use rollback_harness::judge::{Judgement, Outcome};
use rollback_harness::verdict::Verdict;

/// Whole drills, one for each kind of ending that a drill of today can have.
fn drills() -> Vec<History> {
    let drills = [
        sample::recovered(),
        sample::confirmed(),
        sample::alerted(),
        sample::alerted().still_firing(),
        sample::slow(),
        sample::offline(),
        sample::given_up(),
        sample::left_alone(),
    ];
    drills.map(|drill| drill.history()).to_vec()
}

/// A word for each kind of event. No wildcard: a new kind does not compile until it is here and in `pool`.
fn kind(what: &What) -> &'static str {
    match what {
        What::DrillBegan { .. } => "drill-began",
        What::HostUp { .. } => "host-up",
        What::FaultApplied { .. } => "fault-applied",
        What::RedFirst { .. } => "red-first",
        What::MonitoringBegan => "monitoring-began",
        What::AlertFirst { .. } => "alert-first",
        What::AlertsSeen { .. } => "alerts-seen",
        What::AlertsUnseen { .. } => "alerts-unseen",
        What::Notified { .. } => "notified",
        What::Watched { .. } => "watched",
        What::Decided { .. } => "decided",
        What::Prerequisite { .. } => "prerequisite",
        What::Declined { .. } => "declined",
        What::BlockBegan { .. } => "block-began",
        What::CommandBegan { .. } => "command-began",
        What::CommandEnded { .. } => "command-ended",
        What::CommandKilled { .. } => "command-killed",
        What::BlockEnded { .. } => "block-ended",
        What::ProbeChanged { .. } => "probe-changed",
        What::ReadyClaim { .. } => "ready-claim",
        What::Traffic { .. } => "traffic",
        What::BalancerChanged { .. } => "balancer-changed",
        What::NodeStarted { .. } => "node-started",
        What::NodeExited { .. } => "node-exited",
        What::ListenersChanged { .. } => "listeners-changed",
        What::InvokeHeld { .. } => "invoke-held",
        What::HeldInvoke { .. } => "held-invoke",
        What::RecordsSeen { .. } => "records-seen",
        What::HealthWindow { .. } => "health-window",
        What::MetricsPair { .. } => "metrics-pair",
        What::MachineSeen { .. } => "machine-seen",
        What::Diagnosed { .. } => "diagnosed",
        What::Paged { .. } => "paged",
        What::MaintenanceSeen { .. } => "maintenance-seen",
        What::DeclaredOver => "declared-over",
        What::Captured { .. } => "captured",
        What::Missing { .. } => "missing",
        What::SecretsScanned { .. } => "secrets-scanned",
        What::LimitReached { .. } => "limit-reached",
        What::DrillEnded { .. } => "drill-ended",
    }
}

const KINDS: usize = 40;

/// Events of all kinds: those of the drills, and those that none of them has.
fn pool() -> Vec<What> {
    let mut pool: Vec<What> = drills().into_iter().flat_map(|drill| drill.events).map(|event| event.what).collect();
    let text = |text: &str| text.to_owned();
    pool.push(What::Decided {
        decision: Box::new(Decision {
            from: text("scenarios/decide/x.toml"),
            call: Call::RollBack,
            because: Some(2),
            line: 0,
            quote: text("\u{0}"),
            conditions: vec![ConditionSeen { number: 1, line: 11, holds: Holds::Unknown, said: Vec::new() }],
            warnings: Vec::new(),
            seen: Some(Seen {
                now: text("never"),
                alerts: Vec::new(),
                deploys: Vec::new(),
                budget: Some(BudgetSeen { spent_percent: 0.1, over_ms: u64::MAX, suspect: text("\u{0}") }),
            }),
            live: None,
        }),
    });
    pool.push(What::Prerequisite { line: 0, quote: text("\u{0}"), unmet: Some(text("`x` ended 2")) });
    pool.push(What::MonitoringBegan);
    pool.push(What::AlertFirst { alert: text("Burns"), state: AlertState::Pending, met: true });
    pool.push(What::AlertsSeen {
        alerts: BTreeMap::from([(text("Burns"), AlertState::Firing)]),
        readings: BTreeMap::from([(text("share"), Some(f64::MAX)), (text("rate"), None)]),
        scrape: Scrape { ok: false, at_us: Some(u64::MAX), error: text("\u{0}") },
    });
    pool.push(What::AlertsUnseen { why: text("refused") });
    pool.push(What::Notified { alert: text("Burns"), key: text("{}:{}"), resolved: true });
    pool.push(What::Watched { criterion: text("alert"), from_us: u64::MAX, until_us: 0 });
    pool.push(What::Declined { by: text("decision"), why: text("no rule matches") });
    pool.push(What::LimitReached { limit: text("output 1 MiB") });
    pool.push(What::Diagnosed { incompatible_state: None });
    pool.push(What::InvokeHeld { in_flight: false });
    pool.push(What::ProbeChanged { outcome: ProbeOutcome::Garbage(text("\u{0}")), latency_us: u64::MAX });
    pool.push(What::Traffic {
        second: u64::MAX,
        outcomes: BTreeMap::from([(text("200"), u64::MAX), (text("5"), u64::MAX)]),
        slow: u64::MAX,
    });
    pool.push(What::ReadyClaim { met: true, after_ms: u64::MAX, seen_by: text("probe") });
    pool.push(sample::node_started(7, Some("99.0.0")));
    pool.push(sample::node_started(8, Some("not a version")));
    let killed = pool.iter().find_map(|what| match what {
        What::CommandKilled { command, .. } => Some(command.clone()),
        _ => None,
    });
    pool.extend(killed.into_iter().map(|command| What::CommandKilled {
        command,
        why: KillReason::HarnessLimit { limit: text("memory") },
        output: String::new(),
        began_us: u64::MAX,
        gone: false,
    }));
    pool
}

fn bytes(history: &History) -> Vec<u8> {
    let line = |event: &Event| serde_json::to_string(event).unwrap() + "\n";
    history.events.iter().map(line).collect::<String>().into_bytes()
}

/// What holds for every judgement whatsoever.
fn sound(history: &History) -> Judgement {
    let judgement = judge(history);
    assert!(judgement == judge(history), "judged twice, two judgements");
    assert!(!judgement.because.is_empty());
    assert_eq!((judgement.criteria.len(), judgement.invariants.len()), (5, 10));
    let numbers: BTreeSet<u64> = history.events.iter().map(|event| event.n).collect();
    let cited = judgement.criteria.values().flat_map(|result| &result.events);
    let cited = cited.chain(judgement.invariants.values().flat_map(|result| &result.events));
    let cited = cited.chain(judgement.findings.iter().flat_map(|finding| &finding.events));
    for n in cited.chain(judgement.faults.iter().flat_map(|fault| &fault.events)) {
        assert!(numbers.contains(n), "event {n} is cited and does not exist");
    }
    if history.cut.is_some() {
        assert_eq!(judgement.verdict, Verdict::Inconclusive, "{}", judgement.because);
    }
    let paged =
        history.events.iter().any(|event| matches!(&event.what, What::Paged { severity, .. } if severity == "sev-1"));
    match judgement.verdict {
        Verdict::Recovered => {
            let plan = history.plan().unwrap();
            let passes = |id: &String| judgement.criteria[id].outcome == Outcome::Pass;
            assert!(plan.criteria.iter().all(passes), "{judgement:?}");
            assert!(judgement.faults.iter().all(|fault| fault.seen.is_some()));
        }
        Verdict::Offline | Verdict::GivenUp => assert!(paged, "{}", judgement.because),
        Verdict::Inconclusive => {
            assert!(!judgement.conforms || history.plan().is_some_and(|plan| plan.canary), "{}", judgement.because);
        }
        _ => {}
    }
    let text = serde_json::to_string(&judgement).unwrap();
    assert!(serde_json::from_str::<Judgement>(&text).unwrap() == judgement, "not the same after JSON: {text}");
    judgement
}

#[test]
fn every_kind_of_event_survives_json() {
    let pool = pool();
    let kinds: BTreeSet<&str> = pool.iter().map(kind).collect();
    assert_eq!(kinds.len(), KINDS, "{kinds:?}");
    for (index, what) in pool.into_iter().enumerate() {
        let word = kind(&what);
        let event = Event { n: index as u64, at_us: 7, what };
        let text = serde_json::to_string(&event).unwrap();
        assert!(text.contains(&format!("\"kind\":\"{word}\"")), "{text}");
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }
}

#[test]
fn removing_any_event_makes_a_drill_inconclusive() {
    for drill in drills() {
        assert_ne!(sound(&drill).verdict, Verdict::Inconclusive);
        for index in 0..drill.events.len() {
            let mut events = drill.events.clone();
            let gone = events.remove(index);
            for cut in [History::of(events.clone()), History::parse(&bytes(&History::of(events)))] {
                let judgement = sound(&cut);
                assert_eq!(judgement.verdict, Verdict::Inconclusive, "without event {}", gone.n);
                assert!(!judgement.conforms);
            }
        }
    }
}

#[test]
fn a_history_reads_as_it_was_written() {
    for drill in drills() {
        assert_eq!(History::parse(&bytes(&drill)), drill);
    }
}

/// Every leaf of a JSON value, by its place in a walk.
fn leaves<'v>(value: &'v mut serde_json::Value, found: &mut Vec<&'v mut serde_json::Value>) {
    match value {
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| leaves(item, found)),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(|field| leaves(field, found)),
        leaf => found.push(leaf),
    }
}

fn leaf() -> impl Strategy<Value = serde_json::Value> {
    prop_oneof![
        any::<u64>().prop_map(serde_json::Value::from),
        select(vec![0u64, 1, 3, 200, 8080, u64::MAX]).prop_map(serde_json::Value::from),
        any::<i32>().prop_map(serde_json::Value::from),
        any::<bool>().prop_map(serde_json::Value::from),
        ".{0,12}".prop_map(serde_json::Value::from),
        select(vec!["end", "hold-began", "sev-1", "0.3.8", "0.4.0", "stop", "start", "version", "200", ""])
            .prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_events_in_any_order_have_one_verdict(
        picks in prop::collection::vec((any::<Index>(), any::<u64>(), any::<Option<u64>>()), 0..80),
        plan in any::<bool>(),
        whole in any::<bool>(),
    ) {
        let pool = pool();
        let mut events: Vec<Event> = Vec::new();
        if plan {
            events.extend(drills().remove(0).events.into_iter().take(1));
        }
        for (pick, at_us, n) in picks {
            let what = pick.get(&pool).clone();
            if whole && matches!(what, What::DrillBegan { .. } | What::DrillEnded { .. }) {
                continue;
            }
            let next = events.len() as u64 + 1;
            events.push(Event { n: if whole { next } else { n.unwrap_or(next) }, at_us, what });
        }
        if whole {
            let count = events.len() as u64 + 1;
            events.push(Event { n: count, at_us: 0, what: What::DrillEnded { events: count } });
        }
        sound(&History::of(events));
    }

    #[test]
    fn a_drill_with_events_moved_dropped_or_doubled_has_one_verdict(
        which in any::<Index>(),
        edits in prop::collection::vec((any::<Index>(), any::<Index>(), 0u8..3), 1..12),
    ) {
        let mut whats: Vec<Event> = which.get(&drills()).events.clone();
        for (from, to, how) in edits {
            // The plan and the end stay where they are, so that what is judged is whole.
            let inner = 1..whats.len() - 1;
            if inner.len() < 2 {
                break;
            }
            let (from, to) = (inner.start + from.index(inner.len()), inner.start + to.index(inner.len()));
            match how {
                0 => whats.swap(from, to),
                1 => drop(whats.remove(from)),
                _ => whats.insert(to, whats[from].clone()),
            }
        }
        let count = whats.len() as u64;
        for (index, event) in whats.iter_mut().enumerate() {
            event.n = index as u64 + 1;
            if let What::DrillEnded { events } = &mut event.what {
                *events = count;
            }
        }
        let history = History::of(whats);
        prop_assert_eq!(&history.cut, &None);
        sound(&history);
    }

    #[test]
    fn a_drill_with_edited_values_has_one_verdict(
        which in any::<Index>(),
        edits in prop::collection::vec((any::<Index>(), any::<Index>(), leaf()), 1..6),
    ) {
        let drill = which.get(&drills()).clone();
        let mut lines: Vec<serde_json::Value> =
            drill.events.iter().map(|event| serde_json::to_value(event).unwrap()).collect();
        for (line, place, value) in edits {
            let line = line.index(lines.len());
            let mut found = Vec::new();
            leaves(&mut lines[line], &mut found);
            let place = place.index(found.len());
            *found[place] = value;
        }
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        sound(&History::parse(text.as_bytes()));
    }

    #[test]
    fn a_drill_cut_anywhere_is_inconclusive(which in any::<Index>(), at in any::<Index>()) {
        let whole = bytes(which.get(&drills()));
        // The last byte is only the end of the last line.
        let history = History::parse(&whole[..at.index(whole.len() - 1)]);
        prop_assert_eq!(sound(&history).verdict, Verdict::Inconclusive);
    }

    #[test]
    fn any_bytes_are_a_history_with_one_verdict(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        first in any::<bool>(),
    ) {
        let mut all = if first { self::bytes(&drills()[0]) } else { Vec::new() };
        all.extend(bytes);
        sound(&History::parse(&all));
    }

    #[test]
    fn no_text_makes_the_metrics_parser_panic(text in "(?s).{0,200}") {
        let _ = exposition::parse(&text);
    }

    #[test]
    fn whole_first_lines_of_a_metrics_text_can_be_read_and_any_other_cut_is_never_misread(
        invokes in any::<u32>(),
        scrapes in any::<u32>(),
        at in any::<Index>(),
        noise in "[{}\",=# a-z0-9\\\\]{0,40}",
    ) {
        let text = sample::metrics(invokes.into(), scrapes.into());
        let whole = exposition::parse(&text).unwrap();
        let cut = &text[..at.index(text.len())];
        // Where a cut text is read at all, it says nothing that the whole one does not say.
        if let Ok(samples) = exposition::parse(cut) {
            prop_assert!(samples.iter().all(|(series, value)| whole.get(&series) == Some(value)));
        }
        let _ = exposition::parse(&format!("{cut}{noise}\n"));
    }
}
