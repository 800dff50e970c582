//! Strength: sabotage of the runbook is found in the cell that its file names, the same in other words raises nothing, and a
//! file that does not fit is refused. `rollback-drill explore strength` looks through all cells of all files. Needs no engine.

#![expect(clippy::unwrap_used, reason = "a test: what fails here shall end it, also in its helpers")]

use std::fs;
use std::path::Path;

use conformance::containers::workspace;
use conformance::exploring::{call, folder, own, text};
use rollback_harness::exit::ExitStatus;
use rollback_harness::explore::property::Properties;
use rollback_harness::explore::space::Cell;
use rollback_harness::explore::strength::file::{Said, Variation};
use rollback_harness::explore::strength::{Outcome, Strength};
use rollback_harness::scenario::Operator;

/// At least so many are found; what is refused when it is read is not counted. Each file that says `missed` is held to it, so
/// none is lost unseen.
const FOUND_LEAST: usize = 48;

#[test]
fn sabotage_is_found_where_its_file_says() {
    let (out, strength) = (folder(), Strength::new(&workspace(), 1).unwrap());
    let all = strength.variations("sabotage").unwrap();
    let cells = all.iter().filter_map(|variation| match &variation.said {
        Said::Shows { script, .. } => Some(strength.beside(script)),
        _ => None,
    });
    let known = strength.known(cells.flatten().collect::<std::collections::BTreeSet<u64>>());
    let mut found = 0;
    for variation in &all {
        let cell = match &variation.said {
            Said::Shows { script, .. } => vec![strength.number(script).unwrap()],
            _ => Vec::new(),
        };
        let row = strength.look(variation, cell, &known, out.path()).unwrap();
        assert_eq!(row.differs, None, "{}: {:?}", row.name, row.outcome);
        found += usize::from(matches!(row.outcome, Outcome::Found { .. }));
    }
    assert!(found >= FOUND_LEAST, "{found} of {}", all.len());
}

/// All bases by both operators without a fault, and `procedure-only` by a careful one with each fault at its strongest.
fn cells_of(strength: &Strength, topology: &str) -> [Vec<u64>; 2] {
    let space = &strength.space;
    let all = space.can_have("procedure-only", topology);
    let single = |cell: &Cell| {
        let of = space.bases[cell.base].name == "procedure-only" && cell.operator == Operator::Careful;
        of && space.uses(cell).iter().all(|used| all.contains(used))
    };
    let there = |number: &u64| space.topology(&space.cell(*number).unwrap()) == topology;
    let (bare, one) = (0..space.len()).filter(there).partition(|number| space.cell(*number).unwrap().faults.is_empty());
    [bare, Vec::into_iter(one).filter(|number| single(&space.cell(*number).unwrap())).collect()]
}

/// Each paraphrase without a fault, and with every fourth of the faults, not the same ones for all. The command does the rest.
#[test]
fn paraphrases_raise_nothing() {
    let (out, strength) = (folder(), Strength::new(&workspace(), 1).unwrap());
    let all = strength.variations("paraphrases").unwrap();
    assert!(all.len() >= 10, "{}", all.len());
    for topology in &strength.space.topologies {
        let [bare, single] = cells_of(&strength, topology);
        let known = strength.known(bare.iter().chain(&single).copied());
        let mut looked = 0;
        for variation in &all {
            let Said::Same { topologies } = &variation.said else { panic!("{}: {:?}", variation.name, variation.said) };
            if !topologies.contains(topology) {
                continue;
            }
            let cells: Vec<u64> = bare.iter().chain(single.iter().skip(looked % 4).step_by(4)).copied().collect();
            let row = strength.look(variation, cells.clone(), &known, out.path()).unwrap();
            assert_eq!(row.differs, None, "{}: {:?} {:?}", row.name, row.outcome, row.incomplete);
            assert_eq!(row.cells, cells.len() as u64, "{}", row.name);
            looked += 1;
        }
        assert!(looked > 3, "{looked} paraphrases for {topology}");
    }
}

/// What is said of a file is compared, whatever it is: sabotage that is passed off as a paraphrase, and the other way round.
#[test]
fn what_a_file_says_wrongly_is_told() {
    let (out, strength) = (folder(), Strength::new(&workspace(), 0).unwrap());
    let shipped = |name: &str| fs::read_to_string(workspace().join("scenarios").join(name)).unwrap();
    let sabotage = shipped("sabotage/link-not-forced.toml");
    let (edits, shows) = sabotage.split_once("\n[shows]").unwrap();
    let passed_off = edits.replacen("\n[[edits]]", "topologies = [\"systemd\"]\n\n[[edits]]", 1);
    let missed = edits.replacen("\n[[edits]]", "missed = \"nobody looks\"\n\n[[edits]]", 1);
    let refused = edits.replacen("\n[[edits]]", "refused = \"no step A4\"\n\n[[edits]]", 1);
    let harmless = shipped("paraphrases/link-without-n.toml").replace("topologies = [\"systemd\"]\n", "");
    let harmless = format!("{harmless}\n[shows]{shows}");
    // `procedure-only` on each topology, by both operators.
    let cells = 0..6;
    let known = strength.known(cells.clone());
    let properties = Properties::load([own().join("properties.toml").as_path()]).unwrap();
    for (made, said) in [
        (passed_off, Some("nothing new")),
        (missed, Some("nothing, in cells")),
        (refused, Some("a refusal with `no step A4`")),
        (harmless, Some("recovers-without-a-fault: offline, no fault, on systemd by careful, from procedure-only")),
        (sabotage.clone(), None),
    ] {
        let path = out.path().join("made.toml");
        fs::write(&path, &made).unwrap();
        let variation = Variation::load(&path, &properties).unwrap();
        let row = strength.look(&variation, cells.clone(), &known, out.path()).unwrap();
        assert_eq!(row.differs.is_some(), said.is_some(), "{made}: {row:?}");
        assert!(said.is_none_or(|said| row.differs.as_deref().unwrap().contains(said)), "{said:?}: {row:?}");
    }
}

#[test]
fn the_table_tells_what_shows_each() {
    let out = folder();
    let of =
        |names: &[&str]| call(&[&["explore", "strength", "--faults", "0", "--out", text(out.path())], names].concat());
    let ran = of(&["link-not-forced", "undrain-dropped", "not-left-stopped", "link-without-n"]);
    // One is found with a fault only, and here is none: its file says otherwise, and that is told.
    assert_eq!(ran.status, ExitStatus::DoesNotConform, "{}{}", ran.log, ran.out);
    assert_eq!(ran.out.matches("OTHERWISE than its file says: ").count(), 1, "{}", ran.out);
    for said in [
        "recovers-without-a-fault: offline, no fault, on systemd by careful, from procedure-only\n",
        "undrain-dropped/rollback.md:35: the section `A. systemd, the layout that we recommend` has no step A8",
        "OTHERWISE than its file says: invariants-hold: serving-or-offline, release-missing, on systemd by careful",
        "sabotage: 3, of these 1 found, 1 refused when read, 1 not found\n",
        "paraphrases: 1, of these 0 raise something new\n",
    ] {
        assert!(ran.out.contains(said), "{said}: {}", ran.out);
    }
    // The changed document is there to be drilled.
    let [runbook, binding] =
        ["rollback.md", "rollback.binding.toml"].map(|name| out.path().join("link-not-forced").join(name));
    let drills = out.path().join("drills");
    let args = ["drill", "--topology", "systemd", "--host", "sim", "--out", text(&drills)];
    let drilled = call(&[&args, ["--runbook", text(&runbook), "--binding", text(&binding)].as_slice()].concat());
    assert_eq!(drilled.status, ExitStatus::DoesNotConform, "{}{}", drilled.log, drilled.out);
    let unknown = of(&["no-such"]);
    assert_eq!(unknown.status, ExitStatus::Usage, "{}", unknown.log);
    assert!(unknown.log.contains("no changed runbook `no-such`; there are "), "{}", unknown.log);
}

#[test]
fn a_file_that_does_not_fit_is_refused_with_its_line() {
    const GOOD: &str = "schema = 1\nabout = \"x\"\nmissed = \"y\"\n\n[[edits]]\nin = \"runbook\"\nfind = \"docker rm\"\nreplace = \"\"\n";
    let out = folder();
    let path = out.path().join("bad.toml");
    let properties = Properties::load([own().join("properties.toml").as_path()]).unwrap();
    let texts = ["docker stop\ndocker rm\n".to_owned(), "docker rm\n".to_owned()];
    let tried = |made: &str| {
        fs::write(&path, made).unwrap();
        Variation::load(&path, &properties).and_then(|variation| variation.applied(&texts))
    };
    assert_eq!(tried(GOOD).unwrap(), ["docker stop\n\n".to_owned(), texts[1].clone()]);
    let shows = "[shows]\nproperty = \"P\"\nof = \"x\"\nbase = \"procedure-only\"\ntopology = \"docker\"\noperator = \"paste\"\n";
    for (made, said) in [
        (GOOD.replace("schema = 1", "schema = 2"), ":1: schema is 2; looked for 1"),
        (GOOD.replace("missed", "mist"), ":3: unknown field `mist`"),
        (GOOD.replace("missed = \"y\"\n", ""), ":1: looked for exactly one of `shows`, `refused`, `missed`"),
        (GOOD.replace("missed = \"y\"\n", "missed = \"y\"\nrefused = \"z\"\n"), ":1: looked for exactly one of"),
        (GOOD.replace("missed = \"y\"\n", "") + shows, "no property `P`"),
        (GOOD.replace("in = \"runbook\"", "in = \"topology\""), ":6: unknown variant `topology`"),
        (GOOD.replace("docker rm", ""), ":5: an edit that finds nothing"),
        (GOOD.replace("docker rm", "docker run"), ":5: `docker run` stands 0 times in rollback.md; looked for 1"),
        (GOOD.replace("docker rm", "docker"), ":5: `docker` stands 2 times in rollback.md; looked for 1: where"),
        (GOOD.replace("replace", "count = 2\nreplace"), ":5: `docker rm` stands 1 times in rollback.md; looked for 2"),
        (GOOD.lines().take(3).collect::<Vec<_>>().join("\n"), "missing field `edits`"),
        (GOOD.lines().take(3).collect::<Vec<_>>().join("\n") + "\nedits = []\n", ":1: 0 edits; looked for 1 to 20"),
    ] {
        let refused = tried(&made).unwrap_err().to_string();
        let whole = format!("{}{said}", Path::new(&path).display());
        assert!(refused.contains(if said.starts_with(':') { &whole } else { said }), "{said}: {refused}");
    }
    let missing = out.path().join("missing.toml");
    assert!(Variation::load(&missing, &properties).unwrap_err().to_string().contains("missing.toml: cannot be read"));
}
