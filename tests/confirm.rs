//! `explore --confirm` on a real operator host: what the simulator found is found there as well, or the run fails.

#![expect(clippy::unwrap_used, reason = "a test: what fails here shall end it, also in its helpers")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use conformance::containers::{Out, files_below, gate, run_trials, trial, workspace};
use conformance::exploring::{Ran, call_in, copied, text};
use rollback_harness::bundle;
use rollback_harness::cli::{Backend, Containers, HostCommand, Stage};
use rollback_harness::exit::ExitStatus;
use rollback_harness::host::HostKind;
use rollback_harness::prepare::Selection;
use rollback_harness::run::RunError;
use rollback_harness::verdict::Verdict;

/// On the topology that boots fastest, at the one level at which a page that is lost is one find and not two: so there is one drill.
const SPACE: &str = r#"
schema = 1
bases = ["procedure-only"]
topologies = ["systemd"]
operators = ["careful"]
only = ["page-lost", "release-missing"]

[[fault]]
id = "page-lost"
levels = [{ way = 1 }]

[[fault]]
id = "release-missing"
moments = []
"#;
/// Cases that would make the find known.
const PIN_IT: [&str; 3] = ["page-twice", "page-refused", "page-hangs"];

fn main() {
    let gate = gate();
    let title = "container::confirm::a-find-is-drilled-and-the-machine-agrees".to_owned();
    run_trials(vec![trial(&gate, title, a_find_is_drilled)], 1);
}

/// Explores in a workspace that lacks a case; what goes into operator hosts is built where the whole checkout is.
struct Checkout;

impl Backend for Checkout {
    fn drill(&self, selection: &Selection, stage: &mut Stage<'_>) -> Result<(), RunError> {
        assert_eq!(selection.host, HostKind::Container);
        Containers.drill(&Selection { workspace: workspace(), ..selection.clone() }, stage)
    }

    fn host(&self, _: HostCommand, _: &Path, _: &mut dyn Write, _: &mut dyn Write) -> Result<(), RunError> {
        Ok(())
    }
}

fn a_find_is_drilled() {
    let (unpinned, out) = (copied(), Out::new(env!("CARGO_TARGET_TMPDIR")));
    for case in PIN_IT {
        fs::remove_file(unpinned.path().join(format!("scenarios/cases/{case}.toml"))).unwrap();
    }
    let space = unpinned.path().join("space.toml");
    fs::write(&space, SPACE).unwrap();
    let args = ["explore", "--exhaustive", "--faults", "2", "--confirm", "1", "--space", text(&space)];
    let args = [&args[..], &["--out", text(out.path())]].concat();
    let Ran { status, out: report, log } = call_in(&args, unpinned.path(), &Checkout);
    let told: Vec<&str> = report.lines().filter(|line| line.starts_with("confirm ")).collect();
    assert!(told.len() == 1 && told[0].ends_with(": the container agrees"), "{log}{report}");
    // The find is new all the same.
    assert_eq!(status, ExitStatus::DoesNotConform, "{log}{report}");

    // It was a machine that said so, and the find that it was asked of.
    let manifests = files_below(&out.path().join("confirmed"));
    let roots: Vec<PathBuf> = manifests.iter().filter(|path| path.ends_with(bundle::MANIFEST)).cloned().collect();
    assert_eq!(roots.len(), 1, "one bundle is due: {roots:?}");
    let again = bundle::rejudge(roots[0].parent().unwrap()).unwrap();
    let plan = again.history.plan().unwrap();
    assert_eq!((plan.host.as_str(), plan.topology.as_str()), ("container", "systemd"));
    assert!(told[0].contains(&format!("{}.toml", plan.scenario)), "{}: {}", plan.scenario, told[0]);
    assert_eq!(again.judgement.verdict, Verdict::Offline, "{:?}", again.judgement.because);
    assert_eq!(again.judgement.broken, ["page-once"]);
    assert!(again.judgement.conforms, "{:?}", again.judgement.expected);
}
