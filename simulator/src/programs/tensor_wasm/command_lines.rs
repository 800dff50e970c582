//! Command lines of releases that were read already: reading one builds clap's whole description of the release anew.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use fake_node::cli::{self, Parsed};
use fake_node::release::Release;

/// Command lines kept; a drill has a handful.
const KEPT_MAX: usize = 64;

/// What command lines of releases came to. All clones share it.
#[derive(Debug, Clone, Default)]
pub struct CommandLines(Arc<RwLock<Vec<Known>>>);

#[derive(Debug)]
struct Known {
    release: Arc<Release>,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    parsed: Parsed,
}

impl Known {
    fn is(&self, release: &Arc<Release>, arguments: &[String], environment: &BTreeMap<String, String>) -> bool {
        self.arguments == arguments
            && (Arc::ptr_eq(&self.release, release) || self.release == *release)
            && self.environment == *environment
    }
}

impl CommandLines {
    /// As [`cli::parse`], which is a function of these three.
    pub fn parse(
        &self,
        release: &Arc<Release>,
        arguments: &[String],
        environment: &BTreeMap<String, String>,
    ) -> Parsed {
        // A list that was being written to when somebody panicked is whole all the same.
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.iter().find(|known| known.is(release, arguments, environment)) {
            return known.parsed.clone();
        }
        drop(known);
        let parsed = cli::parse(release, arguments, environment);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < KEPT_MAX {
            known.push(Known {
                release: release.clone(),
                arguments: arguments.to_vec(),
                environment: environment.clone(),
                parsed: parsed.clone(),
            });
        }
        parsed
    }
}
