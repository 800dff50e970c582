//! The subcommands of `docker` that are modelled, and the names of the others.

use super::client::Ask;
use super::options::Options;
use super::{control, create, exec, inspect, list, logs, pull};
use crate::Run;
use crate::machine::Machine;

/// A subcommand.
pub(super) struct Subcommand {
    /// Its name after `docker `.
    pub name: &'static str,
    /// What it takes.
    pub options: Options,
    /// How many operands at least and at most.
    pub operands: (usize, usize),
    /// Its usage after its name, and what it does.
    pub usage: (&'static str, &'static str),
    /// Carries it out.
    pub run: fn(&mut Machine, &Ask<'_>) -> Run<i32>,
}

const MANY: usize = usize::MAX;

const fn options(known: &'static str, refused: &'static str) -> Options {
    Options { known, refused, interspersed: true }
}

/// All that are modelled.
pub(super) const SUBCOMMANDS: [Subcommand; 21] = [
    Subcommand {
        name: "container inspect",
        options: options("f,format=", "s,size"),
        operands: (1, MANY),
        usage: ("[OPTIONS] CONTAINER [CONTAINER...]", "Display detailed information on one or more containers"),
        run: inspect::inspect_containers,
    },
    Subcommand {
        name: "create",
        options: create::OPTIONS,
        operands: (1, MANY),
        usage: ("[OPTIONS] IMAGE [COMMAND] [ARG...]", "Create a new container"),
        run: create::create,
    },
    Subcommand {
        name: "exec",
        options: exec::OPTIONS,
        operands: (2, MANY),
        usage: ("[OPTIONS] CONTAINER COMMAND [ARG...]", "Execute a command in a running container"),
        run: exec::exec,
    },
    Subcommand {
        name: "image inspect",
        options: options("f,format=", ""),
        operands: (1, MANY),
        usage: ("[OPTIONS] IMAGE [IMAGE...]", "Display detailed information on one or more images"),
        run: inspect::inspect_images,
    },
    Subcommand {
        name: "images",
        options: options("digests no-trunc q,quiet", "a,all f,filter= format="),
        operands: (0, 1),
        usage: ("[OPTIONS] [REPOSITORY[:TAG]]", "List images"),
        run: list::images,
    },
    Subcommand {
        name: "info",
        options: options("f,format=", ""),
        operands: (0, 0),
        usage: ("[OPTIONS]", "Display system-wide information"),
        run: list::info,
    },
    Subcommand {
        name: "inspect",
        options: options("f,format= type=", "s,size"),
        operands: (1, MANY),
        usage: ("[OPTIONS] NAME|ID [NAME|ID...]", "Return low-level information on Docker objects"),
        run: inspect::inspect,
    },
    Subcommand {
        name: "kill",
        options: options("s,signal=", ""),
        operands: (1, MANY),
        usage: ("[OPTIONS] CONTAINER [CONTAINER...]", "Kill one or more running containers"),
        run: control::kill,
    },
    Subcommand {
        name: "logs",
        options: options("f,follow since= until= n,tail= t,timestamps", "details"),
        operands: (1, 1),
        usage: ("[OPTIONS] CONTAINER", "Fetch the logs of a container"),
        run: logs::logs,
    },
    Subcommand {
        name: "port",
        options: options("", ""),
        operands: (1, 1),
        usage: ("CONTAINER [PRIVATE_PORT[/PROTO]]", "List port mappings or a specific mapping for the container"),
        run: list::port,
    },
    Subcommand {
        name: "ps",
        options: options("a,all f,filter= format= l,latest no-trunc q,quiet", "n,last= s,size"),
        operands: (0, 0),
        usage: ("[OPTIONS]", "List containers"),
        run: list::ps,
    },
    Subcommand {
        name: "pull",
        options: options("q,quiet", "a,all-tags disable-content-trust platform="),
        operands: (1, 1),
        usage: ("[OPTIONS] NAME[:TAG|@DIGEST]", "Download an image from a registry"),
        run: pull::pull,
    },
    Subcommand {
        name: "rename",
        options: options("", ""),
        operands: (2, 2),
        usage: ("CONTAINER NEW_NAME", "Rename a container"),
        run: control::rename,
    },
    Subcommand {
        name: "restart",
        options: options("t,time=", "s,signal="),
        operands: (1, MANY),
        usage: ("[OPTIONS] CONTAINER [CONTAINER...]", "Restart one or more containers"),
        run: control::restart,
    },
    Subcommand {
        name: "rm",
        options: options("f,force v,volumes", "l,link"),
        operands: (1, MANY),
        usage: ("[OPTIONS] CONTAINER [CONTAINER...]", "Remove one or more containers"),
        run: control::rm,
    },
    Subcommand {
        name: "rmi",
        options: options("f,force", "no-prune"),
        operands: (1, MANY),
        usage: ("[OPTIONS] IMAGE [IMAGE...]", "Remove one or more images"),
        run: pull::rmi,
    },
    Subcommand {
        name: "run",
        options: create::RUN_OPTIONS,
        operands: (1, MANY),
        usage: ("[OPTIONS] IMAGE [COMMAND] [ARG...]", "Create and run a new container from an image"),
        run: create::run,
    },
    Subcommand {
        name: "start",
        options: options("", "a,attach detach-keys= i,interactive"),
        operands: (1, MANY),
        usage: ("[OPTIONS] CONTAINER [CONTAINER...]", "Start one or more stopped containers"),
        run: control::start,
    },
    Subcommand {
        name: "stop",
        options: options("t,time=", "s,signal="),
        operands: (1, MANY),
        usage: ("[OPTIONS] CONTAINER [CONTAINER...]", "Stop one or more running containers"),
        run: control::stop,
    },
    Subcommand {
        name: "tag",
        options: options("", ""),
        operands: (2, 2),
        usage: ("SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE"),
        run: pull::tag,
    },
    Subcommand {
        name: "version",
        options: options("f,format=", ""),
        operands: (0, 0),
        usage: ("[OPTIONS]", "Show the Docker version information"),
        run: list::version,
    },
];

/// What the real client has besides those.
pub(super) const REFUSED: [&str; 36] = [
    "attach",
    "build",
    "builder",
    "commit",
    "container",
    "context",
    "cp",
    "diff",
    "events",
    "export",
    "history",
    "image",
    "import",
    "load",
    "login",
    "logout",
    "manifest",
    "network",
    "node",
    "pause",
    "plugin",
    "push",
    "save",
    "search",
    "secret",
    "service",
    "stack",
    "stats",
    "swarm",
    "system",
    "top",
    "trust",
    "unpause",
    "update",
    "volume",
    "wait",
];
