//! What a case is made of: one of the space's bases with faults added, or something that no base is.

use std::collections::BTreeSet;

use rollback_harness::explore::explain;
use rollback_harness::scenario::{FaultUse, Scenario};
use serde_json::{Map, Value};

/// What of a scenario decides no drill, or is its faults.
const NO_CONDITIONS: [&str; 5] = ["name", "about", "canary", "expect", "faults"];

/// What a case is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// One of the space's bases.
    Of {
        /// Its name.
        base: String,
        /// What the case adds to it.
        added: Vec<FaultUse>,
    },
    /// None of them.
    Other {
        /// The one that differs in the least.
        nearest: String,
        /// In what, in words.
        differs: Vec<String>,
        /// The case's faults that the nearest one has not.
        added: Vec<FaultUse>,
    },
}

impl Base {
    /// Looks for a case's base.
    ///
    /// # Errors
    /// A scenario that cannot be told in JSON; a space without a base.
    pub fn of(case: &Scenario, bases: &[Scenario]) -> Result<Base, String> {
        let mut nearest: Option<(usize, &Scenario, Vec<String>)> = None;
        for base in bases {
            let (distance, differs) = differences(case, base)?;
            if nearest.as_ref().is_none_or(|(known, ..)| distance < *known) {
                nearest = Some((distance, base, differs));
            }
        }
        let (_, base, differs) = nearest.ok_or("a space without a base")?;
        let is_base =
            |used: &&FaultUse| base.faults.iter().any(|known| (&known.id, known.release) == (&used.id, used.release));
        let added = case.faults.iter().filter(|used| !is_base(used)).cloned().collect();
        Ok(match differs.is_empty() {
            true => Base::Of { base: base.name.clone(), added },
            false => Base::Other { nearest: base.name.clone(), differs, added },
        })
    }

    /// What is added.
    pub fn added(&self) -> &[FaultUse] {
        match self {
            Base::Of { added, .. } | Base::Other { added, .. } => added,
        }
    }
}

/// In what a case differs from a base, but for the faults that can be added to it; and in how many of a scenario's keys and faults.
fn differences(case: &Scenario, base: &Scenario) -> Result<(usize, Vec<String>), String> {
    let (of_case, of_base) = (conditions(case)?, conditions(base)?);
    let mut differs = Vec::new();
    compare(None, &of_case, &of_base, &mut differs);
    let keys: BTreeSet<&String> = of_case.keys().chain(of_base.keys()).collect();
    let mut distance = keys.into_iter().filter(|key| of_case.get(*key) != of_base.get(*key)).count();
    for used in base.faults.iter().filter(|used| !case.faults.contains(used)) {
        distance += 1;
        differs.push(format!("it has not the base's {}", explain::faults(std::slice::from_ref(used))));
    }
    Ok((distance, differs))
}

/// Key by key; of what only one of the two has, it is enough that it has it.
fn compare(within: Option<&str>, one: &Map<String, Value>, other: &Map<String, Value>, differs: &mut Vec<String>) {
    let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    for key in keys {
        let name = within.map_or(key.clone(), |within| format!("{within}.{key}"));
        match (one.get(key), other.get(key)) {
            (one, other) if one == other => {}
            (Some(Value::Object(one)), Some(Value::Object(other))) => compare(Some(&name), one, other, differs),
            (Some(one), Some(other)) => {
                differs.push(format!("`{name}` is {}, and {} in the base", said(one), said(other)));
            }
            (Some(Value::Object(_)), None) => differs.push(format!("it has `{name}`")),
            (Some(one), None) => differs.push(format!("`{name}` is {}", said(one))),
            (None, _) => differs.push(format!("it has no `{name}`")),
        }
    }
}

/// All of a scenario that a base decides, whatever keys there are.
fn conditions(scenario: &Scenario) -> Result<Map<String, Value>, String> {
    let value = serde_json::to_value(scenario).map_err(|error| format!("{}: {error}", scenario.name))?;
    let Value::Object(fields) = value else { return Err(format!("{}: no object", scenario.name)) };
    Ok(fields.into_iter().filter(|(key, value)| !NO_CONDITIONS.contains(&key.as_str()) && !value.is_null()).collect())
}

/// A value on one line.
fn said(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(said).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
