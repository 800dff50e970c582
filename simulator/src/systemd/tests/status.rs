//! `systemctl status`, held against what a real host printed.

use super::*;

/// Numbers that differ from run to run, taken out.
fn redacted(text: &str) -> String {
    let pid = regex::Regex::new(r"(\[|PID: |Process: |└─)[0-9]+").unwrap();
    let invocation = regex::Regex::new(r"[0-9a-f]{32}").unwrap();
    let span = regex::Regex::new(r"[0-9.]+(ms|s)\b").unwrap();
    let time = regex::Regex::new(r"(00:00:)[0-9]{2}(\.[0-9]{6})?").unwrap();
    let text = pid.replace_all(text, "${1}PID");
    let text = invocation.replace_all(&text, "INVOCATION");
    let text = span.replace_all(&text, "SPAN");
    time.replace_all(&text, "${1}SS").into_owned()
}

#[test]
fn it_prints_what_a_real_host_prints() {
    let mut machine = machine();
    pass(&mut machine, 3_500_000);
    let (status, text) = call(&mut machine, ONCALL, "systemctl status tensor-wasm -n 2");
    assert_eq!(status, 0);
    assert_eq!(
        redacted(&text),
        "● tensor-wasm.service - TensorWasm node
     Loaded: loaded (/etc/systemd/system/tensor-wasm.service; enabled; preset: enabled)
     Active: active (running) since Thu 2026-01-01 00:00:SS UTC; SPAN ago
 Invocation: INVOCATION
   Main PID: PID (tensor-wasm)
        CPU: SPAN
     CGroup: /system.slice/tensor-wasm.service
             └─PID /usr/local/bin/tensor-wasm serve --addr 0.0.0.0:8080

Jan 01 00:00:SS operator-host tensor-wasm[PID]: 2026-01-01T00:00:SSZ  WARN tensor_wasm_api::server: GET \
/metrics is unauthenticated; set TENSOR_WASM_API_METRICS_TOKEN
Jan 01 00:00:SS operator-host tensor-wasm[PID]: listening on http://0.0.0.0:8080
"
    );
    root(&mut machine, "systemctl stop tensor-wasm");
    let (status, text) = call(&mut machine, ONCALL, "systemctl status tensor-wasm --lines=1");
    assert_eq!(status, 3);
    assert_eq!(
        redacted(&text),
        "○ tensor-wasm.service - TensorWasm node
     Loaded: loaded (/etc/systemd/system/tensor-wasm.service; enabled; preset: enabled)
     Active: inactive (dead) since Thu 2026-01-01 00:00:SS UTC; SPAN ago
   Duration: SPAN
 Invocation: INVOCATION
    Process: PID ExecStart=/usr/local/bin/tensor-wasm serve --addr 0.0.0.0:8080 (code=exited, status=0/SUCCESS)
   Main PID: PID (code=exited, status=0/SUCCESS)
        CPU: SPAN

Jan 01 00:00:SS operator-host systemd[PID]: Stopped tensor-wasm.service - TensorWasm node.
"
    );
    // The node's own user sees no journal, and a status all the same.
    let (status, text) = call(&mut machine, 900, "systemctl status tensor-wasm");
    assert_eq!(status, 3);
    assert!(text.contains("Main PID:") && !text.contains("operator-host"), "{text}");
}

/// As systemd 257 on an operator host: a start that is one too many resets what was counted.
#[test]
fn a_start_that_is_refused_forgets_the_cpu_time() {
    let unit = "[Unit]\nStartLimitIntervalSec=60\nStartLimitBurst=1\n[Service]\nExecStart=/not-there\n[Install]\n\
                WantedBy=multi-user.target\n";
    let mut machine = with_units(&[("gone.service", unit)]);
    let shows = |machine: &mut Machine| call(machine, ONCALL, "systemctl status gone -n 0").1.contains("        CPU: ");
    assert!(!shows(&mut machine), "it has never run");
    root(&mut machine, "systemctl start gone");
    pass(&mut machine, 40_000);
    assert!(shows(&mut machine));
    assert_eq!(call(&mut machine, 0, "systemctl start gone").0, 1);
    let said = call(&mut machine, ONCALL, "systemctl status gone -n 3").1;
    assert!(said.contains("Start request repeated too quickly") && !said.contains("        CPU: "), "{said}");
    root(&mut machine, "systemctl reset-failed gone");
    root(&mut machine, "systemctl start gone");
    pass(&mut machine, 40_000);
    assert!(shows(&mut machine));
}

/// As on an operator host: what is shown begins with the restart that was arranged last.
#[test]
fn a_unit_that_was_restarted_too_often_shows_its_last_restart_alone() {
    let unit = "[Unit]\nStartLimitIntervalSec=60\nStartLimitBurst=2\n[Service]\nExecStart=/not-there\n\
                Restart=on-failure\n";
    let mut machine = with_units(&[("gone.service", unit)]);
    root(&mut machine, "systemctl start gone");
    pass(&mut machine, 2_000_000);
    let (_, text) = call(&mut machine, ONCALL, "systemctl status gone");
    let (_, lines) = text.split_once("\n\n").unwrap();
    assert_eq!(
        redacted(lines),
        "Jan 01 00:00:SS operator-host systemd[PID]: gone.service: Scheduled restart job, restart counter is at 2.
Jan 01 00:00:SS operator-host systemd[PID]: gone.service: Start request repeated too quickly.
Jan 01 00:00:SS operator-host systemd[PID]: gone.service: Failed with result 'exit-code'.
Jan 01 00:00:SS operator-host systemd[PID]: Failed to start gone.service.
"
    );
}

#[test]
fn a_failed_unit_shows_its_result() {
    let mut machine =
        with_units(&[("gone.service", "[Unit]\nDescription=Gone\n[Service]\nExecStart=/not-there serve\n")]);
    root(&mut machine, "systemctl start gone");
    pass(&mut machine, 40_000);
    let (status, text) = call(&mut machine, ONCALL, "systemctl status gone");
    assert_eq!(status, 3);
    assert_eq!(
        redacted(&text),
        "× gone.service - Gone
     Loaded: loaded (/etc/systemd/system/gone.service; static)
     Active: failed (Result: exit-code) since Thu 2026-01-01 00:00:SS UTC; SPAN ago
   Duration: SPAN
 Invocation: INVOCATION
    Process: PID ExecStart=/not-there serve (code=exited, status=203/EXEC)
   Main PID: PID (code=exited, status=203/EXEC)
        CPU: SPAN

Jan 01 00:00:SS operator-host systemd[PID]: Started gone.service - Gone.
Jan 01 00:00:SS operator-host (ot-there)[PID]: gone.service: Unable to locate executable \
'/not-there': No such file or directory
Jan 01 00:00:SS operator-host (ot-there)[PID]: gone.service: Failed at step EXEC spawning \
/not-there: No such file or directory
Jan 01 00:00:SS operator-host systemd[PID]: gone.service: Main process exited, code=exited, status=203/EXEC
Jan 01 00:00:SS operator-host systemd[PID]: gone.service: Failed with result 'exit-code'.
"
    );
    let both = call(&mut machine, ONCALL, "systemctl status tensor-wasm gone -n 0");
    assert_eq!(both.0, 3);
    assert!(both.1.contains("\n\n× gone.service - Gone\n"));
    root(&mut machine, "systemctl reset-failed gone");
    let (_, text) = call(&mut machine, ONCALL, "systemctl status gone -n 0");
    assert_eq!(
        text,
        "○ gone.service - Gone
     Loaded: loaded (/etc/systemd/system/gone.service; static)
     Active: inactive (dead)\n"
    );
}
