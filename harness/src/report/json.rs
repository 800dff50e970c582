//! `json`: stdout is exactly one document, written when the run is over; all else goes to stderr.

use serde::Serialize;

use super::sink::{Output, Sink};
use super::{DrillReport, Reporter, RunBegan};
use crate::history::event::{Event, Plan};

struct Json<'a> {
    out: Sink<'a>,
    log: Sink<'a>,
    run: Option<RunBegan>,
    drills: Vec<DrillReport>,
}

#[derive(Serialize)]
struct Document<'d> {
    schema: u32,
    harness: &'d str,
    seed: &'d str,
    runbook: &'d str,
    drills: &'d [DrillReport],
}

pub(super) fn reporter<'a>(output: Output<'a>) -> Box<dyn Reporter + 'a> {
    let log = Sink::new(output.log, output.terminal.stderr);
    Box::new(Json { out: Sink::new(output.out, false), log, run: None, drills: Vec::new() })
}

impl Reporter for Json<'_> {
    fn run_began(&mut self, run: &RunBegan) {
        self.run = Some(run.clone());
    }

    fn progress(&mut self, line: &str) {
        self.log.progress(line);
    }

    fn drill_began(&mut self, _: usize, _: &Plan) {}

    fn event(&mut self, _: &Event) {}

    fn drill_ended(&mut self, drill: &DrillReport) {
        self.drills.push(drill.clone());
    }

    /// A run that never began leaves stdout empty: there is nothing that a document could say.
    fn run_ended(&mut self, _: usize) {
        self.log.clear();
        if let Some(run) = &self.run {
            let RunBegan { schema, harness, seed, runbook, .. } = run;
            let document = Document { schema: *schema, harness, seed, runbook, drills: &self.drills };
            match serde_json::to_string_pretty(&document) {
                Ok(document) => self.out.line(&document),
                Err(error) => self.out.fail(error.into()),
            }
        }
    }

    fn take_error(&mut self) -> Option<std::io::Error> {
        self.out.take_error()
    }
}
