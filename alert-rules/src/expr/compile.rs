//! From the syntax tree of promql-parser to what is evaluated. What is not evaluated is refused here, by name.

use promql_parser::label::{MatchOp, Matchers};
use promql_parser::parser::token::{T_DIV, T_EQLC, T_GTE, T_GTR, T_LAND, T_LSS, T_LTE, T_MUL, T_NEQ, T_SUM};
use promql_parser::parser::{
    self, AggregateExpr, BinaryExpr, Call, Expr as Tree, LabelModifier, VectorMatchCardinality, VectorSelector,
};
use regex::Regex;

use super::{Comparison, Match, Matcher, Node, Op, Refused, Selector, scan, text};
use crate::duration::Millis;
use crate::labels::METRIC_NAME;

/// Of one expression's text, in bytes.
const TEXT_MAX: usize = 16 * 1024;
/// Of nested parts.
pub(super) const DEPTH_MAX: usize = 64;

pub(super) fn compile(text: &str) -> Result<Node, Refused> {
    if text.len() > TEXT_MAX {
        return Err(refused(format!("an expression of {} bytes; at most {TEXT_MAX} are read", text.len())));
    }
    scan::scan(text)?;
    let tree = parser::parse(text).map_err(|error| refused(format!("no PromQL: {}", error.trim())))?;
    node(&tree, 0)
}

pub(super) fn refused(what: impl Into<String>) -> Refused {
    Refused(what.into())
}

/// For what Prometheus knows and this evaluator does not.
pub(super) fn unknown(what: impl std::fmt::Display) -> Refused {
    refused(format!("{what} is not evaluated"))
}

fn node(tree: &Tree, depth: usize) -> Result<Node, Refused> {
    if depth > DEPTH_MAX {
        return Err(refused(format!("parts nested more than {DEPTH_MAX} deep")));
    }
    match tree {
        Tree::Paren(inner) => node(&inner.expr, depth + 1),
        Tree::NumberLiteral(number) => Ok(Node::Number(number.val)),
        Tree::Unary(unary) => match node(&unary.expr, depth + 1)? {
            Node::Number(value) => Ok(Node::Number(-value)),
            _ => Err(unknown("the sign `-` before anything but a number")),
        },
        Tree::VectorSelector(selected) => Ok(Node::Instant(selector(selected)?)),
        Tree::Call(call) => function(call, depth),
        Tree::Aggregate(aggregate) => sum(aggregate, depth),
        Tree::Binary(binary) => operation(binary, depth),
        Tree::MatrixSelector(_) => Err(unknown("a range of samples outside `rate`")),
        Tree::Subquery(_) => Err(unknown("a subquery")),
        Tree::StringLiteral(_) => Err(unknown("a text")),
        Tree::Extension(_) => Err(unknown("an extension")),
    }
}

/// As [`node`], and it has to be a vector.
fn vector(tree: &Tree, of: &str, depth: usize) -> Result<Node, Refused> {
    let inner = node(tree, depth + 1)?;
    if inner.is_scalar() { Err(refused(format!("`{of}` of a number; it takes a vector"))) } else { Ok(inner) }
}

fn selector(selected: &VectorSelector) -> Result<Selector, Refused> {
    if selected.offset.is_some() {
        return Err(unknown("`offset`"));
    }
    if selected.at.is_some() {
        return Err(unknown("`@`"));
    }
    let Some(metric) = selected.name.clone() else {
        return Err(unknown("a selector without a metric's name in front of its braces"));
    };
    let Matchers { matchers, or_matchers } = &selected.matchers;
    if !or_matchers.is_empty() {
        return Err(unknown("`or` between matchers"));
    }
    let matchers = matchers
        .iter()
        .map(|matcher| {
            if matcher.name == METRIC_NAME {
                return Err(unknown("a matcher on `__name__`"));
            }
            let how = match &matcher.op {
                MatchOp::Equal => Match::Equal,
                MatchOp::NotEqual => Match::NotEqual,
                MatchOp::Re(_) => Match::Like,
                MatchOp::NotRe(_) => Match::Unlike,
            };
            let pattern = match how {
                Match::Equal | Match::NotEqual => None,
                Match::Like | Match::Unlike => Some(pattern(&matcher.value)?),
            };
            Ok(Matcher { label: matcher.name.clone(), how, value: matcher.value.clone(), pattern })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let text = text::selector(&metric, &matchers).into();
    Ok(Selector { metric, matchers, text })
}

/// A matcher's pattern, which has to fit the whole value.
fn pattern(text: &str) -> Result<Regex, Refused> {
    // Go's are of ASCII, this library's of Unicode.
    let mut escaped = false;
    for char in text.chars() {
        if escaped && "dDwWsSbB".contains(char) {
            return Err(unknown(format!("`\\{char}` in the pattern {text:?}")));
        }
        escaped = char == '\\' && !escaped;
    }
    Regex::new(&format!("^(?:{text})$")).map_err(|_| refused(format!("{text:?} is no pattern that can be read")))
}

fn function(call: &Call, depth: usize) -> Result<Node, Refused> {
    let args = &call.args.args;
    match (call.func.name, args.as_slice()) {
        ("rate", [of]) => match peeled(of) {
            Tree::MatrixSelector(range) => {
                let window = u64::try_from(range.range.as_millis()).ok().filter(|ms| *ms > 0 && *ms <= WINDOW_MAX_MS);
                let window = window.ok_or_else(|| refused("a window that is none or longer than a year"))?;
                if range.range.subsec_nanos() % 1_000_000 != 0 {
                    return Err(refused("a window that is not in whole milliseconds"));
                }
                Ok(Node::Rate { of: selector(&range.vs)?, window: Millis(window) })
            }
            Tree::Subquery(_) => Err(unknown("a subquery")),
            _ => Err(refused("`rate` of anything but a selector with its window in brackets")),
        },
        ("histogram_quantile", [q, of]) => {
            let q = node(q, depth + 1)?;
            if q.constant().is_none() {
                return Err(unknown("`histogram_quantile` with a quantile that is no number"));
            }
            Ok(Node::Quantile { q: Box::new(q), of: Box::new(vector(of, "histogram_quantile", depth)?) })
        }
        (name, _) => Err(unknown(format!("the function `{name}`"))),
    }
}

/// A year. Longer windows overflow nothing, but are surely meant otherwise.
const WINDOW_MAX_MS: u64 = 365 * 24 * 3_600_000;

fn peeled(tree: &Tree) -> &Tree {
    let mut inner = tree;
    while let Tree::Paren(paren) = inner {
        inner = &paren.expr;
    }
    inner
}

fn sum(aggregate: &AggregateExpr, depth: usize) -> Result<Node, Refused> {
    if aggregate.op.id() != T_SUM {
        return Err(unknown(format!("the aggregation `{}`", aggregate.op)));
    }
    let by = match &aggregate.modifier {
        None => Vec::new(),
        Some(LabelModifier::Include(labels)) => labels.labels.clone(),
        Some(LabelModifier::Exclude(_)) => return Err(unknown("`sum without`")),
    };
    Ok(Node::Sum { by, of: Box::new(vector(&aggregate.expr, "sum", depth)?) })
}

fn operation(binary: &BinaryExpr, depth: usize) -> Result<Node, Refused> {
    let op = match binary.op.id() {
        T_MUL => Op::Multiply,
        T_DIV => Op::Divide,
        T_LAND => Op::And,
        T_EQLC => Op::Compare(Comparison::Equal),
        T_NEQ => Op::Compare(Comparison::NotEqual),
        T_GTR => Op::Compare(Comparison::Greater),
        T_LSS => Op::Compare(Comparison::Less),
        T_GTE => Op::Compare(Comparison::GreaterOrEqual),
        T_LTE => Op::Compare(Comparison::LessOrEqual),
        _ => return Err(unknown(format!("the operator `{}`", binary.op))),
    };
    if let Some(modifier) = &binary.modifier {
        if modifier.return_bool {
            return Err(unknown("a comparison with `bool`"));
        }
        if modifier.matching.is_some() {
            return Err(unknown("`on` or `ignoring`"));
        }
        if matches!(modifier.card, VectorMatchCardinality::ManyToOne(_) | VectorMatchCardinality::OneToMany(_)) {
            return Err(unknown("`group_left` or `group_right`"));
        }
        if modifier.fill_values.lhs.is_some() || modifier.fill_values.rhs.is_some() {
            return Err(unknown("`fill`"));
        }
    }
    let (left, right) = (node(&binary.lhs, depth + 1)?, node(&binary.rhs, depth + 1)?);
    match (op, left.is_scalar(), right.is_scalar()) {
        (Op::And, true, _) | (Op::And, _, true) => Err(refused("`and` of a number; it takes two vectors")),
        (Op::Compare(_), true, true) => Err(refused(format!("the comparison `{op}` of two numbers"))),
        (Op::Compare(_), false, false) => Err(unknown(format!("the comparison `{op}` of two vectors"))),
        _ => Ok(Node::Binary { op, left: Box::new(left), right: Box::new(right) }),
    }
}
