//! Nothing is left behind: whoever kills the harness, its operator host goes by itself; what an engine could not yet
//! start is swept; and nobody takes a host whose owner lives.
//!
//! The harness that is killed is this program itself, started again with a `--child-…` argument.

#![expect(clippy::unwrap_used, reason = "a test: what fails here shall end it, also in its helpers")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, ListVolumesOptions, RemoveContainerOptionsBuilder,
};
use conformance::containers::{self, Out, gate, run_trials, trial, wait_until};
use rollback_harness::bundle::{self, HISTORY};
use rollback_harness::history::event::{Block, What};
use rollback_harness::history::read::History;
use rollback_harness::host::container::engine::{self, Listed};
use rollback_harness::host::container::{image, owner};
use rollback_harness::procedure::Class;
use rollback_harness::scenario::Operator;
use rollback_harness::verdict::Verdict;

/// What the lease promises.
const GONE_WITHIN: Duration = Duration::from_secs(30);
/// The image may have to be built first.
const BOOT_WITHIN: Duration = Duration::from_secs(260);
/// The claim's 60 s, and what comes before them.
const EVENT_WITHIN: Duration = Duration::from_secs(150);
/// Drills that may miss the pull that they are to be killed in.
const PULLS: usize = 4;
/// Carries one drill out: scenario, topology, folder for the bundle.
const CHILD_DRILL: &str = "--child-drill";
/// Sweeps, as any other harness of this machine would.
const CHILD_SWEEP: &str = "--child-sweep";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [CHILD_DRILL, scenario, topology, out] => child_drill(scenario, topology, Path::new(out)),
        [CHILD_SWEEP] => {
            engine::sweep().unwrap();
            ExitCode::SUCCESS
        }
        _ => {
            let gate = gate();
            let trials = vec![
                trial(&gate, "container::lease::killed-while-created".into(), killed_while_created),
                trial(&gate, "container::lease::killed-at-boot".into(), killed_at_boot),
                trial(&gate, "container::lease::killed-in-a-step".into(), killed_in_a_step),
                trial(&gate, "container::lease::killed-in-a-pull".into(), killed_in_a_pull),
                trial(&gate, "container::lease::killed-in-the-failure-path".into(), killed_in_the_failure_path),
                trial(&gate, "container::lease::two-drills-keep-theirs".into(), two_drills_keep_theirs),
                trial(&gate, "container::sweep::takes-only-what-nobody-owns".into(), sweep_takes_only_what_nobody_owns),
            ];
            run_trials(trials, 1)
        }
    }
}

fn child_drill(scenario: &str, topology: &str, out: &Path) -> ExitCode {
    let (_, finished) = containers::drill(&containers::selection(scenario, topology, Operator::Careful, out)).unwrap();
    if finished.judgement.conforms {
        return ExitCode::SUCCESS;
    }
    eprintln!("{}", containers::story(&finished));
    ExitCode::FAILURE
}

/// Scenario and topology.
type Case = (&'static str, &'static str);

/// A harness of its own, killed for good when the test that started it ends.
struct Harness {
    child: Child,
    folder: PathBuf,
}

impl Harness {
    fn start((scenario, topology): Case, folder: PathBuf) -> Harness {
        std::fs::create_dir_all(&folder).unwrap();
        let said = File::create(folder.join("said.txt")).unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args([CHILD_DRILL, scenario, topology])
            .arg(folder.join("bundles"))
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .spawn()
            .unwrap();
        Harness { child, folder }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.folder.join("said.txt")).unwrap()
    }

    /// Its hosts on the engine.
    fn hosts(&self) -> Vec<Listed> {
        let prefix = format!("rollback-drill-{}-", self.child.id());
        engine::list().unwrap().into_iter().filter(|host| host.name.starts_with(&prefix)).collect()
    }

    /// The folder of its one bundle, once there is one.
    fn bundle(&self) -> Option<PathBuf> {
        std::fs::read_dir(self.folder.join("bundles")).ok()?.next().map(|entry| entry.unwrap().path())
    }

    fn events(&self) -> Vec<What> {
        let history = self.bundle().and_then(|root| History::read(&root.join(HISTORY)).ok());
        history.map(|history| history.events.into_iter().map(|event| event.what).collect()).unwrap_or_default()
    }

    /// Waits for something of the child's; a child that ends first has failed.
    fn wait_for(&mut self, what: &str, within: Duration, mut holds: impl FnMut(&Harness) -> bool) {
        let mut ended = None;
        let held = wait_until(within, || {
            ended = self.child.try_wait().unwrap();
            ended.is_some() || holds(self)
        });
        assert!(held && ended.is_none(), "waiting for {what} (child's end: {ended:?})\n{}", self.said());
    }

    fn kill(&mut self) {
        self.child.kill().unwrap(); // SIGKILL
        self.child.wait().unwrap();
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        // It has ended already, if the test went as it should.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Names of the volumes that these hosts hold.
fn volumes_of(hosts: &[Listed]) -> Vec<String> {
    let docker = engine::connect().unwrap();
    let mut names = Vec::new();
    for host in hosts {
        let inspect = docker.inspect_container(&host.name, None::<InspectContainerOptions>);
        let seen = engine::runtime().unwrap().block_on(inspect).unwrap();
        let mounts = seen.mounts.unwrap_or_default().into_iter();
        names.extend(mounts.filter(|mount| mount.typ.as_deref() == Some("volume")).filter_map(|mount| mount.name));
    }
    names
}

fn volumes() -> Vec<String> {
    let docker = engine::connect().unwrap();
    let listed = engine::runtime().unwrap().block_on(docker.list_volumes(None::<ListVolumesOptions>)).unwrap();
    listed.volumes.unwrap_or_default().into_iter().map(|volume| volume.name).collect()
}

fn is_running(harness: &Harness) -> bool {
    harness.hosts().iter().any(|host| host.state == "running")
}

/// Kills it, and looks at what is left of it on the engine and on disk; returns what it had written down.
fn kill_and_look(mut harness: Harness, hosts: Vec<Listed>) -> Vec<What> {
    assert!(!hosts.is_empty(), "it has no host when it is killed");
    let volumes_before = volumes_of(&hosts);
    harness.kill();
    let gone = wait_until(GONE_WITHIN, || harness.hosts().is_empty());
    assert!(gone, "{} s after SIGKILL there still is {:?}", GONE_WITHIN.as_secs(), harness.hosts());
    let left: Vec<String> = volumes().into_iter().filter(|name| volumes_before.contains(name)).collect();
    assert!(left.is_empty(), "volumes are left: {left:?}");
    bundle_is_readable(&harness);
    nothing_is_abandoned();
    harness.events()
}

/// The bundle of a killed harness can be read, and says that it cannot say how the drill ended.
fn bundle_is_readable(harness: &Harness) {
    let root = harness.bundle().unwrap();
    let history = History::read(&root.join(HISTORY)).unwrap();
    assert!(history.cut.is_some(), "the History of a killed harness counts as whole");
    let judged = bundle::rejudge(&root).unwrap();
    assert_eq!(judged.judgement.verdict, Verdict::Inconclusive, "{}", containers::story(&judged));
    assert!(!judged.judgement.conforms);
}

/// No host on the engine has a dead owner. What others are drilling now is none of this test's business.
fn nothing_is_abandoned() {
    let abandoned = || engine::list().unwrap().into_iter().filter(|host| host.abandoned).collect::<Vec<Listed>>();
    assert!(wait_until(GONE_WITHIN, || abandoned().is_empty()), "abandoned hosts are left: {:?}", abandoned());
}

/// Before the engine has started it, a container has nothing that could end it: one may be left, and a sweep takes it.
fn killed_while_created() {
    let out = Out::new(env!("CARGO_TARGET_TMPDIR"));
    let mut harness = Harness::start(("procedure-only", "systemd"), out.path().join("one"));
    harness.wait_for("a container", BOOT_WITHIN, |harness| !harness.hosts().is_empty());
    harness.kill();
    wait_until(GONE_WITHIN, || harness.hosts().is_empty());
    let left = harness.hosts();
    assert!(left.len() <= 1 && left.iter().all(|host| host.state == "created" && host.abandoned), "left: {left:?}");
    engine::sweep().unwrap();
    assert!(harness.hosts().is_empty(), "the sweep left {:?}", harness.hosts());
    bundle_is_readable(&harness);
    nothing_is_abandoned();
}

fn killed_at_boot() {
    let out = Out::new(env!("CARGO_TARGET_TMPDIR"));
    let mut harness = Harness::start(("procedure-only", "systemd"), out.path().join("one"));
    harness.wait_for("a running container", BOOT_WITHIN, is_running);
    let hosts = harness.hosts();
    kill_and_look(harness, hosts);
}

fn killed_in_a_step() {
    killed_in("a stop-class command", ("procedure-only", "systemd"), |what| begins(what, Class::Stop));
}

/// The engine inside is in the middle of something of its own. A pull takes about a second, so one may have ended before
/// the kill; that is a test of something else, and the next one may not.
fn killed_in_a_pull() {
    let of_a_command = |what: &&What| {
        matches!(what, What::CommandBegan { .. } | What::CommandEnded { .. } | What::CommandKilled { .. })
    };
    let under_way = (0..PULLS).any(|_| {
        let events =
            killed_in("a fetch-class command", ("procedure-only", "compose"), |what| begins(what, Class::Fetch));
        events.iter().rfind(of_a_command).is_some_and(|last| begins(last, Class::Fetch))
    });
    assert!(under_way, "{PULLS} times the pull had ended before the kill");
}

fn killed_in_the_failure_path() {
    // Here the failure path comes at once, without the claim's 60 s.
    let seen = |what: &What| matches!(what, What::BlockBegan { block: Block::FailurePath });
    killed_in("the failure path", ("tag-missing", "docker"), seen);
}

fn begins(what: &What, class: Class) -> bool {
    matches!(what, What::CommandBegan { classes, .. } if classes.contains(&class))
}

fn killed_in(name: &str, case: Case, seen: impl Fn(&What) -> bool) -> Vec<What> {
    let out = Out::new(env!("CARGO_TARGET_TMPDIR"));
    let mut harness = Harness::start(case, out.path().join("one"));
    harness.wait_for("a running container", BOOT_WITHIN, is_running);
    harness.wait_for(name, EVENT_WITHIN, |harness| harness.events().iter().any(&seen));
    let hosts = harness.hosts();
    kill_and_look(harness, hosts)
}

/// Two harnesses at once, and a third that sweeps in the middle: both drills end as expected, and both clean up.
fn two_drills_keep_theirs() {
    let out = Out::new(env!("CARGO_TARGET_TMPDIR"));
    let mut both = ["one", "other"].map(|name| Harness::start(("procedure-only", "systemd"), out.path().join(name)));
    for harness in &mut both {
        harness.wait_for("a running container", BOOT_WITHIN, is_running);
    }
    let names = |both: &[Harness; 2]| both.iter().flat_map(Harness::hosts).map(|host| host.name).collect::<Vec<_>>();
    assert_eq!(names(&both).len(), 2);
    sweep_in_another_process();
    engine::sweep().unwrap();
    assert_eq!(names(&both).len(), 2, "a sweep took a host whose owner lives");
    for harness in &mut both {
        let mut status = None;
        assert!(
            wait_until(EVENT_WITHIN, || {
                status = harness.child.try_wait().unwrap();
                status.is_some()
            }),
            "a drill does not end\n{}",
            harness.said()
        );
        assert!(status.unwrap().success(), "a drill does not conform\n{}", harness.said());
    }
    assert!(names(&both).is_empty(), "left: {:?}", names(&both));
    nothing_is_abandoned();
}

fn sweep_in_another_process() {
    let status = Command::new(std::env::current_exe().unwrap()).arg(CHILD_SWEEP).stdin(Stdio::null()).status();
    assert!(status.unwrap().success());
}

/// A container that was made and never started, with the labels of an operator host.
struct Created(String);

impl Created {
    fn with_owner(name: &str, lock: &Path) -> Created {
        let docker = engine::connect().unwrap();
        let name = format!("rollback-drill-test-{}-{name}", std::process::id());
        let labels = [
            (owner::LABEL_KIND, "operator-host".to_owned()),
            (owner::LABEL_MACHINE, owner::machine()),
            (owner::LABEL_OWNER, lock.display().to_string()),
        ];
        let made = engine::runtime().unwrap().block_on(async {
            let (image, _) = image::ensure(&docker, &mut |_: &str| ()).await.unwrap();
            let body = ContainerCreateBody {
                image: Some(image),
                labels: Some(labels.into_iter().map(|(label, value)| (label.to_owned(), value)).collect()),
                ..ContainerCreateBody::default()
            };
            let options = CreateContainerOptionsBuilder::default().name(&name).build();
            docker.create_container(Some(options), body).await
        });
        made.unwrap();
        Created(name)
    }

    fn is_there(&self) -> bool {
        engine::list().unwrap().iter().any(|host| host.name == self.0)
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        let docker = engine::connect().unwrap();
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        // Swept already, if its owner is dead.
        let _ = engine::runtime().unwrap().block_on(docker.remove_container(&self.0, Some(options)));
    }
}

fn sweep_takes_only_what_nobody_owns() {
    let out = Out::new(env!("CARGO_TARGET_TMPDIR"));
    // As a harness that was killed leaves it: the file is there, nobody holds its lock.
    let free = out.path().join("owner-free.lock");
    File::create(&free).unwrap();
    // No process has this id.
    let stale = owner::state_folder().unwrap().join("owner-0.lock");
    File::create(&stale).unwrap();
    let ours = Created::with_owner("ours", &owner::this_owner().unwrap());
    let free = Created::with_owner("free", &free);
    let missing = Created::with_owner("missing", &out.path().join("owner-missing.lock"));
    sweep_in_another_process();
    assert!(!free.is_there(), "its lock is free: its owner is dead");
    assert!(missing.is_there(), "its lock file is missing, which says nothing of a host as young as this");
    assert!(ours.is_there(), "its owner is this process");
    engine::sweep().unwrap();
    assert!(ours.is_there(), "its owner is this process, and sweeps");
    assert!(!owner_files().contains(&stale), "a lock file that is free and of no host is left");
    assert!(owner_files().contains(&owner::this_owner().unwrap()), "a sweep took the lock file of a living owner");
    drop((ours, missing));
    nothing_is_abandoned();
}

fn owner_files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(owner::state_folder().unwrap()).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}
