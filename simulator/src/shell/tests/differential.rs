//! Texts from a data file, run by both.

use super::{interpreted, machine_with, real};

/// Shells are separated by `====`, the commands of one shell by `----`.
const SCRIPTS: &str = include_str!("scripts.txt");

#[test]
fn both_shells_say_the_same() {
    let mut wrong = Vec::new();
    let mut compared = 0;
    for text in SCRIPTS.split("====\n") {
        let commands: Vec<&str> = text.split("----\n").map(|command| command.trim_end_matches('\n')).collect();
        let Some(real) = real(&commands) else {
            eprintln!("no bash 5.2 here: nothing to compare with");
            return;
        };
        let mut machine = machine_with(Vec::new());
        let here = interpreted(&mut machine, &commands);
        compared += 1;
        if real != here {
            wrong.push(format!("{text}  bash: {real:?}\n  here: {here:?}\n"));
        }
        assert_eq!(machine.shell_nesting, 0, "{text}");
    }
    assert!(compared > 250, "only {compared} scripts");
    assert!(wrong.is_empty(), "{} of {compared} differ:\n{}", wrong.len(), wrong.join("\n"));
}
