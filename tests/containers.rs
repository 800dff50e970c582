//! What tests that need a container engine share: whether they run, one drill from a selection, waiting with a deadline.

#![expect(clippy::unwrap_used, clippy::panic, reason = "for tests: what fails here shall end the test that uses it")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use operator_agent::clock::{Deadline, pause};
use rollback_harness::bundle::Finished;
use rollback_harness::history::event::{Event, Plan};
use rollback_harness::host::HostKind;
use rollback_harness::host::container::engine;
use rollback_harness::prepare::{self, Prepared, Selection};
use rollback_harness::run::{self, Audience, RunError};
use rollback_harness::scenario::{Operator, Scenario};
use rollback_harness::verdict::Verdict;

/// Set to 1 where a missing engine is a failure and no reason to leave tests out (CI).
pub const REQUIRE: &str = "ROLLBACK_DRILL_REQUIRE_CONTAINERS";
/// Scenarios that are drilled on all topologies every time: a rollback that works, without alerts and with them.
const EVERYWHERE: [&str; 2] = ["procedure-only", "baseline"];
/// Scenarios that take two minutes and more, since a ceiling ends a page that hangs, or systemd waits for a process; and two in which
/// the metrics die between two looks a second or two apart, which a machine with other work can take at other times.
const SELDOM: [&str; 4] = ["alert-returns", "metrics-die-unseen", "metrics-die-unseen-later", "page-hangs"];
/// Of one event, when a failure shows the History.
const EVENT_CHARS: usize = 220;
/// Between two looks at a condition.
const POLL: Duration = Duration::from_millis(50);

/// Whether tests with containers run. Decided when tests are listed, never inside one.
#[derive(Debug, Clone)]
pub enum Gate {
    /// An engine answers.
    Run,
    /// None does: they are listed as ignored.
    Ignore,
    /// None does, and one has to: each of them fails with this.
    Fail(String),
}

/// Asks the engine. Says on stderr why tests are left out; stdout belongs to the list of tests.
pub fn gate() -> Gate {
    let Err(error) = engine::answers() else { return Gate::Run };
    if std::env::var_os(REQUIRE).is_some_and(|value| value == "1") {
        return Gate::Fail(format!("{REQUIRE}=1, but {error}"));
    }
    eprintln!("tests with containers are ignored: {error}");
    Gate::Ignore
}

/// A test that needs containers.
pub fn trial(gate: &Gate, name: String, body: impl FnOnce() + Send + 'static) -> Trial {
    match gate.clone() {
        Gate::Run => Trial::test(name, move || {
            body();
            Ok(())
        }),
        Gate::Ignore => Trial::test(name, || Ok(())).with_ignored_flag(true),
        Gate::Fail(error) => Trial::test(name, move || Err(Failed::from(error))),
    }
}

/// Runs trials as the command line says; `threads` at a time where it does not say how many.
pub fn run_trials(trials: Vec<Trial>, threads: usize) -> ! {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(threads);
    libtest_mimic::run(&arguments, trials).exit()
}

/// Looks at a condition until it holds; false if it does not in time.
pub fn wait_until(within: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Deadline::after(within);
    loop {
        if holds() {
            return true;
        }
        if deadline.passed() {
            return false;
        }
        pause(POLL);
    }
}

/// The folder that holds `scenarios/`.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Whether a drill of a scenario is done on a container in CI and leaves a snapshot: the careful operator's on all topologies,
/// the pasting one's on systemd. Of scenarios with alerts, which are watched for long, all of one that recovers, and of the others
/// the careful operator's on systemd.
pub fn pinned(scenario: &Scenario, topology: &str, operator: Operator) -> bool {
    let ends = scenario.expect.get(topology).and_then(|operators| operators.get(&operator));
    let careful = operator == Operator::Careful;
    match ends {
        Some(expected) if scenario.alerts.is_some() && expected.verdict != Verdict::Recovered => {
            careful && topology == "systemd"
        }
        Some(_) => careful || topology == "systemd",
        None => false,
    }
}

/// Whether a drill that is [`pinned`] is done on a container every time: the careful operator's, and the pasting one's where it
/// ends otherwise, or nothing else is wrong. Of topologies on which a scenario comes to the same verdict one is drilled, another
/// for each scenario, but for what everything else begins from. `ROLLBACK_DRILL_DRILLS=all` does the others too.
pub fn every_time(scenario: &Scenario, topology: &str, operator: Operator) -> bool {
    let name = scenario.name.as_str();
    let ends = |topology: &str, operator| scenario.expect.get(topology).and_then(|operators| operators.get(&operator));
    let verdict = |topology: &str| ends(topology, operator).map(|expected| &expected.verdict);
    let alike: Vec<&String> = scenario
        .expect
        .keys()
        .filter(|other| pinned(scenario, other, operator) && verdict(other) == verdict(topology))
        .collect();
    let turn: usize = name.bytes().map(usize::from).sum();
    let stands = alike.get(turn % alike.len().max(1)).is_some_and(|other| *other == topology);
    let tells_more = ends(topology, Operator::Careful) != ends(topology, Operator::Paste) || name == "procedure-only";
    let wanted = operator == Operator::Careful || tells_more;
    pinned(scenario, topology, operator) && wanted && (EVERYWHERE.contains(&name) || stands) && !SELDOM.contains(&name)
}

/// One scenario (a name, or a file's path) on one topology by one operator, with the project's runbook.
pub fn selection(scenario: &str, topology: &str, operator: Operator, out: &Path) -> Selection {
    Selection {
        scenarios: vec![scenario.to_owned()],
        operators: vec![operator],
        out: out.to_owned(),
        ..Selection::usual(HostKind::Container, topology, &workspace())
    }
}

/// A shipped scenario, changed: its file in this folder, for [`selection`].
pub fn changed(scenario: &str, folder: &Path, change: impl FnOnce(&mut Scenario)) -> String {
    let name = format!("{scenario}.toml");
    let mut changed = prepare::load(&prepare::cases_folder(&workspace()).join(&name)).unwrap();
    change(&mut changed);
    let path = folder.join(name);
    std::fs::write(&path, toml::to_string(&changed).unwrap()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Listens to nothing: events are read from the finished drill.
#[derive(Debug)]
pub struct Quiet;

impl Audience for Quiet {
    fn progress(&mut self, _line: &str) {}
    fn drill_began(&mut self, _plan: &Plan) {}
    fn event(&mut self, _event: &Event) {}
    fn drill_ended(&mut self, _finished: &Finished, _duration_ms: u64, _rerun: &str) {}
}

/// The one drill of a selection, carried out.
pub fn drill(selection: &Selection) -> Result<(Prepared, Finished), RunError> {
    let mut drills = prepare::prepare(selection)?;
    let prepared = drills.pop().unwrap();
    assert!(drills.is_empty(), "the selection is of more than one drill");
    let mut ready = run::get_ready(selection, &mut Quiet)?;
    let finished = run::drill(selection, prepared.clone(), &mut ready, &mut Quiet)?;
    Ok((prepared, finished))
}

/// A folder for bundles that goes when a test has passed and stays when it has not.
#[derive(Debug)]
pub struct Out(Option<tempfile::TempDir>);

impl Out {
    /// A new one in this folder: `CARGO_TARGET_TMPDIR`, so that what is left lies below `target`.
    pub fn new(parent: &str) -> Out {
        std::fs::create_dir_all(parent).unwrap();
        Out(Some(tempfile::Builder::new().prefix("drill-").tempdir_in(parent).unwrap()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.as_ref().unwrap().path()
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(folder) = self.0.take()
        {
            eprintln!("kept for you: {}", folder.keep().display());
        }
    }
}

/// Everything that a person needs to see why a drill is not as expected.
pub fn story(finished: &Finished) -> String {
    let judgement = &finished.judgement;
    let mut text = format!(
        "verdict {}: {}\nexpected {:?}\nfailing {:?}\nbroken {:?}\nbundle {}\n",
        judgement.verdict,
        judgement.because,
        judgement.expected,
        judgement.failing,
        judgement.broken,
        finished.root.display()
    );
    text.push_str(&told(&finished.history.events));
    text
}

/// Events, a line each.
pub fn told(events: &[Event]) -> String {
    let line = |event: &Event| {
        let what = serde_json::to_string(&event.what).unwrap();
        let short: String = what.chars().take(EVENT_CHARS).collect();
        format!("{:>5} {:>9} ms {short}\n", event.n, event.at_us / 1000)
    };
    events.iter().map(line).collect()
}

/// All regular files below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}

/// Ends the test with a drill's story.
pub fn refuse(why: &str, finished: &Finished) -> ! {
    panic!("{why}\n{}", story(finished))
}
