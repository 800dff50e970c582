//! The alert that cleared by value, and each way in which one does not.

use super::super::judge;
use super::*;
use crate::history::What;
use crate::history::event::{AlertState, ProbeOutcome};
use crate::judge::Outcome::{Fail, NotRun, Pass};
use crate::judge::sample::{self, ALERT, CLEARS_MS, EVER_MS, Sample, WATCHED_MS};
use crate::judge::{CriterionResult, Outcome};

fn of(sample: Sample) -> CriterionResult {
    let history = sample.history();
    judge(&Alert, &Facts::of(&history).unwrap())
}

fn check(sample: Sample, outcome: Outcome, detail: &str) {
    let result = of(sample);
    assert_eq!((result.outcome, result.literal), (outcome, NotRun), "{}", result.detail);
    assert!(result.detail.starts_with(detail), "{}\nwanted {detail}", result.detail);
    assert!(outcome == NotRun || !result.events.is_empty() || detail.contains("seen"), "{result:?}");
}

fn fails(sample: Sample, detail: &str) {
    check(sample, Fail, &format!("{ALERT} {detail}"));
}

/// Changes every look since the alert cleared.
fn since_clear(edit: impl Fn(&mut sample::Seen<'_>)) -> Sample {
    sample::alerted().edit_alerts(CLEARS_MS, EVER_MS, edit)
}

#[test]
fn it_clears_by_value() {
    check(
        sample::alerted(),
        Pass,
        "SampleBurn cleared 3.60 s after the restart, with 11.40 s left, and stayed clear for 2.00 s: nothing counted, \
         bound 0.072 and 0.28 > 0.072, at 19.6 invokes/s answered 2xx; literal check not run: the text has no command",
    );
    // The hold is counted between looks: one evaluation less is not enough.
    let held = |hold_ms: u64| sample::alerted().edit_plan(move |plan| plan.alerts.as_mut().unwrap().hold_ms = hold_ms);
    check(held(2_000), Pass, "SampleBurn cleared 3.60 s");
    fails(held(2_001), "was not seen to clear: it is inactive, and the watch ended 9.35 s before its time");
    fails(
        held(16_000).watched_to_the_end(),
        "is not clear for good: it was not seen clear by value for 16.00 s on end",
    );
}

#[test]
fn its_time_counts_from_the_first_200() {
    let within = |to: u64| {
        sample::alerted()
            .watched_to_the_end()
            .edit_plan(move |plan| plan.alerts.as_mut().unwrap().clears_within_ms.to = to)
    };
    check(within(3_600), Pass, "SampleBurn cleared 3.60 s after the restart, with 0.00 s left");
    fails(within(3_599), "still fires by value: 0.11 > 0.072 and 0.28 > 0.072; by value it was clear 0.00 s after");
    fails(within(3_000), "still fires by value: 0.11 > 0.072 and 0.28 > 0.072; by value it was clear 0.60 s after");
}

#[test]
fn it_has_to_fire_before_step_1() {
    let first = |met: bool| {
        sample::alerted().edit("alert-first", move |what| {
            *what = What::AlertFirst { alert: ALERT.into(), state: AlertState::Pending, met };
        })
    };
    fails(first(false), "did not fire before step 1, it was pending");
    fails(sample::alerted().without(|what| matches!(what, What::AlertFirst { .. })), "was not seen to fire");
}

#[test]
fn it_fires_still() {
    fails(sample::alerted().still_firing(), "still fires by value: 0.312 > 0.072 and 0.28 > 0.072; literal");
    let fires = |edit: &dyn Fn(&mut sample::Seen<'_>)| {
        sample::alerted().still_firing().edit_alerts(CLEARS_MS, EVER_MS, |seen| edit(seen))
    };
    let cut = fires(&|seen| (seen.scrape.ok, seen.scrape.error) = (false, "refused".into()));
    fails(cut, "still fires, but not by values of the target: the node cannot be scraped (refused)");
    let old = fires(&|seen| seen.scrape.at_us = Some(5_299_999));
    fails(old, "still fires, but not by values of the target: no sample is newer than the restart");
    let absent = fires(&|seen| seen.read("condition-1", None));
    fails(absent, "is firing, not clear: nothing counted, bound 0.072 and 0.28 > 0.072");
    let below = fires(&|seen| seen.read("condition-2", Some(0.072)));
    fails(below, "is firing, not clear: 0.312 > 0.072 and 0.072 ≤ 0.072");
    // A node that answers every invoke with 5xx has none that it answers well: that is a value.
    fails(fires(&|seen| seen.read("invokes", Some(0.0))), "still fires by value: 0.312");
    fails(fires(&|seen| seen.state(AlertState::Pending)), "is pending, not clear: 0.312 > 0.072");
    let drained = sample::alerted().still_firing().without_command("S8").without(undrained);
    fails(drained, "still fires, but not by values of the target: the node is out of rotation");
    // Watched only to 11.55 s, its time is over at 20.9 s.
    let early = since_clear(|seen| seen.state(AlertState::Firing));
    fails(early, "was not seen to clear: it is firing, and the watch ended 9.35 s before its time");
}

fn undrained(what: &What) -> bool {
    matches!(what, What::BalancerChanged { in_rotation: true, state } if state == "ready")
}

#[test]
fn it_clears_by_silence() {
    let silent = |edit: &dyn Fn(&mut sample::Seen<'_>)| {
        sample::alerted().watched_to_the_end().edit_alerts(CLEARS_MS, EVER_MS, |seen| edit(seen))
    };
    let by = |sample: Sample, why: &str| fails(sample, &format!("cleared by silence: {why}"));
    by(
        silent(&|seen| (seen.scrape.ok, seen.scrape.error) = (false, "x\ny".into())),
        "the node cannot be scraped (x …)",
    );
    by(silent(&|seen| seen.scrape.ok = false), "the node cannot be scraped;");
    by(silent(&|seen| seen.scrape.at_us = None), "no sample is newer than the restart");
    by(silent(&|seen| seen.scrape.at_us = Some(5_300_000)), "no sample is newer than the restart");
    by(silent(&|seen| seen.scrape.at_us = Some(9_000_000)), "the last sample is 11.00 s old");
    by(silent(&|seen| seen.read("invokes", None)), "the node answers no invokes with 2xx");
    by(silent(&|seen| seen.read("invokes", Some(0.0))), "the node answers no invokes with 2xx");
    by(silent(&|seen| seen.alerts.clear()), "the rules engine does not know its rule");
    by(sample::alerted().watched_to_the_end().without_command("S8").without(undrained), "the node is out of rotation");
    let lost = sample::alerted().edit("traffic", |what| {
        if let What::Traffic { outcomes, .. } = what
            && let Some(answered) = outcomes.remove("200")
        {
            outcomes.insert("404".into(), answered);
        }
    });
    by(lost, "no invoke was answered 200 since the restart");
    // A percentile of nothing clears at once; a share of nothing is known from the invokes.
    let latency = sample::alerted().watched_to_the_end().edit_plan(|plan| {
        plan.alerts.as_mut().unwrap().conditions.iter_mut().for_each(|condition| condition.unit = "seconds".into());
    });
    by(latency, "condition-1 has no samples");
}

#[test]
fn it_is_clear_for_good() {
    let back = |from_ms: u64, to_ms: u64| {
        sample::alerted().watched_to_the_end().edit_alerts(from_ms, to_ms, |seen| seen.state(AlertState::Pending))
    };
    // It came back and cleared again, in time and through the hold.
    check(back(10_000, 10_500), Pass, "SampleBurn cleared 5.10 s after the restart");
    fails(
        back(24_000, EVER_MS),
        "is not clear for good: it was not seen clear by value for 2.00 s on end: it is pending",
    );
    fails(back(22_500, 24_500), "is not clear for good: it was not seen clear by value for 2.00 s on end");
    // While service levels were watched.
    let again = sample::alerted().edit_alerts(WATCHED_MS, EVER_MS, |seen| seen.state(AlertState::Pending));
    fails(again, "is not clear for good: it is pending again 6.10 s after the restart");
    let above = since_clear(|seen| seen.read("condition-1", Some(0.08))).watched_to_the_end();
    check(above.clone(), Pass, "SampleBurn cleared 7.10 s");
    let above = above.edit_alerts(CLEARS_MS, EVER_MS, |seen| seen.read("condition-1", Some(0.08)));
    fails(above, "is inactive, not clear: 0.08 > 0.072 and 0.28 > 0.072");
}

#[test]
fn what_nobody_saw_is_no_evidence() {
    // Looks are at most 2.5 s apart: two seconds and an evaluation.
    let gap = |from_ms: u64, to_ms: u64| sample::alerted().watched_to_the_end().without_alerts(from_ms, to_ms);
    check(gap(12_501, 15_000), Pass, "SampleBurn cleared 3.60 s after");
    check(gap(12_501, 16_000), Pass, "SampleBurn cleared 10.10 s after the restart");
    fails(gap(20_001, 25_000), "was not seen to clear: nobody looked at the alert for 5.00 s");
    fails(gap(6_000, EVER_MS), "was not seen to clear: nobody looked at the alert between the restart");
    let pause = gap(22_001, 25_000);
    fails(
        pause,
        "is not clear for good: it was not seen clear by value for 2.00 s on end: nobody looked at it for 3.00 s",
    );
    let no_200 = |what: &What| {
        matches!(what, What::ReadyClaim { .. } | What::ProbeChanged { outcome: ProbeOutcome::Status(200), .. })
    };
    fails(sample::alerted().without(no_200).without_command("S7"), "was not seen to clear: no 200 of the target");
}

#[test]
fn who_no_longer_sees_the_rules_engine_does_not_see_it_clear() {
    let gone = |from_ms: u64| sample::alerted().watched_to_the_end().engine_gone(from_ms);
    let because = "http://127.0.0.1:9090: refused; literal";
    fails(
        gone(3_000),
        &format!(
            "was not seen to clear: nobody looked at the alert between the restart and the end of its time: {because}"
        ),
    );
    fails(gone(9_001), &format!("was not seen to clear: nobody looked at the alert for 16.90 s: {because}"));
    let result = of(gone(9_001));
    let history = gone(9_001).history();
    let unseen = history.events.iter().find(|event| matches!(event.what, What::AlertsUnseen { .. })).unwrap();
    assert!(result.events.contains(&unseen.n), "{result:?}");
    // What came back is judged by what was seen then.
    let back =
        sample::alerted().watched_to_the_end().after("monitoring-began", What::AlertsUnseen { why: "busy".into() });
    check(back, Pass, "SampleBurn cleared");
}

#[test]
fn it_is_asked_where_the_drill_has_alerts_and_judges_them() {
    check(sample::recovered(), NotRun, "the drill has no alerts");
    let not_judged = sample::alerted().edit_plan(|plan| plan.criteria = vec!["version".into()]);
    check(not_judged, NotRun, "it is not judged, so nobody watched for it");
    check(sample::offline(), NotRun, "the failure path was taken");
}
