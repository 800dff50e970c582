//! Reading scenario files, and refusing what could not be drilled or expected.

use std::collections::BTreeSet;
use std::io::Read;
use std::ops::RangeInclusive;
use std::path::Path;

use super::{Lately, Prerequisites, Scenario, Window};
use crate::verdict::Verdict;

/// A scenario file larger than this is refused.
pub const SCENARIO_BYTES_MAX: usize = 256 << 10;
/// More declared faults than this are refused.
pub const FAULTS_MAX: usize = 16;

/// The topologies that design.md names.
pub const TOPOLOGIES: [&str; 3] = ["systemd", "docker", "compose"];
/// The runbook's verification points, in registry order.
pub const CRITERIA: [&str; 5] = ["version", "health", "metrics", "alert", "slo"];

/// Criteria that have to have alerts.
const OF_ALERTS: [&str; 2] = ["alert", "slo"];
/// Real time, to windows of 5 minutes that last 2.5 s: ten scrapes.
const SCALES: RangeInclusive<u64> = 1..=120;
/// A minute to the longest window of the rules, 3 days (node-contract.md section 8).
const INCIDENT_MINUTES: RangeInclusive<u64> = 1..=4_320;

/// What a scenario may name. Faults, their parameters and bounds are `fault`'s to check.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Topology ids.
    pub topologies: &'a [&'a str],
    /// Criterion ids, in registry order.
    pub criteria: &'a [&'a str],
    /// Invariant ids, in registry order.
    pub invariants: &'a [&'a str],
}

/// A scenario that is refused. Exit status 64.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// Not a readable file.
    #[error("{file}: cannot be read: {reason}; looked for a scenario file; see `scenarios list`")]
    Unreadable {
        /// As given.
        file: String,
        /// The system's words.
        reason: String,
    },
    /// Not TOML, or not a scenario's.
    #[error("{file}:{line}: {what}; looked for a scenario of schema 1; compare scenarios/cases/baseline.toml")]
    Malformed {
        /// As given.
        file: String,
        /// 1-based.
        line: u32,
        /// The parser's words.
        what: String,
    },
    /// A value that cannot be.
    #[error("{file}: {key}: {what}; looked for {looked_for}")]
    Invalid {
        /// As given.
        file: String,
        /// Path of the key, such as `expect.systemd.paste.failing`.
        key: String,
        /// What is there.
        what: String,
        /// What may be.
        looked_for: String,
    },
}

/// Reads a scenario file; its name has to be the file's without `.toml`.
pub fn load(path: &Path, known: &Known<'_>) -> Result<Scenario, ScenarioError> {
    let file = path.display().to_string();
    let mut bytes = Vec::new();
    let most = SCENARIO_BYTES_MAX as u64 + 1;
    std::fs::File::open(path)
        .and_then(|opened| opened.take(most).read_to_end(&mut bytes))
        .map_err(|error| ScenarioError::Unreadable { file: file.clone(), reason: error.to_string() })?;
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    parse(&file, stem.as_deref(), &bytes, known)
}

/// Reads a scenario from text; `stem` is the name that it has to have, if it comes from a file.
pub fn parse(file: &str, stem: Option<&str>, bytes: &[u8], known: &Known<'_>) -> Result<Scenario, ScenarioError> {
    let line_at = |offset: usize| {
        let before = bytes.get(..offset.min(bytes.len())).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count() as u32 + 1
    };
    let malformed = |line, what: String| ScenarioError::Malformed { file: file.to_owned(), line, what };
    if bytes.len() > SCENARIO_BYTES_MAX {
        return Err(malformed(1, format!("more than {SCENARIO_BYTES_MAX} bytes")));
    }
    let text =
        std::str::from_utf8(bytes).map_err(|error| malformed(line_at(error.valid_up_to()), "not UTF-8".to_owned()))?;
    let scenario: Scenario = toml::from_str(text).map_err(|error| {
        malformed(line_at(error.span().map_or(0, |span| span.start)), error.message().replace('\n', " "))
    })?;
    match check(&scenario, stem, known) {
        Ok(()) => Ok(scenario),
        Err(Wrong { key, what, looked_for }) => {
            Err(ScenarioError::Invalid { file: file.to_owned(), key, what, looked_for })
        }
    }
}

struct Wrong {
    key: String,
    what: String,
    looked_for: String,
}

fn wrong(key: impl Into<String>, what: impl Into<String>, looked_for: impl Into<String>) -> Result<(), Wrong> {
    Err(Wrong { key: key.into(), what: what.into(), looked_for: looked_for.into() })
}

fn check(scenario: &Scenario, stem: Option<&str>, known: &Known<'_>) -> Result<(), Wrong> {
    if scenario.schema != 1 {
        return wrong("schema", scenario.schema.to_string(), "1");
    }
    if !is_kebab(&scenario.name) {
        return wrong("name", format!("{:?}", scenario.name), "lower-case words with hyphens, at most 64 characters");
    }
    if let Some(stem) = stem.filter(|stem| *stem != scenario.name) {
        return wrong("name", format!("{:?}", scenario.name), format!("{stem:?}, as the file is called"));
    }
    if scenario.about.trim().is_empty() || scenario.about.len() > 2_000 {
        return wrong("about", format!("{} bytes", scenario.about.len()), "one or two sentences");
    }
    if !is_kebab(&scenario.trigger) {
        return wrong(
            "trigger",
            format!("{:?}", scenario.trigger),
            "the id of an alert, such as \"availability-fast-burn\"",
        );
    }
    if let Some(seen) = scenario.seen.as_ref().filter(|seen| !is_kebab(seen)) {
        return wrong("seen", format!("{seen:?}"), "the name of a file below scenarios/decide/, without `.toml`");
    }
    if scenario.window == Window::Refused && scenario.prerequisites == Prerequisites::Assumed {
        return wrong(
            "window",
            "\"refused\" where prerequisites are assumed",
            "prerequisites = \"confirmed\": else nobody asks",
        );
    }
    if scenario.good >= scenario.bad {
        let what = format!("{} is not older than bad = {}", scenario.good, scenario.bad);
        return wrong("good", what, "an older release: a rollback goes back");
    }
    if scenario.criteria.is_empty() {
        return wrong("criteria", "none", "at least one: a verdict rests on them");
    }
    ordered("criteria", &scenario.criteria, known.criteria)?;
    check_alerts(scenario)?;
    if scenario.faults.len() > FAULTS_MAX {
        return wrong("faults", scenario.faults.len().to_string(), format!("at most {FAULTS_MAX}"));
    }
    if scenario.expect.values().all(|operators| operators.is_empty()) {
        return wrong("expect", "nothing", "what is expected of one operator on one topology");
    }
    check_expectations(scenario, known)
}

/// Alerts that can be, where there are any; where there are none, nothing is asked of them.
fn check_alerts(scenario: &Scenario) -> Result<(), Wrong> {
    let Some(alerts) = &scenario.alerts else {
        let asked = scenario.criteria.iter().find(|id| OF_ALERTS.contains(&id.as_str()));
        return match asked {
            Some(id) => wrong("criteria", format!("{id:?} without [alerts]"), "[alerts], or another criterion"),
            None => Ok(()),
        };
    };
    if !SCALES.contains(&alerts.scale) {
        let (least, most) = (SCALES.start(), SCALES.end());
        return wrong("alerts.scale", alerts.scale.to_string(), format!("{least} to {most}"));
    }
    if !INCIDENT_MINUTES.contains(&alerts.incident_minutes) {
        let (least, most) = (INCIDENT_MINUTES.start(), INCIDENT_MINUTES.end());
        return wrong("alerts.incident_minutes", alerts.incident_minutes.to_string(), format!("{least} to {most}"));
    }
    if let Some(Lately { minutes, .. }) =
        alerts.lately.filter(|lately| !(1..alerts.incident_minutes).contains(&lately.minutes))
    {
        let most = alerts.incident_minutes.saturating_sub(1);
        return wrong(
            "alerts.lately.minutes",
            minutes.to_string(),
            format!("1 to {most}, fewer than incident_minutes"),
        );
    }
    let lately = alerts.lately.map_or(0, |lately| lately.errors_percent);
    for (key, percent) in [
        ("errors_percent", alerts.errors_percent),
        ("slow_percent", alerts.slow_percent),
        ("lately.errors_percent", lately),
    ] {
        if percent > 100 {
            return wrong(format!("alerts.{key}"), percent.to_string(), "0 to 100");
        }
    }
    Ok(())
}

fn check_expectations(scenario: &Scenario, known: &Known<'_>) -> Result<(), Wrong> {
    let judged: Vec<&str> =
        known.criteria.iter().copied().filter(|id| scenario.criteria.iter().any(|c| c == id)).collect();
    for (topology, operators) in &scenario.expect {
        if !known.topologies.contains(&topology.as_str()) {
            return wrong(format!("expect.{topology}"), "no such topology", known.topologies.join(", "));
        }
        for (operator, expected) in operators {
            let key = format!("expect.{topology}.{}", operator.as_str());
            ordered(&format!("{key}.failing"), &expected.failing, &judged)?;
            ordered(&format!("{key}.broken"), &expected.broken, known.invariants)?;
            match expected.verdict {
                Verdict::Inconclusive if !scenario.canary => {
                    return wrong(format!("{key}.verdict"), "inconclusive", "another verdict, or `canary = true`");
                }
                Verdict::Recovered if !expected.failing.is_empty() => {
                    let looked_for = "none: a node with a failing criterion has not recovered";
                    return wrong(format!("{key}.failing"), expected.failing.join(", "), looked_for);
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Known ids, each at most once, in the order of the registry.
fn ordered(key: &str, ids: &[String], known: &[&str]) -> Result<(), Wrong> {
    let mut seen = BTreeSet::new();
    let mut last = 0;
    for id in ids {
        let Some(at) = known.iter().position(|known| known == id) else {
            return wrong(key, format!("{id:?}"), known.join(", "));
        };
        if !seen.insert(at) || at < last {
            return wrong(key, format!("{id:?} twice or out of order"), format!("the order {}", known.join(", ")));
        }
        last = at;
    }
    Ok(())
}

fn is_kebab(name: &str) -> bool {
    let word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    name.len() <= 64 && name.split('-').all(word)
}

#[cfg(test)]
mod tests {
    use super::super::Moment;
    use super::*;

    const KNOWN: Known<'_> = Known {
        topologies: &TOPOLOGIES,
        criteria: &CRITERIA,
        invariants: &["never-forward", "page-once", "not-declared-early"],
    };

    const GOOD: &str = r#"schema = 1
name = "x-1"
about = "A case."
bad = "0.4.0"
good = "0.3.8"
trigger = "availability-fast-burn"
criteria = ["version", "health"]

[[faults]]
id = "errors"
release = "bad"
params = { share_percent = 40 }

[expect.systemd.careful]
verdict = "unverified"
failing = ["health"]
broken = ["page-once"]

[expect.systemd.paste]
verdict = "recovered"
"#;

    #[test]
    fn a_scenario_is_read() {
        let scenario = parse("x-1.toml", Some("x-1"), GOOD.as_bytes(), &KNOWN).unwrap();
        assert_eq!(scenario.faults[0].params["share_percent"], 40);
        assert_eq!(scenario.expect["systemd"].len(), 2);
        assert!(parse("-", None, GOOD.as_bytes(), &KNOWN).is_ok());
        assert_eq!(scenario.faults[0].at, None);
        for (at, words) in [
            ("before = \"undrain\"", "before the first undrain"),
            ("during = \"stop\"", "during the first stop"),
            ("after = \"verify\"", "after the last verify"),
        ] {
            let later = GOOD.replace("id = \"errors\"", &format!("id = \"errors\"\nat = {{ {at} }}"));
            let later = parse("-", None, later.as_bytes(), &KNOWN).unwrap();
            assert_eq!(later.faults[0].at.map(Moment::words).as_deref(), Some(words));
            let written = toml::to_string(&later).unwrap();
            assert_eq!(parse("-", None, written.as_bytes(), &KNOWN).unwrap(), later, "{written}");
        }
        assert_eq!((scenario.prerequisites, scenario.window), (Prerequisites::Confirmed, Window::Agreed));
        let refused = GOOD.replace("criteria =", "window = \"refused\"\ncriteria =");
        assert_eq!(parse("-", None, refused.as_bytes(), &KNOWN).unwrap().window, Window::Refused);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        // (text to replace, by, error)
        #[rustfmt::skip]
        let cases = [
            ("schema = 1", "schema = 2", "f.toml: schema: 2; looked for 1"),
            ("\"x-1\"", "\"x-2\"", "f.toml: name: \"x-2\"; looked for \"x-1\", as the file is called"),
            ("\"x-1\"", "\"X\"", "f.toml: name: \"X\"; looked for lower-case words"),
            ("about = \"A case.\"\n", "", "f.toml:1: missing field `about`"),
            ("\"0.4.0\"", "\"0.4\"", "f.toml:4: "),
            ("\"0.4.0\"", "\"0.4.0; rm -rf /\"", "f.toml:4: "),
            ("\"0.4.0\"", "\"0.3.8\"", "f.toml: good: 0.3.8 is not older than bad = 0.3.8"),
            ("trigger = \"", "trigger = \"$(x)", "f.toml: trigger: "),
            ("criteria = [", "seen = \"../x\"\ncriteria = [", "f.toml: seen: \"../x\"; looked for the name of a file below"),
            ("criteria = [", "prerequisites = \"assumed\"\nwindow = \"refused\"\ncriteria = [", "f.toml: window: \"refused\" where prereq"),
            ("criteria = [", "prerequisites = \"asked\"\ncriteria = [", "f.toml:7: unknown variant `asked`, expected `confirmed` or"),
            ("criteria = [", "window = true\ncriteria = [", "f.toml:7: "),
            ("[\"version\", \"health\"]", "[]", "f.toml: criteria: none"),
            ("[\"version\", \"health\"]", "[\"version\", \"slo\"]", "f.toml: criteria: \"slo\" without [alerts]; looked for [alerts]"),
            ("[[faults]]", "[alerts]\nincident_minutes = 0\n[[faults]]", "f.toml: alerts.incident_minutes: 0; looked for 1 to 4320"),
            ("[[faults]]", "[alerts]\n[[faults]]", "f.toml:9: missing field `incident_minutes`"),
            ("[[faults]]", "[alerts]\nincident_minutes = 20\nscale = 0\n[[faults]]", "f.toml: alerts.scale: 0; looked for 1 to 120"),
            ("[[faults]]", "[alerts]\nincident_minutes = 20\nslow_percent = 101\n[[faults]]", "f.toml: alerts.slow_percent: 101"),
            ("[[faults]]", "[alerts]\nincident_minutes = 20\nlately = { minutes = 20, errors_percent = 1 }\n[[faults]]", "f.toml: alerts.lately.minutes: 20; looked for 1 to 19"),
            ("[[faults]]", "[alerts]\nincident_minutes = 20\nlately = { minutes = 5, errors_percent = 101 }\n[[faults]]", "f.toml: alerts.lately.errors_percent: 101"),
            ("[\"version\", \"health\"]", "[\"health\", \"version\"]", "f.toml: criteria: \"version\" twice or out of order"),
            ("[\"version\", \"health\"]", "[\"health\", \"health\"]", "f.toml: criteria: \"health\" twice or out of order"),
            ("[\"version\", \"health\"]", "[\"speed\"]", "f.toml: criteria: \"speed\"; looked for version, health"),
            ("expect.systemd.paste", "expect.podman.paste", "f.toml: expect.podman: no such topology; looked for systemd"),
            ("expect.systemd.paste", "expect.systemd.hasty", "f.toml:19: "),
            ("[\"health\"]", "[\"metrics\"]", "f.toml: expect.systemd.careful.failing: \"metrics\"; looked for version, health"),
            ("\"page-once\"", "\"page-twice\"", "f.toml: expect.systemd.careful.broken: \"page-twice\"; looked for never-"),
            ("\"unverified\"", "\"inconclusive\"", "f.toml: expect.systemd.careful.verdict: inconclusive; looked for another"),
            ("\"unverified\"", "\"recovered\"", "f.toml: expect.systemd.careful.failing: health; looked for none"),
            ("\"unverified\"", "\"fine\"", "f.toml:15: "),
            ("id = \"errors\"", "id = \"errors\"\nspeed = 1", "f.toml:11: "),
            ("id = \"errors\"", "id = \"errors\"\nat = { before = \"stops\" }", "f.toml:11: unknown variant `stops`, expected one of"),
            ("id = \"errors\"", "id = \"errors\"\nat = { behind = \"stop\" }", "f.toml:11: unknown variant `behind`, expected one of `before`"),
            ("id = \"errors\"", "id = \"errors\"\nat = \"noon\"", "f.toml:11: "),
        ];
        for (from, to, wanted) in cases {
            assert!(GOOD.contains(from), "{from}");
            let text = GOOD.replacen(from, to, 1);
            let error = parse("f.toml", Some("x-1"), text.as_bytes(), &KNOWN).unwrap_err().to_string();
            assert!(error.starts_with(wanted), "{from} -> {to}: {error}");
        }
        let canary =
            GOOD.replace("criteria =", "canary = true\ncriteria =").replace("\"unverified\"", "\"inconclusive\"");
        assert!(parse("x-1.toml", None, canary.as_bytes(), &KNOWN).is_ok());
        let many = format!("{GOOD}{}", "[[faults]]\nid = \"x\"\n".repeat(FAULTS_MAX));
        assert!(parse("f", None, many.as_bytes(), &KNOWN).unwrap_err().to_string().contains("at most 16"));
        for bytes in [vec![b' '; SCENARIO_BYTES_MAX + 1], b"a\n\xff".to_vec()] {
            assert!(matches!(parse("f", None, &bytes, &KNOWN), Err(ScenarioError::Malformed { .. })));
        }
        let missing = load(Path::new("/nonexistent/x.toml"), &KNOWN).unwrap_err().to_string();
        assert!(missing.starts_with("/nonexistent/x.toml: cannot be read"), "{missing}");
    }

    /// Who pastes never comes to the page that the last one's fault is about; of the others only one operator shows what they are for.
    const ONE_OPERATOR: [&str; 4] =
        ["metrics-dead-and-pasted", "metrics-die-unseen", "metrics-die-unseen-later", "page-refused-given-up"];

    #[test]
    fn the_shipped_cases_are_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/cases");
        let invariants: Vec<&str> = crate::invariants::REGISTRY.iter().map(|one| one.id()).collect();
        let known = Known { invariants: &invariants, ..KNOWN };
        let mut files = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let scenario = load(&path, &known).unwrap_or_else(|error| panic!("{error}"));
            let operators = if ONE_OPERATOR.contains(&scenario.name.as_str()) { 1 } else { 2 };
            assert!(scenario.expect.values().all(|of| of.len() == operators), "{}", path.display());
            files += 1;
        }
        assert!(files > 0, "the scenario files have gone");
    }
}
