//! What the engine does with containers by itself, from their creation to their removal, as events; `waits` is how its
//! clients have it done.

use std::collections::BTreeMap;
use std::sync::Arc;

use fake_node::release::Release;

use super::container::{Container, Policy, Settings, StartFailure, State, hex_id};
use super::image::{Executable, Image};
use super::logs::Log;
use super::waits::GRACE;
use super::{Docker, DockerEvent};
use crate::Run;
use crate::machine::Machine;
use crate::machine::files::{Kind, Names, ReleaseFile};
use crate::machine::io::Output;
use crate::machine::net::Namespace;
use crate::machine::process::{Exit, NodeStart, Pid, Signal, Supervisor, What};
use crate::machine::users::ROOT;
use crate::time::{Event, MS, SECOND, Us};

/// The first wait before a start by policy; each next one is twice as long (moby, restartmanager.go).
const BACKOFF: Us = 100 * MS;
/// And the longest.
const BACKOFF_MAX: Us = 60 * SECOND;
/// A process that lived so long begins with the first wait again.
const LIVED: Us = 10 * SECOND;
/// What the engine records for a start that came to nothing before the runtime.
const NOT_STARTED: i32 = 128;

pub(super) fn event(machine: &mut Machine, event: DockerEvent) {
    match event {
        DockerEvent::Restart(number) => {
            if machine.docker.container(number).is_some_and(|one| one.state == State::Restarting) {
                begin_start(machine, number, false);
            }
        }
        DockerEvent::Network(number) => network(machine, number),
        DockerEvent::Task(number) => task(machine, number),
        DockerEvent::Released(number, how) => released(machine, number, how),
        DockerEvent::Died(number, how) => died(machine, number, how),
        DockerEvent::Kill(number, pid) => {
            if machine.docker.container(number).is_some_and(|one| one.pid == Some(pid)) {
                machine.signal(pid, Signal::Kill);
            }
        }
    }
}

fn push(machine: &mut Machine, after: Us, event: DockerEvent) {
    let at = machine.now + machine.about(after);
    machine.queue.push(at, Event::Docker(event));
}

/// Makes a container; its name must be free.
pub(super) fn create(
    machine: &mut Machine,
    name: &str,
    reference: &str,
    image: Arc<Image>,
    settings: Settings,
) -> usize {
    let id = hex_id(machine);
    let created = machine.unix_us();
    machine.docker.last += 1;
    let number = machine.docker.last;
    let container = Container {
        number,
        id,
        name: name.to_owned(),
        reference: reference.to_owned(),
        image,
        settings,
        state: State::Created,
        exit_code: 0,
        error: String::new(),
        created,
        started: None,
        finished: None,
        restarts: 0,
        backoff: BACKOFF,
        stopped_by_hand: false,
        attached: false,
        starting: false,
        failure: None,
        networked: None,
        address: None,
        pid: None,
        log: Log::default(),
    };
    machine.docker.containers.insert(number, container);
    number
}

/// The engine begins to start a container.
pub(super) fn begin_start(machine: &mut Machine, number: usize, by_hand: bool) {
    let times = &machine.calibration.docker;
    let (network, publish) = (times.network_us, times.publish_us);
    let Some(container) = machine.docker.containers.get_mut(&number) else { return };
    if container.starting || container.state == State::Running {
        return;
    }
    container.starting = true;
    container.failure = None;
    container.stopped_by_hand = false;
    if by_hand {
        container.restarts = 0;
        container.backoff = BACKOFF;
    }
    let after = if container.settings.ports.is_empty() { network } else { network + publish };
    push(machine, after, DockerEvent::Network(number));
}

fn network(machine: &mut Machine, number: usize) {
    let now = machine.unix_us();
    let address = machine.docker.container(number).and_then(|one| machine.docker.free_address(&one.settings.network));
    let Some(container) = machine.docker.containers.get_mut(&number).filter(|one| one.starting) else { return };
    container.networked = Some(now);
    container.address = address;
    let Some(container) = machine.docker.container(number) else { return };
    let ports = &container.settings.ports;
    let taken = ports.iter().enumerate().find_map(|(index, port)| {
        let twice = ports.iter().take(index).any(|other| other.number == port.number);
        if twice || machine.net.published.get(&port.number).is_some_and(|holder| *holder != number) {
            return Some(format!("Bind for {}:{} failed: port is already allocated", port.bound(), port.number));
        }
        machine.port_taken(port.number).then(|| {
            format!(
                "Error starting userland proxy: listen tcp4 {}:{}: bind: address already in use",
                port.bound(),
                port.number
            )
        })
    });
    if let Some(taken) = taken {
        let name = container.name.clone();
        let endpoint = hex_id(machine);
        let message =
            format!("driver failed programming external connectivity on endpoint {name} ({endpoint}): {taken}");
        return start_failed(machine, number, StartFailure { message, code: NOT_STARTED });
    }
    let ports: Vec<u16> = ports.iter().map(|port| port.number).collect();
    for port in &ports {
        machine.publish(*port, number);
    }
    if !ports.is_empty() {
        machine.listeners_changed();
    }
    let after = machine.calibration.docker.task_us;
    push(machine, after, DockerEvent::Task(number));
}

fn start_failed(machine: &mut Machine, number: usize, failure: StartFailure) {
    give_back_ports(machine, number);
    let Some(container) = machine.docker.containers.get_mut(&number) else { return };
    container.starting = false;
    container.address = None;
    container.exit_code = failure.code;
    container.error.clone_from(&failure.message);
    if container.state == State::Restarting {
        container.state = State::Exited;
    }
    container.failure = Some(failure);
}

fn give_back_ports(machine: &mut Machine, number: usize) {
    if machine.unpublish(number) {
        machine.listeners_changed();
        machine.take_free_ports();
        machine.listeners_changed();
    }
}

fn task(machine: &mut Machine, number: usize) {
    let Some(container) = machine.docker.container(number).filter(|one| one.starting) else { return };
    let Some(first) = container.settings.words().next().cloned() else {
        let message = "no command specified".to_owned();
        return start_failed(machine, number, StartFailure { message, code: NOT_STARTED });
    };
    let found = container.image.executable(&first, container.settings.variable("PATH"));
    let pid = match found {
        Executable::Missing(what) => {
            let code = if what.contains("permission denied") { 126 } else { 127 };
            let message = format!(
                "failed to create task for container: failed to create shim task: OCI runtime create failed: runc \
                 create failed: unable to start container process: {what}"
            );
            return start_failed(machine, number, StartFailure { message, code });
        }
        Executable::Other => machine.start_other(&first, ROOT, Supervisor::Container(number), What::Other),
        Executable::Node(executable, file) => start_node(machine, number, executable, file),
    };
    let now = machine.unix_us();
    machine.interface_up(number);
    if let Some(container) = machine.docker.containers.get_mut(&number) {
        if container.state == State::Restarting {
            container.restarts += 1;
        }
        container.starting = false;
        container.state = State::Running;
        container.pid = Some(pid);
        container.exit_code = 0;
        container.error.clear();
        container.started = Some(now);
    }
}

fn start_node(machine: &mut Machine, number: usize, executable: String, file: ReleaseFile) -> Pid {
    let file = with_state_directory(machine, number, file);
    let (arguments, environment) = match machine.docker.container(number) {
        Some(container) => {
            let pairs = container.settings.env.iter().filter_map(|pair| pair.split_once('='));
            // What is given first wins: the given variables stand before the image's.
            let mut environment = BTreeMap::new();
            for (name, value) in pairs {
                environment.entry(name.to_owned()).or_insert_with(|| value.to_owned());
            }
            (container.settings.words().skip(1).cloned().collect(), environment)
        }
        None => (Vec::new(), BTreeMap::new()),
    };
    machine.start_node(NodeStart {
        file,
        executable,
        arguments,
        environment,
        user: ROOT,
        supervisor: Supervisor::Container(number),
        namespace: Namespace::Container(number),
        stdout: Output::Log { container: number, stderr: false },
        stderr: Output::Log { container: number, stderr: true },
    })
}

/// The release with its state directory where the container's mounts lead on the machine; one that is not mounted
/// lies in the container's own layer and goes with it.
fn with_state_directory(machine: &mut Machine, number: usize, file: ReleaseFile) -> ReleaseFile {
    let Some(container) = machine.docker.container(number) else { return file };
    let inside = file.release.state.directory.clone();
    let under = |mount: &str| inside == mount || inside.strip_prefix(mount).is_some_and(|rest| rest.starts_with('/'));
    let mount = container
        .settings
        .mounts
        .iter()
        .filter(|mount| under(&mount.destination))
        .max_by_key(|mount| mount.destination.len());
    let (folder, directory) = match mount {
        Some(mount) => {
            let rest = inside.strip_prefix(&mount.destination).unwrap_or_default();
            (mount.source.clone(), format!("{}{rest}", mount.source))
        }
        None => {
            let layer = format!("/var/lib/docker/overlay2/{}/diff/var/lib", container.layer());
            (layer.clone(), format!("{layer}/{}", inside.rsplit('/').next().unwrap_or_default()))
        }
    };
    if machine.files.resolve(ROOT, "/", &folder).is_err() {
        // As the engine makes a folder that is to be mounted and is not there.
        let _ = machine.files.plant(&folder, ROOT, 0o755, Kind::Folder(Names::default()));
    }
    if directory == inside {
        return file;
    }
    let mut release = Release::clone(&file.release);
    release.state.directory = directory;
    ReleaseFile { release: Arc::new(release), sha256: file.sha256 }
}

pub(super) fn process_ended(machine: &mut Machine, number: usize, pid: Pid, how: Exit) {
    if machine.docker.container(number).is_some_and(|one| one.pid == Some(pid)) {
        let after = machine.calibration.docker.released_us;
        push(machine, after, DockerEvent::Released(number, how));
    }
}

fn released(machine: &mut Machine, number: usize, how: Exit) {
    let published = machine.net.published.values().any(|holder| *holder == number);
    if let Some(container) = machine.docker.containers.get_mut(&number) {
        container.address = None;
    }
    // Whoever waits for the port has it before the engine can start anything again.
    give_back_ports(machine, number);
    let times = &machine.calibration.docker;
    let after = if published { times.unpublish_us } else { times.died_us };
    push(machine, after, DockerEvent::Died(number, how));
}

fn died(machine: &mut Machine, number: usize, how: Exit) {
    let now = machine.unix_us();
    let engine_runs = machine.docker.runs;
    let Some(container) = machine.docker.containers.get_mut(&number) else { return };
    container.pid = None;
    container.state = State::Exited;
    container.finished = Some(now);
    container.exit_code = match how {
        Exit::Status(status) => status,
        Exit::Signal(signal) => 128 + signal as i32,
    };
    if container.settings.auto_remove {
        if !container.attached {
            remove(machine, number);
        }
        return;
    }
    let again = match container.settings.policy {
        Policy::No => false,
        Policy::Always | Policy::UnlessStopped => true,
        Policy::OnFailure(most) => container.exit_code != 0 && (most == 0 || container.restarts < most),
    };
    if !again || container.stopped_by_hand || !engine_runs {
        return;
    }
    let lived = container.started.map_or(0, |started| now - started);
    if lived >= i64::try_from(LIVED).unwrap_or(i64::MAX) {
        container.backoff = BACKOFF;
    }
    let wait = container.backoff;
    container.backoff = (wait * 2).min(BACKOFF_MAX);
    container.state = State::Restarting;
    let at = machine.now + wait;
    machine.queue.push(at, Event::Docker(DockerEvent::Restart(number)));
}

/// Takes a container away that does not run.
pub(super) fn remove(machine: &mut Machine, number: usize) {
    let Some(gone) = machine.docker.containers.remove(&number) else { return };
    let Docker { containers, holds_name, .. } = &mut machine.docker;
    if *holds_name == Some(number) {
        *holds_name = None;
    } else if gone.name == super::conflict::NODE
        && let Some(holder) = holds_name.take().and_then(|holder| containers.get_mut(&holder))
    {
        holder.name = gone.name;
    }
}

/// Asks a container's process to end. The first process of a container has no default action for SIGTERM: one that
/// has no handler yet does not hear it.
pub(super) fn terminate(machine: &mut Machine, pid: Pid) {
    let deaf = match machine.processes.get(&pid).map(|process| &process.what) {
        Some(What::Node(node)) => node.port.is_none(),
        _ => false,
    };
    if !deaf {
        machine.signal(pid, Signal::Term);
    }
}

pub(super) fn engine_starts(machine: &mut Machine) {
    machine.docker.runs = true;
    super::make_network(machine, "bridge");
    let due: Vec<usize> = machine
        .docker
        .containers()
        .filter(|one| one.state == State::Exited)
        .filter(|one| match one.settings.policy {
            Policy::Always => true,
            Policy::UnlessStopped => !one.stopped_by_hand,
            Policy::No | Policy::OnFailure(_) => false,
        })
        .map(|one| one.number)
        .collect();
    for number in due {
        begin_start(machine, number, true);
    }
}

pub(super) fn engine_stops(machine: &mut Machine) {
    machine.docker.runs = false;
    let mut ends = Vec::new();
    for container in machine.docker.containers.values_mut() {
        match container.pid {
            Some(pid) => ends.push((container.number, pid)),
            None if container.state == State::Restarting => container.state = State::Exited,
            None => {}
        }
    }
    for (number, pid) in ends {
        terminate(machine, pid);
        let at = machine.now + GRACE;
        machine.queue.push(at, Event::Docker(DockerEvent::Kill(number, pid)));
    }
}

/// Until all containers have ended, of which each has [`GRACE`].
pub(super) fn containers_end(machine: &mut Machine) -> Run<()> {
    let latest = machine.now.saturating_add(GRACE).saturating_add(GRACE);
    while machine.now < latest && machine.docker.containers().any(|one| one.pid.is_some()) {
        machine.spend(MS)?;
    }
    Ok(())
}
