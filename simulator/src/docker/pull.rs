//! `docker pull`, `tag`, `rmi`.

use super::client::{Ask, refused_by_engine};
use super::create::progress;
use super::image::{self, Reference};
use super::inspect::no_image;
use crate::Run;
use crate::machine::Machine;
use crate::programs::complain;

/// `docker pull`
pub(super) fn pull(machine: &mut Machine, ask: &Ask<'_>) -> Run<i32> {
    let Some(text) = ask.parsed.operands.first() else { return Ok(1) };
    let reference = match Reference::read(text) {
        Ok(reference) => reference,
        Err(message) => return complain(machine, ask.context, &format!("{message}\n")).map(|()| 1),
    };
    let quiet = ask.parsed.has("quiet");
    if !quiet
        && !text.ends_with(&reference.version)
        && let Some(status) = ask.say(machine, "Using default tag: latest\n")?
    {
        return Ok(status);
    }
    let version = &reference.version;
    let name = reference.shown.strip_suffix(version.as_str()).unwrap_or_default().trim_end_matches([':', '@']);
    let request = || format!("Post v1.45/images/create?fromImage={name}&tag={version}");
    if let Some(status) = ask.unreachable(machine, request)? {
        return Ok(status);
    }
    match image::pull(machine, &reference)? {
        Ok(pulled) => {
            let shown = if quiet { String::new() } else { progress(&pulled, &reference) };
            Ok(ask.say(machine, &format!("{shown}{}\n", reference.shown))?.unwrap_or(0))
        }
        Err(message) => refused_by_engine(machine, ask, &message),
    }
}

/// `docker tag`
pub(super) fn tag(machine: &mut Machine, ask: &Ask<'_>) -> Run<i32> {
    let [from, to] = ask.parsed.operands.as_slice() else { return Ok(1) };
    let to = match Reference::read(to) {
        Ok(reference) if !reference.version.starts_with("sha256:") => reference,
        Ok(_) => {
            return complain(machine, ask.context, "refusing to create a tag with a digest reference\n").map(|()| 1);
        }
        Err(message) => {
            let text = format!("Error parsing reference: {to:?} is not a valid repository/tag: {message}\n");
            return complain(machine, ask.context, &text).map(|()| 1);
        }
    };
    if let Some(status) = ask.unreachable(machine, || format!("Post v1.45/images/{from}/tag"))? {
        return Ok(status);
    }
    match machine.docker.local(from).map(|one| one.image.clone()) {
        Some(image) => {
            machine.docker.tag(&image, &to.shown);
            Ok(0)
        }
        None => refused_by_engine(machine, ask, &no_image(from)),
    }
}

/// `docker rmi`
pub(super) fn rmi(machine: &mut Machine, ask: &Ask<'_>) -> Run<i32> {
    let mut status = 0;
    for key in &ask.parsed.operands {
        if let Some(failed) = ask.unreachable(machine, || format!("Delete v1.45/images/{key}"))? {
            status = failed;
            continue;
        }
        let message = match machine.docker.local(key) {
            None => Some(no_image(key)),
            Some(local) => in_use(machine, key, local, ask.parsed.has("force")),
        };
        if let Some(message) = message {
            if !ask.parsed.has("force") || !message.starts_with("No such image") {
                status = 1;
            }
            refused_by_engine(machine, ask, &message)?;
            continue;
        }
        let lines = machine.docker.untag(key);
        if !lines.is_empty()
            && let Some(status) = ask.say(machine, &format!("{}\n", lines.join("\n")))?
        {
            return Ok(status);
        }
    }
    Ok(status)
}

/// Why the last tag of an image cannot go: a container was made of it.
fn in_use(machine: &Machine, key: &str, local: &image::LocalImage, force: bool) -> Option<String> {
    let short = |id: &str| id.trim_start_matches("sha256:").get(..12).unwrap_or_default().to_owned();
    let of_it: Vec<_> = machine.docker.containers().filter(|one| one.image.id == local.image.id).collect();
    if local.tags.len() > 1 {
        return None;
    }
    if let Some(running) = of_it.iter().find(|one| one.counts_as_running()) {
        let (container, image) = (running.short_id(), short(&local.image.id));
        return Some(if force {
            format!(
                "conflict: unable to delete {image} (cannot be forced) - image is being used by running container \
                 {container}"
            )
        } else {
            format!(
                "conflict: unable to remove repository reference \"{key}\" (must force) - container {container} is \
                 using its referenced image {image}"
            )
        });
    }
    let holder = of_it.first()?;
    (!force).then(|| {
        format!(
            "conflict: unable to remove repository reference \"{key}\" (must force) - container {} is using its \
             referenced image {}",
            holder.short_id(),
            short(&local.image.id)
        )
    })
}
