//! `in-rotation-unverified`: a node that answers 200 and fails another criterion is left in rotation.

use std::collections::BTreeMap;

use super::{FindingRule, Found, line_of};
use crate::judge::facts::Facts;
use crate::judge::{CriterionResult, Outcome};
use crate::procedure::Class;

pub(super) struct InRotationUnverified;

impl FindingRule for InRotationUnverified {
    fn id(&self) -> &'static str {
        "in-rotation-unverified"
    }

    fn find(&self, facts: &Facts<'_>, criteria: &BTreeMap<String, CriterionResult>) -> Vec<Found> {
        let Some(end) = facts.end().filter(|end| end.healthz.is_ok()) else { return Vec::new() };
        if facts.not_verified().is_some() || !facts.in_rotation(end.n, end.at_us) {
            return Vec::new();
        }
        let fails = |id: &&String| criteria.get(*id).is_some_and(|result| result.outcome == Outcome::Fail);
        let failing: Vec<&str> = facts.plan.criteria.iter().filter(fails).map(String::as_str).collect();
        let Some(first) = failing.first() else { return Vec::new() };
        // The text that sends traffic before it verifies is the defect; where nothing does, the check that failed is.
        let undrain = facts.commands.iter().rev().find(|run| run.is(Class::Undrain));
        let rotation = facts.rotation.iter().rev().find(|at| at.n < end.n).map(|at| at.n);
        vec![Found {
            line: undrain.map(|run| run.line).or_else(|| line_of(facts, first)),
            message: format!("the node answers 200, fails {} and stays in rotation", failing.join(", ")),
            events: undrain.map(|run| run.n).into_iter().chain(rotation).chain([end.n]).collect(),
        }]
    }
}
