//! Results of an exploration that was cut off, that ended too soon, or that somebody changed. Needs no engine.

#![expect(clippy::unwrap_used, reason = "a test: what fails here shall end it, also in its helpers")]

use std::fs;
use std::path::Path;

use conformance::exploring::{Ran, SMALL, call, exploration, folder, text};
use rollback_harness::exit::ExitStatus;
use rollback_harness::explore::Exploration;
use rollback_harness::explore::results::Strategy;
use rollback_harness::explore::sample::Block;
use rollback_harness::host::sim::Scripts;

/// Samples of the small space.
fn run(folder: &Path, args: &[&str]) -> Ran {
    let space = folder.join("space.toml");
    fs::write(&space, SMALL).unwrap();
    call(&[&["explore"], args, &["--space", text(&space), "--faults", "2"]].concat())
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
        Exploration { strategy: Strategy::Sampled, ..exploration(SMALL, None, 2, &out.path().join("samples")) };
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
