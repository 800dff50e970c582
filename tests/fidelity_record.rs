//! The record of the comparison and the account rendered of it: what is refused, what a cell that is drilled again changes,
//! and that both files in the repository are of what there is.

#![expect(clippy::unwrap_used, reason = "a test: what fails here shall end it, also in its helpers")]

use std::collections::{BTreeMap, BTreeSet};

use conformance::agreement::account::{Accounts, CellAccount};
use conformance::agreement::cells::{self, Cell, HowMany, RUNS};
use conformance::agreement::compare::{Agreement, Difference as FactDifference, Outside};
use conformance::agreement::document::{self, DOCUMENT};
use conformance::agreement::gaps::{self, Gap};
use conformance::agreement::observe::Kind;
use conformance::agreement::record::{RECORD, Record, Wanted};
use conformance::containers::workspace;
use conformance::probing::compare::{Compared, Difference, ProbeResult};
use conformance::probing::{self, probe::Probe, scripts};
use conformance::redactions::assert_snapshot;
use rollback_harness::scenario::Operator;
use rollback_harness::verdict::Verdict;

const GAPS: &str = "
[[gap]]
id = 'log'
cells = 'a-.*'
kinds = ['output']
names = 'log'
reason = 'because'

[[gap]]
id = 'stop'
cells = '.*'
kinds = ['time']
names = 'stop'
beyond_ms = 7750
reason = 'because'
";

/// Of one probe's one difference.
const PROBE_GAPS: &str =
    "[[gap]]\nid = 'known'\nprobe = 'p'\ncells = ['step 1 output']\ndiffers = 'Words.'\nreason = 'None.'\n";

/// What a drill of `a` and of `b` came to together, before counts were kept for each cell.
const CARRIED: &str = "
[before]
cells = 2
outside = 1
times = 3
counts = { compared = [4, 0, 0, 0, 0, 0, 0, 0, 3, 1], differ = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0], varied = [0, 0, 0, 0, 0, 0, 0, 0, 5, 0] }

[probes.systemd]
differ = 1
outputs = 1
probes = ['p']
state = 3
statuses = 2

[probes.generated-scripts]
differ = 0
outputs = 7
probes = ['generated-scripts']
state = 7
statuses = 7

[cell.a-systemd-careful]
containers = ['recovered']
decided_by = 'of a'
facts = [3, 3]
outside = { stop = 7750 }
simulator = 'recovered'
times = 2

[cell.b-systemd-careful]
containers = ['unsafe']
decided_by = 'of b'
facts = [4, 4]
simulator = 'unsafe'
times = 1
";

fn cell(scenario: &str) -> Cell {
    Cell {
        scenario: scenario.to_owned(),
        topology: "systemd".to_owned(),
        operator: Operator::Careful,
        verdict: Verdict::Recovered,
        faults: vec!["errors".to_owned()],
        decided_by: format!("of {scenario}"),
    }
}

/// A comparison in which an output, a piece of chatter and a duration differ.
fn differing() -> Agreement {
    let differ = |kind, name: &str| FactDifference {
        kind,
        name: name.to_owned(),
        containers: Some("a".to_owned()),
        simulator: None,
    };
    Agreement {
        compared: BTreeMap::from([(Kind::Verdict, 1), (Kind::Output, 1), (Kind::Chatter, 1)]),
        varied: BTreeMap::from([(Kind::Status, vec!["pull".to_owned()])]),
        differences: vec![differ(Kind::Output, "log"), differ(Kind::Chatter, "pull")],
        times: 2,
        // 7.7491 s beyond the bound.
        outside: vec![Outside {
            name: "stop".into(),
            least_us: 1_000_000,
            most_us: 1_000_000,
            simulator_us: 8_999_100,
        }],
    }
}

fn drilled(scenario: &str, agreement: Agreement) -> CellAccount {
    CellAccount::new(&cell(scenario), vec!["recovered".into(); RUNS], "recovered".into(), agreement)
}

fn probe(name: &str) -> Probe {
    let text = "title = 'x'\ntopology = 'systemd'\n[[step]]\nrun = 'true'\n";
    probing::probe::parse(name, text).unwrap()
}

fn result(name: &str, gap: Option<&str>) -> ProbeResult {
    let compared = Compared { statuses: 2, outputs: 1, state: 3 };
    let difference = Difference {
        cell: "step 1 output".into(),
        container: "a".into(),
        simulator: "b".into(),
        gap: gap.map(str::to_owned),
    };
    ProbeResult { probe: name.into(), topology: "systemd".into(), compared, differences: vec![difference] }
}

/// Does something with cells, gaps, the probe `p` and its gap.
fn with<T>(cells: &[Cell], gaps: &[Gap], then: impl FnOnce(Wanted<'_>) -> T) -> T {
    let (probes, probe_gaps) = ([probe("p")], probing::probe::gaps(PROBE_GAPS).unwrap());
    then(Wanted { cells, gaps, probes: &probes, probe_gaps: &probe_gaps })
}

fn said<T>(refused: Result<T, String>) -> String {
    refused.err().unwrap_or_else(|| "nothing".to_owned())
}

#[test]
fn an_account_is_of_all_cells_and_probes_and_hides_nothing() {
    let (cells, both) = ([cell("a")], gaps::parse(GAPS).unwrap());
    let without = |result: ProbeResult| ProbeResult { differences: vec![], ..result };
    let results = [result("p", Some("known")), without(result(scripts::NAME, None))];
    let text = |cells: &[Cell], gaps: &[Gap], of_cells: &[CellAccount], of_probes: &[ProbeResult]| {
        with(cells, gaps, |wanted| {
            let mut record = Record::default();
            record.merge(wanted, &Accounts { cells: of_cells.to_vec(), probes: of_probes.to_vec() })?;
            document::render(wanted, &record)
        })
    };
    let differ = || [drilled("a", differing())];
    let nothing = || [drilled("a", Agreement::default())];
    assert_snapshot("fidelity-account.md", &text(&cells, &both, &differ(), &results).unwrap());
    let once = CellAccount { containers: vec!["recovered".into()], ..drilled("a", Agreement::default()) };
    let changed = CellAccount { decided_by: "other".into(), ..drilled("a", Agreement::default()) };
    let less = gaps::parse(&GAPS.replace("7750", "7749")).unwrap();
    let another = gaps::parse(&GAPS.replace("'a-.*'", "'b-.*'")).unwrap();
    let refusals = [
        (text(&cells, &[], &[], &results), "a-systemd-careful was not compared; drill this cell again: .ci/fidelity a"),
        (text(&[], &[], &nothing(), &results), "cells/a-systemd-careful.json is of no case that there is"),
        (text(&cells, &both[..1], &differ(), &results), "the time `stop` lies outside, by up to 7750 ms"),
        (text(&cells, &less, &differ(), &results), "the time `stop` lies outside, by up to 7750 ms"),
        (text(&cells, &both[1..], &differ(), &results), "output `log` differs"),
        (text(&cells, &another, &differ(), &results), "output `log` differs"),
        (text(&cells, &both, &nothing(), &results), "gap `log` explains nothing any more"),
        (text(&cells, &[], &[once], &results), "was drilled 1 times"),
        (text(&cells, &[], &[changed], &results), "before a change; drill this cell again: .ci/fidelity a"),
        (text(&cells, &[], &nothing(), &[]), "was not compared on"),
        (text(&cells, &[], &nothing(), &results[..1]), "probe generated-scripts was not compared"),
        (text(&cells, &[], &nothing(), &results[1..]), "probe p was not compared on systemd"),
        (
            text(&cells, &[], &nothing(), &[&results[..], &[result("q", None)]].concat()),
            "probe q on systemd is none that there is; compare all of them again: .ci/fidelity probes",
        ),
        (text(&cells, &[], &nothing(), &[result("p", None), results[1].clone()]), "probe p: step 1 output differs"),
        (
            text(&cells, &[], &nothing(), &[without(result("p", None)), results[1].clone()]),
            "probes on systemd: 0 cells differ, and gaps name 1",
        ),
    ];
    for (refused, says) in refusals {
        let error = said(refused);
        assert!(error.contains(says), "{error}\nwanted: {says}");
    }
}

#[test]
fn a_cell_that_is_drilled_again_changes_its_own_row() {
    let (cells, gaps) = ([cell("a"), cell("b")], gaps::parse(GAPS).unwrap());
    let carried = Record::parse(CARRIED).unwrap();
    let merged = |record: &Record, cells: &[Cell], drilled: &[CellAccount]| {
        let mut record = record.clone();
        let measured = Accounts { cells: drilled.to_vec(), probes: vec![] };
        with(cells, &gaps, |wanted| record.merge(wanted, &measured)).map(|()| record)
    };
    let told = |record: &Record| with(&cells, &gaps, |wanted| document::render(wanted, record)).unwrap();

    assert_eq!(merged(&carried, &cells, &[]).unwrap(), carried, "nothing was drilled");
    assert_eq!(Record::parse(&carried.text().unwrap()).unwrap(), carried);
    let one = merged(&carried, &cells, &[drilled("a", differing())]).unwrap();
    assert_eq!(Record::parse(&one.text().unwrap()).unwrap(), one);
    assert_eq!((&one.before, &one.probes), (&carried.before, &carried.probes));
    assert_eq!(one.cell["b-systemd-careful"], carried.cell["b-systemd-careful"]);
    let row = &one.cell["a-systemd-careful"];
    assert_eq!((row.facts, row.times, &row.outside), ([1, 2], 2, &BTreeMap::from([("stop".to_owned(), 7750)])));
    assert_eq!(row.differences, BTreeMap::from([(Kind::Output, BTreeSet::from(["log".to_owned()]))]));
    let account = told(&one);
    let wanted = [
        "In the 2 cells that were drilled together, when only their sums were kept:\n",
        "| verdict | 4 | 0 | 0 |\n",
        "| output | 3 | 0 | 5 |\n| chatter | 1 | 0 | 0 |\n| time | 3 | 1 | 0 |\n",
        "In the 1 cells that were drilled since; one that was among the 2 is in both tables:\n",
        "| verdict | 1 | 0 | 0 |\n",
        "| status | 0 | 0 | 1 |\n",
        "| output | 1 | 1 | 0 |\n| chatter | 1 | 1 | 0 |\n| time | 2 | 1 | 0 |\n",
        "| errors | 2 | 2 | 5 of 6 |\n",
        "| a-systemd-careful | recovered | recovered | 1 of 2 | 1 of 2 |\n\
         | b-systemd-careful | unsafe | unsafe | 4 of 4 | 1 of 1 |\n",
    ];
    for text in wanted {
        assert!(account.contains(text), "{text}\nis not in\n{account}");
    }

    // On another machine facts are all that is learned.
    let timeless = merged(&carried, &cells, &[drilled("a", differing().facts_alone())]).unwrap();
    let timeless = with(&cells, &gaps[..1], |wanted| document::render(wanted, &timeless)).unwrap();
    let row = "| a-systemd-careful | recovered | recovered | 1 of 2 | not compared |\n";
    assert!(timeless.contains(row) && timeless.contains("Of **1 cells durations are not compared**"), "{timeless}");
    assert!(!account.contains("durations are not compared"), "{account}");

    // The sums go with the last row that has no counts of its own, however that goes.
    let both = merged(&one, &cells, &[drilled("b", Agreement::default())]).unwrap();
    assert_eq!(both.before, None);
    assert!(told(&both).contains("## What was compared\n\n| kind |"));
    let dropped = merged(&one, &cells[..1], &[]).unwrap();
    assert_eq!((dropped.before, dropped.cell.into_keys().collect::<Vec<_>>()), (None, vec![cells[0].name()]));
    assert!(merged(&carried, &cells[..1], &[]).unwrap().before.is_some());
}

#[test]
fn what_is_asked_for_is_known_or_refused() {
    let of = |value| HowMany::of(value);
    assert_eq!(
        [of(None), of(Some("facts")), of(Some("all"))],
        [Ok(HowMany::Standing), Ok(HowMany::Facts), Ok(HowMany::All)]
    );
    assert_eq!(said(of(Some("times"))), "ROLLBACK_DRILL_FIDELITY=times: looked for `all` or `facts`");
}

#[test]
fn a_row_is_held_to_what_there_is() {
    let gaps = gaps::parse(GAPS).unwrap();
    let (stop, record) = (&gaps[1..], Record::parse(CARRIED).unwrap());
    let says = |cells: &[Cell], gaps: &[Gap]| said(with(cells, gaps, |wanted| record.check(wanted)));
    let cells = [cell("a"), cell("b")];
    assert_eq!(says(&cells, stop), "nothing");
    let changed = [Cell { decided_by: "other".into(), ..cell("a") }, cell("b")];
    let less = gaps::parse(&GAPS.replace("7750", "7749")).unwrap();
    for (said, wanted) in [
        (says(&changed, stop), "a-systemd-careful: its scenario is another than was drilled; drill this cell again: "),
        (says(&[cell("a"), cell("b"), cell("c")], stop), "c-systemd-careful was not compared"),
        (says(&cells[..1], stop), "has b-systemd-careful, which is no cell any more"),
        (says(&cells, &less[1..]), "the time `stop` lies outside, by up to 7750 ms; drill this cell again: "),
        (says(&cells, &gaps), "gap `log` explains nothing any more"),
    ] {
        assert!(said.contains(wanted), "{said}\nwanted: {wanted}");
    }
}

#[test]
fn a_record_that_does_not_add_up_is_refused() {
    let cases = [
        ("facts = [4, 4]", "facts = [3, 4]", "cell b-systemd-careful: `facts` are not"),
        ("facts = [4, 4]", "facts = [5, 4]", "cell b-systemd-careful: `facts` are not"),
        ("facts = [4, 4]", "facts = [3, 4]\ndifferences = { chatter = ['x'] }", "`facts` are not"),
        ("times = 2", "times = 0", "cell a-systemd-careful: more durations are `outside`"),
        ("['unsafe']", "[]", "`containers` is empty"),
        ("cells = 2", "cells = 1", "[before] is of 1 cells, and 2 rows"),
        ("[before]", "[after]", "unknown field `after`"),
        ("simulator = 'unsafe'", "", "missing field `simulator`"),
        ("compared = [4, ", "compared = [", "invalid length 9"),
        ("[cell.b-systemd-careful]", "[cell.a-systemd-careful]", "duplicate key"),
    ];
    for (from, to, wanted) in cases {
        assert!(CARRIED.contains(from), "{from}");
        let error = said(Record::parse(&CARRIED.replacen(from, to, 1)));
        assert!(
            error.starts_with("tests/agreement/record.toml: ") && error.contains(wanted),
            "{from} -> {to}: {error}"
        );
    }
    let rows = &CARRIED[CARRIED.find("[cell.a").unwrap()..];
    assert!(said(Record::parse(rows)).contains("no `counts`, and no [before] that has them"));
    let counted =
        |counts: &str| said(Record::parse(&CARRIED.replace("facts = [4, 4]", &format!("facts = [4, 4]\n{counts}"))));
    let counts = "counts = { compared = [4, 0, 0, 0, 0, 0, 0, 0, 0, 9], differ = [0, 0, 0, 0, 0, 0, 0, 0, 0, 2], varied = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0] }";
    assert_eq!(counted(counts), "nothing");
    assert!(counted(&counts.replace("[4,", "[5,")).contains("`counts` do not come to"));
    assert!(counted(&counts.replace("differ = [0,", "differ = [1,")).contains("`counts` do not come to"));
}

#[test]
fn what_a_scenario_says_of_a_cell_decides_it() {
    let case = "name = 'x'\nabout = 'y'\n[params]\na = 1\nb = [1, 2]\n\
                [expect.systemd.careful]\nverdict = 'recovered'\n[expect.docker.paste]\nverdict = 'unsafe'\n";
    let seen = "at = 2026-03-14T02:10:00Z\nspent = 0.4\n";
    let of = |case: &str, seen: &str, topology: &str, operator| {
        let seen: toml::Table = toml::from_str(seen).unwrap();
        cells::decided_by(&toml::from_str(case).unwrap(), Some(&seen), topology, operator)
    };
    let usual = |case: &str| of(case, seen, "systemd", Operator::Careful);
    let same = [
        ("about = 'y'", "about = 'z' # why"),
        ("a = 1\nb = [1, 2]\n", "b = [1, 2]\na = 1\n"),
        ("verdict = 'unsafe'", "verdict = 'offline'"),
    ];
    for (from, to) in same {
        assert!(case.contains(from), "{from}");
        assert_eq!(usual(&case.replace(from, to)), usual(case), "{from} -> {to}");
    }
    let other = [
        usual(case),
        usual(&case.replace("name = 'x'", "name = 'z'")),
        usual(&case.replace("a = 1", "a = 2")),
        usual(&case.replace("[1, 2]", "[2, 1]")),
        usual(&case.replace("verdict = 'recovered'", "verdict = 'offline'")),
        usual(&format!("trigger = 'x'\n{case}")),
        of(case, &seen.replace("02:10", "02:11"), "systemd", Operator::Careful),
        of(case, &seen.replace("0.4", "0.5"), "systemd", Operator::Careful),
        of(case, seen, "docker", Operator::Careful),
        of(case, seen, "systemd", Operator::Paste),
        cells::decided_by(&toml::from_str(case).unwrap(), None, "systemd", Operator::Careful),
    ];
    assert_eq!(other.iter().collect::<BTreeSet<_>>().len(), other.len(), "{other:#?}");
}

/// The record and the account in the repository are of its cells, probes and gaps as they are now, and of each other.
#[test]
fn the_account_is_of_what_there_is() {
    let workspace = workspace();
    let (probes, probe_gaps) = probing::probe::load_all(&workspace.join("scenarios/probes")).unwrap();
    let (cells, gaps) = (cells::all().unwrap(), gaps::known().unwrap());
    let record = Record::read(&workspace).unwrap();
    let wanted = Wanted { cells: &cells, gaps: &gaps, probes: &probes, probe_gaps: &probe_gaps };
    let account = document::render(wanted, &record).unwrap_or_else(|what| panic!("{what}"));
    let written = "is written by `cargo run -p conformance --example fidelity-account`";
    let file = |name: &str| std::fs::read_to_string(workspace.join(name)).unwrap();
    assert_eq!(file(RECORD), record.text().unwrap(), "{RECORD} {written}");
    assert_eq!(file(DOCUMENT), account, "{DOCUMENT} {written}");
}
