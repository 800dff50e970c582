//! Bundles on a real disk: what is written when, what is never overwritten, what no secret gets into.

use super::*;
use crate::judge::sample;
use crate::verdict::Verdict;

const SECRET: &str = "tok-\"5f\\e3-secret";

/// Writes the events of a made-up drill into a bundle, as a driver would, without the end.
fn written(out: &Path, drill: sample::Sample, secrets: &[String]) -> Bundle {
    let history = drill.history();
    let mut bundle = Bundle::create(out, history.plan().unwrap(), secrets).unwrap();
    for event in history.events.into_iter().skip(1) {
        match event.what {
            What::Captured { item, file, .. } => drop(bundle.put(&item, &file, b"twelve bytes").unwrap()),
            What::SecretsScanned { .. } => drop(bundle.scan_secrets().unwrap()),
            What::DrillEnded { .. } => {}
            what => drop(bundle.record(event.at_us, what).unwrap()),
        }
    }
    bundle
}

fn read(root: &Path, name: &str) -> String {
    fs::read_to_string(root.join(name)).unwrap()
}

fn manifest(root: &Path) -> Manifest {
    serde_json::from_str(&read(root, MANIFEST)).unwrap()
}

#[test]
fn a_running_bundle_is_readable_and_a_cut_one_inconclusive() {
    let out = tempfile::tempdir().unwrap();
    let bundle = written(out.path(), sample::recovered(), &[]);
    assert_eq!(manifest(bundle.root()).state, State::Running);
    let root = bundle.root().to_owned();
    // As SIGKILL does it: no destructor runs.
    std::mem::forget(bundle);
    let again = rejudge(&root).unwrap();
    assert_eq!(again.judgement.verdict, Verdict::Inconclusive);
    assert_eq!(manifest(&root).state, State::Cut);
    assert!(read(&root, INCIDENT).contains("the History is cut"));
}

#[test]
fn a_bundle_killed_at_birth_says_what_is_missing() {
    let out = tempfile::tempdir().unwrap();
    let bundle = Bundle::create(out.path(), &sample::plan(), &[]).unwrap();
    let root = bundle.root().to_owned();
    drop(bundle);
    assert_eq!(rejudge(&root).unwrap().judgement.verdict, Verdict::Inconclusive);
    let missing = manifest(&root).missing;
    assert_eq!(missing.iter().map(|one| one.item.as_str()).collect::<Vec<_>>(), ["observe-capture", "hypothesis"]);
    assert!(missing.iter().all(|one| one.why.contains("cut off")));
}

#[test]
fn judging_again_gives_the_same_files_and_an_edited_event_another_verdict() {
    let out = tempfile::tempdir().unwrap();
    let done = written(out.path(), sample::recovered(), &[]).finish().unwrap();
    assert_eq!(done.judgement.verdict, Verdict::Recovered);
    let names = [MANIFEST, VERDICT, INCIDENT];
    let before = names.map(|name| read(&done.root, name));
    fs::write(done.root.join(VERDICT), "{\"verdict\":\"offline\"}").unwrap();
    let again = rejudge(&done.root).unwrap();
    assert_eq!(again, done);
    assert_eq!(names.map(|name| read(&done.root, name)), before);

    let edited = read(&done.root, HISTORY).replace("\"latency_us\":800}", "\"latency_us\":50800}");
    fs::write(done.root.join(HISTORY), edited).unwrap();
    assert_eq!(rejudge(&done.root).unwrap().judgement.verdict, Verdict::Unverified);
    assert!(read(&done.root, VERDICT).contains("unverified"));
}

#[test]
fn the_manifest_lists_every_file_but_itself() {
    let out = tempfile::tempdir().unwrap();
    let done = written(out.path(), sample::recovered(), &[]).finish().unwrap();
    let manifest = manifest(&done.root);
    let paths: Vec<&str> = manifest.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["captures/a.json", HISTORY, INCIDENT, VERDICT].map(|path| path.to_owned()));
    for file in &manifest.files {
        let bytes = fs::read(done.root.join(&file.path)).unwrap();
        assert_eq!((file.bytes, &file.sha256), (bytes.len() as u64, &crate::release::sha256_hex(&bytes)));
    }
    assert_eq!(manifest.missing.len(), 1);
}

#[test]
fn nothing_is_overwritten() {
    let out = tempfile::tempdir().unwrap();
    let one = written(out.path(), sample::recovered(), &[]).finish().unwrap();
    let two = Bundle::create(out.path(), &sample::plan(), &[]).unwrap();
    assert_eq!(one.name, "sample-sample-careful-sim-11111111");
    assert_eq!(two.name(), "sample-sample-careful-sim-11111111-2");

    let mut two = two;
    let places = ["/tmp/a.json", "a.json", "../2", "2", "/x/a.json"].map(|name| two.put("x", name, b"").unwrap());
    assert_eq!(places, ["captures/a.json", "captures/2/a.json", "captures/2/2", "captures/3/2", "captures/3/a.json"]);
}

#[test]
fn a_hostile_scenario_name_leads_nowhere() {
    let plan = Plan { scenario: "../../etc/x y".into(), ..sample::plan() };
    assert_eq!(folder_name(&plan), "_.._.._etc_x_y-sample-careful-sim-11111111");
}

#[test]
fn a_planted_secret_is_in_no_file_nor_in_what_is_judged() {
    let out = tempfile::tempdir().unwrap();
    let drill = sample::offline().edit_command("S1", |what| {
        if let What::CommandEnded { output, .. } = what {
            *output = format!("TOKEN={SECRET}\n{}", serde_json::json!({"token": SECRET}));
        }
    });
    let drill = drill.edit("paged", |what| {
        if let What::Paged { reason, .. } = what {
            reason.push_str(SECRET);
        }
    });
    let drill = drill.edit_plan(|plan| plan.trigger = format!("trigger {SECRET}"));
    let mut bundle = written(out.path(), drill, &[SECRET.to_owned()]);
    bundle.put("env", &format!("/tmp/{SECRET}.txt"), format!("A={SECRET}\n").as_bytes()).unwrap();
    bundle.scan_secrets().unwrap();
    let done = bundle.finish().unwrap();
    assert_eq!(done.judgement.broken, Vec::<String>::new());
    for file in files::list(&done.root).unwrap() {
        let text = read(&done.root, &file);
        for part in ["5f\\e3-secret", "5f\\\\e3-secret"] {
            assert!(!text.contains(part) && !file.contains(part), "{file}: {text}");
        }
    }
    assert!(read(&done.root, HISTORY).contains("TOKEN=[secret]"));
    assert!(read(&done.root, "captures/[secret].txt").contains("A=[secret]"));
    assert!(!format!("{:?}", done.history).contains("5f\\\\"));
}

#[test]
fn what_came_in_behind_its_back_is_a_hit() {
    let out = tempfile::tempdir().unwrap();
    let mut bundle = written(out.path(), sample::recovered(), &[SECRET.to_owned()]);
    fs::write(bundle.root().join("captures/core"), SECRET).unwrap();
    bundle.scan_secrets().unwrap();
    let done = bundle.finish().unwrap();
    assert_eq!(done.judgement.broken, ["no-secret-in-bundle"]);
    assert!(!done.judgement.conforms);
}

#[test]
fn what_came_in_after_the_search_is_an_error() {
    let out = tempfile::tempdir().unwrap();
    let mut bundle = written(out.path(), sample::recovered(), &[SECRET.to_owned()]);
    bundle.scan_secrets().unwrap();
    fs::write(bundle.root().join("captures/late"), SECRET).unwrap();
    let error = bundle.finish().unwrap_err().to_string();
    assert!(error.contains("captures/late"), "{error}");
}

#[test]
fn a_secret_that_is_a_word_of_the_history_is_refused_and_a_short_one_too() {
    let out = tempfile::tempdir().unwrap();
    let error = Bundle::create(out.path(), &sample::plan(), &["drill-began".into()]).unwrap_err();
    assert!(matches!(error, BundleError::SecretIsAWord { .. }), "{error}");
    let error = Bundle::create(out.path(), &sample::plan(), &["1234".into()]).unwrap_err();
    assert!(matches!(error, BundleError::ShortSecret), "{error}");
}

#[test]
fn a_full_disk_names_the_file_and_what_to_do() {
    let full = io("write", "/out/x/history.jsonl")(std::io::ErrorKind::StorageFull.into()).to_string();
    assert!(full.contains("cannot write /out/x/history.jsonl") && full.contains("free some space"), "{full}");
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Bundle::create(&file, &sample::plan(), &[]).unwrap_err().to_string();
    assert!(error.contains("cannot make") && error.contains("file"), "{error}");
}
