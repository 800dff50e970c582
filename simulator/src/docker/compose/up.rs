//! `docker compose pull`, `up`, `start`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::project::Project;
use super::service::{CONFIG_HASH, IMAGE, PROJECT, SERVICE, Service};
use super::{ATTACHED, Failure, engine_says, progress, warn};
use crate::docker::client::Ask;
use crate::docker::container::{Policy, Settings, State};
use crate::docker::control::{grace, one_rename};
use crate::docker::image::{self, Image, Reference};
use crate::docker::settings::{complete, refuse_read_only_state};
use crate::docker::{lifecycle, waits};
use crate::machine::Machine;
use crate::time::{MS, Us};
use crate::{Run, Stop};

/// The engine's name for the machine's own network.
const HOST_NETWORK: &str = "host";

type Done<T> = Run<Result<T, Failure>>;

/// Brings one image; the failure is that of `compose pull`.
fn bring(machine: &mut Machine, ask: &Ask<'_>, service: &Service, quiet: bool) -> Done<Arc<Image>> {
    let reference = match Reference::read(&service.image) {
        Ok(reference) => reference,
        Err(message) => return Ok(Err(Failure { status: 1, message })),
    };
    if !quiet {
        progress(machine, ask, &format!("{} Pulling ", service.name))?;
    }
    match image::pull(machine, &reference)? {
        Ok(pulled) => {
            if !quiet {
                progress(machine, ask, &format!("{} Pulled ", service.name))?;
            }
            Ok(Ok(pulled.image))
        }
        Err(message) => {
            if !quiet {
                progress(machine, ask, &format!("{} Error {message}", service.name))?;
            }
            Ok(Err(Failure { status: 18, message: format!("Error response from daemon: {message}") }))
        }
    }
}

/// `docker compose pull`
pub(super) fn pull(machine: &mut Machine, ask: &Ask<'_>, project: &Project) -> Done<i32> {
    let levels = match project.select(&ask.parsed.operands, false) {
        Ok(levels) => levels,
        Err(failure) => return Ok(Err(failure)),
    };
    let quiet = ask.parsed.has("quiet");
    for service in levels.into_iter().flatten() {
        if let Err(failure) = bring(machine, ask, service, quiet)? {
            return Ok(Err(failure));
        }
    }
    Ok(Ok(0))
}

/// What `up` was asked to do besides.
struct How {
    force: bool,
    keep: bool,
    grace: Option<Us>,
}

/// `docker compose up`
pub(super) fn up(machine: &mut Machine, ask: &Ask<'_>, project: &Project) -> Done<i32> {
    let parsed = &ask.parsed;
    if !parsed.has("detach") && !parsed.has("no-start") {
        return Err(Stop::Unable(ATTACHED.to_owned()));
    }
    let (force, keep) = (parsed.has("force-recreate"), parsed.has("no-recreate"));
    if force && keep {
        let message = "--force-recreate and --no-recreate are incompatible".to_owned();
        return Ok(Err(Failure { status: 1, message }));
    }
    let grace = match grace(parsed.value("timeout"), "-t, --timeout") {
        Ok(grace) => grace,
        Err(message) => return Ok(Err(Failure { status: 16, message })),
    };
    let levels = match project.select(&parsed.operands, !parsed.has("no-deps")) {
        Ok(levels) => levels,
        Err(failure) => return Ok(Err(failure)),
    };
    let took = machine.calibration.docker.compose_plan_us;
    let took = machine.about(took);
    machine.spend(took)?;
    let mut images: BTreeMap<&str, Arc<Image>> = BTreeMap::new();
    for service in levels.iter().flatten() {
        let here = machine.docker.local(&service.image).map(|one| one.image.clone());
        let image = match here {
            Some(image) => image,
            None => match bring(machine, ask, service, false)? {
                Ok(image) => image,
                Err(failure) => return Ok(Err(failure)),
            },
        };
        refuse_read_only_state(&settings_of(project, service, "", &image).unwrap_or_default(), &image)?;
        refuse_host_network(service, &image)?;
        images.insert(&service.name, image);
    }
    make_network(machine, ask, project)?;
    if let Err(failure) = orphans(machine, ask, project, grace)? {
        return Ok(Err(failure));
    }
    let taken: Vec<&str> = levels.iter().flatten().map(|service| service.name.as_str()).collect();
    let how = How { force, keep, grace };
    let mut recreated: Vec<&str> = Vec::new();
    for service in levels.iter().flatten() {
        let Some(image) = images.get(service.name.as_str()) else { continue };
        let planned = service.only_after(&taken);
        // Who depends on a container that was made anew is made anew too.
        let forced = planned.depends_on.iter().any(|name| recreated.contains(&name.as_str()));
        match converge(machine, ask, project, &planned, image, &How { force: how.force || forced, ..how })? {
            Ok(true) => recreated.push(&service.name),
            Ok(false) => {}
            Err(failure) => return Ok(Err(failure)),
        }
    }
    if parsed.has("no-start") {
        return Ok(Ok(0));
    }
    start_levels(machine, ask, project, &levels)
}

fn make_network(machine: &mut Machine, ask: &Ask<'_>, project: &Project) -> Run<()> {
    let network = project.network();
    if machine.docker.networks.contains_key(&network) {
        return Ok(());
    }
    progress(machine, ask, &format!("Network {network}  Creating"))?;
    let took = machine.calibration.docker.network_us;
    let took = machine.about(took);
    machine.spend(took)?;
    progress(machine, ask, &format!("Network {network}  Created"))?;
    crate::docker::make_network(machine, &network);
    Ok(())
}

/// Containers of services that the file has no more: told of, or removed if that was asked for.
fn orphans(machine: &mut Machine, ask: &Ask<'_>, project: &Project, grace: Option<Us>) -> Done<()> {
    let found: Vec<(usize, String)> = machine
        .docker
        .containers()
        .filter(|one| one.settings.labels.get(PROJECT) == Some(&project.name))
        .filter(|one| one.settings.labels.get(SERVICE).is_some_and(|name| !project.services.contains_key(name)))
        .map(|one| (one.number, one.name.clone()))
        .collect();
    if found.is_empty() {
        return Ok(Ok(()));
    }
    if ask.parsed.has("remove-orphans") {
        return super::stop::remove_all(machine, ask, &found, grace);
    }
    let names: Vec<&str> = found.iter().map(|(_, name)| name.as_str()).collect();
    let warning = format!(
        "Found orphan containers ([{}]) for this project. If you removed or renamed this service in your compose file, \
         you can run this command with the --remove-orphans flag to clean it up.",
        names.join(" ")
    );
    warn(machine, ask.context, &[warning])?;
    Ok(Ok(()))
}

/// A node in the machine's own network, and ports that are published there, are not modelled.
fn refuse_host_network(service: &Service, image: &Image) -> Run<()> {
    if service.host_network && (image.spec.release.is_some() || !service.ports.is_empty()) {
        let name = &service.name;
        let why =
            format!("services.{name}.network_mode: host is modelled for a neighbour without ports, and for no node");
        return Err(Stop::Unable(why));
    }
    Ok(())
}

/// What a container of a service is made with.
fn settings_of(project: &Project, service: &Service, replaces: &str, image: &Image) -> Result<Settings, String> {
    let policy = Policy::read(&service.restart)?;
    let mut labels: BTreeMap<String, String> = [
        (CONFIG_HASH, service.hash()),
        ("com.docker.compose.container-number", "1".to_owned()),
        ("com.docker.compose.depends_on", service.depends_on.join(",")),
        (IMAGE, image.id.clone()),
        ("com.docker.compose.oneoff", "False".to_owned()),
        (PROJECT, project.name.clone()),
        ("com.docker.compose.project.config_files", project.file.clone()),
        ("com.docker.compose.project.working_dir", project.folder.clone()),
        (SERVICE, service.name.clone()),
        ("com.docker.compose.version", "2.26.1".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if !replaces.is_empty() {
        labels.insert("com.docker.compose.replace".to_owned(), replaces.to_owned());
    }
    let mut settings = Settings {
        policy,
        auto_remove: false,
        ports: service.ports.clone(),
        env: service.env.clone(),
        mounts: service.mounts.clone(),
        entrypoint: service.entrypoint.clone(),
        command: service.command.clone(),
        labels,
        network: if service.host_network { HOST_NETWORK.to_owned() } else { project.network() },
        aliases: vec![service.container.clone(), service.name.clone()],
        detached: false,
    };
    complete(&mut settings, image);
    Ok(settings)
}

fn make(
    machine: &mut Machine,
    project: &Project,
    service: &Service,
    image: &Arc<Image>,
    (name, replaces): (&str, &str),
) -> Done<usize> {
    let took = machine.calibration.docker.create_us;
    let took = machine.about(took);
    machine.spend(took)?;
    if let Some(message) = machine.docker.name_refused(name) {
        return Ok(Err(engine_says(&message)));
    }
    match settings_of(project, service, replaces, image) {
        Ok(settings) => Ok(Ok(lifecycle::create(machine, name, &service.image, image.clone(), settings))),
        // It says itself that it is the engine's.
        Err(message) => Ok(Err(Failure { status: 1, message })),
    }
}

/// Makes a service's container what the file says; whether it was made anew.
fn converge(
    machine: &mut Machine,
    ask: &Ask<'_>,
    project: &Project,
    service: &Service,
    image: &Arc<Image>,
    how: &How,
) -> Done<bool> {
    let name = &service.container;
    let Some(number) = project.container_of(machine, &service.name) else {
        progress(machine, ask, &format!("Container {name}  Creating"))?;
        if let Err(failure) = make(machine, project, service, image, (name, ""))? {
            return Ok(Err(failure));
        }
        progress(machine, ask, &format!("Container {name}  Created"))?;
        return Ok(Ok(false));
    };
    let Some(old) = machine.docker.container(number) else { return Ok(Ok(false)) };
    let label = |name: &str| old.settings.labels.get(name).map(String::as_str).unwrap_or_default();
    let changed = label(CONFIG_HASH) != service.hash() || label(IMAGE) != image.id;
    if how.keep || !(changed || how.force) {
        let word = if old.state == State::Running { "Running" } else { "Created" };
        let shown = format!("Container {}  {word}", old.name);
        progress(machine, ask, &shown)?;
        return Ok(Ok(false));
    }
    let (id, short, old_name) = (old.id.clone(), old.short_id().to_owned(), old.name.clone());
    progress(machine, ask, &format!("Container {old_name}  Recreate"))?;
    let made = make(machine, project, service, image, (&format!("{short}_{name}"), &id))?;
    let new = match made {
        Ok(new) => new,
        Err(failure) => return Ok(Err(failure)),
    };
    waits::stop(machine, number, how.grace)?;
    machine.spend(MS)?;
    lifecycle::remove(machine, number);
    machine.spend(MS)?;
    if let Err(message) = one_rename(machine, new, name) {
        return Ok(Err(engine_says(&message)));
    }
    progress(machine, ask, &format!("Container {old_name}  Recreated"))?;
    Ok(Ok(true))
}

/// Starts what does not run, one level of dependencies after the other.
fn start_levels(machine: &mut Machine, ask: &Ask<'_>, project: &Project, levels: &[Vec<&Service>]) -> Done<i32> {
    for level in levels {
        let mut begun = Vec::new();
        for service in level {
            let Some(number) = project.container_of(machine, &service.name) else { continue };
            let Some(one) = machine.docker.container(number).filter(|one| one.state != State::Running) else {
                continue;
            };
            let name = one.name.clone();
            progress(machine, ask, &format!("Container {name}  Starting"))?;
            waits::ask_start(machine, number);
            begun.push((number, name));
        }
        for (number, name) in begun {
            match waits::started(machine, number)? {
                Ok(()) => progress(machine, ask, &format!("Container {name}  Started"))?,
                Err(failure) => return Ok(Err(engine_says(&failure.message))),
            }
        }
    }
    Ok(Ok(0))
}

/// `docker compose start`
pub(super) fn start(machine: &mut Machine, ask: &Ask<'_>, project: &Project) -> Done<i32> {
    let levels = match project.select(&ask.parsed.operands, true) {
        Ok(levels) => levels,
        Err(failure) => return Ok(Err(failure)),
    };
    let without = levels.iter().flatten().find(|service| project.container_of(machine, &service.name).is_none());
    if let Some(service) = without {
        let message = format!("service \"{}\" has no container to start", service.name);
        return Ok(Err(Failure { status: 1, message }));
    }
    start_levels(machine, ask, project, &levels)
}
