//! git against this machine's own: the same stream, the same commands, the same bytes.

use std::path::Path;
use std::process::Command;

use super::objects::fast_import;
use crate::Machine;
use crate::machine::files::{Kind, Names};
use crate::programs::common::tests::{context, machine, run_as};
use crate::spec::ReleaseCommits;

const COMPOSE: &str = include_str!("../../../../scenarios/topologies/documented/compose/docker-compose.yml");

fn history() -> Vec<ReleaseCommits> {
    let release = |version: &str, subjects: &[&str]| ReleaseCommits {
        version: version.into(),
        subjects: subjects.iter().map(|subject| (*subject).to_owned()).collect(),
        files: vec![
            ("docker-compose.yml".into(), COMPOSE.replace("@VERSION@", version)),
            ("conf/prometheus.yml".into(), "global:\n  scrape_interval: 1s\n".into()),
        ],
    };
    vec![
        release("0.1.0", &["Begin", "Serve /healthz"]),
        release("0.2.0", &["Count requests", "Write a snapshot at the end", "Say more"]),
        release("0.2.1", &["Say less"]),
    ]
}

/// A machine with the repository, made as its unit makes it.
fn with_repository() -> Machine {
    let mut machine = machine();
    let history = history();
    machine.git = super::Repositories::new(&history);
    machine.files.plant("/srv/r", 1000, 0o755, Kind::Folder(Names::default())).unwrap();
    for (words, stdin) in [
        (vec!["git", "init", "--quiet", "--initial-branch=main"], Vec::new()),
        (vec!["git", "fast-import", "--quiet"], fast_import(&history)),
        (vec!["git", "reset", "--quiet", "--hard", "main"], Vec::new()),
    ] {
        assert_eq!(inside(&mut machine, 1000, &words, &stdin), (0, String::new()), "{words:?}");
    }
    machine
}

/// Runs a command in the repository.
fn inside(machine: &mut Machine, user: u32, words: &[&str], stdin: &[u8]) -> (i32, String) {
    let (context, buffer) = context(machine, user, "/srv/r", stdin);
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let status = crate::programs::execute(machine, &words, &context).unwrap();
    (status, String::from_utf8_lossy(&machine.take_buffer(buffer)).into_owned())
}

/// The same commands with this machine's git in a new folder; `None` where there is no git.
fn real_repository(folder: &Path) -> Option<()> {
    std::fs::create_dir_all(folder).ok()?;
    std::fs::write(folder.join("../stream"), fast_import(&history())).ok()?;
    let text =
        "git init --quiet --initial-branch=main && git fast-import --quiet < ../stream && git reset -q --hard main";
    let status = Command::new("/bin/sh").args(["-c", text]).current_dir(folder).status().ok()?;
    status.success().then_some(())
}

fn real(folder: &Path, words: &[&str]) -> (i32, String) {
    let (program, arguments) = words.split_first().unwrap();
    let output = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .current_dir(folder)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn logs_diffs_and_statuses_are_those_of_real_git() {
    let base = std::env::temp_dir().join(format!("simulated-git-{}", std::process::id()));
    let folder = base.join("r");
    if real_repository(&folder).is_none() {
        eprintln!("skipped: no git on this machine");
        return;
    }
    let edit = r"s#(image: *ghcr\.io/craton-co/tensor-wasm:)[^ ]+#\1v0.1.0#";
    let mut machine = with_repository();
    let cases: [&[&str]; 48] = [
        &["git", "log"],
        &["git", "log", "v0.1.0..v0.2.0"],
        &["git", "log", "v0.2.0..v0.1.0"],
        &["git", "log", "--oneline"],
        &["git", "log", "-2", "--format=%H %h %an <%ae> %ad %ct %s"],
        &["git", "log", "--pretty=format:%h%n%s", "-n", "1"],
        &["git", "log", "--reverse", "--oneline", "v0.1.0.."],
        &["git", "log", "--oneline", "--", "VERSION"],
        &["git", "log", "--oneline", "v0.1.0~1"],
        &["git", "log", "^v0.1.0", "main", "--oneline"],
        &["git", "log", "v0.1.0..nope"],
        &["git", "log", "nope"],
        &["git", "log", "nope", "--"],
        &["git", "rev-parse", "HEAD", "v0.1.0"],
        &["git", "rev-parse", "--short", "HEAD"],
        &["git", "rev-parse", "nope"],
        &["git", "rev-parse", "--verify", "nope"],
        &["git", "rev-parse", "--abbrev-ref", "HEAD"],
        &["git", "tag"],
        &["git", "branch"],
        &["git", "status"],
        &["git", "diff"],
        &["git", "diff", "--quiet"],
        &["git", "diff", "v0.1.0", "v0.2.0"],
        &["git", "diff", "--numstat", "v0.1.0..v0.2.1"],
        &["sed", "-i", "-E", edit, "docker-compose.yml"],
        &["git", "diff"],
        &["git", "diff", "--numstat", "--", "docker-compose.yml"],
        &["git", "diff", "--numstat", "--", "VERSION"],
        &["git", "diff", "--", "docker-compose.yml"],
        &["git", "diff", "--exit-code", "--name-status"],
        &["git", "diff", "HEAD", "--name-only"],
        &["git", "diff", "nope"],
        &["git", "diff", "--cached"],
        &["chmod", "+x", "VERSION"],
        &["rm", "conf/prometheus.yml"],
        &["touch", "new"],
        &["git", "diff"],
        &["git", "status"],
        &["git", "status", "--short"],
        &["git", "diff", "--stat"],
        &["git", "diff", "--stat", "v0.1.0..v0.2.0"],
        &["git", "checkout", "conf/prometheus.yml"],
        &["git", "checkout", "-q", "nope"],
        &["git", "checkout", "--", "docker-compose.yml", "VERSION"],
        &["git", "checkout", "VERSION"],
        &["git", "reset", "--hard", "v0.1.0"],
        &["git", "status"],
    ];
    for words in cases {
        let expected = real(&folder, words);
        // stdout first, as the real one is read.
        let (mut context, stdout) = context(&mut machine, 1000, "/srv/r", b"");
        let stderr = machine.buffer(None);
        context.io.stderr = crate::machine::io::Output::Buffer(stderr);
        let owned: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let status = crate::programs::execute(&mut machine, &owned, &context).unwrap();
        let said = [machine.take_buffer(stdout), machine.take_buffer(stderr)].concat();
        assert_eq!((status, String::from_utf8_lossy(&said).into_owned()), expected, "{words:?}");
    }
    std::fs::remove_dir_all(&base).unwrap();
}

#[test]
fn the_runbooks_edit_is_one_line() {
    let mut machine = with_repository();
    let edit = r#"s#(image: *"?ghcr\.io/craton-co/tensor-wasm:)[^" ]+#\1v0.2.0#"#;
    assert_eq!(inside(&mut machine, 1000, &["sed", "-i", "-E", edit, "docker-compose.yml"], b"").0, 0);
    let (status, counted) = inside(&mut machine, 1000, &["git", "diff", "--numstat", "--", "docker-compose.yml"], b"");
    assert_eq!((status, counted.as_str()), (0, "1\t1\tdocker-compose.yml\n"));
    assert_eq!(inside(&mut machine, 1000, &["grep", "-P", "^1\t1\t"], counted.as_bytes()).0, 0);
    let words = ["runuser", "-u", "oncall", "--", "git", "-C", "/srv/r", "diff", "--", "docker-compose.yml"];
    let (status, said) = run_as(&mut machine, 0, &words, b"");
    assert_eq!(status, 0);
    assert!(said.contains("\n+    image: ghcr.io/craton-co/tensor-wasm:v0.2.0\n"), "{said}");
}

// Expected bytes: git 2.47.3 in the operator host's image.
#[test]
fn what_is_no_repository_or_somebody_elses_is_told() {
    let mut machine = with_repository();
    let none = "fatal: not a git repository (or any of the parent directories): .git\n";
    let dubious = "fatal: detected dubious ownership in repository at '/srv/r'\n\
                   To add an exception for this directory, call:\n\n\tgit config --global --add safe.directory /srv/r\n";
    assert_eq!(run_as(&mut machine, 1000, &["git", "log"], b""), (128, none.into()));
    assert_eq!(inside(&mut machine, 0, &["git", "log"], b""), (128, dubious.into()));
    assert_eq!(inside(&mut machine, 1000, &["sudo", "git", "log", "--oneline", "-1"], b"").0, 0);
    let said = "fatal: cannot change to '/nope': No such file or directory\n";
    assert_eq!(run_as(&mut machine, 1000, &["git", "-C", "/nope", "log"], b""), (128, said.into()));
    assert_eq!(run_as(&mut machine, 1000, &["git", "diff"], b"").0, 129);
    let empty = "fatal: your current branch 'main' does not have any commits yet\n";
    assert_eq!(run_as(&mut machine, 1000, &["git", "init", "-q", "-b", "main", "e"], b"").0, 0);
    assert_eq!(run_as(&mut machine, 1000, &["git", "-C", "e", "log"], b""), (128, empty.into()));
    let knows = |words: &[&str]| (super::GIT.knows)(&words.iter().copied().map(Some).collect::<Vec<_>>());
    assert_eq!(knows(&["log", "v0.1.0..v0.2.0"]), Ok(()));
    assert_eq!(knows(&["push"]), Err("the command git push is not modelled".into()));
}

/// The index as it lies there: when it was written, and its bytes.
fn index_of(machine: &Machine) -> (u64, Vec<u8>) {
    let ino = machine.files.resolve(0, "/srv/r", ".git/index").unwrap();
    (machine.files.inode(ino).modified, machine.files.bytes(ino).unwrap().to_vec())
}

#[test]
fn a_file_that_was_touched_and_is_as_before_makes_diff_and_status_write_the_index() {
    let mut machine = with_repository();
    let none = "s/nowhere/elsewhere/";
    let mut written = index_of(&machine).0;
    let mut wrote = |machine: &mut Machine, words: &[&str]| {
        machine.run_until(machine.now + 1000).unwrap();
        inside(machine, 1000, words, b"");
        std::mem::replace(&mut written, index_of(machine).0) != index_of(machine).0
    };
    assert!(!wrote(&mut machine, &["git", "diff"]) && !wrote(&mut machine, &["git", "status"]));
    wrote(&mut machine, &["sed", "-i", none, "docker-compose.yml"]);
    assert!(!wrote(&mut machine, &["git", "log"]) && !wrote(&mut machine, &["git", "diff", "--", "VERSION"]));
    assert!(!wrote(&mut machine, &["git", "--no-optional-locks", "status"]));
    assert!(wrote(&mut machine, &["git", "diff", "--", "docker-compose.yml"]));
    assert!(!wrote(&mut machine, &["git", "diff"]), "it has been looked at");
    wrote(&mut machine, &["sed", "-i", none, "VERSION"]);
    assert!(wrote(&mut machine, &["git", "status"]));
    wrote(&mut machine, &["sed", "-i", "s/image/x/", "docker-compose.yml"]);
    assert!(!wrote(&mut machine, &["git", "diff"]), "it is another one");
    wrote(&mut machine, &["sed", "-i", none, "VERSION"]);
    inside(&mut machine, 900, &["git", "diff"], b"");
    assert_eq!(index_of(&machine).0, written, "nobody's to write");
}

#[test]
fn real_git_reads_the_index() {
    let base = std::env::temp_dir().join(format!("simulated-git-index-{}", std::process::id()));
    let folder = base.join("r");
    if real_repository(&folder).is_none() {
        eprintln!("skipped: no git on this machine");
        return;
    }
    let mut machine = with_repository();
    inside(&mut machine, 1000, &["touch", "VERSION"], b"");
    inside(&mut machine, 1000, &["git", "diff"], b"");
    let cases: [&[&str]; 3] =
        [&["git", "ls-files", "--stage"], &["git", "status", "--porcelain"], &["git", "write-tree"]];
    let before: Vec<_> = cases.iter().map(|words| real(&folder, words)).collect();
    let (_, bytes) = index_of(&machine);
    std::fs::write(folder.join(".git/index"), &bytes).unwrap();
    for (words, before) in cases.iter().zip(before) {
        assert_eq!(real(&folder, words), before, "{words:?}");
    }
    let head = real(&folder, &["git", "rev-parse", "HEAD^{tree}"]).1;
    std::fs::write(folder.join(".git/index"), &bytes).unwrap();
    assert_eq!(real(&folder, &["git", "write-tree"]).1, head, "the cached tree");
    assert_eq!(real(&folder, &["git", "diff", "--cached", "--exit-code"]), (0, String::new()));
    let mut damaged = bytes;
    damaged[20] ^= 1;
    std::fs::write(folder.join(".git/index"), &damaged).unwrap();
    assert_ne!(real(&folder, &["git", "fsck"]).0, 0, "git checks its sum");
    std::fs::remove_dir_all(&base).unwrap();
}
