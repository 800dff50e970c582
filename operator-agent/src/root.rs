//! Commands of the harness itself, as root and outside the operator's shell: the supervisor's state, faults, captures.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Bytes kept of the output (its beginning).
pub const OUTPUT_MAX: u64 = 1 << 20;

/// What a command came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// 124 is a command that was ended at its ceiling, 127 one that could not begin.
    pub exit: i32,
    /// stdout and stderr as one, up to [`OUTPUT_MAX`].
    pub output: String,
    /// Bytes that it wrote in all.
    pub output_bytes: u64,
}

/// Runs shell text.
pub fn run(text: &str, timeout: Duration) -> Ran {
    // `timeout` (coreutils) ends the whole process group, which std cannot without unsafe code.
    let child = Command::new("timeout")
        .args(["--kill-after=1", &format!("{}", timeout.as_secs_f64()), "bash", "-c", &format!("exec 2>&1\n{text}")])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            let output = format!("cannot run `timeout`: {error}");
            return Ran { exit: 127, output_bytes: output.len() as u64, output };
        }
    };
    let (mut output, mut beyond) = (Vec::new(), 0);
    if let Some(stdout) = child.stdout.take() {
        let mut stdout = stdout;
        let _ = stdout.by_ref().take(OUTPUT_MAX).read_to_end(&mut output);
        // What is beyond the ceiling is read away, so that the command can end.
        beyond = std::io::copy(&mut stdout, &mut std::io::sink()).unwrap_or(0);
    }
    let exit = child.wait().ok().and_then(|status| status.code()).unwrap_or(137);
    let output_bytes = beyond.saturating_add(output.len() as u64);
    Ran { exit, output: String::from_utf8_lossy(&output).into_owned(), output_bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_off_is_counted() {
        let ran = |text: &str| run(text, Duration::from_secs(20));
        assert_eq!(
            ran("echo out; echo err >&2; exit 3"),
            Ran { exit: 3, output: "out\nerr\n".into(), output_bytes: 8 }
        );
        let long = ran("head --bytes=1048579 /dev/zero");
        assert_eq!((long.exit, long.output.len() as u64, long.output_bytes), (0, OUTPUT_MAX, OUTPUT_MAX + 3));
    }
}
