//! A release's executable, run as a command: what it prints at once, `observe`, and a node in the foreground.

use fake_node::cli::{ObserveOptions, ObserveOutput, Parsed};
use fake_node::http::Request;
use fake_node::observe::{FetchFailure, Fetched, Limits, Observation, board};

use super::curl::arguments::{BadUrl, Url, url};
use super::curl::is_reset;
use super::{Call, complain};
use crate::machine::Machine;
use crate::machine::files::ReleaseFile;
use crate::machine::io::WriteFailure;
use crate::machine::net::{Namespace, Outcome};
use crate::machine::process::{Exit, NodeStart, Signal, Supervisor};
use crate::time::{SECOND, Us};
use crate::{Run, Stop};

mod command_lines;

pub use command_lines::CommandLines;

/// Runs it. `path` is where it was found.
pub fn run(machine: &mut Machine, file: ReleaseFile, path: &str, call: &Call<'_>) -> Run<i32> {
    let work = machine.calibration.programs.tensor_wasm_us;
    let work = machine.about(work);
    machine.spend(work)?;
    match machine.command_lines.parse(&file.release, call.arguments(), &call.context.environment) {
        Parsed::Finished(finished) => {
            let written = machine.write(&call.context.io.stdout, finished.stdout.as_bytes())?;
            complain(machine, call.context, &finished.stderr)?;
            match written {
                Ok(()) => Ok(finished.status),
                Err(failure) => {
                    not_written(machine, call, failure)?;
                    Ok(finished.status.max(1))
                }
            }
        }
        Parsed::Observe(options) => observe(machine, call, &options),
        Parsed::Serve(_) => serve(machine, file, path, call),
    }
}

/// A node in the foreground: the strand waits for its end.
fn serve(machine: &mut Machine, file: ReleaseFile, path: &str, call: &Call<'_>) -> Run<i32> {
    let context = call.context;
    let executable = machine.files.resolve(context.user, &context.cwd, path);
    let executable = executable.map_or_else(|_| path.to_owned(), |ino| machine.files.canonical(ino));
    let pid = machine.start_node(NodeStart {
        file,
        executable,
        arguments: call.arguments().to_vec(),
        environment: (*context.environment).clone(),
        user: context.user,
        supervisor: Supervisor::Strand,
        namespace: Namespace::Host,
        stdout: context.io.stdout.clone(),
        stderr: context.io.stderr.clone(),
    });
    loop {
        if let Some(exit) = machine.foreground_ended.remove(&pid) {
            return Ok(match exit {
                Exit::Status(status) => status,
                Exit::Signal(signal) => 128 + signal as i32,
            });
        }
        if let Err(stop) = machine.step() {
            // Who ends the command ends its process group; a `timeout` would let the node finish what it has in hand.
            if let Some(process) = machine.processes.get_mut(&pid) {
                process.supervisor = Supervisor::Nobody;
            }
            machine.signal(pid, Signal::Kill);
            return Err(stop);
        }
    }
}

fn not_written(machine: &mut Machine, call: &Call<'_>, failure: WriteFailure) -> Run<()> {
    // Rust's standard library leaves SIGPIPE ignored.
    let why = match failure {
        WriteFailure::BrokenPipe => "Broken pipe (os error 32)",
        WriteFailure::NoSpace => "No space left on device (os error 28)",
    };
    complain(machine, call.context, &format!("Error: writing to stdout: {why}\n"))
}

fn observe(machine: &mut Machine, call: &Call<'_>, options: &ObserveOptions) -> Run<i32> {
    if options.once {
        let seen = look(machine, options)?;
        if let Err(failure) = machine.write(&call.context.io.stdout, format!("{}\n", seen.to_json()).as_bytes())? {
            not_written(machine, call, failure)?;
            return Ok(1);
        }
        if seen.is_ok() {
            return Ok(0);
        }
        let why = seen.fetch_error.as_deref().unwrap_or("unknown");
        complain(machine, call.context, &format!("Error: {} is not well: {why}\n", seen.target))?;
        return Ok(1);
    }
    // Nothing but its deadline ends it: no command here gets a SIGINT.
    let mut before: Option<(Us, Observation)> = None;
    loop {
        let mut seen = look(machine, options)?;
        let now = machine.now;
        seen.interval_secs = Some(options.interval_seconds);
        if let Some((then, earlier)) = &before {
            seen.compare(earlier, now.saturating_sub(*then) as f64 / 1e6);
        }
        let text = match options.output {
            ObserveOutput::Json => format!("{}\n", seen.to_json()),
            ObserveOutput::Text => board::render(&seen),
        };
        if let Err(failure) = machine.write(&call.context.io.stdout, text.as_bytes())? {
            not_written(machine, call, failure)?;
            return Ok(1);
        }
        if seen.fetch_error.is_none() {
            before = Some((now, seen));
        }
        machine.spend(options.interval_seconds.saturating_mul(SECOND))?;
    }
}

/// One look at a node, as `fake_node::observe::observe_once` takes it over a network.
fn look(machine: &mut Machine, options: &ObserveOptions) -> Run<Observation> {
    let limits = Limits { token: options.token.clone(), tenant: options.tenant, ..Limits::default() };
    let base = options.addr.trim_end_matches('/');
    let health = fetch(machine, &format!("{base}/healthz"), &limits)?;
    let metrics = fetch(machine, &format!("{base}/metrics"), &limits)?;
    Ok(Observation::from_fetches(&options.addr, health, metrics))
}

fn fetch(machine: &mut Machine, address: &str, limits: &Limits) -> Run<Result<Fetched, FetchFailure>> {
    let Url { host, port, target, authority } = match url(address) {
        Ok(url) if address.starts_with("http://") => url,
        Ok(_) | Err(BadUrl::Wrong(..) | BadUrl::Unmodelled(_)) => {
            return Err(Stop::Unable(format!("observe of {address} is not modelled; use --host container")));
        }
    };
    let mut request = Request::new("GET", &target);
    request.headers = vec![("host".to_owned(), authority)];
    request = request.header("user-agent", "tensor-wasm-observe").header("accept", "*/*");
    if let Some(token) = &limits.token {
        request = request.bearer(token.expose());
    }
    if limits.tenant != 0 {
        request = request.header("x-tensorwasm-tenant", &limits.tenant.to_string());
    }
    let within = Us::try_from(limits.timeout.as_micros()).unwrap_or(Us::MAX);
    let reset = is_reset(machine, port);
    let finished = machine.fetch((&host, port), &request, Some(within))?;
    let failed = |why: String| Ok(Err(FetchFailure(why)));
    match finished.outcome {
        Outcome::Answer(response) if response.body.len() as u64 > limits.body_bytes => {
            failed(format!("the body is over {} bytes", limits.body_bytes))
        }
        Outcome::Answer(response) => Ok(Ok(Fetched { status: response.status, body: response.body })),
        // The words of ureq 3.5 for what the system says.
        Outcome::Refused => failed("io: Connection refused (os error 111)".into()),
        Outcome::Closed if reset => failed("io: Connection reset by peer (os error 104)".into()),
        Outcome::Closed => failed("io: Peer disconnected".into()),
        Outcome::TimedOut => failed(format!("no whole answer within {} ms", limits.timeout.as_millis())),
        Outcome::UnknownHost => failed("host not found".into()),
    }
}

#[cfg(test)]
mod tests;
