//! The command line: reads arguments, calls what does the work, and says how the program exits. Outputs, folder and
//! backend are passed in, so that all of it is tested in process.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

use clap::Parser;

use crate::bundle::{self, BundleError};
use crate::exit::ExitStatus;
use crate::prepare::Selection;
use crate::report::{self, DrillReport, Output, Reporter, Rerun, RunBegan, Terminal};
use crate::run::RunError;
use crate::workspace;

mod args;
mod backend;
mod decide;
mod explore;
mod scenarios;
mod stage;
mod strength;

pub use args::HostCommand;
pub use backend::Containers;
pub use stage::Stage;

use args::{Cli, Command, DrillArgs};

/// What carries out drills and looks after hosts: the container host, or a test's stand-in.
pub trait Backend {
    /// Carries a selection out: `stage.run_began` first, then each drill.
    fn drill(&self, selection: &Selection, stage: &mut Stage<'_>) -> Result<(), RunError>;

    /// Carries out `host ...`; results go to `out`, progress to `log`.
    fn host(
        &self,
        command: HostCommand,
        workspace: &Path,
        out: &mut dyn Write,
        log: &mut dyn Write,
    ) -> Result<(), RunError>;
}

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The arguments or a file that they name.
    #[error("{0}")]
    Usage(String),
    /// The run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// stdout or stderr.
    #[error("cannot write the output: {0}; is the disk full?")]
    Output(#[from] std::io::Error),
}

impl Failure {
    fn status(&self) -> ExitStatus {
        match self {
            Failure::Usage(_) | Failure::Run(RunError::Input(_)) => ExitStatus::Usage,
            Failure::Run(RunError::Interrupted(signal)) if *signal == SIGTERM => ExitStatus::Terminated,
            Failure::Run(RunError::Interrupted(_)) => ExitStatus::Interrupted,
            Failure::Run(RunError::Harness(_)) | Failure::Output(_) => ExitStatus::Harness,
        }
    }

    /// Whoever reads stdout has seen enough and left: no failure of ours.
    fn is_closed_pipe(&self) -> bool {
        matches!(self, Failure::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

const SIGTERM: i32 = signal_hook::consts::SIGTERM;

/// The whole program. `args` begin with the program's name; `folder` is where it was called.
pub fn main_with(
    args: impl IntoIterator<Item = OsString>,
    folder: &Path,
    mut output: Output<'_>,
    backend: &dyn Backend,
) -> ExitStatus {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return refused(&error, &mut output),
    };
    match carry_out(cli, folder, &mut output, backend) {
        Ok(status) => status,
        Err(failure) if failure.is_closed_pipe() => ExitStatus::Conforms,
        Err(failure) => {
            // Nothing is left to do if stderr is closed; the exit status still says it.
            let _ = writeln!(output.log, "rollback-drill: {failure}");
            failure.status()
        }
    }
}

/// `--help` and `--version` are no errors; the parser's own 2 would mean "inconclusive" here.
fn refused(error: &clap::Error, output: &mut Output<'_>) -> ExitStatus {
    let text = error.render();
    let (status, written) = if error.use_stderr() {
        (ExitStatus::Usage, write!(output.log, "{text}"))
    } else {
        (ExitStatus::Conforms, write!(output.out, "{text}"))
    };
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => ExitStatus::Harness,
        _ => status,
    }
}

fn carry_out(cli: Cli, folder: &Path, output: &mut Output<'_>, backend: &dyn Backend) -> Result<ExitStatus, Failure> {
    let workspace = || workspace::locate(folder);
    match cli.command.unwrap_or(Command::Drill(cli.drill)) {
        Command::Drill(args) => drill(&args, &workspace(), output, backend),
        Command::Judge { folder } => judge(&folder, output),
        Command::Decide(args) => decide::carry_out(&args, &workspace(), output),
        Command::Explore(args) => explore::carry_out(&args, &workspace(), output, backend),
        Command::Scenarios(command) => scenarios::carry_out(&command, &workspace(), output),
        Command::Host(command) => {
            backend.host(command, &workspace(), output.out, output.log)?;
            Ok(ExitStatus::Conforms)
        }
    }
}

fn drill(
    args: &DrillArgs,
    workspace: &Path,
    output: &mut Output<'_>,
    backend: &dyn Backend,
) -> Result<ExitStatus, Failure> {
    let mut reporter = reporter(&args.format, output.out, output.log, output.terminal)?;
    let mut stage = Stage::new(&mut *reporter);
    let ran = backend.drill(&args.selection(workspace), &mut stage);
    // Also after a failure: what was done is reported, and a document is whole.
    let status = stage.run_ended();
    let written = reporter.take_error();
    ran?;
    reported(status, written)
}

/// What was judged counts also where nobody listens to the end; that it could not be written for another reason counts more.
fn reported(status: ExitStatus, written: Option<std::io::Error>) -> Result<ExitStatus, Failure> {
    match written {
        Some(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(status),
    }
}

fn reporter<'a>(
    format: &str,
    out: &'a mut dyn Write,
    log: &'a mut dyn Write,
    terminal: Terminal,
) -> Result<Box<dyn Reporter + 'a>, Failure> {
    report::make(format, Output { out, log, terminal }).ok_or_else(|| {
        Failure::Usage(format!("no format `{format}`; there are {}", report::names().collect::<Vec<_>>().join(", ")))
    })
}

/// Judges a stored drill again and tells it as if it happened now.
fn judge(folder: &Path, output: &mut Output<'_>) -> Result<ExitStatus, Failure> {
    let done = bundle::rejudge(folder).map_err(|error| match error {
        // The folder is input; that its History is none of ours is no failure of the harness.
        BundleError::History(error) => Failure::Usage(error.to_string()),
        other => Failure::Run(RunError::Harness(other.to_string())),
    })?;
    let mut reporter = reporter("text", output.out, output.log, output.terminal)?;
    reporter.run_began(&RunBegan {
        schema: report::REPORT_SCHEMA,
        harness: env!("CARGO_PKG_VERSION").into(),
        seed: done.plan.seed.clone(),
        runbook: done.plan.runbook.path.clone(),
        planned: 1,
    });
    reporter.drill_began(1, &done.plan);
    done.history.events.iter().for_each(|event| reporter.event(event));
    // Only the drill itself was timed on the wall; the History knows its own clock.
    let duration_ms = done.history.events.last().map_or(0, |last| last.at_us / 1000);
    let report = DrillReport::of(&done, duration_ms, &Rerun::of_plan(&done.plan).line());
    reporter.drill_ended(&report);
    reporter.run_ended(1);
    reported(report.status(), reporter.take_error())
}

#[cfg(test)]
mod tests;
