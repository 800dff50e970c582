//! Verbs that touch unit files and their links.

use super::{Invocation, unable};
use crate::Run;
use crate::machine::Machine;
use crate::machine::files::Kind;
use crate::machine::users::ROOT;
use crate::systemd::load::{self, Missing};
use crate::systemd::{start, stop};

/// What is said of units without an [Install] section.
const NO_INSTALL: &str = "The unit files have no installation config (WantedBy=, RequiredBy=, UpheldBy=,
Also=, or Alias= settings in the [Install] section, and DefaultInstance= for
template units). This means they are not meant to be enabled or disabled using systemctl.
 
Possible reasons for having these kinds of units are:
• A unit may be statically enabled by being symlinked from another unit's
  .wants/, .requires/, or .upholds/ directory.
• A unit's purpose may be to act as a helper for some other unit which has
  a requirement dependency on it.
• A unit may be started when needed via activation (socket, path, timer,
  D-Bus, udev, scripted systemctl call, ...).
• In case of template units, the unit is meant to be enabled with some
  instance name specified.";

/// `is-enabled`: 0 for what starts at boot or cannot be enabled, 4 where nothing is there, else 1.
pub fn is_enabled(machine: &mut Machine, said: &Invocation<'_, '_>) -> Run<i32> {
    let mut text = String::new();
    let (mut enabled, mut found) = (false, false);
    for name in &said.units {
        let state = load::file_state(machine, name).unwrap_or("not-found");
        enabled |= matches!(state, "enabled" | "static");
        found |= state != "not-found";
        text.push_str(state);
        text.push('\n');
    }
    if !said.said.has("quiet")
        && let Some(status) = said.print(machine, &text)?
    {
        return Ok(status);
    }
    Ok(if enabled {
        0
    } else if found {
        1
    } else {
        4
    })
}

/// `cat`.
pub fn cat(machine: &mut Machine, said: &Invocation<'_, '_>) -> Run<i32> {
    let mut text = String::new();
    for (index, name) in said.units.iter().enumerate() {
        let file = match load::read(machine, name) {
            Ok(file) if file.builtin.is_some() => return Err(unable(&format!("`cat` of the packaged {name}"))),
            Ok(file) => file,
            Err(Missing::Refused(what)) => return Err(crate::Stop::Unable(what)),
            Err(Missing::NotFound) => {
                said.complain(machine, &format!("No files found for {name}."))?;
                return Ok(1);
            }
        };
        if index > 0 {
            text.push('\n');
        }
        if file.masked {
            text.push_str(&format!("# Unit {name} is masked.\n"));
            continue;
        }
        let mut paths = vec![file.path.clone()];
        let folder = format!("{}.d", file.path);
        if let Ok(ino) = machine.files.resolve(ROOT, "/", &folder) {
            let names = machine.files.names(ino);
            paths.extend(names.iter().filter(|name| name.ends_with(".conf")).map(|name| format!("{folder}/{name}")));
        }
        for (index, path) in paths.iter().enumerate() {
            let separator = if index > 0 { "\n" } else { "" };
            let bytes = machine.files.read(ROOT, "/", path).unwrap_or_default();
            text.push_str(&format!("{separator}# {path}\n{}", String::from_utf8_lossy(&bytes)));
        }
    }
    Ok(said.print(machine, &text)?.unwrap_or(0))
}

/// `daemon-reload`.
pub fn daemon_reload(machine: &mut Machine, said: &Invocation<'_, '_>) -> Run<i32> {
    if !said.is_root() {
        said.complain(machine, "Reload daemon failed: Access denied")?;
        return Ok(1);
    }
    reload(machine)?;
    Ok(0)
}

fn reload(machine: &mut Machine) -> Run<()> {
    let reload_us = machine.calibration.systemd.reload_us;
    let reload_us = machine.about(reload_us);
    machine.spend(reload_us)?;
    load::reload(machine)
}

/// What a change of links came to, for one unit.
enum Change {
    Made(String),
    Nothing,
    NoInstall,
    Failed(String),
}

/// `enable`.
pub fn enable(machine: &mut Machine, said: &Invocation<'_, '_>) -> Run<i32> {
    change(machine, said, "enable", |machine, name| {
        let file = match load::read(machine, name) {
            Ok(file) => file,
            Err(Missing::NotFound) => return Ok(Change::Failed(format!("Unit {name} does not exist"))),
            Err(Missing::Refused(what)) => return Err(crate::Stop::Unable(what)),
        };
        if file.masked {
            return Ok(Change::Failed(format!("Unit {} is masked", file.path)));
        }
        if file.wanted_by.is_empty() {
            return Ok(Change::NoInstall);
        }
        if file.wanted_by.iter().any(|target| target != "multi-user.target") {
            return Err(unable(&format!("WantedBy= of {name} other than multi-user.target")));
        }
        Ok(link(machine, &format!("{}/{name}", load::WANTS), &file.path))
    })
}

/// `disable`.
pub fn disable(machine: &mut Machine, said: &Invocation<'_, '_>) -> Run<i32> {
    change(machine, said, "disable", |machine, name| {
        let file = match load::read(machine, name) {
            Ok(file) => file,
            Err(Missing::NotFound) => return Ok(Change::Failed(format!("Unit {name} does not exist"))),
            Err(Missing::Refused(what)) => return Err(crate::Stop::Unable(what)),
        };
        if file.wanted_by.is_empty() {
            return Ok(Change::NoInstall);
        }
        Ok(unlink(machine, &format!("{}/{name}", load::WANTS)))
    })
}

/// `mask`.
pub fn mask(machine: &mut Machine, said: &Invocation<'_, '_>) -> Run<i32> {
    change(machine, said, "mask", |machine, name| {
        let path = format!("{}/{name}", load::FOLDER);
        match load::read(machine, name) {
            Ok(file) if file.masked => return Ok(Change::Nothing),
            Ok(file) if file.builtin.is_none() => {
                return Ok(Change::Failed(format!("File '{path}' already exists")));
            }
            _ => {}
        }
        Ok(link(machine, &path, "/dev/null"))
    })
}

/// `unmask`.
pub fn unmask(machine: &mut Machine, said: &Invocation<'_, '_>) -> Run<i32> {
    change(machine, said, "unmask", |machine, name| match load::read(machine, name) {
        Ok(file) if file.masked => Ok(unlink(machine, &file.path)),
        _ => Ok(Change::Nothing),
    })
}

fn link(machine: &mut Machine, path: &str, to: &str) -> Change {
    if machine.files.resolve_link(ROOT, "/", path).is_ok() {
        return Change::Nothing;
    }
    let (now, kind) = (machine.now, Kind::Link(to.to_owned()));
    match machine.files.plant(path, ROOT, 0o777, kind) {
        Ok(ino) => {
            machine.files.touch(ino, now);
            Change::Made(format!("Created symlink '{path}' → '{to}'."))
        }
        Err(error) => Change::Failed(error.text().to_owned()),
    }
}

fn unlink(machine: &mut Machine, path: &str) -> Change {
    let now = machine.now;
    match machine.files.remove(ROOT, "/", path, false, now) {
        Ok(()) => Change::Made(format!("Removed '{path}'.")),
        Err(_) => Change::Nothing,
    }
}

fn change(
    machine: &mut Machine,
    said: &Invocation<'_, '_>,
    verb: &str,
    one: fn(&mut Machine, &str) -> Run<Change>,
) -> Run<i32> {
    if !said.is_root() {
        said.complain(machine, &format!("Failed to {verb} unit: Access denied"))?;
        return Ok(1);
    }
    let mut no_install = !said.units.is_empty();
    for name in &said.units {
        if matches!(verb, "mask" | "unmask") && load::read(machine, name) == Err(Missing::NotFound) {
            said.complain(machine, &format!("Unit {name} does not exist, proceeding anyway."))?;
        }
        let what = one(machine, name)?;
        no_install &= matches!(what, Change::NoInstall);
        match what {
            Change::Made(line) => {
                if !said.said.has("quiet") {
                    said.complain(machine, &line)?;
                }
            }
            Change::Nothing | Change::NoInstall => {}
            Change::Failed(why) => {
                said.complain(machine, &format!("Failed to {verb} unit: {why}"))?;
                return Ok(1);
            }
        }
    }
    reload(machine)?;
    if no_install {
        said.complain(machine, NO_INSTALL)?;
    }
    if said.said.has("now") {
        for name in &said.units {
            if verb == "enable" {
                start::start(machine, name)?;
            } else if machine.systemd.units.contains_key(name) {
                stop::stop(machine, name)?;
            }
        }
    }
    Ok(0)
}
