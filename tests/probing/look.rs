//! What a probe left on a machine, as cells of text that can be compared.

use std::collections::BTreeMap;

use operator_agent::protocol::{Happened, NodeProcess, Request};
use rollback_harness::host::HostError;

use super::hosts::Booted;

/// Of one look as root.
const LOOK_MS: u64 = 10_000;
/// The balancer's own words; columns 6 and 7 of its line are the operational and the administrative state.
const BALANCER: &str = "echo 'show servers state node' | socat - UNIX-CONNECT:/run/haproxy/admin.sock";

/// State by what it is of: `processes`, `listeners`, `supervisor`, `healthz`, `build-info`, `balancer`.
pub type State = BTreeMap<String, String>;

/// Looks at processes, listeners, supervisor, what the node says and who is in rotation.
///
/// # Errors
/// Where the host cannot look.
pub fn machine(host: &mut Booted) -> Result<State, HostError> {
    let (seen, healthz, build_info) = host.answer(&Request::SeeMachine, |what| match what {
        Happened::MachineSeen { machine, healthz, build_info } => {
            Some((machine.clone(), healthz.word(), build_info.clone()))
        }
        _ => None,
    })?;
    let told = |process: &NodeProcess| {
        format!("{} {}", process.executable, process.version.as_deref().unwrap_or("of no release"))
    };
    let mut processes: Vec<String> = seen.processes.iter().map(told).collect();
    processes.sort();
    let mut listeners: Vec<String> = seen
        .listeners
        .iter()
        .map(|listener| format!("{} {}", listener.port, listener.process.as_ref().map_or("nobody".into(), told)))
        .collect();
    listeners.sort();
    let (exit, servers) = host.as_root(BALANCER, LOOK_MS)?;
    let fields = servers.lines().find(|line| line.contains(" tensor-wasm ")).unwrap_or_default();
    let words: Vec<&str> = fields.split(' ').skip(5).take(2).collect();
    let state = [
        ("processes", processes.join("\n")),
        ("listeners", listeners.join("\n")),
        ("supervisor", format!("{}\n{}", seen.supervisor_exit, seen.supervisor)),
        ("healthz", healthz),
        ("build-info", build_info.unwrap_or_else(|| "none".into())),
        ("balancer", format!("{exit} {}", words.join(" "))),
    ];
    Ok(state.into_iter().map(|(name, text)| (name.to_owned(), text)).collect())
}

/// Kind, mode, owner and target of each path, the bytes of each file, and the pages that were delivered.
///
/// # Errors
/// Where the host cannot look.
pub fn left(host: &mut Booted, paths: &[String], contents: &[String]) -> Result<State, HostError> {
    let mut state = State::new();
    for path in paths {
        let look =
            format!("stat --format '%F %a %U:%G' -- '{path}'; if [ -L '{path}' ]; then readlink -- '{path}'; fi");
        state.insert(format!("path {path}"), host.as_root(&look, LOOK_MS)?.1);
    }
    for path in contents {
        let (exit, text) = host.as_root(&format!("cat -- '{path}'"), LOOK_MS)?;
        state.insert(format!("contents {path}"), format!("{exit}\n{text}"));
    }
    let pages = host.seen.drain(..).filter_map(|report| match report.what {
        Happened::Paged { to, page } => {
            Some(format!("{to} {} {} {:?} {:?}", page.key, page.severity, page.reason, page.evidence))
        }
        _ => None,
    });
    let pages: Vec<String> = pages.collect();
    state.insert("pages".into(), pages.join("\n"));
    Ok(state)
}
