//! A release's executable as a command, without and with a node behind it.

use std::io::Read;
use std::sync::Arc;

use fake_node::observe::{Limits, observe_once};
use fake_node::release::Release;

use crate::machine::Machine;
use crate::machine::files::{Content, Kind, ReleaseFile};
use crate::machine::io::Output;
use crate::machine::process::{Supervisor, What};
use crate::programs::common::tests::{context, machine, run};
use crate::time::SECOND;
use crate::{Stop, programs};

const RELEASE: &str = include_str!("../../../../scenarios/releases/documented/v0.3.8.toml");

fn with_release() -> (Machine, String) {
    let mut machine = machine();
    let release: Release = Release::from_toml("v0.3.8.toml", RELEASE).unwrap();
    let version = release.version_line();
    let file = ReleaseFile { release: Arc::new(release), sha256: Arc::from("0".repeat(64)) };
    let kind = Kind::File(Content::Release(file));
    machine.files.plant("/usr/local/bin/tensor-wasm", 0, 0o755, kind).unwrap();
    (machine, version)
}

#[test]
fn it_says_its_version_and_refuses_what_it_does_not_know() {
    let (mut machine, version) = with_release();
    assert_eq!(run(&mut machine, &["tensor-wasm", "--version"], b""), (0, format!("{version}\n")));
    let (status, said) = run(&mut machine, &["tensor-wasm", "nope"], b"");
    assert_eq!(status, 2);
    assert!(said.starts_with("error: "), "{said}");
    machine.files.free_bytes = Some(0);
    let (mut context, _) = context(&mut machine, 1000, "/tmp", b"");
    let file = machine.files.plant("/tmp/full", 1000, 0o644, Kind::File(Content::Bytes(Arc::from([])))).unwrap();
    let mode = crate::machine::files::OpenMode::Truncate;
    machine.streams.files.push(crate::machine::io::OpenFile { ino: file, position: 0, mode });
    context.io.stdout = Output::File(machine.streams.files.len() - 1);
    let words = ["tensor-wasm", "--version"].map(str::to_owned);
    assert_eq!(programs::execute(&mut machine, &words, &context), Ok(1));
}

#[test]
fn observe_says_of_a_node_that_is_not_there_what_the_real_one_says() {
    let (mut machine, _) = with_release();
    let (status, said) = run(&mut machine, &["tensor-wasm", "observe", "--once"], b"");
    assert_eq!(status, 1);
    // A port that nobody has.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let real = observe_once(&format!("http://{free}"), &Limits::default());
    let target = "http://localhost:8080";
    let document = real.to_json().replace(&format!("http://{free}"), target);
    let why = real.fetch_error.unwrap();
    assert_eq!(said, format!("{document}\nError: {target} is not well: {why}\n"));
}

#[test]
fn observe_says_of_a_connection_that_is_closed_what_the_real_one_says() {
    let (mut machine, _) = with_release();
    machine.start_other("/usr/bin/x", 0, Supervisor::Nobody, What::Holder { port: 8080, bound: false });
    let (_, said) = run(&mut machine, &["tensor-wasm", "observe", "--once"], b"");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
        }
    });
    let real = observe_once(&format!("http://{address}"), &Limits::default());
    server.join().unwrap();
    let why = real.fetch_error.unwrap();
    assert!(said.ends_with(&format!("is not well: {why}\n")), "{said} {why}");
}

#[test]
fn a_node_in_the_foreground_serves_until_its_time_is_over() {
    let (mut machine, _) = with_release();
    let (background, _) = context(&mut machine, 900, "/tmp", b"");
    machine.deadline = machine.now + 10 * SECOND;
    let words = ["timeout", "5", "tensor-wasm", "serve", "--addr", "127.0.0.1:8080"].map(str::to_owned);
    assert_eq!(programs::execute(&mut machine, &words, &background), Ok(124));
    machine.spend(1).unwrap();
    let nodes = |machine: &Machine| machine.processes.values().any(|one| matches!(one.what, What::Node(_)));
    assert!(!nodes(&machine) && !machine.port_taken(8080), "it went with its command");
    let words = ["tensor-wasm", "serve", "--addr", "127.0.0.1:8080"].map(str::to_owned);
    assert_eq!(programs::execute(&mut machine, &words, &background), Err(Stop::Deadline));
    machine.deadline = u64::MAX;
    machine.spend(1).unwrap();
    assert!(!nodes(&machine) && machine.foreground_ended.is_empty());
    // A port that somebody has ends it at once.
    machine.start_other("/usr/bin/x", 0, Supervisor::Nobody, What::Holder { port: 8080, bound: false });
    let (status, said) = run(&mut machine, &["tensor-wasm", "serve", "--addr", "127.0.0.1:8080"], b"");
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("Address already in use"), "{said}");
}

#[test]
fn observe_goes_on_until_its_time_is_over() {
    let (mut machine, _) = with_release();
    let words = ["timeout", "5", "tensor-wasm", "observe", "--output", "json", "--interval", "2"];
    let (status, said) = run(&mut machine, &words, b"");
    assert_eq!((status, said.lines().count()), (124, 3));
    assert!(said.lines().all(|line| line.contains("\"interval_secs\":2,\"liveness\":\"unreachable\"")), "{said}");
}
