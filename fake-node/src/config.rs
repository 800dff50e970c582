//! The configuration of `serve`: what was read from flags and environment, and the checks before the engine starts.

use std::net::SocketAddr;

use crate::auth::{Secret, TokenList};
use crate::log::{Level, LogFormat};

/// Largest request body, in bytes (node-contract.md section 2).
pub const BODY_MAX: usize = 64 << 20;

/// What `serve` runs with (node-contract.md sections 1 and 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeConfig {
    /// Where it listens.
    pub addr: SocketAddr,
    /// API tokens from `--token`, else from `TENSOR_WASM_API_TOKENS`.
    pub tokens: TokenList,
    /// `TENSOR_WASM_API_ALLOW_DEV_MODE`: without tokens, protected routes are open instead of closed.
    pub dev_mode: bool,
    /// `TENSOR_WASM_API_METRICS_TOKEN`: the bearer that `/metrics` wants.
    pub metrics_token: Option<Secret>,
    /// `TENSOR_WASM_API_TRUSTED_HOSTS`: the Host allowlist; empty lets any in.
    pub trusted_hosts: Vec<String>,
    /// `--tenant-header-policy required`.
    pub tenant_required: bool,
    /// `--allow-plaintext-public`: lifts the bind-safety gate.
    pub allow_plaintext_public: bool,
    /// What is logged, and how.
    pub log: LogFormat,
    /// `--check-only`: end after [`ServeConfig::preflight`].
    pub check_only: bool,
    /// A flag that this server takes but cannot honour; an error before the bind.
    pub refused_flag: Option<String>,
}

/// A start that ended before the node served: what it wrote and its exit status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node did not start (status {status}): {stderr}")]
pub struct StartFailure {
    /// Lines on stdout before the end, without newlines.
    pub stdout: Vec<String>,
    /// The line on stderr, without its newline.
    pub stderr: String,
    /// Exit status.
    pub status: i32,
}

impl StartFailure {
    /// The end of a node whose socket could not be bound; `os` is the system's reason with its number.
    #[must_use]
    pub fn bind(addr: SocketAddr, os: &str) -> Self {
        Self { stdout: Vec::new(), stderr: format!("Error: binding TCP listener on {addr}: {os}"), status: 1 }
    }
}

/// The line on stdout once the socket is bound.
#[must_use]
pub fn listening_line(addr: SocketAddr) -> String {
    format!("listening on http://{addr}")
}

impl ServeConfig {
    /// A configuration with that address and those tokens (as in `TENSOR_WASM_API_TOKENS`), all else by default.
    #[must_use]
    pub fn new(addr: SocketAddr, tokens: &str) -> Self {
        Self {
            addr,
            tokens: TokenList::parse(tokens),
            dev_mode: false,
            metrics_token: None,
            trusted_hosts: Vec::new(),
            tenant_required: false,
            allow_plaintext_public: false,
            log: LogFormat { shown: Some(Level::Warn), ansi: false },
            check_only: false,
            refused_flag: None,
        }
    }

    /// Whether anybody at all may call protected routes from outside this machine.
    #[must_use]
    pub fn is_open_to_the_public(&self) -> bool {
        self.dev_mode && self.tokens.tokens.is_empty() && !self.addr.ip().is_loopback()
    }

    /// The checks that come before engine and socket, in the real node's order. The result are log lines; `unix_us` is
    /// the wall clock in microseconds.
    ///
    /// # Errors
    /// [`StartFailure`] with status 1 for the bind-safety gate and for flags that cannot be honoured.
    pub fn preflight(&self, unix_us: i64) -> Result<Vec<String>, StartFailure> {
        let mut lines = Vec::new();
        let mut warn = |message: &str| {
            lines.extend(self.log.line(unix_us, Level::Warn, "tensor_wasm_api::middleware", message));
        };
        let list = &self.tokens;
        if list.dropped > 0 {
            warn(&format!("API token entries dropped: not of the form TOKEN:tenant=ID count={}", list.dropped));
        }
        if list.bare > 0 {
            warn(&format!("API tokens without a tenant scope are deprecated and get every tenant count={}", list.bare));
        }
        if list.tokens.is_empty() {
            warn("no API tokens are configured");
            warn(if self.dev_mode {
                "development mode: protected routes are open to every caller"
            } else {
                "protected routes answer 401 to every caller until tokens or TENSOR_WASM_API_ALLOW_DEV_MODE are set"
            });
        }
        let failed = |stdout: Vec<String>, stderr: String| Err(StartFailure { stdout, stderr, status: 1 });
        if list.tokens.is_empty() && !self.addr.ip().is_loopback() && !self.allow_plaintext_public {
            let reason = format!(
                "Error: refusing to bind {}: dev-mode (no auth) deployments must bind to a loopback address \
                 (e.g. 127.0.0.1, ::1) or pass --allow-plaintext-public",
                self.addr
            );
            return failed(lines, reason);
        }
        if let Some(flag) = &self.refused_flag {
            return failed(lines, format!("Error: {flag} cannot be honoured by `serve`; remove it"));
        }
        Ok(lines)
    }

    /// The line that `--check-only` prints.
    #[must_use]
    pub fn check_only_line(&self) -> String {
        format!("check_only: configuration accepted (addr={})", self.addr)
    }
}
