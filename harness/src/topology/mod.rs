//! A topology: what an operator's machine looks like, as data (`scenarios/topologies/PROFILE/ID.toml` and its files).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::procedure::Class;

mod arranged;
mod check;

pub use arranged::Arranged;
pub use check::{id_of, mode, plain_absolute};

/// A topology file of more bytes is refused.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A topology that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// No such file.
    #[error("{path}: {source}; topologies of this profile: {known}")]
    Missing {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
        /// What there is.
        known: String,
    },
    /// A file that is not as it should be.
    #[error("{path}: {why}")]
    Bad {
        /// The file.
        path: PathBuf,
        /// Why, with the line where TOML gives it.
        why: String,
    },
}

/// An operator's machine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// Always 1.
    pub schema: u32,
    /// As on the command line.
    pub id: String,
    /// One line for a person.
    pub about: String,
    /// Files whose folders, files, links and repository belong to this machine too.
    #[serde(default)]
    pub include: Vec<String>,
    /// The operator's user name.
    pub operator: String,
    /// The node.
    pub node: NodeAddress,
    /// The load balancer.
    pub balancer: BalancerAddress,
    /// Ceilings of commands and blocks.
    pub ceilings: Ceilings,
    /// How long the first command of a class takes with nothing wrong, milliseconds: at half of that a fault begins `during` it.
    /// Of classes that are not named nothing can begin in the middle.
    #[serde(default)]
    pub takes_ms: BTreeMap<Class, u64>,
    /// Who keeps the node running.
    pub supervisor: Supervisor,
    /// File in the bundle to the root command that prints it.
    #[serde(default)]
    pub captures: BTreeMap<String, String>,
    /// Where executables of releases are installed; without it they come in images only.
    #[serde(default)]
    pub releases: Option<ReleasePath>,
    /// The images of releases.
    #[serde(default)]
    pub images: Option<Images>,
    /// Images of other containers.
    #[serde(default)]
    pub neighbour: Vec<Image>,
    /// Root commands before the drill begins, once the bad release answers; each has to end with 0.
    #[serde(default)]
    pub before_drill: Vec<String>,
    /// What this machine can be made to suffer, by the id of the fault.
    #[serde(default)]
    pub arranged: BTreeMap<String, Arranged>,
    /// The machine's own files; includes are merged into it by [`load`].
    #[serde(default)]
    pub folder: Vec<Folder>,
    /// See `folder`.
    #[serde(default)]
    pub file: Vec<File>,
    /// See `folder`.
    #[serde(default)]
    pub link: Vec<Link>,
    /// See `folder`.
    #[serde(default)]
    pub repository: Option<Repository>,
    /// Where the files named by `from` lie; set by [`load`].
    #[serde(skip)]
    pub root: PathBuf,
}

/// What an included file may hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    #[serde(default)]
    folder: Vec<Folder>,
    #[serde(default)]
    file: Vec<File>,
    #[serde(default)]
    link: Vec<Link>,
    #[serde(default)]
    repository: Option<Repository>,
    #[serde(default)]
    images: Option<Images>,
    #[serde(default)]
    neighbour: Vec<Image>,
    #[serde(default)]
    before_drill: Vec<String>,
    #[serde(default)]
    arranged: BTreeMap<String, Arranged>,
}

/// Where the node answers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeAddress {
    /// TCP port.
    pub port: u16,
    /// Base URL, seen from the machine.
    pub url: String,
}

/// Where the balancer answers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BalancerAddress {
    /// Base URL for clients.
    pub url: String,
    /// Answered by the balancer itself.
    pub control_url: String,
    /// Administrative Unix socket.
    pub socket: String,
    /// `backend/server` of the node.
    pub server: String,
}

/// How long a command or a block may take before it is killed and counts as failed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ceilings {
    /// One command of a careful operator, seconds.
    pub command_s: u64,
    /// A whole pasted block, seconds.
    pub block_s: u64,
}

/// Who keeps the node running.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Supervisor {
    /// Root command that prints its state.
    pub command: String,
    /// Whole lines of that which mean "runs, or is due to run again".
    pub alive: Vec<String>,
}

/// Where executables of releases are installed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasePath {
    /// Absolute, with `@VERSION@`.
    pub path: String,
}

/// A folder.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Folder {
    /// Absolute.
    pub path: String,
    /// User name.
    pub owner: String,
    /// Octal.
    pub mode: String,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Absolute.
    pub path: String,
    /// Relative to the profile's folder. `@TOKEN@`, `@BAD@`, `@GOOD@` in it are replaced.
    pub from: String,
    /// User name.
    pub owner: String,
    /// Octal.
    pub mode: String,
}

/// A symbolic link.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Absolute.
    pub path: String,
    /// Where it points; `@BAD@`, `@GOOD@` are replaced.
    pub to: String,
}

/// A git repository with the releases' tags.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repository {
    /// Absolute.
    pub path: String,
    /// User name.
    pub owner: String,
    /// Files that each release's last commit holds.
    #[serde(default)]
    pub file: Vec<RepositoryFile>,
}

/// A file under version control.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepositoryFile {
    /// Relative to the repository.
    pub path: String,
    /// Relative to the profile's folder. `@VERSION@` in it is replaced by the release's.
    pub from: String,
}

/// What the machine's registry holds of the releases.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Images {
    /// The registry's storage folder, absolute.
    pub storage: String,
    /// How the image of a release is made; its tag is `v` and the version.
    pub release: ReleaseImage,
}

/// How the image of a release is made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseImage {
    /// Where the executable lies in it, absolute.
    pub executable: String,
    /// The rest.
    pub image: Image,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Without the registry's name.
    pub repository: String,
    /// Not for releases.
    #[serde(default)]
    pub tag: String,
    /// As in a Dockerfile.
    pub entrypoint: Vec<String>,
    /// As in a Dockerfile.
    #[serde(default)]
    pub command: Vec<String>,
    /// `NAME=value`.
    #[serde(default)]
    pub env: Vec<String>,
    /// Of a neighbour: its container is the rules engine of drills with alerts.
    #[serde(default)]
    pub rules_engine: bool,
}

impl Topology {
    /// How long after the beginning of the first command of a class a fault begins `during` it, microseconds.
    pub fn half_us(&self, class: Class) -> Option<u64> {
        self.takes_ms.get(&class).map(|ms| ms.saturating_mul(1000) / 2)
    }

    /// What decides a drill: the description and the content of its files, and not where this checkout lies.
    pub fn fingerprint(&self) -> Result<String, TopologyError> {
        let mut text = format!("{:?}", Topology { root: PathBuf::new(), ..self.clone() });
        let arranged = self.arranged.values().flat_map(|arranged| &arranged.repository_file);
        let in_repository = self.repository.iter().flat_map(|repository| &repository.file).chain(arranged);
        for from in self.file.iter().map(|file| &file.from).chain(in_repository.map(|file| &file.from)) {
            let path = self.root.join(from);
            let content = read(&path).map_err(|error| TopologyError::Bad { path, why: error.to_string() })?;
            text.push_str(&content);
        }
        Ok(text)
    }
}

impl Topology {
    /// Its own file.
    pub fn file(&self) -> PathBuf {
        self.root.join(format!("{}.toml", self.id))
    }

    /// The file that has this text under this key, for a message: its own, or one that it includes.
    pub fn file_of(&self, key: &[&str], text: &str) -> PathBuf {
        let holds = |path: &PathBuf| {
            let table = read(path).ok().and_then(|text| text.parse::<toml::Table>().ok()).map(toml::Value::Table);
            let value = key.iter().try_fold(table.as_ref()?, |value, name| value.get(name))?;
            let listed = value.as_array().is_some_and(|all| all.iter().any(|one| one.as_str() == Some(text)));
            (listed || value.as_str() == Some(text)).then_some(())
        };
        let includes = self.include.iter().map(|name| self.root.join(name));
        [self.file()].into_iter().chain(includes).find(|path| holds(path).is_some()).unwrap_or_else(|| self.file())
    }
}

/// Loads `folder/ID.toml`, where `folder` is a profile's, with its includes merged in.
pub fn load(folder: &Path, id: &str) -> Result<Topology, TopologyError> {
    let path = folder.join(format!("{id}.toml"));
    let text = read(&path).map_err(|source| TopologyError::Missing {
        path: path.clone(),
        source,
        known: known(folder).join(", "),
    })?;
    let bad = |path: &Path, why: String| TopologyError::Bad { path: path.to_owned(), why };
    let mut topology: Topology = toml::from_str(&text).map_err(|error| bad(&path, error.to_string()))?;
    check::topology(&topology).map_err(|why| bad(&path, why))?;
    if topology.schema != 1 || topology.id != id {
        return Err(bad(&path, format!("schema {} and id `{}`, wanted 1 and `{id}`", topology.schema, topology.id)));
    }
    for name in topology.include.clone() {
        let part_path = folder.join(&name);
        let text =
            read(&part_path).map_err(|error| bad(&part_path, format!("{error}, included by {}", path.display())))?;
        let part: Part = toml::from_str(&text).map_err(|error| bad(&part_path, error.to_string()))?;
        check::part(&part).map_err(|why| bad(&part_path, why))?;
        topology.folder.extend(part.folder);
        topology.file.extend(part.file);
        topology.link.extend(part.link);
        topology.repository = topology.repository.or(part.repository);
        topology.images = topology.images.or(part.images);
        topology.neighbour.extend(part.neighbour);
        topology.before_drill.extend(part.before_drill);
        topology.arranged.extend(part.arranged);
    }
    topology.root = folder.to_owned();
    Ok(topology)
}

/// Ids of the topologies that a profile has.
pub fn known(folder: &Path) -> Vec<String> {
    let mut ids: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".toml")?.to_owned()))
        .collect();
    ids.sort();
    ids
}

/// A file of a topology.
pub fn read(path: &Path) -> std::io::Result<String> {
    let length = std::fs::metadata(path)?.len();
    if length > FILE_BYTES_MAX {
        return Err(std::io::Error::other(format!("{length} bytes, the ceiling is {FILE_BYTES_MAX}")));
    }
    std::fs::read_to_string(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_depends_on_content_and_not_on_the_folder() {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/topologies/documented");
        let here = load(&shipped, "systemd").unwrap();
        let other = tempfile::tempdir().unwrap();
        for file in &here.file {
            let copy = other.path().join(&file.from);
            std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
            std::fs::copy(shipped.join(&file.from), copy).unwrap();
        }
        let there = Topology { root: other.path().to_owned(), ..here.clone() };
        assert_eq!(here.fingerprint().unwrap(), there.fingerprint().unwrap());
        std::fs::write(other.path().join(&here.file[0].from), "changed").unwrap();
        assert_ne!(here.fingerprint().unwrap(), there.fingerprint().unwrap());
    }
}
