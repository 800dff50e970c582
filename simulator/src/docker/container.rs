//! A container as the engine keeps it, and how one is found.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Docker;
use super::image::Image;
use super::logs::Log;
use crate::machine::Machine;
use crate::machine::process::Pid;

/// What the engine says of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It has never run.
    Created,
    /// Its process lives.
    Running,
    /// Its process has ended and will be started again.
    Restarting,
    /// Its process has ended.
    Exited,
}

impl State {
    /// The engine's word.
    pub fn word(self) -> &'static str {
        match self {
            State::Created => "created",
            State::Running => "running",
            State::Restarting => "restarting",
            State::Exited => "exited",
        }
    }
}

/// When a container is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// Never.
    #[default]
    No,
    /// Whatever its status, also by the engine's start.
    Always,
    /// The same, unless somebody stopped it.
    UnlessStopped,
    /// After a status that is not 0; at most so often, 0 is without end.
    OnFailure(u32),
}

impl Policy {
    /// The engine's word.
    pub fn word(self) -> &'static str {
        match self {
            Policy::No => "no",
            Policy::Always => "always",
            Policy::UnlessStopped => "unless-stopped",
            Policy::OnFailure(_) => "on-failure",
        }
    }

    /// Reads `--restart`.
    ///
    /// # Errors
    /// The engine's message.
    pub fn read(text: &str) -> Result<Policy, String> {
        let (name, count) = text.split_once(':').map_or((text, None), |(name, count)| (name, Some(count)));
        let policy = match (name, count) {
            ("" | "no", None) => Policy::No,
            ("always", None) => Policy::Always,
            ("unless-stopped", None) => Policy::UnlessStopped,
            ("on-failure", None) => Policy::OnFailure(0),
            ("on-failure", Some(count)) => match count.parse() {
                Ok(count) => Policy::OnFailure(count),
                Err(_) => return Err("invalid restart policy format: maximum retry count must be an integer".into()),
            },
            ("no" | "always" | "unless-stopped", Some(_)) => {
                return Err(
                    "Error response from daemon: invalid restart policy: maximum retry count can only be used \
                     with 'on-failure'"
                        .into(),
                );
            }
            _ => {
                return Err(format!(
                    "Error response from daemon: invalid restart policy: unknown policy '{name}'; use one of 'no', \
                     'always', 'on-failure', or 'unless-stopped'"
                ));
            }
        };
        Ok(policy)
    }
}

/// A published port; the container's own has the same number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// As given; empty is every address.
    pub address: String,
    /// On the machine and in the container.
    pub number: u16,
}

impl Port {
    /// The address that is bound.
    pub fn bound(&self) -> &str {
        if self.address.is_empty() { "0.0.0.0" } else { &self.address }
    }
}

/// What is mounted into a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// As given.
    pub text: String,
    /// The name of a volume that the engine keeps.
    pub volume: Option<String>,
    /// On the machine.
    pub source: String,
    /// In the container.
    pub destination: String,
    /// As given after the second colon.
    pub mode: String,
}

impl Mount {
    /// Whether the container may write there.
    pub fn writable(&self) -> bool {
        !self.mode.split(',').any(|word| word == "ro")
    }
}

/// What a container was created with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// When it is started again.
    pub policy: Policy,
    /// Whether it is removed when it has ended.
    pub auto_remove: bool,
    /// Published ports.
    pub ports: Vec<Port>,
    /// `NAME=value` in the engine's order: given ones first, then the image's.
    pub env: Vec<String>,
    /// Mounts.
    pub mounts: Vec<Mount>,
    /// What is run.
    pub entrypoint: Vec<String>,
    /// And its arguments.
    pub command: Vec<String>,
    /// Labels, the image's among them.
    pub labels: BTreeMap<String, String>,
    /// The network's name.
    pub network: String,
    /// Its other names there; compose gives the container's and the service's.
    pub aliases: Vec<String>,
    /// Whether it was made to run without its client: `docker run --detach`.
    pub detached: bool,
}

/// An address 172.SUBNET.0.HOST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// Of the network: 17 is that of `bridge`, further networks have the next ones.
    pub subnet: u8,
    /// Of the container; 1 is the machine.
    pub host: u8,
}

impl Settings {
    /// The executable and its arguments.
    pub fn words(&self) -> impl Iterator<Item = &String> {
        self.entrypoint.iter().chain(&self.command)
    }

    /// A variable's value.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.env.iter().find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name)).map(|(_, value)| value)
    }
}

/// Why a start came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartFailure {
    /// The engine's message.
    pub message: String,
    /// What the engine records as its exit code.
    pub code: i32,
}

/// A container.
#[derive(Debug, Clone)]
pub struct Container {
    /// Its number, which is its network namespace's too.
    pub number: usize,
    /// 64 hexadecimal digits.
    pub id: String,
    /// Without a slash.
    pub name: String,
    /// The image as it was asked for.
    pub reference: String,
    /// The image that this led to.
    pub image: Arc<Image>,
    /// What it was created with.
    pub settings: Settings,
    /// What the engine says of it.
    pub state: State,
    /// Of the last end.
    pub exit_code: i32,
    /// Why the last start came to nothing.
    pub error: String,
    /// Microseconds since 1970.
    pub created: i64,
    /// The same, of the last start.
    pub started: Option<i64>,
    /// The same, of the last end.
    pub finished: Option<i64>,
    /// Starts by its policy.
    pub restarts: u32,
    /// The next wait before one of those, microseconds.
    pub(super) backoff: u64,
    /// Somebody stopped it: its policy rests.
    pub(super) stopped_by_hand: bool,
    /// The client that ran it waits for its end, and removes it then if that is to be.
    pub(super) attached: bool,
    /// A start is under way.
    pub(super) starting: bool,
    /// What the last start came to.
    pub(super) failure: Option<StartFailure>,
    /// When its last start came to its network, microseconds since 1970.
    pub(super) networked: Option<i64>,
    /// In its network, while it runs.
    pub(super) address: Option<Address>,
    /// Its process.
    pub pid: Option<Pid>,
    /// What it wrote.
    pub log: Log,
}

impl Container {
    /// As lists show it.
    pub fn short_id(&self) -> &str {
        self.id.get(..12).unwrap_or_default()
    }

    /// Whether compose made it.
    pub(super) fn of_compose(&self) -> bool {
        self.settings.labels.contains_key(super::compose::PROJECT)
    }

    /// The name of its own layer below the engine's folder for layers.
    pub(super) fn layer(&self) -> String {
        crate::sha256_hex(format!("layer of {}", self.id).as_bytes())
    }

    /// An id that the engine makes anew with each start, such as its sandbox's or its endpoint's.
    pub(super) fn id_of_start(&self, what: &str) -> String {
        crate::sha256_hex(format!("{what} of {} at {:?}", self.id, self.networked).as_bytes())
    }

    /// Whether the engine counts it as running: a restarting one is.
    pub fn counts_as_running(&self) -> bool {
        matches!(self.state, State::Running | State::Restarting)
    }
}

impl Docker {
    /// By name, whole id, or the beginning of one.
    ///
    /// # Errors
    /// The engine's message.
    pub fn find(&self, key: &str) -> Result<&Container, String> {
        let name = key.strip_prefix('/').unwrap_or(key);
        if let Some(container) = self.containers.values().find(|one| one.name == name || one.id == key) {
            return Ok(container);
        }
        let mut begins = self.containers.values().filter(|one| !key.is_empty() && one.id.starts_with(key));
        match (begins.next(), begins.next()) {
            (Some(container), None) => Ok(container),
            (Some(_), Some(_)) => Err(format!("Multiple IDs found with provided prefix: {key}")),
            _ => Err(format!("No such container: {key}")),
        }
    }

    /// The message of a name that is taken or cannot be one.
    pub(super) fn name_refused(&self, name: &str) -> Option<String> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        let valid = name.len() > 1
            && name.bytes().all(allowed)
            && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if !valid {
            return Some(format!("Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"));
        }
        self.named(name).map(|holder| {
            format!(
                "Conflict. The container name \"/{name}\" is already in use by container \"{}\". You have to remove \
                 (or rename) that container to be able to reuse that name.",
                holder.id
            )
        })
    }
}

/// Hexadecimal digits by the seed.
pub(super) fn hex_id(machine: &mut Machine) -> String {
    use std::fmt::Write;
    (0..4).fold(String::with_capacity(64), |mut id, _| {
        let _ = write!(id, "{:016x}", machine.random(u64::MAX));
        id
    })
}

/// A name for a container that was given none: as the engine's, of two words.
pub(super) fn made_up_name(machine: &mut Machine) -> String {
    const HOW: [&str; 16] = [
        "admiring", "amazing", "bold", "busy", "clever", "eager", "epic", "focused", "gallant", "happy", "jolly",
        "keen", "loving", "modest", "quirky", "zen",
    ];
    const WHO: [&str; 16] = [
        "bohr", "curie", "darwin", "diffie", "euler", "fermat", "gauss", "hopper", "kepler", "lovelace", "noether",
        "pascal", "shannon", "tesla", "turing", "wilson",
    ];
    let pick = |machine: &mut Machine, words: &[&'static str]| {
        let at = usize::try_from(machine.random(words.len() as u64)).unwrap_or(0);
        words.get(at).copied().unwrap_or_default()
    };
    let name = format!("{}_{}", pick(machine, &HOW), pick(machine, &WHO));
    if machine.docker.named(&name).is_none() {
        return name;
    }
    format!("{name}{}", machine.docker.last)
}
