//! What clients do: the runbook's section B, faults of the registry, restarts, ports.

use super::*;
use crate::docker::container::State;
use crate::docker::hold_name;
use crate::machine::process::Signal;

#[test]
fn section_b_replaces_one_release_by_the_other() {
    let mut host = Host::new();
    host.ok(&format!("{RUN} {REPOSITORY}:v0.4.0"));
    host.wait(0.1);
    assert_eq!(host.healthz(), Some(200));
    let format = "'{{.Config.Image}}'";
    assert_eq!(host.ok(&format!("docker inspect tensor-wasm --format {format}")), format!("{REPOSITORY}:v0.4.0\n"));
    let before = host.machine.now;
    assert_eq!(host.ok("docker stop tensor-wasm"), "tensor-wasm\n");
    let took = host.machine.now - before;
    assert!((120_000..320_000).contains(&took), "{took}");
    assert_eq!(host.inspect("tensor-wasm", "{{.State.Status}} {{.State.ExitCode}}"), "exited 0");
    assert_eq!(host.healthz(), None);
    assert_eq!(host.ok("docker rm tensor-wasm"), "tensor-wasm\n");
    let before = host.machine.now;
    let id = host.ok(&format!("{RUN} {REPOSITORY}:v0.3.8"));
    let took = host.machine.now - before;
    assert!((250_000..430_000).contains(&took), "{took}");
    assert_eq!(id.trim_end(), host.id("tensor-wasm"));
    assert_eq!(id.len(), 65);
    host.wait(0.1);
    assert_eq!(host.healthz(), Some(200));
    assert_eq!(host.ok("docker exec tensor-wasm tensor-wasm --version"), "v0.3.8\n");
    assert_eq!(host.inspect("tensor-wasm", "{{.State.Running}}"), "true");
    let logs = host.ok("docker logs --since 5m tensor-wasm");
    assert!(logs.ends_with("listening on http://0.0.0.0:8080\n"), "{logs}");
    assert_eq!(host.ok("docker logs --tail 1 tensor-wasm"), "listening on http://0.0.0.0:8080\n");
    assert_eq!(host.ok("docker logs --tail 0 tensor-wasm"), "");
}

#[test]
fn a_missing_tag_and_a_silent_registry_leave_nothing() {
    let mut host = Host::with(&[image("0.4.0", "")]);
    let done = host.sh(&format!("{RUN} {REPOSITORY}:v0.3.8"));
    assert_eq!(done.status, 125);
    assert_eq!(
        done.err,
        format!(
            "Unable to find image '{REPOSITORY}:v0.3.8' locally\ndocker: Error response from daemon: manifest for \
             {REPOSITORY}:v0.3.8 not found: manifest unknown: manifest unknown.\nSee 'docker run --help'.\n"
        )
    );
    host.machine.docker.registry.runs = false;
    let done = host.sh(&format!("{RUN} {REPOSITORY}:v0.4.0"));
    assert_eq!(done.status, 125);
    assert!(
        done.err.ends_with(
            "docker: Error response from daemon: Get \"http://ghcr.io/v2/\": dial tcp 127.0.0.2:80: connect: \
             connection refused.\nSee 'docker run --help'.\n"
        ),
        "{}",
        done.err
    );
    assert_eq!(host.machine.docker.containers().count(), 0);
}

#[test]
fn a_moved_tag_is_seen_by_its_digest_and_a_local_image_hides_it() {
    let mut moved = image("0.4.0", "");
    moved.tags.push("v0.3.8".into());
    let mut host = Host::with(&[moved.clone()]);
    host.ok(&format!("{RUN} {REPOSITORY}:v0.3.8"));
    let (status, text) = host.container_state(&["jaeger"], ("0.3.8", "0.4.0"));
    assert_eq!(status, 0);
    let wanted = format!(
        "Status=running\nRunning=true\nRestarting=false\nExitCode=0\nContainer={}\nImage={REPOSITORY}:v0.3.8\n\
         ImageDigest={digest}\nRegistryTag=v0.3.8 {digest}\nRegistryTag=v0.4.0 {digest}\nNeighbour=jaeger absent\n",
        host.id("tensor-wasm"),
        digest = moved.digest
    );
    assert_eq!(text, wanted);
    // The tag is put right; what was pulled before is what runs again.
    host.machine.docker.registry.images = vec![image("0.4.0", ""), image("0.3.8", "")];
    host.ok("docker rm -f tensor-wasm");
    host.ok(&format!("{RUN} {REPOSITORY}:v0.3.8"));
    assert_eq!(host.ok("docker exec tensor-wasm tensor-wasm --version"), "v0.4.0\n");
    host.ok(&format!("docker pull {REPOSITORY}:v0.3.8"));
    host.ok("docker rm -f tensor-wasm");
    host.ok(&format!("{RUN} {REPOSITORY}:v0.3.8"));
    assert_eq!(host.ok("docker exec tensor-wasm tensor-wasm --version"), "v0.3.8\n");
}

#[test]
fn the_state_tells_an_absent_node_others_of_its_image_and_an_engine_that_is_off() {
    let mut host = Host::new();
    let tags = ("0.3.8", "9.9.9");
    let digest = image("0.3.8", "").digest;
    let absent = format!("Status=absent\nRegistryTag=v0.3.8 {digest}\nRegistryTag=v9.9.9 absent\n");
    assert_eq!(host.container_state(&[], tags), (0, absent.clone()));
    host.ok(&format!("docker run -d --name another --env-file /etc/tensor-wasm/env {REPOSITORY}:v0.4.0"));
    let another = absent.replacen('\n', "\nOther=another running\n", 1);
    assert_eq!(host.container_state(&[], tags), (0, another));
    host.ok("docker stop another");
    host.machine.docker.registry.runs = false;
    let unreachable = "Status=absent\nRegistryTag=v0.3.8 unreachable\nRegistryTag=v9.9.9 unreachable\n".to_owned();
    assert_eq!(host.container_state(&[], tags), (0, unreachable));
    host.machine.docker.runs = false;
    assert_eq!(host.container_state(&[], tags), (1, String::new()));
}

#[test]
fn somebody_else_takes_the_name_that_was_freed() {
    let mut host = Host::new();
    host.ok(&format!("{RUN} {REPOSITORY}:v0.4.0"));
    hold_name(&mut host.machine);
    let holder = host.id("somebodys");
    host.ok("docker stop tensor-wasm");
    host.ok("docker rm tensor-wasm");
    let done = host.sh(&format!("{RUN} {REPOSITORY}:v0.3.8"));
    assert_eq!(done.status, 125);
    let wanted = format!(
        "docker: Error response from daemon: Conflict. The container name \"/tensor-wasm\" is already in use by \
         container \"{holder}\". You have to remove (or rename) that container to be able to reuse that name.\nSee \
         'docker run --help'.\n"
    );
    assert!(done.err.ends_with(&wanted), "{}", done.err);
    assert_eq!(host.machine.docker.containers().count(), 1);
    assert_eq!(host.inspect("tensor-wasm", "{{.State.Status}}"), "created");
}

#[test]
fn a_port_that_is_taken_in_between_leaves_a_created_container() {
    let mut host = Host::new();
    host.ok(&format!("{RUN} {REPOSITORY}:v0.4.0"));
    let holder = host.hold_port();
    assert!(matches!(host.machine.processes[&holder].what, What::Holder { bound: false, .. }));
    host.ok("docker stop tensor-wasm");
    assert!(matches!(host.machine.processes[&holder].what, What::Holder { bound: true, .. }));
    host.ok("docker rm tensor-wasm");
    let done = host.sh(&format!("{RUN} {REPOSITORY}:v0.3.8"));
    assert_eq!(done.status, 125);
    assert_eq!(done.out.trim_end(), host.id("tensor-wasm"));
    let last = done.err.lines().last().unwrap();
    let begins = "docker: Error response from daemon: driver failed programming external connectivity on endpoint \
                  tensor-wasm (";
    let ends = "): Error starting userland proxy: listen tcp4 0.0.0.0:8080: bind: address already in use.";
    assert!(last.starts_with(begins) && last.ends_with(ends), "{last}");
    assert_eq!(
        host.inspect("tensor-wasm", "{{.State.Status}} {{.State.ExitCode}} {{.State.StartedAt}}"),
        "created 128 0001-01-01T00:00:00Z"
    );
    assert_eq!(host.sh("docker stop tensor-wasm").status, 0);
    let done = host.sh("docker start tensor-wasm");
    assert_eq!(done.status, 1);
    assert!(
        done.err.ends_with("address already in use\nError: failed to start containers: tensor-wasm\n"),
        "{}",
        done.err
    );
    // With --rm nothing stays.
    host.ok("docker rm tensor-wasm");
    assert_eq!(host.sh(&format!("docker run --rm -d -p 8080:8080 {REPOSITORY}:v0.3.8")).status, 125);
    assert_eq!(host.machine.docker.containers().count(), 0);
}

#[test]
fn two_containers_cannot_have_one_port() {
    let mut host = Host::new();
    host.ok(&format!("{RUN} {REPOSITORY}:v0.4.0"));
    let done = host.sh(&format!("docker run -d --name other -p 8080:8080 {REPOSITORY}:v0.4.0"));
    assert_eq!(done.status, 125);
    assert!(done.err.ends_with("): Bind for 0.0.0.0:8080 failed: port is already allocated.\n"), "{}", done.err);
    assert_eq!(host.healthz(), Some(200));
}

#[test]
fn a_node_that_ignores_sigterm_is_killed_after_its_grace() {
    let mut host = Host::with(&[image("0.4.0", "{ sigterm-ignored = {} }")]);
    host.ok(&format!("{RUN} {REPOSITORY}:v0.4.0"));
    host.wait(0.5);
    let before = host.machine.now;
    host.ok("docker stop tensor-wasm");
    let took = host.machine.now - before;
    assert!((10 * SECOND..11 * SECOND).contains(&took), "{took}");
    assert_eq!(host.inspect("tensor-wasm", "{{.State.ExitCode}}"), "137");
    host.ok("docker start tensor-wasm");
    host.wait(0.5);
    let before = host.machine.now;
    host.ok("docker stop -t 1 tensor-wasm");
    assert!((SECOND..2 * SECOND).contains(&(host.machine.now - before)));
}

#[test]
fn the_engine_goes_on_when_its_client_is_killed() {
    let mut host = Host::with(&[image("0.4.0", "{ sigterm-ignored = {} }")]);
    host.ok(&format!("{RUN} {REPOSITORY}:v0.4.0"));
    host.wait(0.5);
    let (context, ..) = host.context(1000, "/");
    host.machine.deadline = host.machine.now + 2 * SECOND;
    let stopped = programs::execute(&mut host.machine, &words("docker stop tensor-wasm"), &context);
    assert_eq!(stopped, Err(crate::Stop::Deadline));
    assert_eq!(host.machine.docker.named("tensor-wasm").unwrap().state, State::Running);
    host.wait(9.0);
    assert_eq!(host.machine.docker.named("tensor-wasm").unwrap().state, State::Exited);
}

#[test]
fn policies_start_again_what_ended_and_rest_when_somebody_stopped_it() {
    let mut host = Host::new();
    let states = |host: &mut Host| host.inspect("xx", "{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}}");
    host.ok(&format!("docker run -d --restart on-failure:2 --name xx {REPOSITORY}:v0.3.8 serve --nosuch"));
    host.wait(10.0);
    assert_eq!(states(&mut host), "exited 2 2");
    let logs = host.sh("docker logs xx");
    assert_eq!((logs.out.as_str(), logs.err.matches("unexpected argument").count()), ("", 3));
    host.ok("docker rm xx");
    // A good end is no failure.
    host.ok(&format!("docker run -d --restart on-failure --name xx {REPOSITORY}:v0.3.8 --version"));
    host.wait(2.0);
    assert_eq!(states(&mut host), "exited 0 0");
    host.ok("docker rm xx");
    host.ok(&format!("docker run -d --restart always --name xx {REPOSITORY}:v0.3.8 --version"));
    // Waits of 100 ms, doubling: after ten seconds it has been started again six or seven times.
    host.wait(10.0);
    let count: u32 = host.inspect("xx", "{{.RestartCount}}").parse().unwrap();
    assert!((5..=7).contains(&count), "{count}");
    while host.machine.docker.named("xx").unwrap().state != State::Restarting {
        host.wait(0.01);
    }
    assert_eq!(host.inspect("xx", "{{.State.Running}} {{.State.Restarting}}"), "true true");
    let done = host.sh("docker rm xx");
    assert_eq!(done.status, 1);
    assert!(done.err.contains("cannot remove container \"/xx\": container is restarting: stop the container"));
    host.ok("docker stop xx");
    host.wait(60.0);
    assert_eq!(host.inspect("xx", "{{.State.Status}} {{.State.Restarting}}"), "exited false");
    host.ok("docker rm xx");
    // A crash starts it again, a stop or a kill does not.
    host.ok(&format!("{RUN} --restart unless-stopped {REPOSITORY}:v0.4.0"));
    host.wait(0.5);
    let pid = host.machine.docker.named("tensor-wasm").unwrap().pid.unwrap();
    host.machine.signal(pid, crate::machine::process::Signal::Kill);
    host.wait(1.0);
    assert_eq!(host.healthz(), Some(200));
    assert_eq!(host.inspect("tensor-wasm", "{{.RestartCount}}"), "1");
    host.ok("docker kill tensor-wasm");
    host.wait(5.0);
    assert_eq!(host.inspect("tensor-wasm", "{{.State.Status}} {{.State.ExitCode}}"), "exited 137");
}

#[test]
fn an_engine_that_comes_back_starts_what_nobody_stopped() {
    let mut host = Host::new();
    host.ok(&format!("{RUN} --restart unless-stopped {REPOSITORY}:v0.4.0"));
    host.ok(&format!("docker run -d --name plain --env-file /etc/tensor-wasm/env {REPOSITORY}:v0.4.0"));
    host.wait(0.5);
    crate::docker::engine_stops(&mut host.machine);
    host.wait(1.0);
    assert!(host.machine.docker.containers().all(|container| container.pid.is_none()));
    assert_eq!(host.sh("docker ps").status, 1);
    crate::docker::engine_starts(&mut host.machine);
    host.wait(1.0);
    assert_eq!(host.healthz(), Some(200));
    assert_eq!(host.inspect("plain", "{{.State.Status}}"), "exited");
}

#[test]
fn state_that_is_not_mounted_goes_with_its_container() {
    let mut host = Host::new();
    let own = format!("docker run -d --name own --env-file /etc/tensor-wasm/env {REPOSITORY}:v0.3.8");
    host.ok(&own);
    host.wait(0.5);
    let node = host.machine.docker.named("own").unwrap().pid.unwrap();
    let What::Node(process) = &host.machine.processes[&node].what else { panic!("no node") };
    let (folder, hash) = (process.file.release.state.directory.clone(), process.file.sha256.to_string());
    assert_eq!(folder, format!("{}/var/lib/tensor-wasm", host.inspect("own", "{{.GraphDriver.Data.UpperDir}}")));
    assert_eq!(hash, crate::sha256_hex(b"0.3.8"));
}

#[test]
fn a_client_that_stays_shows_what_its_container_writes() {
    let mut host = Host::new();
    let done = host.sh(&format!("docker run --rm {REPOSITORY}:v0.3.8 --version"));
    assert_eq!((done.status, done.out.as_str()), (0, "v0.3.8\n"));
    let done = host.sh(&format!("docker run --rm {REPOSITORY}:v0.3.8 serve --nosuch"));
    assert_eq!(done.status, 2);
    assert!(done.err.starts_with("error: unexpected argument '--nosuch' found\n"), "{}", done.err);
    assert_eq!(host.machine.docker.containers().count(), 0);
}

#[test]
fn the_registry_answers_by_tag_and_digest() {
    use crate::machine::net::Outcome;
    let mut host = Host::new();
    let digest = image("0.3.8", "").digest;
    let mut ask = |path: &str| {
        let request = fake_node::http::Request::new("HEAD", path);
        match host.machine.fetch(("ghcr.io", 80), &request, None).unwrap().outcome {
            Outcome::Answer(answer) => Some((answer.status, answer.header("docker-content-digest").map(str::to_owned))),
            _ => None,
        }
    };
    assert_eq!(ask("/v2/"), Some((200, None)));
    assert_eq!(ask("/v2/craton-co/tensor-wasm/manifests/v0.3.8"), Some((200, Some(digest.clone()))));
    assert_eq!(ask(&format!("/v2/craton-co/tensor-wasm/manifests/{digest}")), Some((200, Some(digest))));
    assert_eq!(ask("/v2/craton-co/tensor-wasm/manifests/v9.9.9"), Some((404, None)));
    assert_eq!(ask("/v2/nobody/nothing/manifests/v1"), Some((404, None)));
    host.machine.docker.registry.runs = false;
    let request = fake_node::http::Request::new("HEAD", "/v2/");
    assert_eq!(host.machine.fetch(("ghcr.io", 80), &request, None).unwrap().outcome, Outcome::Refused);
}

/// Begins to start a container that exists, and ends when docker-proxy listens for it on a port.
fn start_until_published(host: &mut Host, port: u16) {
    let create = RUN.replace("docker run -d", "docker create").replace("8080:8080", &format!("{port}:{port}"));
    host.ok(&format!("{create} {REPOSITORY}:v0.4.0"));
    let number = host.machine.docker.containers().next().map(|one| one.number).unwrap();
    crate::docker::lifecycle::begin_start(&mut host.machine, number, true);
    let deadline = host.machine.now + SECOND;
    while !host.machine.port_taken(port) {
        assert!(host.machine.now < deadline, "it is never published");
        host.wait(0.001);
    }
}

/// As seen on Docker Engine 26.1.5: whoever connects while docker-proxy listens and the container has no interface yet
/// waits until a second after the first such connection, and so does everybody after it.
#[test]
fn a_connection_that_docker_proxy_takes_too_early_hangs_for_a_second() {
    let mut host = Host::new();
    start_until_published(&mut host, 8080);
    let first = host.machine.now;
    let second = host.machine.calibration.net.proxy_gives_up_us;
    let request = fake_node::http::Request::new("GET", "/healthz");
    let early = host.machine.fetch(("localhost", 8080), &request, Some(SECOND / 2)).unwrap();
    assert_eq!(early.outcome, crate::machine::net::Outcome::TimedOut);
    assert_eq!(host.inspect("tensor-wasm", "{{.State.Running}}"), "true", "the node is up and not to be reached");
    assert_eq!(host.healthz(), Some(200));
    let answered = host.machine.now - first;
    assert!((second..second + 5_000).contains(&answered), "{answered}");
    let later = host.machine.now;
    assert_eq!(host.healthz(), Some(200));
    assert!(host.machine.now - later < 5_000);
}

#[test]
fn nobody_hangs_where_nobody_connected_too_early() {
    let mut host = Host::new();
    // Not the node's own port, which the agent's probe looks at all the time.
    start_until_published(&mut host, 9090);
    host.wait(0.5);
    let began = host.machine.now;
    let request = fake_node::http::Request::new("GET", "/healthz");
    let closed = host.machine.fetch(("localhost", 9090), &request, None).unwrap();
    assert_eq!(closed.outcome, crate::machine::net::Outcome::Closed, "the container refuses it at once");
    assert!(host.machine.now - began < 5_000);
}

#[test]
fn what_hangs_is_broken_off_with_docker_proxy() {
    use crate::machine::net::{Outcome, Waiter};
    let mut host = Host::new();
    start_until_published(&mut host, 8080);
    let (began, request) = (host.machine.now, fake_node::http::Request::new("GET", "/healthz"));
    let id = host.machine.send(Waiter::Strand, ("localhost", 8080), &request, None);
    host.ok("docker rm -f tensor-wasm");
    let finished = host.machine.take_finished(id).unwrap();
    assert_eq!(finished.outcome, Outcome::Closed);
    assert!(finished.arrived - began < host.machine.calibration.net.proxy_gives_up_us, "it did not wait for that");
}

/// As on an operator host: while a node drains, docker-proxy takes connections and closes them, and the agent sees its
/// listener go with its process.
#[test]
fn what_docker_proxy_takes_for_a_node_that_drains_is_closed() {
    use crate::machine::net::{Namespace, Reached};
    let mut host = Host::new();
    host.ok(&format!("{RUN} {REPOSITORY}:v0.4.0"));
    host.wait(1.5);
    let pid = host.machine.docker.named("tensor-wasm").unwrap().pid.unwrap();
    assert_eq!(host.machine.reached(Namespace::Host, 8080), Reached::Node(pid));
    host.machine.reports.clear();
    host.machine.signal(pid, Signal::Term);
    assert_eq!(host.machine.reached(Namespace::Host, 8080), Reached::Proxy, "it takes nothing new");
    assert!(host.machine.processes.contains_key(&pid) && host.machine.reports.is_empty(), "{:?}", host.machine.reports);
    host.wait(1.0);
    assert_eq!(host.machine.reached(Namespace::Host, 8080), Reached::Nobody);
    assert!(!host.machine.reports.is_empty());
}
