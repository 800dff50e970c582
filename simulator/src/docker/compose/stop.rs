//! `docker compose stop`, `down`, `restart`, `kill`, `rm`.

use super::project::Project;
use super::service::{PROJECT, Service};
use super::{Failure, engine_says, progress};
use crate::docker::client::Ask;
use crate::docker::container::State;
use crate::docker::control::{grace, one_kill, one_restart, read_signal};
use crate::docker::{lifecycle, waits};
use crate::machine::Machine;
use crate::machine::process::Signal;
use crate::time::{MS, Us};
use crate::{Run, Stop};

type Done<T> = Run<Result<T, Failure>>;

fn timeout(ask: &Ask<'_>) -> Result<Option<Us>, Failure> {
    grace(ask.parsed.value("timeout"), "-t, --timeout").map_err(|message| Failure { status: 16, message })
}

/// Containers of services that are there, those first that others do not wait for.
fn there(machine: &Machine, project: &Project, levels: &[Vec<&Service>]) -> Vec<Vec<(usize, String)>> {
    let of = |service: &&Service| {
        let number = project.container_of(machine, &service.name)?;
        machine.docker.container(number).map(|one| (number, one.name.clone()))
    };
    levels.iter().rev().map(|level| level.iter().filter_map(of).collect()).collect()
}

/// Stops containers side by side.
fn stop_all(machine: &mut Machine, ask: &Ask<'_>, found: &[(usize, String)], grace: Option<Us>) -> Run<()> {
    for (number, name) in found {
        progress(machine, ask, &format!("Container {name}  Stopping"))?;
        waits::ask_stop(machine, *number, grace)?;
    }
    for (number, name) in found {
        waits::wait_for_end(machine, *number)?;
        progress(machine, ask, &format!("Container {name}  Stopped"))?;
    }
    Ok(())
}

/// Stops and removes containers.
pub(super) fn remove_all(
    machine: &mut Machine,
    ask: &Ask<'_>,
    found: &[(usize, String)],
    grace: Option<Us>,
) -> Done<()> {
    stop_all(machine, ask, found, grace)?;
    for (number, name) in found {
        progress(machine, ask, &format!("Container {name}  Removing"))?;
        machine.spend(MS)?;
        lifecycle::remove(machine, *number);
        progress(machine, ask, &format!("Container {name}  Removed"))?;
    }
    Ok(Ok(()))
}

/// `docker compose stop`
pub(super) fn stop(machine: &mut Machine, ask: &Ask<'_>, project: &Project) -> Done<i32> {
    let (levels, grace) = match (project.select(&ask.parsed.operands, false), timeout(ask)) {
        (Ok(levels), Ok(grace)) => (levels, grace),
        (Err(failure), _) | (_, Err(failure)) => return Ok(Err(failure)),
    };
    for level in there(machine, project, &levels) {
        stop_all(machine, ask, &level, grace)?;
    }
    Ok(Ok(0))
}

/// `docker compose down`
pub(super) fn down(machine: &mut Machine, ask: &Ask<'_>, project: &Project) -> Done<i32> {
    let named = &ask.parsed.operands;
    let (levels, grace) = match (project.select(named, false), timeout(ask)) {
        (Ok(levels), Ok(grace)) => (levels, grace),
        (Err(failure), _) | (_, Err(failure)) => return Ok(Err(failure)),
    };
    for level in there(machine, project, &levels) {
        if let Err(failure) = remove_all(machine, ask, &level, grace)? {
            return Ok(Err(failure));
        }
    }
    if ask.parsed.has("remove-orphans") {
        let left: Vec<(usize, String)> = machine
            .docker
            .containers()
            .filter(|one| one.settings.labels.get(PROJECT) == Some(&project.name))
            .map(|one| (one.number, one.name.clone()))
            .collect();
        if let Err(failure) = remove_all(machine, ask, &left, grace)? {
            return Ok(Err(failure));
        }
    }
    let network = project.network();
    if named.is_empty() && machine.docker.networks.contains_key(&network) {
        progress(machine, ask, &format!("Network {network}  Removing"))?;
        if machine.docker.containers().any(|one| one.settings.network == network && one.pid.is_some()) {
            progress(machine, ask, &format!("Network {network}  Resource is still in use"))?;
            return Ok(Ok(0));
        }
        let took = machine.calibration.docker.publish_us;
        let took = machine.about(took);
        machine.spend(took)?;
        machine.docker.networks.remove(&network);
        progress(machine, ask, &format!("Network {network}  Removed"))?;
    }
    Ok(Ok(0))
}

/// `docker compose restart`
pub(super) fn restart(machine: &mut Machine, ask: &Ask<'_>, project: &Project) -> Done<i32> {
    let (levels, grace) = match (project.select(&ask.parsed.operands, false), timeout(ask)) {
        (Ok(levels), Ok(grace)) => (levels, grace),
        (Err(failure), _) | (_, Err(failure)) => return Ok(Err(failure)),
    };
    for (number, name) in there(machine, project, &levels).into_iter().rev().flatten() {
        progress(machine, ask, &format!("Container {name}  Restarting"))?;
        if let Err(message) = one_restart(machine, number, grace)? {
            return Ok(Err(engine_says(&message)));
        }
        progress(machine, ask, &format!("Container {name}  Started"))?;
    }
    Ok(Ok(0))
}

/// `docker compose kill`
pub(super) fn kill(machine: &mut Machine, ask: &Ask<'_>, project: &Project) -> Done<i32> {
    let signal: Signal = match read_signal(ask.parsed.value("signal").unwrap_or("KILL"))? {
        Ok(signal) => signal,
        Err(message) => return Ok(Err(engine_says(&message))),
    };
    let levels = match project.select(&ask.parsed.operands, false) {
        Ok(levels) => levels,
        Err(failure) => return Ok(Err(failure)),
    };
    let running = |machine: &Machine, number: usize| {
        machine.docker.container(number).is_some_and(|one| one.state == State::Running)
    };
    for (number, name) in there(machine, project, &levels).into_iter().flatten() {
        if !running(machine, number) {
            continue;
        }
        progress(machine, ask, &format!("Container {name}  Killing"))?;
        if let Err(message) = one_kill(machine, number, &name, signal)? {
            return Ok(Err(engine_says(&message)));
        }
        progress(machine, ask, &format!("Container {name}  Killed"))?;
    }
    Ok(Ok(0))
}

/// `docker compose rm`
pub(super) fn rm(machine: &mut Machine, ask: &Ask<'_>, project: &Project) -> Done<i32> {
    let levels = match project.select(&ask.parsed.operands, false) {
        Ok(levels) => levels,
        Err(failure) => return Ok(Err(failure)),
    };
    if !ask.parsed.has("force") {
        return Err(Stop::Unable("`docker compose rm` without --force asks its user; it is not modelled".to_owned()));
    }
    let mut found: Vec<(usize, String)> = there(machine, project, &levels).into_iter().flatten().collect();
    if ask.parsed.has("stop") {
        stop_all(machine, ask, &found, Some(waits::GRACE))?;
    } else {
        let running = |number: usize| machine.docker.container(number).is_some_and(|one| one.counts_as_running());
        found.retain(|(number, _)| !running(*number));
    }
    if found.is_empty() {
        crate::programs::complain(machine, ask.context, "No stopped containers\n")?;
        return Ok(Ok(0));
    }
    let names: Vec<&str> = found.iter().map(|(_, name)| name.as_str()).collect();
    if let Some(status) = ask.say(machine, &format!("Going to remove {}\n", names.join(", ")))? {
        return Ok(Ok(status));
    }
    for (number, name) in &found {
        progress(machine, ask, &format!("Container {name}  Removing"))?;
        lifecycle::remove(machine, *number);
        progress(machine, ask, &format!("Container {name}  Removed"))?;
    }
    Ok(Ok(0))
}
