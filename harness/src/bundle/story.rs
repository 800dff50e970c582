//! A History told to a person: what `incident.md` and the text report say of each event, in one place.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::history::event::{AlertState, Block, BlockEnd, Event, Scrape, What};
pub use crate::history::words::{one_line, printable};
use crate::judge::command::CommandRun;
use crate::procedure::Origin;

pub mod decided;

/// The word that a value has in JSON, such as `not-run`; for enums without data.
pub fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        // Cannot happen for the enums this is called with; an empty cell is then seen at once.
        _ => String::new(),
    }
}

/// A duration: `10 ms`, `1.07 s`.
pub fn took(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{} ms", us / 1000),
        _ => format!("{}.{:02} s", us / 1_000_000, us % 1_000_000 / 10_000),
    }
}

/// A time on the drill's clock: `5.900`, in seconds.
pub fn time(us: u64) -> String {
    format!("{}.{:03}", us / 1_000_000, us % 1_000_000 / 1000)
}

/// How a command ended: `0`, `4`, `killed`.
pub fn exit(run: &CommandRun<'_>) -> String {
    match (run.killed, run.exit()) {
        (Some(_), _) => "killed".into(),
        (None, Some(exit)) => exit.to_string(),
        (None, None) => "no end".into(),
    }
}

/// The parts of a pipeline where one failed: `masked: its parts ended 1|0`.
pub fn parts(run: &CommandRun<'_>) -> Option<String> {
    let pipe = run.pipe();
    if !(pipe.len() > 1 || run.masked()) || pipe.iter().all(|status| *status == 0) {
        return None;
    }
    let parts: Vec<String> = pipe.iter().map(i32::to_string).collect();
    let masked = if run.masked() { "masked: " } else { "" };
    Some(format!("{masked}its parts ended {}", parts.join("|")))
}

/// Where a command's text comes from, if not from the step itself: `supplied`, `as A2`.
pub fn origin(origin: &Origin) -> Option<String> {
    match origin {
        Origin::Literal => None,
        Origin::Supplied { .. } => Some("supplied".into()),
        Origin::SameAs { step } => Some(format!("as {step}")),
    }
}

/// What else is to be said of a command that did not simply end 0.
pub fn remarks(run: &CommandRun<'_>) -> Vec<String> {
    const LINES_MAX: usize = 3;
    let mut remarks = Vec::new();
    if let Some(killed) = run.killed {
        let gone = if killed.gone { "" } else { "; some of its processes are left" };
        remarks.push(format!("killed: {}{gone}", killed.why));
    }
    remarks.extend(parts(run));
    if run.ended.is_some_and(|ended| ended.shell_ended) {
        remarks.push("the shell ended with it".into());
    }
    if run.printed_as_told() == Some(false) {
        let wanted = run.should_print.unwrap_or_default();
        remarks.push(format!("printed `{}`, should print `{wanted}`", one_line(run.output.trim())));
    } else if run.failed() || run.masked() {
        let lines: Vec<&str> = run.output.lines().filter(|line| !line.trim().is_empty()).collect();
        remarks.extend(lines.iter().skip(lines.len().saturating_sub(LINES_MAX)).map(|line| printable(line)));
    }
    remarks
}

/// The name of a block, as a heading.
pub fn block(block: Block) -> &'static str {
    match block {
        Block::Prerequisites => "prerequisites",
        Block::Procedure => "procedure",
        Block::Verification => "verification",
        Block::FailurePath => "failure path",
        Block::Postmortem => "postmortem",
    }
}

/// What an event means to a person who knows those `before` it: the probe tells its outcome after each command, and the
/// rules engine is looked at each second, which is news only where it is something else.
pub fn news(before: &[Event], what: &What) -> Option<String> {
    let repeated = match what {
        What::ProbeChanged { outcome, .. } => {
            let told = before.iter().rev().find_map(|event| match &event.what {
                What::ProbeChanged { outcome, .. } => Some(outcome),
                _ => None,
            });
            told == Some(outcome)
        }
        What::AlertsSeen { alerts, scrape, .. } => {
            return alert_news(before, alerts, scrape).map(|news| printable(&news));
        }
        _ => false,
    };
    if repeated { None } else { note(what).map(|note| printable(&note)) }
}

/// What became of the alert that led here and of the scraping since the last look. Before the first one nothing fired.
fn alert_news(before: &[Event], alerts: &BTreeMap<String, AlertState>, scrape: &Scrape) -> Option<String> {
    let Some(What::DrillBegan { plan }) = before.first().map(|first| &first.what) else { return None };
    let originating = &plan.alerts.as_ref()?.originating;
    let told = before.iter().rev().find_map(|event| match &event.what {
        What::AlertsSeen { alerts, scrape, .. } => Some((alerts.get(originating), scrape.ok)),
        _ => None,
    });
    let (was, was_ok) = told.map_or((AlertState::Inactive, true), |(state, ok)| (known(state), ok));
    let is = known(alerts.get(originating));
    let mut news = Vec::new();
    if was != is {
        news.push(format!("{originating}: {} → {}", word(&was), word(&is)));
    }
    match (was_ok, scrape.ok) {
        (true, false) => news.push(format!("the node's metrics cannot be scraped: {}", one_line(&scrape.error))),
        (false, true) => news.push("the node's metrics are scraped again".into()),
        _ => {}
    }
    (!news.is_empty()).then(|| news.join("; "))
}

fn known(state: Option<&AlertState>) -> AlertState {
    state.copied().unwrap_or(AlertState::Inactive)
}

/// What an event means to a person; `None` for those that are told otherwise (commands, blocks) or only in numbers.
fn note(what: &What) -> Option<String> {
    Some(match what {
        What::HostUp { name, create_to_answer_ms } => {
            let after = took(create_to_answer_ms.saturating_mul(1000));
            format!("operator host {name} is up, the bad release answers {after} after creation")
        }
        What::FaultApplied { fault, how, at } => {
            let when = at.map_or_else(String::new, |at| format!(", {}", at.words()));
            format!("fault {fault}{when}: {}", one_line(how))
        }
        What::RedFirst { requests, server_errors, slow, wanted_percent, met } => {
            let shown = if *met { "the incident shows" } else { "the incident does not show" };
            let late = slow.map_or_else(String::new, |slow| format!(", {slow} late"));
            format!("{shown}: {server_errors} of {requests} requests answered 5xx{late}, {wanted_percent} % wanted")
        }
        What::MonitoringBegan => "a rules engine scrapes the node".into(),
        What::AlertFirst { alert, met: true, .. } => format!("{alert} fires"),
        What::AlertFirst { alert, state, .. } => format!("{alert} does not fire: it is {}", word(state)),
        What::Notified { alert, resolved, .. } => {
            format!("notified: {alert} {}", if *resolved { "is resolved" } else { "fires" })
        }
        What::Decided { decision } => {
            let warnings: String = decision.warnings.iter().map(|warning| format!("; warning: {warning}")).collect();
            let said = match decision.because {
                Some(number) => format!("condition {number} for a rollback holds: {}", decision.words()),
                None => "no condition for a rollback holds".into(),
            };
            one_line(&format!("{said}{warnings}"))
        }
        What::Prerequisite { line, unmet: None, .. } => format!("the prerequisite of line {line} is met"),
        What::Prerequisite { line, unmet: Some(found), .. } => {
            format!("the prerequisite of line {line} is not met: {}", one_line(found))
        }
        What::Declined { by, why } => format!("not begun, the {by} says no: {}", one_line(why)),
        What::BlockEnded { block: over, how } => match how {
            BlockEnd::Completed => return None,
            BlockEnd::Left => format!("the operator leaves the {} after a failed command", block(*over)),
            BlockEnd::ShellEnded => format!("the shell ended in the {}", block(*over)),
            BlockEnd::Killed => format!("the {} is killed", block(*over)),
        },
        What::ProbeChanged { outcome, latency_us } if outcome.is_ok() => {
            format!("/healthz answers 200 in {}", took(*latency_us))
        }
        What::ProbeChanged { outcome, .. } => format!("/healthz: {}", outcome.word()),
        What::ReadyClaim { met: true, after_ms, seen_by } => {
            format!("ready {} after the start began, seen by the {seen_by}", took(after_ms.saturating_mul(1000)))
        }
        What::ReadyClaim { met: false, after_ms, .. } => {
            format!("not ready {} after the start began", took(after_ms.saturating_mul(1000)))
        }
        What::BalancerChanged { in_rotation: true, state } => format!("balancer: in rotation ({state})"),
        What::BalancerChanged { in_rotation: false, state } => format!("balancer: out of rotation ({state})"),
        What::NodeStarted { process } => {
            let version = process.version.as_ref().map_or_else(|| "no known release".into(), |v| format!("v{v}"));
            format!("node process {} of {version} appears", process.pid)
        }
        What::NodeExited { pid } => format!("node process {pid} is gone"),
        What::InvokeHeld { in_flight: true } => return None,
        What::InvokeHeld { in_flight: false } => "no call could be held across the stop: each was over at once".into(),
        What::HeldInvoke { outcome, began_us, ended_us } => {
            format!("the call in flight at the stop: {outcome} after {}", took(ended_us.saturating_sub(*began_us)))
        }
        What::Diagnosed { incompatible_state: Some(words) } => {
            format!("the journal shows incompatible state: {}", one_line(words))
        }
        What::Diagnosed { incompatible_state: None } => "the journal shows no incompatible state".into(),
        What::Paged { to, key, severity, reason, .. } => {
            format!("{severity} page to {to} for {key}: {}", one_line(reason))
        }
        What::MaintenanceSeen { outcome, retry_after } => match retry_after {
            Some(after) => format!("upstream answers {outcome} with Retry-After {after}"),
            None => format!("upstream answers {outcome} without Retry-After"),
        },
        What::AlertsUnseen { why } => format!("the rules engine is not seen any more: {why}"),
        What::DeclaredOver => "the operator declares the incident over".into(),
        What::SecretsScanned { hits, .. } if !hits.is_empty() => {
            format!("a planted secret is in {}", hits.join(", "))
        }
        What::LimitReached { limit } => format!("a limit of the harness ended the drill: {limit}"),
        What::DrillBegan { .. }
        | What::BlockBegan { .. }
        | What::CommandBegan { .. }
        | What::CommandEnded { .. }
        | What::CommandKilled { .. }
        | What::Traffic { .. }
        | What::AlertsSeen { .. }
        | What::Watched { .. }
        | What::ListenersChanged { .. }
        | What::RecordsSeen { .. }
        | What::HealthWindow { .. }
        | What::MetricsPair { .. }
        | What::MachineSeen { .. }
        | What::Captured { .. }
        | What::Missing { .. }
        | What::SecretsScanned { .. }
        | What::DrillEnded { .. } => return None,
    })
}

/// `event 3`, `events 3, 4`; empty for none. A long list is shortened: the History has it.
pub fn events(numbers: &[u64]) -> String {
    const SHOWN_MAX: usize = 6;
    let shown: Vec<String> = numbers.iter().take(SHOWN_MAX).map(u64::to_string).collect();
    let more = if numbers.len() > SHOWN_MAX { ", …" } else { "" };
    match numbers.len() {
        0 => String::new(),
        1 => format!("event {}", shown.join("")),
        _ => format!("events {}{more}", shown.join(", ")),
    }
}

/// The figures of a drill by name; what was not measured says so.
pub fn figures(metrics: &crate::judge::Metrics) -> Vec<(&'static str, String)> {
    let ms = |ms: Option<u64>| ms.map_or_else(not_measured, |ms| took(ms.saturating_mul(1000)));
    let held = |held: bool| if held { "as the text says" } else { "not as the text says" };
    let restart = match (metrics.restart_ms, metrics.restart_claim_held) {
        (Some(ms), Some(as_said)) => format!("{}, {}", took(ms.saturating_mul(1000)), held(as_said)),
        (None, Some(false)) => "nothing came up in the time that the text says".into(),
        _ => not_measured(),
    };
    let in_flight = match (&metrics.held_invoke, metrics.in_flight_claim_held) {
        (Some(outcome), Some(as_said)) => format!("{}, {}", one_line(outcome), held(as_said)),
        _ => not_measured(),
    };
    let mut figures = vec![
        ("downtime", ms(metrics.downtime_ms)),
        ("time to healthy", ms(metrics.time_to_healthy_ms)),
        ("requests failed", metrics.requests_failed.map_or_else(not_measured, |count| count.to_string())),
        ("requests by outcome", metrics.outcomes.as_ref().map_or_else(not_measured, by_outcome)),
        ("error budget spent", metrics.budget_spent_percent.map_or_else(not_measured, |part| format!("{part:.4} %"))),
        ("restart", restart),
        ("call in flight at the stop", in_flight),
        ("time drained", ms(metrics.drained_ms)),
        ("left of the time to answer", ms(metrics.ready_margin_ms)),
    ];
    if let Some(alerts) = &metrics.alerts {
        figures.push(("left of the alert's time", ms(alerts.alert_margin_ms)));
    }
    figures
}

/// `200: 30, refused: 2`, or that nothing was sent.
fn by_outcome(outcomes: &BTreeMap<String, u64>) -> String {
    let told: Vec<String> = outcomes.iter().map(|(outcome, count)| format!("{}: {count}", one_line(outcome))).collect();
    if told.is_empty() { "none was sent".into() } else { told.join(", ") }
}

fn not_measured() -> String {
    "not measured".into()
}

/// Verdict and lists as one phrase: `unverified, health fails, not-declared-early breaks`.
pub fn ending(verdict: crate::verdict::Verdict, failing: &[String], broken: &[String]) -> String {
    let mut ending = word(&verdict);
    if !failing.is_empty() {
        ending.push_str(&format!("; not passed: {}", failing.join(", ")));
    }
    if !broken.is_empty() {
        ending.push_str(&format!("; broken: {}", broken.join(", ")));
    }
    ending
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_times_have_units() {
        for (us, said) in
            [(0, "0 µs"), (900, "900 µs"), (10_900, "10 ms"), (1_070_000, "1.07 s"), (61_205_000, "61.20 s")]
        {
            assert_eq!(took(us), said);
        }
        assert_eq!(time(5_900_400), "5.900");
    }

    #[test]
    fn looks_at_alerts_are_news_where_something_changed() {
        let history = crate::judge::sample::alerted().history();
        let told = |history: &crate::history::read::History| -> Vec<(u64, String)> {
            let looks = history.events.iter().enumerate();
            let looks = looks.filter(|(_, event)| matches!(event.what, What::AlertsSeen { .. }));
            looks.filter_map(|(i, event)| Some((event.at_us, news(&history.events[..i], &event.what)?))).collect()
        };
        let said: Vec<(u64, String)> = [
            (1_500_000, "SampleBurn: inactive → pending"),
            (2_500_000, "SampleBurn: pending → firing"),
            (5_100_000, "the node's metrics cannot be scraped: connection refused"),
            (5_450_000, "the node's metrics are scraped again"),
            (9_500_000, "SampleBurn: firing → inactive"),
        ]
        .map(|(at_us, said)| (at_us, said.to_owned()))
        .to_vec();
        assert_eq!(told(&history), said);
        let without = crate::judge::sample::alerted().edit_plan(|plan| plan.alerts = None).history();
        assert!(told(&without).is_empty());
    }

    #[test]
    fn long_lists_of_events_are_shortened() {
        assert_eq!(events(&[]), "");
        assert_eq!(events(&[7]), "event 7");
        assert_eq!(events(&[1, 2, 3, 4, 5, 6, 7]), "events 1, 2, 3, 4, 5, 6, …");
    }
}
