//! The machine of a drill: what a prepared drill puts on it before it boots, and what is settled before the drill begins.
//!
//! One description, of which a container gets its archive and the simulator its machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use fake_node::release::Release;
use fake_node::snapshot;
use simulated_host::MachineSpec;
use simulated_host::machine::files::ReleaseFile;
use simulated_host::programs::git::objects::fast_import;
use simulated_host::spec::{Entry, EntryKind, ImageSpec, ReleaseCommits};

use crate::drive::Later;
use crate::fault::{Effect, TagChange};
use crate::history::event::Plan;
use crate::host::container::registry::{self, Published};
use crate::host::container::{Machine, machine as files};
use crate::host::{self, AsRoot};
use crate::prepare::{Outside, Prepared};
use crate::release::{self, Executable};
use crate::run::RunError;
use crate::topology::{self, Arranged, Image, RepositoryFile, Topology};

/// One of the commands that settle a machine; the longest waits for the repository's import.
const SETTLE_MS: u64 = 20_000;
/// Decides what chance decides while a simulated machine comes up and is settled.
const BOOT_SEED: u64 = 0;
/// Where the agent lies under its other names.
const AGENT_NAMES: [&str; 5] = [
    files::AGENT,
    "/usr/local/bin/page",
    // For whoever takes the operator's place between command and pager.
    "/usr/local/lib/rollback-drill/page",
    "/usr/local/lib/rollback-drill/hold-port",
    "/usr/local/lib/rollback-drill/cut-scrape",
];
/// Where the repository's history lies until it is imported.
const HISTORY: &str = "/usr/local/lib/rollback-drill/history.fast-import";

/// The executables of both releases.
#[derive(Debug, Clone)]
pub struct Executables {
    good: Executable,
    bad: Executable,
}

impl Executables {
    /// As they are run in a container.
    pub fn real(prepared: &Prepared, node: &[u8]) -> Result<Executables, RunError> {
        Executables::each(prepared, |release| release::executable(node, release))
    }

    /// For a machine that runs nothing.
    pub fn stand_ins(prepared: &Prepared) -> Result<Executables, RunError> {
        Executables::each(prepared, release::stand_in)
    }

    fn each(
        prepared: &Prepared,
        make: impl Fn(&Release) -> Result<Executable, release::ReleaseError>,
    ) -> Result<Executables, RunError> {
        let harness = |error: release::ReleaseError| RunError::Harness(error.to_string());
        Ok(Executables { good: make(&prepared.good).map_err(harness)?, bad: make(&prepared.bad).map_err(harness)? })
    }

    fn both(&self) -> [&Executable; 2] {
        [&self.good, &self.bad]
    }
}

/// A machine before it boots.
#[derive(Debug)]
pub struct Furnished {
    /// The planted secret.
    token: String,
    /// SHA-256 of executables to versions.
    releases: BTreeMap<String, String>,
    entries: Vec<Entry>,
    images: Vec<(Published, ImageSpec)>,
    commits: Vec<ReleaseCommits>,
}

/// The token that is planted in a drill's machine and searched for in its bundle: of no meaning to anybody else, and not part
/// of anything that the bundle shows. Drills that differ by their seed alone have the same: their machines boot alike.
pub fn token(plan: &Plan) -> String {
    let of = [&plan.scenario, &plan.topology, &plan.host, &plan.profile, &plan.runbook.sha256, &plan.binding.sha256];
    let versions = [&plan.good.version, &plan.bad.version];
    let hash = release::sha256_hex(format!("token {of:?} {versions:?} {}", plan.operator.as_str()).as_bytes());
    format!("drill-token-{}", hash.get(..32).unwrap_or_default())
}

/// Describes the machine of a drill; writes the hashes of its executables and images into the plan.
pub fn furnish(prepared: &mut Prepared, executables: &Executables) -> Result<Furnished, RunError> {
    let token = token(&prepared.plan);
    let file = |release: &Release, executable: &Executable| ReleaseFile {
        release: Arc::new(release.clone()),
        sha256: executable.sha256.as_str().into(),
    };
    let (good, bad) = (file(&prepared.good, &executables.good), file(&prepared.bad, &executables.bad));
    prepared.plan.good.executable_sha256.clone_from(&executables.good.sha256);
    prepared.plan.bad.executable_sha256.clone_from(&executables.bad.sha256);
    let releases = [&good, &bad].map(|file| (file.sha256.to_string(), file.release.version.to_string())).into();
    let images = images(prepared, executables, [&good, &bad])?;
    let commits = vec![
        commits(&prepared.topology, prepared, &prepared.good)?,
        commits(&prepared.topology, prepared, &prepared.bad)?,
    ];
    let mut entries = of_topology(&prepared.topology, prepared, &token, [good, bad])?;
    entries.extend(planted(prepared)?);
    entries.extend(AGENT_NAMES.map(|path| entry(path, "root", 0o755, EntryKind::Agent)));
    entries.push(entry(HISTORY, "root", 0o644, EntryKind::File(fast_import(&commits))));
    Ok(Furnished { token, releases, entries, images, commits })
}

impl Furnished {
    /// The planted secret, which must not be found in any bundle.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// For an operator host in a container.
    pub fn for_container(
        self,
        topology: &Topology,
        agent: &[u8],
        executables: &Executables,
    ) -> Result<Machine, RunError> {
        let storage = topology.images.as_ref().map_or("", |images| images.storage.as_str());
        let registry = self.images.iter().flat_map(|(published, image)| published.files(&image.tags));
        let releases = executables.both().map(|file| (file.sha256.as_str(), file.bytes.as_slice()));
        let contents = files::Contents {
            agent,
            releases: releases.into(),
            registry: registry.map(|(path, bytes)| (format!("{storage}/{path}"), bytes)).collect(),
        };
        let archive = files::tar(&topology.id, &self.entries, &contents)?;
        Ok(Machine { topology: topology.clone(), archive, token: self.token, releases: self.releases })
    }

    /// For the simulator. Machines of one description boot alike; a drill's seed decides from its beginning on.
    pub fn for_simulator(self, topology: &Topology) -> MachineSpec {
        MachineSpec {
            seed: BOOT_SEED,
            setup: host::setup(topology, &self.token, &self.releases),
            entries: self.entries,
            images: self.images.into_iter().map(|(_, image)| image).collect(),
            commits: self.commits,
        }
    }
}

fn entry(path: &str, owner: &str, mode: u32, kind: EntryKind) -> Entry {
    Entry { path: path.to_owned(), owner: owner.to_owned(), mode, kind }
}

fn with_versions(text: &str, plan: &Plan) -> String {
    text.replace("@BAD@", &plan.bad.version).replace("@GOOD@", &plan.good.version)
}

/// Folders, files, links and releases of the topology.
fn of_topology(
    topology: &Topology,
    prepared: &Prepared,
    token: &str,
    releases: [ReleaseFile; 2],
) -> Result<Vec<Entry>, RunError> {
    let wrong = |what: String| RunError::Harness(format!("topology {}: {what}", topology.id));
    let mode = |text: &str| topology::mode(text).map_err(&wrong);
    let replace = |text: &str| with_versions(&text.replace("@TOKEN@", token), &prepared.plan);
    let mut entries = Vec::new();
    for folder in &topology.folder {
        entries.push(entry(&folder.path, &folder.owner, mode(&folder.mode)?, EntryKind::Folder));
    }
    for file in &topology.file {
        let from = topology.root.join(&file.from);
        let text = topology::read(&from).map_err(|error| wrong(format!("{}: {error}", from.display())))?;
        let kind = EntryKind::File(replace(&text).into_bytes());
        entries.push(entry(&file.path, &file.owner, mode(&file.mode)?, kind));
    }
    for link in &topology.link {
        entries.push(entry(&link.path, "root", 0o777, EntryKind::Link(replace(&link.to))));
    }
    if let Some(place) = &topology.releases {
        for file in releases {
            let path = place.path.replace("@VERSION@", &file.release.version.to_string());
            entries.push(entry(&path, "root", 0o755, EntryKind::Release(file)));
        }
    }
    Ok(entries)
}

/// What the machine's registry holds: both releases and the neighbours, each under its tag but for what a fault does.
fn images(
    prepared: &mut Prepared,
    executables: &Executables,
    releases: [&ReleaseFile; 2],
) -> Result<Vec<(Published, ImageSpec)>, RunError> {
    let Some(images) = prepared.topology.images.clone() else { return Ok(Vec::new()) };
    let json = |error: serde_json::Error| RunError::Harness(format!("making the registry's images: {error}"));
    let change = at_first(prepared).find_map(|fault| match fault.effect {
        Effect::Tag { change } => Some(change),
        _ => None,
    });
    let tag = |release: &Release| format!("v{}", release.version);
    let (good_tag, bad_tag) = (tag(&prepared.good), tag(&prepared.bad));
    let tags = match change {
        None => [vec![good_tag], vec![bad_tag]],
        Some(TagChange::Missing) => [Vec::new(), vec![bad_tag]],
        Some(TagChange::Moved) => [Vec::new(), vec![good_tag, bad_tag]],
    };
    let mut made = Vec::new();
    for ((file, executable), tags) in releases.into_iter().zip(executables.both()).zip(tags) {
        let (version, commit) = (file.release.version.to_string(), &file.release.build_info.git_sha);
        let published = registry::release(&images, &version, commit, &executable.bytes).map_err(json)?;
        let release = Some((images.release.executable.clone(), file.clone()));
        made.push(image(published, &images.release.image, tags, release));
    }
    if let [(good, _), (bad, _)] = made.as_slice() {
        prepared.plan.good.image_digest = Some(good.digest.clone());
        prepared.plan.bad.image_digest = Some(bad.digest.clone());
    }
    for neighbour in &prepared.topology.neighbour {
        let published = registry::neighbour(neighbour).map_err(json)?;
        made.push(image(published, neighbour, vec![neighbour.tag.clone()], None));
    }
    Ok(made)
}

fn image(
    published: Published,
    image: &Image,
    tags: Vec<String>,
    release: Option<(String, ReleaseFile)>,
) -> (Published, ImageSpec) {
    let spec = ImageSpec {
        repository: image.repository.clone(),
        tags,
        digest: published.digest.clone(),
        release,
        entrypoint: image.entrypoint.clone(),
        command: image.command.clone(),
        env: image.env.clone(),
        rules_engine: image.rules_engine,
    };
    (published, spec)
}

/// What a release's commits hold.
fn commits(topology: &Topology, prepared: &Prepared, release: &Release) -> Result<ReleaseCommits, RunError> {
    let version = release.version.to_string();
    let mut chosen: BTreeMap<&str, &RepositoryFile> = topology
        .repository
        .iter()
        .flat_map(|repository| &repository.file)
        .map(|file| (file.path.as_str(), file))
        .collect();
    let replaced = at_first(prepared).filter_map(|fault| arranged(topology, &fault.id, &fault.effect));
    chosen.extend(replaced.flat_map(|arranged| &arranged.repository_file).map(|file| (file.path.as_str(), file)));
    let mut files = Vec::new();
    for (path, file) in chosen {
        let from = topology.root.join(&file.from);
        let text = topology::read(&from)
            .map_err(|error| RunError::Harness(format!("{}: {error}, of topology {}", from.display(), topology.id)))?;
        files.push((path.to_owned(), text.replace("@VERSION@", &version)));
    }
    let subjects = release.commits.iter().map(|commit| commit.subject.clone()).collect();
    Ok(ReleaseCommits { version, subjects, files })
}

/// Files that faults from outside put on the machine before it boots.
fn planted(prepared: &Prepared) -> Result<Vec<Entry>, RunError> {
    let mut files = Vec::new();
    for fault in at_first(prepared) {
        match &fault.effect {
            Effect::PlantSnapshot { format } => {
                let empty = snapshot::Snapshot { functions: Vec::new() };
                let bytes = snapshot::encode(*format, &empty).map_err(|error| RunError::Harness(error.to_string()))?;
                let path = format!("{}/instance-0001{}", prepared.bad.state.directory, snapshot::SUFFIX);
                files.push(entry(&path, "tensor-wasm", 0o640, EntryKind::File(bytes)));
            }
            // In the release's executable, in the registry's storage, in the traffic, or done when the machine is up.
            Effect::Inborn { .. }
            | Effect::Tag { .. }
            | Effect::TrappingTenants { .. }
            | Effect::Arranged
            | Effect::ArrangedAs { .. } => {}
        }
    }
    Ok(files)
}

/// How a fault from outside was brought about, for the History.
pub fn describe(topology: &Topology, id: &str, effect: &Effect) -> String {
    match effect {
        Effect::PlantSnapshot { format } => format!("a snapshot of format {format} lies in the node's state directory"),
        Effect::Inborn { .. } => "in the release's executable".to_owned(),
        Effect::TrappingTenants { tenants } => format!("clients of {tenants} of the tenants call an export that traps"),
        Effect::Tag { change: TagChange::Missing } => "the registry has no such tag".to_owned(),
        Effect::Tag { change: TagChange::Moved } => "the registry's tag names the bad build".to_owned(),
        Effect::Arranged | Effect::ArrangedAs { .. } => {
            arranged(topology, id, effect).map(|arranged| arranged.how.clone()).unwrap_or_default()
        }
    }
}

/// How the topology brings a fault about, if that is up to it.
fn arranged<'a>(topology: &'a Topology, id: &str, effect: &Effect) -> Option<&'a Arranged> {
    topology.arranged.get(effect.arranged_under(id)?)
}

/// Faults from outside that are there from the beginning on.
fn at_first(prepared: &Prepared) -> impl Iterator<Item = &Outside> {
    prepared.outside.iter().filter(|fault| fault.at.is_none())
}

/// Faults from outside that begin in the middle of the drill. What arranges them before it does so then, too.
pub fn later(prepared: &Prepared) -> Vec<Later> {
    let topology = &prepared.topology;
    let made = |fault: &Outside| {
        let commands = arranged(topology, &fault.id, &fault.effect).map_or(&[][..], Arranged::in_the_middle);
        Some(Later {
            fault: fault.id.clone(),
            how: describe(topology, &fault.id, &fault.effect),
            at: fault.at?,
            commands: commands.iter().map(|command| with_versions(command, &prepared.plan)).collect(),
        })
    };
    prepared.outside.iter().filter_map(made).collect()
}

/// Runs what the topology, and then what the faults, want done before the drill begins.
pub fn settle(host: &mut dyn AsRoot, prepared: &Prepared) -> Result<(), RunError> {
    let topology = &prepared.topology;
    let by_faults = at_first(prepared).filter_map(|fault| arranged(topology, &fault.id, &fault.effect));
    let commands = topology.before_drill.iter().chain(by_faults.flat_map(|arranged| &arranged.before_drill));
    for command in commands {
        let command = &with_versions(command, &prepared.plan);
        let (exit, output) = host.run_as_root(command, SETTLE_MS)?;
        if exit != 0 {
            return Err(RunError::Harness(format!(
                "operator host {}: topology {}: `{command}` before the drill came to {exit}: {output}",
                host.name(),
                topology.id
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::token;
    use crate::judge::sample;

    #[test]
    fn a_token_shows_nothing_of_the_drill_and_is_not_decided_by_its_seed() {
        let plan = sample::plan();
        let one = token(&plan);
        let mut reseeded = plan.clone();
        (reseeded.seed, reseeded.id) = ("2".into(), "12".repeat(32));
        let mut other = plan.clone();
        other.topology.push('x');
        assert_eq!(one, token(&reseeded));
        assert_ne!(one, token(&other));
        let hex = one.strip_prefix("drill-token-").unwrap();
        let shown = serde_json::to_string(&plan).unwrap();
        assert!(hex.len() == 32 && hex.chars().all(|c| c.is_ascii_hexdigit()) && !shown.contains(hex), "{one}");
    }
}
