//! What was judged of one drill, in aligned columns.

use super::DrillReport;
use crate::bundle::story;
use crate::criteria;
use crate::invariants;
use crate::judge::Outcome;

/// What a text is to look like on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Good,
    Warn,
    Bad,
    Quiet,
    Strong,
}

/// Paints, or leaves the text as it is.
pub(super) fn paint(colour: bool, how: Paint, text: &str) -> String {
    let code = match how {
        Paint::Good => 32,
        Paint::Warn => 33,
        Paint::Bad => 31,
        Paint::Quiet => 2,
        Paint::Strong => 1,
    };
    if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

fn of(outcome: Outcome) -> Paint {
    match outcome {
        Outcome::Pass => Paint::Good,
        Outcome::Fail => Paint::Bad,
        Outcome::Unknown => Paint::Warn,
        Outcome::NotRun => Paint::Quiet,
    }
}

/// At most `width` columns; `…` where something is left out.
pub(super) fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Lines of at most `width` columns, broken at blanks; a longer word has a line of its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    if lines.is_empty() { vec![String::new()] } else { lines }
}

/// Lines of a text for a person, in columns.
pub(super) struct Page {
    pub(super) lines: Vec<String>,
    /// Of the terminal, in columns.
    pub(super) width: usize,
    pub(super) colour: bool,
}

impl Page {
    pub(super) fn head(&mut self, head: &str) {
        self.lines.push(String::new());
        self.lines.push(paint(self.colour, Paint::Strong, &format!("  {head}")));
    }

    /// Painted cells of a fixed width, then a text that goes on below itself.
    pub(super) fn row(&mut self, cells: &[(&str, usize, Option<Paint>)], text: &str) {
        let mut line = "   ".to_owned();
        let mut indent = 3;
        for (cell, width, how) in cells {
            let padded = format!("{cell:<width$}");
            indent += 1 + padded.chars().count();
            line.push(' ');
            line.push_str(&how.map_or_else(|| padded.clone(), |how| paint(self.colour, how, &padded)));
        }
        // A narrow terminal still gets some columns.
        let width = self.width.saturating_sub(indent + 1).max(30);
        for (index, part) in wrapped(&story::printable(text), width).iter().enumerate() {
            let before = if index == 0 { line.clone() } else { " ".repeat(indent) };
            self.lines.push(format!("{before} {part}").trim_end().to_owned());
        }
    }
}

/// The lines.
pub(super) fn lines(drill: &DrillReport, width: usize, colour: bool) -> Vec<String> {
    let mut page = Page { lines: Vec::new(), width, colour };
    decision(&mut page, drill);
    criteria(&mut page, drill);
    invariants(&mut page, drill);
    faults(&mut page, drill);
    findings(&mut page, drill);
    figures(&mut page, drill);
    ending(&mut page, drill);
    page.lines
}

fn decision(page: &mut Page, drill: &DrillReport) {
    let Some(decision) = &drill.decision else { return };
    page.head("decision: whether to roll back");
    for (name, text) in story::decided::rows(decision) {
        page.row(&[(&name, 11, None)], &text);
    }
}

fn criteria(page: &mut Page, drill: &DrillReport) {
    page.head("criteria   oracle   literal");
    for id in criteria::REGISTRY.iter().map(|one| one.id()) {
        if let Some(result) = drill.judgement.criteria.get(id) {
            let (oracle, literal) = (story::word(&result.outcome), story::word(&result.literal));
            let cells =
                [(id, 8, None), (&*oracle, 8, Some(of(result.outcome))), (&*literal, 8, Some(of(result.literal)))];
            page.row(&cells, &result.detail);
        }
    }
}

fn invariants(page: &mut Page, drill: &DrillReport) {
    page.head("invariants");
    for id in invariants::REGISTRY.iter().map(|one| one.id()) {
        if let Some(result) = drill.judgement.invariants.get(id) {
            let outcome = story::word(&result.outcome);
            let events = if result.outcome == Outcome::Fail { by(&result.events) } else { String::new() };
            let cells = [(id, 20, None), (&*outcome, 7, Some(of(result.outcome)))];
            page.row(&cells, &format!("{}{events}", result.detail));
        }
    }
}

fn faults(page: &mut Page, drill: &DrillReport) {
    if !drill.judgement.faults.is_empty() {
        page.head("faults, seen from outside");
    }
    for fault in &drill.judgement.faults {
        let (seen, how) = match &fault.seen {
            Some(seen) => (seen.as_str(), None),
            None => ("nothing shows that it bit", Some(Paint::Bad)),
        };
        page.row(&[(&fault.fault, 28, how)], &format!("{seen}{}", by(&fault.events)));
    }
}

fn findings(page: &mut Page, drill: &DrillReport) {
    page.head("findings: defects of the runbook");
    let widest = drill.findings.iter().map(|finding| finding.rule.chars().count()).max().unwrap_or_default();
    for finding in &drill.findings {
        let line = finding.line.map_or_else(|| "-".into(), |line| format!("line {line}"));
        let cells = [(&*line, 8, None), (&*finding.rule, widest, Some(Paint::Warn))];
        page.row(&cells, &format!("{}{}", finding.message, by(&finding.events)));
    }
    if drill.findings.is_empty() {
        page.row(&[], "none");
    }
}

fn figures(page: &mut Page, drill: &DrillReport) {
    page.head("figures");
    for (name, value) in story::figures(&drill.metrics) {
        page.row(&[(name, 28, None)], &value);
    }
    page.row(&[("whole drill", 28, None)], &story::took(drill.duration_ms.saturating_mul(1000)));
}

fn ending(page: &mut Page, drill: &DrillReport) {
    let (word, how) = if drill.conforms { ("conforms", Paint::Good) } else { ("does not conform", Paint::Bad) };
    page.lines.push(String::new());
    let cell = |page: &mut Page, name: &str, how: Option<Paint>, text: &str| page.row(&[(name, 8, how)], text);
    cell(page, "verdict", Some(Paint::Strong), &drill.ending());
    cell(page, "because", None, &drill.judgement.because);
    let expected = drill.expected.as_ref();
    let expected = expected.map(|e| story::ending(e.verdict, &e.failing, &e.broken));
    cell(page, "expected", None, &expected.unwrap_or_else(|| "recovered, as nothing else is said".into()));
    cell(page, "result", Some(how), word);
    cell(page, "bundle", None, &drill.bundle_path);
}

fn by(events: &[u64]) -> String {
    match story::events(events) {
        none if none.is_empty() => none,
        events => format!(" ({events})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_shortened_and_wrapped_by_columns() {
        assert_eq!(shortened("äöü äöü", 7), "äöü äöü");
        assert_eq!(shortened("äöü äöü", 5), "äöü…");
        assert_eq!(shortened("abc", 0), "…");
        assert_eq!(wrapped("a bb ccc dddddd e", 4), ["a bb", "ccc", "dddddd", "e"]);
        assert_eq!(wrapped("", 4), [""]);
    }

    #[test]
    fn only_a_terminal_gets_colours() {
        assert_eq!(paint(false, Paint::Bad, "x"), "x");
        assert_eq!(paint(true, Paint::Bad, "x"), "\x1b[31mx\x1b[0m");
    }
}
