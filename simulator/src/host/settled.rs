//! Where a host begins, and begins again: its machine at a moment at which nothing is in hand, for many drills to copy.

use std::sync::Arc;

use super::SimulatedHost;
use crate::Stop;
use crate::machine::Machine;
use crate::shell::Shell;
use crate::time::Us;

/// What a host goes back to when it has to carry requests out again.
#[derive(Debug, Clone)]
pub(super) struct Beginning {
    pub(super) machine: Arc<Machine>,
    pub(super) shell: Option<Shell>,
    /// Decides what chance decides from here on; `None`: as before.
    pub(super) seed: Option<u64>,
}

impl Beginning {
    /// A machine to go on with.
    pub(super) fn machine(&self) -> Machine {
        let mut machine = (*self.machine).clone();
        if let Some(seed) = self.seed {
            machine.reseed(seed);
        }
        machine
    }
}

/// A host at which nothing is in hand, from which others begin.
#[derive(Debug, Clone)]
pub struct Settled {
    machine: Arc<Machine>,
    shell: Option<Shell>,
    up: Us,
    now: Us,
}

impl Settled {
    /// A host as this one was, on which chance decides by this seed from here on.
    pub fn begin(&self, seed: u64) -> SimulatedHost {
        let beginning = Beginning { machine: self.machine.clone(), shell: self.shell.clone(), seed: Some(seed) };
        SimulatedHost::at(beginning, self.up, self.now)
    }
}

impl SimulatedHost {
    /// The host as it is now, for many drills to begin on.
    ///
    /// # Errors
    /// [`Stop::Unable`] while something that was asked for is not over: there is one machine only between two requests.
    pub fn settled(self) -> Result<Settled, Stop> {
        if self.in_hand.is_some() || !self.waiting.is_empty() || self.machine.now > self.now {
            return Err(Stop::Unable("a request is in hand".into()));
        }
        Ok(Settled { machine: Arc::new(self.machine), shell: self.shell, up: self.up, now: self.now })
    }
}
