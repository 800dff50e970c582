//! Verification 3: the node's counters move.

use super::{Criterion, Told, checks};
use crate::exposition::{Samples, parse, parse_after};
use crate::history::event::What;
use crate::judge::facts::Facts;

const ID: &str = "metrics";

/// Counts all requests by route (node-contract.md section 3, row 9).
pub(crate) const HTTP_COUNTER: &str = "tensor_wasm_http_requests_total";

/// Label value of invokes (node-contract.md section 3: `route` is the template).
pub(crate) const INVOKE_ROUTE: &str = "/functions/:id/invoke";

/// Label value of the scrapes themselves, which a node counts after it has rendered the body.
const METRICS_ROUTE: &str = "/metrics";

/// Between two fetches the counters grew by what was sent.
pub(super) struct Metrics;

impl Criterion for Metrics {
    fn id(&self) -> &'static str {
        ID
    }

    fn oracle(&self, facts: &Facts<'_>) -> Told {
        let pairs = facts.find(Pair::of);
        let Some(at) = pairs.last() else {
            return Told::fail("/metrics was not fetched twice", []);
        };
        match at.what.grown() {
            Ok(detail) => Told::pass(detail, [at.n]),
            Err(reason) => Told::fail(reason, [at.n]),
        }
    }

    fn literal(&self, facts: &Facts<'_>) -> Told {
        let runs = checks(facts, ID);
        let events: Vec<u64> = runs.iter().flat_map(|run| run.shown_by()).collect();
        if runs.is_empty() {
            return Told::not_run("no command of the text was run for it");
        }
        if let Some(run) = runs.iter().find(|run| !run.clean()) {
            return Told::fail(format!("`{}` {}, its parts {:?}", run.text, run.ending(), run.pipe()), events);
        }
        let wanted = facts.plan.claims.metrics_fetches.value.max(2);
        if (runs.len() as u64) < wanted {
            return Told::fail(format!("it was run {} times, the text wants {wanted} fetches", runs.len()), events);
        }
        let mut fetched = Vec::new();
        for run in &runs {
            match parse(run.output) {
                Ok(samples) => fetched.push(samples),
                Err(error) => return Told::fail(format!("its output is no metrics text: {error}"), events),
            }
        }
        for (first, second) in fetched.iter().zip(fetched.iter().skip(1)) {
            if let Err(reason) = incremented(first, second) {
                return Told::fail(reason, events);
            }
        }
        Told::pass(format!("counters moved across {} fetches", runs.len()), events)
    }
}

/// Two fetches and what was sent between them.
pub(crate) struct Pair<'a> {
    pub(crate) bodies: [&'a str; 2],
    pub(crate) failure: Option<&'a str>,
    pub(crate) invokes_least: u64,
    pub(crate) invokes_most: u64,
    pub(crate) requests_least: u64,
}

impl<'a> Pair<'a> {
    /// The first body, where it could be fetched and read.
    pub(crate) fn first(&self) -> Option<Samples<'a>> {
        let [first, _] = self.bodies;
        if first.is_empty() { None } else { parse(first).ok() }
    }

    /// The pair that an event tells of.
    pub(crate) fn of(what: &'a What) -> Option<Pair<'a>> {
        match what {
            What::MetricsPair { first, second, failure, invokes_least, invokes_most, requests_least } => Some(Pair {
                bodies: [first, second],
                failure: failure.as_deref(),
                invokes_least: *invokes_least,
                invokes_most: *invokes_most,
                requests_least: *requests_least,
            }),
            _ => None,
        }
    }

    /// Both bodies, read.
    pub(crate) fn read(&self) -> Result<[Samples<'a>; 2], String> {
        if let Some(failure) = self.failure {
            return Err(format!("a fetch of /metrics failed: {failure}"));
        }
        let [first, second] = self.bodies;
        let first = parse(first).map_err(|error| format!("the first body: {error}"))?;
        let second = parse_after(second, &first).map_err(|error| format!("the second body: {error}"))?;
        Ok([first, second])
    }

    fn grown(&self) -> Result<String, String> {
        let [first, second] = self.read()?;
        if second.sum(HTTP_COUNTER, &[]).is_none() {
            return Err(format!("{HTTP_COUNTER} is absent"));
        }
        never_falls(&first, &second, HTTP_COUNTER)?;
        let growth = |labels: &[(&str, &str)]| {
            second.sum(HTTP_COUNTER, labels).unwrap_or(0.0) - first.sum(HTTP_COUNTER, labels).unwrap_or(0.0)
        };
        let (all, invokes) = (growth(&[]), growth(&[("route", INVOKE_ROUTE)]));
        if self.invokes_least > 0 && second.sum(HTTP_COUNTER, &[("route", INVOKE_ROUTE)]).is_none() {
            return Err(format!("{HTTP_COUNTER}{{route=\"{INVOKE_ROUTE}\"}} is absent"));
        }
        let (least, most) = (self.invokes_least, self.invokes_most);
        if !(invokes >= least as f64 && invokes <= most as f64) {
            return Err(format!("invokes counted: {invokes}, handled: {least} to {most}"));
        }
        let enough = all >= self.requests_least as f64;
        if !enough {
            return Err(format!("requests counted: {all}, answered: at least {}", self.requests_least));
        }
        let own = growth(&[("route", METRICS_ROUTE)]);
        let (nothing_sent, own_counted) = (self.invokes_least == 0 && self.requests_least == 0, own >= 1.0);
        if nothing_sent && !own_counted {
            return Err(format!("nothing was sent, and /metrics' own count grew by {own}"));
        }
        Ok(format!(
            "invokes counted: {invokes} of {least} to {most}; requests: {all} of at least {}",
            self.requests_least
        ))
    }
}

/// No counter of this name is smaller than before, or gone.
fn never_falls(first: &Samples<'_>, second: &Samples<'_>, name: &str) -> Result<(), String> {
    for (series, before) in first.named(name) {
        match second.get(&series) {
            Some(after) if after >= before => {}
            Some(after) => return Err(format!("{} {:?} fell from {before} to {after}", series.name, series.labels)),
            None => return Err(format!("{} {:?} is gone in the second fetch", series.name, series.labels)),
        }
    }
    Ok(())
}

/// As a person reads two outputs: some counter is larger, none is smaller. Either may show less than the whole text.
fn incremented(first: &Samples<'_>, second: &Samples<'_>) -> Result<(), String> {
    let mut larger = false;
    let mut compared = 0;
    for (series, after) in second.counters() {
        let Some(before) = first.get(&series) else { continue };
        compared += 1;
        if after < before {
            return Err(format!("{} fell from {before} to {after}", series.name));
        }
        larger |= after > before;
    }
    if larger { Ok(()) } else { Err(format!("none of the {compared} counters shown moved between two fetches")) }
}

#[cfg(test)]
mod tests {
    use super::super::judge;
    use super::*;
    use crate::judge::Outcome::{self, Fail, NotRun, Pass};
    use crate::judge::sample::{self, Sample};

    fn check(sample: Sample, outcome: Outcome, literal: Outcome, detail: &str) {
        let history = sample.history();
        let result = judge(&Metrics, &Facts::of(&history).unwrap());
        assert_eq!((result.outcome, result.literal), (outcome, literal), "{}", result.detail);
        assert!(result.detail.contains(detail), "{}", result.detail);
    }

    fn fetched(bodies: [String; 2], sent: [u64; 3]) -> Sample {
        sample::recovered().edit("metrics-pair", move |what| {
            if let What::MetricsPair { first, second, invokes_least, invokes_most, requests_least, .. } = what {
                [*first, *second] = bodies.clone();
                [*invokes_least, *invokes_most, *requests_least] = sent;
            }
        })
    }

    fn grew(invokes: [u64; 2], own: [u64; 2], sent: [u64; 3]) -> Sample {
        fetched([sample::metrics(invokes[0], own[0]), sample::metrics(invokes[1], own[1])], sent)
    }

    #[test]
    fn counters_grow_by_what_was_sent() {
        check(grew([100, 120], [1, 2], [18, 22, 18]), Pass, Pass, "20 of 18 to 22");
        check(grew([100, 118], [1, 2], [18, 22, 18]), Pass, Pass, "18 of");
        check(grew([100, 122], [1, 2], [18, 22, 18]), Pass, Pass, "22 of");
        check(grew([100, 117], [1, 2], [18, 22, 18]), Fail, Pass, "invokes counted: 17");
        check(grew([100, 123], [1, 2], [18, 22, 18]), Fail, Pass, "invokes counted: 23");
        check(grew([100, 120], [1, 2], [18, 22, 22]), Fail, Pass, "requests counted: 21");
        check(grew([100, 100], [1, 1], [18, 22, 18]), Fail, Pass, "invokes counted: 0");
        check(grew([100, 2], [1, 2], [0, 22, 0]), Fail, Pass, "fell from 100 to 2");
    }

    #[test]
    fn with_nothing_sent_the_scrapes_own_count_has_to_grow() {
        check(grew([100, 100], [1, 2], [0, 0, 0]), Pass, Pass, "requests: 1");
        check(grew([100, 100], [1, 1], [0, 0, 0]), Fail, Pass, "nothing was sent");
    }

    #[test]
    fn absent_and_broken_bodies_fail_with_their_reason() {
        let absent = "# TYPE x gauge\nx 1\n# EOF\n".to_owned();
        check(fetched([absent.clone(), absent.clone()], [18, 22, 18]), Fail, Pass, "is absent");
        check(fetched([absent, sample::metrics(20, 1)], [18, 22, 18]), Pass, Pass, "20 of 18");
        check(fetched([sample::metrics(1, 1), "{\"error\"".into()], [18, 22, 18]), Fail, Pass, "second body");
        let failed = sample::recovered().edit("metrics-pair", |what| {
            if let What::MetricsPair { failure, .. } = what {
                *failure = Some("refused".into());
            }
        });
        check(failed, Fail, Pass, "refused");
        check(sample::recovered().without(|what| matches!(what, What::MetricsPair { .. })), Fail, Pass, "not fetched");
    }

    fn printed(nth: usize, text: &'static str, parts: [i32; 2], status: i32) -> Sample {
        sample::recovered().edit_nth_command("V3", nth, move |what| {
            if let What::CommandEnded { exit, pipe, output, .. } = what {
                (*exit, *pipe, *output) = (status, parts.to_vec(), text.to_owned());
            }
        })
    }

    #[test]
    fn the_literal_check_wants_a_counter_to_move_between_the_texts_fetches() {
        const ROWS: &str = "# TYPE work counter\nwork_total 9\n";
        check(printed(1, ROWS, [23, 0], 0), Pass, Pass, "moved across 2");
        check(printed(1, ROWS, [141, 0], 0), Pass, Pass, "moved");
        check(printed(1, ROWS, [7, 0], 0), Pass, Fail, "its parts [7, 0]");
        check(printed(1, ROWS, [0, 1], 1), Pass, Fail, "ended 1");
        check(printed(1, "# TYPE work counter\nwork_total 5\n", [0, 0], 0), Pass, Fail, "none of the 1 counters");
        check(printed(1, "# TYPE work counter\nwork_total 4\n", [0, 0], 0), Pass, Fail, "fell from 5 to 4");
        check(printed(1, "# TYPE work gauge\nwork_total 9\n", [0, 0], 0), Pass, Fail, "none of the 0");
        check(printed(1, "unauthorized\n", [0, 0], 0), Pass, Fail, "no metrics text");
        check(sample::recovered().without_nth_command("V3", 1), Pass, Fail, "run 1 times");
        check(sample::recovered().without_command("V3"), Pass, NotRun, "no command");
    }
}
