//! `docker ps`, `images`, `port`, `version`, `info`.

use super::client::{Ask, refused_by_engine, template};
use super::container::{Container, State};
use super::image::LocalImage;
use super::template::BadTemplate;
use super::value::{Value, human, listed};
use crate::machine::{EPOCH_UNIX_US, Machine};
use crate::programs::complain;
use crate::{Run, Stop};

/// Characters of a command in a list that is not `--no-trunc`.
const COMMAND_SHOWN: usize = 19;
/// Blanks between two columns, and the least width of one with them.
const GAP: usize = 3;
/// See [`GAP`].
const WIDTH_MIN: usize = 10;

/// Columns under their names, padded as the client's tabwriter pads them.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            text.push_str(cell);
            if column + 1 < row.len() {
                let width = (widths.get(column).copied().unwrap_or(0) + GAP).max(WIDTH_MIN);
                let pad = width.saturating_sub(cell.chars().count());
                text.extend(std::iter::repeat_n(' ', pad));
            }
        }
        text.push('\n');
    }
    text
}

/// The command of a container in quotes, cut unless all of it is wanted.
pub(super) fn command(container: &Container, whole: bool) -> String {
    let words: Vec<&str> = container.settings.words().map(String::as_str).collect();
    let command = words.join(" ");
    if whole || command.chars().count() <= COMMAND_SHOWN + 1 {
        return format!("\"{command}\"");
    }
    let cut: String = command.chars().take(COMMAND_SHOWN).collect();
    format!("\"{cut}…\"")
}

/// What a list says of a container's state.
pub(super) fn status(machine: &Machine, container: &Container) -> String {
    let now = machine.unix_us();
    let since = |moment: Option<i64>| human(now - moment.unwrap_or(now));
    match container.state {
        State::Created => "Created".to_owned(),
        State::Running => format!("Up {}", since(container.started)),
        State::Restarting => format!("Restarting ({}) {} ago", container.exit_code, since(container.finished)),
        State::Exited => format!("Exited ({}) {} ago", container.exit_code, since(container.finished)),
    }
}

/// Published ports, while they are.
pub(super) fn ports(container: &Container) -> String {
    if container.pid.is_none() {
        return String::new();
    }
    let shown: Vec<String> = container
        .settings
        .ports
        .iter()
        .map(|port| format!("{}:{}->{}/tcp", port.bound(), port.number, port.number))
        .collect();
    shown.join(", ")
}

/// The image as it was asked for, unless that leads elsewhere by now.
fn image(machine: &Machine, container: &Container) -> String {
    match machine.docker.local(&container.reference) {
        Some(local) if local.image.id == container.image.id => container.reference.clone(),
        _ => container.image.id.trim_start_matches("sha256:").get(..12).unwrap_or_default().to_owned(),
    }
}

fn row(machine: &Machine, container: &Container, whole: bool) -> Value {
    let labels = &container.settings.labels;
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mounts: Vec<&str> = container.settings.mounts.iter().map(|mount| mount.source.as_str()).collect();
    let volumes = container.settings.mounts.iter().filter(|mount| mount.volume.is_some()).count();
    let id = if whole { &container.id } else { container.short_id() };
    Value::Struct(vec![
        ("Command", Value::text(command(container, whole))),
        ("CreatedAt", Value::text(listed(container.created))),
        ("ID", Value::text(id)),
        ("Image", Value::text(image(machine, container))),
        ("Labels", Value::text(labels.join(","))),
        ("LocalVolumes", Value::text(volumes.to_string())),
        ("Mounts", Value::text(mounts.join(","))),
        ("Names", Value::text(container.name.as_str())),
        ("Networks", Value::text(container.settings.network.as_str())),
        ("Ports", Value::text(ports(container))),
        ("RunningFor", Value::text(format!("{} ago", human(machine.unix_us() - container.created)))),
        ("Size", Value::text("0B")),
        ("State", Value::text(container.state.word())),
        ("Status", Value::text(status(machine, container))),
    ])
}

/// Whether a container passes all filters; filters of one kind are alternatives.
fn passes(container: &Container, filters: &[&str]) -> Run<bool> {
    let mut kinds: Vec<(&str, bool)> = Vec::new();
    for filter in filters {
        let (kind, wanted) = filter.split_once('=').unwrap_or((filter, ""));
        let fits = match kind {
            // A regular expression; names hold nothing that means anything in one but a full stop.
            "name" if wanted.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-/^$".contains(&byte)) => {
                let name = format!("/{}", container.name);
                let bare = wanted.trim_start_matches('^').trim_end_matches('$');
                match (wanted.starts_with('^'), wanted.ends_with('$')) {
                    (false, false) => name.contains(bare),
                    (true, true) => name == bare || container.name == bare,
                    (true, false) => name.starts_with(bare) || container.name.starts_with(bare),
                    (false, true) => name.ends_with(bare),
                }
            }
            "id" => container.id.starts_with(wanted),
            "status" => container.state.word() == wanted,
            "ancestor" => container.reference == wanted || container.image.id == wanted,
            "label" => match wanted.split_once('=') {
                Some((name, value)) => container.settings.labels.get(name).is_some_and(|one| one == value),
                None => container.settings.labels.contains_key(wanted),
            },
            _ => return Err(Stop::Unable(format!("the filter {filter} of `docker ps` is not modelled"))),
        };
        match kinds.iter_mut().find(|(other, _)| *other == kind) {
            // Labels have all to fit.
            Some((_, fitted)) if kind == "label" => *fitted &= fits,
            Some((_, fitted)) => *fitted |= fits,
            None => kinds.push((kind, fits)),
        }
    }
    Ok(kinds.iter().all(|(_, fits)| *fits))
}

/// Rows by a `--format`, which may be `json` or a template, perhaps after `table`.
pub(super) fn formatted(
    machine: &mut Machine,
    ask: &Ask<'_>,
    format: &str,
    rows: &[Value],
) -> Run<Result<String, i32>> {
    if format == "json" {
        return Ok(Ok(rows.iter().map(|row| format!("{}\n", row.json(None))).collect()));
    }
    if format.starts_with("table") {
        return Err(Stop::Unable("a format that begins with `table` is not modelled".to_owned()));
    }
    // The client reads these two itself.
    let format = format.replace("\\t", "\t").replace("\\n", "\n");
    let template = match template(machine, ask.context, &format)? {
        Ok(template) => template,
        Err(status) => return Ok(Err(status)),
    };
    let mut text = String::new();
    for row in rows {
        match template.execute(row) {
            Ok(line) => {
                text.push_str(&line);
                text.push('\n');
            }
            Err(BadTemplate::Wrong(message)) => {
                complain(machine, ask.context, &format!("template parsing error: {message}\n"))?;
                return Ok(Err(1));
            }
            Err(BadTemplate::Unmodelled(what)) => return Err(Stop::Unable(format!("{what} is not modelled"))),
        }
    }
    Ok(Ok(text))
}

/// `docker ps`
pub(super) fn ps(machine: &mut Machine, ask: &Ask<'_>) -> Run<i32> {
    if let Some(status) = ask.unreachable(machine, || "Get v1.45/containers/json".to_owned())? {
        return Ok(status);
    }
    let filters: Vec<&str> = ask.parsed.all("filter").collect();
    let all =
        ask.parsed.has("all") || ask.parsed.has("latest") || filters.iter().any(|filter| filter.starts_with("status="));
    let mut found = Vec::new();
    for container in machine.docker.containers().rev() {
        if (all || container.counts_as_running()) && passes(container, &filters)? {
            found.push(container);
        }
    }
    if ask.parsed.has("latest") {
        found.truncate(1);
    }
    let whole = ask.parsed.has("no-trunc");
    let text = if ask.parsed.has("quiet") {
        found.iter().map(|one| format!("{}\n", if whole { &one.id } else { one.short_id() })).collect()
    } else if let Some(format) = ask.parsed.value("format") {
        let rows: Vec<Value> = found.iter().map(|one| row(machine, one, whole)).collect();
        match formatted(machine, ask, format, &rows)? {
            Ok(text) => text,
            Err(status) => return Ok(status),
        }
    } else {
        let names = ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"];
        let mut rows = vec![names.map(str::to_owned).to_vec()];
        rows.extend(found.iter().map(|one| {
            vec![
                if whole { one.id.clone() } else { one.short_id().to_owned() },
                image(machine, one),
                command(one, whole),
                format!("{} ago", human(machine.unix_us() - one.created)),
                status(machine, one),
                ports(one),
                one.name.clone(),
            ]
        }));
        table(&rows)
    };
    Ok(ask.say(machine, &text)?.unwrap_or(0))
}

/// `docker images`
pub(super) fn images(machine: &mut Machine, ask: &Ask<'_>) -> Run<i32> {
    if let Some(status) = ask.unreachable(machine, || "Head _ping".to_owned())? {
        return Ok(status);
    }
    let whole = ask.parsed.has("no-trunc");
    let id = |one: &LocalImage| {
        if whole {
            one.image.id.clone()
        } else {
            one.image.id.trim_start_matches("sha256:").get(..12).unwrap_or_default().to_owned()
        }
    };
    let wanted = ask.parsed.operands.first();
    // Images have no date of their own: their records say the machine's first moment.
    let created = format!("{} ago", human(machine.unix_us() - EPOCH_UNIX_US));
    let mut rows = Vec::new();
    for local in machine.docker.images() {
        let repository =
            local.digests.first().and_then(|digest| digest.split_once('@')).map_or("<none>", |(name, _)| name);
        let mut names: Vec<(String, String)> = local
            .tags
            .iter()
            .filter_map(|tag| tag.rsplit_once(':'))
            .map(|(name, tag)| (name.into(), tag.into()))
            .collect();
        if names.is_empty() {
            names.push((repository.to_owned(), "<none>".to_owned()));
        }
        for (name, tag) in names {
            if wanted.is_some_and(|wanted| *wanted != name && *wanted != format!("{name}:{tag}")) {
                continue;
            }
            let mut row = vec![name, tag];
            if ask.parsed.has("digests") {
                row.push(local.image.spec.digest.clone());
            }
            row.extend([id(local), created.clone(), "3.05MB".to_owned()]);
            rows.push((id(local), row));
        }
    }
    let text = if ask.parsed.has("quiet") {
        let mut ids: Vec<String> = rows.into_iter().map(|(id, _)| id).collect();
        ids.dedup();
        ids.into_iter().map(|id| format!("{id}\n")).collect()
    } else {
        let names: &[&str] = if ask.parsed.has("digests") {
            &["REPOSITORY", "TAG", "DIGEST", "IMAGE ID", "CREATED", "SIZE"]
        } else {
            &["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"]
        };
        let mut all: Vec<Vec<String>> = vec![names.iter().map(|name| (*name).to_owned()).collect()];
        all.extend(rows.into_iter().map(|(_, row)| row));
        table(&all)
    };
    Ok(ask.say(machine, &text)?.unwrap_or(0))
}

/// `docker port`
pub(super) fn port(machine: &mut Machine, ask: &Ask<'_>) -> Run<i32> {
    let Some(key) = ask.parsed.operands.first() else { return Ok(1) };
    if let Some(status) = ask.unreachable(machine, || format!("Get v1.45/containers/{key}/json"))? {
        return Ok(status);
    }
    let text = match machine.docker.find(key) {
        Err(message) => return refused_by_engine(machine, ask, &message),
        Ok(container) if container.pid.is_none() => String::new(),
        Ok(container) => {
            let ports = container.settings.ports.iter();
            ports.map(|port| format!("{}/tcp -> {}:{}\n", port.number, port.bound(), port.number)).collect()
        }
    };
    Ok(ask.say(machine, &text)?.unwrap_or(0))
}

/// `docker version`
pub(super) fn version(machine: &mut Machine, ask: &Ask<'_>) -> Run<i32> {
    let field = |name: &str| (name == "Version").then_some("26.1.5+dfsg1");
    if let Some(format) = ask.parsed.value("format") {
        let text = match format {
            "{{.Client.Version}}" => field("Version"),
            "{{.Server.Version}}" => {
                if let Some(status) = ask.unreachable(machine, || "Get v1.45/version".to_owned())? {
                    return Ok(status);
                }
                field("Version")
            }
            _ => None,
        };
        let Some(text) = text else {
            return Err(Stop::Unable(format!("`docker version --format {format}` is not modelled")));
        };
        return Ok(ask.say(machine, &format!("{text}\n"))?.unwrap_or(0));
    }
    let client = "Client:\n Version:           26.1.5+dfsg1\n API version:       1.45\n \
                  OS/Arch:           linux/amd64\n Context:           default\n";
    if let Some(status) = ask.say(machine, client)? {
        return Ok(status);
    }
    if let Some(status) = ask.unreachable(machine, || "Get v1.45/version".to_owned())? {
        return Ok(status);
    }
    let server = "\nServer:\n Engine:\n  Version:          26.1.5+dfsg1\n  \
                  API version:      1.45 (minimum version 1.24)\n  OS/Arch:          linux/amd64\n";
    Ok(ask.say(machine, server)?.unwrap_or(0))
}

/// `docker info`
pub(super) fn info(machine: &mut Machine, ask: &Ask<'_>) -> Run<i32> {
    match ask.parsed.value("format") {
        Some("{{.ServerVersion}}") => {
            // Without an engine the real one prints what it does not know, says so, and ends 0.
            let answers = ask.unreachable(machine, || "Get v1.45/info".to_owned())?.is_none();
            let text = if answers { "26.1.5+dfsg1\n" } else { "\n" };
            return Ok(ask.say(machine, text)?.unwrap_or(0));
        }
        Some(format) => return Err(Stop::Unable(format!("`docker info --format {format}` is not modelled"))),
        None => {}
    }
    if let Some(status) = ask.unreachable(machine, || "Get v1.45/info".to_owned())? {
        return Ok(status);
    }
    let docker = &machine.docker;
    let running = docker.containers().filter(|one| one.state == State::Running).count();
    let all = docker.containers().count();
    let text = format!(
        "Client:\n Version:    26.1.5+dfsg1\n Context:    default\n\nServer:\n Containers: {all}\n  \
         Running: {running}\n  Paused: 0\n  Stopped: {}\n Images: {}\n Server Version: 26.1.5+dfsg1\n Storage Driver: overlay2\n",
        all - running,
        docker.images().len()
    );
    Ok(ask.say(machine, &text)?.unwrap_or(0))
}
