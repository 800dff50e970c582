use super::*;

/// Series as text with samples a minute apart from 0; `_` is no sample, `stale` a mark.
fn store(series: &[(&str, &str)]) -> Store {
    let mut store = Store::default();
    for (labels, samples) in series {
        let (name, pairs) = labels.trim_end_matches('}').split_once('{').unwrap_or((labels, ""));
        let pairs = pairs.split(',').filter_map(|pair| pair.split_once('='));
        let labels = Labels::metric(name, pairs);
        for (minute, sample) in samples.split_whitespace().enumerate() {
            let t_ms = minute as i64 * 60_000;
            match sample {
                "_" => true,
                "stale" => store.mark_stale(&labels, t_ms),
                value => store.append(&labels, t_ms, value.parse().unwrap()),
            };
        }
    }
    store
}

/// Evaluated at a minute, sorted and as text.
fn check(store: &Store, text: &str, minute: i64, expected: &[&str]) {
    let expr = Expr::parse(text).unwrap();
    let mut found: Vec<String> =
        instant(&expr, store, minute * 60_000).iter().map(|(labels, value)| format!("{labels} {value}")).collect();
    found.sort();
    assert_eq!(found, expected, "{text} at minute {minute}");
}

#[test]
fn selectors_look_back_and_keep_the_name() {
    let store = store(&[("m{a=1}", "1 2 stale _ 5"), ("m{a=2}", "7"), ("n", "9 9 9 9 9")]);
    check(&store, "m", 0, &["m{a=\"1\"} 1", "m{a=\"2\"} 7"]);
    check(&store, "m", 2, &["m{a=\"2\"} 7"]);
    check(&store, "m", 5, &["m{a=\"1\"} 5", "m{a=\"2\"} 7"]);
    check(&store, "m", 6, &["m{a=\"1\"} 5"]);
    check(&store, "m{a!=\"1\"}", 1, &["m{a=\"2\"} 7"]);
    check(&store, "m{a=~\"2|3\"}", 1, &["m{a=\"2\"} 7"]);
    check(&store, "other", 1, &[]);
}

#[test]
fn sums_are_by_the_labels_that_are_asked_for() {
    let store = store(&[("m{a=1,b=x}", "1"), ("m{a=1,b=y}", "2"), ("m{b=y}", "4")]);
    check(&store, "sum(m)", 0, &["{} 7"]);
    check(&store, "sum by (a) (m)", 0, &["{a=\"1\"} 3", "{} 4"]);
    check(&store, "sum by (b, a) (m)", 0, &["{a=\"1\", b=\"x\"} 1", "{a=\"1\", b=\"y\"} 2", "{b=\"y\"} 4"]);
    check(&store, "sum by (nothing) (m)", 0, &["{} 7"]);
    check(&store, "sum(other)", 0, &[]);
}

#[test]
fn comparisons_filter_and_keep_samples_as_they_are() {
    let store = store(&[("m{a=1}", "1"), ("m{a=2}", "2"), ("m{a=3}", "NaN")]);
    check(&store, "m > 1", 0, &["m{a=\"2\"} 2"]);
    check(&store, "m >= 1", 0, &["m{a=\"1\"} 1", "m{a=\"2\"} 2"]);
    check(&store, "1 < m", 0, &["m{a=\"2\"} 2"]);
    check(&store, "m != 1", 0, &["m{a=\"2\"} 2", "m{a=\"3\"} NaN"]);
    check(&store, "m == 1", 0, &["m{a=\"1\"} 1"]);
    check(&store, "m <= 1", 0, &["m{a=\"1\"} 1"]);
    check(&store, "m < 1", 0, &[]);
}

#[test]
fn arithmetic_drops_the_name_and_pairs_equal_labels() {
    let store = store(&[("m{a=1}", "6"), ("m{a=2}", "8"), ("n{a=1}", "3"), ("n{a=3}", "3"), ("z{a=1}", "0")]);
    check(&store, "m / 2", 0, &["{a=\"1\"} 3", "{a=\"2\"} 4"]);
    check(&store, "24 / m", 0, &["{a=\"1\"} 4", "{a=\"2\"} 3"]);
    check(&store, "m * n", 0, &["{a=\"1\"} 18"]);
    check(&store, "m / n", 0, &["{a=\"1\"} 2"]);
    check(&store, "m / z", 0, &["{a=\"1\"} inf"]);
    check(&store, "z / z", 0, &["{a=\"1\"} NaN"]);
    check(&store, "3 * 4 / 2", 0, &["{} 6"]);
}

#[test]
fn and_keeps_the_left_side() {
    let store = store(&[("m{a=1}", "6"), ("m{a=2}", "8"), ("n{a=1}", "3"), ("n{a=3}", "3")]);
    check(&store, "m and n", 0, &["m{a=\"1\"} 6"]);
    check(&store, "m and n > 3", 0, &[]);
    check(&store, "m > 1 and n > 1", 0, &["m{a=\"1\"} 6"]);
}

#[test]
fn quantiles_are_by_histogram_and_rates_by_series() {
    let store = store(&[
        ("h_bucket{le=0.1,r=x}", "0 60"),
        ("h_bucket{le=1.0,r=x}", "0 120"),
        ("h_bucket{le=+Inf,r=x}", "0 120"),
        ("h_bucket{le=+Inf,r=y}", "0 120"),
        ("h_bucket{le=much,r=x}", "0 999"),
    ]);
    check(&store, "rate(h_bucket{le=\"1.0\"}[1m])", 1, &["{le=\"1.0\", r=\"x\"} 2"]);
    check(&store, "histogram_quantile(0.5, rate(h_bucket[1m]))", 1, &["{r=\"x\"} 0.1", "{r=\"y\"} NaN"]);
    check(&store, "histogram_quantile(0.75, sum by (le) (rate(h_bucket{r=\"x\"}[1m])))", 1, &["{} 0.55"]);
}
