//! Texts that nobody wrote: any text is read or refused, and small scripts do what they do in bash.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::grammar::{command, heredoc_is_last, simple};
use super::{interpreted, machine_with, parse, real};

proptest! {
    #![proptest_config(Config { cases: 3000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
        let _ = parse(&text);
    }

    #[test]
    fn any_text_of_the_shells_own_characters_is_read_or_refused(
        text in "[ab1 \t\n$(){}\"'`\\\\|&;<>!#*?~=\\[\\]:/%+@,.-]{0,60}"
    ) {
        let _ = parse(&text);
    }

    #[test]
    fn any_pieces_of_the_grammar_are_read_or_refused(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "if ", "then ", "fi", "; ", "while ", "do ", "done", "case ", " in ", "esac", "a) ", "${x", "}", "$(", ")",
            "$((", "))", "<<E\n", "\nE\n", "\"", "'", "`", "[[ ", " ]]", " && ", " | ", "{ ", "( ", "a", "x=",
            "\n", ">",
            "2>&1", "é",
        ]), 0..25)
    ) {
        let _ = parse(&pieces.concat());
    }
}

fn without_rows(mut seen: Vec<super::Seen>) -> Vec<super::Seen> {
    for command in &mut seen {
        command.output = super::grammar::without_rows(&command.output);
    }
    seen
}

#[test]
fn generated_scripts_do_what_they_do_in_bash() {
    if real(&["true"]).is_none() {
        eprintln!("no bash 5.2 here: nothing to compare with");
        return;
    }
    let cases = if cfg!(debug_assertions) { 400 } else { 2000 };
    let mut runner = TestRunner::new_with_rng(
        Config { cases, failure_persistence: None, max_shrink_iters: 300, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let scripts =
        prop::collection::vec(command(simple()).prop_filter("one heredoc", |text| heredoc_is_last(text)), 1..4);
    let result = runner.run(&scripts, |commands| {
        let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
        let Some(wanted) = real(&commands) else { return Ok(()) };
        let seen = interpreted(&mut machine_with(Vec::new()), &commands);
        prop_assert_eq!(without_rows(wanted), without_rows(seen));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
