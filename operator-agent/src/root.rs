//! Commands of the harness itself, as root and outside the operator's shell: the supervisor's state, faults, captures.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::bounded;

/// Bytes read of the output (its beginning).
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
    Ran { exit, output: bounded::text(&output, bounded::ESCAPED_MAX), output_bytes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Happened, Report};

    /// The harness takes no longer line (`LINE_BYTES_MAX` in its host/container/mod.rs).
    const LINE_BYTES_MAX: usize = 4 << 20;

    #[test]
    fn whatever_a_command_prints_its_report_fits_into_a_line() {
        for (text, begins) in [
            ("head -c 3000000 /dev/zero", "\0\0"),
            ("head -c 3000000 /dev/zero | tr '\\0' '\\377'", "\u{fffd}\u{fffd}"),
            ("yes '\"' | head -c 3000000", "\"\n\"\n"),
        ] {
            let Ran { output, output_bytes, .. } = run(text, Duration::from_secs(20));
            assert!(output.starts_with(begins), "{text}");
            let report = Report { at_us: u64::MAX, what: Happened::RootRan { exit: -1, output, output_bytes } };
            let line = serde_json::to_vec(&report).unwrap();
            assert!((1 << 20..LINE_BYTES_MAX).contains(&line.len()), "{text}: {} bytes", line.len());
        }
        // What is no more than text is whole up to the ceiling of what is read.
        assert_eq!(run("yes abcdefg | head -c 1048576", Duration::from_secs(20)).output.len(), 1 << 20);
    }

    #[test]
    fn what_is_cut_off_is_counted() {
        let ran = |text: &str| run(text, Duration::from_secs(20));
        assert_eq!(
            ran("echo out; echo err >&2; exit 3"),
            Ran { exit: 3, output: "out\nerr\n".into(), output_bytes: 8 }
        );
        let long = ran("yes | head --bytes=1048579");
        assert_eq!((long.exit, long.output.len() as u64, long.output_bytes), (0, OUTPUT_MAX, OUTPUT_MAX + 3));
    }
}
