//! Expressions as PromQL text.

use std::fmt;

use super::{Comparison, Match, Matcher, Node, Op};
use crate::labels::quoted;

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Comparison::Equal => "==",
            Comparison::NotEqual => "!=",
            Comparison::Greater => ">",
            Comparison::Less => "<",
            Comparison::GreaterOrEqual => ">=",
            Comparison::LessOrEqual => "<=",
        })
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Multiply => f.write_str("*"),
            Op::Divide => f.write_str("/"),
            Op::Compare(comparison) => comparison.fmt(f),
            Op::And => f.write_str("and"),
        }
    }
}

impl Op {
    /// How tightly it binds in PromQL.
    fn precedence(self) -> u8 {
        match self {
            Op::And => 1,
            Op::Compare(_) => 2,
            Op::Multiply | Op::Divide => 3,
        }
    }
}

/// A selector as text.
pub(super) fn selector(metric: &str, matchers: &[Matcher]) -> String {
    let mut out = metric.to_owned();
    for (index, matcher) in matchers.iter().enumerate() {
        out.push_str(if index == 0 { "{" } else { ", " });
        out.push_str(&matcher.label);
        out.push_str(match matcher.how {
            Match::Equal => "=",
            Match::NotEqual => "!=",
            Match::Like => "=~",
            Match::Unlike => "!~",
        });
        out.push_str(&quoted(&matcher.value));
    }
    if !matchers.is_empty() {
        out.push('}');
    }
    out
}

/// A number as PromQL reads it.
fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "Inf" } else { "-Inf" }.to_owned()
    } else {
        value.to_string()
    }
}

pub(super) fn write(f: &mut fmt::Formatter<'_>, node: &Node) -> fmt::Result {
    match node {
        Node::Number(value) => f.write_str(&number(*value)),
        Node::Instant(of) => f.write_str(&of.text),
        Node::Rate { of, window } => write!(f, "rate({}[{window}])", of.text),
        Node::Sum { by, of } => {
            f.write_str("sum")?;
            if !by.is_empty() {
                write!(f, " by ({}) ", by.join(", "))?;
            }
            within(f, of, true)
        }
        Node::Quantile { q, of } => {
            f.write_str("histogram_quantile(")?;
            write(f, q)?;
            f.write_str(", ")?;
            write(f, of)?;
            f.write_str(")")
        }
        Node::Binary { op, left, right } => {
            // All of these operators group to the left.
            let binds = |node: &Node| if let Node::Binary { op, .. } = node { op.precedence() } else { u8::MAX };
            within(f, left, binds(left) < op.precedence())?;
            write!(f, " {op} ")?;
            within(f, right, binds(right) <= op.precedence())
        }
    }
}

fn within(f: &mut fmt::Formatter<'_>, node: &Node, parentheses: bool) -> fmt::Result {
    if !parentheses {
        return write(f, node);
    }
    f.write_str("(")?;
    write(f, node)?;
    f.write_str(")")
}
