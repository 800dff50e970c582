//! How long things take on a real operator host: one data file, measured there, none of it decided by hand elsewhere.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::time::Us;

/// The file; `calibration.toml` says where each figure is from.
const FILE: &str = include_str!("../calibration.toml");

/// All durations, in microseconds.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The agent's own work.
    pub agent: crate::agent::AgentTimes,
    /// The engine.
    pub docker: crate::docker::DockerTimes,
    /// Ways of requests.
    pub net: NetTimes,
    /// A node's process.
    pub node: NodeTimes,
    /// Commands.
    pub programs: crate::programs::ProgramTimes,
    /// The shell's own work.
    #[serde(default)]
    pub shell: crate::shell::ShellTimes,
    /// Units.
    pub systemd: crate::systemd::SystemdTimes,
}

/// Ways of requests.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetTimes {
    /// Request and answer on the machine itself.
    pub direct_us: Us,
    /// Request and answer through the balancer.
    pub through_balancer_us: Us,
    /// From the first connection through docker-proxy to a container that has no interface yet until the kernel asks for its
    /// address again; all connections hang until then.
    pub proxy_gives_up_us: Us,
}

/// A node's process.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeTimes {
    /// From exec to the bound port, or to the end of a start that fails.
    pub start_us: Us,
    /// From the last answer to the process's end.
    pub exit_us: Us,
}

static SHIPPED: LazyLock<Result<Calibration, String>> =
    LazyLock::new(|| toml::from_str(FILE).map_err(|error| format!("calibration.toml: {error}")));

/// The shipped figures.
///
/// # Errors
/// The file's own defect, in words.
pub fn shipped() -> Result<Calibration, String> {
    SHIPPED.clone()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_shipped_file_is_whole() {
        assert!(super::shipped().is_ok_and(|times| times.node.start_us > 0));
    }
}
