//! `decide`: whether to roll back, as text or as one JSON document.

use std::path::Path;

use super::Failure;
use super::args::{DecideArgs, DocumentFormat};
use crate::decide::{Asked, answer, input};
use crate::exit::ExitStatus;
use crate::prepare;
use crate::report::{self, Output};

/// Answers. Whichever way, it was done: only bad input and an output that fails are other statuses.
pub(super) fn carry_out(args: &DecideArgs, workspace: &Path, output: &mut Output<'_>) -> Result<ExitStatus, Failure> {
    let usage = |error: &dyn std::fmt::Display| Failure::Usage(error.to_string());
    let runbook = prepare::runbook(workspace, args.runbook.as_deref(), args.binding.as_deref());
    let runbook = runbook.map_err(|error| usage(&error))?;
    let rules = runbook.decision().map_err(|error| usage(&error))?;
    let seen = input::load(&args.from).map_err(|error| usage(&error))?;
    let asked = Asked {
        runbook: prepare::source(&runbook.runbook, workspace),
        binding: prepare::source(&runbook.binding, workspace),
        from: input::name_of(&args.from),
    };
    let answer = answer(&rules, &seen, asked);
    match args.format {
        DocumentFormat::Text => {
            let terminal = output.terminal;
            for line in report::answer_lines(&answer, terminal.width, terminal.stdout && terminal.colour) {
                writeln!(output.out, "{line}")?;
            }
        }
        DocumentFormat::Json => {
            let json = serde_json::to_string_pretty(&answer).map_err(std::io::Error::from)?;
            writeln!(output.out, "{json}")?;
        }
    }
    Ok(ExitStatus::Conforms)
}
