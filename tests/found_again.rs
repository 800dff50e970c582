//! The document on what exploring finds again is of the cases, the properties and the space as they are, and a case that a
//! property forbids is in it as found, or with the reason why not. Needs no engine.

use std::fs;

use conformance::again::base::Base;
use conformance::again::document::{self, DOCUMENT, MADE_BY};
use conformance::again::{Again, Search};
use conformance::containers::workspace;
use conformance::exploring::{SMALL, folder, own};

#[test]
fn what_the_cases_pin_is_found_again_or_the_document_says_why_not() {
    let workspace = workspace();
    let search = Search::new(&workspace, &own().join("space.toml")).unwrap();
    let text = document::render(&search.all().unwrap()).unwrap_or_else(|missed| panic!("{missed}"));
    let there = fs::read_to_string(workspace.join(DOCUMENT)).unwrap();
    assert_eq!(there, text, "{DOCUMENT} is stale; it is written by `{MADE_BY}`");
}

/// In a space that has less than the project's own, cases are missed; that is never told as a reason.
#[test]
fn what_a_space_does_not_have_is_missed() {
    let out = folder();
    let path = out.path().join("space.toml");
    let looked_for = |space: &str, case: &str| {
        fs::write(&path, space).unwrap();
        let search = Search::new(&workspace(), &path).unwrap();
        search.one(case).unwrap()
    };
    let port = looked_for(SMALL, "port-held");
    assert!(port.is_found());
    // SMALL is of docker alone, and the case of compose, too.
    let refused = document::render(&[port]).unwrap_err();
    assert!(
        refused.contains("port-held on compose by careful: `never-unsafe` (unsafe): none of the 0 cells"),
        "{refused}"
    );

    // The one level of the fault is another one than the case's, and too weak to show it. That is a reason.
    let weak = SMALL.replace(", { delay_ms = 8 }, { delay_ms = 50 }", "");
    let slow = looked_for(&weak, "healthz-slow");
    let on_docker = slow.forbidden.iter().filter(|(forbidden, _)| forbidden.place.topology == "docker");
    let on_docker: Vec<&Again> = on_docker.map(|(_, again)| again).collect();
    assert!(on_docker.len() >= 4 && on_docker.iter().all(|again| matches!(again, Again::Between(_))), "{slow:?}");

    // What has another condition than any base is no case of the space.
    let other = looked_for(SMALL, "confirmed");
    let Base::Other { nearest, differs, .. } = &other.base else { panic!("{other:?}") };
    assert_eq!(nearest, "procedure-only");
    assert_eq!(differs[..], ["`prerequisites` is confirmed, and assumed in the base"]);
    assert!(!other.is_found() && other.forbidden.values().all(|again| *again == Again::NoBase), "{other:?}");
}
