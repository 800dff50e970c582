//! The parts of the binary that touch the machine.

use std::io::Write;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

pub mod connection;
pub mod observer;
pub mod server;
pub mod state_dir;

/// The clocks of this process: the model's microseconds count from its start.
#[derive(Clone, Copy)]
pub struct Clock {
    started: Instant,
    /// Wall clock at the start, in microseconds since 1970.
    pub epoch_unix_us: i64,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the process round the model: here is where time comes in")]
    pub fn start() -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), epoch_unix_us: i64::try_from(since_1970.as_micros()).unwrap_or(0) }
    }

    /// Microseconds since the start.
    pub fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// That time as an instant.
    pub fn instant(&self, us: u64) -> Option<Instant> {
        self.started.checked_add(std::time::Duration::from_micros(us))
    }
}

/// A line to stdout. A log nobody reads any more must not end the node, so what fails is dropped.
pub fn say(line: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

/// A line to stderr.
pub fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
