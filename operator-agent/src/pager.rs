//! The pager: the operator's `page` command, an HTTP delivery, and the listener that records what is delivered.

use std::io::Read;
use std::time::Duration;

use crate::http::{Client, Limits};
use crate::protocol::{Happened, Page};
use crate::reports::Reports;

/// Where `page` delivers to unless `PAGER_URL` says otherwise.
pub const DEFAULT_URL: &str = "http://127.0.0.1:9099/page";
/// A page is a few hundred bytes; evidence is cut to fit.
const PAGE_BYTES_MAX: u64 = 64 << 10;
/// A pager that takes longer has not been reached.
pub const DELIVERY: Limits = Limits { time: Duration::from_secs(5), body_bytes: 4 << 10 };

/// How `page` is called.
pub const USAGE: &str = "usage: page --severity S --key K --reason R --evidence E";

/// Reads the command line of `page`; each of the four is needed once.
pub fn parse_arguments(arguments: &[String]) -> Result<Page, String> {
    let take = |name: &str| -> Result<String, String> {
        let mut values = arguments.chunks(2).filter(|pair| pair.first().is_some_and(|first| first == name));
        match (values.next(), values.next()) {
            (Some([_, value]), None) if !value.trim().is_empty() => Ok(value.clone()),
            _ => Err(format!("page: {name} is needed once, with a value\n{USAGE}")),
        }
    };
    if arguments.len() != 8 {
        return Err(format!("page: four options with a value each, got {} words\n{USAGE}", arguments.len()));
    }
    Ok(Page {
        severity: take("--severity")?,
        key: take("--key")?,
        reason: take("--reason")?,
        evidence: take("--evidence")?,
    })
}

/// Delivers a page; anything but a 202 is a page that did not arrive.
pub fn deliver(url: &str, page: &Page, limits: Limits) -> Result<(), String> {
    let body = serde_json::to_vec(page).map_err(|error| error.to_string())?;
    let answer = Client::new(limits).post_json(url, &[], &body);
    match answer.sample.outcome.word().as_str() {
        "202" => Ok(()),
        other => {
            Err(format!("page: {url} did not take the page ({other} after {} ms)", answer.sample.latency_us / 1000))
        }
    }
}

/// Takes pages in the background and reports each.
pub fn listen(address: &str, reports: Reports) -> Result<(), String> {
    let server =
        tiny_http::Server::http(address).map_err(|error| format!("the pager cannot listen on {address}: {error}"))?;
    std::thread::spawn(move || {
        for mut request in server.incoming_requests() {
            let mut body = Vec::new();
            let read = request.as_reader().take(PAGE_BYTES_MAX).read_to_end(&mut body);
            let status = match read.map(|_| serde_json::from_slice::<Page>(&body)) {
                Ok(Ok(page)) => {
                    reports.say(Happened::Paged { page });
                    202
                }
                _ => 400,
            };
            // The one who pages sees a lost answer as a page that did not arrive.
            let _ = request.respond(tiny_http::Response::empty(status));
        }
    });
    Ok(())
}
