//! Numbers as they are told, and looks by themselves; how alerts come out is tested with the criterion.

use super::*;
use crate::judge::sample;

#[test]
fn values_have_three_digits_that_count() {
    for (value, said) in [
        (0.0, "0"),
        (0.312_49, "0.312"),
        (0.000_05, "0.00005"),
        (38.24, "38.2"),
        (1234.5, "1234"),
        (-0.5, "-0.5"),
        (100.0, "100"),
        (1e-300, "0"),
        (f64::NAN, "no number"),
        (f64::INFINITY, "no number"),
    ] {
        assert_eq!(number(value), said, "{value}");
    }
    assert_eq!(seconds(4_359_999), "4.35 s");
}

#[test]
fn what_is_no_number_is_no_reading() {
    let history = sample::alerted()
        .edit_alerts(0, sample::EVER_MS, |seen| {
            seen.read("condition-1", Some(f64::INFINITY));
            seen.read("condition-2", Some(0.5));
        })
        .history();
    let facts = Facts::of(&history).unwrap();
    let alerts = facts.plan.alerts.as_ref().unwrap();
    let look = looks(&facts, alerts)[0];
    assert_eq!((look.reading("condition-1"), look.reading("condition-2")), (None, Some(0.5)));
    assert_eq!(look.reading("nobody has it"), None);
    assert!(!look.active_by_value(alerts), "one condition has no value");
}

#[test]
fn samples_have_to_be_of_the_process_that_serves() {
    let history = sample::alerted().history();
    let facts = Facts::of(&history).unwrap();
    let restart = Restart::of(&facts, u64::MAX).unwrap();
    assert_eq!((restart.began_us, restart.ready_us), (5_300_000, 5_900_000));
    let unseen = sample::alerted().edit("node-started", |what| *what = What::MonitoringBegan).history();
    let restart = Restart::of(&Facts::of(&unseen).unwrap(), u64::MAX).unwrap();
    assert_eq!(restart.began_us, restart.ready_us, "nobody saw the process appear");
    assert_eq!(incident(&facts, facts.plan.alerts.as_ref().unwrap()).unwrap().at_us, 3_500_000);
}
