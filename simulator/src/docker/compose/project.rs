//! A compose file as a project: which file, its variables, its services. Keys that are not modelled are refused by
//! name.

use std::collections::BTreeMap;

use super::Failure;
use super::interpolate::{BadText, Variables};
use super::service::{self, Service};
use super::yaml::{self, BadYaml, Yaml};
use crate::docker::options::Parsed;
use crate::machine::Machine;
use crate::machine::files::Errno;
use crate::shell::Context;
use crate::{Run, Stop};

/// The names that are looked for, in order (compose-go, `DefaultFileNames`).
const FILES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// Those that are laid over them.
const OVERRIDES: [&str; 4] =
    ["compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"];
/// Services of a project.
const SERVICES_MAX: usize = 64;

/// A project.
#[derive(Debug, Clone)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// Its folder.
    pub folder: String,
    /// Its services, by name.
    pub services: BTreeMap<String, Service>,
}

/// A failure of loading, or what is not modelled.
pub(super) type Load<T> = Run<Result<T, Failure>>;

/// A defect of the file: status 15.
pub(super) fn invalid<T>(message: impl Into<String>) -> Load<T> {
    Ok(Err(Failure { status: 15, message: message.into() }))
}

/// Something that compose knows and the simulator does not.
pub(super) fn unmodelled<T>(what: &str) -> Run<T> {
    Err(Stop::Unable(format!("a compose file with {what} is not modelled")))
}

/// Where the file is: its path and folder.
fn locate(machine: &Machine, context: &Context, parsed: &Parsed) -> Load<(String, String)> {
    let absolute = |path: &str| {
        let full = if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", context.cwd) };
        full.replace("/./", "/")
    };
    let split = |path: String| {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let folder = if folder.is_empty() { "/".to_owned() } else { folder.to_owned() };
        (path, folder)
    };
    let mut given = parsed.all("file");
    match (given.next(), given.next()) {
        (Some(_), Some(_)) => return Err(Stop::Unable("`docker compose` of several files is not modelled".to_owned())),
        (Some(path), None) => return Ok(Ok(split(absolute(path)))),
        _ => {}
    }
    if context.environment.contains_key("COMPOSE_FILE") {
        return Err(Stop::Unable("`docker compose` with the variable COMPOSE_FILE is not modelled".to_owned()));
    }
    let mut folder = context.cwd.as_str();
    loop {
        let there = |name: &&&str| machine.files.resolve(context.user, folder, name).is_ok();
        if let Some(name) = FILES.iter().find(there) {
            if let Some(other) = OVERRIDES.iter().find(there) {
                return unmodelled(&format!("{other} beside it"));
            }
            let slash = if folder == "/" { "" } else { "/" };
            return Ok(Ok(split(format!("{folder}{slash}{name}"))));
        }
        folder = match folder.rsplit_once('/') {
            Some(("", "")) | None => {
                let message = "no configuration file provided: not found".to_owned();
                return Ok(Err(Failure { status: 14, message }));
            }
            Some(("", _)) => "/",
            Some((parent, _)) => parent,
        };
    }
}

/// Variables of a project's `.env`.
fn dot_env(machine: &Machine, context: &Context, folder: &str) -> Vec<(String, String)> {
    let Ok(bytes) = machine.files.read(context.user, folder, ".env") else { return Vec::new() };
    let text = crate::lossy(&bytes).into_owned();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| {
            let value = value.trim();
            let inner = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
            (name.trim().to_owned(), inner.unwrap_or(value).to_owned())
        })
        .collect()
}

/// A folder's name as a project's: lower case, and only what a name may hold.
fn normal(name: &str) -> String {
    let kept: String =
        name.to_lowercase().chars().filter(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-')).collect();
    kept.trim_start_matches(['_', '-']).to_owned()
}

/// Puts variables in their places in all values of a tree. The path is told as compose tells it.
fn interpolate(variables: &mut Variables<'_>, node: &mut Yaml, path: &str) -> Result<(), String> {
    match node {
        Yaml::Null => Ok(()),
        Yaml::Scalar { text, .. } if !text.contains('$') => Ok(()),
        Yaml::Scalar { text, .. } => {
            let whole = variables.interpolate(text).map_err(|bad| match bad {
                BadText::Format => format!(
                    "invalid interpolation format for {path}.\nYou may need to escape any $ with another $.\n{text}"
                ),
                BadText::Required(name, message) => {
                    let message = if message.is_empty() { String::new() } else { format!(": {message}") };
                    format!("error while interpolating {path}: required variable {name} is missing a value{message}")
                }
            })?;
            *text = whole;
            Ok(())
        }
        Yaml::List(list) => list.iter_mut().try_for_each(|item| interpolate(variables, item, &format!("{path}.[]"))),
        Yaml::Map(entries) => entries.iter_mut().try_for_each(|(key, value)| {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            interpolate(variables, value, &path)
        }),
    }
}

/// Warnings that compose writes while it loads.
pub(super) type Warnings = Vec<String>;

/// Loads the project that a command line is about.
pub(super) fn load(
    machine: &mut Machine,
    context: &Context,
    parsed: &Parsed,
    warnings: &mut Warnings,
) -> Load<Project> {
    let (file, folder) = match locate(machine, context, parsed)? {
        Ok(found) => found,
        Err(failure) => return Ok(Err(failure)),
    };
    let bytes = match machine.files.read(context.user, &context.cwd, &file) {
        Ok(bytes) => bytes,
        Err(error @ (Errno::NotFound | Errno::PermissionDenied)) => {
            let message = format!("open {file}: {}", error.text().to_lowercase());
            return Ok(Err(Failure { status: 14, message }));
        }
        Err(error) => return invalid(format!("read {file}: {}", error.text().to_lowercase())),
    };
    let mut tree = match yaml::read(&crate::lossy(&bytes)) {
        Ok(tree) => tree,
        Err(BadYaml::Wrong(message)) => return invalid(message),
        Err(BadYaml::Unmodelled(what)) => return unmodelled(&what),
    };
    if tree == Yaml::Null {
        return invalid("empty compose file");
    }
    let from_file = dot_env(machine, context, &folder);
    let mut variables = Variables { environment: &context.environment, file: &from_file, unset: Vec::new() };
    let interpolated = interpolate(&mut variables, &mut tree, "");
    warnings.extend(
        variables
            .unset
            .iter()
            .map(|name| format!("The \\\"{name}\\\" variable is not set. Defaulting to a blank string.")),
    );
    if let Err(message) = interpolated {
        return invalid(message);
    }
    let Yaml::Map(entries) = &tree else { return invalid("Top-level object must be a mapping") };
    for (key, _) in entries {
        match key.as_str() {
            "services" | "name" => {}
            "version" => warnings.push(format!(
                "{file}: the attribute `version` is obsolete, it will be ignored, please remove it to avoid potential \
                 confusion"
            )),
            "configs" | "include" | "networks" | "secrets" | "volumes" => {
                return unmodelled(&format!("the key `{key}`"));
            }
            extension if extension.starts_with("x-") => {}
            other => return invalid(format!("validating {file}: (root) Additional property {other} is not allowed")),
        }
    }
    let name = match (parsed.value("project-name"), context.environment.get("COMPOSE_PROJECT_NAME")) {
        (Some(name), _) => name.to_owned(),
        (None, Some(name)) if !name.is_empty() => name.clone(),
        _ => match tree.get("name").and_then(Yaml::as_text) {
            Some(name) => name.to_owned(),
            None => normal(folder.rsplit('/').next().unwrap_or_default()),
        },
    };
    let mut project = Project { name, file, folder, services: BTreeMap::new() };
    match tree.get("services") {
        Some(Yaml::Map(services)) if services.len() <= SERVICES_MAX => {
            for (name, node) in services {
                match service::read(machine, context, &project, name, node)? {
                    Ok(service) => project.services.insert(name.clone(), service),
                    Err(failure) => return Ok(Err(failure)),
                };
            }
        }
        Some(Yaml::Map(_)) => return unmodelled(&format!("more than {SERVICES_MAX} services")),
        None | Some(Yaml::Null) => {}
        Some(_) => return invalid(format!("validating {}: services must be a mapping", project.file)),
    }
    match consistent(&project) {
        Ok(()) => Ok(Ok(project)),
        Err(message) => invalid(message),
    }
}

fn consistent(project: &Project) -> Result<(), String> {
    for (name, service) in &project.services {
        if let Some(missing) = service.depends_on.iter().find(|other| !project.services.contains_key(*other)) {
            return Err(format!(
                "service \"{name}\" depends on undefined service \"{missing}\": invalid compose project"
            ));
        }
    }
    for name in project.services.keys() {
        let mut way = vec![name.as_str()];
        if cycle(project, &mut way) {
            return Err(format!("dependency cycle detected: {}", way.join(" -> ")));
        }
    }
    Ok(())
}

/// Whether a way along dependencies comes back to its beginning; then it is that way.
fn cycle<'a>(project: &'a Project, way: &mut Vec<&'a str>) -> bool {
    let Some(service) = way.last().and_then(|last| project.services.get(*last)) else { return false };
    for next in &service.depends_on {
        let seen = way.contains(&next.as_str());
        way.push(next);
        if way.first() == way.last() || (!seen && cycle(project, way)) {
            return true;
        }
        way.pop();
    }
    false
}

impl Project {
    /// The services that a command is about, each after those it depends on; all if none is named.
    pub(super) fn select(&self, named: &[String], with_dependencies: bool) -> Result<Vec<Vec<&Service>>, Failure> {
        if let Some(unknown) = named.iter().find(|name| !self.services.contains_key(*name)) {
            return Err(Failure { status: 1, message: format!("no such service: {unknown}") });
        }
        let mut chosen: Vec<&str> = if named.is_empty() {
            self.services.keys().map(String::as_str).collect()
        } else {
            named.iter().map(String::as_str).collect()
        };
        let mut at = 0;
        while let Some(service) = chosen.get(at).and_then(|name| self.services.get(*name)).filter(|_| with_dependencies)
        {
            for dependency in &service.depends_on {
                if !chosen.contains(&dependency.as_str()) {
                    chosen.push(dependency);
                }
            }
            at += 1;
        }
        let mut left: Vec<&Service> =
            self.services.values().filter(|one| chosen.contains(&one.name.as_str())).collect();
        let mut levels = Vec::new();
        while !left.is_empty() {
            let waits =
                |service: &&Service| service.depends_on.iter().any(|name| left.iter().any(|other| other.name == *name));
            let (later, now): (Vec<&Service>, Vec<&Service>) = left.iter().copied().partition(waits);
            levels.push(now);
            left = later;
        }
        Ok(levels)
    }

    /// The name of its network.
    pub(super) fn network(&self) -> String {
        format!("{}_default", self.name)
    }

    /// The number of a service's container.
    pub(super) fn container_of(&self, machine: &Machine, service: &str) -> Option<usize> {
        let is = |labels: &BTreeMap<String, String>| {
            labels.get(service::PROJECT) == Some(&self.name)
                && labels.get(service::SERVICE).is_some_and(|one| one == service)
        };
        machine.docker.containers().find(|one| is(&one.settings.labels)).map(|one| one.number)
    }
}
