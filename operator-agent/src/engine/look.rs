//! Looks at the rules engine: the states of its alerts, its scraping of the node, and readings.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Duration, SystemTime};

use super::answers::{self, Rule, Target};
use super::files::ENGINE_ADDRESS;
use crate::clock::{Deadline, now_us, of_system_time, of_wall_time, pause, wall_ms};
use crate::http::Client;
use crate::protocol::{AlertState, Graph, Happened, Monitoring, Point, ProbeOutcome, Scrape, TwoPoints};
use crate::reports::Reports;

/// Looks as often as rules are evaluated, until the host ends. What could not be seen is said once, and again only after
/// something was seen.
pub fn watch(client: &Client, monitoring: &Monitoring, reports: &Reports) {
    let mut told = Told::default();
    let mut blind = false;
    loop {
        let next = Deadline::after(Duration::from_millis(monitoring.evaluate_ms));
        match look(client, monitoring, &mut told) {
            Ok(seen) => {
                blind = false;
                seen.into_iter().for_each(|what| reports.say(what));
            }
            Err(why) if !blind => {
                blind = true;
                reports.say(Happened::AlertsUnseen { why });
            }
            Err(_) => {}
        }
        pause(next.left());
    }
}

fn look(client: &Client, monitoring: &Monitoring, told: &mut Told) -> Result<Option<Happened>, String> {
    let began_us = now_us();
    let (rules, target) = (rules(client)?, target(client, &monitoring.job)?);
    let Some((alerts, scrape)) = told.news(began_us, &rules, target) else { return Ok(None) };
    let mut readings = BTreeMap::new();
    for (name, query) in &monitoring.readings {
        readings.insert(name.clone(), value(client, query).map_err(|why| format!("{name}: {why}"))?);
    }
    Ok(Some(Happened::AlertsSeen { alerts, readings, scrape }))
}

/// The rules of alerts now.
pub(super) fn rules(client: &Client) -> Result<Vec<Rule>, String> {
    ask(client, "rules?type=alert", answers::rules)
}

/// How the node is scraped now.
pub(super) fn target(client: &Client, job: &str) -> Result<Target, String> {
    ask(client, "targets?state=active", |body| answers::target(body, job))
}

/// What a query comes to now.
pub(super) fn value(client: &Client, query: &str) -> Result<Option<f64>, String> {
    ask(client, &format!("query?query={}", encoded(query)), answers::value)
}

/// What a graph shows now, and so long before. Of both places the wall clock's milliseconds are asked for.
pub(super) fn graph(client: &Client, graph: &Graph) -> TwoPoints {
    let Graph { query, apart_ms } = graph;
    let now_ms = wall_ms();
    let now_us = of_wall_time(SystemTime::UNIX_EPOCH + Duration::from_millis(now_ms));
    let point = |before_ms: u64| {
        let at_us = now_us.saturating_sub_unsigned(before_ms.saturating_mul(1000));
        match value_at(client, query, now_ms.saturating_sub(before_ms)) {
            Ok(value) => Point { at_us, value, failure: None },
            Err(why) => Point { at_us, value: None, failure: Some(why) },
        }
    };
    TwoPoints { earlier: point(*apart_ms), later: point(0) }
}

fn value_at(client: &Client, query: &str, unix_ms: u64) -> Result<Option<f64>, String> {
    ask(client, &queried(query, unix_ms), answers::value)
}

fn queried(query: &str, unix_ms: u64) -> String {
    format!("query?query={}&time={}.{:03}", encoded(query), unix_ms / 1000, unix_ms % 1000)
}

fn ask<T>(client: &Client, path: &str, read: impl Fn(&[u8]) -> Result<T, String>) -> Result<T, String> {
    let url = format!("http://{ENGINE_ADDRESS}/api/v1/{path}");
    let answer = client.get(&url);
    let because = |why: String| format!("{url}: {why}");
    match answer.sample.outcome {
        // Of what it refuses, Prometheus says why in the body.
        ProbeOutcome::Status(_) if answer.body.starts_with(b"{") => read(&answer.body).map_err(because),
        outcome => Err(because(outcome.word())),
    }
}

/// All bytes but the unreserved ones of RFC 3986 as `%XX`.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            // Writing into a String does not fail.
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}

/// What was told last, and of the scrapes, what later answers no longer say.
#[derive(Debug, Default)]
struct Told {
    last: Option<(u64, BTreeMap<String, AlertState>, bool)>,
    /// When the last scrape that brought a page was begun.
    scraped_us: Option<u64>,
}

impl Told {
    /// What is to be told of a look: where something is another than before, or it is the first of its second.
    fn news(
        &mut self,
        began_us: u64,
        rules: &[Rule],
        target: Target,
    ) -> Option<(BTreeMap<String, AlertState>, Scrape)> {
        let mut alerts: BTreeMap<String, AlertState> = BTreeMap::new();
        for rule in rules {
            let state = alerts.entry(rule.name.clone()).or_insert(rule.state);
            *state = rule.state.max(*state);
        }
        if target.up {
            self.scraped_us = target.last.map(of_system_time).or(self.scraped_us);
        }
        let now = Some((began_us / 1_000_000, alerts.clone(), target.up));
        if self.last == now {
            return None;
        }
        self.last = now;
        Some((alerts, Scrape { ok: target.up, at_us: self.scraped_us, error: target.error }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn rule(name: &str, state: AlertState) -> Rule {
        Rule { name: name.into(), state, evaluated: true }
    }

    fn target(up: bool, last: Option<SystemTime>, error: &str) -> Target {
        Target { up, last, error: error.into() }
    }

    #[test]
    fn a_look_is_told_when_it_is_news_or_the_first_of_its_second() {
        let mut told = Told::default();
        let quiet = [rule("A", AlertState::Inactive), rule("B", AlertState::Pending)];
        let fires = [rule("A", AlertState::Firing), rule("B", AlertState::Pending)];
        for (at_us, rules, up, is_told) in [
            (0, &quiet, true, true),
            (250_000, &quiet, true, false),
            (500_000, &fires, true, true),
            (750_000, &fires, true, false),
            (999_999, &fires, false, true),
            (1_000_000, &fires, false, true),
            (1_250_000, &fires, false, false),
            (1_500_000, &fires, true, true),
            (1_750_000, &quiet, true, true),
        ] {
            assert_eq!(told.news(at_us, rules, target(up, None, "")).is_some(), is_told, "{at_us}");
        }
    }

    #[test]
    fn an_alert_is_what_the_highest_of_its_rules_is() {
        let rules = [
            rule("A", AlertState::Pending),
            rule("A", AlertState::Firing),
            rule("A", AlertState::Inactive),
            rule("B", AlertState::Inactive),
        ];
        let (alerts, _) = Told::default().news(0, &rules, target(true, None, "")).unwrap();
        assert_eq!(alerts, BTreeMap::from([("A".into(), AlertState::Firing), ("B".into(), AlertState::Inactive)]));
    }

    #[test]
    fn the_last_scrape_that_brought_a_page_is_kept() {
        clock::now_us();
        // Far in the future, so that the test does not depend on when the clock began.
        let at = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(10_000_000_000 + seconds);
        let mut told = Told::default();
        let mut scrape = |second: u64, target| told.news(second * 1_000_000, &[], target).unwrap().1;
        let none = Scrape { ok: false, at_us: None, error: "refused".into() };
        assert_eq!(scrape(0, target(false, Some(at(0)), "refused")), none);
        let up = scrape(1, target(true, Some(at(1)), ""));
        assert_eq!(up, Scrape { ok: true, at_us: Some(of_system_time(at(1))), error: String::new() });
        let down = scrape(2, target(false, Some(at(2)), "refused"));
        assert_eq!(down, Scrape { ok: false, at_us: up.at_us, error: "refused".into() });
        let again = scrape(3, target(true, Some(at(3)), ""));
        assert_eq!(again.at_us, up.at_us.map(|at_us| at_us + 2_000_000));
    }

    #[test]
    fn a_query_is_one_value_of_an_address() {
        assert_eq!(
            encoded("sum(rate(x_total{a=~\"5..\"}[5s])) > 0"),
            "sum%28rate%28x_total%7Ba%3D~%225..%22%7D%5B5s%5D%29%29%20%3E%200"
        );
        assert_eq!(encoded("&#+%é"), "%26%23%2B%25%C3%A9");
    }

    #[test]
    fn a_query_in_the_past_names_its_moment() {
        assert_eq!(queried("x > 0", 1_795_813_266_045), "query?query=x%20%3E%200&time=1795813266.045");
    }

    /// Both places are so far apart as was asked for, to the microsecond, whether or not anybody answers.
    #[test]
    fn where_nobody_answers_both_points_say_so() {
        crate::clock::now_us();
        let limits = crate::http::Limits { time: Duration::from_secs(1), body_bytes: 100 };
        let asked = Graph { query: "x".into(), apart_ms: 900_000 };
        let TwoPoints { earlier, later } = graph(&Client::new(limits), &asked);
        assert_eq!(later.at_us - earlier.at_us, 900_000_000);
        for point in [earlier, later] {
            assert_eq!(point.value, None);
            assert!(point.failure.is_some_and(|why| why.contains("/api/v1/query?query=x&time=")), "{}", point.at_us);
        }
    }
}
