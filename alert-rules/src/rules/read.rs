//! From YAML to rules; the refusals of a rule file.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{AlertRule, Group, RUNBOOK, RuleError, RuleFile};
use crate::duration::Millis;
use crate::expr::Expr;

/// Of a rule file, in bytes.
const FILE_MAX: usize = 1024 * 1024;
/// Of the rules of a file.
const RULES_MAX: usize = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    groups: Vec<RawGroup>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroup {
    name: Spanned<String>,
    interval: Option<Spanned<String>>,
    rules: Vec<RawRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    alert: Spanned<String>,
    expr: Spanned<String>,
    #[serde(rename = "for")]
    pending: Option<Spanned<String>>,
    #[serde(default)]
    labels: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    annotations: BTreeMap<String, Spanned<String>>,
}

/// Where something is refused: a line, and why.
type Place = (u32, String);

pub(super) fn read(text: &str, file: &str) -> Result<RuleFile, RuleError> {
    inner(text).map_err(|(line, what)| RuleError { file: file.to_owned(), line, what })
}

fn inner(text: &str) -> Result<RuleFile, Place> {
    if text.len() > FILE_MAX {
        return Err((1, format!("{} bytes; a rule file of at most {FILE_MAX} is read", text.len())));
    }
    let raw: RawFile = serde_saphyr::from_str(text).map_err(|error| {
        let line = error.location().map_or(1, |location| u32::try_from(location.line()).unwrap_or(u32::MAX));
        (line.max(1), said(&error))
    })?;
    let (mut groups, mut names, mut alerts) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    let mut runbooks = BTreeSet::new();
    for group in raw.groups {
        if !names.insert(group.name.value.clone()) {
            return Err((line(&group.name), format!("a second group {:?}", group.name.value)));
        }
        let interval_ms = group.interval.as_ref().map(|interval| duration(interval, "interval")).transpose()?;
        if let (Some(0), Some(interval)) = (interval_ms, &group.interval) {
            return Err((line(interval), "an interval of 0; expected how often the group is evaluated".to_owned()));
        }
        let mut rules = Vec::new();
        for raw in group.rules {
            let rule = rule(&raw)?;
            if alerts.len() >= RULES_MAX {
                return Err((rule.line, format!("more than {RULES_MAX} rules")));
            }
            if !alerts.insert(rule.name.clone()) {
                return Err((rule.line, format!("a second alert {:?}", rule.name)));
            }
            if let (Some(runbook), Some(at)) = (rule.runbook(), raw.labels.get(RUNBOOK))
                && !runbooks.insert(runbook.to_owned())
            {
                return Err((line(at), format!("a second alert that leads to the runbook {runbook:?}")));
            }
            rules.push(rule);
        }
        groups.push(Group { name: group.name.value, interval_ms, rules });
    }
    Ok(RuleFile { groups })
}

/// What the YAML reader says, in one line and without its own place.
fn said(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    let text = text.lines().next().unwrap_or_default();
    text.rsplit_once(" at line ").map_or(text, |(text, _)| text).to_owned()
}

fn rule(raw: &RawRule) -> Result<AlertRule, Place> {
    let name = &raw.alert;
    if name.value.is_empty() || name.value.contains("{{") {
        return Err((line(name), format!("the alert's name {:?}; expected a name", name.value)));
    }
    let expr = Expr::parse(&raw.expr.value).map_err(|why| (line(&raw.expr), format!("alert {}: {why}", name.value)))?;
    if expr.is_scalar() {
        return Err((line(&raw.expr), format!("alert {}: a number; expected a vector", name.value)));
    }
    let for_ms = raw.pending.as_ref().map(|pending| duration(pending, "for")).transpose()?.unwrap_or(0);
    for (label, value) in &raw.labels {
        if !is_name(label) || label.starts_with("__") || label == "alertname" {
            return Err((
                line(value),
                format!("the label {label:?}; expected a label's name that alerts do not have by themselves"),
            ));
        }
        if value.value.contains("{{") {
            return Err((line(value), format!("the label {label}: a template is not evaluated")));
        }
    }
    for (annotation, value) in &raw.annotations {
        if !is_name(annotation) {
            return Err((line(value), format!("the annotation {annotation:?}; expected letters, digits and `_`")));
        }
    }
    Ok(AlertRule {
        name: name.value.clone(),
        expr,
        for_ms,
        labels: texts(&raw.labels),
        annotations: texts(&raw.annotations),
        line: line(name),
    })
}

fn texts(raw: &BTreeMap<String, Spanned<String>>) -> BTreeMap<String, String> {
    raw.iter().map(|(name, text)| (name.clone(), text.value.clone())).collect()
}

fn duration(text: &Spanned<String>, what: &str) -> Result<u64, Place> {
    let read = Millis::parse(&text.value);
    read.map(|ms| ms.0)
        .ok_or_else(|| (line(text), format!("{what}: {:?}; expected a duration such as 30s or 1h30m", text.value)))
}

/// Letters, digits and `_`, no digit first.
fn is_name(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn line<T>(at: &Spanned<T>) -> u32 {
    u32::try_from(at.referenced.line()).unwrap_or(u32::MAX).max(1)
}
