//! When to roll back: from the section's prose and the binding to rules that can be judged.

use super::binding::{Binding, ConditionBinding, DecisionBinding, SuppliedTerm};
use super::document::{Document, Item, Prose, Section};
use super::error::{RunbookError, quote};
use super::place;
use super::quantity::{self, Unit};
use crate::decide::conditions::{Kind, REGISTRY};
use crate::decide::terms::{Supplied, Term, TermError, Terms, Value};
use crate::decide::{Condition, Quoted, Rules};
use crate::procedure::StaticFinding;

mod template;

use template::{Mismatch, Template};

/// The document's side of each message.
struct Reader<'a> {
    document: &'a Document,
    binding_name: &'a str,
}

/// Reads the section.
pub(super) fn read(document: &Document, binding: &Binding, binding_name: &str) -> Result<Rules, RunbookError> {
    let reader = Reader { document, binding_name };
    let decision = binding.decision.as_ref().ok_or_else(|| {
        let wanted = "the table `[decision]`, which says how its conditions read";
        let advice = "bind the section; scenarios/README.md says how";
        RunbookError::file(binding_name, "the binding does not say when to roll back", wanted, advice)
    })?;
    let section = place::one_list(document, &binding.sections.decision, "`decide` needs it")?;
    reader.all_bound(section, decision)?;
    let order = reader.whole(section, decision)?;
    let otherwise = reader.opening(section, decision)?;
    reader.nothing_else(section, decision)?;
    let mut findings = Vec::new();
    let mut conditions = Vec::new();
    for item in &section.items {
        // `all_bound` has seen that there is exactly one.
        for bound in decision.conditions.iter().filter(|bound| bound.item == item.number) {
            let (condition, found) = reader.condition(item, bound)?;
            conditions.push(condition);
            findings.extend(found);
        }
    }
    let (heading, line) = (section.heading.clone(), section.line);
    Ok(Rules { heading, line, order, conditions, otherwise, findings })
}

impl Reader<'_> {
    /// Every list item is bound once, and nothing is bound that is not there.
    fn all_bound(&self, section: &Section, decision: &DecisionBinding) -> Result<(), RunbookError> {
        let bound: Vec<u64> = decision.conditions.iter().map(|condition| condition.item).collect();
        place::all_bound(self.document, section, &bound)?;
        let twice = bound.iter().find(|item| bound.iter().filter(|other| other == item).count() > 1);
        if let Some(twice) = twice {
            let what = format!("decision: list item {twice} is bound more than once");
            return Err(self.binding(what, "each item once"));
        }
        if let Some(missing) = bound.iter().find(|number| !section.items.iter().any(|item| item.number == **number)) {
            let what = format!("the section has no list item {missing}");
            let advice = "add the item, or mend the binding";
            return Err(self.document(section.line, what, format!("list item {missing}, a condition"), advice));
        }
        let (order, otherwise) = (decision.order.paragraph, decision.otherwise.paragraph);
        if order == otherwise {
            return Err(self.binding(format!("decision: paragraph {order} is bound twice"), "two paragraphs"));
        }
        Ok(())
    }

    /// No paragraph beside those two.
    fn nothing_else(&self, section: &Section, decision: &DecisionBinding) -> Result<(), RunbookError> {
        let (order, otherwise) = (decision.order.paragraph, decision.otherwise.paragraph);
        let free = section.paragraphs.iter().zip(1u32..).find(|(_, number)| ![order, otherwise].contains(number));
        match free {
            None => Ok(()),
            Some((prose, number)) => Err(self.document(
                prose.line,
                format!("paragraph {number} is not bound: {}", quote(&prose.text)),
                format!("no paragraphs but {order} and {otherwise}"),
                "say it in a condition, or in another section",
            )),
        }
    }

    fn whole(&self, section: &Section, decision: &DecisionBinding) -> Result<Quoted, RunbookError> {
        let order = &decision.order;
        let prose = self.paragraph(section, order.paragraph)?;
        let which = format!("paragraph {}", order.paragraph);
        let terms = self.matched(prose, &order.reads, &which)?;
        match terms.first() {
            None => Ok(quoted(prose)),
            Some(term) => {
                Err(self.binding(format!("decision: {which} has the term `{}`", term.term), "no terms there"))
            }
        }
    }

    fn opening(&self, section: &Section, decision: &DecisionBinding) -> Result<Quoted, RunbookError> {
        let otherwise = &decision.otherwise;
        let prose = self.paragraph(section, otherwise.paragraph)?;
        let begins = |begins: &&String| !begins.trim().is_empty() && prose.text.starts_with(begins.as_str());
        match otherwise.begins.iter().find(begins) {
            Some(begins) => Ok(Quoted { line: prose.line, text: begins.clone() }),
            None => {
                let what =
                    format!("paragraph {} is not the one that is bound: {}", otherwise.paragraph, quote(&prose.text));
                let wanted = format!("one that begins {}", any_of(&otherwise.begins));
                Err(self.document(prose.line, what, wanted, "put it back, or mend the binding"))
            }
        }
    }

    fn paragraph<'d>(&self, section: &'d Section, number: u32) -> Result<&'d Prose, RunbookError> {
        let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        at.and_then(|at| section.paragraphs.get(at)).ok_or_else(|| {
            let what = format!("the section has no paragraph {number} outside its list");
            let advice = "add the paragraph, or mend the binding";
            self.document(section.line, what, format!("paragraph {number}"), advice)
        })
    }

    fn condition(
        &self,
        item: &Item,
        bound: &ConditionBinding,
    ) -> Result<(Condition, Vec<StaticFinding>), RunbookError> {
        let kind: &Kind = REGISTRY.iter().find(|kind| kind.id == bound.kind).ok_or_else(|| {
            let known: Vec<&str> = REGISTRY.iter().map(|kind| kind.id).collect();
            self.binding(format!("decision: no kind of condition {}", quote(&bound.kind)), known.join(", "))
        })?;
        let which = format!("list item {}", bound.item);
        let of_terms = |error: TermError| self.term_error(error, &which);
        let mut terms = Terms::default();
        for term in self.matched(&item.prose, &bound.reads, &which)? {
            terms.add(term).map_err(of_terms)?;
        }
        for supplied in &bound.supplied {
            terms.add(self.supplied(&item.prose, supplied, &which)?).map_err(of_terms)?;
        }
        let rule = (kind.read)(&mut terms).map_err(of_terms)?;
        let (terms, findings) = terms.finish(kind.id).map_err(of_terms)?;
        let condition = Condition { number: item.number, quote: quoted(&item.prose), kind: kind.id, terms, rule };
        Ok((condition, findings))
    }

    /// The terms of the one wording that the text has; else what the wording that goes furthest does not find.
    fn matched(&self, prose: &Prose, wordings: &[String], which: &str) -> Result<Vec<Term>, RunbookError> {
        let mut furthest: Option<Mismatch> = None;
        for wording in wordings {
            let template = Template::parse(wording)
                .map_err(|wrong| self.binding(format!("decision: {which}: {}", quote(wording)), wrong))?;
            match template.matched(prose) {
                Ok(terms) => return Ok(terms),
                Err(mismatch) if furthest.as_ref().is_none_or(|before| before.at < mismatch.at) => {
                    furthest = Some(mismatch);
                }
                Err(_) => {}
            }
        }
        let Some(Mismatch { at, wanted }) = furthest else {
            return Err(self.binding(format!("decision: {which} has no wording"), "`reads`, with one at least"));
        };
        let rest = prose.text.get(at..).unwrap_or_default();
        let found = if rest.is_empty() { "the end".to_owned() } else { quote(rest) };
        let what = format!("{which} does not read as it is bound: there is {found}");
        let advice = "put it back, or give the binding the new wording once you have read it";
        Err(self.document(prose.line_of(at), what, wanted, advice))
    }

    fn supplied(&self, prose: &Prose, supplied: &SuppliedTerm, which: &str) -> Result<Term, RunbookError> {
        let name = &supplied.term;
        if supplied.because.trim().is_empty() {
            return Err(self.binding(format!("decision: {which}: `{name}` is supplied without a reason"), "`because`"));
        }
        let mut found = Vec::new();
        for words in supplied.stands_for.iter().filter(|words| !words.trim().is_empty()) {
            found.extend(prose.text.match_indices(words.as_str()));
        }
        let [(at, words)] = found.as_slice() else {
            let what = format!("{which} has {} times what `{name}` is supplied for", found.len());
            let wanted = format!("the words {}, once", any_of(&supplied.stands_for));
            return Err(self.document(prose.line, what, wanted, "mend `stands_for`"));
        };
        let (text, value) = match &supplied.value {
            None => ((*words).to_owned(), Value::Question),
            Some(value) => (value.clone(), self.value(value, name, which)?),
        };
        let supplied = Supplied { stands_for: (*words).to_owned(), because: supplied.because.clone() };
        let line = prose.line_of(*at);
        Ok(Term { term: name.clone(), text, value, at_least: false, line, supplied: Some(supplied) })
    }

    fn value(&self, written: &str, name: &str, which: &str) -> Result<Value, RunbookError> {
        match quantity::whole(written) {
            Some(quantity) if quantity.unit == Unit::Duration => Ok(Value::DurationMs(quantity.from)),
            Some(quantity) if quantity.unit == Unit::Percent => Ok(Value::Percent(quantity.from)),
            _ => {
                let what = format!("decision: {which}: `{name}` is supplied as {}", quote(written));
                Err(self.binding(what, "a duration (`65 minutes`) or a percentage (`10%`)"))
            }
        }
    }

    fn term_error(&self, error: TermError, which: &str) -> RunbookError {
        let TermError { line, what, looked_for } = error;
        let what = format!("{which}: {what}");
        match line {
            Some(line) => self.document(line, what, looked_for, "write what is meant, or mend the binding"),
            None => self.binding(format!("decision: {what}"), looked_for),
        }
    }

    fn binding(&self, what: String, looked_for: impl Into<String>) -> RunbookError {
        RunbookError::file(self.binding_name, what, looked_for, "mend the binding")
    }

    fn document(&self, line: u32, what: String, looked_for: impl Into<String>, advice: &str) -> RunbookError {
        RunbookError::at(&self.document.name, line, what, looked_for, advice)
    }
}

fn quoted(prose: &Prose) -> Quoted {
    Quoted { line: prose.line, text: prose.text.clone() }
}

fn any_of(words: &[String]) -> String {
    words.iter().map(|words| quote(words)).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests;
