//! The operator's shell: one bash as the operator's user, commands evaluated one by one, killed with its whole session.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, SystemTime};

use rustix::process::{Pid, Signal, kill_process};

use crate::balancer::Balancer;
use crate::clock::{Deadline, now_us, of_system_time, pause};
use crate::machine;
use crate::protocol::{CommandReport, Happened};
use crate::reports::Reports;
use crate::watch::Watch;

/// Bytes of a command's output that are kept (its beginning).
pub const OUTPUT_KEPT: usize = 256 << 10;
/// A command that writes more is reported, so that the harness ends the drill: a limit of the harness, not of the runbook.
pub const OUTPUT_MAX: u64 = 16 << 20;
/// How long killing a session may take before it counts as not gone.
const KILL_TIME: Duration = Duration::from_secs(2);
/// How long what a shell wrote before it ended may take to arrive.
const DRAIN_TIME: Duration = Duration::from_millis(100);

const SCRIPT: &str = include_str!("shell.sh");

/// What the shell's thread is told.
enum Message {
    Open { folder: Option<String> },
    Run { text: String },
    Kill,
    Bytes { shell: u32, bytes: Vec<u8> },
    Ended { shell: u32, exit: i32 },
}

/// The shell's thread. Requests are carried out in order.
#[derive(Debug, Clone)]
pub struct Shell {
    inbox: Sender<Message>,
}

impl Shell {
    /// Starts the thread; no shell is open yet. `commands_ended` is counted up at the end of each command.
    pub fn start(
        operator: &str,
        reports: Reports,
        balancer: Balancer,
        watch: Watch,
        commands_ended: Arc<AtomicU64>,
    ) -> Shell {
        let (inbox, messages) = channel();
        let keeper = Keeper {
            operator: operator.to_owned(),
            reports,
            balancer,
            watch,
            commands_ended,
            inbox: inbox.clone(),
            number: 0,
            open: None,
        };
        std::thread::spawn(move || keeper.work(&messages));
        Shell { inbox }
    }

    /// Opens a shell in a folder (`None`: the operator's home).
    pub fn open(&self, folder: Option<String>) {
        let _ = self.inbox.send(Message::Open { folder });
    }

    /// Evaluates a command.
    pub fn run(&self, text: String) {
        let _ = self.inbox.send(Message::Run { text });
    }

    /// Kills the shell's session.
    pub fn kill(&self) {
        let _ = self.inbox.send(Message::Kill);
    }
}

struct InHand {
    began_us: u64,
    output: Vec<u8>,
    output_bytes: u64,
    over_limit: bool,
}

struct Open {
    pid: u32,
    stdin: ChildStdin,
    marker: Vec<u8>,
    /// Bytes that may still be the beginning of a marker.
    pending: Vec<u8>,
    in_hand: Option<InHand>,
}

struct Keeper {
    operator: String,
    reports: Reports,
    balancer: Balancer,
    watch: Watch,
    commands_ended: Arc<AtomicU64>,
    inbox: Sender<Message>,
    number: u32,
    open: Option<Open>,
}

impl Keeper {
    fn work(mut self, messages: &Receiver<Message>) {
        while let Ok(message) = messages.recv() {
            match message {
                Message::Open { folder } => {
                    if let Err(error) = self.open(folder) {
                        self.reports.trouble(format!("cannot open a shell for {}: {error}", self.operator));
                    }
                }
                Message::Run { text } => self.run(&text),
                Message::Kill => self.kill(messages),
                Message::Bytes { shell, bytes } if shell == self.number => self.take(&bytes),
                Message::Ended { shell, exit } if shell == self.number => self.ended(exit, messages),
                // Of a shell that was killed before.
                Message::Bytes { .. } | Message::Ended { .. } => {}
            }
        }
    }

    fn open(&mut self, folder: Option<String>) -> std::io::Result<()> {
        self.number += 1;
        let home = machine::home_of(&self.operator)?;
        // Hex of the clock is enough: nothing that a command prints by chance holds it between two NULs.
        let nonce = format!("drill-{:x}-{:x}", std::process::id(), now_us());
        let mut child = Command::new("setsid")
            .args(["setpriv", "--reuid", &self.operator, "--regid", &self.operator, "--init-groups", "--reset-env"])
            .args(["env", "TERM=dumb"])
            .args(["bash", "--noprofile", "--norc", "-c", SCRIPT, "bash", &nonce])
            .current_dir(folder.as_deref().unwrap_or(&home))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(std::io::Error::other("the shell has no pipes"));
        };
        self.open = Some(Open {
            pid: child.id(),
            stdin,
            marker: format!("\0{nonce} ").into_bytes(),
            pending: Vec::new(),
            in_hand: None,
        });
        let shell = self.number;
        read_in_background(self.inbox.clone(), shell, stdout);
        wait_in_background(self.inbox.clone(), shell, child);
        Ok(())
    }

    fn run(&mut self, text: &str) {
        // The state of balancer and processes right before, so that their reports stand before the command's.
        self.balancer.look();
        self.watch.look();
        let Some(open) = self.open.as_mut() else {
            return self.reports.trouble("a command was handed over, but no shell is open");
        };
        let mut bytes = text.as_bytes().to_vec();
        bytes.push(0);
        open.in_hand = Some(InHand { began_us: now_us(), output: Vec::new(), output_bytes: 0, over_limit: false });
        // A shell that has just ended is told of by its end.
        let _ = open.stdin.write_all(&bytes).and_then(|()| open.stdin.flush());
    }

    fn take(&mut self, bytes: &[u8]) {
        let Some(open) = self.open.as_mut() else { return };
        open.pending.extend_from_slice(bytes);
        while let Some(begin) = find(&open.pending, &open.marker) {
            let after = begin + open.marker.len();
            let Some(length) = open.pending.get(after..).and_then(|rest| rest.iter().position(|byte| *byte == 0))
            else {
                return;
            };
            let statuses =
                String::from_utf8_lossy(open.pending.get(after..after + length).unwrap_or_default()).into_owned();
            let output: Vec<u8> = open.pending.drain(..after + length + 1).take(begin).collect();
            keep(open, &output, &self.reports);
            let words: Vec<&str> = statuses.split(' ').collect();
            if words.last() == Some(&"ready") {
                self.reports.say(Happened::ShellOpened);
            } else if let Some(done) = open.in_hand.take() {
                let ended_us = now_us();
                self.commands_ended.fetch_add(1, Ordering::SeqCst);
                self.balancer.look();
                let mut numbers = words.iter().skip(2).filter_map(|word| word.parse::<i32>().ok());
                let exit = numbers.next().unwrap_or(-1);
                let mut report = done.report(exit, numbers.collect(), ended_us);
                by_the_shells_clock(&mut report, words.first(), words.get(1));
                self.reports.say(Happened::CommandEnded { report });
            }
        }
        // What cannot be part of a marker any more is output.
        let Some(open) = self.open.as_mut() else { return };
        let held = open.pending.iter().rposition(|byte| *byte == 0).map_or(0, |at| open.pending.len() - at);
        if held < open.marker.len() {
            let output: Vec<u8> = open.pending.drain(..open.pending.len() - held).collect();
            keep(open, &output, &self.reports);
        } else if find(&open.pending, &open.marker).is_none() {
            let output = std::mem::take(&mut open.pending);
            keep(open, &output, &self.reports);
        }
    }

    fn ended(&mut self, exit: i32, messages: &Receiver<Message>) {
        let ended_us = now_us();
        self.commands_ended.fetch_add(1, Ordering::SeqCst);
        self.drain(messages);
        if let Some(open) = self.open.take()
            && let Some(done) = open.in_hand
        {
            self.balancer.look();
            self.reports.say(Happened::ShellEnded { report: done.report(exit, Vec::new(), ended_us) });
        }
    }

    fn kill(&mut self, messages: &Receiver<Message>) {
        let Some(pid) = self.open.as_ref().map(|open| open.pid) else {
            return self.reports.say(Happened::ShellKilled { gone: true, output: String::new(), began_us: None });
        };
        let deadline = Deadline::after(KILL_TIME);
        let mut gone = false;
        while !gone && !deadline.passed() {
            let members = machine::session_members(pid);
            gone = members.is_empty();
            for member in members {
                if let Some(pid) = i32::try_from(member).ok().and_then(Pid::from_raw) {
                    // One that ended in between is what was wanted.
                    let _ = kill_process(pid, Signal::KILL);
                }
            }
            if !gone {
                pause(Duration::from_millis(5));
            }
        }
        self.drain(messages);
        let in_hand = self.open.take().and_then(|open| open.in_hand);
        let began_us = in_hand.as_ref().map(|done| done.began_us);
        let output = in_hand.map(|done| String::from_utf8_lossy(&done.output).into_owned()).unwrap_or_default();
        self.number += 1; // Whatever still arrives is of a shell that is no more.
        self.reports.say(Happened::ShellKilled { gone, output, began_us });
    }

    /// Takes what the shell wrote before it ended.
    fn drain(&mut self, messages: &Receiver<Message>) {
        let deadline = Deadline::after(DRAIN_TIME);
        loop {
            match messages.recv_timeout(deadline.left()) {
                Ok(Message::Bytes { shell, bytes }) if shell == self.number => {
                    if bytes.is_empty() {
                        break;
                    }
                    self.take(&bytes);
                }
                Ok(Message::Bytes { .. } | Message::Ended { .. }) => {}
                // The harness hands over the next thing only when it has been told of this one.
                Ok(Message::Open { .. } | Message::Run { .. } | Message::Kill) => {
                    self.reports.trouble("something was asked of a shell that is ending");
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        if let Some(open) = self.open.as_mut() {
            let rest = std::mem::take(&mut open.pending);
            keep(open, &rest, &self.reports);
        }
    }
}

impl InHand {
    fn report(self, exit: i32, pipe: Vec<i32>, ended_us: u64) -> CommandReport {
        CommandReport {
            exit,
            pipe,
            output: String::from_utf8_lossy(&self.output).into_owned(),
            output_bytes: self.output_bytes,
            own_words: false,
            began_us: self.began_us,
            ended_us,
        }
    }
}

fn keep(open: &mut Open, output: &[u8], reports: &Reports) {
    // Between commands only something in the background can write; nobody's output, so it is not kept.
    let Some(in_hand) = open.in_hand.as_mut() else { return };
    in_hand.output_bytes += output.len() as u64;
    let room = OUTPUT_KEPT.saturating_sub(in_hand.output.len());
    in_hand.output.extend_from_slice(output.get(..room.min(output.len())).unwrap_or_default());
    if in_hand.output_bytes > OUTPUT_MAX && !in_hand.over_limit {
        in_hand.over_limit = true;
        reports.say(Happened::OutputLimit { limit: OUTPUT_MAX });
    }
}

/// The shell's own times, without the way to it and back; never outside what was seen from here, should its clock be set.
fn by_the_shells_clock(report: &mut CommandReport, began: Option<&&str>, ended: Option<&&str>) {
    let on_our_clock = |word: Option<&&str>| {
        let (seconds, micros) = word?.split_once('.')?;
        let since = Duration::new(seconds.parse().ok()?, micros.parse::<u32>().ok()?.checked_mul(1000)?);
        Some(of_system_time(SystemTime::UNIX_EPOCH.checked_add(since)?))
    };
    let (Some(began), Some(ended)) = (on_our_clock(began), on_our_clock(ended)) else { return };
    let (first, last) = (report.began_us, report.ended_us);
    report.began_us = began.clamp(first, last);
    report.ended_us = ended.clamp(report.began_us, last);
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn read_in_background(inbox: Sender<Message>, shell: u32, mut stdout: impl Read + Send + 'static) {
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(read) = stdout.read(&mut buffer) {
            // An empty message is the end of the stream.
            let bytes = buffer.get(..read).unwrap_or_default().to_vec();
            if inbox.send(Message::Bytes { shell, bytes }).is_err() || read == 0 {
                return;
            }
        }
    });
}

fn wait_in_background(inbox: Sender<Message>, shell: u32, mut child: Child) {
    use std::os::unix::process::ExitStatusExt;
    std::thread::spawn(move || {
        let exit = child
            .wait()
            .map_or(-1, |status| status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(-1));
        let _ = inbox.send(Message::Ended { shell, exit });
    });
}
