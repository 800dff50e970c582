//! `shell.sh` as bash runs it: what it tells of each command, and what a command sees of the one before it.

#![expect(clippy::unwrap_used, reason = "a test: what fails here shall end it, also in its helpers")]

use std::io::Write;
use std::process::{Command, Stdio};

const SCRIPT: &str = include_str!("../src/shell.sh");
const NONCE: &str = "nonce";

/// One command as the shell told of it: what stood on its stdout before, its status, and those of its parts.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    output: String,
    exit: i32,
    pipe: Vec<i32>,
}

fn told(output: &str, exit: i32, pipe: &[i32]) -> Told {
    Told { output: output.to_owned(), exit, pipe: pipe.to_vec() }
}

/// Evaluates commands in one shell: what it told, what it wrote after that, and its own status.
fn shell(commands: &[&str]) -> (Vec<Told>, String, Option<i32>) {
    let mut bash = Command::new("bash")
        .args(["--noprofile", "--norc", "-c", SCRIPT, "bash", NONCE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = bash.stdin.take().unwrap();
    for command in commands {
        // A shell that has ended reads no more.
        let _ = stdin.write_all(command.as_bytes()).and_then(|()| stdin.write_all(&[0]));
    }
    drop(stdin);
    let output = bash.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let begin = format!("\0{NONCE} ");
    let (mut ended, mut rest) = (Vec::new(), text.as_str());
    while let Some((before, after)) = rest.split_once(&begin) {
        let (statuses, more) = after.split_once('\0').unwrap();
        // Began and ended, then the statuses.
        let numbers: Vec<i32> = statuses.split(' ').skip(2).filter_map(|word| word.parse().ok()).collect();
        if let Some((exit, pipe)) = numbers.split_first() {
            ended.push(told(before, *exit, pipe));
        }
        rest = more;
    }
    (ended, rest.to_owned(), output.status.code())
}

#[test]
fn a_command_sees_the_status_of_the_one_before() {
    let (ended, rest, _) = shell(&["false", "echo \"status=$?\"", "echo \"status=$?\"", "(exit 42)", "echo $?"]);
    let wanted = [
        told("", 1, &[1]),
        told("status=1\n", 0, &[0]),
        told("status=0\n", 0, &[0]),
        told("", 42, &[42]),
        told("42\n", 0, &[0]),
    ];
    assert_eq!((ended, rest.as_str()), (wanted.into(), ""));
    let (ended, ..) = shell(&["echo $?"]);
    assert_eq!(ended, [told("0\n", 0, &[0])], "the first command has none before it");
    let (ended, ..) = shell(&["false | true", "true | false", "echo $?", "[ $? -eq 0 ] && echo well"]);
    assert_eq!(ended, [told("", 0, &[1, 0]), told("", 1, &[0, 1]), told("1\n", 0, &[0]), told("well\n", 0, &[0])]);
}

#[test]
fn a_syntax_error_has_a_status_that_the_next_command_sees() {
    let (ended, ..) = shell(&["(", "echo \"status=$?\""]);
    assert_ne!(ended[0].exit, 0);
    assert_eq!(ended[0].pipe, [ended[0].exit]);
    assert_eq!(ended[1], told(&format!("status={}\n", ended[0].exit), 0, &[0]));
}

#[test]
fn a_status_that_is_handed_on_ends_no_shell_and_trips_no_trap() {
    // With `set -e` a status other than 0 goes on only from where bash does not mind it.
    let (ended, rest, exit) = shell(&["set -e", "! true", "echo $?", "false && true", "echo $?", "exit 7"]);
    let wanted = [told("", 0, &[0]), told("", 1, &[0]), told("1\n", 0, &[0]), told("", 1, &[1]), told("1\n", 0, &[0])];
    assert_eq!((ended, rest.as_str(), exit), (wanted.into(), "", Some(7)));
    let (ended, _, exit) = shell(&["set -e", "false", "echo never"]);
    assert_eq!((ended.len(), exit), (1, Some(1)));
    for option in ["", "-E", "-T"] {
        let (ended, ..) = shell(&[&format!("set {option} --; trap 'echo trapped' ERR"), "false", "echo $?", "true"]);
        let wanted = [told("", 0, &[0]), told("trapped\n", 1, &[1]), told("1\n", 0, &[0]), told("", 0, &[0])];
        assert_eq!(ended, wanted, "{option}");
    }
}

#[test]
fn the_statuses_of_parts_are_those_of_the_command_itself() {
    for (before, text, exit, pipe) in [
        ("true", "false | true", 0, &[1, 0][..]),
        ("false", "true | (exit 3) | true", 0, &[0, 3, 0]),
        ("false", "true", 0, &[0]),
        ("false", ":", 0, &[0]),
        ("false", "false", 1, &[1]),
        // These are no pipelines: what bash leaves is of their inside, and the driver does not take it for theirs.
        ("false", "if false; then :; fi", 0, &[1]),
        ("true", "while false; do :; done", 0, &[1]),
        ("true", "! false", 0, &[1]),
        ("true", "! true", 1, &[0]),
    ] {
        let (ended, ..) = shell(&[before, text]);
        assert_eq!(ended[1], told("", exit, pipe), "{before}, then {text}");
    }
}

#[test]
fn what_is_handed_on_moves_no_line_number() {
    let (ended, ..) = shell(&["false", "nonsense-that-is-no-command", "# a comment alone", "echo $?"]);
    assert_eq!(ended[1].exit, 127);
    assert!(ended[1].output.contains("nonsense-that-is-no-command: command not found"), "{}", ended[1].output);
    let (after_success, ..) = shell(&["true", "nonsense-that-is-no-command"]);
    assert_eq!(after_success[1].output, ended[1].output);
}
