//! The whole line: a runbook's procedure is driven on a host, the History is judged, the bundle written, the report told.

use std::time::Instant;

use crate::bundle::{Bundle, BundleError, Finished};
use crate::drive::{self, Drill, DriveError, Record};
use crate::furnish;
use crate::history::What;
use crate::history::event::{Event, Plan};
use crate::host::HostError;
use crate::host::container::binaries::Binaries;
use crate::host::container::{ContainerHost, binaries, engine};
use crate::prepare::{BadInput, Prepared, Selection};

/// Why a run could not be carried out or finished.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Exit status 64.
    #[error(transparent)]
    Input(#[from] BadInput),
    /// Exit status 70.
    #[error("{0}")]
    Harness(String),
    /// Exit status 128 plus the signal.
    #[error("interrupted by signal {0}; hosts are removed, bundles kept")]
    Interrupted(i32),
}

impl From<HostError> for RunError {
    fn from(error: HostError) -> Self {
        match error {
            HostError::Interrupted(signal) => RunError::Interrupted(signal),
            other => RunError::Harness(other.to_string()),
        }
    }
}

impl From<DriveError> for RunError {
    fn from(error: DriveError) -> Self {
        match error {
            DriveError::Host(host) => host.into(),
            other => RunError::Harness(other.to_string()),
        }
    }
}

impl From<BundleError> for RunError {
    fn from(error: BundleError) -> Self {
        RunError::Harness(error.to_string())
    }
}

/// Who is told what happens while it happens.
pub trait Audience {
    /// Long work outside a drill.
    fn progress(&mut self, line: &str);
    /// A drill begins.
    fn drill_began(&mut self, plan: &Plan);
    /// An event, as it was written.
    fn event(&mut self, event: &Event);
    /// A drill is over.
    fn drill_ended(&mut self, finished: &Finished, duration_ms: u64, rerun: &str);
}

/// The line, once per drill. `drills` come from [`crate::prepare::prepare`].
pub fn run(selection: &Selection, drills: Vec<Prepared>, audience: &mut dyn Audience) -> Result<(), RunError> {
    let binaries = get_ready(selection, audience)?;
    for prepared in drills {
        #[expect(clippy::disallowed_methods, reason = "how long a drill took on the wall is told, it decides nothing")]
        let began = Instant::now();
        let rerun = prepared.rerun.clone();
        let finished = drill(selection, prepared, &binaries, audience)?;
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        audience.drill_ended(&finished, duration_ms, &rerun);
    }
    Ok(())
}

/// What comes before the first drill: nothing of dead owners is left, the binaries are built.
pub fn get_ready(selection: &Selection, audience: &mut dyn Audience) -> Result<Binaries, RunError> {
    for name in engine::sweep()? {
        audience.progress(&format!("removed operator host {name}, whose owner is dead"));
    }
    audience.progress("node and agent: building what has changed");
    Ok(binaries::build(&selection.workspace)?)
}

/// One drill, from the machine to the bundle.
pub fn drill(
    selection: &Selection,
    mut prepared: Prepared,
    binaries: &Binaries,
    audience: &mut dyn Audience,
) -> Result<Finished, RunError> {
    let machine = furnish::machine(&mut prepared, binaries)?;
    audience.drill_began(&prepared.plan);
    let bundle = Bundle::create(&selection.out, &prepared.plan, std::slice::from_ref(&machine.token))?;
    bundle.events().iter().for_each(|event| audience.event(event));
    let mut host = ContainerHost::start(machine, &mut |line: &str| audience.progress(line))?;
    furnish::settle(&mut host, &prepared)?;
    let create_to_answer_ms = u64::try_from(host.create_to_answer().as_millis()).unwrap_or(u64::MAX);
    let drill = Drill {
        plan: &prepared.plan,
        procedure: &prepared.procedure,
        topology: &prepared.topology,
        create_to_answer_ms,
        applied: prepared
            .outside
            .iter()
            .map(|(id, effect)| (id.clone(), furnish::describe(&prepared.topology, id, effect)))
            .collect(),
    };
    let mut recorder = Recorder { bundle, audience };
    drive::drive(&drill, &mut host, &mut recorder)?;
    drop(host);
    Ok(recorder.bundle.finish()?)
}

/// Writes into the bundle and shows each event to the audience as it was written.
struct Recorder<'a> {
    bundle: Bundle,
    audience: &'a mut dyn Audience,
}

impl Record for Recorder<'_> {
    fn event(&mut self, at_us: u64, what: What) -> Result<u64, DriveError> {
        let written = self.bundle.record(at_us, what).map_err(|error| DriveError::Record(error.to_string()))?;
        self.audience.event(written);
        Ok(written.n)
    }

    fn capture(&mut self, item: &str, name: &str, text: &str) -> Result<(), DriveError> {
        self.bundle.put(item, name, text.as_bytes()).map_err(|error| DriveError::Record(error.to_string()))?;
        if let Some(event) = self.bundle.events().last() {
            self.audience.event(event);
        }
        Ok(())
    }

    fn events(&self) -> &[Event] {
        self.bundle.events()
    }
}
