//! Watches, all the time, for node processes that come and go and for who listens on the node's port.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{Deadline, pause};
use crate::listeners::{all_released, listeners, listening_inodes};
use crate::machine::{Executables, Role, pids};
use crate::protocol::{Happened, Listener, NodeProcess};
use crate::reports::Reports;

/// How often we look. A node that dies at start lives for some 5 ms; one that is missed by an unlucky look is still told of
/// by the supervisor's state.
const EVERY: Duration = Duration::from_millis(5);
/// Who is behind a listener is looked for through all descriptors of all processes, some milliseconds' work. Where that is
/// no release it is looked for again, first after this pause, then each time after twice the pause before it.
const AGAIN_FIRST: Duration = Duration::from_millis(10);
/// The longest such pause: something else may hold the port for a whole drill, and must not cost a core.
const AGAIN_LAST: Duration = Duration::from_secs(1);

/// What was seen last. Clones share it.
#[derive(Debug, Clone)]
pub struct Watch {
    seen: Arc<Mutex<Seen>>,
    reports: Reports,
    port: u16,
}

#[derive(Debug)]
struct Seen {
    executables: Executables,
    /// By process: where its executable lay when it was looked at, and the node that it is.
    processes: BTreeMap<u32, (PathBuf, Option<NodeProcess>)>,
    inodes: BTreeSet<u64>,
    listeners: Vec<Listener>,
    again: Option<Again>,
}

/// When listeners that are no releases are looked at again though nothing has changed.
#[derive(Debug, Clone, Copy)]
struct Again {
    due: Deadline,
    pause: Duration,
}

impl Again {
    /// After a look that found no release: the `last` one was for a change (`None`), or was such a look itself.
    fn after(last: Option<Again>) -> Again {
        let pause = last.map_or(AGAIN_FIRST, |last| (last.pause * 2).min(AGAIN_LAST));
        Again { due: Deadline::after(pause), pause }
    }
}

impl Watch {
    /// Watches in the background from now on.
    pub fn start(port: u16, releases: BTreeMap<String, String>, reports: Reports) -> Watch {
        let watch = Watch::new(port, releases, reports);
        let background = watch.clone();
        std::thread::spawn(move || {
            loop {
                background.look();
                pause(EVERY);
            }
        });
        watch
    }

    fn new(port: u16, releases: BTreeMap<String, String>, reports: Reports) -> Watch {
        let seen = Seen {
            executables: Executables::new(releases),
            processes: BTreeMap::new(),
            inodes: BTreeSet::new(),
            listeners: Vec::new(),
            again: None,
        };
        Watch { seen: Arc::new(Mutex::new(seen)), reports, port }
    }

    /// Looks now and reports what changed.
    pub fn look(&self) {
        let mut seen = self.lock();
        let changed = self.look_at_processes(&mut seen);
        self.look_at_listeners(&mut seen, changed);
    }

    /// Who is behind a listener can change while its socket stays: a docker-proxy is there before the node that it is for,
    /// and after it. So it is also looked for when a node has come or gone (`changed`), and from time to time until all
    /// listeners are releases, because a node listens some time after it has come.
    fn look_at_listeners(&self, seen: &mut Seen, changed: bool) {
        let changed = changed || listening_inodes(self.port) != seen.inodes;
        if !changed && !seen.again.is_some_and(|again| again.due.passed()) {
            return;
        }
        let (inodes, now) = listeners(self.port, &mut seen.executables);
        seen.again = (!all_released(&now)).then(|| Again::after(seen.again.filter(|_| !changed)));
        seen.inodes = inodes;
        if now != seen.listeners {
            seen.listeners.clone_from(&now);
            self.reports.say(Happened::ListenersChanged { listeners: now });
        }
    }

    /// Whether a node has come or gone.
    fn look_at_processes(&self, seen: &mut Seen) -> bool {
        let mut changed = false;
        let now = pids();
        let gone: Vec<u32> = seen.processes.keys().copied().filter(|pid| now.binary_search(pid).is_err()).collect();
        for pid in gone {
            if let Some((_, Some(_))) = seen.processes.remove(&pid) {
                self.reports.say(Happened::NodeExited { pid });
                changed = true;
            }
        }
        for pid in now {
            let Ok(executable) = std::fs::read_link(format!("/proc/{pid}/exe")) else { continue };
            // Between fork and exec a process still is its parent's executable, and a container's first process is the
            // engine's runtime before it is the node, so a changed one is looked at again.
            if seen.processes.get(&pid).is_some_and(|(known, _)| *known == executable) {
                continue;
            }
            let node = match seen.executables.role(pid) {
                Role::Node(process) => Some(process),
                Role::Other => None,
                // In the middle of an exec the executable is the new one already and the arguments are not there yet:
                // who remembered that would never see the node.
                Role::Unclear => continue,
            };
            // The exec may have come after our look at the link.
            let executable = node.as_ref().map_or(executable, |node| PathBuf::from(&node.executable));
            let before = seen.processes.insert(pid, (executable, node.clone())).and_then(|(_, before)| before);
            // The same bytes under another path are the same node: its file was moved or deleted under it.
            if before.as_ref().map(|node| &node.sha256) == node.as_ref().map(|node| &node.sha256) {
                continue;
            }
            changed = true;
            if before.is_some() {
                self.reports.say(Happened::NodeExited { pid });
            }
            if let Some(process) = node {
                self.reports.say(Happened::NodeStarted { process });
            }
        }
        changed
    }

    /// The node processes and listeners of this moment.
    pub fn now(&self) -> (Vec<NodeProcess>, Vec<Listener>) {
        let mut seen = self.lock();
        self.look_at_processes(&mut seen);
        // Who asks wants what is, not what was when something last changed.
        self.look_at_listeners(&mut seen, true);
        let nodes = seen.processes.values().filter_map(|(_, node)| node.clone()).collect();
        (nodes, seen.listeners.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Child, ChildStdin, Command, Stdio};

    use super::*;
    use crate::protocol::Report;

    const WITHIN: Duration = Duration::from_secs(20);

    /// What was reported.
    #[derive(Clone, Default)]
    struct Told(Arc<Mutex<Vec<u8>>>);

    impl Write for Told {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Told {
        fn all(&self) -> Vec<Happened> {
            let bytes = self.0.lock().unwrap().clone();
            let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            lines.map(|line| serde_json::from_slice::<Report>(line).unwrap().what).collect()
        }

        /// Of one process: whether it came (true) or went.
        fn of_node(&self, pid: u32) -> Vec<bool> {
            let all = self.all().into_iter();
            all.filter_map(|what| match what {
                Happened::NodeStarted { process } if process.pid == pid => Some(true),
                Happened::NodeExited { pid: gone } if gone == pid => Some(false),
                _ => None,
            })
            .collect()
        }

        /// Who was said to listen, each time that it was said.
        fn of_listeners(&self) -> Vec<Vec<Option<u32>>> {
            let all = self.all().into_iter();
            all.filter_map(|what| match what {
                Happened::ListenersChanged { listeners } => {
                    Some(listeners.iter().map(|on| on.process.as_ref().map(|process| process.pid)).collect())
                }
                _ => None,
            })
            .collect()
        }
    }

    fn look_until(watch: &Watch, done: impl Fn() -> bool) {
        let deadline = Deadline::after(WITHIN);
        while !done() {
            assert!(!deadline.passed(), "it did not come about within {WITHIN:?}");
            watch.look();
        }
    }

    fn executable_of(pid: u32) -> PathBuf {
        std::fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default()
    }

    /// Runs shell text that reads its stdin, and is ended by the end of it.
    fn shell(text: &str, arguments: &[&str]) -> (Child, ChildStdin) {
        let mut child = Command::new("sh")
            .args(["-c", text])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        (child, stdin)
    }

    /// A watch that takes the machine's `cat` for a release.
    fn watch_for_cat(told: &Told) -> Watch {
        let (mut child, stdin) = shell("exec cat", &[]);
        let deadline = Deadline::after(WITHIN);
        while executable_of(child.id()).file_name() != Some("cat".as_ref()) {
            assert!(!deadline.passed(), "sh did not become cat");
        }
        let sha256 = Executables::default().identify(child.id()).unwrap().sha256;
        drop(stdin);
        child.wait().unwrap();
        Watch::new(0, [(sha256, "0.3.8".to_owned())].into(), Reports::new(told.clone()))
    }

    #[test]
    fn a_process_that_becomes_a_node_by_exec_is_seen() {
        let told = Told::default();
        let watch = watch_for_cat(&told);
        let (mut child, mut stdin) = shell("read word; exec cat - \"$word\"", &[]);
        look_until(&watch, || watch.lock().processes.contains_key(&child.id()));
        assert!(told.of_node(child.id()).is_empty());
        stdin.write_all(b"serve\n").unwrap();
        look_until(&watch, || !told.of_node(child.id()).is_empty());
        drop(stdin);
        child.wait().unwrap();
        watch.look();
        assert_eq!(told.of_node(child.id()), [true, false]);
    }

    #[test]
    fn a_node_whose_file_is_deleted_has_not_ended() {
        let told = Told::default();
        let watch = watch_for_cat(&told);
        let file = std::env::temp_dir().join(format!("rollback-drill-watch-{}", std::process::id()));
        // `cp` and not our own copy: a file that this process has open for writing cannot be run by a thread beside it.
        let copy = "cp \"$(command -v cat)\" \"$0\" && exec \"$0\" - serve";
        let (mut child, stdin) = shell(copy, &[file.to_str().unwrap()]);
        look_until(&watch, || !told.of_node(child.id()).is_empty());
        let place = || watch.lock().processes.get(&child.id()).unwrap().0.clone();
        assert_eq!(place(), file);
        std::fs::remove_file(&file).unwrap();
        look_until(&watch, || place() != file);
        assert_eq!(told.of_node(child.id()), [true]);
        drop(stdin);
        child.wait().unwrap();
        watch.look();
        assert_eq!(told.of_node(child.id()), [true, false]);
    }

    #[test]
    fn a_listener_that_is_no_release_is_looked_at_again_and_told_once() {
        let told = Told::default();
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let watch = Watch::new(port, BTreeMap::new(), Reports::new(told.clone()));
        let looked_again = || watch.lock().again.is_some_and(|again| again.pause > AGAIN_FIRST * 2);
        look_until(&watch, looked_again);
        let own = vec![Some(std::process::id())];
        assert_eq!(watch.now().1.len(), 1);
        assert!(!looked_again(), "a change begins the pauses anew");
        assert_eq!(told.of_listeners().len(), 1);
        drop(listener);
        look_until(&watch, || watch.lock().inodes.is_empty());
        watch.look();
        assert_eq!(told.of_listeners(), [own, vec![]]);
        assert!(watch.lock().again.is_none(), "nothing is left to find out");
    }

    #[test]
    fn pauses_double_up_to_a_ceiling() {
        let mut again = Again::after(None);
        let mut pauses = vec![again.pause.as_millis()];
        for _ in 0..8 {
            again = Again::after(Some(again));
            pauses.push(again.pause.as_millis());
        }
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    }
}
