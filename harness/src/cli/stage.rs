//! Between a run and its reporter: numbers drills, counts what they came to.

use crate::bundle::Finished;
use crate::exit::ExitStatus;
use crate::history::event::{Event, Plan};
use crate::report::{DrillReport, Reporter, RunBegan};
use crate::run::Audience;

/// Tells a reporter what a run does, and knows in the end how the program is to exit.
pub struct Stage<'a> {
    reporter: &'a mut dyn Reporter,
    begun: usize,
    done: usize,
    status: ExitStatus,
}

impl<'a> Stage<'a> {
    /// Before a run.
    pub fn new(reporter: &'a mut dyn Reporter) -> Stage<'a> {
        Stage { reporter, begun: 0, done: 0, status: ExitStatus::Conforms }
    }

    /// The run begins; call it when all input has been found usable.
    pub fn run_began(&mut self, run: &RunBegan) {
        self.reporter.run_began(run);
    }

    /// The run is over or given up. Returns what the drills came to; a run without a drill is never a success.
    pub(super) fn run_ended(&mut self) -> ExitStatus {
        self.reporter.run_ended(self.done);
        if self.done == 0 { ExitStatus::Harness } else { self.status }
    }
}

impl Audience for Stage<'_> {
    fn progress(&mut self, line: &str) {
        self.reporter.progress(line);
    }

    fn drill_began(&mut self, plan: &Plan) {
        self.begun += 1;
        self.reporter.drill_began(self.begun, plan);
    }

    fn event(&mut self, event: &Event) {
        self.reporter.event(event);
    }

    fn drill_ended(&mut self, finished: &Finished, duration_ms: u64, rerun: &str) {
        let report = DrillReport::of(finished, duration_ms, rerun);
        self.done += 1;
        self.status = self.status.and(report.status());
        self.reporter.drill_ended(&report);
    }
}
