//! Series and their samples.
//!
//! A copy shares what has been settled with its original and has only its own newest samples besides. So whoever makes
//! many copies of a store calls [`Store::settle`] first: then a copy costs some reference counts.
//!
//! Series that are scraped together have their samples at the same times. So all series stand beside each other in rows, one
//! for each time, and where a window begins and ends is found once for all of them, by binary search. With each sample
//! stands what resets of the counter took away up to it. So a `rate` costs two looks, whatever its window.

mod catalog;
mod handle;
mod rows;

use std::ops::Range;
use std::sync::{Arc, Weak};

use crate::expr::Selector;
use crate::labels::Labels;
use catalog::Catalog;
pub use handle::SeriesId;
use rows::Rows;
pub(crate) use rows::{Row, Sample};

/// Bits of the value by which Prometheus marks that a series has ended. It is a NaN, and not the one of arithmetic.
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// How long an instant selector looks back, if nobody says otherwise: Prometheus' `--query.lookback-delta`, 5 minutes.
pub const LOOKBACK_MS: u64 = 300_000;

/// Series of one store. More are not taken.
pub const SERIES_MAX: usize = 100_000;
/// Samples of one series. More are not taken; at one in 15 seconds that is over a year.
pub const SAMPLES_MAX: usize = 4_000_000;
/// Places for samples, each of 32 bytes: one for each series at each time at which any of them has a sample. More are not
/// made; for 100 series, scraped every 15 seconds, that is over a hundred days.
pub const PLACES_MAX: usize = 64_000_000;

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
    /// What is shared.
    past: Arc<Rows>,
    /// Behind the past: all times in it are later.
    tail: Rows,
    /// The row of each series' first sample.
    begins: Vec<usize>,
    /// When each series ended; ends are few.
    ends: Arc<Vec<Vec<i64>>>,
    /// The last of all ends.
    ended_ms: i64,
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
            tail: Rows::default(),
            begins: Vec::new(),
            ends: Arc::default(),
            ended_ms: i64::MIN,
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
        let last = *self.last(id);
        // Behind all ends it is behind the series' own.
        let is_later = last.t_ms < t_ms && (self.ended_ms < t_ms || self.ends[id].last().is_none_or(|end| *end < t_ms));
        if !is_later || last.count >= SAMPLES_MAX || !has_room(self.last_row() + 2, self.len()) {
            return false;
        }
        self.put(id, last.next(t_ms, value));
        true
    }

    /// Puts a sample that is later than all of its series where it belongs.
    fn put(&mut self, id: usize, sample: Sample) {
        let t_ms = sample.t_ms;
        let row = if self.newest_row_ms().is_none_or(|newest| newest < t_ms) {
            let row = Rows::following(self.row(self.last_row()), self.len());
            self.tail.push(t_ms, row);
            self.last_row()
        } else {
            self.make_row(t_ms)
        };
        let past = self.past.times().len();
        if row < past {
            Arc::make_mut(&mut self.past).set(row, id, sample);
        }
        self.tail.set(row.saturating_sub(past), id, sample);
        if sample.count == 1 {
            self.begins[id] = row;
        }
    }

    /// The row of a time that is no later than the last one: another series went on while this one had no sample. That is
    /// seldom, and so it may cost a copy of what was shared.
    fn make_row(&mut self, t_ms: i64) -> usize {
        let (row, made) = if self.past.times().last().is_some_and(|last| t_ms <= *last) {
            Arc::make_mut(&mut self.past).between(t_ms, Row::default())
        } else {
            let (row, made) = self.tail.between(t_ms, self.past.last().unwrap_or_default());
            (self.past.times().len() + row, made)
        };
        if made {
            let later = self.begins.iter_mut().filter(|begin| **begin >= row);
            later.for_each(|begin| *begin = begin.saturating_add(1));
        }
        row
    }

    /// As [`Store::append_to`] for each of these, of which each series is one: what a scrape brings.
    pub fn append_row(&mut self, t_ms: i64, samples: impl IntoIterator<Item = (SeriesId, f64)>) {
        let is_new = self.newest_row_ms().is_none_or(|newest| newest < t_ms) && self.ended_ms < t_ms;
        if !is_new || !has_room(self.last_row() + 2, self.len()) {
            for (series, value) in samples {
                self.append_to(series, t_ms, value);
            }
            return;
        }
        let mut row = Rows::following(self.row(self.last_row()), self.len());
        let number = self.past.times().len() + self.tail.times().len();
        for (series, value) in samples {
            if value.to_bits() == STALE_NAN_BITS {
                self.end_of(series, t_ms);
            } else if let Some(last) =
                row.get_mut(series.number()).filter(|last| last.t_ms < t_ms && last.count < SAMPLES_MAX)
            {
                *last = last.next(t_ms, value);
                if last.count == 1 {
                    self.begins[series.number()] = number;
                }
            }
        }
        self.tail.push(t_ms, row);
    }

    /// Marks that a series has ended: it was not in a scrape, or the scrape failed. False as with [`Store::append`],
    /// and where there is no such series.
    pub fn mark_stale(&mut self, labels: &Labels, t_ms: i64) -> bool {
        self.catalog.find(labels).is_some_and(|id| self.mark_stale_id(id, t_ms))
    }

    fn mark_stale_id(&mut self, id: usize, t_ms: i64) -> bool {
        if self.newest_ms(id).is_none_or(|newest| newest >= t_ms) || self.ends[id].len() >= SAMPLES_MAX {
            return false;
        }
        Arc::make_mut(&mut self.ends)[id].push(t_ms);
        self.ended_ms = self.ended_ms.max(t_ms);
        true
    }

    /// Marks all series whose labels the filter takes and that have not ended.
    pub fn mark_stale_where(&mut self, t_ms: i64, filter: impl Fn(&Labels) -> bool) {
        for id in 0..self.len() {
            if filter(self.catalog.labels(id)) && !self.has_ended(id) {
                self.mark_stale_id(id, t_ms);
            }
        }
    }

    /// Makes all samples shared, so that copies are cheap. Changes nothing that can be seen. Where copies share a past
    /// already, it is copied for this one.
    pub fn settle(&mut self) {
        if !self.tail.times().is_empty() {
            Arc::make_mut(&mut self.past).take(&mut self.tail);
        }
    }

    /// How many series there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many samples there are, without marks.
    pub fn samples(&self) -> usize {
        (0..self.len()).map(|id| self.last(id).count).sum()
    }

    /// The number of a series, made if it is new; none where there are too many.
    fn register(&mut self, labels: &Labels) -> Option<usize> {
        if let Some(id) = self.catalog.find(labels) {
            return Some(id);
        }
        if self.len() >= SERIES_MAX {
            return None;
        }
        let id = Arc::make_mut(&mut self.catalog).add(labels);
        Arc::make_mut(&mut self.ends).push(Vec::new());
        self.begins.push(usize::MAX);
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

    /// How many rows are before a time, or at it where `at` says so.
    pub(crate) fn rows(&self, t_ms: i64, at: bool) -> usize {
        let before = |time: &i64| *time < t_ms || (at && *time == t_ms);
        let past = self.past.times();
        if past.last().is_none_or(before) {
            return past.len() + self.tail.times().partition_point(before);
        }
        past.partition_point(before)
    }

    /// A row, counted from 0 as [`Store::rows`] does; an empty one where there are not so many.
    pub(crate) fn row(&self, row: usize) -> Row<'_> {
        match row.checked_sub(self.past.times().len()) {
            Some(row) => self.tail.row(row),
            None => self.past.row(row),
        }
    }

    /// The first sample of a series in these rows behind so many.
    pub(crate) fn first_behind(&self, id: usize, count: usize, rows: Range<usize>) -> Option<&Sample> {
        let first = match count {
            0 => self.begins[id],
            _ => first_that(rows.clone(), |row| self.row(row).of(id).count > count),
        };
        rows.contains(&first).then(|| self.row(first).of(id))
    }

    /// The number of the last row; 0 also where there is none.
    fn last_row(&self) -> usize {
        (self.past.times().len() + self.tail.times().len()).saturating_sub(1)
    }

    fn newest_row_ms(&self) -> Option<i64> {
        self.tail.times().last().or(self.past.times().last()).copied()
    }

    fn last(&self, id: usize) -> &Sample {
        self.row(self.last_row()).of(id)
    }

    /// The time of what a series has last, a sample or an end.
    fn newest_ms(&self, id: usize) -> Option<i64> {
        let last = self.last(id);
        (last.count > 0).then_some(last.t_ms).max(self.ends[id].last().copied())
    }

    /// Whether a series has ended and not begun again.
    fn has_ended(&self, id: usize) -> bool {
        self.ends[id].last().is_some_and(|end| *end > self.last(id).t_ms)
    }

    /// The newest sample of a series at a time, before which there are so many rows, unless it is older than the lookback or
    /// the series has ended since.
    pub(crate) fn newest(&self, id: usize, t_ms: i64, rows: usize) -> Option<&Sample> {
        let sample = rows.checked_sub(1).map(|row| self.row(row).of(id)).filter(|sample| sample.count > 0)?;
        let ends = &self.ends[id];
        let end = ends.partition_point(|end| *end <= t_ms).checked_sub(1).and_then(|end| ends.get(end));
        if end.is_some_and(|end| *end > sample.t_ms) {
            return None;
        }
        let from = t_ms.saturating_sub_unsigned(self.lookback_ms);
        (sample.t_ms >= from).then_some(sample)
    }
}

/// The first of some rows, in whose order it begins to hold, of which it holds; their end where there is none.
fn first_that(rows: Range<usize>, holds: impl Fn(usize) -> bool) -> usize {
    let Range { mut start, mut end } = rows;
    while start < end {
        let middle = start + (end - start) / 2;
        if holds(middle) { end = middle } else { start = middle + 1 }
    }
    start
}

/// Whether so many rows of so many series are within [`PLACES_MAX`].
fn has_room(rows: usize, series: usize) -> bool {
    rows.saturating_mul(series) <= PLACES_MAX
}

#[cfg(test)]
mod tests;
