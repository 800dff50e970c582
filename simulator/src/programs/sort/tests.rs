//! sort against this machine's own and the operator host's.

use crate::programs::common::tests::same_as_real;

#[test]
fn sort_is_as_on_this_machine() {
    let mixed: &[u8] = b"b\na\nB\n10\n9\n-1\n\n0.5\na b\n a\n10\nz";
    let cases: [&[&str]; 12] = [
        &["sort"],
        &["sort", "-r"],
        &["sort", "-n"],
        &["sort", "-u"],
        &["sort", "-nr"],
        &["sort", "-un"],
        &["sort", "-f"],
        &["sort", "-b"],
        &["sort", "-s", "-n"],
        &["sort", "-k2"],
        &["sort", "-k", "x"],
        &["sort", "-V"],
    ];
    same_as_real(&cases.map(|words| (words, mixed)));
    let table: &[u8] = b"a,3,x\nb,1,y\nc,20,x\nd,1,z\n";
    let cases: [&[&str]; 6] = [
        &["sort", "-t,", "-k2n"],
        &["sort", "-t,", "-k2,2", "-k3,3r"],
        &["sort", "-t", ",", "-k3,3", "-u"],
        &["sort", "-t,", "-k2.1,2.1"],
        &["sort", "-rt,", "-k2,2n"],
        &["sort", "-t", "ab"],
    ];
    same_as_real(&cases.map(|words| (words, table)));
    same_as_real(&[
        (&["sort", "-V"], b"v1.10.0\nv1.9.0\nv1.9.0-rc1\nv1.9\n1.0~a\n1.0\n"),
        (&["sort", "-k2,2"], b"x  b\ny a\nz   c\n"),
        (&["sort", "/nope"], b""),
    ]);
    let cases: [&[&str]; 4] = [&["uniq"], &["uniq", "-c"], &["uniq", "-d"], &["uniq", "-u"]];
    same_as_real(&cases.map(|words| (words, b"a\na\nb\na\nc".as_slice())));
}
