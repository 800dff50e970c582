//! How expressions are evaluated among the series of one catalog: steps, each behind those that it needs.
//!
//! A step has rows, one for each sample that it can ever have, with its labels; at a moment each row has a value or none.

use std::collections::BTreeMap;
use std::ops::Range;

use super::histogram::{self, Bucket};
use super::rate::Rates;
use crate::expr::{Expr, Node, Op};
use crate::labels::{Labels, METRIC_NAME};
use crate::store::{KnownSeries, Store};

/// What is done for one part of an expression.
#[derive(Debug)]
enum What {
    Number(f64),
    /// The newest sample of each series.
    Newest(Vec<usize>),
    /// The rate of each series over a window, by the window's place.
    Rates(Vec<usize>, usize),
    /// Of a step's samples in their order; for each the row that it goes into.
    Sum(usize, Vec<usize>),
    /// Of a step's samples: for each histogram its buckets in the order of their bounds, the bound and where the count stands.
    Quantiles(f64, usize, Vec<Vec<(f64, usize)>>),
    /// A step's samples with a number; `flipped` if it is on the left.
    WithNumber {
        op: Op,
        of: usize,
        number: f64,
        flipped: bool,
    },
    /// Samples of two steps with the same labels, by where they stand.
    Joined {
        op: Op,
        left: usize,
        right: usize,
        pairs: Vec<(usize, usize)>,
    },
}

#[derive(Debug)]
struct Step {
    what: What,
    /// Where its rows stand among those of all steps.
    rows: Range<usize>,
    labels: Vec<Labels>,
}

/// Steps for some expressions among the series of one catalog.
#[derive(Debug)]
pub(super) struct Plan {
    known: KnownSeries,
    steps: Vec<Step>,
    /// Windows of rates, in milliseconds.
    windows: Vec<u64>,
    /// The step that an expression ends with.
    roots: Vec<usize>,
}

impl Plan {
    pub(super) fn new(exprs: &[Expr], store: &Store) -> Plan {
        let plan = Plan { known: store.known_series(), steps: Vec::new(), windows: Vec::new(), roots: Vec::new() };
        let mut maker = Maker { store, plan, done: Vec::new() };
        for expr in exprs {
            let root = maker.step(&expr.0);
            maker.plan.roots.push(root);
        }
        maker.plan
    }

    /// Whether it is for the series that this store has.
    pub(super) fn is_of(&self, store: &Store) -> bool {
        store.knows_the_same(&self.known)
    }

    /// Labels and values of an expression's rows.
    pub(super) fn rows<'a>(&'a self, place: usize, values: &'a [Option<f64>]) -> (&'a [Labels], &'a [Option<f64>]) {
        let step = self.roots.get(place).and_then(|root| self.steps.get(*root));
        step.map_or((&[], &[]), |step| (&step.labels, &values[step.rows.clone()]))
    }

    /// Puts the values of all expressions at a time into `values`.
    pub(super) fn evaluate(&self, store: &Store, t_ms: i64, values: &mut Values) {
        // What is left of a moment before, or of another plan, is never looked at.
        values.rows.resize(self.steps.last().map_or(0, |last| last.rows.end), None);
        values.done.resize(self.steps.len(), 0);
        values.moments += 1;
        let rates = Rates::new(&self.windows, t_ms, store);
        let mut moment = Moment { plan: self, store, t_ms, rates, values };
        self.roots.iter().for_each(|root| moment.need(*root));
    }
}

/// What steps have come to at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    pub(super) rows: Vec<Option<f64>>,
    /// Moments so far.
    moments: u64,
    /// At which of them each step was done last.
    done: Vec<u64>,
    /// Of a histogram; kept for their room.
    buckets: Vec<Bucket>,
}

/// The evaluation of one moment.
struct Moment<'a> {
    plan: &'a Plan,
    store: &'a Store,
    t_ms: i64,
    rates: Rates<'a>,
    values: &'a mut Values,
}

impl Moment<'_> {
    /// Has a step done, and the steps before it that it needs.
    fn need(&mut self, number: usize) {
        let moment = self.values.moments;
        if std::mem::replace(&mut self.values.done[number], moment) == moment {
            return;
        }
        let (plan, store, t_ms) = (self.plan, self.store, self.t_ms);
        let Step { what, rows, .. } = &plan.steps[number];
        match what {
            What::Number(number) => self.values.rows[rows.clone()].fill(Some(*number)),
            What::Newest(series) => {
                let before = store.rows(t_ms, true);
                for (value, id) in self.values.rows[rows.clone()].iter_mut().zip(series) {
                    *value = store.newest(*id, t_ms, before).map(|sample| sample.value);
                }
            }
            What::Rates(series, window) => {
                self.rates.of(series, *window, &mut self.values.rows[rows.clone()]);
            }
            What::Sum(of, into) => {
                self.need(*of);
                let (operands, sums) = self.values.rows.split_at_mut(rows.start);
                sums[..rows.len()].fill(None);
                for (value, row) in operands[plan.steps[*of].rows.clone()].iter().zip(into) {
                    let Some(value) = value else { continue };
                    sums[*row] = Some(sums[*row].map_or(*value, |sum| sum + value));
                }
            }
            What::Quantiles(q, of, histograms) => {
                self.need(*of);
                let mut buckets = std::mem::take(&mut self.values.buckets);
                for (row, histogram) in rows.clone().zip(histograms) {
                    let count = |(bound, row): &(f64, usize)| {
                        let count = self.values.rows[*row]?;
                        Some(Bucket { bound: *bound, count })
                    };
                    buckets.clear();
                    buckets.extend(histogram.iter().filter_map(count));
                    let any = !buckets.is_empty();
                    self.values.rows[row] = any.then(|| histogram::quantile(*q, &mut buckets, store.engine));
                }
                self.values.buckets = buckets;
            }
            What::WithNumber { op, of, number, flipped } => {
                self.need(*of);
                for (row, operand) in rows.clone().zip(plan.steps[*of].rows.clone()) {
                    self.values.rows[row] = self.values.rows[operand].and_then(|value| {
                        let (left, right) = if *flipped { (*number, value) } else { (value, *number) };
                        match op {
                            Op::Compare(comparison) => comparison.holds(left, right).then_some(value),
                            op => Some(arithmetic(*op, left, right)),
                        }
                    });
                }
            }
            What::Joined { op, left, right, pairs } => {
                self.need(*left);
                // With nothing on the left it is nothing, whatever is on the right: a burn's long window behind its short one.
                if pairs.iter().all(|(left, _)| self.values.rows[*left].is_none()) {
                    self.values.rows[rows.clone()].fill(None);
                    return;
                }
                self.need(*right);
                for (row, (left, right)) in rows.clone().zip(pairs) {
                    let both = self.values.rows[*left].zip(self.values.rows[*right]);
                    let value = |(left, right)| if *op == Op::And { left } else { arithmetic(*op, left, right) };
                    self.values.rows[row] = both.map(value);
                }
            }
        }
    }
}

fn arithmetic(op: Op, left: f64, right: f64) -> f64 {
    match op {
        Op::Multiply => left * right,
        Op::Divide => left / right,
        // Not compiled for two numbers, nor between two vectors.
        Op::Compare(_) | Op::And => f64::NAN,
    }
}

/// Makes the steps of a plan.
struct Maker<'a> {
    store: &'a Store,
    plan: Plan,
    /// What each step is for.
    done: Vec<&'a Node>,
}

impl<'a> Maker<'a> {
    /// The step for this part, made if there is none for an equal one.
    fn step(&mut self, node: &'a Node) -> usize {
        if let Some(known) = self.done.iter().position(|done| same(done, node)) {
            return known;
        }
        let (what, labels) = match node {
            Node::Number(number) => (What::Number(*number), vec![Labels::default()]),
            Node::Instant(of) => {
                let series = self.store.select(of);
                let labels = series.iter().map(|id| self.store.labels(*id).clone()).collect();
                (What::Newest(series), labels)
            }
            Node::Rate { of, window } => {
                let series = self.store.select(of);
                let labels = series.iter().map(|id| self.store.bare(*id).clone()).collect();
                (What::Rates(series, self.window(window.0)), labels)
            }
            Node::Sum { by, of } => {
                let of = self.step(of);
                sum(by, of, self.labels(of))
            }
            Node::Quantile { q, of } => {
                let of = self.step(of);
                quantiles(q.constant().unwrap_or(f64::NAN), of, &self.plan.steps[of])
            }
            Node::Binary { op, left, right } => match (left.constant(), right.constant()) {
                (Some(left), Some(right)) => (What::Number(arithmetic(*op, left, right)), vec![Labels::default()]),
                (None, Some(number)) => self.with_number(*op, left, number, false),
                (Some(number), None) => self.with_number(*op, right, number, true),
                (None, None) => {
                    let (left, right) = (self.step(left), self.step(right));
                    joined(*op, (left, &self.plan.steps[left]), (right, &self.plan.steps[right]))
                }
            },
        };
        let begin = self.plan.steps.last().map_or(0, |last| last.rows.end);
        self.plan.steps.push(Step { what, rows: begin..begin + labels.len(), labels });
        self.done.push(node);
        self.plan.steps.len() - 1
    }

    fn labels(&self, step: usize) -> &[Labels] {
        &self.plan.steps[step].labels
    }

    fn window(&mut self, ms: u64) -> usize {
        let windows = &mut self.plan.windows;
        windows.iter().position(|known| *known == ms).unwrap_or_else(|| {
            windows.push(ms);
            windows.len() - 1
        })
    }

    /// A comparison keeps samples as they are; what is computed has no name.
    fn with_number(&mut self, op: Op, of: &'a Node, number: f64, flipped: bool) -> (What, Vec<Labels>) {
        let of = self.step(of);
        let labels = self.labels(of);
        let labels = match op {
            Op::Compare(_) => labels.to_vec(),
            _ => labels.iter().map(|labels| labels.without(&[METRIC_NAME])).collect(),
        };
        (What::WithNumber { op, of, number, flipped }, labels)
    }
}

/// Whether two parts always come to the same. As they are compared elsewhere, 0 and -0 are equal numbers; divided by, they
/// are not.
fn same(one: &Node, other: &Node) -> bool {
    match (one, other) {
        (Node::Number(one), Node::Number(other)) => one.to_bits() == other.to_bits(),
        (Node::Sum { by, of }, Node::Sum { by: others, of: other }) => by == others && same(of, other),
        (Node::Quantile { q, of }, Node::Quantile { q: others, of: other }) => same(q, others) && same(of, other),
        (Node::Binary { op, left, right }, Node::Binary { op: other, left: on_left, right: on_right }) => {
            op == other && same(left, on_left) && same(right, on_right)
        }
        (Node::Instant(_) | Node::Rate { .. }, _) => one == other,
        _ => false,
    }
}

fn sum(by: &[String], of: usize, operands: &[Labels]) -> (What, Vec<Labels>) {
    let sums: Vec<Labels> = operands.iter().map(|labels| labels.only(by)).collect();
    let mut rows: Vec<Labels> = sums.clone();
    rows.sort();
    rows.dedup();
    let row = |labels: &Labels| rows.binary_search(labels).unwrap_or_default();
    (What::Sum(of, sums.iter().map(row).collect()), rows)
}

fn quantiles(q: f64, of: usize, operand: &Step) -> (What, Vec<Labels>) {
    let mut histograms: BTreeMap<Labels, Vec<(f64, usize)>> = BTreeMap::new();
    for (row, labels) in operand.rows.clone().zip(&operand.labels) {
        // Other samples than buckets are passed over, as in Prometheus.
        let Ok(bound) = labels.get(histogram::BOUND).parse::<f64>() else { continue };
        histograms.entry(labels.without(&[histogram::BOUND, METRIC_NAME])).or_default().push((bound, row));
    }
    let (labels, mut buckets): (Vec<_>, Vec<_>) = histograms.into_iter().unzip();
    buckets.iter_mut().for_each(|buckets| buckets.sort_by(|(left, _), (right, _)| left.total_cmp(right)));
    (What::Quantiles(q, of, buckets), labels)
}

/// Two vectors, sample by sample where all labels but the metric's name are equal.
fn joined(op: Op, (left, on_left): (usize, &Step), (right, on_right): (usize, &Step)) -> (What, Vec<Labels>) {
    let bare = |labels: &Labels| labels.without(&[METRIC_NAME]);
    let others: BTreeMap<Labels, usize> = on_right.labels.iter().map(bare).zip(on_right.rows.clone()).collect();
    let (mut pairs, mut rows) = (Vec::new(), Vec::new());
    for (labels, row) in on_left.labels.iter().zip(on_left.rows.clone()) {
        if let Some(other) = others.get(&bare(labels)) {
            pairs.push((row, *other));
            rows.push(if op == Op::And { labels.clone() } else { bare(labels) });
        }
    }
    (What::Joined { op, left, right, pairs }, rows)
}
