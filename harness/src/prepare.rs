//! From what was asked for to drills that can be carried out. Everything that can be wrong with the input is found here,
//! before any host starts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fake_node::release::{OnUnreadable, Release};
use operator_agent::protocol::Monitoring;
use serde::Serialize;

use crate::decide::DecidedBy;
use crate::fault::{self, Effect};
use crate::history::event::{Decision, Plan, PlannedRelease, SCHEMA, Source};
use crate::host::HostKind;
use crate::procedure::{Confirm, Procedure};
use crate::release::{self, sha256_hex};
use crate::report::Rerun;
use crate::runbook::Runbook;
use crate::scenario::{Expectation, Operator, Role, Scenario};
use crate::topology::{self, Topology, plain_absolute};

mod active;
mod alerts;
mod confirmed;
mod decided;
mod given;
mod made;
mod outside;
mod past;

pub use given::{cases_folder, files, load};
pub use made::{Parts, made};
pub use outside::{Outside, is_watched};

use given::{Given, scenarios};

/// Drills of one run.
const DRILLS_MAX: usize = 10_000;

/// Every topology, or every scenario.
const ALL: &str = "all";

/// As `drill` has it where nothing else is asked for.
const PROFILE: &str = "documented";

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Where it is drilled.
    pub host: HostKind,
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

impl Selection {
    /// What `drill` has where nothing else is asked for: the careful operator, the baseline, the project's runbook, seed 1.
    pub fn usual(host: HostKind, topology: &str, workspace: &Path) -> Selection {
        Selection {
            host,
            topology: topology.to_owned(),
            scenarios: vec!["baseline".to_owned()],
            profile: PROFILE.to_owned(),
            operators: vec![Operator::Careful],
            runbook: None,
            binding: None,
            seed: 1,
            out: workspace.join("target/drills"),
            workspace: workspace.to_owned(),
        }
    }
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
    /// Faults from outside.
    pub outside: Vec<Outside>,
    /// How it is decided whether to roll back, where the scenario says what the operator knows.
    pub decision: Option<DecidedBy>,
    /// What is confirmed before the first step, where the drill comes so far and the scenario does not assume it.
    pub confirm: Option<Confirm>,
    /// The rules engine that its machine is to have, where it has alerts.
    pub monitoring: Option<Arc<Monitoring>>,
    /// SHA-256 of everything that decides it but the seed.
    pub without_seed: String,
    /// The command line that repeats it.
    pub rerun: String,
}

impl Prepared {
    /// How many of the tenants' clients call an export that traps.
    pub fn trapping_tenants(&self) -> usize {
        let of = self.outside.iter().map(|fault| match fault.effect {
            Effect::TrappingTenants { tenants } => tenants,
            _ => 0,
        });
        of.sum()
    }

    /// Gives the plan another seed, and the id that comes with it. The command line stays as it is.
    pub fn reseed(&mut self, seed: u64) {
        (self.plan.seed, self.plan.id) = (seed.to_string(), seeded(&self.without_seed, seed));
    }
}

/// A drill's id: SHA-256 of everything that decides it.
fn seeded(without_seed: &str, seed: u64) -> String {
    sha256_hex(format!("{without_seed} {seed}").as_bytes())
}

/// Makes every drill of a selection.
pub fn prepare(selection: &Selection) -> Result<Vec<Prepared>, BadInput> {
    drills(selection, scenarios(selection)?)
}

/// Whether everything that this scenario file expects can be drilled with the project's runbook.
pub fn check(path: &Path, workspace: &Path) -> Result<(), BadInput> {
    let scenario = load(path)?;
    let file = path.display().to_string();
    let operators = vec![Operator::Careful, Operator::Paste];
    let selection =
        Selection { scenarios: Vec::new(), operators, ..Selection::usual(HostKind::Container, ALL, workspace) };
    let there = wanted_topologies(&selection)?;
    if let Some(missing) = scenario.expect.keys().find(|id| !there.contains(id)) {
        return Err(BadInput(format!("{file}: no topology `{missing}`; there are {}", there.join(", "))));
    }
    let given = Given { scenario, file: file.clone(), named: file.clone() };
    match drills(&selection, vec![given]) {
        Ok(_) => Ok(()),
        Err(BadInput(why)) if why.starts_with(&file) => Err(BadInput(why)),
        Err(BadInput(why)) => Err(BadInput(format!("{file}: {why}"))),
    }
}

/// The document under test with its binding; each is the project's where none is given.
pub fn runbook(workspace: &Path, runbook: Option<&Path>, binding: Option<&Path>) -> Result<Runbook, BadInput> {
    let folder = workspace.join("scenarios").join("runbooks");
    let or = |given: Option<&Path>, name: &str| given.map_or_else(|| folder.join(name), Path::to_owned);
    let (runbook, binding) = (or(runbook, "rollback.md"), or(binding, "rollback.binding.toml"));
    Runbook::load(&runbook, &binding).map_err(|error| BadInput(error.to_string()))
}

fn drills(selection: &Selection, scenarios: Vec<Given>) -> Result<Vec<Prepared>, BadInput> {
    let runbook = runbook(&selection.workspace, selection.runbook.as_deref(), selection.binding.as_deref())?;
    let wanted = wanted_topologies(selection)?;
    // `all` is all that is meant for each other; a pair that was named has to be.
    let named = selection.topology != ALL && !selection.scenarios.iter().any(|wanted| wanted == ALL);
    let mut drills = Vec::new();
    for given in scenarios {
        let name = &given.scenario.name;
        for id in &wanted {
            let Some(expected) = given.scenario.expect.get(id) else {
                if named {
                    let known: Vec<&str> = given.scenario.expect.keys().map(String::as_str).collect();
                    let known = known.join(", ");
                    return Err(BadInput(format!("scenario `{name}` is not for topology `{id}`; it is for {known}")));
                }
                continue;
            };
            for operator in &selection.operators {
                if let Some(expected) = expected.get(operator) {
                    let parts = Parts::load(selection, &runbook, &given.scenario, id)?;
                    outside::can_come(&parts.procedure, &parts.topology, &given)?;
                    drills.push(one(selection, &runbook, &given, parts, (*operator, expected))?);
                } else if named && selection.operators.len() == 1 {
                    let who = operator.as_str();
                    let known: Vec<&str> = expected.keys().map(|operator| operator.as_str()).collect();
                    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                    return Err(BadInput(format!(
                        "scenario `{name}` on topology `{id}` is not for operator `{who}`; it is for {known}"
                    )));
                }
            }
        }
    }
    match drills.len() {
        0 => {
            let operators: Vec<&str> = selection.operators.iter().map(|operator| operator.as_str()).collect();
            Err(BadInput(format!(
                "nothing to drill: no chosen scenario is for topology `{}` and operator {}",
                selection.topology,
                operators.join(" or ")
            )))
        }
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

/// Everything that decides a drill but its seed; see [`Prepared::without_seed`].
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
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<&'a Decision>,
    #[serde(skip_serializing_if = "Option::is_none")]
    monitoring: Option<&'a Monitoring>,
}

fn one(
    selection: &Selection,
    runbook: &Runbook,
    given: &Given,
    Parts { procedure, topology, fetches_first, alerts: known }: Parts,
    (operator, expected): (Operator, &Expectation),
) -> Result<Prepared, BadInput> {
    let scenario = &given.scenario;
    let bad_input = |error: &dyn std::fmt::Display| BadInput(error.to_string());
    let of_scenario = |error: &dyn std::fmt::Display| BadInput(format!("{}: {error}", given.file));
    let scenarios_folder = selection.workspace.join("scenarios");
    let mut born = (Vec::new(), Vec::new());
    let mut outside = Vec::new();
    for used in &scenario.faults {
        match fault::effect(used).map_err(|error| of_scenario(&error))? {
            Effect::Inborn { release: Role::Good, fault } => born.0.push(fault),
            Effect::Inborn { release: Role::Bad, fault } => born.1.push(fault),
            effect => {
                can_have(&topology, &used.id, &effect).map_err(|why| of_scenario(&why))?;
                outside.push(Outside { id: used.id.clone(), effect, at: used.at });
            }
        }
    }
    let folder = scenarios_folder.join("releases").join(&selection.profile);
    let good = release::load(&folder, &scenario.good, born.0).map_err(|error| of_scenario(&error))?;
    let bad = release::load(&folder, &scenario.bad, born.1).map_err(|error| of_scenario(&error))?;
    for Outside { id, effect, .. } in &outside {
        can_begin(&bad, id, effect).map_err(|why| of_scenario(&why))?;
    }
    let watched = known.alerts(selection, given, &procedure.claims, &bad)?;
    let spending = watched.as_ref().map(|watched| watched.spending.clone()).unwrap_or_default();
    let (monitoring, alerts) = watched.map(|watched| (watched.monitoring, watched.planned)).unzip();
    let decided = decided::decide(selection, runbook, given, spending)?;
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
        host: selection.host.as_str(),
        decision: decided.as_ref().map(|decided| &decided.by_file),
        monitoring: monitoring.as_deref(),
    };
    let by = decided.as_ref().map(|decided| &decided.by);
    let confirm = confirmed::confirm(runbook, given, (&procedure, &topology), by)?;
    let of_prerequisites = confirm.as_ref().map_or(&[][..], |confirm| &confirm.prerequisites.findings);
    let of_decision = decided.as_ref().map_or(&[][..], |decided| &decided.findings);
    let without_seed = sha256_hex(&serde_json::to_vec(&decides).map_err(|error| bad_input(&error))?);
    let plan = Plan {
        schema: SCHEMA,
        harness: harness.to_owned(),
        seed: selection.seed.to_string(),
        id: seeded(&without_seed, selection.seed),
        scenario: scenario.name.clone(),
        topology: topology.id.clone(),
        host: selection.host.as_str().to_owned(),
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
        expected: Some(expected.clone()),
        canary: scenario.canary,
        static_findings: [procedure.findings.as_slice(), of_decision, of_prerequisites].concat(),
        supervisor_alive: topology.supervisor.alive.clone(),
        port: topology.node.port,
        requirements: procedure.requirements.iter().map(|item| (item.id.clone(), item.line)).collect(),
        fetches_first,
        alerts,
    };
    let (rerun, decision) = (rerun(selection, given, &plan), decided.map(|decided| decided.by));
    Ok(Prepared { rerun, without_seed, plan, procedure, topology, good, bad, outside, decision, confirm, monitoring })
}

/// Whether a topology can be made to suffer a fault from outside.
fn can_have(topology: &Topology, id: &str, effect: &Effect) -> Result<(), String> {
    let wanted = match effect {
        // The traffic comes from outside the machine.
        Effect::TrappingTenants { .. } => return Ok(()),
        Effect::Tag { .. } if topology.images.is_none() => "it has no registry",
        _ if effect.arranged_under(id).is_some_and(|entry| !topology.arranged.contains_key(entry)) => {
            "its file has no `arranged` entry for it"
        }
        _ => return Ok(()),
    };
    Err(format!("topology `{}` cannot have fault `{id}`: {wanted}", topology.id))
}

/// Whether the bad release can run, as it has to when a drill begins, with what a fault leaves on its machine.
fn can_begin(bad: &Release, id: &str, effect: &Effect) -> Result<(), String> {
    let Effect::PlantSnapshot { format } = effect else { return Ok(()) };
    plain_absolute(&bad.state.directory).map_err(|why| format!("state directory of release {}: {why}", bad.version))?;
    let reads = &bad.snapshot.reads;
    if bad.state.on_unreadable == OnUnreadable::Ignore || reads.contains(format) {
        return Ok(());
    }
    let reads = reads.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    let version = &bad.version;
    Err(format!(
        "fault `{id}`: the bad release {version} could not run either: format is {format}, and it reads {reads}"
    ))
}

/// Paths below the workspace are given relative to it: the same drill has the same History wherever it is checked out.
pub fn source(source: &crate::runbook::Source, workspace: &Path) -> Source {
    let path = Path::new(&source.path);
    let shown = path.strip_prefix(workspace).unwrap_or(path).display().to_string();
    Source { path: shown, sha256: source.sha256.clone() }
}

fn rerun(selection: &Selection, given: &Given, plan: &Plan) -> String {
    let rerun = Rerun {
        scenario: given.named.clone(),
        runbook: selection.runbook.clone(),
        binding: selection.binding.clone(),
        ..Rerun::of_plan(plan)
    };
    rerun.line()
}

#[cfg(test)]
mod tests;
