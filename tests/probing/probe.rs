//! Probe files, `scenarios/probes/NAME.toml`, and the list of known gaps beside them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde::Deserialize;

/// A probe's file; the longest has some forty lines.
const FILE_BYTES_MAX: u64 = 64 << 10;
/// Probes in the folder.
const PROBES_MAX: usize = 1000;
/// Steps of one probe.
const STEPS_MAX: usize = 40;
/// Where a step says nothing else: the longest is a stop, which may take 10 s in docker.
const WITHIN_S: u64 = 30;
/// A stop may wait for systemd's 90 s.
const WITHIN_S_MAX: u64 = 120;
/// Beside the probes; not one of them.
const GAPS: &str = "gaps.toml";
/// Where probes can be run.
const TOPOLOGIES: [&str; 3] = ["systemd", "docker", "compose"];

/// How much of a command's output has to be the same on both hosts, after redaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Output {
    /// All of it.
    #[default]
    Same,
    /// Its first line: what follows is a hint or a usage.
    FirstLine,
    /// Nothing: docker, compose and systemctl chatter in words of their own.
    OwnWords,
}

/// What is done in one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// A command in the operator's shell.
    Run(String),
    /// A command as root, outside it.
    AsRoot(String),
    /// Until this command of root's comes to 0; on both hosts it has to.
    WaitUntil(String),
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What.
    pub act: Act,
    /// How much of its output is compared.
    pub output: Output,
    /// Its ceiling, seconds. A command that reaches it is killed with the shell, and so it has to be on both hosts.
    pub within_s: u64,
}

/// A probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Its file's name without `.toml`.
    pub name: String,
    /// What it shows, and why an operator meets it.
    pub title: String,
    /// On which machine.
    pub topology: String,
    /// Whether it leaves the machine otherwise than it found it, so that it needs one of its own.
    pub alone: bool,
    /// In order.
    pub steps: Vec<Step>,
    /// Paths whose kind, mode, owner and target are compared afterwards.
    pub paths: Vec<String>,
    /// Files whose contents are compared as well.
    pub contents: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProbeFile {
    title: String,
    topology: String,
    #[serde(default)]
    alone: bool,
    step: Vec<StepFile>,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    contents: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepFile {
    run: Option<String>,
    as_root: Option<String>,
    wait_until: Option<String>,
    output: Option<Output>,
    within_s: Option<u64>,
}

/// What the simulator does otherwise, and is known to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// Kebab-case.
    pub id: String,
    /// The probe that shows it.
    pub probe: String,
    /// The cells that differ, such as `step 2 output` or `state supervisor`.
    pub cells: Vec<String>,
    /// What differs.
    pub differs: String,
    /// Why it stays.
    pub reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GapsFile {
    #[serde(default)]
    gap: Vec<Gap>,
}

/// A probe's file is not one, with what and where.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {what}")]
pub struct BadProbe {
    /// Its path.
    pub file: String,
    /// What is wrong, and what to write.
    pub what: String,
}

/// All probes of a folder, by name, and the known gaps.
///
/// # Errors
/// The first file that is no probe, or no list of gaps.
pub fn load_all(folder: &Path) -> Result<(Vec<Probe>, Vec<Gap>), BadProbe> {
    let bad = |what: String| BadProbe { file: folder.display().to_string(), what };
    let entries = fs::read_dir(folder).map_err(|error| bad(error.to_string()))?;
    let mut paths = Vec::new();
    for entry in entries.take(PROBES_MAX + 1) {
        paths.push(entry.map_err(|error| bad(error.to_string()))?.path());
    }
    if paths.len() > PROBES_MAX {
        return Err(bad(format!("more than {PROBES_MAX} files")));
    }
    paths.sort();
    let mut probes = Vec::new();
    let mut known = Vec::new();
    for path in paths {
        let file = path.display().to_string();
        let text = read(&path).map_err(|what| BadProbe { file: file.clone(), what })?;
        if path.file_name().is_some_and(|name| name == GAPS) {
            known = gaps(&text).map_err(|what| BadProbe { file, what })?;
            continue;
        }
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        if path.extension().is_none_or(|extension| extension != "toml") || !is_kebab(&name) {
            let what = "a probe's file is named NAME.toml, NAME in lower-case letters, digits and hyphens".to_owned();
            return Err(BadProbe { file, what });
        }
        probes.push(parse(&name, &text).map_err(|what| BadProbe { file, what })?);
    }
    let stray = known.iter().find(|gap| !probes.iter().any(|probe| probe.name == gap.probe));
    match stray {
        Some(gap) => Err(bad(format!("{GAPS}: gap `{}` names the probe `{}`, which there is not", gap.id, gap.probe))),
        None => Ok((probes, known)),
    }
}

fn read(path: &Path) -> Result<String, String> {
    let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > FILE_BYTES_MAX {
        return Err(format!("{size} bytes; a probe has {FILE_BYTES_MAX} at the most"));
    }
    fs::read_to_string(path).map_err(|error| error.to_string())
}

/// A probe's text.
///
/// # Errors
/// What is wrong with it, in words that say what to write.
pub fn parse(name: &str, text: &str) -> Result<Probe, String> {
    let file: ProbeFile = toml::from_str(text).map_err(|error| error.to_string())?;
    if file.title.trim().is_empty() {
        return Err("`title` is empty; it says what the probe shows, and why an operator meets it".into());
    }
    if !TOPOLOGIES.contains(&file.topology.as_str()) {
        return Err(format!("no topology `{}`; there are {}", file.topology, TOPOLOGIES.join(", ")));
    }
    if !(1..=STEPS_MAX).contains(&file.step.len()) {
        return Err(format!("{} steps; a probe has 1 to {STEPS_MAX}", file.step.len()));
    }
    let steps: Result<Vec<Step>, String> = file
        .step
        .into_iter()
        .enumerate()
        .map(|(at, given)| step(given).map_err(|what| format!("step {}: {what}", at + 1)))
        .collect();
    let steps = steps?;
    if steps.iter().all(|step| matches!(step.act, Act::WaitUntil(_))) {
        return Err("no step does anything; waiting alone compares nothing".into());
    }
    for path in file.paths.iter().chain(&file.contents) {
        let plain = path.starts_with('/') && !path.contains(['\'', '\n']);
        if !plain {
            return Err(format!("`{path}` is no absolute path without quotes"));
        }
    }
    Ok(Probe {
        name: name.to_owned(),
        title: file.title,
        topology: file.topology,
        alone: file.alone,
        steps,
        paths: file.paths,
        contents: file.contents,
    })
}

fn step(given: StepFile) -> Result<Step, String> {
    let act = match (given.run, given.as_root, given.wait_until) {
        (Some(text), None, None) => Act::Run(text),
        (None, Some(text), None) => Act::AsRoot(text),
        (None, None, Some(text)) => Act::WaitUntil(text),
        _ => return Err("exactly one of `run`, `as_root` and `wait_until` is needed".into()),
    };
    let (Act::Run(text) | Act::AsRoot(text) | Act::WaitUntil(text)) = &act;
    if text.trim().is_empty() || text.contains('\0') {
        return Err("its command is empty, or holds a NUL".into());
    }
    if given.output.is_some() && matches!(act, Act::WaitUntil(_)) {
        return Err("`output` is for `run` and `as_root`; what waiting prints is not compared".into());
    }
    let within_s = given.within_s.unwrap_or(WITHIN_S);
    if !(1..=WITHIN_S_MAX).contains(&within_s) {
        return Err(format!("`within_s` is {within_s}; 1 to {WITHIN_S_MAX} seconds are possible"));
    }
    Ok(Step { act, output: given.output.unwrap_or_default(), within_s })
}

/// The text of the known gaps.
///
/// # Errors
/// What is wrong with it.
pub fn gaps(text: &str) -> Result<Vec<Gap>, String> {
    let file: GapsFile = toml::from_str(text).map_err(|error| error.to_string())?;
    let mut ids = BTreeSet::new();
    for gap in &file.gap {
        if !is_kebab(&gap.id) || !ids.insert(&gap.id) {
            return Err(format!(
                "gap `{}`: an id is in lower-case letters, digits and hyphens, and has one gap",
                gap.id
            ));
        }
        if gap.cells.is_empty() || gap.differs.trim().is_empty() || gap.reason.trim().is_empty() {
            return Err(format!("gap `{}`: its cells, what differs and the reason are needed", gap.id));
        }
    }
    Ok(file.gap)
}

fn is_kebab(name: &str) -> bool {
    !name.is_empty()
        && name
            .split('-')
            .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()))
}
