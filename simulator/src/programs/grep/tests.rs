//! grep against this machine's own and the operator host's.

use crate::programs::common::tests::{file, machine, run, same_as_real};

const TEXT: &[u8] = b"a\nb\nab\n\nfoo bar\n";

#[test]
fn grep_is_as_on_this_machine() {
    let cases: [&[&str]; 44] = [
        &["grep"],
        &["grep", "a"],
        &["grep", "nope"],
        &["grep", "-q", "a"],
        &["grep", "-q", "nope"],
        &["grep", "-c", "a"],
        &["grep", "-n", "a"],
        &["grep", "-v", "a"],
        &["grep", "-o", "b"],
        &["grep", "-m1", "a"],
        &["grep", "-i", "A"],
        &["grep", "-E", "a|b"],
        &["grep", "-F", "."],
        &["grep", "-P", "^a$"],
        &["grep", "-E", "("],
        &["grep", "-w", "a"],
        &["grep", "-x", "a"],
        &["grep", "-e", "a", "-e", "foo"],
        &["grep", "-A1", "b"],
        &["grep", "-B1", "foo"],
        &["grep", "-C1", "^$"],
        &["grep", "-1", "-n", "foo"],
        &["grep", "-H", "a"],
        &["grep", "\\(a\\)b"],
        &["grep", "a\\|o"],
        &["grep", "-oE", "[a-z]+"],
        &["grep", "-on", "b"],
        &["grep", "-vc", "a"],
        &["grep", ""],
        &["grep", "-l", "a"],
        &["grep", "-L", "nope"],
        &["grep", "[[:space:]]"],
        &["grep", "-cm1", "a"],
        &["grep", "-m", "0", "a"],
        &["grep", "a\\{2,\\}"],
        &["grep", "-E", "a{1}"],
        &["grep", "-nHc", "a"],
        &["grep", "x\\{2"],
        &["grep", "-E", "[[:foo:]]"],
        &["grep", "-xE", "a|ab"],
        &["grep", "-oE", "a|ab"],
        &["grep", "-m", "x", "a"],
        &["grep", "a\nfoo"],
        &["grep", "-A1", "-m1", "a"],
    ];
    same_as_real(&cases.map(|words| (words, TEXT)));
    same_as_real(&[(&["grep", "x"], b"x"), (&["grep", "-v", "x"], b"x\ny"), (&["grep", "nope", "/nope"], b"")]);
}

// Expected bytes: grep 3.11 in the operator host's image.
#[test]
fn files_are_named_and_statuses_are_the_real_ones() {
    let mut machine = machine();
    file(&mut machine, "f1", b"hi\n");
    file(&mut machine, "f2", TEXT);
    let cases: [(&[&str], i32, &str); 9] = [
        (&["grep", "a", "nope"], 2, "grep: nope: No such file or directory\n"),
        (&["grep", "-q", "hi", "nope", "f1"], 0, "grep: nope: No such file or directory\n"),
        (&["grep", "-qs", "hi", "nope"], 2, ""),
        (&["grep", "a", "f1", "f2"], 0, "f2:a\nf2:ab\nf2:foo bar\n"),
        (&["grep", "-h", "hi", "f1", "f2"], 0, "hi\n"),
        (&["grep", "-c", "hi", "f1", "f2"], 0, "f1:1\nf2:0\n"),
        (&["grep", "hi", "/tmp"], 2, "grep: /tmp: Is a directory\n"),
        (&["grep", "-c", "hi", "/tmp"], 2, "grep: /tmp: Is a directory\n0\n"),
        (&["grep", "-P", "^1\\t1\\t"], 1, ""),
    ];
    for (words, status, said) in cases {
        assert_eq!(run(&mut machine, words, b""), (status, said.to_owned()), "{words:?}");
    }
    assert_eq!(run(&mut machine, &["grep", "-P", "^1\\t1\\t"], b"1\t1\tx\n").0, 0);
}
