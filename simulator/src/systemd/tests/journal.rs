//! `journalctl`.

use super::*;

#[test]
fn lines_are_chosen_and_printed_as_the_real_one_does() {
    let mut machine = with_units(&[("gone.service", "[Unit]\nDescription=Gone\n[Service]\nExecStart=/not-there\n")]);
    machine.run_until(5_000_000).unwrap();
    root(&mut machine, "systemctl start gone");
    pass(&mut machine, 120_000_000);
    let count = |machine: &mut Machine, line: &str| {
        let (status, text) = call(machine, ONCALL, line);
        assert_eq!(status, 0, "{line}: {text}");
        text.lines().count()
    };
    for (line, lines) in [
        ("journalctl -u gone", 5),
        ("journalctl --unit=gone.service --no-pager", 5),
        ("journalctl -u gone --since '5 minutes ago'", 5),
        ("journalctl -u gone --since -5m -n 2", 2),
        ("journalctl -u gone --lines 2", 2),
        ("journalctl -u gone -n2", 2),
        ("journalctl -eu gone -n all", 5),
        ("journalctl -u gone --since today", 5),
        ("journalctl -u gone --since 2026-01-01 --until '00:01'", 5),
        ("journalctl -q -u nosuch", 0),
    ] {
        assert_eq!(count(&mut machine, line), lines, "{line}");
    }
    for line in [
        "journalctl -u nosuch",
        "journalctl -u gone --since '1 minute ago'",
        "journalctl -u gone -n 0",
        "journalctl -u gone --since tomorrow",
    ] {
        assert_eq!(call(&mut machine, ONCALL, line), (0, "-- No entries --\n".into()), "{line}");
    }
    for (line, text) in [
        (
            "journalctl -u gone -n 1",
            "Jan 01 00:00:05 operator-host systemd[1]: gone.service: Failed with result 'exit-code'.\n",
        ),
        ("journalctl -u gone -n 1 -o cat", "gone.service: Failed with result 'exit-code'.\n"),
        (
            "journalctl -u gone -n 1 -o short-iso",
            "2026-01-01T00:00:05+00:00 operator-host systemd[1]: gone.service: Failed with result 'exit-code'.\n",
        ),
        (
            "journalctl -u gone -r -n 1 -o short-full",
            "Thu 2026-01-01 00:00:05 UTC operator-host systemd[1]: gone.service: Failed with result 'exit-code'.\n",
        ),
    ] {
        assert_eq!(call(&mut machine, ONCALL, line), (0, text.to_owned()), "{line}");
    }
    for (format, begins) in [
        ("short-precise", r"Jan 01 00:00:05\.[0-9]{6}"),
        ("short-iso-precise", r"2026-01-01T00:00:05\.[0-9]{6}\+00:00"),
        ("short-unix", r"1767225605\.[0-9]{6}"),
    ] {
        let (_, text) = call(&mut machine, ONCALL, &format!("journalctl -u gone -n 1 --output={format}"));
        let precise = regex::Regex::new(&format!(r"^{begins} operator-host systemd\[1\]: gone")).unwrap();
        assert!(precise.is_match(&text), "{format}: {text}");
    }
}

#[test]
fn what_it_does_not_take_is_said_in_its_words() {
    let mut machine = machine();
    for (line, text) in [
        ("journalctl -u gone -o frob", "Unknown output format 'frob'.\n"),
        ("journalctl --since frobnicate", "Failed to parse timestamp: frobnicate\n"),
        ("journalctl --since now --until '1 hour ago'", "--since= must be before --until=.\n"),
        ("journalctl -u gone frob", "Failed to add match 'frob': Invalid argument\n"),
        ("journalctl --frob", "journalctl: unrecognized option '--frob'\n"),
        ("journalctl -Z", "journalctl: invalid option -- 'Z'\n"),
        ("journalctl -u", "journalctl: option requires an argument -- 'u'\n"),
    ] {
        assert_eq!(call(&mut machine, ONCALL, line), (1, text.to_owned()), "{line}");
    }
    let (status, text) = call(&mut machine, 900, "journalctl -u tensor-wasm");
    assert_eq!(status, 1);
    assert!(text.starts_with("Hint: You are currently not seeing messages"), "{text}");
    assert!(text.ends_with("No journal files were opened due to insufficient permissions.\n"), "{text}");
    for line in ["journalctl -p err", "journalctl -xeu tensor-wasm", "journalctl -o json", "journalctl -u 'tensor*'"] {
        let Err(Stop::Unable(what)) = try_call(&mut machine, ONCALL, line) else { panic!("{line}") };
        assert!(what.starts_with("journalctl: ") && what.ends_with("use --host container"), "{what}");
    }
    let check = |words: &[&str]| {
        (super::super::journalctl::PROGRAM.knows)(&words.iter().map(|word| Some(*word)).collect::<Vec<_>>())
    };
    assert_eq!(check(&["-u", "x", "--since", "5 minutes ago"]), Ok(()));
    assert_eq!(check(&["-xu", "x"]), Err("the option -x".into()));
}

#[test]
fn following_has_no_end_of_its_own_and_shows_what_comes() {
    let mut machine = machine();
    root(&mut machine, "systemctl kill -s KILL tensor-wasm");
    let io = Io { stdin: Input::Null, stdout: Output::Command, stderr: Output::Command };
    let context = Context { user: ONCALL, cwd: "/".into(), umask: 0o022, environment: BTreeMap::new().into(), io };
    machine.deadline = machine.now + 30_000_000;
    let words = ["journalctl", "-fu", "tensor-wasm", "-n", "1", "-o", "cat"].map(str::to_owned);
    assert_eq!(programs::execute(&mut machine, &words, &context), Err(Stop::Deadline));
    let text = String::from_utf8(machine.streams.command.clone()).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains("tensor_wasm_api")).collect();
    let expected = [
        "tensor-wasm.service: Failed with result 'signal'.",
        "tensor-wasm.service: Scheduled restart job, restart counter is at 1.",
        "Started tensor-wasm.service - TensorWasm node.",
        "listening on http://0.0.0.0:8080",
    ];
    assert_eq!(lines, expected);
}
