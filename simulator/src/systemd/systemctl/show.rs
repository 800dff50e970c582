//! `systemctl show -p …`: properties in the manager's own order, whatever the order that was asked.

use super::{Invocation, unable};
use crate::Run;
use crate::machine::process::Exit;
use crate::machine::{EPOCH_UNIX_US, Machine};
use crate::systemd::state::Unit;
use crate::systemd::{load, span};
use crate::time::Us;

/// A property of a unit.
type Property = fn(&Machine, &str, Option<&Unit>) -> String;

/// Those that are modelled, in the order in which systemd 257 prints them.
const PROPERTIES: &[(&str, Property)] = &[
    ("Type", |_, _, unit| unit.map_or("simple", |unit| unit.file.kind.word()).to_owned()),
    ("Restart", |_, _, unit| unit.map_or("no", |unit| unit.file.restart.word()).to_owned()),
    ("RestartUSec", |_, _, unit| span(unit.map_or(100_000, |unit| unit.file.restart_after))),
    ("TimeoutStartUSec", |_, _, unit| span(unit.map_or(90_000_000, |unit| unit.file.start_within()))),
    ("TimeoutStopUSec", |_, _, unit| span(unit.map_or(90_000_000, |unit| unit.file.stop_timeout))),
    ("RemainAfterExit", |_, _, unit| yes(unit.is_some_and(|unit| unit.file.remain))),
    ("MainPID", |_, _, unit| unit.and_then(|unit| unit.main).map_or(0, |pid| pid.0).to_string()),
    ("Result", |_, _, unit| unit.map_or("success", |unit| unit.result.word()).to_owned()),
    ("NRestarts", |_, _, unit| unit.map_or(0, |unit| unit.restarts).to_string()),
    ("ExecMainStartTimestamp", |_, _, unit| time(unit.and_then(|unit| unit.last_main()).map(|main| main.began))),
    ("ExecMainExitTimestamp", |_, _, unit| {
        time(unit.and_then(|unit| unit.last_main()).and_then(|main| main.ended).map(|(_, at)| at))
    }),
    ("ExecMainPID", |_, _, unit| unit.and_then(|unit| unit.last_main()).map_or(0, |main| main.pid.0).to_string()),
    ("ExecMainCode", |_, _, unit| exec_main(unit).0.to_string()),
    ("ExecMainStatus", |_, _, unit| exec_main(unit).1.to_string()),
    ("Id", |_, name, _| name.to_owned()),
    ("Names", |_, name, _| name.to_owned()),
    ("Description", |_, name, unit| {
        unit.map(|unit| unit.file.description.as_str()).filter(|text| !text.is_empty()).unwrap_or(name).to_owned()
    }),
    ("LoadState", |_, _, unit| {
        unit.map_or("not-found", |unit| if unit.file.masked { "masked" } else { "loaded" }).to_owned()
    }),
    ("ActiveState", |_, _, unit| unit.map_or("inactive", |unit| unit.state.active()).to_owned()),
    ("SubState", |_, _, unit| unit.map_or("dead", |unit| unit.state.sub()).to_owned()),
    ("FragmentPath", |_, _, unit| unit.map(|unit| unit.file.path.clone()).unwrap_or_default()),
    ("UnitFileState", |machine, name, _| load::file_state(machine, name).unwrap_or_default().to_owned()),
    ("UnitFilePreset", |_, _, unit| if unit.is_some() { "enabled".to_owned() } else { String::new() }),
    ("InactiveExitTimestamp", |_, _, unit| time(unit.and_then(|unit| unit.left_inactive))),
    ("ActiveEnterTimestamp", |_, _, unit| time(unit.and_then(|unit| unit.became_active))),
    ("ActiveExitTimestamp", |_, _, unit| time(unit.and_then(|unit| unit.left_active))),
    ("InactiveEnterTimestamp", |_, _, unit| time(unit.and_then(|unit| unit.became_inactive))),
    ("NeedDaemonReload", |machine, _, unit| yes(unit.is_some_and(|unit| load::changed(machine, unit)))),
    ("StartLimitIntervalUSec", |_, _, unit| span(unit.map_or(10_000_000, |unit| unit.file.limit_interval))),
    ("StartLimitBurst", |_, _, unit| unit.map_or(5, |unit| unit.file.limit_burst).to_string()),
    ("InvocationID", |_, _, unit| {
        unit.filter(|unit| unit.invocation != 0).map(|unit| format!("{:032x}", unit.invocation)).unwrap_or_default()
    }),
];

fn span(us: Us) -> String {
    span::format(us, 1)
}

fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}

fn time(at: Option<Us>) -> String {
    at.map(|at| span::full(EPOCH_UNIX_US.saturating_add_unsigned(at))).unwrap_or_default()
}

/// waitid(2)'s code (1: exited, 2: killed) and status.
fn exec_main(unit: Option<&Unit>) -> (i32, i32) {
    match unit.and_then(|unit| unit.last_main()).and_then(|main| main.ended) {
        Some((Exit::Status(status), _)) => (1, status),
        Some((Exit::Signal(signal), _)) => (2, signal as i32),
        None => (0, 0),
    }
}

/// Prints the properties that were asked for.
pub fn run(machine: &mut Machine, said: &Invocation<'_, '_>) -> Run<i32> {
    let asked: Vec<&str> = said.said.all("property").flat_map(|list| list.split(',')).collect();
    if asked.is_empty() {
        return Err(unable("`show` of all properties"));
    }
    if let Some(unknown) = asked.iter().find(|name| !PROPERTIES.iter().any(|(known, _)| known == *name)) {
        return Err(unable(&format!("the property {unknown}")));
    }
    let value_only = said.said.has("value");
    let mut text = String::new();
    for (index, name) in said.units.iter().enumerate() {
        load::load(machine, name)?;
        if index > 0 {
            text.push('\n');
        }
        let unit = machine.systemd.units.get(name);
        for (key, property) in PROPERTIES.iter().filter(|(key, _)| asked.contains(key)) {
            let value = property(machine, name, unit);
            if !value_only {
                text.push_str(key);
                text.push('=');
            }
            text.push_str(&value);
            text.push('\n');
        }
        load::forget(machine, name);
    }
    Ok(said.print(machine, &text)?.unwrap_or(0))
}
