//! Long work outside a drill, such as a build: it hears signals, it has an end, and its children end with it.

use std::fs::{File, TryLockError};
use std::future::Future;
use std::pin::pin;
use std::process::{Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;
use tokio::time::{Instant, timeout};

use super::HostError;
use crate::interrupt;

/// Between two looks at whether a signal came.
const TICK: Duration = Duration::from_millis(100);
/// What a child that is asked to end may take; then it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// How long work is waited for.
#[derive(Debug)]
pub struct Patience {
    what: String,
    ceiling: Duration,
    until: Instant,
    grace: Duration,
    signal: fn() -> Option<i32>,
}

impl Patience {
    /// From now on, with this ceiling; `what` is the work, for the error.
    pub fn new(what: impl Into<String>, ceiling: Duration) -> Patience {
        let until = Instant::now() + ceiling;
        Patience { what: what.into(), ceiling, until, grace: GRACE, signal: interrupt::signal }
    }

    fn interrupted(&self) -> Result<(), HostError> {
        (self.signal)().map_or(Ok(()), |signal| Err(HostError::Interrupted(signal)))
    }

    fn over(&self) -> Result<(), HostError> {
        if Instant::now() < self.until {
            return Ok(());
        }
        let seconds = self.ceiling.as_secs();
        Err(HostError::Environment(format!("{} has not ended within its ceiling of {seconds} s", self.what)))
    }

    /// Waits for work that ends when it is dropped, such as a question to the engine.
    pub async fn wait<T>(&self, work: impl Future<Output = T>) -> Result<T, HostError> {
        let mut work = pin!(work);
        loop {
            let done = timeout(TICK, work.as_mut()).await;
            self.interrupted()?;
            match done {
                Ok(done) => return Ok(done),
                Err(_) => self.over()?,
            }
        }
    }

    /// Takes a file's lock, which another process may hold.
    pub async fn lock(&self, file: &File) -> Result<std::io::Result<()>, HostError> {
        loop {
            self.interrupted()?;
            match file.try_lock() {
                Ok(()) => return Ok(Ok(())),
                Err(TryLockError::Error(error)) => return Ok(Err(error)),
                Err(TryLockError::WouldBlock) => self.over()?,
            }
            tokio::time::sleep(TICK).await;
        }
    }

    /// Runs a child to its end. It is in a process group of its own: a Ctrl-C at the terminal reaches the harness only, which
    /// then ends the child with all that it has started. That it ended while a signal came says nothing about the work.
    pub async fn run(&self, command: std::process::Command) -> Result<std::io::Result<Output>, HostError> {
        self.interrupted()?;
        let mut command = Command::from(command);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        let child = match command.spawn() {
            Ok(child) => child,
            Err(error) => return Ok(Err(error)),
        };
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        // A group that has gone already is as wanted.
        let send = |signal| group.map(|group| kill_process_group(group, signal));
        let mut ended = pin!(child.wait_with_output());
        loop {
            if let Ok(output) = timeout(TICK, ended.as_mut()).await {
                self.interrupted()?;
                return Ok(output);
            }
            if let Err(why) = self.interrupted().and_then(|()| self.over()) {
                send(Signal::TERM);
                if timeout(self.grace, ended.as_mut()).await.is_err() {
                    send(Signal::KILL);
                    let _ = timeout(self.grace, ended).await;
                }
                return Err(why);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use operator_agent::clock::{Deadline, pause};

    use super::super::engine::runtime;
    use super::*;

    const LONG: Duration = Duration::from_secs(600);
    const SIGINT: fn() -> Option<i32> = || Some(2);

    fn patience(ceiling: Duration, signal: fn() -> Option<i32>) -> Patience {
        Patience { signal, ..Patience::new("making tea", ceiling) }
    }

    fn shell(text: &str) -> std::process::Command {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", text]);
        command
    }

    /// What work came to that never ends by itself.
    fn endless(patience: &Patience) -> [Result<(), HostError>; 3] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let (held, wanted) = (File::create(&path).unwrap(), File::open(&path).unwrap());
        held.lock().unwrap();
        runtime().unwrap().block_on(async {
            [
                patience.wait(std::future::pending::<()>()).await,
                patience.lock(&wanted).await.map(drop),
                patience.run(shell("exec sleep 1000")).await.map(drop),
            ]
        })
    }

    #[test]
    fn a_signal_ends_all_kinds_of_work() {
        for result in endless(&patience(LONG, SIGINT)) {
            assert!(matches!(result, Err(HostError::Interrupted(2))), "{result:?}");
        }
    }

    #[test]
    fn a_ceiling_ends_all_kinds_of_work_and_is_named() {
        for result in endless(&patience(Duration::ZERO, || None)) {
            let error = result.unwrap_err().to_string();
            assert_eq!(error, "making tea has not ended within its ceiling of 0 s");
        }
    }

    #[test]
    fn a_child_ends_with_all_that_it_has_started() {
        static PIDS: std::sync::OnceLock<std::path::PathBuf> = std::sync::OnceLock::new();
        let folder = tempfile::tempdir().unwrap();
        let pids = PIDS.get_or_init(|| folder.path().join("pids"));
        // Neither it nor its own child ends at SIGTERM.
        let text = format!("trap '' TERM; sleep 1000 & echo $$ $! > {0}.new; mv {0}.new {0}; wait", pids.display());
        let once_it_runs = || PIDS.get()?.exists().then_some(15);
        let patience = Patience { grace: TICK, ..patience(LONG, once_it_runs) };
        let result = runtime().unwrap().block_on(patience.run(shell(&text)));
        assert!(matches!(result, Err(HostError::Interrupted(15))), "{result:?}");
        let pids = std::fs::read_to_string(pids).unwrap();
        assert_eq!(pids.split_whitespace().count(), 2, "{pids}");
        for pid in pids.split_whitespace() {
            // A signal that was sent ends its process a little later, and nobody here can wait for a child's child.
            let deadline = Deadline::after(Duration::from_secs(10));
            loop {
                let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                let state = stat.rsplit(')').next().unwrap_or_default().split_whitespace().next();
                if matches!(state, None | Some("Z" | "X")) {
                    break;
                }
                assert!(!deadline.passed(), "process {pid} is left: {stat}");
                pause(TICK);
            }
        }
    }

    #[test]
    fn work_that_ends_is_handed_back() {
        let patience = patience(LONG, || None);
        let output =
            runtime().unwrap().block_on(patience.run(shell("echo out; echo err >&2; exit 3"))).unwrap().unwrap();
        assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(runtime().unwrap().block_on(patience.wait(async { 7 })).unwrap(), 7);
        let missing = runtime().unwrap().block_on(patience.run(std::process::Command::new("/nonexistent/x")));
        assert!(missing.unwrap().is_err());
    }
}
