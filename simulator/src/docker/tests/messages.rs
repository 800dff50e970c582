//! Statuses and messages of clients, as they were recorded.

use super::*;
use crate::docker::DOCKER;

const NOT: &str = "Error response from daemon: No such container: nosuch\n";

#[test]
fn messages_and_statuses_are_the_real_clients() {
    let mut host = Host::new();
    host.ok(&format!("{RUN} {REPOSITORY}:v0.4.0"));
    host.wait(0.2);
    host.ok(&format!("docker create --name two {REPOSITORY}:v0.4.0"));
    let (node, two) = (host.id("tensor-wasm"), host.id("two"));
    let no_more = "to be able to reuse that name.";
    let cases = [
        ("docker exec nosuch x", 1, NOT.to_owned()),
        ("docker logs nosuch", 1, NOT.to_owned()),
        ("docker stop nosuch", 1, NOT.to_owned()),
        ("docker restart nosuch", 1, NOT.to_owned()),
        ("docker rm nosuch", 1, NOT.to_owned()),
        ("docker rm -f nosuch", 0, NOT.to_owned()),
        ("docker start nosuch", 1, format!("{NOT}Error: failed to start containers: nosuch\n")),
        ("docker rename nosuch other", 1, format!("{NOT}Error: failed to rename container named nosuch\n")),
        ("docker inspect nosuch", 1, "Error: No such object: nosuch\n".to_owned()),
        (
            "docker inspect --type=container nosuch",
            1,
            "Error response from daemon: No such container: nosuch\n".to_owned(),
        ),
        ("docker container inspect nosuch", 1, NOT.to_owned()),
        ("docker image inspect nope", 1, "Error response from daemon: No such image: nope:latest\n".to_owned()),
        ("docker rmi nope", 1, "Error response from daemon: No such image: nope:latest\n".to_owned()),
        ("docker tag nosuch:x a:b", 1, "Error response from daemon: No such image: nosuch:x\n".to_owned()),
        (
            "docker rm tensor-wasm",
            1,
            "Error response from daemon: cannot remove container \"/tensor-wasm\": container is running: stop the \
             container before removing or force remove\n"
                .to_owned(),
        ),
        (
            "docker rename two tensor-wasm",
            1,
            format!(
                "Error response from daemon: Error when allocating new name: Conflict. The container name \
                 \"/tensor-wasm\" is already in use by container \"{node}\". You have to remove (or rename) that \
                 container {no_more}\nError: failed to rename container named two\n"
            ),
        ),
        (
            "docker rename two two",
            1,
            "Error response from daemon: Renaming a container with the same name as its current name\nError: failed to \
             rename container named two\n"
                .to_owned(),
        ),
        (
            "docker kill two",
            1,
            format!("Error response from daemon: cannot kill container: two: container {two} is not running\n"),
        ),
        ("docker exec two x", 1, format!("Error response from daemon: container {two} is not running\n")),
        ("docker nosuch", 1, "docker: 'nosuch' is not a docker command.\nSee 'docker --help'\n".to_owned()),
        ("docker ps --nosuch", 125, "unknown flag: --nosuch\nSee 'docker ps --help'.\n".to_owned()),
        (
            "docker stop -t abc two",
            125,
            "invalid argument \"abc\" for \"-t, --time\" flag: strconv.ParseInt: parsing \"abc\": invalid syntax\nSee \
             'docker stop --help'.\n"
                .to_owned(),
        ),
        (
            "docker rm -f",
            1,
            "\"docker rm\" requires at least 1 argument.\nSee 'docker rm --help'.\n\nUsage:  docker rm [OPTIONS] \
             CONTAINER [CONTAINER...]\n\nRemove one or more containers\n"
                .to_owned(),
        ),
        (
            "docker logs",
            1,
            "\"docker logs\" requires exactly 1 argument.\nSee 'docker logs --help'.\n\nUsage:  docker logs [OPTIONS] \
             CONTAINER\n\nFetch the logs of a container\n"
                .to_owned(),
        ),
        (
            "docker logs --since nonsense two",
            1,
            "invalid value for \"since\": failed to parse value as time or duration: \"nonsense\"\n".to_owned(),
        ),
        (
            "docker run -d --env-file /nosuch x",
            125,
            "docker: open /nosuch: no such file or directory.\nSee 'docker run --help'.\n".to_owned(),
        ),
        (
            "docker run -d --env-file /root/x x",
            125,
            "docker: open /root/x: permission denied.\nSee 'docker run --help'.\n".to_owned(),
        ),
        ("docker run -d -p abc:80 x", 125, "docker: Invalid hostPort: abc.\nSee 'docker run --help'.\n".to_owned()),
        (
            "docker run -d BAD/Image:x",
            125,
            "docker: invalid reference format: repository name (Image) must be lowercase.\nSee 'docker run --help'.\n"
                .to_owned(),
        ),
        (
            "docker run -d --restart always --rm x",
            125,
            "docker: Conflicting options: --restart and --rm.\nSee 'docker run --help'.\n".to_owned(),
        ),
        (
            "docker run -d --restart sometimes x",
            125,
            "docker: Error response from daemon: invalid restart policy: unknown policy 'sometimes'; use one of 'no', \
             'always', 'on-failure', or 'unless-stopped'.\nSee 'docker run --help'.\n"
                .to_owned(),
        ),
        (
            "docker pull ghcr.io/craton-co/tensor-wasm:v9.9.9",
            1,
            "Error response from daemon: manifest for ghcr.io/craton-co/tensor-wasm:v9.9.9 not found: manifest \
             unknown: manifest unknown\n"
                .to_owned(),
        ),
        ("docker inspect two -f '{{.Id'", 64, "template parsing error: template: :1: unclosed action\n".to_owned()),
        (
            "docker inspect two -f '{{.Nope}}'",
            1,
            "template parsing error: template: :1:2: executing \"\" at <.Nope>: map has no entry for key \"Nope\"\n"
                .to_owned(),
        ),
    ];
    for (line, status, err) in cases {
        let done = host.sh(line);
        assert_eq!((done.status, done.err.as_str()), (status, err.as_str()), "{line}");
    }
    let done = host.sh("docker run -d --name x ghcr.io/craton-co/tensor-wasm:v0.4.0");
    assert_eq!(done.status, 125);
    let wanted = "docker: Error response from daemon: Invalid container name (x), only [a-zA-Z0-9][a-zA-Z0-9_.-] are \
                  allowed.\nSee 'docker run --help'.\n";
    assert_eq!(done.err, wanted);
}

#[test]
fn what_is_not_there_is_printed_as_nothing() {
    let mut host = Host::new();
    assert_eq!(host.sh("docker inspect nosuch").out, "[]\n");
    assert_eq!(host.sh("docker inspect nosuch --format '{{.Id}}'").out, "\n");
    assert_eq!(host.ok("docker ps -aq"), "");
    assert_eq!(host.ok("docker ps -a"), "CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES\n");
}

#[test]
fn lists_show_containers_as_they_are() {
    let mut host = Host::new();
    host.ok(&format!("{RUN} {REPOSITORY}:v0.4.0"));
    host.wait(3.2);
    let id = host.id("tensor-wasm");
    let short = id.get(..12).unwrap();
    assert_eq!(
        host.ok("docker ps"),
        format!(
            "CONTAINER ID   IMAGE                                  COMMAND               CREATED         \
             STATUS         PORTS                    NAMES\n\
             {short}   {REPOSITORY}:v0.4.0   \"tensor-wasm serve\"   3 seconds ago   \
             Up 3 seconds   0.0.0.0:8080->8080/tcp   tensor-wasm\n"
        )
    );
    assert_eq!(host.ok("docker ps --no-trunc --format '{{.ID}} {{.Names}}'"), format!("{id} tensor-wasm\n"));
    assert_eq!(host.ok("docker ps -q --filter name=tensor"), format!("{short}\n"));
    assert_eq!(host.ok("docker ps -q --filter status=exited"), "");
    assert_eq!(host.ok("docker port tensor-wasm"), "8080/tcp -> 0.0.0.0:8080\n");
    // IPv4 alone is published, so there is one socket.
    assert_eq!(host.machine.listeners_on(8080).len(), 1);
    let images = host.ok("docker images");
    assert!(images.lines().nth(1).unwrap().starts_with("ghcr.io/craton-co/tensor-wasm   v0.4.0    "), "{images}");
    host.ok("docker stop tensor-wasm");
    assert_eq!(host.ok("docker ps -q"), "");
    assert_eq!(
        host.ok("docker ps -a --format '{{.Names}}\\t{{.Status}}\\t{{.Ports}}'"),
        "tensor-wasm\tExited (0) Less than a second ago\t\n"
    );
    // A tag that leads elsewhere by now leaves the container its image's id.
    host.ok(&format!("docker pull -q {REPOSITORY}:v0.3.8"));
    host.ok(&format!("docker tag {REPOSITORY}:v0.3.8 {REPOSITORY}:v0.4.0"));
    let image = host.inspect("tensor-wasm", "{{.Image}}");
    assert_eq!(host.ok("docker ps -a --format '{{.Image}}'").trim_end(), image.get(7..19).unwrap());
}

#[test]
fn inspect_tells_a_container_and_its_image() {
    let mut host = Host::new();
    host.ok(&format!("{RUN} {REPOSITORY}:v0.4.0"));
    let digest = image("0.4.0", "").digest;
    assert_eq!(
        host.ok(&format!(
            "docker image inspect {REPOSITORY}:v0.4.0 --format '{{{{range .RepoDigests}}}}{{{{println .}}}}{{{{end}}}}'"
        )),
        format!("{REPOSITORY}@{digest}\n\n")
    );
    assert_eq!(
        host.inspect("tensor-wasm", "{{json .HostConfig.PortBindings}}"),
        "{\"8080/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"8080\"}]}"
    );
    assert_eq!(
        host.inspect("tensor-wasm", "{{json .Config.Env}}"),
        format!("[\"TENSOR_WASM_API_TOKENS=secret\",\"NO_COLOR=1\",\"PATH={}\"]", programs::PATH)
    );
    let whole = host.ok("docker inspect tensor-wasm");
    let read: serde_json::Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(read[0]["State"]["Status"], "running");
    assert_eq!(read[0]["Args"][0], "serve");
    assert_eq!(read[0]["Mounts"][0]["Source"], "/var/lib/tensor-wasm");
    assert!(whole.starts_with("[\n    {\n        \"Id\": \""), "{whole}");
    let id = host.id("tensor-wasm");
    assert_eq!(host.ok(&format!("docker inspect {} -f '{{{{.Name}}}}'", id.get(..6).unwrap())), "/tensor-wasm\n");
    let done = host.sh("docker inspect -f '{{.Id}}' nosuch tensor-wasm");
    assert_eq!((done.status, done.out, done.err), (1, format!("{id}\n"), "Error: No such object: nosuch\n".to_owned()));
}

/// Expected bytes: Docker 26.1.5 on an operator host.
#[test]
fn inspect_tells_what_was_left_to_the_engine() {
    let mut host = Host::new();
    let ask = |host: &mut Host, of: &str| host.inspect("tensor-wasm", of);
    host.ok("docker create --name tensor-wasm ghcr.io/craton-co/tensor-wasm:v0.4.0");
    for (of, wanted) in [
        (
            "{{json .Config.AttachStdout}} {{json .HostConfig.OomKillDisable}} {{json .HostConfig.Binds}}",
            "true false null",
        ),
        ("{{.HostConfig.Dns}} {{.HostConfig.ExtraHosts}} {{json .HostConfig.Dns}}", "[] [] []"),
        ("{{.Config.ExposedPorts}} {{.HostConfig.PidsLimit}} {{.Config.Volumes}}", "map[] <nil> map[]"),
        ("{{json .ResolvConfPath}} {{json .HostnamePath}} {{json .NetworkSettings.SandboxID}}", r#""" "" """#),
    ] {
        assert_eq!(ask(&mut host, of), wanted, "{of}");
    }
    assert!(!host.ok("docker inspect tensor-wasm").contains("ExposedPorts"));
    host.ok("docker rm tensor-wasm");
    host.ok(&format!("{RUN} {REPOSITORY}:v0.4.0"));
    for (of, wanted) in [
        ("{{json .Config.AttachStdout}} {{json .HostConfig.OomKillDisable}}", "false null"),
        ("{{.NetworkSettings.IPAddress}} {{.NetworkSettings.Gateway}}", "172.17.0.2 172.17.0.1"),
        ("{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.MacAddress}}{{end}}", "172.17.0.2 02:42:ac:11:00:02"),
        ("{{json .NetworkSettings.Networks.bridge.Aliases}}", "null"),
    ] {
        assert_eq!(ask(&mut host, of), wanted, "{of}");
    }
    let sandbox = ask(&mut host, "{{.NetworkSettings.SandboxID}}");
    assert_eq!(ask(&mut host, "{{.NetworkSettings.SandboxKey}}"), format!("/var/run/docker/netns/{}", &sandbox[..12]));
    host.ok("docker stop tensor-wasm");
    assert_eq!(ask(&mut host, "{{.NetworkSettings.IPAddress}}{{.NetworkSettings.EndpointID}}"), "");
    assert_eq!(ask(&mut host, "{{.NetworkSettings.SandboxID}}"), sandbox);
    host.ok("docker start tensor-wasm");
    assert_ne!(ask(&mut host, "{{.NetworkSettings.SandboxID}}"), sandbox);
}

#[test]
fn who_may_not_and_an_engine_that_is_off_are_told_apart() {
    let mut host = Host::new();
    let done = host.call(900, "/", "docker stop tensor-wasm", &[]);
    assert_eq!(done.status, 1);
    assert_eq!(
        done.err,
        "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Post \
         \"http://%2Fvar%2Frun%2Fdocker.sock/v1.45/containers/tensor-wasm/stop\": dial unix /var/run/docker.sock: \
         connect: permission denied\n"
    );
    let done = host.call(900, "/", &format!("docker run -d {REPOSITORY}:v0.4.0"), &[]);
    assert_eq!(done.status, 126);
    assert!(done.err.starts_with("docker: permission denied while trying to connect"), "{}", done.err);
    assert_eq!(host.call(ROOT, "/", "docker ps -q", &[]).status, 0);
    host.machine.docker.runs = false;
    let off = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?";
    for (line, status, err) in [
        ("docker ps", 1, format!("{off}\n")),
        ("docker inspect x", 1, format!("{off}\n")),
        ("docker logs x", 1, format!("{off}\n")),
        ("docker start x", 1, format!("{off}\nError: failed to start containers: x\n")),
        ("docker run -d x", 125, format!("docker: {off}.\nSee 'docker run --help'.\n")),
        ("docker compose up -d", 1, format!("{off}\n")),
    ] {
        let done = host.sh(line);
        assert_eq!((done.status, done.err), (status, err), "{line}");
    }
}

#[test]
fn the_runtime_says_what_it_cannot_run() {
    let mut host = Host::new();
    host.ok(&format!("{RUN} {REPOSITORY}:v0.4.0"));
    host.wait(0.2);
    let runtime = "OCI runtime exec failed: exec failed: unable to start container process: exec:";
    for (word, what) in [
        ("nope", "\"nope\": executable file not found in $PATH: unknown\r\n"),
        ("/bin/ls", "\"/bin/ls\": stat /bin/ls: no such file or directory: unknown\r\n"),
    ] {
        let done = host.sh(&format!("docker exec tensor-wasm {word}"));
        assert_eq!((done.status, done.out), (126, format!("{runtime} {what}")));
    }
    let done = host.sh("docker exec tensor-wasm tensor-wasm --nosuch");
    assert_eq!(done.status, 2);
    assert!(done.err.starts_with("error: unexpected argument '--nosuch' found\n"), "{}", done.err);
    let done = host.sh("docker exec -it tensor-wasm tensor-wasm");
    assert_eq!((done.status, done.err.as_str()), (1, "the input device is not a TTY\n"));
    let done = host.sh(&format!("docker run -d --name xx --entrypoint /bin/sh {REPOSITORY}:v0.4.0 -c true"));
    assert_eq!(done.status, 127);
    assert!(
        done.err.ends_with(
            "docker: Error response from daemon: failed to create task for container: failed to create shim task: OCI \
             runtime create failed: runc create failed: unable to start container process: exec: \"/bin/sh\": stat \
             /bin/sh: no such file or directory: unknown.\n"
        ),
        "{}",
        done.err
    );
    assert_eq!(host.inspect("xx", "{{.State.Status}}"), "created");
}

#[test]
fn what_is_not_modelled_is_refused_before_it_runs() {
    let knows = |line: &str| {
        let words = words(line);
        let words: Vec<Option<&str>> = words.iter().skip(1).map(|word| Some(word.as_str())).collect();
        (DOCKER.knows)(&words)
    };
    for line in [
        "docker ps --all --no-trunc",
        "docker inspect tensor-wasm",
        "docker compose pull tensor-wasm",
        "docker compose up -d --no-deps tensor-wasm",
        "docker compose logs --no-color --since 5m tensor-wasm",
        "docker nosuch",
        "docker container ls",
        "docker ps --nosuch",
    ] {
        assert_eq!(knows(line), Ok(()), "{line}");
    }
    for (line, named) in [
        ("docker events", "docker events"),
        ("docker network ls", "docker network"),
        ("docker run --gpus all x", "--gpus"),
        ("docker inspect x -f '{{printf .Id}}'", "`printf`"),
        ("docker compose up tensor-wasm", "--detach"),
        ("docker compose build", "docker compose build"),
        ("docker compose --profile x up -d", "--profile"),
        ("docker -H tcp://x ps", "-H"),
    ] {
        let refused = knows(line).unwrap_err();
        assert!(refused.contains(named), "{line}: {refused}");
    }
    assert_eq!((DOCKER.knows)(&[Some("rm"), None]), Ok(()));
    let mut host = Host::new();
    let (context, ..) = host.context(1000, "/");
    for line in ["docker events", "docker logs -f x", "docker run -p 9090:8080 x", "docker run -p 8080 x"] {
        let stopped = programs::execute(&mut host.machine, &words(line), &context);
        assert!(matches!(stopped, Err(crate::Stop::Unable(_))), "{line}: {stopped:?}");
    }
}
