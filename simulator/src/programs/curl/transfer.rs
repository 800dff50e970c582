//! One exchange: the request as curl words it, and what came of it.

use fake_node::http::{Request, RequestBody, Response};

use super::HELP;
use super::arguments::{Arguments, Data, Url};
use crate::Run;
use crate::machine::Machine;
use crate::machine::net::{Namespace, Outcome};
use crate::programs::Call;
use crate::programs::calendar::civil;
use crate::programs::options::{refuse, unmodelled};
use crate::time::Us;

/// How a transfer ended.
pub(super) struct Ended {
    /// curl's exit code and its message.
    pub(super) failure: Option<(i32, String)>,
    pub(super) response: Option<Response>,
    /// Bytes for the output: headers if they are wanted, and the body.
    pub(super) output: Vec<u8>,
    pub(super) took: Us,
    /// Whether a connection came about.
    pub(super) connected: bool,
}

/// What is asked; the exit status where it cannot be put together.
pub(super) fn request(
    machine: &mut Machine,
    call: &Call<'_>,
    given: &Arguments,
    url: &Url,
) -> Run<Result<Request, i32>> {
    let mut body: Option<Vec<u8>> = None;
    for data in &given.data {
        let part = match data {
            Data::Text(text) => text.as_bytes().to_vec(),
            Data::File(path, whole) => match machine.files.read(call.context.user, &call.context.cwd, path) {
                Ok(bytes) if *whole => bytes.to_vec(),
                Ok(bytes) => bytes.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r' | 0)).collect(),
                Err(_) => {
                    let text = format!("curl: option --data-binary: error encountered when reading a file\n{HELP}");
                    return refuse(machine, call, &text, 26).map(Err);
                }
            },
        };
        match &mut body {
            None => body = Some(part),
            Some(before) => {
                if !given.json {
                    before.push(b'&');
                }
                before.extend_from_slice(&part);
            }
        }
    }
    let method = match (&given.method, given.head, &body) {
        (Some(method), ..) => method.as_str(),
        (None, true, _) => "HEAD",
        (None, false, Some(_)) => "POST",
        (None, false, None) => "GET",
    };
    let mut headers = vec![("host".to_owned(), url.authority.clone())];
    let agent = given.agent.as_deref().unwrap_or("curl/8.14.1");
    headers.push(("user-agent".to_owned(), agent.to_owned()));
    headers.push(("accept".to_owned(), if given.json { "application/json" } else { "*/*" }.to_owned()));
    if let Some(body) = &body {
        let kind = if given.json { "application/json" } else { "application/x-www-form-urlencoded" };
        headers.push(("content-type".to_owned(), kind.to_owned()));
        headers.push(("content-length".to_owned(), body.len().to_string()));
    }
    for (name, value) in &given.headers {
        let name = name.to_ascii_lowercase();
        headers.retain(|(there, _)| {
            *there != name || !matches!(name.as_str(), "host" | "accept" | "user-agent" | "content-type")
        });
        headers.push((name, value.clone()));
    }
    Ok(Ok(Request {
        method: method.to_owned(),
        target: url.target.clone(),
        headers,
        body: RequestBody::Complete(body.unwrap_or_default()),
    }))
}

/// Whether a connection that is closed will be seen as a reset: docker-proxy, with nobody behind it, closes as soon as it
/// knows that, and it is a race whether the request lies there unread (64 of 120 on Docker Engine 20.10). A process that
/// dies has read it, also behind docker-proxy.
pub fn is_reset(machine: &mut Machine, port: u16) -> bool {
    let container = machine.net.published.get(&port).copied();
    let nobody = container.is_some_and(|number| machine.listener(Namespace::Container(number), port).is_none());
    nobody && machine.random(120) < 64
}

/// One exchange.
pub(super) fn transfer(
    machine: &mut Machine,
    call: &Call<'_>,
    given: &Arguments,
    url: &Url,
    request: &Request,
) -> Run<Ended> {
    let reset = is_reset(machine, url.port);
    let finished = machine.fetch((&url.host, url.port), request, given.within)?;
    let took = finished.arrived.saturating_sub(finished.sent);
    let ms = took / 1000;
    let mut ended = Ended { failure: None, response: None, output: Vec::new(), took, connected: true };
    match finished.outcome {
        Outcome::Refused => {
            let Url { host, port, .. } = url;
            let text = format!("Failed to connect to {host} port {port} after {ms} ms: Could not connect to server");
            ended.failure = Some((7, text));
            ended.connected = false;
        }
        Outcome::UnknownHost => {
            ended.failure = Some((6, format!("Could not resolve host: {}", url.host)));
            ended.connected = false;
        }
        Outcome::Closed if reset => {
            ended.failure = Some((56, "Recv failure: Connection reset by peer".into()));
        }
        Outcome::Closed => ended.failure = Some((52, "Empty reply from server".into())),
        Outcome::TimedOut => {
            ended.failure = Some((28, format!("Operation timed out after {ms} milliseconds with 0 bytes received")));
        }
        Outcome::Answer(response) => {
            if given.follow && (300..400).contains(&response.status) && response.header("location").is_some() {
                return Err(unmodelled(call, "-L with a redirect to follow"));
            }
            let failed = response.status >= 400;
            if failed && (given.fail || given.fail_with_body) {
                ended.failure = Some((22, format!("The requested URL returned error: {}", response.status)));
            }
            if given.include || given.head {
                ended.output = head(machine, &response);
            }
            if !(given.head || request.method == "HEAD" || failed && given.fail && !given.fail_with_body) {
                ended.output.extend_from_slice(&response.body);
            }
            ended.response = Some(response);
        }
    }
    Ok(ended)
}

/// The head of an answer as it came over the wire: the servers here add a length and a date to what they were given. The
/// balancer's errorfile goes out as it stands, and is the only answer that has a `Connection` of its own.
fn head(machine: &Machine, response: &Response) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {} {}\r\n", response.status, reason(response.status));
    for (name, value) in &response.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    let as_it_stands = response.header("connection").is_some();
    let lacks =
        |name: &str| !as_it_stands && !response.headers.iter().any(|(there, _)| there.eq_ignore_ascii_case(name));
    if lacks("content-length") {
        text.push_str(&format!("content-length: {}\r\n", response.body.len()));
    }
    if lacks("date") {
        let at = civil(machine.unix_us().div_euclid(1_000_000));
        let day = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"].get(at.weekday as usize).copied().unwrap_or("Sun");
        let clock = format!("{:02}:{:02}:{:02}", at.hour, at.minute, at.second);
        text.push_str(&format!("date: {day}, {:02} {} {:04} {clock} GMT\r\n", at.day, at.month_name(), at.year));
    }
    text.push_str("\r\n");
    text.into_bytes()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Payload Too Large",
        421 => "Misdirected Request",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}
