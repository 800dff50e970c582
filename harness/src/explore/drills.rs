//! Drills of cells: in memory, in the simulator, and what of one is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use super::explain::course;
use super::space::{Cell, Script, Space};
use crate::history::What;
use crate::history::event::Plan;
use crate::history::read::History;
use crate::host::HostKind;
use crate::host::sim::Scripts;
use crate::judge::{self, AlertMetrics, Judgement, Metrics, Outcome};
use crate::prepare::{self, BadInput, Outside, Parts, Prepared, Selection};
use crate::runbook::Runbook;
use crate::scenario::{Operator, Scenario};
use crate::simulate::{Bench, Simulated};
use crate::verdict::Verdict;

/// Outcomes that one worker keeps at hand; beyond it the memory begins anew.
const KEPT_MAX: usize = 4096;

/// The documents under test, and where everything lies.
#[derive(Debug)]
pub struct Site {
    /// As for a drill in the simulator; its scenarios, topology and operators are not looked at.
    pub selection: Selection,
    /// The runbook with its binding.
    pub runbook: Runbook,
    /// What was read of topologies and the runbook's sections for them, by topology and releases.
    parts: RwLock<BTreeMap<[String; 3], Parts>>,
}

impl Site {
    /// Reads the documents of a selection.
    ///
    /// # Errors
    /// As [`prepare::runbook`].
    pub fn new(selection: Selection) -> Result<Site, BadInput> {
        let selection = Selection { host: HostKind::Sim, ..selection };
        let (runbook, binding) = (selection.runbook.as_deref(), selection.binding.as_deref());
        let runbook = prepare::runbook(&selection.workspace, runbook, binding)?;
        Ok(Site { selection, runbook, parts: RwLock::default() })
    }

    /// A drill of a made scenario.
    ///
    /// # Errors
    /// What cannot be drilled.
    pub fn prepare(&self, scenario: &Scenario, topology: &str, operator: Operator) -> Result<Prepared, BadInput> {
        let key = [topology.to_owned(), scenario.good.to_string(), scenario.bad.to_string()];
        // A map that was being written to when somebody panicked is whole all the same.
        let known = self.parts.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let parts = match known {
            Some(known) => known,
            None => {
                let parts = Parts::load(&self.selection, &self.runbook, scenario, topology)?;
                self.parts.write().unwrap_or_else(PoisonError::into_inner).insert(key, parts.clone());
                parts
            }
        };
        prepare::made(&self.selection, &self.runbook, parts, scenario, operator)
    }
}

/// How a drill ended, as far as a scenario can expect it, and whether the operator declared the incident over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// The verdict.
    pub verdict: Verdict,
    /// Judged criteria that fail or are unknown, in registry order.
    pub failing: Vec<String>,
    /// Invariants that fail, in registry order.
    pub broken: Vec<String>,
    /// Whether the operator said that it is over.
    pub declared_over: bool,
}

/// What is kept of a drill.
#[derive(Debug, Clone, PartialEq)]
pub struct Drilled {
    /// The drill's id.
    pub id: String,
    /// How it ended.
    pub ending: Ending,
    /// Judged criteria: the oracle's outcome, and whether events show it.
    pub criteria: BTreeMap<String, (Outcome, bool)>,
    /// Rules of its findings.
    pub findings: BTreeSet<String>,
    /// Figures that were measured, by the names that JSON has for them; those of alerts behind `alerts.`.
    pub figures: BTreeMap<String, f64>,
    /// Which of the cell's faults left no evidence.
    pub silent: Vec<usize>,
    /// A digest of its course: what was done and seen, without times.
    pub course: String,
    /// Where there are such: how it ended if nobody had declared them.
    pub undeclared: Option<Ending>,
}

impl Drilled {
    /// How it ended, whatever was declared and did not act.
    pub fn plainly(&self) -> &Ending {
        self.undeclared.as_ref().unwrap_or(&self.ending)
    }

    /// Whether all that was declared acted, and the end was seen.
    pub fn is_conclusive(&self) -> bool {
        self.silent.is_empty() && self.ending.verdict != Verdict::Inconclusive
    }
}

/// What came of a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Came {
    /// A drill.
    Drilled(Box<Drilled>),
    /// The simulator or `prepare` could not carry it out, and why.
    Refused(String),
}

impl Came {
    /// The drill, if there was one of which something can be said.
    pub fn conclusive(&self) -> Option<&Drilled> {
        match self {
            Came::Drilled(drilled) if drilled.is_conclusive() => Some(drilled),
            _ => None,
        }
    }
}

/// Carries cells out, one at a time; each worker has one of its own.
#[derive(Debug)]
pub struct Drills<'a> {
    /// The space of the cells. What is kept holds for others as well that differ in their levels alone.
    pub space: Arc<Space>,
    /// Added to the seed: whether a difference is chance shows where chance is another.
    pub luck: u64,
    site: &'a Site,
    scripts: Scripts,
    kept: BTreeMap<(u64, Script), Arc<Came>>,
}

impl<'a> Drills<'a> {
    /// `scripts` are shared by all workers.
    pub fn new(space: &Arc<Space>, site: &'a Site, scripts: Scripts) -> Drills<'a> {
        Drills { space: space.clone(), luck: 0, site, scripts, kept: BTreeMap::new() }
    }

    /// What comes of a cell. Each time the same: what is kept saves time only.
    pub fn came(&mut self, cell: &Cell) -> Arc<Came> {
        let script = (self.luck, self.space.script(cell));
        if let Some(known) = self.kept.get(&script) {
            return known.clone();
        }
        let came = match self.space.scenario(cell) {
            Some(scenario) => self.came_of(&scenario, cell),
            None => Came::Refused("no cell of this space".to_owned()),
        };
        if self.kept.len() >= KEPT_MAX {
            self.kept.clear();
        }
        let came = Arc::new(came);
        self.kept.insert(script, came.clone());
        came
    }

    /// Whether two cells come to the same releases and the same effects in the same order, so that nothing but the order of
    /// the declarations is left to differ: a release is born with its faults before anything is brought about from outside.
    pub fn act_alike(&self, one: &Cell, other: &Cell) -> bool {
        let prepared = |cell: &Cell| {
            let scenario = self.space.scenario(cell)?;
            self.site.prepare(&scenario, self.space.topology(cell), cell.operator).ok()
        };
        let both = prepared(one).zip(prepared(other));
        both.is_some_and(|(one, other)| {
            one.good == other.good && one.bad == other.bad && in_time(&one.outside) == in_time(&other.outside)
        })
    }

    /// The same for a scenario that is as a cell's but for the levels of its faults.
    pub fn came_of(&mut self, scenario: &Scenario, cell: &Cell) -> Came {
        match self.simulate(scenario, cell) {
            Ok((plan, simulated)) => Came::Drilled(Box::new(drilled(&plan, simulated, cell.faults.len()))),
            Err(why) => Came::Refused(why),
        }
    }

    /// A scenario drilled, with its whole History.
    ///
    /// # Errors
    /// Why the simulator or `prepare` could not.
    pub fn simulate(&mut self, scenario: &Scenario, cell: &Cell) -> Result<(Plan, Simulated), String> {
        let topology = self.space.topology(cell);
        let prepared = self.site.prepare(scenario, topology, cell.operator).map_err(|error| error.to_string())?;
        let seed = self.site.selection.seed.wrapping_add(self.luck);
        let plan = prepared.plan.clone();
        let mut bench = Bench::sharing(prepared, &self.scripts).map_err(|error| error.to_string())?;
        let simulated = bench.drill(seed).map_err(|error| error.to_string())?;
        Ok((plan, simulated))
    }
}

/// What begins at one moment, in the order of its declaration, comes behind all that begins at another one before it.
fn in_time(outside: &[Outside]) -> Vec<&Outside> {
    let mut outside: Vec<&Outside> = outside.iter().collect();
    outside.sort_by_key(|fault| fault.at);
    outside
}

fn drilled(plan: &Plan, simulated: Simulated, added: usize) -> Drilled {
    let Simulated { mut history, judgement, .. } = simulated;
    let before = judgement.faults.len().saturating_sub(added);
    let of_cell = judgement.faults.iter().skip(before).enumerate();
    let silent: Vec<usize> = of_cell.filter(|(_, fault)| fault.seen.is_none()).map(|(at, _)| at).collect();
    let ending = ending(&history, &judgement);
    let judged = plan.criteria.iter().filter_map(|id| judgement.criteria.get_key_value(id));
    let mut drilled = Drilled {
        id: plan.id.clone(),
        ending,
        criteria: judged.map(|(id, result)| (id.clone(), (result.outcome, !result.events.is_empty()))).collect(),
        findings: judgement.findings.iter().map(|finding| finding.rule.clone()).collect(),
        figures: figures(&judgement),
        silent,
        course: course(&history.events),
        undeclared: None,
    };
    if !drilled.silent.is_empty() {
        undeclare(&mut history, before, &drilled.silent);
        drilled.undeclared = Some(self::ending(&history, &judge::judge(&history)));
    }
    drilled
}

/// How a History ended.
pub fn ending(history: &History, judgement: &Judgement) -> Ending {
    Ending {
        verdict: judgement.verdict,
        failing: judgement.failing.clone(),
        broken: judgement.broken.clone(),
        declared_over: history.events.iter().any(|event| matches!(event.what, What::DeclaredOver)),
    }
}

/// Takes declared faults out of the plan, and nothing out of what happened.
fn undeclare(history: &mut History, before: usize, silent: &[usize]) {
    if let Some(What::DrillBegan { plan }) = history.events.first_mut().map(|event| &mut event.what) {
        let mut at = 0;
        plan.faults.retain(|_| {
            let keep = at < before || !silent.contains(&(at - before));
            at += 1;
            keep
        });
    }
}

/// As JSON names them, so that a figure that is new has a name here at once.
pub fn figures(judgement: &Judgement) -> BTreeMap<String, f64> {
    let mut figures = BTreeMap::new();
    if let Ok(value) = serde_json::to_value(&judgement.metrics) {
        flat("", &value, &mut figures);
    }
    figures
}

/// The names of all figures that there are.
pub fn figure_names() -> Vec<String> {
    let all = Metrics { alerts: Some(AlertMetrics::default()), ..Metrics::default() };
    let mut names = Vec::new();
    let value = serde_json::to_value(&all).unwrap_or_default();
    for (name, value) in value.as_object().into_iter().flatten() {
        match value.as_object() {
            Some(group) => names.extend(group.keys().map(|key| format!("{name}.{key}"))),
            None => names.push(name.clone()),
        }
    }
    names
}

fn flat(name: &str, value: &serde_json::Value, into: &mut BTreeMap<String, f64>) {
    if let Some(number) = value.as_f64() {
        into.insert(name.to_owned(), number);
    }
    for (key, value) in value.as_object().into_iter().flatten() {
        let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
        flat(&name, value, into);
    }
}
