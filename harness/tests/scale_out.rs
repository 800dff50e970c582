//! The shell text of `docs/explore-job.yaml`, run as its eight pods would, and that of `.github/workflows/explore.yml`, run as its
//! machines would: the results merged are those of one process.

#![expect(clippy::unwrap_used, reason = "a test: what fails here shall end it, also in its helpers")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_rollback-drill");

const SPACE: &str = r#"
schema = 1
bases = ["procedure-only"]
topologies = ["docker"]
operators = ["careful", "paste"]
only = ["port-held", "tag-missing", "tag-moved"]
"#;

/// The text under `args` of the manifest, without its indentation.
fn shell_text(manifest: &str) -> String {
    let block = manifest.split_once("            - |\n").unwrap().1;
    let lines = block.lines().map_while(|line| line.strip_prefix("              "));
    lines.collect::<Vec<_>>().join("\n")
}

fn program(args: &[&str], workspace: &Path) -> Output {
    Command::new(PROGRAM).args(args).current_dir(workspace).output().unwrap()
}

#[test]
fn eight_pods_come_to_what_one_process_does() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let manifest = fs::read_to_string(workspace.join("docs/explore-job.yaml")).unwrap();
    assert!(manifest.contains("completions: 8\n") && manifest.contains("{ name: PARTS, value: \"8\" }"), "{manifest}");
    let text = shell_text(&manifest);
    let folder = tempfile::tempdir().unwrap();
    let (space, out) = (folder.path().join("space.toml"), folder.path().join("results"));
    fs::write(&space, SPACE).unwrap();
    let programs = Path::new(PROGRAM).parent().unwrap().display().to_string();
    let path = format!("{programs}:{}", std::env::var_os("PATH").unwrap().to_str().unwrap());
    let pods: Vec<_> = (0..8)
        .map(|index: u32| {
            let mut pod = Command::new("/bin/sh");
            pod.args(["-c", &text]).current_dir(&workspace).env("PATH", &path).env("FAULTS", "2").env("PARTS", "8");
            pod.env("SPACE", &space).env("OUT", &out).env("JOB_COMPLETION_INDEX", index.to_string());
            pod.stdout(std::process::Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut pod in pods {
        assert!(pod.wait().unwrap().success());
    }
    let whole = folder.path().join("whole");
    let of = ["--exhaustive", "--faults", "2", "--space", space.to_str().unwrap(), "--out", whole.to_str().unwrap()];
    let one = program(&[["explore"].as_slice(), &of].concat(), &workspace);
    let results = fs::read(whole.join("results.jsonl")).unwrap();
    let parts: Vec<PathBuf> = (0..8).map(|index| out.join(format!("part-{index}/results.jsonl"))).collect();
    let files: Vec<&str> = parts.iter().map(|path| path.to_str().unwrap()).collect();
    let merged = program(&[["explore", "merge"].as_slice(), &of, &files].concat(), &workspace);
    let said = String::from_utf8_lossy(&merged.stderr).into_owned();
    assert_eq!((merged.status.code(), &merged.stdout), (one.status.code(), &one.stdout), "{said}");
    assert_eq!(fs::read(whole.join("results.jsonl")).unwrap(), results);
    assert!(parts.iter().all(|part| fs::read_to_string(part).unwrap().lines().count() > 1), "a part is empty");
}

/// What a step of the workflow runs, with the program as it is on the path.
fn run_of(workflow: &str, step: &str) -> String {
    let (_, step) = workflow.split_once(&format!("      - name: {step}\n")).unwrap();
    let (_, block) = step.split_once("        run: |\n").unwrap();
    let lines = block.lines().map_while(|line| line.strip_prefix("          "));
    let own = lines.filter(|line| !line.starts_with("rustup "));
    own.collect::<Vec<_>>().join("\n").replace("cargo run --release --locked -- ", "rollback-drill ")
}

#[test]
fn the_machines_of_the_workflow_come_to_what_one_process_does() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let workflow = fs::read_to_string(workspace.join(".github/workflows/explore.yml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("space.toml"), SPACE).unwrap();
    let what = "--exhaustive --faults 1 --space ../space.toml";
    let programs = Path::new(PROGRAM).parent().unwrap().display().to_string();
    let path = format!("{programs}:{}", std::env::var_os("PATH").unwrap().to_str().unwrap());
    let machine = |name: &str, text: &str| -> (PathBuf, Output) {
        let at = folder.path().join(name);
        fs::create_dir_all(&at).unwrap();
        std::os::unix::fs::symlink(workspace.join("scenarios"), at.join("scenarios")).unwrap();
        // As GitHub runs a step.
        let mut shell = Command::new("bash");
        shell.args(["-e", "-c", text]).current_dir(&at).env("PATH", &path).env("WHAT", what).env("PARTS", "4");
        (at.join("target"), shell.output().unwrap())
    };
    assert!(workflow.contains("  PARTS: 4\n") && workflow.contains("        part: [0, 1, 2, 3]\n"), "{workflow}");
    let merged = folder.path().join("merge/target/parts");
    for index in 0..4 {
        let text = run_of(&workflow, "Explore").replace("${{ matrix.part }}", &index.to_string());
        let (target, ran) = machine(&format!("part-{index}"), &text);
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        // The artifact, with the name that the step gives it.
        fs::create_dir_all(merged.join(format!("part-{index}"))).unwrap();
        fs::rename(target.join("explore/results.jsonl"), merged.join(format!("part-{index}/results.jsonl"))).unwrap();
    }
    let (_, ran) = machine("merge", &run_of(&workflow, "Report"));
    let (_, whole) = machine("whole", &format!("rollback-drill explore {what}"));
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!((ran.status.code(), whole.status.code()), (Some(0), Some(0)), "{said}");
    assert_eq!(ran.stdout, whole.stdout, "{said}");
}
