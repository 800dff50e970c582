//! `text`: for a person. Each command as it ends, with its runbook line, exit status and time; then what was judged.
//! The first line names version and seed; the last line of a drill that does not conform repeats it.

use super::sink::{Output, Sink, Terminal};
use super::summary::{self, Paint, paint, shortened};
use super::{DrillReport, Reporter, RunBegan};
use crate::bundle::story;
use crate::exit::ExitStatus;
use crate::history::event::{Event, Plan, What};
use crate::history::read::History;
use crate::judge::command::CommandRun;
use crate::judge::facts::Facts;

/// Where notes and remarks begin: after the time.
const BEFORE_NOTE: usize = 9 + 2 + 2;

/// Everything of a command's line before its text: time, step, line, exit, took, and the gaps.
const BEFORE_COMMAND: usize = 9 + 2 + 4 + 1 + 4 + 2 + 6 + 1 + 8 + 2;

struct Text<'a> {
    out: Sink<'a>,
    terminal: Terminal,
    planned: usize,
    /// The drill's events so far: a command's line needs both of its events.
    history: History,
    ended: Vec<(String, ExitStatus, String)>,
}

pub(super) fn reporter<'a>(output: Output<'a>) -> Box<dyn Reporter + 'a> {
    let terminal = output.terminal;
    let history = History { events: Vec::new(), cut: None };
    let out = Sink::new(output.out, terminal.stdout);
    Box::new(Text { out, terminal, planned: 0, history, ended: Vec::new() })
}

impl Text<'_> {
    fn paint(&self, how: Paint, text: &str) -> String {
        paint(self.terminal.stdout && self.terminal.colour, how, text)
    }

    fn repeat(&mut self, rerun: &str) {
        self.out.line("");
        self.out.line("repeat it with");
        self.out.line(rerun);
    }

    fn command(&mut self, n: u64) {
        let Some(facts) = Facts::of(&self.history) else { return };
        let Some(run) = facts.commands.iter().find(|run| run.n_over == Some(n) || run.n == n) else { return };
        let Some(now) = self.history.events.last() else { return };
        let row = self.row(run, now.at_us);
        if run.n_over != Some(n) {
            return self.out.passing(&row);
        }
        let remarks = story::remarks(run);
        self.out.line(&row);
        let width = self.terminal.width.saturating_sub(BEFORE_NOTE + 5);
        for remark in remarks {
            self.out.line(&format!("{:BEFORE_NOTE$}   | {}", "", shortened(&remark, width)));
        }
    }

    fn row(&self, run: &CommandRun<'_>, at_us: u64) -> String {
        let time = story::time(at_us);
        let (status, how) = match (run.n_over, run.clean()) {
            (None, _) => ("runs".into(), Paint::Quiet),
            (Some(_), true) => (story::exit(run), Paint::Good),
            (Some(_), false) => (story::exit(run), if run.failed() { Paint::Bad } else { Paint::Warn }),
        };
        let took = run.duration_us().map(story::took).unwrap_or_default();
        let origin = story::origin(run.origin).map(|origin| format!("[{origin}] ")).unwrap_or_default();
        let width = self.terminal.width.saturating_sub(BEFORE_COMMAND);
        let text = shortened(&format!("{origin}{}", story::one_line(run.text)), width);
        let status = self.paint(how, &format!("{status:<6}"));
        format!("{time:>9}  {:<4} {:>4}  {status} {took:>8}  {text}", run.command.step, run.line)
    }
}

impl Reporter for Text<'_> {
    fn run_began(&mut self, run: &RunBegan) {
        self.planned = run.planned;
        self.out.line(&format!("rollback-drill {}, seed {}", run.harness, run.seed));
        let drills = if run.planned == 1 { "1 drill".into() } else { format!("{} drills", run.planned) };
        self.out.line(&format!("runbook {}, {drills}", run.runbook));
    }

    fn progress(&mut self, line: &str) {
        self.out.progress(&format!("... {}", story::printable(line)));
    }

    fn drill_began(&mut self, number: usize, plan: &Plan) {
        self.history = History { events: Vec::new(), cut: None };
        // The plan of a stored drill can come from anybody.
        let shown = story::printable;
        let (scenario, topology, operator) = (&plan.scenario, &plan.topology, plan.operator.as_str());
        let title = format!("drill {number} of {}: {scenario} on {topology}, {operator} operator", self.planned);
        let (bad, good, trigger) = (&plan.bad.version, &plan.good.version, &plan.trigger);
        let id: String = plan.id.chars().take(8).collect();
        self.out.line("");
        self.out.line(&self.paint(Paint::Strong, &shown(&title)));
        self.out.line(&shown(&format!("  v{bad} back to v{good}, triggered by {trigger}")));
        self.out.line(&shown(&format!("  {} host, {} profile, id {id}", plan.host, plan.profile)));
        self.out.line("");
        let head = format!("{:>9}  {:<4} {:>4}  {:<6} {:>8}  command", "seconds", "step", "line", "exit", "took");
        self.out.line(&self.paint(Paint::Quiet, &head));
    }

    fn event(&mut self, event: &Event) {
        let news = story::news(&self.history.events, &event.what);
        self.history.events.push(event.clone());
        match &event.what {
            What::BlockBegan { block } => {
                self.out.line(&self.paint(Paint::Strong, &format!("{:11}{}", "", story::block(*block))));
            }
            What::CommandBegan { .. } | What::CommandEnded { .. } | What::CommandKilled { .. } => self.command(event.n),
            _ => {
                if let Some(note) = news {
                    let note = shortened(&note, self.terminal.width.saturating_sub(BEFORE_NOTE));
                    let line = format!("{:>9}  - {note}", story::time(event.at_us));
                    self.out.line(&self.paint(Paint::Quiet, &line));
                }
            }
        }
    }

    fn drill_ended(&mut self, drill: &DrillReport) {
        let colour = self.terminal.stdout && self.terminal.colour;
        for line in summary::lines(drill, self.terminal.width, colour) {
            self.out.line(&line);
        }
        let name = format!("{} on {}, {}: {}", drill.scenario, drill.topology, drill.operator.as_str(), drill.ending());
        self.ended.push((name, drill.status(), drill.rerun.clone()));
        if !drill.conforms {
            self.repeat(&drill.rerun);
        }
    }

    /// Of several drills each is named again, and the last line repeats the first one that failed, or else is inconclusive.
    fn run_ended(&mut self, done: usize) {
        self.out.clear();
        let several = self.planned > 1 || done < self.planned;
        if !several || self.planned == 0 {
            return;
        }
        self.out.line("");
        self.out.line(&self.paint(Paint::Strong, &format!("{done} of {} drills done", self.planned)));
        let ended = std::mem::take(&mut self.ended);
        for (name, status, _) in &ended {
            let (word, how) = match status {
                ExitStatus::Conforms => ("conforms", Paint::Good),
                ExitStatus::Inconclusive => ("inconclusive", Paint::Warn),
                _ => ("does not conform", Paint::Bad),
            };
            let word = self.paint(how, &format!("{word:<16}"));
            self.out.line(&format!("  {word}  {name}"));
        }
        let worst = ended.iter().fold(ExitStatus::Conforms, |all, (_, status, _)| all.and(*status));
        let first = ended.iter().find(|(_, status, _)| *status == worst);
        if let Some((_, _, rerun)) = first.filter(|_| worst != ExitStatus::Conforms) {
            self.repeat(rerun);
        }
    }

    fn take_error(&mut self) -> Option<std::io::Error> {
        self.out.take_error()
    }
}
