//! Probes from `scenarios/probes/`, and generated scripts, each on a machine in a container and on a simulated one: what
//! the simulator does otherwise than the machine is a defect of the simulator, or a gap that `gaps.toml` names.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test: what fails here shall end it, also in its helpers")]

use std::cell::{Cell, RefCell};
use std::path::PathBuf;

use conformance::agreement::account::PROBES;
use conformance::agreement::cells::{HOW_MANY, HowMany};
use conformance::containers::{Gate, gate, run_trials, trial, workspace};
use conformance::probing::compare::{Compared, Difference, ProbeResult, Record, compare};
use conformance::probing::hosts::{self, Booted};
use conformance::probing::look::{self, State};
use conformance::probing::play::{Played, play};
use conformance::probing::probe::{Gap, Probe, load_all, parse};
use conformance::probing::scripts;
use libtest_mimic::Trial;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// Another seed for the scripts than the one below: to look further.
const FIDELITY_SEED: &str = "ROLLBACK_DRILL_FIDELITY_SEED";
/// Names of probes, with commas: these alone, each on a machine of its own.
const ONLY: &str = "ROLLBACK_DRILL_PROBES";
/// Of the scripts that CI runs.
const SEED: u64 = 1;
/// Scripts in all, and in the part that is run where not all is asked for.
const SCRIPTS: (u32, u32) = (200, 70);
/// Of the probes: every third.
const EVERY: usize = 3;
/// Probes that share a machine.
const SHARED: usize = 13;
/// Runs of a script that failed while a shorter one is looked for.
const SHRINKS_MAX: u32 = 200;

fn main() {
    let gate = gate();
    let (probes, gaps) = load_all(&folder()).unwrap_or_else(|bad| panic!("{bad}"));
    let mut trials = vec![
        Trial::test("probes::files::are-enough", {
            let probes = probes.clone();
            move || {
                are_enough(&probes);
                Ok(())
            }
        }),
        Trial::test("probes::files::wrong-ones-are-refused", || {
            wrong_ones_are_refused();
            Ok(())
        }),
    ];
    // Else every third probe of each topology, by name, and a third of the scripts.
    let all = HowMany::of(asked(HOW_MANY).as_deref()).unwrap() != HowMany::Standing;
    let only = asked(ONLY);
    for topology in ["systemd", "docker", "compose"] {
        let of: Vec<&Probe> = probes.iter().filter(|probe| probe.topology == topology).collect();
        let chosen: Vec<Probe> = match &only {
            Some(names) => {
                of.into_iter().filter(|probe| names.split(',').any(|name| name == probe.name)).cloned().collect()
            }
            None if all => of.into_iter().cloned().collect(),
            None => of.into_iter().step_by(EVERY).cloned().collect(),
        };
        let (alone, shared): (Vec<Probe>, Vec<Probe>) =
            chosen.into_iter().partition(|probe| probe.alone || only.is_some());
        for (at, group) in shared.chunks(SHARED).enumerate() {
            trials.push(of_group(&gate, format!("probes::{topology}::shared-{}", at + 1), group.to_vec(), &gaps));
        }
        for probe in alone {
            trials.push(of_group(&gate, format!("probes::{topology}::{}", probe.name), vec![probe], &gaps));
        }
    }
    let cases = if all { SCRIPTS.0 } else { SCRIPTS.1 };
    trials.push(trial(&gate, "probes::systemd::generated-scripts".into(), move || generated_scripts(cases)));
    // Each is a whole machine.
    run_trials(trials, 2);
}

/// What the environment asks for: it decides which probes are run, and never what one comes to.
fn asked(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

fn folder() -> PathBuf {
    workspace().join("scenarios/probes")
}

/// Where results are kept.
fn kept() -> PathBuf {
    workspace().join(PROBES)
}

fn of_group(gate: &Gate, name: String, group: Vec<Probe>, gaps: &[Gap]) -> Trial {
    let gaps = gaps.to_vec();
    trial(gate, name, move || run_group(&group, &gaps))
}

/// Runs probes one after the other on one machine of each kind, and ends with all that is wrong.
fn run_group(group: &[Probe], gaps: &[Gap]) {
    let topology = group[0].topology.as_str();
    let mut simulator = Side::of(hosts::simulated(topology).unwrap());
    let mut container = Side::of(hosts::container(topology, &hosts::binaries().unwrap()).unwrap());
    let mut faults = Vec::new();
    for probe in group {
        let real = container.run(probe);
        if simulator.broken {
            // What it refused before has left it in the middle of a command.
            simulator = Side::of(hosts::simulated(topology).unwrap());
        }
        let simulated = simulator.run(probe);
        let mut result = compare(probe, &real, &simulated, gaps);
        if !probe.alone {
            result.differences.extend(container.left_behind());
        }
        result.keep(&kept()).unwrap();
        let wrong = result.faults(gaps);
        if !wrong.is_empty() {
            faults.push(format!("{}: {}\n{}\n{}", probe.name, probe.title, steps_of(probe), wrong.join("\n")));
        }
        if container.broken {
            faults.push(format!("{}: the container cannot go on; what comes after it was not run", probe.name));
            break;
        }
    }
    assert!(faults.is_empty(), "the simulator does otherwise than the machine:\n\n{}", faults.join("\n\n"));
}

fn steps_of(probe: &Probe) -> String {
    let shown = probe.steps.iter().enumerate().map(|(at, step)| format!("  {}. {:?}", at + 1, step.act));
    shown.collect::<Vec<_>>().join("\n")
}

/// One of the two hosts.
struct Side {
    host: Booted,
    /// How the machine looked before the first probe.
    before: State,
    after: State,
    broken: bool,
}

impl Side {
    fn of(mut host: Booted) -> Side {
        let before = look::machine(&mut host).unwrap();
        host.seen.clear();
        Side { host, after: before.clone(), before, broken: false }
    }

    fn run(&mut self, probe: &Probe) -> Record {
        let mut played = play(&mut self.host, None, &probe.steps);
        let mut state = State::new();
        if played.refused.is_none() {
            match self.look(probe) {
                Ok(seen) => state = seen,
                Err(error) => played.refused = Some(format!("the look afterwards: {error}")),
            }
        }
        self.broken = played.refused.is_some();
        Record { played, state, names: self.host.names.clone() }
    }

    fn look(&mut self, probe: &Probe) -> Result<State, rollback_harness::host::HostError> {
        self.after = look::machine(&mut self.host)?;
        let mut state = self.after.clone();
        state.extend(look::left(&mut self.host, &probe.paths, &probe.contents)?);
        Ok(state)
    }

    /// What a probe that shares the machine with others has changed. Whether a neighbour runs is left out: Compose starts what the node
    /// depends on with it, and each probe that is about that says so in its steps.
    fn left_behind(&self) -> Vec<Difference> {
        let without_word = |line: &str| match line.rsplit_once(' ') {
            Some((neighbour, _)) if line.starts_with("Neighbour=") => format!("{neighbour}\n"),
            _ => format!("{line}\n"),
        };
        let of = |state: &State| {
            let mut state = state.clone();
            if let Some(text) = state.get_mut("supervisor") {
                *text = text.lines().map(without_word).collect();
            }
            Record { played: Played { steps: Vec::new(), refused: None }, state, names: Vec::new() }
        };
        let mut result = ProbeResult {
            probe: String::new(),
            topology: String::new(),
            compared: Compared::default(),
            differences: Vec::new(),
        };
        conformance::probing::compare::state([&of(&self.before), &of(&self.after)], &mut result);
        let told = |difference: Difference| Difference {
            cell: format!("left behind, so that it needs `alone = true`: {}, before and after", difference.cell),
            ..difference
        };
        result.differences.into_iter().map(told).collect()
    }
}

/// Scripts that nobody wrote do what they do on a machine.
fn generated_scripts(cases: u32) {
    let seed = match asked(FIDELITY_SEED) {
        Some(text) => {
            text.parse().unwrap_or_else(|error| panic!("{FIDELITY_SEED}={text}: {error}; a whole number is needed"))
        }
        None => SEED,
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(
        Config { cases, failure_persistence: None, max_shrink_iters: SHRINKS_MAX, ..Config::default() },
        TestRng::from_seed(RngAlgorithm::ChaCha, &bytes),
    );
    let container = RefCell::new(hosts::container("systemd", &hosts::binaries().unwrap()).unwrap());
    let simulator = RefCell::new(hosts::simulated("systemd").unwrap());
    let number = Cell::new(0);
    let total = RefCell::new(Compared::default());
    let found = runner.run(&scripts::scripts(), |script| {
        number.set(number.get() + 1);
        let result = scripts::both(&mut container.borrow_mut(), &mut simulator.borrow_mut(), number.get(), &script);
        let mut total = total.borrow_mut();
        total.statuses += result.compared.statuses;
        total.outputs += result.compared.outputs;
        total.state += result.compared.state;
        if result.differences.is_empty() {
            return Ok(());
        }
        if result.differences.iter().any(|difference| difference.cell.ends_with("refused")) {
            simulator.replace(hosts::simulated("systemd").unwrap());
        }
        if scripts::is_known_refusal(&result) {
            return Err(TestCaseError::reject("a folder as input"));
        }
        Err(TestCaseError::fail(format!("{}\n{}", script.join("\n"), result.faults(&[]).join("\n"))))
    });
    let result = ProbeResult {
        probe: scripts::NAME.into(),
        topology: "systemd".into(),
        compared: *total.borrow(),
        differences: found
            .as_ref()
            .err()
            .map(|error| Difference {
                cell: format!("script {}", number.get()),
                container: error.to_string(),
                simulator: String::new(),
                gap: None,
            })
            .into_iter()
            .collect(),
    };
    result.keep(&kept()).unwrap();
    if let Err(error) = found {
        panic!("seed {seed}: {error}");
    }
}

fn are_enough(probes: &[Probe]) {
    for (topology, least) in [("systemd", 25), ("docker", 18), ("compose", 15)] {
        let there = probes.iter().filter(|probe| probe.topology == topology).count();
        assert!(there >= least, "{there} probes of {topology}; the files have gone");
    }
}

fn wrong_ones_are_refused() {
    let step = "[[step]]\nrun = 'true'\n";
    let with = |text: &str| format!("title = 'a'\ntopology = 'systemd'\n{text}");
    assert!(parse("a", &with(step)).is_ok());
    for (text, wanted) in [
        (format!("topology = 'systemd'\n{step}"), "missing field `title`"),
        (format!("title = ' '\ntopology = 'systemd'\n{step}"), "`title` is empty"),
        (format!("title = 'a'\ntopology = 'k8s'\n{step}"), "no topology `k8s`; there are systemd, docker, compose"),
        (with("expect = 0\n[[step]]\nrun = 'true'\n"), "unknown field `expect`"),
        (with("step = []\n"), "0 steps"),
        (with("[[step]]\nrun = 'true'\nas_root = 'true'\n"), "step 1: exactly one of"),
        (with("[[step]]\noutput = 'same'\n"), "step 1: exactly one of"),
        (with("[[step]]\nrun = 'true'\noutput = 'any'\n"), "unknown variant `any`"),
        (with("[[step]]\nrun = 'true'\nwithin_s = 500\n"), "`within_s` is 500; 1 to 120"),
        (with("[[step]]\nrun = ' '\n"), "its command is empty"),
        (with("[[step]]\nwait_until = 'true'\n"), "no step does anything"),
        (with("[[step]]\nwait_until = 'true'\noutput = 'same'\n"), "`output` is for"),
        (format!("paths = ['x']\n{}", with(step)), "`x` is no absolute path"),
    ] {
        let said = parse("a", &text).unwrap_err();
        assert!(said.contains(wanted), "{text}\nwas refused with: {said}\nwanted: {wanted}");
    }
    let gap =
        |cells: &str| format!("[[gap]]\nid = 'a'\nprobe = 'p'\ncells = {cells}\ndiffers = 'words'\nreason = 'none'\n");
    use conformance::probing::probe::gaps;
    assert!(gaps(&gap("['step 1 output']")).is_ok());
    assert!(gaps(&gap("[]")).unwrap_err().contains("cells"));
    let twice = format!("{0}{0}", gap("['state pages']"));
    assert!(gaps(&twice).unwrap_err().contains("has one gap"));
}
