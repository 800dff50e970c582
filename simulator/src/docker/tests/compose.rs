//! The runbook's section C, and compose's own ways.

use super::*;

fn started(host: &mut Host, name: &str) -> String {
    host.inspect(name, "{{.Id}} {{.State.StartedAt}}")
}

fn up(host: &mut Host) {
    host.ok("docker compose up --detach --quiet-pull");
    host.wait(0.2);
}

#[test]
fn section_c_replaces_the_node_and_leaves_its_neighbours() {
    let mut host = Host::new();
    up(&mut host);
    assert_eq!(host.healthz(), Some(200));
    let neighbours = [started(&mut host, "prometheus"), started(&mut host, "jaeger")];
    let old = host.id("tensor-wasm");
    host.compose_file("tensor-wasm:v0.4.0", "tensor-wasm:v0.3.8");
    let before = host.machine.now;
    assert_eq!(host.sh("docker compose pull tensor-wasm").status, 0);
    let pulled = host.machine.now - before;
    assert!((100_000..260_000).contains(&pulled), "{pulled}");
    let before = host.machine.now;
    let done = host.sh("docker compose up -d --no-deps tensor-wasm");
    let took = host.machine.now - before;
    assert_eq!(
        (done.status, done.err.as_str()),
        (
            0,
            " Container tensor-wasm  Recreate\n Container tensor-wasm  Recreated\n Container tensor-wasm  Starting\n \
             Container tensor-wasm  Started\n"
        )
    );
    assert!((300_000..600_000).contains(&took), "{took}");
    host.wait(0.2);
    assert_eq!(host.healthz(), Some(200));
    assert_eq!(host.ok("docker exec tensor-wasm tensor-wasm --version"), "v0.3.8\n");
    assert_eq!([started(&mut host, "prometheus"), started(&mut host, "jaeger")], neighbours);
    assert_ne!(host.id("tensor-wasm"), old);
    let (_, state) = host.container_state(&["prometheus", "jaeger"], ("0.3.8", "0.4.0"));
    assert!(state.ends_with(&format!(
        "Neighbour=prometheus {} running\nNeighbour=jaeger {} running\n",
        neighbours[0], neighbours[1]
    )));
    assert_eq!(host.inspect("tensor-wasm", r#"{{index .Config.Labels "com.docker.compose.replace"}}"#), old);
    // As Docker 26.1.5 tells of what Compose 2.26.1 made.
    let left = "{{json .HostConfig.Dns}} {{json .HostConfig.ExtraHosts}} {{json .HostConfig.Ulimits}}";
    assert_eq!(host.inspect("tensor-wasm", left), "null [] null");
    let network = "{{range .NetworkSettings.Networks}}{{.Aliases}} {{.DNSNames}} {{.Gateway}}{{end}}";
    let short = host.id("tensor-wasm")[..12].to_owned();
    assert_eq!(
        host.inspect("tensor-wasm", network),
        format!("[tensor-wasm tensor-wasm] [tensor-wasm {short}] 172.18.0.1")
    );
    assert_eq!(host.inspect("tensor-wasm", "{{json .NetworkSettings.IPAddress}}"), r#""""#);
    // Nothing has changed, so nothing is done.
    let id = started(&mut host, "tensor-wasm");
    let done = host.sh("docker compose up -d --no-deps tensor-wasm");
    assert_eq!((done.status, done.err.as_str()), (0, " Container tensor-wasm  Running\n"));
    assert_eq!(started(&mut host, "tensor-wasm"), id);
}

#[test]
fn the_old_container_answers_while_up_looks_and_makes_the_new_one() {
    let mut host = Host::new();
    up(&mut host);
    host.compose_file("tensor-wasm:v0.4.0", "tensor-wasm:v0.3.8");
    host.ok("docker compose pull tensor-wasm");
    let (context, ..) = host.context(1000, "/srv/tensor-wasm");
    let began = host.machine.now;
    let short = host.id("tensor-wasm").get(..12).unwrap().to_owned();
    let mut seen = 0;
    // The client is ended after longer and longer times, each on a machine of its own.
    for ms in (0..600).step_by(10) {
        let mut other = Host { machine: host.machine.clone() };
        other.machine.deadline = began + ms * 1000;
        let _ = programs::execute(&mut other.machine, &words("docker compose up -d --no-deps tensor-wasm"), &context);
        let names: Vec<&str> = other.machine.docker.containers().map(|one| one.name.as_str()).collect();
        let old = other.machine.docker.named("tensor-wasm").map(|old| old.short_id().to_owned());
        if names.contains(&format!("{short}_tensor-wasm").as_str()) {
            seen += 1;
            // Removed before the new one takes its name.
            assert!(old.is_none_or(|old| old == short));
        } else if ms < 150 {
            assert_eq!((old, names.len()), (Some(short.clone()), 3));
        }
    }
    assert!((8..40).contains(&seen), "{seen}");
}

#[test]
fn a_pull_that_fails_is_18_and_touches_nothing() {
    let mut host = Host::with(&[image("0.4.0", ""), neighbour("prometheus", "v2.53"), neighbour("jaeger", "v1")]);
    up(&mut host);
    let before = started(&mut host, "tensor-wasm");
    host.compose_file("tensor-wasm:v0.4.0", "tensor-wasm:v0.3.8");
    let unknown = format!("manifest for {REPOSITORY}:v0.3.8 not found: manifest unknown: manifest unknown");
    let refused = "Get \"http://ghcr.io/v2/\": dial tcp 127.0.0.2:80: connect: connection refused".to_owned();
    for (runs, message) in [(true, unknown), (false, refused)] {
        host.machine.docker.registry.runs = runs;
        for line in ["docker compose pull tensor-wasm", "docker compose up -d --no-deps tensor-wasm"] {
            let done = host.sh(line);
            let wanted =
                format!(" tensor-wasm Pulling \n tensor-wasm Error {message}\nError response from daemon: {message}\n");
            assert_eq!((done.status, done.err), (18, wanted), "{line}");
        }
    }
    assert_eq!(started(&mut host, "tensor-wasm"), before);
    assert_eq!(host.healthz(), Some(200));
}

#[test]
fn a_port_that_is_taken_in_between_leaves_the_new_container_created() {
    let mut host = Host::new();
    up(&mut host);
    host.hold_port();
    let old = host.id("tensor-wasm");
    host.compose_file("tensor-wasm:v0.4.0", "tensor-wasm:v0.3.8");
    let done = host.sh("docker compose up -d --no-deps tensor-wasm");
    assert_eq!(done.status, 1);
    let last = done.err.lines().last().unwrap();
    assert!(
        last.starts_with(
            "Error response from daemon: driver failed programming external connectivity on endpoint tensor-wasm ("
        ) && last.ends_with("): Error starting userland proxy: listen tcp4 0.0.0.0:8080: bind: address already in use"),
        "{last}"
    );
    assert_ne!(host.id("tensor-wasm"), old);
    assert_eq!(host.inspect("tensor-wasm", "{{.State.Status}}"), "created");
    let done = host.sh("docker compose restart tensor-wasm");
    assert_eq!(done.status, 1);
    assert!(done.err.contains("Error response from daemon: Cannot restart container "), "{}", done.err);
    assert_eq!(host.sh("docker compose stop tensor-wasm").status, 0);
}

#[test]
fn a_file_that_gets_its_tag_elsewhere_is_not_changed_by_an_edit() {
    let mut host = Host::new();
    let variable = include_str!("../../../../scenarios/topologies/documented/compose/docker-compose.variable.yml");
    host.write("/srv/tensor-wasm/docker-compose.yml", &variable.replace("@VERSION@", "0.4.0"));
    up(&mut host);
    let before = started(&mut host, "tensor-wasm");
    host.ok("docker compose pull tensor-wasm");
    let line = "docker compose up -d --no-deps tensor-wasm";
    // Nothing of it has changed; without what it depends on it counts as another one all the same, once.
    let done = host.sh(line);
    let anew = " Container tensor-wasm  Recreate\n Container tensor-wasm  Recreated\n Container tensor-wasm  Starting\n \
                Container tensor-wasm  Started\n";
    assert_eq!((done.status, done.err.as_str()), (0, anew));
    let since = started(&mut host, "tensor-wasm");
    assert_ne!(since, before);
    assert_eq!(host.sh(line).err, " Container tensor-wasm  Running\n");
    assert_eq!(started(&mut host, "tensor-wasm"), since);
    let other = format!("{REPOSITORY}:v0.3.8");
    assert_eq!(host.call(1000, "/srv/tensor-wasm", line, &[("TENSOR_WASM_IMAGE", &other)]).status, 0);
    assert_eq!(host.inspect("tensor-wasm", "{{.Config.Image}}"), other);
    // The project's own file of variables counts too.
    host.write("/srv/tensor-wasm/.env", &format!("TENSOR_WASM_IMAGE={other}\n"));
    assert_eq!(host.sh(line).err, " Container tensor-wasm  Running\n");
}

#[test]
fn dependencies_come_first_and_who_depends_on_a_new_one_is_made_anew() {
    let mut host = Host::new();
    host.compose_file("      - jaeger\n", "      - jaeger\n      - prometheus\n");
    host.ok("docker compose up -d");
    host.wait(0.2);
    let neighbours = [started(&mut host, "prometheus"), started(&mut host, "jaeger")];
    let node = host.id("tensor-wasm");
    assert_eq!(
        host.sh("docker compose up -d tensor-wasm").err,
        " Container jaeger  Running\n Container prometheus  Running\n Container tensor-wasm  Running\n"
    );
    // Without its dependencies the service counts as another one.
    host.ok("docker compose up -d --no-deps tensor-wasm");
    assert_ne!(host.id("tensor-wasm"), node);
    assert_eq!([started(&mut host, "prometheus"), started(&mut host, "jaeger")], neighbours);
    host.ok("docker compose up -d tensor-wasm");
    let node = host.id("tensor-wasm");
    // A dependency that stands still is started.
    host.ok("docker compose stop jaeger");
    host.ok("docker compose up -d tensor-wasm");
    assert_eq!(host.id("tensor-wasm"), node);
    assert_eq!(host.inspect("jaeger", "{{.State.Status}}"), "running");
    host.compose_file("/etc/prometheus:ro", "/etc/prometheus");
    let done = host.sh("docker compose up -d tensor-wasm");
    assert_eq!(
        done.err,
        " Container jaeger  Running\n Container prometheus  Recreate\n Container prometheus  Recreated\n Container \
         tensor-wasm  Recreate\n Container tensor-wasm  Recreated\n Container prometheus  Starting\n Container \
         prometheus  Started\n Container tensor-wasm  Starting\n Container tensor-wasm  Started\n"
    );
    assert_ne!(host.id("tensor-wasm"), node);
}

#[test]
fn the_rest_of_the_subcommands_do_what_they_say() {
    let mut host = Host::new();
    up(&mut host);
    let log = host.ok("docker compose logs --no-color --tail 1 tensor-wasm");
    assert_eq!(log, "\x1b[2Ktensor-wasm  | listening on http://0.0.0.0:8080\n");
    assert_eq!(
        host.ok("docker compose logs --no-log-prefix --tail 1 tensor-wasm"),
        "\x1b[2Klistening on http://0.0.0.0:8080\n"
    );
    assert_eq!(host.ok("docker compose exec -T tensor-wasm tensor-wasm --version"), "v0.4.0\n");
    assert_eq!(host.ok("docker compose config --services"), "jaeger\nprometheus\ntensor-wasm\n");
    let done = host.sh("docker compose stop tensor-wasm");
    assert_eq!(
        (done.status, done.err.as_str()),
        (0, " Container tensor-wasm  Stopping\n Container tensor-wasm  Stopped\n")
    );
    assert_eq!(host.inspect("tensor-wasm", "{{.State.Status}} {{.State.ExitCode}}"), "exited 0");
    host.wait(3.0);
    assert_eq!(host.healthz(), None);
    assert!(!host.ok("docker compose ps").contains("tensor-wasm "));
    assert!(host.ok("docker compose ps -a").contains("Exited (0) 3 seconds ago"));
    let done = host.sh("docker compose exec -T tensor-wasm tensor-wasm --version");
    assert_eq!((done.status, done.err.as_str()), (1, "service \"tensor-wasm\" is not running\n"));
    let id = host.id("tensor-wasm");
    assert_eq!(
        host.sh("docker compose up -d tensor-wasm").err,
        " Container jaeger  Running\n Container tensor-wasm  Created\n Container tensor-wasm  Starting\n Container \
         tensor-wasm  Started\n"
    );
    assert_eq!(host.id("tensor-wasm"), id);
    host.ok("docker compose kill tensor-wasm");
    assert_eq!(host.inspect("tensor-wasm", "{{.State.ExitCode}}"), "137");
    host.ok("docker compose start tensor-wasm");
    host.ok("docker compose restart tensor-wasm");
    host.wait(0.2);
    assert_eq!(host.healthz(), Some(200));
    assert_eq!(host.ok("docker compose ps -q tensor-wasm").trim_end(), id);
    assert_eq!(host.ok("docker compose rm -sf tensor-wasm"), "Going to remove tensor-wasm\n");
    let before = started(&mut host, "jaeger");
    host.ok("docker compose up -d --force-recreate prometheus");
    assert_eq!(started(&mut host, "jaeger"), before);
    host.ok("docker compose down");
    assert_eq!(host.machine.docker.containers().count(), 0);
    for line in ["pull nosuch", "up -d nosuch", "stop nosuch", "logs nosuch"] {
        let done = host.sh(&format!("docker compose {line}"));
        assert_eq!((done.status, done.err.as_str()), (1, "no such service: nosuch\n"), "{line}");
    }
    assert_eq!(host.sh("docker compose nosuch").status, 16);
    let done = host.sh("docker compose up -d --nosuch");
    assert_eq!((done.status, done.err.as_str()), (16, "unknown flag: --nosuch\n"));
    let done = host.call(1000, "/tmp", "docker compose up -d", &[]);
    assert_eq!((done.status, done.err.as_str()), (14, "no configuration file provided: not found\n"));
    let done = host.sh("docker compose -f /nosuch.yml ps -q");
    assert_eq!((done.status, done.err.as_str()), (14, "open /nosuch.yml: no such file or directory\n"));
    assert_eq!(host.ok("docker compose version"), "Docker Compose version 2.26.1-4\n");
}

#[test]
fn names_and_policies_that_the_engine_refuses_end_up_with_1() {
    let mut host = Host::new();
    host.ok(&format!("docker run -d --name tensor-wasm {REPOSITORY}:v0.4.0"));
    let id = host.id("tensor-wasm");
    let done = host.sh("docker compose up -d --no-deps tensor-wasm");
    assert_eq!(done.status, 1);
    assert!(
        done.err.ends_with(&format!(
            "Error response from daemon: Conflict. The container name \"/tensor-wasm\" is already in use by container \
             \"{id}\". You have to remove (or rename) that container to be able to reuse that name.\n"
        )),
        "{}",
        done.err
    );
    host.ok("docker rm -f tensor-wasm");
    host.compose_file("restart: unless-stopped", "restart: sometimes");
    let done = host.sh("docker compose up -d tensor-wasm");
    assert_eq!(done.status, 1);
    assert!(done.err.contains("invalid restart policy: unknown policy 'sometimes'"), "{}", done.err);
}

#[test]
fn a_file_that_is_wrong_is_refused_in_composes_words() {
    let mut host = Host::new();
    let validating = "validating /srv/tensor-wasm/docker-compose.yml:";
    for (text, status, err) in [
        ("", 15, "empty compose file\n".to_owned()),
        (
            "servces:\n  a:\n    image: x\n",
            15,
            format!("{validating} (root) Additional property servces is not allowed\n"),
        ),
        (
            "services:\n  a:\n    image: x\n    nosuchkey: 1\n",
            15,
            format!("{validating} services.a Additional property nosuchkey is not allowed\n"),
        ),
        ("services:\n  a:\n    image: [x]\n", 15, format!("{validating} services.a.image must be a string\n")),
        (
            "services:\n  a:\n    command: x\n",
            15,
            "service \"a\" has neither an image nor a build context specified: invalid compose project\n".to_owned(),
        ),
        (
            "services:\n  a:\n    image: x\n    env_file: /nosuch\n",
            14,
            "env file /nosuch not found: stat /nosuch: no such file or directory\n".to_owned(),
        ),
        (
            "services:\n  a:\n    image: x\n    depends_on: [b]\n",
            15,
            "service \"a\" depends on undefined service \"b\": invalid compose project\n".to_owned(),
        ),
        (
            "services:\n  a:\n    image: x\n    depends_on: [b]\n  b:\n    image: x\n    depends_on: [a]\n",
            15,
            "dependency cycle detected: a -> b -> a\n".to_owned(),
        ),
        ("services:\n  a:\n    image: x\n    ports: [\"abc:80\"]\n", 15, "Invalid hostPort: abc\n".to_owned()),
        (
            "services:\n  a:\n    image: ${NOPE:?must be set}\n",
            15,
            "error while interpolating services.a.image: required variable NOPE is missing a value: must be set\n"
                .to_owned(),
        ),
        (
            "services:\n  a:\n    image: ${NOPE\n",
            15,
            "invalid interpolation format for services.a.image.\nYou may need to escape any $ with another $.\n${NOPE\n"
                .to_owned(),
        ),
    ] {
        host.write("/srv/tensor-wasm/docker-compose.yml", text);
        let done = host.sh("docker compose up -d");
        assert_eq!((done.status, done.err), (status, err), "{text}");
    }
    host.write("/srv/tensor-wasm/docker-compose.yml", "services:\n  a:\n    image: ${NOPE}\n");
    let done = host.sh("docker compose up -d");
    assert_eq!(done.status, 15);
    assert!(
        done.err.contains("level=warning msg=\"The \\\"NOPE\\\" variable is not set. Defaulting to a blank string.\"")
    );
    for key in [
        "networks: {}",
        "volumes: {}",
        "services: {a: {image: x, healthcheck: {}}}",
        "services: {a: {image: x, build: .}}",
    ] {
        host.write("/srv/tensor-wasm/docker-compose.yml", &format!("{key}\n"));
        let (context, ..) = host.context(1000, "/srv/tensor-wasm");
        let stopped = programs::execute(&mut host.machine, &words("docker compose up -d"), &context);
        assert!(matches!(stopped, Err(crate::Stop::Unable(_))), "{key}: {stopped:?}");
    }
}
