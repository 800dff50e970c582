//! A case for each rule of design.md, decision 10, and for their order.

use super::*;
use crate::history::What;
use crate::history::event::{AlertState, BlockEnd, KillReason, MachineState, ProbeOutcome};
use crate::judge::judge;
use crate::judge::sample::{self, EVER_MS, Sample};
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
    let quick = sample::recovered().edit("red-first", |what| {
        if let What::RedFirst { slow, met, .. } = what {
            (*slow, *met) = (Some(1), false);
        }
    });
    check(quick, "6 of 20 were 5xx, 1 late, 10 percent wanted");
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
    let paged = |key| unpaged.clone().after("ready-claim", sample::paged(key, SEV_1));
    check(paged(sample::KEY), "no hold was watched");
    check(paged("an alert's"), "no sev-1 page");
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

#[test]
fn rule_9_the_alert_still_fires_by_value() {
    let firing = || sample::alerted().still_firing();
    check(firing(), Verdict::Misdiagnosed, "alert fails: SampleBurn still fires by value: 0.312 > 0.072");
    let missed = firing().edit_alerts(0, EVER_MS, |seen| seen.read("sli-availability_http", Some(0.7)));
    check(missed, Verdict::Misdiagnosed, "still fires by value");
    check(no_metrics(firing()), Verdict::Unverified, "metrics fails");
    let not_judged = firing().edit_plan(|plan| plan.criteria.retain(|id| id != "alert"));
    check(not_judged, Verdict::Recovered, "(version, health, metrics, slo)");
    // By its own arithmetic it clears after its time: at the end of it the text calls that a misdiagnosis, too.
    let slow = sample::alerted().watched_to_the_end().edit_plan(|plan| {
        plan.alerts.as_mut().unwrap().clears_within_ms.to = 3_000;
    });
    check(slow, Verdict::Misdiagnosed, "by value it was clear 0.60 s after its time was over");
}

#[test]
fn rule_10_an_alert_that_shows_nothing() {
    let firing = |edit: &dyn Fn(&mut sample::Seen<'_>)| {
        sample::alerted().still_firing().edit_alerts(sample::CLEARS_MS, EVER_MS, |seen| edit(seen))
    };
    let unverified = |sample: Sample, because: &str| check(sample, Verdict::Unverified, because);
    unverified(firing(&|seen| seen.scrape.ok = false), "alert did not pass: SampleBurn still fires, but not by values");
    unverified(firing(&|seen| seen.state(AlertState::Pending)), "SampleBurn is pending, not clear");
    unverified(firing(&|seen| seen.read("condition-1", Some(0.07))), "SampleBurn is firing, not clear");
    let silent = |edit: &dyn Fn(&mut sample::Seen<'_>)| {
        sample::alerted().watched_to_the_end().edit_alerts(sample::CLEARS_MS, EVER_MS, |seen| edit(seen))
    };
    unverified(silent(&|seen| seen.scrape.ok = false), "cleared by silence: the node cannot be scraped");
    unverified(silent(&|seen| seen.read("invokes", None)), "cleared by silence: the node answers no invokes");
    let short = sample::alerted().edit_plan(|plan| plan.alerts.as_mut().unwrap().hold_ms = 60_000);
    unverified(short, "alert did not pass: SampleBurn was not seen to clear");
    let missed = sample::alerted().edit_alerts(0, EVER_MS, |seen| seen.read("sli-invoke_p95", Some(3.0)));
    unverified(missed, "slo did not pass: invoke_p95 is 3 > 0.1 s");
    let pale = sample::alerted().edit("alert-first", |what| {
        if let What::AlertFirst { met, .. } = what {
            *met = false;
        }
    });
    check(pale, Verdict::Inconclusive, "red first was not met: SampleBurn did not fire");
}

#[test]
fn rule_10_anything_that_did_not_pass() {
    let judged = |id: &'static str| sample::recovered().edit_plan(move |plan| plan.criteria.push(id.into()));
    check(judged("alert"), Verdict::Unverified, "the drill has no alerts");
    check(judged("typo"), Verdict::Unverified, "`typo` is no criterion");
}

#[test]
fn rule_11_recovered() {
    check(sample::recovered(), Verdict::Recovered, "every judged criterion passes (version, health, metrics)");
    check(sample::alerted(), Verdict::Recovered, "(version, health, metrics, alert, slo)");
}

#[test]
fn words_are_those_of_the_contract() {
    use Verdict::*;
    for verdict in [Inconclusive, NotStarted, GivenUp, Unsafe, Offline, Unverified, Misdiagnosed, Recovered] {
        assert_eq!(serde_json::to_string(&verdict).unwrap(), format!("\"{verdict}\""));
    }
}
