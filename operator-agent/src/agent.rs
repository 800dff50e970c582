//! The agent: takes the lease, then requests from stdin until its end; the end of stdin ends the host.

use std::fs::File;
use std::io::{BufRead, Read};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::balancer::Balancer;
use crate::bounded;
use crate::clock::{now_us, pause};
use crate::engine;
use crate::ledger::{Asks, Ledger};
use crate::measure;
use crate::pager;
use crate::protocol::{Happened, ProbeOutcome, Request, Setup};
use crate::reports::Reports;
use crate::root;
use crate::shell::Shell;
use crate::traffic::Traffic;
use crate::watch::Watch;

/// The boot unit `rollback-drill-lease` looks for this lock.
pub const LEASE: &str = "/run/rollback-drill/lease";
/// A request is a few KiB; a command's text is bounded by the runbook's 1 MiB.
const REQUEST_BYTES_MAX: u64 = 4 << 20;
/// Files read for captures.
pub const FILE_BYTES_MAX: u64 = 1 << 20;

/// Takes the lease. The lock is held for as long as the file is open, so the caller keeps it.
pub fn take_lease() -> std::io::Result<File> {
    std::fs::create_dir_all("/run/rollback-drill")?;
    let lease = File::create(LEASE)?;
    lease.lock()?;
    Ok(lease)
}

/// Ends the host. Returns only where there is no systemd to end it.
pub fn power_off() {
    for _ in 0..100 {
        let done = Command::new("systemctl").args(["poweroff", "-f"]).status();
        if done.is_ok_and(|status| status.success()) {
            return;
        }
        pause(Duration::from_millis(100)); // systemd may still be starting
    }
}

/// Everything that works in the background once `Begin` has come.
struct Parts {
    setup: Arc<Setup>,
    ledger: Ledger,
    shell: Shell,
    traffic: Traffic,
    watch: Watch,
    /// Whether a rules engine is there or being started.
    monitored: Arc<AtomicBool>,
}

/// Serves requests until the end of `input`.
pub fn serve(mut input: impl BufRead, reports: &Reports) {
    let mut parts: Option<Parts> = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        match input.by_ref().take(REQUEST_BYTES_MAX).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        match (serde_json::from_slice::<Request>(&line), &parts) {
            (Err(error), _) => reports.trouble(format!("a request cannot be read: {error}")),
            (Ok(Request::Begin { setup }), None) => match begin(*setup, reports) {
                Ok(begun) => {
                    parts = Some(begun);
                    reports.say(Happened::Hello);
                }
                Err(why) => reports.trouble(why),
            },
            (Ok(Request::Begin { .. }), Some(_)) => reports.trouble("`begin` came twice"),
            (Ok(_), None) => reports.trouble("the first request has to be `begin`"),
            (Ok(request), Some(parts)) => parts.take(request, reports),
        }
    }
}

fn begin(setup: Setup, reports: &Reports) -> Result<Parts, String> {
    let setup = Arc::new(setup);
    let ledger = Ledger::default();
    pager::listen(&setup.pager_listen, reports.clone())?;
    let balancer = Balancer::start(&setup.balancer_socket, &setup.balancer_server, reports.clone());
    let watch = Watch::start(setup.node_port, setup.releases.clone(), reports.clone());
    let probe_again = Arc::new(AtomicU64::new(0));
    let shell = Shell::start(&setup.operator, reports.clone(), balancer, watch.clone(), probe_again.clone());
    let traffic = Traffic::new(setup.clone(), ledger.clone(), reports.clone());
    probe_in_background(setup.clone(), ledger.clone(), reports.clone(), probe_again);
    Ok(Parts { setup, ledger, shell, traffic, watch, monitored: Arc::default() })
}

/// Reports each change of what /healthz comes to, and the first outcome begun after each command of the operator:
/// "answers 200 since the start command has ended" has to be seen even where the answer never changed.
fn probe_in_background(setup: Arc<Setup>, ledger: Ledger, reports: Reports, again: Arc<AtomicU64>) {
    std::thread::spawn(move || {
        let client = measure::probe_client();
        let url = format!("{}/healthz", setup.node_url);
        let mut last: Option<(u64, ProbeOutcome)> = None;
        loop {
            let commands = again.load(Ordering::SeqCst);
            let answer = ledger.record(Asks::Other, || client.get(&url));
            let now = (commands, answer.sample.outcome.clone());
            if last.as_ref() != Some(&now) {
                last = Some(now);
                reports.say(Happened::ProbeChanged { sample: answer.sample });
            }
            pause(Duration::from_millis(setup.probe_pause_ms));
        }
    });
}

impl Parts {
    /// Quick things at once; what takes time in a thread of its own, so that the next request is heard.
    fn take(&self, request: Request, reports: &Reports) {
        let (setup, ledger, traffic, watch) =
            (self.setup.clone(), self.ledger.clone(), self.traffic.clone(), self.watch.clone());
        let say = reports.clone();
        match request {
            Request::Begin { .. } => {}
            Request::OpenShell { folder } => self.shell.open(folder),
            Request::Run { text } => self.shell.run(text),
            Request::KillShell => self.shell.kill(),
            Request::Sync { token } => reports.say(Happened::Synced { token }),
            Request::RunAsRoot { text, timeout_ms } => in_background(move || {
                let root::Ran { exit, output, output_bytes } = root::run(&text, Duration::from_millis(timeout_ms));
                say.say(Happened::RootRan { exit, output, output_bytes });
            }),
            Request::StartTraffic { per_second, tenants, trapping } => {
                in_background(move || traffic.start(per_second, tenants, trapping));
            }
            Request::StartMonitoring { .. } if self.monitored.swap(true, Ordering::SeqCst) => {
                say.say(Happened::MonitoringFailed {
                    why: "there is a rules engine, or one is being started".to_owned(),
                });
            }
            Request::StartMonitoring { monitoring } => {
                let monitored = self.monitored.clone();
                in_background(move || {
                    engine::run(&setup, &monitoring, &say);
                    monitored.store(false, Ordering::SeqCst);
                });
            }
            Request::SeeFiring { graphs } => in_background(move || engine::firing(&graphs, &say)),
            Request::StopTraffic => in_background(move || traffic.stop()),
            Request::HoldInvoke { hold_ms } => in_background(move || traffic.hold(hold_ms)),
            Request::MeasureHealth { probes, pause_ms } => in_background(move || {
                say.say(measure::health(&setup, &ledger, probes, Duration::from_millis(pause_ms)));
            }),
            Request::FetchMetricsTwice { apart_ms, invokes } => in_background(move || {
                say.say(measure::metrics(&setup, &ledger, &traffic, Duration::from_millis(apart_ms), invokes));
            }),
            Request::SeeMachine => in_background(move || say.say(measure::machine(&setup, &watch))),
            Request::SeeRecords { since_us } => {
                in_background(move || say.say(measure::records(&setup, since_us)));
            }
            Request::SeeUpstream => in_background(move || {
                let (outcome, retry_after) = measure::upstream(&setup);
                say.say(Happened::UpstreamSeen { outcome, retry_after });
            }),
            Request::ReadFile { path } => in_background(move || say.say(read_file(&path))),
            Request::Glob { pattern } => in_background(move || {
                let text = format!("compgen -G {} | sort", quote(&pattern));
                let output = root::run(&text, Duration::from_secs(5)).output;
                say.say(Happened::Globbed { paths: output.lines().map(str::to_owned).collect() });
            }),
        }
    }
}

fn in_background(work: impl FnOnce() + Send + 'static) {
    std::thread::spawn(work);
}

/// Single quotes: nothing in them means anything to the shell but themselves.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn read_file(path: &str) -> Happened {
    let read = File::open(path).and_then(|file| {
        let (mut bytes, length) = (Vec::new(), file.metadata()?.len());
        file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
        // Files of /proc have no length.
        Ok((bounded::text(&bytes, bounded::ESCAPED_MAX), length.max(bytes.len() as u64)))
    });
    match read {
        Ok((text, bytes)) => Happened::FileRead { text: Some(text), bytes, failure: None },
        Err(error) => Happened::FileRead { text: None, bytes: 0, failure: Some(format!("{path}: {error}")) },
    }
}

/// The agent's whole life, for `main`.
pub fn main(input: impl BufRead, reports: &Reports) -> std::io::Result<()> {
    now_us(); // The clock begins here.
    let lease = take_lease()?;
    serve(input, reports);
    power_off();
    drop(lease);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_file_holds_its_report_fits_into_a_line() {
        let Happened::FileRead { text: Some(text), failure: None, .. } = read_file("/dev/zero") else {
            panic!("not read")
        };
        assert_eq!(bounded::escaped_len(&text), bounded::ESCAPED_MAX / 6 * 6);
        let Happened::FileRead { text: None, failure: Some(why), .. } = read_file("/nonexistent/x") else {
            panic!("read")
        };
        assert!(why.starts_with("/nonexistent/x: "), "{why}");
    }
}
