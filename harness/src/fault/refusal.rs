//! Why a scenario's fault is refused.

/// Why a scenario's fault is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// No such fault.
    #[error("no fault `{id}`; there are {known}")]
    UnknownFault {
        /// As given.
        id: String,
        /// All ids.
        known: String,
    },
    /// No such parameter.
    #[error("fault `{id}` has no parameter `{name}`; it has {known}")]
    UnknownParam {
        /// The fault.
        id: String,
        /// As given.
        name: String,
        /// Its parameters.
        known: String,
    },
    /// A parameter without default was not given.
    #[error("fault `{id}` needs `{name}`, {min} to {max} {unit}")]
    MissingParam {
        /// The fault.
        id: String,
        /// The parameter.
        name: &'static str,
        /// Least value.
        min: u64,
        /// Greatest value.
        max: u64,
        /// In words.
        unit: &'static str,
    },
    /// A parameter is out of bounds.
    #[error("fault `{id}`: `{name}` is {value}, allowed are {min} to {max} {unit}")]
    OutOfBounds {
        /// The fault.
        id: String,
        /// The parameter.
        name: &'static str,
        /// As given.
        value: u64,
        /// Least value.
        min: u64,
        /// Greatest value.
        max: u64,
        /// In words.
        unit: &'static str,
    },
    /// The release is missing, or is one that it cannot be seen in, or is given for a fault from outside.
    #[error("fault `{id}`: {wanted}")]
    Release {
        /// The fault.
        id: String,
        /// What is allowed.
        wanted: String,
    },
    /// It is to begin when it cannot.
    #[error("fault `{id}`: `at`: {wanted}")]
    Moment {
        /// The fault.
        id: String,
        /// What is allowed.
        wanted: String,
    },
}
