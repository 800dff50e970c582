//! The agent's look at the engine: told when something is another than when it was told last, and once a second.

use alert_rules::{AlertState, Expr, instant};
use operator_agent::engine::files::ENGINE_ADDRESS;
use operator_agent::protocol::{self, Graph, Happened, Point, TwoPoints};

use super::engine::Engine;
use crate::machine::Machine;
use crate::time::{MS, SECOND, Us};

/// What was told last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    states: Vec<AlertState>,
    ok: bool,
    /// Of the agent's clock.
    second: Us,
}

/// Looks. What is no news costs a comparison.
pub(super) fn look(machine: &mut Machine, engine: &mut Engine) {
    engine.unseen = false;
    let second = machine.now / SECOND;
    let known = |told: &Told| told.second == second && told.ok == engine.scrape.ok && told.states == engine.states;
    if engine.told.as_ref().is_some_and(known) {
        return;
    }
    engine.told = Some(Told { states: engine.states.clone(), ok: engine.scrape.ok, second });
    let at_ms = engine.time_ms(machine.now);
    let (prepared, read) = (&engine.prepared, engine.readings.evaluate(&engine.store, at_ms));
    let (mut alerts, mut readings) = (prepared.rules.clone(), prepared.readings.0.clone());
    for (told, state) in alerts.values_mut().zip(&engine.states) {
        *told = word(*state);
    }
    // JSON, in which a real agent tells it, has no others.
    let reading = |place| read.of(place).next().map(|(_, value)| value).filter(|value| value.is_finite());
    for (place, told) in readings.values_mut().enumerate() {
        *told = reading(place);
    }
    machine.report(Happened::AlertsSeen { alerts, readings, scrape: engine.scrape.clone() });
}

/// What the agent is told by an address at which nobody listens (`engine/look.rs` of the agent), once.
pub(super) fn unseen(machine: &mut Machine, engine: &mut Engine) {
    if !std::mem::replace(&mut engine.unseen, true) {
        engine.told = None;
        let why = format!("http://{ENGINE_ADDRESS}/api/v1/rules?type=alert: refused");
        machine.report(Happened::AlertsUnseen { why });
    }
}

/// What a graph shows at a moment of the agent's clock, and so long before. The engine keeps only what its rules and readings
/// rest on; of anything else it has no value.
pub(super) fn graph(engine: &Engine, graph: &Graph, now: Us) -> TwoPoints {
    // Asked for in the milliseconds of the wall clock, which begins with a whole one.
    let now_us = i64::try_from(now / MS * MS).unwrap_or(i64::MAX);
    let expr = Expr::parse(&graph.query).map_err(|why| why.to_string());
    let point = |before_ms: u64| {
        let at_us = now_us.saturating_sub_unsigned(before_ms.saturating_mul(MS));
        let at_ms = engine.time_ms(now).saturating_sub_unsigned(before_ms);
        let first = |expr: &Expr| instant(expr, &engine.store, at_ms).first().map(|(_, value)| *value);
        match &expr {
            Ok(expr) => Point { at_us, value: first(expr).filter(|value| value.is_finite()), failure: None },
            Err(why) => Point { at_us, value: None, failure: Some(why.clone()) },
        }
    };
    TwoPoints { earlier: point(graph.apart_ms), later: point(0) }
}

fn word(state: AlertState) -> protocol::AlertState {
    match state {
        AlertState::Inactive => protocol::AlertState::Inactive,
        AlertState::Pending => protocol::AlertState::Pending,
        AlertState::Firing => protocol::AlertState::Firing,
    }
}
