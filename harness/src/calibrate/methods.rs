//! How each figure is measured: something that is seen from outside, less the figures of what else is in it; so sums in
//! the simulator are sums that were seen. Of what is seen the median counts: a drill is the sum of a hundred of these, each
//! with its usual delay and not with its luckiest.

/// How one figure is measured.
#[derive(Debug, Clone, Copy)]
pub struct Method {
    /// `section.name` in the file.
    pub key: &'static str,
    /// The observations that it rests on.
    pub seen: &'static str,
    /// Observations of what else is in them, of which the median counts too.
    pub less_seen: &'static [&'static str],
    /// So many of the figure's things are in one observation.
    pub share: u64,
    /// Figures of what else is in it, each further up in the table.
    pub less: &'static [&'static str],
    /// What else is in it that has no figure, microseconds.
    pub less_us: u64,
    /// In words, for the file.
    pub how: &'static str,
}

/// Sections of the file, in its order, and what is said of each.
pub const SECTIONS: [(&str, &str); 7] = [
    ("net", "Requests on an idle machine."),
    ("node", "A second node of the systemd host, at another port."),
    ("agent", "The agent's own clock, between the reports of one exec."),
    ("docker", "Docker 26.1.5 on the docker host, Compose 2.26.1 on the compose host, with the node's own image."),
    ("programs", "From the fork of a command to its status, as the operator's bash sees it (EPOCHREALTIME)."),
    ("shell", "Loops in bash."),
    (
        "systemd",
        "systemd 257: its own times of units, and calls of its tools. Packaged units come up at boot, side by side.",
    ),
];

const fn of(key: &'static str, seen: &'static str, less: &'static [&'static str], how: &'static str) -> Method {
    Method { key, seen, less_seen: &[], share: 1, less, less_us: 0, how }
}

const SPAWN: &str = "programs.spawn_us";
const CALL: &str = "docker.call_us";
const BUILTIN: &str = "shell.builtin_us";

/// All figures; what a figure rests on stands before it.
pub const METHODS: &[Method] = &[
    Method { share: 20_000, ..of(BUILTIN, "builtins", &[], "a loop of `:` and `[ a = b ]`, the mean of the two") },
    Method { share: 10, ..of("shell.fork_us", "subshells", &[BUILTIN], "a loop of `(:)`") },
    of(SPAWN, "true", &[], "/bin/true"),
    of("programs.curl_us", "curl", &[SPAWN], "curl of a port that nobody has"),
    of("programs.git_us", "git", &[SPAWN], "git log of one commit"),
    of("programs.page_us", "page", &[SPAWN], "a page that is delivered"),
    of("programs.socat_us", "socat", &[SPAWN], "a question to the balancer's socket"),
    of("programs.sudo_us", "sudo", &[SPAWN, SPAWN], "sudo of /bin/true"),
    of("programs.tensor_wasm_us", "tensor-wasm", &[SPAWN], "the node's --version"),
    of("net.direct_us", "direct", &[], "the agent's probes of /healthz; a quarter of it is drawn on top"),
    of("net.through_balancer_us", "see-upstream", &[], "its request of /healthz through the balancer, as above"),
    of(
        "net.proxy_gives_up_us",
        "proxied",
        &["programs.curl_us", SPAWN],
        "curl of a port that docker-proxy has before its container is up",
    ),
    of("node.start_us", "node-listens", &[], "from fork to `listening`"),
    of("node.exit_us", "node-ends", &[], "from SIGTERM to the end of an idle node"),
    of("agent.boot_us", "agent-began", &[], "from the container's creation to the beginning of the agent's clock"),
    of("agent.hand_over_us", "hand-over", &[], "from a command's end to the next one's beginning, `:` after `:`"),
    of("agent.kill_shell_us", "kill-shell", &[], "a shell's session, killed until nobody is left"),
    Method {
        less_seen: &["supervisor"],
        ..of(
            "agent.look_us",
            "look",
            &["net.direct_us", "net.direct_us"],
            "a look at the machine, less the supervisor's command by bash's clock, and two requests",
        )
    },
    of("agent.open_shell_us", "open-shell", &[], "a shell, from the request until it is open"),
    of(
        "systemd.boot_us",
        "first-unit",
        &[],
        "from the beginning of the agent's clock to the first unit of the machine's own",
    ),
    of("systemd.call_us", "systemctl-asked", &[SPAWN], "from systemctl's fork to the manager's time of the start"),
    of("systemd.answer_us", "systemctl", &[SPAWN, "systemd.call_us"], "the rest of systemctl is-active"),
    of(
        "systemd.reload_us",
        "daemon-reload",
        &[SPAWN, "systemd.call_us", "systemd.answer_us"],
        "daemon-reload, less what any call takes",
    ),
    of(
        "systemd.exec_us",
        "unit-ran",
        &[SPAWN],
        "from the fork of a oneshot's process to its end, /bin/true as another user",
    ),
    of("systemd.journalctl_us", "journalctl", &[SPAWN], "journalctl of one unit, 20 lines"),
    of("systemd.haproxy_us", "haproxy-ready", &[], "from fork to ready, at boot"),
    of("systemd.containerd_us", "containerd-ready", &[], "from fork to ready, at boot"),
    of("systemd.engine_us", "docker-ready", &[], "from fork to ready, at boot"),
    of("systemd.registry_us", "registry-ready", &[], "from fork to the first connection, started by itself"),
    of(CALL, "docker-ps", &[SPAWN], "docker ps"),
    of("docker.create_us", "docker-create", &[SPAWN, CALL], "docker create"),
    of("docker.manifest_us", "docker-pull-known", &[SPAWN, CALL], "docker pull of what is there"),
    of(
        "docker.layers_us",
        "docker-pull-new",
        &[SPAWN, CALL, "docker.manifest_us"],
        "docker pull of what is not there, less the above",
    ),
    of("docker.task_us", "docker-task", &[], "between the engine's events `network connect` and `start`"),
    of(
        "docker.network_us",
        "docker-start",
        &[SPAWN, CALL, "docker.task_us"],
        "docker start without published ports, less the above",
    ),
    of(
        "docker.publish_us",
        "docker-start-published",
        &[SPAWN, CALL, "docker.task_us", "docker.network_us"],
        "docker start with a published port, less the above",
    ),
    of("docker.released_us", "docker-released", &[], "from the end of a container's process to that of its port"),
    of(
        "docker.died_us",
        "docker-stop",
        &[SPAWN, CALL, "node.exit_us", "docker.released_us"],
        "docker stop without published ports, less the node's end and the above",
    ),
    of(
        "docker.unpublish_us",
        "docker-stop-published",
        &[SPAWN, CALL, "node.exit_us", "docker.released_us"],
        "docker stop with a published port, less the node's end and the above",
    ),
    // The node's own --version is modelled as a millisecond.
    Method {
        less_us: 1000,
        ..of(
            "docker.exec_us",
            "docker-exec",
            &[SPAWN, CALL],
            "docker exec of the node's --version, less 1 ms for the node",
        )
    },
    of("docker.compose_us", "compose-ps", &[SPAWN], "docker compose ps"),
    of(
        "docker.compose_plan_us",
        "compose-up-stops",
        &[SPAWN, "docker.compose_us", "docker.create_us"],
        "docker compose up of another image, until the engine's event `kill` of the old container, less the above",
    ),
];
