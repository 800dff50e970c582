//! Scrapes: requests for the node's page of metrics, over the machine's own network. Where the page can only be the node's
//! own it is taken without its text, at once; everything else is a request as any client's.

use alert_rules::SeriesId;
use fake_node::exposition;
use fake_node::http::Response;
use fake_node::metrics::{Page, SeriesName, Shape};
use fake_node::node::Node;

use super::engine::Engine;
use crate::agent;
use crate::machine::Machine;
use crate::machine::net::{Finished, Namespace, Outcome, Reached, Waiter};
use crate::machine::process::Pid;
use crate::time::{SECOND, Us};

/// Prometheus' own ceiling of a scrape, if the interval is not shorter.
const WITHIN: Us = 10 * SECOND;

/// The series of a page in its order, and where their samples belong.
type Places = Vec<(SeriesName, Option<SeriesId>)>;

/// The series that the engine knows of its target.
#[derive(Debug, Clone, Default)]
pub(super) struct Series {
    /// Those of the last scrape that brought a page.
    last: Vec<SeriesId>,
    /// Where the samples of a page of this node belong, as long as it has this shape; `None`: nothing rests on it.
    places: Option<(Pid, Shape, Places)>,
    /// The samples of the last page; kept for its room.
    values: Vec<f64>,
}

/// Scrapes.
pub(super) fn send(machine: &mut Machine, engine: &mut Engine) {
    let prepared = engine.prepared.clone();
    let (port, request) = (prepared.port, &prepared.request);
    let dropped = machine.net.drops_scrapes(port);
    if !dropped && let Reached::Node(pid) = machine.reached(Namespace::Host, port) {
        agent::before_request(machine, request);
        let now = machine.now;
        let read = |page: &Page<'_>| engine.read(pid, page, now);
        let taken = |(model, began): (&mut Node, Us)| model.scrape(now.saturating_sub(began), request, read);
        if machine.node_model(pid).is_some_and(taken) {
            return;
        }
    }
    let within = WITHIN.min(prepared.scrape.period);
    machine.send(Waiter::Monitoring, ("127.0.0.1", port), request, Some(within));
}

/// The answer to a scrape is there.
pub(super) fn arrived(engine: &mut Engine, finished: &Finished) {
    let url = format!("http://127.0.0.1:{}/metrics", engine.prepared.port);
    let error = match &finished.outcome {
        Outcome::Answer(response) if response.status == 200 => match engine.read_text(response, finished.sent) {
            Ok(()) => return,
            Err(error) => error.to_string(),
        },
        Outcome::Answer(response) => format!("server returned HTTP status {}", status(response.status)),
        Outcome::Refused => {
            let address = url.trim_start_matches("http://").trim_end_matches("/metrics");
            format!("Get \"{url}\": dial tcp {address}: connect: connection refused")
        }
        Outcome::Closed => format!("Get \"{url}\": EOF"),
        Outcome::TimedOut => format!("Get \"{url}\": context deadline exceeded"),
        Outcome::UnknownHost => format!("Get \"{url}\": no such host"),
    };
    engine.failed(error, finished.sent);
}

/// A status with its words, as Go has them, of those that a node gives.
fn status(status: u16) -> String {
    let words = match status {
        400 => " Bad Request",
        401 => " Unauthorized",
        404 => " Not Found",
        408 => " Request Timeout",
        500 => " Internal Server Error",
        502 => " Bad Gateway",
        503 => " Service Unavailable",
        _ => "",
    };
    format!("{status}{words}")
}

impl Engine {
    /// A page without its text.
    fn read(&mut self, pid: Pid, page: &Page<'_>, began: Us) {
        let shape = page.shape();
        if self.series.places.as_ref().is_none_or(|(of, known, _)| (*of, *known) != (pid, shape)) {
            let before = self.series.places.take().filter(|(of, ..)| *of == pid);
            let before = before.as_ref().map_or(&[][..], |(.., places)| places);
            let prepared = self.prepared.clone();
            let (mut before, mut usual) = (before.iter().peekable(), prepared.page.iter());
            let mut places = Vec::with_capacity(prepared.page.len());
            page.samples(|series, _| {
                // A page shows what the one before it did, in its order, and what is new in between, which is as in any page.
                if let Some(known) = before.next_if(|(name, _)| *name == series) {
                    return places.push(*known);
                }
                let mut ahead = usual.clone();
                if let Some(known) = ahead.find(|(name, _)| *name == series) {
                    usual = ahead;
                    return places.push(*known);
                }
                let known = self.prepared.places.get(&series).copied();
                let place = known.unwrap_or_else(|| {
                    let own = page.labels(series);
                    self.place(&series.name(), own.iter().map(|(name, value)| (*name, value.as_str())))
                });
                places.push((series, place));
            });
            self.shows(places.iter().filter_map(|(_, place)| *place).collect(), began);
            self.series.places = Some((pid, shape, places));
        }
        if let Some(at_ms) = self.takes(began) {
            let Engine { series: Series { places, values, .. }, store, .. } = self;
            values.clear();
            page.values(values);
            let places = places.as_ref().map_or(&[][..], |(.., places)| places);
            let known =
                |((_, place), value): (&(SeriesName, Option<SeriesId>), &f64)| place.map(|place| (place, *value));
            store.append_row(at_ms, places.iter().zip(&*values).filter_map(known));
        }
        self.succeeded(began);
    }

    /// A page as it is sent.
    fn read_text(&mut self, response: &Response, began: Us) -> Result<(), exposition::ExpositionError> {
        let text = String::from_utf8_lossy(&response.body);
        let mut samples = Vec::new();
        for sample in exposition::parse(&text)? {
            let own = sample.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            samples.extend(self.place(&sample.name, own).map(|place| (place, sample.value)));
        }
        self.shows(samples.iter().map(|(place, _)| *place).collect(), began);
        self.series.places = None;
        if let Some(at_ms) = self.takes(began) {
            for (place, value) in samples {
                self.store.append_to(place, at_ms, value);
            }
        }
        self.succeeded(began);
        Ok(())
    }

    /// When samples of a scrape are from, in the store's time; `None`: Prometheus throws away what is not behind the block of
    /// the past.
    fn takes(&self, began: Us) -> Option<i64> {
        let at_ms = self.time_ms(began);
        (at_ms > 0 || self.prepared.of.past.is_empty()).then_some(at_ms)
    }

    /// The series of a sample, if anything rests on it.
    fn place<'a>(&mut self, name: &str, own: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<SeriesId> {
        let labels = self.prepared.labels(name, own)?;
        self.store.series_id(&labels)
    }

    /// A page has these series: those of the page before that are not among them have ended.
    fn shows(&mut self, mut series: Vec<SeriesId>, began: Us) {
        series.sort_unstable();
        if let Some(at_ms) = self.takes(began) {
            for gone in self.series.last.iter().filter(|last| series.binary_search(last).is_err()) {
                self.store.end_of(*gone, at_ms);
            }
        }
        self.series.last = series;
    }

    fn succeeded(&mut self, began: Us) {
        self.tell_up(1.0, began);
        self.scrape.ok = true;
        self.scrape.at_us = Some(began);
        self.scrape.error.clear();
    }

    /// A scrape brought no page: all series have ended.
    fn failed(&mut self, error: String, began: Us) {
        self.shows(Vec::new(), began);
        self.series.places = None;
        self.tell_up(0.0, began);
        (self.scrape.ok, self.scrape.error) = (false, error);
    }

    fn tell_up(&mut self, up: f64, began: Us) {
        if let (Some(labels), Some(at_ms)) = (self.prepared.up.clone(), self.takes(began)) {
            self.store.append(&labels, at_ms, up);
        }
    }
}
