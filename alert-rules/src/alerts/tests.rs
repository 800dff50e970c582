use super::*;

const RULES: &str = r#"
groups:
- name: g
  rules:
  - {alert: Slow, expr: 'm > 10', for: 2m, labels: {severity: page}}
  - {alert: Now, expr: 'm > 10'}
  - {alert: Merged, expr: 'm > 10', labels: {a: "1"}}
"#;

fn labels(a: &str) -> Labels {
    Labels::metric("m", [("a", a)])
}

fn alerting() -> Alerting {
    Alerting::new(&RuleFile::read(RULES, "rules.yml").unwrap())
}

/// Samples a minute apart, each with an evaluation; the states of a rule in between, as first letters.
fn states(name: &str, samples: &[f64]) -> String {
    let (mut store, mut alerting) = (Store::default(), alerting());
    let mut out = String::new();
    for (minute, value) in samples.iter().enumerate() {
        let t_ms = minute as i64 * 60_000;
        store.append(&labels("1"), t_ms, *value);
        alerting.evaluate(&store, t_ms).unwrap();
        out.extend(alerting.state(name).to_string().chars().next());
    }
    out
}

#[test]
fn an_alert_is_pending_for_so_long_and_clears_at_once() {
    assert_eq!(states("Slow", &[1.0, 11.0, 11.0, 11.0, 11.0, 1.0, 11.0]), "ippffip");
    assert_eq!(states("Slow", &[11.0, 11.0, 1.0, 11.0, 11.0, 11.0]), "ppippf");
    assert_eq!(states("Slow", &[11.0, 11.0, f64::NAN, 11.0]), "ppip");
    assert_eq!(states("Now", &[1.0, 11.0, 1.0]), "ifi");
    assert_eq!(states("Other", &[11.0]), "i");
}

#[test]
fn each_label_set_is_an_alert_and_the_highest_counts() {
    let (mut store, mut alerting) = (Store::default(), alerting());
    for minute in 0..3i64 {
        store.append(&labels("1"), minute * 60_000, 20.0);
        if minute > 0 {
            store.append(&labels("2"), minute * 60_000, 30.0);
        }
        // The third rule takes both for one alert from the second on.
        let expected = (minute > 0).then(|| "alert Merged: two samples with the labels {a=\"1\", alertname=\"Merged\"}, once the rule's own are on them".to_owned());
        assert_eq!(alerting.evaluate(&store, minute * 60_000).err().map(|error| error.to_string()), expected);
    }
    let told: Vec<String> = alerting
        .alerts("Slow")
        .map(|(labels, active)| {
            format!("{labels} {} {} {:?} {}", active.state, active.since_ms, active.firing_since_ms, active.value)
        })
        .collect();
    assert_eq!(
        told,
        [
            "{a=\"1\", alertname=\"Slow\", severity=\"page\"} firing 0 Some(120000) 20",
            "{a=\"2\", alertname=\"Slow\", severity=\"page\"} pending 60000 None 30",
        ]
    );
    assert_eq!(alerting.state("Slow"), AlertState::Firing);
    assert_eq!((alerting.since("Slow"), alerting.active_since("Slow")), (Some(120_000), Some(0)));
    // What cannot be evaluated keeps its alerts.
    assert_eq!((alerting.state("Merged"), alerting.since("Merged")), (AlertState::Firing, Some(0)));
    assert_eq!((alerting.since("Other"), alerting.active_since("Other")), (None, None));
    assert_eq!(alerting.active().count(), 5);
}

/// `for` of an hour; what was known, and since when it is active after that, all in minutes.
#[test]
fn what_was_pending_goes_on_after_a_restart() {
    let rules =
        RULES.replace("for: 2m", "for: 1h").replace("  - {alert: Merged, expr: 'm > 10', labels: {a: \"1\"}}\n", "");
    let key = Labels::new([("alertname", "Slow"), ("a", "1"), ("severity", "page")]);
    let minute = 60_000;
    for (since, last, now, restored) in [
        // It fired before.
        (0, 65, 70, 0),
        // 30 minutes were left, and still are.
        (0, 30, 50, 20),
        // 5 minutes were left; the grace is 10.
        (0, 55, 58, 8),
        // Over an hour ago: forgotten.
        (0, 30, 91, 91),
    ] {
        let mut store = Store::default();
        store.append(&labels("1"), now * minute, 20.0);
        let mut alerting = Alerting::new(&RuleFile::read(&rules, "rules.yml").unwrap());
        alerting.evaluate(&store, now * minute).unwrap();
        let known = BTreeMap::from([(key.clone(), Restored { since_ms: since * minute, last_ms: last * minute })]);
        alerting.restore(&known, now * minute, Tolerance::default());
        assert_eq!(alerting.active_since("Slow"), Some(restored * minute), "{since} {last} {now}");
        // A rule without so long a `for` is not restored.
        assert_eq!(alerting.active_since("Now"), Some(now * minute));
        store.append(&labels("1"), (now + 1) * minute, 20.0);
        alerting.evaluate(&store, (now + 1) * minute).unwrap();
        let fires = restored + 60 <= now + 1;
        assert_eq!(alerting.state("Slow") == AlertState::Firing, fires, "{since} {last} {now}");
    }
}

/// Seconds of the wall clock, wherever the store has its zero.
#[test]
fn what_is_restored_is_in_whole_seconds_since_1970() {
    let of = |since_ms, last_ms, zero| {
        let Restored { since_ms, last_ms } = Restored::of(since_ms, last_ms, zero);
        (since_ms, last_ms)
    };
    assert_eq!(of(-1_500, -250, 0), (-2_000, -1_000));
    assert_eq!(of(-1_500, -250, 1_700_000_000_700), (-1_700, -700));
    assert_eq!(of(0, 999, 1_700_000_000_001), (-1, 999));
}
