//! Each rule finds its case in a made-up drill, and nothing in a plain recovery.

use std::fs;
use std::path::Path;

use super::*;
use crate::history::What;
use crate::history::event::{CommandRef, KillReason, ProbeOutcome};
use crate::judge::sample::{self, Sample};
use crate::judge::{criteria_of, judge};
use crate::procedure::{Class, Origin, StaticFinding};

fn of(sample: Sample) -> Vec<Finding> {
    let history = sample.history();
    let facts = Facts::of(&history).unwrap();
    all(&facts, &criteria_of(&facts))
}

fn rules(sample: Sample) -> Vec<String> {
    of(sample).into_iter().map(|finding| finding.rule).collect()
}

fn check(sample: Sample, rule: &str, line: Option<u32>, message: &str) {
    let findings = of(sample.clone());
    let found: Vec<&Finding> = findings.iter().filter(|finding| finding.rule == rule).collect();
    assert_eq!(found.len(), 1, "{rule}: {findings:?}");
    assert_eq!(found[0].line, line, "{rule}: {}", found[0].message);
    assert!(found[0].message.contains(message), "{rule}: {}", found[0].message);
    assert!(!found[0].events.is_empty(), "{rule}: {:?}", found[0]);
    let count = sample.history().events.len() as u64;
    assert!(found[0].events.iter().all(|n| (1..=count).contains(n)), "{rule}: {:?}", found[0]);
}

#[test]
fn a_plain_recovery_shows_only_what_the_text_shows() {
    assert_eq!(rules(sample::recovered()), ["sample-rule"]);
    assert_eq!(of(sample::recovered())[0].events, Vec::<u64>::new());
}

#[test]
fn a_check_that_is_blind_or_cries_wolf() {
    check(sample::slow(), "blind-check", Some(107), "health");
    check(sample::slow(), "in-rotation-unverified", Some(63), "fails health");
    let drained = sample::slow().after("declared-over", What::BalancerChanged { in_rotation: false, state: "".into() });
    assert!(!rules(drained).contains(&"in-rotation-unverified".to_owned()));
    let alarm = sample::recovered().edit_command("V1", |what| {
        if let What::CommandEnded { output, .. } = what {
            *output = "node 0.3.8\n".into();
        }
    });
    check(alarm, "false-alarm", Some(106), "version");
    let down = sample::slow().edit("end", |what| {
        if let What::MachineSeen { healthz, .. } = what {
            *healthz = ProbeOutcome::Refused;
        }
    });
    assert!(!rules(down).contains(&"in-rotation-unverified".to_owned()));
}

#[test]
fn a_part_that_fails_behind_a_good_status() {
    let masked = sample::recovered().edit_command("S1", |what| {
        if let What::CommandEnded { pipe, .. } = what {
            *pipe = vec![127, 0];
        }
    });
    check(masked, "masked-failure", Some(35), "[127, 0]");
}

#[test]
fn the_failure_path_shows_the_texts_gaps() {
    check(sample::offline(), "claim-overrun", Some(114), "60 s of the start; `wait` (line 58)");
    check(sample::offline(), "supplied-needed", Some(117), "`halt` ended 4; `root halt` was needed");
    assert!(!rules(sample::offline()).contains(&"silent-cause".to_owned()));
    // A start that failed leaves the claim open: it is neither met nor overrun, and the drill ends as it did.
    let left = sample::offline().without(|what| matches!(what, What::ReadyClaim { .. }));
    assert_eq!(judge(&left.clone().history()).verdict, crate::verdict::Verdict::Offline);
    assert!(!rules(left).contains(&"claim-overrun".to_owned()));
    let silent = sample::offline().edit("diagnosed", |what| {
        *what = What::Diagnosed { incompatible_state: None };
    });
    check(silent, "silent-cause", Some(116), "the text says nothing");
    let allowed = sample::offline().edit_nth_command("F2", 0, |what| {
        if let What::CommandEnded { exit, pipe, .. } = what {
            (*exit, *pipe) = (0, vec![0]);
        }
    });
    assert!(!rules(allowed).contains(&"supplied-needed".to_owned()));
}

#[test]
fn a_page_that_nobody_got() {
    let status = |status: i32| {
        sample::offline().edit_command("F3", move |what| {
            if let What::CommandEnded { exit, .. } = what {
                *exit = status;
            }
        })
    };
    let unheard = |sample: Sample| sample.without(|what| matches!(what, What::Paged { .. }));
    check(unheard(status(1)), "page-not-taken", Some(118), "ended 1 and nobody was told");
    for fine in [status(1), unheard(status(0)), sample::recovered()] {
        assert!(!rules(fine).contains(&"page-not-taken".to_owned()));
    }
    let killed = sample::offline().edit_command("F3", |what| {
        if let What::CommandEnded { command, began_us, .. } = what {
            let (command, began_us, why) = (command.clone(), *began_us, KillReason::Ceiling { ms: 120_000 });
            *what = What::CommandKilled { command, why, output: String::new(), began_us, gone: true };
        }
    });
    check(unheard(killed), "page-not-taken", Some(118), "was killed and nobody was told");
}

#[test]
fn promises_about_calls_in_flight_and_the_restart() {
    let held = |word: &'static str| {
        sample::recovered().edit("held-invoke", move |what| {
            if let What::HeldInvoke { outcome, .. } = what {
                *outcome = word.into();
            }
        })
    };
    check(held("200"), "in-flight-claim", Some(22), "came to `200`, promised is 5xx");
    check(held("reset"), "in-flight-claim", Some(22), "came to `reset`");
    assert!(!rules(held("503")).contains(&"in-flight-claim".to_owned()));
    let before = held("200").edit("held-invoke", |what| {
        if let What::HeldInvoke { ended_us, .. } = what {
            *ended_us = 4_900_000;
        }
    });
    assert!(!rules(before).contains(&"in-flight-claim".to_owned()));
    let hasty = sample::recovered().edit_plan(|plan| plan.claims.restart_takes_ms.value.to = 899);
    check(hasty, "restart-claim", Some(22), "900 ms");
    let just = sample::recovered().edit_plan(|plan| plan.claims.restart_takes_ms.value.to = 900);
    assert!(!rules(just).contains(&"restart-claim".to_owned()));
}

/// The text alone shows it, so the drill in which the file is missing says it no second time.
#[test]
fn a_capture_that_no_command_makes_is_told_once() {
    let never = sample::recovered().edit("missing", |what| {
        if let What::Missing { never_made, .. } = what {
            *never_made = true;
        }
    });
    let never = never.edit_plan(|plan| {
        let message = "no command of sample's section makes hypothesis".to_owned();
        plan.static_findings = vec![StaticFinding { rule: "never-captured".into(), line: 127, message }];
    });
    assert_eq!(rules(never), ["never-captured"]);
}

/// The start failed; the machine is as these lines say from then on.
fn start_failed(supervisor: &'static str) -> Sample {
    let drill = sample::offline().edit_command("S6", |what| {
        if let What::CommandEnded { exit, pipe, .. } = what {
            (*exit, *pipe) = (125, vec![125]);
        }
    });
    drill.edit_looks(move |moment, machine| {
        if moment != "before" {
            machine.supervisor = supervisor.into();
        }
    })
}

#[test]
fn what_served_is_removed_before_it_shows_that_the_target_cannot_be_had() {
    let rule = "removed-before-fetched";
    let (missing, down) =
        ("Status=absent\nRegistryTag=v0.3.8 absent\n", "Status=absent\nRegistryTag=v0.3.8 unreachable\n");
    check(start_failed(missing), rule, Some(48), "`swap` removed what served");
    check(start_failed(missing), rule, Some(48), "`start` (line 55) ended 125 because the registry has no v0.3.8");
    check(start_failed(missing), rule, Some(48), "safer is a section that fetches first");
    check(start_failed(down), rule, Some(48), "because the registry is unreachable: there was nothing to go back to");
    check(start_failed(missing).without_command("S4"), rule, Some(44), "`stop` removed what served");
    let compared = start_failed(missing).edit_plan(|plan| {
        plan.fetches_first = vec![("other".into(), 99), ("sample".into(), 7)];
    });
    check(compared, rule, Some(48), "safer is other (line 99), where");

    let silent = |sample: Sample| assert!(!rules(sample).contains(&rule.to_owned()));
    // The start failed for another reason, did not fail, or left something to go back to.
    silent(start_failed("Status=created\nRegistryTag=v0.3.8 unreachable\n"));
    silent(start_failed("Status=absent\nRegistryTag=v0.3.8 sha256:aa\n"));
    silent(start_failed("Status=absent\n"));
    silent(start_failed("State=stopped\n"));
    silent(sample::offline().edit_looks(|_, machine| machine.supervisor = missing.into()));
    // Fetched in time. One that failed has brought nothing.
    let first_fetches = |status: i32| {
        start_failed(missing).edit_command("S2", move |what| match what {
            What::CommandBegan { classes, .. } => *classes = vec![Class::Fetch],
            What::CommandEnded { exit, .. } => *exit = status,
            _ => {}
        })
    };
    silent(first_fetches(0));
    check(first_fetches(18), rule, Some(48), "`swap` removed");
    // One command that stops, swaps and starts, and fails as a whole, has removed nothing; nor has an edit before it.
    silent(start_failed(missing).without_command("S3").edit_command("S6", |what| {
        if let What::CommandBegan { classes, .. } = what {
            *classes = vec![Class::Stop, Class::Swap, Class::Start];
        }
    }));
}

#[test]
fn the_place_that_the_text_names_is_held_against_the_one_that_is_used() {
    let rule = "looked-elsewhere";
    check(sample::confirmed(), rule, Some(20), "`look` ended 2, `ask` ended 0: the text says to look in another place");
    assert_eq!(rules(sample::confirmed()), [rule, "sample-rule"]);
    let ended = |nth: usize, status: i32| {
        move |sample: Sample| {
            sample.edit_nth_command("R1", nth, |what| {
                if let What::CommandEnded { exit, .. } = what {
                    *exit = status;
                }
            })
        }
    };
    let silent = |sample: Sample| assert!(!rules(sample).contains(&rule.to_owned()));
    silent(ended(0, 0)(sample::confirmed()));
    silent(ended(1, 2)(sample::confirmed()));
    check(ended(1, 1)(ended(0, 0)(sample::confirmed())), rule, Some(20), "`look` ended 0, `ask` ended 1");
    silent(sample::confirmed().without_nth_command("R1", 1));
    silent(sample::confirmed().without_nth_command("R1", 0));
}

/// The operator's own fetch before the first stop is one in time, whoever asked for it: what it would have found is told of
/// the text, and not a second time of the drill.
#[test]
fn who_fetched_to_confirm_has_not_removed_before_it_was_fetched() {
    let missing = "Status=absent\nRegistryTag=v0.3.8 absent\n";
    let fetched = What::CommandBegan {
        command: CommandRef { step: "R1".into(), run: 99 },
        line: 20,
        classes: vec![Class::Fetch],
        text: "fetch".into(),
        origin: Origin::Supplied { stands_for: "can be had".into() },
        should_print: None,
        criterion: None,
    };
    let ended = What::CommandEnded {
        command: CommandRef { step: "R1".into(), run: 99 },
        exit: 0,
        pipe: vec![0],
        output: String::new(),
        output_bytes: 0,
        own_words: false,
        began_us: 4_060_000,
        ended_us: 4_070_000,
        shell_ended: false,
    };
    let confirmed = start_failed(missing).after("before", ended).after("before", fetched);
    assert!(!rules(confirmed).contains(&"removed-before-fetched".to_owned()));
}

#[test]
fn a_drill_with_alerts_shows_what_no_drill_can_wait_for() {
    assert_eq!(rules(sample::alerted()), ["sample-rule", "slo-cannot-recover-in-a-drill"]);
    let told = "availability_http is over 30 days: what the incident spent comes back as days grow old, in no watch of \
                minutes. It was judged on what is spent now, over 5 minutes: 1, at least 0.995";
    check(sample::alerted(), "slo-cannot-recover-in-a-drill", Some(110), told);
    let daily = sample::alerted().edit_plan(|plan| {
        plan.alerts.as_mut().unwrap().slis.iter_mut().for_each(|sli| sli.objective_over_ms = None);
    });
    assert_eq!(rules(daily), ["sample-rule"]);
}

#[test]
fn an_alert_whose_own_windows_are_too_long() {
    let rule = "alert-cannot-clear-in-time";
    // Windows of 30 minutes and 6 hours, and a share of 31.2 % before step 1.
    let slow_burn = |share: f64| {
        let slow = sample::alerted().edit_plan(|plan| {
            let conditions = &mut plan.alerts.as_mut().unwrap().conditions;
            conditions.iter_mut().for_each(|condition| condition.above = 0.03);
            (conditions[0].window_ms, conditions[1].window_ms) = (30_000, 360_000);
        });
        slow.edit_alerts(0, sample::EVER_MS, move |seen| seen.read("condition-1", Some(share)))
    };
    let told = |minutes: &str, share: &str| {
        format!(
            "SampleBurn takes {minutes} minutes to clear where every request is answered well from the restart on (30 min \
             × (1 − 0.03 / {share})), promised are 5 to 15 minutes"
        )
    };
    check(slow_burn(1.0), rule, Some(109), &told("29.1", "1"));
    check(slow_burn(0.312), rule, Some(109), &told("27.1", "0.312"));
    check(slow_burn(0.061), rule, Some(109), &told("15.2", "0.061"));
    assert!(!rules(slow_burn(0.06)).contains(&rule.to_owned()), "15 minutes are within the claim");
    // A percentile does not say how many were slow.
    let latency = |window_ms: u64| {
        slow_burn(0.312).edit_plan(move |plan| {
            for condition in &mut plan.alerts.as_mut().unwrap().conditions {
                (condition.unit, condition.window_ms) = ("seconds".into(), window_ms);
            }
        })
    };
    check(latency(30_000), rule, Some(109), "takes 30 minutes to clear where every request is answered well from the");
    check(latency(30_000), rule, Some(109), "(at most; its window is 30 minutes)");
    assert!(!rules(latency(15_000)).contains(&rule.to_owned()));
    let never = slow_burn(1.0).without(|what| matches!(what, What::AlertFirst { .. }));
    assert!(!rules(never).contains(&rule.to_owned()));
}

#[test]
fn an_alert_that_goes_away_because_nothing_is_measured() {
    let rule = "alert-clears-for-silence";
    let silent = |sample: Sample| assert!(!rules(sample).contains(&rule.to_owned()));
    let cut = |from_ms: u64, to_ms: u64| {
        sample::alerted().watched_to_the_end().edit_alerts(from_ms, to_ms, |seen| seen.scrape.ok = false)
    };
    check(cut(sample::CLEARS_MS, sample::EVER_MS), rule, Some(109), "SampleBurn was inactive, and that shows nothing");
    // For a while, as long as the rule waits and longer; then by value.
    check(cut(11_000, 13_500), rule, Some(109), "was inactive for 2.00 s, and that shows nothing: the node cannot be");
    silent(cut(11_000, 13_000));
    silent(cut(0, sample::CLEARS_MS));
    let drained = sample::alerted().after("watched", What::BalancerChanged { in_rotation: false, state: "".into() });
    silent(drained);
    silent(sample::alerted().still_firing().edit_alerts(0, sample::EVER_MS, |seen| seen.scrape.ok = false));
    let never = cut(sample::CLEARS_MS, sample::EVER_MS).without(|what| matches!(what, What::AlertFirst { .. }));
    silent(never);
}

#[test]
fn findings_are_sorted_and_stand_once() {
    let twice = sample::offline().edit_plan(|plan| plan.static_findings.extend(plan.static_findings.clone()));
    let findings = judge(&twice.history()).findings;
    let mut sorted = findings.clone();
    sorted.sort_by(|a, b| (&a.rule, a.line, &a.message).cmp(&(&b.rule, b.line, &b.message)));
    sorted.dedup();
    assert_eq!(findings, sorted);
    assert_eq!(findings.iter().filter(|finding| finding.rule == "sample-rule").count(), 1);
}

#[test]
fn rules_are_unique_and_sorted() {
    let of_drill: Vec<&str> = REGISTRY.iter().map(|rule| rule.id()).collect();
    let of_text: Vec<&str> = TextRule::ALL.iter().map(|rule| rule.id()).collect();
    for ids in [&of_drill, &of_text] {
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    }
    assert!(of_text.iter().all(|id| !of_drill.contains(id)), "{of_text:?}");
}

/// What the sources find in a text, by whatever rule, is of a rule that is listed, or of the binding.
#[test]
fn all_rules_of_the_text_are_listed() {
    let (mut left, mut used) = (vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")], BTreeSet::new());
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        if path.ends_with("procedure/text_rule.rs") || path.ends_with("findings/tests.rs") {
            continue;
        }
        let name = |rest: &str| rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned();
        used.extend(text.split("TextRule::").skip(1).map(name).filter(|name| name != "ALL"));
        if !path.ends_with("judge/sample/mod.rs") {
            let literal = text.split("StaticFinding {").skip(1).any(|rest| rest.trim_start().starts_with("rule: \""));
            assert!(!literal, "{}: a finding of no listed rule", path.display());
        }
    }
    assert_eq!(used, TextRule::ALL.iter().map(|rule| format!("{rule:?}")).collect());
}
