//! `neighbours-untouched`: the containers beside the node's are the same ones at the end, were not started again, and run if they ran.

use std::collections::{BTreeMap, BTreeSet};

use super::{Criteria, Invariant, broken, does_not_apply, holds};
use crate::judge::InvariantResult;
use crate::judge::container::Neighbour;
use crate::judge::facts::Facts;
use crate::judge::look::Look;

/// Asked of the first and the last look of the drill: a container that was replaced or started again in between keeps the
/// trace in its id or its start time, and one that was only stopped in its state.
pub(super) struct NeighboursUntouched;

impl Invariant for NeighboursUntouched {
    fn id(&self) -> &'static str {
        "neighbours-untouched"
    }

    fn judge(&self, facts: &Facts<'_>, _: &Criteria) -> InvariantResult {
        if facts.looks.iter().all(|look| neighbours(look).is_empty()) {
            return does_not_apply("no look at the machine names a neighbour");
        }
        let (first, last) = match facts.looks.as_slice() {
            [first, .., last] => (first, last),
            _ => return does_not_apply("the machine was looked at once only"),
        };
        let (before, after) = (neighbours(first), neighbours(last));
        let names: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
        let touched = |name: &&str| {
            let was = before.get(name).copied().flatten();
            let is = after.get(name).copied().flatten();
            let how = match (was, is) {
                (None, _) => format!("was not there at `{}`", first.moment),
                (Some(_), None) => format!("is not there at `{}`", last.moment),
                (Some(was), Some(is)) if was.id != is.id => "is another container".into(),
                (Some(was), Some(is)) if was.started != is.started => {
                    format!("was started again: {}, before {}", is.started, was.started)
                }
                (Some(was), Some(is)) if was.status != is.status => {
                    format!("is {}, before {}", is.status, was.status)
                }
                _ => return None,
            };
            Some(format!("{name} {how}"))
        };
        let touched: Vec<String> = names.iter().filter_map(touched).collect();
        let events = [first.n, last.n];
        if touched.is_empty() {
            let names: Vec<&str> = names.into_iter().collect();
            return holds(format!("{}: same id, start time and state", names.join(", ")), events);
        }
        broken(touched.join("; "), events)
    }
}

fn neighbours<'a>(look: &Look<'a>) -> BTreeMap<&'a str, Option<Neighbour<'a>>> {
    look.container().map(|container| container.neighbours).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;
    use crate::history::What;
    use crate::judge::Outcome::{self, Fail, NotRun, Pass};
    use crate::judge::sample::{self, Sample};

    const UNTOUCHED: &str = "Neighbour=prometheus 11 03:31:58 running\nNeighbour=jaeger 22 03:31:59 exited\n";

    /// A recovery whose last look names these neighbours, the others the usual ones.
    fn at_the_end(lines: &'static str) -> Sample {
        sample::recovered().edit_looks(move |moment, machine| {
            machine.supervisor = format!("Status=running\n{}", if moment == "end" { lines } else { UNTOUCHED });
        })
    }

    #[test]
    fn the_same_id_and_start_time_at_both_ends_or_it_is_broken() {
        let check = |lines, outcome: Outcome, detail: &str| {
            check(&NeighboursUntouched, at_the_end(lines), outcome, detail);
        };
        check(UNTOUCHED, Pass, "jaeger, prometheus: same id, start time and state");
        check("Neighbour=prometheus 11 03:31:58 running\n", Fail, "jaeger is not there at `end`");
        for (prometheus, detail) in [
            ("absent", "is not there at `end`"),
            ("33 03:31:58 running", "is another container"),
            ("11 04:00:00 running", "was started again: 04:00:00, before 03:31:58"),
            ("11 03:31:58 exited", "is exited, before running"),
        ] {
            let lines = format!("Neighbour=prometheus {prometheus}\nNeighbour=jaeger 22 03:31:59 exited\n");
            check(lines.leak(), Fail, &format!("prometheus {detail}"));
        }
        check("", Fail, "jaeger is not there at `end`; prometheus is not there");
    }

    #[test]
    fn it_is_asked_of_the_first_look_of_the_drill() {
        let without = |moment: &'static str| {
            at_the_end(UNTOUCHED).edit(moment, |what| {
                if let What::MachineSeen { machine, .. } = what {
                    machine.supervisor = "Status=running\nNeighbour=jaeger 22 03:31:59 exited\n".into();
                }
            })
        };
        check(&NeighboursUntouched, without("before"), Fail, "prometheus was not there at `before`");
        check(&NeighboursUntouched, without("verification"), Pass, "same id");
    }

    #[test]
    fn where_there_are_no_neighbours_or_one_look_it_does_not_apply() {
        for sample in [sample::recovered(), sample::offline(), sample::given_up()] {
            check(&NeighboursUntouched, sample, NotRun, "names a neighbour");
        }
        let later = |what: &What| matches!(what, What::MachineSeen { moment, .. } if moment != "before");
        check(&NeighboursUntouched, at_the_end(UNTOUCHED).without(later), NotRun, "looked at once");
    }
}
