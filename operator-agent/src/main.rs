//! `agent` (the harness's end in an operator host), `page` (the operator's pager command), `hold-port` and `cut-scrape`
//! (faults): one binary, four names.
#![expect(clippy::disallowed_methods, reason = "PAGER_URL is how a test or another pager is reached")]

use std::process::ExitCode;

use operator_agent::reports::Reports;
use operator_agent::{agent, cutter, holder, pager};

fn main() -> ExitCode {
    let mut arguments = std::env::args();
    let name = arguments.next().unwrap_or_default();
    let result = match name.rsplit('/').next() {
        Some("page") => page(&arguments.collect::<Vec<_>>()),
        Some("hold-port") => hold_port(&arguments.collect::<Vec<_>>()),
        Some("cut-scrape") => cut_scrape(&arguments.collect::<Vec<_>>()),
        _ => agent::main(std::io::stdin().lock(), &Reports::new(std::io::stdout()))
            .map_err(|error| format!("agent: cannot take the lease {}: {error}", agent::LEASE)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn page(arguments: &[String]) -> Result<(), String> {
    let url = std::env::var("PAGER_URL").unwrap_or_else(|_| pager::DEFAULT_URL.to_owned());
    pager::parse_arguments(arguments).and_then(|page| pager::deliver(&url, &page, pager::DELIVERY))
}

fn hold_port(arguments: &[String]) -> Result<(), String> {
    let port = holder::parse_arguments("hold-port", arguments)?;
    holder::hold(&holder::take(port, holder::WITHIN)?)
}

fn cut_scrape(arguments: &[String]) -> Result<(), String> {
    let (at_once, port) = cutter::parse_arguments(arguments)?;
    if !at_once {
        cutter::wait_until_gone(port, &cutter::listening(port)?, holder::WITHIN)?;
    }
    cutter::cut(port)
}
