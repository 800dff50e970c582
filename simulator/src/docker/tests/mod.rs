//! The engine and its clients, held against what Docker 26.1.5 and Compose 2.26.1 printed on an operator host.

use std::sync::Arc;

use fake_node::release::Release;

use crate::machine::Machine;
use crate::machine::files::{Content, Kind, OpenMode, ReleaseFile};
use crate::machine::io::{Input, Io, Output};
use crate::machine::process::{Pid, Supervisor, What};
use crate::machine::users::{ROOT, Uid};
use crate::programs;
use crate::shell::Context;
use crate::spec::{Entry, EntryKind, ImageSpec, MachineSpec};
use crate::time::SECOND;

mod clients;
mod compose;
mod messages;
mod rules_engine;

const REPOSITORY: &str = "ghcr.io/craton-co/tensor-wasm";
const RUN: &str = "docker run -d --name tensor-wasm --env-file /etc/tensor-wasm/env -p 8080:8080 \
                   -v /var/lib/tensor-wasm:/var/lib/tensor-wasm";

fn release(version: &str, inborn: &str) -> ReleaseFile {
    let text = match version {
        "0.4.0" => include_str!("../../../../scenarios/releases/documented/v0.4.0.toml"),
        _ => include_str!("../../../../scenarios/releases/documented/v0.3.8.toml"),
    };
    let text = text.replace("born_with = []", &format!("born_with = [{inborn}]"));
    let release = Arc::new(Release::from_toml(version, &text).unwrap());
    ReleaseFile { release, sha256: crate::sha256_hex(version.as_bytes()).into() }
}

fn image(version: &str, inborn: &str) -> ImageSpec {
    ImageSpec {
        repository: "craton-co/tensor-wasm".into(),
        tags: vec![format!("v{version}")],
        digest: format!("sha256:{}", crate::sha256_hex(format!("image {version}").as_bytes())),
        release: Some(("/usr/local/bin/tensor-wasm".into(), release(version, inborn))),
        entrypoint: vec!["tensor-wasm".into()],
        command: vec!["serve".into()],
        env: vec![format!("PATH={}", programs::PATH)],
        rules_engine: false,
    }
}

fn neighbour(name: &str, tag: &str) -> ImageSpec {
    ImageSpec {
        repository: format!("craton-co/{name}"),
        tags: vec![tag.into()],
        digest: format!("sha256:{}", crate::sha256_hex(name.as_bytes())),
        release: None,
        entrypoint: vec![format!("/usr/bin/{name}")],
        command: vec!["--listen".into()],
        env: Vec::new(),
        rules_engine: name == "prometheus",
    }
}

/// A machine with an engine and a registry that run, and a compose file.
struct Host {
    machine: Machine,
}

struct Output3 {
    status: i32,
    out: String,
    err: String,
}

impl Host {
    fn new() -> Host {
        Host::with(&[
            image("0.4.0", ""),
            image("0.3.8", ""),
            neighbour("prometheus", "v2.53"),
            neighbour("jaeger", "v1"),
        ])
    }

    fn with(images: &[ImageSpec]) -> Host {
        let setup = crate::spec::bare_setup(5);
        let compose = include_str!("../../../../scenarios/topologies/documented/compose/docker-compose.yml");
        let file = |path: &str, owner: &str, mode: u32, text: &str| Entry {
            path: path.into(),
            owner: owner.into(),
            mode,
            kind: EntryKind::File(text.as_bytes().to_vec()),
        };
        let folder = |path: &str, owner: &str| Entry {
            path: path.into(),
            owner: owner.into(),
            mode: 0o755,
            kind: EntryKind::Folder,
        };
        let spec = MachineSpec {
            seed: 7,
            setup,
            entries: vec![
                folder("/var/lib/tensor-wasm", "tensor-wasm"),
                folder("/srv/tensor-wasm", "oncall"),
                file("/etc/tensor-wasm/env", "oncall", 0o640, "TENSOR_WASM_API_TOKENS=secret\nNO_COLOR=1\n"),
                file("/srv/tensor-wasm/docker-compose.yml", "oncall", 0o644, &compose.replace("@VERSION@", "0.4.0")),
            ],
            images: images.to_vec(),
            commits: Vec::new(),
        };
        let mut machine = Machine::boot(&spec).unwrap();
        super::engine_starts(&mut machine);
        machine.docker.registry.runs = true;
        Host { machine }
    }

    fn context(&mut self, user: Uid, cwd: &str) -> (Context, usize, usize) {
        let (out, err) = (self.machine.buffer(None), self.machine.buffer(None));
        let io = Io { stdin: Input::Null, stdout: Output::Buffer(out), stderr: Output::Buffer(err) };
        let environment = [("HOME".to_owned(), "/home/oncall".to_owned())].into_iter().collect();
        (Context { user, cwd: cwd.into(), umask: 0o022, environment, io }, out, err)
    }

    fn call(&mut self, user: Uid, cwd: &str, line: &str, variables: &[(&str, &str)]) -> Output3 {
        let (mut context, out, err) = self.context(user, cwd);
        for (name, value) in variables {
            context.environment.insert((*name).into(), (*value).into());
        }
        let words = words(line);
        self.machine.deadline = self.machine.now + 600 * SECOND;
        let status = programs::execute(&mut self.machine, &words, &context).unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Output3 { status, out: text(self.machine.take_buffer(out)), err: text(self.machine.take_buffer(err)) }
    }

    /// As the operator, in the compose file's folder.
    fn sh(&mut self, line: &str) -> Output3 {
        self.call(1000, "/srv/tensor-wasm", line, &[])
    }

    /// The same, which has to end 0; what it printed.
    fn ok(&mut self, line: &str) -> String {
        let done = self.sh(line);
        assert_eq!(done.status, 0, "{line}: {}{}", done.out, done.err);
        done.out
    }

    /// What the topologies' own script says of the node's container, and its status.
    fn container_state(&mut self, neighbours: &[&str], (good, bad): (&str, &str)) -> (i32, String) {
        let script = include_str!("../../../../scenarios/topologies/documented/common/container-state");
        let script = script.replace("@GOOD@", good).replace("@BAD@", bad);
        let (path, kind) =
            ("/usr/local/lib/rollback-drill/container-state", Kind::File(Content::Bytes(script.into_bytes().into())));
        self.machine.files.plant(path, ROOT, 0o755, kind).unwrap();
        let done = self.call(ROOT, "/", &format!("{path} {}", neighbours.join(" ")), &[("PATH", programs::PATH)]);
        (done.status, done.out)
    }

    fn healthz(&mut self) -> Option<u16> {
        use crate::machine::net::Outcome;
        let request = fake_node::http::Request::new("GET", "/healthz");
        match self.machine.fetch(("localhost", 8080), &request, Some(SECOND)).unwrap().outcome {
            Outcome::Answer(response) => Some(response.status),
            _ => None,
        }
    }

    fn write(&mut self, path: &str, text: &str) {
        let now = self.machine.now;
        let ino = self.machine.files.open(ROOT, "/", path, OpenMode::Truncate, (0o022, now)).unwrap();
        self.machine.files.write(ino, 0, OpenMode::Truncate, text.as_bytes(), now).unwrap();
    }

    fn compose_file(&mut self, from: &str, to: &str) {
        let path = "/srv/tensor-wasm/docker-compose.yml";
        let text = String::from_utf8(self.machine.files.read(ROOT, "/", path).unwrap().to_vec()).unwrap();
        assert!(text.contains(from), "{text}");
        self.write(path, &text.replace(from, to));
    }

    /// Something that takes the port as soon as it is free.
    fn hold_port(&mut self) -> Pid {
        let holder = What::Holder { port: 8080, bound: false };
        self.machine.start_other("/usr/local/lib/rollback-drill/hold-port", ROOT, Supervisor::Nobody, holder)
    }

    fn wait(&mut self, seconds: f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a test's own small numbers")]
        let until = self.machine.now + (seconds * 1e6) as u64;
        self.machine.run_until(until).unwrap();
    }

    fn inspect(&mut self, name: &str, format: &str) -> String {
        let (context, out, _) = self.context(ROOT, "/");
        let words = ["docker", "inspect", name, "--format", format].map(str::to_owned);
        assert_eq!(programs::execute(&mut self.machine, &words, &context).unwrap(), 0);
        String::from_utf8(self.machine.take_buffer(out)).unwrap().trim_end().to_owned()
    }

    fn id(&self, name: &str) -> String {
        self.machine.docker.named(name).map(|one| one.id.clone()).unwrap_or_default()
    }
}

/// Words of a line; single quotes hold together.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for char in line.chars() {
        match char {
            '\'' => quoted = !quoted,
            ' ' if !quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            other => word.push(other),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}
