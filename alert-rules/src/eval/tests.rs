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

#[test]
fn together_they_are_at_each_moment_as_alone() {
    let exprs: Vec<Expr> = [
        "sum(rate(m[1m]))",
        "sum by (a) (rate(m[2m])) > 0.05 and sum by (a) (rate(m[5m])) > 0.02",
        "sum by (a) (rate(m[2m])) > 0.05 and sum by (a) (rate(n[5m])) > 0.02",
        "rate(m[5m])",
        "m / n",
        "m",
        "histogram_quantile(0.5, sum by (le) (rate(h[2m])))",
        "sum(rate(m[1m])) / sum(rate(n[1m]))",
        "0.05 < sum by (a) (rate(m[2m]))",
        "3 * 2",
        "m / 0",
        "m / -0",
    ]
    .map(|text| Expr::parse(text).unwrap())
    .into();
    let labels = |name: &str, pair: (&str, &str)| Labels::metric(name, [pair]);
    let (mut store, mut together) = (Store::new(90_000), Together::new(exprs.clone()));
    together.settle(&store);
    let mut samples = 0;
    for step in 0..60i64 {
        let t_ms = step * 20_000;
        // It grows in waves, falls back, and is silent for a while.
        let value = (step * step % 17 + if step % 20 < 10 { 0 } else { step }) as f64;
        if !(25..32).contains(&step) {
            store.append(&labels("m", ("a", "x")), t_ms, value);
            store.append(&labels("h", ("le", "1")), t_ms, value);
            store.append(&labels("h", ("le", "+Inf")), t_ms, 2.0 * value);
        }
        // One is new, ends and begins again; of the other name there is none for long.
        if step == 12 {
            store.mark_stale(&labels("m", ("a", "y")), t_ms);
        } else if step > 6 && step != 13 {
            store.append(&labels("m", ("a", "y")), t_ms, value + step as f64);
        }
        if step > 40 {
            store.append(&labels("n", ("a", "x")), t_ms, step as f64);
        }
        if step == 30 {
            store.settle();
        }
        for at_ms in [t_ms, t_ms + 7_000] {
            let copy = store.clone();
            let evaluated = together.evaluate(&copy, at_ms);
            for (place, expr) in exprs.iter().enumerate() {
                let bits = |(labels, value): (&Labels, f64)| (labels.to_string(), value.to_bits());
                let found: Vec<_> = evaluated.of(place).map(bits).collect();
                let alone = instant(expr, &store, at_ms);
                let alone: Vec<_> = alone.iter().map(|(labels, value)| bits((labels, *value))).collect();
                assert_eq!(found, alone, "{expr} at {at_ms}");
                samples += found.len();
            }
            assert_eq!(evaluated.of(exprs.len()).count(), 0);
        }
    }
    assert!(samples > 500, "{samples}");
}
