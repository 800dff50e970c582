//! What is refused of a section and of its binding, and how it is said.

use std::path::Path;

use crate::decide::Rules;
use crate::runbook::{Runbook, RunbookError};

fn shipped(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/runbooks");
    std::fs::read_to_string(folder.join(file)).unwrap()
}

fn read(runbook: &str, binding: &str) -> Result<Rules, RunbookError> {
    Runbook::from_texts(("r.md", runbook.as_bytes()), ("b.toml", binding.as_bytes())).unwrap().decision()
}

fn edit(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from:?}");
    text.replacen(from, to, 1)
}

fn line_of(text: &str, words: &str) -> usize {
    text.lines().position(|line| line.contains(words)).unwrap_or_else(|| panic!("{words:?}")) + 1
}

#[test]
fn conditions_have_their_terms_with_their_lines() {
    let text = shipped("rollback.md");
    let rules = read(&text, &shipped("rollback.binding.toml")).unwrap();
    assert_eq!(rules.line as usize, line_of(&text, "## When to roll back"));
    assert_eq!(rules.otherwise.line as usize, line_of(&text, "Otherwise look for"));
    let numbers: Vec<u64> = rules.conditions.iter().map(|condition| condition.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    let third = &rules.conditions[2];
    let terms: Vec<(&str, &str, usize)> =
        third.terms.iter().map(|term| (term.term.as_str(), term.text.as_str(), term.line as usize)).collect();
    let line = line_of(&text, "`invoke-latency-spike.md` or");
    assert_eq!(
        terms,
        [
            ("alerts", "invoke-latency-spike.md or dispatch-latency-spike.md", line),
            ("deploy_within", "24 hours", line),
            // Its own line, where the item goes on.
            ("crates", "tensor-wasm-api, tensor-wasm-exec or tensor-wasm-wasi-gpu", line + 1),
        ]
    );
    let found: Vec<(usize, &str)> =
        rules.findings.iter().map(|finding| (finding.line as usize, finding.rule.as_str())).collect();
    let (first, second) = (line_of(&text, "`availability-fast-burn.md` fires"), line_of(&text, "30+ minutes"));
    let lines = [first, first, second, second, line_of(&text, "Over 50%")];
    assert_eq!(found, lines.map(|line| (line, "supplied-reading")));
}

/// (words of the runbook, what replaces them, words whose line is blamed, the error after file and line).
type Edit<'a> = (&'a str, &'a str, &'a str, &'a str);

#[test]
fn edits_of_the_section_are_refused_with_their_line() {
    #[rustfmt::skip]
    let cases: &[Edit<'_>] = &[
        // Words that turn a condition round, or add to it.
        ("kept firing for 30+ minutes without", "kept firing for 30+ minutes with or without", "30+ minutes", "list item 2 does not read as it is bound: there is `with or without getting better.`; looked for `without getting better.`"),
        ("without getting better.", "without getting better, unless it is a Friday.", "30+ minutes", "there is `better, unless it is a Friday.`; looked for `better.`"),
        ("makes a likely cause.", "makes a likely cause. Ask first.", "availability-fast-burn", "there is `Ask first.`; looked for the end"),
        ("is the suspect.", "is the suspect", "Over 50%", "there is `suspect`; looked for `suspect.`"),
        ("The first of these that holds", "All of these that hold", "All of these", "paragraph 1 does not read as it is bound"),
        ("Otherwise look for the cause first.", "Otherwise roll back all the same.", "Otherwise roll", "paragraph 2 is not the one that is bound: `Otherwise roll back all the same."),
        // Quantities.
        ("for 30+ minutes", "for long", "kept firing", "there is `long without getting better.`; looked for {firing_for}: a duration"),
        ("for 30+ minutes", "for 20-30 minutes", "kept firing", "there is `20-30 minutes without"),
        ("for 30+ minutes", "for 1.5 hours", "kept firing", "there is `1.5 hours without"),
        ("for 30+ minutes", "for 50%", "kept firing", "list item 2: `50%` for `firing_for`; looked for a duration"),
        ("for 30+ minutes", "for 30 days", "kept firing", "list item 2: `30 days` for `firing_for`; looked for 60000 to 604800000 milliseconds"),
        ("last 24 hours", "last 24+ hours", "invoke-latency-spike", "list item 3: `24+ hours` for `deploy_within`; looked for a duration"),
        ("last 24 hours", "last `24 hours`", "invoke-latency-spike", "list item 3: `24 hours` for `deploy_within`; looked for a duration"),
        ("Over 50%", "Over 150%", "Over 150%", "list item 4: `150%` for `spent_over`; looked for 1 to 100 percent"),
        ("Over 50%", "Over half", "Over half", "there is `half of a month"),
        // Names.
        ("1. `availability-fast-burn.md` fires", "1. availability-fast-burn.md fires", "availability-fast-burn", "there is `availability-fast-burn.md fires"),
        ("`tensor-wasm-exec` or `tensor-wasm-wasi-gpu`", "`tensor-wasm-exec` and `tensor-wasm-wasi-gpu`", "`tensor-wasm-exec` and", "there is `and tensor-wasm-wasi-gpu.`; looked for `or` before the last name"),
        ("`tensor-wasm-exec` or `tensor-wasm-wasi-gpu`", "`tensor-wasm-exec`, `tensor-wasm-wasi-gpu`", "`tensor-wasm-exec`, `tensor", "there is `.`; looked for `or` before the last name"),
        ("(`SLO.md` §4.5) went", "(`SLA.md` §4.5) went", "`SLA.md` §4.5) went", "there is `SLA.md §4.5) went in one 24-hour window, and a release is the suspect.`; looked for the code span `SLO.md`"),
        ("(`SLO.md` §4.5) went", "(SLO.md §4.5) went", "(SLO.md §4.5) went", "looked for the code span `SLO.md`"),
        ("within the last", "within the `last`", "within the", "there is `last 24 hours"),
        // The list and what stands round it.
        ("Otherwise look for", "5. It is Friday.\n\nOtherwise look for", "5. It is", "list item 5 is not bound: `It is Friday.`"),
        ("Otherwise look for", "Never on a Friday.\n\nOtherwise look for", "Never on", "paragraph 2 is not the one that is bound"),
        ("## Prerequisites", "Never on a Friday.\n\n## Prerequisites", "Never on", "paragraph 3 is not bound: `Never on a Friday.`"),
        ("## Prerequisites", "### More\n\n## Prerequisites", "### More", "the heading `More` is inside the section"),
        ("## When to roll back", "## Whether to roll back", "", "a section is missing; looked for a heading that begins `When to roll back` (`decide` needs it)"),
    ];
    let (runbook, binding) = (shipped("rollback.md"), shipped("rollback.binding.toml"));
    for (from, to, blamed, wanted) in cases {
        let text = edit(&runbook, from, to);
        let error = read(&text, &binding).map(|_| ()).unwrap_err().to_string();
        let place = match *blamed {
            "" => "r.md: ".to_owned(),
            words => format!("r.md:{}: ", line_of(&text, words)),
        };
        assert!(error.starts_with(&place) && error.contains(wanted), "{from:?} -> {to:?}: {error}");
        assert!(error.contains("; looked for "), "{error}");
    }
}

#[test]
fn edits_of_the_binding_are_refused() {
    #[rustfmt::skip]
    let cases = [
        ("kind = \"alert-persists\"", "kind = \"alert-bores\"", "b.toml: decision: no kind of condition `alert-bores`; looked for alert-after-deploy, alert-and-crates, alert-persists, budget-and-suspect"),
        ("kind = \"alert-persists\"", "kind = \"budget-and-suspect\"", "b.toml: decision: list item 2: the term `spent_over` is given nowhere"),
        ("kind = \"alert-persists\"", "kind = \"alert-after-deploy\"", "b.toml: decision: list item 2: the term `deploy_before` is given nowhere"),
        ("{alerts} has kept firing for {firing_for} without", "{alerts} has kept firing for {firing} without", "b.toml: decision: list item 2: the term `firing_for` is given nowhere"),
        ("{alerts} has kept firing for {firing_for} without", "{alerts has kept firing for {firing_for} without", "b.toml: decision: list item 2: "),
        ("{alerts} has kept firing for {firing_for} without", "{alerts}{firing_for} without", "b.toml: decision: list item 2: "),
        ("term = \"deploy_before\"", "term = \"alerts\"", "r.md:11: list item 1: the term `alerts` is given twice"),
        ("term = \"deploy_before\"", "term = \"deploy_after\"", "b.toml: decision: list item 1: the term `deploy_before` is given nowhere"),
        ("value = \"65 minutes\"", "value = \"soon\"", "b.toml: decision: list item 1: `deploy_before` is supplied as `soon`"),
        ("value = \"65 minutes\"", "value = \"65%\"", "b.toml: decision: list item 1: `65%` for `deploy_before`"),
        ("value = \"65 minutes\"", "value = \"65 ms\"", "b.toml: decision: list item 1: `65 ms` for `deploy_before`; looked for 60000 to"),
        ("value = \"65 minutes\"\n", "", "b.toml: decision: list item 1: `shortly before` for `deploy_before`"),
        ("term = \"cause\"\n", "term = \"cause\"\nvalue = \"10%\"\n", "b.toml: decision: list item 1: `10%` for `cause`"),
        ("[\"shortly before\", \"recent\"]", "[\"long before\"]", "r.md:11: list item 1 has 0 times what `deploy_before` is supplied for; looked for the words `long before`, once"),
        ("[\"shortly before\", \"recent\"]", "[\"shortly before\", \"shortly\"]", "r.md:11: list item 1 has 2 times"),
        ("because = \"times are all that can be held against each other\"", "because = \" \"", "b.toml: decision: list item 1: `cause` is supplied without a reason"),
        ("otherwise = { paragraph = 2,", "otherwise = { paragraph = 1,", "b.toml: decision: paragraph 1 is bound twice"),
        ("otherwise = { paragraph = 2,", "otherwise = { paragraph = 3,", "r.md:7: the section has no paragraph 3 outside its list"),
        ("item = 4\nkind", "item = 3\nkind", "r.md:15: list item 4 is not bound"),
        ("item = 4\nkind", "item = 5\nkind", "r.md:15: list item 4 is not bound"),
    ];
    let (runbook, binding) = (shipped("rollback.md"), shipped("rollback.binding.toml"));
    for (from, to, wanted) in cases {
        let error = read(&runbook, &edit(&binding, from, to)).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with(wanted), "{from:?} -> {to:?}: {error}");
    }
    let twice = format!("{binding}\n[[decision.conditions]]\nitem = 1\nkind = \"alert-persists\"\nreads = [\"x\"]\n");
    let error = read(&runbook, &twice).map(|_| ()).unwrap_err().to_string();
    assert!(error.starts_with("b.toml: decision: list item 1 is bound more than once"), "{error}");
    let sixth = twice.replace("item = 1\nkind = \"alert-persists\"", "item = 6\nkind = \"alert-persists\"");
    let error = read(&runbook, &sixth).map(|_| ()).unwrap_err().to_string();
    assert!(error.starts_with("r.md:7: the section has no list item 6"), "{error}");
}

/// A binding without the table can be drilled as before; only `decide` asks for it.
#[test]
fn only_decide_needs_the_table() {
    let (runbook, binding) = (shipped("rollback.md"), shipped("rollback.binding.toml"));
    let (from, to) = (binding.find("[decision]").unwrap(), binding.find("[[options_wanted]]").unwrap());
    let without = format!("{}{}", &binding[..from], &binding[to..]);
    let read =
        |binding: &str| Runbook::from_texts(("r.md", runbook.as_bytes()), ("b.toml", binding.as_bytes())).unwrap();
    let releases = crate::procedure::Releases { good: "0.3.8".parse().unwrap(), bad: "0.4.0".parse().unwrap() };
    for topology in ["systemd", "docker", "compose"] {
        let procedure = |binding| read(binding).procedure(topology, &releases).unwrap();
        assert_eq!(procedure(&without), procedure(&binding), "{topology}");
    }
    let error = read(&without).decision().map(|_| ()).unwrap_err().to_string();
    assert!(error.starts_with("b.toml: the binding does not say when to roll back; looked for the table `[decision]`"));
}
