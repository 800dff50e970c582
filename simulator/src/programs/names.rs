//! basename, dirname (coreutils 9.7).

use super::common::{finish, quote, usage};
use super::options::Options;
use super::{Call, Program};
use crate::Run;
use crate::machine::Machine;

const BASENAME_OPTIONS: Options = Options {
    short: "as:",
    long: &[("multiple", 'a'), ("suffix", 's')],
    unmodelled: "z",
    in_order: true,
    ..Options::NONE
};
const DIRNAME_OPTIONS: Options = Options { unmodelled: "z", in_order: true, ..Options::NONE };

/// The last part of a path.
pub const BASENAME: Program =
    Program { name: "basename", in_sbin: false, run: basename, knows: |words| BASENAME_OPTIONS.know(words) };
/// The rest of it.
pub const DIRNAME: Program =
    Program { name: "dirname", in_sbin: false, run: dirname, knows: |words| DIRNAME_OPTIONS.know(words) };

fn last_part<'a>(path: &'a str, suffix: &str) -> &'a str {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() {
        return if path.is_empty() { "" } else { "/" };
    }
    let name = trimmed.rsplit('/').next().unwrap_or(trimmed);
    name.strip_suffix(suffix).filter(|rest| !rest.is_empty()).unwrap_or(name)
}

fn basename(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match BASENAME_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    let several = given.has('a') || given.has('s');
    let (paths, suffix) = match given.operands.as_slice() {
        [] => return usage(machine, call, "missing operand", 1),
        all if several => (all, given.value('s').unwrap_or("")),
        [path] => (std::slice::from_ref(path), ""),
        [path, suffix] => (std::slice::from_ref(path), *suffix),
        [_, _, extra, ..] => return usage(machine, call, &format!("extra operand {}", quote(extra)), 1),
    };
    let text: String = paths.iter().map(|path| format!("{}\n", last_part(path, suffix))).collect();
    finish(machine, call, text.as_bytes(), 0)
}

fn dirname(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match DIRNAME_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    if given.operands.is_empty() {
        return usage(machine, call, "missing operand", 1);
    }
    let text: String = given.operands.iter().map(|path| format!("{}\n", folder(path))).collect();
    finish(machine, call, text.as_bytes(), 0)
}

fn folder(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    match trimmed.rsplit_once('/') {
        Some((folder, _)) => {
            let folder = folder.trim_end_matches('/');
            if folder.is_empty() { "/" } else { folder }
        }
        None if trimmed.is_empty() && !path.is_empty() => "/",
        None => ".",
    }
}

#[cfg(test)]
mod tests {
    use crate::programs::common::tests::same_as_real;

    #[test]
    fn names_are_as_on_this_machine() {
        let cases: [&[&str]; 9] = [
            &["basename"],
            &["basename", "a", "b", "c"],
            &["basename", "/a/b.txt", ".txt"],
            &["basename", "-a", "x/y", "z/w"],
            &["basename", "/"],
            &["basename", ""],
            &["basename", ".txt", ".txt"],
            &["basename", "-s", ".t", "a.t", "b.t"],
            &["basename", "a/b//"],
        ];
        same_as_real(&cases.map(|words| (words, b"".as_slice())));
        let cases: [&[&str]; 3] =
            [&["dirname"], &["dirname", "a", "b/c", "/", "//a", "/a/", "a//b", "", "//", "a/b/"], &["dirname", "/a/b"]];
        same_as_real(&cases.map(|words| (words, b"".as_slice())));
    }
}
