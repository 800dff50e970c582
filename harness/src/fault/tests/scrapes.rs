//! What shows that Prometheus is cut off from a node that serves.

use super::*;

#[test]
fn a_scrape_that_is_cut_in_the_watch_brings_no_page_from_then_on() {
    let at = Some(Moment::After(Class::Verify));
    let cut = || FaultUse { at, ..fault("scrape-cut", None, &[]) };
    let applied = What::FaultApplied { fault: "scrape-cut".into(), how: "by hand".into(), at };
    let began = || sample::alerted().after("metrics-pair", applied.clone());
    // One scrape that was under way comes through.
    let failing = |sample: Sample, until_ms: u64, page_us: u64| {
        sample.edit_alerts(9_700, until_ms, move |seen| {
            (seen.scrape.ok, seen.scrape.at_us) = (false, Some(page_us));
            seen.scrape.error = "context deadline exceeded".into();
        })
    };
    let words = "begun after the last verify: the node's metrics were fetched, and no scrape brought them";
    seen(failing(began(), sample::EVER_MS, 9_650_000), cut(), Some(words));
    seen(failing(sample::alerted(), sample::EVER_MS, 9_650_000), cut(), None);
    seen(began(), cut(), None);
    // It is scraped again at the end, or was in between.
    seen(failing(began(), 12_500, 9_650_000), cut(), None);
    let between = failing(began(), sample::EVER_MS, 9_650_000);
    let between = between.edit_alerts(11_500, sample::EVER_MS, |seen| seen.scrape.at_us = Some(11_400_000));
    seen(between, cut(), None);
}

#[test]
fn a_cut_scrape_shows_where_the_page_is_served_and_not_scraped() {
    let cut = || fault("scrape-cut", None, &[]);
    // The target answers from 5.9 s on; its page is fetched at 9.1 s.
    let failing = |from_ms: u64, last_page_us: Option<u64>| {
        sample::alerted().edit_alerts(from_ms, sample::EVER_MS, move |seen| {
            (seen.scrape.ok, seen.scrape.at_us) = (false, last_page_us);
            seen.scrape.error = "context deadline exceeded".into();
        })
    };
    let words = "the node's metrics were fetched, and no scrape brought them: context deadline exceeded";
    seen(failing(5_000, Some(4_900_000)), cut(), Some(words));
    seen(failing(5_000, None), cut(), Some(words));
    seen(sample::alerted(), cut(), None);
    // Prometheus has had a page of it, and is cut off later.
    seen(failing(6_600, Some(6_400_000)), cut(), None);
    // Nobody gets a page: the node's own fault.
    let unserved = failing(5_000, Some(4_900_000)).edit("metrics-pair", |what| {
        if let What::MetricsPair { failure, .. } = what {
            *failure = Some("the first fetch of http://127.0.0.1:8080/metrics came to 500".into());
        }
    });
    seen(unserved, cut(), None);
    // A slow /healthz held the fetch up until the alert's time was over: no look comes behind it any more.
    let early = |from_ms: u64| failing(5_000, None).without_alerts(from_ms, sample::EVER_MS);
    seen(early(9_000), cut(), Some(words));
    // Too early: it may not have been scraped at all by then.
    seen(early(6_300), cut(), None);
    // The last look shows it scraped again.
    let again = failing(5_000, Some(4_900_000)).edit_alerts(12_500, sample::EVER_MS, |seen| seen.scrape.ok = true);
    seen(again, cut(), None);
    seen(sample::recovered(), cut(), None);
    seen(sample::offline(), cut(), None);
}
