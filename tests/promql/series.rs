//! Series as `promtool test rules` takes them: one value an interval, `_` for none, `stale` for a mark.

use std::fmt::Write;

use alert_rules::{Engine, Labels, Store};

use super::random::Random;

/// What stands at one interval.
#[derive(Clone, Copy, Debug)]
enum Point {
    Value(f64),
    Absent,
    Stale,
}

/// One series.
#[derive(Clone, Debug)]
pub struct Made {
    labels: Labels,
    points: Vec<Point>,
}

/// Series that are scraped together.
#[derive(Clone, Debug)]
pub struct Input {
    /// Between two samples, in milliseconds.
    pub interval_ms: u64,
    /// The series.
    pub series: Vec<Made>,
}

/// Upper bounds of the histograms' buckets. The spelling of the node's, and one that is over an interval of several.
const BOUNDS: [&str; 6] = ["0.001", "0.01", "0.1", "0.5", "1.0", "+Inf"];
/// Values of the label `status`.
pub const STATUSES: [&str; 4] = ["200", "404", "500", "503"];
/// Values of the label `job`. The last one is absent.
pub const JOBS: [&str; 3] = ["a", "b", ""];
/// Values of the label `route`.
pub const ROUTES: [&str; 2] = ["/healthz", "/functions/:id/invoke"];

impl Input {
    /// Counters `c` and `d`, gauges `g`, and histograms `h`, over `count` intervals. With `sane`, no value is NaN.
    pub fn make(random: &mut Random, count: usize, sane: bool) -> Input {
        let interval_ms = *random.pick(&[5_000, 10_000, 15_000, 30_000]);
        let mut series = Vec::new();
        for name in ["c", "d", "g"] {
            for status in STATUSES {
                for job in JOBS {
                    if random.percent(25) {
                        continue;
                    }
                    let points = if name == "g" { gauge(random, count, sane) } else { counter(random, count, sane) };
                    let labels = Labels::metric(name, [("status", status), ("job", job)]);
                    series.push(Made { labels, points });
                }
            }
        }
        for route in ROUTES {
            series.extend(histogram(random, route, count, sane));
        }
        Input { interval_ms, series }
    }

    /// The time of the last interval, in milliseconds.
    pub fn end_ms(&self) -> u64 {
        let longest = self.series.iter().map(|made| made.points.len()).max().unwrap_or(0);
        longest as u64 * self.interval_ms
    }

    /// The series in a store. Every other one is settled in between, as copies would find it.
    pub fn store(&self, engine: Engine) -> Store {
        let mut store = Store::default();
        store.engine = engine;
        for (index, made) in self.series.iter().enumerate() {
            for (at, point) in made.points.iter().enumerate() {
                let t_ms = (at as u64 * self.interval_ms) as i64;
                let taken = match point {
                    Point::Value(value) => store.append(&made.labels, t_ms, *value),
                    // A bucket whose first sample was lacking has nothing to mark yet.
                    Point::Stale => store.mark_stale(&made.labels, t_ms) || at < 60,
                    Point::Absent => true,
                };
                assert!(taken, "{} at {t_ms}", made.labels);
                if index % 2 == 0 && at % 17 == 0 {
                    store.settle();
                }
            }
        }
        store
    }

    /// The `interval` and `input_series` of a test group, indented by four.
    pub fn write(&self, out: &mut String) {
        let _ = write!(out, "  - interval: {}ms\n    input_series:\n", self.interval_ms);
        for made in &self.series {
            let _ = write!(out, "      - series: '{}'\n        values: '", made.labels);
            for (index, point) in made.points.iter().enumerate() {
                let space = if index == 0 { "" } else { " " };
                let _ = match point {
                    Point::Value(value) => write!(out, "{space}{value}"),
                    Point::Absent => write!(out, "{space}_"),
                    Point::Stale => write!(out, "{space}stale"),
                };
            }
            out.push_str("'\n");
        }
    }
}

/// What interrupts a series: gaps, and marks with a gap behind them or none.
struct Breaks {
    left: u64,
}

impl Breaks {
    /// What stands here in place of a value, if something does. Never before the first value.
    fn next(&mut self, random: &mut Random, first: bool) -> Option<Point> {
        if self.left > 0 {
            self.left -= 1;
            return Some(Point::Absent);
        }
        if first {
            return None;
        }
        if random.percent(3) {
            self.left = random.below(30);
            return Some(Point::Absent);
        }
        if random.percent(2) {
            self.left = random.below(12);
            return Some(Point::Stale);
        }
        None
    }
}

fn breaks(random: &mut Random) -> Breaks {
    // Some series begin late.
    Breaks { left: if random.percent(40) { random.below(50) } else { 0 } }
}

fn counter(random: &mut Random, count: usize, sane: bool) -> Vec<Point> {
    let (mut breaks, mut value, mut first) = (breaks(random), random.below(200), true);
    let (most, resets) = (*random.pick(&[1, 5, 20, 1000]), *random.pick(&[0, 0, 2, 8]));
    let mut points = Vec::new();
    for _ in 0..count {
        if let Some(point) = breaks.next(random, first) {
            points.push(point);
            continue;
        }
        first = false;
        if random.percent(resets) {
            value = random.below(most + 1);
        } else if !random.percent(20) {
            value += random.below(most + 1);
        }
        let nan = !sane && random.below(400) == 0;
        points.push(Point::Value(if nan { f64::NAN } else { value as f64 }));
    }
    points
}

fn gauge(random: &mut Random, count: usize, sane: bool) -> Vec<Point> {
    let (mut breaks, mut first, mut value) = (breaks(random), true, 0.0);
    let mut points = Vec::new();
    for _ in 0..count {
        if let Some(point) = breaks.next(random, first) {
            points.push(point);
            continue;
        }
        first = false;
        // It stays for a while, so that alerts can be pending.
        if random.percent(15) {
            value = (random.below(4000) as f64 - 1000.0) / 8.0;
        }
        let nan = !sane && random.percent(3);
        points.push(Point::Value(if nan { f64::NAN } else { value }));
    }
    points
}

/// The buckets of one histogram: they grow together, and are reset together, but a scrape may lack one of them.
fn histogram(random: &mut Random, route: &str, count: usize, sane: bool) -> Vec<Made> {
    let labels = |bound: &&str| Labels::metric("h_bucket", [("le", *bound), ("route", route)]);
    let mut made: Vec<Made> = BOUNDS.iter().map(|bound| Made { labels: labels(bound), points: Vec::new() }).collect();
    let (mut breaks, mut first, mut counts) = (breaks(random), true, [0u64; BOUNDS.len()]);
    let busy = *random.pick(&[20, 80, 100]);
    for _ in 0..count {
        let point = breaks.next(random, first);
        if point.is_none() {
            first = false;
            if random.percent(2) {
                counts = [0; BOUNDS.len()];
            }
            let from = random.below(BOUNDS.len() as u64) as usize;
            if random.percent(busy) {
                for (at, count) in counts.iter_mut().enumerate().skip(from) {
                    *count += 3 + random.below(4) * u64::from(at == from);
                }
            }
        }
        // Cumulative whatever was drawn.
        let mut most = 0;
        for (series, count) in made.iter_mut().zip(counts) {
            most = most.max(count);
            let lacking = point.is_none() && !first && random.below(200) == 0;
            let nan = !sane && random.below(500) == 0;
            let value = Point::Value(if nan { f64::NAN } else { most as f64 });
            let here = if lacking { Point::Absent } else { point.unwrap_or(value) };
            series.points.push(here);
        }
    }
    made
}
