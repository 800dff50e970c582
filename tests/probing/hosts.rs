//! The two machines that a probe is run on: the baseline scenario's, furnished and settled as for a drill.

use std::path::PathBuf;

use operator_agent::protocol::{Happened, Report, Request};
use rollback_harness::furnish::{self, Executables};
use rollback_harness::host::container::ContainerHost;
use rollback_harness::host::container::binaries::Binaries;
use rollback_harness::host::sim::{Scripts, SimHost};
use rollback_harness::host::{AsRoot, HostError, HostKind};
use rollback_harness::prepare::{self, Prepared, Selection};
use rollback_harness::run::{self, Ready, RunError};
use rollback_harness::scenario::Operator;

use simulated_host::shell;

use crate::containers::{Quiet, selection};

/// What answers a request is there after this at the latest, microseconds of the host's clock, beyond its own ceiling.
const ANSWER_US: u64 = 10_000_000;

/// A machine that is up and settled, and what was reported on it and not asked for.
pub struct Booted {
    host: Box<dyn AsRoot>,
    /// Whether it is the simulator, which has to know a text's constructs before anything of it runs.
    simulated: bool,
    /// Image digests of this machine, and what is written in their place: releases differ in bytes between the hosts.
    pub names: Vec<(String, String)>,
    /// Reports that came while something else was waited for, since they were last taken.
    pub seen: Vec<Report>,
}

impl std::fmt::Debug for Booted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Booted").field("host", &self.host.name()).finish_non_exhaustive()
    }
}

fn prepared(kind: HostKind, topology: &str) -> Result<(Selection, Prepared), RunError> {
    let selection = Selection {
        host: kind,
        ..selection("procedure-only", topology, Operator::Careful, &PathBuf::from("/nonexistent"))
    };
    let mut drills = prepare::prepare(&selection)?;
    match (drills.pop(), drills.is_empty()) {
        (Some(prepared), true) => Ok((selection, prepared)),
        _ => Err(RunError::Harness("the baseline is not one drill".into())),
    }
}

/// The static binaries for machines in containers; builds them where they have changed, and sweeps hosts of dead owners.
///
/// # Errors
/// As [`run::get_ready`].
pub fn binaries() -> Result<Binaries, RunError> {
    let (selection, _) = prepared(HostKind::Container, "systemd")?;
    match run::get_ready(&selection, &mut Quiet)? {
        Ready::Container(binaries) => Ok(binaries),
        Ready::Sim(_) => Err(RunError::Harness("binaries were asked for and scripts came".into())),
    }
}

/// Boots a machine in a container and settles it.
///
/// # Errors
/// As [`run::drill`].
pub fn container(topology: &str, binaries: &Binaries) -> Result<Booted, RunError> {
    let (_, mut prepared) = prepared(HostKind::Container, topology)?;
    let executables = Executables::real(&prepared, &binaries.node)?;
    let furnished = furnish::furnish(&mut prepared, &executables)?;
    let machine = furnished.for_container(&prepared.topology, &binaries.agent, &executables)?;
    drop(executables);
    settled(Box::new(ContainerHost::start(machine, &mut |_| {})?), false, &prepared)
}

/// Makes a simulated machine and settles it.
///
/// # Errors
/// As [`run::drill`].
pub fn simulated(topology: &str) -> Result<Booted, RunError> {
    let (_, mut prepared) = prepared(HostKind::Sim, topology)?;
    let executables = Executables::stand_ins(&prepared)?;
    let furnished = furnish::furnish(&mut prepared, &executables)?;
    let spec = furnished.for_simulator(&prepared.topology);
    settled(Box::new(SimHost::start(&spec, Scripts::default())?), true, &prepared)
}

fn settled(mut host: Box<dyn AsRoot>, simulated: bool, prepared: &Prepared) -> Result<Booted, RunError> {
    furnish::settle(host.as_mut(), prepared)?;
    let releases = [&prepared.plan.good, &prepared.plan.bad];
    let name = |release: &rollback_harness::history::event::PlannedRelease| {
        let digest = release.image_digest.clone()?;
        Some((digest, format!("[digest of v{}]", release.version)))
    };
    Ok(Booted { host, simulated, names: releases.into_iter().filter_map(name).collect(), seen: Vec::new() })
}

impl Booted {
    /// Whether this host takes the text at all: a drill with one that it does not take is refused before it begins.
    ///
    /// # Errors
    /// The construct that the simulator does not know.
    pub fn takes(&self, text: &str) -> Result<(), HostError> {
        match shell::parse(text) {
            Err(refused) if self.simulated && !refused.is_syntax_error() => {
                Err(HostError::Agent { host: self.host.name().to_owned(), what: refused.to_string() })
            }
            _ => Ok(()),
        }
    }

    /// Now, microseconds on the host's clock.
    pub fn now_us(&self) -> u64 {
        self.host.now_us()
    }

    /// Hands a request over and waits for what `wanted` takes of the reports; `None` where none came within this, beside
    /// the time for the answer itself.
    ///
    /// # Errors
    /// As [`rollback_harness::host::Host::next`].
    pub fn ask<T>(
        &mut self,
        request: &Request,
        within_ms: u64,
        mut wanted: impl FnMut(&Happened) -> Option<T>,
    ) -> Result<Option<T>, HostError> {
        self.host.ask(request)?;
        let until = self.host.now_us().saturating_add(within_ms.saturating_mul(1000));
        while let Some(report) = self.host.next(until)? {
            match wanted(&report.what) {
                Some(found) => return Ok(Some(found)),
                None => self.seen.push(report),
            }
        }
        Ok(None)
    }

    /// The same for what has to be answered.
    ///
    /// # Errors
    /// Also where no answer came.
    pub fn answer<T>(&mut self, request: &Request, wanted: impl FnMut(&Happened) -> Option<T>) -> Result<T, HostError> {
        let answered = self.ask(request, ANSWER_US / 1000, wanted)?;
        answered.ok_or_else(|| HostError::Agent {
            host: self.host.name().to_owned(),
            what: format!("no answer to {request:?} within {} s", ANSWER_US / 1_000_000),
        })
    }

    /// A command as root: status and output.
    ///
    /// # Errors
    /// As [`AsRoot::run_as_root`].
    pub fn as_root(&mut self, text: &str, timeout_ms: u64) -> Result<(i32, String), HostError> {
        self.host.run_as_root(text, timeout_ms)
    }
}
