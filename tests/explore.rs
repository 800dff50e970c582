//! Exploration: cells are counted, finds are the same however the work is divided, each is the smallest of its kind and is shown
//! again by its scenario, and bad input is refused. Needs no engine.

#![expect(clippy::unwrap_used, reason = "a test: what fails here shall end it, also in its helpers")]

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use conformance::containers::workspace;
use conformance::redactions::{assert_snapshot, redacted};
use proptest::prelude::*;
use rollback_harness::cli::{self, Containers};
use rollback_harness::exit::ExitStatus;
use rollback_harness::explore::drills::{Drills, Site};
use rollback_harness::explore::property::Properties;
use rollback_harness::explore::results::{Line, Smallest, Strategy};
use rollback_harness::explore::sample;
use rollback_harness::explore::shrink::{self, Flip};
use rollback_harness::explore::space::{Cell, FAULTS_MAX, Restricted, Script, Space};
use rollback_harness::explore::{Exploration, Progress};
use rollback_harness::host::HostKind;
use rollback_harness::host::sim::Scripts;
use rollback_harness::prepare::Selection;
use rollback_harness::report::{Output, Terminal};
use rollback_harness::scenario::Operator;
use tempfile::TempDir;

/// Faults of every sort: from birth with levels, arranged, of the registry, and two that touch the same thing.
const SMALL: &str = r#"
schema = 1
bases = ["baseline"]
topologies = ["docker"]
operators = ["careful", "paste"]
only = ["healthz-slow", "port-held", "tag-missing", "tag-moved"]

[[touching]]
thing = "the tag"
faults = ["tag-missing", "tag-moved"]

[[fault]]
id = "healthz-slow"
release = "good"
levels = [{ delay_ms = 2 }, { delay_ms = 8 }, { delay_ms = 50 }]

[[fault]]
id = "healthz-slow"
release = "bad"
levels = []
"#;

/// A property that no case pins, since none expects findings and figures.
const OWN: &str = r#"
schema = 1

[[property]]
id = "checks-see"
about = "The runbook's own checks do not pass where the oracle fails."
when = { verdict = ["recovered", "unverified"] }
must = { findings_not = ["blind-check"], at_most = { downtime_ms = 60000 } }
"#;

fn site() -> Site {
    Site::new(Selection::usual(HostKind::Sim, "all", &workspace())).unwrap()
}

fn own() -> PathBuf {
    workspace().join("scenarios/explore")
}

/// An exploration of this space file's text, with the project's properties and these.
fn exploration(space: &str, more: Option<&str>, most: usize, out: &Path) -> Exploration {
    let (site, path) = (site(), out.join("space.toml"));
    fs::create_dir_all(out).unwrap();
    fs::write(&path, space).unwrap();
    let space = Space::load(&path, &Restricted::default(), most, &site).unwrap();
    let mut files = vec![own().join("properties.toml")];
    if let Some(text) = more {
        files.push(out.join("more.toml"));
        fs::write(files.last().unwrap(), text).unwrap();
    }
    let properties = Properties::load(files.iter().map(PathBuf::as_path)).unwrap();
    Exploration { site, space: Arc::new(space), strategy: Strategy::Exhaustive, properties, out: out.to_owned() }
}

/// Its project's own space.
fn whole(most: usize) -> Space {
    Space::load(&own().join("space.toml"), &Restricted::default(), most, &site()).unwrap()
}

struct Ran {
    status: ExitStatus,
    out: String,
    log: String,
}

fn call(args: &[&str]) -> Ran {
    let (mut out, mut log) = (Vec::new(), Vec::new());
    let all = std::iter::once("rollback-drill").chain(args.iter().copied()).map(OsString::from);
    let output = Output { out: &mut out, log: &mut log, terminal: Terminal::default() };
    let status = cli::main_with(all, &workspace(), output, &Containers);
    Ran { status, out: String::from_utf8(out).unwrap(), log: String::from_utf8(log).unwrap() }
}

fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

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
    // Two operators; 3 levels and 3 faults without any, and the two orders of the tags.
    assert_eq!(space.len(), 2 * (1 + 6 + (3 * 3 + 3 + 1)));
}

/// Every single fault of the registry on a topology, by both operators: all is drilled, each fault acts or is said to be
/// inert, and what does not hold is what the scenarios pin.
fn single_faults(topology: &str, pinned: &[&str]) {
    let out = folder();
    let args = ["explore", "--exhaustive", "--base", "baseline", "--topology", topology, "--out", text(out.path())];
    let Ran { status, out: report, log } = call(&args);
    assert_eq!(status, ExitStatus::Conforms, "{log}{report}");
    assert!(report.contains(" 0 incomplete\n") && report.contains("kinds of new finds: 0\n"), "{report}");
    for pinned in pinned {
        assert!(report.contains(&format!("{pinned}: pinned by {pinned}\n")), "{pinned}: {report}");
    }
    for operator in ["careful", "paste"] {
        assert!(report.contains(&format!("baseline {topology} {operator} ")), "{report}");
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

/// 2,000 samples of a fixed seed by two threads. A block is the same by itself, and two are joined to what they were; more
/// faults than pairs and values that no level has are among them.
#[test]
fn samples_are_the_same_whoever_takes_them() {
    let out = folder();
    let of = ["--base", "baseline", "--topology", "systemd", "--operator", "careful", "--seed", "7"];
    let run = |args: &[&str]| call(&[&["explore"], args, &of].concat());
    let at = |name: &str| out.path().join(name);
    let whole = run(&["--range", "0..2000", "--threads", "2", "--out", text(&at("one"))]);
    assert!(whole.out.contains("done 2000 samples: "), "{}{}", whole.log, whole.out);
    assert!(whole.status <= ExitStatus::Inconclusive, "{}", whole.log);
    let results = fs::read_to_string(at("one").join("results.jsonl")).unwrap();
    let lines: Vec<&str> = results.lines().collect();
    let (first, second) = (at("first.jsonl"), at("second.jsonl"));
    let part = |path: &Path, from: usize, until: usize| {
        let range = format!("\"from\":{from},\"until\":{until}");
        let header = lines[0].replace("\"from\":0,\"until\":2000", &range);
        fs::write(path, format!("{header}\n{}\n", lines[from + 1..=until].join("\n"))).unwrap();
    };
    part(&first, 0, 1000);
    part(&second, 1000, 2000);
    let merged = run(&["merge", text(&second), text(&first), "--out", text(&at("one"))]);
    assert_eq!((merged.status, &merged.out), (whole.status, &whole.out), "{}", merged.log);
    assert_eq!(fs::read_to_string(at("one").join("results.jsonl")).unwrap(), results);

    let site = Site::new(Selection { seed: 7, ..Selection::usual(HostKind::Sim, "all", &workspace()) }).unwrap();
    let wanted = Restricted {
        bases: vec!["baseline".into()],
        topology: Some("systemd".into()),
        operator: Some(Operator::Careful),
    };
    let space = Arc::new(Space::load(&own().join("space.toml"), &wanted, FAULTS_MAX, &site).unwrap());
    let properties = Properties::load([own().join("properties.toml").as_path()]).unwrap();
    let again = sample::block(1, 100, (&space, &site, &properties), &Scripts::default()).unwrap();
    let there: Vec<Line> = lines[1001..].iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(again, there[..100], "the second block by itself");

    let scripts: Vec<&Script> = there.iter().map(|line| line.script.as_ref().unwrap()).collect();
    assert!(scripts.iter().collect::<BTreeSet<_>>().len() > 500, "one sample in two was there before");
    assert!(scripts.iter().any(|script| script.faults.len() > 3));
    let slow = |script: &&Script| script.faults.iter().find(|used| used.id == "healthz-slow").cloned();
    assert!(scripts.iter().filter_map(slow).any(|used| !space.levels(&used).contains(&used.params)));
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
        assert!(!ran.out.contains("missing"), "{}", ran.out);
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

fn all_below(cell: &Cell, space: &Space) -> BTreeSet<Cell> {
    let (mut below, mut left) = (BTreeSet::new(), shrink::smaller(cell, space));
    while let Some(next) = left.pop() {
        if below.insert(next.clone()) {
            left.extend(shrink::smaller(&next, space));
        }
    }
    below
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

#[test]
fn bad_input_is_refused_with_file_and_line() {
    let out = folder();
    let (space, more) = (out.path().join("space.toml"), out.path().join("more.toml"));
    let with = |from: &str, to: &str| SMALL.replacen(from, to, 1);
    let spaces = [
        (with("schema = 1", "schema = 2"), ":2: schema is 2; looked for 1"),
        (with("operators", "operatoren"), ":5: unknown field `operatoren`"),
        (with("[\"docker\"]", "[\"podman\"]"), ":4: base `baseline` is not for topology `podman`; it is for compose"),
        (with("[\"baseline\"]", "[\"base\"]"), ":3: no scenario `base`"),
        (
            with("[\"baseline\"]", "[\"compose-not-edited\"]"),
            ":4: base `compose-not-edited` is not for topology `docker`",
        ),
        (with("[\"docker\"]", "[\"docker\", \"docker\"]"), ":4: topologies: the same one twice"),
        (with("[\"docker\"]", "[]"), ": topologies: none"),
        (with("\"port-held\"", "\"port-hold\""), ":6: no fault `port-hold`; there are "),
        (with("faults = [\"tag-missing\"", "faults = [\"tag-gone\""), ":10: no fault `tag-gone`"),
        (with("delay_ms = 8", "delay_ms = 801"), ":13: fault `healthz-slow`: `delay_ms` is 801"),
        (with("delay_ms = 8", "delay_s = 8"), ":13: fault `healthz-slow` has no parameter `delay_s`"),
        (with("delay_ms = 8", "delay_ms = 2"), ":13: `healthz-slow` has the same level twice"),
        (with("release = \"good\"\n", ""), ":13: fault `healthz-slow`: a release is born with it"),
        (with("release = \"bad\"", "release = \"good\""), ":18: `healthz-slow` again"),
        (
            with("\"port-held\"", "\"snapshot-incompatible\"")
                + "[[fault]]\nid = \"snapshot-incompatible\"\nlevels = [{ format = 9 }]\n",
            ":22: `snapshot-incompatible`: level 1 can be had with no base on any topology",
        ),
    ];
    let properties = [
        (OWN.replace("downtime_ms", "downtime"), ":5: property `checks-see`: at_most, at_least: no `downtime`"),
        (OWN.replace("at_most", "most"), ":8: unknown field `most`"),
        (OWN.replace("checks-see", "Never!"), ":5: id \"Never!\""),
        (OWN.replace("checks-see", "never-unsafe"), ":5: property `never-unsafe` again"),
        (OWN.replace("must =", "relation = \"careful-no-worse\"\nmust ="), "looked for either `must` or `relation`"),
        (
            OWN.replace("{ findings_not = [\"blind-check\"], at_most = { downtime_ms = 60000 } }", "{}"),
            ":5: property `checks-see`: `must` asks for",
        ),
        (OWN.replace("\"recovered\"", "\"healed\""), ":7: unknown variant `healed`"),
    ];
    let calls = spaces.iter().map(|(text, said)| (text.as_str(), OWN, *said));
    for (of_space, of_properties, said) in
        calls.chain(properties.iter().map(|(text, said)| (SMALL, text.as_str(), *said)))
    {
        fs::write(&space, of_space).unwrap();
        fs::write(&more, of_properties).unwrap();
        let ran = call(&["explore", "--space", text(&space), "--properties", text(&more), "--out", text(out.path())]);
        assert_eq!((ran.status, ran.out.as_str()), (ExitStatus::Usage, ""), "{said}: {}", ran.log);
        assert!(ran.log.contains(said), "looked for {said:?}: {}", ran.log);
        assert!(ran.log.contains(".toml"), "no file is named: {}", ran.log);
    }
    fs::write(&space, SMALL).unwrap();
    for (args, said) in [
        (["--range", "3..3"], "it is empty"),
        (["--range", "4..3"], "it is reversed"),
        (["--range", "3"], "looked for A..B"),
        (["--exhaustive", "--range=0..1000"], "--range 0..1000: the space ends at "),
        (["--range", "0..1500"], "--range 0..1500: samples come in blocks of 1000"),
        (["--faults", "7"], "--faults 7: the greatest number is 6"),
        (["--threads", "0"], "0 is not in 1..=256"),
        (["--base", "confirmed"], "--base confirmed: no base of this space; there are baseline"),
        (["--topology", "systemd"], "nothing is left of the space"),
        (["--resume", "--exhaustive"], "results.jsonl: cannot be read"),
    ] {
        let none = out.path().join("none");
        let ran = call(&[["explore", "--space", text(&space), "--out", text(&none)].as_slice(), &args].concat());
        assert_eq!((ran.status, ran.out.as_str()), (ExitStatus::Usage, ""), "{said}: {}", ran.log);
        assert!(ran.log.contains(said), "looked for {said:?}: {}", ran.log);
    }
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
