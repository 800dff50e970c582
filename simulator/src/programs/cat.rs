//! cat, tee (coreutils 9.7).

use super::common::{emit, fail, input, shown};
use super::options::Options;
use super::{Call, Program};
use crate::Run;
use crate::machine::Machine;
use crate::machine::files::OpenMode;
use crate::machine::io::{OpenFile, Output};

const CAT_OPTIONS: Options = Options { short: "nu", long: &[("number", 'n')], unmodelled: "AbeEstTv", ..Options::NONE };
const TEE_OPTIONS: Options = Options { short: "ai", long: &[("append", 'a')], unmodelled: "p", ..Options::NONE };

/// Files, one after the other.
pub const CAT: Program = Program { name: "cat", in_sbin: false, run: cat, knows: |words| CAT_OPTIONS.know(words) };
/// Stdin to stdout and to files.
pub const TEE: Program = Program { name: "tee", in_sbin: false, run: tee, knows: |words| TEE_OPTIONS.know(words) };

fn cat(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match CAT_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    let files = if given.operands.is_empty() { vec!["-"] } else { given.operands.clone() };
    let (mut status, mut number) = (0, 0_u64);
    let mut at_line_start = true;
    for path in files {
        let bytes = match input(machine, call, path)? {
            Ok(bytes) => bytes,
            Err(error) => {
                fail(machine, call, &format!("{}: {}", shown(path), error.text()))?;
                status = 1;
                continue;
            }
        };
        let numbered = given.has('n').then(|| {
            let mut text = Vec::with_capacity(bytes.len());
            for line in super::common::lines(&bytes) {
                if at_line_start {
                    number += 1;
                    text.extend_from_slice(format!("{number:6}\t").as_bytes());
                }
                text.extend_from_slice(line);
                at_line_start = line.ends_with(b"\n");
            }
            text
        });
        if let Err(failed) = emit(machine, call, numbered.as_deref().unwrap_or(&bytes))? {
            return Ok(failed);
        }
    }
    Ok(status)
}

fn tee(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match TEE_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    let mode = if given.has('a') { OpenMode::Append } else { OpenMode::Truncate };
    let mut status = 0;
    let mut files = Vec::new();
    for path in &given.operands {
        let (context, now) = (call.context, machine.now);
        match machine.files.open(context.user, &context.cwd, path, mode, (context.umask, now)) {
            Ok(ino) => {
                machine.streams.files.push(OpenFile { ino, position: 0, mode });
                files.push((*path, Output::File(machine.streams.files.len() - 1)));
            }
            Err(error) => {
                fail(machine, call, &format!("{}: {}", shown(path), error.text()))?;
                status = 1;
            }
        }
    }
    let bytes = machine.read_all(&call.context.io.stdin);
    if let Err(failed) = emit(machine, call, &bytes)? {
        // A reader that has gone ends tee; a full disk does not, and its files get their bytes.
        if failed == 141 {
            return Ok(failed);
        }
        status = failed;
    }
    for (path, output) in files {
        if machine.write(&output, &bytes)?.is_err() {
            fail(machine, call, &format!("{}: No space left on device", shown(path)))?;
            status = 1;
        }
    }
    Ok(status)
}

#[cfg(test)]
mod tests {
    use crate::programs::common::tests::{file, machine, run, run_as, same_as_real};

    // Expected bytes: coreutils 9.7 in the operator host's image.
    #[test]
    fn messages_and_statuses_are_the_real_ones() {
        let mut machine = machine();
        file(&mut machine, "f1", b"hi\n");
        let cases: [(&[&str], &str, i32, &str); 9] = [
            (
                &["cat", "nope", "a b"],
                "",
                1,
                "cat: nope: No such file or directory\ncat: 'a b': No such file or directory\n",
            ),
            (&["cat", "/tmp"], "", 1, "cat: /tmp: Is a directory\n"),
            (&["cat", "-z"], "", 1, "cat: invalid option -- 'z'\nTry 'cat --help' for more information.\n"),
            (&["cat", "f1", "-", "f1"], "in\n", 0, "hi\nin\nhi\n"),
            (&["cat", "-n", "f1", "f1"], "", 0, "     1\thi\n     2\thi\n"),
            (&["tee", "nope/x"], "", 1, "tee: nope/x: No such file or directory\n"),
            (&["tee", "/tmp"], "x\n", 1, "tee: /tmp: Is a directory\nx\n"),
            (&["tee", "-a", "f1", "f2"], "x\n", 0, "x\n"),
            (&["cat", "f1", "f2"], "", 0, "hi\nx\nx\n"),
        ];
        for (words, stdin, status, said) in cases {
            assert_eq!(run(&mut machine, words, stdin.as_bytes()), (status, said.to_owned()), "{words:?}");
        }
        let mode = |machine: &crate::Machine| machine.files.inode(machine.files.resolve(0, "/tmp", "f2").unwrap()).mode;
        assert_eq!(mode(&machine), 0o644);
        run_as(&mut machine, 0, &["chmod", "000", "f1"], b"");
        assert_eq!(run(&mut machine, &["cat", "f1"], b"").1, "cat: f1: Permission denied\n");
    }

    #[test]
    fn a_full_disk_is_told_and_the_rest_is_written() {
        let mut machine = machine();
        file(&mut machine, "small", b"");
        machine.files.free_bytes = Some(1);
        assert_eq!(run(&mut machine, &["tee", "small"], b"xy"), (1, "xytee: small: No space left on device\n".into()));
    }

    #[test]
    fn cat_is_as_on_this_machine() {
        same_as_real(&[
            (&["cat"], b"a\nb"),
            (&["cat", "-n"], b"a\n\nb"),
            (&["tee"], b"x\ny\n"),
            (&["cat", "nope"], b""),
        ]);
    }
}
