//! From a unit's name to its files, and which units are known to the manager.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::builtin;
use super::state::{State, Unit};
use super::unit::UnitFile;
use crate::machine::Machine;
use crate::machine::files::{Ino, Kind};
use crate::machine::users::ROOT;
use crate::time::Us;
use crate::{Run, Stop};

/// The folder of the administrator's units.
pub const FOLDER: &str = "/etc/systemd/system";
/// What starts at boot.
pub const WANTS: &str = "/etc/systemd/system/multi-user.target.wants";
/// Units of one machine.
const UNITS_MAX: usize = 1000;

/// Why a name leads to no unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// There is no such unit.
    NotFound,
    /// There is one, and it is not modelled.
    Refused(String),
}

/// A unit's files, read now.
///
/// # Errors
/// That there are none, or what of them is not modelled.
pub fn read(machine: &Machine, name: &str) -> Result<UnitFile, Missing> {
    let path = format!("{FOLDER}/{name}");
    let mut file = match machine.files.resolve(ROOT, "/", &path) {
        Ok(ino) => {
            let mut file = UnitFile::empty(name, &path);
            file.read_from.push(stamp(machine, ino));
            if matches!(machine.files.inode(ino).kind, Kind::Null) {
                file.masked = true;
                return Ok(file);
            }
            if !name.ends_with(".service") {
                return Err(Missing::Refused(format!("{name}: only services are modelled; use --host container")));
            }
            let text = machine.files.bytes(ino).unwrap_or_default();
            file.read(&path, &crate::lossy(&text)).map_err(Missing::Refused)?;
            file
        }
        Err(_) => builtin::find(name).ok_or(Missing::NotFound)?,
    };
    let drop_ins = format!("{FOLDER}/{name}.d");
    if let Ok(folder) = machine.files.resolve(ROOT, "/", &drop_ins) {
        for drop_in in machine.files.names(folder).iter().filter(|drop_in| drop_in.ends_with(".conf")) {
            let path = format!("{drop_ins}/{drop_in}");
            let Ok(ino) = machine.files.resolve(ROOT, "/", &path) else { continue };
            file.read_from.push(stamp(machine, ino));
            let text = machine.files.bytes(ino).unwrap_or_default();
            let text = crate::lossy(&text);
            if file.builtin.is_some() {
                // What the topology gives the registry; its work is modelled, so it needs no right to its port.
                let known = |line: &str| matches!(line, "" | "[Service]") || line.starts_with("AmbientCapabilities=");
                if !text.lines().map(str::trim).all(known) {
                    return Err(Missing::Refused(format!("{path}: a drop-in of a packaged unit is not modelled")));
                }
            } else {
                file.read(&path, &text).map_err(Missing::Refused)?;
            }
        }
    }
    file.check().map_err(Missing::Refused)?;
    Ok(file)
}

fn stamp(machine: &Machine, ino: Ino) -> (Ino, Us) {
    (ino, machine.files.inode(ino).modified)
}

/// Makes a unit known, if it is not; what has run, or is wanted at boot, keeps the files that it was read from.
///
/// # Errors
/// [`Stop::Unable`] for a unit that is not modelled.
pub fn load(machine: &mut Machine, name: &str) -> Run<bool> {
    let keeps = machine.systemd.units.get(name).is_some_and(|unit| is_kept(machine, name, unit));
    if keeps {
        return Ok(true);
    }
    match read(machine, name) {
        Ok(file) => {
            if machine.systemd.units.len() >= UNITS_MAX {
                return Err(Stop::Unable(format!("more than {UNITS_MAX} units on one simulated machine")));
            }
            machine.systemd.units.insert(name.to_owned(), Unit::new(Arc::new(file)));
            Ok(true)
        }
        Err(Missing::NotFound) => {
            machine.systemd.units.remove(name);
            Ok(false)
        }
        Err(Missing::Refused(what)) => Err(Stop::Unable(what)),
    }
}

fn is_kept(machine: &Machine, name: &str, unit: &Unit) -> bool {
    let to_begin = unit.transient && unit.invocation == 0;
    unit.state != State::Dead || to_begin || machine.systemd.wanted.contains(name)
}

/// Forgets a unit that is over and that nothing refers to, as systemd does at once.
pub fn forget(machine: &mut Machine, name: &str) {
    if machine.systemd.units.get(name).is_some_and(|unit| !is_kept(machine, name, unit)) {
        machine.systemd.units.remove(name);
    }
}

/// Whether a unit's files have changed since it was read.
pub fn changed(machine: &Machine, unit: &Unit) -> bool {
    let file = &unit.file;
    if unit.transient || file.builtin.is_some() {
        return false;
    }
    let now = machine.files.resolve(ROOT, "/", &file.path).map(|ino| stamp(machine, ino));
    if now.ok() != file.read_from.first().copied() {
        return true;
    }
    let drop_ins = machine.files.resolve(ROOT, "/", &format!("{FOLDER}/{}.d", file.name));
    let count = drop_ins
        .map_or(0, |folder| machine.files.names(folder).iter().filter(|drop_in| drop_in.ends_with(".conf")).count());
    let same = |(ino, at): &(Ino, Us)| machine.files.inode(*ino).modified == *at;
    count + 1 != file.read_from.len() || !file.read_from.iter().all(same)
}

/// Units that multi-user.target wants, and all that those want or require; a name can lead to none.
pub fn wanted(machine: &Machine) -> BTreeMap<String, Result<UnitFile, Missing>> {
    let folder = machine.files.resolve(ROOT, "/", WANTS);
    let mut waiting = folder.map_or(Vec::new(), |folder| machine.files.names(folder));
    let mut wanted = BTreeMap::new();
    while let Some(name) = waiting.pop() {
        if !name.ends_with(".service") || wanted.contains_key(&name) {
            continue;
        }
        let read = read(machine, &name);
        if let Ok(file) = &read {
            waiting.extend(file.wants.iter().chain(&file.requires).cloned());
        }
        wanted.insert(name, read);
    }
    wanted
}

/// `systemctl daemon-reload`: all files are read again.
///
/// # Errors
/// [`Stop::Unable`] for what is not modelled.
pub fn reload(machine: &mut Machine) -> Run<()> {
    machine.systemd.wanted = wanted(machine).into_keys().collect();
    let names: Vec<String> = machine.systemd.units.keys().cloned().collect();
    for name in names {
        if machine.systemd.units.get(&name).is_none_or(|unit| unit.transient) {
            continue;
        }
        let file = match read(machine, &name) {
            Ok(file) => file,
            Err(Missing::Refused(what)) => return Err(Stop::Unable(what)),
            Err(Missing::NotFound) => {
                if machine.systemd.units.get(&name).is_some_and(|unit| unit.main.is_some()) {
                    return Err(Stop::Unable(format!("{name} runs and its file is gone: not modelled")));
                }
                machine.systemd.units.remove(&name);
                continue;
            }
        };
        if let Some(unit) = machine.systemd.units.get_mut(&name) {
            // What runs while its unit is masked ends as what it was started as.
            let runs = unit.main.is_some() && file.masked;
            let known = UnitFile { masked: true, read_from: file.read_from.clone(), ..(*unit.file).clone() };
            unit.file = Arc::new(if runs { known } else { file });
        }
        forget(machine, &name);
    }
    Ok(())
}

/// `UnitFileState`: `enabled`, `disabled`, `static`, `masked`, `transient`, `bad`.
pub fn file_state(machine: &Machine, name: &str) -> Option<&'static str> {
    if machine.systemd.units.get(name).is_some_and(|unit| unit.transient) {
        return Some("transient");
    }
    // What a packaged unit is read from is not looked at by `changed`.
    let as_read = |unit: &&Unit| unit.file.builtin.is_none() && !changed(machine, unit);
    let file = match machine.systemd.units.get(name).filter(as_read) {
        Some(unit) => unit.file.clone(),
        None => match read(machine, name) {
            Ok(file) => Arc::new(file),
            Err(Missing::NotFound) => return machine.systemd.units.contains_key(name).then_some("bad"),
            Err(Missing::Refused(_)) => return Some("bad"),
        },
    };
    Some(if file.masked {
        "masked"
    } else if is_enabled(machine, name) {
        "enabled"
    } else if file.wanted_by.is_empty() {
        "static"
    } else {
        "disabled"
    })
}

fn is_enabled(machine: &Machine, name: &str) -> bool {
    machine.files.resolve_link(ROOT, "/", &format!("{WANTS}/{name}")).is_ok()
}

/// A name as systemctl takes it: without a suffix it is a service.
pub fn unit_name(name: &str) -> String {
    const SUFFIXES: [&str; 10] =
        [".service", ".socket", ".target", ".timer", ".mount", ".path", ".slice", ".scope", ".device", ".automount"];
    if SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) { name.to_owned() } else { format!("{name}.service") }
}
