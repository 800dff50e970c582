//! Which requests reached the node when, so that its counters can be held against what was sent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::now_us;
use crate::http::Answer;
use crate::protocol::ProbeOutcome;

/// Requests remembered: at 24 a second and a probe every 50 ms, more than ten minutes.
const ENTRIES_MAX: usize = 32_768;

/// What a request asks the node for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// To run a function.
    Invoke,
    /// Anything else, such as a probe.
    Other,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    began_us: u64,
    asks: Asks,
    end: End,
}

/// Until when the node can have had a request in hand.
#[derive(Debug, Clone, Copy)]
enum End {
    /// Nobody knows: it is in flight, or it ended without a status, and the node may count it at any later time.
    Unknown,
    /// Somebody answered for it then, microseconds; `ok` with a 200.
    At { ended_us: u64, ok: bool },
}

#[derive(Debug, Default)]
struct Entries {
    kept: VecDeque<Entry>,
    /// How many were dropped from the front of `kept` for room: a request's number less this is its place.
    dropped: u64,
    /// Of the dropped ones, invokes whose end was unknown then. They stay counted, or the upper bound would be none.
    dropped_unknown_invokes: u64,
}

/// A bounded record of requests, each written down before it is sent. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    entries: Arc<Mutex<Entries>>,
}

/// Requests between two moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Between {
    /// Invokes begun after the first and answered 200 before the second.
    pub invokes_least: u64,
    /// Invokes that the node can have had in hand at any time between them, whatever became of them. One that has not
    /// ended, or that ended without a status, is one of them for ever.
    pub invokes_most: u64,
    /// Requests of any kind begun after the first and answered 200 before the second.
    pub requests_least: u64,
}

impl Ledger {
    /// Sends a request, and writes it down: that it began before it is sent, and what became of it after that.
    /// Whoever counts meanwhile finds it as one in flight.
    pub fn record(&self, asks: Asks, send: impl FnOnce() -> Answer) -> Answer {
        let number = self.open(now_us(), asks);
        let answer = send();
        self.close(number, answer.ended_us(), &answer.sample.outcome);
        answer
    }

    /// The number of the request, by which it is closed.
    fn open(&self, began_us: u64, asks: Asks) -> u64 {
        let mut entries = self.lock();
        if entries.kept.len() == ENTRIES_MAX {
            let unknown_invoke = entries
                .kept
                .pop_front()
                .is_some_and(|entry| entry.asks == Asks::Invoke && matches!(entry.end, End::Unknown));
            entries.dropped += 1;
            entries.dropped_unknown_invokes += u64::from(unknown_invoke);
        }
        entries.kept.push_back(Entry { began_us, asks, end: End::Unknown });
        entries.dropped + entries.kept.len() as u64 - 1
    }

    fn close(&self, number: u64, ended_us: u64, outcome: &ProbeOutcome) {
        // Without a status nobody has said that the node is done with it.
        if !matches!(outcome, ProbeOutcome::Status(_)) {
            return;
        }
        let mut entries = self.lock();
        let place = number.checked_sub(entries.dropped).and_then(|place| usize::try_from(place).ok());
        if let Some(entry) = place.and_then(|place| entries.kept.get_mut(place)) {
            entry.end = End::At { ended_us, ok: outcome.is_ok() };
        }
    }

    /// Counts between two fetches, each with the times at which it began and ended, in microseconds.
    pub fn between(&self, first: (u64, u64), second: (u64, u64)) -> Between {
        let entries = self.lock();
        let mut between =
            Between { invokes_least: 0, invokes_most: entries.dropped_unknown_invokes, requests_least: 0 };
        for entry in &entries.kept {
            let (inside, overlaps) = match entry.end {
                End::Unknown => (false, entry.began_us <= second.1),
                End::At { ended_us, ok } => (
                    ok && entry.began_us >= first.1 && ended_us <= second.0,
                    entry.began_us <= second.1 && ended_us >= first.0,
                ),
            };
            let invoke = entry.asks == Asks::Invoke;
            between.requests_least += u64::from(inside);
            between.invokes_least += u64::from(inside && invoke);
            between.invokes_most += u64::from(overlaps && invoke);
        }
        between
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Sample;

    const FIRST: (u64, u64) = (50, 100);
    const SECOND: (u64, u64) = (200, 250);

    fn ended(ledger: &Ledger, asks: Asks, (began_us, ended_us): (u64, u64), outcome: &ProbeOutcome) {
        let number = ledger.open(began_us, asks);
        ledger.close(number, ended_us, outcome);
    }

    fn answered(ledger: &Ledger, asks: Asks, times_us: (u64, u64), status: u16) {
        ended(ledger, asks, times_us, &ProbeOutcome::Status(status));
    }

    #[test]
    fn least_counts_only_what_lies_inside_and_most_all_that_overlaps() {
        let ledger = Ledger::default();
        answered(&ledger, Asks::Invoke, (10, 40), 200); // over before the first fetch
        answered(&ledger, Asks::Invoke, (90, 110), 200); // begun before the first fetch ended
        answered(&ledger, Asks::Invoke, (110, 120), 200); // inside
        answered(&ledger, Asks::Invoke, (120, 130), 500); // inside, but not handled well
        answered(&ledger, Asks::Other, (130, 140), 200); // inside, a probe
        answered(&ledger, Asks::Invoke, (190, 210), 200); // answered after the second fetch began
        answered(&ledger, Asks::Invoke, (300, 310), 200); // later
        let between = ledger.between(FIRST, SECOND);
        assert_eq!(between, Between { invokes_least: 1, invokes_most: 4, requests_least: 2 });
    }

    #[test]
    fn an_invoke_in_flight_is_one_that_the_node_may_have_counted() {
        let ledger = Ledger::default();
        let answer = ledger.record(Asks::Invoke, || {
            let now = now_us();
            let between = ledger.between((0, 0), (now, now));
            assert_eq!(between, Between { invokes_least: 0, invokes_most: 1, requests_least: 0 });
            let sample = Sample { outcome: ProbeOutcome::Status(200), latency_us: now_us().saturating_sub(now) };
            Answer { sample, body: Vec::new(), retry_after: None, began_us: now }
        });
        let between = ledger.between((0, 0), (answer.ended_us(), answer.ended_us()));
        assert_eq!(between, Between { invokes_least: 1, invokes_most: 1, requests_least: 1 });
    }

    #[test]
    fn one_that_is_sent_after_the_second_fetch_was_not_counted_by_it() {
        let ledger = Ledger::default();
        ledger.open(251, Asks::Invoke);
        let between = ledger.between(FIRST, SECOND);
        assert_eq!(between, Between { invokes_least: 0, invokes_most: 0, requests_least: 0 });
    }

    #[test]
    fn without_a_status_nobody_knows_when_the_node_was_done_with_it() {
        let ledger = Ledger::default();
        for outcome in [
            ProbeOutcome::TimedOut,
            ProbeOutcome::Reset,
            ProbeOutcome::Refused,
            ProbeOutcome::Garbage("no HTTP".to_owned()),
        ] {
            ended(&ledger, Asks::Invoke, (10, 40), &outcome); // given up before the first fetch
            ended(&ledger, Asks::Invoke, (110, 120), &outcome);
            ended(&ledger, Asks::Other, (110, 120), &outcome);
        }
        let between = ledger.between(FIRST, SECOND);
        assert_eq!(between, Between { invokes_least: 0, invokes_most: 8, requests_least: 0 });
    }

    #[test]
    fn what_is_dropped_for_room_does_not_lower_the_upper_bound() {
        let ledger = Ledger::default();
        let held = ledger.open(1, Asks::Invoke);
        answered(&ledger, Asks::Invoke, (2, 3), 200);
        for _ in 0..ENTRIES_MAX {
            answered(&ledger, Asks::Other, (110, 120), 200);
        }
        let wanted = Between { invokes_least: 0, invokes_most: 1, requests_least: ENTRIES_MAX as u64 };
        assert_eq!(ledger.between(FIRST, SECOND), wanted);
        // Its end comes too late to be written down, and must not be written to another's name.
        ledger.close(held, 130, &ProbeOutcome::Status(500));
        assert_eq!(ledger.between(FIRST, SECOND), wanted);
        assert_eq!(ledger.lock().kept.len(), ENTRIES_MAX);
    }
}
