//! What programs share: messages as GNU writes them, input files, output in pieces.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Call, complain, write_failed};
use crate::Run;
use crate::machine::Machine;
use crate::machine::files::Errno;

/// Bytes written at once, as by most programs to a pipe that holds as many.
const PIECE: usize = 64 << 10;
/// What a shell takes as it is, besides letters and digits.
const PLAIN: &[u8] = b"%+,-./:@_]{}";

/// The name by which a program speaks of itself.
pub fn name<'a>(call: &Call<'a>) -> &'a str {
    let full = call.words.first().map_or("", String::as_str);
    full.rsplit('/').next().unwrap_or(full)
}

/// `NAME: TEXT` on stderr.
pub fn fail(machine: &mut Machine, call: &Call<'_>, text: &str) -> Run<()> {
    complain(machine, call.context, &format!("{}: {text}\n", name(call)))
}

/// `NAME: TEXT`, and where to read on; gives the status back.
pub fn usage(machine: &mut Machine, call: &Call<'_>, text: &str, status: i32) -> Run<i32> {
    let full = call.words.first().map_or("", String::as_str);
    let text = format!("{}: {text}\nTry '{full} --help' for more information.\n", name(call));
    complain(machine, call.context, &text)?;
    Ok(status)
}

/// A name as messages show it: in quotes, always. The locale is C, so bytes beyond ASCII are told as octals.
pub fn quote(text: &str) -> String {
    let odd = |byte: u8| !(b' '..0x7f).contains(&byte);
    let needs_single = text.bytes().any(odd) || text.contains(['"', '$', '`', '\\', '!']);
    if text.contains('\'') && !needs_single {
        return format!("\"{text}\"");
    }
    let mut shown = String::from("'");
    let mut escaping = false;
    for byte in text.bytes() {
        if odd(byte) != escaping {
            shown.push_str(if escaping { "''" } else { "'$'" });
            escaping = !escaping;
        }
        match byte {
            b'\n' => shown.push_str("\\n"),
            b'\t' => shown.push_str("\\t"),
            b'\r' => shown.push_str("\\r"),
            other if odd(other) => shown.push_str(&format!("\\{other:03o}")),
            b'\'' => shown.push_str("'\\''"),
            other => shown.push(char::from(other)),
        }
    }
    shown.push('\'');
    shown
}

/// A name as messages show it: in quotes where a shell would need them.
pub fn shown(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || PLAIN.contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) { Cow::Borrowed(text) } else { Cow::Owned(quote(text)) }
}

/// A file's bytes; `-` is stdin.
pub fn input(machine: &mut Machine, call: &Call<'_>, path: &str) -> Run<Result<Arc<[u8]>, Errno>> {
    if path == "-" {
        return Ok(Ok(machine.read_all(&call.context.io.stdin).into()));
    }
    Ok(machine.files.read(call.context.user, &call.context.cwd, path))
}

/// Writes to stdout; `Err` is the status with which the program ends.
pub fn emit(machine: &mut Machine, call: &Call<'_>, bytes: &[u8]) -> Run<Result<(), i32>> {
    for piece in bytes.chunks(PIECE) {
        if let Err(failure) = machine.write(&call.context.io.stdout, piece)? {
            return write_failed(machine, call, failure).map(Err);
        }
    }
    Ok(Ok(()))
}

/// The same as the program's last act.
pub fn finish(machine: &mut Machine, call: &Call<'_>, bytes: &[u8], status: i32) -> Run<i32> {
    Ok(match emit(machine, call, bytes)? {
        Ok(()) => status,
        Err(failed) => failed,
    })
}

/// Lines with their newlines; the last may have none.
pub fn lines(bytes: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n')
}

/// A line without its newline.
pub fn chomp(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

/// `512`, `1K`, `2MB` as coreutils read counts; `None` is no count.
pub fn count(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text.get(..digits)?.parse().ok()?;
    let factor = match text.get(digits..)? {
        "" => 1,
        "b" => 512,
        "kB" | "KB" => 1000,
        "k" | "K" | "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "M" | "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "G" | "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// What tests of programs share.
#[cfg(test)]
pub mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::machine::io::{Input, Io, Output};
    use crate::machine::users::Uid;
    use crate::shell::Context;

    /// A machine with nothing but the system's own files.
    pub fn machine() -> Machine {
        let setup = crate::spec::bare_setup(5);
        let spec = crate::MachineSpec { seed: 1, setup, entries: Vec::new(), images: Vec::new(), commits: Vec::new() };
        Machine::boot(&spec).unwrap()
    }

    /// The operator, in a folder, with this stdin; stdout and stderr in one buffer.
    pub fn context(machine: &mut Machine, user: Uid, cwd: &str, stdin: &[u8]) -> (Context, usize) {
        let stdin = if stdin.is_empty() { Input::Null } else { machine.input(stdin) };
        let buffer = machine.buffer(None);
        let io = Io { stdin, stdout: Output::Buffer(buffer), stderr: Output::Buffer(buffer) };
        let context = Context { user, cwd: cwd.to_owned(), umask: 0o022, environment: BTreeMap::new().into(), io };
        (context, buffer)
    }

    /// Runs a command as the operator in /tmp: its status and all that it said.
    pub fn run(machine: &mut Machine, words: &[&str], stdin: &[u8]) -> (i32, String) {
        run_as(machine, 1000, words, stdin)
    }

    /// The same as somebody.
    pub fn run_as(machine: &mut Machine, user: Uid, words: &[&str], stdin: &[u8]) -> (i32, String) {
        let (context, buffer) = context(machine, user, "/tmp", stdin);
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let status = super::super::execute(machine, &words, &context).unwrap();
        (status, String::from_utf8_lossy(&machine.take_buffer(buffer)).into_owned())
    }

    /// Puts a file of the operator's into /tmp.
    pub fn file(machine: &mut Machine, name: &str, bytes: &[u8]) {
        use crate::machine::files::{Content, Kind};
        let kind = Kind::File(Content::Bytes(bytes.into()));
        machine.files.plant(&format!("/tmp/{name}"), 1000, 0o644, kind).unwrap();
    }

    /// Runs the tool of the machine that tests run on: the comparison for what is the same everywhere.
    /// `None` where it is not there.
    pub fn real(words: &[&str], stdin: &[u8]) -> Option<(i32, String)> {
        use std::io::Write;
        use std::process::{Command, Stdio};
        let (program, arguments) = words.split_first()?;
        let path = format!("/usr/bin/{program}");
        if !std::path::Path::new(&path).exists() {
            return None;
        }
        let mut child = Command::new(path)
            .args(arguments)
            .env_clear()
            .env("PATH", super::super::PATH)
            .current_dir("/proc/self/task")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        let mut pipe = child.stdin.take()?;
        // A tool that does not read is no failure.
        let _ = pipe.write_all(stdin);
        drop(pipe);
        let output = child.wait_with_output().ok()?;
        let said = [output.stdout, output.stderr].concat();
        Some((output.status.code()?, String::from_utf8_lossy(&said).replace("/usr/bin/", "")))
    }

    /// The model's answer as [`real`] has it: stdout, then stderr.
    fn modelled(words: &[&str], stdin: &[u8]) -> (i32, String) {
        let mut machine = machine();
        let (mut context, stdout) = context(&mut machine, 1000, "/tmp", stdin);
        let stderr = machine.buffer(None);
        context.io.stderr = Output::Buffer(stderr);
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let status = super::super::execute(&mut machine, &words, &context).unwrap();
        let said = [machine.take_buffer(stdout), machine.take_buffer(stderr)].concat();
        (status, String::from_utf8_lossy(&said).into_owned())
    }

    /// Holds the model against the tool of this machine.
    pub fn same_as_real(cases: &[(&[&str], &[u8])]) {
        for (words, stdin) in cases {
            let Some(expected) = real(words, stdin) else {
                eprintln!("skipped: no /usr/bin/{} on this machine", words[0]);
                return;
            };
            assert_eq!(modelled(words, stdin), expected, "{words:?} with {:?}", String::from_utf8_lossy(stdin));
        }
    }

    #[test]
    fn names_are_quoted_as_coreutils_quote_them() {
        for (text, always, needed) in [
            ("a.b", "'a.b'", "a.b"),
            ("a b", "'a b'", "'a b'"),
            ("", "''", "''"),
            ("it's", "\"it's\"", "\"it's\""),
            ("a\nb", "'a'$'\\n''b'", "'a'$'\\n''b'"),
            ("xé", "'x'$'\\303\\251'", "'x'$'\\303\\251'"),
        ] {
            assert_eq!((quote(text).as_str(), shown(text).as_ref()), (always, needed));
        }
    }
}
