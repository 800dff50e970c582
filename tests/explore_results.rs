//! Results of an exploration that was cut off, that ended too soon, or that somebody changed. Needs no engine.

#![expect(clippy::unwrap_used, reason = "a test: what fails here shall end it, also in its helpers")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use conformance::containers::workspace;
use conformance::exploring::{Ran, SMALL, call, exploration, folder, own, text};
use rollback_harness::exit::ExitStatus;
use rollback_harness::explore::Exploration;
use rollback_harness::explore::drills::Site;
use rollback_harness::explore::property::Properties;
use rollback_harness::explore::results::{Line, Strategy};
use rollback_harness::explore::sample::Block;
use rollback_harness::explore::space::{FAULTS_MAX, Restricted, Script, Space};
use rollback_harness::host::HostKind;
use rollback_harness::host::sim::Scripts;
use rollback_harness::prepare::Selection;

/// Samples of the small space.
fn run(folder: &Path, args: &[&str]) -> Ran {
    let space = folder.join("space.toml");
    fs::write(&space, SMALL).unwrap();
    call(&[&["explore"], args, &["--space", text(&space), "--faults", "1"]].concat())
}

/// In the middle of a block, whose memory is made again.
#[test]
fn samples_that_were_cut_off_go_on_where_they_end() {
    let out = folder();
    let (path, one) = (out.path().join("one/results.jsonl"), out.path().join("one"));
    let args = ["--range", "0..1000", "--operator", "careful", "--out", text(&one)];
    let whole = run(out.path(), &args);
    let results = fs::read_to_string(&path).unwrap();
    assert_eq!(results.lines().count(), 1001, "{}", whole.log);
    let cut: String = results.split_inclusive('\n').take(1 + 700).collect();
    fs::write(&path, cut).unwrap();
    let resumed = run(out.path(), &[args.as_slice(), &["--resume"]].concat());
    assert_eq!((resumed.status, &resumed.out), (whole.status, &whole.out), "{}", resumed.log);
    assert_eq!(fs::read_to_string(&path).unwrap(), results);
}

#[test]
fn samples_that_were_asked_for_and_not_done_are_missing() {
    let out = folder();
    let one = out.path().join("one");
    let ended = |args: &[&str]| run(out.path(), &[args, &["--seconds", "0", "--out", text(&one)]].concat());
    let asked = ended(&["--range", "0..2000"]);
    assert_eq!(asked.status, ExitStatus::Inconclusive, "{}", asked.log);
    assert!(
        asked.out.contains("done 0 samples: 0 inert, 0 incomplete, 2000 of the wanted are missing"),
        "{}",
        asked.out
    );
    let not_asked = ended(&[]);
    assert_eq!(not_asked.status, ExitStatus::Conforms, "{}", not_asked.log);
    assert!(not_asked.out.contains("done 0 samples: 0 inert, 0 incomplete\n"), "{}", not_asked.out);
}

/// A merge takes nothing that it cannot place: neither silently nor by a guess.
#[test]
fn what_is_not_of_this_exploration_is_not_merged() {
    let out = folder();
    let bad = out.path().join("bad.jsonl");
    let refused = |made: &str, more: &[&str], said: &str| {
        fs::write(&bad, made).unwrap();
        let to = out.path().join("merged");
        let ran = run(out.path(), &[&["merge", text(&bad), "--out", text(&to)], more].concat());
        assert_eq!((ran.status, ran.out.as_str()), (ExitStatus::Usage, ""), "{said}: {}", ran.log);
        assert!(ran.log.contains(&format!("bad.jsonl:{said}")), "looked for {said}: {}", ran.log);
    };

    let cells = out.path().join("cells");
    run(out.path(), &["--exhaustive", "--out", text(&cells)]);
    let results = fs::read_to_string(cells.join("results.jsonl")).unwrap();
    let (header, lines) = results.split_once('\n').unwrap();
    let at = lines.find("\"smallest\":").unwrap();
    let smallest = lines[at..].split_once('}').unwrap().0;
    let found = lines[..at].lines().count() - 1;
    let line = format!("{}:", found + 2);
    for (from, to, at, said) in [
        ("{\"property\":\"", "{\"property\":\"no-", &*line, " no property `no-"),
        (smallest, "\"smallest\":{\"cell\":99999", &line, " cell 99999; looked for one below "),
        ("\"verdict\":\"", "\"refused\":\"so\",\"verdict\":\"", "2:", " looked for either `id` and `verdict`"),
        ("\"from\":0,\"until\":", "\"from\":0,\"until\":9", "1:", " range 0..9"),
        ("\"from\":0,", "\"from\":999999,", "1:", " range 999999.."),
    ] {
        let whole = format!("{header}\n{lines}");
        let made = whole.replacen(from, to, 1);
        assert_ne!(made, whole, "{from}");
        refused(&made, &["--exhaustive"], &format!("{at}{said}"));
    }

    let sampled =
        Exploration { strategy: Strategy::Sampled, ..exploration(SMALL, None, 1, &out.path().join("samples")) };
    let of = (&sampled.space, &sampled.site, &sampled.properties);
    let line = serde_json::to_string(&Block::new(0, of, &Scripts::default()).next().unwrap()).unwrap();
    let header = serde_json::to_string(&sampled.header(&(0..1000))).unwrap();
    let results = format!("{header}\n{line}\n");
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    let changed = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut other = value.clone();
        change(&mut other);
        results.replacen(&line, &other.to_string(), 1)
    };
    let base = changed(&|value| value["script"]["base"] = "nowhere".into());
    refused(&base, &[], "2: ");
    let level = changed(&|value| {
        value["script"]["faults"] =
            serde_json::json!([{ "id": "healthz-slow", "release": "good", "params": { "delay_ms": 5000 } }]);
    });
    refused(&level, &[], "2: healthz-slow (good) delay_ms=5000, on ");
    let none = changed(&|value| drop(value.as_object_mut().unwrap().remove("script")));
    refused(&none, &[], "2: no script; looked for that of the sample");
}

/// 2,000 samples of a fixed seed, of everything that there is, by two threads: none shows anything that no case pins. A block is the
/// same by itself, and two are joined to what they were.
#[test]
fn samples_are_the_same_whoever_takes_them() {
    let out = folder();
    let of = ["--seed", "7"];
    let run = |args: &[&str]| call(&[&["explore"], args, &of].concat());
    let at = |name: &str| out.path().join(name);
    let whole = run(&["--range", "0..2000", "--threads", "2", "--out", text(&at("one"))]);
    assert!(whole.out.contains("done 2000 samples: "), "{}{}", whole.log, whole.out);
    assert_eq!(whole.status, ExitStatus::Conforms, "{}{}", whole.log, whole.out);
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
    let space = Space::load(&own().join("space.toml"), &Restricted::default(), FAULTS_MAX, &site).unwrap();
    let space = Arc::new(space);
    let properties = Properties::load([own().join("properties.toml").as_path()]).unwrap();
    let again: Vec<Line> = Block::new(1, (&space, &site, &properties), &Scripts::default()).take(50).collect();
    let there: Vec<Line> = lines[1001..].iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(again, there[..50], "the second block by itself");

    let scripts: Vec<&Script> = there.iter().map(|line| line.script.as_ref().unwrap()).collect();
    assert!(scripts.iter().collect::<BTreeSet<_>>().len() > 500, "one sample in two was there before");
    assert!(scripts.iter().any(|script| script.faults.len() == FAULTS_MAX));
    let blocks: BTreeSet<_> = scripts.iter().map(|script| (&script.base, &script.topology, script.operator)).collect();
    assert_eq!(blocks.len(), 18, "three bases, three topologies, two operators");
    let slow = |script: &&Script| script.faults.iter().find(|used| used.id == "healthz-slow").cloned();
    assert!(scripts.iter().filter_map(slow).any(|used| !space.levels(&used).contains(&used.params)));
}
