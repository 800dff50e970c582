//! The command line of a release: which subcommands and flags exist is its data, the words of refusals are clap's own.
//!
//! Pure: arguments and environment come in, a decision or a finished output goes out, so a simulator can ask what
//! `tensor-wasm ARGS` would print without a process.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::auth::{Scope, Secret, Token, TokenList};
use crate::config::{BODY_MAX, ServeConfig};
use crate::log::LogFormat;
use crate::release::{ObserveFlag, Release, ServeFlag};

/// What a command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// It is answered already.
    Finished(Finished),
    /// Run a node. Boxed: it is much larger than the others.
    Serve(Box<ServeConfig>),
    /// Watch one.
    Observe(ObserveOptions),
}

/// The whole output of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finished {
    /// Bytes for stdout.
    pub stdout: String,
    /// Bytes for stderr.
    pub stderr: String,
    /// Exit status.
    pub status: i32,
}

/// How `observe` shows what it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObserveOutput {
    /// A board for people.
    Text,
    /// One JSON document per tick.
    Json,
}

/// Options of `observe` (node-contract.md section 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObserveOptions {
    /// URL of the node.
    pub addr: String,
    /// Seconds between ticks, at least 1.
    pub interval_seconds: u64,
    /// How it shows them.
    pub output: ObserveOutput,
    /// One JSON document and end.
    pub once: bool,
    /// `TENSOR_WASM_TOKEN`.
    pub token: Option<Secret>,
    /// `--tenant`; 0 sends no header.
    pub tenant: u64,
}

/// Reads the arguments (without the program's name) as the release would.
#[must_use]
pub fn parse(release: &Release, arguments: &[String], environment: &BTreeMap<String, String>) -> Parsed {
    let name = std::iter::once("tensor-wasm".to_owned());
    let matches = match command(release).try_get_matches_from(name.chain(arguments.iter().cloned())) {
        Ok(matches) => matches,
        Err(error) => {
            let text = error.render().to_string();
            let (stdout, stderr) = if error.use_stderr() { (String::new(), text) } else { (text, String::new()) };
            return Parsed::Finished(Finished { stdout, stderr, status: error.exit_code() });
        }
    };
    if matches.get_flag("version") {
        let stdout = format!("{}\n", release.version_line());
        return Parsed::Finished(Finished { stdout, ..Finished::default() });
    }
    match matches.subcommand() {
        Some(("serve", given)) => serve(release, given, environment),
        Some(("observe", given)) => observe(given, environment),
        _ => {
            let stderr = command(release).render_help().to_string();
            Parsed::Finished(Finished { stdout: String::new(), stderr, status: 2 })
        }
    }
}

fn command(release: &Release) -> Command {
    let mut command = Command::new("tensor-wasm")
        .bin_name("tensor-wasm")
        .about("TensorWasm node (fake node of rollback-drill)")
        // Not clap's own version flag: that always prints the program's name first, and the runbook expects it not to.
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .arg(Arg::new("version").short('V').long("version").action(ArgAction::SetTrue).help("Print version"))
        .arg(
            Arg::new("tenant")
                .long("tenant")
                .global(true)
                .value_parser(value_parser!(u64))
                .default_value("0")
                .help("Tenant for requests; 0 sends no header"),
        );
    if let Some(flags) = &release.subcommands.serve {
        command = command.subcommand(
            Command::new("serve").about("Run the HTTP gateway").args(flags.iter().map(|flag| serve_flag(*flag))),
        );
    }
    if let Some(flags) = &release.subcommands.observe {
        command = command.subcommand(
            Command::new("observe").about("Watch a node").args(flags.iter().map(|flag| observe_flag(*flag))),
        );
    }
    command
}

fn serve_flag(flag: ServeFlag) -> Arg {
    match flag {
        ServeFlag::Addr => {
            Arg::new("addr").long("addr").value_parser(value_parser!(SocketAddr)).help("Address to listen on")
        }
        ServeFlag::Token => {
            Arg::new("token").long("token").action(ArgAction::Append).help("API token of wildcard scope (repeat)")
        }
        ServeFlag::TenantHeaderPolicy => Arg::new("tenant-header-policy")
            .long("tenant-header-policy")
            .value_parser(PossibleValuesParser::new(["optional", "required"]))
            .default_value("optional")
            .help("Whether requests must name a tenant"),
        ServeFlag::CorsOrigin => {
            Arg::new("cors-origin").long("cors-origin").action(ArgAction::Append).help("Not supported by serve")
        }
        ServeFlag::MaxBodyBytes => Arg::new("max-body-bytes")
            .long("max-body-bytes")
            .value_parser(value_parser!(u64))
            .help("Not supported by serve, other than its default of 67108864"),
        ServeFlag::AllowPlaintextPublic => Arg::new("allow-plaintext-public")
            .long("allow-plaintext-public")
            .action(ArgAction::SetTrue)
            .help("Bind a public address without tokens"),
        ServeFlag::CheckOnly => Arg::new("check-only")
            .long("check-only")
            .action(ArgAction::SetTrue)
            .hide(true)
            .help("Check the configuration and end"),
    }
}

fn observe_flag(flag: ObserveFlag) -> Arg {
    match flag {
        ObserveFlag::Addr => {
            Arg::new("addr").long("addr").default_value("http://localhost:8080").help("URL of the node")
        }
        ObserveFlag::Interval => Arg::new("interval")
            .long("interval")
            .value_parser(value_parser!(u64))
            .default_value("2")
            .help("Seconds between ticks"),
        ObserveFlag::Output => Arg::new("output")
            .long("output")
            .value_parser(PossibleValuesParser::new(["text", "json"]))
            .default_value("text")
            .help("How to show them"),
        ObserveFlag::Once => {
            Arg::new("once").long("once").action(ArgAction::SetTrue).help("Print one JSON document and end")
        }
    }
}

/// A value of a flag that this release may not have.
fn value<'a, T: Clone + Send + Sync + 'static>(given: &'a ArgMatches, flag: &str) -> Option<&'a T> {
    given.try_get_one::<T>(flag).ok().flatten()
}

fn values(given: &ArgMatches, flag: &str) -> Vec<String> {
    given.try_get_many::<String>(flag).ok().flatten().map(|all| all.cloned().collect()).unwrap_or_default()
}

fn set(given: &ArgMatches, flag: &str) -> bool {
    value::<bool>(given, flag).copied().unwrap_or(false)
}

fn serve(release: &Release, given: &ArgMatches, environment: &BTreeMap<String, String>) -> Parsed {
    let variable = |name: &str| environment.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let plaintext = match variable("TENSOR_WASM_ALLOW_PLAINTEXT_PUBLIC") {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => {
            let stderr = format!(
                "error: invalid value '{}' for '--allow-plaintext-public'\n  [possible values: true, false]\n\n\
                 For more information, try '--help'.\n",
                other.escape_default()
            );
            return Parsed::Finished(Finished { stdout: String::new(), stderr, status: 2 });
        }
    };
    let given_tokens = values(given, "token");
    let tokens = if given_tokens.is_empty() {
        TokenList::parse(variable("TENSOR_WASM_API_TOKENS").unwrap_or_default())
    } else {
        let wildcard = |secret| Token { secret: Secret::new(secret), scope: Scope::Wildcard };
        TokenList { tokens: given_tokens.into_iter().map(wildcard).collect(), bare: 0, dropped: 0 }
    };
    let trusted_hosts = variable("TENSOR_WASM_API_TRUSTED_HOSTS").unwrap_or_default();
    let refused_flag = if !values(given, "cors-origin").is_empty() {
        Some("--cors-origin".to_owned())
    } else {
        let body = value::<u64>(given, "max-body-bytes").copied();
        body.filter(|bytes| *bytes != BODY_MAX as u64).map(|bytes| format!("--max-body-bytes {bytes}"))
    };
    let filters = ["TENSOR_WASM_LOG", "RUST_LOG"].into_iter().filter_map(variable);
    let ansi = release.ansi_logs && variable("NO_COLOR").is_none();
    Parsed::Serve(Box::new(ServeConfig {
        addr: value::<SocketAddr>(given, "addr").copied().unwrap_or(release.bind),
        tokens,
        dev_mode: matches!(variable("TENSOR_WASM_API_ALLOW_DEV_MODE"), Some("1" | "true")),
        metrics_token: variable("TENSOR_WASM_API_METRICS_TOKEN").map(Secret::new),
        trusted_hosts: trusted_hosts
            .split(',')
            .map(|host| host.trim().to_owned())
            .filter(|host| !host.is_empty())
            .collect(),
        tenant_required: value::<String>(given, "tenant-header-policy").is_some_and(|policy| policy == "required"),
        allow_plaintext_public: plaintext || set(given, "allow-plaintext-public"),
        log: LogFormat::from_filters(filters, ansi),
        check_only: set(given, "check-only"),
        refused_flag,
    }))
}

fn observe(given: &ArgMatches, environment: &BTreeMap<String, String>) -> Parsed {
    let interval_seconds = value::<u64>(given, "interval").copied().unwrap_or(2);
    if interval_seconds == 0 {
        let stderr = "Error: --interval must be at least 1 second\n".to_owned();
        return Parsed::Finished(Finished { stdout: String::new(), stderr, status: 1 });
    }
    let json = value::<String>(given, "output").is_some_and(|output| output == "json");
    Parsed::Observe(ObserveOptions {
        addr: value::<String>(given, "addr").cloned().unwrap_or_else(|| "http://localhost:8080".to_owned()),
        interval_seconds,
        output: if json { ObserveOutput::Json } else { ObserveOutput::Text },
        once: set(given, "once"),
        token: environment.get("TENSOR_WASM_TOKEN").filter(|text| !text.is_empty()).map(Secret::new),
        tenant: value::<u64>(given, "tenant").copied().unwrap_or(0),
    })
}

#[cfg(test)]
mod tests;
