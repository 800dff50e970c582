//! An operator's machine in virtual time.
//!
//! The same requests and reports as the agent in a real operator host ([`operator_agent::protocol`]), answered by a model:
//! the operator's shell text is interpreted by its syntax tree, systemd, Docker, Compose, the network, the balancer and the
//! pager are state machines, the node is `fake-node`'s own. Nothing is executed, opened or connected; there is no thread and
//! no clock. Time goes from event to event, so a drill costs its events and not the time that passes.
//!
//! The operator's shell is one strand: it runs until its command ends or virtual time reaches a deadline, and everything
//! else is events. Same description, same seed, same requests: the same reports, byte for byte.

pub mod agent;
pub mod calibration;
pub mod docker;
pub mod host;
pub mod machine;
pub mod monitoring;
pub mod programs;
pub mod shared;
pub mod shell;
pub mod spec;
pub mod systemd;
pub mod time;

use std::borrow::Cow;

use sha2::{Digest, Sha256};

pub use host::SimulatedHost;
pub use machine::Machine;
pub use spec::MachineSpec;

/// Why the strand was stopped before its command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Virtual time reached the moment until which it may run.
    Deadline,
    /// Its command wrote more than a command may.
    OutputLimit,
    /// The simulator cannot carry this on: what, and what to do.
    Unable(String),
}

/// A result of something that the strand does.
pub type Run<T> = Result<T, Stop>;

/// A description that is not of a machine that can be modelled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadMachine(pub String);

/// SHA-256, lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0');
    Sha256::digest(bytes).iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}

/// Bytes as text, what is no UTF-8 replaced. As [`String::from_utf8_lossy`], which looks at each byte by itself even where
/// all of them are text.
pub(crate) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}
