//! `docker run`, `docker create`: from options to a container.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::client::{Ask, engine_error};
use super::container::{Policy, Settings, State, made_up_name};
use super::image::{Image, Pulled, Reference, pull};
use super::lifecycle;
use super::options::Options;
use super::settings::{complete, read_env_file, read_mount, read_port, refuse_read_only_state, variable};
use super::waits;
use crate::machine::Machine;
use crate::programs::{complain, print};
use crate::{Run, Stop};

/// What both know.
const KNOWN: &str = "e,env= env-file= entrypoint= name= p,publish= v,volume= restart= rm l,label= pull= q,quiet";
/// What the real client has besides that.
const REFUSED: &str = "add-host= annotation= a,attach= blkio-weight= blkio-weight-device= cap-add= cap-drop= \
    cgroup-parent= cgroupns= cidfile= cpu-period= cpu-quota= cpu-rt-period= cpu-rt-runtime= c,cpu-shares= cpus= \
    cpuset-cpus= cpuset-mems= detach-keys= device= device-cgroup-rule= device-read-bps= device-read-iops= \
    device-write-bps= device-write-iops= disable-content-trust dns= dns-option= dns-search= domainname= expose= gpus= \
    group-add= health-cmd= health-interval= health-retries= health-start-interval= health-start-period= \
    health-timeout= h,hostname= init i,interactive ip= ip6= ipc= isolation= kernel-memory= label-file= link= \
    link-local-ip= log-driver= log-opt= mac-address= m,memory= memory-reservation= memory-swap= memory-swappiness= \
    mount= network= net= network-alias= no-healthcheck oom-kill-disable oom-score-adj= pid= pids-limit= platform= \
    privileged P,publish-all read-only runtime= security-opt= shm-size= sig-proxy stop-signal= stop-timeout= \
    storage-opt= sysctl= tmpfs= t,tty ulimit= u,user= userns= uts= volume-driver= volumes-from= w,workdir=";

/// Of `docker create`.
pub(super) const OPTIONS: Options = Options { known: KNOWN, refused: REFUSED, interspersed: false };
/// Of `docker run`.
pub(super) const RUN_OPTIONS: Options = Options {
    known: "d,detach e,env= env-file= entrypoint= name= p,publish= v,volume= restart= rm l,label= pull= q,quiet",
    refused: REFUSED,
    interspersed: false,
};

/// Why there is no container.
enum Refusal {
    /// The client says so.
    Client(String),
    /// The engine does.
    Engine(String),
}

/// What the engine is asked to make.
struct Wanted {
    name: Option<String>,
    reference: Reference,
    given: String,
    settings: Settings,
}

fn read(machine: &mut Machine, ask: &Ask<'_>) -> Run<Result<Wanted, Refusal>> {
    let parsed = &ask.parsed;
    let client = |message: String| Ok(Err(Refusal::Client(message)));
    let (Some(given), context) = (parsed.operands.first(), ask.context) else { return client(String::new()) };
    let mut ports = Vec::new();
    for text in parsed.all("publish") {
        match read_port(text)? {
            Ok(port) => ports.push(port),
            Err(message) => return client(message),
        }
    }
    let mut env = Vec::new();
    for path in parsed.all("env-file") {
        match read_env_file(machine, context, path) {
            Ok(pairs) => env.extend(pairs),
            Err(message) => return client(message),
        }
    }
    env.extend(parsed.all("env").filter_map(|text| variable(context, text)));
    let mut labels = BTreeMap::new();
    for text in parsed.all("label") {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        labels.insert(name.to_owned(), value.to_owned());
    }
    let policy = match parsed.value("restart").map_or(Ok(Policy::No), Policy::read) {
        Ok(policy) => policy,
        Err(message) => return client(message),
    };
    let auto_remove = parsed.has("rm");
    if auto_remove && policy != Policy::No {
        return client("Conflicting options: --restart and --rm".to_owned());
    }
    if parsed.value("pull").is_some_and(|when| when != "missing") {
        return Err(Stop::Unable("`--pull` with another value than `missing` is not modelled".to_owned()));
    }
    let reference = match Reference::read(given) {
        Ok(reference) => reference,
        Err(message) => return client(message),
    };
    let mut mounts = Vec::new();
    for text in parsed.all("volume") {
        match read_mount(machine, text)? {
            Ok(mount) => mounts.push(mount),
            Err(message) => return Ok(Err(Refusal::Engine(message))),
        }
    }
    let entrypoint = parsed.value("entrypoint").filter(|text| !text.is_empty()).map(str::to_owned);
    let settings = Settings {
        policy,
        auto_remove,
        ports,
        env,
        mounts,
        entrypoint: entrypoint.into_iter().collect(),
        command: parsed.operands.iter().skip(1).cloned().collect(),
        labels,
        network: "bridge".to_owned(),
        aliases: Vec::new(),
        detached: parsed.has("detach"),
    };
    let name = parsed.value("name").map(str::to_owned);
    Ok(Ok(Wanted { name, reference, given: given.clone(), settings }))
}

/// What a pull shows on its way.
pub(super) fn progress(pulled: &Pulled, reference: &Reference) -> String {
    use std::fmt::Write;
    let digest = &pulled.image.spec.digest;
    let tag = &reference.version;
    let mut text = format!("{tag}: Pulling from {}\n", reference.path);
    if pulled.fetched {
        let layer = crate::sha256_hex(format!("layer of {digest}").as_bytes());
        let layer = layer.get(..12).unwrap_or_default();
        for what in ["Pulling fs layer", "Verifying Checksum", "Download complete", "Pull complete"] {
            let _ = writeln!(text, "{layer}: {what}");
        }
    }
    let status = if pulled.newer { "Downloaded newer image" } else { "Image is up to date" };
    let _ = writeln!(text, "Digest: {digest}\nStatus: {status} for {}", reference.shown);
    text
}

/// The image of a reference: the machine's own if it has one, else the registry's.
fn obtain(machine: &mut Machine, ask: &Ask<'_>, reference: &Reference) -> Run<Result<Arc<Image>, Refusal>> {
    if let Some(here) = machine.docker.local(&reference.shown) {
        return Ok(Ok(here.image.clone()));
    }
    let quiet = ask.parsed.has("quiet");
    if !quiet {
        complain(machine, ask.context, &format!("Unable to find image '{}' locally\n", reference.shown))?;
    }
    match pull(machine, reference)? {
        Ok(pulled) => {
            if !quiet {
                complain(machine, ask.context, &progress(&pulled, reference))?;
            }
            Ok(Ok(pulled.image))
        }
        Err(message) => Ok(Err(Refusal::Engine(message))),
    }
}

fn make(machine: &mut Machine, ask: &Ask<'_>) -> Run<Result<usize, Refusal>> {
    let wanted = match read(machine, ask)? {
        Ok(wanted) => wanted,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if let Some(message) = engine_error(machine, ask.context, || "Head _ping".to_owned()) {
        return Ok(Err(Refusal::Client(message)));
    }
    // An id's beginning is no reference that could be pulled.
    let by_id = machine.docker.local(&wanted.given).map(|one| one.image.clone());
    let image = match by_id {
        Some(image) => image,
        None => match obtain(machine, ask, &wanted.reference)? {
            Ok(image) => image,
            Err(refusal) => return Ok(Err(refusal)),
        },
    };
    let took = machine.calibration.docker.create_us;
    let took = machine.about(took);
    machine.spend(took)?;
    let name = match wanted.name {
        Some(name) => name,
        None => made_up_name(machine),
    };
    if let Some(message) = machine.docker.name_refused(&name) {
        return Ok(Err(Refusal::Engine(message)));
    }
    let mut settings = wanted.settings;
    complete(&mut settings, &image);
    refuse_read_only_state(&settings, &image)?;
    Ok(Ok(lifecycle::create(machine, &name, &wanted.given, image, settings)))
}

/// `docker create`
pub(super) fn create(machine: &mut Machine, ask: &Ask<'_>) -> Run<i32> {
    let message = match make(machine, ask)? {
        Ok(number) => {
            let id = machine.docker.container(number).map(|one| one.id.clone()).unwrap_or_default();
            return Ok(ask.say(machine, &format!("{id}\n"))?.unwrap_or(0));
        }
        Err(Refusal::Client(message)) => message,
        Err(Refusal::Engine(message)) => format!("Error response from daemon: {message}"),
    };
    complain(machine, ask.context, &format!("{message}\n")).map(|()| 1)
}

/// The status of `docker run` for what the engine or the runtime says (docker/cli, run.go).
fn status_of(message: &str) -> i32 {
    let has = |part: &str| message.contains(part);
    if has("executable file not found") || has("no such file or directory") || has("system cannot find the file") {
        127
    } else if has("permission denied") || has("is a directory") {
        126
    } else {
        125
    }
}

/// `docker run`
pub(super) fn run(machine: &mut Machine, ask: &Ask<'_>) -> Run<i32> {
    let number = match make(machine, ask)? {
        Ok(number) => number,
        Err(refusal) => {
            let (message, of_client) = match refusal {
                Refusal::Client(message) => (message, true),
                Refusal::Engine(message) => (format!("Error response from daemon: {message}"), false),
            };
            // What the client finds in its own options is 125, whatever it is.
            let reached = !of_client || message.contains("docker.sock");
            let status = if reached { status_of(&message) } else { 125 };
            let message = message.strip_suffix('.').unwrap_or(&message);
            let text = format!("docker: {message}.\nSee 'docker run --help'.\n");
            return complain(machine, ask.context, &text).map(|()| status);
        }
    };
    let (id, written) =
        machine.docker.container(number).map(|one| (one.id.clone(), one.log.written)).unwrap_or_default();
    let detach = ask.parsed.has("detach");
    if let Some(container) = machine.docker.containers.get_mut(&number) {
        container.attached = !detach;
    }
    let started = waits::start(machine, number)?;
    if detach && let Some(status) = ask.say(machine, &format!("{id}\n"))? {
        return Ok(status);
    }
    if let Err(failure) = started {
        let text = format!("docker: Error response from daemon: {}.\n", failure.message);
        complain(machine, ask.context, &text)?;
        return Ok(status_of(&failure.message));
    }
    if detach { Ok(0) } else { attached(machine, ask, number, written) }
}

/// Shows what a container writes until it ends.
fn attached(machine: &mut Machine, ask: &Ask<'_>, number: usize, mut shown: u64) -> Run<i32> {
    let mut status = 0;
    loop {
        let Some(container) = machine.docker.container(number) else { return Ok(status) };
        let fresh = usize::try_from(container.log.written - shown).unwrap_or(usize::MAX);
        let skipped = container.log.lines.len().saturating_sub(fresh);
        let lines: Vec<_> = container.log.lines.iter().skip(skipped).cloned().collect();
        shown = container.log.written;
        let ended = container.state == State::Exited;
        status = container.exit_code;
        for line in lines {
            let text = format!("{}\n", line.text);
            if line.stderr {
                complain(machine, ask.context, &text)?;
            } else if let Err(failure) = print(machine, ask.context, text.as_bytes())? {
                return ask.write_failed(machine, failure);
            }
        }
        if ended {
            if machine.docker.container(number).is_some_and(|one| one.settings.auto_remove) {
                lifecycle::remove(machine, number);
            }
            return Ok(status);
        }
        machine.step()?;
    }
}
