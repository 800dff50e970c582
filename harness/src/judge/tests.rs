//! The judgement as a whole, on made-up drills.

use super::*;
use crate::history::What;
use crate::history::event::ProbeOutcome;
use sample::Sample;

#[test]
fn whole_drills_end_as_they_are_expected_to() {
    for (name, sample, verdict) in [
        ("recovered", sample::recovered(), Verdict::Recovered),
        ("alerted", sample::alerted(), Verdict::Recovered),
        ("slow", sample::slow(), Verdict::Unverified),
        ("offline", sample::offline(), Verdict::Offline),
        ("given-up", sample::given_up(), Verdict::GivenUp),
    ] {
        let judgement = judge(&sample.history());
        assert_eq!(judgement.verdict, verdict, "{name}: {}", judgement.because);
        assert!(judgement.conforms, "{name}: {:?} {:?}", judgement.failing, judgement.broken);
        assert_eq!(judgement.criteria.len(), criteria::REGISTRY.len());
        assert_eq!(judgement.invariants.len(), invariants::REGISTRY.len());
        assert!(judgement.faults.iter().all(|fault| fault.seen.is_some()), "{name}: {:?}", judgement.faults);
    }
}

#[test]
fn conforming_is_exact_in_all_three() {
    let expecting = |sample: Sample, verdict: Verdict, failing: &[&str], broken: &[&str], canary: bool| {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let sample = sample.edit_plan(|plan| {
            plan.canary = canary;
            plan.expected = Some(Expectation { verdict, failing: words(failing), broken: words(broken) });
        });
        judge(&sample.history()).conforms
    };
    let early = &["not-declared-early"];
    assert!(expecting(sample::slow(), Verdict::Unverified, &["health"], early, false));
    assert!(!expecting(sample::slow(), Verdict::Recovered, &["health"], early, false));
    assert!(!expecting(sample::slow(), Verdict::Unverified, &[], early, false));
    assert!(!expecting(sample::slow(), Verdict::Unverified, &["health", "metrics"], early, false));
    assert!(!expecting(sample::slow(), Verdict::Unverified, &["health"], &[], false));
    assert!(!expecting(sample::slow(), Verdict::Unverified, &["health"], &["terminates", early[0]], false));
    let green = || sample::recovered().without(|what| matches!(what, What::RedFirst { .. }));
    assert!(expecting(green(), Verdict::Inconclusive, &[], &[], true));
    assert!(!expecting(green(), Verdict::Inconclusive, &[], &[], false), "only a canary may be inconclusive");
}

#[test]
fn without_an_expectation_only_an_unbroken_recovery_conforms() {
    let free = |sample: Sample| judge(&sample.edit_plan(|plan| plan.expected = None).history()).conforms;
    assert!(free(sample::recovered()));
    assert!(!free(sample::slow()));
    assert!(!free(sample::offline()));
    assert!(!free(sample::recovered().without(|what| matches!(what, What::RecordsSeen { .. }))));
}

#[test]
fn a_history_without_a_plan_is_inconclusive() {
    for history in [History::of(vec![]), History::parse(b"{}"), History::parse(b"\xff\n")] {
        let judgement = judge(&history);
        assert_eq!(judgement.verdict, Verdict::Inconclusive);
        assert!(!judgement.conforms);
        assert!(judgement.because.contains("no plan"), "{}", judgement.because);
    }
}

#[test]
fn a_command_with_several_classes_counts_for_each() {
    use crate::procedure::Class::{Start, Stop, Swap};
    let sample = sample::recovered().without_command("S3").without_command("S4").edit_command("S6", |what| {
        if let What::CommandBegan { classes, .. } = what {
            *classes = vec![Stop, Swap, Start];
        }
    });
    let history = sample.history();
    let facts = Facts::of(&history).unwrap();
    assert_eq!(facts.first_stop(), facts.first_start());
    assert!(facts.first_stop().is_some());
}

#[test]
fn the_first_200_is_the_earlier_of_probe_and_wait_after_the_start_has_ended() {
    let first = |sample: Sample| Facts::of(&sample.history()).unwrap().first_ok().map(|at| at.at_us);
    let no_claim = || sample::recovered().without(|what| matches!(what, What::ReadyClaim { .. }));
    let no_probe = |sample: Sample| {
        sample.without(|what| matches!(what, What::ProbeChanged { outcome: ProbeOutcome::Status(200), .. }))
    };
    assert_eq!(first(sample::recovered()), Some(5_900_000));
    assert_eq!(first(no_claim()), Some(5_900_000));
    assert_eq!(first(no_probe(no_claim())), Some(5_960_000), "the wait");
    assert_eq!(first(no_probe(no_claim()).without_command("S7")), None);
    // The probe saw 200 throughout: only the driver's claim tells when one came after the start.
    assert_eq!(first(no_probe(sample::recovered()).without_command("S7")), Some(5_900_000));
    assert_eq!(first(sample::offline()), None);
    assert_eq!(first(sample::recovered().without_command("S6")), None);
}

#[test]
fn what_is_masked() {
    let masked = |text: &'static str, parts: &'static [i32], status: i32| {
        let sample = sample::recovered().edit_command("S1", move |what| match what {
            What::CommandBegan { text: words, .. } => *words = text.into(),
            What::CommandEnded { exit, pipe, .. } => (*exit, *pipe) = (status, parts.to_vec()),
            _ => {}
        });
        let history = sample.history();
        let facts = Facts::of(&history).unwrap();
        (facts.commands[0].masked(), facts.commands[0].pipe())
    };
    for (text, parts, status, wanted, told) in [
        ("a | head -20", &[0, 0][..], 0, false, vec![0, 0]),
        ("a | head -20", &[23, 0], 0, false, vec![0, 0]),
        ("a | /usr/bin/head", &[23, 0], 0, false, vec![0, 0]),
        ("a | head -20", &[141, 0], 0, false, vec![0, 0]),
        ("a | head -20", &[7, 0], 0, true, vec![7, 0]),
        ("a | head -20", &[23, 1], 1, false, vec![23, 1]),
        ("a | keep", &[141, 0], 0, false, vec![0, 0]),
        ("a | keep", &[23, 0], 0, true, vec![23, 0]),
        ("a | keep", &[127, 0], 0, true, vec![127, 0]),
        ("a", &[23], 23, false, vec![23]),
    ] {
        assert_eq!(masked(text, parts, status), (wanted, told), "{text} {parts:?}");
    }
}
