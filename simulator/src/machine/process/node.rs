//! A node's process: its start, requests, wakes and signals, its log and its state directory.

use std::collections::BTreeMap;
use std::sync::Arc;

use fake_node::cli::Parsed;
use fake_node::config::{ServeConfig, StartFailure, listening_line};
use fake_node::http::Request;
use fake_node::node::{Node, Output as NodeOutput, RequestId, STATE_FILES_MAX, StateDirectory, StateFile};
use fake_node::snapshot::SUFFIX;
use operator_agent::protocol;

use super::{Exit, Pid, Process, ProcessEvent, Signal, Supervisor, What, os_error};
use crate::machine::Machine;
use crate::machine::files::{Access, Errno, OpenMode, ReleaseFile};
use crate::machine::io::Output;
use crate::machine::net::{ExchangeId, Namespace, Outcome};
use crate::machine::users::{ROOT, Uid};
use crate::shared::Shared;
use crate::time::{Event, Us};

/// A node's process.
#[derive(Debug, Clone)]
pub struct NodeProcess {
    /// Its executable.
    pub file: ReleaseFile,
    arguments: Shared<Vec<String>>,
    environment: Shared<BTreeMap<String, String>>,
    /// Where it listens.
    pub namespace: Namespace,
    stdout: Output,
    stderr: Output,
    node: Option<Node>,
    pub(super) waiting: BTreeMap<u64, ExchangeId>,
    next_request: u64,
    /// Where it is bound.
    pub port: Option<u16>,
    next_wake: Option<Us>,
}

/// How a node is started.
#[derive(Debug, Clone)]
pub struct NodeStart {
    /// Its executable, and where it lies.
    pub file: ReleaseFile,
    /// See `file`.
    pub executable: String,
    /// `serve …`
    pub arguments: Vec<String>,
    /// Its variables.
    pub environment: BTreeMap<String, String>,
    /// Who it runs as.
    pub user: Uid,
    /// Who is told of its end.
    pub supervisor: Supervisor,
    /// Where it listens.
    pub namespace: Namespace,
    /// Where its log goes.
    pub stdout: Output,
    /// And its last words.
    pub stderr: Output,
}
impl Machine {
    /// Starts a node; whether it comes to serve shows later.
    pub fn start_node(&mut self, start: NodeStart) -> Pid {
        let pid = self.next_pid();
        self.start_node_as(pid, start);
        pid
    }

    /// The same, under a number that its supervisor's child had before its exec.
    pub fn start_node_as(&mut self, pid: Pid, start: NodeStart) {
        let node = NodeProcess {
            file: start.file,
            arguments: start.arguments.into(),
            environment: start.environment.into(),
            namespace: start.namespace,
            stdout: start.stdout,
            stderr: start.stderr,
            node: None,
            waiting: BTreeMap::new(),
            next_request: 0,
            port: None,
            next_wake: None,
        };
        let process = Process {
            pid,
            executable: start.executable,
            user: start.user,
            supervisor: start.supervisor,
            what: What::Node(Box::new(node)),
            began: self.now,
        };
        self.processes.insert(pid, process);
        if let Some(process) = self.seen_as(pid) {
            self.report(protocol::Happened::NodeStarted { process });
        }
        let at = self.now + self.calibration.node.start_us;
        self.queue.push(at, Event::Process(pid, ProcessEvent::Begin));
    }

    pub(super) fn node_begins(&mut self, pid: Pid) {
        let Some((parsed, release, namespace)) = self.node(pid).map(|node| {
            let parsed = self.command_lines.parse(&node.file.release, &node.arguments, &node.environment);
            (parsed, node.file.release.clone(), node.namespace)
        }) else {
            return;
        };
        match parsed {
            Parsed::Finished(finished) => {
                self.say_for(pid, &finished.stdout, &finished.stderr);
                self.process_ends(pid, Exit::Status(finished.status));
            }
            // `observe` is a command of the strand; as a service it would only end.
            Parsed::Observe(_) => self.process_ends(pid, Exit::Status(1)),
            Parsed::Serve(config) => {
                let state = self.state_directory(pid, &release.state.directory);
                let epoch = self.unix_us();
                match self.begin_to_serve(pid, *config, &release, &state, epoch, namespace) {
                    Ok(()) => {}
                    Err(failure) => {
                        let stdout: String = failure.stdout.iter().map(|line| format!("{line}\n")).collect();
                        self.say_for(pid, &stdout, &format!("{}\n", failure.stderr));
                        self.process_ends(pid, Exit::Status(failure.status));
                    }
                }
            }
        }
    }

    fn begin_to_serve(
        &mut self,
        pid: Pid,
        config: ServeConfig,
        release: &Arc<fake_node::release::Release>,
        state: &StateDirectory,
        epoch: i64,
        namespace: Namespace,
    ) -> Result<(), StartFailure> {
        if config.check_only {
            let lines = config.preflight(epoch)?;
            let mut stdout: String = lines.iter().map(|line| format!("{line}\n")).collect();
            stdout.push_str(&format!("{}\n", config.check_only_line()));
            self.say_for(pid, &stdout, "");
            self.process_ends(pid, Exit::Status(0));
            return Ok(());
        }
        let addr = config.addr;
        let (node, outputs) = Node::start(release.clone(), config, state, epoch, 0)?;
        let began = self.now;
        if let Some(process) = self.node_mut(pid) {
            process.node = Some(node);
        }
        // The node's clock begins with its model.
        if let Some(process) = self.processes.get_mut(&pid) {
            process.began = began;
        }
        self.apply(pid, outputs);
        if !self.bind(pid, namespace, addr) {
            return Err(StartFailure::bind(addr, "Address already in use (os error 98)"));
        }
        if let Some(process) = self.node_mut(pid) {
            process.port = Some(addr.port());
        }
        self.say_for(pid, &format!("{}\n", listening_line(addr)), "");
        self.schedule_wake(pid);
        self.listeners_changed();
        Ok(())
    }

    fn state_directory(&self, pid: Pid, directory: &str) -> StateDirectory {
        let Some(user) = self.processes.get(&pid).map(|process| process.user) else { return StateDirectory::Missing };
        let folder = match self.files.resolve(user, "/", directory) {
            Ok(folder) => folder,
            Err(Errno::NotFound) => return StateDirectory::Missing,
            Err(other) => return StateDirectory::Unreadable(os_error(other)),
        };
        if !self.files.may(user, folder, Access::Read) {
            return StateDirectory::Unreadable(os_error(Errno::PermissionDenied));
        }
        let names = self.files.names(folder).into_iter().filter(|name| name.ends_with(SUFFIX));
        let files = names.take(STATE_FILES_MAX + 1).map(|name| {
            let content = self.files.read(user, directory, &name).map(|bytes| bytes.to_vec()).map_err(|error| {
                if error == Errno::IsADirectory { "not a regular file".into() } else { os_error(error) }
            });
            StateFile { name, content }
        });
        StateDirectory::Files(files.collect())
    }

    /// A request that came over the network.
    pub(in crate::machine) fn node_takes(&mut self, pid: Pid, exchange: ExchangeId, request: &Request) {
        let now = self.now;
        let Some(process) = self.processes.get_mut(&pid) else { return };
        let began = process.began;
        let What::Node(node) = &mut process.what else { return };
        node.next_request += 1;
        let id = node.next_request;
        node.waiting.insert(id, exchange);
        let outputs = node
            .node
            .as_mut()
            .map(|model| model.handle(now.saturating_sub(began), RequestId(id), request))
            .unwrap_or_default();
        self.apply(pid, outputs);
        self.schedule_wake(pid);
    }

    /// A client went away before its answer.
    pub(in crate::machine) fn node_loses(&mut self, pid: Pid, exchange: ExchangeId) {
        let now = self.now;
        let Some(process) = self.processes.get_mut(&pid) else { return };
        let began = process.began;
        let What::Node(node) = &mut process.what else { return };
        let Some(id) = node.waiting.iter().find(|(_, other)| **other == exchange).map(|(id, _)| *id) else { return };
        node.waiting.remove(&id);
        let outputs =
            node.node.as_mut().map(|model| model.cancel(now.saturating_sub(began), RequestId(id))).unwrap_or_default();
        self.apply(pid, outputs);
    }

    pub(super) fn node_wakes(&mut self, pid: Pid) {
        let now = self.now;
        let Some(process) = self.processes.get_mut(&pid) else { return };
        let began = process.began;
        let What::Node(node) = &mut process.what else { return };
        node.next_wake = None;
        let outputs = node.node.as_mut().map(|model| model.wake(now.saturating_sub(began))).unwrap_or_default();
        self.apply(pid, outputs);
        self.schedule_wake(pid);
    }

    fn schedule_wake(&mut self, pid: Pid) {
        let Some(process) = self.processes.get_mut(&pid) else { return };
        let began = process.began;
        let What::Node(node) = &mut process.what else { return };
        let Some(at) = node.node.as_ref().and_then(Node::next_wake).map(|at| began.saturating_add(at)) else { return };
        if node.next_wake.is_none_or(|planned| at < planned) {
            node.next_wake = Some(at);
            self.queue.push(at.max(self.now), Event::Process(pid, ProcessEvent::Wake));
        }
    }

    /// A signal, as kill(2) would send it.
    pub fn signal(&mut self, pid: Pid, signal: Signal) {
        let now = self.now;
        let Some(process) = self.processes.get_mut(&pid) else { return };
        let began = process.began;
        let relative = now.saturating_sub(began);
        let ends = Event::Process(pid, ProcessEvent::Exit(Exit::Signal(signal)));
        let outputs = match (&mut process.what, signal) {
            (What::Node(node), Signal::Term | Signal::Int) => match node.node.as_mut() {
                // Before it has its handlers, the signal's own action is to end it.
                None => {
                    self.queue.push(now, ends);
                    return;
                }
                Some(model) if signal == Signal::Term => {
                    model.ignore_sigterm(relative).unwrap_or_else(|| model.terminate(relative))
                }
                Some(model) => model.terminate(relative),
            },
            _ => {
                self.queue.push(now, ends);
                return;
            }
        };
        self.apply(pid, outputs);
    }

    fn apply(&mut self, pid: Pid, outputs: Vec<NodeOutput>) {
        for output in outputs {
            match output {
                NodeOutput::Respond { request, response } => {
                    let exchange = self.node_mut(pid).and_then(|node| node.waiting.remove(&request.0));
                    if let Some(exchange) = exchange {
                        self.answered(exchange, Outcome::Answer(response));
                    }
                }
                NodeOutput::Stdout(line) => self.say_for(pid, &format!("{line}\n"), ""),
                NodeOutput::WriteState { file, bytes } => self.write_state(pid, &file, &bytes),
                NodeOutput::StopAccepting => {
                    self.unbind(pid);
                    // The agent sees the machine's own sockets go, and not one in a container before its process ends.
                    match self.node(pid).map(|node| node.namespace) {
                        Some(Namespace::Container(_)) => crate::agent::world_changed(self),
                        _ => self.listeners_changed(),
                    }
                    self.take_free_ports();
                }
                NodeOutput::Exit { status } => {
                    let at = self.now + self.calibration.node.exit_us;
                    self.queue.push(at, Event::Process(pid, ProcessEvent::Exit(Exit::Status(status))));
                }
            }
        }
    }

    fn write_state(&mut self, pid: Pid, file: &str, bytes: &[u8]) {
        let (now, Some(process)) = (self.now, self.processes.get(&pid)) else { return };
        let user = process.user;
        let Some(directory) = self.node(pid).map(|node| node.file.release.state.directory.clone()) else { return };
        let path = format!("{directory}/{file}");
        if self.files.resolve(ROOT, "/", &directory).is_err() {
            // As the binary does: the folder is made if it may be.
            let _ = self.files.make_folder(user, "/", &directory, 0o750, now);
        }
        let opened = self.files.open(user, "/", &path, OpenMode::Truncate, (0o137, now));
        let written = opened.and_then(|ino| self.files.write(ino, 0, OpenMode::Truncate, bytes, now).map(|_| ()));
        if let Err(error) = written {
            let reason = os_error(error);
            let began = self.processes.get(&pid).map_or(0, |process| process.began);
            let outputs = self
                .node_mut(pid)
                .and_then(|node| node.node.as_mut())
                .map(|model| model.state_write_failed(now.saturating_sub(began), file, &reason))
                .unwrap_or_default();
            self.apply(pid, outputs);
        }
    }

    fn say_for(&mut self, pid: Pid, stdout: &str, stderr: &str) {
        let Some((out, err)) = self.node(pid).map(|node| (node.stdout.clone(), node.stderr.clone())) else { return };
        for (output, text) in [(out, stdout), (err, stderr)] {
            if !text.is_empty() {
                // A log that nobody takes any more must not end a node.
                let _ = self.write(&output, text.as_bytes());
            }
        }
    }

    /// A node's model, and the time on its own clock.
    pub(crate) fn node_model(&mut self, pid: Pid) -> Option<(&mut Node, Us)> {
        let began = self.processes.get(&pid)?.began;
        Some((self.node_mut(pid)?.node.as_mut()?, began))
    }

    /// Whether the node of a process answers invokes later than at once.
    pub(crate) fn invokes_wait(&self, pid: Pid) -> bool {
        let model = self.node(pid).and_then(|process| process.node.as_ref());
        model.is_some_and(|model| model.release().invoke_delay_ms() > 0)
    }

    pub(super) fn node(&self, pid: Pid) -> Option<&NodeProcess> {
        match &self.processes.get(&pid)?.what {
            What::Node(node) => Some(node),
            _ => None,
        }
    }

    fn node_mut(&mut self, pid: Pid) -> Option<&mut NodeProcess> {
        match &mut self.processes.get_mut(&pid)?.what {
            What::Node(node) => Some(node),
            _ => None,
        }
    }
}
