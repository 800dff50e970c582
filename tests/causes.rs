//! What a scenario tests, and that this decides how it ends.

#![expect(clippy::unwrap_used, clippy::panic, reason = "for tests: what fails here shall end the test that uses it")]

use std::collections::BTreeMap;

use rollback_harness::bundle::Finished;
use rollback_harness::fault;
use rollback_harness::history::event::What;
use rollback_harness::host::HostKind;
use rollback_harness::judge::facts::Facts;
use rollback_harness::prepare::{self, Selection};
use rollback_harness::scenario::{Expectation, Operator, Scenario, Window};
use rollback_harness::verdict::Verdict;

use crate::containers::{Out, changed, drill, refuse, selection, workspace};

/// The incident itself; what else a scenario declares is what it tests.
const INCIDENT: &str = "errors";

/// What a scenario tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A fault.
    Fault(String),
    /// What the operator knows: the runbook says not to roll back.
    Seen,
    /// The maintenance window was refused.
    Window,
}

impl Cause {
    /// Of a scenario. One that tests nothing ends the test.
    pub fn of(scenario: &Scenario) -> Cause {
        let ids: Vec<&String> = scenario.faults.iter().map(|fault| &fault.id).collect();
        let fault = ids.iter().find(|id| **id != INCIDENT).or(ids.first());
        let mut ends = scenario.expect.values().flat_map(|operators| operators.values());
        match fault {
            _ if scenario.seen.is_some() && ends.all(|expected| expected.verdict == Verdict::NotStarted) => Cause::Seen,
            _ if scenario.window == Window::Refused => Cause::Window,
            Some(fault) => Cause::Fault((*fault).clone()),
            None => panic!("{}: a scenario without a fault tests nothing", scenario.name),
        }
    }

    /// For a test's name: `without-NAME`.
    pub fn name(&self) -> &str {
        match self {
            Cause::Fault(fault) => fault,
            Cause::Seen => "what-was-seen",
            Cause::Window => "refusal",
        }
    }

    /// Drills the scenario without it, into this folder, by the careful operator if it is for one: the drill ends otherwise.
    pub fn decides(&self, host: HostKind, scenario: &str, topology: &str, out: &Out) {
        let operator = *expected(scenario, topology).keys().next().unwrap();
        let drilled = |change: &mut dyn FnMut(&mut Scenario)| {
            let file = changed(scenario, out.path(), change);
            let wanted = Selection { host, ..selection(&file, topology, operator, out.path()) };
            drill(&wanted).unwrap().1
        };
        match self {
            Cause::Fault(fault) => without(fault, scenario, (topology, operator), drilled),
            Cause::Seen => begun(&drilled(&mut |scenario| scenario.seen = None)),
            Cause::Window => begun(&drilled(&mut |scenario| scenario.window = Window::Agreed)),
        }
    }
}

/// How a shipped scenario is expected to end on a topology.
fn expected(name: &str, topology: &str) -> BTreeMap<Operator, Expectation> {
    let scenario = prepare::load(&prepare::cases_folder(&workspace()).join(format!("{name}.toml"))).unwrap();
    scenario.expect[topology].clone()
}

/// Were a drill to conform without its fault, the fault would decide nothing. A fault that a sound runbook gets over ends as
/// `procedure-only` does, with and without it; then what is seen of it has to be gone.
fn without(
    fault: &str,
    scenario: &str,
    (topology, operator): (&str, Operator),
    drilled: impl FnOnce(&mut dyn FnMut(&mut Scenario)) -> Finished,
) {
    let expected = |name: &str| expected(name, topology).remove(&operator).unwrap();
    let mut declared = None;
    let finished = drilled(&mut |scenario| {
        let at = scenario.faults.iter().position(|declared| declared.id == fault).unwrap();
        declared = Some(scenario.faults.remove(at));
    });
    let seen = fault::evidence(&Facts::of(&finished.history).unwrap(), &declared.unwrap());
    if seen.seen.is_some() {
        refuse(&format!("`{fault}` was taken out and is seen all the same: {seen:?}"), &finished);
    }
    if finished.judgement.conforms && (scenario == "procedure-only" || expected(scenario) != expected("procedure-only"))
    {
        refuse(&format!("conforms although `{fault}` was taken out"), &finished);
    }
}

/// Without what keeps a drill from beginning it begins, so this is what kept it.
fn begun(finished: &Finished) {
    let asked = finished.history.events.iter().any(|event| matches!(event.what, What::RedFirst { .. }));
    if finished.judgement.conforms || !asked {
        refuse("conforms, or did not begin, although nothing was left to keep it from beginning", finished);
    }
}
