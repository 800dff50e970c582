//! How a machine is made to suffer a fault.

use serde::Deserialize;

use super::RepositoryFile;

/// How a fault is brought about on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arranged {
    /// In words, for the History.
    pub how: String,
    /// Root commands before the drill begins, after the topology's own.
    #[serde(default)]
    pub before_drill: Vec<String>,
    /// Root commands where the fault begins in the middle of the drill; where there are none, those of `before_drill`.
    #[serde(default)]
    pub later: Vec<String>,
    /// Take the place of the repository's files of the same path.
    #[serde(default)]
    pub repository_file: Vec<RepositoryFile>,
}

impl Arranged {
    /// What is run as root where the fault begins in the middle of the drill.
    pub fn in_the_middle(&self) -> &[String] {
        if self.later.is_empty() { &self.before_drill } else { &self.later }
    }
}
