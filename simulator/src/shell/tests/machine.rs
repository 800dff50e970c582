//! What the shell does to a machine: scripts, dash, time, ceilings.

use super::{FOLDER, Seen, context, file, interpreted, machine_with};
use crate::Stop;
use crate::machine::Machine;
use crate::machine::users::ROOT;
use crate::shell::{Shell, parse, run_script};
use crate::time::SECOND;

fn eval(machine: &mut Machine, text: &str) -> Result<crate::shell::Ended, Stop> {
    let mut shell = Shell::new(context(), &["bash".to_owned()]);
    shell.eval(machine, &parse(text).expect(text))
}

fn output(machine: &Machine) -> String {
    String::from_utf8_lossy(&machine.streams.command).into_owned()
}

/// Expected bytes: bash 5.2.37 and dash 0.5.12 in the operator host's image.
#[test]
fn scripts_speak_as_their_interpreters() {
    let dash = "#!/bin/sh\nnope\n/etc/passwd\nread x < /nope\necho a > /nope/x\necho 'a\\tb\\0101' -n\necho -e 'x'\n\
                echo $nope x\ncd /nope\n[ a = a ] && echo same\n: > /nope/x\necho not\n";
    let bash = "#!/bin/bash\nnope\ncd /nope\necho 'a\\tb' $1 $# $0\n";
    let cases = [
        (
            "dash.sh",
            dash,
            2,
            "N: 2: nope: not found\nN: 3: /etc/passwd: Permission denied\nN: 4: cannot open /nope: No such file\n\
             N: 5: cannot create /nope/x: Directory nonexistent\na\tbA -n\n-e x\nx\nN: 9: cd: can't cd to /nope\nsame\n\
             N: 11: cannot create /nope/x: Directory nonexistent\n",
        ),
        (
            "bash.sh",
            bash,
            0,
            "N: line 2: nope: command not found\nN: line 3: cd: /nope: No such file or directory\na\\tb 0 N\n",
        ),
        ("none.sh", "echo no first line\nexit 4\n", 4, "no first line\n"),
        ("early.sh", "#!/bin/sh\nset -e\nfalse\necho no\n", 1, ""),
        ("unset.sh", "#!/bin/sh\nset -u\necho $x\necho no\n", 2, "N: 3: x: parameter not set\n"),
        ("broken.sh", "#!/bin/bash\nif true\n", 2, "N: line 3: syntax error: \n"),
        ("arguments.sh", "#!/bin/sh\nfor x in \"$@\"; do echo \"[$x]\"; done\n", 0, ""),
    ];
    for (name, text, status, wanted) in cases {
        let path = format!("{FOLDER}/{name}");
        let entries = vec![file(&path, 0o755, text), file("/etc/passwd", 0o644, "root\n")];
        let mut machine = machine_with(entries);
        let ended = eval(&mut machine, &format!("./{name}")).expect("it ends");
        assert_eq!(ended.status, status, "{name}");
        assert!(!ended.shell_ended, "{name}");
        assert_eq!(
            output(&machine),
            wanted.replace("N:", &format!("./{name}:")).replace(" N\n", &format!(" ./{name}\n"))
        );
    }
}

#[test]
fn the_drain_script_is_read_and_checked() {
    let text = include_str!("../../../../scenarios/topologies/documented/common/tensor-wasm-drain");
    let script = parse(text).expect("read");
    assert_eq!(script.commands.len(), 3);
    let text = include_str!("../../../../scenarios/topologies/documented/common/container-state");
    assert!(parse(text).is_ok(), "{:?}", parse(text));
}

#[test]
fn scripts_that_are_not_modelled_end_the_strand_by_name() {
    let cases = [
        ("#!/usr/bin/python3\n", "a script for an interpreter that is not modelled, /usr/bin/python3"),
        ("#!/bin/bash\nf() { :; }\n", "row 1: a function, an array or an extended pattern: f() { :; }"),
        ("#!/bin/bash\ntrap : EXIT\n", "the shell's own command `trap` is not modelled"),
    ];
    for (text, wanted) in cases {
        let mut machine = machine_with(Vec::new());
        let stop = run_script(&mut machine, text, &["x".to_owned()], &context());
        assert!(matches!(&stop, Err(Stop::Unable(what)) if what.contains(wanted)), "{stop:?}");
    }
}

#[test]
fn a_loop_that_only_spins_comes_to_its_deadline() {
    for text in ["while true; do :; done", "until false; do x=$((x+1)); done"] {
        let mut machine = machine_with(Vec::new());
        machine.deadline = machine.now + 120 * SECOND;
        assert_eq!(eval(&mut machine, text), Err(Stop::Deadline), "{text}");
        assert_eq!(machine.now, machine.deadline);
        assert_eq!(machine.shell_nesting, 0);
    }
}

#[test]
fn ceilings_are_named() {
    let cases = [
        ("while true; do :; done", "loops turn more than 400000 times"),
        ("echo 'exec ./self' > self", ""),
        (
            "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done",
            "output",
        ),
    ];
    for (text, wanted) in cases {
        let mut machine = machine_with(Vec::new());
        match eval(&mut machine, text) {
            Err(Stop::Unable(what)) => assert!(what.contains(wanted), "{what}"),
            Err(Stop::OutputLimit) => assert_eq!(wanted, "output"),
            other => assert!(wanted.is_empty(), "{other:?}"),
        }
    }
    // A script that runs itself.
    let mut machine = machine_with(vec![file("/usr/local/bin/again", 0o755, "#!/bin/bash\nagain\necho no\n")]);
    let stop = eval(&mut machine, "again");
    assert!(matches!(&stop, Err(Stop::Unable(what)) if what.contains("inside each other")), "{stop:?}");
    assert_eq!(machine.shell_nesting, 0);
}

#[test]
fn continue_outside_of_a_loop_hangs_the_operators_shell_and_break_ends_it() {
    let mut machine = machine_with(Vec::new());
    machine.deadline = machine.now + SECOND;
    assert_eq!(eval(&mut machine, "continue"), Err(Stop::Deadline));
    let mut machine = machine_with(Vec::new());
    assert!(eval(&mut machine, "break").is_ok_and(|ended| ended.shell_ended));
}

#[test]
fn what_may_not_be_written_is_not() {
    let mut machine = machine_with(vec![file("/etc/owned", 0o400, "x")]);
    let ino = machine.files.resolve(ROOT, "/", "/etc/owned").expect("there");
    machine.files.set_mode(ino, 0o400);
    let seen = interpreted(&mut machine, &["echo a > /etc/new", "umask 077; echo a > mine", "echo $?"]);
    assert_eq!(seen[0].output, "bash: line 25: /etc/new: Permission denied\n");
    assert_eq!((seen[0].status, seen[1].status), (1, 0));
    let ino = machine.files.resolve(ROOT, FOLDER, "mine").expect("made");
    assert_eq!(machine.files.inode(ino).mode & 0o777, 0o600);
}

#[test]
fn a_full_disk_is_a_write_error() {
    let mut machine = machine_with(Vec::new());
    machine.files.free_bytes = Some(2);
    let seen = interpreted(&mut machine, &["echo abcdef > f; echo $?"]);
    assert_eq!(seen[0].output, "bash: line 25: echo: write error: No space left on device\n1\n");
}

#[test]
fn same_seed_same_bytes_and_time() {
    let text = "for i in 1 2 3; do (echo $i $RANDOM $$); x=$(echo a | true); nope; done";
    let run = || {
        let mut machine = machine_with(Vec::new());
        let seen: Vec<Seen> = interpreted(&mut machine, &[text]);
        (seen, machine.now)
    };
    assert_eq!(run(), run());
}

/// The number of rows before an evaluated command is the agent's script's own.
#[test]
fn rows_count_from_where_the_agent_evaluates() {
    let row = super::AGENT_SCRIPT.lines().position(|line| line.contains("builtin eval "));
    assert_eq!(row, Some(crate::shell::OPERATOR_ROWS));
}

/// The harness cuts a runbook's block into top-level commands by tree-sitter-bash; both readings have to agree on them.
#[test]
fn top_level_commands_are_those_of_the_harness() {
    let mut parser = tree_sitter::Parser::new();
    parser.set_language(&tree_sitter_bash::LANGUAGE.into()).expect("grammar");
    let runbook = include_str!("../../../../scenarios/runbooks/rollback.md");
    let blocks: Vec<&str> = runbook.split("```bash\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 3);
    let own = [
        "a; b\nc",
        "a && b || c; d",
        "if a; then b; fi; c",
        "for x in a; do b; done\nc",
        "( a ); { b; }",
        "a | b; c",
        "x=1; y=2 z",
        "case x in a) b;; esac; c",
        "a # b; c\nd",
    ];
    for text in blocks.into_iter().chain(own) {
        let tree = parser.parse(text, None).expect("a tree");
        let mut cursor = tree.root_node().walk();
        let theirs: Vec<usize> = tree
            .root_node()
            .children(&mut cursor)
            .filter(|node| node.is_named() && node.kind() != "comment")
            .map(|node| node.start_position().row)
            .collect();
        let ours = parse(text).expect(text);
        assert_eq!(ours.rows, theirs, "{text}");
    }
}
