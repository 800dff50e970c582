//! Series and their samples.
//!
//! A copy shares what has been settled with its original and has only its own newest samples besides. So whoever makes
//! many copies of a store calls [`Store::settle`] first: then a copy costs some reference counts.
//!
//! With each sample of a series stands what resets of the counter took away up to it, and samples are found by binary
//! search. So a `rate` costs the same whatever its window.

mod catalog;
mod handle;
mod series;

use std::sync::{Arc, Weak};

use crate::expr::Selector;
use crate::labels::Labels;
use catalog::Catalog;
pub use handle::SeriesId;
use series::Chunk;
pub(crate) use series::{Sample, Series};

/// Bits of the value by which Prometheus marks that a series has ended. It is a NaN, and not the one of arithmetic.
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// How long an instant selector looks back, if nobody says otherwise: Prometheus' `--query.lookback-delta`, 5 minutes.
pub const LOOKBACK_MS: u64 = 300_000;

/// Series of one store. More are not taken.
pub const SERIES_MAX: usize = 100_000;
/// Samples of one series. More are not taken; at one in 15 seconds that is over a year.
pub const SAMPLES_MAX: usize = 4_000_000;

/// Whose arithmetic is followed where versions of Prometheus differ. Both are what a Debian has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// 2.53, in Debian 13 and so in operator hosts. Since 2.52 `rate` holds the way to a counter's zero against the
    /// distance that it has already cut down (prometheus#13725), and since 2.49 `histogram_quantile` takes buckets
    /// for equal that differ by less than a part in 10^12.
    #[default]
    V2_53,
    /// 2.42, in Debian 12: neither.
    V2_42,
}

/// Series with their samples, and how they are looked at.
#[derive(Clone, Debug)]
pub struct Store {
    /// How long an instant selector looks back. Divide it when rules are scaled.
    pub lookback_ms: u64,
    /// Whose arithmetic is followed.
    pub engine: Engine,
    catalog: Arc<Catalog>,
    /// What is shared, by series.
    past: Arc<Vec<Vec<Arc<Chunk>>>>,
    /// When each series ended; ends are few.
    ends: Arc<Vec<Vec<i64>>>,
    /// Behind the past, by series.
    tails: Vec<Chunk>,
}

/// Which series a store had at some time. Weak: a store that is the only one to have its catalog moves it away from here when
/// it adds to it, and this keeps the place, so no other catalog is ever taken for it.
#[derive(Clone, Debug)]
pub(crate) struct KnownSeries(Weak<Catalog>);

impl Default for Store {
    fn default() -> Store {
        Store::new(LOOKBACK_MS)
    }
}

impl Store {
    /// An empty one.
    pub fn new(lookback_ms: u64) -> Store {
        Store {
            lookback_ms,
            engine: Engine::default(),
            catalog: Arc::default(),
            past: Arc::default(),
            ends: Arc::default(),
            tails: Vec::new(),
        }
    }

    /// Takes a sample of a series, whose labels include its name. It has to be later than all that the series has, as
    /// Prometheus wants it; false says that it is not, or that a ceiling is reached, and nothing was taken.
    /// A value with [`STALE_NAN_BITS`] is a mark.
    pub fn append(&mut self, labels: &Labels, t_ms: i64, value: f64) -> bool {
        if value.to_bits() == STALE_NAN_BITS {
            return self.mark_stale(labels, t_ms);
        }
        self.register(labels).is_some_and(|id| self.append_id(id, t_ms, value))
    }

    fn append_id(&mut self, id: usize, t_ms: i64, value: f64) -> bool {
        let last = self.series(id).last();
        let newest = last.map(|last| last.t_ms).max(self.ends[id].last().copied());
        if newest.is_some_and(|newest| newest >= t_ms) || self.tails[id].end() >= SAMPLES_MAX {
            return false;
        }
        let lost = last.map_or(0.0, |last| last.lost + if value < last.value { last.value } else { 0.0 });
        self.tails[id].samples.push(Sample { t_ms, value, lost });
        true
    }

    /// Marks that a series has ended: it was not in a scrape, or the scrape failed. False as with [`Store::append`],
    /// and where there is no such series.
    pub fn mark_stale(&mut self, labels: &Labels, t_ms: i64) -> bool {
        self.catalog.find(labels).is_some_and(|id| self.mark_stale_id(id, t_ms))
    }

    fn mark_stale_id(&mut self, id: usize, t_ms: i64) -> bool {
        let series = self.series(id);
        if series.newest_ms().is_none_or(|newest| newest >= t_ms) || self.ends[id].len() >= SAMPLES_MAX {
            return false;
        }
        Arc::make_mut(&mut self.ends)[id].push(t_ms);
        true
    }

    /// Marks all series whose labels the filter takes and that have not ended.
    pub fn mark_stale_where(&mut self, t_ms: i64, filter: impl Fn(&Labels) -> bool) {
        for id in 0..self.tails.len() {
            let labels = self.catalog.labels(id).clone();
            if filter(&labels) && !self.series(id).has_ended() {
                self.mark_stale(&labels, t_ms);
            }
        }
    }

    /// Makes all samples shared, so that copies are cheap. Changes nothing that can be seen.
    pub fn settle(&mut self) {
        if self.tails.iter().all(|tail| tail.samples.is_empty()) {
            return;
        }
        let past = Arc::make_mut(&mut self.past);
        for (chunks, tail) in past.iter_mut().zip(&mut self.tails) {
            series::settle(chunks, tail);
        }
    }

    /// How many series there are.
    pub fn len(&self) -> usize {
        self.tails.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tails.is_empty()
    }

    /// How many samples there are, without marks.
    pub fn samples(&self) -> usize {
        (0..self.tails.len()).map(|id| self.series(id).len()).sum()
    }

    /// The number of a series, made if it is new; none where there are too many.
    fn register(&mut self, labels: &Labels) -> Option<usize> {
        if let Some(id) = self.catalog.find(labels) {
            return Some(id);
        }
        if self.tails.len() >= SERIES_MAX {
            return None;
        }
        let id = Arc::make_mut(&mut self.catalog).add(labels);
        Arc::make_mut(&mut self.past).push(Vec::new());
        Arc::make_mut(&mut self.ends).push(Vec::new());
        self.tails.push(Chunk::default());
        Some(id)
    }

    /// The series that a selector means, in the order in which they were first seen.
    pub(crate) fn select(&self, selector: &Selector) -> Vec<usize> {
        self.catalog.select(selector)
    }

    /// Which series there are, to be recognised later.
    pub(crate) fn known_series(&self) -> KnownSeries {
        KnownSeries(Arc::downgrade(&self.catalog))
    }

    /// Whether this store, or the one that it is a copy of, was asked for these and has got no series since.
    pub(crate) fn knows_the_same(&self, known: &KnownSeries) -> bool {
        std::ptr::eq(Arc::as_ptr(&self.catalog), known.0.as_ptr())
    }

    /// The labels of a series without its metric's name.
    pub(crate) fn bare(&self, id: usize) -> &Labels {
        self.catalog.bare(id)
    }

    /// All labels of a series.
    pub(crate) fn labels(&self, id: usize) -> &Labels {
        self.catalog.labels(id)
    }

    /// The samples of a series.
    pub(crate) fn series(&self, id: usize) -> Series<'_> {
        Series { past: &self.past[id], tail: &self.tails[id], ends: &self.ends[id] }
    }
}

#[cfg(test)]
mod tests;
