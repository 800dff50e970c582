//! `serve`: one thread, the node in the middle, connections, signals and timers round it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use fake_node::config::{ServeConfig, StartFailure, listening_line};
use fake_node::http::{Request, Response};
use fake_node::node::{Node, Output, RequestId, StateDirectory};
use fake_node::release::Release;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, Semaphore, oneshot, watch};
use tokio::task::{JoinSet, LocalSet};

use super::{Clock, complain, connection, say, state_dir};

/// Most connections at a time; more wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 1024;
/// Most large request bodies received at a time.
const LARGE_BODIES_MAX: usize = 4;
/// How long the last answers may take to leave after the node has ended.
const FLUSH: Duration = Duration::from_secs(2);
/// How long to wait after a failed accept: out of descriptors, it would fail again at once.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// The node and what its outputs need.
pub struct Shell {
    node: RefCell<Node>,
    clock: Clock,
    directory: PathBuf,
    waiting: RefCell<BTreeMap<RequestId, oneshot::Sender<Response>>>,
    next_request: Cell<u64>,
    /// Requests whose body is still coming in. They count as in flight, though the node does not know them yet.
    receiving: Cell<usize>,
    /// A signal came.
    stopping: Cell<bool>,
    exit: Cell<Option<i32>>,
    /// The main loop has something to look at anew.
    changed: Notify,
    /// Tells connections to end; they hold receivers.
    pub stop: watch::Sender<bool>,
    /// Permits for large bodies.
    pub large_bodies: Semaphore,
}

impl Shell {
    /// Says that a request's body begins to come in.
    pub fn receive(&self) {
        self.receiving.set(self.receiving.get() + 1);
    }

    /// Says that it is there, or will never be.
    pub fn received(&self) {
        self.receiving.set(self.receiving.get().saturating_sub(1));
        self.changed.notify_one();
    }

    /// Hands a request to the node. The answer comes through the receiver.
    pub fn handle(&self, request: &Request) -> (RequestId, oneshot::Receiver<Response>) {
        let id = RequestId(self.next_request.get());
        self.next_request.set(id.0.wrapping_add(1));
        let (sender, receiver) = oneshot::channel();
        self.waiting.borrow_mut().insert(id, sender);
        let outputs = self.node.borrow_mut().handle(self.clock.now(), id, request);
        self.apply(outputs);
        (id, receiver)
    }

    /// Says that a request's client is gone. Answered ones are none of the node's business any more.
    pub fn cancel(&self, id: RequestId) {
        if self.waiting.borrow_mut().remove(&id).is_some() {
            let outputs = self.node.borrow_mut().cancel(self.clock.now(), id);
            self.apply(outputs);
        }
    }

    fn apply(&self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Respond { request, response } => {
                    if let Some(sender) = self.waiting.borrow_mut().remove(&request) {
                        // Its client may have gone in this very moment.
                        let _ = sender.send(response);
                    }
                }
                Output::Stdout(line) => say(&line),
                Output::WriteState { file, bytes } => {
                    if let Err(error) = state_dir::write(&self.directory, &file, &bytes) {
                        let more =
                            self.node.borrow_mut().state_write_failed(self.clock.now(), &file, &error.to_string());
                        // Log lines only, so this does not go round.
                        for line in more {
                            if let Output::Stdout(line) = line {
                                say(&line);
                            }
                        }
                    }
                }
                Output::StopAccepting => {
                    self.stop.send_replace(true);
                }
                Output::Exit { status } => self.exit.set(Some(status)),
            }
        }
        self.changed.notify_one();
    }

    /// Whether the node ignores a SIGTERM that just came.
    fn ignores_sigterm(&self) -> bool {
        let ignored = self.node.borrow().ignore_sigterm(self.clock.now());
        ignored.map(|outputs| self.apply(outputs)).is_some()
    }

    fn signalled(&self) {
        self.stopping.set(true);
        self.stop.send_replace(true);
    }

    /// Passes the signal on once no body is coming in any more.
    fn terminate_when_received(&self) {
        if self.stopping.get() && self.receiving.get() == 0 && self.exit.get().is_none() {
            let outputs = self.node.borrow_mut().terminate(self.clock.now());
            if !outputs.is_empty() {
                self.apply(outputs);
            }
        }
    }

    fn wake(&self) {
        let outputs = self.node.borrow_mut().wake(self.clock.now());
        self.apply(outputs);
    }
}

/// Runs `serve` to its end and gives the exit status.
pub fn serve(release: Release, config: ServeConfig) -> i32 {
    let clock = Clock::start();
    if config.check_only {
        return match config.preflight(clock.epoch_unix_us) {
            Ok(lines) => {
                lines.iter().for_each(|line| say(line));
                say(&config.check_only_line());
                0
            }
            Err(failure) => failed(&failure),
        };
    }
    let directory = PathBuf::from(&release.state.directory);
    let state = if release.reads_state_directory() { state_dir::read(&directory) } else { StateDirectory::Missing };
    let addr = config.addr;
    let (node, outputs) = match Node::start(release, config, &state, clock.epoch_unix_us, clock.now()) {
        Ok(started) => started,
        Err(failure) => return failed(&failure),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("Error: building the tokio runtime: {error}"));
            return 1;
        }
    };
    let shell = Rc::new(Shell {
        node: RefCell::new(node),
        clock,
        directory,
        waiting: RefCell::default(),
        next_request: Cell::new(1),
        receiving: Cell::new(0),
        stopping: Cell::new(false),
        exit: Cell::new(None),
        changed: Notify::new(),
        stop: watch::Sender::new(false),
        large_bodies: Semaphore::new(LARGE_BODIES_MAX),
    });
    shell.apply(outputs);
    LocalSet::new().block_on(&runtime, async {
        // Before the line that says the node listens: a signal from then on must be a clean end. As PID 1 of a container
        // there is no default action, so without these `docker stop` would wait its whole grace period.
        let (mut term, mut int) = match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            (Ok(term), Ok(int)) => (term, int),
            (Err(error), _) | (_, Err(error)) => {
                complain(&format!("Error: handling signals: {error}"));
                return 1;
            }
        };
        let listener = match TcpListener::bind(addr).await {
            Ok(listener) => listener,
            Err(error) => return failed(&StartFailure::bind(addr, &error.to_string())),
        };
        // With port 0 the line tells the port that came out.
        say(&listening_line(listener.local_addr().unwrap_or(addr)));
        let mut listener = Some(listener);
        let mut connections = JoinSet::new();
        let status = loop {
            shell.terminate_when_received();
            if let Some(status) = shell.exit.get() {
                break status;
            }
            let next_wake = shell.node.borrow().next_wake().and_then(|at| clock.instant(at));
            tokio::select! {
                biased;
                _ = term.recv() => if !shell.ignores_sigterm() { listener = None; shell.signalled(); },
                _ = int.recv() => { listener = None; shell.signalled(); }
                () = sleep_until(next_wake) => shell.wake(),
                () = shell.changed.notified() => {}
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                stream = accept(listener.as_ref()), if listener.is_some() && connections.len() < CONNECTIONS_MAX => {
                    if let Some(stream) = stream {
                        connections.spawn_local(connection::run(shell.clone(), stream));
                    }
                }
            }
        };
        drop(listener);
        let flushed = async { while connections.join_next().await.is_some() {} };
        // A client that does not read its answer shall not keep the node.
        let _ = tokio::time::timeout(FLUSH, flushed).await;
        status
    })
}

async fn sleep_until(at: Option<std::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

async fn accept(listener: Option<&TcpListener>) -> Option<TcpStream> {
    match listener?.accept().await {
        Ok((stream, _)) => {
            // Small answers leave at once; that a socket refuses this only makes them slower.
            let _ = stream.set_nodelay(true);
            Some(stream)
        }
        Err(_) => {
            tokio::time::sleep(ACCEPT_AGAIN).await;
            None
        }
    }
}

fn failed(failure: &StartFailure) -> i32 {
    failure.stdout.iter().for_each(|line| say(line));
    complain(&failure.stderr);
    failure.status
}
