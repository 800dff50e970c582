//! The rules engine of a machine, Prometheus with Alertmanager, as a model: it scrapes the node, evaluates the rules and
//! tells receivers, and the agent looks at it. The same rule files as on a real machine, evaluated by [`alert_rules`].
//!
//! When in its interval something is done is decided as in Prometheus, by a hash of what it is done with; there by the
//! machine's name too, here by the description alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use operator_agent::protocol::{Graph, Happened, Monitoring};

use crate::Run;
use crate::docker::container::{Container, State};
use crate::machine::Machine;
use crate::machine::net::Finished;
use crate::spec::ImageSpec;
use crate::time::{Event, MS, SECOND, Us};

mod engine;
mod look;
mod notifier;
pub mod past;
mod prepared;
mod scrape;
#[cfg(test)]
mod tests;

use engine::Engine;
pub(crate) use prepared::Engines;

/// Configurations, promtool's check of them, and the notifier's start, before the past is written.
const FILES_US: Us = 250 * MS;
/// A block of the past: 722 samples took 0.15 s on an operator host, those of three days 1.0 s.
const BLOCK_US: Us = 600 * MS;
/// From the start of Prometheus until it evaluates rules.
const ENGINE_US: Us = 400 * MS;
/// Until Prometheus looks for its targets and its notifier for the first time (`updatert` in its discovery/manager.go).
const DISCOVERY_US: Us = 5 * SECOND;
/// How long after its writing the past ends, at about the time of the first scrape; `PAST_GOES_ON_MS` in
/// operator-agent/src/engine/mod.rs.
const PAST_GOES_ON_US: Us = 6 * SECOND;
/// For the first scrape that brings a page and the first evaluations, from the engine's start on; as the agent waits.
const WITHIN: Us = 20 * SECOND;

/// The rules engine of a machine, if it has one.
#[derive(Debug, Clone, Default)]
pub struct Monitor {
    /// Boxed: a machine without one is copied as before.
    engine: Option<Box<Engine>>,
    /// Engines started so far on this machine; what is due for an earlier one is not done.
    runs: u32,
}

/// What the engine and who looks at it do by themselves, each for the engine of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MonitoringEvent {
    /// A scrape is due.
    Scrape(u32),
    /// An evaluation of this group is due.
    Evaluate(u32, usize),
    /// The notifier has something to tell.
    Notify(u32),
    /// The agent looks.
    Look(u32),
}

/// Gives the machine a rules engine, if it has none.
///
/// # Errors
/// [`crate::Stop`] where the strand is stopped before it is up.
pub fn start(machine: &mut Machine, monitoring: &Arc<Monitoring>) -> Run<()> {
    if machine.monitor.engine.is_some() {
        let why = "there is a rules engine, or one is being started".to_owned();
        machine.report(Happened::MonitoringFailed { why });
        return Ok(());
    }
    match bring_up(machine, monitoring)? {
        Ok(()) => {
            machine.report(Happened::MonitoringStarted);
            event(machine, MonitoringEvent::Look(machine.monitor.runs));
        }
        Err(why) => {
            machine.monitor.engine = None;
            machine.report(Happened::MonitoringFailed { why });
        }
    }
    Ok(())
}

fn bring_up(machine: &mut Machine, monitoring: &Arc<Monitoring>) -> Run<Result<(), String>> {
    let port = machine.agent.setup.as_ref().map_or(0, |setup| setup.node_port);
    let prepared = match machine.scripts.engines.prepare(monitoring, port) {
        Ok(prepared) => prepared,
        Err(why) => return Ok(Err(why)),
    };
    let files = machine.about(FILES_US);
    machine.spend(files)?;
    let written = machine.now;
    let past_ends = written + PAST_GOES_ON_US;
    for time in [BLOCK_US, ENGINE_US] {
        let time = machine.about(time);
        machine.spend(time)?;
    }
    let (now, unix_us) = (machine.now, machine.unix_us().unsigned_abs());
    let found = now + DISCOVERY_US;
    machine.monitor.runs += 1;
    let run = machine.monitor.runs;
    let scrape = found + prepared.scrape.wait(unix_us + DISCOVERY_US);
    machine.queue.push(scrape, Event::Monitoring(MonitoringEvent::Scrape(run)));
    for (number, group) in prepared.groups.iter().enumerate() {
        let at = now + group.due.wait(unix_us);
        machine.queue.push(at, Event::Monitoring(MonitoringEvent::Evaluate(run, number)));
    }
    let began_unix_us = machine.unix_us().saturating_sub_unsigned(now);
    let mut engine = Box::new(Engine::new(prepared, run, past_ends, found, began_unix_us));
    engine.give_past(machine, written);
    machine.monitor.engine = Some(engine);
    let missing = |machine: &Machine| machine.monitor.engine.as_ref().and_then(|engine| engine.missing());
    if machine.wait_until(now + WITHIN, |machine| missing(machine).is_none())? {
        // The past has ended before anybody looks.
        let left = if monitoring.past.is_empty() { 0 } else { past_ends.saturating_sub(machine.now) };
        machine.spend(left)?;
        return Ok(Ok(()));
    }
    let what = missing(machine).unwrap_or_default();
    Ok(Err(format!("{what}, {} s after the start of prometheus", WITHIN / SECOND)))
}

/// Something is due.
pub fn event(machine: &mut Machine, event: MonitoringEvent) {
    let (MonitoringEvent::Scrape(run)
    | MonitoringEvent::Evaluate(run, _)
    | MonitoringEvent::Notify(run)
    | MonitoringEvent::Look(run)) = event;
    if run != machine.monitor.runs {
        return;
    }
    let Some(mut engine) = machine.monitor.engine.take() else { return };
    let stands_still = stands_still(machine);
    let again = match event {
        MonitoringEvent::Scrape(_) => {
            if !stands_still {
                scrape::send(machine, &mut engine);
            }
            Some(engine.prepared.scrape.period)
        }
        MonitoringEvent::Evaluate(_, group) => {
            if !stands_still {
                engine.evaluate(machine, group);
            }
            engine.prepared.groups.get(group).map(|group| group.due.period)
        }
        MonitoringEvent::Notify(_) => {
            engine.notify(machine);
            None
        }
        MonitoringEvent::Look(_) => {
            if stands_still {
                look::unseen(machine, &mut engine);
            } else {
                look::look(machine, &mut engine);
            }
            Some(engine.prepared.of.evaluate_ms.saturating_mul(MS))
        }
    };
    machine.monitor.engine = Some(engine);
    if let Some(period) = again {
        machine.queue.push(machine.now.saturating_add(period), Event::Monitoring(event));
    }
}

/// Whether the engine is a container of the machine's that does not run. What it had is there again once it does, as on a
/// machine, where its folder is mounted; that it takes some seconds to come up there is not modelled.
fn stands_still(machine: &Machine) -> bool {
    let is_it = |images: &[ImageSpec]| images.iter().any(|image| image.rules_engine);
    let runs = |one: &Container| one.image.spec.rules_engine && one.state == State::Running;
    is_it(&machine.docker.registry.images) && !machine.docker.containers().any(runs)
}

/// Which alerts fire, as the notifier has them, and what the graphs of these show, as the engine has it.
pub fn firing(machine: &mut Machine, graphs: &BTreeMap<String, Graph>) {
    let told = match machine.monitor.engine.as_ref() {
        Some(engine) => {
            let firing = engine.firing();
            let of_firing = graphs.iter().filter(|(name, _)| firing.contains_key(*name));
            let seen = of_firing.map(|(name, graph)| (name.clone(), look::graph(engine, graph, machine.now))).collect();
            Happened::FiringSeen { firing, graphs: seen, failure: None }
        }
        None => Happened::FiringSeen {
            firing: BTreeMap::new(),
            graphs: BTreeMap::new(),
            failure: Some("there is no rules engine, so nobody listens as its notifier".to_owned()),
        },
    };
    machine.report(told);
}

/// The answer to a scrape is there.
pub fn scraped(machine: &mut Machine, finished: &Finished) {
    if let Some(engine) = machine.monitor.engine.as_mut() {
        scrape::arrived(engine, finished);
    }
}
