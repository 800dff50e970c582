//! Series by number, for who appends to the same ones again and again: their labels are looked up once.

use crate::labels::Labels;

use super::{STALE_NAN_BITS, Store};

/// A series of one store, and of the copies that were made of it since the series was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeriesId(usize);

impl SeriesId {
    pub(super) fn number(self) -> usize {
        self.0
    }
}

impl Store {
    /// The number of a series; it is made, without samples, if it is new. None where there are too many.
    pub fn series_id(&mut self, labels: &Labels) -> Option<SeriesId> {
        self.register(labels).map(SeriesId)
    }

    /// As [`Store::append`]. False also for a number of another store that has more series.
    pub fn append_to(&mut self, series: SeriesId, t_ms: i64, value: f64) -> bool {
        if series.0 >= self.len() {
            return false;
        }
        if value.to_bits() == STALE_NAN_BITS {
            return self.mark_stale_id(series.0, t_ms);
        }
        self.append_id(series.0, t_ms, value)
    }

    /// As [`Store::mark_stale`], and false as [`Store::append_to`].
    pub fn end_of(&mut self, series: SeriesId, t_ms: i64) -> bool {
        series.0 < self.len() && self.mark_stale_id(series.0, t_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::instant;
    use crate::expr::Expr;

    #[test]
    fn by_number_is_as_by_labels() {
        let labels = |a: &str| Labels::metric("m", [("a", a)]);
        let (mut by_labels, mut by_number) = (Store::default(), Store::default());
        for (t_ms, a, value) in [(1, "x", 5.0), (1, "y", 7.0), (2, "x", 6.0), (2, "x", 9.0), (3, "x", 1.0)] {
            let id = by_number.series_id(&labels(a)).unwrap();
            assert_eq!(by_number.append_to(id, t_ms, value), by_labels.append(&labels(a), t_ms, value));
        }
        let x = by_number.series_id(&labels("x")).unwrap();
        assert!(by_number.end_of(x, 4) && by_labels.mark_stale(&labels("x"), 4));
        assert!(!by_number.append_to(x, 4, 1.0), "not later than the mark");
        for (text, t_ms) in [("m", 3), ("m", 4), ("rate(m[5ms])", 5)] {
            let expr = Expr::parse(text).unwrap();
            assert_eq!(instant(&expr, &by_number, t_ms), instant(&expr, &by_labels, t_ms), "{text}");
        }
    }

    #[test]
    fn a_row_is_as_its_samples_one_by_one() {
        let (mut one_by_one, mut by_row) = (Store::default(), Store::default());
        let ids: Vec<SeriesId> = (0..5)
            .map(|id: u64| {
                let labels = Labels::metric("m", [("a", id.to_string())]);
                assert_eq!(one_by_one.series_id(&labels), by_row.series_id(&labels));
                by_row.series_id(&labels).unwrap()
            })
            .collect();
        let stale = f64::from_bits(STALE_NAN_BITS);
        // One that begins late and one that ends; a time that is no later than the one before, and one before an end.
        let rows: [(i64, &[(usize, f64)]); 7] = [
            (1, &[(0, 5.0), (1, 7.0)]),
            (2, &[(0, 4.0), (2, 1.0), (1, stale)]),
            (2, &[(3, 9.0), (0, 8.0)]),
            (5, &[(0, 6.0), (3, 2.0), (3, 1.0)]),
            (4, &[(4, 1.0), (0, 1.0)]),
            (7, &[(1, 3.0)]),
            (9, &[(0, 1.0), (1, 4.0), (2, 5.0), (3, 1.0), (4, 0.5)]),
        ];
        for (step, (t_ms, samples)) in rows.into_iter().enumerate() {
            let samples = || samples.iter().map(|(id, value)| (ids[*id], *value));
            for (id, value) in samples() {
                one_by_one.append_to(id, t_ms, value);
            }
            by_row.append_row(t_ms, samples());
            if step == 3 {
                by_row.settle();
            }
            for (text, at_ms) in
                ["m", "rate(m[3ms])", "rate(m[9ms])"].into_iter().flat_map(|text| (0..11).map(move |at| (text, at)))
            {
                let expr = Expr::parse(text).unwrap();
                assert_eq!(instant(&expr, &by_row, at_ms), instant(&expr, &one_by_one, at_ms), "{text} at {at_ms}");
            }
        }
        assert_eq!(by_row.samples(), one_by_one.samples());
    }

    #[test]
    fn a_number_of_another_store_is_refused() {
        let id = Store::default().series_id(&Labels::metric("m", [("a", "x")])).unwrap();
        let mut other = Store::default();
        assert!(!other.append_to(id, 1, 1.0));
        assert!(!other.end_of(id, 1));
    }
}
