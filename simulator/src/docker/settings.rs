//! What a container is created with: ports, mounts and variables as clients read them, and what its image brings.

use super::container::{Mount, Port, Settings};
use super::image::Image;
use crate::machine::Machine;
use crate::shell::Context;
use crate::{Run, Stop};

/// Variables of an env file; as long a file as a shell could take.
const ENV_FILE_MAX: usize = 256 << 10;

/// A published port.
///
/// # Errors
/// The inner one is the client's message.
pub(super) fn read_port(text: &str) -> Run<Result<Port, String>> {
    let unmodelled = |why: &str| Err(Stop::Unable(format!("the published port {text}: {why} is not modelled")));
    let body = text.strip_suffix("/tcp").unwrap_or(text);
    if body.contains('/') {
        return unmodelled("another protocol than tcp");
    }
    let (rest, inner) = body.rsplit_once(':').unwrap_or(("", body));
    let (address, outer) = rest.rsplit_once(':').unwrap_or(("", rest));
    if inner.contains('-') || outer.contains('-') {
        return unmodelled("a range");
    }
    let Ok(inner) = inner.parse::<u16>() else { return Ok(Err(format!("Invalid containerPort: {inner}"))) };
    if outer.is_empty() {
        return unmodelled("a port of the machine that the engine picks");
    }
    let Ok(outer) = outer.parse::<u16>() else { return Ok(Err(format!("Invalid hostPort: {outer}"))) };
    if outer != inner || outer == 0 {
        return unmodelled("another port of the machine than the container's");
    }
    Ok(Ok(Port { address: address.to_owned(), number: outer }))
}

/// A mount; a name that is no path is a volume of the engine's.
///
/// # Errors
/// The inner one is the engine's message.
pub(super) fn read_mount(machine: &mut Machine, text: &str) -> Run<Result<Mount, String>> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, destination, mode) = match parts.as_slice() {
        [destination] => (None, *destination, ""),
        [source, destination] => (Some(*source), *destination, ""),
        [source, destination, mode] => (Some(*source), *destination, *mode),
        _ => return Ok(Err(format!("invalid volume specification: '{text}'"))),
    };
    if let Some(bad) = mode.split(',').find(|word| !matches!(*word, "" | "ro" | "rw" | "z" | "Z")) {
        return Ok(Err(format!("invalid mode: {bad}")));
    }
    if !destination.starts_with('/') {
        return Ok(Err(format!(
            "invalid volume specification: '{text}': invalid mount config for type \"bind\": invalid mount path: \
             '{destination}' mount path must be absolute"
        )));
    }
    let destination = destination.trim_end_matches('/').to_owned();
    let volume = match source {
        Some(path) if path.starts_with('/') => None,
        Some(path) if path.starts_with(['.', '~']) => {
            return Err(Stop::Unable(format!("the mount {text}: a source that is no absolute path is not modelled")));
        }
        Some(name) => Some(name.to_owned()),
        None => Some(super::container::hex_id(machine)),
    };
    let source = match (&volume, source) {
        (Some(name), _) => format!("/var/lib/docker/volumes/{name}/_data"),
        (None, source) => source.unwrap_or_default().trim_end_matches('/').to_owned(),
    };
    Ok(Ok(Mount { text: text.to_owned(), volume, source, destination, mode: mode.to_owned() }))
}

/// Lines `NAME=value` of a file, as `--env-file` reads them; a name alone takes the client's own value.
///
/// # Errors
/// The client's message.
pub(super) fn read_env_file(machine: &Machine, context: &Context, path: &str) -> Result<Vec<String>, String> {
    let bytes = machine
        .files
        .read(context.user, &context.cwd, path)
        .map_err(|error| format!("open {path}: {}", error.text().to_lowercase()))?;
    if bytes.len() > ENV_FILE_MAX {
        return Err(format!("{path} is larger than {ENV_FILE_MAX} bytes"));
    }
    let mut pairs = Vec::new();
    for line in crate::lossy(&bytes).lines() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let name = line.split('=').next().unwrap_or_default();
        if name.is_empty() || name.contains([' ', '\t']) {
            let what =
                if name.is_empty() { "no variable name on line".to_owned() } else { format!("variable '{name}'") };
            let rest = if name.is_empty() { format!(" '{line}'") } else { " contains whitespaces".to_owned() };
            return Err(format!("poorly formatted environment: {what}{rest}"));
        }
        pairs.extend(variable(context, line));
    }
    Ok(pairs)
}

/// `NAME=value`, or the client's own value of a name alone if it has one.
pub(super) fn variable(context: &Context, text: &str) -> Option<String> {
    if text.contains('=') {
        return Some(text.to_owned());
    }
    context.environment.get(text).map(|value| format!("{text}={value}"))
}

/// What an image brings is added to what is given.
pub(super) fn complete(settings: &mut Settings, image: &Image) {
    let name = |pair: &str| pair.split('=').next().unwrap_or_default().to_owned();
    let mut env: Vec<String> = Vec::new();
    for pair in &settings.env {
        // The last of a name wins, in the place of the first.
        match env.iter_mut().find(|other| name(other) == name(pair)) {
            Some(other) => other.clone_from(pair),
            None => env.push(pair.clone()),
        }
    }
    for pair in &image.spec.env {
        if !env.iter().any(|other| name(other) == name(pair)) {
            env.push(pair.clone());
        }
    }
    settings.env = env;
    if settings.entrypoint.is_empty() {
        settings.entrypoint.clone_from(&image.spec.entrypoint);
        if settings.command.is_empty() {
            settings.command.clone_from(&image.spec.command);
        }
    }
    if let Some((_, file)) = &image.spec.release {
        let labels = [
            ("org.opencontainers.image.revision", file.release.build_info.git_sha.clone()),
            ("org.opencontainers.image.version", file.release.version.to_string()),
        ];
        for (name, value) in labels {
            settings.labels.entry(name.to_owned()).or_insert(value);
        }
    }
}

/// A node that may not write its state is not modelled.
pub(super) fn refuse_read_only_state(settings: &Settings, image: &Image) -> Run<()> {
    let Some((_, file)) = &image.spec.release else { return Ok(()) };
    let state = &file.release.state.directory;
    match settings.mounts.iter().find(|mount| !mount.writable() && state.starts_with(&mount.destination)) {
        Some(mount) => Err(Stop::Unable(format!("the mount {}: state that is read-only is not modelled", mount.text))),
        None => Ok(()),
    }
}
