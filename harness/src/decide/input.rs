//! What was seen: the file that `decide` is asked from. Its fields are explained in `scenarios/README.md`.
//!
//! It is strict: an answer that rests on a slip of the pen is worse than none. `alerts` and `deploys` have to be
//! there, so that an empty list says that somebody looked.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::value::Datetime;

use super::moment::Moment;
use crate::history::event::{AlertSeen, BudgetSeen, DeploySeen, Seen};
use crate::runbook::quantity::{self, Unit};
use crate::scenario::STDIN;

/// A file larger than this is refused.
pub const INPUT_BYTES_MAX: usize = 256 << 10;

/// Alerts, deploys, or crates of one deploy beyond this are refused.
pub const ENTRIES_MAX: usize = 1_000;

/// Of a name, in characters.
const NAME_MAX: usize = 100;

/// Burn rates and shares of the budget beyond this are a slip of the pen: at a target of 99.5 % nothing burns faster
/// than 200 times, and a whole day of it is 667 % of a month's budget.
const FIGURE_MAX: f64 = 100_000.0;

/// What was seen, and when. Serialised it is `seen` of the answer. **Contract.**
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Input {
    /// The moment of the question.
    pub now: Moment,
    /// The alerts that fire.
    pub alerts: Vec<Alert>,
    /// Deploys, as far back as the runbook asks.
    pub deploys: Vec<Deploy>,
    /// What went of the error budget; `None` if nobody looked.
    pub budget: Option<Budget>,
}

impl Input {
    /// What a History keeps of it.
    pub fn told(&self) -> Seen {
        let ago_ms = |at: Moment| u64::try_from(self.now.since(at)).unwrap_or(0);
        let alert = |alert: &Alert| AlertSeen {
            name: alert.name.clone(),
            since: alert.since.to_string(),
            for_ms: ago_ms(alert.since),
        };
        let deploy = |deploy: &Deploy| DeploySeen {
            at: deploy.at.to_string(),
            ago_ms: ago_ms(deploy.at),
            version: deploy.version.to_string(),
            crates: deploy.crates.clone(),
        };
        let budget = |budget: Budget| BudgetSeen {
            spent_percent: budget.spent_percent,
            over_ms: budget.over_ms,
            suspect: budget.suspect.words().to_owned(),
        };
        Seen {
            now: self.now.to_string(),
            alerts: self.alerts.iter().map(alert).collect(),
            deploys: self.deploys.iter().map(deploy).collect(),
            budget: self.budget.map(budget),
        }
    }
}

/// An alert that fires.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alert {
    /// Name of its runbook, without `.md`.
    pub name: String,
    /// Since when it fires: Alertmanager's `startsAt`.
    pub since: Moment,
    /// Its burn rate at two moments; `None` if nobody looked.
    pub burn: Option<Burn>,
    /// Why it is not known although somebody looked. Files do not say so.
    #[serde(skip)]
    pub unread: Option<String>,
}

/// Two readings of a burn rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Burn {
    /// The first.
    pub earlier: Reading,
    /// The second.
    pub later: Reading,
}

/// A burn rate at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Reading {
    /// When.
    pub at: Moment,
    /// How many times as fast as the budget allows.
    pub rate: f64,
}

/// A deploy of a release.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Deploy {
    /// When it was done.
    pub at: Moment,
    /// What was deployed.
    pub version: semver::Version,
    /// The crates that it changed.
    pub crates: Vec<String>,
}

/// What went of a month's error budget.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Budget {
    /// Percent of the month's budget.
    pub spent_percent: f64,
    /// In how long, in milliseconds.
    pub over_ms: u64,
    /// What is suspected.
    pub suspect: Suspect,
}

/// What is suspected to have spent the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Suspect {
    /// A release.
    Release,
    /// Something else.
    Other,
    /// Nothing yet.
    Nothing,
}

impl Suspect {
    /// For a message.
    pub fn words(self) -> &'static str {
        match self {
            Suspect::Release => "a release",
            Suspect::Other => "something else",
            Suspect::Nothing => "nothing yet",
        }
    }
}

/// An input that is refused. Exit status 64.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}; looked for {looked_for}; compare scenarios/decide/latency-after-deploy.toml")]
pub struct InputError {
    /// File and, where one is to blame, line.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What should have been there.
    pub looked_for: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInput {
    schema: Spanned<u32>,
    now: Spanned<Datetime>,
    alerts: Vec<RawAlert>,
    deploys: Vec<RawDeploy>,
    budget: Option<RawBudget>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAlert {
    name: Spanned<String>,
    since: Spanned<Datetime>,
    burn: Option<RawBurn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBurn {
    earlier: RawReading,
    later: RawReading,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawReading {
    at: Spanned<Datetime>,
    rate: Spanned<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDeploy {
    at: Spanned<Datetime>,
    version: Spanned<String>,
    crates: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBudget {
    spent_percent: Spanned<f64>,
    over: Spanned<String>,
    suspect: Suspect,
}

/// What messages call a file; `-` is stdin.
pub fn name_of(path: &Path) -> String {
    if is_stdin(path) { "stdin".to_owned() } else { path.display().to_string() }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == STDIN
}

/// Reads a file; `-` is stdin. Errors: as [`parse`], or it cannot be read.
pub fn load(path: &Path) -> Result<Input, InputError> {
    let name = name_of(path);
    let mut bytes = Vec::new();
    // One byte more than is allowed is enough to see that there is too much.
    let most = INPUT_BYTES_MAX as u64 + 1;
    let read = if is_stdin(path) {
        std::io::stdin().take(most).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
    };
    match read {
        Ok(_) => parse(&name, &bytes),
        Err(error) => Err(InputError {
            place: name,
            what: format!("cannot be read: {error}"),
            looked_for: "a readable TOML file, or `-` for stdin".into(),
        }),
    }
}

/// Reads what was seen from text. Errors, with file and line: too large, no TOML, a field too many or too few, a time
/// without offset or in the wrong order, a figure that cannot be.
pub fn parse(file: &str, bytes: &[u8]) -> Result<Input, InputError> {
    let source = Source { file, bytes };
    if bytes.len() > INPUT_BYTES_MAX {
        return Err(source.at(1, "the file is too large", format!("at most {INPUT_BYTES_MAX} bytes")));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| source.at(source.line(error.valid_up_to()), "not UTF-8", "UTF-8"))?;
    let raw: RawInput = toml::from_str(text).map_err(|error| {
        let line = source.line(error.span().map_or(0, |span| span.start));
        source.at(line, error.message().replace('\n', " "), "an input of schema 1")
    })?;
    if *raw.schema.get_ref() != 1 {
        return Err(source.of(&raw.schema, format!("schema = {}", raw.schema.get_ref()), "schema = 1"));
    }
    let now = source.moment(&raw.now)?;
    source.few("alerts", &raw.alerts, |alert| &alert.name)?;
    source.few("deploys", &raw.deploys, |deploy| &deploy.version)?;
    let mut names = BTreeSet::new();
    let mut alerts = Vec::new();
    for alert in &raw.alerts {
        let read = source.alert(alert, now)?;
        if !names.insert(read.name.clone()) {
            return Err(source.of(&alert.name, format!("the alert `{}` twice", read.name), "each alert once"));
        }
        alerts.push(read);
    }
    let deploys = raw.deploys.iter().map(|deploy| source.deploy(deploy, now)).collect::<Result<_, _>>()?;
    let budget = raw.budget.as_ref().map(|budget| source.budget(budget)).transpose()?;
    Ok(Input { now, alerts, deploys, budget })
}

/// The text, for errors that name their line.
struct Source<'a> {
    file: &'a str,
    bytes: &'a [u8],
}

impl Source<'_> {
    fn line(&self, offset: usize) -> usize {
        self.bytes.iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
    }

    fn at(&self, line: usize, what: impl Into<String>, looked_for: impl Into<String>) -> InputError {
        let place = format!("{}:{line}", self.file);
        InputError { place, what: what.into(), looked_for: looked_for.into() }
    }

    fn of<T>(&self, value: &Spanned<T>, what: impl Into<String>, looked_for: impl Into<String>) -> InputError {
        self.at(self.line(value.span().start), what, looked_for)
    }

    /// The first entry beyond the ceiling is refused, where its value stands.
    fn few<T, V>(&self, which: &str, entries: &[T], value: impl Fn(&T) -> &Spanned<V>) -> Result<(), InputError> {
        match entries.get(ENTRIES_MAX) {
            None => Ok(()),
            Some(beyond) => {
                Err(self.of(value(beyond), format!("{} {which}", entries.len()), format!("at most {ENTRIES_MAX}")))
            }
        }
    }

    fn moment(&self, value: &Spanned<Datetime>) -> Result<Moment, InputError> {
        let written = value.get_ref().to_string();
        let looked_for = "a time with its offset, such as 2026-03-14T02:10:00Z";
        Moment::parse(&written).ok_or_else(|| self.of(value, format!("`{written}`"), looked_for))
    }

    /// A moment that is not before or after another.
    fn within(
        &self,
        value: &Spanned<Datetime>,
        (from, from_name): (Option<Moment>, &str),
        (to, to_name): (Moment, &str),
    ) -> Result<Moment, InputError> {
        let moment = self.moment(value)?;
        if moment > to {
            let what = format!("{moment} is after {to_name}, {to}");
            return Err(self.of(value, what, format!("a time not after {to_name}")));
        }
        if let Some(from) = from.filter(|from| moment < *from) {
            let what = format!("{moment} is before {from_name}, {from}");
            return Err(self.of(value, what, format!("a time not before {from_name}")));
        }
        Ok(moment)
    }

    fn name(&self, value: &Spanned<String>) -> Result<String, InputError> {
        let name = value.get_ref();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/');
        if !name.is_empty() && name.chars().count() <= NAME_MAX && name.chars().all(plain) {
            return Ok(name.clone());
        }
        let shown: String = name.chars().take(NAME_MAX).collect();
        Err(self.of(value, format!("{shown:?}"), format!("a name of at most {NAME_MAX} letters, digits and -_.:/")))
    }

    fn figure(&self, value: &Spanned<f64>) -> Result<f64, InputError> {
        let figure = *value.get_ref();
        // Also false for what is no number.
        if (0.0..=FIGURE_MAX).contains(&figure) {
            return Ok(figure);
        }
        Err(self.of(value, format!("{figure}"), format!("0 to {FIGURE_MAX}")))
    }

    fn alert(&self, raw: &RawAlert, now: Moment) -> Result<Alert, InputError> {
        let name = self.name(&raw.name)?;
        let since = self.within(&raw.since, (None, ""), (now, "now"))?;
        let burn = raw.burn.as_ref().map(|burn| self.burn(burn, since, now)).transpose()?;
        Ok(Alert { name: name.strip_suffix(".md").unwrap_or(&name).to_owned(), since, burn, unread: None })
    }

    fn burn(&self, raw: &RawBurn, since: Moment, now: Moment) -> Result<Burn, InputError> {
        // Before it fired it burnt less by nature, and would make every alert look as if it got worse.
        let fired = (Some(since), "the alert's `since`");
        let later = self.within(&raw.later.at, fired, (now, "now"))?;
        let earlier = self.within(&raw.earlier.at, fired, (later, "the later reading"))?;
        Ok(Burn {
            earlier: Reading { at: earlier, rate: self.figure(&raw.earlier.rate)? },
            later: Reading { at: later, rate: self.figure(&raw.later.rate)? },
        })
    }

    fn deploy(&self, raw: &RawDeploy, now: Moment) -> Result<Deploy, InputError> {
        let at = self.within(&raw.at, (None, ""), (now, "now"))?;
        let version = raw.version.get_ref().parse().map_err(|error| {
            self.of(&raw.version, format!("{:?}: {error}", raw.version.get_ref()), "a version without a `v`: \"0.4.0\"")
        })?;
        self.few("crates of one deploy", &raw.crates, |name| name)?;
        let crates = raw.crates.iter().map(|name| self.name(name)).collect::<Result<_, _>>()?;
        Ok(Deploy { at, version, crates })
    }

    fn budget(&self, raw: &RawBudget) -> Result<Budget, InputError> {
        let spent_percent = self.figure(&raw.spent_percent)?;
        let written = raw.over.get_ref();
        let whole = quantity::whole(written).filter(|quantity| quantity.unit == Unit::Duration);
        let over_ms = whole.map(|quantity| quantity.from).filter(|over| *over > 0).ok_or_else(|| {
            self.of(&raw.over, format!("{written:?}"), "a duration in whole figures, such as \"24 hours\"")
        })?;
        Ok(Budget { spent_percent, over_ms, suspect: raw.suspect })
    }
}

#[cfg(test)]
mod tests;
