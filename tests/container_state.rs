//! `container-state`, the supervisor command of the topologies with containers, as bash runs it, against an engine that is
//! played by a script: what it says, and that it says nothing of a node where the engine does not answer.

#![expect(clippy::unwrap_used, reason = "a test: what fails here shall end it, also in its helpers")]

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use conformance::containers::workspace;

/// Answers from files beside it: `ps`, and `container-NAME` and `image-ID` for inspections. Without `ps` it does not answer.
const DOCKER: &str = r#"#!/bin/bash
here=$(dirname "$0")
[ -e "$here/ps" ] || { echo "Cannot connect to the Docker daemon" >&2; exit 1; }
case $1 in
  ps) cat "$here/ps" ;;
  *) cat "$here/$1-$3" 2> /dev/null || { echo "Error: No such $1: $3" >&2; exit 1; } ;;
esac
"#;

/// What the script prints and its status, where the engine has these files.
fn state(files: &[(&str, &str)]) -> (String, i32) {
    let folder = tempfile::tempdir().unwrap();
    let program = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    program("docker", DOCKER);
    program("curl", "#!/bin/bash\nprintf 'status 404'\n");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", folder.path().display());
    let script = workspace().join("scenarios/topologies/documented/common/container-state");
    let output = Command::new("bash").arg(&script).arg("jaeger").env("PATH", path).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
}

const NODE: &str = "sha256:1\nStatus=running\nRunning=true\n";
const OF_A_RELEASE: &str = r#"["ghcr.io/craton-co/tensor-wasm@sha256:aa"]"#;

fn lines<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    text.lines().filter(|line| line.starts_with(key)).collect()
}

#[test]
fn a_container_is_absent_only_where_the_engine_says_so() {
    let (said, exit) = state(&[]);
    assert_eq!((lines(&said, "Status="), exit), (vec![], 1), "{said}");
    let (said, exit) = state(&[("ps", "")]);
    assert_eq!((lines(&said, "Status="), exit), (vec!["Status=absent"], 0));
    // It is listed, but cannot be inspected.
    let (said, exit) = state(&[("ps", "tensor-wasm running\n")]);
    assert_eq!((lines(&said, "Status="), exit), (vec![], 1), "{said}");
    let (said, exit) = state(&[("ps", "tensor-wasm running\n"), ("container-tensor-wasm", NODE)]);
    assert_eq!((lines(&said, "Status="), exit), (vec!["Status=running"], 0));
    assert_eq!(lines(&said, "Neighbour="), ["Neighbour=jaeger absent"]);
    let (said, exit) = state(&[("ps", "jaeger running\n")]);
    assert_eq!((lines(&said, "Neighbour="), exit), (vec![], 1), "{said}");
}

#[test]
fn a_release_under_another_name_is_told_where_it_runs_or_is_due_to() {
    let others = |listed: &str, image: &str, digests: &str| {
        let (said, exit) = state(&[("ps", listed), ("container-ab_node", image), ("image-sha256:2", digests)]);
        assert_eq!(exit, 0, "{said}");
        said.lines().filter_map(|line| line.strip_prefix("Other=")).map(str::to_owned).collect::<Vec<_>>()
    };
    let by_tag = "sha256:2 ghcr.io/craton-co/tensor-wasm:v0.4.0\n";
    for due in ["running", "restarting", "paused"] {
        assert_eq!(others(&format!("ab_node {due}\n"), by_tag, "[]"), [format!("ab_node {due}")]);
    }
    for over in ["created", "exited", "dead"] {
        assert_eq!(others(&format!("ab_node {over}\n"), by_tag, "[]"), [""; 0]);
    }
    // Its tag was taken away or moved: the digest tells.
    assert_eq!(others("ab_node running\n", "sha256:2 sha256:2\n", OF_A_RELEASE), ["ab_node running"]);
    assert_eq!(others("ab_node running\n", "sha256:2 ghcr.io/other/thing:v1\n", "[]"), [""; 0]);
}
