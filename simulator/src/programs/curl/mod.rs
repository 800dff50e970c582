//! curl (8.14.1), for http on this machine: the options that runbooks use, its exit codes and its messages.

use super::common::{emit, fail};
use super::options::{refuse, unmodelled};
use super::{Call, Program};
use crate::machine::Machine;
use crate::machine::files::OpenMode;
use crate::machine::io::{OpenFile, Output};
use crate::time::{SECOND, Us};
use crate::{Run, Stop};

pub mod arguments;
mod transfer;

use arguments::{Arguments, Bad, BadUrl};
pub use transfer::is_reset;
use transfer::{Ended, request, transfer};

/// Where to read on.
const HELP: &str = "curl: try 'curl --help' or 'curl --manual' for more information\n";
/// The head of the progress meter.
const METER: &str = "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current
                                 Dload  Upload   Total   Spent    Left  Speed\n";
/// Its line before anything has come.
const METER_BEGINS: &str = "\r  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0";

/// Requests.
pub const CURL: Program = Program { name: "curl", in_sbin: false, run: curl, knows };

fn knows(words: &[Option<&str>]) -> Result<(), String> {
    match Arguments::parse(words.iter().map(|word| word.unwrap_or("?"))) {
        Err(Bad::Unmodelled(option)) => Err(format!("the option {option} is not modelled")),
        Err(Bad::Wrong(_)) => Ok(()),
        Ok(given) => given.urls.iter().try_for_each(|text| match arguments::url(text) {
            Err(BadUrl::Unmodelled(what)) => Err(format!("{what} is not modelled")),
            _ => Ok(()),
        }),
    }
}

fn curl(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let work = machine.calibration.programs.curl_us;
    let work = machine.about(work);
    machine.spend(work)?;
    let given = match Arguments::parse(call.arguments().iter().map(String::as_str)) {
        Ok(given) => given,
        Err(Bad::Wrong(message)) => return refuse(machine, call, &format!("curl: {message}\n{HELP}"), 2),
        Err(Bad::Unmodelled(option)) => return Err(unmodelled(call, &option)),
    };
    for proxy in ["http_proxy", "all_proxy", "ALL_PROXY"] {
        if call.context.environment.contains_key(proxy) {
            return Err(unmodelled(call, &format!("with {proxy} in its environment")));
        }
    }
    if given.urls.is_empty() {
        let why = if call.arguments().is_empty() { "" } else { "curl: (2) no URL specified\n" };
        return refuse(machine, call, &format!("{why}{HELP}"), 2);
    }
    let mut status = 0;
    for (number, text) in given.urls.iter().enumerate() {
        let file = given.outputs.get(number).map(String::as_str).filter(|path| *path != "-");
        status = one(machine, call, &given, text, file)?;
    }
    Ok(status)
}

/// One URL, with its retries.
fn one(machine: &mut Machine, call: &Call<'_>, given: &Arguments, text: &str, file: Option<&str>) -> Run<i32> {
    let speaks = !given.silent || given.show_error;
    let url = match arguments::url(text) {
        Ok(url) => url,
        Err(BadUrl::Unmodelled(what)) => return Err(unmodelled(call, &what)),
        Err(BadUrl::Wrong(status, message)) => {
            if speaks {
                refuse(machine, call, &format!("curl: ({status}) {message}\n"), status)?;
            }
            return Ok(status);
        }
    };
    let request = match request(machine, call, given, &url)? {
        Ok(request) => request,
        Err(status) => return Ok(status),
    };
    let mut delay = SECOND;
    let mut left = given.retries;
    loop {
        let mut ended = transfer(machine, call, given, &url, &request)?;
        let meter = !given.silent && !given.no_meter;
        if meter {
            let line = meter_line(&ended);
            refuse(machine, call, &format!("{METER}{METER_BEGINS}{line}\n"), 0)?;
        }
        let wait = if left > 0 { retry_after(given, &ended, delay) } else { None };
        if let Some((status, message)) = ended.failure.as_ref().filter(|_| speaks) {
            refuse(machine, call, &format!("curl: ({status}) {message}\n"), *status)?;
        }
        if let Some(wait) = wait {
            if !given.silent {
                let s = |number: u64| if number == 1 { "" } else { "s" };
                let (seconds, why) = (wait.div_ceil(SECOND), problem(&ended));
                let text = format!(
                    "Warning: Problem : {why}. Will retry in {seconds} second{}. {left} retr{} left.\n",
                    s(seconds),
                    if left == 1 { "y" } else { "ies" }
                );
                refuse(machine, call, &text, 0)?;
            }
            machine.spend(wait)?;
            left -= 1;
            // As far as ten minutes.
            delay = (delay * 2).min(600 * SECOND);
            continue;
        }
        return write_all(machine, call, given, text, file, &mut ended);
    }
}

fn problem(ended: &Ended) -> &'static str {
    match ended.failure {
        Some((7, _)) => "connection refused",
        Some((28, _)) => "timeout",
        Some((22, _)) | None => "HTTP error",
        Some(_) => "(retrying all errors)",
    }
}

/// How long to wait before another try; `None` is no other try.
fn retry_after(given: &Arguments, ended: &Ended, delay: Us) -> Option<Us> {
    let transient = match (&ended.failure, &ended.response) {
        (Some((28, _)), _) => true,
        (Some((7, _)), _) => given.retry_refused || given.retry_all,
        (_, Some(response)) if matches!(response.status, 408 | 429 | 500 | 502 | 503 | 504) => true,
        (failure, _) => failure.is_some() && given.retry_all,
    };
    let asked = ended.response.as_ref().and_then(|response| response.header("retry-after")?.parse::<u64>().ok());
    transient.then(|| given.retry_delay.unwrap_or(delay).max(asked.unwrap_or(0).saturating_mul(SECOND)))
}

fn meter_line(ended: &Ended) -> String {
    let bytes = ended.output.len() as u64;
    if bytes == 0 || ended.failure.is_some() {
        return METER_BEGINS.to_owned();
    }
    let speed = bytes.saturating_mul(SECOND) / ended.took.max(1);
    format!("\r100 {bytes:5}  100 {bytes:5}    0     0 {speed:6}      0 --:--:-- --:--:-- --:--:-- {speed:5}")
}

/// What was fetched goes where it is wanted, then what -w says. stdout is written at the end, after all messages.
fn write_all(
    machine: &mut Machine,
    call: &Call<'_>,
    given: &Arguments,
    text: &str,
    file: Option<&str>,
    ended: &mut Ended,
) -> Run<i32> {
    let mut status = ended.failure.as_ref().map_or(0, |(status, _)| *status);
    let context = call.context;
    match file {
        Some(path) if ended.response.is_some() && (status == 0 || !ended.output.is_empty()) => {
            let (now, umask) = (machine.now, context.umask);
            let opened = machine.files.open(context.user, &context.cwd, path, OpenMode::Truncate, (umask, now));
            let why = match opened {
                Ok(ino) => {
                    machine.streams.files.push(OpenFile { ino, position: 0, mode: OpenMode::Truncate });
                    let output = Output::File(machine.streams.files.len() - 1);
                    machine.write(&output, &ended.output)?.err().map(|_| None)
                }
                Err(error) => Some(Some(error)),
            };
            if let Some(why) = why {
                if let Some(error) = why.filter(|_| !given.silent) {
                    let text = format!("Warning: Failed to open the file {path}: {}\n", error.text());
                    refuse(machine, call, &text, 0)?;
                }
                status = 23;
                let text = format!("client returned ERROR on write of {} bytes", ended.output.len());
                if !given.silent || given.show_error {
                    fail(machine, call, &format!("(23) {text}"))?;
                }
                ended.failure = Some((23, text));
            }
        }
        Some(_) => {}
        None => {
            if let Err(why) = emit(&mut *machine, &Call { words: &[], context: call.context }, &ended.output)? {
                status = 23;
                let text = format!("Failure writing output to destination, passed {} returned 0", ended.output.len());
                if why == 141 && (!given.silent || given.show_error) {
                    fail(machine, call, &format!("(23) {text}"))?;
                }
                ended.failure = Some((23, text));
            }
        }
    }
    let Some(format) = &given.write_out else { return Ok(status) };
    match written_out(format, text, ended, given) {
        Ok(said) => match emit(machine, call, said.as_bytes())? {
            Ok(()) => Ok(status),
            Err(_) => Ok(if status == 0 { 23 } else { status }),
        },
        Err(variable) => {
            Err(Stop::Unable(format!("curl -w with %{{{variable}}} is not modelled; use --host container")))
        }
    }
}

fn written_out(format: &str, text: &str, ended: &Ended, given: &Arguments) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = format;
    let status = ended.failure.as_ref().map_or(0, |(status, _)| *status);
    let seconds = |us: Us| format!("{:.6}", us as f64 / 1e6);
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("%{")
            && let Some((name, after)) = after.split_once('}')
        {
            let response = ended.response.as_ref();
            out.push_str(&match name {
                "http_code" | "response_code" => format!("{:03}", response.map_or(0, |response| response.status)),
                "time_total" => seconds(ended.took),
                "time_starttransfer" => seconds(if response.is_some() { ended.took } else { 0 }),
                // A connection on the machine itself takes a tenth of a millisecond.
                "time_namelookup" => seconds(20),
                "time_connect" => seconds(if ended.connected { 100 } else { 0 }),
                "size_download" => response.map_or(0, |_| ended.output.len()).to_string(),
                "content_type" => {
                    response.and_then(|response| response.header("content-type")).unwrap_or("").to_owned()
                }
                "url" | "url_effective" => text.to_owned(),
                "num_connects" => u8::from(ended.connected).to_string(),
                "exitcode" => status.to_string(),
                "errormsg" => ended.failure.as_ref().map_or("", |(_, message)| message).to_owned(),
                "method" => given.method.clone().unwrap_or_else(|| if given.head { "HEAD" } else { "GET" }.to_owned()),
                "scheme" => "http".to_owned(),
                other => return Err(other.to_owned()),
            });
            rest = after;
            continue;
        }
        let escapes = [("%%", "%"), ("\\n", "\n"), ("\\t", "\t"), ("\\r", "\r")];
        match escapes.iter().find_map(|(escape, means)| rest.strip_prefix(escape).map(|after| (*means, after))) {
            Some((means, after)) => {
                out.push_str(means);
                rest = after;
            }
            None => {
                out.push(first);
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
