//! Samples of many series in rows, one for each time.

/// One sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) t_ms: i64,
    pub(crate) value: f64,
    /// The sum of the values before each reset so far, this sample's included.
    pub(crate) lost: f64,
    /// How many samples the series has up to this one.
    pub(crate) count: usize,
}

impl Sample {
    /// What stands before the first sample of a series: older than all times.
    pub(crate) const NONE: Sample = Sample { t_ms: i64::MIN, value: 0.0, lost: 0.0, count: 0 };

    /// The sample that follows this one in its series.
    pub(super) fn next(&self, t_ms: i64, value: f64) -> Sample {
        let lost = if self.count > 0 && value < self.value { self.value } else { 0.0 };
        Sample { t_ms, value, lost: self.lost + lost, count: self.count + 1 }
    }
}

/// What all series have last at a time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Row<'a>(&'a [Sample]);

impl<'a> Row<'a> {
    /// What one has.
    pub(crate) fn of(&self, id: usize) -> &'a Sample {
        self.0.get(id).unwrap_or(&Sample::NONE)
    }
}

/// A row for each time at which any series has a sample. Where a series has none it has a copy of the one before: so what
/// it had last at a time is read in one place, whichever series it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    times: Vec<i64>,
    /// Each as long as there were series when it was made.
    rows: Vec<Vec<Sample>>,
}

impl Rows {
    pub(super) fn times(&self) -> &[i64] {
        &self.times
    }

    /// A row; an empty one where there are not so many.
    pub(super) fn row(&self, row: usize) -> Row<'_> {
        Row(self.rows.get(row).map_or(&[], Vec::as_slice))
    }

    /// The last row.
    pub(super) fn last(&self) -> Option<Row<'_>> {
        self.rows.last().map(|row| Row(row))
    }

    /// A row that follows, for so many series; it goes on with what they have in the one before.
    pub(super) fn following(before: Row<'_>, series: usize) -> Vec<Sample> {
        let mut row = Vec::with_capacity(series.max(before.0.len()));
        row.extend_from_slice(before.0);
        row.resize(series.max(before.0.len()), Sample::NONE);
        row
    }

    /// Puts a row behind all others.
    pub(super) fn push(&mut self, t_ms: i64, row: Vec<Sample>) {
        self.times.push(t_ms);
        self.rows.push(row);
    }

    /// Takes rows that follow these, and leaves none there.
    pub(super) fn take(&mut self, rows: &mut Rows) {
        self.times.append(&mut rows.times);
        self.rows.append(&mut rows.rows);
    }

    /// Makes a row for a time between others, if there is none; `before` is the one before all of these. Returns where it is,
    /// and whether it was made.
    pub(super) fn between(&mut self, t_ms: i64, before: Row<'_>) -> (usize, bool) {
        match self.times.binary_search(&t_ms) {
            Ok(row) => (row, false),
            Err(row) => {
                let before = row.checked_sub(1).map_or(before, |before| self.row(before));
                let new = before.0.to_vec();
                self.times.insert(row, t_ms);
                self.rows.insert(row, new);
                (row, true)
            }
        }
    }

    /// From this row on it is what a series has last.
    pub(super) fn set(&mut self, from: usize, id: usize, sample: Sample) {
        for row in self.rows.iter_mut().skip(from) {
            if row.len() <= id {
                row.resize(id + 1, Sample::NONE);
            }
            row[id] = sample;
        }
    }
}
