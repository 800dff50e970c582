//! Service level indicators: what a service is measured by, and what it has to reach.

use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use crate::duration::Millis;
use crate::eval::instant;
use crate::expr::{Expr, Refused};
use crate::rules::RuleError;
use crate::store::Store;

/// Of a file, in bytes.
const FILE_MAX: usize = 1024 * 1024;
/// The one schema.
const SCHEMA: i64 = 1;

/// On which side of its target an indicator is good. The target itself is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The value has to be the target or more.
    AtLeast,
    /// The value has to be the target or less.
    AtMost,
}

/// What an indicator is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Of 1.
    Ratio,
    /// Seconds.
    Seconds,
}

/// As in the file.
impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::AtLeast => "at-least",
            Direction::AtMost => "at-most",
        })
    }
}

/// As in the file.
impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unit::Ratio => "ratio",
            Unit::Seconds => "seconds",
        })
    }
}

/// One indicator.
#[derive(Clone, Debug, PartialEq)]
pub struct Sli {
    /// Unique in the file.
    pub name: String,
    /// One sentence for a person.
    pub about: String,
    /// One number over its window, without labels.
    pub value: Expr,
    /// What `value` is where it has no sample although its traffic flows; none if that says nothing.
    pub without_samples: Option<f64>,
    /// What it is counted in.
    pub unit: Unit,
    /// On which side of the target it is good.
    pub direction: Direction,
    /// Its objective, in its unit.
    pub target: f64,
    /// Over how long the objective is meant, in milliseconds. Never scaled: it is a promise, not a window.
    pub over_ms: u64,
    /// Requests or dispatches a second that stand behind it, without labels.
    pub traffic: Expr,
    /// How it is judged where the objective's time is too long to be waited for.
    pub burn: Option<Burn>,
    /// Where it stands in the file, from 1.
    pub line: u32,
}

/// How fast a ratio spends what its objective leaves, by which it is judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Burn {
    /// The window of `value`, in milliseconds.
    pub over_ms: u64,
    /// The share of 1 that is spent has to be below this.
    pub below: f64,
    /// The alerts whose rules compare the share that is spent, by the runbooks that they lead to.
    pub alerts: Vec<String>,
    /// Where the figure is from.
    pub source: String,
}

/// A value, and what it is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// In the indicator's unit; none where there is no sample.
    pub value: Option<f64>,
    /// Requests or dispatches a second behind it; none where there is no sample.
    pub traffic: Option<f64>,
}

impl Sli {
    /// Whether a value is good enough now: by the burn where there is one, else by the target. NaN never is.
    pub fn met(&self, value: f64) -> bool {
        match (&self.burn, self.direction) {
            (Some(burn), Direction::AtLeast) => 1.0 - value < burn.below,
            (Some(burn), Direction::AtMost) => value < burn.below,
            (None, Direction::AtLeast) => value >= self.target,
            (None, Direction::AtMost) => value <= self.target,
        }
    }

    /// Value and traffic at a time.
    pub fn read_at(&self, store: &Store, t_ms: i64) -> Reading {
        let first = |expr: &Expr| instant(expr, store, t_ms).first().map(|(_, value)| *value);
        let traffic = first(&self.traffic);
        Reading { value: self.settled(first(&self.value), traffic), traffic }
    }

    /// A value that was asked for, or what it is without samples while there is traffic.
    pub fn settled(&self, value: Option<f64>, traffic: Option<f64>) -> Option<f64> {
        value.or(self.without_samples.filter(|_| traffic.is_some_and(|traffic| traffic > 0.0)))
    }

    /// The share of 1 that its objective leaves to be spent.
    pub fn budget(&self) -> f64 {
        match self.direction {
            Direction::AtLeast => 1.0 - self.target,
            Direction::AtMost => self.target,
        }
    }

    /// With its windows divided; objectives stay. Refused if a window does not come out in whole milliseconds.
    pub fn scaled(&self, divisor: u64) -> Result<Sli, Refused> {
        let named = |why: Refused| Refused(format!("indicator {}: {why}", self.name));
        let mut scaled = self.clone();
        scaled.value = self.value.scaled(divisor).map_err(named)?;
        scaled.traffic = self.traffic.scaled(divisor).map_err(named)?;
        if let Some(burn) = &mut scaled.burn {
            let over = Millis(burn.over_ms);
            burn.over_ms = over.divided(divisor).map(|over| over.0).ok_or_else(|| {
                named(Refused(format!("its burn's {over} divided by {divisor} is not a whole number of milliseconds")))
            })?;
        }
        Ok(scaled)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    schema: Spanned<i64>,
    sli: Vec<Spanned<RawSli>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSli {
    name: Spanned<String>,
    about: String,
    value: Spanned<String>,
    without_samples: Option<Spanned<f64>>,
    unit: Unit,
    direction: Direction,
    target: Spanned<f64>,
    over: Spanned<String>,
    traffic: Spanned<String>,
    burn: Option<RawBurn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBurn {
    over: Spanned<String>,
    below: Spanned<f64>,
    #[serde(default)]
    alerts: Vec<String>,
    source: String,
}

/// Where something is refused, in bytes, and why.
type Place = (Range<usize>, String);

/// Reads a file of indicators; `file` is for refusals.
pub fn read(text: &str, file: &str) -> Result<Vec<Sli>, RuleError> {
    inner(text).map_err(|(at, what)| RuleError { file: file.to_owned(), line: line(text, at.start), what })
}

fn inner(text: &str) -> Result<Vec<Sli>, Place> {
    if text.len() > FILE_MAX {
        return Err((0..0, format!("{} bytes; a file of at most {FILE_MAX} is read", text.len())));
    }
    let raw: RawFile =
        toml::from_str(text).map_err(|error| (error.span().unwrap_or(0..0), error.message().replace('\n', " ")))?;
    if *raw.schema.get_ref() != SCHEMA {
        return Err((raw.schema.span(), format!("schema {}; expected {SCHEMA}", raw.schema.get_ref())));
    }
    let mut slis: Vec<Sli> = Vec::new();
    for raw in raw.sli {
        let sli = sli(raw.get_ref(), line(text, raw.span().start))?;
        if slis.iter().any(|known| known.name == sli.name) {
            return Err((raw.get_ref().name.span(), format!("a second indicator {:?}", sli.name)));
        }
        slis.push(sli);
    }
    Ok(slis)
}

fn sli(raw: &RawSli, line: u32) -> Result<Sli, Place> {
    let name = raw.name.get_ref();
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
        return Err((raw.name.span(), format!("the name {name:?}; expected lower-case letters, digits and `_`")));
    }
    let value = one_number(&raw.value, "value")?;
    let burn = match &raw.burn {
        None => None,
        Some(burn) => {
            if raw.unit != Unit::Ratio {
                return Err((burn.below.span(), "a burn of something that is no ratio".to_owned()));
            }
            let over_ms = duration(&burn.over)?;
            if value.longest_window_ms() != Some(over_ms) || value.shortest_window_ms() != Some(over_ms) {
                return Err((burn.over.span(), "a burn over another time than the windows of `value`".to_owned()));
            }
            let (below, alerts, source) = (share(&burn.below)?, burn.alerts.clone(), burn.source.clone());
            Some(Burn { over_ms, below, alerts, source })
        }
    };
    let target = match raw.unit {
        Unit::Ratio => share(&raw.target)?,
        Unit::Seconds => positive(&raw.target)?,
    };
    Ok(Sli {
        name: name.clone(),
        about: raw.about.clone(),
        value,
        without_samples: raw.without_samples.as_ref().map(finite).transpose()?,
        unit: raw.unit,
        direction: raw.direction,
        target,
        over_ms: duration(&raw.over)?,
        traffic: one_number(&raw.traffic, "traffic")?,
        burn,
        line,
    })
}

/// An expression whose value has no labels.
fn one_number(text: &Spanned<String>, what: &str) -> Result<Expr, Place> {
    let expr = Expr::parse(text.get_ref().trim()).map_err(|why| (text.span(), format!("{what}: {why}")))?;
    if expr.gives_one_number() {
        Ok(expr)
    } else {
        Err((text.span(), format!("{what}: samples with labels or a bare number; expected something like `sum(…)`")))
    }
}

fn duration(text: &Spanned<String>) -> Result<u64, Place> {
    let read = Millis::parse(text.get_ref()).filter(|ms| ms.0 > 0);
    read.map(|ms| ms.0)
        .ok_or_else(|| (text.span(), format!("{:?}; expected a duration such as 5m or 30d", text.get_ref())))
}

fn finite(number: &Spanned<f64>) -> Result<f64, Place> {
    let value = *number.get_ref();
    if value.is_finite() { Ok(value) } else { Err((number.span(), format!("{value}; expected a finite number"))) }
}

fn positive(number: &Spanned<f64>) -> Result<f64, Place> {
    match finite(number)? {
        value if value > 0.0 => Ok(value),
        value => Err((number.span(), format!("{value}; expected more than 0"))),
    }
}

fn share(number: &Spanned<f64>) -> Result<f64, Place> {
    match finite(number)? {
        value if value > 0.0 && value < 1.0 => Ok(value),
        value => Err((number.span(), format!("{value}; expected a share between 0 and 1"))),
    }
}

fn line(text: &str, at: usize) -> u32 {
    let lines = text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
    u32::try_from(lines + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
