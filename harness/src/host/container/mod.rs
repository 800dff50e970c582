//! The container host: a whole operator's machine in one container, through testcontainers and bollard.
//!
//! The tokio runtime stays in here. The harness holds the stdin of one exec, the agent's; when it ends, however the
//! harness ended, the machine powers itself off and auto-remove takes the container (design.md, decision 12).
#![expect(clippy::disallowed_methods, reason = "this host is a real machine: its time is the wall's")]

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::container::LogOutput;
use futures_util::StreamExt;
use operator_agent::protocol::{Happened, ProbeOutcome, Report, Request};
use testcontainers::{ContainerAsync, GenericImage};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::{AsRoot, Host, HostError};
use crate::interrupt;
use crate::topology::Topology;

pub mod binaries;
pub mod engine;
pub mod image;
pub mod machine;
pub mod owner;
pub mod patience;
pub mod registry;
mod start;
#[cfg(test)]
mod stub;

use start::{Output, create, force_remove, hold_agent, or_remove};

/// Where long work says what it does.
pub type Progress<'a> = dyn FnMut(&str) + 'a;

/// From creation to the bad release's answer; the figure to keep is 3 s, this is where a machine counts as broken.
const BRING_UP: Duration = Duration::from_secs(60);
/// Waiting is cut into slices of this, so that a signal is heard.
const SLICE: Duration = Duration::from_millis(100);
/// A line of the agent: a metrics pair is some 40 KB, bounded outputs 256 KiB each before escaping.
const LINE_BYTES_MAX: usize = 4 << 20;

/// A machine to make.
#[derive(Debug)]
pub struct Machine {
    /// What it looks like.
    pub topology: Topology,
    /// Its own files.
    pub archive: Vec<u8>,
    /// The planted secret, which invokes need.
    pub token: String,
    /// SHA-256 of executables to versions.
    pub releases: BTreeMap<String, String>,
}

/// A running operator host.
pub struct ContainerHost {
    runtime: tokio::runtime::Runtime,
    docker: Docker,
    name: String,
    container: Option<ContainerAsync<GenericImage>>,
    output: Output,
    input: Pin<Box<dyn AsyncWrite + Send>>,
    buffer: Vec<u8>,
    ready: VecDeque<Report>,
    /// Local time at which the agent's clock showed this many microseconds.
    clock: (Instant, u64),
    create_to_answer: Duration,
}

impl std::fmt::Debug for ContainerHost {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ContainerHost").field("name", &self.name).finish_non_exhaustive()
    }
}

impl ContainerHost {
    /// Makes a machine, waits until its agent watches and the bad release answers through the balancer.
    pub fn start(machine: Machine, progress: &mut Progress<'_>) -> Result<ContainerHost, HostError> {
        let runtime = engine::runtime()?;
        let docker = engine::connect()?;
        let owner = owner::this_owner()?;
        let (image, _) = runtime.block_on(image::ensure(&docker, progress))?;
        let name = format!("rollback-drill-{}-{}", std::process::id(), engine::next_number());
        let began = Instant::now();
        let create = create(&image, &name, &owner, machine.archive);
        let container = runtime.block_on(or_remove(&docker, &name, create))?;
        let (output, input) = match runtime.block_on(hold_agent(&docker, &name)) {
            Ok(held) => held,
            Err(error) => {
                remove(&runtime, &docker, &name, container);
                return Err(error);
            }
        };
        let mut host = ContainerHost {
            runtime,
            docker,
            name,
            container: Some(container),
            output,
            input,
            buffer: Vec::new(),
            ready: VecDeque::new(),
            clock: (began, 0),
            create_to_answer: Duration::ZERO,
        };
        host.begin(&machine.topology, &machine.token, &machine.releases)?;
        host.wait_for_answer(began)?;
        Ok(host)
    }

    /// Creation to the bad release's first answer through the balancer.
    pub fn create_to_answer(&self) -> Duration {
        self.create_to_answer
    }

    fn begin(
        &mut self,
        topology: &Topology,
        token: &str,
        releases: &BTreeMap<String, String>,
    ) -> Result<(), HostError> {
        let setup = super::setup(topology, token, releases);
        self.ask(&Request::Begin { setup: Box::new(setup) })?;
        let deadline = Instant::now() + BRING_UP;
        let mut before = VecDeque::new();
        while Instant::now() < deadline {
            match self.read(SLICE)? {
                Some(report) if report.what == Happened::Hello => {
                    self.clock = (Instant::now(), report.at_us);
                    // Observers begin before `hello` is said; what they saw is part of the History.
                    self.ready.extend(before);
                    return Ok(());
                }
                Some(report) => before.push_back(report),
                None => {}
            }
        }
        Err(self.trouble(format!("its agent has not begun within {} s", BRING_UP.as_secs())))
    }

    fn wait_for_answer(&mut self, began: Instant) -> Result<(), HostError> {
        let mut seen = VecDeque::new();
        let mut last = ProbeOutcome::Refused;
        while began.elapsed() < BRING_UP {
            self.ask(&Request::SeeUpstream)?;
            let mut answered = false;
            while !answered && began.elapsed() < BRING_UP {
                let Some(report) = self.read(SLICE)? else { continue };
                if let Happened::UpstreamSeen { outcome, .. } = &report.what {
                    answered = true;
                    last = outcome.clone();
                } else {
                    seen.push_back(report);
                }
            }
            if last.is_ok() {
                self.create_to_answer = began.elapsed();
                self.ready.append(&mut seen);
                return Ok(());
            }
            self.runtime.block_on(async { tokio::time::sleep(Duration::from_millis(20)).await });
        }
        Err(self.trouble(format!(
            "the bad release does not answer through the balancer within {} s (last: {})",
            BRING_UP.as_secs(),
            last.word()
        )))
    }

    fn trouble(&self, what: String) -> HostError {
        HostError::Agent { host: self.name.clone(), what }
    }

    /// The next report that has arrived or arrives within this.
    fn read(&mut self, within: Duration) -> Result<Option<Report>, HostError> {
        if let Some(signal) = interrupt::signal() {
            return Err(HostError::Interrupted(signal));
        }
        if let Some(report) = self.next_line()? {
            return Ok(Some(report));
        }
        let next = self.runtime.block_on(async { tokio::time::timeout(within, self.output.next()).await });
        match next {
            Err(_) => Ok(None),
            Ok(Some(Ok(LogOutput::StdErr { message }))) => {
                Err(self.trouble(format!("its agent says: {}", String::from_utf8_lossy(&message).trim())))
            }
            Ok(Some(Ok(chunk))) => {
                self.buffer.extend_from_slice(&chunk.into_bytes());
                self.next_line()
            }
            Ok(Some(Err(error))) => Err(self.trouble(format!("the engine's stream broke: {error}"))),
            Ok(None) => Err(self.trouble(
                "its agent has ended: the machine or the engine was stopped; what was seen until then is kept, look at the engine's \
                 log and drill again"
                    .to_owned(),
            )),
        }
    }

    fn next_line(&mut self) -> Result<Option<Report>, HostError> {
        let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') else {
            if self.buffer.len() > LINE_BYTES_MAX {
                return Err(self.trouble(format!("its agent wrote a line of more than {LINE_BYTES_MAX} bytes")));
            }
            return Ok(None);
        };
        let line: Vec<u8> = self.buffer.drain(..=end).collect();
        let report: Report = serde_json::from_slice(&line)
            .map_err(|error| self.trouble(format!("its agent wrote {:?}: {error}", String::from_utf8_lossy(&line))))?;
        match report.what {
            Happened::Trouble { message } => Err(self.trouble(message)),
            _ => Ok(Some(report)),
        }
    }
}

impl Host for ContainerHost {
    fn name(&self) -> &str {
        &self.name
    }

    fn now_us(&self) -> u64 {
        let since = u64::try_from(self.clock.0.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.clock.1.saturating_add(since)
    }

    fn ask(&mut self, request: &Request) -> Result<(), HostError> {
        let mut line = serde_json::to_vec(request).map_err(|error| self.trouble(error.to_string()))?;
        line.push(b'\n');
        let sent = self.runtime.block_on(async {
            self.input.write_all(&line).await?;
            self.input.flush().await
        });
        sent.map_err(|error| self.trouble(format!("its agent cannot be reached: {error}")))
    }

    fn next(&mut self, until_us: u64) -> Result<Option<Report>, HostError> {
        if let Some(report) = self.ready.pop_front() {
            return Ok(Some(report));
        }
        loop {
            let left = Duration::from_micros(until_us.saturating_sub(self.now_us()));
            // In slices, so that a signal is heard while nothing happens.
            if let Some(report) = self.read(left.min(SLICE))? {
                return Ok(Some(report));
            }
            if self.now_us() >= until_us {
                return Ok(None);
            }
        }
    }
}

impl AsRoot for ContainerHost {
    fn run_as_root(&mut self, text: &str, timeout_ms: u64) -> Result<(i32, String), HostError> {
        self.ask(&Request::RunAsRoot { text: text.to_owned(), timeout_ms })?;
        let deadline = Instant::now() + Duration::from_millis(timeout_ms) + BRING_UP;
        let mut seen = VecDeque::new();
        while Instant::now() < deadline {
            match self.read(SLICE)? {
                Some(Report { what: Happened::RootRan { exit, output, .. }, .. }) => {
                    self.ready.append(&mut seen);
                    return Ok((exit, output));
                }
                Some(report) => seen.push_back(report),
                None => {}
            }
        }
        Err(self.trouble(format!("no answer to `{text}`")))
    }
}

impl Drop for ContainerHost {
    fn drop(&mut self) {
        if let Some(container) = self.container.take() {
            remove(&self.runtime, &self.docker, &self.name, container);
        }
    }
}

fn remove(runtime: &tokio::runtime::Runtime, docker: &Docker, name: &str, container: ContainerAsync<GenericImage>) {
    runtime.block_on(force_remove(docker, name));
    // testcontainers would remove it once more, outside a runtime, and panic.
    std::mem::forget(container);
}
