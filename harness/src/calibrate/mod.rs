//! Measures the simulator's durations again (`simulator/calibration.toml`): on operator hosts of its own, which boot as
//! those of drills do, with commands of its own, without a runbook or a case. So drills stay what the figures are
//! checked against.
//!
//! `methods` has one way for each figure, `observe` brings about what they rest on, `file` writes the file.

use crate::run::RunError;

mod file;
pub mod methods;
mod observe;

pub use file::{FILE, Figures, read, render, text};
pub use methods::{METHODS, Method, SECTIONS};
pub use observe::{Extent, Observations, observe};

/// Which of the observations counts, in order of length, percent.
const COUNTS: usize = 50;

/// A figure, measured again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// `section.name` in the file.
    pub key: &'static str,
    /// The figure, microseconds.
    pub us: u64,
    /// What its method rests on, without [`Method::less_seen`], microseconds.
    pub seen_us: u64,
    /// Lowest, lower quartile, median, upper quartile and highest of what it was taken from, microseconds.
    pub spread: [u64; 5],
    /// How many there were.
    pub count: usize,
}

/// Figures from what was seen.
///
/// # Errors
/// Something that a method rests on was never seen.
pub fn solve(seen: &Observations) -> Result<Vec<Measured>, RunError> {
    let mut solved: Vec<Measured> = Vec::with_capacity(METHODS.len());
    for method in METHODS {
        let in_order = |name: &str| -> Result<Vec<u64>, RunError> {
            let mut values = seen.get(name).cloned().unwrap_or_default();
            values.sort_unstable();
            let nothing = || RunError::Harness(format!("{}: nothing was seen of `{name}`", method.key));
            if values.is_empty() { Err(nothing()) } else { Ok(values) }
        };
        let values = in_order(method.seen)?;
        let mut us = percentile(&values, COUNTS);
        for name in method.less_seen {
            us = us.saturating_sub(percentile(&in_order(name)?, COUNTS));
        }
        let known = |key: &&str| solved.iter().find(|one| one.key == *key).map_or(0, |one| one.us);
        let others: u64 = method.less.iter().map(known).sum::<u64>() + method.less_us;
        solved.push(Measured {
            key: method.key,
            us: (us / method.share).saturating_sub(others),
            seen_us: us,
            spread: [0, 25, 50, 75, 100].map(|percent| percentile(&values, percent)),
            count: values.len(),
        });
    }
    Ok(solved)
}

/// What these figures say of what a method rests on: figure and all else that is in it, microseconds.
pub fn composed(method: &Method, figures: &Figures) -> u64 {
    let of = |key: &str| figures.get(key).copied().unwrap_or_default();
    let others: u64 = method.less.iter().map(|key| of(key)).sum::<u64>() + method.less_us;
    (of(method.key) + others) * method.share
}

/// The value below which so many percent of them lie; they are in order.
fn percentile(values: &[u64], percent: usize) -> u64 {
    let at = (values.len().saturating_sub(1) * percent + 50) / 100;
    values.get(at).copied().unwrap_or_default()
}

/// Two digits that mean something: the rest differs from run to run.
pub fn rounded(us: u64) -> u64 {
    let mut unit = 1;
    while us / unit >= 100 {
        unit *= 10;
    }
    (us + unit / 2) / unit * unit
}

#[cfg(test)]
mod tests;
