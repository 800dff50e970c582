//! The agent's clock: monotonic microseconds since it began. Every time in a History of a container host is one of these.
#![expect(
    clippy::disallowed_methods,
    reason = "the agent runs on a real machine; this module is where its clock is read"
)]

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

static BEGAN: OnceLock<(Instant, SystemTime)> = OnceLock::new();

fn began() -> &'static (Instant, SystemTime) {
    BEGAN.get_or_init(|| (Instant::now(), SystemTime::now()))
}

/// Microseconds since the first call.
pub fn now_us() -> u64 {
    u64::try_from(began().0.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// A file's time on this clock; times before the agent began are 0.
pub fn of_system_time(time: SystemTime) -> u64 {
    time.duration_since(began().1).map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

/// A time of another program on this machine on this clock; below 0 where it was before the agent began.
pub fn of_wall_time(time: SystemTime) -> i64 {
    let whole = |since: Duration| i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
    match time.duration_since(began().1) {
        Ok(since) => whole(since),
        Err(before) => whole(before.duration()).saturating_neg(),
    }
}

/// Milliseconds since 1970 by the machine's clock: what others on it write their times in.
pub fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Paces a loop: observers look at intervals, they do not wait for anything to happen.
pub fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// A point in time to give up at.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(u64);

impl Deadline {
    /// This far from now.
    pub fn after(duration: Duration) -> Deadline {
        Deadline(now_us().saturating_add(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)))
    }

    /// Whether it is over.
    pub fn passed(self) -> bool {
        now_us() >= self.0
    }

    /// What is left of it.
    pub fn left(self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(now_us()))
    }
}
