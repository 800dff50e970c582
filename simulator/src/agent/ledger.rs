//! Which requests reached the node when, so that its counters can be held against what was sent; as
//! operator-agent/src/ledger.rs, with one entry for many probes.

use std::collections::VecDeque;

use crate::time::Us;

/// Entries kept: at 24 requests a second, more than the longest measurement takes.
const ENTRIES_MAX: usize = 4096;

/// Until when the node can have had a request in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Nobody knows: it is in flight, or it ended without a status.
    Unknown,
    /// Somebody answered for it then; `ok` with a 200.
    At { ended: Us, ok: bool },
}

#[derive(Debug, Clone, Copy)]
enum Entry {
    One {
        began: Us,
        invoke: bool,
        end: End,
    },
    /// Probes that were all answered 200, each after `latency`.
    Probes {
        first: Us,
        period: Us,
        count: u64,
        latency: Us,
    },
}

/// The record.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    kept: VecDeque<Entry>,
    /// How many were dropped from the front.
    dropped: u64,
    /// Of the dropped ones, invokes whose end was unknown then.
    dropped_unknown_invokes: u64,
}

/// Requests between two moments; the fields of `Happened::MetricsFetched`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Between {
    /// Invokes begun after the first and answered 200 before the second.
    pub invokes_least: u64,
    /// Invokes that the node can have had in hand at any time between them.
    pub invokes_most: u64,
    /// Requests of any kind begun after the first and answered 200 before the second.
    pub requests_least: u64,
}

impl Ledger {
    /// A request begins; its number, by which it is closed.
    pub fn open(&mut self, began: Us, invoke: bool) -> u64 {
        self.push(Entry::One { began, invoke, end: End::Unknown });
        self.dropped + self.kept.len() as u64 - 1
    }

    /// It was answered: with this status, or with none.
    pub fn close(&mut self, number: u64, ended: Us, status: Option<u16>) {
        let place = number.checked_sub(self.dropped).and_then(|place| usize::try_from(place).ok());
        if let (Some(status), Some(Entry::One { end, .. })) = (status, place.and_then(|place| self.kept.get_mut(place)))
        {
            *end = End::At { ended, ok: status == 200 };
        }
    }

    /// An invoke that is over.
    pub fn invoke(&mut self, began: Us, ended: Us, status: Option<u16>) {
        let end = status.map_or(End::Unknown, |status| End::At { ended, ok: status == 200 });
        self.push(Entry::One { began, invoke: true, end });
    }

    /// So many probes, from `first` on.
    pub fn probes(&mut self, first: Us, period: Us, count: u64, latency: Us) {
        if count > 0 {
            self.push(Entry::Probes { first, period, count, latency });
        }
    }

    fn push(&mut self, entry: Entry) {
        if self.kept.len() == ENTRIES_MAX {
            let unknown = matches!(self.kept.pop_front(), Some(Entry::One { invoke: true, end: End::Unknown, .. }));
            self.dropped += 1;
            self.dropped_unknown_invokes += u64::from(unknown);
        }
        self.kept.push_back(entry);
    }

    /// Counts between two fetches, each with the times at which it began and ended.
    pub fn between(&self, first: (Us, Us), second: (Us, Us)) -> Between {
        let mut between = Between { invokes_least: 0, invokes_most: self.dropped_unknown_invokes, requests_least: 0 };
        for entry in &self.kept {
            match *entry {
                Entry::One { began, invoke, end } => {
                    let (inside, overlaps) = match end {
                        End::Unknown => (false, began <= second.1),
                        End::At { ended, ok } => {
                            (ok && began >= first.1 && ended <= second.0, began <= second.1 && ended >= first.0)
                        }
                    };
                    between.requests_least += u64::from(inside);
                    between.invokes_least += u64::from(inside && invoke);
                    between.invokes_most += u64::from(overlaps && invoke);
                }
                Entry::Probes { first: at, period, count, latency } => {
                    // The number of them that begin before a time.
                    let begun = |time: Us| time.saturating_sub(at).div_ceil(period.max(1)).min(count);
                    let ended = (second.0 + 1).checked_sub(latency).map_or(0, begun);
                    between.requests_least += ended.saturating_sub(begun(first.1));
                }
            }
        }
        between
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_between_two_fetches_is_counted_as_the_real_agent_counts_it() {
        let mut ledger = Ledger::default();
        ledger.invoke(90, 95, Some(200)); // in hand during the first fetch
        ledger.invoke(101, 110, Some(200));
        ledger.invoke(120, 130, Some(500));
        ledger.invoke(195, 205, Some(200)); // in hand during the second
        ledger.invoke(300, 310, Some(200));
        ledger.invoke(10, 20, Some(200));
        let open = ledger.open(30, true);
        ledger.probes(40, 25, 8, 3); // 40, 65, 90, 115, 140, 165, 190, 215
        let counted = |ledger: &Ledger| {
            let between = ledger.between((50, 100), (200, 250));
            (between.invokes_least, between.invokes_most, between.requests_least)
        };
        assert_eq!(counted(&ledger), (1, 5, 1 + 4));
        ledger.close(open, 45, Some(200));
        assert_eq!(counted(&ledger), (1, 4, 5));
        ledger.close(open, 45, None);
        assert_eq!(counted(&ledger), (1, 4, 5));
    }

    #[test]
    fn an_end_that_nobody_knows_is_counted_for_ever() {
        let mut ledger = Ledger::default();
        ledger.open(1, true);
        for at in 0..5000 {
            ledger.invoke(at, at, Some(200));
        }
        assert_eq!(ledger.between((10_000, 10_001), (10_002, 10_003)).invokes_most, 1);
        assert_eq!(ledger.kept.len(), ENTRIES_MAX);
    }
}
