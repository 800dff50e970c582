//! The registry's bounds, what each fault wants of a host, and what shows it.

mod containers;
mod pages;
mod releases;
mod scrapes;

use super::*;
use crate::history::What;
use crate::judge::sample::{self, Sample, fault};
use crate::prepare;

fn refused(id: &str, release: Option<Role>, params: &[(&str, u64)], text: &str) {
    let error = check(&fault(id, release, params)).unwrap_err().to_string();
    assert!(error.contains(text), "{error}");
    assert_eq!(effect(&fault(id, release, params)).unwrap_err().to_string(), error);
}

#[test]
fn ids_are_unique_and_sorted_and_parameters_have_sane_bounds() {
    let ids: Vec<&str> = REGISTRY.iter().map(|kind| kind.id).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    for kind in REGISTRY {
        assert!(kind.about.ends_with('.'), "{}", kind.id);
        for param in kind.params {
            assert!(param.min <= param.max && param.max <= u64::from(u32::MAX), "{}", param.name);
            assert!(param.default.is_none_or(|value| (param.min..=param.max).contains(&value)), "{}", param.name);
        }
    }
}

#[test]
fn every_fault_is_declared_by_a_shipped_scenario() {
    let workspace = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut declared = std::collections::BTreeSet::new();
    for path in prepare::files(&prepare::cases_folder(&workspace)).unwrap() {
        let scenario = prepare::load(&path).unwrap();
        declared.extend(scenario.faults.into_iter().map(|used| used.id));
    }
    let known: Vec<&str> = REGISTRY.iter().map(|kind| kind.id).collect();
    assert_eq!(Vec::from_iter(declared), known);
}

#[test]
fn defaults_are_filled_in_and_bounds_kept() {
    let good = Some(Role::Good);
    let filled = check(&fault("healthz-slow", good, &[])).unwrap();
    assert_eq!(filled, fault("healthz-slow", good, &[("delay_ms", 50)]));
    assert_eq!(check(&filled).unwrap(), filled);
    refused(
        "no-such",
        None,
        &[],
        "alert-stuck, compose-not-edited, drained-forever, errors, functions-lost, healthz-slow, invoke-slow, ",
    );
    refused("healthz-slow", good, &[("delay", 5)], "it has delay_ms");
    refused("metrics-stalled", good, &[("x", 5)], "it has none");
    refused("healthz-slow", good, &[("delay_ms", 0)], "allowed are 1 to 800 milliseconds");
    refused("errors", Some(Role::Bad), &[("share_percent", 101)], "allowed are 1 to 100 percent");
    refused("invoke-slow", good, &[("delay_ms", 199)], "allowed are 200 to 1000 milliseconds");
    refused("invoke-slow", good, &[("delay_ms", 1001)], "allowed are 200 to 1000 milliseconds");
    refused("errors", None, &[], "give `release = \"bad\" or \"good\"`");
    refused("metrics-stalled", Some(Role::Bad), &[], "give `release = \"good\"`");
    refused("sigterm-ignored", good, &[], "give `release = \"bad\"`");
    refused("snapshot-incompatible", good, &[], "leave `release` out");
    refused("tag-moved", None, &[("x", 5)], "it has none");
    refused("page-lost", None, &[("way", 4)], "allowed are 1 to 3 (1: it delivers twice, 2: ");
}

#[test]
fn what_a_running_machine_can_be_made_to_suffer_can_begin_later() {
    let at = |id: &str, moment| FaultUse { at: Some(moment), ..fault(id, None, &[]) };
    let running = ["drained-forever", "port-held", "registry-down", "release-missing"];
    for (moment, can, words) in [
        (Moment::Before(Class::Start), &running[..], "it is there from the beginning of a drill on"),
        (Moment::Before(Class::Page), &running[..], "it is there from the beginning of a drill on"),
        (Moment::During(Class::Start), &running[..], "it is there from the beginning of a drill on"),
        (
            Moment::After(Class::Verify),
            &["scrape-cut"][..],
            "nothing that it does acts behind the verification any more",
        ),
    ] {
        let mut later = Vec::new();
        for kind in REGISTRY {
            match check_moment(&at(kind.id, moment)) {
                Ok(()) => later.push(kind.id),
                Err(error) => {
                    let wanted = format!("fault `{}`: `at`: {words}", kind.id);
                    assert!(error.to_string().starts_with(&wanted), "{error}");
                }
            }
        }
        assert_eq!(later, can, "{moment:?}");
    }
    let given = at("port-held", Moment::During(Class::Start));
    assert_eq!(check(&given).unwrap(), given);
    for moment in [Moment::Before(Class::Look), Moment::During(Class::Look)] {
        let elsewhere = check(&at("port-held", moment)).unwrap_err().to_string();
        assert!(elsewhere.contains("no command of class look stands in a procedure"), "{elsewhere}");
    }
    let unwatched = check(&at("scrape-cut", Moment::After(Class::Stop))).unwrap_err().to_string();
    assert!(unwatched.contains("class stop; looked for after = \"verify\""), "{unwatched}");
}

#[test]
fn effects_are_a_closed_set() {
    let inborn = |release, fault| Effect::Inborn { release, fault };
    for (given, wanted) in [
        (
            fault("errors", Some(Role::Bad), &[("share_percent", 40)]),
            inborn(Role::Bad, Inborn::Errors { share_percent: 40 }),
        ),
        (fault("healthz-slow", Some(Role::Good), &[]), inborn(Role::Good, Inborn::HealthzSlow { delay_ms: 50 })),
        (fault("invoke-slow", Some(Role::Bad), &[]), inborn(Role::Bad, Inborn::InvokeSlow { delay_ms: 800 })),
        (fault("metrics-stalled", Some(Role::Good), &[]), inborn(Role::Good, Inborn::MetricsStalled {})),
        (fault("sigterm-ignored", Some(Role::Bad), &[]), inborn(Role::Bad, Inborn::SigtermIgnored {})),
        (fault("snapshot-incompatible", None, &[("format", 4)]), Effect::PlantSnapshot { format: 4 }),
        (fault("tag-missing", None, &[]), Effect::Tag { change: TagChange::Missing }),
        (fault("tag-moved", None, &[]), Effect::Tag { change: TagChange::Moved }),
        (fault("registry-down", None, &[]), Effect::Arranged),
        (fault("name-conflict", None, &[]), Effect::Arranged),
        (fault("port-held", None, &[]), Effect::Arranged),
        (fault("compose-not-edited", None, &[]), Effect::Arranged),
        (fault("release-missing", None, &[]), Effect::Arranged),
        (fault("drained-forever", None, &[]), Effect::Arranged),
        (fault("wrong-build", None, &[]), Effect::Arranged),
        (fault("scrape-cut", None, &[]), Effect::Arranged),
        (fault("page-lost", None, &[]), Effect::ArrangedAs { entry: "page-refused" }),
        (fault("page-lost", None, &[("way", 1)]), Effect::ArrangedAs { entry: "page-twice" }),
        (fault("page-lost", None, &[("way", 3)]), Effect::ArrangedAs { entry: "page-hangs" }),
        (fault("alert-stuck", None, &[]), Effect::TrappingTenants { tenants: 2 }),
        (fault("functions-lost", Some(Role::Good), &[]), inborn(Role::Good, Inborn::FunctionsLost {})),
        (
            fault("metrics-die-after-rollback", Some(Role::Good), &[]),
            inborn(Role::Good, Inborn::MetricsDie { after_s: 0 }),
        ),
    ] {
        assert_eq!(effect(&given).unwrap(), wanted);
    }
}

fn seen(sample: Sample, declared: FaultUse, text: Option<&str>) {
    let history = sample.history();
    let result = evidence(&Facts::of(&history).unwrap(), &declared);
    match (text, &result.seen) {
        (None, None) => assert!(result.events.is_empty()),
        (Some(text), Some(seen)) => {
            assert!(seen.contains(text), "{seen}");
            assert!(!result.events.is_empty());
        }
        (wanted, seen) => panic!("{}: {wanted:?} wanted, seen {seen:?}", declared.id),
    }
}

#[test]
fn errors_show_in_the_traffic() {
    let bad = || fault("errors", Some(Role::Bad), &[]);
    seen(sample::recovered(), bad(), Some("6 of 20"));
    let not_met = sample::recovered().edit("red-first", |what| {
        if let What::RedFirst { met, .. } = what {
            *met = false;
        }
    });
    seen(not_met, bad(), None);
    let declined = |errors: u64| {
        let no = What::Declined { by: "decision".into(), why: "no condition holds".into() };
        let never_asked =
            sample::recovered().without(|what| matches!(what, What::RedFirst { .. })).after("host-up", no);
        never_asked.edit("traffic", move |what| {
            if let What::Traffic { outcomes, .. } = what {
                *outcomes = [("200".to_owned(), 20 - errors), ("500".to_owned(), errors)].into();
            }
        })
    };
    seen(declined(0), bad(), None);
    seen(declined(1), bad(), Some("requests were answered 5xx"));
    let good = || fault("errors", Some(Role::Good), &[("share_percent", 30)]);
    let after = |errors: u64| {
        sample::recovered().edit("traffic", move |what| {
            if let What::Traffic { second: 8, outcomes, .. } = what {
                *outcomes = [("200".to_owned(), 20 - errors), ("500".to_owned(), errors)].into();
            }
        })
    };
    seen(after(0), good(), None);
    seen(after(2), good(), None);
    seen(after(3), good(), Some("3 of 20"));
    seen(sample::offline(), good(), None);
    // Nobody drained it.
    let stays = |errors: u64| after(errors).without(|what| matches!(what, What::BalancerChanged { .. }));
    seen(stays(3), good(), Some("3 of"));
    // Nobody put it back.
    let stays_out = after(3).without(|what| matches!(what, What::BalancerChanged { in_rotation: true, .. }));
    seen(stays_out, good(), None);
}

#[test]
fn a_slow_healthz_shows_in_the_median() {
    let slow = |ms: u64| fault("healthz-slow", Some(Role::Good), &[("delay_ms", ms)]);
    seen(sample::slow(), slow(50), Some("50.800 ms"));
    seen(sample::slow(), slow(63), Some("50.800 ms"));
    seen(sample::slow(), slow(64), None);
    seen(sample::recovered(), slow(50), None);
    let busy = sample::slow().edit("health-window", |what| {
        if let What::HealthWindow { control, .. } = what {
            control.iter_mut().for_each(|sample| sample.latency_us = 6_000);
        }
    });
    seen(busy, slow(50), None);
    let bad = |ms: u64| fault("healthz-slow", Some(Role::Bad), &[("delay_ms", ms)]);
    seen(sample::recovered(), bad(1), Some("0.900 ms"));
    seen(sample::recovered(), bad(2), None);
}

#[test]
fn slow_invokes_show_in_the_traffic() {
    let of = |release| fault("invoke-slow", Some(release), &[]);
    // Seconds 2 and 3 are before the stop, 8 is after the target is back in rotation.
    let late = |seconds: &'static [u64], late: u64| {
        sample::recovered().edit("traffic", move |what| {
            if let What::Traffic { second, slow, .. } = what
                && seconds.contains(second)
            {
                *slow = late;
            }
        })
    };
    seen(late(&[1, 2, 3], 20), of(Role::Bad), Some("requests to the bad release were answered late"));
    seen(late(&[8], 20), of(Role::Bad), None);
    seen(late(&[8], 20), of(Role::Good), Some("20 of 20 requests to the good release were answered late"));
    seen(late(&[8], 10), of(Role::Good), Some("10 of 20"));
    seen(late(&[8], 9), of(Role::Good), None);
    seen(late(&[1, 2, 3], 20), of(Role::Good), None);
    // Nobody put it back, or it never came.
    let stays_out = late(&[8], 20).without(|what| matches!(what, What::BalancerChanged { in_rotation: true, .. }));
    seen(stays_out, of(Role::Good), None);
    seen(sample::offline(), of(Role::Good), None);
    seen(sample::recovered(), of(Role::Bad), None);
}

/// A recovered drill whose second 8, after the first 200, has these outcomes.
fn after(outcomes: &'static [(&'static str, u64)]) -> Sample {
    sample::recovered().edit("traffic", move |what| {
        if let What::Traffic { second: 8, outcomes: all, .. } = what {
            *all = outcomes.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect();
        }
    })
}

#[test]
fn what_outlives_the_release_shows_before_and_after() {
    let stuck = || fault("alert-stuck", None, &[]);
    seen(
        after(&[("200", 16), ("500", 8)]),
        stuck(),
        Some("6 of 20 requests to the bad release were answered 5xx, and 8 of"),
    );
    seen(after(&[("200", 24)]), stuck(), None);
    let green = after(&[("200", 16), ("500", 8)]).edit("red-first", |what| {
        if let What::RedFirst { met, .. } = what {
            *met = false;
        }
    });
    seen(green, stuck(), None);
    seen(sample::offline(), stuck(), Some("6 of 20"));
}

#[test]
fn lost_functions_show_in_404s_once_the_release_serves() {
    let lost = || fault("functions-lost", Some(Role::Good), &[]);
    seen(after(&[("404", 24)]), lost(), Some("24 invokes"));
    seen(after(&[("200", 24)]), lost(), None);
    seen(sample::offline(), lost(), None);
}

#[test]
fn dead_metrics_show_in_a_fetch_after_the_release_serves() {
    let dead = || fault("metrics-die-after-rollback", Some(Role::Good), &[]);
    let failed = |why: &'static str| {
        sample::recovered().edit("metrics-pair", move |what| {
            if let What::MetricsPair { failure, .. } = what {
                *failure = Some(why.to_owned());
            }
        })
    };
    seen(failed("the first fetch of http://127.0.0.1:8080/metrics came to 500"), dead(), Some("came to 500"));
    seen(failed("the first fetch of http://127.0.0.1:8080/metrics came to refused"), dead(), None);
    seen(sample::recovered(), dead(), None);
}

#[test]
fn a_node_that_is_never_put_back_shows_in_the_balancers_state() {
    let forever = || fault("drained-forever", None, &[]);
    seen(sample::recovered(), forever(), None);
    let stays_out =
        || sample::recovered().without(|what| matches!(what, What::BalancerChanged { in_rotation: true, .. }));
    seen(stays_out(), forever(), Some("kept the node out of rotation"));
    seen(stays_out().without(|what| matches!(what, What::BalancerChanged { .. })), forever(), None);
}

#[test]
fn stalled_metrics_show_in_equal_counts() {
    let stalled = || fault("metrics-stalled", Some(Role::Good), &[]);
    let bodies = |first: String, second: String, least: u64| {
        sample::recovered().edit("metrics-pair", move |what| {
            if let What::MetricsPair { first: one, second: two, invokes_least, .. } = what {
                (*one, *two, *invokes_least) = (first.clone(), second.clone(), least);
            }
        })
    };
    let body = || sample::metrics(40, 3);
    let empty = || "# EOF\n".to_owned();
    seen(bodies(body(), body(), 18), stalled(), Some("stayed at 43"));
    seen(bodies(empty(), empty(), 18), stalled(), Some("stayed at 0"));
    seen(bodies(body(), body(), 0), stalled(), Some("stayed at 43 across the first of two fetches"));
    seen(bodies(body(), sample::metrics(40, 4), 0), stalled(), None);
    seen(bodies(body(), sample::metrics(40, 4), 18), stalled(), None);
    seen(bodies(body(), "no".into(), 18), stalled(), None);
    // The metrics died before the second fetch.
    seen(bodies(empty(), "no".into(), 18), stalled(), Some("is 0 in a node that has answered"));
    seen(bodies(String::new(), "no".into(), 18), stalled(), None);
    seen(sample::recovered(), stalled(), None);
}

#[test]
fn an_incompatible_snapshot_shows_in_a_node_that_ends_by_itself() {
    let planted = || fault("snapshot-incompatible", None, &[]);
    seen(sample::offline(), planted(), Some("came and went"));
    seen(sample::recovered(), planted(), None);
    seen(sample::given_up(), planted(), None);
    let unseen = || {
        sample::offline().without(|what| {
            matches!(what, What::NodeStarted { process } if process.pid == 200)
                || matches!(what, What::NodeExited { pid: 200 })
        })
    };
    seen(unseen(), planted(), Some("ExitCode=1"));
    let clean = unseen()
        .edit("hold-began", |_| {})
        .without(|what| matches!(what, What::MachineSeen { machine, .. } if machine.supervisor.contains("ExitCode=1")));
    seen(clean, planted(), None);
    // A node that only hung until it was stopped has not shown the fault.
    let hung = sample::offline()
        .without(|what| matches!(what, What::NodeExited { pid: 200 }))
        .after("paged", What::NodeExited { pid: 200 })
        .without(|what| matches!(what, What::MachineSeen { .. }));
    seen(hung, planted(), None);
}
