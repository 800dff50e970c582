//! The binary `tensor-wasm`: sockets, files, signals and stdout round the node of the library.
//!
//! Which release it is stands in a trailer of its own executable (`fake_node::release`), so every release is another
//! file with another SHA-256.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::process::ExitCode;

use fake_node::cli::{self, Finished, Parsed};
use fake_node::release::{self, Release, TAIL_MAX};

mod shell;

/// Exit status for a binary that cannot say what release it is (usage or input, as the harness has it).
const NO_RELEASE: i32 = 64;

fn main() -> ExitCode {
    let release = match own_release() {
        Ok(release) => release,
        Err(reason) => {
            let stderr = format!(
                "this is the bare node of rollback-drill: it carries no release that it could be ({reason}); \
                 embed one with fake_node::release::embed, as the harness does\n"
            );
            return code(finish(&Finished { stdout: String::new(), stderr, status: NO_RELEASE }));
        }
    };
    let arguments: Vec<String> = std::env::args_os().skip(1).map(|text| text.to_string_lossy().into_owned()).collect();
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .collect();
    code(match cli::parse(&release, &arguments, &environment) {
        Parsed::Finished(finished) => finish(&finished),
        Parsed::Serve(config) => shell::server::serve(release, *config),
        Parsed::Observe(options) => shell::observer::observe(&options),
    })
}

/// The release in the end of this process's own executable. Through `/proc/self/exe`, which is the file that runs even
/// when its name was given to another meanwhile.
fn own_release() -> Result<Release, String> {
    let io = |error: std::io::Error| format!("reading /proc/self/exe: {error}");
    let mut file = File::open("/proc/self/exe").map_err(io)?;
    let length = file.seek(SeekFrom::End(0)).map_err(io)?;
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_MAX as u64))).map_err(io)?;
    let mut tail = Vec::new();
    file.take(TAIL_MAX as u64).read_to_end(&mut tail).map_err(io)?;
    release::extract(&tail).map_err(|error| error.to_string())
}

/// Writes a finished output; a stdout that cannot be written is an error of its own (a full disk behind a `>`).
fn finish(finished: &Finished) -> i32 {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(finished.stdout.as_bytes()).and_then(|()| stdout.flush());
    // Nothing is left to tell of a stderr that cannot be written.
    let _ = std::io::stderr().write_all(finished.stderr.as_bytes());
    match written {
        Ok(()) => finished.status,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "Error: writing to stdout: {error}");
            finished.status.max(1)
        }
    }
}

fn code(status: i32) -> ExitCode {
    ExitCode::from(u8::try_from(status).unwrap_or(1))
}
