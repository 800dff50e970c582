//! Properties: what has to hold in every drill, whatever the faults. They are data; a user adds one without Rust.
//!
//! A property holds of one drill (`must`), or of two that are compared (`relation`). Where it does not, it says of *what*: of
//! which verdict, invariant, criterion, finding or figure. That is the subject of a find: finds with different subjects have
//! different causes.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::drills::{Came, Drilled, Drills};
use super::space::Cell;
use crate::judge::Outcome;
use crate::scenario::Operator;
use crate::verdict::Verdict;

mod check;
mod load;
pub use load::Properties;

/// A property.
#[derive(Debug, Clone, PartialEq)]
pub struct Property {
    /// Kebab-case.
    pub id: String,
    /// One sentence for a person.
    pub about: String,
    /// Drills that it is about.
    pub when: Condition,
    /// What has to be.
    pub must: Must,
    /// Its file and line.
    pub place: String,
}

/// What has to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Must {
    /// In the drill itself.
    Be(Box<Condition>),
    /// Between it and another one.
    Relate(Relation),
}

/// Two drills that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// The careful operator's drill ends no worse than the pasting one's, in the order of [`WORSE`].
    CarefulNoWorse,
    /// A cell in which faults never acted ends as it does without them.
    InertChangesNothing,
    /// Where a drill fails, it does not pass with one of its faults at the next stronger level.
    StrongerNeverPasses,
    /// Two faults that touch nothing in common can be brought about in either order.
    OrderOfOthers,
}

/// Seeds that a difference between two drills has to be there at, beside the exploration's own.
const CHANCES: u64 = 4;

/// From the best end to the worst. `inconclusive` is not compared.
pub const WORSE: [Verdict; 7] = [
    Verdict::Recovered,
    Verdict::NotStarted,
    Verdict::GivenUp,
    Verdict::Unverified,
    Verdict::Misdiagnosed,
    Verdict::Offline,
    Verdict::Unsafe,
];

/// What a drill is held against: all that is given has to be so, and what is not given is not asked.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// One of these.
    #[serde(default)]
    pub topology: Option<Vec<String>>,
    /// One of these.
    #[serde(default)]
    pub operator: Option<Vec<Operator>>,
    /// One of these scenarios.
    #[serde(default)]
    pub base: Option<Vec<String>>,
    /// No more faults than that are added.
    #[serde(default)]
    pub faults_most: Option<usize>,
    /// One of the added faults.
    #[serde(default)]
    pub fault: Option<Vec<String>>,
    /// No other faults are added than these.
    #[serde(default)]
    pub faults_only: Option<Vec<String>>,
    /// One of these.
    #[serde(default)]
    pub verdict: Option<Vec<Verdict>>,
    /// None of these.
    #[serde(default)]
    pub verdict_not: Option<Vec<Verdict>>,
    /// Whether the operator says that it is over.
    #[serde(default)]
    pub declared_over: Option<bool>,
    /// No invariant breaks but these.
    #[serde(default)]
    pub broken_only: Option<Vec<String>>,
    /// No judged criterion fails or is unknown but these.
    #[serde(default)]
    pub failing_only: Option<Vec<String>>,
    /// All judged criteria come to this.
    #[serde(default)]
    pub criteria: Option<Outcome>,
    /// Whether events show what each judged criterion came to.
    #[serde(default)]
    pub evidence: Option<bool>,
    /// None of these rules finds something.
    #[serde(default)]
    pub findings_not: Option<Vec<String>>,
    /// Figures are at most that; one that was not measured says nothing.
    #[serde(default)]
    pub at_most: BTreeMap<String, f64>,
    /// Figures are at least that.
    #[serde(default)]
    pub at_least: BTreeMap<String, f64>,
}

impl Condition {
    /// What is otherwise than it says; nothing where it holds.
    pub fn unmet(&self, cell: &Cell, drilled: &Drilled, drills: &Drills<'_>) -> Vec<String> {
        let (space, ending) = (&drills.space, &drilled.ending);
        let mut unmet = Vec::new();
        let mut one_of = |given: Option<bool>, what: &str| {
            if given == Some(false) {
                unmet.push(what.to_owned());
            }
        };
        let topology = space.topology(cell);
        one_of(self.topology.as_ref().map(|ids| ids.iter().any(|id| id == topology)), topology);
        one_of(self.operator.as_ref().map(|all| all.contains(&cell.operator)), cell.operator.as_str());
        let base = space.bases.get(cell.base).map_or("", |base| base.name.as_str());
        one_of(self.base.as_ref().map(|names| names.iter().any(|name| name == base)), base);
        one_of(self.faults_most.map(|most| cell.faults.len() <= most), "more faults");
        let has = |id: &String| space.uses(cell).iter().any(|used| used.id == *id);
        one_of(self.fault.as_ref().map(|ids| ids.iter().any(has)), "other faults");
        let added: Vec<String> = space.uses(cell).into_iter().map(|used| used.id).collect();
        let beside = !others(self.faults_only.as_deref(), &added).is_empty();
        one_of(self.faults_only.as_ref().map(|_| !beside), "faults beside");
        one_of(self.verdict.as_ref().map(|all| all.contains(&ending.verdict)), ending.verdict.as_str());
        one_of(self.verdict_not.as_ref().map(|all| !all.contains(&ending.verdict)), ending.verdict.as_str());
        let over = if ending.declared_over { "declared over" } else { "not declared over" };
        one_of(self.declared_over.map(|wanted| wanted == ending.declared_over), over);
        unmet.extend(others(self.broken_only.as_deref(), &ending.broken));
        unmet.extend(others(self.failing_only.as_deref(), &ending.failing));
        for (id, (outcome, shown)) in &drilled.criteria {
            let otherwise = self.criteria.is_some_and(|wanted| wanted != *outcome);
            if otherwise || self.evidence.is_some_and(|wanted| wanted != *shown) {
                unmet.push(id.clone());
            }
        }
        let found = self.findings_not.iter().flatten().filter(|rule| drilled.findings.contains(*rule));
        unmet.extend(found.cloned());
        let beyond = |bounds: &BTreeMap<String, f64>, is: &dyn Fn(f64, f64) -> bool| -> Vec<String> {
            let beyond =
                bounds.iter().filter(|(name, bound)| drilled.figures.get(*name).is_some_and(|it| is(*it, **bound)));
            beyond.map(|(name, _)| name.clone()).collect()
        };
        unmet.extend(beyond(&self.at_most, &|it, bound| it > bound));
        unmet.extend(beyond(&self.at_least, &|it, bound| it < bound));
        unmet
    }
}

fn others(allowed: Option<&[String]>, all: &[String]) -> Vec<String> {
    let Some(allowed) = allowed else { return Vec::new() };
    all.iter().filter(|id| !allowed.contains(id)).cloned().collect()
}

impl Property {
    /// All that it says of one drill.
    fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let must = match &self.must {
            Must::Be(condition) => Some(&**condition),
            Must::Relate(_) => None,
        };
        std::iter::once(&self.when).chain(must)
    }

    /// Whether it is about how drills end, which a scenario's `expect` can pin.
    pub fn is_of_endings(&self) -> bool {
        match &self.must {
            Must::Be(must) => {
                must.at_most.is_empty()
                    && must.at_least.is_empty()
                    && must.findings_not.is_none()
                    && must.evidence.is_none()
            }
            Must::Relate(relation) => *relation == Relation::CarefulNoWorse,
        }
    }

    /// The subjects of which it does not hold in this cell. What is inconclusive violates nothing; what is inert can only
    /// differ from the same without the fault. Two drills that are compared have to differ whatever chance decides: metrics that
    /// die while somebody looks at them are seen dead in one drill and not in the next, with the same faults.
    pub fn violated(&self, cell: &Cell, drills: &mut Drills<'_>) -> Vec<String> {
        let mut subjects = self.violated_once(cell, drills);
        if matches!(self.must, Must::Relate(_)) {
            for luck in 1..=CHANCES {
                if subjects.is_empty() {
                    break;
                }
                drills.luck = luck;
                let again = self.violated_once(cell, drills);
                subjects.retain(|subject| again.contains(subject));
            }
            drills.luck = 0;
        }
        subjects
    }

    fn violated_once(&self, cell: &Cell, drills: &mut Drills<'_>) -> Vec<String> {
        let came = drills.came(cell);
        let Came::Drilled(drilled) = &*came else { return Vec::new() };
        let inert = self.must == Must::Relate(Relation::InertChangesNothing);
        let speaks = if inert { !drilled.silent.is_empty() } else { drilled.is_conclusive() };
        if !speaks || !self.when.unmet(cell, drilled, drills).is_empty() {
            return Vec::new();
        }
        match &self.must {
            Must::Be(condition) => condition.unmet(cell, drilled, drills),
            Must::Relate(relation) => relation.violated(cell, drilled, drills),
        }
    }
}

impl Relation {
    fn violated(self, cell: &Cell, drilled: &Drilled, drills: &mut Drills<'_>) -> Vec<String> {
        match self {
            Relation::CarefulNoWorse => careful_no_worse(cell, drilled, drills).into_iter().collect(),
            Relation::InertChangesNothing => inert_changes_nothing(cell, drilled, drills),
            Relation::StrongerNeverPasses => stronger_never_passes(cell, drilled, drills),
            Relation::OrderOfOthers => order_of_others(cell, drilled, drills),
        }
    }
}

fn careful_no_worse(cell: &Cell, drilled: &Drilled, drills: &mut Drills<'_>) -> Option<String> {
    if cell.operator != Operator::Careful {
        return None;
    }
    let came = drills.came(&Cell { operator: Operator::Paste, ..cell.clone() });
    let pasted = came.conclusive()?.ending.verdict;
    let rank = |verdict: Verdict| WORSE.iter().position(|known| *known == verdict);
    let worse = rank(drilled.ending.verdict)? > rank(pasted)?;
    worse.then(|| format!("{}, and {pasted} by paste", drilled.ending.verdict))
}

/// One silent fault at a time: so a find is about that fault, whichever others are silent beside it.
fn inert_changes_nothing(cell: &Cell, drilled: &Drilled, drills: &mut Drills<'_>) -> Vec<String> {
    let uses = drills.space.uses(cell);
    let mut subjects = Vec::new();
    for at in &drilled.silent {
        let came = drills.came(&cell.without(*at));
        let (Came::Drilled(without), Some(used)) = (&*came, uses.get(*at)) else { continue };
        if drilled.plainly() != without.plainly() {
            subjects.push(used.id.clone());
        }
    }
    subjects
}

fn stronger_never_passes(cell: &Cell, drilled: &Drilled, drills: &mut Drills<'_>) -> Vec<String> {
    if drilled.ending.verdict != Verdict::Recovered {
        return Vec::new();
    }
    let uses = drills.space.uses(cell);
    let mut subjects = Vec::new();
    for (at, used) in uses.iter().enumerate() {
        let Some(weaker) = drills.space.weaker(cell, at) else { continue };
        let came = drills.came(&weaker);
        if came.conclusive().is_some_and(|weaker| weaker.ending.verdict != Verdict::Recovered) {
            subjects.push(used.id.clone());
        }
    }
    subjects
}

fn order_of_others(cell: &Cell, drilled: &Drilled, drills: &mut Drills<'_>) -> Vec<String> {
    let uses = drills.space.uses(cell);
    let mut subjects = Vec::new();
    for (at, pair) in cell.faults.windows(2).enumerate() {
        let [one, other] = pair else { continue };
        if drills.space.touch(*one, *other) {
            continue;
        }
        let mut swapped = cell.clone();
        swapped.faults.swap(at, at + 1);
        if drills.act_alike(cell, &swapped) {
            continue;
        }
        let came = drills.came(&swapped);
        let Came::Drilled(other) = &*came else { continue };
        if drilled.plainly() != other.plainly() {
            let ids = uses.iter().skip(at).take(2).map(|used| used.id.as_str());
            subjects.push(ids.collect::<Vec<_>>().join(", "));
        }
    }
    subjects
}
