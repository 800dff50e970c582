//! The machine of a drill: what a prepared drill puts on it before it boots, and what is settled before the drill begins.

use std::collections::BTreeMap;

use fake_node::release::Release;
use fake_node::snapshot;

use crate::fault::{Effect, TagChange};
use crate::host::Host;
use crate::host::container::binaries::Binaries;
use crate::host::container::registry::{self, Published};
use crate::host::container::{ContainerHost, Machine, machine as files};
use crate::prepare::Prepared;
use crate::release;
use crate::run::RunError;
use crate::topology::{self, Arranged, Images, RepositoryFile, Topology};

/// One of the commands that settle a machine; the longest waits for the repository's import.
const SETTLE_MS: u64 = 20_000;

/// The token that is planted in a drill's machine and searched for in its bundle: of no meaning to anybody else, another one
/// for each drill, and not part of anything that the bundle shows.
pub fn token(id: &str) -> String {
    let hash = release::sha256_hex(format!("token{id}").as_bytes());
    format!("drill-token-{}", hash.get(..32).unwrap_or_default())
}

/// The machine of a drill; writes the hashes of its executables and images into the plan.
pub fn machine(prepared: &mut Prepared, binaries: &Binaries) -> Result<Machine, RunError> {
    let token = token(&prepared.plan.id);
    let harness = |error: release::ReleaseError| RunError::Harness(error.to_string());
    let good = release::executable(&binaries.node, &prepared.good).map_err(harness)?;
    let bad = release::executable(&binaries.node, &prepared.bad).map_err(harness)?;
    prepared.plan.good.executable_sha256.clone_from(&good.sha256);
    prepared.plan.bad.executable_sha256.clone_from(&bad.sha256);
    let (good_version, bad_version) = (prepared.plan.good.version.clone(), prepared.plan.bad.version.clone());
    let releases: BTreeMap<String, String> =
        [(good.sha256.clone(), good_version.clone()), (bad.sha256.clone(), bad_version.clone())].into_iter().collect();
    let registry = match prepared.topology.images.clone() {
        Some(images) => registry_files(prepared, &images, [&good.bytes, &bad.bytes])?,
        None => Vec::new(),
    };
    let history = files::fast_import(&[
        commits(&prepared.topology, prepared, &prepared.good)?,
        commits(&prepared.topology, prepared, &prepared.bad)?,
    ]);
    let contents = files::Contents {
        agent: &binaries.agent,
        releases: vec![(good_version.clone(), &good.bytes), (bad_version.clone(), &bad.bytes)],
        good: good_version,
        bad: bad_version,
        token: &token,
        planted: planted(prepared)?,
        registry,
        history,
    };
    let archive = files::tar(&prepared.topology, &contents)?;
    Ok(Machine { topology: prepared.topology.clone(), archive, token, releases })
}

/// The storage of the machine's registry: both releases and the neighbours, each under its tag but for what a fault does.
fn registry_files(
    prepared: &mut Prepared,
    images: &Images,
    executables: [&[u8]; 2],
) -> Result<Vec<(String, Vec<u8>)>, RunError> {
    let json = |error: serde_json::Error| RunError::Harness(format!("making the registry's images: {error}"));
    let publish = |release: &Release, executable: &[u8]| -> Result<Published, RunError> {
        let version = release.version.to_string();
        registry::release(images, &version, &release.build_info.git_sha, executable).map_err(json)
    };
    let [good_bytes, bad_bytes] = executables;
    let (good, bad) = (publish(&prepared.good, good_bytes)?, publish(&prepared.bad, bad_bytes)?);
    prepared.plan.good.image_digest = Some(good.digest.clone());
    prepared.plan.bad.image_digest = Some(bad.digest.clone());
    let tag = |release: &Release| format!("v{}", release.version);
    let change = prepared.outside.iter().find_map(|(_, effect)| match effect {
        Effect::Tag { change } => Some(*change),
        _ => None,
    });
    let (good_tags, bad_tags) = match change {
        None => (vec![tag(&prepared.good)], vec![tag(&prepared.bad)]),
        Some(TagChange::Missing) => (Vec::new(), vec![tag(&prepared.bad)]),
        Some(TagChange::Moved) => (Vec::new(), vec![tag(&prepared.good), tag(&prepared.bad)]),
    };
    let mut files = good.files(&good_tags);
    files.extend(bad.files(&bad_tags));
    for image in &prepared.topology.neighbour {
        files.extend(registry::neighbour(image).map_err(json)?.files(std::slice::from_ref(&image.tag)));
    }
    Ok(files)
}

/// What a release's commits hold.
fn commits(topology: &Topology, prepared: &Prepared, release: &Release) -> Result<files::Commits, RunError> {
    let version = release.version.to_string();
    let mut chosen: BTreeMap<&str, &RepositoryFile> = topology
        .repository
        .iter()
        .flat_map(|repository| &repository.file)
        .map(|file| (file.path.as_str(), file))
        .collect();
    let replaced = prepared.outside.iter().filter_map(|(id, effect)| arranged(topology, id, effect));
    chosen.extend(replaced.flat_map(|arranged| &arranged.repository_file).map(|file| (file.path.as_str(), file)));
    let mut files = Vec::new();
    for (path, file) in chosen {
        let from = topology.root.join(&file.from);
        let text = topology::read(&from)
            .map_err(|error| RunError::Harness(format!("{}: {error}, of topology {}", from.display(), topology.id)))?;
        files.push((path.to_owned(), text.replace("@VERSION@", &version)));
    }
    let subjects = release.commits.iter().map(|commit| commit.subject.clone()).collect();
    Ok(files::Commits { version, subjects, files })
}

/// Files that faults from outside put on the machine before it boots.
fn planted(prepared: &Prepared) -> Result<Vec<files::Planted>, RunError> {
    let mut files = Vec::new();
    for (_, effect) in &prepared.outside {
        match effect {
            Effect::PlantSnapshot { format } => {
                let empty = snapshot::Snapshot { functions: Vec::new() };
                let bytes = snapshot::encode(*format, &empty).map_err(|error| RunError::Harness(error.to_string()))?;
                let path = format!("{}/instance-0001{}", prepared.bad.state.directory, snapshot::SUFFIX);
                files.push(files::Planted { path, owner: "tensor-wasm".to_owned(), mode: 0o640, bytes });
            }
            // In the release's executable, in the registry's storage, or done when the machine is up.
            Effect::Inborn { .. } | Effect::Tag { .. } | Effect::Arranged => {}
        }
    }
    Ok(files)
}

/// How a fault from outside was brought about, for the History.
pub fn describe(topology: &Topology, id: &str, effect: &Effect) -> String {
    match effect {
        Effect::PlantSnapshot { format } => format!("a snapshot of format {format} lies in the node's state directory"),
        Effect::Inborn { .. } => "in the release's executable".to_owned(),
        Effect::Tag { change: TagChange::Missing } => "the registry has no such tag".to_owned(),
        Effect::Tag { change: TagChange::Moved } => "the registry's tag names the bad build".to_owned(),
        Effect::Arranged => topology.arranged.get(id).map(|arranged| arranged.how.clone()).unwrap_or_default(),
    }
}

/// How the topology brings a fault about, if that is up to it.
fn arranged<'a>(topology: &'a Topology, id: &str, effect: &Effect) -> Option<&'a Arranged> {
    match effect {
        Effect::Arranged => topology.arranged.get(id),
        _ => None,
    }
}

/// Runs what the topology, and then what the faults, want done before the drill begins.
pub fn settle(host: &mut ContainerHost, prepared: &Prepared) -> Result<(), RunError> {
    let topology = &prepared.topology;
    let by_faults = prepared.outside.iter().filter_map(|(id, effect)| arranged(topology, id, effect));
    let commands = topology.before_drill.iter().chain(by_faults.flat_map(|arranged| &arranged.before_drill));
    for command in commands {
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

    #[test]
    fn a_token_shows_nothing_of_the_drills_id() {
        let id = "11".repeat(32);
        let one = token(&id);
        assert_eq!(one, token(&id));
        assert_ne!(one, token(&"12".repeat(32)));
        let hex = one.strip_prefix("drill-token-").unwrap();
        assert!(hex.len() == 32 && hex.chars().all(|c| c.is_ascii_hexdigit()) && !id.contains(hex), "{one}");
    }
}
