//! Verification 2: /healthz answers 200, in less than the text promises.

use super::{Criterion, Told, literal_status};
use crate::judge::Outcome;
use crate::judge::facts::Facts;
use crate::judge::latency::{
    CONTROL_P95_MAX_US, PROBES_LEAST, Window, agree, claim_us, last_quiet, last_two_quiet, ms, percentile, windows,
};

const ID: &str = "health";

/// In two windows in succession, each with at least 100 probes on a quiet machine, the P95 is below the claim and every
/// probe was answered 200. Two quiet windows that contradict each other are no answer.
pub(super) struct Health;

impl Criterion for Health {
    fn id(&self) -> &'static str {
        ID
    }

    fn oracle(&self, facts: &Facts<'_>) -> Told {
        let windows = windows(facts.events);
        let Some(last) = windows.last() else {
            return Told::fail("the latency of /healthz was not measured", []);
        };
        if last.what.answered() == 0 {
            return Told::fail(format!("none of {} probes was answered 200", last.what.probes.len()), [last.n]);
        }
        if windows.iter().all(|at| at.what.probes.len() < PROBES_LEAST) {
            let told = format!("only {} probes, {PROBES_LEAST} are wanted", last.what.probes.len());
            return Told::fail(told, [last.n]);
        }
        let unknown =
            |told: String| Told::new(Outcome::Unknown, told, windows.iter().map(|at| at.n).collect::<Vec<_>>());
        let Some(quiet) = last_quiet(facts) else {
            let control = percentile(last.what.control, 95).map_or("was not measured".into(), |p95| {
                format!("has a P95 of {}, more than {}", ms(p95), ms(CONTROL_P95_MAX_US))
            });
            let count = windows.len();
            return unknown(format!("the machine was never quiet in {count} windows: the control probe {control}"));
        };
        let claim_us = claim_us(facts.plan);
        let claimed = format!("claimed is under {}", ms(claim_us));
        let Some(two) = last_two_quiet(facts.events) else {
            let (count, told) = (windows.len(), in_words(&quiet.what));
            return unknown(format!("only one of {count} windows was quiet, two have to agree: P95 {told}; {claimed}"));
        };
        let [earlier, later] = &two;
        let told = format!("P95 {}, then {}; {claimed}", in_words(&earlier.what), in_words(&later.what));
        if !agree(&two, claim_us) {
            return unknown(format!("the last two quiet windows do not agree: {told}"));
        }
        let events = [earlier.n, later.n];
        if later.what.meets(claim_us) { Told::pass(told, events) } else { Told::fail(told, events) }
    }

    fn literal(&self, facts: &Facts<'_>) -> Told {
        literal_status(facts, ID)
    }
}

/// The P95 of a window in words: `0.800 ms of 100 probes`, and how many of them were not answered 200.
fn in_words(window: &Window<'_>) -> String {
    let (all, p95) = (window.probes.len(), percentile(window.probes, 95).map_or("not measured".into(), ms));
    match all - window.answered() {
        0 => format!("{p95} of {all} probes"),
        other => format!("{p95} of {all} probes ({other} not answered 200)"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge;
    use super::*;
    use crate::history::What;
    use crate::history::event::{ProbeOutcome, Sample as Probe};
    use crate::judge::Outcome::{Fail, NotRun, Pass, Unknown};
    use crate::judge::sample::{self, Sample};

    fn check(sample: Sample, outcome: Outcome, literal: Outcome, detail: &str) {
        let history = sample.history();
        let result = judge(&Health, &Facts::of(&history).unwrap());
        assert_eq!((result.outcome, result.literal), (outcome, literal), "{}", result.detail);
        assert!(result.detail.contains(detail), "{}", result.detail);
    }

    fn probes(count: usize, outcome: ProbeOutcome, latency_us: u64) -> Vec<Probe> {
        vec![Probe { outcome, latency_us }; count]
    }

    fn ok(count: usize, latency_us: u64) -> Vec<Probe> {
        probes(count, ProbeOutcome::Status(200), latency_us)
    }

    fn measured(all: &[(Vec<Probe>, Vec<Probe>)]) -> Sample {
        let windows = all.iter().cloned().map(|(probes, control)| What::HealthWindow { probes, control }).collect();
        sample::recovered().replace(|what| matches!(what, What::HealthWindow { .. }), windows)
    }

    fn quiet(probes: Vec<Probe>) -> (Vec<Probe>, Vec<Probe>) {
        (probes, ok(100, 500))
    }

    fn busy(probes: Vec<Probe>) -> (Vec<Probe>, Vec<Probe>) {
        (probes, ok(100, 5_001))
    }

    #[test]
    fn the_claim_is_a_strict_bound_on_the_p95_of_two_quiet_windows() {
        let twice = |probes: Vec<Probe>| measured(&[quiet(probes.clone()), quiet(probes)]);
        let check = |sample, outcome, detail| check(sample, outcome, Pass, detail);
        check(twice(ok(100, 9_999)), Pass, "P95 9.999 ms of 100 probes, then 9.999 ms of 100 probes; claimed");
        check(twice(ok(100, 10_000)), Fail, "claimed is under 10.000 ms");
        let tail = |slow: usize| [ok(100 - slow, 800), ok(slow, 90_000)].concat();
        check(twice(tail(5)), Pass, "0.800 ms");
        check(twice(tail(6)), Fail, "90.000 ms");
        let one_refused = [ok(99, 800), probes(1, ProbeOutcome::Refused, 100)].concat();
        check(twice(one_refused), Fail, "0.800 ms of 100 probes (1 not answered 200), then");
    }

    #[test]
    fn the_last_two_quiet_windows_have_to_agree() {
        let check = |windows: &[(Vec<Probe>, Vec<Probe>)], outcome, detail| {
            check(measured(windows), outcome, Pass, detail);
        };
        let (good, slow) = (|| ok(100, 800), || ok(100, 20_000));
        // A stall that hits the node's probes alone: neither a conclusion by itself nor in the way of one.
        check(&[quiet(slow()), quiet(good())], Unknown, "do not agree: P95 20.000 ms of 100 probes, then 0.800");
        check(&[quiet(good()), quiet(slow())], Unknown, "do not agree");
        check(&[quiet(slow()), quiet(good()), quiet(good())], Pass, "P95 0.800 ms of 100 probes, then 0.800");
        check(&[quiet(good()), quiet(slow()), quiet(slow())], Fail, "P95 20.000 ms of 100 probes, then 20.000");
        check(&[quiet(good()), busy(slow()), quiet(good()), busy(slow())], Pass, "0.800 ms of 100 probes, then 0.800");
        check(&[busy(slow()), quiet(good())], Unknown, "only one of 2 windows was quiet");
        let refused = [ok(99, 800), probes(1, ProbeOutcome::Refused, 100)].concat();
        check(&[quiet(refused), quiet(good())], Unknown, "(1 not answered 200), then 0.800");
    }

    #[test]
    fn only_a_machine_that_is_not_quiet_twice_is_unknown() {
        check(measured(&[busy(ok(100, 800))]), Unknown, Pass, "never quiet in 1 windows");
        check(measured(&[(ok(100, 800), vec![])]), Unknown, Pass, "was not measured");
        check(measured(&[]), Fail, Pass, "was not measured");
        check(measured(&[quiet(ok(99, 800))]), Fail, Pass, "only 99 probes");
        let refused = || probes(100, ProbeOutcome::Refused, 100);
        check(measured(&[quiet(refused())]), Fail, Pass, "none of 100");
        check(measured(&[busy(refused())]), Fail, Pass, "none of 100");
    }

    #[test]
    fn the_literal_check_is_the_status_alone() {
        let ended = sample::recovered().edit_command("V2", |what| {
            if let What::CommandEnded { exit, pipe, .. } = what {
                (*exit, *pipe) = (22, vec![22]);
            }
        });
        check(ended, Pass, Fail, "ended 22");
        check(sample::recovered().without_command("V2"), Pass, NotRun, "no command");
        check(sample::offline(), NotRun, NotRun, "failure path");
    }
}
