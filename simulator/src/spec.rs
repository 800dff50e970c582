//! What a machine begins as: plain data, made from a topology's files and the releases.

use operator_agent::protocol::Setup;

use crate::machine::files::ReleaseFile;

/// A machine before it boots.
#[derive(Debug, Clone)]
pub struct MachineSpec {
    /// Decides what chance decides, until a drill's own seed does ([`crate::host::Settled::begin`]).
    pub seed: u64,
    /// What the agent watches.
    pub setup: Setup,
    /// Files, folders and links of its own, in order.
    pub entries: Vec<Entry>,
    /// What its registry holds.
    pub images: Vec<ImageSpec>,
    /// The repository's history, oldest release first.
    pub commits: Vec<ReleaseCommits>,
}

/// A file, folder or link of a machine.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Absolute.
    pub path: String,
    /// User name.
    pub owner: String,
    /// Permission bits.
    pub mode: u32,
    /// What it is.
    pub kind: EntryKind,
}

/// What an entry is.
#[derive(Debug, Clone)]
pub enum EntryKind {
    /// A folder.
    Folder,
    /// A regular file.
    File(Vec<u8>),
    /// A symbolic link and where it points.
    Link(String),
    /// A node's executable.
    Release(ReleaseFile),
    /// The agent's own executable, under one of its names.
    Agent,
}

/// An image in the registry.
#[derive(Debug, Clone)]
pub struct ImageSpec {
    /// `craton-co/tensor-wasm`
    pub repository: String,
    /// Tags that lead to it.
    pub tags: Vec<String>,
    /// `sha256:…`
    pub digest: String,
    /// The node that is in it and where; a neighbour has none.
    pub release: Option<(String, ReleaseFile)>,
    /// As in a Dockerfile.
    pub entrypoint: Vec<String>,
    /// As in a Dockerfile.
    pub command: Vec<String>,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// Its container is the rules engine of drills with alerts.
    pub rules_engine: bool,
}

/// A release's commits.
#[derive(Debug, Clone)]
pub struct ReleaseCommits {
    /// Without a v; its tag has one.
    pub version: String,
    /// First lines, oldest first.
    pub subjects: Vec<String>,
    /// Paths and contents that each of them holds.
    pub files: Vec<(String, String)>,
}

/// What the agent watches on machines of tests: where everything is on each topology, no token, no release known, no question
/// for a supervisor; milliseconds between two probes.
#[cfg(test)]
pub(crate) fn bare_setup(probe_pause_ms: u64) -> Setup {
    Setup {
        operator: "oncall".into(),
        node_port: 8080,
        node_url: "http://127.0.0.1:8080".into(),
        balancer_url: "http://127.0.0.1:80".into(),
        control_url: "http://127.0.0.1:80/balancer-health".into(),
        balancer_socket: "/run/haproxy/admin.sock".into(),
        balancer_server: "node/tensor-wasm".into(),
        pager_listen: "127.0.0.1:9099".into(),
        token: None,
        releases: std::collections::BTreeMap::new(),
        supervisor: String::new(),
        probe_pause_ms,
    }
}
