//! `docker exec`: a command in a container that runs.

use fake_node::cli::Parsed as NodeParsed;

use super::client::{Ask, refused_by_engine};
use super::container::State;
use super::image::Executable;
use super::options::Options;
use crate::machine::Machine;
use crate::machine::files::{Content, Kind};
use crate::machine::users::ROOT;
use crate::programs::{complain, print};
use crate::shell::Context;
use crate::time::MS;
use crate::{Run, Stop};

/// What it takes.
pub(super) const OPTIONS: Options = Options {
    known: "e,env= i,interactive t,tty",
    refused: "d,detach detach-keys= env-file= privileged u,user= w,workdir=",
    interspersed: false,
};

/// `docker exec`
pub(super) fn exec(machine: &mut Machine, ask: &Ask<'_>) -> Run<i32> {
    let Some((key, words)) = ask.parsed.operands.split_first() else { return Ok(1) };
    match (ask.parsed.has("tty"), ask.parsed.has("interactive")) {
        // No operator here has a terminal.
        (true, true) => return complain(machine, ask.context, "the input device is not a TTY\n").map(|()| 1),
        (true, false) => return Err(Stop::Unable("`docker exec -t` is not modelled".to_owned())),
        _ => {}
    }
    if let Some(status) = ask.unreachable(machine, || format!("Get v1.45/containers/{key}/json"))? {
        return Ok(status);
    }
    let found = machine.docker.find(key).map(|one| one.number);
    let number = match found {
        Ok(number) => number,
        Err(message) => return refused_by_engine(machine, ask, &message),
    };
    match inside(machine, ask, number, words)? {
        Ok(status) => Ok(status),
        Err(message) => refused_by_engine(machine, ask, &message),
    }
}

/// Runs a command in a container. The inner error is the engine's message.
pub(super) fn inside(
    machine: &mut Machine,
    ask: &Ask<'_>,
    number: usize,
    words: &[String],
) -> Run<Result<i32, String>> {
    let Some(container) = machine.docker.container(number) else { return Ok(Err("No such container".to_owned())) };
    match container.state {
        State::Running => {}
        State::Restarting => {
            let id = &container.id;
            return Ok(Err(format!("Container {id} is restarting, wait until the container is running")));
        }
        State::Created | State::Exited => return Ok(Err(format!("container {} is not running", container.id))),
    }
    let Some(first) = words.first() else { return Ok(Ok(1)) };
    let mut environment = std::collections::BTreeMap::new();
    for (name, value) in container.settings.env.iter().filter_map(|pair| pair.split_once('=')) {
        environment.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    }
    for text in ask.parsed.all("env") {
        if let Some((name, value)) = text.split_once('=') {
            environment.insert(name.to_owned(), value.to_owned());
        }
    }
    let found = container.image.executable(first, environment.get("PATH").map(String::as_str));
    let layer = format!("/var/lib/docker/overlay2/{}/merged", container.layer());
    let took = machine.calibration.docker.exec_us;
    let took = machine.about(took);
    machine.spend(took)?;
    match found {
        Executable::Missing(what) => {
            let what = what.trim_end_matches(": permission denied");
            let text = format!("OCI runtime exec failed: exec failed: unable to start container process: {what}\r\n");
            // The runtime's words come over the container's own stdout.
            Ok(Ok(match print(machine, ask.context, text.as_bytes())? {
                Ok(()) => 126,
                Err(failure) => ask.write_failed(machine, failure)?,
            }))
        }
        Executable::Other => {
            Err(Stop::Unable(format!("`{first}` in a container of another image than the node's is not modelled")))
        }
        Executable::Node(path, file) => {
            let arguments = words.get(1..).unwrap_or_default();
            match machine.command_lines.parse(&file.release, arguments, &environment) {
                NodeParsed::Finished(finished) => {
                    machine.spend(MS)?;
                    complain(machine, ask.context, &finished.stderr)?;
                    return Ok(Ok(match print(machine, ask.context, finished.stdout.as_bytes())? {
                        Ok(()) => finished.status,
                        Err(failure) => ask.write_failed(machine, failure)?,
                    }));
                }
                NodeParsed::Serve(_) => {
                    return Err(Stop::Unable("a second node in a container is not modelled".to_owned()));
                }
                NodeParsed::Observe(_) => {}
            }
            // It asks the node on its own port, which is the machine's of the same number.
            let path = format!("{layer}{path}");
            let planted = machine.files.plant(&path, ROOT, 0o755, Kind::File(Content::Release(file)));
            if let Err(error) = planted {
                return Err(Stop::Unable(format!("`docker exec`: {path}: {}", error.text())));
            }
            let context = Context {
                user: ROOT,
                cwd: "/".to_owned(),
                umask: 0o022,
                environment: environment.into(),
                io: ask.context.io.clone(),
            };
            crate::programs::execute_file(machine, &path, words, &context).map(Ok)
        }
    }
}
