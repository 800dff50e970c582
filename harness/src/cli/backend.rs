//! The real backend: operator hosts in containers.

use std::io::Write;
use std::path::Path;

use super::{Backend, HostCommand, Stage};
use crate::host::HostError;
use crate::host::container::{binaries, engine, image};
use crate::interrupt;
use crate::prepare::{self, Selection};
use crate::report::RunBegan;
use crate::run::{self, RunError};

/// Operator hosts in containers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Containers;

impl Backend for Containers {
    fn drill(&self, selection: &Selection, stage: &mut Stage<'_>) -> Result<(), RunError> {
        let drills = prepare::prepare(selection)?;
        run::check(&drills)?;
        let _noted = interrupt::note();
        let runbook = drills.first().map(|first| first.plan.runbook.path.clone()).unwrap_or_default();
        stage.run_began(&RunBegan::new(selection.seed, &runbook, drills.len()));
        run::run(selection, drills, stage)
    }

    fn host(
        &self,
        command: HostCommand,
        workspace: &Path,
        out: &mut dyn Write,
        log: &mut dyn Write,
    ) -> Result<(), RunError> {
        let _noted = interrupt::note();
        match command {
            HostCommand::Build => build(workspace, out, log),
            HostCommand::List => list(out),
            HostCommand::Sweep => sweep(out),
            HostCommand::Doctor => doctor(workspace, out),
        }
    }
}

fn written(result: std::io::Result<()>) -> Result<(), RunError> {
    result.map_err(|error| RunError::Harness(format!("cannot write the output: {error}")))
}

fn build(workspace: &Path, out: &mut dyn Write, log: &mut dyn Write) -> Result<(), RunError> {
    // A progress line that cannot be written stops no build.
    let mut progress = |line: &str| drop(writeln!(log, "{line}"));
    let docker = engine::connect()?;
    let (name, new) = engine::runtime()?.block_on(image::ensure(&docker, &mut progress))?;
    progress("node and agent: building what has changed");
    let binaries = binaries::build(workspace)?;
    written(writeln!(out, "operator host image {name}: {}", if new { "built" } else { "nothing has changed" }))?;
    written(writeln!(out, "node {} bytes, agent {} bytes", binaries.node.len(), binaries.agent.len()))
}

fn list(out: &mut dyn Write) -> Result<(), RunError> {
    let hosts = engine::list()?;
    if hosts.is_empty() {
        return written(writeln!(out, "no operator hosts"));
    }
    for host in hosts {
        let owner =
            if host.abandoned { "owner is dead, `host sweep` removes it" } else { "in use, or of another machine" };
        written(writeln!(out, "{:<40} {:<10} {owner}", host.name, host.state))?;
    }
    Ok(())
}

fn sweep(out: &mut dyn Write) -> Result<(), RunError> {
    let swept = engine::sweep()?;
    for name in &swept {
        written(writeln!(out, "removed {name}"))?;
    }
    written(writeln!(out, "{} operator hosts removed", swept.len()))
}

/// Each thing that a drill needs, and what to do about it; all of them, not only the first that fails.
fn doctor(workspace: &Path, out: &mut dyn Write) -> Result<(), RunError> {
    let mut failed = Vec::new();
    let mut say = |what: &str, result: Result<String, HostError>| {
        let (word, detail) = match result {
            Ok(detail) => ("ok", detail),
            Err(HostError::Interrupted(signal)) => return Err(RunError::Interrupted(signal)),
            Err(error) => {
                failed.push(what.to_owned());
                ("FAILS", error.to_string())
            }
        };
        written(writeln!(out, "{word:<6} {what:<20} {detail}"))
    };
    say("container engine", engine::answers())?;
    let image = engine::connect().and_then(|docker| engine::runtime()?.block_on(image::look(&docker)));
    say("operator host image", image)?;
    say("node and agent", binaries::build(workspace).map(|_| "are built from this checkout".into()))?;
    if failed.is_empty() {
        Ok(())
    } else {
        Err(RunError::Harness(format!("drills cannot run here: {}", failed.join(", "))))
    }
}
