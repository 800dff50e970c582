//! Two records of the same probe against each other, and what is kept of it.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::look::State;
use super::play::{Over, Played};
use super::probe::{Act, Gap, Output, Probe, Step};
use crate::redactions::redacted_output;

/// What a probe came to on one host.
#[derive(Debug)]
pub struct Record {
    /// Its steps.
    pub played: Played,
    /// What it left; nothing where a step was refused.
    pub state: State,
    /// Digests and their names ([`super::hosts::Booted::names`]).
    pub names: Vec<(String, String)>,
}

/// How many cells of each kind were held against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Compared {
    /// Exit status, pipe statuses and how the command ended are one cell for each step.
    pub statuses: usize,
    /// Outputs that are not in a tool's own words.
    pub outputs: usize,
    /// Cells of the state afterwards.
    pub state: usize,
}

/// One cell that is not the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Which: `step N status`, `step N output`, `step N refused`, `state NAME`.
    pub cell: String,
    /// What the container has there, redacted.
    pub container: String,
    /// What the simulator has there, redacted.
    pub simulator: String,
    /// The known gap that it is, if it is one.
    pub gap: Option<String>,
}

/// What is kept of a probe: `target/fidelity/probes/NAME.json`. All generated scripts together are one, of the name
/// `generated-scripts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeResult {
    /// Its name.
    pub probe: String,
    /// On which machine.
    pub topology: String,
    /// Cells held against each other, those that differ among them.
    pub compared: Compared,
    /// Those that differ, known gaps among them.
    pub differences: Vec<Difference>,
}

impl ProbeResult {
    /// Writes it into this folder.
    ///
    /// # Errors
    /// As the file system has it.
    pub fn keep(&self, folder: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        std::fs::write(folder.join(format!("{}.json", self.probe)), text)
    }

    /// Differences that are no known gap, and gaps that are mended; empty where all is as it should be.
    pub fn faults(&self, gaps: &[Gap]) -> Vec<String> {
        let mut faults: Vec<String> = Vec::new();
        for difference in self.differences.iter().filter(|difference| difference.gap.is_none()) {
            let Difference { cell, container, simulator, .. } = difference;
            faults.push(format!("{cell}\n--- container\n{container}\n--- simulator\n{simulator}\n---"));
        }
        for gap in gaps.iter().filter(|gap| gap.probe == self.probe) {
            for cell in &gap.cells {
                if !self.differences.iter().any(|difference| difference.cell == *cell) {
                    faults.push(format!(
                        "the gap `{}` is mended: `{cell}` is the same on both hosts; take it out of gaps.toml",
                        gap.id
                    ));
                }
            }
        }
        faults
    }
}

/// Holds both records of a probe against each other.
pub fn compare(probe: &Probe, container: &Record, simulator: &Record, gaps: &[Gap]) -> ProbeResult {
    let mut result = ProbeResult {
        probe: probe.name.clone(),
        topology: probe.topology.clone(),
        compared: Compared::default(),
        differences: Vec::new(),
    };
    steps(&probe.steps, [container, simulator], &mut result);
    state([container, simulator], &mut result);
    for difference in &mut result.differences {
        let mut known = gaps.iter().filter(|gap| gap.probe == probe.name && gap.cells.contains(&difference.cell));
        difference.gap = known.next().map(|gap| gap.id.clone());
    }
    result
}

/// Holds steps against each other; counts and differences go into `result`.
pub fn steps(steps: &[Step], [container, simulator]: [&Record; 2], result: &mut ProbeResult) {
    for (at, step) in steps.iter().enumerate() {
        let name = format!("step {}", at + 1);
        let (real, simulated) = match (container.played.steps.get(at), simulator.played.steps.get(at)) {
            (Some(real), Some(simulated)) => (real, simulated),
            _ => {
                let of = |record: &Record| record.played.refused.clone().unwrap_or_else(|| "carried out".into());
                result.compared.statuses += 1;
                differ(result, format!("{name} refused"), of(container), of(simulator));
                return;
            }
        };
        result.compared.statuses += 1;
        let status = |seen: &super::play::StepSeen| {
            let pipe: Vec<String> = seen.pipe.iter().map(i32::to_string).collect();
            let over = match seen.over {
                Over::Ended => "",
                Over::ShellEnded => ", and the shell ended",
                Over::Killed => ", killed at its ceiling",
            };
            format!("{} [{}]{over}", seen.exit, pipe.join(" "))
        };
        differ(result, format!("{name} status"), status(real), status(simulated));
        if matches!(step.act, Act::WaitUntil(_)) {
            if real.exit != 0 {
                let what = format!("waited {} s for what never came", step.within_s);
                let both =
                    Difference { cell: format!("{name} never"), container: what, simulator: String::new(), gap: None };
                result.differences.push(both);
            }
            continue;
        }
        let shown = |record: &Record, text: &str| match step.output {
            Output::Same => Some(plain(record, text)),
            Output::FirstLine => Some(plain(record, text.lines().next().unwrap_or_default())),
            Output::OwnWords => None,
        };
        if let (Some(real), Some(simulated)) = (shown(container, &real.output), shown(simulator, &simulated.output)) {
            result.compared.outputs += 1;
            differ(result, format!("{name} output"), real, simulated);
        }
    }
}

/// Holds what was left against each other, where both hosts came to the end.
pub fn state([container, simulator]: [&Record; 2], result: &mut ProbeResult) {
    if container.played.refused.is_some() || simulator.played.refused.is_some() {
        return;
    }
    let cells: BTreeSet<&String> = container.state.keys().chain(simulator.state.keys()).collect();
    for cell in cells {
        result.compared.state += 1;
        let of = |record: &Record| record.state.get(cell).map_or("nothing".into(), |text| plain(record, text));
        differ(result, format!("state {cell}"), of(container), of(simulator));
    }
}

fn plain(record: &Record, text: &str) -> String {
    let named = record.names.iter().fold(text.to_owned(), |text, (digest, name)| text.replace(digest, name));
    redacted_output(&named)
}

fn differ(result: &mut ProbeResult, cell: String, container: String, simulator: String) {
    if container != simulator {
        result.differences.push(Difference { cell, container, simulator, gap: None });
    }
}
