//! `docker inspect`, `docker image inspect`: what the engine tells of an object.

use std::collections::BTreeMap;

use super::client::{Ask, template};
use super::image::{LocalImage, Reference};
use super::template::{BadTemplate, Template};
use super::value::Value;
use crate::machine::Machine;
use crate::programs::complain;
use crate::{Run, Stop};

mod container;

use container::container_value;

/// As the image's record says; releases have no date of their own.
const IMAGE_CREATED: &str = "2026-01-01T00:00:00Z";

/// Some of what the real engine tells of an image, in its order.
pub(super) fn image_value(local: &LocalImage) -> Value {
    let (text, spec) = (|text: &str| Value::text(text), &local.image.spec);
    let mut labels = BTreeMap::new();
    if let Some((_, file)) = &spec.release {
        let revision = file.release.build_info.git_sha.clone();
        labels.insert("org.opencontainers.image.revision".to_owned(), revision);
        labels.insert("org.opencontainers.image.version".to_owned(), file.release.version.to_string());
    }
    let config = Value::Struct(vec![
        ("User", text("")),
        ("Env", Value::texts(&spec.env)),
        ("Cmd", if spec.command.is_empty() { Value::Nil("[]") } else { Value::texts(&spec.command) }),
        ("WorkingDir", text("")),
        ("Entrypoint", Value::texts(&spec.entrypoint)),
        ("Labels", Value::labels(&labels)),
    ]);
    Value::Struct(vec![
        ("Id", text(&local.image.id)),
        ("RepoTags", Value::texts(&local.tags)),
        ("RepoDigests", Value::texts(&local.digests)),
        ("Created", text(IMAGE_CREATED)),
        ("Config", config),
        ("Architecture", text("amd64")),
        ("Os", text("linux")),
    ])
}

/// What a name leads to, or the message that it leads nowhere.
fn look_up(machine: &Machine, key: &str, kind: Option<&str>) -> Result<Value, String> {
    let image = || machine.docker.local(key).map(image_value);
    let container = machine.docker.find(key).map(|one| container_value(&machine.docker, one));
    match kind {
        None => container.ok().or_else(image).ok_or_else(|| format!("Error: No such object: {key}")),
        Some("container") => container.map_err(|message| format!("Error response from daemon: {message}")),
        Some(_) => image().ok_or_else(|| format!("Error response from daemon: {}", no_image(key))),
    }
}

/// The engine's message of an image that is not here.
pub(super) fn no_image(key: &str) -> String {
    let shown = Reference::read(key).map_or_else(|_| key.to_owned(), |reference| reference.shown);
    format!("No such image: {shown}")
}

/// `docker inspect`
pub(super) fn inspect(machine: &mut Machine, ask: &Ask<'_>) -> Run<i32> {
    match ask.parsed.value("type") {
        None | Some("") => all(machine, ask, None),
        Some(kind @ ("container" | "image")) => all(machine, ask, Some(kind)),
        Some(kind @ ("network" | "node" | "plugin" | "secret" | "service" | "swarm" | "task" | "volume")) => {
            Err(Stop::Unable(format!("`docker inspect --type {kind}` is not modelled")))
        }
        Some(kind) => {
            complain(machine, ask.context, &format!("\"{kind}\" is not a valid value for --type\n")).map(|()| 1)
        }
    }
}

/// `docker container inspect`
pub(super) fn inspect_containers(machine: &mut Machine, ask: &Ask<'_>) -> Run<i32> {
    all(machine, ask, Some("container"))
}

/// `docker image inspect`
pub(super) fn inspect_images(machine: &mut Machine, ask: &Ask<'_>) -> Run<i32> {
    all(machine, ask, Some("image"))
}

fn all(machine: &mut Machine, ask: &Ask<'_>, kind: Option<&str>) -> Run<i32> {
    let format = ask.parsed.value("format").filter(|format| !format.is_empty());
    let as_json = format == Some("json");
    let printed = match format.filter(|_| !as_json) {
        Some(format) => match template(machine, ask.context, format)? {
            Ok(template) => Some(template),
            Err(status) => return Ok(status),
        },
        None => None,
    };
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for key in &ask.parsed.operands {
        let folder = if kind == Some("image") { "images" } else { "containers" };
        let request = || format!("Get v1.45/{folder}/{key}/json");
        match super::client::engine_error(machine, ask.context, request) {
            Some(message) => {
                errors.push(message);
                // One that cannot be reached is not asked again.
                break;
            }
            None => match look_up(machine, key, kind) {
                Ok(value) => found.push(value),
                Err(message) => errors.push(message),
            },
        }
    }
    let text = match printed {
        Some(template) => lines(&template, &found, &mut errors)?,
        None if as_json => format!("{}\n", Value::List(found).json(None)),
        None => format!("{}\n", Value::List(found).json(Some("    "))),
    };
    if let Some(status) = ask.say(machine, &text)? {
        return Ok(status);
    }
    if errors.is_empty() {
        return Ok(0);
    }
    complain(machine, ask.context, &format!("{}\n", errors.join("\n"))).map(|()| 1)
}

/// Each object by the template, a line each; with none at all an empty line.
fn lines(template: &Template, found: &[Value], errors: &mut Vec<String>) -> Run<String> {
    let mut text = String::new();
    for value in found {
        match template.execute(value) {
            Ok(line) => {
                text.push_str(&line);
                text.push('\n');
            }
            Err(BadTemplate::Wrong(message)) => {
                *errors = vec![format!("template parsing error: {message}")];
                break;
            }
            Err(BadTemplate::Unmodelled(what)) => return Err(Stop::Unable(format!("{what} is not modelled"))),
        }
    }
    if text.is_empty() {
        text.push('\n');
    }
    Ok(text)
}
