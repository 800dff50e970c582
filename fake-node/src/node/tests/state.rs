//! Restarts: functions that survive, and state that cannot be read.

use super::*;

fn start(release: Release, state: &StateDirectory) -> Result<(Node, Vec<Output>), StartFailure> {
    Node::start(release, ServeConfig::new("0.0.0.0:8080".parse().unwrap(), "t:tenant=*"), state, EPOCH, 0)
}

fn files(list: &[(&str, Result<Vec<u8>, &str>)]) -> StateDirectory {
    StateDirectory::Files(
        list.iter()
            .map(|(name, content)| StateFile {
                name: (*name).to_owned(),
                content: content.clone().map_err(|reason| reason.to_owned()),
            })
            .collect(),
    )
}

fn written(outputs: &[Output]) -> Option<(String, Vec<u8>)> {
    outputs.iter().find_map(|output| match output {
        Output::WriteState { file, bytes } => Some((file.clone(), bytes.clone())),
        _ => None,
    })
}

#[test]
fn functions_survive_a_restart_and_a_rollback() {
    let mut node = node_of(documented("v0.4.0"));
    let outputs = node.handle(0, RequestId(1), &post("/functions").json(MODULE));
    let (file, bytes) = written(&outputs).unwrap();
    assert!(
        matches!(outputs.as_slice(), [Output::WriteState { .. }, Output::Respond { .. }]),
        "written, then answered"
    );
    assert_eq!(file, "functions.tensor-wasm");
    let id = node.functions().keys().next().unwrap().clone();

    let (mut older, _) = start(documented("v0.3.8"), &files(&[(&file, Ok(bytes))])).unwrap();
    assert_eq!(ask(&mut older, 0, &invoke(&id, 0)).status, 200);
    assert_eq!(value(&scrape(&mut older, 0), "tensor_wasm_http_requests_total", "/functions"), 0.0, "counters do not");
    let outputs = older.handle(1, RequestId(2), &Request::new("DELETE", &format!("/functions/{id}")).bearer("t"));
    let (_, bytes) = written(&outputs).unwrap();
    assert_eq!(snapshot::decode(&bytes, &[2]).unwrap(), Snapshot::default());
    let failed = older.state_write_failed(2, "functions.tensor-wasm", "No space left on device (os error 28)");
    let [Output::Stdout(line)] = failed.as_slice() else { panic!("{failed:?}") };
    assert!(line.contains("ERROR tensor_wasm_core::snapshot: snapshot not written"), "{line}");
}

#[test]
fn lost_functions_are_not_taken_up_and_new_ones_are_kept() {
    let mut before = node_of(documented("v0.4.0"));
    let outputs = before.handle(0, RequestId(1), &post("/functions").json(MODULE));
    let (file, bytes) = written(&outputs).unwrap();
    let id = before.functions().keys().next().unwrap().clone();
    let mut release = documented("v0.3.8");
    release.born_with.push(Inborn::FunctionsLost {});
    let (mut node, _) = start(release, &files(&[(&file, Ok(bytes))])).unwrap();
    assert_eq!(ask(&mut node, 0, &invoke(&id, 0)).status, 404);
    let id = deploy(&mut node, 0);
    assert_eq!(ask(&mut node, 0, &invoke(&id, 0)).status, 200);
}

#[test]
fn a_release_that_keeps_nothing_writes_and_reads_nothing() {
    let mut release = documented("v0.4.0");
    release.state.functions_survive = false;
    release.state.on_unreadable = OnUnreadable::Ignore;
    assert!(!release.reads_state_directory());
    let (mut node, _) = start(release, &files(&[("x.tensor-wasm", Ok(b"rubbish".to_vec()))])).unwrap();
    assert_eq!(written(&node.handle(0, RequestId(1), &post("/functions").json(MODULE))), None);
}

#[test]
fn two_nodes_told_the_same_give_the_same_ids_and_one_never_the_same_twice() {
    let (mut one, mut other) = (node_of(documented("v0.4.0")), node_of(documented("v0.4.0")));
    let (a, b) = (deploy(&mut one, 0), deploy(&mut one, 0));
    assert_eq!((deploy(&mut other, 0), deploy(&mut other, 0)), (a.clone(), b.clone()));
    assert_ne!(a, b);
    assert_eq!((a.len(), &a[14..15]), (36, "4"), "{a}");
    let registry = Snapshot { functions: one.functions().values().cloned().collect() };
    let bytes = snapshot::encode(2, &registry).unwrap();
    let (mut again, _) = start(documented("v0.4.0"), &files(&[("functions.tensor-wasm", Ok(bytes))])).unwrap();
    let c = deploy(&mut again, 0);
    assert_eq!(again.functions().len(), 3, "the clock begins anew, and {c} is a third");
}

#[test]
fn unreadable_state_ends_a_start_or_changes_nothing() {
    let newer = snapshot::encode(3, &Snapshot::default()).unwrap();
    let good = snapshot::encode(1, &Snapshot::default()).unwrap();
    let mut damaged = good.clone();
    *damaged.last_mut().unwrap() ^= 1;
    // (state, what stderr ends with; empty: the start is fine)
    let cases = [
        (StateDirectory::Missing, ""),
        (files(&[]), ""),
        (files(&[("x.tensor-wasm", Ok(good.clone())), ("x.snap", Ok(b"rubbish".to_vec()))]), ""),
        (
            files(&[("x.tensor-wasm", Ok(newer.clone()))]),
            "snapshot version mismatch: expected 1 or 2, got 3 (x.tensor-wasm)",
        ),
        (
            files(&[("b.tensor-wasm", Ok(newer)), ("a.tensor-wasm", Ok(b"rubbish".to_vec()))]),
            "snapshot magic mismatch: expected 0xBA115407, got 0x62627572 (a.tensor-wasm)",
        ),
        (
            files(&[("x.tensor-wasm", Ok(good[..10].to_vec()))]),
            "snapshot truncated: expected 20 bytes, got 10 (x.tensor-wasm)",
        ),
        (files(&[("x.tensor-wasm", Ok(damaged))]), "(x.tensor-wasm)"),
        (
            files(&[("x.tensor-wasm", Err("Permission denied (os error 13)"))]),
            "Permission denied (os error 13) (x.tensor-wasm)",
        ),
        (
            StateDirectory::Unreadable("Permission denied (os error 13)".to_owned()),
            "Error: reading the state directory /var/lib/tensor-wasm: Permission denied (os error 13)",
        ),
    ];
    for (state, words) in cases {
        match start(documented("v0.3.8"), &state) {
            Ok(_) => assert_eq!(words, "", "{state:?}"),
            Err(failure) => {
                assert!(!words.is_empty() && failure.stderr.ends_with(words), "{failure}");
                assert_eq!(failure.status, 1);
            }
        }
        let mut ignoring = documented("v0.3.8");
        ignoring.state.on_unreadable = OnUnreadable::Ignore;
        assert!(start(ignoring, &state).is_ok());
    }
}

#[test]
fn the_words_of_the_hypothetical() {
    let newer = snapshot::encode(3, &Snapshot::default()).unwrap();
    let state = files(&[("x.tensor-wasm", Ok(newer))]);
    let failure = start(documented("v0.3.8"), &state).unwrap_err();
    assert_eq!(
        failure.stdout,
        [
            "2026-05-28T10:00:00.000000Z ERROR tensor_wasm_core::snapshot: snapshot version mismatch: expected 1 or 2, got 3 \
          file=/var/lib/tensor-wasm/x.tensor-wasm"
        ]
    );
    assert_eq!(
        failure.stderr,
        "Error: reading the state directory /var/lib/tensor-wasm: snapshot version mismatch: expected 1 or 2, got 3 \
         (x.tensor-wasm)"
    );
    assert!(start(documented("v0.4.0"), &state).is_ok(), "the newer release reads it");
}
