//! Rule files of Prometheus: read, scaled, written.

mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::duration::Millis;
use crate::expr::{Expr, Refused};
use crate::labels::quoted;

/// The label that ties a rule to the runbook that is followed when it fires.
pub const RUNBOOK: &str = "runbook";
/// The label with a rule's severity: `page` or `ticket`.
pub const SEVERITY: &str = "severity";

/// A rule file.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleFile {
    /// Its groups, in the file's order.
    pub groups: Vec<Group>,
}

/// Rules that are evaluated together.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Unique in the file.
    pub name: String,
    /// How often it is evaluated, in milliseconds; without it as Prometheus' configuration says.
    pub interval_ms: Option<u64>,
    /// Its rules, in the file's order.
    pub rules: Vec<AlertRule>,
}

/// One alert.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertRule {
    /// Unique in the file.
    pub name: String,
    /// What it watches: it is active for each sample that comes out.
    pub expr: Expr,
    /// How long it is pending before it fires, in milliseconds.
    pub for_ms: u64,
    /// What is put on its alerts. No templates.
    pub labels: BTreeMap<String, String>,
    /// What is said of them. Templates are kept as text.
    pub annotations: BTreeMap<String, String>,
    /// Where it stands in the file, from 1.
    pub line: u32,
}

/// Why a file is no rule file that can be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {what}")]
pub struct RuleError {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// What was found, and what was expected.
    pub what: String,
}

impl RuleFile {
    /// Reads a rule file; `file` is for refusals. What evaluation does not know is refused.
    pub fn read(text: &str, file: &str) -> Result<RuleFile, RuleError> {
        read::read(text, file)
    }

    /// With all windows, `for` and intervals divided. Refused if one does not come out in whole milliseconds.
    pub fn scaled(&self, divisor: u64) -> Result<RuleFile, Refused> {
        let divided = |what: &str, ms: u64| {
            Millis(ms).divided(divisor).map(|ms| ms.0).ok_or_else(|| {
                let ms = Millis(ms);
                Refused(format!("{what} {ms} divided by {divisor} is not a whole number of milliseconds"))
            })
        };
        let mut scaled = self.clone();
        for group in &mut scaled.groups {
            if let Some(ms) = &mut group.interval_ms {
                *ms = divided(&format!("group {}: the interval", group.name), *ms)?;
            }
            for rule in &mut group.rules {
                let name = &rule.name;
                rule.for_ms = divided(&format!("alert {name}: `for`"), rule.for_ms)?;
                rule.expr = rule.expr.scaled(divisor).map_err(|why| Refused(format!("alert {name}: {why}")))?;
            }
        }
        Ok(scaled)
    }

    /// The file as Prometheus reads it. Read again, it has the same rules.
    pub fn to_yaml(&self) -> String {
        let mut out = if self.groups.is_empty() { "groups: []\n" } else { "groups:\n" }.to_owned();
        for group in &self.groups {
            // Writing into a string cannot fail.
            let _ = writeln!(out, "- name: {}", quoted(&group.name));
            if let Some(ms) = group.interval_ms {
                let _ = writeln!(out, "  interval: {}", Millis(ms));
            }
            out.push_str(if group.rules.is_empty() { "  rules: []\n" } else { "  rules:\n" });
            for rule in &group.rules {
                let _ = writeln!(out, "  - alert: {}", quoted(&rule.name));
                let _ = writeln!(out, "    expr: {}", quoted(&rule.expr.to_string()));
                if rule.for_ms > 0 {
                    let _ = writeln!(out, "    for: {}", Millis(rule.for_ms));
                }
                for (what, texts) in [("labels", &rule.labels), ("annotations", &rule.annotations)] {
                    if texts.is_empty() {
                        continue;
                    }
                    let _ = writeln!(out, "    {what}:");
                    for (name, text) in texts {
                        let _ = writeln!(out, "      {name}: {}", quoted(text));
                    }
                }
            }
        }
        out
    }

    /// All rules, in the file's order.
    pub fn rules(&self) -> impl Iterator<Item = &AlertRule> {
        self.groups.iter().flat_map(|group| &group.rules)
    }

    /// The rule of a name.
    pub fn rule(&self, name: &str) -> Option<&AlertRule> {
        self.rules().find(|rule| rule.name == name)
    }

    /// The rule that leads to a runbook, by its label [`RUNBOOK`].
    pub fn of_runbook(&self, runbook: &str) -> Option<&AlertRule> {
        self.rules().find(|rule| rule.runbook() == Some(runbook))
    }

    /// The names of the metrics that the rules rest on.
    pub fn metrics(&self) -> BTreeSet<String> {
        self.rules().flat_map(|rule| rule.expr.metrics()).collect()
    }
}

impl AlertRule {
    /// The runbook that it leads to.
    pub fn runbook(&self) -> Option<&str> {
        self.labels.get(RUNBOOK).map(String::as_str)
    }

    /// Its severity.
    pub fn severity(&self) -> Option<&str> {
        self.labels.get(SEVERITY).map(String::as_str)
    }
}

#[cfg(test)]
mod tests;
