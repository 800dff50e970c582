//! What is refused, where, and in which words; and what must not be.

use super::{OPERATOR, file, machine_with, parse};
use crate::shell::check;

#[test]
fn constructs_that_are_not_known_are_named() {
    let cases = [
        ("f() { :; }", 0, "a function, an array or an extended pattern"),
        (":(){ :|:& };:", 0, "a function, an array or an extended pattern"),
        ("f () { :; }", 0, "a function"),
        ("function f { :; }", 0, "a function"),
        ("true\nsleep 5 &", 1, "a job in the background (`&`)"),
        ("coproc cat", 0, "`coproc`"),
        ("select x in a; do :; done", 0, "`select`"),
        ("cat <(true)", 0, "a process substitution"),
        ("tee >(true)", 0, "a process substitution"),
        ("cat < <(true)", 0, "a process substitution"),
        ("for ((i=0; i<3; i++)); do :; done", 0, "a `for` as in C"),
        ("a=(1 2)", 0, "an array"),
        ("a[1]=2", 0, "an array"),
        ("echo ${a[1]}", 0, "an array"),
        ("echo ${!x}", 0, "an indirect expansion"),
        ("echo ${x^}", 0, "this expansion"),
        ("echo ${x@Q}", 0, "this expansion"),
        ("echo $LINENO", 0, "the shell's own variable `LINENO`"),
        ("echo $-", 0, "the shell's own variable `-`"),
        ("echo $[1+1]", 0, "`$[…]`"),
        ("echo @(a|b)", 0, "a function, an array or an extended pattern"),
        ("[[ x == @(a|b) ]]", 0, "an extended pattern"),
        ("[[ -v x ]]", 0, "the question `-v`"),
        ("case x in a) ;& esac", 0, "a `case` that falls through"),
        ("time sleep 1", 0, "`time`"),
        ("exec 3> f", 0, "a descriptor other than 0, 1 and 2"),
        ("echo a >&3", 0, "a copy of this descriptor"),
        ("echo a 2>&-", 0, "a descriptor that is closed"),
        ("exec {fd}> f", 0, "a redirection of a named descriptor"),
        ("cat <> f", 0, "`<>`"),
        ("cat <<E\nx", 0, "a heredoc that does not end"),
        ("cat 1< f", 0, "an input opened for writing, or an output for reading"),
        ("echo a > /dev/tcp/localhost/80", 0, "a connection made by the shell"),
        ("echo a > {b,c}", 0, "braces in a redirection"),
        ("a | ! b", 0, "`!` behind a `|`"),
        ("#!/bin/sh\n[[ a = a ]]", 1, "`[[` in a script for /bin/sh, which is dash"),
        ("#!/bin/sh\nread x <<< a", 1, "`<<<` in a script for /bin/sh, which is dash"),
        ("#!/bin/sh\nx=${y/a/b}", 1, "`${x/…}` in a script for /bin/sh, which is dash"),
        ("#!/usr/bin/python3\nprint(1)", 0, "a script for an interpreter that is not modelled, /usr/bin/python3"),
        ("#!/bin/bash -x\n:", 0, "a script whose first line has options that are not modelled"),
    ];
    for (text, row, what) in cases {
        let refused = parse(text).expect_err(text);
        assert_eq!((refused.row, refused.what.as_str()), (row, what), "{text}");
        assert!(!refused.is_syntax_error(), "{text}");
        assert!(!refused.text.contains('\n'), "{text}");
    }
}

#[test]
fn what_bash_does_not_take_is_a_syntax_error() {
    let cases = [
        "(",
        ")",
        "a)",
        "if",
        "if true; then",
        "if true; then fi",
        "then",
        "fi",
        "done",
        "}",
        "{ a",
        "{ a }",
        "for",
        "for x",
        "for 1x in a; do :; done",
        "while true; do done",
        "while do :; done",
        "case x in",
        "case x in a",
        "a |",
        "| a",
        "a &&",
        "&& a",
        "a ||",
        "a ; ; b",
        ";",
        ";;",
        "a;;",
        "'",
        "\"",
        "echo 'a",
        "echo \"a",
        "echo `a",
        "echo $(a",
        "echo ${a",
        "echo $((1",
        "a >",
        "a <",
        "a > > b",
        "[[ a",
        "[[ ]]",
        "[[ a b ]]",
        "[[ a == ]]",
        "a | | b",
        "()",
        "{ }",
        "$(",
        "a > ;",
        "<<",
        "! ;",
        "((1",
        "a b (",
        "x=(",
    ];
    let unlike = ["a b (", "x=("];
    for text in cases {
        let refused = parse(text).expect_err(text);
        assert!(refused.is_syntax_error() || unlike.contains(&text), "{text}: {refused}");
    }
}

#[test]
fn an_empty_text_is_a_script() {
    for text in ["", "\n\n", "# only a comment", "  \t\n# a\n", "#!/bin/sh"] {
        assert_eq!(parse(text).map(|script| script.commands.len()), Ok(0), "{text}");
    }
}

#[test]
fn nesting_and_size_have_ceilings() {
    let deep = format!("{}:{}", "( ".repeat(500), " )".repeat(500));
    assert_eq!(parse(&deep).expect_err("deep").what, "more than 40 constructs inside each other");
    let deep = format!("echo {}", "$(echo ".repeat(500));
    assert_eq!(parse(&deep).expect_err("deep").what, "more than 40 constructs inside each other");
    let long = format!("echo {}", "a".repeat(70_000));
    assert_eq!(parse(&long).expect_err("long").what, "more shell text than 65536 bytes");
    assert!(parse("echo {1..20000}").is_err());
}

#[test]
fn commands_that_nobody_knows_are_refused_before_they_run() {
    let machine = machine_with(vec![
        file("/usr/local/bin/fine", 0o755, "#!/bin/bash\ntrue\n"),
        file("/usr/local/bin/bad", 0o755, "#!/bin/bash\ntrue\nnonsense -x\n"),
        file("/usr/local/bin/odd", 0o755, "#!/bin/bash\ncoproc x\n"),
        file("/usr/local/bin/locked", 0o644, "nonsense\n"),
    ]);
    let cases: [(&str, Result<(), &str>); 39] = [
        ("true; false; echo a | read x", Ok(())),
        ("nonsense -a b", Err("row 0: the command nonsense: nonsense -a b")),
        ("true\nif true; then nonsense; fi", Err("row 1: the command nonsense: nonsense")),
        ("echo \"$(nonsense)\"", Err("row 0: the command nonsense: nonsense")),
        ("echo ${x:-$(nonsense)}", Err("row 0: the command nonsense: nonsense")),
        ("x=`nonsense`", Err("row 0: the command nonsense: nonsense")),
        ("true > \"$(nonsense)\"", Err("row 0: the command nonsense: nonsense")),
        ("[[ -n $(nonsense) ]]", Err("row 0: the command nonsense: nonsense")),
        ("while nonsense; do :; done", Err("row 0: the command nonsense: nonsense")),
        ("case x in y) nonsense;; esac", Err("row 0: the command nonsense: nonsense")),
        ("for x in $(nonsense); do :; done", Err("row 0: the command nonsense: nonsense")),
        ("true && { ( nonsense ); }", Err("row 0: the command nonsense: nonsense")),
        ("true <<E\n$(nonsense)\nE", Err("row 1: the command nonsense: nonsense")),
        ("$x -a", Err("row 0: a command whose name is not written out: … -a")),
        ("\"$(true)\"", Err("row 0: a command whose name is not written out: …")),
        ("declare x=1", Err("row 0: the shell's own command `declare`: declare x=1")),
        ("trap 'true' EXIT", Err("row 0: the shell's own command `trap`: trap true EXIT")),
        ("set -x", Err("row 0: this use of the shell's own command `set`: set -x")),
        ("set -o xtrace", Err("row 0: this use of the shell's own command `set`: set -o xtrace")),
        ("set -euo pipefail; set -- -x; set +e", Ok(())),
        ("kill -USR1 5", Err("row 0: this use of the shell's own command `kill`: kill -USR1 5")),
        ("kill -9 5; kill -s TERM 5; kill 5; kill -0 5", Ok(())),
        ("eval 'true; nonsense'", Err("row 0: the command nonsense: nonsense")),
        ("eval \"$x\"", Ok(())),
        ("exec nonsense", Err("row 0: the command nonsense: nonsense")),
        ("command -v nonsense", Ok(())),
        ("command nonsense", Err("row 0: the command nonsense: nonsense")),
        ("./not-there; /opt/not/there; ~/bin/x", Err("row 0: a command whose name is not written out: …")),
        ("./not-there; /opt/not/there", Ok(())),
        ("/usr/bin/nonsense", Err("row 0: the command /usr/bin/nonsense: /usr/bin/nonsense")),
        ("/usr/bin/true; /bin/false", Ok(())),
        ("true a /usr/local/bin/new; new --version", Ok(())),
        ("fine; /usr/local/bin/fine; /usr/local/bin/locked", Ok(())),
        ("cat < /dev/null > /dev/null", Ok(())),
        ("true\nhead -c 9 /dev/zero", Err("row 1: the file /dev/zero: head -c 9 /dev/zero")),
        ("cat < /proc/uptime", Err("row 0: the file /proc/uptime: cat")),
        ("systemd-run --unit=x nonsense -a", Err("row 0: the command nonsense: nonsense -a")),
        ("bad", Err("row 0: what stands in /usr/local/bin/bad: the command nonsense: nonsense -x")),
        ("odd", Err("row 0: what stands in /usr/local/bin/odd (row 1: `coproc`: coproc x): odd")),
    ];
    for (text, wanted) in cases {
        let script = parse(text).unwrap_or_else(|refused| panic!("{text}: {refused}"));
        let checked = check(&script, &machine, OPERATOR).map_err(|refused| refused.to_string());
        assert_eq!(checked, wanted.map_err(str::to_owned), "{text}");
    }
}
