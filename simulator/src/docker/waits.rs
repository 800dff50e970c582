//! What clients have the engine do with a container, and how they wait for it.

use super::container::{StartFailure, State};
use super::lifecycle::{begin_start, remove, terminate};
use super::{Docker, DockerEvent};
use crate::Run;
use crate::machine::Machine;
use crate::machine::process::Signal;
use crate::time::{Event, SECOND, Us};

/// How long a stop waits for a process before it kills it.
pub(super) const GRACE: Us = 10 * SECOND;

/// A client starts a container and waits. The inner error is the engine's message.
pub(super) fn start(machine: &mut Machine, number: usize) -> Run<Result<(), StartFailure>> {
    ask_start(machine, number);
    started(machine, number)
}

/// A client has a container started; one that is due to be started again is started at once.
pub(super) fn ask_start(machine: &mut Machine, number: usize) {
    begin_start(machine, number, true);
}

/// It waits until that is done. The inner error is the engine's message.
pub(super) fn started(machine: &mut Machine, number: usize) -> Run<Result<(), StartFailure>> {
    wait(machine, |docker| docker.container(number).is_none_or(|one| !one.starting))?;
    let Some(container) = machine.docker.container(number) else { return Ok(Ok(())) };
    let (failure, auto_remove) = (container.failure.clone(), container.settings.auto_remove);
    if failure.is_some() && auto_remove {
        remove(machine, number);
    }
    Ok(failure.map_or(Ok(()), Err))
}

/// A client stops a container and waits; `None` is a grace without end.
pub(super) fn stop(machine: &mut Machine, number: usize, grace: Option<Us>) -> Run<()> {
    ask_stop(machine, number, grace)?;
    wait_for_end(machine, number)
}

/// A client has a container stopped.
pub(super) fn ask_stop(machine: &mut Machine, number: usize, grace: Option<Us>) -> Run<()> {
    wait(machine, |docker| docker.container(number).is_none_or(|one| !one.starting))?;
    let Some(container) = machine.docker.containers.get_mut(&number) else { return Ok(()) };
    match (container.state, container.pid) {
        (State::Running, Some(pid)) => {
            container.stopped_by_hand = true;
            if grace == Some(0) {
                machine.signal(pid, Signal::Kill);
            } else {
                terminate(machine, pid);
                if let Some(grace) = grace {
                    let at = machine.now + grace;
                    machine.queue.push(at, Event::Docker(DockerEvent::Kill(number, pid)));
                }
            }
        }
        (State::Restarting, _) => {
            container.stopped_by_hand = true;
            container.state = State::Exited;
        }
        _ => {}
    }
    Ok(())
}

/// A client sends a signal. SIGKILL counts as a stop by hand.
pub(super) fn kill(machine: &mut Machine, number: usize, signal: Signal) -> Run<()> {
    let Some(container) = machine.docker.containers.get_mut(&number) else { return Ok(()) };
    let Some(pid) = container.pid else { return Ok(()) };
    container.stopped_by_hand = true;
    if signal == Signal::Kill {
        machine.signal(pid, signal);
        return wait_for_end(machine, number);
    }
    if signal == Signal::Term {
        terminate(machine, pid);
    } else {
        machine.signal(pid, signal);
    }
    Ok(())
}

/// A client waits until a container does not run.
pub(super) fn wait_for_end(machine: &mut Machine, number: usize) -> Run<()> {
    wait(machine, |docker| docker.container(number).is_none_or(|one| one.state != State::Running))
}

fn wait(machine: &mut Machine, holds: impl Fn(&Docker) -> bool) -> Run<()> {
    machine.wait_until(Us::MAX, |machine| holds(&machine.docker)).map(drop)
}
