//! `port-held`: something that is no node takes the node's port as soon as it is free.

use super::{Begins, FaultKind, Filled, Seen, Whence, arranged};
use crate::history::What;
use crate::history::event::{Listener, NodeProcess};
use crate::judge::facts::Facts;
use crate::judge::look::name;

pub(super) static KIND: FaultKind = FaultKind {
    id: "port-held",
    about: "Something that is no node takes the node's port as soon as it is free.",
    whence: Whence::Outside,
    params: &[],
    begins: Begins::AtAnyCommand,
    effect: arranged,
    evidence,
};

/// What holds a published port for a container: its userland proxy, or the engine itself where that is switched off or
/// handed an open socket.
const ENGINE: [&str; 2] = ["docker-proxy", "dockerd"];

/// After the first stop began, a process that is neither a release nor the engine's listens on the node's port.
fn evidence(facts: &Facts<'_>, filled: &Filled<'_>) -> Seen {
    let stop = facts.first_stop()?;
    let port = facts.plan.port;
    let seen = facts.find(|what| {
        let listeners = match what {
            What::ListenersChanged { listeners } => listeners,
            What::MachineSeen { machine, .. } => &machine.listeners,
            _ => return None,
        };
        holder(listeners, port)
    });
    let at = seen.iter().find(|at| at.n > filled.since && Facts::is_after_began(stop, at))?;
    Some((format!("{} listens on {port}", name(Some(at.what))), vec![at.n]))
}

/// The first stranger on the port. A listener whose process was not found is nobody's that could be told.
fn holder(listeners: &[Listener], port: u16) -> Option<&NodeProcess> {
    let on_port = listeners.iter().filter(|listener| listener.port == port);
    on_port.filter_map(|listener| listener.process.as_ref()).find(|process| {
        let file = process.executable.rsplit('/').next().unwrap_or_default();
        process.version.is_none() && !ENGINE.contains(&file)
    })
}
