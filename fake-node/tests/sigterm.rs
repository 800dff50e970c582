//! SIGTERM to the real process: it ends the node, and has no effect on a release that ignores it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test: what fails here shall end it, also in its helpers")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use fake_node::release::{Inborn, Release, embed};

const RELEASE: &str = include_str!("../../scenarios/releases/documented/v0.4.0.toml");

/// Far more than a node needs to say or answer something.
const PATIENCE: Duration = Duration::from_secs(20);

/// A node that runs, and is killed however the test ends.
struct Running {
    process: Child,
    /// Ends when the process has closed its stdout.
    lines: Receiver<String>,
    port: u16,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Running {
    fn start(folder: &Path, born_with: Vec<Inborn>) -> Running {
        let mut release = Release::from_toml("v0.4.0.toml", RELEASE).unwrap();
        release.state.directory = folder.to_str().unwrap().to_owned();
        release.born_with = born_with;
        let bytes = embed(&fs::read(env!("CARGO_BIN_EXE_tensor-wasm")).unwrap(), &release).unwrap();
        let executable = folder.join("tensor-wasm");
        fs::write(&executable, bytes).unwrap();
        fs::set_permissions(&executable, fs::Permissions::from_mode(0o755)).unwrap();
        let mut process = Command::new(executable)
            .args(["serve", "--addr", "127.0.0.1:0"])
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut running = Running { process, lines, port: 0 };
        let line = running.line_with("127.0.0.1:");
        let port = line.split("127.0.0.1:").nth(1).unwrap();
        running.port = port.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap();
        running
    }

    /// The next line with that text in it.
    fn line_with(&self, text: &str) -> String {
        loop {
            let line =
                self.lines.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("no line with {text:?}: {error}"));
            if line.contains(text) {
                return line;
            }
        }
    }

    fn send_sigterm(&self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    fn healthz(&self) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

/// One test for both, so that no other thread forks while an executable is open for writing ("text file busy").
#[test]
fn sigterm_ends_a_node_unless_its_release_ignores_it() {
    let folder = tempfile::tempdir().unwrap();
    let deaf = Running::start(folder.path(), vec![Inborn::SigtermIgnored {}]);
    for _ in 0..2 {
        deaf.send_sigterm();
        // Its word comes when the signal has been taken, so what answers after it has outlived it.
        deaf.line_with("SIGTERM received and ignored");
        assert!(deaf.healthz().starts_with("HTTP/1.1 200"));
    }
    drop(deaf);

    let folder = tempfile::tempdir().unwrap();
    let mut hears = Running::start(folder.path(), Vec::new());
    assert!(hears.healthz().starts_with("HTTP/1.1 200"));
    hears.send_sigterm();
    // Its stdout ends with it.
    let silence = loop {
        if let Err(error) = hears.lines.recv_timeout(PATIENCE) {
            break error;
        }
    };
    assert_eq!(silence, RecvTimeoutError::Disconnected, "SIGTERM did not end it");
    assert_eq!(hears.process.wait().unwrap().code(), Some(0));
}
