//! Verification 5: the service levels are met again. No host measures them yet, so it is not asked.

use super::{Criterion, Told};
use crate::judge::facts::Facts;

/// Availability, error rate and latencies are back at their thresholds.
pub(super) struct Slo;

impl Criterion for Slo {
    fn id(&self) -> &'static str {
        "slo"
    }

    fn can_be_judged(&self) -> bool {
        false
    }

    fn oracle(&self, _: &Facts<'_>) -> Told {
        Told::not_run("no alerts on this host yet")
    }

    fn literal(&self, _: &Facts<'_>) -> Told {
        Told::not_run("the text has no command for it")
    }
}
