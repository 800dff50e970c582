//! A host: one machine of an operator, real or simulated, that carries out requests and reports what happens on it.
//!
//! Both kinds speak the vocabulary of [`operator_agent::protocol`], so the driver is the same for both.

use operator_agent::protocol::{Report, Request};

pub mod container;

/// The harness could not do its work on a host.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The engine, the image, a build: something outside the drill.
    #[error("{0}")]
    Environment(String),
    /// The host's agent said that it cannot do something, or fell silent.
    #[error("operator host {host}: {what}")]
    Agent {
        /// Container name.
        host: String,
        /// What.
        what: String,
    },
    /// A signal came.
    #[error("interrupted by signal {0}")]
    Interrupted(i32),
}

/// A machine to drill on.
pub trait Host {
    /// For the History: the container's name, or the simulator's.
    fn name(&self) -> &str;

    /// Now, microseconds on the host's clock.
    fn now_us(&self) -> u64;

    /// Hands over a request. What comes of it is told by [`Host::next`].
    fn ask(&mut self, request: &Request) -> Result<(), HostError>;

    /// The next report, or `None` when the host's clock has reached `until_us` without one.
    fn next(&mut self, until_us: u64) -> Result<Option<Report>, HostError>;
}
