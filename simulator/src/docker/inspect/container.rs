//! A container as `docker inspect` tells of it: the fields of Docker 26.1.5, in its order. What no client of the simulator
//! can set has the value that the engine gave it on operator hosts.

use std::collections::BTreeMap;

use crate::docker::Docker;
use crate::docker::container::{Address, Container, Policy, Port, State};
use crate::docker::value::{Value, moment};
use crate::sha256_hex;

/// Hidden from containers, and what they may only read (moby, oci/defaults.go).
const MASKED: [&str; 11] = [
    "/proc/asound",
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
];
/// See [`MASKED`].
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
/// `/dev/shm`, bytes.
const SHM_SIZE: i64 = 64 << 20;

fn text(text: impl Into<String>) -> Value {
    Value::text(text)
}

fn no() -> Value {
    Value::Bool(false)
}

fn number(number: impl Into<i64>) -> Value {
    Value::Number(number.into())
}

fn texts(texts: &[&str]) -> Value {
    Value::List(texts.iter().map(|one| text(*one)).collect())
}

/// A list that was never made, as Go prints it.
fn no_list() -> Value {
    Value::Nil("[]")
}

/// A pointer to nothing.
fn no_pointer() -> Value {
    Value::Nil("<nil>")
}

fn ports(ports: &[Port], bound: bool) -> Value {
    let mut map: BTreeMap<String, Value> = BTreeMap::new();
    for port in ports {
        let address = if bound { port.bound() } else { &port.address };
        let binding = Value::Struct(vec![("HostIp", text(address)), ("HostPort", text(port.number.to_string()))]);
        let list = map.entry(format!("{}/tcp", port.number)).or_insert_with(|| Value::List(Vec::new()));
        if let Value::List(list) = list {
            list.push(binding);
        }
    }
    Value::Map(map)
}

fn state(container: &Container) -> Value {
    let pid = container.pid.map_or(0, |pid| i64::from(pid.0));
    Value::Struct(vec![
        ("Status", text(container.state.word())),
        ("Running", Value::Bool(container.counts_as_running())),
        ("Paused", no()),
        ("Restarting", Value::Bool(container.state == State::Restarting)),
        ("OOMKilled", no()),
        ("Dead", no()),
        ("Pid", number(pid)),
        ("ExitCode", number(container.exit_code)),
        ("Error", text(&container.error)),
        ("StartedAt", text(moment(container.started))),
        ("FinishedAt", text(moment(container.finished))),
    ])
}

fn mounts(container: &Container) -> Value {
    let list = container.settings.mounts.iter().map(|mount| {
        let mut fields = vec![("Type", text(if mount.volume.is_some() { "volume" } else { "bind" }))];
        if let Some(name) = &mount.volume {
            fields.push(("Name", text(name)));
        }
        fields.push(("Source", text(&mount.source)));
        fields.push(("Destination", text(&mount.destination)));
        if mount.volume.is_some() {
            fields.push(("Driver", text("local")));
        }
        fields.push(("Mode", text(&mount.mode)));
        fields.push(("RW", Value::Bool(mount.writable())));
        fields.push(("Propagation", text(if mount.volume.is_some() { "" } else { "rprivate" })));
        Value::Struct(fields)
    });
    Value::List(list.collect())
}

/// Its mounts as they were asked for, and volumes that were given no name.
fn binds_and_volumes(container: &Container) -> (Value, Value) {
    let mounts = &container.settings.mounts;
    let (bound, anonymous): (Vec<_>, Vec<_>) = mounts.iter().partition(|mount| mount.text.contains(':'));
    let binds = if bound.is_empty() { no_list() } else { Value::texts(bound.into_iter().map(|mount| &mount.text)) };
    let volumes: BTreeMap<String, Value> =
        anonymous.into_iter().map(|mount| (mount.destination.clone(), Value::Map(BTreeMap::new()))).collect();
    (binds, if volumes.is_empty() { Value::Nil("map[]") } else { Value::Map(volumes) })
}

/// What docker's own client and compose leave to the engine they leave differently: one sends empty lists and no extra
/// hosts, the other the opposite.
fn host_config(container: &Container, binds: Value) -> Value {
    let settings = &container.settings;
    let most = if let Policy::OnFailure(most) = settings.policy { i64::from(most) } else { 0 };
    let of_compose = container.of_compose();
    let list = || if of_compose { no_list() } else { Value::List(Vec::new()) };
    let hosts = if of_compose { Value::List(Vec::new()) } else { no_list() };
    // The engine drops what the kernel cannot do when it starts the container.
    let oom_kill = if container.networked.is_some() { no_pointer() } else { no() };
    Value::Struct(vec![
        ("Binds", binds),
        ("ContainerIDFile", text("")),
        ("LogConfig", Value::Struct(vec![("Type", text("json-file")), ("Config", Value::Map(BTreeMap::new()))])),
        ("NetworkMode", text(&settings.network)),
        ("PortBindings", ports(&settings.ports, false)),
        (
            "RestartPolicy",
            Value::Struct(vec![("Name", text(settings.policy.word())), ("MaximumRetryCount", number(most))]),
        ),
        ("AutoRemove", Value::Bool(settings.auto_remove)),
        ("VolumeDriver", text("")),
        ("VolumesFrom", no_list()),
        ("ConsoleSize", Value::List(vec![number(0), number(0)])),
        ("CapAdd", no_list()),
        ("CapDrop", no_list()),
        ("CgroupnsMode", text("private")),
        ("Dns", list()),
        ("DnsOptions", list()),
        ("DnsSearch", list()),
        ("ExtraHosts", hosts),
        ("GroupAdd", no_list()),
        ("IpcMode", text("private")),
        ("Cgroup", text("")),
        ("Links", no_list()),
        ("OomScoreAdj", number(0)),
        ("PidMode", text("")),
        ("Privileged", no()),
        ("PublishAllPorts", no()),
        ("ReadonlyRootfs", no()),
        ("SecurityOpt", no_list()),
        ("UTSMode", text("")),
        ("UsernsMode", text("")),
        ("ShmSize", number(SHM_SIZE)),
        ("Runtime", text("runc")),
        ("Isolation", text("")),
        ("CpuShares", number(0)),
        ("Memory", number(0)),
        ("NanoCpus", number(0)),
        ("CgroupParent", text("")),
        ("BlkioWeight", number(0)),
        ("BlkioWeightDevice", list()),
        ("BlkioDeviceReadBps", list()),
        ("BlkioDeviceWriteBps", list()),
        ("BlkioDeviceReadIOps", list()),
        ("BlkioDeviceWriteIOps", list()),
        ("CpuPeriod", number(0)),
        ("CpuQuota", number(0)),
        ("CpuRealtimePeriod", number(0)),
        ("CpuRealtimeRuntime", number(0)),
        ("CpusetCpus", text("")),
        ("CpusetMems", text("")),
        ("Devices", list()),
        ("DeviceCgroupRules", no_list()),
        ("DeviceRequests", no_list()),
        ("MemoryReservation", number(0)),
        ("MemorySwap", number(0)),
        ("MemorySwappiness", no_pointer()),
        ("OomKillDisable", oom_kill),
        ("PidsLimit", no_pointer()),
        ("Ulimits", list()),
        ("CpuCount", number(0)),
        ("CpuPercent", number(0)),
        ("IOMaximumIOps", number(0)),
        ("IOMaximumBandwidth", number(0)),
        ("MaskedPaths", texts(&MASKED)),
        ("ReadonlyPaths", texts(&READ_ONLY)),
    ])
}

fn graph_driver(container: &Container) -> Value {
    let folder = |layer: &str, name: &str| format!("/var/lib/docker/overlay2/{layer}{name}");
    let layer = container.layer();
    let of_image = sha256_hex(format!("layer of {}", container.image.id).as_bytes());
    let lower = format!("{}:{}", folder(&layer, "-init/diff"), folder(&of_image, "/diff"));
    let data = [
        ("LowerDir", lower),
        ("MergedDir", folder(&layer, "/merged")),
        ("UpperDir", folder(&layer, "/diff")),
        ("WorkDir", folder(&layer, "/work")),
    ];
    let data = data.into_iter().map(|(name, path)| (name.to_owned(), text(path))).collect();
    Value::Struct(vec![("Data", Value::Map(data)), ("Name", text("overlay2"))])
}

fn config(container: &Container, volumes: Value) -> Value {
    let settings = &container.settings;
    let exposed: BTreeMap<_, _> =
        settings.ports.iter().map(|port| (format!("{}/tcp", port.number), Value::Map(BTreeMap::new()))).collect();
    Value::Struct(vec![
        ("Hostname", text(container.short_id())),
        ("Domainname", text("")),
        ("User", text("")),
        ("AttachStdin", no()),
        ("AttachStdout", Value::Bool(!settings.detached)),
        ("AttachStderr", Value::Bool(!settings.detached)),
        ("ExposedPorts", if exposed.is_empty() { Value::Unset("map[]") } else { Value::Map(exposed) }),
        ("Tty", no()),
        ("OpenStdin", no()),
        ("StdinOnce", no()),
        ("Env", Value::texts(&settings.env)),
        ("Cmd", if settings.command.is_empty() { no_list() } else { Value::texts(&settings.command) }),
        ("Image", text(&container.reference)),
        ("Volumes", volumes),
        ("WorkingDir", text("")),
        ("Entrypoint", Value::texts(&settings.entrypoint)),
        ("OnBuild", no_list()),
        ("Labels", Value::labels(&settings.labels)),
    ])
}

/// Fields of an endpoint that both have, the container and each network of it; without an address they are empty.
struct Endpoint {
    id: String,
    gateway: String,
    address: String,
    prefix: i64,
    mac: String,
}

impl Endpoint {
    fn of(container: &Container) -> Endpoint {
        let Some(Address { subnet, host }) = container.address else {
            return Endpoint {
                id: String::new(),
                gateway: String::new(),
                address: String::new(),
                prefix: 0,
                mac: String::new(),
            };
        };
        Endpoint {
            id: container.id_of_start("endpoint"),
            gateway: format!("172.{subnet}.0.1"),
            address: format!("172.{subnet}.0.{host}"),
            prefix: 16,
            mac: format!("02:42:ac:{subnet:02x}:00:{host:02x}"),
        }
    }
}

fn network_settings(docker: &Docker, container: &Container) -> Value {
    let settings = &container.settings;
    let endpoint = Endpoint::of(container);
    let of_bridge = settings.network == "bridge";
    // The engine tells of the default network's endpoint twice.
    let own = |value: &str| text(if of_bridge { value } else { "" });
    let (sandbox, network) = match container.networked {
        Some(_) => (container.id_of_start("sandbox"), docker.network_id(&settings.network)),
        None => (String::new(), String::new()),
    };
    let key = sandbox.get(..12).map(|short| format!("/var/run/docker/netns/{short}"));
    let published = if container.address.is_some() { settings.ports.as_slice() } else { &[] };
    let mut aliases = settings.aliases.clone();
    let of_compose = !aliases.is_empty();
    let aliases_value = if of_compose { Value::texts(&aliases) } else { no_list() };
    aliases.insert(0, container.name.clone());
    aliases.push(container.short_id().to_owned());
    let mut names: Vec<String> = Vec::new();
    for name in aliases {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let names = if of_bridge || container.networked.is_none() { no_list() } else { Value::texts(&names) };
    let of_network = Value::Struct(vec![
        ("IPAMConfig", no_pointer()),
        ("Links", no_list()),
        ("Aliases", aliases_value),
        ("MacAddress", text(&endpoint.mac)),
        ("NetworkID", text(network)),
        ("EndpointID", text(&endpoint.id)),
        ("Gateway", text(&endpoint.gateway)),
        ("IPAddress", text(&endpoint.address)),
        ("IPPrefixLen", number(endpoint.prefix)),
        ("IPv6Gateway", text("")),
        ("GlobalIPv6Address", text("")),
        ("GlobalIPv6PrefixLen", number(0)),
        ("DriverOpts", Value::Nil("map[]")),
        ("DNSNames", names),
    ]);
    Value::Struct(vec![
        ("Bridge", text("")),
        ("SandboxID", text(sandbox)),
        ("SandboxKey", text(key.unwrap_or_default())),
        ("Ports", ports(published, true)),
        ("HairpinMode", no()),
        ("LinkLocalIPv6Address", text("")),
        ("LinkLocalIPv6PrefixLen", number(0)),
        ("SecondaryIPAddresses", no_list()),
        ("SecondaryIPv6Addresses", no_list()),
        ("EndpointID", own(&endpoint.id)),
        ("Gateway", own(&endpoint.gateway)),
        ("GlobalIPv6Address", text("")),
        ("GlobalIPv6PrefixLen", number(0)),
        ("IPAddress", own(&endpoint.address)),
        ("IPPrefixLen", number(if of_bridge { endpoint.prefix } else { 0 })),
        ("IPv6Gateway", text("")),
        ("MacAddress", own(&endpoint.mac)),
        ("Networks", Value::Map([(settings.network.clone(), of_network)].into())),
    ])
}

/// All that the engine tells of a container.
pub(in crate::docker) fn container_value(docker: &Docker, container: &Container) -> Value {
    let (id, settings) = (&container.id, &container.settings);
    let words: Vec<&String> = settings.words().collect();
    let file = |there: bool, name: &str| {
        text(if there { format!("/var/lib/docker/containers/{id}/{name}") } else { String::new() })
    };
    // Name resolution is prepared with the network, the name itself after it.
    let (networked, named) = (container.networked.is_some(), container.started.is_some());
    let (binds, volumes) = binds_and_volumes(container);
    Value::Struct(vec![
        ("Id", text(id)),
        ("Created", text(moment(Some(container.created)))),
        ("Path", text(words.first().map_or("", |word| word))),
        ("Args", Value::texts(words.iter().skip(1).copied())),
        ("State", state(container)),
        ("Image", text(&container.image.id)),
        ("ResolvConfPath", file(networked, "resolv.conf")),
        ("HostnamePath", file(named, "hostname")),
        ("HostsPath", file(networked, "hosts")),
        ("LogPath", file(true, &format!("{id}-json.log"))),
        ("Name", text(format!("/{}", container.name))),
        ("RestartCount", number(container.restarts)),
        ("Driver", text("overlay2")),
        ("Platform", text("linux")),
        ("MountLabel", text("")),
        ("ProcessLabel", text("")),
        ("AppArmorProfile", text("")),
        ("ExecIDs", no_list()),
        ("HostConfig", host_config(container, binds)),
        ("GraphDriver", graph_driver(container)),
        ("Mounts", mounts(container)),
        ("Config", config(container, volumes)),
        ("NetworkSettings", network_settings(docker, container)),
    ])
}
