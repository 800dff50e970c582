//! Unit files: what is read of them, and what is refused.

use super::super::unit::{Command, Restart, Type, UnitFile};
use crate::time::{SECOND, Us};

fn read(text: &str) -> Result<UnitFile, String> {
    let mut file = UnitFile::empty("a.service", "/a");
    file.read("/a", text)?;
    file.check()?;
    Ok(file)
}

#[test]
fn the_shipped_units_are_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/topologies/documented");
    let text = |path: &str| std::fs::read_to_string(format!("{folder}/{path}")).unwrap();
    let node = read(&text("systemd/tensor-wasm.service")).unwrap();
    assert_eq!((node.kind, node.restart), (Type::Simple, Restart::OnFailure));
    assert_eq!((node.user.as_str(), node.description.as_str()), ("tensor-wasm", "TensorWasm node"));
    assert_eq!(node.start[0].words, ["/usr/local/bin/tensor-wasm", "serve", "--addr", "0.0.0.0:8080"]);
    assert_eq!(node.environment_files[0].path, "/etc/tensor-wasm/env");
    assert_eq!((node.restart_after, node.stop_timeout), (100_000, 90 * SECOND));
    let docker = read(&text("docker/tensor-wasm-deploy.service")).unwrap();
    assert_eq!((docker.kind, docker.remain), (Type::Oneshot, true));
    assert_eq!(docker.start_within(), 30 * SECOND);
    assert_eq!(docker.start[0].words.len(), 12, "{:?}", docker.start[0].words);
    assert_eq!(docker.start_pre[0].words.len(), 3);
    let compose = read(&text("compose/tensor-wasm-deploy.service")).unwrap();
    assert_eq!(compose.requires, ["docker.service", "drill-repository.service"]);
    assert_eq!(compose.folder, "/srv/tensor-wasm");
    let repository = read(&text("common/drill-repository.service")).unwrap();
    assert_eq!(repository.start_within(), Us::MAX);
}

#[test]
fn what_is_not_modelled_is_refused_by_name() {
    for (text, named) in [
        ("[Service]\nExecStart=/a\nProtectSystem=strict\n", "/a:3: a key or value of [Service] (ProtectSystem=strict)"),
        ("[Service]\nExecStart=/a\nType=forking\n", "/a:3: this type (Type=forking)"),
        ("[Service]\nExecStart=a b\n", "/a:2: a command without an absolute path"),
        ("[Service]\nExecStart=!/a b\n", "/a:2: a command without an absolute path"),
        ("[Unit]\nConditionPathExists=/x\n", "/a:2: a key of [Unit]"),
        ("[Timer]\nOnBootSec=1\n", "/a:1: the section [Timer]"),
        ("[Service]\nExecStart=/a %i\n", "/a:2: the specifier %i"),
        ("[Service]\n", "/a: a service without ExecStart="),
        ("[Service]\nExecStart=/a\nType=oneshot\nRestart=on-failure\n", "/a: Restart= of a oneshot"),
        ("[Service]\nExecStart\n", "/a:2: the line `ExecStart`"),
    ] {
        let refused = read(text).unwrap_err();
        assert!(refused.starts_with(named) && refused.ends_with("use --host container"), "{refused}");
    }
}

#[test]
fn an_empty_value_takes_back_what_was_said() {
    let file = read("[Service]\nExecStart=/a\nExecStart=\nExecStart=-/b \\\n# between\n  c\n").unwrap();
    assert_eq!(file.start, [Command { words: vec!["/b".into(), "c".into()], may_fail: true }]);
}

#[test]
fn the_same_seed_boots_the_same_machine() {
    let boot = || super::machine();
    let (one, other) = (boot(), boot());
    assert_eq!((one.now, &one.journal.lines), (other.now, &other.journal.lines));
}

proptest::proptest! {
    #[test]
    fn no_text_is_too_odd(text in "(?s)[\\[\\]A-Za-z=/%$\\\\'\"# \n0-9.;-]{0,120}") {
        let _ = read(&text);
        let _ = read(&format!("[Service]\nExecStart=/a\nRestartSec={text}"));
        let _ = read(&format!("[Service]\nExecStart=/a {text}"));
        let _ = super::super::words::environment_file(&text);
        let _ = super::super::span::moment(&text, 0);
        let words = super::super::words::split(&text).unwrap_or_default();
        let _ = super::super::words::expand(&words, &Default::default());
        let words: Vec<Option<&str>> = words.iter().map(|word| Some(word.as_str())).collect();
        let _ = (super::super::systemctl::PROGRAM.knows)(&words);
    }
}
