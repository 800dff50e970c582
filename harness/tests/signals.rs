//! SIGINT and SIGTERM to the real program, wherever it may be: it ends with 130 or 143, soon, with all that it started.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test: what fails here shall end it, also in its helpers")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// A look every 100 ms, and 5 s for a child to end: far less.
const PATIENCE: Duration = Duration::from_secs(30);
const SIGNALS: [(&str, i32); 2] = [("-INT", 130), ("-TERM", 143)];

fn send(signal: &str, pid: u32) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

/// The program, with an engine and a folder for its state.
fn program(engine: &str, state: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollback-drill"));
    command.env("DOCKER_HOST", engine).env("TMPDIR", state);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// How it ends, and what it has said on stdout; it is killed if it does not end.
fn end_of(mut child: Child) -> (ExitStatus, String) {
    let pid = child.id();
    let (sender, ended) = mpsc::channel();
    let mut stdout = child.stdout.take().unwrap();
    std::thread::spawn(move || {
        let status = child.wait();
        let mut said = String::new();
        let _ = stdout.read_to_string(&mut said);
        sender.send((status, said))
    });
    let Ok((status, said)) = ended.recv_timeout(PATIENCE) else {
        send("-KILL", pid);
        panic!("it goes on after the signal");
    };
    (status.unwrap(), said)
}

fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    (listener, address)
}

#[test]
fn while_it_reads_stdin() {
    let state = tempfile::tempdir().unwrap();
    for (signal, code) in SIGNALS {
        let mut child = program("tcp://127.0.0.1:1", state.path()).args(["drill", "--scenario", "-"]).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // More than a pipe holds: once it is written, some of it has been read.
        stdin.write_all(&[b'\n'; 128 << 10]).unwrap();
        send(signal, child.id());
        let (status, said) = end_of(child);
        assert_eq!((status.code(), said.as_str()), (Some(code), ""), "{signal}");
    }
}

#[test]
fn while_the_engine_is_silent() {
    let state = tempfile::tempdir().unwrap();
    for (signal, code) in SIGNALS {
        for args in [["host", "build"], ["host", "list"], ["host", "sweep"], ["host", "doctor"]] {
            let (listener, engine) = listener();
            let child = program(&engine, state.path()).args(args).spawn().unwrap();
            let (silent, _) = listener.accept().unwrap();
            send(signal, child.id());
            let (status, said) = end_of(child);
            assert_eq!((status.code(), said.as_str()), (Some(code), ""), "{signal} {args:?}");
            drop(silent);
        }
    }
}

#[test]
fn while_cargo_builds() {
    for (signal, code) in SIGNALS {
        let state = tempfile::tempdir().unwrap();
        let (listener, address) = listener();
        let cargo = state.path().join("cargo");
        let at = address.replace("tcp://", "/dev/tcp/").replace(':', "/");
        let text = format!("#!/usr/bin/env bash\nexec 3<>{at}\nsleep 1000 &\necho $$ $! >&3\nwait\n");
        std::fs::write(&cargo, text).unwrap();
        std::fs::set_permissions(&cargo, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", state.path().display(), std::env::var_os("PATH").unwrap().to_str().unwrap());
        // An engine that refuses is told; then comes cargo.
        let child =
            program("tcp://127.0.0.1:1", state.path()).args(["host", "doctor"]).env("PATH", path).spawn().unwrap();
        let (stream, _) = listener.accept().unwrap();
        let pids = first_line(&stream);
        assert_eq!(pids.split_whitespace().count(), 2, "{pids}");
        send(signal, child.id());
        let (status, said) = end_of(child);
        assert_eq!(status.code(), Some(code), "{signal}");
        assert!(said.contains("FAILS  container engine") && !said.contains("node and agent"), "{said}");
        // Both had the stream; that they are gone is its end.
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        assert_eq!((&stream).read(&mut [0]).unwrap(), 0, "what cargo had started goes on");
    }
}

#[test]
fn while_it_explores() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("explored");
    let explore = |more: &[&str]| {
        let mut command = program("tcp://127.0.0.1:1", out.path());
        let args = ["explore", "--exhaustive", "--faults", "2", "--base", "procedure-only", "--topology", "systemd"];
        command.args(args).arg("--out").arg(&folder).args(more).spawn().unwrap()
    };
    let mut child = explore(&[]);
    // Once it tells how far it is, a signal is only noted.
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("0 of ")), "it never began");
    send("-INT", child.id());
    let (status, said) = end_of(child);
    assert_eq!(status.code(), Some(130), "{said}");
    assert!(said.contains(" of the wanted are missing"), "{said}");
    assert_eq!(std::fs::read_to_string(folder.join("report.txt")).unwrap(), said);
    // What was done is there again, and goes into the report of whoever goes on.
    let (status, again) = end_of(explore(&["--resume", "--seconds", "0"]));
    assert_eq!((status.code(), again), (Some(2), said));
}

fn first_line(stream: &TcpStream) -> String {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line
}
