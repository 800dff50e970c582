//! What the figures rest on, seen on operator hosts: scripts as root or as the operator, and the agent's reports.

use std::collections::BTreeMap;
use std::path::Path;

use operator_agent::protocol::{Happened, Report, Request};

use crate::furnish::{Executables, furnish, settle};
use crate::host::container::binaries::{self, Binaries};
use crate::host::container::{ContainerHost, Progress};
use crate::host::{Host, HostKind};
use crate::prepare::{Prepared, Selection, prepare};
use crate::run::RunError;

/// What was seen under a name, microseconds.
pub type Observations = BTreeMap<String, Vec<u64>>;

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Hosts of each topology, one after the other.
    pub boots: u32,
    /// Turns of each script, and of each request to the agent.
    pub turns: u32,
}

/// A script on a host.
struct Script {
    text: &'static str,
    as_operator: bool,
    /// Divides the turns: what takes seconds is not done as often.
    slower: u32,
}

const COMMON: &str = include_str!("scripts/common.sh");
const BOOTED: Script = Script { text: include_str!("scripts/booted.sh"), as_operator: false, slower: 1 };
/// On which topology what is measured, besides how it booted. The last one boots fastest.
const PLACES: [(&str, &[Script]); 3] = [
    ("compose", &[Script { text: include_str!("scripts/compose.sh"), as_operator: true, slower: 1 }]),
    (
        "docker",
        &[
            Script { text: include_str!("scripts/docker.sh"), as_operator: false, slower: 1 },
            Script { text: include_str!("scripts/proxy.sh"), as_operator: false, slower: 3 },
        ],
    ),
    (
        "systemd",
        &[
            Script { text: include_str!("scripts/shell.sh"), as_operator: true, slower: 1 },
            Script { text: include_str!("scripts/programs.sh"), as_operator: true, slower: 1 },
            Script { text: include_str!("scripts/systemd.sh"), as_operator: false, slower: 1 },
            Script { text: include_str!("scripts/node.sh"), as_operator: false, slower: 1 },
        ],
    ),
];
/// Of one script, milliseconds: a turn of the slowest takes some four seconds on a busy machine.
const SCRIPT_MS: u64 = 300_000;
/// Of one request to the agent, microseconds.
const ANSWER_US: u64 = 30_000_000;
/// Probes of each address.
const PROBES: u32 = 200;
/// Between two probes, milliseconds.
const PROBE_PAUSE_MS: u64 = 2;
/// Commands handed over in one shell.
const HAND_OVERS: u32 = 20;

/// Boots hosts and measures.
///
/// # Errors
/// No engine, a host that does not come up, or a script that fails: with what it printed.
pub fn observe(workspace: &Path, extent: Extent, progress: &mut Progress<'_>) -> Result<Observations, RunError> {
    progress("node and agent: building what has changed");
    let binaries = binaries::build(workspace)?;
    let mut seen = Observations::new();
    for boot in 0..extent.boots {
        for (topology, scripts) in &PLACES {
            progress(&format!("{topology} host {} of {}", boot + 1, extent.boots));
            let mut bench = Bench::start(workspace, topology, &binaries, &mut seen, progress)?;
            bench.script(&BOOTED, 1)?;
            // A figure needs no more of them than the turns, however many hosts there are.
            let turns = extent.turns.div_ceil(extent.boots).max(1);
            for script in *scripts {
                bench.script(script, turns.div_ceil(script.slower))?;
            }
            if *topology == "systemd" {
                bench.agent(turns)?;
            }
        }
    }
    Ok(seen)
}

/// One host, on which is measured.
struct Bench<'a> {
    host: ContainerHost,
    prepared: Prepared,
    seen: &'a mut Observations,
}

impl<'a> Bench<'a> {
    fn start(
        workspace: &Path,
        topology: &str,
        binaries: &Binaries,
        seen: &'a mut Observations,
        progress: &mut Progress<'_>,
    ) -> Result<Bench<'a>, RunError> {
        // For its releases alone: nothing of its scenario is carried out.
        let selection = Selection::usual(HostKind::Container, topology, workspace);
        let nothing = || RunError::Harness(format!("topology {topology}: nothing to boot"));
        let mut prepared = prepare(&selection)?.pop().ok_or_else(nothing)?;
        let executables = Executables::real(&prepared, &binaries.node)?;
        let furnished = furnish(&mut prepared, &executables)?;
        let machine = furnished.for_container(&prepared.topology, &binaries.agent, &executables)?;
        let mut host = ContainerHost::start(machine, progress)?;
        let created = u64::try_from(host.create_to_answer().as_micros()).unwrap_or(u64::MAX);
        let began = created.saturating_sub(host.now_us());
        seen.entry("agent-began".to_owned()).or_default().push(began);
        settle(&mut host, &prepared)?;
        Ok(Bench { host, prepared, seen })
    }

    fn saw(&mut self, name: &str, us: u64) {
        self.seen.entry(name.to_owned()).or_default().push(us);
    }

    /// Runs a script and takes its lines.
    fn script(&mut self, script: &Script, turns: u32) -> Result<(), RunError> {
        let quote = |text: &str| {
            shlex::try_quote(text).map(|text| text.into_owned()).map_err(|error| RunError::Harness(error.to_string()))
        };
        let image = |version: &str| format!("ghcr.io/craton-co/tensor-wasm:v{version}");
        let (good, bad) = (image(&self.prepared.plan.good.version), image(&self.prepared.plan.bad.version));
        let supervisor = quote(&self.prepared.topology.supervisor.command)?;
        let text = format!("n={turns} good={good} bad={bad} supervisor={supervisor}\n{COMMON}{}", script.text);
        let text = match script.as_operator {
            true => format!("runuser -u {} -- bash -c {}", self.prepared.topology.operator, quote(&text)?),
            false => text,
        };
        let (report, (exit, output)) =
            self.answer(&Request::RunAsRoot { text, timeout_ms: SCRIPT_MS }, SCRIPT_MS * 1000, |what| match what {
                Happened::RootRan { exit, output, .. } => Some((exit, output)),
                _ => None,
            })?;
        let wrong = |what: &str| {
            let name = self.host.name();
            RunError::Harness(format!("operator host {name}: a measuring script came to {exit}; {what}:\n{output}"))
        };
        let mut lines = Vec::new();
        for line in output.lines() {
            let parts = line.split_once(' ').and_then(|(name, us)| Some((name, us.parse::<u64>().ok()?)));
            let (name, us) = parts.ok_or_else(|| wrong(&format!("`{line}` is no observation")))?;
            lines.push((name.to_owned(), us));
        }
        if exit != 0 || lines.is_empty() {
            return Err(wrong("all of its output"));
        }
        let value = |name: &str| lines.iter().find(|(own, _)| own == name).map(|(_, us)| *us);
        if let (Some(first), Some(wall)) = (value("first-unit-at"), value("wall-at")) {
            // The script's last line is as old as the report.
            let clock_began = wall.saturating_sub(report.at_us);
            self.saw("first-unit", first.saturating_sub(clock_began));
        }
        lines.into_iter().filter(|(name, _)| !name.ends_with("-at")).for_each(|(name, us)| self.saw(&name, us));
        Ok(())
    }

    /// What the agent itself takes, by its own clock.
    fn agent(&mut self, turns: u32) -> Result<(), RunError> {
        for _ in 0..turns {
            let opened = self.timed(&Request::OpenShell { folder: None }, |what| *what == Happened::ShellOpened)?;
            self.saw("open-shell", opened);
            let mut before: Option<u64> = None;
            for _ in 0..HAND_OVERS {
                let request = Request::Run { text: ":".to_owned() };
                let (_, ran) = self.answer(&request, ANSWER_US, |what| match what {
                    Happened::CommandEnded { report } => Some(report),
                    _ => None,
                })?;
                if let Some(before) = before {
                    self.saw("hand-over", ran.began_us.saturating_sub(before));
                }
                before = Some(ran.ended_us);
            }
            let killed = self.timed(&Request::KillShell, |what| matches!(what, Happened::ShellKilled { .. }))?;
            self.saw("kill-shell", killed);
            let looked = self.timed(&Request::SeeMachine, |what| matches!(what, Happened::MachineSeen { .. }))?;
            self.saw("look", looked);
            let upstream = self.timed(&Request::SeeUpstream, |what| matches!(what, Happened::UpstreamSeen { .. }))?;
            self.saw("see-upstream", upstream);
        }
        let request = Request::MeasureHealth { probes: PROBES, pause_ms: PROBE_PAUSE_MS };
        let (_, probes) = self.answer(&request, ANSWER_US, |what| match what {
            Happened::HealthMeasured { probes, .. } => Some(probes),
            _ => None,
        })?;
        probes.iter().for_each(|sample| self.saw("direct", sample.latency_us));
        Ok(())
    }

    /// From the moment at which the agent has read a request to its answer.
    fn timed(&mut self, request: &Request, is_answer: impl Fn(&Happened) -> bool) -> Result<u64, RunError> {
        self.host.ask(&Request::Sync { token: 1 })?;
        self.host.ask(request)?;
        let mut began = 0;
        let (report, ()) = self.wait(request, ANSWER_US, |report| {
            if matches!(report.what, Happened::Synced { .. }) {
                began = report.at_us;
            }
            is_answer(&report.what).then_some(())
        })?;
        Ok(report.at_us.saturating_sub(began))
    }

    fn answer<T>(
        &mut self,
        request: &Request,
        within_us: u64,
        pick: impl Fn(Happened) -> Option<T>,
    ) -> Result<(Report, T), RunError> {
        self.host.ask(request)?;
        self.wait(request, within_us, |report| pick(report.what.clone()))
    }

    fn wait<T>(
        &mut self,
        request: &Request,
        within_us: u64,
        mut pick: impl FnMut(&Report) -> Option<T>,
    ) -> Result<(Report, T), RunError> {
        let until = self.host.now_us().saturating_add(within_us);
        while let Some(report) = self.host.next(until)? {
            if let Some(answer) = pick(&report) {
                return Ok((report, answer));
            }
        }
        let name = self.host.name();
        Err(RunError::Harness(format!(
            "operator host {name}: no answer within {} s to {request:?}",
            within_us / 1_000_000
        )))
    }
}
