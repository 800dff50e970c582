//! The whole line: a runbook's procedure is driven on a host, the History is judged, the bundle written, the report told.

use std::time::Instant;

use crate::bundle::{Bundle, BundleError, Finished};
use crate::drive::{self, Drill, DriveError, Record};
use crate::furnish::{self, Executables, Furnished};
use crate::history::What;
use crate::history::event::{Event, Plan};
use crate::host::container::binaries::Binaries;
use crate::host::container::{ContainerHost, binaries, engine};
use crate::host::sim::{self, Scripts, Settled, SimHost};
use crate::host::{Host, HostError, HostKind};
use crate::interrupt;
use crate::prepare::{BadInput, Outside, Prepared, Selection};

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

/// What drills share.
#[derive(Debug)]
pub enum Ready {
    /// In containers: what is run in them.
    Container(Binaries),
    /// In the simulator: texts that were parsed already.
    Sim(Scripts),
}

/// The line, once per drill. `drills` come from [`crate::prepare::prepare`].
pub fn run(selection: &Selection, drills: Vec<Prepared>, audience: &mut dyn Audience) -> Result<(), RunError> {
    let mut ready = get_ready(selection, audience)?;
    for prepared in drills {
        // A simulated drill is over before anybody can wait for it; a container hears signals itself, too.
        if let Some(signal) = interrupt::signal() {
            return Err(RunError::Interrupted(signal));
        }
        #[expect(clippy::disallowed_methods, reason = "how long a drill took on the wall is told, it decides nothing")]
        let began = Instant::now();
        let rerun = prepared.rerun.clone();
        let finished = drill(selection, prepared, &mut ready, audience)?;
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        audience.drill_ended(&finished, duration_ms, &rerun);
    }
    Ok(())
}

/// Whether hosts know all that these drills ask of them, as far as that can be told before they begin.
pub fn check(drills: &[Prepared]) -> Result<(), RunError> {
    let mut checked = Vec::new();
    for prepared in drills.iter().filter(|prepared| prepared.plan.host == HostKind::Sim.as_str()) {
        // What else differs between drills changes no word of the commands, and no file that they run.
        let faults: Vec<&String> = prepared.outside.iter().map(|fault| &fault.id).collect();
        let confirms = prepared.confirm.is_some();
        let same = (&prepared.plan.topology, &prepared.plan.good.version, &prepared.plan.bad.version, faults, confirms);
        if !checked.contains(&same) {
            let mut described = prepared.clone();
            let furnished = furnish::furnish(&mut described, &Executables::stand_ins(prepared)?)?;
            sim::check(prepared, &furnished.for_simulator(&prepared.topology))?;
            checked.push(same);
        }
    }
    Ok(())
}

/// What comes before the first drill. In containers: nothing of dead owners is left, the binaries are built.
pub fn get_ready(selection: &Selection, audience: &mut dyn Audience) -> Result<Ready, RunError> {
    if selection.host == HostKind::Sim {
        return Ok(Ready::Sim(Scripts::default()));
    }
    for name in engine::sweep()? {
        audience.progress(&format!("removed operator host {name}, whose owner is dead"));
    }
    audience.progress("node and agent: building what has changed");
    Ok(Ready::Container(binaries::build(&selection.workspace)?))
}

/// One drill, from the machine to the bundle.
pub fn drill(
    selection: &Selection,
    mut prepared: Prepared,
    ready: &mut Ready,
    audience: &mut dyn Audience,
) -> Result<Finished, RunError> {
    let executables = match ready {
        Ready::Container(binaries) => Executables::real(&prepared, &binaries.node)?,
        Ready::Sim(_) => Executables::stand_ins(&prepared)?,
    };
    let furnished = furnish::furnish(&mut prepared, &executables)?;
    audience.drill_began(&prepared.plan);
    let bundle = Bundle::create(&selection.out, &prepared.plan, &[furnished.token().to_owned()])?;
    bundle.events().iter().for_each(|event| audience.event(event));
    let mut recorder = Recorder { bundle, audience };
    match ready {
        Ready::Container(binaries) => {
            let machine = furnished.for_container(&prepared.topology, &binaries.agent, &executables)?;
            drop(executables);
            let progress = &mut |line: &str| recorder.audience.progress(line);
            let mut host = ContainerHost::start(machine, progress)?;
            let create_to_answer_ms = u64::try_from(host.create_to_answer().as_millis()).unwrap_or(u64::MAX);
            furnish::settle(&mut host, &prepared)?;
            carry_out(&prepared, &mut host, create_to_answer_ms, &mut recorder)?;
        }
        Ready::Sim(scripts) => {
            let mut host = settled(&prepared, furnished, scripts)?.begin(selection.seed);
            let create_to_answer_ms = host.create_to_answer_ms();
            carry_out(&prepared, &mut host, create_to_answer_ms, &mut recorder)?;
        }
    }
    Ok(recorder.bundle.finish()?)
}

/// A simulated machine on which the drill can begin. No seed has a part in it yet: it is the same for all of them.
pub fn settled(prepared: &Prepared, furnished: Furnished, scripts: &Scripts) -> Result<Settled, RunError> {
    let spec = furnished.for_simulator(&prepared.topology);
    let mut host = SimHost::start(&spec, scripts.clone())?;
    furnish::settle(&mut host, prepared)?;
    Ok(host.settled()?)
}

/// A drill on a host that is up and settled.
pub fn carry_out(
    prepared: &Prepared,
    host: &mut dyn Host,
    create_to_answer_ms: u64,
    record: &mut dyn Record,
) -> Result<(), RunError> {
    let later = furnish::later(prepared);
    let drill = Drill {
        plan: &prepared.plan,
        procedure: &prepared.procedure,
        topology: &prepared.topology,
        create_to_answer_ms,
        applied: prepared
            .outside
            .iter()
            .filter(|fault| fault.at.is_none())
            .map(|Outside { id, effect, .. }| (id.clone(), furnish::describe(&prepared.topology, id, effect)))
            .collect(),
        later: &later,
        decision: prepared.decision.as_ref(),
        confirm: prepared.confirm.as_ref(),
        trapping_tenants: prepared.trapping_tenants(),
        monitoring: prepared.monitoring.as_ref(),
    };
    Ok(drive::drive(&drill, host, record)?)
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
