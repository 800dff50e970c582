//! sed against this machine's own, and what it does to files.

use crate::programs::common::tests::{file, machine, run, run_as, same_as_real};

const TEXT: &[u8] = b"a\nb\nab\n\nfoo bar\n";

#[test]
fn sed_is_as_on_this_machine() {
    let cases: [&[&str]; 53] = [
        &["sed", "s/a/X/"],
        &["sed", "s/o/0/g"],
        &["sed", "s/o/0/2"],
        &["sed", "s/o/[&]/g"],
        &["sed", "-n", "2p"],
        &["sed", "-n", "2,3p"],
        &["sed", "$d"],
        &["sed", "/a/d"],
        &["sed", "-n", "/a/,/foo/p"],
        &["sed", "-e", "1d", "-e", "s/b/X/"],
        &["sed", "1d;2d"],
        &["sed", "2!d"],
        &["sed", "s/a"],
        &["sed", "s/a/b/q"],
        &["sed", "-E", "s/(.)(.)/\\2\\1/"],
        &["sed", "s/\\(.\\)\\(.\\)/\\2\\1/"],
        &["sed", "s#/#_#"],
        &["sed", "-n", "s/a/Y/p"],
        &["sed", "s/A/Y/I"],
        &["sed", "s/\\(/x/"],
        &["sed", "s/a/\\2/"],
        &["sed", "1q"],
        &["sed", "q3"],
        &["sed", "="],
        &["sed", "-n", "$="],
        &["sed", "s/a/x\\ny/"],
        &["sed", "/x/"],
        &["sed", "3,1p"],
        &["sed", "-n", "2,1p"],
        &["sed", "{p}"],
        &["sed", "-n", "/a/{s/a/b/;p}"],
        &["sed", "s,a,x,;s,b,y,"],
        &["sed", "s/b*/x/g"],
        &["sed", "s/x*/-/g"],
        &["sed", "s/\\./-/"],
        &["sed", "-n", "\\,foo,p"],
        &["sed", "0p"],
        &["sed", ""],
        &["sed", "-n", "/^$/p"],
        &["sed", "s/a/b"],
        &["sed", "1,2"],
        &["sed", "s/a/b/gg"],
        &["sed", "s/a/b/pp"],
        &["sed", "k"],
        &["sed", "p x"],
        &["sed", "d;;p"],
        &["sed", "# c"],
        &["sed", "-n", "$!p"],
        &["sed", "s/a/\\&/"],
        &["sed", "2,$d"],
        &["sed", "-n", "/b/,3p"],
        &["sed", "1,/b/d"],
        &["sed", "-E", "s#(f+)[^\" ]+#\\1vX#"],
    ];
    same_as_real(&cases.map(|words| (words, TEXT)));
    same_as_real(&[
        (&["sed", "s/a/x/"], b"ab"),
        (&["sed", "p"], b"ab"),
        (&["sed", "-n", "p"], b"a\nb"),
        (&["sed", "s/a*/x/g"], b"baaac\n"),
        (&["sed", "-n", "s/^Docker-Content-Digest: //Ip"], b"HTTP/1.1 200 OK\ndocker-content-digest: sha256:1\n"),
        (&["sed", "s/a/b/", "/nope"], b""),
    ]);
}

// Expected bytes: sed 4.9 in the operator host's image.
#[test]
fn files_are_edited_in_place() {
    let mut machine = machine();
    file(&mut machine, "f", b"a\nb\n");
    let cases: [(&[&str], i32, &str); 8] = [
        (&["sed", "-i", "s/a/Z/", "f"], 0, ""),
        (&["cat", "f"], 0, "Z\nb\n"),
        (&["sed", "-i", "s/a/Z/", "nope"], 2, "sed: can't read nope: No such file or directory\n"),
        (&["sed", "-i", "s/a/b/", "/tmp"], 4, "sed: couldn't edit /tmp: not a regular file\n"),
        (&["sed", "-i.bak", "-E", "s/(Z)/\\1\\1/", "f"], 0, ""),
        (&["cat", "f", "f.bak"], 0, "ZZ\nb\nZ\nb\n"),
        (&["ln", "-s", "f", "l"], 0, ""),
        (&["sed", "-i", "s/Z/Y/", "l"], 0, ""),
    ];
    for (words, status, said) in cases {
        assert_eq!(run(&mut machine, words, b""), (status, said.to_owned()), "{words:?}");
    }
    assert_eq!(run(&mut machine, &["stat", "-c", "%F %a %U", "l", "f"], b"").1.lines().count(), 2);
    assert_eq!(run(&mut machine, &["cat", "l", "f"], b"").1, "YZ\nb\nZZ\nb\n");
    run_as(&mut machine, 0, &["cp", "f", "/etc/x"], b"");
    let (status, said) = run(&mut machine, &["sed", "-i", "s/a/b/", "/etc/x"], b"");
    assert_eq!(status, 4);
    assert!(said.starts_with("sed: couldn't open temporary file /etc/sed") && said.ends_with(": Permission denied\n"));
}

#[test]
fn what_is_not_modelled_is_refused_by_name() {
    for (words, what) in [
        (vec!["y/a/b/"], "the command y is not modelled"),
        (vec!["a foo"], "the command a is not modelled"),
        (vec!["s/a/b/w f"], "the flag w of s is not modelled"),
        (vec!["s/a/\\U&/"], "\\U in what replaces is not modelled"),
        (vec!["-z", "p"], "the option -z is not modelled"),
    ] {
        let words: Vec<Option<&str>> = words.into_iter().map(Some).collect();
        assert_eq!((super::SED.knows)(&words), Err(what.to_owned()));
    }
    let edit = r#"s#(image: *"?ghcr\.io/craton-co/tensor-wasm:)[^" ]+#\1v0.2.0#"#;
    assert_eq!((super::SED.knows)(&[Some("-i"), Some("-E"), Some(edit), Some("docker-compose.yml")]), Ok(()));
}
