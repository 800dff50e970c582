//! Verification 4: the alert that led here clears. No host has alerts yet, so it is not asked.

use super::{Criterion, Told};
use crate::judge::facts::Facts;

/// The originating alert stops firing within the claim.
pub(super) struct Alert;

impl Criterion for Alert {
    fn id(&self) -> &'static str {
        "alert"
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
