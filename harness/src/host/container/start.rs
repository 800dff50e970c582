//! Making and starting an operator host's container, and taking hold of its agent.

use std::path::Path;
use std::pin::Pin;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::exec::StartExecResults;
use bollard::models::ExecConfig;
use bollard::query_parameters::RemoveContainerOptionsBuilder;
use futures_util::Stream;
use testcontainers::core::{CgroupnsMode, Mount};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};
use tokio::io::AsyncWrite;

use super::{BRING_UP, HostError, engine, owner};

/// Waits until init has unpacked the machine, then becomes the agent; powers off when the agent is gone.
const AGENT_COMMAND: &str = "n=0; until [ -e /usr/local/lib/rollback-drill/unpacked ] || [ $n -gt 500 ]; do n=$((n+1)); sleep 0.02; done; \
/usr/local/lib/rollback-drill/agent; until systemctl poweroff -f || [ $n -gt 600 ]; do n=$((n+1)); sleep 0.2; done";

/// What the agent says.
pub(super) type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>;

/// At once; the lease would do the same a little later, so an engine that refuses is not an error here.
pub(super) async fn force_remove(docker: &Docker, name: &str) {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    let _ = docker.remove_container(name, Some(options)).await;
}

/// A container that was created and could not be started has nothing that could end it, and no sweep takes it while this
/// process lives.
pub(super) async fn or_remove<T>(
    docker: &Docker,
    name: &str,
    start: impl Future<Output = Result<T, HostError>>,
) -> Result<T, HostError> {
    let started = start.await;
    if started.is_err() {
        force_remove(docker, name).await;
    }
    started
}

pub(super) async fn create(
    image: &str,
    name: &str,
    owner: &Path,
    archive: Vec<u8>,
) -> Result<ContainerAsync<GenericImage>, HostError> {
    let (repository, tag) = image.split_once(':').unwrap_or((image, "latest"));
    let apparmor = engine::has_apparmor().await;
    let request = GenericImage::new(repository, tag)
        .with_container_name(name)
        .with_label(owner::LABEL_KIND, "operator-host")
        .with_label(owner::LABEL_MACHINE, owner::machine())
        .with_label(owner::LABEL_OWNER, owner.display().to_string())
        .with_hostname("operator-host")
        .with_cgroupns_mode(CgroupnsMode::Private)
        .with_cap_add("SYS_ADMIN")
        .with_cap_add("NET_ADMIN")
        // The agent reads whose executable listens on the node's port.
        .with_cap_add("SYS_PTRACE")
        .with_mount(Mount::tmpfs_mount("/run"))
        // The inner engine's images and layers: overlay2 does not stack on a union file system, and memory leaves no volume.
        .with_mount(Mount::tmpfs_mount("/var/lib/docker"))
        .with_copy_to("/machine.tar", archive)
        .with_startup_timeout(BRING_UP)
        .with_host_config_modifier(move |config| {
            config.auto_remove = Some(true);
            config.publish_all_ports = Some(false);
            // It has all it needs: nothing of it is reachable, and it reaches nothing.
            config.network_mode = Some("none".to_owned());
            let mut security = vec!["seccomp=unconfined".to_owned()];
            if apparmor {
                // The engine's default profile forbids `mount`, which systemd needs.
                security.push("apparmor=unconfined".to_owned());
            }
            config.security_opt = Some(security);
        });
    request.start().await.map_err(|error| {
        HostError::Environment(format!(
            "cannot start operator host {name}: {error}; `rollback-drill host doctor` looks at the engine"
        ))
    })
}

pub(super) async fn hold_agent(
    docker: &Docker,
    name: &str,
) -> Result<(Output, Pin<Box<dyn AsyncWrite + Send>>), HostError> {
    let failed = |error: bollard::errors::Error| {
        HostError::Environment(format!("cannot hold operator host {name}'s lease: {error}"))
    };
    let config = ExecConfig {
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        cmd: Some(["sh", "-c", AGENT_COMMAND].map(str::to_owned).to_vec()),
        ..ExecConfig::default()
    };
    let exec = docker.create_exec(name, config).await.map_err(failed)?;
    match docker.start_exec(&exec.id, None).await.map_err(failed)? {
        StartExecResults::Attached { output, input } => Ok((output, input)),
        StartExecResults::Detached => {
            Err(HostError::Environment(format!("the engine did not attach to operator host {name}'s agent")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::container::engine::runtime;
    use crate::host::container::stub;

    #[test]
    fn a_container_that_cannot_be_started_is_removed() {
        // It has nothing that could be removed, which is no error.
        let (docker, requests) = stub::engine(|_| (404, ""));
        let failing = async { Err::<(), _>(HostError::Environment("no start".into())) };
        let error = runtime().unwrap().block_on(or_remove(&docker, "rollback-drill-1-1", failing)).unwrap_err();
        assert_eq!(error.to_string(), "no start");
        let requests: Vec<String> = requests.try_iter().collect();
        let [request] = requests.as_slice() else { panic!("{requests:?}") };
        assert!(request.starts_with("DELETE ") && request.contains("/containers/rollback-drill-1-1?"), "{request}");
        assert!(request.contains("force=true") && request.contains("v=true"), "{request}");
    }

    #[test]
    fn a_container_that_was_started_is_left_alone() {
        let (docker, requests) = stub::engine(|_| (404, ""));
        assert_eq!(runtime().unwrap().block_on(or_remove(&docker, "x", async { Ok(7) })).unwrap(), 7);
        assert_eq!(requests.try_iter().count(), 0);
    }
}
