//! Cases for the splitter: text, and the commands that it must give.

use super::*;

/// (text, commands as (bytes, row, parts of the pipeline)).
type Case<'a> = (&'a str, &'a [(&'a str, usize, usize)]);

#[test]
fn top_level_commands_by_syntax_tree() {
    let cases: &[Case<'_>] = &[
        ("", &[]),
        ("# only a comment\n", &[]),
        ("a; b\n", &[("a", 0, 1), ("b", 0, 1)]),
        ("a && b || c\n", &[("a && b || c", 0, 1)]),
        ("a &&\nb\nc", &[("a &&\nb", 0, 1), ("c", 2, 1)]),
        ("a & b\n", &[("a &", 0, 1), ("b", 0, 1)]),
        ("a & b & \n", &[("a &", 0, 1), ("b &", 0, 1)]),
        ("until x; do\n  sleep 1\ndone\n", &[("until x; do\n  sleep 1\ndone", 0, 1)]),
        ("until x > f; do y; done & echo z", &[("until x > f; do y; done &", 0, 1), ("echo z", 0, 1)]),
        ("a | b |& c\n", &[("a | b |& c", 0, 3)]),
        ("{ a | b; } 2>&1 | c\n", &[("{ a | b; } 2>&1 | c", 0, 2)]),
        ("(a | b)\n", &[("(a | b)", 0, 1)]),
        ("! a | b\n", &[("! a | b", 0, 2)]),
        ("! (a | b)\n", &[("! (a | b)", 0, 1)]),
        ("a 2>&1 | tee f ; b", &[("a 2>&1 | tee f", 0, 2), ("b", 0, 1)]),
        ("a | while read x; do y | z; done\n", &[("a | while read x; do y | z; done", 0, 2)]),
        ("a > f-$(b | c).json 2>&1\n", &[("a > f-$(b | c).json 2>&1", 0, 1)]),
        ("a \\\n  b \\\n  c\nd\n", &[("a \\\n  b \\\n  c", 0, 1), ("d", 3, 1)]),
        ("cat <<EOF\nhi $x; y\nEOF\nz\n", &[("cat <<EOF\nhi $x; y\nEOF", 0, 1), ("z", 3, 1)]),
        ("cat <<'E' | wc\n$(x)\nE\nz", &[("cat <<'E' | wc\n$(x)\nE", 0, 2), ("z", 3, 1)]),
        ("cat > f <<-E # note\n\thi\n\tE\nz", &[("cat > f <<-E # note\n\thi\n\tE", 0, 1), ("z", 3, 1)]),
        ("if a; then b; fi; c", &[("if a; then b; fi", 0, 1), ("c", 0, 1)]),
        ("case x in a) b;; esac\n", &[("case x in a) b;; esac", 0, 1)]),
        ("for i in 1 2; do a $i; done > f\n", &[("for i in 1 2; do a $i; done > f", 0, 1)]),
        ("f() { a; b; }\nf\n", &[("f() { a; b; }", 0, 1), ("f", 1, 1)]),
        ("x=1; y=2 z\n", &[("x=1", 0, 1), ("y=2 z", 0, 1)]),
        ("[[ -f a ]] && b\n((1+2))\n", &[("[[ -f a ]] && b", 0, 1), ("((1+2))", 1, 1)]),
        ("echo 'ä; ö' ; b\n", &[("echo 'ä; ö'", 0, 1), ("b", 0, 1)]),
        ("echo \"# no; comment\"\n", &[("echo \"# no; comment\"", 0, 1)]),
        ("> f\n", &[("> f", 0, 1)]),
    ];
    for (text, wanted) in cases {
        let split = split(text);
        assert_eq!(split.problem, None, "{text:?}");
        let got: Vec<_> = split.commands.iter().map(|c| (c.text.as_str(), c.row, c.pipeline_parts)).collect();
        assert_eq!(got, *wanted, "{text:?}");
        assert_eq!(split.join(), *text);
    }
}

#[test]
fn text_that_bash_would_not_take_the_same_way_is_refused() {
    // (text, row, part of the reason, part of the offending text)
    let cases = [
        ("a\necho 'x\n", 1, "syntax error", "'x"),
        ("a\nb |\n", 1, "something is missing", "b |"),
        ("if a; then\n", 0, "something is missing", "if a"),
        ("a )\n", 0, "syntax error", ")"),
        ("a; ; b\n", 0, "syntax error", ";"),
        ("& a\n", 0, "syntax error", "& a"),
        ("a\n;b\n", 1, "syntax error", ";"),
        ("a;;b\n", 0, "stands between two commands", ";;"),
        ("a & & b\n", 0, "", "&"),
        ("a\ncat <<EOF\nhi\n", 1, "something is missing", "cat <<EOF"),
        ("cat <<A <<B\n1\nA\n2\nB\n", 0, "syntax error", "<"),
        ("cat <<EOF ; b\nhi\nEOF\n", 0, "", ""),
        ("cat <<EOF; b\nhi\nEOF\n", 0, "something is missing", "cat"),
        ("a\r\nb\r\n", 0, "control character", "a"),
        ("a\0b\n", 0, "control character", "a"),
        ("a\nb \u{b} c\n", 1, "control character", "b"),
        ("a\ncat <<EOF\nhi $x\nEOF # x\nb\n", 1, "heredoc", "cat <<EOF"),
        ("cat <<EOF\n ${x}\n", 0, "", "cat <<EOF"),
        ("a > f\\\n# c\n", 1, "begins no comment", "# c"),
        ("a\nthen b\n", 1, "reserved word", "then b"),
        ("a | done\n", 0, "reserved word", "done"),
        ("time for i in & > f\n", 0, "reserved word", "time for i"),
        ("until a; do b; don\n", 0, "something is missing", "until"),
    ];
    for (text, row, what, shown) in cases {
        let split = split(text);
        let Some(problem) = &split.problem else { panic!("taken: {text:?}: {split:#?}") };
        assert_eq!(problem.row, row, "{text:?}: {problem:?}");
        assert!(problem.what.contains(what), "{text:?}: {problem:?}");
        assert!(problem.text.contains(shown), "{text:?}: {problem:?}");
        assert_eq!(split.join(), text);
    }
}

#[test]
fn too_much_or_too_deep_is_refused_or_taken_but_never_a_crash() {
    let long = "a\n".repeat(SHELL_BYTES_MAX);
    assert!(split(&long).problem.unwrap().what.contains("65536"));
    for deep in ["(".repeat(20_000), "! ".repeat(20_000) + "a", "$(".repeat(9_000), "{ ".repeat(9_000)] {
        assert_eq!(split(&deep).join(), deep);
    }
}

#[test]
fn comments_know_their_command() {
    let split = split("# 1. One.\na # should print v\n\nb; c  # or so\n# 2. Two\n  # more\nd \\\n  e # end\n");
    assert_eq!(split.problem, None);
    let got: Vec<_> = split.comments.iter().map(|c| (c.text.as_str(), c.row, c.commands_before, c.trailing)).collect();
    assert_eq!(
        got,
        [
            ("1. One.", 0, 0, false),
            ("should print v", 1, 1, true),
            ("or so", 3, 3, true),
            ("2. Two", 4, 3, false),
            ("more", 5, 3, false),
            ("end", 7, 4, true),
        ]
    );
    let trailing: Vec<_> = split.commands.iter().map(|c| c.trailing_comment.as_deref()).collect();
    assert_eq!(trailing, [Some("should print v"), None, Some("or so"), Some("end")]);
}

#[test]
fn loops_without_an_end_and_calls_are_read_from_the_tree() {
    let cases = [
        ("until curl -sf u > /dev/null; do\n  sleep 1\ndone\n", true),
        ("while ! curl u; do sleep 1; done\n", true),
        ("until a; do b; done > f\n", true),
        ("until a || [ $n -gt 9 ]; do b; done\n", false),
        ("until a; n=$((n+1)); do b; done\n", false),
        ("until a; do sleep 1; b && break; done\n", false),
        ("timeout 60 bash -c 'until a; do b; done'\n", false),
        ("for i in 1 2; do a; done\n", false),
    ];
    for (text, wanted) in cases {
        let split = split(text);
        assert_eq!(split.problem, None, "{text:?}");
        assert_eq!(split.commands[0].endless, wanted, "{text:?}");
    }
    let split = split("X=1 until_ -a 'b c' > f; d \"$(e -f)\"\n");
    let calls: Vec<_> =
        split.commands.iter().flat_map(|c| &c.calls).map(|c| (c.name.as_str(), c.arguments.join("|"))).collect();
    assert_eq!(calls, [("until_", "-a|'b c'".to_owned()), ("d", "\"$(e -f)\"".to_owned()), ("e", "-f".to_owned())]);
}
