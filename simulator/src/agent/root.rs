//! Commands of the harness itself, as root and outside the operator's shell; as operator-agent/src/root.rs. Texts are parsed
//! once and kept.

use operator_agent::bounded;
use operator_agent::protocol::Happened;

use crate::machine::Machine;
use crate::machine::io::{Input, Io, Output};
use crate::machine::users::ROOT;
use crate::programs::PATH;
use crate::shell::{Context, Refused, Shell};
use crate::time::Us;
use crate::{Run, Stop};

/// Bytes read of the output (its beginning); as `OUTPUT_MAX` of operator-agent/src/root.rs.
const OUTPUT_MAX: usize = 1 << 20;
/// As coreutils' timeout says that it has killed.
const TIMED_OUT: i32 = 124;

/// What bash says of a text that it cannot read.
pub(crate) fn syntax_error(refused: &Refused) -> String {
    format!("bash: line {}: syntax error: {}: `{}'\n", refused.row + 1, refused.what, refused.text)
}

/// What a command came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// 124 is a command that was ended at its ceiling.
    pub exit: i32,
    /// stdout and stderr as one, bounded.
    pub output: String,
    /// Bytes that it wrote in all.
    pub output_bytes: u64,
}

/// Runs shell text while the operator's command runs. What that has written, and how deep its shells are, stays as it is. On one
/// strand the command stands still meanwhile, which takes some milliseconds.
pub fn beside(machine: &mut Machine, text: &str, timeout: Us) -> Run<()> {
    let (own_words, nesting) = (machine.streams.own_words, std::mem::take(&mut machine.shell_nesting));
    let Ran { exit, output, output_bytes } = run(machine, text, timeout)?;
    (machine.streams.own_words, machine.shell_nesting) = (own_words, nesting);
    machine.report(Happened::RootRan { exit, output, output_bytes });
    Ok(())
}

/// Runs shell text.
pub fn run(machine: &mut Machine, text: &str, timeout: Us) -> Run<Ran> {
    let script = match machine.scripts.parse(text) {
        Ok(script) => script,
        Err(refused) => {
            let output = syntax_error(&refused);
            return Ok(Ran { exit: 2, output_bytes: output.len() as u64, output });
        }
    };
    let output = machine.buffer(None);
    let environment = [("HOME", "/root"), ("HOSTNAME", "operator-host"), ("PATH", PATH)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let context = Context {
        user: ROOT,
        cwd: "/".to_owned(),
        umask: 0o022,
        environment: environment.into_iter().collect(),
        io: Io { stdin: Input::Null, stdout: Output::Buffer(output), stderr: Output::Buffer(output) },
    };
    let outer = machine.deadline;
    machine.deadline = outer.min(machine.now.saturating_add(timeout));
    let ended = Shell::new(context, &["bash".to_owned()]).eval(machine, &script);
    let own = machine.deadline < outer;
    machine.deadline = outer;
    let status = match ended {
        Ok(ended) => ended.status,
        Err(Stop::Deadline) if own => TIMED_OUT,
        Err(Stop::OutputLimit) => {
            return Err(Stop::Unable(format!("`{text}` writes more than a command of the harness may")));
        }
        Err(other) => return Err(other),
    };
    let bytes = machine.take_buffer(output);
    let read = bytes.get(..bytes.len().min(OUTPUT_MAX)).unwrap_or_default();
    Ok(Ran { exit: status, output: bounded::text(read, bounded::ESCAPED_MAX), output_bytes: bytes.len() as u64 })
}
