//! Reports to the harness: JSON lines on stdout, in the order of their times.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::now_us;
use crate::protocol::{Happened, Report};

/// Where reports go. Clones write to the same place.
#[derive(Clone)]
pub struct Reports {
    sink: Arc<Mutex<Box<dyn Write + Send>>>,
}

impl std::fmt::Debug for Reports {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Reports")
    }
}

impl Reports {
    /// Reports into `sink`.
    pub fn new(sink: impl Write + Send + 'static) -> Reports {
        Reports { sink: Arc::new(Mutex::new(Box::new(sink))) }
    }

    /// Says what happened. The time is taken under the lock, so that lines are in the order of their times.
    /// A harness that no longer reads has died; the lease ends this host, so a failed write is not reported anywhere.
    pub fn say(&self, what: Happened) {
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        let report = Report { at_us: now_us(), what };
        if let Ok(mut line) = serde_json::to_vec(&report) {
            line.push(b'\n');
            let _ = sink.write_all(&line).and_then(|()| sink.flush());
        }
    }

    /// Says that something could not be done.
    pub fn trouble(&self, message: impl Into<String>) {
        self.say(Happened::Trouble { message: message.into() });
    }
}
