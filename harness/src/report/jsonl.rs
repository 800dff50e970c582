//! `jsonl`: a header line, one line per drill as it ends, and a last line with planned and done, so that a run that was
//! cut off is seen to be. All else goes to stderr.

use serde::Serialize;

use super::sink::{Output, Sink};
use super::{DrillReport, Reporter, RunBegan};
use crate::history::event::{Event, Plan};

struct JsonLines<'a> {
    out: Sink<'a>,
    log: Sink<'a>,
    planned: Option<usize>,
}

#[derive(Serialize)]
struct Last {
    planned: usize,
    done: usize,
}

pub(super) fn reporter<'a>(output: Output<'a>) -> Box<dyn Reporter + 'a> {
    let log = Sink::new(output.log, output.terminal.stderr);
    Box::new(JsonLines { out: Sink::new(output.out, false), log, planned: None })
}

impl JsonLines<'_> {
    fn put<T: Serialize>(&mut self, value: &T) {
        self.log.clear();
        match serde_json::to_string(value) {
            Ok(line) => self.out.line(&line),
            Err(error) => self.out.fail(error.into()),
        }
    }
}

impl Reporter for JsonLines<'_> {
    fn run_began(&mut self, run: &RunBegan) {
        self.planned = Some(run.planned);
        self.put(run);
    }

    fn progress(&mut self, line: &str) {
        self.log.progress(line);
    }

    fn drill_began(&mut self, _: usize, _: &Plan) {}

    fn event(&mut self, _: &Event) {}

    fn drill_ended(&mut self, drill: &DrillReport) {
        self.put(drill);
    }

    fn run_ended(&mut self, done: usize) {
        if let Some(planned) = self.planned {
            self.put(&Last { planned, done });
        }
    }

    fn take_error(&mut self) -> Option<std::io::Error> {
        self.out.take_error()
    }
}
