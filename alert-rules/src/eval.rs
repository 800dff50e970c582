//! Evaluation of an expression at one moment, as Prometheus' instant query does it.

mod histogram;
mod rate;

use std::collections::BTreeMap;

use crate::expr::{Expr, Node, Op, Selector};
use crate::labels::{Labels, METRIC_NAME};
use crate::store::Store;

/// Samples of one moment.
pub type Vector = Vec<(Labels, f64)>;

/// What an expression is.
enum Value {
    Scalar(f64),
    Vector(Vector),
}

/// The value of an expression at a time, in no particular order. A number is one sample without labels.
///
/// There is no error to give: what Prometheus can fail at here is two series with the same labels on one side, and a
/// selector that names its metric cannot bring that about.
pub fn instant(expr: &Expr, store: &Store, t_ms: i64) -> Vector {
    match value(&expr.0, store, t_ms) {
        Value::Scalar(value) => vec![(Labels::default(), value)],
        Value::Vector(vector) => vector,
    }
}

fn value(node: &Node, store: &Store, t_ms: i64) -> Value {
    match node {
        Node::Number(value) => Value::Scalar(*value),
        Node::Binary { op, left, right } => match (*op, value(left, store, t_ms), value(right, store, t_ms)) {
            (op, Value::Scalar(left), Value::Scalar(right)) => Value::Scalar(arithmetic(op, left, right)),
            (op, Value::Vector(left), Value::Scalar(right)) => Value::Vector(with_scalar(op, left, right, false)),
            (op, Value::Scalar(left), Value::Vector(right)) => Value::Vector(with_scalar(op, right, left, true)),
            (op, Value::Vector(left), Value::Vector(right)) => Value::Vector(joined(op, left, right)),
        },
        Node::Instant(of) => Value::Vector(newest(of, store, t_ms)),
        Node::Rate { of, window } => Value::Vector(rates(of, window.0, store, t_ms)),
        Node::Sum { by, of } => Value::Vector(sum(by, of, store, t_ms)),
        Node::Quantile { q, of } => {
            let q = q.constant().unwrap_or(f64::NAN);
            Value::Vector(histogram::quantiles(q, vector(of, store, t_ms), store.engine))
        }
    }
}

fn vector(node: &Node, store: &Store, t_ms: i64) -> Vector {
    match value(node, store, t_ms) {
        Value::Vector(vector) => vector,
        // Not compiled: what takes a vector is refused a number.
        Value::Scalar(_) => Vector::new(),
    }
}

fn newest(of: &Selector, store: &Store, t_ms: i64) -> Vector {
    let sample = |id: &usize| {
        let sample = store.series(*id).instant(t_ms, store.lookback_ms)?;
        Some((store.labels(*id).clone(), sample.value))
    };
    store.select(of).iter().filter_map(sample).collect()
}

fn rates(of: &Selector, window_ms: u64, store: &Store, t_ms: i64) -> Vector {
    let rate = |id: &usize| {
        let rate = rate::rate(store.series(*id), window_ms, t_ms, store.engine)?;
        Some((store.bare(*id).clone(), rate))
    };
    store.select(of).iter().filter_map(rate).collect()
}

fn sum(by: &[String], of: &Node, store: &Store, t_ms: i64) -> Vector {
    let vector = vector(of, store, t_ms);
    if by.is_empty() {
        let mut values = vector.iter().map(|(_, value)| *value);
        let Some(first) = values.next() else { return Vector::new() };
        return vec![(Labels::default(), values.fold(first, |sum, value| sum + value))];
    }
    let mut sums: BTreeMap<Labels, f64> = BTreeMap::new();
    for (labels, value) in vector {
        sums.entry(labels.only(by)).and_modify(|sum| *sum += value).or_insert(value);
    }
    sums.into_iter().collect()
}

fn arithmetic(op: Op, left: f64, right: f64) -> f64 {
    match op {
        Op::Multiply => left * right,
        Op::Divide => left / right,
        // Not compiled for two numbers.
        Op::Compare(_) | Op::And => f64::NAN,
    }
}

/// A vector and a scalar; `flipped` if the scalar is on the left. A comparison keeps samples as they are.
fn with_scalar(op: Op, vector: Vector, scalar: f64, flipped: bool) -> Vector {
    let sides = |value: f64| if flipped { (scalar, value) } else { (value, scalar) };
    match op {
        Op::Compare(comparison) => {
            let holds = |(_, value): &(Labels, f64)| {
                let (left, right) = sides(*value);
                comparison.holds(left, right)
            };
            vector.into_iter().filter(holds).collect()
        }
        _ => {
            let computed = |(labels, value): (Labels, f64)| {
                let (left, right) = sides(value);
                (labels.without(&[METRIC_NAME]), arithmetic(op, left, right))
            };
            vector.into_iter().map(computed).collect()
        }
    }
}

/// Two vectors, sample by sample where all labels but the metric's name are equal.
fn joined(op: Op, left: Vector, right: Vector) -> Vector {
    let right: BTreeMap<Labels, f64> =
        right.into_iter().map(|(labels, value)| (labels.without(&[METRIC_NAME]), value)).collect();
    let pair = |(labels, value): (Labels, f64)| {
        let bare = labels.without(&[METRIC_NAME]);
        let other = *right.get(&bare)?;
        Some(if op == Op::And { (labels, value) } else { (bare, arithmetic(op, value, other)) })
    };
    left.into_iter().filter_map(pair).collect()
}

#[cfg(test)]
mod tests;
