//! Exploration: cells are counted, finds are the same however the work is divided, each is the smallest of its kind and is shown
//! again by its scenario, and bad input is refused. Needs no engine.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use conformance::exploring::{
    OWN, Ran, SMALL, all_below, call, call_in, copied, exploration, folder, own, site, text, whole,
};
use conformance::redactions::{assert_snapshot, redacted};
use proptest::prelude::*;
use rollback_harness::cli::Containers;
use rollback_harness::exit::ExitStatus;
use rollback_harness::explore::drills::Drills;
use rollback_harness::explore::results::{Line, Smallest};
use rollback_harness::explore::shrink::{self, Flip};
use rollback_harness::explore::space::{Cell, Restricted, Space};
use rollback_harness::explore::{Exploration, Progress};
use rollback_harness::host::sim::Scripts;
use rollback_harness::procedure::Class;
use rollback_harness::scenario::{Moment, Operator};

#[test]
fn cells_and_numbers_are_one_to_one() {
    let space = whole(3);
    assert!(space.len() > 10_000, "{} cells", space.len());
    let mut runner = proptest::test_runner::TestRunner::default();
    let numbers = (0..space.len(), 0..space.len());
    runner
        .run(&numbers, |(one, other)| {
            let cells = [space.cell(one).unwrap(), space.cell(other).unwrap()];
            prop_assert_eq!(space.number(&cells[0]), Some(one));
            prop_assert_eq!(cells[0] == cells[1], one == other);
            prop_assert!(one >= other || cells[0].faults.len() <= cells[1].faults.len());
            Ok(())
        })
        .unwrap();
    assert!(space.cell(space.len()).is_none());
    // The same cell has the same number where fewer faults are wanted.
    let fewer = whole(1);
    for number in (0..fewer.len()).step_by(7) {
        assert_eq!(space.cell(number), fewer.cell(number));
    }
    assert_eq!(space.hash, fewer.hash);
}

#[test]
fn faults_that_touch_the_same_come_in_both_orders_and_others_in_one() {
    let out = folder();
    let Exploration { space, .. } = exploration(SMALL, None, 2, out.path());
    let ids = |cell: &Cell| space.uses(cell).iter().map(|used| used.id.clone()).collect::<Vec<_>>();
    let pairs: Vec<Vec<String>> =
        (0..space.len()).map(|n| ids(&space.cell(n).unwrap())).filter(|ids| ids.len() == 2).collect();
    let orders = |one: &str, other: &str| {
        let has = |pair: &&Vec<String>| pair.contains(&one.to_owned()) && pair.contains(&other.to_owned());
        pairs.iter().filter(has).collect::<BTreeSet<_>>().len()
    };
    assert_eq!((orders("tag-missing", "tag-moved"), orders("tag-missing", "port-held")), (2, 1));
    // Two operators; 3 levels, 2 faults without any, one that begins at two moments, and the two orders of the tags.
    assert_eq!(space.len(), 2 * (1 + (3 + 2 + 2) + (3 * 2 + 3 * 2 + 2 * 2 + 2)));
}

/// Each boundary between two commands of a topology is in the space once, whatever the classes of the command behind it, and the
/// middle of each command that lasts.
#[test]
fn a_fault_begins_at_each_boundary_of_a_topology() {
    let out = folder();
    let text = SMALL.replace("[\"docker\"]", "[\"docker\", \"compose\"]");
    let text = text.replace("moments = [{ before = \"start\" }]\n", "levels = [{}]\n");
    let Exploration { space, .. } = exploration(&text, None, 1, out.path());
    let moments = |topology: &str| -> Vec<String> {
        let cells = (0..space.len()).map(|number| space.cell(number).unwrap());
        let of = cells.filter(|cell| space.topology(cell) == topology && cell.operator == Operator::Careful);
        let held = of.flat_map(|cell| space.uses(&cell)).filter(|used| used.id == "port-held");
        held.map(|used| used.at.map_or("from the beginning".to_owned(), Moment::words)).collect()
    };
    let words = |before: &[&str]| -> Vec<String> {
        let mut words = vec!["from the beginning".to_owned()];
        words.extend(before.iter().map(|class| format!("before the first {class}")));
        let stop = words.iter().position(|word| word.ends_with("stop")).unwrap();
        words.insert(stop + 1, "during the first stop".to_owned());
        // Those of the failure path, which all topologies have.
        words.extend(["diagnose", "page"].map(|class| format!("before the first {class}")));
        words
    };
    assert_eq!(moments("docker"), words(&["record", "drain", "stop", "swap", "start", "wait", "undrain", "verify"]));
    // Stop, swap and start are one command there, and the edit was the first swap.
    assert_eq!(moments("compose"), words(&["swap", "fetch", "stop", "verify"]));
}

/// What begins at a boundary can begin with the drill, or at the boundary before; from there it goes on. Of the three bases the
/// last one has alerts, and so a watch.
#[test]
fn a_fault_of_a_cell_can_begin_earlier() {
    let space = whole(1);
    let at = |cell: &Cell| space.uses(cell).first().and_then(|used| used.at).map(Moment::words);
    let is = |cell: &Cell| at(cell).as_deref() == Some("before the first stop") && space.topology(cell) == "docker";
    let cell = (0..space.len()).map(|number| space.cell(number).unwrap()).find(is).unwrap();
    let earlier = |cell: &Cell| space.earlier(cell, 0).iter().map(at).collect::<Vec<_>>();
    assert_eq!(earlier(&cell), [None, Some("before the first drain".to_owned())]);
    let record = &space.earlier(&space.earlier(&cell, 0)[1], 0)[1];
    assert_eq!((at(record).as_deref(), earlier(record)), (Some("before the first record"), vec![None]));
    assert!(space.earlier(&space.earlier(&cell, 0)[0], 0).is_empty());
    let cells = (0..space.len()).map(|number| space.cell(number).unwrap());
    let of = cells.filter(|cell| space.topology(cell) == "docker" && cell.operator == Operator::Careful);
    let all = of.flat_map(|cell| space.uses(&cell).into_iter().map(move |used| (cell.base, used)));
    let cut: Vec<_> = all.filter(|(_, used)| used.id == "scrape-cut").map(|(base, used)| (base, used.at)).collect();
    assert_eq!(cut, [(0, None), (1, None), (2, None), (2, Some(Moment::After(Class::Verify)))]);
}

/// Every single fault of the registry on a topology, by both operators: all is drilled, each fault acts or is said to be
/// inert, and what does not hold is what the scenarios pin.
fn single_faults(topology: &str, pinned: &[&str]) {
    let out = folder();
    let args =
        ["explore", "--exhaustive", "--base", "procedure-only", "--topology", topology, "--out", text(out.path())];
    let Ran { status, out: report, log } = call(&args);
    assert_eq!(status, ExitStatus::Conforms, "{log}{report}");
    assert!(report.contains(" 0 incomplete\n") && report.contains("kinds of new finds: 0\n"), "{report}");
    for pinned in pinned {
        assert!(report.contains(&format!("{pinned}: pinned by {pinned}, ")), "{pinned}: {report}");
    }
    for operator in ["careful", "paste"] {
        assert!(report.contains(&format!("procedure-only {topology} {operator} ")), "{report}");
    }
}

#[test]
fn single_faults_on_systemd_end_as_the_cases_say() {
    single_faults("systemd", &[]);
}

#[test]
fn single_faults_on_docker_end_as_the_cases_say() {
    single_faults("docker", &["port-held", "tag-moved"]);
}

#[test]
fn single_faults_on_compose_end_as_the_cases_say() {
    single_faults("compose", &["compose-not-edited", "port-held", "registry-down", "tag-missing", "tag-moved"]);
}

/// A page that is lost shows only where one is sent; then it is what the cases say, in each way. Ways have no threshold.
#[test]
fn a_lost_page_shows_where_one_is_sent() {
    let out = folder();
    let space = SMALL
        .replace("\"healthz-slow\", \"port-held\", \"tag-missing\", \"tag-moved\"", "\"page-lost\", \"tag-missing\"");
    let (space, _) = space.split_once("[[touching]]").unwrap();
    let path = out.path().join("space.toml");
    fs::write(&path, space).unwrap();
    let args = ["explore", "--exhaustive", "--faults", "2", "--space", text(&path), "--out", text(out.path())];
    // On docker nothing but the start pulls, so the page is the failure path's; that a case pins only if it stands for others.
    let workspace = copied();
    fs::write(workspace.path().join("scenarios/explore/known.toml"), "schema = 1\n").unwrap();
    let Ran { out: report, log, .. } = call_in(&args, workspace.path(), &Containers);
    assert!(report.contains("done 16 cells: 6 inert, 0 incomplete\n"), "{log}{report}");
    for said in [
        "never-unsafe: unsafe\n",
        "page-lost and tag-missing: 4 cells, procedure-only docker careful; procedure-only docker paste\n",
        "invariants-hold: page-once\n",
        "page-lost and tag-missing: 6 cells, ",
        "kinds of new finds: 2\n",
    ] {
        assert!(report.contains(said), "{said}: {report}");
    }
    assert!(!report.contains("  flips "), "{report}");
}

#[test]
fn parts_merged_are_the_whole_byte_for_byte() {
    let (out, elsewhere) = (folder(), folder());
    let space = out.path().join("space.toml");
    let more = out.path().join("more.toml");
    fs::write(&space, SMALL).unwrap();
    fs::write(&more, OWN).unwrap();
    let (space, more) = (text(&space), text(&more));
    let run = |args: &[&str]| {
        let all = ["--space", space, "--properties", more, "--faults", "2", "--exhaustive"];
        call(&[&["explore"], args, &all].concat())
    };
    let at = |name: &str| out.path().join(name);
    let whole = run(&["--out", text(&at("one")), "--threads", "1"]);
    assert_eq!(whole.status, ExitStatus::DoesNotConform, "{}{}", whole.log, whole.out);
    let read = |folder: &str, file: &str| fs::read_to_string(at(folder).join(file)).unwrap();
    let cells = read("one", "results.jsonl").lines().count() - 1;
    // The report names the folder, so all of them have to be of the same one.
    let results = read("one", "results.jsonl");
    fs::rename(at("one"), elsewhere.path().join("one")).unwrap();
    let half = (cells / 2).to_string();
    let (first, second) = (format!("0..{half}"), format!("{half}..{cells}"));
    for (part, range) in [("a", &first), ("b", &second)] {
        let ran = run(&["--out", text(&at(part)), "--range", range, "--threads", "2"]);
        assert!(!ran.out.contains("wanted are missing"), "{}", ran.out);
    }
    let (a, b) = (at("a").join("results.jsonl"), at("b").join("results.jsonl"));
    let merge = |files: &[&Path]| {
        let files: Vec<&str> = files.iter().map(|path| text(path)).collect();
        run(&[&["merge", "--out", text(&at("one"))], files.as_slice()].concat())
    };
    for files in [vec![&*a, &*b], vec![&*b, &*a, &*a]] {
        let merged = merge(&files);
        assert_eq!((merged.status, &merged.out), (whole.status, &whole.out), "{}", merged.log);
        assert_eq!(read("one", "results.jsonl"), results);
        assert_eq!(read("one", "report.txt"), whole.out);
        let found = |folder: &Path| -> Vec<(OsString, String)> {
            let files = fs::read_dir(folder.join("found")).unwrap().flatten();
            let mut files: Vec<_> =
                files.map(|file| (file.file_name(), fs::read_to_string(file.path()).unwrap())).collect();
            files.sort();
            files
        };
        assert_eq!(found(&at("one")), found(&elsewhere.path().join("one")));
    }
    let hole = merge(&[&b]);
    assert!(hole.out.contains(&format!("{half} of the wanted are missing")), "{}", hole.out);

    // What was cut off goes on where it ended.
    let cut: Vec<&str> = results.split_inclusive('\n').take(10).collect();
    fs::write(at("one").join("results.jsonl"), cut.concat()).unwrap();
    let resumed = run(&["--out", text(&at("one")), "--resume"]);
    assert_eq!((resumed.status, &resumed.out), (whole.status, &whole.out), "{}", resumed.log);
    assert_eq!(read("one", "results.jsonl"), results);

    // Half a line, another exploration, a cell twice, two that do not agree.
    let lines: Vec<&str> = results.lines().collect();
    let other = lines[2].replacen("\"verdict\":\"", "\"verdict\":\"un", 1);
    let mut line: Line = serde_json::from_str(lines[2]).unwrap();
    line.id = Some("another".into());
    let changed = serde_json::to_string(&line).unwrap();
    for (made, said) in [
        (format!("{}\n{}", lines[0], &lines[1][..20]), ":2: half a line"),
        (
            lines[0].replacen("\"seed\":\"1\"", "\"seed\":\"2\"", 1) + "\n",
            ":1: results of another exploration: seed is 2",
        ),
        (
            lines[0].replacen("\"space\":\"", "\"space\":\"0", 1) + "\n",
            ":1: results of another exploration: space is 0",
        ),
        (
            lines[0].replacen("\"schema\":1", "\"schema\":9", 1) + "\n",
            ":1: results of another exploration: schema is 9",
        ),
        (format!("{}\n{}\n{1}\n", lines[0], lines[1]), ":3: cell 0; looked for one from 1"),
        (format!("{}\n{other}\n", lines[0]), ":2: no cell's result: unknown variant"),
        (format!("{}\n{changed}\n", lines[0]), "cell 1 came to something else in a file before"),
        (String::new(), ":1: empty; looked for the header"),
    ] {
        let bad = out.path().join("bad.jsonl");
        fs::write(&bad, made).unwrap();
        let ran = merge(&[&a, &bad]);
        assert_eq!((ran.status, ran.out.as_str()), (ExitStatus::Usage, ""), "{said}: {}", ran.log);
        assert!(ran.log.contains(said), "{said}: {}", ran.log);
    }
}

/// Each find's smallest cell is one: whatever lies below it, by fewer faults or weaker levels, in any combination, holds.
#[test]
fn a_smallest_cell_has_none_below_it_and_its_thresholds_are_next_to_each_other() {
    let out = folder();
    let exploration = exploration(SMALL, None, 2, out.path());
    let explored = exploration.explore(0..exploration.space.len(), 2, false, &mut |_: Progress| true).unwrap();
    let Exploration { site, space, properties, .. } = &exploration;
    let mut drills = Drills::new(space, site, Scripts::default());
    let results = fs::read_to_string(out.path().join("results.jsonl")).unwrap();
    let lines: Vec<Line> = results.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    let found: BTreeSet<_> = lines.iter().flat_map(|line| &line.finds).cloned().collect();
    assert!(found.len() >= 8, "{}", explored.text);
    let mut shown = 0;
    for find in &found {
        let property = properties.all.iter().find(|property| property.id == find.property).unwrap();
        let Smallest::Cell(number) = find.smallest else { panic!("no number: {find:?}") };
        let cell = space.cell(number).unwrap();
        let has = |cell: &Cell, drills: &mut Drills<'_>| property.violated(cell, drills).contains(&find.subject);
        assert!(has(&cell, &mut drills), "{find:?}");
        for below in all_below(&cell, space) {
            assert!(!has(&below, &mut drills), "{find:?} is shown by {below:?} as well");
        }
        for Flip { param, holds, fails, .. } in shrink::flips(property, &find.subject, &cell, space, site) {
            assert_eq!((param.as_str(), holds.map(|holds| holds + 1)), ("delay_ms", Some(fails)), "{find:?}");
            assert!((9..=50).contains(&fails), "{find:?}: the claim is 10 ms, and it flips at {fails}");
            shown += 1;
        }
    }
    assert!(shown > 0, "no find has a level");
}

/// A property of a user's own is checked, no case pins it, and its finds are scenarios that end as they say. What a person
/// reads of it.
#[test]
fn a_find_is_told_and_its_scenario_shows_it_again() {
    let out = folder();
    let exploration = exploration(SMALL, Some(OWN), 1, out.path());
    let explored = exploration.explore(0..exploration.space.len(), 2, false, &mut |_: Progress| true).unwrap();
    assert_eq!(explored.status, ExitStatus::DoesNotConform, "{}", explored.text);
    assert_snapshot("explore-report.txt", &redacted(&explored.text.replace(text(out.path()), "OUT")));
    let found: Vec<PathBuf> =
        fs::read_dir(out.path().join("found")).unwrap().flatten().map(|file| file.path()).collect();
    assert!(!found.is_empty());
    for path in &found {
        for operator in ["careful", "paste"] {
            let drills = out.path().join("drills");
            let args = ["drill", "--scenario", text(path), "--topology", "docker", "--operator", operator];
            let ran = call(&[&args, ["--out", text(&drills)].as_slice()].concat());
            let said = fs::read_to_string(path).unwrap();
            let wanted =
                if said.contains(&format!("docker.{operator}]")) { ExitStatus::Conforms } else { ExitStatus::Usage };
            assert_eq!(ran.status, wanted, "{}{}", ran.log, ran.out);
        }
    }
}

#[test]
fn what_stops_early_is_told_of_what_was_done() {
    let out = folder();
    let exploration = exploration(SMALL, None, 2, out.path());
    let all = exploration.space.len();
    let explored = exploration.explore(0..all, 1, false, &mut |progress: Progress| progress.done < 3).unwrap();
    let done = fs::read_to_string(out.path().join("results.jsonl")).unwrap().lines().count() as u64 - 1;
    assert!((3..all).contains(&done), "{done} of {all}");
    let missing = format!("{} of the wanted are missing", all - done);
    assert!(explored.text.contains(&missing), "{missing}: {}", explored.text);
    assert_eq!(explored.status, ExitStatus::Inconclusive, "{}", explored.text);
}

/// Who is asked of careful drills alone needs the other operator's all the same.
#[test]
fn a_space_can_be_restricted() {
    let (site, path) = (site(), own().join("space.toml"));
    let wanted = Restricted {
        bases: vec!["confirmed".into()],
        topology: Some("compose".into()),
        operator: Some(Operator::Careful),
    };
    let space = Space::load(&path, &wanted, 1, &site).unwrap();
    let of = |cell: &Cell| (space.bases[cell.base].name.clone(), space.topology(cell).to_owned(), cell.operator);
    let all: BTreeSet<_> = (0..space.len()).map(|n| of(&space.cell(n).unwrap())).collect();
    assert_eq!(all, BTreeSet::from([("confirmed".to_owned(), "compose".to_owned(), Operator::Careful)]));
    assert_ne!(space.hash, whole(1).hash);
}
