//! start, stop, restart: statuses, states, and how long they take.

use super::*;
use crate::machine::files::Kind;
use crate::machine::net::{Outcome, Waiter};

const STATE: &str = "ActiveState,SubState,NRestarts,ExecMainCode,ExecMainStatus,Result";

fn point_at(machine: &mut Machine, to: &str) {
    machine.files.plant("/usr/local/bin/tensor-wasm", 0, 0o777, Kind::Link(to.into())).unwrap();
}

#[test]
fn a_rollback_by_hand() {
    let mut machine = machine();
    root(&mut machine, "systemctl stop tensor-wasm");
    assert_eq!(healthz(&mut machine), 0);
    assert_eq!(show(&mut machine, "tensor-wasm", STATE), "success 0 1 0 inactive dead");
    assert_eq!(call(&mut machine, ROOT, "systemctl stop tensor-wasm"), (0, String::new()), "it is stopped already");
    point_at(&mut machine, "/usr/local/lib/tensor-wasm/v0.3.8/bin/tensor-wasm");
    let began = machine.now;
    root(&mut machine, "systemctl start tensor-wasm");
    assert!(machine.now - began < 20_000);
    assert_eq!(healthz(&mut machine), 0, "start returns before the node listens");
    pass(&mut machine, 50_000);
    assert_eq!(healthz(&mut machine), 200);
    let process = machine.listeners_on(8080)[0].process.clone().unwrap();
    assert_eq!(process.version.as_deref(), Some("0.3.8"));
    assert_eq!(show(&mut machine, "tensor-wasm", "MainPID"), process.pid.to_string());
    assert_eq!(show(&mut machine, "tensor-wasm", STATE), "success 0 0 0 active running");
    root(&mut machine, "systemctl start tensor-wasm.service");
    assert_eq!(journal(&machine, "tensor-wasm.service").iter().filter(|line| line.starts_with("Started")).count(), 2);
}

#[test]
fn a_crash_loop_ends_failed_and_the_next_start_is_refused() {
    let mut machine = machine();
    root(&mut machine, "systemctl stop tensor-wasm");
    pass(&mut machine, 11_000_000);
    point_at(&mut machine, "/nowhere");
    root(&mut machine, "systemctl start tensor-wasm");
    pass(&mut machine, 60_000);
    assert_eq!(call(&mut machine, ROOT, "systemctl is-active tensor-wasm"), (3, "activating\n".into()));
    pass(&mut machine, 3_000_000);
    assert_eq!(show(&mut machine, "tensor-wasm", STATE), "exit-code 5 1 203 failed failed");
    let (status, text) = call(&mut machine, ROOT, "systemctl start tensor-wasm");
    assert_eq!(status, 1);
    assert_eq!(
        text,
        "Job for tensor-wasm.service failed because the control process exited with error code.\n\
         See \"systemctl status tensor-wasm.service\" and \"journalctl -xeu tensor-wasm.service\" for details.\n"
    );
    let lines = journal(&machine, "tensor-wasm.service");
    let from = lines.iter().position(|line| line.contains("counter is at 4")).unwrap();
    // Read off a real host.
    let expected = [
        "tensor-wasm.service: Scheduled restart job, restart counter is at 4.",
        "Started tensor-wasm.service - TensorWasm node.",
        "tensor-wasm.service: Unable to locate executable '/usr/local/bin/tensor-wasm': No such file or directory",
        "tensor-wasm.service: Failed at step EXEC spawning /usr/local/bin/tensor-wasm: No such file or directory",
        "tensor-wasm.service: Main process exited, code=exited, status=203/EXEC",
        "tensor-wasm.service: Failed with result 'exit-code'.",
        "tensor-wasm.service: Scheduled restart job, restart counter is at 5.",
        "tensor-wasm.service: Start request repeated too quickly.",
        "tensor-wasm.service: Failed with result 'exit-code'.",
        "Failed to start tensor-wasm.service - TensorWasm node.",
        "tensor-wasm.service: Start request repeated too quickly.",
        "tensor-wasm.service: Failed with result 'exit-code'.",
        "Failed to start tensor-wasm.service - TensorWasm node.",
    ];
    assert_eq!(lines[from..], expected);
    root(&mut machine, "systemctl reset-failed tensor-wasm");
    assert_eq!(show(&mut machine, "tensor-wasm", "NRestarts,Result,ActiveState"), "success 0 inactive");
    point_at(&mut machine, "/usr/local/lib/tensor-wasm/v0.3.8/bin/tensor-wasm");
    root(&mut machine, "systemctl start tensor-wasm");
    pass(&mut machine, 50_000);
    assert_eq!(healthz(&mut machine), 200);
}

#[test]
fn restarts_come_after_100_ms_at_the_managers_next_wake_up() {
    let mut machine = machine();
    pass(&mut machine, 20_000_000);
    root(&mut machine, "systemctl kill -s KILL tensor-wasm");
    let ended = machine.now;
    pass(&mut machine, 90_000);
    assert_eq!(healthz(&mut machine), 0);
    let until = ended + 500_000;
    assert!(machine.wait_until(until, |machine| machine.port_taken(8080)).unwrap());
    assert!((90_000..400_000).contains(&(machine.now - ended)), "{}", machine.now - ended);
    assert_eq!(show(&mut machine, "tensor-wasm", STATE), "success 1 0 0 active running");
    assert!(journal(&machine, "tensor-wasm.service").iter().any(|line| line.ends_with("code=killed, status=9/KILL")));
}

#[test]
fn a_stop_waits_for_the_request_in_hand_and_for_90_seconds_if_sigterm_is_ignored() {
    let slow = release("0.4.0", "{ healthz-slow = { delay_ms = 4000 } }");
    let mut machine = Machine::boot(&systemd(slow)).unwrap();
    let request = Request::new("GET", "/healthz");
    let sent = machine.send(Waiter::Strand, ("127.0.0.1", 8080), &request, None);
    pass(&mut machine, 1_000_000);
    let began = machine.now;
    root(&mut machine, "systemctl stop tensor-wasm");
    assert!((2_900_000..3_300_000).contains(&(machine.now - began)), "{}", machine.now - began);
    assert!(matches!(machine.take_finished(sent).unwrap().outcome, Outcome::Answer(_)), "it was answered");
    assert_eq!(show(&mut machine, "tensor-wasm", "ExecMainCode,ExecMainStatus"), "1 0", "it ended by itself");

    let mut machine = Machine::boot(&systemd(release("0.4.0", "{ sigterm-ignored = {} }"))).unwrap();
    pass(&mut machine, 1_000_000);
    let began = machine.now;
    root(&mut machine, "systemctl stop tensor-wasm");
    let took = machine.now - began;
    assert!((90_000_000..90_500_000).contains(&took), "{took}");
    assert_eq!(show(&mut machine, "tensor-wasm", STATE), "timeout 0 2 9 failed failed");
    let lines = journal(&machine, "tensor-wasm.service");
    let from = lines.iter().position(|line| line.starts_with("Stopping")).unwrap();
    let said: Vec<&String> = lines[from..].iter().filter(|line| !line.contains("tensor_wasm")).collect();
    let pid = show(&mut machine, "tensor-wasm", "ExecMainPID");
    let expected = [
        "Stopping tensor-wasm.service - TensorWasm node...".to_owned(),
        "tensor-wasm.service: State 'stop-sigterm' timed out. Killing.".to_owned(),
        format!("tensor-wasm.service: Killing process {pid} (tensor-wasm) with signal SIGKILL."),
        "tensor-wasm.service: Main process exited, code=killed, status=9/KILL".to_owned(),
        "tensor-wasm.service: Failed with result 'timeout'.".to_owned(),
        "Stopped tensor-wasm.service - TensorWasm node.".to_owned(),
    ];
    assert_eq!(said, expected.iter().collect::<Vec<_>>());
}

#[test]
fn a_stop_that_is_killed_goes_on_without_its_command() {
    let mut machine = Machine::boot(&systemd(release("0.4.0", "{ sigterm-ignored = {} }"))).unwrap();
    let buffer = machine.buffer(None);
    let io = Io { stdin: Input::Null, stdout: Output::Buffer(buffer), stderr: Output::Buffer(buffer) };
    let context = Context { user: ROOT, cwd: "/".into(), umask: 0o022, environment: BTreeMap::new().into(), io };
    machine.deadline = machine.now + 10_000_000;
    let words = ["systemctl", "stop", "tensor-wasm"].map(str::to_owned);
    assert_eq!(programs::execute(&mut machine, &words, &context), Err(Stop::Deadline));
    assert_eq!(call(&mut machine, ROOT, "systemctl is-active tensor-wasm"), (3, "deactivating\n".into()));
    let began = machine.now;
    root(&mut machine, "systemctl start tensor-wasm");
    assert!(machine.now - began > 79_000_000, "a start waits for the end of the stop");
    assert_eq!(show(&mut machine, "tensor-wasm", "ActiveState"), "active");
}

#[test]
fn refusals_have_the_real_words_and_statuses() {
    let denied = |verb: &str| {
        format!(
            "Failed to {verb} tensor-wasm.service: Access denied\nSee system logs and 'systemctl status \
             tensor-wasm.service' for details.\n"
        )
    };
    let mut machine = machine();
    for verb in ["start", "stop", "restart", "try-restart", "reload"] {
        assert_eq!(call(&mut machine, ONCALL, &format!("systemctl {verb} tensor-wasm")), (4, denied(verb)));
    }
    for (user, line, status, text) in [
        (ONCALL, "systemctl mask tensor-wasm", 1, "Failed to mask unit: Access denied\n"),
        (ONCALL, "systemctl disable tensor-wasm", 1, "Failed to disable unit: Access denied\n"),
        (ONCALL, "systemctl kill tensor-wasm", 1, "Failed to kill unit tensor-wasm.service: Access denied\n"),
        (ONCALL, "systemctl daemon-reload", 1, "Reload daemon failed: Access denied\n"),
        (ROOT, "systemctl start nosuch", 5, "Failed to start nosuch.service: Unit nosuch.service not found.\n"),
        (ROOT, "systemctl stop nosuch", 5, "Failed to stop nosuch.service: Unit nosuch.service not loaded.\n"),
        (ROOT, "systemctl status nosuch", 4, "Unit nosuch.service could not be found.\n"),
        (ROOT, "systemctl is-active nosuch", 4, "inactive\n"),
        (ROOT, "systemctl is-failed nosuch", 4, "inactive\n"),
        (ROOT, "systemctl is-enabled nosuch", 4, "not-found\n"),
        (ROOT, "systemctl cat nosuch", 1, "No files found for nosuch.service.\n"),
        (ROOT, "systemctl kill nosuch", 1, "Failed to kill unit nosuch.service: Unit nosuch.service not loaded.\n"),
        (ROOT, "systemctl kill -s FROB tensor-wasm", 1, "Failed to parse signal string \"FROB\".\n"),
        (
            ROOT,
            "systemctl reload tensor-wasm",
            3,
            "Failed to reload tensor-wasm.service: Job type reload is not applicable for unit tensor-wasm.service.\n",
        ),
        (ROOT, "systemctl frobnicate", 1, "Unknown command verb 'frobnicate'.\n"),
        (ROOT, "systemctl start", 1, "Too few arguments.\n"),
        (ROOT, "systemctl stop --frob x", 1, "systemctl: unrecognized option '--frob'\n"),
        (ROOT, "systemctl -Z", 1, "systemctl: invalid option -- 'Z'\n"),
        (ROOT, "systemctl is-active tensor-wasm nosuch", 0, "active\ninactive\n"),
        (ROOT, "systemctl is-failed tensor-wasm", 1, "active\n"),
        (ROOT, "systemctl -q is-active tensor-wasm", 0, ""),
        (ROOT, "systemctl is-system-running", 0, "running\n"),
    ] {
        assert_eq!(call(&mut machine, user, line), (status, text.to_owned()), "{line}");
    }
    assert_eq!(healthz(&mut machine), 200);
    for line in ["systemctl poweroff", "systemctl list-units", "systemctl", "systemctl show tensor-wasm"] {
        let Err(Stop::Unable(what)) = try_call(&mut machine, ROOT, line) else { panic!("{line}") };
        assert!(what.starts_with("systemctl: ") && what.ends_with("is not modelled; use --host container"), "{what}");
    }
}

#[test]
fn a_start_too_many_says_so_and_what_to_do() {
    let mut machine = machine();
    pass(&mut machine, 11_000_000);
    for _ in 0..5 {
        root(&mut machine, "systemctl restart tensor-wasm");
    }
    let (status, text) = call(&mut machine, ROOT, "systemctl restart tensor-wasm");
    let expected = "Job for tensor-wasm.service failed because start of the service was attempted too often.
See \"systemctl status tensor-wasm.service\" and \"journalctl -xeu tensor-wasm.service\" for details.
To force a start use \"systemctl reset-failed tensor-wasm.service\"
followed by \"systemctl start tensor-wasm.service\" again.\n";
    assert_eq!((status, text.as_str()), (1, expected));
    assert_eq!(show(&mut machine, "tensor-wasm", "Result,NRestarts,ActiveState"), "start-limit-hit 0 failed");
}

#[test]
fn an_environment_file_that_is_not_there_fails_the_start() {
    let mut machine = machine();
    root(&mut machine, "systemctl stop tensor-wasm");
    machine.files.remove(0, "/", "/etc/tensor-wasm/env", false, 0).unwrap();
    let (status, text) = call(&mut machine, ROOT, "systemctl start tensor-wasm");
    assert_eq!(status, 1);
    assert!(
        text.starts_with(
            "Job for tensor-wasm.service failed because of unavailable resources or another system error.\n"
        )
    );
    pass(&mut machine, 3_000_000);
    assert_eq!(show(&mut machine, "tensor-wasm", "Result,ActiveState"), "resources failed");
    let lines = journal(&machine, "tensor-wasm.service");
    let from = lines.iter().position(|line| line.contains("environment")).unwrap();
    assert_eq!(
        lines[from..from + 4],
        [
            "tensor-wasm.service: Failed to load environment files: No such file or directory",
            "tensor-wasm.service: Failed to spawn 'start' task: No such file or directory",
            "tensor-wasm.service: Failed with result 'resources'.",
            "Failed to start tensor-wasm.service - TensorWasm node.",
        ]
    );
}

#[test]
fn oneshots_and_what_they_require() {
    let mut machine = with_units(&[
        ("good.service", "[Service]\nType=oneshot\nExecStart=/usr/bin/true\n"),
        ("stays.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/bin/true\n"),
        ("bad.service", "[Unit]\nDescription=Bad\n[Service]\nType=oneshot\nExecStart=/usr/bin/false\n"),
        ("forgiven.service", "[Service]\nType=oneshot\nExecStart=-/usr/bin/false\n"),
        ("needs.service", "[Unit]\nRequires=bad.service\n[Service]\nExecStart=/usr/bin/sleep 5\n"),
        ("nouser.service", "[Service]\nUser=nobodythere\nExecStart=/usr/bin/sleep 5\n"),
    ]);
    root(&mut machine, "systemctl start good stays forgiven");
    assert_eq!(call(&mut machine, ROOT, "systemctl is-active good").1, "inactive\n");
    assert_eq!(call(&mut machine, ROOT, "systemctl is-active stays").1, "active\n");
    let (status, text) = call(&mut machine, ROOT, "systemctl start bad");
    assert_eq!(status, 1);
    assert!(text.starts_with("Job for bad.service failed because the control process exited with error code.\n"));
    assert_eq!(
        journal(&machine, "bad.service"),
        [
            "Starting bad.service - Bad...",
            "bad.service: Main process exited, code=exited, status=1/FAILURE",
            "bad.service: Failed with result 'exit-code'.",
            "Failed to start bad.service - Bad.",
        ]
    );
    let (status, text) = call(&mut machine, ROOT, "systemctl start needs");
    let dependency = "A dependency job for needs.service failed. See 'journalctl -xe' for details.\n";
    assert_eq!((status, text.as_str()), (1, dependency));
    root(&mut machine, "systemctl start nouser");
    pass(&mut machine, 50_000);
    assert_eq!(show(&mut machine, "nouser", "ExecMainStatus"), "217");
}

#[test]
fn changed_files_count_after_a_reload_and_masked_units_do_not_start() {
    let mut machine = machine();
    let unit = "/etc/systemd/system/tensor-wasm.service";
    let text = String::from_utf8(machine.files.read(0, "/", unit).unwrap().to_vec()).unwrap();
    let ino = machine.files.resolve(0, "/", unit).unwrap();
    let now = machine.now;
    machine.files.set_bytes(ino, text.replace("TensorWasm node", "Other").into_bytes(), now).unwrap();
    let (_, warned) = call(&mut machine, ROOT, "systemctl stop tensor-wasm");
    assert!(warned.starts_with("Warning: The unit file, source configuration file or drop-ins of tensor-wasm.service"));
    assert_eq!(show(&mut machine, "tensor-wasm", "Description,NeedDaemonReload"), "TensorWasm node yes");
    root(&mut machine, "systemctl daemon-reload");
    assert_eq!(show(&mut machine, "tensor-wasm", "Description,NeedDaemonReload"), "Other no");

    let (status, text) = call(&mut machine, ROOT, "systemctl mask tensor-wasm");
    let exists = "Failed to mask unit: File '/etc/systemd/system/tensor-wasm.service' already exists\n";
    assert_eq!((status, text.as_str()), (1, exists));
    let (_, text) = call(&mut machine, ROOT, "systemctl mask --now haproxy");
    assert_eq!(text, "Created symlink '/etc/systemd/system/haproxy.service' → '/dev/null'.\n");
    assert!(!machine.balancer.runs);
    let (status, text) = call(&mut machine, ROOT, "systemctl start haproxy");
    assert_eq!((status, text.as_str()), (1, "Failed to start haproxy.service: Unit haproxy.service is masked.\n"));
    root(&mut machine, "systemctl unmask haproxy");
    root(&mut machine, "systemctl start haproxy");
    assert!(machine.balancer.runs);

    let wants = "/etc/systemd/system/multi-user.target.wants/tensor-wasm.service";
    assert_eq!(root(&mut machine, "systemctl disable tensor-wasm"), format!("Removed '{wants}'.\n"));
    assert_eq!(call(&mut machine, ROOT, "systemctl is-enabled tensor-wasm"), (1, "disabled\n".into()));
    let made = root(&mut machine, "systemctl enable tensor-wasm");
    assert_eq!(made, format!("Created symlink '{wants}' → '{unit}'.\n"));
    assert_eq!(call(&mut machine, ROOT, "systemctl is-enabled tensor-wasm"), (0, "enabled\n".into()));
}

#[test]
fn systemd_run_holds_the_port_as_soon_as_it_is_free() {
    let mut spec = systemd(release("0.4.0", ""));
    spec.entries.push(entry("/usr/local/lib/rollback-drill/hold-port", "root", 0o755, EntryKind::Agent));
    let mut machine = Machine::boot(&spec).unwrap();
    let line = "systemd-run --quiet --unit=hold-port /usr/local/lib/rollback-drill/hold-port 8080";
    assert_eq!(call(&mut machine, ONCALL, line), (1, "Failed to start transient service unit: Access denied\n".into()));
    assert_eq!(call(&mut machine, ROOT, line), (0, String::new()));
    assert_eq!(healthz(&mut machine), 200);
    let again =
        "Failed to start transient service unit: Unit hold-port.service was already loaded or has a fragment file.\n";
    assert_eq!(call(&mut machine, ROOT, line), (1, again.into()));
    root(&mut machine, "systemctl stop tensor-wasm");
    assert_eq!(machine.listeners_on(8080)[0].process.as_ref().unwrap().version, None);
    root(&mut machine, "systemctl start tensor-wasm");
    pass(&mut machine, 3_000_000);
    assert_eq!(call(&mut machine, ROOT, "systemctl is-active tensor-wasm").1, "failed\n");
    root(&mut machine, "systemctl stop hold-port");
    assert!(!machine.port_taken(8080));
    let gone = call(&mut machine, ROOT, "systemctl status hold-port");
    assert_eq!(gone, (4, "Unit hold-port.service could not be found.\n".into()));
    let missing = call(&mut machine, ROOT, "systemd-run --quiet --unit=x /bin/nosuch");
    assert_eq!(missing, (1, "Failed to find executable /bin/nosuch: No such file or directory\n".into()));
}

#[test]
fn systemd_run_cuts_scrapes_off_once_the_node_has_gone() {
    let path = "/usr/local/lib/rollback-drill/cut-scrape";
    let mut spec = systemd(release("0.4.0", ""));
    spec.entries.push(entry(path, "root", 0o755, EntryKind::Agent));
    let mut machine = Machine::boot(&spec).unwrap();
    assert_eq!(call(&mut machine, ROOT, &format!("systemd-run --quiet --unit=cut {path} 8080")), (0, String::new()));
    assert_eq!(call(&mut machine, ROOT, "systemctl is-active cut"), (0, "active\n".into()));
    assert!(!machine.net.drops_scrapes(8080));
    root(&mut machine, "systemctl restart tensor-wasm");
    pass(&mut machine, 50_000);
    assert!(machine.net.drops_scrapes(8080) && !machine.net.drops_scrapes(80));
    assert_eq!(healthz(&mut machine), 200, "others are served");
    let gone = call(&mut machine, ROOT, "systemctl status cut");
    assert_eq!(gone, (4, "Unit cut.service could not be found.\n".into()));
    // With `--now` it waits for nobody to go.
    assert!(!machine.net.drops_scrapes(9090));
    assert_eq!(
        call(&mut machine, ROOT, &format!("systemd-run --quiet --unit=cut {path} --now 9090")),
        (0, String::new())
    );
    pass(&mut machine, 50_000);
    assert!(machine.net.drops_scrapes(9090));
    // The program would end with an error, which nobody who drills wants.
    let free = format!("systemd-run --quiet --unit=cut {path} 8081");
    let Err(Stop::Unable(what)) = try_call(&mut machine, ROOT, &free) else { panic!("{free}") };
    assert!(what.contains("cut-scrape 8081` while nobody has the port is not modelled"), "{what}");
}

#[test]
fn packaged_services_switch_what_they_do() {
    let mut machine = machine();
    let engine_runs = |machine: &Machine| {
        machine
            .systemd
            .units
            .get("docker.service")
            .is_some_and(|unit| unit.state == crate::systemd::state::State::Running)
    };
    assert!(!engine_runs(&machine) && !machine.docker.registry.runs);
    let began = machine.now;
    root(&mut machine, "systemctl start docker");
    let took = machine.now - began;
    let both = machine.calibration.systemd.containerd_us + machine.calibration.systemd.engine_us;
    assert!((both / 4 * 3..both / 4 * 5 + 100_000).contains(&took), "{took}");
    assert!(engine_runs(&machine));
    assert_eq!(call(&mut machine, ROOT, "systemctl is-active containerd").1, "active\n");
    root(&mut machine, "systemctl start docker-registry");
    assert!(!machine.docker.registry.runs, "it is no notifying service: started is not ready");
    pass(&mut machine, 200_000);
    assert!(machine.docker.registry.runs);
    root(&mut machine, "systemctl stop docker-registry");
    assert!(!machine.docker.registry.runs);

    machine.balancer_command("set server node/tensor-wasm state drain");
    root(&mut machine, "systemctl restart haproxy");
    assert!(machine.balancer.runs && machine.balancer.in_rotation(), "a new process knows of no drain");
}
