//! A case for each rule of design.md, decision 10, and for their order.

use super::*;
use crate::history::What;
use crate::history::event::{BlockEnd, KillReason, MachineState, ProbeOutcome};
use crate::judge::judge;
use crate::judge::sample::{self, Sample};
use crate::scenario::Role;

fn check(sample: Sample, verdict: Verdict, because: &str) {
    let judgement = judge(&sample.history());
    assert_eq!(judgement.verdict, verdict, "{}", judgement.because);
    assert!(judgement.because.contains(because), "{}", judgement.because);
}

fn end(sample: Sample, answer: ProbeOutcome, state: MachineState) -> Sample {
    sample.edit("end", move |what| {
        if let What::MachineSeen { healthz, machine, .. } = what {
            (*healthz, *machine) = (answer.clone(), state.clone());
        }
    })
}

fn is_page(what: &What) -> bool {
    matches!(what, What::Paged { .. })
}

fn declined(sample: Sample) -> Sample {
    sample.after("host-up", What::Declined { by: "prerequisite".into(), why: "no artefact".into() })
}

fn only_declined() -> Sample {
    let began = |what: &What| !matches!(what, What::DrillBegan { .. } | What::HostUp { .. } | What::DrillEnded { .. });
    declined(sample::recovered().without(began))
}

#[test]
fn rule_1_cut_limited_or_never_red() {
    let check = |sample, because| check(sample, Verdict::Inconclusive, because);
    check(sample::recovered().without(|what| matches!(what, What::DrillEnded { .. })), "the end is missing");
    check(sample::recovered().after("records-seen", What::LimitReached { limit: "memory".into() }), "memory");
    let killed = sample::offline().edit_command("S7", |what| {
        if let What::CommandKilled { why, .. } = what {
            *why = KillReason::HarnessLimit { limit: "output".into() };
        }
    });
    check(killed, "output");
    let pale = sample::recovered().edit("red-first", |what| {
        if let What::RedFirst { met, .. } = what {
            *met = false;
        }
    });
    check(pale, "6 of 20 were 5xx, 10 percent wanted");
    check(sample::recovered().without(|what| matches!(what, What::RedFirst { .. })), "never asked");
    let unseen = |what: &What| matches!(what, What::MachineSeen { moment, .. } if moment == "end");
    check(sample::recovered().without(unseen), "nobody looked");
}

#[test]
fn rule_2_declined_before_anything_was_touched() {
    check(only_declined(), Verdict::NotStarted, "the prerequisite said no: no artefact");
    check(declined(sample::recovered()), Verdict::Recovered, "0.3.8 serves");
    let gone = |what: &What| matches!(what, What::MachineSeen { .. } | What::RedFirst { .. });
    check(declined(sample::recovered()).without(gone), Verdict::Unsafe, "nothing serves");
}

#[test]
fn rule_3_given_up_with_the_bad_release_serving_and_a_page() {
    check(sample::given_up(), Verdict::GivenUp, "0.4.0 serves as before");
    check(sample::given_up().without(is_page), Verdict::Unsafe, "0.4.0 still serves");
    let down = end(sample::given_up(), ProbeOutcome::Refused, sample::machine_running("0.4.0"));
    check(down, Verdict::Unsafe, "a process of release 0.4.0");
    let completed = sample::given_up().edit("block-ended", |what| {
        if let What::BlockEnded { how, .. } = what {
            *how = BlockEnd::Completed;
        }
    });
    check(completed, Verdict::Unsafe, "still serves");
}

#[test]
fn rule_4_unsafe() {
    let check = |sample, because| check(sample, Verdict::Unsafe, because);
    check(sample::recovered().after("ready-claim", sample::node_started(9, Some("0.5.0"))), "0.5.0 was started");
    let ok = ProbeOutcome::Status(200);
    check(end(sample::recovered(), ok.clone(), sample::machine_running("0.4.0")), "0.4.0 still serves");
    check(end(sample::recovered(), ok.clone(), sample::machine_running("0.2.0")), "release 0.2.0 (pid 200) serves");
    let supervisor = "State=stopped\n".to_owned();
    let nobody = MachineState { processes: vec![], listeners: vec![], supervisor, supervisor_exit: 0 };
    check(end(sample::recovered(), ok, nobody.clone()), "no listener was found");
    let mut alive = nobody.clone();
    alive.supervisor = "State=restarting".into();
    check(end(sample::offline(), ProbeOutcome::Refused, alive), "State=restarting");
    let unread = MachineState { supervisor: String::new(), supervisor_exit: 124, ..nobody.clone() };
    check(end(sample::offline(), ProbeOutcome::Refused, unread), "the supervisor cannot be read (exit 124)");
    let silent = MachineState { supervisor: "\n".into(), ..nobody.clone() };
    check(end(sample::offline(), ProbeOutcome::Refused, silent), "the supervisor cannot be read (it says nothing)");
    let renamed = MachineState { supervisor: "Status=absent\nOther=ab_node restarting\n".into(), ..nobody.clone() };
    check(end(sample::offline(), ProbeOutcome::Refused, renamed), "of a release, ab_node, is restarting");
    let wedged = end(sample::recovered(), ProbeOutcome::TimedOut, sample::machine_running("0.3.8"));
    check(wedged, "a process of release 0.3.8");
    check(sample::offline().without(is_page), "no sev-1 page");
    check(sample::offline().edit("paged", |what| *what = sample::paged("k", "sev-2")), "no sev-1 page");
    let back = sample::offline().after("hold-began", sample::node_started(301, Some("0.3.8")));
    check(back, "appeared in the hold");
    let unpaged = end(sample::recovered(), ProbeOutcome::Refused, nobody);
    check(unpaged.clone(), "no sev-1 page");
    check(unpaged.after("ready-claim", sample::paged("k", SEV_1)), "no hold was watched");
}

#[test]
fn rule_5_a_fault_without_evidence() {
    let declared = |sample: Sample| {
        sample.edit_plan(|plan| plan.faults.push(sample::fault("healthz-slow", Some(Role::Good), &[])))
    };
    check(declared(sample::recovered()), Verdict::Inconclusive, "healthz-slow");
    check(declared(sample::offline()), Verdict::Inconclusive, "healthz-slow");
    check(declared(sample::offline()).without(is_page), Verdict::Unsafe, "");
    let unknown = sample::recovered().edit_plan(|plan| plan.faults.push(sample::fault("no-such", None, &[])));
    check(unknown, Verdict::Inconclusive, "no-such");
}

#[test]
fn rule_6_offline() {
    check(sample::offline(), Verdict::Offline, "stopped through the hold");
    let no_end = |what: &What| matches!(what, What::MachineSeen { moment, .. } if moment == "end");
    check(sample::offline().without(no_end), Verdict::Offline, "stopped through the hold");
    let state = |word: &'static str| sample::offline().edit_looks(move |_, machine| machine.supervisor = word.into());
    check(state("Status=absent\n"), Verdict::Offline, "nothing serves, its container is removed, stopped");
    check(state("Status=exited\n"), Verdict::Offline, "nothing serves, stopped");
}

fn busy(sample: Sample) -> Sample {
    sample.edit("health-window", |what| {
        if let What::HealthWindow { control, .. } = what {
            control.iter_mut().for_each(|sample| sample.latency_us = 9_000);
        }
    })
}

fn no_metrics(sample: Sample) -> Sample {
    sample.without(|what| matches!(what, What::MetricsPair { .. }))
}

#[test]
fn rules_7_and_8_unknown_comes_before_failing() {
    check(busy(sample::recovered()), Verdict::Inconclusive, "health is unknown");
    check(no_metrics(sample::recovered()), Verdict::Unverified, "metrics fails");
    check(no_metrics(busy(sample::recovered())), Verdict::Inconclusive, "health is unknown");
    check(sample::slow(), Verdict::Unverified, "health fails");
    let not_judged = |sample: Sample| sample.edit_plan(|plan| plan.criteria = vec!["version".into()]);
    check(not_judged(busy(sample::recovered())), Verdict::Recovered, "");
    check(not_judged(no_metrics(sample::recovered())), Verdict::Recovered, "");
}

/// No host has alerts yet, so rule 9 is asked with criteria as a later host will give them.
#[test]
fn rule_9_the_alert_still_fires() {
    let told = |results: &[(&str, Outcome)]| {
        let ids: Vec<String> = results.iter().map(|(id, _)| (*id).to_owned()).collect();
        let history = sample::recovered().edit_plan(|plan| plan.criteria = ids.clone()).history();
        let facts = Facts::of(&history).unwrap();
        let result = |outcome: Outcome| CriterionResult {
            outcome,
            literal: Outcome::NotRun,
            detail: "by value".into(),
            events: vec![3],
        };
        let criteria = results.iter().map(|(id, outcome)| ((*id).to_owned(), result(*outcome))).collect();
        decide(&facts, &criteria, &[]).verdict
    };
    use Outcome::{Fail, NotRun, Pass};
    assert_eq!(told(&[("version", Pass), ("alert", Fail)]), Verdict::Misdiagnosed);
    assert_eq!(told(&[("alert", Fail), ("slo", Fail)]), Verdict::Misdiagnosed);
    assert_eq!(told(&[("version", Fail), ("alert", Fail)]), Verdict::Unverified);
    assert_eq!(told(&[("alert", Pass), ("slo", Fail)]), Verdict::Unverified);
    assert_eq!(told(&[("alert", NotRun)]), Verdict::Unverified);
    assert_eq!(told(&[("alert", Pass), ("slo", Pass)]), Verdict::Recovered);
}

#[test]
fn rule_10_anything_that_did_not_pass() {
    let judged = |id: &'static str| sample::recovered().edit_plan(move |plan| plan.criteria.push(id.into()));
    check(judged("alert"), Verdict::Unverified, "no alerts on this host yet");
    check(judged("typo"), Verdict::Unverified, "`typo` is no criterion");
}

#[test]
fn rule_11_recovered() {
    check(sample::recovered(), Verdict::Recovered, "every judged criterion passes (version, health, metrics)");
}

#[test]
fn words_are_those_of_the_contract() {
    use Verdict::*;
    for verdict in [Inconclusive, NotStarted, GivenUp, Unsafe, Offline, Unverified, Misdiagnosed, Recovered] {
        assert_eq!(serde_json::to_string(&verdict).unwrap(), format!("\"{verdict}\""));
    }
}
