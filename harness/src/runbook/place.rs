//! Finding the places that a binding names, and saying what was looked for where they are not.

use super::binding::{SectionKey, Sections, SpanBinding};
use super::document::{Document, Item, Prose, Section, Span};
use super::error::{RunbookError, quote};

/// 1-based line of a byte offset.
pub(super) fn line_of_offset(text: &str, offset: usize) -> u32 {
    let before = text.as_bytes().iter().take(offset);
    before.filter(|byte| **byte == b'\n').count() as u32 + 1
}

/// Whether the words begin with these words, ending at a blank or at the end. Whitespace counts as one blank.
pub(super) fn begins_with(text: &str, begins: &str) -> bool {
    let text = normal(text);
    text.strip_prefix(&normal(begins)).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

fn normal(text: &str) -> String {
    // A backslash at the end of a line only joins the lines.
    text.replace("\\\n", " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A section that is needed. `why` says for what.
pub(super) fn section<'d>(document: &'d Document, begins: &str, why: &str) -> Result<&'d Section, RunbookError> {
    let section = document.section(begins)?.ok_or_else(|| {
        let wanted = format!("a heading that begins {} ({why})", quote(begins));
        RunbookError::file(&document.name, "a section is missing", wanted, "add the section, or bind its new heading")
    })?;
    match document.subheading(section) {
        None => Ok(section),
        Some(inner) => Err(RunbookError::at(
            &document.name,
            inner.line,
            format!("the heading {} is inside the section of line {}", quote(&inner.heading), section.line),
            "a section without headings inside, so that all of it is bound",
            "make it a section of its own",
        )),
    }
}

/// A shared section, its items all from one list.
pub(super) fn shared<'d>(
    document: &'d Document,
    sections: &Sections,
    key: SectionKey,
) -> Result<&'d Section, RunbookError> {
    one_list(document, sections.begins(key), "all topologies need it")
}

/// A section that is needed, its items all from one list. `why` says for what.
pub(super) fn one_list<'d>(document: &'d Document, begins: &str, why: &str) -> Result<&'d Section, RunbookError> {
    let found = section(document, begins, why)?;
    match found.items.iter().find(|item| item.list > 1) {
        None => Ok(found),
        Some(second) => Err(RunbookError::at(
            &document.name,
            second.prose.line,
            "a second list in this section",
            "one list, so that an item's number names it",
            "join the lists",
        )),
    }
}

/// The item with this number, which must hold these words.
pub(super) fn item<'d>(
    document: &'d Document,
    section: &'d Section,
    number: u64,
    says: &str,
) -> Result<&'d Item, RunbookError> {
    let found = section.items.iter().find(|item| item.number == number).ok_or_else(|| {
        let what = format!("the section has no list item {number}");
        let wanted = format!("list item {number}, with the word {}", quote(says));
        RunbookError::at(&document.name, section.line, what, wanted, "add the item, or mend the binding")
    })?;
    says_so(document, &found.prose, says, &format!("list item {number}"))?;
    Ok(found)
}

/// The n-th paragraph, which must hold these words.
pub(super) fn paragraph<'d>(
    document: &'d Document,
    section: &'d Section,
    number: u32,
    says: &str,
) -> Result<&'d Prose, RunbookError> {
    let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    let found = at.and_then(|at| section.paragraphs.get(at)).ok_or_else(|| {
        let what = format!("the section has no paragraph {number} outside its list");
        let wanted = format!("paragraph {number}, with the word {}", quote(says));
        RunbookError::at(&document.name, section.line, what, wanted, "add the paragraph, or mend the binding")
    })?;
    says_so(document, found, says, &format!("paragraph {number}"))?;
    Ok(found)
}

fn says_so(document: &Document, prose: &Prose, says: &str, which: &str) -> Result<(), RunbookError> {
    if !says.is_empty() && prose.text.to_lowercase().contains(&says.to_lowercase()) {
        return Ok(());
    }
    let what = format!("{which} is not the one that is bound: {}", quote(&prose.text));
    let wanted = format!("the word {} in it", quote(says));
    Err(RunbookError::at(&document.name, prose.line, what, wanted, "put the item back, or mend the binding"))
}

/// Every item of the section has a binding.
pub(super) fn all_bound(document: &Document, section: &Section, bound: &[u64]) -> Result<(), RunbookError> {
    match section.items.iter().find(|item| !bound.contains(&item.number)) {
        None => Ok(()),
        Some(item) => Err(RunbookError::at(
            &document.name,
            item.prose.line,
            format!("list item {} is not bound: {}", item.number, quote(&item.prose.text)),
            format!("no items but {bound:?}"),
            "bind the item",
        )),
    }
}

/// The spans of a text, each with its binding: as many as there are bindings, each where it is bound.
pub(super) fn spans<'d>(
    document: &'d Document,
    prose: &'d Prose,
    bindings: &'d [SpanBinding],
    which: &str,
) -> Result<Vec<(&'d Span, &'d SpanBinding)>, RunbookError> {
    let mut found = Vec::new();
    for nth in 0..prose.spans.len().max(bindings.len()) {
        match (prose.spans.get(nth), bindings.get(nth)) {
            (Some(span), Some(binding)) if begins_with(&span.text, &binding.begins) => found.push((span, binding)),
            (Some(span), Some(binding)) => {
                let what = format!("code span {} of {which} is {}", nth + 1, quote(&span.text));
                let wanted = format!("one that begins {}", quote(&binding.begins));
                let advice = "put it back where it was, or bind it here";
                return Err(RunbookError::at(&document.name, span.line, what, wanted, advice));
            }
            (Some(span), None) => {
                let what = format!("an unbound code span in {which}: {}", quote(&span.text));
                let wanted = format!("{} bound code spans", bindings.len());
                let advice = "bind it, as a command or as a mention";
                return Err(RunbookError::at(&document.name, span.line, what, wanted, advice));
            }
            (None, Some(binding)) => {
                let what = format!("{which} has no code span {}", nth + 1);
                let wanted = format!("one that begins {}", quote(&binding.begins));
                return Err(RunbookError::at(
                    &document.name,
                    prose.line,
                    what,
                    wanted,
                    "put it back, or mend the binding",
                ));
            }
            (None, None) => {}
        }
    }
    Ok(found)
}

/// Paragraphs hold no code spans but these.
pub(super) fn only_mentions<'d>(
    document: &Document,
    paragraphs: impl Iterator<Item = &'d Prose>,
    mentions: &[String],
) -> Result<(), RunbookError> {
    for span in paragraphs.flat_map(|prose| &prose.spans) {
        if !mentions.contains(&span.text) {
            let what = format!("an unbound code span: {}", quote(&span.text));
            let wanted = format!("no code spans but {mentions:?}");
            return Err(RunbookError::at(&document.name, span.line, what, wanted, "bind it as a mention, or move it"));
        }
    }
    Ok(())
}

/// The line of words that stand exactly once in these texts, whitespace and case apart.
pub(super) fn quoted<'d>(
    document: &Document,
    prose: impl Iterator<Item = &'d Prose>,
    words: &str,
    within: (&str, u32),
) -> Result<u32, RunbookError> {
    let wanted = normal(words).to_lowercase();
    let mut lines = Vec::new();
    for prose in prose.filter(|_| !wanted.is_empty()) {
        // Lower case may change lengths outside ASCII, and with them the offsets: the line is for a person.
        lines.extend(prose.text.to_lowercase().match_indices(&wanted).map(|(at, _)| prose.line_of(at)));
    }
    match lines.as_slice() {
        [line] => Ok(*line),
        [] => Err(RunbookError::at(
            &document.name,
            within.1,
            format!("{} does not ask for what the binding supplies", within.0),
            format!("the words {}", quote(words)),
            "mend `stands_for`, or remove the supplied command",
        )),
        [_, second, ..] => Err(RunbookError::at(
            &document.name,
            *second,
            format!("these words stand {} times in {}", lines.len(), within.0),
            format!("the words {} once", quote(words)),
            "give `stands_for` more words",
        )),
    }
}
