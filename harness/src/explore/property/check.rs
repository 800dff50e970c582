//! What a condition may not say: names that there are not, and what no drill can meet, whatever comes of it.

use std::collections::BTreeSet;

use super::Condition;
use crate::explore::drills::figure_names;
use crate::scenario::{CRITERIA, TOPOLOGIES};
use crate::verdict::Verdict;
use crate::{fault, invariants};

/// Whether it can be meant by anybody, in any space and of any runbook.
pub(super) fn check(condition: &Condition) -> Result<(), String> {
    known(condition)?;
    lists(condition)?;
    together(condition)?;
    bounds(condition)
}

/// What has to come of a drill is no condition for which drills there are.
pub(super) fn is_of_endings(must: &Condition) -> Result<(), String> {
    let given = [
        ("topology", must.topology.is_some()),
        ("operator", must.operator.is_some()),
        ("base", must.base.is_some()),
        ("faults_most", must.faults_most.is_some()),
        ("fault", must.fault.is_some()),
        ("faults_only", must.faults_only.is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((key, _)) => {
            Err(format!("`must`: `{key}` is set before a drill begins, and does not come of it; it belongs in `when`"))
        }
        None => Ok(()),
    }
}

/// Names that there are; a misspelt one would never be met, and its property never violated.
fn known(condition: &Condition) -> Result<(), String> {
    let faults: Vec<&str> = fault::REGISTRY.iter().map(|kind| kind.id).collect();
    let invariants: Vec<&str> = invariants::REGISTRY.iter().map(|invariant| invariant.id()).collect();
    let figures: Vec<String> = condition.at_most.keys().chain(condition.at_least.keys()).cloned().collect();
    let of_report = figure_names();
    let names: Vec<&str> = of_report.iter().map(String::as_str).collect();
    for (what, given, known) in [
        ("topology", condition.topology.as_deref(), TOPOLOGIES.as_slice()),
        ("fault", condition.fault.as_deref(), &faults),
        ("faults_only", condition.faults_only.as_deref(), &faults),
        ("broken_only", condition.broken_only.as_deref(), &invariants),
        ("failing_only", condition.failing_only.as_deref(), CRITERIA.as_slice()),
        ("at_most, at_least", Some(figures.as_slice()), &names),
    ] {
        let unknown = given.into_iter().flatten().find(|id| !known.contains(&id.as_str()));
        if let Some(unknown) = unknown {
            return Err(format!("{what}: no `{unknown}`; there are {}", known.join(", ")));
        }
    }
    Ok(())
}

/// A list of no name is met by no drill, or by all of them; but that nothing is there beside those of an empty list can be meant.
fn lists(condition: &Condition) -> Result<(), String> {
    let words = |all: &Option<Vec<String>>| all.clone();
    let operators =
        condition.operator.as_ref().map(|all| all.iter().map(|one| one.as_str().to_owned()).collect::<Vec<_>>());
    let verdicts = |all: &Option<Vec<Verdict>>| {
        all.as_ref().map(|all| all.iter().map(|one| one.as_str().to_owned()).collect::<Vec<_>>())
    };
    for (key, given, names_some) in [
        ("topology", words(&condition.topology), true),
        ("operator", operators, true),
        ("base", words(&condition.base), true),
        ("fault", words(&condition.fault), true),
        ("faults_only", words(&condition.faults_only), false),
        ("verdict", verdicts(&condition.verdict), true),
        ("verdict_not", verdicts(&condition.verdict_not), true),
        ("broken_only", words(&condition.broken_only), false),
        ("failing_only", words(&condition.failing_only), false),
        ("findings_not", words(&condition.findings_not), true),
    ] {
        let Some(given) = given else { continue };
        if given.is_empty() && names_some {
            return Err(format!("{key}: none; looked for at least one, or nothing of `{key}` at all"));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = given.iter().find(|name| !seen.insert(*name)) {
            return Err(format!("{key}: `{twice}` twice; looked for each once"));
        }
    }
    Ok(())
}

/// Keys that leave each other no drill.
fn together(condition: &Condition) -> Result<(), String> {
    let Condition { verdict, verdict_not, fault, faults_only, faults_most, .. } = condition;
    let of_both = verdict.iter().flatten().find(|one| verdict_not.iter().flatten().any(|other| other == *one));
    if let Some(verdict) = of_both {
        return Err(format!("verdict and verdict_not: `{verdict}` in both; looked for it in one of them"));
    }
    let Some(fault) = fault else { return Ok(()) };
    if *faults_most == Some(0) {
        return Err("faults_most is 0, so no drill has one of `fault`; looked for at least 1".to_owned());
    }
    match faults_only {
        Some(only) if !fault.iter().any(|id| only.contains(id)) => {
            let ids = fault.join(", ");
            Err(format!("fault: none of {ids} is among `faults_only`, so no drill has one; looked for one that is"))
        }
        _ => Ok(()),
    }
}

/// Bounds that a figure can keep.
fn bounds(condition: &Condition) -> Result<(), String> {
    let Condition { at_most, at_least, .. } = condition;
    for (key, bounds) in [("at_most", at_most), ("at_least", at_least)] {
        if let Some((name, bound)) = bounds.iter().find(|(_, bound)| !bound.is_finite()) {
            return Err(format!("{key}: `{name}` is {bound}; looked for a finite number"));
        }
    }
    for (name, least) in at_least {
        if let Some(most) = at_most.get(name).filter(|most| *most < least) {
            return Err(format!(
                "at_most, at_least: `{name}` at most {most} and at least {least}; looked for a number between them"
            ));
        }
    }
    Ok(())
}
