//! wc (coreutils 9.7).

use super::common::{emit, fail, input, shown};
use super::options::Options;
use super::{Call, Program};
use crate::Run;
use crate::machine::Machine;

const OPTIONS: Options = Options {
    short: "lwcm",
    long: &[("lines", 'l'), ("words", 'w'), ("bytes", 'c'), ("chars", 'm')],
    unmodelled: "L",
    ..Options::NONE
};

/// Lines, words, bytes.
pub const WC: Program = Program { name: "wc", in_sbin: false, run: wc, knows: |words| OPTIONS.know(words) };

/// Lines, words, bytes.
fn counts(bytes: &[u8]) -> [u64; 3] {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
    let space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let words = bytes.split(space).filter(|word| !word.is_empty()).count();
    [lines as u64, words as u64, bytes.len() as u64]
}

fn wc(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    let all = given.options.is_empty();
    // In the locale C a character is a byte.
    let wanted = [all || given.has('l'), all || given.has('w'), all || given.has('c') || given.has('m')];
    let from_stdin = given.operands.is_empty();
    let files = if from_stdin { vec!["-"] } else { given.operands.clone() };
    // Told in order, and told at the end, since the width is that of all.
    let mut told: Vec<Result<([u64; 3], String), String>> = Vec::new();
    let (mut status, mut total, mut size, mut odd) = (0, [0_u64; 3], 0_u64, from_stdin);
    for path in &files {
        let of = if from_stdin { String::new() } else { format!(" {}", shown(path)) };
        match input(machine, call, path)? {
            Ok(bytes) => {
                let row = counts(&bytes);
                for (sum, one) in total.iter_mut().zip(row) {
                    *sum += one;
                }
                size += bytes.len() as u64;
                odd |= *path == "-";
                told.push(Ok((row, of)));
            }
            Err(error) => {
                let complaint = Err(format!("{}: {}", shown(path), error.text()));
                status = 1;
                // A folder can be opened: it has a row of nothing before the complaint.
                if error == crate::machine::files::Errno::IsADirectory {
                    odd = true;
                    told.push(Ok(([0; 3], of)));
                }
                told.push(complaint);
            }
        }
    }
    if files.len() > 1 {
        told.push(Ok((total, " total".into())));
    }
    // Columns are as wide as the size of all files asks for; 7 where a size is not known before; 1 for a single number.
    // (The real one knows the size of a file that is its stdin; here stdin is always like a pipe.)
    let single = wanted.iter().filter(|wanted| **wanted).count() == 1 && files.len() == 1;
    let width = if single {
        1
    } else if odd {
        7
    } else {
        size.to_string().len()
    };
    for one in told {
        let (row, of) = match one {
            Ok(row) => row,
            Err(complaint) => {
                fail(machine, call, &complaint)?;
                continue;
            }
        };
        let numbers: Vec<String> = row
            .iter()
            .zip(wanted)
            .filter(|(_, wanted)| *wanted)
            .map(|(number, _)| format!("{number:width$}"))
            .collect();
        if let Err(failed) = emit(machine, call, format!("{}{of}\n", numbers.join(" ")).as_bytes())? {
            return Ok(failed);
        }
    }
    Ok(status)
}

#[cfg(test)]
mod tests {
    use crate::programs::common::tests::{file, machine, run, same_as_real};

    // Expected bytes: coreutils 9.7 in the operator host's image.
    #[test]
    fn columns_and_messages_are_the_real_ones() {
        let mut machine = machine();
        file(&mut machine, "a", b"a b\nc\n");
        file(&mut machine, "b", &b"x\n".repeat(40));
        let cases: [(&[&str], i32, &str); 6] = [
            (&["wc", "-l", "a", "nope", "b"], 1, " 2 a\nwc: nope: No such file or directory\n40 b\n42 total\n"),
            (&["wc", "a"], 0, "2 3 6 a\n"),
            (&["wc", "-l", "a", "b"], 0, " 2 a\n40 b\n42 total\n"),
            (&["wc", "-l", "a"], 0, "2 a\n"),
            (&["wc", "nope"], 1, "wc: nope: No such file or directory\n"),
            (&["wc", "/tmp"], 1, "      0       0       0 /tmp\nwc: /tmp: Is a directory\n"),
        ];
        for (words, status, said) in cases {
            assert_eq!(run(&mut machine, words, b""), (status, said.to_owned()), "{words:?}");
        }
    }

    #[test]
    fn wc_is_as_on_this_machine() {
        let text: &[u8] = b"a b\nc\tdd  e\n\nf";
        same_as_real(&[
            (&["wc"], text),
            (&["wc", "-l"], text),
            (&["wc", "-c"], text),
            (&["wc", "-m"], text),
            (&["wc", "-w"], text),
            (&["wc", "-cl"], text),
            (&["wc", "-l", "-"], text),
            (&["wc", "-l"], b""),
        ]);
    }
}
