//! A drill in the simulator, all of it in memory: for whoever makes thousands and keeps few (figures, exploration). The same
//! line as [`crate::run::drill`], without a bundle: no file is written, and its History says so. Where a command printed the
//! planted secret, its event still holds it: what goes to a disk has to go through a bundle.

use std::io::{Sink, sink};

use crate::drive::{DriveError, Record};
use crate::furnish::{self, Executables};
use crate::history::What;
use crate::history::event::Event;
use crate::history::read::{History, HistoryWriter};
use crate::host::sim::{Scripts, SimHost};
use crate::judge::{self, Judgement};
use crate::prepare::Prepared;
use crate::run::{self, RunError};

/// What a simulated drill came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulated {
    /// All events.
    pub history: History,
    /// What they show.
    pub judgement: Judgement,
    /// Its length, microseconds of virtual time.
    pub virtual_us: u64,
}

/// Carries a prepared drill out with this seed. `scripts` are texts that were parsed already, kept for the next drill.
///
/// # Errors
/// As [`crate::run::drill`], but for the bundle's.
pub fn simulate(prepared: &Prepared, seed: u64, scripts: &mut Scripts) -> Result<Simulated, RunError> {
    let mut prepared = prepared.clone();
    prepared.plan.seed = seed.to_string();
    let executables = Executables::stand_ins(&prepared)?;
    let furnished = furnish::furnish(&mut prepared, &executables)?;
    let mut memory = Memory { history: HistoryWriter::new(sink()) };
    memory.event(0, What::DrillBegan { plan: Box::new(prepared.plan.clone()) })?;
    let spec = furnished.for_simulator(&prepared.topology, seed);
    let mut host = SimHost::start(spec, std::mem::take(scripts))?;
    let create_to_answer_ms = host.create_to_answer_ms();
    run::carry_out(&prepared, &mut host, create_to_answer_ms, &mut memory)?;
    *scripts = host.into_scripts();
    let last_us = memory.history.last_us();
    // There is no file that could hold one.
    memory.event(last_us, What::SecretsScanned { files: 0, hits: Vec::new() })?;
    let events = memory.history.events().len() as u64 + 1;
    memory.event(last_us, What::DrillEnded { events })?;
    let history = History::of(memory.history.events().to_vec());
    let judgement = judge::judge(&history);
    Ok(Simulated { history, judgement, virtual_us: last_us })
}

/// A record that nobody reads from a disk.
struct Memory {
    history: HistoryWriter<Sink>,
}

impl Record for Memory {
    fn event(&mut self, at_us: u64, what: What) -> Result<u64, DriveError> {
        self.history.write(at_us, what).map_err(|error| DriveError::Record(error.to_string()))
    }

    fn capture(&mut self, item: &str, name: &str, text: &str) -> Result<(), DriveError> {
        let captured = What::Captured { item: item.to_owned(), file: name.to_owned(), bytes: text.len() as u64 };
        self.event(self.history.last_us(), captured).map(drop)
    }

    fn events(&self) -> &[Event] {
        self.history.events()
    }
}
