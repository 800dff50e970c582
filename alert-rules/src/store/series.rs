//! The samples of one series.

use std::sync::Arc;

/// Chunks of fewer samples grow when a tail is settled, so that a series has no long list of short ones.
const CHUNK_MIN: usize = 256;

/// One sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) t_ms: i64,
    pub(crate) value: f64,
    /// The sum of the values before each reset so far, this sample's included.
    pub(crate) lost: f64,
}

/// Samples that follow each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunk {
    /// How many samples of the series stand before it.
    start: usize,
    pub(super) samples: Vec<Sample>,
}

impl Chunk {
    /// How many samples the series has up to its end.
    pub(super) fn end(&self) -> usize {
        self.start + self.samples.len()
    }
}

/// A place between samples.
#[derive(Clone, Copy)]
pub(crate) struct Edge<'a> {
    /// How many samples stand before it.
    pub(crate) count: usize,
    /// The last of them.
    pub(crate) before: Option<&'a Sample>,
    /// The one behind it.
    pub(crate) behind: Option<&'a Sample>,
}

/// Puts a tail behind the past, and leaves an empty one.
pub(super) fn settle(chunks: &mut Vec<Arc<Chunk>>, tail: &mut Chunk) {
    if tail.samples.is_empty() {
        return;
    }
    let mut samples = std::mem::take(&mut tail.samples);
    let mut start = chunks.last().map_or(0, |last| last.start + last.samples.len());
    if let Some(short) = chunks.pop_if(|last| last.samples.len() < CHUNK_MIN) {
        start = short.start;
        samples.splice(0..0, short.samples.iter().copied());
    }
    samples.shrink_to_fit();
    tail.start = start + samples.len();
    chunks.push(Arc::new(Chunk { start, samples }));
}

/// A view of one series: past and tail as one row of samples.
#[derive(Clone, Copy)]
pub(crate) struct Series<'a> {
    pub(super) past: &'a [Arc<Chunk>],
    pub(super) tail: &'a Chunk,
    pub(super) ends: &'a [i64],
}

impl<'a> Series<'a> {
    /// How many samples it has.
    pub(crate) fn len(&self) -> usize {
        self.tail.end()
    }

    /// One of them.
    pub(crate) fn get(&self, index: usize) -> Option<&'a Sample> {
        if index >= self.tail.start {
            return self.tail.samples.get(index - self.tail.start);
        }
        let chunk = match self.past {
            [only] => only,
            past => past.get(past.partition_point(|chunk| chunk.start <= index).checked_sub(1)?)?,
        };
        chunk.samples.get(index - chunk.start)
    }

    pub(super) fn last(&self) -> Option<Sample> {
        match self.tail.samples.last() {
            Some(last) => Some(*last),
            None => self.past.last()?.samples.last().copied(),
        }
    }

    /// How many samples are before a time, or at it where `at` says so.
    pub(crate) fn count(&self, t_ms: i64, at: bool) -> usize {
        let before = |sample: &Sample| sample.t_ms < t_ms || (at && sample.t_ms == t_ms);
        if self.tail.samples.first().is_some_and(before) {
            return self.tail.start + self.tail.samples.partition_point(before);
        }
        let chunk = self.past.partition_point(|chunk| chunk.samples.first().is_some_and(before));
        let Some(chunk) = chunk.checked_sub(1).and_then(|chunk| self.past.get(chunk)) else { return 0 };
        chunk.start + chunk.samples.partition_point(before)
    }

    /// Where a time stands, as [`Series::count`] has it. It is found without a search where so many samples stand behind it,
    /// or all of a shorter series; else their number becomes what it is.
    pub(crate) fn edge(&self, behind: &mut usize, t_ms: i64, at: bool) -> Edge<'a> {
        let of = |count: usize| Edge { count, before: self.get(count.wrapping_sub(1)), behind: self.get(count) };
        let is_before = |sample: &Sample| sample.t_ms < t_ms || (at && sample.t_ms == t_ms);
        let edge = of(self.len().saturating_sub(*behind));
        if edge.before.is_none_or(is_before) && !edge.behind.is_some_and(is_before) {
            return edge;
        }
        let count = self.count(t_ms, at);
        *behind = self.len() - count;
        of(count)
    }

    /// The time of what it has last, a sample or an end.
    pub(super) fn newest_ms(&self) -> Option<i64> {
        self.last().map(|last| last.t_ms).max(self.ends.last().copied())
    }

    /// Whether it has ended and not begun again.
    pub(super) fn has_ended(&self) -> bool {
        self.ends.last().copied() > self.last().map(|last| last.t_ms)
    }

    /// The newest sample at a time, unless it is older than the lookback or the series has ended since.
    pub(crate) fn instant(&self, t_ms: i64, lookback_ms: u64) -> Option<Sample> {
        let sample = *self.get(self.count(t_ms, true).checked_sub(1)?)?;
        let end = self.ends.partition_point(|end| *end <= t_ms).checked_sub(1).and_then(|end| self.ends.get(end));
        if end.is_some_and(|end| *end > sample.t_ms) {
            return None;
        }
        let from = t_ms.saturating_sub_unsigned(lookback_ms);
        (sample.t_ms >= from).then_some(sample)
    }
}
