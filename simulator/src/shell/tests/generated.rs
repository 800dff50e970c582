//! Texts that nobody wrote: any text is read or refused, and small scripts do what they do in bash.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

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

fn word() -> BoxedStrategy<String> {
    let literal = prop::sample::select(vec![
        "a", "b c", "x*", "", "12", "-n", "a\\tb", "$x", "$y", "$#", "$?", "*.txt", "~", "{p,q}", "s?b", "=", "0",
    ]);
    let plain = literal.clone().prop_map(|text: &str| match text {
        "" => "''".to_owned(),
        "b c" | "a\\tb" => format!("'{text}'"),
        text => text.to_owned(),
    });
    let double = literal.prop_map(|text| format!("\"{text}\""));
    let change = prop::sample::select(vec![
        "${x:-d e}",
        "${y:+\"p q\"}",
        "${#x}",
        "${x#?}",
        "${x%%b*}",
        "${x/a/Z}",
        "${x:1}",
        "\"${x:-d e}\"",
        "$((2*3))",
        "$((n+1))",
        "\"$@\"",
        "$*",
        "\"$*\"",
        "${n:=4}",
        "\"${none}\"",
        "$none",
    ])
    .prop_map(str::to_owned);
    prop_oneof![4 => plain, 3 => double, 3 => change].boxed()
}

fn simple() -> BoxedStrategy<String> {
    let words = prop::collection::vec(word(), 0..4).prop_map(|words| words.join(" "));
    let name = prop::sample::select(vec!["echo", "printf '[%s]\\n'", "echo -n", "test", ":", "set --", "eval echo"]);
    let called = (name, words).prop_map(|(name, words)| format!("{name} {words}"));
    let assigned =
        (prop::sample::select(vec!["x", "y", "n"]), word()).prop_map(|(name, word)| format!("{name}={word}"));
    let fixed = prop::sample::select(vec![
        "true",
        "false",
        "(exit 3)",
        "read x",
        "read -r x y",
        "[ \"$x\" = a ]",
        "[[ $x == a* ]]",
        "((n > 1))",
        "nosuch",
        "cd sub",
        "shift",
        "echo err >&2",
        "set -e",
        "set -f",
        "set -o pipefail",
        "n=$((n+1))",
        "break",
        "unset x",
        "exit 4",
    ])
    .prop_map(str::to_owned);
    let redirect =
        prop::sample::select(vec!["", "", "", " > f", " >> f", " 2>&1", " < lines.txt", " < none", " 2> g", " > no/f"]);
    (prop_oneof![3 => called, 2 => assigned, 3 => fixed], redirect)
        .prop_map(|(command, to)| format!("{command}{to}"))
        .boxed()
}

fn command() -> BoxedStrategy<String> {
    simple()
        .prop_recursive(3, 16, 3, |inner| {
            let list = prop::collection::vec(inner.clone(), 1..3).prop_map(|commands| commands.join("; "));
            prop_oneof![
                (list.clone(), list.clone()).prop_map(|(a, b)| format!("if {a}; then {b}; fi")),
                (list.clone(), list.clone(), list.clone())
                    .prop_map(|(a, b, c)| format!("if {a}; then {b}; else {c}; fi")),
                (word(), list.clone()).prop_map(|(word, body)| format!("for x in {word} k; do {body}; done")),
                (word(), list.clone())
                    .prop_map(|(word, body)| format!("case {word} in a|x*) {body};; *) echo o;; esac")),
                list.clone().prop_map(|body| format!("while [ ${{#k}} -lt 2 ]; do k=k$k; {body}; done")),
                list.clone().prop_map(|body| format!("{{ {body}; }}")),
                list.clone().prop_map(|body| format!("({body})")),
                list.clone().prop_map(|body| format!("x=$( {body})")),
                list.clone().prop_map(|body| format!("echo \"$( {body})\"")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} && {b}")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} || {b}")),
                // The reader takes all, and complaints do not race with it.
                inner
                    .clone()
                    .prop_map(|a| format!("{{ {a}; }} 2> /dev/null | while read -r l; do echo \"<$l>\"; done")),
                inner.clone().prop_map(|a| format!("! {{ {a}; }}")),
                list.clone().prop_map(|body| format!("{{ {body}; }} > out 2>&1")),
                list.prop_map(|body| format!("read -r q <<E; {body}\na $x $(echo in)\nE")),
            ]
        })
        .boxed()
}

/// bash prints a substitution anew before it reads it again, so rows in it are those of its own print.
fn without_rows(mut seen: Vec<super::Seen>) -> Vec<super::Seen> {
    for command in &mut seen {
        // What is wrong with an expression has many words; that it is wrong counts.
        let lines = command.output.split_inclusive('\n');
        let same =
            |line: &str| if line.contains("(error token is") { "wrong expression\n".into() } else { line.to_owned() };
        command.output = lines.map(same).collect();
        for row in 19..80 {
            command.output = command.output.replace(&format!("line {row}: "), "line N: ");
        }
    }
    seen
}

/// Whether a text does what its time decides: a part of a pipeline that ends before it has read.
fn heredoc_is_last(text: &str) -> bool {
    // A heredoc inside another command's line would need its body elsewhere.
    !text.contains("<<E")
        || (text.starts_with("read -r q <<E") && text.ends_with("\nE") && text.matches("<<E").count() == 1)
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
    let scripts = prop::collection::vec(command().prop_filter("one heredoc", |text| heredoc_is_last(text)), 1..4);
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
