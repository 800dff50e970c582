//! The pager: the operator's `page` command, an HTTP delivery to whom it pages, and the listener that records what is
//! delivered: pages, each with who got it, and apart from them what the notifier tells of alerts.

use std::io::Read;
use std::time::Duration;

use crate::http::{Client, Limits};
use crate::protocol::{Happened, Page};
use crate::reports::Reports;
use crate::webhook;

/// Where `page` delivers to unless `PAGER_URL` says otherwise: [`ON_CALL_LEAD`]'s own address.
pub const DEFAULT_URL: &str = "http://127.0.0.1:9099/page/on-call-lead";
/// Who gets what a runbook's failure path pages.
pub const ON_CALL_LEAD: &str = "on-call-lead";
/// Pages are delivered below it, at the pager's address: the rest of the path is who gets them.
const PAGES: &str = "/page/";
/// Longer names are nobody's.
const NAME_MAX: usize = 64;
/// A page is a few hundred bytes; evidence is cut to fit.
const PAGE_BYTES_MAX: u64 = 64 << 10;
/// Where the notifier delivers to, at the pager's address.
pub const NOTICES: &str = "/alertmanager";
/// A notice of one alert is about 1 KiB, and its annotations are the rule file's.
const NOTICE_BYTES_MAX: u64 = 1 << 20;
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

/// Takes pages and notices in the background and reports each.
pub fn listen(address: &str, reports: Reports) -> Result<(), String> {
    let server =
        tiny_http::Server::http(address).map_err(|error| format!("the pager cannot listen on {address}: {error}"))?;
    std::thread::spawn(move || {
        for mut request in server.incoming_requests() {
            let notices = request.url() == NOTICES;
            let to = addressee(request.url());
            let mut body = Vec::new();
            let ceiling = if notices { NOTICE_BYTES_MAX } else { PAGE_BYTES_MAX };
            let read = request.as_reader().take(ceiling).read_to_end(&mut body);
            let told = read.map_err(|error| error.to_string()).and_then(|_| match to {
                _ if notices => notified(request.method(), &body),
                Some(to) => paged(to, &body).map(|page| vec![page]),
                None => Err("nobody is paged at this address".to_owned()),
            });
            let status = if told.is_ok() { 202 } else { 400 };
            told.unwrap_or_default().into_iter().for_each(|what| reports.say(what));
            // The one who pages sees a lost answer as a page that did not arrive.
            let _ = request.respond(tiny_http::Response::empty(status));
        }
    });
    Ok(())
}

/// Whom a page reaches that is delivered to this path: lower-case words with hyphens.
fn addressee(path: &str) -> Option<String> {
    let to = path.strip_prefix(PAGES).filter(|to| to.len() <= NAME_MAX)?;
    let word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    to.split('-').all(word).then(|| to.to_owned())
}

fn paged(to: String, body: &[u8]) -> Result<Happened, String> {
    let page = serde_json::from_slice::<Page>(body).map_err(|error| error.to_string())?;
    Ok(Happened::Paged { to, page })
}

fn notified(method: &tiny_http::Method, body: &[u8]) -> Result<Vec<Happened>, String> {
    match method {
        tiny_http::Method::Post => webhook::read(body),
        other => Err(format!("{other} is no delivery")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::protocol::{ProbeOutcome, Report};

    /// Where reports go that a test reads.
    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn pages_and_notices_are_kept_apart() {
        // Bound and let go: the port was free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let sink = Sink::default();
        listen(&address, Reports::new(sink.clone())).unwrap();
        let page = r#"{"key":"k","severity":"sev-1","reason":"r","evidence":"e"}"#;
        let notice = r#"{"version":"4","groupKey":"g","alerts":[{"status":"firing","labels":{"alertname":"A"}},
            {"status":"resolved","labels":{"alertname":"B"}}]}"#;
        let long = format!("{}{}", " ".repeat(NOTICE_BYTES_MAX as usize), notice);
        let client = Client::new(DELIVERY);
        for (path, body, status) in [
            ("/page/on-call-lead", page, 202),
            ("/alertmanager", notice, 202),
            ("/alertmanager", page, 400),
            ("/page/on-call-lead", notice, 400),
            ("/page", page, 400),
            ("/page/", page, 400),
            ("/page/on--call", page, 400),
            ("/page/a/b", page, 400),
            ("/pages/lead", page, 400),
            ("/alertmanager", "", 400),
            ("/alertmanager", &long, 400),
            ("/page/manager", page, 202),
        ] {
            let answer = client.post_json(&format!("http://{address}{path}"), &[], body.as_bytes());
            assert_eq!(answer.sample.outcome, ProbeOutcome::Status(status), "{path} {:.40}", body);
        }
        assert_eq!(client.get(&format!("http://{address}/alertmanager")).sample.outcome, ProbeOutcome::Status(400));
        let told: Vec<Happened> = sink
            .0
            .lock()
            .unwrap()
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice::<Report>(line).unwrap().what)
            .collect();
        let paged = |to: &str| Happened::Paged { to: to.into(), page: serde_json::from_str(page).unwrap() };
        let notified = |alert: &str, resolved| Happened::Notified { alert: alert.into(), key: "g".into(), resolved };
        let wanted = [paged(ON_CALL_LEAD), notified("A", false), notified("B", true), paged("manager")];
        assert_eq!(told, wanted);
        let (_, at) = DEFAULT_URL.split_once("9099").unwrap();
        assert_eq!(addressee(at).as_deref(), Some(ON_CALL_LEAD));
    }
}
