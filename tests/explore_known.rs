//! What is known of a find: the case that pins it, at which levels it does, how a find becomes one, and whether a container says
//! the same. Needs no engine.

#![expect(clippy::unwrap_used, reason = "a test: what fails here shall end it, also in its helpers")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use conformance::exploring::{OWN, Ran, SMALL, TOUCHING, call, call_in, call_with, copied, folder, text};
use rollback_harness::cli::{Backend, Containers, HostCommand, Stage};
use rollback_harness::exit::ExitStatus;
use rollback_harness::host::HostKind;
use rollback_harness::prepare::{self, Selection};
use rollback_harness::run::RunError;

/// How slow a node is has a threshold, and the levels below and above it are one find each way: the shipped case at 50 ms
/// pins what begins at 12, and does not pin what shows at 800 behind a level at which all is well.
#[test]
fn a_case_pins_a_find_up_to_a_level_at_which_it_is_gone() {
    let out = folder();
    let path = out.path().join("space.toml");
    for (levels, new) in [
        ("{ delay_ms = 2 }, { delay_ms = 50 }, { delay_ms = 800 }", None),
        ("{ delay_ms = 2 }, { delay_ms = 12 }, { delay_ms = 800 }", None),
        ("{ delay_ms = 50 }, { delay_ms = 2 }, { delay_ms = 800 }", Some("healthz-slow (good) delay_ms=800")),
    ] {
        let space = SMALL.replace("{ delay_ms = 2 }, { delay_ms = 8 }, { delay_ms = 50 }", levels);
        let (space, _of_port_held) = space.split_once("\n[[fault]]\nid = \"port-held\"\n").unwrap();
        let space = space.replace(", \"port-held\", \"tag-missing\", \"tag-moved\"", "");
        fs::write(&path, space.replace(TOUCHING, "")).unwrap();
        let args = ["explore", "--exhaustive", "--space", text(&path), "--out", text(out.path())];
        let Ran { status, out: report, log } = call(&args);
        let pinned = "over-only-when-recovered: unverified, healthz-slow in the good release: pinned by healthz-slow, ";
        assert!(report.contains(pinned), "{levels}: {log}{report}");
        let shown = report.lines().find(|line| line.trim_start().starts_with("smallest "));
        match new {
            None => assert_eq!((status, shown), (ExitStatus::Conforms, None), "{levels}: {report}"),
            Some(new) => assert!(shown.unwrap().contains(new), "{levels}: {report}"),
        }
    }
}

/// Pages that are lost on compose: beside what takes the node off line, and beside what a careful operator gives up at.
const LOST: &str = r#"
schema = 1
bases = ["procedure-only"]
topologies = ["compose"]
operators = ["careful"]
only = ["page-lost", "registry-down", "snapshot-incompatible"]

[[fault]]
id = "registry-down"
moments = []
"#;

/// The pager knows nothing of what a page is sent for, so one case is enough of each way in which it loses one; but only where
/// the loss changes the same.
#[test]
fn a_case_stands_for_its_fault_beside_others_where_it_changes_the_same() {
    let workspace = copied();
    let path = |name: &str| workspace.path().join(name);
    fs::write(path("space.toml"), LOST).unwrap();
    let explored = || {
        let (space, out) = (path("space.toml"), path("out"));
        let args = ["explore", "--exhaustive", "--faults", "2", "--space", text(&space), "--out", text(&out)];
        call_in(&args, workspace.path(), &Containers)
    };
    let given_up = "page-once, page-lost and registry-down: pinned by page-twice, ";
    let shipped = explored();
    assert_eq!(shipped.status, ExitStatus::Conforms, "{}{}", shipped.log, shipped.out);
    assert!(shipped.out.contains(given_up), "{}", shipped.out);

    // Nothing stands for anything else where the file does not say so.
    let known = path("scenarios/explore/known.toml");
    let said = fs::read_to_string(&known).unwrap();
    fs::write(&known, "schema = 1\n").unwrap();
    let without = explored();
    assert_eq!(without.status, ExitStatus::DoesNotConform, "{}", without.out);
    assert!(
        !without.out.contains(given_up) && without.out.contains("\n  page-lost and registry-down: "),
        "{}",
        without.out
    );
    fs::write(&known, said).unwrap();

    // A page that is lost when the rollback is given up is another thing than one that is lost when the node is off line.
    for case in ["page-twice", "page-refused"] {
        fs::remove_file(path(&format!("scenarios/cases/{case}.toml"))).unwrap();
    }
    let others = explored();
    assert_eq!(others.status, ExitStatus::DoesNotConform, "{}", others.out);
    let new: Vec<&str> = others.out.lines().filter(|line| line.trim_start().starts_with("smallest ")).collect();
    let offline = "page-lost way=2, then snapshot-incompatible";
    assert!(new.iter().any(|line| line.contains(offline)), "{}", others.out);
    assert!(
        others.out.contains("unsafe, page-lost and registry-down: pinned by page-refused-given-up, "),
        "{}",
        others.out
    );
    assert!(!others.out.contains("unsafe, page-lost and snapshot-incompatible: pinned"), "{}", others.out);
}

/// Where a page is lost, in a workspace whose cases do not say so.
struct Unpinned {
    workspace: tempfile::TempDir,
    out: PathBuf,
}

impl Unpinned {
    fn new() -> Unpinned {
        let workspace = copied();
        for case in ["page-twice", "page-refused"] {
            fs::remove_file(workspace.path().join(format!("scenarios/cases/{case}.toml"))).unwrap();
        }
        let space = SMALL.replace("docker", "systemd").replace(
            "\"healthz-slow\", \"port-held\", \"tag-missing\", \"tag-moved\"",
            "\"page-lost\", \"snapshot-incompatible\"",
        );
        let (space, _) = space.split_once("[[touching]]").unwrap();
        fs::write(workspace.path().join("space.toml"), space).unwrap();
        let out = workspace.path().join("out");
        Unpinned { workspace, out }
    }

    fn call(&self, args: &[&str]) -> Ran {
        call_in(args, self.workspace.path(), &Containers)
    }

    fn explore(&self, args: &[&str]) -> Ran {
        let space = self.workspace.path().join("space.toml");
        self.call(&[&["explore", "--space", text(&space), "--out", text(&self.out)], args].concat())
    }

    fn found(&self) -> Vec<String> {
        let Ok(files) = fs::read_dir(self.out.join("found")) else { return Vec::new() };
        let mut names: Vec<String> =
            files.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }

    fn file(&self, name: &str) -> PathBuf {
        self.out.join("found").join(format!("{name}.toml"))
    }

    fn case(&self, name: &str) -> PathBuf {
        self.workspace.path().join("scenarios/cases").join(format!("{name}.toml"))
    }
}

const WHOLE: [&str; 3] = ["--exhaustive", "--faults", "2"];

#[test]
fn an_accepted_find_is_a_case_and_known_from_then_on() {
    let unpinned = Unpinned::new();
    let explored = unpinned.explore(&WHOLE);
    assert_eq!(explored.status, ExitStatus::DoesNotConform, "{}{}", explored.log, explored.out);
    let found = unpinned.found();
    assert!(found.len() >= 4, "{found:?}");
    let (first, others) = found.split_first().unwrap();
    let kept = fs::read_to_string(unpinned.file(first)).unwrap();

    // One by its file, the others by their names.
    let because = "Nobody comes where nobody was told.";
    let file = unpinned.file(first);
    let names: Vec<&str> = std::iter::once(text(&file)).chain(others.iter().map(String::as_str)).collect();
    let accepted = unpinned.explore(&[&["--because", because, "--accept"], names.as_slice()].concat());
    assert_eq!(accepted.status, ExitStatus::Conforms, "{}", accepted.log);
    assert_eq!(accepted.out.lines().count(), found.len(), "{}", accepted.out);
    assert!(unpinned.found().is_empty());
    let drills = unpinned.out.join("drills");
    for name in &found {
        assert!(fs::read_to_string(unpinned.case(name)).unwrap().contains(because));
        let drilled = unpinned.call(&["drill", "--scenario", name, "--operator", "both", "--out", text(&drills)]);
        assert_eq!(drilled.status, ExitStatus::Conforms, "{}{}", drilled.log, drilled.out);
    }
    let again = unpinned.explore(&WHOLE);
    assert_eq!(again.status, ExitStatus::Conforms, "{}{}", again.log, again.out);
    assert!(found.iter().all(|name| again.out.contains(&format!("pinned by {name}, "))), "{}", again.out);

    // The case stands, and is not written over.
    fs::create_dir_all(unpinned.out.join("found")).unwrap();
    fs::write(&file, kept).unwrap();
    refused(&unpinned, first, because, "a case of this name is there");
    assert!(file.exists());
}

fn refused(unpinned: &Unpinned, name: &str, because: &str, said: &str) {
    let cases = || fs::read_dir(unpinned.workspace.path().join("scenarios/cases")).unwrap().count();
    let before = cases();
    let ran = unpinned.explore(&["--accept", name, "--because", because]);
    assert_eq!((ran.status, ran.out.as_str()), (ExitStatus::Usage, ""), "{said}: {}", ran.log);
    assert!(ran.log.contains(said), "looked for {said:?}: {}", ran.log);
    assert_eq!(cases(), before, "{said}");
}

/// No `expect` pins a finding. A case that was accepted for one says so, and another with the same faults does not.
#[test]
fn an_accepted_find_of_a_finding_is_known_by_what_its_case_says() {
    let unpinned = Unpinned::new();
    let more = unpinned.workspace.path().join("more.toml");
    fs::write(&more, OWN.replace("\"blind-check\"], at_most = { downtime_ms = 60000 }", "\"unbounded-wait\"]"))
        .unwrap();
    let explore = |args: &[&str]| unpinned.explore(&[args, &["--properties", text(&more)]].concat());
    explore(&WHOLE);
    let of_it = || unpinned.found().into_iter().filter(|name| name.starts_with("checks-see-")).collect::<Vec<_>>();
    let found = of_it();
    assert!(found.len() >= 2, "{:?}", unpinned.found());
    let accepted = explore(&["--accept", &found[0], "--because", "it matters"]);
    assert_eq!(accepted.status, ExitStatus::Conforms, "{}", accepted.log);
    let again = explore(&WHOLE);
    let pinned = format!("  checks-see: unbounded-wait, no fault: pinned by {}, ", found[0]);
    assert!(again.out.contains(&pinned), "looked for {pinned}: {}", again.out);
    assert_eq!(of_it(), found[1..], "{}", again.out);
    // The same drill, and nobody says what for.
    let case = fs::read_to_string(unpinned.case(&found[0])).unwrap();
    fs::write(unpinned.case(&found[0]), case.replace("Found by explore", "Come upon")).unwrap();
    explore(&WHOLE);
    assert_eq!(of_it(), found);
}

#[test]
fn what_is_no_find_is_not_accepted() {
    let unpinned = Unpinned::new();
    unpinned.explore(&WHOLE);
    let found = unpinned.found();
    let name = found.iter().find(|name| name.starts_with("never-unsafe-")).unwrap();
    let file = unpinned.file(name);
    for because in ["", " \t", "two\nlines", &"long ".repeat(300)] {
        refused(&unpinned, name, because, "looked for a line of at most 1000 bytes");
    }
    refused(&unpinned, "never-found", "it matters", "never-found.toml: cannot be read");
    refused(&unpinned, text(&unpinned.case("procedure-only")), "it matters", "no find of an exploration");
    let said = fs::read_to_string(&file).unwrap();
    for (from, to, refusal) in [
        ("verdict = \"unsafe\"", "verdict = \"offline\"", "it says that it comes to offline"),
        ("broken = [\"page-once\"]", "broken = []", "and comes to unsafe; broken: page-once"),
        ("not hold (unsafe)", "not hold (misdiagnosed)", "`never-unsafe` holds in it (misdiagnosed)"),
        ("`never-unsafe`", "`never-mind`", "no property `never-mind`; there are recovers-without-a-fault, "),
        ("`never-unsafe`", "`order-of-others`", "`order-of-others` holds in it (unsafe)"),
        ("share_percent = 40", "share_percent = 41", "made from no base of the space; there are procedure-only"),
        ("way = 2", "way = 4", "fault `page-lost`: `way` is 4"),
        ("schema = 1", "schema = 1\nmore = 1", "unknown field `more`"),
    ] {
        let made = said.replacen(from, to, 1);
        assert_ne!(made, said, "{from}: {said}");
        fs::write(&file, made).unwrap();
        refused(&unpinned, name, "it matters", refusal);
    }
    fs::write(&file, &said).unwrap();
    for (args, refusal) in [
        (vec!["--accept", name], "--because"),
        (vec!["--because", "it matters"], "--accept"),
        (vec!["--accept", name, "--because", "it matters", "--resume"], "--resume"),
        (vec!["--because", "it matters", "--accept", name, name], "named twice"),
    ] {
        let ran = unpinned.explore(&args);
        assert_eq!((ran.status, ran.out.as_str()), (ExitStatus::Usage, ""), "{args:?}: {}", ran.log);
        assert!(ran.log.contains(refusal), "{args:?}: {}", ran.log);
    }
    assert!(file.exists());
}

/// A container that does what the simulator does, or one whose drills have lost their faults.
struct Machine {
    honest: bool,
}

impl Backend for Machine {
    fn drill(&self, selection: &Selection, stage: &mut Stage<'_>) -> Result<(), RunError> {
        assert_eq!(selection.host, HostKind::Container);
        let path = Path::new(&selection.scenarios[0]);
        if !self.honest {
            let mut scenario = prepare::load(path).unwrap();
            scenario.faults.truncate(1);
            fs::write(path, toml::to_string(&scenario).unwrap()).unwrap();
        }
        Containers.drill(&Selection { host: HostKind::Sim, ..selection.clone() }, stage)
    }

    fn host(&self, _: HostCommand, _: &Path, _: &mut dyn Write, _: &mut dyn Write) -> Result<(), RunError> {
        Ok(())
    }
}

#[test]
fn finds_are_confirmed_one_of_each_kind_and_a_difference_is_told() {
    let out = folder();
    let (space, more) = (out.path().join("space.toml"), out.path().join("more.toml"));
    let without_port = SMALL
        .replace("\"port-held\", \"tag-missing\", ", "")
        .replace("[[fault]]\nid = \"port-held\"\nmoments = [{ before = \"start\" }]\n", "");
    fs::write(&space, without_port.replace(TOUCHING, "")).unwrap();
    fs::write(&more, OWN).unwrap();
    for (honest, said) in [(true, ": the container agrees\n"), (false, ": the container ends otherwise")] {
        let args = ["explore", "--exhaustive", "--space", text(&space), "--properties", text(&more), "--confirm", "1"];
        let ran = call_with(&[&args, ["--out", text(out.path())].as_slice()].concat(), &Machine { honest });
        assert_eq!(ran.status, ExitStatus::DoesNotConform, "{}", ran.log);
        let told: Vec<&str> = ran.out.lines().filter(|line| line.starts_with("confirm ")).collect();
        assert!(told.len() == 1 && format!("{}\n", told[0]).contains(said), "{said}: {}{}", ran.log, ran.out);
    }
}
