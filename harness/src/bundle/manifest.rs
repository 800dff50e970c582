//! `manifest.json`: what a bundle is about and which files it has. A pure function of History and files, so that a bundle
//! whose drill was killed gets the same one when it is judged again.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::BundleError;
use super::files::{self, BundleFile};
use crate::history::event::{Plan, PlannedRelease, Source, What};
use crate::history::read::History;
use crate::scenario::Operator;

/// Version of the manifest's format.
pub const MANIFEST_SCHEMA: u32 = 1;

/// The manifest's own file name.
pub const MANIFEST: &str = "manifest.json";

/// How far a bundle has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The drill goes on, or was killed: `judge` tells which.
    Running,
    /// The drill was cut off; judged from what there is.
    Cut,
    /// The drill has ended and the bundle is whole.
    Complete,
}

/// Both releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestReleases {
    /// The release to leave.
    pub bad: PlannedRelease,
    /// The release to roll back to.
    pub good: PlannedRelease,
}

/// A postmortem item that is not in the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MissingItem {
    /// Requirement id.
    pub item: String,
    /// Why.
    pub why: String,
}

/// The manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`MANIFEST_SCHEMA`].
    pub schema: u32,
    /// How far it has come.
    pub state: State,
    /// Version of the harness that drilled.
    pub harness: String,
    /// A 64-bit number, as text.
    pub seed: String,
    /// SHA-256 of everything that decides the drill.
    pub id: String,
    /// Name.
    pub scenario: String,
    /// Id.
    pub topology: String,
    /// `container` or `sim`.
    pub host: String,
    /// `documented` or `shipped`.
    pub profile: String,
    /// Who was at the keyboard.
    pub operator: Operator,
    /// The document under test.
    pub runbook: Source,
    /// Its binding.
    pub binding: Source,
    /// Both releases.
    pub releases: ManifestReleases,
    /// The alert or runbook that led here.
    pub trigger: String,
    /// Postmortem items that are not here.
    pub missing: Vec<MissingItem>,
    /// All files but this one.
    pub files: Vec<BundleFile>,
}

impl Manifest {
    /// Of a bundle as it lies in `root`.
    pub(super) fn of(root: &Path, plan: &Plan, history: &History, state: State) -> Result<Manifest, BundleError> {
        // A temporary name can only be left by a harness that was killed just there; it is no file of the bundle.
        let unfinished = files::temporary(Path::new(MANIFEST));
        let own = |path: &String| path == MANIFEST || Path::new(path) == unfinished;
        let mut listed = Vec::new();
        if state != State::Running {
            for path in files::list(root)?.into_iter().filter(|path| !own(path)) {
                listed.push(files::describe(root, &path)?);
            }
        }
        let plan = plan.clone();
        Ok(Manifest {
            schema: MANIFEST_SCHEMA,
            state,
            missing: missing(&plan, history, state),
            harness: plan.harness,
            seed: plan.seed,
            id: plan.id,
            scenario: plan.scenario,
            topology: plan.topology,
            host: plan.host,
            profile: plan.profile,
            operator: plan.operator,
            runbook: plan.runbook,
            binding: plan.binding,
            releases: ManifestReleases { bad: plan.bad, good: plan.good },
            trigger: plan.trigger,
            files: listed,
        })
    }
}

/// What the drill said is missing, and in a cut History what nobody came to.
fn missing(plan: &Plan, history: &History, state: State) -> Vec<MissingItem> {
    let told = |what: &What| match what {
        What::Missing { item, why, .. } => Some(MissingItem { item: item.clone(), why: why.clone() }),
        _ => None,
    };
    let mut missing: Vec<MissingItem> = history.events.iter().filter_map(|event| told(&event.what)).collect();
    if state == State::Cut {
        let told = |id: &String| {
            history.events.iter().any(
                |event| matches!(&event.what, What::Captured { item, .. } | What::Missing { item, .. } if item == id),
            )
        };
        let ids = plan.requirements.iter().map(|(id, _)| id).filter(|id| !told(id));
        let why = format!("the drill was cut off before: {}", history.cut.as_deref().unwrap_or("its end is missing"));
        missing.extend(ids.map(|id| MissingItem { item: id.clone(), why: why.clone() }));
    }
    missing
}
