//! A find's smallest cell is one: whatever lies below it holds. Where alerts are watched, and for samples at values that the
//! space has not. Needs no engine.

#![expect(clippy::unwrap_used, reason = "a test: what fails here shall end it, also in its helpers")]

use std::collections::BTreeSet;
use std::sync::Arc;

use conformance::exploring::{all_below, exploration, folder};
use rollback_harness::explore::Exploration;
use rollback_harness::explore::drills::Drills;
use rollback_harness::explore::results::{Found, Line, Smallest};
use rollback_harness::explore::sample::Block;
use rollback_harness::explore::space::Cell;
use rollback_harness::explore::work;
use rollback_harness::host::sim::Scripts;

/// What can be wrong where alerts are watched: from birth with levels, and from a moment on.
const WATCHED: &str = r#"
schema = 1
bases = ["baseline"]
topologies = ["systemd"]
operators = ["careful", "paste"]
only = ["errors", "scrape-cut", "metrics-stalled"]

[[fault]]
id = "errors"
release = "good"
levels = [{ share_percent = 5 }, { share_percent = 60 }]
"#;

/// Faults with numbers, of which a sample can have any.
const NUMBERS: &str = r#"
schema = 1
bases = ["procedure-only"]
topologies = ["systemd"]
operators = ["careful", "paste"]
only = ["healthz-slow", "metrics-die-after-rollback", "page-lost", "snapshot-incompatible"]

[[fault]]
id = "healthz-slow"
release = "bad"
levels = []

[[fault]]
id = "snapshot-incompatible"
levels = [{ format = 2 }, { format = 3 }]
"#;

/// The finds of results, each once; how many of their smallest cells have a level or a fault below them.
fn hold(of: &Exploration, lines: &[Line]) -> (usize, usize) {
    let Exploration { site, space, properties, .. } = of;
    let mut drills = Drills::new(space, site, Scripts::default());
    let found: BTreeSet<&Found> = lines.iter().flat_map(|line| &line.finds).collect();
    let mut with_less = 0;
    for find in &found {
        let property = properties.all.iter().find(|property| property.id == find.property).unwrap();
        let (placed, cell) = match &find.smallest {
            Smallest::Cell(number) => ((**space).clone(), space.cell(*number).unwrap()),
            Smallest::Script(script) => space.place(script).unwrap(),
        };
        drills.space = Arc::new(placed);
        let below = all_below(&cell, &drills.space.clone());
        let mut has = |cell: &Cell| property.violated(cell, &mut drills).contains(&find.subject);
        assert!(has(&cell), "{find:?}");
        for below in &below {
            assert!(!has(below), "{find:?} is shown by {below:?} as well");
        }
        with_less += usize::from(!below.is_empty());
    }
    (found.len(), with_less)
}

#[test]
fn where_alerts_are_watched_a_smallest_cell_has_none_below_it() {
    let out = folder();
    let of = exploration(WATCHED, None, 2, out.path());
    let mut drills = Drills::new(&of.space, &of.site, Scripts::default());
    let lines: Vec<Line> = (0..of.space.len())
        .map(|number| work::result(number, &of.space, &of.properties, &mut drills).unwrap())
        .collect();
    let (found, with_less) = hold(&of, &lines);
    println!("{} cells, {found} finds, {with_less} with less below them", lines.len());
    assert!(found >= 4 && with_less >= 4, "{found} finds, {with_less} of them with less below");
}

#[test]
fn a_sample_comes_down_to_a_cell_that_has_none_below_it() {
    let out = folder();
    let of = exploration(NUMBERS, None, 4, out.path());
    let samples = Block::new(0, (&of.space, &of.site, &of.properties), &Scripts::default());
    let lines: Vec<Line> = samples.take(150).collect();
    // From there it comes down to levels of the space where they show it as well.
    let with_finds = lines.iter().filter(|line| !line.finds.is_empty()).filter_map(|line| line.script.as_ref());
    let new = |used| !of.space.levels(used).contains(&used.params);
    assert!(with_finds.flat_map(|script| &script.faults).any(new), "all at levels of the space");
    let (found, with_less) = hold(&of, &lines);
    println!("{} samples, {found} finds, {with_less} with less below them", lines.len());
    assert!(found >= 4 && with_less >= 4, "{found} finds, {with_less} of them with less below");
}
