//! `histogram_quantile` over classic histograms.

use crate::store::Engine;

/// The label with a bucket's upper bound.
pub(super) const BOUND: &str = "le";
/// Two counts that differ by less of their sum are the same, since Prometheus 2.49.
const TOLERANCE: f64 = 1e-12;

/// How many observations are up to a bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    pub(super) bound: f64,
    pub(super) count: f64,
}

/// The quantile of a histogram, whose buckets are in the order of their bounds and are made orderly here. Linear between the
/// bounds of the bucket that holds the rank; what is above the last bound has that bound.
pub(super) fn quantile(q: f64, buckets: &mut Vec<Bucket>, engine: Engine) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    // Two spellings of one bound, such as 1 and 1.0, are one bucket.
    buckets.dedup_by(|later, kept| {
        let same = later.bound == kept.bound;
        if same {
            kept.count += later.count;
        }
        same
    });
    make_monotonic(buckets, engine);
    let [inner @ .., last] = buckets.as_slice() else { return f64::NAN };
    if last.bound != f64::INFINITY || inner.is_empty() || last.count == 0.0 {
        return f64::NAN;
    }
    let mut rank = q * last.count;
    let at = search(inner, rank);
    let Some(bucket) = inner.get(at) else { return inner[inner.len() - 1].bound };
    let below = at.checked_sub(1).map(|below| inner[below]);
    if below.is_none() && bucket.bound <= 0.0 {
        return bucket.bound;
    }
    let (mut start, mut count) = (0.0, bucket.count);
    if let Some(below) = below {
        start = below.bound;
        count -= below.count;
        rank -= below.count;
    }
    start + (bucket.bound - start) * (rank / count)
}

/// The first bucket whose count reaches the rank, step by step as Go's `sort.Search`: with NaN among the counts it matters
/// which are looked at.
fn search(buckets: &[Bucket], rank: f64) -> usize {
    let (mut from, mut to) = (0, buckets.len());
    while from < to {
        let middle = (from + to) / 2;
        if buckets.get(middle).is_some_and(|bucket| bucket.count >= rank) {
            to = middle;
        } else {
            from = middle + 1;
        }
    }
    from
}

/// Counts that fall are lifted: buckets are scraped and extrapolated one by one.
fn make_monotonic(buckets: &mut [Bucket], engine: Engine) {
    let Some((first, rest)) = buckets.split_first_mut() else { return };
    let mut most = first.count;
    for bucket in rest {
        if bucket.count < most || (engine == Engine::V2_53 && almost_equal(most, bucket.count)) {
            bucket.count = most;
        } else if engine == Engine::V2_53 || bucket.count > most {
            most = bucket.count;
        }
    }
}

fn almost_equal(left: f64, right: f64) -> bool {
    if left == right || (left.is_nan() && right.is_nan()) {
        return true;
    }
    let sum = left.abs() + right.abs();
    let apart = (left - right).abs();
    if left == 0.0 || right == 0.0 || sum < f64::MIN_POSITIVE {
        return apart < TOLERANCE * f64::MIN_POSITIVE;
    }
    apart / sum.min(f64::MAX) < TOLERANCE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(q: f64, buckets: &[(f64, f64)]) -> f64 {
        let mut buckets: Vec<_> =
            buckets.iter().map(|(bound, count)| Bucket { bound: *bound, count: *count }).collect();
        quantile(q, &mut buckets, Engine::V2_53)
    }

    const INF: f64 = f64::INFINITY;

    #[test]
    fn it_is_linear_in_the_bucket_of_the_rank() {
        let buckets = [(0.1, 50.0), (0.5, 90.0), (INF, 100.0)];
        for (q, value) in [(0.0, 0.0), (0.25, 0.05), (0.5, 0.1), (0.7, 0.3), (0.9, 0.5), (0.95, 0.5), (1.0, 0.5)] {
            assert!((of(q, &buckets) - value).abs() < 1e-12, "{q}: {}", of(q, &buckets));
        }
        assert_eq!(of(-0.1, &buckets), f64::NEG_INFINITY);
        assert_eq!(of(1.1, &buckets), INF);
        assert!(of(f64::NAN, &buckets).is_nan());
    }

    #[test]
    fn without_observations_or_an_infinite_bucket_there_is_no_quantile() {
        for buckets in [&[(1.0, 0.0), (INF, 0.0)][..], &[(INF, 5.0)], &[(1.0, 5.0), (2.0, 6.0)], &[]] {
            assert!(of(0.5, buckets).is_nan(), "{buckets:?}");
        }
    }

    #[test]
    fn with_nan_among_the_counts_it_is_what_the_search_comes_upon() {
        assert_eq!(of(0.5, &[(1.0, 2.0), (2.0, 3.0), (INF, f64::NAN)]), 2.0);
        // The middle one is looked at first and says no, so the first one never is.
        assert!(of(0.5, &[(1.0, 8.0), (2.0, f64::NAN), (3.0, 9.0), (INF, 10.0)]).is_nan());
    }

    #[test]
    fn a_lowest_bucket_at_or_below_zero_is_its_bound() {
        assert_eq!(of(0.1, &[(0.0, 5.0), (1.0, 6.0), (INF, 6.0)]), 0.0);
        assert_eq!(of(0.1, &[(-2.0, 5.0), (1.0, 6.0), (INF, 6.0)]), -2.0);
    }

    #[test]
    fn counts_that_fall_are_lifted_and_equal_bounds_added() {
        assert_eq!(of(0.5, &[(1.0, 10.0), (2.0, 4.0), (INF, 10.0)]), 0.5);
        assert_eq!(of(0.5, &[(1.0, 5.0), (1.0, 5.0), (INF, 10.0)]), 0.5);
    }

    #[test]
    fn nearly_equal_counts_are_equal_in_the_newer_engine_only() {
        let buckets = vec![
            Bucket { bound: 1.0, count: 10.0 },
            Bucket { bound: 2.0, count: 10.0 + 1e-14 * 500.0 },
            Bucket { bound: INF, count: 10.0 + 1e-14 * 500.0 },
        ];
        assert_eq!(quantile(1.0, &mut buckets.clone(), Engine::V2_53), 1.0);
        assert_eq!(quantile(1.0, &mut buckets.clone(), Engine::V2_42), 2.0);
    }
}
