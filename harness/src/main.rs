//! The program: everything that belongs to the process (arguments, streams, environment, signals), and nothing else.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

use rollback_harness::cli::{self, Containers};
use rollback_harness::exit::{self, ExitStatus};
use rollback_harness::interrupt;
use rollback_harness::report::{Output, Terminal};

fn main() -> ExitCode {
    exit::explain_panics();
    exit::guarded(run).into()
}

fn run() -> ExitStatus {
    let folder = match std::env::current_dir().and_then(|folder| interrupt::listen().map(|()| folder)) {
        Ok(folder) => folder,
        Err(error) => {
            eprintln!("rollback-drill: cannot begin: {error}");
            return ExitStatus::Harness;
        }
    };
    // Not locked: a panic in a drill must be able to say so.
    let (mut out, mut log) = (io::stdout(), io::stderr());
    let terminal = Terminal {
        stdout: out.is_terminal(),
        stderr: log.is_terminal(),
        width: columns().unwrap_or(Terminal::default().width),
        colour: environment("NO_COLOR").is_none_or(|value| value.is_empty())
            && environment("TERM") != Some("dumb".into()),
    };
    cli::main_with(std::env::args_os(), &folder, Output { out: &mut out, log: &mut log, terminal }, &Containers)
}

fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Columns of the terminal, where the environment says them; narrower than 60 nothing is aligned any more.
fn columns() -> Option<usize> {
    environment("COLUMNS")?.to_str()?.parse::<usize>().ok().map(|columns| columns.clamp(60, 400))
}
