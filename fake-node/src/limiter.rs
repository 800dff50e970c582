//! The rate limit per token and tenant: a bucket of 20 that refills with 10 per second (node-contract.md section 2).

use std::collections::BTreeMap;

/// Requests that a rested caller may send at once.
pub const BURST: u64 = 20;
/// Requests per second in the long run.
pub const PER_SECOND: u64 = 10;
/// Most (token, tenant) pairs kept at a time.
pub const BUCKETS_MAX: usize = 65_536;

/// A request costs a million parts; with 10 per second the bucket gains [`PER_SECOND`] parts per microsecond, so no
/// fraction is ever lost.
const COST: u64 = 1_000_000;

#[derive(Clone, Copy, Debug)]
struct Bucket {
    parts: u64,
    at: u64,
}

impl Bucket {
    fn filled(self, now: u64) -> u64 {
        let gained = now.saturating_sub(self.at).saturating_mul(PER_SECOND);
        self.parts.saturating_add(gained).min(BURST * COST)
    }
}

/// What the limiter says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Go on.
    Admitted,
    /// Too fast; a request may come after so many whole seconds.
    Limited {
        /// For `retry-after`, at least 1.
        retry_after_seconds: u64,
    },
    /// No bucket is free for one more caller.
    Full,
}

/// The buckets. Times are the node's microseconds.
#[derive(Clone, Debug, Default)]
pub struct Limiter {
    buckets: BTreeMap<(usize, u64), Bucket>,
}

impl Limiter {
    /// Takes one request of the caller (index of its token) for a tenant.
    pub fn admit(&mut self, now: u64, caller: usize, tenant: u64) -> Admission {
        let key = (caller, tenant);
        if !self.buckets.contains_key(&key) && self.buckets.len() >= BUCKETS_MAX {
            // A full bucket is the same as none.
            self.buckets.retain(|_, bucket| bucket.filled(now) < BURST * COST);
            if self.buckets.len() >= BUCKETS_MAX {
                return Admission::Full;
            }
        }
        let bucket = self.buckets.entry(key).or_insert(Bucket { parts: BURST * COST, at: now });
        let parts = bucket.filled(now);
        bucket.at = now.max(bucket.at);
        if parts >= COST {
            bucket.parts = parts - COST;
            return Admission::Admitted;
        }
        bucket.parts = parts;
        let wait_us = (COST - parts).div_ceil(PER_SECOND);
        Admission::Limited { retry_after_seconds: wait_us.div_ceil(1_000_000).max(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burst_then_ten_per_second_per_caller_and_tenant() {
        let mut limiter = Limiter::default();
        let admitted = |limiter: &mut Limiter, now, caller, tenant| {
            (0..40).filter(|_| limiter.admit(now, caller, tenant) == Admission::Admitted).count()
        };
        assert_eq!(admitted(&mut limiter, 0, 0, 0), 20);
        assert_eq!(limiter.admit(0, 0, 0), Admission::Limited { retry_after_seconds: 1 });
        assert_eq!(admitted(&mut limiter, 99_999, 0, 0), 0);
        assert_eq!(admitted(&mut limiter, 100_000, 0, 0), 1);
        assert_eq!(admitted(&mut limiter, 1_100_000, 0, 0), 10);
        assert_eq!(admitted(&mut limiter, 1_100_000, 0, 1), 20, "another tenant");
        assert_eq!(admitted(&mut limiter, 1_100_000, 1, 0), 20, "another token");
        assert_eq!(admitted(&mut limiter, u64::MAX, 0, 0), 20, "never over the burst");
        assert_eq!(admitted(&mut limiter, 0, 0, 0), 0, "a clock that goes back refills nothing");
    }

    #[test]
    fn the_number_of_buckets_has_a_ceiling() {
        let mut limiter = Limiter::default();
        for tenant in 0..BUCKETS_MAX as u64 {
            assert_eq!(limiter.admit(0, 0, tenant), Admission::Admitted);
        }
        assert_eq!(limiter.admit(0, 0, u64::MAX), Admission::Full);
        assert_eq!(limiter.admit(100_000, 0, u64::MAX), Admission::Admitted, "rested buckets make room");
    }
}
