//! One look at the machine from outside the node, and what it shows.

use super::container::Container;
use crate::history::event::{MachineState, NodeProcess, Plan, PlannedRelease, ProbeOutcome};

/// A `machine-seen` event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look<'a> {
    /// Number of the event.
    pub n: u64,
    /// When, microseconds.
    pub at_us: u64,
    /// `before`, `verification`, `given-up`, `stopped`, `hold-began`, `hold-ended`, `end`.
    pub moment: &'a str,
    /// Processes, listeners, supervisor.
    pub machine: &'a MachineState,
    /// What /healthz on the node's port answered.
    pub healthz: &'a ProbeOutcome,
    /// The version in build_info, if /metrics answered.
    pub build_info: Option<&'a str>,
}

/// Who answers 200 on the node's port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Serving {
    /// Nobody.
    Nothing,
    /// The release to roll back to.
    Good,
    /// The release to leave.
    Bad,
    /// Something else, or something that cannot be told; in words.
    Other(String),
}

impl<'a> Look<'a> {
    /// What the supervisor says of the container; `None` where nodes run in none.
    pub fn container(&self) -> Option<Container<'a>> {
        Container::of(&self.machine.supervisor)
    }

    /// The processes behind the listeners on the node's port; `None` for a listener whose process was not found.
    pub fn holders(&self, plan: &Plan) -> Vec<Option<&'a NodeProcess>> {
        let on_port = self.machine.listeners.iter().filter(|listener| listener.port == plan.port);
        on_port.map(|listener| listener.process.as_ref()).collect()
    }

    /// Who serves: an answer 200, and every listener on the port belongs to the same release.
    pub fn serving(&self, plan: &Plan) -> Serving {
        if !self.healthz.is_ok() {
            return Serving::Nothing;
        }
        let holders = self.holders(plan);
        let all = |release: &PlannedRelease| {
            let is = |process: &&NodeProcess| process.version.as_deref() == Some(release.version.as_str());
            !holders.is_empty() && holders.iter().all(|holder| holder.as_ref().is_some_and(is))
        };
        if all(&plan.good) {
            Serving::Good
        } else if all(&plan.bad) {
            Serving::Bad
        } else if holders.is_empty() {
            Serving::Other("something answers 200, but no listener was found".into())
        } else {
            Serving::Other(holders.iter().map(|holder| name(*holder)).collect::<Vec<_>>().join(" and "))
        }
    }

    /// What of the node is left on the machine, in words; `None` if nothing runs, listens or is due to run again. A
    /// supervisor that cannot tell counts as something left: nobody knows what it is about to do.
    pub fn left(&self, plan: &Plan) -> Option<String> {
        let mut left: Vec<String> = Vec::new();
        left.extend(self.machine.processes.iter().map(|process| format!("a process of {}", name(Some(process)))));
        left.extend(
            self.holders(plan).iter().map(|holder| format!("a listener on {} of {}", plan.port, name(*holder))),
        );
        let alive = |line: &&str| plan.supervisor_alive.iter().any(|wanted| wanted.trim() == *line);
        let lines = self.machine.supervisor.lines().map(str::trim).filter(alive);
        left.extend(lines.map(|line| format!("the supervisor says `{line}`")));
        let others = self.container().map(|container| container.others).unwrap_or_default();
        left.extend(others.iter().map(|(name, status)| format!("another container of a release, {name}, is {status}")));
        left.extend(self.unread_supervisor());
        if left.is_empty() { None } else { Some(left.join(", ")) }
    }

    /// Why the supervisor's state is not known, in words; `None` if it is.
    fn unread_supervisor(&self) -> Option<String> {
        let why = match self.machine.supervisor_exit {
            0 if self.machine.supervisor.trim().is_empty() => "it says nothing".to_owned(),
            0 => return None,
            exit => format!("exit {exit}"),
        };
        Some(format!("the supervisor cannot be read ({why})"))
    }
}

/// A process in words: its release, or its executable.
pub fn name(process: Option<&NodeProcess>) -> String {
    match process {
        None => "an unknown process".into(),
        Some(process) => match &process.version {
            Some(version) => format!("release {version} (pid {})", process.pid),
            None => format!("{} (pid {}, no release)", process.executable, process.pid),
        },
    }
}
