//! Small scripts from the grammar that the shell knows. Two tests use it: `generated.rs` beside it compares the interpreter
//! with bash, and `tests/probing/scripts.rs` of the workspace compares whole machines.

use proptest::prelude::*;

/// Files that the folder where commands run has to begin with.
pub const FILES: [(&str, &str); 6] = [
    ("lines.txt", "one\ntwo words\n  three  \nfour\\tail\n"),
    ("no-newline", "last"),
    ("empty", ""),
    ("sub/a.conf", "x=1\n"),
    ("sub/b.conf", "x=2\n"),
    (".hidden", "h\n"),
];

/// A word: plain, quoted, or with an expansion.
pub fn word() -> BoxedStrategy<String> {
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

/// A simple command of the shell itself, with an assignment or a redirection.
pub fn simple() -> BoxedStrategy<String> {
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

/// Commands of any kind, with these as the innermost.
pub fn command(simple: BoxedStrategy<String>) -> BoxedStrategy<String> {
    simple
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

/// Whether the text has at most one heredoc, and that with its body behind it.
pub fn heredoc_is_last(text: &str) -> bool {
    // A heredoc inside another command's line would need its body elsewhere.
    !text.contains("<<E")
        || (text.starts_with("read -r q <<E") && text.ends_with("\nE") && text.matches("<<E").count() == 1)
}

/// bash prints a substitution anew before it reads it again, so rows in it are those of its own print. And what is wrong
/// with an expression has many words; that it is wrong counts.
pub fn without_rows(output: &str) -> String {
    let same =
        |line: &str| if line.contains("(error token is") { "wrong expression\n".into() } else { line.to_owned() };
    let mut output: String = output.split_inclusive('\n').map(same).collect();
    for row in 19..80 {
        output = output.replace(&format!("line {row}: "), "line N: ");
    }
    output
}
