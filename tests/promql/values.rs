//! Test files that expect the values that `alert-rules` gives.

#![expect(clippy::panic, reason = "for tests: what fails here shall end the test that uses it")]

use std::collections::BTreeMap;
use std::fmt::Write;

use alert_rules::duration::Millis;
use alert_rules::{Engine, Expr, Labels, Store, instant};

use super::expressions::{SHAPES, make};
use super::random::Random;
use super::series::Input;

/// Expressions of each shape in a group; of `and`, which often has no sample, so many times as many.
const OF_SHAPE: usize = 3;
const OF_AND: usize = 4;
/// Moments at which each is asked for.
const MOMENTS: usize = 3;

/// What a file compares.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// Series.
    pub series: usize,
    /// Samples that are expected, by shape.
    pub samples: BTreeMap<&'static str, usize>,
    /// How many of them are NaN.
    pub nan: usize,
    /// Questions with no sample as their answer.
    pub empty: usize,
}

/// A test file of one group of series over `count` intervals, the same for the same seed.
pub fn file(seed: u64, count: usize, engine: Engine, account: &mut Account) -> String {
    let mut random = Random::new(seed);
    let input = Input::make(&mut random, count, seed.is_multiple_of(4));
    let store = input.store(engine);
    account.series += input.series.len();
    let mut out = "tests:\n".to_owned();
    input.write(&mut out);
    out.push_str("    promql_expr_test:\n");
    for (shape, name) in SHAPES.into_iter().enumerate() {
        let times = if name == "and" { OF_AND } else { 1 };
        for _ in 0..OF_SHAPE * times {
            let text = make(&mut random, shape);
            for _ in 0..MOMENTS {
                let t_ms = moment(&mut random, &input);
                let found = question(&mut out, &text, &store, t_ms, account);
                *account.samples.entry(name).or_default() += found;
            }
        }
    }
    out
}

/// Half of them where samples stand, so that windows begin and end at one; some behind the end.
fn moment(random: &mut Random, input: &Input) -> u64 {
    let end = input.end_ms() + 330_000;
    let t_ms = random.below(end);
    if random.percent(50) { t_ms / input.interval_ms * input.interval_ms } else { t_ms }
}

/// Asks for an expression at a time, and expects what it is here. Gives the number of samples.
fn question(out: &mut String, text: &str, store: &Store, t_ms: u64, account: &mut Account) -> usize {
    let expr = Expr::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
    let found = instant(&expr, store, t_ms as i64);
    let nan = found.iter().filter(|(_, value)| value.is_nan()).count();
    account.nan += nan;
    account.empty += usize::from(found.is_empty());
    // promtool compares bits, and no NaN is equal to one. So where there is one, it is asked who is NaN, and what the others are.
    let mut numbers = (expr.to_string(), found.clone());
    if nan > 0 {
        let bare =
            |(labels, value): &(Labels, f64)| (labels.without(&["__name__"]), f64::from(u8::from(value.is_nan())));
        expect(out, &format!("({expr}) != bool ({expr})"), t_ms, &found.iter().map(bare).collect::<Vec<_>>());
        numbers.0 = format!("({expr}) == ({expr})");
        numbers.1.retain(|(_, value)| !value.is_nan());
    }
    // The engine adds in an order that differs from run to run, which shows in the last bits of a sum. So sums are compared
    // to ten digits of the greatest, all else to the bit.
    if text.contains("sum") {
        let unit = unit(&numbers.1);
        numbers.0 = format!("round({}, {unit})", numbers.0);
        for (labels, value) in &mut numbers.1 {
            *labels = labels.without(&["__name__"]);
            *value = rounded(*value, unit);
        }
    }
    expect(out, &numbers.0, t_ms, &numbers.1);
    found.len()
}

/// As PromQL's `round`.
fn rounded(value: f64, unit: f64) -> f64 {
    let inverse = 1.0 / unit;
    (value * inverse + 0.5).floor() / inverse
}

/// A power of ten, ten digits below the greatest, at which no value stands between two multiples.
fn unit(samples: &[(Labels, f64)]) -> f64 {
    let finite = || samples.iter().map(|(_, value)| value.abs()).filter(|value| value.is_finite());
    let greatest = finite().fold(0.0, f64::max);
    let exponent = if greatest > 0.0 { greatest.log10().floor() as i32 - 10 } else { -10 };
    let between = |unit: &f64| finite().any(|value| ((value / unit).fract() - 0.5).abs() < 0.01);
    let units = (0..4).map(|coarser| format!("1e{}", exponent + coarser).parse().unwrap_or(1e-9));
    units.clone().find(|unit| !between(unit)).or(units.clone().next()).unwrap_or(1e-9)
}

fn expect(out: &mut String, query: &str, t_ms: u64, samples: &[(Labels, f64)]) {
    let _ = write!(out, "      - expr: '{}'\n        eval_time: {}\n", query.replace('\'', "''"), Millis(t_ms));
    if samples.is_empty() {
        return;
    }
    out.push_str("        exp_samples:\n");
    for (labels, value) in samples {
        let value = match *value {
            f64::INFINITY => ".inf".to_owned(),
            f64::NEG_INFINITY => "-.inf".to_owned(),
            value => format!("{value:e}"),
        };
        let _ = write!(out, "          - labels: '{labels}'\n            value: {value}\n");
    }
}
