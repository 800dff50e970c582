//! A release: one version of the node as data, its bounds, and how it is carried inside the binary.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use semver::Version;
use serde::{Deserialize, Serialize};

mod check;
mod trailer;

#[cfg(test)]
pub(crate) mod tests;

pub use trailer::{TAIL_MAX, TRAILER_MAX, TrailerError, embed, extract};

/// The schema version of release files that this crate reads.
pub const SCHEMA: u32 = 1;

/// The largest release file read, in bytes.
pub const FILE_MAX: usize = 1 << 20;

/// One version of the node as data. Everything in which the profiles `documented` and `shipped` differ is a field here,
/// so a profile is a folder of files and no code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Schema of the file; must be [`SCHEMA`].
    pub schema: u32,
    /// Semantic version without a leading v, as `build_info` shows it.
    pub version: Version,
    /// What `--version` prints; `{version}` stands for the version. The runbook expects `v{version}`, the real software
    /// prints `tensor-wasm {version}` (node-contract.md section 1).
    pub version_output: String,
    /// Where `serve` listens without `--addr` (node-contract.md section 1; the real one has `127.0.0.1:8080`).
    pub bind: SocketAddr,
    /// Whether log lines carry ANSI colour codes unless `NO_COLOR` is set (node-contract.md section 5: the real one does).
    pub ansi_logs: bool,
    /// Whether state-changing routes answer with `x-request-id` (node-contract.md section 2: since 0.4.0).
    pub request_id_header: bool,
    /// Whether each invoke dispatches a kernel, so that the first 20 lines of `/metrics` move (design.md decision 7).
    pub invoke_dispatches_kernel: bool,
    /// What is installed for this release.
    pub artifact: Artifact,
    /// Labels of the `tensor_wasm_build_info` gauge, besides the version.
    pub build_info: BuildInfo,
    /// The subcommands that exist, with the flags each knows.
    pub subcommands: Subcommands,
    /// Snapshot formats written and read.
    pub snapshot: SnapshotFormats,
    /// What happens with the state directory.
    pub state: StatePolicy,
    /// Faults that this release has from birth.
    #[serde(default)]
    pub born_with: Vec<Inborn>,
    /// What came since the previous release, oldest first.
    #[serde(default)]
    pub commits: Vec<Commit>,
}

/// What is installed for a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Artifact {
    /// The fake node of this package with the release embedded.
    Fake,
    /// A real binary. Parsed; the harness refuses it until its issue.
    Binary {
        /// Path of the binary, relative to the release file.
        path: String,
        /// Its SHA-256, 64 lower-case hexadecimal digits.
        sha256: String,
    },
    /// A container image. Parsed; the harness refuses it until its issue.
    Image {
        /// Image reference, e.g. `registry/name:tag` or with a digest.
        reference: String,
    },
}

/// Labels of `tensor_wasm_build_info` (node-contract.md section 3, row 12), besides `version`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildInfo {
    /// Full commit id, or `unknown`.
    pub git_sha: String,
    /// Compiler version.
    pub rustc_version: String,
    /// Cargo profile.
    pub profile: String,
    /// Target triple.
    pub target: String,
}

/// The subcommands that a release knows; an absent one is refused as unknown (exit 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subcommands {
    /// Flags of `serve`; absent: older releases have no `serve`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serve: Option<BTreeSet<ServeFlag>>,
    /// Flags of `observe`; absent: no such subcommand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observe: Option<BTreeSet<ObserveFlag>>,
}

/// A flag of `serve` (node-contract.md section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServeFlag {
    /// `--addr`: socket address to listen on.
    Addr,
    /// `--token`: an API token of wildcard scope; may be repeated.
    Token,
    /// `--tenant-header-policy`: `optional` or `required`.
    TenantHeaderPolicy,
    /// `--cors-origin`: anything given is an error before the bind.
    CorsOrigin,
    /// `--max-body-bytes`: anything but the default is an error before the bind.
    MaxBodyBytes,
    /// `--allow-plaintext-public`: lifts the bind-safety gate.
    AllowPlaintextPublic,
    /// `--check-only` (hidden): check the configuration and end.
    CheckOnly,
}

/// A flag of `observe` (node-contract.md section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObserveFlag {
    /// `--addr`: URL of the node.
    Addr,
    /// `--interval`: seconds between ticks.
    Interval,
    /// `--output`: `text` or `json`.
    Output,
    /// `--once`: one document and end. The runbook uses it; no real release seen has it.
    Once,
}

/// Snapshot formats of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotFormats {
    /// The format written; one of `reads`.
    pub writes: u32,
    /// The formats read.
    pub reads: Vec<u32>,
}

/// What a release does with its state directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatePolicy {
    /// Absolute path of the state directory.
    pub directory: String,
    /// What an unreadable file in it does to a start.
    pub on_unreadable: OnUnreadable,
    /// Whether deployed functions survive a restart: they are written to a snapshot in the state directory. The real
    /// node keeps them in memory only (node-contract.md section 2).
    pub functions_survive: bool,
}

/// What an unreadable state file does to a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnUnreadable {
    /// The node logs it and ends with status 1: the runbook's hypothetical, not the real node.
    Exit,
    /// Nothing, as the real node (node-contract.md section 6).
    Ignore,
}

/// A fault that a release is born with. Each kind may stand once in `born_with`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Inborn {
    /// That share of the invokes of known functions is answered 500 (kind `wasmtime`), spread evenly and without
    /// randomness: of any 100 in a row exactly that many.
    Errors {
        /// Percent of invokes, 1 to 100.
        share_percent: u32,
    },
    /// `/healthz` answers that much later. Beyond the router's 30 s its answer is the timeout's 408.
    HealthzSlow {
        /// Milliseconds, 1 to 60000.
        delay_ms: u32,
    },
    /// Invokes that succeed are answered that much later. Beyond the invoke's deadline of 30 s the answer is its 504.
    InvokeSlow {
        /// Milliseconds, 1 to 60000.
        delay_ms: u32,
    },
    /// The functions that lie in the state directory are not taken up at the start, and written over with the next change.
    FunctionsLost {},
    /// `/metrics` answers 200 with counters and histograms as they were at the node's start; gauges move.
    MetricsStalled {},
    /// `/metrics` answers 500 from so long after the node's start on.
    MetricsDie {
        /// Seconds, 0 to 3600.
        after_s: u32,
    },
    /// SIGTERM is logged and has no other effect, so that only SIGKILL ends the node. SIGINT still does.
    SigtermIgnored {},
}

impl Inborn {
    /// The fault's id, as it stands in release files.
    #[must_use]
    pub fn id(&self) -> &'static str {
        match self {
            Self::Errors { .. } => "errors",
            Self::HealthzSlow { .. } => "healthz-slow",
            Self::InvokeSlow { .. } => "invoke-slow",
            Self::FunctionsLost {} => "functions-lost",
            Self::MetricsStalled {} => "metrics-stalled",
            Self::MetricsDie { .. } => "metrics-die",
            Self::SigtermIgnored {} => "sigterm-ignored",
        }
    }
}

/// A commit of a release's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// First line of its message, at most 200 characters.
    pub subject: String,
    /// The workspace crates that it touches.
    pub crates: Vec<String>,
}

/// Why a release was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// The text is not TOML or has other fields than a release.
    #[error("release file {origin}: {reason}\nnext: compare it with scenarios/releases/documented/v0.4.0.toml")]
    Syntax {
        /// File or other source.
        origin: String,
        /// The parser's words, with line and column.
        reason: String,
    },
    /// A field is outside its bound.
    #[error("release file {origin}: field `{field}` is {found}; it must be {bound}")]
    Field {
        /// File or other source.
        origin: String,
        /// Path of the field, e.g. `born_with[0].errors.share_percent`.
        field: String,
        /// What stands there.
        found: String,
        /// What may stand there.
        bound: String,
    },
}

impl Release {
    /// Reads a release file; `origin` is its name for messages.
    ///
    /// # Errors
    /// [`ReleaseError::Syntax`] when the text is not a release, [`ReleaseError::Field`] when a value is out of bounds.
    pub fn from_toml(origin: &str, text: &str) -> Result<Self, ReleaseError> {
        if text.len() > FILE_MAX {
            return Err(ReleaseError::Field {
                origin: origin.to_owned(),
                field: "(whole file)".to_owned(),
                found: format!("{} bytes long", text.len()),
                bound: format!("at most {FILE_MAX} bytes"),
            });
        }
        let release: Self = toml::from_str(text)
            .map_err(|error| ReleaseError::Syntax { origin: origin.to_owned(), reason: error.to_string() })?;
        release.check(origin)?;
        Ok(release)
    }

    /// The line that `tensor-wasm --version` prints, without its newline.
    #[must_use]
    pub fn version_line(&self) -> String {
        self.version_output.replace("{version}", &self.version.to_string())
    }

    /// Whether a start of this release looks into its state directory at all.
    #[must_use]
    pub fn reads_state_directory(&self) -> bool {
        self.state.functions_survive || self.state.on_unreadable == OnUnreadable::Exit
    }

    /// The share of invokes answered 500, in percent; 0 when the release has no such fault.
    #[must_use]
    pub fn error_share_percent(&self) -> u32 {
        self.born_with
            .iter()
            .find_map(|fault| match fault {
                Inborn::Errors { share_percent } => Some(*share_percent),
                _ => None,
            })
            .unwrap_or(0)
    }

    /// By how many milliseconds `/healthz` answers late; 0 when the release has no such fault.
    #[must_use]
    pub fn healthz_delay_ms(&self) -> u32 {
        self.born_with
            .iter()
            .find_map(|fault| match fault {
                Inborn::HealthzSlow { delay_ms } => Some(*delay_ms),
                _ => None,
            })
            .unwrap_or(0)
    }

    /// By how many milliseconds invokes that succeed are answered late; 0 when the release has no such fault.
    #[must_use]
    pub fn invoke_delay_ms(&self) -> u32 {
        self.born_with
            .iter()
            .find_map(|fault| match fault {
                Inborn::InvokeSlow { delay_ms } => Some(*delay_ms),
                _ => None,
            })
            .unwrap_or(0)
    }

    /// Whether functions of before are not taken up at the start.
    #[must_use]
    pub fn functions_lost(&self) -> bool {
        self.born_with.iter().any(|fault| matches!(fault, Inborn::FunctionsLost {}))
    }

    /// How many seconds after the start `/metrics` dies, if it does.
    #[must_use]
    pub fn metrics_die_after_s(&self) -> Option<u32> {
        self.born_with.iter().find_map(|fault| match fault {
            Inborn::MetricsDie { after_s } => Some(*after_s),
            _ => None,
        })
    }

    /// Whether the counters of `/metrics` stand still.
    #[must_use]
    pub fn metrics_stalled(&self) -> bool {
        self.born_with.iter().any(|fault| matches!(fault, Inborn::MetricsStalled {}))
    }

    /// Whether SIGTERM has no effect but a line in the log.
    #[must_use]
    pub fn sigterm_ignored(&self) -> bool {
        self.born_with.iter().any(|fault| matches!(fault, Inborn::SigtermIgnored {}))
    }
}
