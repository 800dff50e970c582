//! PromQL of all shapes that are evaluated.

use super::random::Random;
use super::series::{JOBS, ROUTES, STATUSES};

/// Names of the shapes, for the account of what was compared.
pub const SHAPES: [&str; 14] = [
    "selector",
    "rate",
    "sum of rates",
    "sum by",
    "sum of samples",
    "quantile of rates",
    "quantile of a sum by",
    "share",
    "share by",
    "vectors",
    "scalar",
    "comparison",
    "and",
    "alert",
];

/// An expression of a shape, by its place in [`SHAPES`].
pub fn make(random: &mut Random, shape: usize) -> String {
    match SHAPES[shape] {
        "selector" => selector(random, "cdg"),
        "rate" => rate(random, "cdg"),
        "sum of rates" => format!("sum({})", rate(random, "cd")),
        "sum by" => format!("sum by ({}) ({})", labels(random), rate(random, "cd")),
        "sum of samples" => format!("sum by ({}) ({})", labels(random), selector(random, "cg")),
        "quantile of rates" => format!("histogram_quantile({}, {})", quantile(random), buckets(random)),
        "quantile of a sum by" => {
            let by = *random.pick(&["le", "le, route", "route"]);
            format!("histogram_quantile({}, sum by ({by}) ({}))", quantile(random), buckets(random))
        }
        "share" => share(random),
        "share by" => {
            let (by, window) = (labels(random), window(random));
            format!("sum by ({by}) (rate(c{}[{window}])) / sum by ({by}) (rate(c[{window}]))", matchers(random))
        }
        "vectors" => {
            let op = *random.pick(&["/", "*"]);
            if random.percent(50) {
                format!("{} {op} {}", rate(random, "c"), rate(random, "d"))
            } else {
                format!("{} {op} {}", selector(random, "c"), selector(random, "g"))
            }
        }
        "scalar" => {
            let (op, number) = (*random.pick(&["/", "*"]), number(random));
            let inner = if random.percent(50) { rate(random, "cd") } else { selector(random, "cg") };
            if random.percent(50) { format!("{inner} {op} {number}") } else { format!("{number} {op} {inner}") }
        }
        "comparison" => {
            let labelled = random.percent(75);
            comparison(random, labelled)
        }
        "and" => {
            // Sides with labels have none in common with sides without.
            let labelled = random.percent(75);
            let parts = 2 + random.below(2);
            (0..parts).map(|_| comparison(random, labelled)).collect::<Vec<_>>().join(" and ")
        }
        _ => alert(random),
    }
}

/// What an alert rule of the node looks like, over what is made here.
pub fn alert(random: &mut Random) -> String {
    let (short, long) = (*random.pick(&["1m", "2m", "5m"]), *random.pick(&["10m", "15m", "30m"]));
    match random.below(4) {
        0 => {
            let bound = number_below_one(random);
            let part =
                |window: &str| format!("sum(rate(c{{status=~\"5..\"}}[{window}])) / sum(rate(c[{window}])) > {bound}");
            format!("{} and {}", part(short), part(long))
        }
        1 => {
            let (bound, route) = (*random.pick(&["0.005", "0.05", "0.3"]), random.pick(&ROUTES));
            let part = |window: &str| {
                format!(
                    "histogram_quantile(0.95, sum by (le) (rate(h_bucket{{route=\"{route}\"}}[{window}]))) > {bound}"
                )
            };
            format!("{} and {}", part(short), part(long))
        }
        2 => format!("rate(c[{short}]) > {}", number(random)),
        _ => format!("g > {}", random.below(400)),
    }
}

fn share(random: &mut Random) -> String {
    let window = window(random);
    format!("sum(rate(c{{status=~\"5..\"}}[{window}])) / sum(rate(c{}[{window}]))", matchers(random))
}

/// A comparison of samples with labels, or of one without.
fn comparison(random: &mut Random, labelled: bool) -> String {
    let op = *random.pick(&[">", "<", ">=", "<=", "==", "!="]);
    let inner = match random.below(3) {
        _ if !labelled => share(random),
        0 => selector(random, "g"),
        1 => rate(random, "cd"),
        _ => selector(random, "c"),
    };
    // Gauges are eighths, so that equal values come up.
    let bound = if random.percent(60) { (random.below(800) as f64 / 8.0).to_string() } else { number(random) };
    if random.percent(80) { format!("{inner} {op} {bound}") } else { format!("{bound} {op} {inner}") }
}

fn rate(random: &mut Random, metrics: &str) -> String {
    format!("rate({}[{}])", selector(random, metrics), window(random))
}

fn buckets(random: &mut Random) -> String {
    let which = match random.below(3) {
        0 => format!("{{route=\"{}\"}}", random.pick(&ROUTES)),
        1 => "{le!=\"0.1\"}".to_owned(),
        _ => String::new(),
    };
    format!("rate(h_bucket{which}[{}])", window(random))
}

fn selector(random: &mut Random, metrics: &str) -> String {
    let metric = random.below(metrics.len() as u64) as usize;
    format!("{}{}", &metrics[metric..=metric], matchers(random))
}

fn matchers(random: &mut Random) -> String {
    let (status, job) = (*random.pick(&STATUSES), *random.pick(&JOBS));
    match random.below(10) {
        0 => format!("{{status=\"{status}\"}}"),
        1 => format!("{{status!=\"{status}\"}}"),
        2 => "{status=~\"5..\"}".to_owned(),
        3 => "{status!~\"5..\"}".to_owned(),
        4 => format!("{{job=\"{job}\"}}"),
        5 => format!("{{job!=\"{job}\", status=~\"{status}|4.*\"}}"),
        6 => "{job=~\"a|b\"}".to_owned(),
        7 => "{job=~\".*\", status=~\"0\"}".to_owned(),
        _ => String::new(),
    }
}

fn labels(random: &mut Random) -> &'static str {
    random.pick::<&str>(&["status", "job", "job, status", "none"])
}

fn quantile(random: &mut Random) -> &'static str {
    random.pick::<&str>(&["0", "0.1", "0.5", "0.95", "0.99", "1", "-0.5", "1.5"])
}

/// Also such as are no multiple of an interval.
fn window(random: &mut Random) -> &'static str {
    random.pick::<&str>(&["7s", "15s", "30s", "1m", "1m1s", "2m", "5m", "10m", "20m30s", "1h"])
}

fn number(random: &mut Random) -> String {
    match random.below(4) {
        0 => number_below_one(random),
        1 => format!("-{}", random.below(50)),
        2 => "14.4 * 0.005".to_owned(),
        _ => (random.below(1000) as f64 / 16.0).to_string(),
    }
}

fn number_below_one(random: &mut Random) -> String {
    (random.below(500) as f64 / 1000.0).to_string()
}
