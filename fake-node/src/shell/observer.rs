//! `observe`: one look at a node, or a board that goes on until SIGINT.

use std::io::Write;
use std::time::Duration;

use fake_node::cli::{ObserveOptions, ObserveOutput};
use fake_node::observe::{Limits, Observation, board, observe_once};

use super::{Clock, complain};

/// Runs `observe` to its end and gives the exit status.
pub fn observe(options: &ObserveOptions) -> i32 {
    let limits = Limits { token: options.token.clone(), tenant: options.tenant, ..Limits::default() };
    if !options.once {
        return watch(options, limits);
    }
    let seen = observe_once(&options.addr, &limits);
    // The runbook redirects this into a file: a full disk must not look like a capture.
    if let Err(error) = print(&format!("{}\n", seen.to_json())) {
        complain(&format!("Error: writing to stdout: {error}"));
        return 1;
    }
    if seen.is_ok() {
        return 0;
    }
    complain(&format!("Error: {} is not well: {}", seen.target, seen.fetch_error.as_deref().unwrap_or("unknown")));
    1
}

/// Ticks until SIGINT, which ends it with 0; any other signal kills it as it kills any process.
fn watch(options: &ObserveOptions, limits: Limits) -> i32 {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("Error: building the tokio runtime: {error}"));
            return 1;
        }
    };
    let ticks = async {
        let clock = Clock::start();
        let mut before: Option<(u64, Observation)> = None;
        loop {
            let (addr, limits) = (options.addr.clone(), limits.clone());
            let mut seen = match tokio::task::spawn_blocking(move || observe_once(&addr, &limits)).await {
                Ok(seen) => seen,
                Err(error) => {
                    complain(&format!("Error: the fetch ended without a result: {error}"));
                    return 1;
                }
            };
            let now = clock.now();
            seen.interval_secs = Some(options.interval_seconds);
            if let Some((then, earlier)) = &before {
                seen.compare(earlier, Duration::from_micros(now.saturating_sub(*then)).as_secs_f64());
            }
            let text = match options.output {
                ObserveOutput::Json => format!("{}\n", seen.to_json()),
                ObserveOutput::Text => board::render(&seen),
            };
            if let Err(error) = print(&text) {
                complain(&format!("Error: writing to stdout: {error}"));
                return 1;
            }
            // A tick without metrics says nothing of rates: the next is compared with the last that had some.
            if seen.fetch_error.is_none() {
                before = Some((now, seen));
            }
            tokio::time::sleep(Duration::from_secs(options.interval_seconds)).await;
        }
    };
    let status = runtime.block_on(async {
        tokio::select! {
            biased;
            interrupted = tokio::signal::ctrl_c() => match interrupted {
                Ok(()) => 0,
                Err(error) => {
                    complain(&format!("Error: handling SIGINT: {error}"));
                    1
                }
            },
            status = ticks => status,
        }
    });
    // A fetch under way has its own end; waiting for it would make Ctrl-C slow.
    runtime.shutdown_background();
    status
}

fn print(text: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
