//! The expressions that are evaluated: a subset of PromQL, compiled once.
//!
//! What it has: `rate(m{…}[w])`, `sum` and `sum by`, `histogram_quantile(φ, …)`, comparisons with a scalar that filter,
//! `/` and `*`, `and`, instant selectors, numbers. A selector names its metric in front of the braces. Everything else is
//! refused by name.

mod compile;
mod scan;
mod sees;
mod text;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use regex::Regex;

use crate::duration::Millis;

/// A compiled expression. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr(pub(crate) Arc<Node>);

/// Why a text is no expression that can be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// Comparisons; each keeps the samples for which it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `<`
    Less,
    /// `>=`
    GreaterOrEqual,
    /// `<=`
    LessOrEqual,
}

impl Comparison {
    /// Whether it holds; with NaN only `!=` does.
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Comparison::Equal => left == right,
            Comparison::NotEqual => left != right,
            Comparison::Greater => left > right,
            Comparison::Less => left < right,
            Comparison::GreaterOrEqual => left >= right,
            Comparison::LessOrEqual => left <= right,
        }
    }

    /// The comparison that says the same with its sides exchanged.
    fn flipped(self) -> Comparison {
        match self {
            Comparison::Equal | Comparison::NotEqual => self,
            Comparison::Greater => Comparison::Less,
            Comparison::Less => Comparison::Greater,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        }
    }
}

/// One part of `A > x and B > y`: a value that is held against a bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The left side, without its comparison.
    pub value: Expr,
    /// How it is compared; the bound is on the right, wherever the text has it.
    pub op: Comparison,
    /// What it is compared with.
    pub bound: f64,
}

/// Operators between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// A comparison that filters.
    Compare(Comparison),
    /// `and`
    And,
}

/// How a label is matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Like,
    /// `!~`
    Unlike,
}

/// One matcher of a selector.
#[derive(Clone, Debug)]
pub(crate) struct Matcher {
    pub(crate) label: String,
    pub(crate) how: Match,
    pub(crate) value: String,
    /// Anchored at both ends; none where `how` needs none.
    pub(crate) pattern: Option<Regex>,
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Matcher) -> bool {
        (&self.label, self.how, &self.value) == (&other.label, other.how, &other.value)
    }
}

impl Matcher {
    /// Whether a label's value fits; an absent label is an empty one.
    pub(crate) fn fits(&self, value: &str) -> bool {
        let like = || self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(value));
        match self.how {
            Match::Equal => value == self.value,
            Match::NotEqual => value != self.value,
            Match::Like => like(),
            Match::Unlike => !like(),
        }
    }
}

/// Which series are meant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Selector {
    pub(crate) metric: String,
    pub(crate) matchers: Vec<Matcher>,
    /// The selector as text.
    pub(crate) text: Arc<str>,
}

/// The tree of an expression. Scalars and vectors are told apart when it is compiled.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Number(f64),
    Instant(Selector),
    Rate {
        of: Selector,
        window: Millis,
    },
    /// No labels: one sum of all.
    Sum {
        by: Vec<String>,
        of: Box<Node>,
    },
    Quantile {
        q: Box<Node>,
        of: Box<Node>,
    },
    Binary {
        op: Op,
        left: Box<Node>,
        right: Box<Node>,
    },
}

impl Node {
    /// Whether it is one number and not a vector.
    pub(crate) fn is_scalar(&self) -> bool {
        match self {
            Node::Number(_) => true,
            Node::Binary { left, right, .. } => left.is_scalar() && right.is_scalar(),
            _ => false,
        }
    }

    /// The number that a scalar is; it rests on nothing but the text.
    pub(crate) fn constant(&self) -> Option<f64> {
        match self {
            Node::Number(value) => Some(*value),
            Node::Binary { op: Op::Multiply, left, right } => Some(left.constant()? * right.constant()?),
            Node::Binary { op: Op::Divide, left, right } => Some(left.constant()? / right.constant()?),
            _ => None,
        }
    }

    /// Whether what comes out has no labels, whatever the series have.
    fn without_labels(&self) -> bool {
        match self {
            Node::Number(_) => true,
            Node::Instant(_) | Node::Rate { .. } => false,
            Node::Sum { by, .. } => by.is_empty(),
            Node::Quantile { of, .. } => match &**of {
                Node::Sum { by, .. } => by.iter().all(|label| label == "le"),
                other => other.without_labels(),
            },
            Node::Binary { left, right, .. } => left.without_labels() && right.without_labels(),
        }
    }

    fn children(&self) -> Vec<&Node> {
        match self {
            Node::Number(_) | Node::Instant(_) | Node::Rate { .. } => Vec::new(),
            Node::Sum { of, .. } => vec![of],
            Node::Quantile { q, of } => vec![q, of],
            Node::Binary { left, right, .. } => vec![left, right],
        }
    }

    fn scaled(&self, divisor: u64) -> Result<Node, Refused> {
        let boxed = |node: &Node| node.scaled(divisor).map(Box::new);
        Ok(match self {
            Node::Number(_) | Node::Instant(_) => self.clone(),
            Node::Rate { of, window } => {
                let window = window.divided(divisor).filter(|window| window.0 > 0).ok_or_else(|| {
                    Refused(format!("the window {window} divided by {divisor} is not a whole number of milliseconds"))
                })?;
                Node::Rate { of: of.clone(), window }
            }
            Node::Sum { by, of } => Node::Sum { by: by.clone(), of: boxed(of)? },
            Node::Quantile { q, of } => Node::Quantile { q: q.clone(), of: boxed(of)? },
            Node::Binary { op, left, right } => Node::Binary { op: *op, left: boxed(left)?, right: boxed(right)? },
        })
    }

    fn walk(&self, seen: &mut impl FnMut(&Node)) {
        seen(self);
        for child in self.children() {
            child.walk(seen);
        }
    }
}

impl Expr {
    /// Reads an expression, and refuses by name what is not evaluated.
    pub fn parse(text: &str) -> Result<Expr, Refused> {
        compile::compile(text).map(|node| Expr(Arc::new(node)))
    }

    /// With all windows divided. Refused if one does not come out in whole milliseconds.
    pub fn scaled(&self, divisor: u64) -> Result<Expr, Refused> {
        if divisor == 0 {
            return Err(Refused("a divisor of 0".to_owned()));
        }
        self.0.scaled(divisor).map(|node| Expr(Arc::new(node)))
    }

    /// The parts that are joined by `and` and compare a value with a number, in the order of the text.
    pub fn conditions(&self) -> Vec<Condition> {
        let mut found = Vec::new();
        collect(&self.0, &mut found);
        found
    }

    /// The shortest window of a `rate`, if there is one.
    pub fn shortest_window_ms(&self) -> Option<u64> {
        self.windows().first().copied()
    }

    /// The longest window of a `rate`, if there is one.
    pub fn longest_window_ms(&self) -> Option<u64> {
        self.windows().last().copied()
    }

    /// The names of the metrics that it rests on.
    pub fn metrics(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        self.0.walk(&mut |node| {
            if let Node::Instant(of) | Node::Rate { of, .. } = node {
                names.insert(of.metric.clone());
            }
        });
        names
    }

    /// Whether it is one number that rests on no series.
    pub fn is_scalar(&self) -> bool {
        self.0.is_scalar()
    }

    /// Whether its value is at most one sample, without labels, that rests on series.
    pub fn gives_one_number(&self) -> bool {
        !self.is_scalar() && self.0.without_labels()
    }

    fn windows(&self) -> BTreeSet<u64> {
        let mut windows = BTreeSet::new();
        self.0.walk(&mut |node| {
            if let Node::Rate { window, .. } = node {
                windows.insert(window.0);
            }
        });
        windows
    }
}

fn collect(node: &Node, found: &mut Vec<Condition>) {
    let Node::Binary { op, left, right } = node else { return };
    match op {
        Op::And => {
            collect(left, found);
            collect(right, found);
        }
        Op::Compare(op) => {
            let (value, op, bound) = match (left.constant(), right.constant()) {
                (None, Some(bound)) => (left, *op, bound),
                (Some(bound), None) => (right, op.flipped(), bound),
                _ => return,
            };
            found.push(Condition { value: Expr(Arc::new((**value).clone())), op, bound });
        }
        Op::Multiply | Op::Divide => {}
    }
}

/// The expression as PromQL. Read again, it is the same expression.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write(f, &self.0)
    }
}

#[cfg(test)]
mod tests;
