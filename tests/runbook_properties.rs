//! Properties of the way from text to procedure: nothing is lost in splitting, and no input makes anything panic.
//!
//! The seed is fixed, so that a failure here is the same failure everywhere.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside of #[test] functions stop a test like an assertion"
)]

use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use rollback_harness::decide::{Condition, Rules};
use rollback_harness::procedure::{Procedure, Releases};
use rollback_harness::runbook::document::Document;
use rollback_harness::runbook::quantity::quantities;
use rollback_harness::runbook::{Runbook, RunbookError, placeholder, shell};
use rollback_harness::scenario::{self, Known};

const SEED: [u8; 32] = *b"rollback-drill runbook property ";

fn check<S: Strategy>(cases: u32, strategy: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &SEED));
    match runner.run(&strategy, test) {
        Ok(()) => {}
        Err(TestError::Fail(reason, value)) => panic!("{reason} with {value:#?} (seed {SEED:?})"),
        Err(TestError::Abort(reason)) => panic!("gave up: {reason}"),
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/runbooks")
}

fn shipped(file: &str) -> String {
    std::fs::read_to_string(folder().join(file)).unwrap()
}

fn releases() -> Releases {
    Releases { good: "0.3.8".parse().unwrap(), bad: "0.4.0".parse().unwrap() }
}

/// Shell-like text: the pieces that decide where commands end, in any order.
fn shell_text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a",
        "bb -c",
        "echo x",
        "; ",
        ";",
        "\n",
        "\n\n",
        " && ",
        " || ",
        " | ",
        " |& ",
        " & ",
        "&",
        "# 1. T\n",
        "# c",
        "'",
        "\"",
        "`",
        "$(",
        ")",
        "(",
        "{ ",
        "}",
        "\\\n",
        "\\",
        "<<EOF",
        "EOF\n",
        "<<'E'\n",
        "E\n",
        "<<-X",
        "<<<",
        " > f",
        " 2>&1",
        "until ",
        "while ",
        "do ",
        "done",
        "if ",
        "then ",
        "fi",
        "case x in ",
        "esac",
        ";;",
        "!",
        " ",
        "\t",
        "\r\n",
        "\0",
        "é",
        "$x",
        "${x:-",
        "[[ ",
        " ]]",
        "((",
        "))",
        "for i in ",
        "f() ",
        "vX.Y.Z",
        "time ",
        "=",
        "x=1 ",
        "\u{a0}",
    ]);
    vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

#[test]
fn splitting_and_joining_gives_the_original_bytes() {
    check(3_000, prop_oneof![shell_text(), any::<String>(), "[ -~\n]{0,200}"], |text| {
        let split = shell::split(&text);
        prop_assert_eq!(split.join(), text.clone());
        prop_assert_eq!(split.gaps.len(), split.commands.len() + 1);
        if split.problem.is_none() {
            for command in &split.commands {
                // A command stands alone: splitting it again gives itself.
                let again = shell::split(&command.text);
                prop_assert_eq!(again.commands.len(), 1, "{:?}", command.text);
                prop_assert_eq!(&again.commands[0].text, &command.text);
                prop_assert_eq!(again.commands[0].pipeline_parts, command.pipeline_parts);
                let rows = text.split('\n').count();
                prop_assert!(command.row < rows);
            }
        }
        Ok(())
    });
}

#[test]
fn no_text_makes_a_reader_panic() {
    let markdown = prop::sample::select(vec![
        "# ",
        "## A. systemd",
        "\n",
        "\n\n",
        "- ",
        "1. ",
        "   ",
        "    ",
        "```",
        "```bash\n",
        "~~~\n",
        "`",
        "``",
        "> ",
        "<pre>",
        "<!--",
        "-->",
        "[a](b)",
        "![",
        "*",
        "**",
        "|",
        "---",
        "===",
        "&nbsp;",
        "\\",
        "\t",
        "\r\n",
        "\0",
        "x",
        "60 seconds",
        "5-15 minutes",
        "5xx",
        "50%",
        "two fetches",
        "é",
        "\u{2028}",
        "999999999999 s",
        "0 ms",
        "–",
        "vA.B.C",
    ]);
    let markdown = vec(markdown, 0..60).prop_map(|pieces| pieces.concat().into_bytes());
    let binding = shipped("rollback.binding.toml");
    check(
        3_000,
        prop_oneof![markdown, vec(any::<u8>(), 0..300), any::<String>().prop_map(String::into_bytes)],
        |bytes| {
            let _ = Document::parse("r.md", &bytes);
            if let Ok(runbook) = Runbook::from_texts(("r.md", &bytes), ("b.toml", binding.as_bytes())) {
                let _ = runbook.procedure("systemd", &releases());
            }
            let refused = Runbook::from_texts(("r.md", b"x"), ("b.toml", &bytes));
            prop_assert!(refused.is_err());
            let known = Known { topologies: &["systemd"], criteria: &["version"], invariants: &[] };
            prop_assert!(scenario::parse("s.toml", None, &bytes, &known).is_err());
            let text = String::from_utf8_lossy(&bytes);
            for quantity in quantities(&text) {
                prop_assert_eq!(
                    text.get(quantity.offset..quantity.offset + quantity.text.len()),
                    Some(quantity.text.as_str())
                );
            }
            let _ = placeholder::find(&text);
            Ok(())
        },
    );
}

/// A small accident.
#[derive(Debug, Clone)]
enum Mutation {
    Delete(usize),
    Duplicate(usize),
    Swap(usize, usize),
    Change(usize, char),
    Insert(usize, String),
    Cut(usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = 0..10_000_usize;
    prop_oneof![
        at.clone().prop_map(Mutation::Delete),
        at.clone().prop_map(Mutation::Duplicate),
        (at.clone(), at.clone()).prop_map(|(a, b)| Mutation::Swap(a, b)),
        (at.clone(), any::<char>()).prop_map(|(at, c)| Mutation::Change(at, c)),
        (at.clone(), prop::char::range(' ', '~')).prop_map(|(at, c)| Mutation::Change(at, c)),
        (at.clone(), shell_text()).prop_map(|(at, text)| Mutation::Insert(at, text)),
        at.prop_map(Mutation::Cut),
    ]
}

fn mutate(text: &str, mutation: &Mutation) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let count = lines.len();
    match mutation {
        Mutation::Delete(at) => drop(lines.remove(at % count)),
        Mutation::Duplicate(at) => lines.insert(at % count, lines[at % count]),
        Mutation::Swap(a, b) => lines.swap(a % count, b % count),
        Mutation::Insert(at, new) => lines.insert(at % count, new),
        Mutation::Change(at, new) => {
            let length = text.chars().count();
            return text.chars().enumerate().map(|(nth, c)| if nth == at % length { *new } else { c }).collect();
        }
        Mutation::Cut(at) => return text.chars().take(at % text.chars().count()).collect(),
    }
    lines.concat()
}

/// What holds of every answer: an error says where and what; a procedure holds no placeholder and only lines that exist.
fn holds(answer: &Result<Procedure, RunbookError>, lines: usize) -> Result<(), TestCaseError> {
    let procedure = match answer {
        Ok(procedure) => procedure,
        Err(error) => {
            let said = error.to_string();
            prop_assert!(said.starts_with("r.md") || said.starts_with("b.toml"), "{}", said);
            prop_assert!(said.contains("; looked for "), "{}", said);
            return Ok(());
        }
    };
    let verified = procedure.verification.iter().filter_map(|point| point.command.as_ref());
    let failing = procedure.failure.diagnose.iter().chain(&procedure.failure.stop).chain([&procedure.failure.page]);
    let steps = procedure.steps.iter().flat_map(|step| &step.commands);
    for command in steps.chain(verified).chain(failing).chain(procedure.captures.values()) {
        prop_assert_eq!(placeholder::find(&command.text), None);
        prop_assert!((1..=lines).contains(&(command.line as usize)), "{:?}", command);
        prop_assert!(!command.classes.is_empty() && command.pipeline_parts > 0);
        prop_assert!(shell::split(&command.text).problem.is_none());
    }
    prop_assert!(procedure.findings.iter().all(|finding| (1..=lines).contains(&(finding.line as usize))));
    Ok(())
}

#[test]
fn no_accident_to_the_shipped_files_makes_anything_panic() {
    let (runbook, binding) = (shipped("rollback.md"), shipped("rollback.binding.toml"));
    check(400, (vec(mutation(), 1..4), any::<bool>()), |(mutations, in_runbook)| {
        let (mut text, mut bound) = (runbook.clone(), binding.clone());
        let target = if in_runbook { &mut text } else { &mut bound };
        for mutation in &mutations {
            if !target.is_empty() {
                *target = mutate(target, mutation);
            }
        }
        let lines = text.split('\n').count();
        match Runbook::from_texts(("r.md", text.as_bytes()), ("b.toml", bound.as_bytes())) {
            Err(error) => holds(&Err(error), lines),
            Ok(read) => {
                if let Err(error) = read.decision() {
                    holds(&Err(error), lines)?;
                }
                let topologies = ["systemd", "docker", "compose"];
                topologies.iter().try_for_each(|id| holds(&read.procedure(id, &releases()), lines))
            }
        }
    });
}

/// When to roll back is read to the letter: what is taken has the old words, or another number or name.
#[test]
fn an_accident_to_when_to_roll_back_is_refused_or_shows_in_a_term() {
    let (text, binding) = (shipped("rollback.md"), shipped("rollback.binding.toml"));
    let rules = |text: &str| {
        Runbook::from_texts(("r.md", text.as_bytes()), ("b.toml", binding.as_bytes())).and_then(|read| read.decision())
    };
    let terms = |rules: &Rules| -> Vec<Vec<String>> {
        let of = |condition: &Condition| condition.terms.iter().map(|term| term.text.clone()).collect();
        rules.conditions.iter().map(of).collect()
    };
    let shipped = rules(&text).unwrap();
    let (from, to) = (text.find("The first of these").unwrap(), text.find("Whatever lives").unwrap());
    check(600, mutation(), |mutation| {
        let edited = format!("{}{}{}", &text[..from], mutate(&text[from..to], &mutation), &text[to..]);
        match rules(&edited) {
            Err(error) => holds(&Err(error), edited.split('\n').count())?,
            Ok(read) if terms(&read) == terms(&shipped) => {
                prop_assert_eq!(&read.order.text, &shipped.order.text);
                prop_assert_eq!(&read.otherwise.text, &shipped.otherwise.text);
                for (read, shipped) in read.conditions.iter().zip(&shipped.conditions) {
                    prop_assert_eq!(&read.quote.text, &shipped.quote.text);
                }
            }
            Ok(read) => prop_assert_eq!(read.conditions.len(), shipped.conditions.len()),
        }
        Ok(())
    });
}
