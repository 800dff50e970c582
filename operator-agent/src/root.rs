//! Commands of the harness itself, as root and outside the operator's shell: the supervisor's state, faults, captures.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Bytes kept of the output.
const OUTPUT_MAX: u64 = 1 << 20;

/// Runs shell text; stdout and stderr as one. 124 is a command that was ended at its ceiling, 127 one that could not begin.
pub fn run(text: &str, timeout: Duration) -> (i32, String) {
    // `timeout` (coreutils) ends the whole process group, which std cannot without unsafe code.
    let child = Command::new("timeout")
        .args(["--kill-after=1", &format!("{}", timeout.as_secs_f64()), "bash", "-c", &format!("exec 2>&1\n{text}")])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return (127, format!("cannot run `timeout`: {error}")),
    };
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let mut stdout = stdout;
        let _ = stdout.by_ref().take(OUTPUT_MAX).read_to_end(&mut output);
        // What is beyond the ceiling is read away, so that the command can end.
        let _ = std::io::copy(&mut stdout, &mut std::io::sink());
    }
    let exit = child.wait().ok().and_then(|status| status.code()).unwrap_or(137);
    (exit, String::from_utf8_lossy(&output).into_owned())
}
