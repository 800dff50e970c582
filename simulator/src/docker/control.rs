//! `docker start`, `stop`, `restart`, `kill`, `rm`, `rename`.

use super::client::{Ask, refused_by_engine};
use super::container::State;
use super::lifecycle;
use super::waits::{self, GRACE};
use crate::machine::Machine;
use crate::machine::process::Signal;
use crate::programs::complain;
use crate::time::{SECOND, Us};
use crate::{Run, Stop};

/// Does something with each container that is named, in order, and prints the name of each it was done with.
fn each(
    machine: &mut Machine,
    ask: &Ask<'_>,
    request: &str,
    mut act: impl FnMut(&mut Machine, usize, &str) -> Run<Result<(), String>>,
) -> Run<Result<Vec<String>, i32>> {
    let mut failed = Vec::new();
    for key in &ask.parsed.operands {
        let (method, what) = request.split_once(' ').unwrap_or(("Post", request));
        let slash = if what.is_empty() { "" } else { "/" };
        if ask.unreachable(machine, || format!("{method} v1.45/containers/{key}{slash}{what}"))?.is_some() {
            failed.push(key.clone());
            continue;
        }
        let found = machine.docker.find(key).map(|container| container.number);
        let done = match found {
            Ok(number) => act(machine, number, key)?,
            Err(message) => Err(message),
        };
        match done {
            Ok(()) => {
                if let Some(status) = ask.say(machine, &format!("{key}\n"))? {
                    return Ok(Err(status));
                }
            }
            Err(message) => {
                refused_by_engine(machine, ask, &message)?;
                failed.push(key.clone());
            }
        }
    }
    Ok(Ok(failed))
}

fn status(failed: Result<Vec<String>, i32>) -> i32 {
    failed.map_or_else(|status| status, |failed| i32::from(!failed.is_empty()))
}

/// `--time`: `None` is a grace without end; the outer error is the client's message.
pub(super) fn grace(text: Option<&str>, option: &str) -> Result<Option<Us>, String> {
    match text {
        None => Ok(Some(GRACE)),
        Some(text) => match text.parse::<i32>() {
            Ok(seconds) => Ok(u64::try_from(seconds).ok().map(|seconds| seconds * SECOND)),
            Err(_) => Err(format!(
                "invalid argument {text:?} for \"{option}\" flag: strconv.ParseInt: parsing {text:?}: invalid syntax"
            )),
        },
    }
}

fn bad_grace(machine: &mut Machine, ask: &Ask<'_>, message: &str) -> Run<i32> {
    complain(machine, ask.context, &format!("{message}\nSee '{} --help'.\n", full_name(ask))).map(|()| 125)
}

fn full_name(ask: &Ask<'_>) -> String {
    format!("docker {}", ask.name)
}

/// `docker stop`
pub(super) fn stop(machine: &mut Machine, ask: &Ask<'_>) -> Run<i32> {
    let grace = match grace(ask.parsed.value("time"), "-t, --time") {
        Ok(grace) => grace,
        Err(message) => return bad_grace(machine, ask, &message),
    };
    each(machine, ask, "Post stop", |machine, number, _| waits::stop(machine, number, grace).map(Ok)).map(status)
}

/// `docker start`
pub(super) fn start(machine: &mut Machine, ask: &Ask<'_>) -> Run<i32> {
    let failed = each(machine, ask, "Post start", |machine, number, _| {
        Ok(waits::start(machine, number)?.map_err(|failure| failure.message))
    })?;
    if let Ok(failed) = &failed
        && !failed.is_empty()
    {
        complain(machine, ask.context, &format!("Error: failed to start containers: {}\n", failed.join(", ")))?;
    }
    Ok(status(failed))
}

/// `docker restart`
pub(super) fn restart(machine: &mut Machine, ask: &Ask<'_>) -> Run<i32> {
    let grace = match grace(ask.parsed.value("time"), "-t, --time") {
        Ok(grace) => grace,
        Err(message) => return bad_grace(machine, ask, &message),
    };
    each(machine, ask, "Post restart", |machine, number, _| one_restart(machine, number, grace)).map(status)
}

/// Stops and starts. The inner error is the engine's message.
pub(super) fn one_restart(machine: &mut Machine, number: usize, grace: Option<Us>) -> Run<Result<(), String>> {
    waits::stop(machine, number, grace)?;
    let id = machine.docker.container(number).map(|one| one.id.clone()).unwrap_or_default();
    let started = waits::start(machine, number)?;
    Ok(started.map_err(|failure| format!("Cannot restart container {id}: {}", failure.message)))
}

/// A signal by name or number.
pub(super) fn read_signal(text: &str) -> Run<Result<Signal, String>> {
    let name = text.strip_prefix("SIG").unwrap_or(text);
    match name {
        "KILL" | "9" => Ok(Ok(Signal::Kill)),
        "TERM" | "15" => Ok(Ok(Signal::Term)),
        "INT" | "2" => Ok(Ok(Signal::Int)),
        _ if name.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            Err(Stop::Unable(format!("the signal {text} to a container is not modelled")))
        }
        _ => Ok(Err(format!("invalid signal: {text}"))),
    }
}

/// `docker kill`
pub(super) fn kill(machine: &mut Machine, ask: &Ask<'_>) -> Run<i32> {
    let signal = match read_signal(ask.parsed.value("signal").unwrap_or("KILL"))? {
        Ok(signal) => signal,
        Err(message) => return refused_by_engine(machine, ask, &message),
    };
    each(machine, ask, "Post kill", |machine, number, key| one_kill(machine, number, key, signal)).map(status)
}

/// Sends a signal. The inner error is the engine's message.
pub(super) fn one_kill(machine: &mut Machine, number: usize, key: &str, signal: Signal) -> Run<Result<(), String>> {
    let Some(container) = machine.docker.container(number) else { return Ok(Ok(())) };
    if container.state != State::Running {
        let id = &container.id;
        return Ok(Err(format!("cannot kill container: {key}: container {id} is not running")));
    }
    waits::kill(machine, number, signal).map(Ok)
}

/// Removes a container. The inner error is the engine's message.
pub(super) fn one_removal(machine: &mut Machine, number: usize, force: bool) -> Run<Result<(), String>> {
    let Some(container) = machine.docker.container(number) else { return Ok(Ok(())) };
    let state = container.state;
    if container.counts_as_running() || container.starting {
        if !force {
            return Ok(Err(format!(
                "cannot remove container \"/{}\": container is {}: stop the container before removing or force remove",
                container.name,
                if state == State::Restarting { "restarting" } else { "running" }
            )));
        }
        waits::stop(machine, number, Some(0))?;
    }
    lifecycle::remove(machine, number);
    Ok(Ok(()))
}

/// `docker rm`
pub(super) fn rm(machine: &mut Machine, ask: &Ask<'_>) -> Run<i32> {
    let force = ask.parsed.has("force");
    let failed = each(machine, ask, "Delete ", |machine, number, _| one_removal(machine, number, force))?;
    // What is not there is removed as well as can be, for who forces it.
    let absent = |machine: &Machine, keys: &[String]| keys.iter().all(|key| machine.docker.find(key).is_err());
    match &failed {
        Ok(keys) if force && machine.docker.runs && absent(machine, keys) => Ok(0),
        _ => Ok(status(failed)),
    }
}

/// Gives a container another name.
///
/// # Errors
/// The engine's message.
pub(super) fn one_rename(machine: &mut Machine, number: usize, to: &str) -> Result<(), String> {
    if machine.docker.container(number).is_some_and(|one| one.name == to) {
        return Err("Renaming a container with the same name as its current name".to_owned());
    }
    if let Some(refused) = machine.docker.name_refused(to) {
        return Err(format!("Error when allocating new name: {refused}"));
    }
    if let Some(container) = machine.docker.containers.get_mut(&number) {
        to.clone_into(&mut container.name);
    }
    Ok(())
}

/// `docker rename`
pub(super) fn rename(machine: &mut Machine, ask: &Ask<'_>) -> Run<i32> {
    let [from, to] = ask.parsed.operands.as_slice() else { return Ok(1) };
    let to = to.strip_prefix('/').unwrap_or(to);
    let unreachable = ask.unreachable(machine, || format!("Post v1.45/containers/{from}/rename?name={to}"))?;
    if unreachable.is_none() {
        let number = machine.docker.find(from).map(|one| one.number);
        match number.and_then(|number| one_rename(machine, number, to)) {
            Ok(()) => return Ok(0),
            Err(message) => refused_by_engine(machine, ask, &message)?,
        };
    }
    complain(machine, ask.context, &format!("Error: failed to rename container named {from}\n")).map(|()| 1)
}
