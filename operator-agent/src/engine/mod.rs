//! The machine's rules engine: Debian's Prometheus, and its Alertmanager as notifier, as units of systemd. What they are to
//! be is written ([`files`]), then both are started and waited for, then they are looked at until the host ends ([`look`]).
//! Which alerts fire is asked of the notifier ([`notifier`]).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::clock::{Deadline, pause, wall_ms};
use crate::http::{Client, Limits};
use crate::protocol::{Graph, Happened, Monitoring, Setup};
use crate::reports::Reports;
use crate::root;

pub mod answers;
pub mod files;
pub mod instant;
pub mod look;
pub mod notifier;

/// From the start of the units until the rules are evaluated and the node is scraped; 6 s where the machine is idle.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// Between two looks whether it is so.
const AGAIN: Duration = Duration::from_millis(50);
/// Each of the tools that are run meanwhile needs a fraction of a second; three days of samples some.
const TOOL: Duration = Duration::from_secs(30);
/// A question to a server on this machine. An answer of a few rules is some KiB.
const ASK: Limits = Limits { time: Duration::from_secs(5), body_bytes: 4 << 20 };

/// The unit of the engine.
const ENGINE: &str = "prometheus";
/// The unit of the notifier.
const NOTIFIER: &str = "prometheus-alertmanager";
/// From the writing of the past to its end. The engine begins to scrape at about that time: it looks for targets first 5 s
/// after it has started (`updatert` in Prometheus's discovery/manager.go), and a past that ended before would leave windows of
/// a few seconds empty. Of live samples, the engine throws away what is older than the end.
const PAST_GOES_ON_MS: u64 = 6_000;
/// Ceiling of a block's length. For each block promtool reads the whole past again: with its own, 2 h, three days take ten
/// times as long.
const BLOCK: &str = "162h";
/// Where the past is written for promtool. On tmpfs, and gone once it has been read.
const PAST: &str = "/run/rollback-drill/past.openmetrics";

/// Gives the machine its rules engine, says how that went, and looks at it from then on. Returns where there is none.
pub fn run(setup: &Setup, monitoring: &Monitoring, reports: &Reports) {
    match bring_up(setup, monitoring) {
        Ok(client) => {
            reports.say(Happened::MonitoringStarted);
            look::watch(&client, monitoring, reports);
        }
        Err(why) => reports.say(Happened::MonitoringFailed { why }),
    }
}

/// Says which alerts fire, as the notifier has them, and what the graphs of these show, as the engine has it.
pub fn firing(graphs: &BTreeMap<String, Graph>, reports: &Reports) {
    let client = Client::new(ASK);
    let (firing, failure) = match notifier::look(&client) {
        Ok(firing) => (firing, None),
        Err(why) => (BTreeMap::new(), Some(why)),
    };
    let of_firing = graphs.iter().filter(|(name, _)| firing.contains_key(*name));
    let seen = of_firing.map(|(name, graph)| (name.clone(), look::graph(&client, graph))).collect();
    reports.say(Happened::FiringSeen { firing, graphs: seen, failure });
}

fn bring_up(setup: &Setup, monitoring: &Monitoring) -> Result<Client, String> {
    monitoring.check()?;
    for (path, text) in files::texts(setup, monitoring) {
        write(path, &text)?;
    }
    // Meanwhile the engine is read into memory: it is 90 MB, and what it takes longer to start would be missing from the past.
    tool(
        &format!("prometheus --version > /dev/null 2>&1 & promtool check config {}", files::CONFIG),
        "Prometheus would refuse its configuration or the rules",
    )?;
    tool(&format!("systemctl restart --no-block {NOTIFIER}"), "the notifier cannot be started")?;
    let (now_ms, end_ms) = fill(setup, monitoring)?;
    tool(&format!("systemctl restart {ENGINE}"), "the rules engine cannot be started")?;
    let client = Client::keeping(ASK);
    let deadline = Deadline::after(READY_WITHIN);
    // The notifier knew of what fired, and so it says since when.
    wait(&deadline, || is_ready(&client, NOTIFIER, files::NOTIFIER_ADDRESS))?;
    notifier::tell(&client, &monitoring.active, now_ms, end_ms)
        .map_err(|why| format!("the notifier cannot be given the past: {why}"))?;
    wait(&deadline, || is_up(&client, monitoring))?;
    Ok(client)
}

/// Gives the engine the past: when it did, and when that ends, milliseconds since 1970.
fn fill(setup: &Setup, monitoring: &Monitoring) -> Result<(u64, u64), String> {
    let data = files::DATA;
    let mut import = String::new();
    let now_ms = wall_ms();
    let end_ms = now_ms.saturating_add(PAST_GOES_ON_MS);
    if !monitoring.past.is_empty() {
        write(PAST, &files::past(setup, monitoring, end_ms)?)?;
        import = format!(
            "promtool tsdb create-blocks-from openmetrics --max-block-duration={BLOCK} {PAST} {data} && rm {PAST} && "
        );
    }
    tool(
        &format!("rm -rf {data} && mkdir -p {data} && {import}chown -R prometheus:prometheus {data}"),
        "the rules engine cannot be given the past",
    )?;
    Ok((now_ms, end_ms))
}

fn write(path: &str, text: &str) -> Result<(), String> {
    let folder = Path::new(path).parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| format!("cannot write {path}: {error}"))
}

fn tool(text: &str, otherwise: &str) -> Result<(), String> {
    let root::Ran { exit, output, .. } = root::run(text, TOOL);
    if exit == 0 { Ok(()) } else { Err(format!("{otherwise}: `{text}` ended with {exit}: {}", output.trim())) }
}

/// What is not as it is to be, and the unit that has to do with it.
struct Missing(&'static str, String);

/// Waits until something is as it is to be.
fn wait(deadline: &Deadline, is: impl Fn() -> Result<(), Missing>) -> Result<(), String> {
    loop {
        let Err(Missing(unit, what)) = is() else { return Ok(()) };
        if deadline.passed() {
            let words = root::run(&format!("journalctl --unit={unit} --no-pager --output=cat --lines=5"), TOOL).output;
            let within = READY_WITHIN.as_secs();
            return Err(format!("{what}, {within} s after the start of {unit}; its last words: {}", words.trim()));
        }
        pause(AGAIN);
    }
}

fn is_ready(client: &Client, unit: &'static str, address: &str) -> Result<(), Missing> {
    let url = format!("http://{address}/-/ready");
    let outcome = client.get(&url).sample.outcome;
    if outcome.is_ok() { Ok(()) } else { Err(Missing(unit, format!("{url} comes to {}", outcome.word()))) }
}

fn is_up(client: &Client, monitoring: &Monitoring) -> Result<(), Missing> {
    is_ready(client, NOTIFIER, files::NOTIFIER_ADDRESS)?;
    is_ready(client, ENGINE, files::ENGINE_ADDRESS)?;
    let rules = look::rules(client).map_err(|why| Missing(ENGINE, why))?;
    if rules.is_empty() {
        return Err(Missing(ENGINE, format!("{} has no rule of an alert", files::RULES)));
    }
    if let Some(rule) = rules.iter().find(|rule| !rule.evaluated) {
        return Err(Missing(ENGINE, format!("{} has not been evaluated", rule.name)));
    }
    let target = look::target(client, &monitoring.job).map_err(|why| Missing(ENGINE, why))?;
    if !target.up {
        return Err(Missing(ENGINE, format!("the node has not been scraped ({:?})", target.error)));
    }
    // What a scrape brings before the past has ended is thrown away.
    let up = format!("up{{job={}}}", files::quoted(&monitoring.job));
    match look::value(client, &up).map_err(|why| Missing(ENGINE, why))? {
        Some(1.0) => Ok(()),
        other => Err(Missing(ENGINE, format!("{up} is {other:?} and not 1"))),
    }
}
