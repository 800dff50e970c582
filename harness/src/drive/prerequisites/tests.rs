//! What is asked, up to where, and what is written of it.

use super::*;
use crate::drive::scripted::{Comes, Kept, Scene, Scripted, command};
use crate::procedure::{Confirm, Prerequisites};

const QUOTE: &str = "The release can be had.";

fn scene(should_print: Option<&str>, window_agreed: bool) -> Scene {
    let check = Command { should_print: should_print.map(str::to_owned), ..command("there", Class::Check) };
    let item =
        |step: &str, line: u32, quote: &str, kind| Prerequisite { step: step.into(), line, quote: quote.into(), kind };
    let items = vec![
        item("R1", 20, QUOTE, PrerequisiteKind::Looks(vec![command("told", Class::Look), check])),
        item("R2", 22, "Users can bear a window.", PrerequisiteKind::Window),
    ];
    let mut scene = Scene::of(&[("stop", Class::Stop)]);
    scene.confirm = Some(Confirm { prerequisites: Prerequisites { items, findings: vec![] }, window_agreed });
    scene
}

fn play(scene: &Scene, script: &[(&'static str, Comes)]) -> (Option<String>, Kept) {
    scene.play(&mut Scripted::new(script), |desk, drill| {
        let unmet = desk.confirm(drill).unwrap();
        assert_eq!((desk.shell_open, &desk.last_failed), (false, &None));
        unmet
    })
}

fn asked(kept: &Kept) -> Vec<(u32, Option<String>)> {
    kept.find(|what| match what {
        What::Prerequisite { line, unmet, .. } => Some((*line, unmet.clone())),
        _ => None,
    })
}

fn run(kept: &Kept) -> Vec<(String, String)> {
    kept.find(|what| match what {
        What::CommandBegan { command, text, .. } => Some((command.step.clone(), text.clone())),
        _ => None,
    })
}

fn ends(kept: &Kept) -> Vec<(Block, BlockEnd)> {
    kept.find(|what| match what {
        What::BlockEnded { block, how } => Some((*block, *how)),
        _ => None,
    })
}

#[test]
fn nothing_is_asked_where_all_is_assumed() {
    let (unmet, kept) = play(&Scene::of(&[("stop", Class::Stop)]), &[]);
    assert_eq!((unmet, kept.events.len()), (None, 1));
}

#[test]
fn what_only_looks_decides_nothing() {
    for told in [0, 2] {
        let (unmet, kept) = play(&scene(None, true), &[("told", Comes::Ends(told, "no such folder\n"))]);
        assert_eq!((unmet, asked(&kept)), (None, vec![(20, None), (22, None)]));
        assert_eq!(
            run(&kept),
            [("R1", "told"), ("R1", "there")].map(|(step, text)| (step.to_owned(), text.to_owned()))
        );
        assert_eq!(ends(&kept), [(Block::Prerequisites, BlockEnd::Completed)]);
    }
}

#[test]
fn the_first_that_is_not_met_ends_it() {
    let (unmet, kept) = play(&scene(None, false), &[("there", Comes::Ends(2, "no such file\n"))]);
    let found = "`there` ended 2: no such file".to_owned();
    assert_eq!(unmet, Some(format!("\"{QUOTE}\" (line 20); {found}")));
    assert_eq!((asked(&kept), ends(&kept)), (vec![(20, Some(found))], vec![(Block::Prerequisites, BlockEnd::Left)]));
    let (unmet, kept) = play(&scene(None, false), &[]);
    let found = "the maintenance window was refused".to_owned();
    assert_eq!(unmet, Some(format!("\"Users can bear a window.\" (line 22); {found}")));
    assert_eq!(asked(&kept), [(20, None), (22, Some(found))]);
    assert_eq!(ends(&kept), [(Block::Prerequisites, BlockEnd::Completed)]);
}

#[test]
fn a_check_is_met_by_what_it_prints() {
    let printed = |output: &'static str| play(&scene(Some("v1"), true), &[("there", Comes::Ends(0, output))]).0;
    assert_eq!(printed("v1\n"), None);
    assert!(printed("v2\n").unwrap().ends_with("`there` should print `v1` and printed: v2"));
    // Of a release without an image nothing was published that could be met.
    let unknown = play(&scene(Some(PUBLISHED), true), &[("there", Comes::Ends(0, "sha256:aa\n"))]).0;
    assert!(unknown.unwrap().contains("should print `{published}`"));
    let told = Command { should_print: Some(format!("x@{PUBLISHED}")), ..command("there", Class::Check) };
    assert_eq!(published(&told, Some("sha256:aa")).should_print.as_deref(), Some("x@sha256:aa"));
}

#[test]
fn a_look_that_never_ends_or_ends_the_shell_confirms_nothing() {
    for (name, comes, how, said) in [
        ("there", Comes::Never, BlockEnd::Killed, "`there` was killed: its ceiling of 120 s ran out"),
        ("told", Comes::Never, BlockEnd::Killed, "`told` was killed"),
        ("there", Comes::EndsShell(0), BlockEnd::ShellEnded, "`there` ended 0 and the shell with it"),
        ("told", Comes::EndsShell(1), BlockEnd::ShellEnded, "`told` ended 1 and the shell with it"),
    ] {
        let (unmet, kept) = play(&scene(None, true), &[(name, comes)]);
        assert!(unmet.as_ref().is_some_and(|unmet| unmet.contains(said)), "{unmet:?}");
        assert_eq!(ends(&kept), [(Block::Prerequisites, how)]);
    }
}
