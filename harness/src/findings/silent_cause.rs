//! `silent-cause`: the failure path was taken for a cause that the text says nothing about.

use std::collections::BTreeMap;

use super::{FindingRule, Found};
use crate::history::event::What;
use crate::judge::CriterionResult;
use crate::judge::facts::Facts;
use crate::procedure::Class;

pub(super) struct SilentCause;

impl FindingRule for SilentCause {
    fn id(&self) -> &'static str {
        "silent-cause"
    }

    fn find(&self, facts: &Facts<'_>, _: &BTreeMap<String, CriterionResult>) -> Vec<Found> {
        let Some(path) = facts.failure_path() else { return Vec::new() };
        let diagnosed = facts.find(|what| match what {
            What::Diagnosed { incompatible_state } => Some(incompatible_state.is_some()),
            _ => None,
        });
        let Some(at) = diagnosed.last().filter(|at| !at.what) else { return Vec::new() };
        let message = "the old binary does not come up and its log shows no incompatible state: the text says nothing of \
                       this case; the node was taken offline all the same";
        vec![Found {
            line: facts.first_of(Class::Diagnose).map(|run| run.line),
            message: message.into(),
            events: vec![path, at.n],
        }]
    }
}
