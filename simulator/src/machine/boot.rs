//! From a description to a machine that is up: files, the balancer, units that start at boot.

use std::collections::BTreeMap;

use super::Machine;
use super::balancer::{Balancer, State};
use super::files::{Content, Files, Kind, Names};
use super::users::{self, ROOT, USERS};
use crate::spec::{EntryKind, MachineSpec};
use crate::{BadMachine, calibration, docker, programs, systemd};

/// Folders that every Debian has, and their modes.
const FOLDERS: [(&str, u32); 15] = [
    ("/etc/default", 0o755),
    ("/etc/prometheus", 0o755),
    ("/etc/systemd/system", 0o755),
    ("/home", 0o755),
    ("/root", 0o700),
    ("/run", 0o755),
    ("/srv", 0o755),
    ("/tmp", 0o1777),
    ("/usr/bin", 0o755),
    ("/usr/local/bin", 0o755),
    ("/usr/local/sbin", 0o755),
    ("/usr/sbin", 0o755),
    ("/var/lib", 0o755),
    ("/var/lib/prometheus", 0o755),
    ("/var/tmp", 0o1777),
];
/// Links of a merged /usr.
const LINKS: [(&str, &str); 2] = [("/bin", "usr/bin"), ("/sbin", "usr/sbin")];
/// Where HAProxy's 503 stands.
pub(crate) const ERRORFILE: &str = "/etc/haproxy/errors/maintenance.http";

impl Machine {
    /// A machine whose units have been started; time stands at the moment at which the last of them is up.
    ///
    /// # Errors
    /// [`BadMachine`] when the description is not of a machine that can be modelled.
    pub fn boot(spec: &MachineSpec) -> Result<Machine, BadMachine> {
        Machine::boot_with(spec, crate::shell::Scripts::default())
    }

    /// The same, with texts that were parsed before.
    ///
    /// # Errors
    /// As [`Machine::boot`].
    pub fn boot_with(spec: &MachineSpec, scripts: crate::shell::Scripts) -> Result<Machine, BadMachine> {
        let files = files(spec)?;
        let text =
            |path: &str| files.read(ROOT, "/", path).map(|bytes| crate::lossy(&bytes).into_owned()).unwrap_or_default();
        let monitor =
            spec.setup.control_url.split("://").nth(1).and_then(|rest| rest.find('/').map(|at| rest[at..].to_owned()));
        let balancer = Balancer {
            runs: true,
            state: State::Ready,
            since: 0,
            was_down: false,
            monitor_uri: monitor.unwrap_or_default(),
            server: spec.setup.balancer_server.clone(),
            server_port: spec.setup.node_port,
            socket: spec.setup.balancer_socket.clone(),
            errorfile: text(ERRORFILE),
        };
        let mut machine = Machine {
            now: 0,
            queue: crate::time::Queue::default(),
            deadline: u64::MAX,
            calibration: calibration::shipped().map_err(BadMachine)?,
            files,
            streams: super::Streams::default(),
            processes: BTreeMap::new(),
            net: super::Net::default(),
            balancer,
            journal: super::Journal::default(),
            systemd: systemd::Systemd::default(),
            docker: docker::Docker::new(&spec.images),
            git: programs::git::Repositories::new(&spec.commits),
            monitor: crate::monitoring::Monitor::default(),
            agent: crate::agent::AgentState::default(),
            reports: std::collections::VecDeque::new(),
            foreground_ended: BTreeMap::new(),
            shell_nesting: 0,
            scripts,
            command_lines: programs::tensor_wasm::CommandLines::default(),
            last_pid: 300,
            random: spec.seed,
            events: 0,
        };
        crate::agent::begin(&mut machine, spec.setup.clone());
        systemd::boot(&mut machine)?;
        Ok(machine)
    }
}

fn files(spec: &MachineSpec) -> Result<Files, BadMachine> {
    let mut files = Files::default();
    let wrong = |path: &str, error: super::files::Errno| BadMachine(format!("{path}: {}", error.text()));
    let folder = || Kind::Folder(Names::default());
    for (path, mode) in FOLDERS {
        files.plant(path, ROOT, mode, folder()).map_err(|error| wrong(path, error))?;
    }
    for (path, to) in LINKS {
        files.plant(path, ROOT, 0o777, Kind::Link(to.to_owned())).map_err(|error| wrong(path, error))?;
    }
    files.plant("/dev/null", ROOT, 0o666, Kind::Null).map_err(|error| wrong("/dev/null", error))?;
    for user in &USERS {
        if user.uid != ROOT {
            files.plant(user.home, user.uid, 0o755, folder()).map_err(|error| wrong(user.home, error))?;
        }
    }
    for program in programs::REGISTRY {
        let path = format!("/usr/{}/{}", if program.in_sbin { "sbin" } else { "bin" }, program.name);
        let kind = Kind::File(Content::Program(program.name));
        files.plant(&path, ROOT, 0o755, kind).map_err(|error| wrong(&path, error))?;
    }
    if !spec.commits.is_empty() {
        // What the machine's own unit imports; an entry of the description replaces it.
        let kind = Kind::File(Content::Bytes(programs::git::objects::fast_import(&spec.commits).into()));
        let path = programs::git::STREAM;
        files.plant(path, ROOT, 0o644, kind).map_err(|error| wrong(path, error))?;
    }
    for entry in &spec.entries {
        let owner = users::by_name(&entry.owner)
            .ok_or_else(|| BadMachine(format!("{}: no user `{}` on an operator host", entry.path, entry.owner)))?;
        let kind = match &entry.kind {
            EntryKind::Folder => folder(),
            EntryKind::File(bytes) => Kind::File(Content::Bytes(bytes.clone().into())),
            EntryKind::Link(to) => Kind::Link(to.clone()),
            EntryKind::Release(file) => Kind::File(Content::Release(file.clone())),
            EntryKind::Agent => {
                let name = entry.path.rsplit('/').next().unwrap_or_default();
                let program = programs::REGISTRY.iter().find(|program| program.name == name);
                Kind::File(Content::Program(program.map_or("agent", |program| program.name)))
            }
        };
        files.plant(&entry.path, owner.uid, entry.mode, kind).map_err(|error| wrong(&entry.path, error))?;
    }
    Ok(files)
}
