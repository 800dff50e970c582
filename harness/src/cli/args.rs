//! The command line's words. **Contract.** Nothing here acts.

use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::explore::ExploreArgs;
use crate::host::HostKind;
use crate::prepare::Selection;
use crate::report;
use crate::scenario::{Operator, TOPOLOGIES};

/// Drills a rollback runbook: carries its commands out literally, on a simulated machine or on a real one in a container, and
/// judges what happened.
///
/// Without a subcommand it is `drill`.
#[derive(Debug, Parser)]
#[command(name = "rollback-drill", version, args_conflicts_with_subcommands = true, after_help = EXIT_HELP)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) drill: DrillArgs,
}

const EXIT_HELP: &str = "\
Exit status: 0 all drills conform, 1 one does not, 2 of one nothing can be said, 64 usage or input,
70 the harness or its environment, 130 or 143 interrupted (hosts are removed, bundles kept).";

const DECIDE_HELP: &str = "\
Exit status: 0 it was answered, whichever way (`call` in the JSON document says which),
64 usage, or an input or runbook that cannot be read exactly, 70 the answer could not be written.";

const EXPLORE_HELP: &str = "\
Exit status: 0 nothing new was found, 1 something was, 2 nothing new, and of some of what was asked for nothing can be said,
64 usage or input, 70 the harness or its environment, 130 or 143 interrupted (the report is of what was done; --resume).";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Carry out drills: the default
    #[command(after_help = EXIT_HELP)]
    Drill(DrillArgs),
    /// Judge a stored drill again, from the history in its bundle
    Judge {
        /// The bundle's folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Whether to roll back: the runbook's own conditions, held against what was seen
    #[command(after_help = DECIDE_HELP)]
    Decide(DecideArgs),
    /// Look for combinations of faults in which a property does not hold
    #[command(after_help = EXPLORE_HELP)]
    Explore(Box<ExploreArgs>),
    /// Look at scenario files
    #[command(subcommand)]
    Scenarios(Scenarios),
    /// Look after operator hosts
    #[command(subcommand)]
    Host(HostCommand),
}

#[derive(Debug, Subcommand)]
pub(super) enum Scenarios {
    /// Name and purpose of each
    List,
    /// One of them, as its file says it
    Show {
        /// A name, or a file: with a `/` or ending in `.toml`
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// How every scenario is expected to end, on each topology and by each operator
    Table {
        /// How to print it
        #[arg(long, value_name = "FORMAT", value_enum, default_value_t = DocumentFormat::Text)]
        format: DocumentFormat,
    },
    /// Whether files are scenarios that can be drilled
    Check {
        /// The files
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DocumentFormat {
    /// For people
    Text,
    /// One document
    Json,
}

/// What can be done about operator hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum HostCommand {
    /// Build the image and the binaries, if something has changed
    Build,
    /// List the operator hosts that there are
    List,
    /// Remove the operator hosts whose owner is dead
    Sweep,
    /// Say whether drills can run here, and what is missing
    Doctor,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Where {
    /// In virtual time, without a container
    Sim,
    /// On a real machine in a container
    Container,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Who {
    /// Reads the result of each command
    Careful,
    /// Pastes the block and looks when it has ended
    Paste,
    /// One after the other
    Both,
}

/// What to drill.
#[derive(Debug, Args)]
pub(super) struct DrillArgs {
    /// On what
    #[arg(long, value_name = "HOST", value_enum, default_value_t = Where::Sim)]
    pub(super) host: Where,
    /// Which section of the runbook
    #[arg(long, value_name = "TOPOLOGY", default_value = "all", value_parser = topologies())]
    pub(super) topology: String,
    /// What is wrong: a name, `all`, a file (with a `/` or ending in `.toml`), or `-` for stdin; may be repeated
    #[arg(long, value_name = "NAME", default_value = "baseline")]
    pub(super) scenario: Vec<String>,
    /// Whether releases, images and units are as the runbook expects, or as the software ships them
    #[arg(long, value_name = "PROFILE", default_value = "documented", value_parser = ["documented", "shipped"])]
    pub(super) profile: String,
    /// Who is at the keyboard
    #[arg(long, value_name = "OPERATOR", value_enum, default_value_t = Who::Careful)]
    pub(super) operator: Who,
    /// The runbook, in place of the project's
    #[arg(long, value_name = "FILE")]
    pub(super) runbook: Option<PathBuf>,
    /// Its binding, in place of the project's
    #[arg(long, value_name = "FILE")]
    pub(super) binding: Option<PathBuf>,
    /// Decides all that is not decided otherwise
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// Where bundles go
    #[arg(long, value_name = "DIR", default_value = "target/drills")]
    pub(super) out: PathBuf,
    /// How to report
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = PossibleValuesParser::new(report::names()))]
    pub(super) format: String,
}

/// What to ask.
#[derive(Debug, Args)]
pub(super) struct DecideArgs {
    /// What was seen: alerts, deploys, budget; a TOML file as scenarios/README.md describes it, or `-` for stdin
    #[arg(long, value_name = "FILE")]
    pub(super) from: PathBuf,
    /// The runbook, in place of the project's
    #[arg(long, value_name = "FILE")]
    pub(super) runbook: Option<PathBuf>,
    /// Its binding, in place of the project's
    #[arg(long, value_name = "FILE")]
    pub(super) binding: Option<PathBuf>,
    /// How to print the answer
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = DocumentFormat::Text)]
    pub(super) format: DocumentFormat,
}

pub(super) fn topologies() -> PossibleValuesParser {
    PossibleValuesParser::new(TOPOLOGIES.iter().copied().chain(["all"]))
}

impl DrillArgs {
    pub(super) fn selection(&self, workspace: &Path) -> Selection {
        Selection {
            host: match self.host {
                Where::Sim => HostKind::Sim,
                Where::Container => HostKind::Container,
            },
            topology: self.topology.clone(),
            scenarios: self.scenario.clone(),
            profile: self.profile.clone(),
            operators: match self.operator {
                Who::Careful => vec![Operator::Careful],
                Who::Paste => vec![Operator::Paste],
                Who::Both => vec![Operator::Careful, Operator::Paste],
            },
            runbook: self.runbook.clone(),
            binding: self.binding.clone(),
            seed: self.seed,
            out: self.out.clone(),
            workspace: workspace.to_owned(),
        }
    }
}
