//! Processes that outlive the command that began them: nodes, and programs that hold a port. A command of the operator is
//! no process here; it is the strand itself.

use operator_agent::protocol;

use super::Machine;
use super::files::Errno;
use super::net::{Namespace, Outcome};
use super::users::Uid;
use crate::time::{Event, Us};
use crate::{docker, systemd};

mod node;

pub use node::{NodeProcess, NodeStart};

/// Number of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pid(pub u32);

/// What happens to a process by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProcessEvent {
    /// It has read its configuration: it binds, or fails.
    Begin,
    /// Something of its own is due.
    Wake,
    /// It is gone.
    Exit(Exit),
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// By itself.
    Status(i32),
    /// By a signal.
    Signal(Signal),
}

/// Signals that anything here sends; the values are Linux's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// SIGINT
    Int = 2,
    /// SIGKILL
    Kill = 9,
    /// SIGTERM
    Term = 15,
}

/// Who is told when a process ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Supervisor {
    /// Nobody.
    Nobody,
    /// A unit.
    Unit(String),
    /// The engine, of the container with this number.
    Container(usize),
    /// The strand, which runs it in the foreground.
    Strand,
}

/// A process.
#[derive(Debug, Clone)]
pub struct Process {
    /// Its number.
    pub pid: Pid,
    /// Where its executable lies.
    pub executable: String,
    /// Who it runs as.
    pub user: Uid,
    /// Who is told of its end.
    pub supervisor: Supervisor,
    /// What it does.
    pub what: What,
    /// When it began.
    pub began: Us,
}

/// What a process does.
#[derive(Debug, Clone)]
pub enum What {
    /// It serves. Boxed: much larger than the rest.
    Node(Box<NodeProcess>),
    /// It takes a port and answers nobody.
    Holder {
        /// Which; taken as soon as it is free.
        port: u16,
        /// Whether it has it.
        bound: bool,
    },
    /// It waits until nobody has the port any more, cuts the rules engine off from it, and ends.
    Cutter {
        /// Which.
        port: u16,
    },
    /// It only listens, as a neighbour does.
    Other,
}

impl Machine {
    /// A fresh process number.
    pub fn next_pid(&mut self) -> Pid {
        self.last_pid += 1 + u32::try_from(self.random(7)).unwrap_or(0);
        Pid(self.last_pid)
    }

    /// Starts something that is no node.
    pub fn start_other(&mut self, executable: &str, user: Uid, supervisor: Supervisor, what: What) -> Pid {
        let pid = self.next_pid();
        let process = Process { pid, executable: executable.to_owned(), user, supervisor, what, began: self.now };
        self.processes.insert(pid, process);
        self.take_free_ports();
        pid
    }

    /// A process as an observer sees it.
    pub fn seen_as(&self, pid: Pid) -> Option<protocol::NodeProcess> {
        let process = self.processes.get(&pid)?;
        let (sha256, version) = match &process.what {
            What::Node(node) => (node.file.sha256.to_string(), Some(node.file.release.version.to_string())),
            // Of no release; the hash of a program that is not here.
            _ => (crate::sha256_hex(process.executable.as_bytes()), None),
        };
        Some(protocol::NodeProcess { pid: pid.0, executable: process.executable.clone(), sha256, version })
    }

    pub(super) fn process_event(&mut self, pid: Pid, event: ProcessEvent) {
        match event {
            ProcessEvent::Begin => self.node_begins(pid),
            ProcessEvent::Wake => self.node_wakes(pid),
            ProcessEvent::Exit(how) => self.process_ends(pid, how),
        }
    }

    fn process_ends(&mut self, pid: Pid, how: Exit) {
        let was_node = self.node(pid).is_some();
        self.unbind(pid);
        let Some(process) = self.processes.remove(&pid) else { return };
        if let What::Node(node) = process.what {
            for exchange in node.waiting.into_values() {
                self.answered(exchange, Outcome::Closed);
            }
        }
        if was_node {
            self.report(protocol::Happened::NodeExited { pid: pid.0 });
        }
        self.listeners_changed();
        match process.supervisor {
            Supervisor::Nobody => {}
            Supervisor::Unit(unit) => systemd::process_ended(self, &unit, pid, how),
            Supervisor::Container(number) => docker::process_ended(self, number, pid, how),
            Supervisor::Strand => drop(self.foreground_ended.insert(pid, how)),
        }
        self.take_free_ports();
    }

    /// Nobody has the port: lets those who wait for that cut the rules engine off from it.
    pub(crate) fn cut_scrapes(&mut self, port: u16) {
        let waits = |process: &&Process| matches!(process.what, What::Cutter { port: of } if of == port);
        let waiting: Vec<Pid> = self.processes.values().filter(waits).map(|process| process.pid).collect();
        for pid in waiting {
            self.net.drop_scrapes(port);
            self.queue.push(self.now, Event::Process(pid, ProcessEvent::Exit(Exit::Status(0))));
        }
    }

    /// Lets those who wait for a port have it.
    pub fn take_free_ports(&mut self) {
        let waiting: Vec<(Pid, u16)> = self
            .processes
            .values()
            .filter_map(|process| match process.what {
                What::Holder { port, bound: false } => Some((process.pid, port)),
                _ => None,
            })
            .collect();
        for (pid, port) in waiting {
            if self.bind(pid, Namespace::Host, std::net::SocketAddr::from(([0, 0, 0, 0], port))) {
                if let Some(Process { what: What::Holder { bound, .. }, .. }) = self.processes.get_mut(&pid) {
                    *bound = true;
                }
                self.listeners_changed();
            }
        }
    }
}

/// As Rust's standard library says an errno.
pub(crate) fn os_error(error: Errno) -> String {
    let number = match error {
        Errno::NotPermitted => 1,
        Errno::NotFound => 2,
        Errno::PermissionDenied => 13,
        Errno::Exists => 17,
        Errno::NotADirectory => 20,
        Errno::IsADirectory => 21,
        Errno::NoSpace => 28,
        Errno::NameTooLong => 36,
        Errno::NotEmpty => 39,
        Errno::TooManyLinks => 40,
    };
    format!("{} (os error {number})", error.text())
}
