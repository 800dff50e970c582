//! The static binaries that go into operator hosts: the fake node and the agent, built by cargo when they have changed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::patience::Patience;
use super::{HostError, engine};

/// Building everything anew takes a minute or two; two harnesses wait for each other's.
const BUILD: Duration = Duration::from_secs(20 * 60);

/// Both binaries.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// `tensor-wasm`, without a release in it.
    pub node: Vec<u8>,
    /// `agent` and `page`.
    pub agent: Vec<u8>,
}

/// Builds what has changed, in a target folder of its own: static, so that they run on any Linux of this architecture.
/// `--target` keeps the flag away from procedural macros, which cannot be static.
pub fn build(workspace: &Path) -> Result<Binaries, HostError> {
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let target_folder: PathBuf = workspace.join("target").join("operator-host");
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(workspace)
        .args(["build", "--quiet", "--locked", "--profile", "operator-host", "--target", &triple])
        .args(["--package", "fake-node", "--package", "operator-agent", "--target-dir"])
        .arg(&target_folder)
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        // Set by `cargo run` and `cargo test` for their own child; they would make this build differ from the next.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_TARGET_DIR");
    let patience = Patience::new("building the static node and agent", BUILD);
    let output = engine::runtime()?.block_on(patience.run(cargo))?.map_err(|error| {
        HostError::Environment(format!("cannot run cargo to build the node: {error}; is Rust installed?"))
    })?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(HostError::Environment(format!(
            "building the static node and agent failed ({}):\n{errors}",
            output.status
        )));
    }
    let built = target_folder.join(triple).join("operator-host");
    let read = |name: &str| {
        let path = built.join(name);
        std::fs::read(&path).map_err(|error| HostError::Environment(format!("cannot read {}: {error}", path.display())))
    };
    Ok(Binaries { node: read("tensor-wasm")?, agent: read("operator-agent")? })
}
