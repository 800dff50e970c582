//! The operator host's image: built once per content, under a lock that all harness processes of a user share.

use std::fs::File;
use std::process::Command;
use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::{BuildImageOptionsBuilder, CreateImageOptionsBuilder};
use futures_util::StreamExt;

use crate::release::sha256_hex;

use super::owner::{LABEL_KIND, state_folder};
use super::patience::Patience;
use super::{HostError, Progress};

/// Name of the images; the tag is the beginning of the content's SHA-256.
pub const REPOSITORY: &str = "rollback-drill/operator-host";
const MMDEBSTRAP: &str = "mmdebstrap";
const BASE_REPOSITORY: &str = "rollback-drill/debian-trixie";
/// Pulled where a registry answers.
const PULLED_BASE: &str = "debian:trixie-slim";
/// For making it, and as long again for another process that is making it. Four minutes is what it takes cold.
const BUILD: Duration = Duration::from_secs(20 * 60);
/// For a look at the engine and a registry.
const LOOK: Duration = Duration::from_secs(60);

const FILES: [(&str, &str); 4] = [
    ("Dockerfile", include_str!("../../../operator-host/Dockerfile")),
    ("init", include_str!("../../../operator-host/init")),
    ("packages.txt", include_str!("../../../operator-host/packages.txt")),
    ("rollback-drill-lease.service", include_str!("../../../operator-host/rollback-drill-lease.service")),
];

/// Tag of the image that this harness needs.
pub fn tag() -> String {
    let all: String = FILES.iter().map(|(name, text)| format!("{name}\n{text}\n")).collect();
    let hash = sha256_hex(all.as_bytes());
    hash.get(..12).unwrap_or(&hash).to_owned()
}

/// Makes sure that the image is there. Returns its name and whether it was built now.
pub async fn ensure(docker: &Docker, progress: &mut Progress<'_>) -> Result<(String, bool), HostError> {
    let name = format!("{REPOSITORY}:{}", tag());
    let patience = Patience::new("waiting for the operator host image that another process builds", BUILD);
    if is_there(docker, &name, &patience).await? {
        return Ok((name, false));
    }
    let path = state_folder()?.join("image.lock");
    let lock = File::create(&path)
        .map_err(|error| HostError::Environment(format!("cannot create {}: {error}", path.display())))?;
    progress("operator host image: not there yet, taking the build lock");
    let locked = patience.lock(&lock).await?;
    locked.map_err(|error| HostError::Environment(format!("cannot lock {}: {error}", path.display())))?;
    let patience = Patience::new("making the operator host image", BUILD);
    // Another process may have built it while this one waited.
    if is_there(docker, &name, &patience).await? {
        return Ok((name, false));
    }
    let base = base(docker, progress, &patience).await?;
    progress(&format!("operator host image: building {name} on {base}"));
    build(docker, &name, &base, &patience).await?;
    progress("operator host image: built");
    Ok((name, true))
}

async fn is_there(docker: &Docker, name: &str, patience: &Patience) -> Result<bool, HostError> {
    match patience.wait(docker.inspect_image(name)).await? {
        Ok(_) => Ok(true),
        Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => Ok(false),
        Err(error) => Err(HostError::Environment(format!("the engine does not say whether it has {name}: {error}"))),
    }
}

/// Whether the image is there or can be built, in words.
pub async fn look(docker: &Docker) -> Result<String, HostError> {
    look_with(docker, MMDEBSTRAP).await
}

async fn look_with(docker: &Docker, mmdebstrap: &str) -> Result<String, HostError> {
    let patience = Patience::new("looking for what the operator host image needs", LOOK);
    let tag = tag();
    if is_there(docker, &format!("{REPOSITORY}:{tag}"), &patience).await? {
        return Ok(format!("{tag} is there"));
    }
    let buildable =
        |how: &str| Ok(format!("{tag} is not there yet; the first drill or `host build` builds it on {how}"));
    for base in [own_base().as_str(), PULLED_BASE] {
        if is_there(docker, base, &patience).await? {
            return buildable(&format!("{base}, which is there"));
        }
    }
    let Err(refused) = patience.wait(docker.inspect_registry_image(PULLED_BASE, None)).await? else {
        return buildable(&format!("{PULLED_BASE}, which can be pulled"));
    };
    let mut command = Command::new(mmdebstrap);
    command.arg("--version");
    if patience.run(command).await?.is_ok_and(|output| output.status.success()) {
        return buildable(&format!("a base made with mmdebstrap, since {PULLED_BASE} cannot be pulled ({refused})"));
    }
    Err(HostError::Environment(format!(
        "{tag} is not there and cannot be built: {PULLED_BASE} is not there and cannot be pulled ({refused}), and mmdebstrap \
         cannot be run; install mmdebstrap, or pull or load {PULLED_BASE}"
    )))
}

fn packages() -> &'static str {
    FILES.iter().find(|(name, _)| *name == "packages.txt").map(|(_, text)| *text).unwrap_or_default()
}

/// Name of the base that is made here where none can be pulled.
fn own_base() -> String {
    let hash = sha256_hex(packages().as_bytes());
    format!("{BASE_REPOSITORY}:{}", hash.get(..12).unwrap_or(&hash))
}

async fn base(docker: &Docker, progress: &mut Progress<'_>, patience: &Patience) -> Result<String, HostError> {
    let own = own_base();
    for name in [own.as_str(), PULLED_BASE] {
        if is_there(docker, name, patience).await? {
            return Ok(name.to_owned());
        }
    }
    progress(&format!("operator host image: pulling {PULLED_BASE}"));
    let options = CreateImageOptionsBuilder::default().from_image("debian").tag("trixie-slim").build();
    let mut pull = docker.create_image(Some(options), None, None);
    let mut refused = None;
    while let Some(step) = patience.wait(pull.next()).await? {
        if let Err(error) = step {
            refused = Some(error.to_string());
        }
    }
    let Some(refused) = refused else { return Ok(PULLED_BASE.to_owned()) };
    progress("operator host image: no registry answers, making the base with mmdebstrap (half a minute)");
    let include = packages().split_whitespace().collect::<Vec<&str>>().join(",");
    let mut mmdebstrap = Command::new(MMDEBSTRAP);
    mmdebstrap.args(["--quiet", "--variant=minbase", &format!("--include={include}"), "trixie", "-"]);
    let made = patience.run(mmdebstrap).await?.map_err(|error| {
        HostError::Environment(format!(
            "cannot pull {PULLED_BASE} ({refused}), and cannot run mmdebstrap: {error}; install mmdebstrap, or pull or load {PULLED_BASE}"
        ))
    })?;
    if !made.status.success() {
        let errors = String::from_utf8_lossy(&made.stderr);
        return Err(HostError::Environment(format!("mmdebstrap failed ({}):\n{errors}", made.status)));
    }
    progress("operator host image: importing the base");
    let (repo, tag) = own.split_once(':').unwrap_or((&own, "latest"));
    let options = CreateImageOptionsBuilder::default().from_src("-").repo(repo).tag(tag).build();
    let mut import = docker.create_image(Some(options), Some(bollard::body_full(made.stdout.into())), None);
    while let Some(step) = patience.wait(import.next()).await? {
        step.map_err(|error| HostError::Environment(format!("importing the base image failed: {error}")))?;
    }
    Ok(own)
}

async fn build(docker: &Docker, name: &str, base: &str, patience: &Patience) -> Result<(), HostError> {
    let failed = |what: String| HostError::Environment(format!("building {name} failed: {what}"));
    let mut context = tar::Builder::new(Vec::new());
    for (file, text) in FILES {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        context.append_data(&mut header, file, text.as_bytes()).map_err(|error| failed(error.to_string()))?;
    }
    let context = context.into_inner().map_err(|error| failed(error.to_string()))?;
    let arguments = [("BASE", base)].into_iter().collect();
    let labels = [(LABEL_KIND, "operator-host")].into_iter().collect();
    let options = BuildImageOptionsBuilder::default()
        .t(name)
        .buildargs(&arguments)
        .labels(&labels)
        .rm(true)
        .forcerm(true)
        .build();
    let mut steps = docker.build_image(options, None, Some(bollard::body_full(context.into())));
    let mut last_lines = Vec::new();
    while let Some(step) = patience.wait(steps.next()).await? {
        match step {
            Ok(info) => {
                if let Some(text) = info.stream {
                    last_lines.push(text);
                    let excess = last_lines.len().saturating_sub(30);
                    last_lines.drain(..excess);
                }
                if let Some(error) = info.error_detail.and_then(|detail| detail.message) {
                    return Err(failed(format!("{error}\n{}", last_lines.concat())));
                }
            }
            Err(error) => return Err(failed(format!("{error}\n{}", last_lines.concat()))),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::container::{engine::runtime, stub};

    /// What is said where the engine has these images and, if so, a registry has the base.
    fn said(images: &'static [&'static str], registry: bool, mmdebstrap: &str) -> Result<String, String> {
        let (docker, _requests) = stub::engine(move |request| {
            let decoded = request.replace("%2F", "/").replace("%3A", ":");
            if images.iter().any(|image| decoded.contains(&format!("/images/{image}"))) {
                return (200, "{}");
            }
            if registry && decoded.contains("/distribution/debian:trixie-slim/") {
                return (200, r#"{"Descriptor": {}, "Platforms": []}"#);
            }
            (404, r#"{"message": "not found"}"#)
        });
        let result = runtime().unwrap().block_on(look_with(&docker, mmdebstrap));
        result.map_err(|error| error.to_string()).map(|said| said.replace(&tag(), "TAG").replace(&own_base(), "OWN"))
    }

    #[test]
    fn what_building_the_image_needs_is_looked_for() {
        let later = "TAG is not there yet; the first drill or `host build` builds it on";
        assert_eq!(said(&[REPOSITORY], false, "/nonexistent/x"), Ok("TAG is there".to_owned()));
        assert_eq!(said(&[BASE_REPOSITORY], false, "/nonexistent/x"), Ok(format!("{later} OWN, which is there")));
        let pulled = format!("{later} debian:trixie-slim, which is there");
        assert_eq!(said(&[PULLED_BASE], false, "/nonexistent/x"), Ok(pulled));
        let pulled = format!("{later} debian:trixie-slim, which can be pulled");
        assert_eq!(said(&[], true, "/nonexistent/x"), Ok(pulled));
        let made = said(&[], false, "true").unwrap();
        assert!(
            made.starts_with(&format!("{later} a base made with mmdebstrap, since debian:trixie-slim cannot")),
            "{made}"
        );
        for mmdebstrap in ["/nonexistent/x", "false"] {
            let why = said(&[], false, mmdebstrap).unwrap_err();
            assert!(why.contains("is not there and cannot be built") && why.contains("install mmdebstrap"), "{why}");
        }
    }

    #[test]
    fn an_engine_that_does_not_say_is_an_error() {
        let (docker, _requests) = stub::engine(|_| (500, r#"{"message": "disk on fire"}"#));
        let error = runtime().unwrap().block_on(look_with(&docker, "true")).unwrap_err().to_string();
        assert!(error.contains("does not say whether it has rollback-drill/operator-host"), "{error}");
        assert!(error.contains("disk on fire"), "{error}");
    }
}
