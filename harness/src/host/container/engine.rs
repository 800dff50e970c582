//! The engine: connecting to it, and what it has of ours: `host list`, `host sweep`, `host doctor`.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bollard::Docker;
use bollard::query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder};

use super::HostError;
use super::owner::{LABEL_KIND, LABEL_MACHINE, LABEL_OWNER, is_dead, machine, tidy};
use super::patience::Patience;

/// For what an engine answers at once when it is well.
const ANSWER: Duration = Duration::from_secs(120);

static NUMBER: AtomicU64 = AtomicU64::new(1);

/// Numbers this process's hosts.
pub fn next_number() -> u64 {
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// One thread is enough: the driver does one thing at a time.
pub fn runtime() -> Result<tokio::runtime::Runtime, HostError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| HostError::Environment(format!("cannot start the container host's runtime: {error}")))
}

/// The engine that `DOCKER_HOST` names, or the local one.
pub fn connect() -> Result<Docker, HostError> {
    Docker::connect_with_defaults().map_err(|error| {
        HostError::Environment(format!("no Docker Engine to connect to: {error}; is it running, is DOCKER_HOST right?"))
    })
}

/// Whether an engine answers; the error says why not.
pub fn answers() -> Result<String, HostError> {
    let docker = connect()?;
    let patience = Patience::new("asking the Docker Engine for its version", ANSWER);
    let version = runtime()?.block_on(patience.wait(docker.version()))?.map_err(|error| {
        HostError::Environment(format!(
            "the Docker Engine does not answer: {error}; is it running, may this user use it?"
        ))
    })?;
    Ok(format!("{} (API {})", version.version.unwrap_or_default(), version.api_version.unwrap_or_default()))
}

/// Whether the engine confines containers by AppArmor.
pub async fn has_apparmor() -> bool {
    let Ok(docker) = connect() else { return false };
    let options = docker.info().await.ok().and_then(|info| info.security_options).unwrap_or_default();
    options.iter().any(|option| option.contains("apparmor"))
}

/// An operator host on the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Container name.
    pub name: String,
    /// The engine's word: `running`, `created`, …
    pub state: String,
    /// Whether its owner is dead, as far as this machine can tell.
    pub abandoned: bool,
    /// Its owner's lock file, if the owner is of this machine.
    pub owner: Option<PathBuf>,
}

/// All operator hosts on the engine.
pub fn list() -> Result<Vec<Listed>, HostError> {
    let patience = Patience::new("listing the engine's containers", ANSWER);
    runtime()?.block_on(patience.wait(list_on(&connect()?)))?
}

async fn list_on(docker: &Docker) -> Result<Vec<Listed>, HostError> {
    let filters = [("label".to_owned(), vec![format!("{LABEL_KIND}=operator-host")])].into_iter().collect();
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let containers = docker
        .list_containers(Some(options))
        .await
        .map_err(|error| HostError::Environment(format!("the engine does not list its containers: {error}")))?;
    #[expect(
        clippy::disallowed_methods,
        reason = "how old a host is: the engine tells its creation by the wall's clock"
    )]
    let now = SystemTime::now();
    Ok(containers
        .into_iter()
        .map(|container| {
            let labels = container.labels.unwrap_or_default();
            let ours = labels.get(LABEL_MACHINE).is_some_and(|name| *name == machine());
            let owner = labels.get(LABEL_OWNER).filter(|_| ours).map(PathBuf::from);
            let age = container.created.and_then(|seconds| age(seconds, now));
            let abandoned = owner.as_ref().is_some_and(|path| is_dead(path, age));
            let name = container.names.unwrap_or_default().first().map(|name| name.trim_start_matches('/').to_owned());
            let state = container.state.map(|state| state.to_string()).unwrap_or_default();
            Listed { name: name.or(container.id).unwrap_or_default(), state, abandoned, owner }
        })
        .collect())
}

/// Age of what was created at this second of Unix time; `None` where the clocks do not agree that it is past.
fn age(created: i64, now: SystemTime) -> Option<Duration> {
    let created = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(created).ok()?);
    now.duration_since(created).ok()
}

/// Removes the hosts whose owner is dead, with their volumes, and then lock files of dead owners; returns the hosts' names.
pub fn sweep() -> Result<Vec<String>, HostError> {
    let docker = connect()?;
    let patience = Patience::new("removing operator hosts of dead owners", ANSWER);
    runtime()?.block_on(patience.wait(async {
        let mut swept = Vec::new();
        for host in list_on(&docker).await?.into_iter().filter(|host| host.abandoned) {
            let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
            match docker.remove_container(&host.name, Some(options)).await {
                Ok(()) => swept.push(host.name),
                // The lease or another sweep was quicker: gone is gone.
                Err(bollard::errors::Error::DockerResponseServerError { status_code: 404 | 409, .. }) => {}
                Err(error) => {
                    return Err(HostError::Environment(format!("cannot remove operator host {}: {error}", host.name)));
                }
            }
        }
        tidy(&list_on(&docker).await?.into_iter().filter_map(|host| host.owner).collect())?;
        Ok(swept)
    }))?
}
