//! `docker compose ps`, `logs`, `exec`, `config`, `version`.

use super::project::Project;
use super::service::{PROJECT, SERVICE};
use super::{Failure, engine_says};
use crate::docker::client::Ask;
use crate::docker::container::{Container, State};
use crate::docker::exec::inside;
use crate::docker::list::{command, ports, status, table};
use crate::docker::logs::Wanted;
use crate::docker::value::{human, nanoseconds};
use crate::machine::Machine;
use crate::{Run, Stop};

type Done<T> = Run<Result<T, Failure>>;

/// The project's containers of the services that are named, by name.
fn containers<'a>(machine: &'a Machine, ask: &Ask<'_>, project: &Project) -> Result<Vec<&'a Container>, Failure> {
    let named = &ask.parsed.operands;
    project.select(named, false)?;
    let of_project = |one: &&Container| one.settings.labels.get(PROJECT) == Some(&project.name);
    let wanted = |one: &&Container| {
        named.is_empty() || one.settings.labels.get(SERVICE).is_some_and(|service| named.contains(service))
    };
    let mut found: Vec<&Container> = machine.docker.containers().filter(of_project).filter(wanted).collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// `docker compose ps`
pub(super) fn ps(machine: &mut Machine, ask: &Ask<'_>, project: &Project) -> Done<i32> {
    let mut found = match containers(machine, ask, project) {
        Ok(found) => found,
        Err(failure) => return Ok(Err(failure)),
    };
    found.retain(|one| ask.parsed.has("all") || one.counts_as_running());
    let text = if ask.parsed.has("quiet") {
        found.iter().map(|one| format!("{}\n", one.id)).collect()
    } else {
        let names = ["NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS"];
        let mut rows = vec![names.map(str::to_owned).to_vec()];
        rows.extend(found.iter().map(|one| {
            vec![
                one.name.clone(),
                one.reference.clone(),
                command(one, false),
                one.settings.labels.get(SERVICE).cloned().unwrap_or_default(),
                format!("{} ago", human(machine.unix_us() - one.created)),
                status(machine, one),
                ports(one),
            ]
        }));
        table(&rows)
    };
    Ok(Ok(ask.say(machine, &text)?.unwrap_or(0)))
}

/// `docker compose logs`
pub(super) fn logs(machine: &mut Machine, ask: &Ask<'_>, project: &Project) -> Done<i32> {
    let wanted = match Wanted::read(machine, ask)? {
        Ok(wanted) => wanted,
        Err(message) => return Ok(Err(engine_says(&message))),
    };
    let found = match containers(machine, ask, project) {
        Ok(found) => found,
        Err(failure) => return Ok(Err(failure)),
    };
    let width = found.iter().map(|one| one.name.len()).max().unwrap_or(0);
    let (prefixed, stamped) = (!ask.parsed.has("no-log-prefix"), ask.parsed.has("timestamps"));
    let mut text = String::new();
    for container in found {
        for line in wanted.of(&container.log) {
            // Compose clears the line that a terminal may show; without a terminal too.
            text.push_str("\x1b[2K");
            if prefixed {
                text.push_str(&format!("{:width$}  | ", container.name));
            }
            if stamped {
                text.push_str(&nanoseconds(line.at));
                text.push(' ');
            }
            text.push_str(&line.text);
            text.push('\n');
        }
    }
    Ok(Ok(ask.say(machine, &text)?.unwrap_or(0)))
}

/// `docker compose exec`
pub(super) fn exec(machine: &mut Machine, ask: &Ask<'_>, project: &Project) -> Done<i32> {
    let Some((service, words)) = ask.parsed.operands.split_first().filter(|(_, words)| !words.is_empty()) else {
        let message = "requires at least 2 arg(s), only received 1".to_owned();
        return Ok(Err(Failure { status: 1, message }));
    };
    let number = project
        .container_of(machine, service)
        .filter(|number| machine.docker.container(*number).is_some_and(|one| one.state == State::Running));
    let Some(number) = number else {
        return Ok(Err(Failure { status: 1, message: format!("service \"{service}\" is not running") }));
    };
    Ok(inside(machine, ask, number, words)?.map_err(|message| engine_says(&message)))
}

/// `docker compose config`
pub(super) fn config(machine: &mut Machine, ask: &Ask<'_>, project: &Project) -> Done<i32> {
    let all = project.services.values();
    let text: String = if ask.parsed.has("services") {
        all.map(|service| format!("{}\n", service.name)).collect()
    } else if ask.parsed.has("images") {
        all.map(|service| format!("{}\n", service.image)).collect()
    } else if ask.parsed.has("quiet") {
        String::new()
    } else {
        return Err(Stop::Unable("`docker compose config` of a whole file is not modelled".to_owned()));
    };
    Ok(Ok(ask.say(machine, &text)?.unwrap_or(0)))
}

/// `docker compose version`, which needs no project.
pub(super) fn print_version(machine: &mut Machine, ask: &Ask<'_>) -> Run<i32> {
    let text = if ask.parsed.has("short") { "2.26.1-4\n" } else { "Docker Compose version 2.26.1-4\n" };
    Ok(ask.say(machine, text)?.unwrap_or(0))
}

/// See [`print_version`].
pub(super) fn version(machine: &mut Machine, ask: &Ask<'_>, _: &Project) -> Done<i32> {
    print_version(machine, ask).map(Ok)
}
