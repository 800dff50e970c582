//! What a condition is made of: names and quantities out of the document, and what the binding supplies where the text
//! leaves something open.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::Serialize;

use crate::procedure::{StaticFinding, TextRule};

/// One term of a condition, as it was read. **Contract:** these are the fields in JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Term {
    /// What it is called in the binding.
    pub term: String,
    /// The words that were read: of the runbook, or for a supplied quantity of the binding.
    pub text: String,
    /// What they come to.
    pub value: Value,
    /// Written with a plus: `30+ minutes`.
    #[serde(skip)]
    pub at_least: bool,
    /// 1-based line of the runbook.
    pub line: u32,
    /// Where the text leaves it open: what the binding reads into it.
    pub supplied: Option<Supplied>,
}

/// What a term comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Names, any of which is meant.
    Names(Vec<String>),
    /// Milliseconds.
    DurationMs(u64),
    /// Percent.
    Percent(u64),
    /// Words that are no quantity: the kind of the condition says how they are told.
    Question,
}

/// What the binding reads into words of the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Supplied {
    /// The words of the runbook.
    pub stands_for: String,
    /// Why so.
    pub because: String,
}

/// A quantity of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amount {
    /// Milliseconds, or percent.
    pub value: u64,
    /// As written.
    pub text: String,
    /// 1-based line of the runbook.
    pub line: u32,
    /// The words of the runbook that it stands for, where the binding supplies it.
    pub stands_for: Option<String>,
}

impl Amount {
    /// For a message: the words, and whose they are.
    pub fn shown(&self) -> String {
        match &self.stands_for {
            Some(words) => format!("{}, supplied for `{words}`", self.text),
            None => self.text.clone(),
        }
    }
}

/// Names of a condition, any of which is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// As the runbook writes them.
    pub names: Vec<String>,
    /// 1-based line of the runbook.
    pub line: u32,
}

/// Why a kind of condition cannot be made of its terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermError {
    /// 1-based line of the runbook, where a text of it is to blame and not the binding.
    pub line: Option<u32>,
    /// What is wrong.
    pub what: String,
    /// What should have been there.
    pub looked_for: String,
}

/// The terms of one condition, from which its kind takes those that it needs.
#[derive(Debug, Default)]
pub struct Terms {
    left: BTreeMap<String, Term>,
    taken: Vec<Term>,
    findings: Vec<StaticFinding>,
}

impl Terms {
    /// Adds a term. Error: it is there already.
    pub fn add(&mut self, term: Term) -> Result<(), TermError> {
        let (name, line) = (term.term.clone(), term.line);
        match self.left.insert(name.clone(), term) {
            None => Ok(()),
            Some(_) => Err(TermError {
                line: Some(line),
                what: format!("the term `{name}` is given twice"),
                looked_for: "it once: in the text, or supplied".into(),
            }),
        }
    }

    /// Takes names.
    pub fn names(&mut self, name: &str) -> Result<Names, TermError> {
        let wanted = "names in code spans";
        let term = self.take(name, wanted)?;
        match term.value {
            Value::Names(names) => Ok(Names { names, line: term.line }),
            _ => Err(of_another_kind(&term, wanted)),
        }
    }

    /// Takes a duration within these bounds, in milliseconds. `means` says what it is, for the finding of a supplied
    /// one.
    pub fn duration(&mut self, name: &str, bounds: RangeInclusive<u64>, means: &str) -> Result<Amount, TermError> {
        let wanted = "a duration (`30 minutes`)";
        let term = self.take(name, wanted)?;
        match term.value {
            Value::DurationMs(value) if !term.at_least => self.amount(term, value, (bounds, "milliseconds"), means),
            _ => Err(of_another_kind(&term, wanted)),
        }
    }

    /// As [`Terms::duration`], for one that has to last so long: `30+ minutes` says that as well.
    pub fn at_least(&mut self, name: &str, bounds: RangeInclusive<u64>, means: &str) -> Result<Amount, TermError> {
        if let Some(term) = self.left.get_mut(name) {
            term.at_least = false;
        }
        self.duration(name, bounds, means)
    }

    /// Takes a percentage within these bounds; `means` as for [`Terms::duration`].
    pub fn percent(&mut self, name: &str, bounds: RangeInclusive<u64>, means: &str) -> Result<Amount, TermError> {
        let wanted = "a percentage (`50%`)";
        let term = self.take(name, wanted)?;
        match term.value {
            Value::Percent(value) if !term.at_least => self.amount(term, value, (bounds, "percent"), means),
            _ => Err(of_another_kind(&term, wanted)),
        }
    }

    /// Takes words that are no quantity, and gives their line. `told` says how they are told; that the text does not
    /// is a finding.
    pub fn question(&mut self, name: &str, told: &str) -> Result<u32, TermError> {
        let wanted = "words that are supplied without a value";
        let term = self.take(name, wanted)?;
        let (Value::Question, Some(supplied)) = (&term.value, &term.supplied) else {
            return Err(of_another_kind(&term, wanted));
        };
        let message = format!(
            "the text does not say how to tell `{}`; read as: {told}, because {}",
            supplied.stands_for, supplied.because
        );
        self.findings.push(TextRule::SuppliedReading.found(term.line, message));
        Ok(term.line)
    }

    /// What was taken, and the findings that it made. Error: something is left, which the kind has no use for.
    pub fn finish(self, kind: &str) -> Result<(Vec<Term>, Vec<StaticFinding>), TermError> {
        match self.left.into_values().next() {
            None => Ok((self.taken, self.findings)),
            Some(term) => Err(TermError {
                line: None,
                what: format!("the term `{}` is none of the kind `{kind}`", term.term),
                looked_for: "terms that the kind knows; ARCHITECTURE.md says where the kinds are".into(),
            }),
        }
    }

    fn take(&mut self, name: &str, wanted: &str) -> Result<Term, TermError> {
        let term = self.left.remove(name).ok_or_else(|| TermError {
            line: None,
            what: format!("the term `{name}` is given nowhere"),
            looked_for: format!("{wanted}, as {{{name}}} in `reads` or as `supplied`"),
        })?;
        self.taken.push(term.clone());
        Ok(term)
    }

    fn amount(
        &mut self,
        term: Term,
        value: u64,
        (bounds, unit): (RangeInclusive<u64>, &str),
        means: &str,
    ) -> Result<Amount, TermError> {
        if !bounds.contains(&value) {
            return Err(TermError {
                // Of a supplied one the binding is to blame.
                line: term.supplied.is_none().then_some(term.line),
                what: format!("`{}` for `{}`", term.text, term.term),
                looked_for: format!("{} to {} {unit}", bounds.start(), bounds.end()),
            });
        }
        if let Some(Supplied { stands_for, because }) = &term.supplied {
            let value = &term.text;
            let message =
                format!("the text gives no number for `{stands_for}` ({means}); supplied: {value}, because {because}");
            self.findings.push(TextRule::SuppliedReading.found(term.line, message));
        }
        let stands_for = term.supplied.map(|supplied| supplied.stands_for);
        Ok(Amount { value, text: term.text, line: term.line, stands_for })
    }
}

fn of_another_kind(term: &Term, wanted: &str) -> TermError {
    TermError {
        line: term.supplied.is_none().then_some(term.line),
        what: format!("`{}` for `{}`", term.text, term.term),
        looked_for: wanted.to_owned(),
    }
}
