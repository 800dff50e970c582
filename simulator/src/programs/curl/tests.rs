//! curl against the parts of a machine that need no node. Expected bytes: curl 8.14.1 in the operator host's image.

use crate::machine::Machine;
use crate::machine::balancer::State;
use crate::machine::process::{Supervisor, What};
use crate::programs::common::tests::{file, machine, run};

fn with_holder() -> Machine {
    let mut machine = machine();
    machine.start_other("/usr/bin/x", 0, Supervisor::Nobody, What::Holder { port: 8081, bound: false });
    machine
}

#[test]
fn exit_codes_and_messages_are_the_real_ones() {
    let help = "curl: try 'curl --help' or 'curl --manual' for more information\n";
    let refused = "curl: (7) Failed to connect to localhost port 8080 after 0 ms: Could not connect to server\n";
    let cases: [(&[&str], i32, &str); 16] = [
        (&["curl", "-sS", "http://localhost:8080/healthz"], 7, refused),
        (&["curl", "-s", "http://localhost:8080/healthz"], 7, ""),
        (&["curl", "-sf", "http://localhost:8080/healthz"], 7, ""),
        (&["curl", "-sS", "http://nope.invalid/"], 6, "curl: (6) Could not resolve host: nope.invalid\n"),
        (&["curl"], 2, help),
        (&["curl", "-sS"], 2, &format!("curl: (2) no URL specified\n{help}")),
        (&["curl", "-m"], 2, &format!("curl: option -m: requires parameter\n{help}")),
        (&["curl", "-sS", "ftp2://x"], 1, "curl: (1) Protocol \"ftp2\" not supported\n"),
        (&["curl", "-sS", "-w", "%{http_code}\\n", "http://localhost:8080/healthz"], 7, &format!("{refused}000\n")),
        (&["curl", "-sS", "http://localhost:8081/"], 52, "curl: (52) Empty reply from server\n"),
        (&["curl", "-s", "http://localhost/healthz"], 0, "maintenance\n"),
        (&["curl", "-sSf", "http://localhost/"], 22, "curl: (22) The requested URL returned error: 503\n"),
        (&["curl", "-sf", "http://localhost/"], 22, ""),
        (
            &["curl", "--fail-with-body", "-sS", "http://localhost/"],
            22,
            "curl: (22) The requested URL returned error: 503\nmaintenance\n",
        ),
        (&["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://localhost/"], 0, "503"),
        (
            &["curl", "-sS", "-o", "/nonexist/x", "http://localhost/"],
            23,
            "curl: (23) client returned ERROR on write of 12 bytes\n",
        ),
    ];
    for (words, status, said) in cases {
        let mut machine = with_holder();
        machine.balancer.errorfile = "HTTP/1.1 503 Service Unavailable\nRetry-After: 30\n\nmaintenance\n".into();
        machine.balancer.state = State::Drain;
        assert_eq!(run(&mut machine, words, b""), (status, said.to_owned()), "{words:?}");
    }
}

// As an operator host's HAProxy sends it: nothing is added to the file.
#[test]
fn an_errorfile_goes_out_as_it_stands_and_nothing_does_once_the_balancer_is_stopped() {
    let mut machine = machine();
    machine.balancer.errorfile = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\nback soon\n".into();
    machine.balancer.state = State::Drain;
    let head = "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n\r\nback soon\n";
    assert_eq!(run(&mut machine, &["curl", "-si", "http://localhost/"], b""), (0, head.to_owned()));
    machine.balancer.runs = false;
    assert_eq!(run(&mut machine, &["curl", "-s", "http://localhost/"], b""), (7, String::new()));
}

#[test]
fn a_published_port_with_nobody_behind_it_is_closed_in_one_of_two_ways() {
    let mut machine = machine();
    machine.net.published.insert(8080, 0);
    let (reset, empty) =
        ("curl: (56) Recv failure: Connection reset by peer\n", "curl: (52) Empty reply from server\n");
    let seen: std::collections::BTreeSet<_> =
        (0..20).map(|_| run(&mut machine, &["curl", "-sS", "http://localhost:8080/"], b"")).collect();
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [(52, empty.to_owned()), (56, reset.to_owned())]);
}

#[test]
fn without_a_time_limit_it_waits_for_ever() {
    // A request that nobody answers: the deadline ends the command, -m ends curl.
    let mut machine = machine();
    machine.publish(8080, 0);
    machine.calibration.net.proxy_gives_up_us = 60_000_000;
    let began = machine.now;
    machine.deadline = began + 10_000_000;
    let (context, _) = crate::programs::common::tests::context(&mut machine, 1000, "/tmp", b"");
    let words = ["curl", "-sf", "http://localhost:8080/"].map(str::to_owned);
    assert_eq!(crate::programs::execute(&mut machine, &words, &context), Err(crate::Stop::Deadline));
    assert_eq!(machine.now, began + 10_000_000);
    machine.deadline = u64::MAX;
    let said = "curl: (28) Operation timed out after 2000 milliseconds with 0 bytes received\n";
    let words = ["curl", "-sS", "-m", "2", "http://localhost:8080/"];
    assert_eq!(run(&mut machine, &words, b""), (28, said.into()));
}

#[test]
fn heads_are_shown() {
    let mut machine = machine();
    machine.balancer.errorfile = "HTTP/1.1 503 Service Unavailable\nA: b\n\nxy\n".into();
    machine.balancer.state = State::Drain;
    let (status, said) = run(&mut machine, &["curl", "-sI", "http://localhost/"], b"");
    assert_eq!(status, 0);
    let expected = "HTTP/1.1 503 Service Unavailable\r\na: b\r\ncontent-length: 3\r\ndate: Thu, 01 Jan 2026 00:00:";
    assert!(said.starts_with(expected) && said.ends_with(" GMT\r\n\r\n"), "{said:?}");
}

#[test]
fn retries_wait() {
    let mut machine = machine();
    let before = machine.now;
    let words = ["curl", "-sS", "--retry", "2", "--retry-connrefused", "--retry-delay", "1", "http://localhost:8080/"];
    let (status, said) = run(&mut machine, &words, b"");
    assert_eq!((status, said.lines().count()), (7, 3));
    assert!((2_000_000..2_100_000).contains(&(machine.now - before)));
    machine.balancer.errorfile = "HTTP/1.1 503 Service Unavailable\nRetry-After: 30\n\n".into();
    machine.balancer.state = State::Drain;
    let before = machine.now;
    assert_eq!(run(&mut machine, &["curl", "-sf", "--retry", "1", "http://localhost/"], b"").0, 22);
    assert!((30_000_000..30_100_000).contains(&(machine.now - before)), "the server's own word");
}

#[test]
fn what_is_sent_is_what_was_asked_for() {
    let mut machine = machine();
    file(&mut machine, "body", b"{\n}\n");
    assert_eq!(run(&mut machine, &["curl", "-sS", "--data-binary", "@/nope", "localhost"], b"").0, 26);
    let knows = |words: &[&str]| {
        let words: Vec<Option<&str>> = words.iter().copied().map(Some).collect();
        (super::CURL.knows)(&words)
    };
    assert_eq!(knows(&["-sf", "http://localhost:8080/healthz"]), Ok(()));
    assert_eq!(knows(&["-v", "http://localhost"]), Err("the option -v is not modelled".into()));
    assert_eq!(knows(&["https://localhost"]), Err("the scheme https is not modelled".into()));
}
