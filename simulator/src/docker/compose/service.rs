//! One service of a compose file.

use super::Failure;
use super::project::{Load, Project, invalid, unmodelled};
use super::yaml::Yaml;
use crate::docker::container::{Mount, Port};
use crate::docker::settings::{read_env_file, read_mount, read_port};
use crate::machine::Machine;
use crate::shell::Context;
use crate::{Run, sha256_hex};

/// Labels that compose finds its containers by.
pub(in crate::docker) const PROJECT: &str = "com.docker.compose.project";
/// See [`PROJECT`].
pub(super) const SERVICE: &str = "com.docker.compose.service";
/// What a container was made from.
pub(super) const CONFIG_HASH: &str = "com.docker.compose.config-hash";
/// The image that it was made of.
pub(super) const IMAGE: &str = "com.docker.compose.image";

/// Keys of the specification that are not modelled.
const REFUSED: [&str; 72] = [
    "annotations",
    "attach",
    "blkio_config",
    "build",
    "cap_add",
    "cap_drop",
    "cgroup",
    "cgroup_parent",
    "configs",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_rt_period",
    "cpu_rt_runtime",
    "cpu_shares",
    "cpus",
    "cpuset",
    "credential_spec",
    "deploy",
    "develop",
    "device_cgroup_rules",
    "devices",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "expose",
    "extends",
    "external_links",
    "extra_hosts",
    "group_add",
    "healthcheck",
    "hostname",
    "init",
    "ipc",
    "isolation",
    "label_file",
    "labels",
    "links",
    "logging",
    "mac_address",
    "mem_limit",
    "mem_reservation",
    "mem_swappiness",
    "memswap_limit",
    "networks",
    "oom_kill_disable",
    "oom_score_adj",
    "pid",
    "pids_limit",
    "platform",
    "privileged",
    "profiles",
    "pull_policy",
    "read_only",
    "runtime",
    "scale",
    "secrets",
    "security_opt",
    "shm_size",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "storage_opt",
    "sysctls",
    "tmpfs",
    "tty",
    "ulimits",
    "user",
    "userns_mode",
    "volumes_from",
];

/// A service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its image as it was asked for.
    pub image: String,
    /// Its container's name.
    pub container: String,
    /// `NAME=value`, of its env files first.
    pub env: Vec<String>,
    /// Published ports.
    pub ports: Vec<Port>,
    /// Mounts.
    pub mounts: Vec<Mount>,
    /// It is in no network of its own, but in the machine's.
    pub host_network: bool,
    /// `restart` as it stands.
    pub restart: String,
    /// Services that come first.
    pub depends_on: Vec<String>,
    /// Instead of the image's.
    pub command: Vec<String>,
    /// Instead of the image's.
    pub entrypoint: Vec<String>,
}

impl Service {
    /// Compose's own hash is of its JSON; what matters is that it changes with anything of the service, the services
    /// that it waits for among it.
    pub fn hash(&self) -> String {
        sha256_hex(format!("{self:?}").as_bytes())
    }

    /// The same service without those that are not taken along.
    pub fn only_after(&self, taken: &[&str]) -> Service {
        let mut service = self.clone();
        service.depends_on.retain(|name| taken.contains(&name.as_str()));
        service
    }
}

/// Items of a sequence, or a scalar as the only one.
fn items(node: &Yaml) -> Option<Vec<String>> {
    match node {
        Yaml::List(list) => list.iter().map(|item| item.as_scalar().map(str::to_owned)).collect(),
        Yaml::Scalar { text, .. } => Some(vec![text.clone()]),
        _ => None,
    }
}

/// A command's words. Without quotes a shell and compose split a text alike.
fn words(node: &Yaml) -> Option<Vec<String>> {
    match node {
        Yaml::List(_) => items(node),
        Yaml::Scalar { text, .. } if !text.contains(['"', '\'', '\\']) => {
            Some(text.split_whitespace().map(str::to_owned).collect())
        }
        _ => None,
    }
}

/// Reads a service.
pub(super) fn read(
    machine: &mut Machine,
    context: &Context,
    project: &Project,
    name: &str,
    node: &Yaml,
) -> Load<Service> {
    let file = &project.file;
    let Yaml::Map(entries) = node else {
        return invalid(format!("validating {file}: services.{name} must be a mapping"));
    };
    let mut service = Service {
        name: name.to_owned(),
        image: String::new(),
        container: format!("{}-{name}-1", project.name),
        env: Vec::new(),
        ports: Vec::new(),
        mounts: Vec::new(),
        host_network: false,
        restart: String::new(),
        depends_on: Vec::new(),
        command: Vec::new(),
        entrypoint: Vec::new(),
    };
    let (mut env_files, mut environment) = (Vec::new(), Vec::new());
    for (key, value) in entries {
        let place = format!("services.{name}.{key}");
        let text = |place_of: &mut String| match value.as_text() {
            Some(text) => {
                text.clone_into(place_of);
                None
            }
            None => Some(format!("validating {file}: {place} must be a string")),
        };
        let form = || unmodelled(&format!("this form of `{place}`"));
        let bad = match key.as_str() {
            "image" => text(&mut service.image),
            "container_name" => text(&mut service.container),
            "restart" => text(&mut service.restart),
            "env_file" => match items(value) {
                Some(files) => {
                    env_files = files;
                    None
                }
                None => return form(),
            },
            "environment" => match pairs(context, value) {
                Some(pairs) => {
                    environment = pairs;
                    None
                }
                None => return form(),
            },
            "network_mode" if value.as_text() == Some("host") => {
                service.host_network = true;
                None
            }
            "network_mode" => return form(),
            "ports" => match items(value).filter(|_| matches!(value, Yaml::List(_))) {
                Some(ports) => match ports_of(&ports)? {
                    Ok(ports) => {
                        service.ports = ports;
                        None
                    }
                    Err(message) => Some(message),
                },
                None => return form(),
            },
            "volumes" => match items(value).filter(|_| matches!(value, Yaml::List(_))) {
                Some(volumes) => match mounts_of(machine, &project.folder, &volumes)? {
                    Ok(mounts) => {
                        service.mounts = mounts;
                        None
                    }
                    Err(message) => Some(message),
                },
                None => return form(),
            },
            "depends_on" => match after(value) {
                Some(names) => {
                    service.depends_on = names;
                    None
                }
                None => return form(),
            },
            "command" | "entrypoint" => match words(value) {
                Some(words) if key == "command" => {
                    service.command = words;
                    None
                }
                Some(words) => {
                    service.entrypoint = words;
                    None
                }
                None if *value == Yaml::Null => None,
                None => return form(),
            },
            other if REFUSED.contains(&other) => return unmodelled(&format!("the key `{place}`")),
            extension if extension.starts_with("x-") => None,
            other => Some(format!("validating {file}: services.{name} Additional property {other} is not allowed")),
        };
        if let Some(message) = bad {
            return invalid(message);
        }
    }
    if service.image.is_empty() {
        return invalid(format!(
            "service \"{name}\" has neither an image nor a build context specified: invalid compose project"
        ));
    }
    if let Err(failure) = env_of(machine, context, project, &mut service, &env_files) {
        return Ok(Err(failure));
    }
    service.env.extend(environment);
    Ok(Ok(service))
}

fn env_of(
    machine: &Machine,
    context: &Context,
    project: &Project,
    service: &mut Service,
    files: &[String],
) -> Result<(), Failure> {
    for path in files {
        let full = if path.starts_with('/') { path.clone() } else { format!("{}/{path}", project.folder) };
        let pairs = read_env_file(machine, context, &full).map_err(|message| {
            let missing = message.ends_with("no such file or directory");
            let message = if missing {
                format!("env file {full} not found: stat {full}: no such file or directory")
            } else {
                message
            };
            Failure { status: 14, message }
        })?;
        service.env.extend(pairs);
    }
    Ok(())
}

fn pairs(context: &Context, node: &Yaml) -> Option<Vec<String>> {
    let own = |name: &str| context.environment.get(name).map(|value| format!("{name}={value}"));
    match node {
        Yaml::Map(entries) => {
            let pair = |(name, value): &(String, Yaml)| match value {
                Yaml::Null => Some(own(name)),
                Yaml::Scalar { text, .. } => Some(Some(format!("{name}={text}"))),
                _ => None,
            };
            let pairs: Option<Vec<Option<String>>> = entries.iter().map(pair).collect();
            pairs.map(|pairs| pairs.into_iter().flatten().collect())
        }
        Yaml::List(_) => items(node).map(|items| {
            items.into_iter().filter_map(|item| if item.contains('=') { Some(item) } else { own(&item) }).collect()
        }),
        Yaml::Null => Some(Vec::new()),
        Yaml::Scalar { .. } => None,
    }
}

fn ports_of(texts: &[String]) -> Words<Vec<Port>> {
    let mut ports = Vec::new();
    for text in texts {
        match read_port(text)? {
            Ok(port) => ports.push(port),
            Err(message) => return Ok(Err(message)),
        }
    }
    Ok(Ok(ports))
}

/// A message, or what is not modelled.
type Words<T> = Run<Result<T, String>>;

fn mounts_of(machine: &mut Machine, folder: &str, texts: &[String]) -> Words<Vec<Mount>> {
    let mut mounts = Vec::new();
    for text in texts {
        if !text.contains(':') || !text.starts_with(['/', '.']) {
            return unmodelled(&format!("the volume `{text}`, which is no folder of the machine"));
        }
        let full = match text.strip_prefix("./") {
            Some(rest) => format!("{folder}/{rest}"),
            None if text.starts_with('.') => return unmodelled(&format!("the source of the volume `{text}`")),
            None => text.clone(),
        };
        // Compose writes the mode out.
        let full = if full.matches(':').count() == 1 { format!("{full}:rw") } else { full };
        match read_mount(machine, &full)? {
            Ok(mount) => mounts.push(mount),
            Err(message) => return Ok(Err(message)),
        }
    }
    Ok(Ok(mounts))
}

/// The names of `depends_on`; only that a service has been started can be waited for here.
fn after(node: &Yaml) -> Option<Vec<String>> {
    let mut names = match node {
        Yaml::List(_) => items(node)?,
        Yaml::Map(entries) => {
            let started = |value: &Yaml| match value {
                Yaml::Null => true,
                Yaml::Map(conditions) => conditions
                    .iter()
                    .all(|(key, value)| key == "condition" && value.as_text() == Some("service_started")),
                _ => false,
            };
            entries.iter().map(|(name, value)| started(value).then(|| name.clone())).collect::<Option<_>>()?
        }
        _ => return None,
    };
    names.sort();
    Some(names)
}
