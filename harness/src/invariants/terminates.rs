//! `terminates`: the drill came to its end by itself.

use super::{Criteria, Invariant, broken, holds};
use crate::history::event::What;
use crate::judge::InvariantResult;
use crate::judge::facts::Facts;

pub(super) struct Terminates;

impl Invariant for Terminates {
    fn id(&self) -> &'static str {
        "terminates"
    }

    fn judge(&self, facts: &Facts<'_>, _: &Criteria) -> InvariantResult {
        if let Some(limit) = facts.limit() {
            return broken(format!("a limit of the harness ended the drill: {}", limit.what), [limit.n]);
        }
        match facts.find(|what| matches!(what, What::DrillEnded { .. }).then_some(())).last() {
            Some(end) => holds("the drill ended", [end.n]),
            None => broken("the History has no end", []),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;
    use crate::judge::Outcome::{Fail, Pass};
    use crate::judge::sample;

    #[test]
    fn an_end_and_no_limit_are_wanted() {
        for sample in [sample::recovered(), sample::offline(), sample::given_up()] {
            check(&Terminates, sample, Pass, "ended");
        }
        let endless = sample::recovered().without(|what| matches!(what, What::DrillEnded { .. }));
        check(&Terminates, endless, Fail, "no end");
        let limited = sample::recovered().after("records-seen", What::LimitReached { limit: "output 1 MiB".into() });
        check(&Terminates, limited, Fail, "output 1 MiB");
    }
}
