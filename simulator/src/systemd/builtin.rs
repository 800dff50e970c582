//! Units of Debian's packages on an operator host, whose work is modelled elsewhere: their start and stop switch it.

use super::unit::{Command, Restart, Type, UnitFile};
use crate::machine::Machine;
use crate::machine::users::ROOT;
use crate::time::{SECOND, Us};

/// Which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builtin {
    /// HAProxy.
    Balancer,
    /// containerd; nothing depends on it but the engine.
    Containerd,
    /// dockerd.
    Engine,
    /// The registry.
    Registry,
}

/// What `/usr/lib/systemd/system` of the image says of them, as far as it is modelled (Debian trixie).
struct Packaged {
    name: &'static str,
    builtin: Builtin,
    description: &'static str,
    documentation: &'static [&'static str],
    command: &'static [&'static str],
    kind: Type,
    restart: Restart,
    restart_after: Us,
    wants: &'static [&'static str],
}

const PACKAGED: [Packaged; 4] = [
    Packaged {
        name: "containerd.service",
        builtin: Builtin::Containerd,
        description: "containerd container runtime",
        documentation: &["https://containerd.io"],
        command: &["/usr/bin/containerd"],
        kind: Type::Notify,
        restart: Restart::Always,
        restart_after: 5 * SECOND,
        wants: &[],
    },
    Packaged {
        name: "docker.service",
        builtin: Builtin::Engine,
        description: "Docker Application Container Engine",
        documentation: &["https://docs.docker.com"],
        command: &["/usr/sbin/dockerd", "-H", "fd://", "--containerd=/run/containerd/containerd.sock"],
        kind: Type::Notify,
        restart: Restart::Always,
        restart_after: 2 * SECOND,
        wants: &["containerd.service"],
    },
    Packaged {
        name: "docker-registry.service",
        builtin: Builtin::Registry,
        description: "the Docker toolset to pack, ship, store, and deliver content",
        documentation: &[],
        command: &["/usr/bin/docker-registry", "serve", "/etc/docker/registry/config.yml"],
        kind: Type::Simple,
        restart: Restart::No,
        restart_after: 100_000,
        wants: &[],
    },
    Packaged {
        name: "haproxy.service",
        builtin: Builtin::Balancer,
        description: "HAProxy Load Balancer",
        documentation: &["man:haproxy(1)", "file:/usr/share/doc/haproxy/configuration.txt.gz"],
        command: &["/usr/sbin/haproxy", "-Ws", "-f", "/etc/haproxy/haproxy.cfg", "-p", "/run/haproxy.pid"],
        kind: Type::Notify,
        restart: Restart::Always,
        restart_after: 100_000,
        wants: &[],
    },
];

/// The folder of packages' units.
pub const FOLDER: &str = "/usr/lib/systemd/system";

/// The packaged unit of that name.
pub fn find(name: &str) -> Option<UnitFile> {
    let packaged = PACKAGED.iter().find(|packaged| packaged.name == name)?;
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let mut file = UnitFile::empty(name, &format!("{FOLDER}/{name}"));
    file.builtin = Some(packaged.builtin);
    packaged.description.clone_into(&mut file.description);
    file.documentation = owned(packaged.documentation);
    file.start = vec![Command { words: owned(packaged.command), may_fail: false }];
    file.kind = packaged.kind;
    file.restart = packaged.restart;
    file.restart_after = packaged.restart_after;
    file.wants = owned(packaged.wants);
    file.after.clone_from(&file.wants);
    file.wanted_by = vec!["multi-user.target".to_owned()];
    Some(file)
}

/// From its fork until it does its work.
pub fn ready_after(machine: &mut Machine, builtin: Builtin) -> Us {
    let times = &machine.calibration.systemd;
    let us = match builtin {
        Builtin::Balancer => times.haproxy_us,
        Builtin::Containerd => times.containerd_us,
        Builtin::Engine => times.engine_us,
        Builtin::Registry => times.registry_us,
    };
    machine.about(us)
}

/// It does its work now, or no more.
pub fn switch(machine: &mut Machine, builtin: Builtin, runs: bool) {
    match builtin {
        Builtin::Balancer => {
            machine.balancer.runs = runs;
            if runs {
                // The errorfile is read again.
                if let Ok(text) = machine.files.read(ROOT, "/", crate::machine::boot::ERRORFILE) {
                    machine.balancer.errorfile = String::from_utf8_lossy(&text).into_owned();
                }
                machine.balancer.begin(machine.now);
            }
            machine.report_balancer();
        }
        Builtin::Containerd => {}
        Builtin::Engine if runs => crate::docker::engine_starts(machine),
        Builtin::Engine => crate::docker::engine_stops(machine),
        Builtin::Registry => machine.docker.registry.runs = runs,
    }
}
