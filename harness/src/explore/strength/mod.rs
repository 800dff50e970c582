//! Strength: whether an exploration finds what somebody broke in the runbook or its binding on purpose, and says nothing of the
//! same procedure in other words.
//!
//! ```text
//! scenarios/sabotage/*.toml, scenarios/paraphrases/*.toml ─edits→ documents ─cells→ first new find ─→ table
//! ```
//!
//! A find counts where the unchanged documents have none with the same property, subject, topology, operator and faults.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::drills::{Drills, Site};
use super::finds::{Faults, ids};
use super::property::Properties;
use super::results::{Found, Smallest};
use super::space::{Cell, Restricted, Script, Space};
use super::work;
use crate::host::HostKind;
use crate::host::sim::Scripts;
use crate::interrupt;
use crate::prepare::{self, BadInput, Selection};
use crate::run::RunError;

pub mod file;
pub mod report;

use file::{Document, Said, Variation};

/// What makes two finds the same: property, subject, topology, operator and the faults of the smallest cell.
type Mark = (String, String, String, &'static str, Faults);

/// The finds of unchanged documents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known(BTreeSet<Mark>);

/// The unchanged documents, and where they are looked through.
#[derive(Debug)]
pub struct Strength {
    /// The project's runbook and binding.
    pub site: Site,
    /// The project's space.
    pub space: Arc<Space>,
    properties: Properties,
    texts: [String; 2],
}

/// What came of a variation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The documents cannot be read as a procedure, and why, with file and line.
    Refused(String),
    /// A property does not hold that held before.
    Found {
        /// Its id.
        property: String,
        /// Of what it does not hold.
        of: String,
        /// The smallest cell.
        script: Script,
    },
    /// Nothing that is new.
    Nothing,
    /// A signal came before there was anything new.
    Interrupted,
}

/// A variation that was looked at.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its file's name.
    pub name: String,
    /// What came of it.
    pub outcome: Outcome,
    /// Cells that were looked at, the one that shows it included.
    pub cells: u64,
    /// Of these: the simulator could not carry them out. The first reason.
    pub incomplete: Option<(u64, String)>,
    /// Processor time; `None` where the system does not tell it. No result depends on it.
    pub cpu: Option<Duration>,
    /// What came otherwise than the file says.
    pub differs: Option<String>,
    /// Why nothing is found, where the file says so.
    pub because: Option<String>,
}

impl Strength {
    /// Reads the project's documents, space and properties. `most` is the greatest number of faults in a cell.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn new(workspace: &Path, most: usize) -> Result<Strength, BadInput> {
        let site = Site::new(Selection::usual(HostKind::Sim, "all", workspace))?;
        let folder = workspace.join("scenarios").join("explore");
        let space = Space::load(&folder.join("space.toml"), &Restricted::default(), most, &site)?;
        let properties = Properties::load([folder.join("properties.toml").as_path()])?;
        properties.fit(&space, &site.runbook)?;
        let read = |document: &Document| {
            let path = workspace.join("scenarios").join("runbooks").join(document.name());
            std::fs::read_to_string(&path).map_err(|error| BadInput(format!("{}: {error}", path.display())))
        };
        let texts = [read(&Document::Runbook)?, read(&Document::Binding)?];
        Ok(Strength { site, space: Arc::new(space), properties, texts })
    }

    /// The sabotage of a workspace, or its paraphrases.
    ///
    /// # Errors
    /// A file that is wrong, with its line.
    pub fn variations(&self, folder: &str) -> Result<Vec<Variation>, BadInput> {
        let folder = self.site.selection.workspace.join("scenarios").join(folder);
        prepare::files(&folder)?.iter().map(|path| Variation::load(path, &self.properties)).collect()
    }

    /// The finds of the unchanged documents in these cells.
    pub fn known(&self, cells: impl IntoIterator<Item = u64>) -> Known {
        let mut drills = Drills::new(&self.space, &self.site, Scripts::default());
        let mut known = BTreeSet::new();
        for number in cells.into_iter().take_while(|_| interrupt::signal().is_none()) {
            let line = work::result(number, &self.space, &self.properties, &mut drills);
            let finds = line.into_iter().flat_map(|line| line.finds);
            known.extend(finds.filter_map(|found| self.mark(&found)).map(|(mark, _)| mark));
        }
        Known(known)
    }

    /// The cells that differ from the script's in the levels of its faults alone, that one included.
    pub fn beside(&self, script: &Script) -> Vec<u64> {
        let Some((_, wanted)) = self.space.place(script) else { return Vec::new() };
        let bare = |cell: &Cell| Cell { faults: Vec::new(), ..cell.clone() };
        let entries = |cell: &Cell| cell.faults.iter().map(|added| added.entry).collect::<BTreeSet<_>>();
        let same = |cell: &Cell| bare(cell) == bare(&wanted) && entries(cell) == entries(&wanted);
        (0..self.space.len()).filter(|number| self.space.cell(*number).is_some_and(|cell| same(&cell))).collect()
    }

    /// The number of a script's cell.
    pub fn number(&self, script: &Script) -> Option<u64> {
        let cell = |number: &u64| self.space.cell(*number).is_some_and(|cell| self.space.script(&cell) == *script);
        self.beside(script).into_iter().find(cell)
    }

    /// Writes the changed documents below `out`, and looks through these cells of them until one shows something new.
    ///
    /// # Errors
    /// An edit that does not fit, and those of the file system.
    pub fn look(
        &self,
        variation: &Variation,
        cells: impl IntoIterator<Item = u64>,
        known: &Known,
        out: &Path,
    ) -> Result<Row, RunError> {
        let began = processor();
        let mut row = Row {
            name: variation.name.clone(),
            outcome: Outcome::Nothing,
            cells: 0,
            incomplete: None,
            cpu: None,
            differs: None,
            because: None,
        };
        let [runbook, binding] = self.write(variation, out)?;
        match self.read(&runbook, &binding) {
            Err(BadInput(why)) => row.outcome = Outcome::Refused(why),
            Ok(site) => self.search(&site, cells, known, &mut row),
        }
        row.cpu = processor().zip(began).map(|(now, began)| now.saturating_sub(began));
        row.differs = variation.differs(&row);
        row.because = match &variation.said {
            Said::Missed { because } => Some(because.clone()),
            _ => None,
        };
        Ok(row)
    }

    fn search(&self, site: &Site, cells: impl IntoIterator<Item = u64>, known: &Known, row: &mut Row) {
        let mut drills = Drills::new(&self.space, site, Scripts::default());
        for number in cells {
            if interrupt::signal().is_some() {
                row.outcome = Outcome::Interrupted;
                return;
            }
            let Some(line) = work::result(number, &self.space, &self.properties, &mut drills) else { continue };
            row.cells += 1;
            if let Some(why) = line.refused {
                row.incomplete.get_or_insert((0, why)).0 += 1;
            }
            let mut marked = line.finds.iter().filter_map(|found| Some((found, self.mark(found)?)));
            if let Some((found, (_, script))) = marked.find(|(_, (mark, _))| !known.0.contains(mark)) {
                let (property, of) = (found.property.clone(), found.subject.clone());
                row.outcome = Outcome::Found { property, of, script };
                return;
            }
        }
    }

    fn mark(&self, found: &Found) -> Option<(Mark, Script)> {
        let Smallest::Cell(number) = found.smallest else { return None };
        let cell = self.space.cell(number)?;
        let script = self.space.script(&cell);
        let (property, subject) = (found.property.clone(), found.subject.clone());
        let mark = (property, subject, script.topology.clone(), script.operator.as_str(), ids(&script.faults));
        Some((mark, script))
    }

    fn write(&self, variation: &Variation, out: &Path) -> Result<[PathBuf; 2], RunError> {
        let folder = out.join(&variation.name);
        let failed = |error: std::io::Error| RunError::Harness(format!("{}: {error}", folder.display()));
        let changed = variation.applied(&self.texts)?;
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let paths = [Document::Runbook, Document::Binding].map(|document| folder.join(document.name()));
        for (path, text) in paths.iter().zip(&changed) {
            std::fs::write(path, text).map_err(failed)?;
        }
        Ok(paths)
    }

    /// Refuses what cannot be read for one of the space's topologies.
    fn read(&self, runbook: &Path, binding: &Path) -> Result<Site, BadInput> {
        let selection = Selection {
            runbook: Some(runbook.to_owned()),
            binding: Some(binding.to_owned()),
            ..self.site.selection.clone()
        };
        let site = Site::new(selection)?;
        for (bare, _) in self.space.rows() {
            if let Some(scenario) = self.space.scenario(&bare) {
                site.prepare(&scenario, self.space.topology(&bare), bare.operator)?;
            }
        }
        Ok(site)
    }
}

/// The processor time of this thread, as Linux counts it: the first number is in nanoseconds.
fn processor() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}
