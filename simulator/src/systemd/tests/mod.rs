//! Units as a whole: a machine of the shipped topology A, and calls as an operator makes them.

mod jobs;
mod journal;
mod status;
mod unit;

use std::collections::BTreeMap;
use std::path::Path;

use fake_node::http::Request;
use fake_node::release::Release;

use crate::machine::Machine;
use crate::machine::files::ReleaseFile;
use crate::machine::io::{Input, Io, Output};
use crate::shell::Context;
use crate::spec::{Entry, EntryKind, MachineSpec};
use crate::{BadMachine, Stop, programs};

/// An operator of the machine.
pub const ONCALL: u32 = 1000;
/// root.
pub const ROOT: u32 = 0;

fn scenarios(path: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    std::fs::read_to_string(folder.join(path)).unwrap()
}

/// A shipped release, changed as wanted.
pub fn release(version: &str, born_with: &str) -> ReleaseFile {
    let mut text = scenarios(&format!("releases/documented/v{version}.toml"));
    let from = text.find("born_with = [").unwrap();
    let to = text[from..].find("]\n").unwrap() + from + 2;
    text.replace_range(from..to, &format!("born_with = [{born_with}]\n"));
    let release = Release::from_toml(version, &text).unwrap();
    ReleaseFile {
        release: release.into(),
        sha256: crate::sha256_hex(format!("{version}{born_with}").as_bytes()).into(),
    }
}

pub fn file(path: &str, text: &str) -> Entry {
    entry(path, "root", 0o644, EntryKind::File(text.as_bytes().to_vec()))
}

pub fn entry(path: &str, owner: &str, mode: u32, kind: EntryKind) -> Entry {
    Entry { path: path.into(), owner: owner.into(), mode, kind }
}

/// Topology A as its files have it, without the repository.
pub fn systemd(bad: ReleaseFile) -> MachineSpec {
    let link = |path: &str, to: &str| entry(path, "root", 0o777, EntryKind::Link(to.into()));
    let documented = |path: &str| scenarios(&format!("topologies/documented/{path}"));
    let unit = "/etc/systemd/system/tensor-wasm.service";
    let installed = |version: &str| format!("/usr/local/lib/tensor-wasm/v{version}/bin/tensor-wasm");
    let env = documented("common/env").replace("@TOKEN@", "secret");
    let good = release("0.3.8", "");
    let entries = vec![
        entry("/var/lib/tensor-wasm", "tensor-wasm", 0o750, EntryKind::Folder),
        file("/etc/haproxy/errors/maintenance.http", &documented("common/maintenance.http")),
        entry("/etc/tensor-wasm/env", "root", 0o640, EntryKind::File(env.into_bytes())),
        file(unit, &documented("systemd/tensor-wasm.service")),
        link("/etc/systemd/system/multi-user.target.wants/tensor-wasm.service", unit),
        entry(&installed("0.4.0"), "root", 0o755, EntryKind::Release(bad)),
        entry(&installed("0.3.8"), "root", 0o755, EntryKind::Release(good)),
        link("/usr/local/bin/tensor-wasm", &installed("0.4.0")),
    ];
    let setup = crate::spec::bare_setup(20);
    MachineSpec { seed: 7, setup, entries, images: Vec::new(), commits: Vec::new() }
}

/// Topology A, up.
pub fn machine() -> Machine {
    Machine::boot(&systemd(release("0.4.0", ""))).unwrap()
}

/// A machine with more units.
pub fn with_units(units: &[(&str, &str)]) -> Machine {
    let mut spec = systemd(release("0.4.0", ""));
    spec.entries.extend(units.iter().map(|(name, text)| file(&format!("/etc/systemd/system/{name}"), text)));
    Machine::boot(&spec).unwrap()
}

/// Runs a command line of words; its status and both streams in one.
pub fn call(machine: &mut Machine, user: u32, line: &str) -> (i32, String) {
    try_call(machine, user, line).unwrap()
}

pub fn try_call(machine: &mut Machine, user: u32, line: &str) -> Result<(i32, String), Stop> {
    let buffer = machine.buffer(None);
    let words = super::words::split(line).unwrap();
    let output = Output::Buffer(buffer);
    let io = Io { stdin: Input::Null, stdout: output.clone(), stderr: output };
    let context = Context { user, cwd: "/".into(), umask: 0o022, environment: BTreeMap::new().into(), io };
    machine.deadline = machine.now + 600_000_000;
    let status = programs::execute(machine, &words, &context);
    let text = String::from_utf8(machine.take_buffer(buffer)).unwrap();
    status.map(|status| (status, text))
}

/// root's call that has to end with 0.
pub fn root(machine: &mut Machine, line: &str) -> String {
    let (status, text) = call(machine, ROOT, line);
    assert_eq!(status, 0, "{line}: {text}");
    text
}

/// Properties in one line.
pub fn show(machine: &mut Machine, unit: &str, properties: &str) -> String {
    root(machine, &format!("systemctl show {unit} --value -p {properties}")).trim_end().replace('\n', " ")
}

/// The status of /healthz, 0 if nobody answers.
pub fn healthz(machine: &mut Machine) -> u16 {
    let request = Request::new("GET", "/healthz");
    match machine.fetch(("127.0.0.1", 8080), &request, Some(1_000_000)).unwrap().outcome {
        crate::machine::net::Outcome::Answer(response) => response.status,
        _ => 0,
    }
}

/// Lets time pass.
pub fn pass(machine: &mut Machine, us: u64) {
    let until = machine.now + us;
    machine.run_until(until).unwrap();
}

/// The journal of a unit, texts only.
pub fn journal(machine: &Machine, unit: &str) -> Vec<String> {
    machine.journal.of_unit(unit).map(|line| line.text.clone()).collect()
}

#[test]
fn topology_a_is_up_within_a_second_after_its_start_and_serves_the_bad_release() {
    let mut machine = machine();
    assert!((400_000..1_000_000).contains(&machine.now), "{}", machine.now);
    assert_eq!(healthz(&mut machine), 200);
    let listeners = machine.listeners_on(8080);
    let process = listeners[0].process.as_ref().unwrap();
    assert_eq!(process.executable, "/usr/local/lib/tensor-wasm/v0.4.0/bin/tensor-wasm");
    assert_eq!(process.version.as_deref(), Some("0.4.0"));
    assert_eq!(machine.processes.values().find(|one| one.pid.0 == process.pid).unwrap().user, 900);
    assert!(machine.balancer.runs);
    let lines = journal(&machine, "tensor-wasm.service");
    assert_eq!(lines[0], "Started tensor-wasm.service - TensorWasm node.");
    assert_eq!(lines.last().unwrap(), "listening on http://0.0.0.0:8080");
}

#[test]
fn what_cannot_boot_is_refused_with_its_reason() {
    let mut spec = systemd(release("0.4.0", ""));
    spec.entries.push(entry("/usr/local/bin/tensor-wasm", "root", 0o777, EntryKind::Link("/nowhere".into())));
    let BadMachine(what) = Machine::boot(&spec).unwrap_err();
    assert!(what.starts_with("no node listens on port 8080 1min after boot; the journal ends with\n"), "{what}");
    assert!(what.contains("tensor-wasm.service: Start request repeated too quickly."), "{what}");
    let mut spec = systemd(release("0.4.0", ""));
    let unit = "/etc/systemd/system/tensor-wasm.service";
    spec.entries.push(file(unit, "[Service]\nExecStart=/a\nPrivateTmp=yes\n"));
    let BadMachine(what) = Machine::boot(&spec).unwrap_err();
    let named = "a key or value of [Service] (PrivateTmp=yes) is not modelled; use --host container";
    assert_eq!(what, format!("{unit}:3: {named}"));
}
