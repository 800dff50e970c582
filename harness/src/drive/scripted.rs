//! A host for tests of the driver: it plays what a script says of each command, on a clock that moves only when the
//! driver waits. Its commands are words, because no command of a procedure stands in code.

use std::collections::{BTreeMap, VecDeque};

use operator_agent::pager::ON_CALL_LEAD;
use operator_agent::protocol::{CommandReport, Happened, MachineState, Page, ProbeOutcome, Report, Request, Sample};

use crate::drive::desk::Desk;
use crate::drive::{Drill, DriveError, Later, Record};
use crate::history::{Event, What};
use crate::host::{Host, HostError};
use crate::judge::sample;
use crate::procedure::{Class, Command, Confirm, FailurePath, Origin, Procedure, Step};
use crate::scenario::Operator;
use crate::topology::{self, Topology};
use crate::workspace;

/// How long a command of the script takes.
const TAKES_US: u64 = 10_000;

/// What comes of a command.
#[derive(Debug, Clone, Copy)]
pub enum Comes {
    /// It ends with this status and output.
    Ends(i32, &'static str),
    /// The shell ends with it.
    EndsShell(i32),
    /// It ends 0, and the node answers 200 from then on.
    Ready,
    /// It does not end by itself.
    Never,
}

/// The host.
#[derive(Debug)]
pub struct Scripted {
    now_us: u64,
    due: VecDeque<Report>,
    script: BTreeMap<&'static str, Comes>,
    /// What a request for a held invoke is answered with.
    pub held: Happened,
    /// What a look at the machine shows.
    pub seen: (MachineState, ProbeOutcome),
    /// What the notifier says fires, one answer after the other; the last stays.
    pub firing: VecDeque<Happened>,
    /// What requests of the harness's own are answered with, by a part of their text or path.
    pub answers: Vec<(&'static str, Happened)>,
    /// How long requests of the harness's own take, microseconds.
    pub answers_after_us: u64,
}

impl Scripted {
    /// Commands that the script does not name end 0.
    pub fn new(script: &[(&'static str, Comes)]) -> Scripted {
        Scripted {
            now_us: 1_000_000,
            due: VecDeque::new(),
            script: script.iter().copied().collect(),
            held: Happened::InvokeHeld { in_flight: false, in_hand: false },
            seen: (sample::machine_running("0.4.0"), ProbeOutcome::Status(200)),
            firing: VecDeque::new(),
            answers: Vec::new(),
            answers_after_us: 0,
        }
    }

    fn say(&mut self, after_us: u64, what: Happened) {
        let at_us = self.now_us + after_us;
        let place = self.due.iter().position(|report| report.at_us > at_us).unwrap_or(self.due.len());
        self.due.insert(place, Report { at_us, what });
    }

    fn run(&mut self, text: &str) {
        let comes = self.script.get(text.split_whitespace().next().unwrap_or_default()).copied();
        let (began_us, ended_us) = (self.now_us, self.now_us + TAKES_US);
        let report = |exit: i32, output: &str, pipe: Vec<i32>| CommandReport {
            exit,
            pipe,
            output: output.to_owned(),
            output_bytes: output.len() as u64,
            own_words: false,
            began_us,
            ended_us,
        };
        match comes.unwrap_or(Comes::Ends(0, "")) {
            Comes::Ends(exit, output) => {
                self.say(TAKES_US, Happened::CommandEnded { report: report(exit, output, vec![exit]) });
            }
            Comes::EndsShell(exit) => self.say(TAKES_US, Happened::ShellEnded { report: report(exit, "", vec![]) }),
            Comes::Ready => {
                self.say(TAKES_US, Happened::CommandEnded { report: report(0, "", vec![0]) });
                let sample = Sample { outcome: ProbeOutcome::Status(200), latency_us: 900 };
                self.say(TAKES_US + 2_000_000, Happened::ProbeChanged { sample });
            }
            Comes::Never => {}
        }
        if let Some(words) = text.strip_prefix("page ").and_then(shlex::split)
            && let [severity, key, reason, evidence] = words.as_slice()
        {
            let (severity, key) = (severity.clone(), key.clone());
            let page = Page { key, severity, reason: reason.clone(), evidence: evidence.clone() };
            self.say(TAKES_US / 2, Happened::Paged { to: ON_CALL_LEAD.to_owned(), page });
        }
    }
}

impl Host for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn now_us(&self) -> u64 {
        self.now_us
    }

    fn ask(&mut self, request: &Request) -> Result<(), HostError> {
        let told = |text: &str| self.answers.iter().find(|(part, _)| text.contains(part)).map(|(_, what)| what.clone());
        let answer = match request {
            Request::Run { text } => {
                self.run(text);
                return Ok(());
            }
            Request::OpenShell { .. } => Some(Happened::ShellOpened),
            Request::KillShell => Some(Happened::ShellKilled { gone: true, output: String::new(), began_us: None }),
            Request::SeeRecords { .. } => Some(Happened::RecordsSeen { running_version: None, files: vec![] }),
            Request::HoldInvoke { .. } => Some(self.held.clone()),
            Request::SeeFiring { .. } => {
                let told = self.firing.front().cloned();
                if self.firing.len() > 1 {
                    self.firing.pop_front();
                }
                told
            }
            Request::SeeUpstream => {
                Some(Happened::UpstreamSeen { outcome: ProbeOutcome::Status(503), retry_after: None })
            }
            Request::SeeMachine => {
                let (machine, healthz) = self.seen.clone();
                Some(Happened::MachineSeen { machine, healthz, build_info: None })
            }
            Request::RunAsRoot { text, .. } | Request::ReadFile { path: text } | Request::Glob { pattern: text } => {
                told(text)
            }
            _ => None,
        };
        if let Some(answer) = answer {
            self.say(self.answers_after_us, answer);
        }
        Ok(())
    }

    fn next(&mut self, until_us: u64) -> Result<Option<Report>, HostError> {
        match self.due.front() {
            Some(report) if report.at_us <= until_us => {
                self.now_us = self.now_us.max(report.at_us);
                Ok(self.due.pop_front())
            }
            _ => {
                self.now_us = self.now_us.max(until_us);
                Ok(None)
            }
        }
    }
}

/// A record in memory.
#[derive(Debug, Default)]
pub struct Kept {
    /// Events.
    pub events: Vec<Event>,
    /// Captures: item, name, text.
    pub captures: Vec<(String, String, String)>,
}

impl Record for Kept {
    fn event(&mut self, at_us: u64, what: What) -> Result<u64, DriveError> {
        let n = self.events.len() as u64 + 1;
        self.events.push(Event { n, at_us, what });
        Ok(n)
    }

    fn capture(&mut self, item: &str, name: &str, text: &str) -> Result<(), DriveError> {
        self.captures.push((item.to_owned(), name.to_owned(), text.to_owned()));
        Ok(())
    }

    fn events(&self) -> &[Event] {
        &self.events
    }
}

impl Kept {
    /// What `pick` finds, in order.
    pub fn find<T>(&self, pick: impl Fn(&What) -> Option<T>) -> Vec<T> {
        self.events.iter().filter_map(|event| pick(&event.what)).collect()
    }
}

/// A command of one class that stands in the text.
pub fn command(text: &str, class: Class) -> Command {
    Command {
        line: 1,
        text: text.to_owned(),
        classes: vec![class],
        origin: Origin::Literal,
        pipeline_parts: 1 + text.matches(" | ").count(),
        should_print: None,
    }
}

/// Everything that a drill on a scripted host is made of.
#[derive(Debug)]
pub struct Scene {
    /// What to do: the words of the procedure and of the failure path.
    pub procedure: Procedure,
    /// Who does it.
    pub operator: Operator,
    /// The machine; nothing of it is asked but ceilings and captures.
    pub topology: Topology,
    /// What is confirmed first.
    pub confirm: Option<Confirm>,
    /// Faults that begin in the middle.
    pub later: Vec<Later>,
}

impl Scene {
    /// A procedure of these commands in one step; the failure path is `look`, then `halt`, then `root-halt`.
    pub fn of(commands: &[(&str, Class)]) -> Scene {
        let plan = sample::plan();
        let stop = [("halt", Origin::Literal), ("root-halt", Origin::Supplied { stands_for: "halt".into() })];
        let stop = stop.map(|(text, origin)| Command { origin, ..command(text, Class::Stop) });
        let folder = workspace::locate(std::path::Path::new(env!("CARGO_MANIFEST_DIR")));
        let procedure = Procedure {
            topology: "sample".into(),
            section: "S".into(),
            line: 1,
            folder: None,
            steps: vec![Step {
                id: "S1".into(),
                title: String::new(),
                line: 1,
                commands: commands.iter().map(|(text, class)| command(text, *class)).collect(),
            }],
            verification: vec![],
            failure: FailurePath {
                diagnose: vec![command("look", Class::Diagnose)],
                stop: stop.to_vec(),
                page: command("page {severity} {key} {reason} {evidence}", Class::Page),
                incompatible_state: vec!["mismatch".into()],
                diagnose_is_blind: false,
                stop_is_blind: false,
            },
            requirements: vec![],
            captures: BTreeMap::new(),
            claims: plan.claims,
            findings: vec![],
        };
        let topology = topology::load(&folder.join("scenarios/topologies/documented"), "systemd").unwrap();
        Scene { procedure, operator: Operator::Careful, topology, confirm: None, later: vec![] }
    }

    /// Plays a part of a drill, and gives back what was written.
    pub fn play<T>(&self, host: &mut Scripted, part: impl Fn(&mut Desk<'_>, &Drill<'_>) -> T) -> (T, Kept) {
        let mut plan = sample::plan();
        plan.operator = self.operator;
        let (procedure, topology) = (&self.procedure, &self.topology);
        let drill = Drill {
            plan: &plan,
            procedure,
            topology,
            create_to_answer_ms: 0,
            applied: vec![],
            later: &self.later,
            decision: None,
            confirm: self.confirm.as_ref(),
            trapping_tenants: 0,
            monitoring: None,
        };
        let mut kept = Kept::default();
        kept.event(0, What::DrillBegan { plan: Box::new(plan.clone()) }).unwrap();
        let came = part(&mut Desk::new(host, &mut kept), &drill);
        (came, kept)
    }
}
