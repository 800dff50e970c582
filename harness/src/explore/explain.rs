//! Why a smallest script fails: the nearest drill in which the property holds, what both differ in first, and the runbook's
//! line there.

use std::collections::BTreeMap;

use super::drills::Drills;
use super::property::{Must, Property, Relation};
use super::shrink::smaller;
use super::space::{Cell, Space};
use crate::bundle::story;
use crate::history::event::{Event, What};
use crate::history::words::one_line;
use crate::release::sha256_hex;
use crate::scenario::Operator;
use crate::simulate::Simulated;

/// An explanation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Why {
    /// The nearest drill in which the property holds, in words; `None`: there is none one fault or level away.
    pub nearest: Option<String>,
    /// The first event of the failing drill that the other one has not, in words.
    pub differs: Option<String>,
    /// The runbook's line that was carried out then.
    pub line: Option<(u32, String)>,
}

/// Explains a find. `cell` is its smallest.
pub fn explain(property: &Property, subject: &str, cell: &Cell, drills: &mut Drills<'_>) -> Why {
    let space = drills.space.clone();
    let nearest = nearest(property, subject, cell, drills);
    let mut simulate = |cell: &Cell| drills.simulate(&space.scenario(cell)?, cell).ok().map(|(_, drill)| drill);
    let Some(failing) = simulate(cell) else { return Why::default() };
    let holding = nearest.as_ref().and_then(&mut simulate);
    let event = match &holding {
        Some(holding) => first_difference(&failing.history.events, &holding.history.events),
        None => None,
    };
    let at = event.or_else(|| shown_by(&failing));
    let events = &failing.history.events;
    Why {
        nearest: nearest.map(|nearest| described(&space, &nearest, cell)),
        differs: at.and_then(|at| told(events, at)),
        line: at.and_then(|at| line(events, at)),
    }
}

/// The level below before the fault that goes: it is nearer. For what compares two operators, the other one.
fn nearest(property: &Property, subject: &str, cell: &Cell, drills: &mut Drills<'_>) -> Option<Cell> {
    if property.must == Must::Relate(Relation::CarefulNoWorse) {
        return Some(Cell { operator: Operator::Paste, ..cell.clone() });
    }
    let mut near = smaller(cell, &drills.space);
    near.sort_by_key(|other| std::cmp::Reverse(other.faults.len()));
    near.into_iter().find(|other| {
        drills.came(other).conclusive().is_some()
            && !property.violated(other, drills).iter().any(|violated| violated == subject)
    })
}

fn described(space: &Space, nearest: &Cell, cell: &Cell) -> String {
    if nearest.operator != cell.operator {
        return format!("the same by {}", nearest.operator.as_str());
    }
    if nearest.faults.is_empty() { "without a fault".to_owned() } else { script(space, nearest) }
}

/// The faults of a cell, on one line.
pub fn script(space: &Space, cell: &Cell) -> String {
    faults(&space.uses(cell))
}

/// Faults with their parameters and moments, on one line.
pub fn faults(uses: &[crate::scenario::FaultUse]) -> String {
    let used = |used: &crate::scenario::FaultUse| {
        let release = used.release.map(|release| format!(" ({})", story::word(&release))).unwrap_or_default();
        let params: Vec<String> = used.params.iter().map(|(name, value)| format!(" {name}={value}")).collect();
        let at = used.at.map(|at| format!(" {}", at.words())).unwrap_or_default();
        format!("{}{release}{}{at}", used.id, params.concat())
    };
    match uses.iter().map(used).collect::<Vec<_>>() {
        none if none.is_empty() => "no fault".to_owned(),
        some => some.join(", then "),
    }
}

/// What can be compared of an event, and in which order it stands: what is told by different observers comes in any order.
fn lane(what: &What) -> Option<(&'static str, String)> {
    Some(match what {
        What::CommandBegan { command, text, .. } => ("commands", format!("{} {text}", command.step)),
        What::CommandEnded { command, exit, pipe, .. } => ("commands", format!("{} {exit} {pipe:?}", command.step)),
        What::CommandKilled { command, .. } => ("commands", format!("{} killed", command.step)),
        What::BlockEnded { block, how } => ("commands", format!("{block:?} {how:?}")),
        What::Declined { by, .. } => ("commands", by.clone()),
        What::Prerequisite { line, unmet, .. } => ("commands", format!("{line} {unmet:?}")),
        What::ReadyClaim { met, .. } => ("commands", format!("ready {met}")),
        What::DeclaredOver => ("commands", "over".to_owned()),
        What::Diagnosed { incompatible_state } => ("commands", format!("{incompatible_state:?}")),
        What::Paged { key, severity, .. } => ("pages", format!("{key} {severity}")),
        What::NodeStarted { process } => ("nodes", format!("{:?}", process.version)),
        What::NodeExited { .. } => ("nodes", "gone".to_owned()),
        What::BalancerChanged { in_rotation, .. } => ("balancer", in_rotation.to_string()),
        What::AlertFirst { met, .. } => ("alerts", met.to_string()),
        What::MachineSeen { moment, healthz, build_info, .. } => {
            ("looks", format!("{moment} {} {build_info:?}", healthz.word()))
        }
        What::MetricsPair { failure, .. } => ("looks", format!("{}", failure.is_some())),
        _ => return None,
    })
}

/// A digest of all that can be compared of a course of events.
pub fn course(events: &[Event]) -> String {
    let mut lanes: BTreeMap<&'static str, String> = BTreeMap::new();
    for (lane, said) in events.iter().filter_map(|event| lane(&event.what)) {
        let text = lanes.entry(lane).or_default();
        text.push_str(&said);
        text.push('\n');
    }
    let hash = sha256_hex(format!("{lanes:?}").as_bytes());
    hash.get(..16).unwrap_or_default().to_owned()
}

/// Index of the first event of one that the other has not in its place.
fn first_difference(failing: &[Event], holding: &[Event]) -> Option<usize> {
    let lanes = |events: &[Event]| {
        let mut lanes: BTreeMap<&'static str, Vec<(usize, String)>> = BTreeMap::new();
        for (at, event) in events.iter().enumerate() {
            if let Some((lane, said)) = lane(&event.what) {
                lanes.entry(lane).or_default().push((at, said));
            }
        }
        lanes
    };
    let (failing, holding) = (lanes(failing), lanes(holding));
    let first = |(lane, said): (&&'static str, &Vec<(usize, String)>)| {
        let other = holding.get(*lane).map_or(&[][..], Vec::as_slice);
        let mut there = said.iter().enumerate();
        there.find(|(n, (_, said))| other.get(*n).is_none_or(|(_, other)| other != said)).map(|(_, (at, _))| *at)
    };
    failing.iter().filter_map(first).min()
}

/// Where both did the same: the first event that shows a broken invariant or a failing criterion.
fn shown_by(failing: &Simulated) -> Option<usize> {
    let judgement = &failing.judgement;
    let criteria = judgement.failing.iter().filter_map(|id| judgement.criteria.get(id)).map(|result| &result.events);
    let broken = judgement.broken.iter().filter_map(|id| judgement.invariants.get(id)).map(|result| &result.events);
    let n = criteria.chain(broken).find_map(|events| events.first().copied())?;
    failing.history.events.iter().position(|event| event.n == n)
}

fn told(events: &[Event], at: usize) -> Option<String> {
    let event = events.get(at)?;
    let said = match &event.what {
        What::CommandBegan { command, .. } => format!("{} is run", command.step),
        What::CommandEnded { command, exit, .. } => format!("{} ends {exit}", command.step),
        What::CommandKilled { command, why, .. } => format!("{} is killed: {why}", command.step),
        What::MachineSeen { moment, healthz, .. } => format!("the machine at `{moment}`: /healthz {}", healthz.word()),
        What::HealthWindow { .. } => "a measurement of /healthz".to_owned(),
        What::MetricsPair { failure, .. } => match failure {
            Some(failure) => format!("metrics cannot be fetched: {}", one_line(failure)),
            None => "two fetches of the metrics".to_owned(),
        },
        other => {
            let before = events.get(..at).unwrap_or_default();
            // Looks and readings are told in numbers only, and the kind says what was looked at.
            story::news(before, other).unwrap_or_else(|| kind(other))
        }
    };
    Some(format!("event {} at {} s: {said}", event.n, story::time(event.at_us)))
}

fn kind(what: &What) -> String {
    let value = serde_json::to_value(what).unwrap_or_default();
    value.get("kind").and_then(|kind| kind.as_str()).unwrap_or("an event").to_owned()
}

/// The command that was begun last.
fn line(events: &[Event], at: usize) -> Option<(u32, String)> {
    events.get(..=at)?.iter().rev().find_map(|event| match &event.what {
        What::CommandBegan { line, text, .. } => Some((*line, one_line(text))),
        _ => None,
    })
}
