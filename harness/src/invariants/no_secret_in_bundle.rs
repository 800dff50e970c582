//! `no-secret-in-bundle`: no planted secret is found in the bundle.

use super::{Criteria, Invariant, broken, does_not_apply, holds};
use crate::history::event::What;
use crate::judge::InvariantResult;
use crate::judge::facts::Facts;

pub(super) struct NoSecretInBundle;

impl Invariant for NoSecretInBundle {
    fn id(&self) -> &'static str {
        "no-secret-in-bundle"
    }

    fn judge(&self, facts: &Facts<'_>, _: &Criteria) -> InvariantResult {
        let scans = facts.find(|what| match what {
            What::SecretsScanned { files, hits } => Some((*files, hits)),
            _ => None,
        });
        let events: Vec<u64> = scans.iter().map(|at| at.n).collect();
        let hits: Vec<&str> = scans.iter().flat_map(|at| at.what.1.iter().map(String::as_str)).collect();
        match scans.last() {
            _ if !hits.is_empty() => broken(format!("a planted secret is in {}", hits.join(", ")), events),
            Some(at) => holds(format!("{} files were searched", at.what.0), events),
            None if facts.cut.is_some() => does_not_apply("the History is cut before the search"),
            None => broken("the bundle was not searched", []),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;
    use crate::judge::Outcome::{Fail, NotRun, Pass};
    use crate::judge::sample;

    #[test]
    fn a_hit_or_no_search_breaks_it() {
        let check = |sample, outcome, detail| check(&NoSecretInBundle, sample, outcome, detail);
        check(sample::recovered(), Pass, "files were searched");
        let hit = sample::recovered().edit("secrets-scanned", |what| {
            if let What::SecretsScanned { hits, .. } = what {
                hits.push("captures/env.txt".into());
            }
        });
        check(hit, Fail, "captures/env.txt");
        let scan = |what: &What| matches!(what, What::SecretsScanned { .. });
        check(sample::recovered().without(scan), Fail, "not searched");
        let cut = sample::recovered().without(|what| scan(what) || matches!(what, What::DrillEnded { .. }));
        check(cut, NotRun, "cut before the search");
    }
}
