//! What shows that a page was lost, or came twice.

use super::*;
use crate::history::event::KillReason;
use crate::judge::facts::SEV_1;
use crate::judge::sample::KEY;

fn lost(way: u64) -> FaultUse {
    fault("page-lost", None, &[("way", way)])
}

fn undelivered(sample: Sample) -> Sample {
    sample.without(|what| matches!(what, What::Paged { .. }))
}

/// The page's command ended so.
fn ended(sample: Sample, status: i32) -> Sample {
    sample.edit_command("F3", |what| {
        if let What::CommandEnded { exit, .. } = what {
            *exit = status;
        }
    })
}

/// The page's command was killed for that.
fn killed(sample: Sample, why: KillReason) -> Sample {
    sample.edit_command("F3", |what| {
        if let What::CommandEnded { command, began_us, .. } = what {
            let (command, began_us) = (command.clone(), *began_us);
            *what = What::CommandKilled { command, why: why.clone(), output: String::new(), began_us, gone: true };
        }
    })
}

#[test]
fn a_page_that_comes_twice_shows_in_more_deliveries_than_were_sent() {
    let again = || sample::paged(KEY, SEV_1);
    seen(sample::offline().after("paged", again()), lost(1), Some("2 pages were delivered, and 1 sent"));
    seen(sample::offline(), lost(1), None);
    seen(undelivered(sample::offline()), lost(1), None);
    let of_an_alert = sample::paged("{}:{alertname=\"SampleBurn\"}", SEV_1);
    seen(sample::offline().after("paged", of_an_alert), lost(1), None);
    seen(sample::recovered(), lost(1), None);
}

#[test]
fn a_lost_page_shows_in_its_command_and_in_that_none_came() {
    let ceiling = || KillReason::Ceiling { ms: 120_000 };
    let refused = || ended(undelivered(sample::offline()), 1);
    let hung = || killed(undelivered(sample::offline()), ceiling());
    seen(refused(), lost(2), Some("`page` ended 1, and no page was delivered"));
    seen(hung(), lost(3), Some("`page` was killed at its ceiling, and no page was delivered"));
    // One way is not the other; what was delivered is not lost, and who was told that it was has not lost it.
    for (sample, way) in [
        (hung(), 2),
        (refused(), 3),
        (ended(sample::offline(), 1), 2),
        (killed(sample::offline(), ceiling()), 3),
        (killed(undelivered(sample::offline()), KillReason::ClaimNotMet { ms: 60_000 }), 3),
        (undelivered(sample::offline()), 2),
        (undelivered(sample::offline()), 3),
        (sample::recovered(), 2),
        (sample::recovered(), 3),
    ] {
        seen(sample, lost(way), None);
    }
}
