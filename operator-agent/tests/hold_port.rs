//! `hold-port` as a process: it waits for a port, takes it, and answers nobody.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use operator_agent::clock::Deadline;

const WITHIN: Duration = Duration::from_secs(20);

/// Kills the process when the test ends, however it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn hold_port(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_operator-agent"));
    command.arg0("/usr/local/bin/hold-port").args(arguments).stdin(Stdio::null());
    command
}

/// Nobody has the port for a moment. Not to 127.0.0.1, from where the kernel could connect such a port to itself.
fn connect(port: u16, deadline: Deadline) -> TcpStream {
    loop {
        match TcpStream::connect((Ipv4Addr::new(127, 0, 0, 2), port)) {
            Ok(stream) => return stream,
            Err(error) => assert!(!deadline.passed(), "port {port} was not taken within {WITHIN:?}: {error}"),
        }
    }
}

/// How often a process has gone to sleep of its own will (proc(5), `voluntary_ctxt_switches`).
fn sleeps(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

#[test]
fn it_takes_the_port_when_it_is_free_and_answers_nobody() {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut holder = Running(hold_port(&[&port.to_string()]).spawn().unwrap());
    let deadline = Deadline::after(WITHIN);
    while sleeps(holder.0.id()) < 20 {
        assert!(!deadline.passed(), "it does not try again and again");
    }
    assert_eq!(holder.0.try_wait().unwrap(), None, "it waits for a port that is taken");
    drop(listener);
    for _ in 0..2 {
        let mut stream = connect(port, deadline);
        stream.set_read_timeout(Some(WITHIN)).unwrap();
        // The connection may be closed before the request is out.
        let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\n\r\n");
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
        assert_eq!(String::from_utf8(answer).unwrap(), "");
    }
    assert_eq!(holder.0.try_wait().unwrap(), None, "it holds the port until it is killed");
    let taken = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);
}

#[test]
fn it_says_how_it_is_called() {
    let output = hold_port(&["http"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("usage: hold-port PORT"));
}
