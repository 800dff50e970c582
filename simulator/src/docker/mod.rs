//! The container engine and its registry; `docker` and `docker compose`.
//!
//! The engine's state is data, and what takes time in it is events, so a client that is killed leaves the engine at
//! work. Statuses and messages are those of Docker 26.1.5 and Compose 2.26.1, as Debian trixie has them; they were
//! recorded on an operator host.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::machine::Machine;
use crate::machine::process::{Exit, Pid};
use crate::spec::ImageSpec;
use crate::time::Us;

mod client;
mod compose;
mod conflict;
pub mod container;
mod control;
mod create;
mod exec;
pub mod image;
mod inspect;
mod lifecycle;
mod list;
pub mod logs;
mod options;
mod pull;
pub mod registry;
mod settings;
mod subcommands;
mod template;
mod value;
mod waits;

#[cfg(test)]
mod tests;

pub use client::DOCKER;
pub use conflict::hold_name;

use container::{Address, Container};
use image::LocalImage;

/// How long it takes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DockerTimes {
    /// A call of the client that only asks.
    pub call_us: Us,
    /// A container's record and layer.
    pub create_us: Us,
    /// A manifest from the registry, or that there is none.
    pub manifest_us: Us,
    /// An image's layers, fetched and unpacked.
    pub layers_us: Us,
    /// A container's network.
    pub network_us: Us,
    /// The rules and the proxy of published ports, beside it; and that they cannot be had.
    pub publish_us: Us,
    /// From the network to the process.
    pub task_us: Us,
    /// From the end of a process to the end of its port.
    pub released_us: Us,
    /// From there to the engine's record of its end, without and with published ports.
    pub died_us: Us,
    /// See `died_us`.
    pub unpublish_us: Us,
    /// A process in a container that runs.
    pub exec_us: Us,
    /// A call of compose that only asks.
    pub compose_us: Us,
    /// What `compose up` looks at before it acts, and `compose create` beside the engine's own work.
    pub compose_plan_us: Us,
}

/// What containers do by themselves.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DockerEvent {
    /// A container is started again by its policy.
    Restart(usize),
    /// A start has its network, or cannot have it.
    Network(usize),
    /// A start comes to the process.
    Task(usize),
    /// The ports of a container whose process has ended are given back.
    Released(usize, Exit),
    /// The engine has recorded the end.
    Died(usize, Exit),
    /// The grace of a stop is over for this process.
    Kill(usize, Pid),
}

/// A network of containers.
#[derive(Debug, Clone)]
struct Network {
    /// 64 hexadecimal digits.
    id: String,
    /// Its addresses are 172.SUBNET.0.0/16.
    subnet: u8,
}

/// The engine.
#[derive(Debug, Clone, Default)]
pub struct Docker {
    /// The registry.
    pub registry: registry::Registry,
    /// Whether the engine answers; its unit's start and end say so by [`engine_starts`] and [`engine_stops`].
    pub runs: bool,
    images: Vec<LocalImage>,
    containers: BTreeMap<usize, Container>,
    last: usize,
    /// Its own network and those that compose has made, by name.
    networks: BTreeMap<String, Network>,
    /// The stopped container that takes the name of the node's when that is removed.
    holds_name: Option<usize>,
}

impl Docker {
    /// An engine without containers or images, and a registry that holds these.
    pub fn new(images: &[ImageSpec]) -> Docker {
        Docker { registry: registry::Registry { runs: false, images: images.to_vec() }, ..Docker::default() }
    }

    /// All containers, oldest first.
    pub fn containers(&self) -> impl DoubleEndedIterator<Item = &Container> {
        self.containers.values()
    }

    /// By its number.
    pub fn container(&self, number: usize) -> Option<&Container> {
        self.containers.get(&number)
    }

    /// The id of a network that is there.
    fn network_id(&self, name: &str) -> String {
        self.networks.get(name).map(|network| network.id.clone()).unwrap_or_default()
    }

    /// The lowest address of a network that none of its containers has.
    fn free_address(&self, name: &str) -> Option<Address> {
        let subnet = self.networks.get(name)?.subnet;
        let taken: BTreeSet<u8> = self
            .containers()
            .filter_map(|one| one.address)
            .filter(|one| one.subnet == subnet)
            .map(|one| one.host)
            .collect();
        (2..=u8::MAX).find(|host| !taken.contains(host)).map(|host| Address { subnet, host })
    }

    /// By its name.
    pub fn named(&self, name: &str) -> Option<&Container> {
        self.containers.values().find(|container| container.name == name)
    }
}

/// Makes a network with the first subnet that is free; the engine's own comes first.
fn make_network(machine: &mut Machine, name: &str) {
    let id = container::hex_id(machine);
    let networks = &mut machine.docker.networks;
    let taken: BTreeSet<u8> = networks.values().map(|network| network.subnet).collect();
    let subnet = (17..=u8::MAX).find(|subnet| !taken.contains(subnet)).unwrap_or(u8::MAX);
    networks.insert(name.to_owned(), Network { id, subnet });
}

/// Something of a container is due.
pub fn event(machine: &mut Machine, event: DockerEvent) {
    lifecycle::event(machine, event);
}

/// A container's process has ended.
pub fn process_ended(machine: &mut Machine, container: usize, pid: Pid, how: Exit) {
    lifecycle::process_ended(machine, container, pid, how);
}

/// The engine answers from now on; containers that are to run whenever it does are started.
pub fn engine_starts(machine: &mut Machine) {
    lifecycle::engine_starts(machine);
}

/// The engine answers no more, and asks what runs in its containers to end.
pub fn engine_stops(machine: &mut Machine) {
    lifecycle::engine_stops(machine);
}

/// The engine ends with its containers: what waits for its end waits for theirs.
///
/// # Errors
/// As [`Machine::spend`].
pub fn containers_end(machine: &mut Machine) -> crate::Run<()> {
    lifecycle::containers_end(machine)
}
