//! `rate`: the increase of a counter in a window, extrapolated to the window's ends, by the second.

use std::ops::Range;

use crate::store::{Engine, Row, Sample, Store};

/// Rates at one moment. Series that were scraped together have their samples at the same times, so what rests on times alone
/// is worked out again only where it is another than for the series before.
pub(super) struct Rates<'a> {
    store: &'a Store,
    t_ms: i64,
    /// How many rows there are up to that moment, and the last of them.
    end: (usize, Row<'a>),
    windows: Vec<Window<'a>>,
}

/// A window that ends at that moment.
struct Window<'a> {
    start_ms: i64,
    seconds: f64,
    /// Where it begins among the rows, once that is asked for, and the row there.
    begin: Option<(usize, Row<'a>)>,
    /// As it was for the series before.
    span: Span,
}

/// What rests on the times of the samples in a window.
#[derive(Clone, Copy, Default)]
struct Span {
    first_ms: i64,
    last_ms: i64,
    samples: usize,
    /// Seconds from the first sample to the last.
    sampled: f64,
    /// Between two samples, on average.
    between: f64,
    /// From the window's start to the first sample.
    to_start: f64,
    /// As much of that as is crossed, if the way to zero sets no limit.
    from_start: f64,
    /// How far behind the last sample it is carried.
    to_end: f64,
    /// Of an increase, where the way to zero sets no limit.
    factor: f64,
}

impl<'a> Rates<'a> {
    /// Over `[t - window, t]` for these windows, both ends included as up to Prometheus 3.0.
    pub(super) fn new(windows_ms: &[u64], t_ms: i64, store: &'a Store) -> Rates<'a> {
        let window = |ms: &u64| Window {
            start_ms: t_ms.saturating_sub_unsigned(*ms),
            seconds: in_seconds(*ms),
            begin: None,
            span: Span::default(),
        };
        let end = store.rows(t_ms, true);
        let last = store.row(end.saturating_sub(1));
        Rates { store, t_ms, end: (end, last), windows: windows_ms.iter().map(window).collect() }
    }

    /// The rates of these series over the window at this place. None with fewer than two samples.
    pub(super) fn of(&mut self, series: &[usize], window: usize, rates: &mut [Option<f64>]) {
        let Rates { store, t_ms, end: (end, last), windows } = self;
        let Some(window) = windows.get_mut(window) else { return };
        let (begin, first) = *window.begin.get_or_insert_with(|| {
            let begin = store.rows(window.start_ms, false);
            (begin, store.row(begin))
        });
        if begin >= *end {
            return rates.fill(None);
        }
        for (rate, id) in rates.iter_mut().zip(series) {
            *rate = window.rate(store, *t_ms, *id, (&(begin..*end), [first, *last]));
        }
    }
}

impl Window<'_> {
    fn rate(
        &mut self,
        store: &Store,
        t_ms: i64,
        id: usize,
        (rows, [first, last]): (&Range<usize>, [Row<'_>; 2]),
    ) -> Option<f64> {
        let (mut first, last) = (first.of(id), last.of(id));
        if last.count <= first.count {
            return None;
        }
        if first.t_ms < self.start_ms {
            // It has none where the window begins.
            first = store.first_behind(id, first.count, rows.clone())?;
            if last.count <= first.count {
                return None;
            }
        }
        let increase = if last.lost.is_finite() {
            (last.value - first.value) + (last.lost - first.lost)
        } else {
            walked(*first, rows.clone().map(|row| store.row(row).of(id)))
        };
        let times = (first.t_ms, last.t_ms, last.count - first.count + 1);
        let span = &mut self.span;
        if (span.first_ms, span.last_ms, span.samples) != times {
            *span = Span::new(times, (self.start_ms, t_ms, self.seconds));
        }
        // How far back the counter was at zero, if it grew as evenly as in between.
        let to_zero = (increase > 0.0 && first.value >= 0.0).then(|| span.sampled * (first.value / increase));
        let limited = to_zero.and_then(|to_zero| match store.engine {
            Engine::V2_53 => (to_zero < span.from_start).then_some(to_zero),
            Engine::V2_42 => (to_zero < span.to_start).then(|| span.cut(to_zero)),
        });
        Some(increase * limited.map_or(span.factor, |to_start| span.factor(to_start, self.seconds)))
    }
}

impl Span {
    fn new((first_ms, last_ms, samples): (i64, i64, usize), (start_ms, t_ms, window_s): (i64, i64, f64)) -> Span {
        let seconds = |from: i64, to: i64| to.saturating_sub(from) as f64 / 1000.0;
        let sampled = seconds(first_ms, last_ms);
        let between = sampled / (samples - 1) as f64;
        let to_start = seconds(start_ms, first_ms);
        let mut span = Span { first_ms, last_ms, samples, sampled, between, to_start, ..Span::default() };
        span.from_start = span.cut(to_start);
        span.to_end = span.cut(seconds(last_ms, t_ms));
        span.factor = span.factor(span.from_start, window_s);
        span
    }

    /// A distance to an end of the window: half an interval where it is too long to be crossed.
    fn cut(&self, distance: f64) -> f64 {
        if distance < self.between * 1.1 { distance } else { self.between / 2.0 }
    }

    fn factor(&self, to_start: f64, window_s: f64) -> f64 {
        (self.sampled + to_start + self.to_end) / self.sampled / window_s
    }
}

/// The increase, added up sample by sample: for a counter that was infinite once, whose sums say nothing.
fn walked<'a>(first: Sample, rows: impl Iterator<Item = &'a Sample>) -> f64 {
    let (mut before, mut lost) = (first, 0.0);
    for sample in rows {
        // Where the series has no sample the row has the one before.
        if sample.count > before.count {
            if sample.value < before.value {
                lost += before.value;
            }
            before = *sample;
        }
    }
    before.value - first.value + lost
}

/// As Go's `Duration.Seconds`, to the bit.
fn in_seconds(ms: u64) -> f64 {
    (ms / 1000) as f64 + (ms % 1000 * 1_000_000) as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Labels;
    use crate::store::Store;

    /// Samples at seconds; no value is a mark.
    fn rates(samples: &[(i64, Option<f64>)], window_s: u64, at_s: i64, engine: Engine) -> Option<f64> {
        let (mut store, labels) = (Store::default(), Labels::new([("__name__", "m")]));
        for (t_s, value) in samples {
            match value {
                Some(value) => store.append(&labels, t_s * 1000, *value),
                None => store.mark_stale(&labels, t_s * 1000),
            };
        }
        store.engine = engine;
        let mut rate = [None];
        Rates::new(&[window_s * 1000], at_s * 1000, &store).of(&[0], 0, &mut rate);
        rate[0]
    }

    fn now(samples: &[(i64, f64)], window_s: u64, at_s: i64) -> Option<f64> {
        let samples: Vec<_> = samples.iter().map(|(t, value)| (*t, Some(*value))).collect();
        rates(&samples, window_s, at_s, Engine::V2_53)
    }

    #[test]
    fn both_ends_of_the_window_are_in_it() {
        assert_eq!(now(&[(0, 100.0), (30, 130.0), (60, 160.0)], 60, 60), Some(1.0));
        // The sample at 0 s is no longer in the window; the way to the start is under 1.1 intervals.
        assert_eq!(now(&[(0, 0.0), (30, 130.0), (60, 160.0)], 59, 60), Some((30.0 * (30.0 + 29.0) / 30.0) / 59.0));
        assert_eq!(now(&[(0, 100.0), (30, 130.0)], 60, 29), None);
        assert_eq!(now(&[(0, 100.0)], 60, 60), None);
    }

    #[test]
    fn resets_are_added() {
        // 10 up, reset to 5, 5 up: 20 in 60 s.
        assert_eq!(now(&[(0, 100.0), (20, 110.0), (40, 5.0), (60, 10.0)], 60, 60), Some(20.0 / 60.0));
    }

    #[test]
    fn a_series_that_begins_far_inside_is_carried_half_an_interval() {
        // Two samples 10 s apart, 40 s from the start and 10 s from the end; the counter is far from zero.
        let expected = 10.0 * ((10.0 + 5.0 + 10.0) / 10.0 / 60.0);
        assert_eq!(now(&[(40, 1000.0), (50, 1010.0)], 60, 60), Some(expected));
    }

    #[test]
    fn the_way_to_zero_limits_it_and_versions_differ() {
        // 7 s back it was at zero: over half an interval, under 1.1 intervals.
        let samples = [(40, Some(7.0)), (50, Some(17.0))];
        assert_eq!(rates(&samples, 60, 60, Engine::V2_53), Some(10.0 * ((10.0 + 5.0 + 10.0) / 10.0 / 60.0)));
        assert_eq!(rates(&samples, 60, 60, Engine::V2_42), Some(10.0 * ((10.0 + 7.0 + 10.0) / 10.0 / 60.0)));
        // 2 s back: less than half an interval, and both say so.
        let samples = [(40, Some(2.0)), (50, Some(12.0))];
        for engine in [Engine::V2_42, Engine::V2_53] {
            assert_eq!(rates(&samples, 60, 60, engine), Some(10.0 * ((10.0 + 2.0 + 10.0) / 10.0 / 60.0)));
        }
    }

    #[test]
    fn marks_are_no_samples() {
        let samples = [(0, Some(100.0)), (20, None), (30, Some(130.0)), (60, Some(160.0))];
        assert_eq!(rates(&samples, 60, 60, Engine::V2_53), Some(1.0));
    }

    #[test]
    fn an_infinite_counter_is_walked() {
        let infinite = [(0, 1.0), (10, f64::INFINITY), (20, 1.0), (30, 2.0), (40, 3.0)];
        assert_eq!(now(&infinite, 20, 40).map(|rate| rate > 0.0), Some(true));
        assert_eq!(now(&infinite, 60, 40), Some(f64::INFINITY));
        assert!(now(&[(0, 1.0), (30, f64::NAN)], 60, 40).is_some_and(f64::is_nan));
    }
}
