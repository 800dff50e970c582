//! Drills in the simulator, all of them in memory: for whoever makes thousands and keeps few (figures, exploration). The
//! same line as [`crate::run::drill`], without a bundle: no file is written, and the History says so. Where a command
//! printed the planted secret, its event still holds it: what goes to a disk has to go through a bundle.

use crate::drive::{DriveError, Record};
use crate::furnish::{self, Executables};
use crate::history::What;
use crate::history::event::Event;
use crate::history::read::{Events, History};
use crate::host::sim::{Scripts, Settled};
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

/// A prepared drill and its machine, booted and settled: each drill begins on a copy of it, with a seed of its own.
#[derive(Debug)]
pub struct Bench {
    prepared: Prepared,
    settled: Settled,
    /// Events of the last drill: the next one has as many, or nearly.
    events: usize,
}

impl Bench {
    /// Boots and settles the machine.
    ///
    /// # Errors
    /// As [`crate::run::drill`], for what comes before the drill.
    pub fn new(prepared: Prepared) -> Result<Bench, RunError> {
        Bench::sharing(prepared, &Scripts::default())
    }

    /// The same with texts that were parsed for other machines: many benches of one topology parse the same ones.
    ///
    /// # Errors
    /// As [`Bench::new`].
    pub fn sharing(mut prepared: Prepared, scripts: &Scripts) -> Result<Bench, RunError> {
        let executables = Executables::stand_ins(&prepared)?;
        let furnished = furnish::furnish(&mut prepared, &executables)?;
        let settled = run::settled(&prepared, furnished, scripts)?;
        Ok(Bench { prepared, settled, events: 0 })
    }

    /// Carries the drill out with this seed.
    ///
    /// # Errors
    /// As [`crate::run::drill`], but for the bundle's.
    pub fn drill(&mut self, seed: u64) -> Result<Simulated, RunError> {
        self.prepared.reseed(seed);
        let mut host = self.settled.begin(seed);
        let mut memory = Memory { events: Events::with_room(self.events) };
        memory.event(0, What::DrillBegan { plan: Box::new(self.prepared.plan.clone()) })?;
        let create_to_answer_ms = host.create_to_answer_ms();
        run::carry_out(&self.prepared, &mut host, create_to_answer_ms, &mut memory)?;
        let last_us = memory.events.last_us();
        // There is no file that could hold one.
        memory.event(last_us, What::SecretsScanned { files: 0, hits: Vec::new() })?;
        self.events = memory.events.all().len() + 1;
        memory.event(last_us, What::DrillEnded { events: self.events as u64 })?;
        let history = memory.events.into_history();
        let judgement = judge::judge(&history);
        Ok(Simulated { history, judgement, virtual_us: last_us })
    }
}

/// A record that nobody reads from a disk.
struct Memory {
    events: Events,
}

impl Record for Memory {
    fn event(&mut self, at_us: u64, what: What) -> Result<u64, DriveError> {
        Ok(self.events.push(at_us, what).n)
    }

    fn capture(&mut self, item: &str, name: &str, text: &str) -> Result<(), DriveError> {
        let captured = What::Captured { item: item.to_owned(), file: name.to_owned(), bytes: text.len() as u64 };
        self.event(self.events.last_us(), captured).map(drop)
    }

    fn events(&self) -> &[Event] {
        self.events.all()
    }
}
