//! Each service level on its wrong side, without traffic and without a number, and what a watch has to show.

use super::super::judge;
use super::*;
use crate::history::What;
use crate::judge::Outcome;
use crate::judge::Outcome::{Fail, NotRun, Pass};
use crate::judge::sample::{self, EVER_MS, Sample, WATCHED_MS};

fn check(sample: Sample, outcome: Outcome, detail: &str) {
    let history = sample.history();
    let result = judge(&Slo, &Facts::of(&history).unwrap());
    assert_eq!((result.outcome, result.literal), (outcome, NotRun), "{}", result.detail);
    assert!(result.detail.starts_with(detail), "{}\nwanted {detail}", result.detail);
}

fn last(edit: impl Fn(&mut sample::Seen<'_>)) -> Sample {
    sample::alerted().edit_alerts(12_500, EVER_MS, edit)
}

#[test]
fn all_are_met_with_traffic_behind_them() {
    let levels = "availability_http 1 ≥ 0.995 at 31/s (what it spends now, in place of 30 days), \
                  error_rate_invoke 0 ≤ 0.01 at 20/s, invoke_p95 0.021 ≤ 0.1 s at 20/s, \
                  healthz_p95 0.004 ≤ 0.01 s at 5/s, dispatch_p95 0.00002 ≤ 0.00005 s at 20/s; literal";
    check(sample::alerted(), Pass, levels);
}

#[test]
fn each_can_be_on_the_wrong_side() {
    for (id, missed, told) in [
        ("availability_http", 0.994, "0.994 < 0.995 (what it spends now, in place of 30 days)"),
        ("error_rate_invoke", 0.011, "0.011 > 0.01"),
        ("invoke_p95", 0.101, "0.101 > 0.1 s"),
        ("healthz_p95", 0.0101, "0.0101 > 0.01 s"),
        ("dispatch_p95", 0.000_06, "0.00006 > 0.00005 s"),
    ] {
        let with = |value: Option<f64>| last(move |seen| seen.read(&format!("sli-{id}"), value));
        check(with(Some(missed)), Fail, &format!("{id} is {told}"));
        let none = with(None);
        if id == "error_rate_invoke" {
            check(none, Pass, "availability_http 1");
        } else {
            check(none, Fail, &format!("{id} has no number"));
        }
        check(with(Some(f64::NAN)), if id == "error_rate_invoke" { Pass } else { Fail }, "");
        for backing in [None, Some(0.0)] {
            let idle = last(move |seen| seen.read(&format!("traffic-{id}"), backing));
            check(idle, Fail, &format!("{id} has no traffic behind it"));
        }
    }
    let two = last(|seen| {
        seen.read("sli-invoke_p95", Some(3.0));
        seen.read("sli-healthz_p95", Some(0.5));
    });
    check(two, Fail, "invoke_p95 is 3 > 0.1 s, healthz_p95 is 0.5 > 0.01 s");
    // On the target is met.
    check(last(|seen| seen.read("sli-availability_http", Some(0.995))), Pass, "availability_http 0.995 ≥");
    check(last(|seen| seen.read("sli-invoke_p95", Some(0.1))), Pass, "");
}

#[test]
fn two_looks_in_succession_have_to_show_it() {
    let earlier = sample::alerted().edit_alerts(12_000, 12_500, |seen| seen.read("sli-invoke_p95", Some(3.0)));
    check(earlier, Fail, "invoke_p95 is 3 > 0.1 s");
    let before = sample::alerted().edit_alerts(0, 12_000, |seen| seen.read("sli-invoke_p95", Some(3.0)));
    check(before, Pass, "");
    // The first 200 is at 5.9 s, the window is 5 s: 10.9 s.
    check(
        sample::alerted().without_alerts(11_500, EVER_MS),
        Fail,
        "one look from 5.00 s after the restart on, two are",
    );
    let early = sample::alerted().without_alerts(11_000, 12_500);
    check(early, Fail, "one look from 5.00 s after the restart on");
    let gap = |from, to| sample::alerted().watched_to_the_end().without_alerts(from, to);
    check(gap(22_001, 25_000), Fail, "nobody looked for 3.00 s");
    check(gap(22_001, EVER_MS), Fail, "nobody looked for 3.40 s");
    let gone = sample::alerted().watched_to_the_end().engine_gone(22_001);
    check(gone, Fail, "nobody looked for 3.40 s: http://127.0.0.1:9090: refused");
    let gone = sample::alerted().watched_to_the_end().engine_gone(7_000);
    check(gone, Fail, "no look from 5.00 s after the restart on, two are wanted: http://127.0.0.1:9090: refused");
    // What is seen after the watch is none of it.
    let after = sample::alerted().edit_alerts(WATCHED_MS, EVER_MS, |seen| seen.read("sli-invoke_p95", Some(3.0)));
    let ended = after.edit("watched", |what| {
        if let What::Watched { until_us, .. } = what {
            *until_us = 11_550_000;
        }
    });
    check(ended, Fail, "invoke_p95 is 3 > 0.1 s");
}

#[test]
fn silence_is_no_service() {
    check(last(|seen| seen.scrape.ok = false), Fail, "the node cannot be scraped");
    check(last(|seen| seen.scrape.at_us = Some(1)), Fail, "no sample is newer than the restart");
    check(last(|seen| seen.read("invokes", Some(0.0))), Fail, "the node answers no invokes with 2xx");
    let drained = sample::alerted().after("watched", What::BalancerChanged { in_rotation: false, state: "x".into() });
    check(drained, Fail, "the node is out of rotation");
    let lost = sample::alerted().without(|what| matches!(what, What::Traffic { second: 6.., .. }));
    check(lost, Fail, "no invoke was answered 200 since the restart");
    let levels =
        |count: usize| sample::alerted().edit_plan(move |plan| plan.alerts.as_mut().unwrap().slis.truncate(count));
    check(levels(0), Fail, "no service level is known");
    check(levels(1), Pass, "availability_http 1 ≥ 0.995 at 31/s (what it spends now, in place of 30 days); literal");
}

#[test]
fn it_is_asked_where_the_drill_has_alerts_and_judges_them() {
    check(sample::recovered(), NotRun, "the drill has no alerts");
    let not_judged = sample::alerted().edit_plan(|plan| plan.criteria = vec!["alert".into()]);
    check(not_judged, NotRun, "it is not judged, so nobody watched for it");
    check(sample::offline(), NotRun, "the failure path was taken");
}
