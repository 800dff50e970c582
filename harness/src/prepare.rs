//! From what was asked for to drills that can be carried out. Everything that can be wrong with the input is found here,
//! before any host starts.

use std::io::Read;
use std::path::{Path, PathBuf};

use fake_node::release::Release;
use serde::Serialize;

use crate::fault::{self, Effect};
use crate::history::event::{Plan, PlannedRelease, SCHEMA, Source};
use crate::procedure::{Procedure, Releases};
use crate::release::{self, sha256_hex};
use crate::report::Rerun;
use crate::runbook::Runbook;
use crate::scenario::{self, Operator, Role, Scenario};
use crate::scenario::{CRITERIA, Known, SCENARIO_BYTES_MAX, TOPOLOGIES};
use crate::topology::{self, Topology};
use crate::{criteria, invariants};

/// Drills of one run.
const DRILLS_MAX: usize = 10_000;

/// Every topology, or every scenario.
const ALL: &str = "all";

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// A topology id, or `all`.
    pub topology: String,
    /// Names, files (with `/` or ending in `.toml`), `-` for stdin, or `all`.
    pub scenarios: Vec<String>,
    /// `documented` or `shipped`.
    pub profile: String,
    /// Who is at the keyboard; several drill in turn.
    pub operators: Vec<Operator>,
    /// The document under test; `None` is the project's.
    pub runbook: Option<PathBuf>,
    /// Its binding; `None` is the project's.
    pub binding: Option<PathBuf>,
    /// Decides everything that is not decided otherwise.
    pub seed: u64,
    /// Where bundles go.
    pub out: PathBuf,
    /// The folder that holds `scenarios/`.
    pub workspace: PathBuf,
}

/// Bad input: exit status 64.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadInput(pub String);

/// One drill, ready but for its executables' hashes.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// All that the History begins with; the releases' hashes are filled in when they are built.
    pub plan: Plan,
    /// The commands.
    pub procedure: Procedure,
    /// The machine.
    pub topology: Topology,
    /// The good release with what it is born with.
    pub good: Release,
    /// The bad release with what it is born with.
    pub bad: Release,
    /// Effects from outside.
    pub outside: Vec<(String, Effect)>,
    /// The command line that repeats it.
    pub rerun: String,
}

/// Where the scenario files of a workspace are.
pub fn cases_folder(workspace: &Path) -> PathBuf {
    workspace.join("scenarios").join("cases")
}

/// Reads scenarios; a bad one refuses all.
pub fn scenarios(selection: &Selection) -> Result<Vec<Scenario>, BadInput> {
    let cases = cases_folder(&selection.workspace);
    let mut found = Vec::new();
    for wanted in &selection.scenarios {
        if wanted == ALL {
            for path in files(&cases)? {
                found.push(load(&path)?);
            }
        } else if wanted == "-" {
            let mut bytes = Vec::new();
            std::io::stdin()
                .take(SCENARIO_BYTES_MAX as u64 + 1)
                .read_to_end(&mut bytes)
                .map_err(|error| BadInput(format!("stdin: {error}")))?;
            found.push(checked("stdin", parse("stdin", &bytes)?)?);
        } else if wanted.contains('/') || wanted.ends_with(".toml") {
            found.push(load(Path::new(wanted))?);
        } else {
            let path = cases.join(format!("{wanted}.toml"));
            if !path.is_file() {
                let known: Vec<String> = files(&cases)?
                    .iter()
                    .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
                    .collect();
                return Err(BadInput(format!("no scenario `{wanted}`; there are {}", known.join(", "))));
            }
            found.push(load(&path)?);
        }
    }
    Ok(found)
}

/// Scenario files of a folder, in order of name.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>, BadInput> {
    let listed = std::fs::read_dir(folder).map_err(|error| BadInput(format!("{}: {error}", folder.display())))?;
    let mut paths: Vec<PathBuf> = listed
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    paths.sort();
    Ok(paths)
}

/// Loads one scenario file and checks its faults.
pub fn load(path: &Path) -> Result<Scenario, BadInput> {
    with_known(|known| scenario::load(path, known).map_err(|error| BadInput(error.to_string())))
        .and_then(|scenario| checked(&path.display().to_string(), scenario))
}

fn parse(name: &str, bytes: &[u8]) -> Result<Scenario, BadInput> {
    with_known(|known| scenario::parse(name, None, bytes, known).map_err(|error| BadInput(error.to_string())))
}

fn with_known<T>(use_them: impl FnOnce(&Known<'_>) -> T) -> T {
    let invariants: Vec<&str> = invariants::REGISTRY.iter().map(|one| one.id()).collect();
    use_them(&Known { topologies: &TOPOLOGIES, criteria: &CRITERIA, invariants: &invariants })
}

fn checked(file: &str, mut scenario: Scenario) -> Result<Scenario, BadInput> {
    for used in &mut scenario.faults {
        *used = fault::check(used).map_err(|error| BadInput(format!("{file}: faults: {error}")))?;
    }
    // Alerts and SLOs are judged where a host has an alert engine; none has yet.
    for id in &scenario.criteria {
        if !criteria::find(id).is_some_and(|criterion| criterion.can_be_judged()) {
            return Err(BadInput(format!(
                "{file}: criteria: `{id}` cannot be judged yet; version, health and metrics can"
            )));
        }
    }
    Ok(scenario)
}

/// Makes every drill of a selection.
pub fn prepare(selection: &Selection) -> Result<Vec<Prepared>, BadInput> {
    let scenarios_folder = selection.workspace.join("scenarios");
    let runbook_path =
        selection.runbook.clone().unwrap_or_else(|| scenarios_folder.join("runbooks").join("rollback.md"));
    let binding_path =
        selection.binding.clone().unwrap_or_else(|| scenarios_folder.join("runbooks").join("rollback.binding.toml"));
    let runbook = Runbook::load(&runbook_path, &binding_path).map_err(|error| BadInput(error.to_string()))?;
    let wanted = wanted_topologies(selection)?;
    let mut drills = Vec::new();
    for scenario in scenarios(selection)? {
        for id in &wanted {
            // `all` is all that is meant for each other; a pair that was named has to be.
            let Some(expected) = scenario.expect.get(id) else {
                if selection.topology == ALL || selection.scenarios.iter().any(|wanted| wanted == ALL) {
                    continue;
                }
                let known: Vec<&str> = scenario.expect.keys().map(String::as_str).collect();
                return Err(BadInput(format!(
                    "scenario `{}` is not for topology `{id}`; it is for {}",
                    scenario.name,
                    known.join(", ")
                )));
            };
            for operator in &selection.operators {
                let expected = expected.get(operator).cloned();
                let mut drill = one(selection, &runbook, &scenario, id, *operator)?;
                drill.plan.expected = expected;
                drills.push(drill);
            }
        }
    }
    match drills.len() {
        0 => Err(BadInput(format!("nothing to drill: no chosen scenario is for topology `{}`", selection.topology))),
        1..=DRILLS_MAX => Ok(drills),
        many => Err(BadInput(format!("{many} drills in one run, the ceiling is {DRILLS_MAX}"))),
    }
}

fn wanted_topologies(selection: &Selection) -> Result<Vec<String>, BadInput> {
    let folder = selection.workspace.join("scenarios").join("topologies").join(&selection.profile);
    let known = topology::known(&folder);
    if known.is_empty() {
        return Err(BadInput(format!(
            "profile `{}` has no topologies ({} is missing)",
            selection.profile,
            folder.display()
        )));
    }
    if selection.topology == ALL {
        return Ok(known);
    }
    if known.contains(&selection.topology) {
        return Ok(vec![selection.topology.clone()]);
    }
    Err(BadInput(format!(
        "no topology `{}` in profile `{}`; there are {}",
        selection.topology,
        selection.profile,
        known.join(", ")
    )))
}

/// Everything that decides a drill; its SHA-256 is the drill's id.
#[derive(Serialize)]
struct Decides<'a> {
    harness: &'a str,
    runbook: &'a str,
    binding: &'a str,
    scenario: &'a Scenario,
    releases: [String; 2],
    topology: String,
    profile: &'a str,
    operator: Operator,
    host: &'a str,
    seed: String,
}

fn one(
    selection: &Selection,
    runbook: &Runbook,
    scenario: &Scenario,
    id: &str,
    operator: Operator,
) -> Result<Prepared, BadInput> {
    let bad_input = |error: &dyn std::fmt::Display| BadInput(error.to_string());
    let releases = Releases { good: scenario.good.clone(), bad: scenario.bad.clone() };
    let procedure = runbook.procedure(id, &releases).map_err(|error| bad_input(&error))?;
    let scenarios_folder = selection.workspace.join("scenarios");
    let topology = topology::load(&scenarios_folder.join("topologies").join(&selection.profile), id)
        .map_err(|error| bad_input(&error))?;
    let mut born = (Vec::new(), Vec::new());
    let mut outside = Vec::new();
    for used in &scenario.faults {
        match fault::effect(used).map_err(|error| bad_input(&error))? {
            Effect::Inborn { release: Role::Good, fault } => born.0.push(fault),
            Effect::Inborn { release: Role::Bad, fault } => born.1.push(fault),
            effect => {
                can_have(&topology, &used.id, &effect)?;
                outside.push((used.id.clone(), effect));
            }
        }
    }
    let folder = scenarios_folder.join("releases").join(&selection.profile);
    let good = release::load(&folder, &scenario.good, born.0).map_err(|error| bad_input(&error))?;
    let bad = release::load(&folder, &scenario.bad, born.1).map_err(|error| bad_input(&error))?;
    let text = |release: &Release| serde_json::to_string(release).map_err(|error| bad_input(&error));
    let harness = env!("CARGO_PKG_VERSION");
    let decides = Decides {
        harness,
        runbook: &runbook.runbook.sha256,
        binding: &runbook.binding.sha256,
        scenario,
        releases: [text(&good)?, text(&bad)?],
        topology: topology.fingerprint().map_err(|error| bad_input(&error))?,
        profile: &selection.profile,
        operator,
        host: "container",
        seed: selection.seed.to_string(),
    };
    let decides = serde_json::to_vec(&decides).map_err(|error| bad_input(&error))?;
    let plan = Plan {
        schema: SCHEMA,
        harness: harness.to_owned(),
        seed: selection.seed.to_string(),
        id: sha256_hex(&decides),
        scenario: scenario.name.clone(),
        topology: id.to_owned(),
        host: "container".to_owned(),
        profile: selection.profile.clone(),
        operator,
        trigger: scenario.trigger.clone(),
        runbook: source(&runbook.runbook, &selection.workspace),
        binding: source(&runbook.binding, &selection.workspace),
        good: PlannedRelease {
            version: scenario.good.to_string(),
            executable_sha256: String::new(),
            image_digest: None,
        },
        bad: PlannedRelease { version: scenario.bad.to_string(), executable_sha256: String::new(), image_digest: None },
        criteria: scenario.criteria.clone(),
        faults: scenario.faults.clone(),
        claims: procedure.claims.clone(),
        verification: procedure.verification.iter().map(|point| (point.criterion.clone(), point.line)).collect(),
        expected: None,
        canary: scenario.canary,
        static_findings: procedure.findings.clone(),
        supervisor_alive: topology.supervisor.alive.clone(),
        port: topology.node.port,
        requirements: procedure.requirements.iter().map(|item| (item.id.clone(), item.line)).collect(),
        fetches_first: runbook.fetches_first(&releases),
    };
    Ok(Prepared { rerun: rerun(selection, scenario, &plan), plan, procedure, topology, good, bad, outside })
}

/// Whether a topology can be made to suffer a fault from outside.
fn can_have(topology: &Topology, id: &str, effect: &Effect) -> Result<(), BadInput> {
    let wanted = match effect {
        Effect::Tag { .. } if topology.images.is_none() => "it has no registry",
        Effect::Arranged if !topology.arranged.contains_key(id) => "its file has no `arranged` entry for it",
        _ => return Ok(()),
    };
    Err(BadInput(format!("topology `{}` cannot have fault `{id}`: {wanted}", topology.id)))
}

/// Paths below the workspace are given relative to it: the same drill has the same History wherever it is checked out.
fn source(source: &crate::runbook::Source, workspace: &Path) -> Source {
    let path = Path::new(&source.path);
    let shown = path.strip_prefix(workspace).unwrap_or(path).display().to_string();
    Source { path: shown, sha256: source.sha256.clone() }
}

fn rerun(selection: &Selection, scenario: &Scenario, plan: &Plan) -> String {
    let given = selection.scenarios.iter().find(|given| given.contains('/') || given.ends_with(".toml"));
    let name = given.filter(|_| selection.scenarios.len() == 1).unwrap_or(&scenario.name);
    let given = Rerun {
        scenario: name.clone(),
        runbook: selection.runbook.clone(),
        binding: selection.binding.clone(),
        ..Rerun::of_plan(plan)
    };
    given.line()
}
