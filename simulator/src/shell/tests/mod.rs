//! The shell beside the real one: the same texts, the same output, statuses and PIPESTATUS.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use operator_agent::protocol::Setup;

use grammar::FILES;

use super::{Context, Shell, operator_environment, parse};
use crate::machine::Machine;
use crate::machine::io::Io;
use crate::spec::{Entry, EntryKind, MachineSpec};

mod differential;
mod generated;
mod grammar;
mod machine;
mod refusals;

/// The agent's script: what evaluates the operator's commands on a real host.
const AGENT_SCRIPT: &str = include_str!("../../../../operator-agent/src/shell.sh");
const OPERATOR: u32 = 1000;
const FOLDER: &str = "/home/oncall/work";

/// How a command ended: status, pipeline parts, output. `None` for statuses when the shell ended with it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    status: i32,
    pipe: Vec<i32>,
    ended: bool,
    output: String,
}

fn spec(entries: Vec<Entry>) -> MachineSpec {
    let setup = Setup { supervisor: "true".into(), ..crate::spec::bare_setup(50) };
    MachineSpec { seed: 1, setup, entries, images: Vec::new(), commits: Vec::new() }
}

fn file(path: &str, mode: u32, text: &str) -> Entry {
    Entry { path: path.into(), owner: "oncall".into(), mode, kind: EntryKind::File(text.as_bytes().to_vec()) }
}

fn machine_with(mut entries: Vec<Entry>) -> Machine {
    let folder = |path: &str| Entry { path: path.into(), owner: "oncall".into(), mode: 0o755, kind: EntryKind::Folder };
    let mut all = vec![folder(FOLDER), folder(&format!("{FOLDER}/sub"))];
    all.extend(FILES.iter().map(|(name, text)| file(&format!("{FOLDER}/{name}"), 0o644, text)));
    all.append(&mut entries);
    Machine::boot(&spec(all)).expect("a machine")
}

fn context() -> Context {
    let environment = operator_environment(OPERATOR);
    Context { user: OPERATOR, cwd: FOLDER.into(), umask: 0o022, environment: environment.into(), io: Io::operator() }
}

/// Evaluates commands one after the other in one shell of the interpreter.
fn interpreted(machine: &mut Machine, commands: &[&str]) -> Vec<Seen> {
    let mut shell = Shell::new(context(), &["bash".to_owned()]);
    let mut seen = Vec::new();
    for command in commands {
        let script = match parse(command) {
            Ok(script) => script,
            Err(refused) => {
                seen.push(Seen { status: -1, pipe: vec![], ended: false, output: refused.to_string() });
                break;
            }
        };
        machine.streams.command.clear();
        let (status, pipe, ended) = match shell.eval(machine, &script) {
            Ok(ended) => (ended.status, ended.pipe, ended.shell_ended),
            Err(stop) => {
                seen.push(Seen { status: -2, pipe: vec![], ended: false, output: format!("{stop:?}") });
                break;
            }
        };
        let output = String::from_utf8_lossy(&machine.streams.command).into_owned();
        seen.push(Seen { status, pipe, ended, output });
        if ended {
            break;
        }
    }
    seen
}

/// Whether the real shell is here, in the version that an operator host has: others say some things otherwise.
static COMPARABLE: LazyLock<bool> = LazyLock::new(|| {
    let version = Command::new("bash").arg("--version").output();
    version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("version 5.2."))
});

/// The same in the real shell; nothing without one.
fn real(commands: &[&str]) -> Option<Vec<Seen>> {
    if !*COMPARABLE {
        return None;
    }
    let folder = tempfile::tempdir().ok()?;
    for (name, text) in FILES {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent()?).ok()?;
        fs::write(path, text).ok()?;
    }
    let mut child = Command::new("timeout")
        .args(["20", "bash", "--noprofile", "--norc", "-c", AGENT_SCRIPT, "bash", "drill-nonce"])
        .current_dir(folder.path())
        .env_clear()
        .envs(operator_environment(OPERATOR))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut input = commands.join("\0").into_bytes();
    input.push(0);
    // A shell that ended does not read the rest.
    let _ = child.stdin.take()?.write_all(&input);
    let output = child.wait_with_output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut seen = Vec::new();
    let mut text = String::new();
    let mut ready = false;
    for piece in said.split('\0') {
        let Some(report) = piece.strip_prefix("drill-nonce ") else {
            text.push_str(piece);
            continue;
        };
        if !ready {
            ready = true;
            text.clear();
            continue;
        }
        let mut numbers = report.split(' ').skip(2).map(|number| number.parse().unwrap_or(-9));
        let status = numbers.next().unwrap_or(-9);
        seen.push(Seen { status, pipe: numbers.collect(), ended: false, output: std::mem::take(&mut text) });
    }
    if seen.len() < commands.len() {
        seen.push(Seen { status: output.status.code().unwrap_or(-9), pipe: Vec::new(), ended: true, output: text });
    }
    Some(seen)
}
